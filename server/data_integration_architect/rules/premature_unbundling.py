"""A derived store serves readers whom the system of record could serve at the stated load.

Needs to know what each reader of the derived store asks for, and a low load. A short latency, several teams, a large
volume or an access pattern that the system of record lacks is a reason for the store. Cannot see reasons that nobody
wrote down, such as relevance ranking or a contract.
"""

from __future__ import annotations

from collections.abc import Iterator

from data_integration_architect.analysis.facts import Facts
from data_integration_architect.analysis.match import Match
from data_integration_architect.analysis.severity import Consequence, Target
from data_integration_architect.analysis.system import System
from data_integration_architect.analysis.view import View
from data_integration_architect.topology import Reader, Store
from data_integration_architect.topology.values import per_second, seconds

Site = tuple[str, str, tuple[int, ...]]

# Far below what one server of a general database sustains; above it, load may be the reason for the second store.
LOW_LOAD_PER_SECOND = 100
# An indexed query of a database on disk takes longer than this often enough to justify a store in memory.
SHORT_LATENCY_SECONDS = 0.02
LARGE_UNITS = ("T", "P")
FEW_OPERATORS = 5


def sites(view: View) -> Iterator[Site]:
    """(system of record, derived store, indices of its readers) where the derived store has readers only."""
    system = view.system
    if view.topology.context.ownership == "several-teams":
        return
    found: dict[str, set[str]] = {}
    for owner in view.owners.values():
        if owner.store is not None and system.store(owner.store) is not None:
            for derived in owner.derived:
                found.setdefault(derived, set()).add(owner.store)
    for derived, records in sorted(found.items()):
        readers = system.readers_of(derived)
        if len(records) != 1 or not readers or not _is_ours(system, derived) or _is_cache(system, derived):
            continue
        record = next(iter(records))
        if (
            _is_ours(system, record)
            and system.database(record) != system.database(derived)
            and system.technology(record)
        ):
            yield record, derived, readers


def _is_ours(system: System, name: str) -> bool:
    store = system.store(name)
    return store is not None and not store.external and store.status == "existing"


def _is_cache(system: System, name: str) -> bool:
    """A cache is there for latency and read load, which a topology seldom states."""
    return system.is_cache(name) or system.kind(name) in {"cache", "key-value"}


def judge(view: View, site: Site, facts: Facts) -> Match | None:
    record, derived, indices = site
    system = view.system
    store = view.topology.stores[record]
    readers = [view.topology.readers[index] for index in indices]
    if any(_is_fast(reader) for reader in readers) or _is_large(view, derived):
        return None
    serves = _serves(system, record, store)
    if any(reader.access is not None and reader.access not in serves for reader in readers):
        return None
    said = view.topology.context.rate
    unsaid = [index for index in indices if view.topology.readers[index].access is None]
    if len(unsaid) > 1 or (said is None and (unsaid or not _seems_small(view, derived))):
        return None
    for index in unsaid:
        missing = next((access for access in ("facets", "vector", "graph") if access not in serves), "facets")
        ask = f"How is {derived} searched?"
        if facts.ask(("readers", index, "access"), None, (serves[0], missing), ask) not in serves:
            return None
    rate = facts.ask(("context", "rate"), said, ("10/s", "10000/s"), "How many requests come in all?")
    if (per_second(rate) or 0) > LOW_LOAD_PER_SECOND:
        return None
    wanted = ", ".join(sorted({reader.access for reader in readers if reader.access})) or "this"
    return Match(
        elements=(record, derived),
        at=("stores", derived),
        summary=(
            f"{derived} is kept in step with {record} only for {wanted} access, which {record} offers itself at the "
            f"stated load: the second store and its pipeline bring staleness and work without need"
        ),
        consequence=Consequence("timeliness", minor=True),
        targets=(Target(derived),),
        shows=frozenset({"stale", "missing"}),
    )


def _is_fast(reader: Reader) -> bool:
    latency = seconds(reader.latency)
    return latency is not None and latency < SHORT_LATENCY_SECONDS


def _is_large(view: View, derived: str) -> bool:
    held = {e.entity for e in view.system.touching(derived)}
    sizes = [entity.size for name, entity in view.topology.entities.items() if name in held and entity.size]
    return any(size.rstrip("iB").endswith(LARGE_UNITS) for size in sizes)


def _serves(system: System, record: str, store: Store) -> tuple[str, ...]:
    """Access patterns of the system of record: those of its product, as corrected by the team."""
    head = system.technology(record)
    stated = {name.replace("_", "-"): can for name, can in store.capabilities.items()}
    built_in = [access for access in (head.serves if head else ()) if stated.get(access, True)]
    return tuple(dict.fromkeys((*built_in, *(access for access, can in stated.items() if can))))


def _seems_small(view: View, derived: str) -> bool:
    """Whether a small team or a low rate of changes is said, so that the load is worth asking for."""
    context = view.topology.context
    held = {e.entity for e in view.system.touching(derived) if e.entity}
    changes = [per_second(entity.rate) for name, entity in view.topology.entities.items() if name in held]
    known = [rate for rate in changes if rate is not None]
    if any(rate > LOW_LOAD_PER_SECOND for rate in known):
        return False
    return bool(known) or (context.operators is not None and context.operators <= FEW_OPERATORS)

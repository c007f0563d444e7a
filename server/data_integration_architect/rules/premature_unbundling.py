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
from data_integration_architect.topology import Reader
from data_integration_architect.topology.values import per_second, seconds

Site = tuple[str, tuple[str, ...]]

# Far below what one server of a general database sustains; above it, load may be the reason for the second store.
LOW_LOAD_PER_SECOND = 100
# An indexed query of a database on disk takes longer than this often enough to justify a store in memory.
SHORT_LATENCY_SECONDS = 0.02
LARGE_UNITS = ("T", "P")
FEW_OPERATORS = 5


def sites(view: View) -> Iterator[Site]:
    """(system of record, derived stores that it could replace): together where every access pattern is said."""
    system = view.system
    if view.topology.context.ownership == "several-teams":
        return
    records: dict[str, set[str]] = {}
    for owner in view.owners.values():
        if owner.store is not None and system.store(owner.store) is not None:
            for derived in owner.derived:
                records.setdefault(derived, set()).add(owner.store)
    together: dict[str, list[str]] = {}
    for derived, sources in sorted(records.items()):
        record = min(sources)
        if len(sources) != 1 or not _could_replace(view, record, derived):
            continue
        unsaid = _unsaid(view, derived)
        if not unsaid:
            together.setdefault(record, []).append(derived)
        elif len(unsaid) == 1 and view.topology.context.rate is not None:
            yield record, (derived,)
    yield from ((record, tuple(stores)) for record, stores in together.items())


def _could_replace(view: View, record: str, derived: str) -> bool:
    """Whether nothing that is said about the derived store or its readers is a reason for it."""
    system = view.system
    readers = [view.topology.readers[index] for index in system.readers_of(derived)]
    if not readers or not _is_ours(system, derived) or not _is_ours(system, record) or _is_cache(system, derived):
        return False
    if system.database(record) == system.database(derived) or system.technology(record) is None:
        return False
    serves = _serves(system, record)
    lacking = any(reader.access is not None and reader.access not in serves for reader in readers)
    return bool(serves) and not lacking and not _is_large(view, derived) and not any(_is_fast(r) for r in readers)


def _unsaid(view: View, derived: str) -> list[int]:
    """Readers of the derived store whose access pattern nobody said."""
    return [index for index in view.system.readers_of(derived) if view.topology.readers[index].access is None]


def _is_ours(system: System, name: str) -> bool:
    store = system.store(name)
    return store is not None and not store.external and store.status == "existing"


def _is_cache(system: System, name: str) -> bool:
    """A cache is there for latency and read load, which a topology seldom states."""
    return system.is_cache(name) or system.kind(name) in {"cache", "key-value"}


def judge(view: View, site: Site, facts: Facts) -> Match | None:
    record, stores = site
    serves = _serves(view.system, record)
    said = view.topology.context.rate
    if said is None and not any(_seems_small(view, derived) for derived in stores):
        return None
    for derived in stores:
        for index in _unsaid(view, derived):
            missing = next((access for access in ("facets", "vector", "graph") if access not in serves), "facets")
            ask = f"How is {derived} searched?"
            if facts.ask(("readers", index, "access"), None, (serves[0], missing), ask) not in serves:
                return None
    rate = facts.ask(("context", "rate"), said, ("10/s", "10000/s"), "How many requests come in all?")
    if (per_second(rate) or 0) > LOW_LOAD_PER_SECOND:
        return None
    readers = [view.topology.readers[index] for derived in stores for index in view.system.readers_of(derived)]
    wanted = ", ".join(sorted({reader.access for reader in readers if reader.access})) or "this"
    return Match(
        elements=(record, *stores),
        at=("stores", stores[0]),
        summary=(
            f"{' and '.join(stores)} {'are' if len(stores) > 1 else 'is'} kept in step with {record} only for {wanted} "
            f"access, which {record} offers itself at the stated load: the pipeline brings staleness and work without "
            f"need"
        ),
        consequence=Consequence("timeliness", minor=True),
        targets=tuple(Target(derived) for derived in stores),
        shows=frozenset({"stale", "missing"}),
    )


def _is_fast(reader: Reader) -> bool:
    latency = seconds(reader.latency)
    return latency is not None and latency < SHORT_LATENCY_SECONDS


def _is_large(view: View, derived: str) -> bool:
    held = {e.entity for e in view.system.touching(derived)}
    sizes = [entity.size for name, entity in view.topology.entities.items() if name in held and entity.size]
    return any(size.rstrip("iB").endswith(LARGE_UNITS) for size in sizes)


def _serves(system: System, record: str) -> tuple[str, ...]:
    """Access patterns of the system of record: those of its product, as corrected by the team."""
    head, store = system.technology(record), system.store(record)
    capabilities = store.capabilities if store else {}
    stated = {name.replace("_", "-"): can for name, can in capabilities.items()}
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

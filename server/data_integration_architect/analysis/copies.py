"""Stores with several writable copies: who writes them, and how concurrent writes come together."""

from __future__ import annotations

from dataclasses import dataclass

from data_integration_architect.analysis.facts import Facts
from data_integration_architect.analysis.lifecycle import is_planned
from data_integration_architect.analysis.system import Effect, System
from data_integration_architect.topology import NONE, Store, Write

# Products whose copies all take writes and keep the write with the later timestamp.
# Source: the products' own manuals on global tables and on the resolution of cells.
LAST_WRITE_WINS = {"cassandra", "dynamodb"}
# Products whose election and acknowledgement rest on a majority, unless a topology says otherwise.
QUORUM_BUILT_IN = {"cockroachdb", "mongodb", "elasticsearch", "opensearch", "dynamodb"}
# Products that order writes to all copies by consensus or certification: several entry points, one leader per key.
ONE_ORDER = {"cockroachdb"}


@dataclass(frozen=True)
class Copied:
    """A store with copies that may all be writable, and the writes to it that can meet."""

    name: str
    store: Store
    writes: tuple[Effect, ...]
    entities: tuple[str, ...]
    """Entities whose records can be changed in two copies at once, sorted."""


def copied_stores(system: System) -> list[Copied]:
    """Stores with several copies, unless one region alone writes them or nothing in them is ever changed."""
    found = []
    for name, store in sorted(system.topology.stores.items()):
        copies = store.copies
        if copies is None or copies.writable == "one" or (copies.regions and len(copies.regions) < 2):
            continue
        head = system.technology(name)
        if store.status == "planned" or (head is not None and head.id in ONE_ORDER):
            continue
        writes = tuple(
            e
            for e in system.touching(name)
            if isinstance(e.step, Write) and not e.on_miss and not is_planned(system, e)
        )
        regions = {e.site.process.region for e in writes}
        if writes and len(regions) == 1 and None not in regions:
            continue
        entities = sorted({e.entity for e in writes if e.entity and _changes(system, e.entity)})
        if entities or not all(e.entity for e in writes) or not writes:
            found.append(Copied(name, store, writes, tuple(entities)))
    return found


def _changes(system: System, entity: str) -> bool:
    element = system.entity(entity)
    return element is None or element.change != "append-only"


def all_writable(system: System, copied: Copied, facts: Facts) -> bool:
    """Whether clients write to every copy."""
    copies = copied.store.copies
    head = system.technology(copied.name)
    said = copies.writable if copies else None
    if said is None and head is not None and head.id in LAST_WRITE_WINS:
        said = "all"
    ask = f"May clients write to every copy of {copied.name}, or to one?"
    return bool(facts.ask(("stores", copied.name, "copies", "writable"), said, ("all", "one"), ask) == "all")


def merge_of(system: System, copied: Copied, facts: Facts) -> str:
    """How two concurrent writes are brought together, by what is said, by the product, or by asking."""
    copies, head = copied.store.copies, system.technology(copied.name)
    said = copies.merge if copies else None
    if said is None and head is not None and head.id in LAST_WRITE_WINS:
        said = "last-write-wins"
    if said in (None, NONE) and copied.store.replication in {"sync", "quorum"}:
        # A write that every or most copies confirm first meets its rival before it is acknowledged.
        return "coordinated"
    if said is None and _is_carried_blindly(system, copied):
        return "last-write-wins"
    ask = f"What happens when two copies of {copied.name} get different writes of one record at the same time?"
    answers = ("last-write-wins", "version-vector", "crdt")
    return str(facts.ask(("stores", copied.name, "copies", "merge"), said, answers, ask))


def _is_carried_blindly(system: System, copied: Copied) -> bool:
    """Whether a handler puts what it reads in one of the copies over the record elsewhere, whatever is there."""
    return any(
        isinstance(write.step, Write)
        and write.step.guard == NONE
        and write.step.mode in {None, "replace"}
        and write.entity in copied.entities
        and not system.same_instance(write.target, copied.name)
        and not is_planned(system, write)
        for read in system.touching(copied.name)
        if read.is_read and not read.on_miss
        for write in read.site.changes
        if read.entity == write.entity and write.position > read.position
    )


def fails_over_unfenced(system: System, name: str, store: Store, facts: Facts) -> bool:
    """Whether a standby is promoted by itself while the old primary may go on taking writes: two writable copies."""
    failover, head = store.failover, system.technology(name)
    path = ("stores", name, "failover")
    if failover is None or failover.quorum or store.replication == "quorum":
        return False
    if failover.fenced is None and failover.quorum is None and head is not None and head.id in QUORUM_BUILT_IN:
        return False
    ask = f"Is a standby of {name} promoted without a person?"
    if not facts.ask((*path, "automatic"), failover.automatic, (True, False), ask):
        return False
    ask = f"Is the old primary of {name} certainly stopped from taking writes when a standby is promoted?"
    return not facts.ask((*path, "fenced"), failover.fenced, (False, True), ask)


def stores_with_failover(system: System) -> list[tuple[str, Store]]:
    """Stores of ours about whose failover something is said, sorted."""
    return [
        (name, store)
        for name, store in sorted(system.topology.stores.items())
        if store.failover is not None and store.status != "planned" and not store.external
    ]

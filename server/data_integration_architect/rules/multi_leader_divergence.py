"""Writable copies whose concurrent writes are not merged: the copies stay different, or one write disappears.

A failover without a fence makes a second writable copy; missing-fencing-on-failover says so more exactly.
Last-write-wins makes the copies equal again by dropping a write that was acknowledged; where that is all that
happens, multi-leader-concurrent-writes is the more specific finding. Misses: how well the clocks agree.
"""

from __future__ import annotations

from collections.abc import Iterator

from data_integration_architect.analysis.copies import (
    Copied,
    all_writable,
    copied_stores,
    fails_over_unfenced,
    merge_of,
    stores_with_failover,
)
from data_integration_architect.analysis.facts import Facts
from data_integration_architect.analysis.match import Match
from data_integration_architect.analysis.propagation import follows_log
from data_integration_architect.analysis.severity import Consequence, Target
from data_integration_architect.analysis.view import View
from data_integration_architect.topology import Store, Write

Site = Copied | tuple[str, Store] | tuple[str, str, str]

LOSES = {
    "none": "nothing brings two concurrent writes together, so the copies stay different",
    "manual": "two concurrent writes stay different until a person merges them",
    "last-write-wins": "of two concurrent writes of one record the earlier stamped one disappears without a trace",
}


def sites(view: View) -> Iterator[Site]:
    """Stores with several copies, those whose failover may leave a second primary, and pairs that follow each other."""
    yield from copied_stores(view.system)
    yield from stores_with_failover(view.system)
    yield from _followed_both_ways(view)


def _followed_both_ways(view: View) -> Iterator[tuple[str, str, str]]:
    """(entity, store, store): two stores of one product that take original writes and replay each other's log."""
    system = view.system
    for subject, owner in view.owners.items():
        record = owner.likeliest
        if owner.status != "conflict" or record is None:
            continue
        for rival in owner.writers:
            head = system.technology(rival)
            if rival == record or head is None or head is not system.technology(record):
                continue
            replays = [
                e
                for e in (*system.touching(rival), *system.touching(record))
                if isinstance(e.step, Write) and not e.site.is_direct and e.subject == subject
            ]
            both = follows_log(system, rival, record, owner.entity) and follows_log(system, record, rival, owner.entity)
            if both and not any(isinstance(e.step, Write) and e.step.guard == "version" for e in replays):
                yield subject, record, rival


def judge(view: View, site: Site, facts: Facts) -> Match | None:
    if not isinstance(site, Copied):
        return _two_way(site) if len(site) == 3 else _two_primaries(view, *site, facts)
    if not all_writable(view.system, site, facts):
        return None
    merge = merge_of(view.system, site, facts)
    if merge not in LOSES:
        return None
    return Match(
        elements=(site.name, *site.entities),
        at=("stores", site.name, "copies"),
        summary=f"{site.name} takes writes in every copy: {LOSES[merge]}",
        consequence=Consequence("integrity", minor=merge == "manual"),
        targets=tuple(Target(site.name, entity) for entity in site.entities) or (Target(site.name),),
        shows=frozenset({"stale", "missing", "reverted", "wrong-total", "duplicate"}),
    )


def _two_primaries(view: View, name: str, store: Store, facts: Facts) -> Match | None:
    if not fails_over_unfenced(view.system, name, store, facts):
        return None
    return Match(
        elements=(name,),
        at=("stores", name, "failover"),
        summary=f"after a failover both primaries of {name} may take writes, and nothing merges what they accept",
        consequence=Consequence("integrity"),
        targets=(Target(name),),
        shows=frozenset({"missing", "reverted", "phantom", "stale", "duplicate", "wrong-total"}),
    )


def _two_way(site: tuple[str, str, str]) -> Match:
    entity, one, other = site
    return Match(
        elements=site,
        at=("stores", other),
        summary=(
            f"{one} and {other} both take writes of {entity} and replay each other's log: two concurrent writes cross "
            f"on the way, and each store ends with the other's value"
        ),
        consequence=Consequence("integrity"),
        targets=(Target(one, entity.split(".", 1)[0]), Target(other, entity.split(".", 1)[0])),
        shows=frozenset({"stale", "reverted", "missing", "duplicate", "wrong-total"}),
    )

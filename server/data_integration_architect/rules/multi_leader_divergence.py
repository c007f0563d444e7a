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
from data_integration_architect.analysis.severity import Consequence, Target
from data_integration_architect.analysis.view import View
from data_integration_architect.topology import Store

Site = Copied | tuple[str, Store]

LOSES = {
    "none": "nothing brings two concurrent writes together, so the copies stay different",
    "manual": "two concurrent writes stay different until a person merges them",
    "last-write-wins": "of two concurrent writes of one record the earlier stamped one disappears without a trace",
}


def sites(view: View) -> Iterator[Site]:
    """Stores with several copies, and stores whose failover may leave a second primary."""
    yield from copied_stores(view.system)
    yield from stores_with_failover(view.system)


def judge(view: View, site: Site, facts: Facts) -> Match | None:
    if not isinstance(site, Copied):
        return _two_primaries(view, *site, facts)
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

"""A reader that missed in the cache stores the old value after a writer has deleted the entry.

Decided for fills without lease or version beside writers that delete or replace the entry. A lease does not help
against a fill from a lagging replica, and neither guard against a deletion before the commit: whoever misses after it
reads the old value, and no entry is left to compare it with. Cannot see how long a fill takes; the window is small
where the log drives the deletion.
"""

from __future__ import annotations

from collections.abc import Iterator

from data_integration_architect.analysis.caches import (
    Fill,
    fills,
    invalidations,
    source_writes,
    stale_entry,
    stands_before_commit,
)
from data_integration_architect.analysis.facts import Facts
from data_integration_architect.analysis.match import Match
from data_integration_architect.analysis.severity import Target
from data_integration_architect.analysis.system import Effect
from data_integration_architect.analysis.view import View
from data_integration_architect.topology import Read, Write


def sites(view: View) -> Iterator[Fill]:
    for fill in fills(view.system):
        if _removals(view, fill) and not _holds_the_row(fill):
            yield fill


def _removals(view: View, fill: Fill) -> list[Effect]:
    """Steps that end an entry: deletions, and writers that put the new value."""
    system = view.system
    puts = [
        e
        for e in system.touching(fill.cache)
        if isinstance(e.step, Write)
        and e.entity == fill.entity
        and not e.on_miss
        and e.site.id != fill.write.site.id
        and any(w.site.id == e.site.id for w in source_writes(system, fill))
    ]
    return [*invalidations(system, fill.cache, fill.entity), *puts]


def _holds_the_row(fill: Fill) -> bool:
    """Whether the row stays locked from the read until the entry is written, so that no writer can come between."""
    read = fill.source.step
    shared = {path for path, _ in fill.source.blocks} & {path for path, _ in fill.write.blocks}
    return isinstance(read, Read) and bool(read.locking) and bool(shared)


def judge(view: View, fill: Fill, facts: Facts) -> Match | None:
    system = view.system
    removals = _removals(view, fill)
    early = _all_before_commit(view, fill, removals)
    source = system.store(fill.source.target)
    lagging = source is not None and source.replica_of is not None and source.replication in (None, "async")
    guard = fill.write.step.guard if isinstance(fill.write.step, Write) else None
    if not early and (guard == "version" or (guard == "lease" and not lagging)):
        return None
    by_log = all(not e.site.is_direct for e in removals)
    subject = fill.entity or "a value"
    if early:
        how = f"the entry is deleted before the commit, and {fill.write.site.id} fills in the old value again"
    elif lagging:
        how = f"{fill.source.target} lags behind, and {fill.write.site.id} fills in the old value after the deletion"
    else:
        how = f"{fill.write.site.id} reads before the commit and stores the old value after the deletion"
    return Match(
        elements=(fill.source.target, fill.cache, fill.write.site.id),
        at=(*fill.write.path, "guard"),
        summary=f"{fill.cache} can keep an old {subject}: {how}",
        consequence=stale_entry(system, facts, fill.cache, fill.entity, minor=by_log and not lagging),
        targets=(Target(fill.cache, fill.entity),),
        shows=frozenset({"stale", "reverted", "phantom"}),
        fixes=("invalidate-after-commit", "cdc-driven-invalidation", "expiry-as-bound") if early else (),
    )


def _all_before_commit(view: View, fill: Fill, removals: list[Effect]) -> bool:
    """Whether some writer deletes the entry only before its value is visible."""
    for write in source_writes(view.system, fill):
        own = [e for e in removals if e.site.id == write.site.id]
        early = [e for e in own if not isinstance(e.step, Write) and stands_before_commit(view.system, e, write)]
        if own and len(early) == len(own):
            # A deletion from the log comes after the commit and makes up for it.
            return all(e.site.is_direct for e in removals)
    return False

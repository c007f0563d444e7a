"""A first copy or backfill writes rows that it read earlier over newer ones that the stream has brought.

Decided for captures whose snapshot may replace what the stream wrote, and for handlers that copy rows now and then (for
a migration, once, on no known schedule) into a store which a stream feeds at the same time. A sink that checks versions
refuses the old row, unless the newer change was a deletion whose version it does not keep. A snapshot that is sent
before the stream begins replaces nothing of it. A copy that is filled apart and swapped in loses what the stream wrote
to the old copy meanwhile, unless the stream waits, writes both, or goes back to where the reading began.
"""

from __future__ import annotations

from collections.abc import Iterator

from data_integration_architect.analysis.capture import is_captured_from_log, trails
from data_integration_architect.analysis.facts import Facts
from data_integration_architect.analysis.guards import lets_old_in, old_wins, refuses_old, told_apart
from data_integration_architect.analysis.match import Match
from data_integration_architect.analysis.order import is_guarded, overwritten
from data_integration_architect.analysis.severity import Target
from data_integration_architect.analysis.system import Effect, HandlerSite
from data_integration_architect.analysis.view import View
from data_integration_architect.topology import NONE, OnChanges, OnSchedule, Read, Write

Site = tuple[HandlerSite, Effect, str]


def sites(view: View) -> Iterator[Site]:
    """(handler that copies, unguarded write, store that is copied)."""
    system = view.system
    streams: set[tuple[str, str | None]] = set()
    for site in system.handlers.values():
        trigger = site.handler.trigger
        if not isinstance(trigger, OnChanges) or not is_captured_from_log(site):
            continue
        for trail in trails(system, site):
            streams.add((trail.end.target, trail.end.entity))
            if _may_overwrite(trigger) and not refuses_old(view, trail.end):
                yield site, trail.end, trigger.changes
    for site in system.handlers.values():
        if not _copies_beside_streams(site):
            continue
        for write in site.changes:
            if (write.target, write.entity) in streams and _takes_old(view, write):
                yield from ((site, write, source) for source in _sources(view, site, write))


def _copies_beside_streams(site: HandlerSite) -> bool:
    """Whether a handler copies rows now and then: for a migration, once, or on no schedule that repairs it."""
    if site.consumed or site.captured:
        return False
    trigger = site.handler.trigger
    if isinstance(trigger, OnSchedule) and trigger.every in ("once", "unknown") and trigger.reads != "since-cursor":
        return True
    return "temporary" in (site.handler.status, site.process.status)


def _may_overwrite(trigger: OnChanges) -> bool:
    """Whether rows of a snapshot beside the stream are said to replace what it brought.

    Marks before and after the reading leave out each row that has changed between them, if the rows wait for both.
    """
    between_marks = trigger.snapshot_order == ("low-mark", "select", "high-mark", "emit")
    return trigger.snapshot_writes == "overwrite" and trigger.snapshot in (None, "interleaved") and not between_marks


def _takes_old(view: View, write: Effect) -> bool:
    step = write.step
    if _is_swapped(write):
        return True
    if not isinstance(step, Write) or step.mode not in (None, "replace", "merge"):
        return False
    return step.guard in (None, NONE) or (is_guarded(write) and not refuses_old(view, write))


def _is_swapped(write: Effect) -> bool:
    return isinstance(write.step, Write) and write.step.mode == "rebuild-and-swap"


def _sources(view: View, site: HandlerSite, write: Effect) -> list[str]:
    return [
        r.target
        for r in site.reads
        if isinstance(r.step, Read)
        and r.entity == write.entity
        and r.position < write.position
        and not view.system.same_instance(r.target, write.target)
    ][:1]


def judge(view: View, site: Site, facts: Facts) -> Match | None:
    handler, write, source = site
    trigger = handler.handler.trigger
    at = write.path
    if isinstance(trigger, OnChanges):
        at = (*handler.path, "trigger", "snapshot_writes")
        ask = f"Does the stream of {handler.id} run while its snapshot is sent?"
        said = trigger.snapshot
        if facts.ask((*handler.path, "trigger", "snapshot"), said, ("interleaved", "before"), ask) == "before":
            return None
    elif isinstance(trigger, OnSchedule) and trigger.reads is None and not _is_swapped(write):
        ask = f"Does {handler.id} read every row, or what is newer than a cursor?"
        if facts.ask((*handler.path, "trigger", "reads"), None, ("all", "since-cursor"), ask) == "since-cursor":
            return None
    live = _live_writes(handler, write, facts)
    if live == "paused":
        return None
    if live != "old-copy" and is_guarded(write) and not lets_old_in(view, write, facts):
        return None
    brings = f"copies rows of {write.entity or 'the table'} that it read from {source} earlier"
    harm = f"over what the stream has written to {write.target} since then"
    summary = f"{handler.id} {brings} " + old_wins(view, write, harm)
    fixes: tuple[str, ...] = ()
    if live == "old-copy":
        fixes = ("pause-stream-during-rebuild",)
        summary = (
            f"{handler.id} {brings} and swaps them in for what the stream has written to {write.target} since then"
        )
    return Match(
        elements=told_apart(write, (source, write.target, handler.id)),
        at=at,
        summary=summary,
        fixes=fixes,
        consequence=overwritten(view, write),
        targets=(Target(write.target, write.entity),),
        shows=frozenset({"stale", "reverted", "phantom"}),
    )


def _live_writes(handler: HandlerSite, write: Effect, facts: Facts) -> str | None:
    """What the stream does while a new copy is filled; None where nothing is swapped in.

    A stream that is read again from where the rebuild began to read loses nothing either, and counts as paused.
    """
    if not _is_swapped(write):
        return None
    trigger = handler.handler.trigger
    if not isinstance(trigger, OnSchedule):
        return "old-copy"
    path = (*handler.path, "trigger")
    ask = f"What does the stream to {write.target} do while {handler.id} fills the new copy?"
    live: str = facts.ask((*path, "live_writes"), trigger.live_writes, ("old-copy", "paused"), ask)
    if live == "paused":
        return live
    ask = f"Where does the stream to {write.target} go on after {handler.id} has swapped the new copy in?"
    after = facts.ask((*path, "position_after_swap"), trigger.position_after_swap, ("kept", "before-read"), ask)
    return "paused" if after == "before-read" else live

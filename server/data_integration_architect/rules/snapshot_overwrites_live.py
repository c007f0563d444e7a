"""A first copy or backfill writes rows that it read earlier over newer ones that the stream has brought.

Decided for captures whose snapshot may replace what the stream wrote, and for temporary handlers that copy rows into
a store which a stream feeds at the same time. A sink that checks versions refuses the old row. Cannot see that the
stream was stopped during the copy, unless the snapshot is said to be interleaved or to write what is missing only.
"""

from __future__ import annotations

from collections.abc import Iterator

from data_integration_architect.analysis.capture import is_captured_from_log, trails
from data_integration_architect.analysis.facts import Facts
from data_integration_architect.analysis.match import Match
from data_integration_architect.analysis.order import order_sensitive, overwritten
from data_integration_architect.analysis.severity import Target
from data_integration_architect.analysis.system import Effect, HandlerSite
from data_integration_architect.analysis.view import View
from data_integration_architect.topology import NONE, OnChanges, Read, Write

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
            if trigger.snapshot_writes == "overwrite" and order_sensitive(view, trail.end):
                yield site, trail.end, trigger.changes
    for site in system.handlers.values():
        if "temporary" not in (site.handler.status, site.process.status) or site.consumed or site.captured:
            continue
        for write in site.changes:
            if isinstance(write.step, Write) and (write.target, write.entity) in streams and _is_unguarded(write.step):
                yield from ((site, write, source) for source in _sources(view, site, write))


def _is_unguarded(step: Write) -> bool:
    return step.guard in (None, NONE) and step.mode in (None, "replace", "merge")


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
        ask = f"How does the snapshot of {handler.id} meet its stream?"
        said = trigger.snapshot
        if facts.ask((*handler.path, "trigger", "snapshot"), said, (NONE, "interleaved"), ask) == "interleaved":
            return None
    return Match(
        elements=(source, write.target, handler.id),
        at=at,
        summary=(
            f"{handler.id} copies rows of {write.entity or 'the table'} that it read from {source} earlier over what "
            f"the stream has written to {write.target} since then"
        ),
        consequence=overwritten(view, write),
        targets=(Target(write.target, write.entity),),
        shows=frozenset({"stale", "reverted", "phantom"}),
    )

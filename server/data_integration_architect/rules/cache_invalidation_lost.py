"""The value is committed, but the deletion of its cache entry fails or never runs.

Decided for handlers that delete the entry after the commit: a crash between the two, or a failed deletion that is
given up, leaves the old value. A deletion before the commit is lost only where its failure does not end the change.
Also for caches without expiry whose entries nobody deletes. A deletion that is driven by the log or kept for a later
try is not lost. Cannot see a retry inside the cache's client.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from data_integration_architect.analysis.caches import (
    Fill,
    fills,
    invalidations,
    source_writes,
    stale_entry,
    stands_before_commit,
)
from data_integration_architect.analysis.delivery import acknowledges, delivery_of
from data_integration_architect.analysis.facts import Facts
from data_integration_architect.analysis.match import Match
from data_integration_architect.analysis.severity import Target
from data_integration_architect.analysis.system import Effect
from data_integration_architect.analysis.view import View
from data_integration_architect.topology import NONE, Write
from data_integration_architect.topology.values import seconds


@dataclass(frozen=True, eq=False)
class Site:
    fill: Fill
    write: Effect
    deletion: Effect | None
    """The deletion that may be lost; None where nobody deletes the entry."""
    early: bool = False
    """Whether the deletion stands before the commit."""


def sites(view: View) -> Iterator[Site]:
    system = view.system
    for fill in fills(view.system):
        deletions = invalidations(system, fill.cache, fill.entity)
        if any(_is_sure(view, e) for e in deletions):
            continue
        for write in source_writes(system, fill):
            own = [e for e in deletions if e.site.id == write.site.id]
            late = [e for e in own if not stands_before_commit(system, e, write)]
            # A second deletion after the commit makes up for one before it.
            for deletion in late or own:
                yield Site(fill, write, deletion, early=not late)
            if not deletions and not _replaced(view, fill) and not _only_added(view, write):
                yield Site(fill, write, None)
        for deletion in deletions:
            if not deletion.site.is_direct and _gives_up(view, deletion):
                yield Site(fill, deletion, deletion)


def _is_sure(view: View, deletion: Effect) -> bool:
    """Whether it is repeated until it works: driven by the log or a channel, and not given up."""
    return not deletion.site.is_direct and deletion.site.fired_by != "every" and not _gives_up(view, deletion)


def _gives_up(view: View, deletion: Effect) -> bool:
    """Whether a deletion that is driven by a record or a change is not tried again, or its record may never come."""
    retry, channel = deletion.step.retry, deletion.site.consumed
    if retry is not None and retry.then == "ignore":
        return True
    if channel is None:
        return False
    return acknowledges(deletion.site) == "before" or delivery_of(view.system, channel) == "at-most-once"


def _is_ignored(deletion: Effect, facts: Facts) -> bool:
    """Whether the handler goes on to its commit when the deletion before it failed; an error ends the transaction."""
    retry = deletion.step.retry
    if deletion.step.wait is False:
        return True
    if retry is None:
        return False
    ask = f"Does {deletion.site.id} commit although it could not delete the entry of {deletion.target}?"
    return bool(facts.ask((*deletion.path, "retry", "then"), retry.then, ("ignore", "raise"), ask) == "ignore")


def _replaced(view: View, fill: Fill) -> bool:
    """Whether something other than a fill writes the entry."""
    return any(
        isinstance(e.step, Write) and not e.on_miss and e.site.id != fill.write.site.id and e.entity == fill.entity
        for e in view.system.touching(fill.cache)
    )


def _only_added(view: View, write: Effect) -> bool:
    entity = view.system.entity(write.entity)
    added = isinstance(write.step, Write) and write.step.mode == "insert"
    return added or (entity is not None and entity.change == "append-only")


def judge(view: View, site: Site, facts: Facts) -> Match | None:
    system, fill = view.system, site.fill
    subject = fill.entity or "the value"
    store, handler = site.write.target, site.write.site
    if site.deletion is None:
        if not facts.listed(system.is_whole, f"Does nothing delete entries of {fill.cache} when {subject} changes?"):
            return None
        element = system.store(fill.cache)
        ask = f"Do entries of {fill.cache} expire, and after which time?"
        expiry = facts.ask(("stores", fill.cache, "expiry"), element.expiry if element else None, (NONE, "1m"), ask)
        if seconds(expiry) is not None:
            return None
        how = f"{handler.id} changes {subject} in {store} and nobody deletes the entry"
        minor = is_kept = False
    else:
        retry = site.deletion.step.retry
        is_kept = retry is not None and retry.then in {"dead-letter", "block"} and retry.attempts != 0
        cache = system.store(fill.cache)
        expires = cache is not None and seconds(cache.expiry) is not None
        if is_kept and (expires or not handler.is_direct):
            return None
        if site.early and not _is_ignored(site.deletion, facts):
            return None
        # With retries only a crash between commit and deletion is left.
        minor = not site.early and retry is not None and bool(retry.attempts) and retry.then != "ignore"
        store = fill.source.target
        lost = "a crash or an error there" if handler.is_direct else "a message or an attempt that is lost"
        if is_kept:
            lost = "a crash between the two"
        how = f"{handler.id} deletes the entry after the commit, and {lost} is not made good"
        if site.early:
            how = f"{handler.id} deletes the entry before the commit, and commits even if that fails"
    return Match(
        elements=(system.primary(fill.source.target), fill.cache, handler.id),
        at=site.deletion.path if site.deletion else site.write.path,
        summary=f"{fill.cache} can keep an old {subject}: {how}",
        consequence=stale_entry(system, facts, fill.cache, fill.entity, minor, rare=is_kept),
        targets=(Target(fill.cache, fill.entity),),
        shows=frozenset({"stale", "phantom"}),
    )

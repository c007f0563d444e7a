"""Somebody reads a copy that lags behind, and needs more than it can give.

Decided for readers of replicas, of stores that follow a log, a query or a job, and of caches: they must see their own
writes, or decide or store something on what they read and tolerate less than the lag. Decided as well for consumers
that are told of a change, read the record again from a replica, and store what they find. A copy that the writing
handler changes itself does not lag. Cannot see read-modify-write of a handler on a lagging copy.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from data_integration_architect.analysis.caches import fills, invalidations
from data_integration_architect.analysis.facts import Facts
from data_integration_architect.analysis.lifecycle import is_planned
from data_integration_architect.analysis.match import Match
from data_integration_architect.analysis.order import re_reads
from data_integration_architect.analysis.repair import healing_of
from data_integration_architect.analysis.severity import Consequence, Target
from data_integration_architect.analysis.system import Effect, System
from data_integration_architect.analysis.view import View
from data_integration_architect.files import DocumentPath
from data_integration_architect.topology import NONE, OnChanges, OnSchedule, Reader, Write
from data_integration_architect.topology.values import seconds


@dataclass(frozen=True)
class Lag:
    sources: tuple[str, ...]
    """What the store follows; several where several ways lead into it."""
    within: float | None
    """Seconds; None = nobody said."""
    path: DocumentPath | None = None
    """Where the lag would be said; None where the topology has no place for it."""

    @property
    def source(self) -> str:
        return ", ".join(self.sources)


@dataclass(frozen=True, eq=False)
class Site:
    index: int
    reader: Reader
    store: str
    lag: Lag


@dataclass(frozen=True, eq=False)
class Refetch:
    """A consumer that stores what it reads again from a replica."""

    effect: Effect
    read: Effect


def sites(view: View) -> Iterator[Site | Refetch]:
    yield from _refetches(view)
    for index, reader in enumerate(view.topology.readers):
        if reader.status == "planned":
            continue
        for store in (reader.reads,) if isinstance(reader.reads, str) else reader.reads:
            lag = _lag_of(view, store, reader.entity)
            if lag is not None:
                yield Site(index, reader, store, lag)


def _refetches(view: View) -> Iterator[Refetch]:
    system = view.system
    for effect in system.effects:
        if not isinstance(effect.step, Write) or effect.on_miss or effect.site.consumed is None:
            continue
        if is_planned(system, effect) or not re_reads(view, effect):
            continue
        for read in effect.site.reads:
            store = system.store(read.target)
            if (
                not _is_same(read.entity, effect.entity)
                or read.position > effect.position
                or read.on_miss
                or store is None
            ):
                continue
            if store.replica_of and store.replication not in {"sync", "quorum"}:
                yield Refetch(effect, read)
                break


def _is_same(one: str | None, other: str | None) -> bool:
    return one is None or other is None or one == other


def _lag_of(view: View, store: str, entity: str | None) -> Lag | None:
    """How far a store lies behind; None where it does not, or where nothing is known to feed it."""
    system = view.system
    element = system.store(store)
    if element is None:
        return None
    if element.replica_of is not None:
        if element.replication in {"sync", "quorum"}:
            return None
        return Lag((element.replica_of,), seconds(element.lag), ("stores", store, "lag"))
    subject = entity.split(".", 1)[0] if entity else None
    if subject and view.record_of(subject) == store:
        return None
    feeds = [
        e
        for e in system.touching(store)
        if isinstance(e.step, Write) and (subject is None or e.entity in (None, subject))
    ]
    cached = [f for f in fills(system) if f.cache == store and (subject is None or f.entity in (None, subject))]
    if cached:
        deleted = invalidations(system, store, subject)
        if any(e.site.is_direct for e in deleted):
            # The writer deletes the entry itself: what goes wrong then are the races of a cache.
            return None
        sources = tuple(sorted({f.source.target for f in cached}))
        if deleted:
            return Lag(sources, None)
        if element.expiry == NONE:
            # Entries that nobody deletes and that never expire are no window; cache-invalidation-lost judges them.
            return None
        return Lag(sources, seconds(element.expiry), ("stores", store, "expiry"))
    if not feeds or any(e.site.is_direct and e.step.wait is not False for e in feeds):
        return None
    lags = [lag for e in feeds if not e.site.handler.computes and (lag := _lag_of_feed(system, e)).sources]
    if not lags:
        return None
    # The quickest way counts, one of unknown speed before all others.
    quickest = min(lags, key=lambda lag: (lag.within is not None, lag.within or 0.0, lag.sources))
    return replace(quickest, sources=tuple(sorted({s for lag in lags for s in lag.sources})))


def _lag_of_feed(system: System, feed: Effect) -> Lag:
    """The lag of one way into a store; a job that reads nothing elsewhere brings data of its own, from no source."""
    trigger = feed.site.handler.trigger
    if isinstance(trigger, OnSchedule):
        sources = {r.target for r in feed.site.reads if not system.same_instance(r.target, feed.target)}
        return Lag(tuple(sorted(sources)), seconds(trigger.every))
    if isinstance(trigger, OnChanges):
        if system.same_instance(trigger.changes, feed.target):
            return Lag((), None)
        path = (*feed.site.path, "trigger", "every") if trigger.by == "query" else None
        return Lag((trigger.changes,), seconds(trigger.every), path)
    return Lag((feed.site.consumed or feed.site.id,), None)


def judge(view: View, site: Site | Refetch, facts: Facts) -> Match | None:
    if isinstance(site, Refetch):
        return _judge_refetch(view, site)
    reader, lag = site.reader, site.lag
    subject = reader.entity or "records"
    if _needs_own_writes(site, facts) and _misses_own_writes(view, site):
        route = reader.own_writes_from or site.store
        return _match(
            site,
            f"Who changes {subject} must see it at once, but reads it from {route}, which follows {lag.source} later",
            Consequence("timeliness", staleness_seconds=lag.within),
        )
    kept = bool(reader.persisted)
    decides = reader.decides
    if not kept:
        if decides is None and reader.tolerates is None:
            # Of a reader whose needs nobody described, none is asked in particular.
            return None
        ask = f"What is decided on {subject} that somebody reads in {site.store}?"
        decides = facts.ask(("readers", site.index, "decides"), decides, ("other", NONE), ask)
        if decides == NONE:
            return None
    if not _is_too_old(site, facts):
        return None
    what = "stores" if kept else f"decides about {decides} on"
    return _match(
        site,
        f"A reader of {site.store} {what} {subject} that can be older than it tolerates, because {site.store} follows "
        f"{lag.source} later",
        Consequence("integrity", heals="never") if kept else Consequence("timeliness", staleness_seconds=lag.within),
    )


def _judge_refetch(view: View, site: Refetch) -> Match:
    effect, replica = site.effect, site.read.target
    store = view.system.store(replica)
    primary = store.replica_of if store else None
    subject = effect.entity or "the record"
    return Match(
        elements=tuple(dict.fromkeys((replica, effect.target, effect.site.id))),
        at=site.read.path,
        summary=(
            f"{effect.site.id} is told of a change of {subject} and reads it again from {replica}, which may not have "
            f"it yet: {effect.target} then keeps the state before that change, because {primary} tells of it only once"
        ),
        consequence=Consequence(
            "integrity", heals=healing_of(view.system, effect.target, effect.entity) or "next-write"
        ),
        targets=(Target(effect.target, effect.entity),),
        shows=frozenset({"stale", "missing", "phantom", "reverted"}),
    )


def _needs_own_writes(site: Site, facts: Facts) -> bool:
    reader = site.reader
    if reader.own_writes is None and reader.own_writes_from is None:
        return False
    ask = f"Must who changes {reader.entity or 'records'} see it at once in {site.store}?"
    path = ("readers", site.index, "own_writes")
    return bool(facts.ask(path, reader.own_writes, ("required", "not-required"), ask) == "required")


def _is_too_old(site: Site, facts: Facts) -> bool:
    """Whether what is read can be older than the reader tolerates."""
    reader, lag = site.reader, site.lag
    path = ("readers", site.index, "tolerates")
    ask = f"Which staleness of {reader.entity or 'records'} in {site.store} is tolerated?"
    enough = "1d" if lag.within is None else f"{max(int(lag.within) + 1, 60)}s"
    said = facts.ask(path, reader.tolerates, (NONE, enough), ask)
    tolerated = seconds(said)
    if tolerated is None:
        return True
    if lag.within is None and reader.tolerates is not None and lag.path is not None:
        too_long = f"{int(tolerated * 10) + 1}s"
        ask = f"How far does {site.store} lie behind {lag.source}?"
        return (seconds(facts.ask(lag.path, None, (too_long, "1ms"), ask)) or 0.0) > tolerated
    return lag.within is not None and lag.within > tolerated


def _misses_own_writes(view: View, site: Site) -> bool:
    """Whether the store from which own writes are read lags behind as well, and a read does not wait for it."""
    if site.reader.own_writes_token == "carried":
        return False
    route = site.reader.own_writes_from
    return route is None or route == site.store or _lag_of(view, route, site.reader.entity) is not None


def _match(site: Site, summary: str, consequence: Consequence) -> Match:
    return Match(
        elements=tuple(dict.fromkeys((*site.lag.sources, site.store))),
        at=("readers", site.index),
        summary=summary,
        consequence=consequence,
        targets=(Target(site.store, site.reader.entity),),
        shows=frozenset({"stale", "missing", "phantom"}),
    )

"""How data of an entity travels from the handler that moves it first, and what its last store does with it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from data_integration_architect.analysis.memory import remembered
from data_integration_architect.analysis.ownership import is_made_of_others
from data_integration_architect.analysis.repair import Healing, healing_of
from data_integration_architect.analysis.severity import Consequence, Target
from data_integration_architect.analysis.system import Effect, HandlerSite, System
from data_integration_architect.analysis.view import View
from data_integration_architect.topology import (
    NONE,
    Append,
    Call,
    Invalidate,
    OnChanges,
    OnSchedule,
    Write,
)
from data_integration_architect.topology.values import seconds

# Chains longer than this are loops of retry topics; the end has been seen by then.
MOST_HOPS = 6


@dataclass(frozen=True, eq=False)
class Trail:
    """Data from one step of a handler, over `channels`, to its last effect."""

    start: Effect
    end: Effect
    channels: tuple[str, ...] = ()

    @property
    def handlers(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys((self.start.site.id, self.end.site.id)))


def trails(system: System, site: HandlerSite) -> Iterator[Trail]:
    """Every way that the effects of `site` take; a channel that nobody consumes is an end."""
    for effect in site.changes:
        if not effect.on_miss:
            yield from _follow(system, effect, effect, ())


def _follow(system: System, start: Effect, effect: Effect, channels: tuple[str, ...]) -> Iterator[Trail]:
    if not isinstance(effect.step, Append):
        yield Trail(start, effect, channels)
        return
    channel = effect.target
    seen = (*channels, channel)
    following = [
        e
        for site in system.consumers(channel)
        for e in site.changes
        if not e.on_miss and e.target not in seen and _goes_on(system, channel, start.entity, e)
    ]
    if not following or len(seen) > MOST_HOPS:
        yield Trail(start, effect, seen)
    for one in following:
        yield from _follow(system, start, one, seen)


def _goes_on(system: System, channel: str, entity: str | None, effect: Effect) -> bool:
    """Whether records of `entity` cause `effect`: not where it is about another entity of the same channel."""
    if entity is None or effect.entity in (None, entity):
        return True
    return effect.entity not in system.carried(channel)


def is_captured_from_log(site: HandlerSite) -> bool:
    """Whether it captures a store, and neither by query nor by trigger."""
    trigger = site.handler.trigger
    return isinstance(trigger, OnChanges) and trigger.by in (None, "log")


def overlap(effects: Iterable[Effect]) -> bool:
    """Whether the transactions of some of these effects can run at the same time."""
    sites = {e.site.id: e.site for e in effects}
    return len(sites) > 1 or any(site.concurrent for site in sites.values())


@remembered
def source_effects(system: System, database: str, entity: str | None) -> list[Effect]:
    """Original writes of an entity in a database, those of unknown entity included."""
    return [e for e in system.writes_in(database) if entity is None or e.entity in (None, entity)]


@dataclass(frozen=True, eq=False)
class QueryCopy:
    """A handler that repeatedly queries `source` and brings the rows of `entity` to the effect `copy`."""

    site: HandlerSite
    source: str
    entity: str
    copy: Effect
    sinks: tuple[Effect, ...]
    """Writes of the rows in stores, behind channels where there are any."""

    @property
    def elements(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys((self.source, self.copy.target, self.site.id)))

    @property
    def targets(self) -> tuple[Target, ...]:
        return tuple(Target(s.target, s.entity) for s in self.sinks) or (Target(self.copy.target, self.entity),)


def query_copies(view: View) -> Iterator[QueryCopy]:
    """Captures by query and jobs that copy rows, as far as nothing else brings the entity to the same store.

    Results that are computed from many rows, writes to the system of record, work that is handed out row by row, and
    captures whose kind is said to be another, are none.
    """
    system = view.system
    for site in system.handlers.values():
        trigger = site.handler.trigger
        if site.handler.computes:
            continue
        for effect in site.changes:
            if effect.on_miss or not isinstance(effect.step, Write | Append) or effect.entity is None:
                continue
            if isinstance(trigger, OnChanges) and trigger.by in (None, "query"):
                source: str | None = None if is_made_of_others(system, site, effect.entity) else trigger.changes
            elif isinstance(trigger, OnSchedule):
                source = _read_from(system, site, effect)
            else:
                continue
            if source is None or system.same_instance(source, effect.target):
                continue
            ends = [t.end for t in trails(system, site) if t.start is effect]
            sinks = tuple(e for e in ends if isinstance(e.step, Write) and e.entity == effect.entity)
            if (
                isinstance(effect.step, Append)
                and not sinks
                and (system.consumers(effect.target) or system.channel_kind(effect.target) != "log")
            ):
                continue
            if any(s.target == view.record_of(effect.entity) for s in (effect, *sinks)):
                continue
            if not any(_fed_otherwise(system, site, s) for s in sinks or (effect,)):
                yield QueryCopy(site, source, effect.entity, effect, sinks)


def query_results(view: View) -> Iterator[QueryCopy]:
    """Jobs and captures by query that make something else of the rows of the entity that they read first."""
    copying = {copy.site.id for copy in query_copies(view)}
    for site in view.system.handlers.values():
        trigger = site.handler.trigger
        queries = isinstance(trigger, OnSchedule) or (isinstance(trigger, OnChanges) and trigger.by in (None, "query"))
        if not queries or site.id in copying:
            continue
        made = [e for e in site.changes if isinstance(e.step, Write | Append | Call) and not e.on_miss]
        written = {e.entity for e in made}
        for read in site.reads:
            if read.entity is None or read.entity in written or view.system.store(read.target) is None:
                continue
            after = [e for e in made if e.position > read.position]
            for effect in after[:1]:
                sinks = tuple(e for e in after if isinstance(e.step, Write))
                yield QueryCopy(site, read.target, read.entity, effect, sinks)
            break


def _read_from(system: System, site: HandlerSite, effect: Effect) -> str | None:
    """The store elsewhere from which a job reads the entity that it writes."""
    for read in site.reads:
        if read.entity == effect.entity and not system.same_instance(read.target, effect.target):
            return read.target
    return None


def _fed_otherwise(system: System, site: HandlerSite, sink: Effect) -> bool:
    """Whether the entity also reaches the sink's store from requests, a log or a channel of its own."""
    consumed = {site.id, sink.site.id}
    return any(
        isinstance(e.step, Write)
        and not e.on_miss
        and e.entity == sink.entity
        and e.site.id not in consumed
        and not isinstance(e.site.handler.trigger, OnSchedule)
        for e in system.touching(sink.target)
    )


def removes(system: System, site: HandlerSite, store: str, entity: str | None) -> bool:
    """Whether a handler deletes records of the entity in a store, or replaces the whole."""
    return any(
        isinstance(e.step, Write)
        and e.target == store
        and e.entity in (None, entity)
        and (e.step.mode in {"delete", "rebuild-and-swap"} or e.step.missing_source == "delete")
        for e in site.changes
    )


def erasure_deadline(system: System, entity: str | None) -> str | None:
    """Deadline for erasing personal data of the entity, from its own rules or a constraint; `none` = no duty.

    None where the entity holds no personal data, or nobody said the deadline.
    """
    element = system.entity(entity)
    if element is not None and element.personal_data is not None and element.personal_data.erase_within:
        return element.personal_data.erase_within
    for constraint in system.topology.constraints:
        if constraint.kind == "erasure" and constraint.entity == entity and constraint.deadline:
            return constraint.deadline
    return None


def is_personal(system: System, entity: str | None) -> bool:
    """Whether the entity holds personal data that must be erasable and no key per person makes it so."""
    element = system.entity(entity)
    rules = element.personal_data if element else None
    if rules is not None:
        return rules.erase_within != NONE and rules.key_per_person is not True
    return any(c.kind == "erasure" and c.entity == entity for c in system.topology.constraints)


def kept_deleted(system: System, stores: Iterable[str], entity: str | None) -> Consequence:
    """What it means that stores keep deleted records: until a repair of all covers deletions, or for good.

    Personal data that outlives its deadline is a disclosure.
    """
    found = [healing_of(system, store, entity, deletes=True) for store in stores]
    known = [h for h in found if h is not None]
    healing = max(known, key=lambda h: h.within) if found and len(known) == len(found) else None
    disclosed = is_personal(system, entity)
    deadline = seconds(erasure_deadline(system, entity))
    if healing is not None and deadline is not None and healing.within <= deadline:
        disclosed = False
    return Consequence("integrity", heals=healing or "never", effect="disclosure" if disclosed else "none")


def repair_of_all(system: System, sinks: Iterable[Effect]) -> Healing | None:
    """The repair after which all of these writes are right again; None where one of them has none."""
    found = [healing_of(system, s.target, s.entity) for s in sinks]
    known = [h for h in found if h is not None]
    if not found or len(known) < len(found):
        return None
    return max(known, key=lambda h: h.within)


def needs_each_change(system: System, effect: Effect) -> bool:
    """Whether an effect depends on every single change: it counts, keeps a history, or acts outside."""
    step = effect.step
    if isinstance(step, Call):
        return True
    if isinstance(step, Invalidate):
        return False
    entity = system.entity(effect.entity)
    if entity is not None and entity.change in {"append-only", "delta"}:
        return True
    return isinstance(step, Write) and step.mode == "increment"

"""A deletion in the system of record cannot reach a derived store, which keeps the record.

Decided in two ways. A path that cannot carry or apply it: no event about deletions, a capture that does not see them,
a consumer that reads the record again and does nothing when it is gone. A handler that deletes and tells nobody, while
other handlers bring the entity to the derived store. A store that is fed by queries alone is
`query-extract-misses-deletes`. Cannot see consumers that ignore a tombstone unless they are said to read again.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from data_integration_architect.analysis.capture import (
    Trail,
    is_captured_from_log,
    kept_deleted,
    removes,
    trails,
)
from data_integration_architect.analysis.facts import Facts
from data_integration_architect.analysis.match import Match
from data_integration_architect.analysis.order import is_planned, re_reads
from data_integration_architect.analysis.severity import Target
from data_integration_architect.analysis.system import Effect, System
from data_integration_architect.analysis.view import View
from data_integration_architect.files import DocumentPath
from data_integration_architect.topology import NONE, Invalidate, OnChanges, Read, Write


@dataclass(frozen=True, eq=False)
class Path:
    """Changes of an entity reach the sink over a trail."""

    trail: Trail


@dataclass(frozen=True, eq=False)
class Silent:
    """A handler deletes in the system of record and does not touch the way to `sink`."""

    deletion: Effect
    sink: Effect


def sites(view: View) -> Iterator[Path | Silent]:
    system = view.system
    ways = [t for site in system.handlers.values() if not site.consumed for t in trails(system, site)]
    into: dict[tuple[str, str | None], list[Trail]] = {}
    for trail in ways:
        if isinstance(trail.end.step, Write | Invalidate) and _is_copy(view, trail):
            into.setdefault((trail.end.target, trail.end.entity), []).append(trail)
    for (store, entity), arriving in into.items():
        if any(_carries_deletes(view, t) for t in arriving):
            continue
        pushed = [t for t in arriving if t.start.site.fired_by != "every"]
        for trail in pushed:
            if not trail.start.site.is_direct or trail.channels:
                yield Path(trail)
        if pushed and not any(t.start.site.captured for t in pushed):
            yield from _silent(view, store, entity, pushed)


def _is_copy(view: View, trail: Trail) -> bool:
    """Whether the end is a copy in a store of its own: not the record, nothing outside, no cache fill."""
    system, end = view.system, trail.end
    if is_planned(end.site) or system.is_external(end.target) or end.on_miss or end.site.handler.computes:
        return False
    record = view.record_of(end.entity)
    if record is not None and (end.target == record or system.same_instance(end.target, record)):
        return False
    source = trail.start.site.captured
    if source is not None and system.same_instance(source, end.target):
        return False
    step = end.step
    if isinstance(step, Write) and step.mode in {"increment", "rebuild-and-swap"}:
        return False
    element = system.entity(end.entity)
    return element is None or element.change in (None, "state")


def _carries_deletes(view: View, trail: Trail) -> bool:
    """Whether a capture from the log brings deletions to a consumer that applies them, as nothing says otherwise."""
    trigger = trail.start.site.handler.trigger
    if not isinstance(trigger, OnChanges) or not is_captured_from_log(trail.start.site):
        return False
    if trigger.sees_deletes is False or _no_event(view, trail) is not None:
        return False
    return not _ignores_absence(view, trail.end) or _missing_source(trail.end) == "delete"


def _no_event(view: View, trail: Trail) -> str | None:
    """The channel of the trail on which deletions are said to have no event."""
    for name in trail.channels:
        channel = view.system.channel(name)
        if channel is not None and channel.event.on_delete == NONE:
            return name
    return None


def _ignores_absence(view: View, effect: Effect) -> bool:
    """Whether what happens to a deleted record depends on the answer to a second look at its source."""
    if re_reads(view, effect) or _missing_source(effect) is not None:
        return True
    # A deletion that first looks something up elsewhere does nothing when that is gone, or does it all the more.
    deletes = isinstance(effect.step, Write) and effect.step.mode == "delete"
    return deletes and len(_concerned(view.system, effect)) > 1


def _missing_source(effect: Effect) -> str | None:
    return effect.step.missing_source if isinstance(effect.step, Write) else None


def _silent(view: View, store: str, entity: str | None, arriving: list[Trail]) -> Iterator[Silent]:
    """Deleting handlers that neither delete in the store nor append to a channel that leads to it."""
    system = view.system
    record = view.record_of(entity)
    if record is None or not system.store(record):
        return
    channels = {name for t in arriving for name in t.channels}
    for effect in system.touching(record):
        if not isinstance(effect.step, Write) or effect.step.mode != "delete" or effect.entity != entity:
            continue
        told = any(e.target in channels or e.target == store for e in effect.site.changes)
        if not told and effect.site.is_direct and not is_planned(effect.site):
            yield Silent(effect, arriving[0].end)


def judge(view: View, site: Path | Silent, facts: Facts) -> Match | None:
    return _judge_silent(view, site, facts) if isinstance(site, Silent) else _judge_path(view, site.trail, facts)


def _judge_silent(view: View, site: Silent, facts: Facts) -> Match | None:
    system, sink, name = view.system, site.sink, site.deletion.entity
    entity = system.entity(name)
    if entity is None or name is None or entity.deletes in {"soft", "never"}:
        return None
    if any(removes(system, e.site, sink.target, name) for e in system.touching(sink.target)):
        # Somebody else cleans up; a sweep that covers deletions counts as well.
        return None
    if not facts.listed(system.is_whole, f"Does nothing else remove deleted records of {name} from {sink.target}?"):
        return None
    return _match(
        view,
        (site.deletion.target, sink.target, site.deletion.site.id),
        site.deletion.path,
        f"{site.deletion.site.id} deletes {name} in {site.deletion.target} and nothing tells {sink.target}",
        sink,
        name,
    )


def _judge_path(view: View, trail: Trail, facts: Facts) -> Match | None:
    obstacle = _obstacle(view, trail, facts)
    if obstacle is None:
        return None
    at, why = obstacle
    names = _concerned(view.system, trail.end)
    said = {n: e.deletes for n in names if (e := view.system.entity(n)) is not None}
    deleted = next((n for n in names if said.get(n) == "hard"), None)
    if deleted is None:
        unsaid = [n for n, deletes in said.items() if deletes is None]
        if not unsaid:
            return None
        deleted = unsaid[0]
        ask = f"Are records of {deleted} removed, marked or kept?"
        if facts.ask(("entities", deleted, "deletes"), None, ("hard", "soft", "never"), ask) != "hard":
            return None
    end = trail.end
    source = end.site.consumed or trail.start.site.captured or trail.start.site.id
    summary = f"A deleted {deleted} stays in {end.target}: {why}"
    return _match(view, (source, end.target, end.site.id), at, summary, end, deleted)


def _obstacle(view: View, trail: Trail, facts: Facts) -> tuple[DocumentPath, str] | None:
    """What keeps a deletion from being carried or applied; asks only where deletions are said to happen."""
    system, end, start = view.system, trail.end, trail.start.site
    silent = _no_event(view, trail)
    if silent is not None:
        return ("channels", silent, "event", "on_delete"), f"events on {silent} do not tell of deletions"
    hard = any(e is not None and e.deletes == "hard" for e in map(system.entity, _concerned(system, end)))
    trigger = start.handler.trigger
    if isinstance(trigger, OnChanges):
        if trigger.sees_deletes is False and trigger.by != "query":
            return (*start.path, "trigger", "sees_deletes"), f"{start.id} does not see deletions in {trigger.changes}"
        if trigger.by == "trigger" and trigger.sees_deletes is None and hard:
            path = (*start.path, "trigger", "sees_deletes")
            ask = f"Does {start.id} notice deletions in {trigger.changes}?"
            if not facts.ask(path, None, (False, True), ask):
                return path, f"{start.id} does not see deletions in {trigger.changes}"
        if trigger.by == "query":
            return None
    if isinstance(end.step, Write) and end.step.values in (None, "re-read") and _ignores_absence(view, end):
        path = (*end.path, "missing_source")
        said = end.step.missing_source
        if said is None and hard:
            ask = f"What does {end.site.id} do when the record that it reads again is gone?"
            said = facts.ask(path, None, ("skip", "delete"), ask)
        if said in {"skip", "error"}:
            return path, f"{end.site.id} reads it again, finds nothing and leaves {end.target} as it is"
        return None
    return _unannounced(view, trail, facts) if hard else None


def _unannounced(view: View, trail: Trail, facts: Facts) -> tuple[DocumentPath, str] | None:
    """An application's own events: whether there is one about deletions, where no handler is seen to send it."""
    system = view.system
    if not trail.channels or trail.start.site.captured:
        return None
    first = trail.channels[0]
    deleting = [
        e for e in system.effects_about(trail.start.entity) if isinstance(e.step, Write) and e.step.mode == "delete"
    ]
    channel = system.channel(first)
    if deleting or channel is None or channel.event.on_delete is not None:
        return None
    path = ("channels", first, "event", "on_delete")
    if facts.ask(path, None, (NONE, "key-only"), f"What do events on {first} carry about a deletion?") != NONE:
        return None
    return path, f"events on {first} do not tell of deletions"


def _concerned(system: System, end: Effect) -> tuple[str, ...]:
    """Entities whose deletion matters at the end: what it reads again first, then what it writes."""
    read = [
        r.entity
        for r in end.site.reads
        if isinstance(r.step, Read) and r.position < end.position and not system.same_instance(r.target, end.target)
    ]
    return tuple(dict.fromkeys(n for n in (*read, end.entity) if n is not None))


def _match(view: View, elements: tuple[str, ...], at: DocumentPath, summary: str, sink: Effect, entity: str) -> Match:
    return Match(
        elements=elements,
        at=at,
        summary=summary,
        consequence=kept_deleted(view.system, [sink.target], entity),
        targets=(Target(sink.target, sink.entity),),
        shows=frozenset({"phantom", "leaked", "wrong-total"}),
    )

"""Events whose relative order matters travel in different channels, and nothing brings them together again.

Two shapes: events of one entity in several channels that end in the same store, and an entity that must not be seen
before the one it refers to, in another channel. Cannot see partitions of one channel (missing-message-key) or order
that readers expect without a declared reference.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from data_integration_architect.analysis.facts import Facts
from data_integration_architect.analysis.guards import accepts_old, guard_against_old, old_wins, refuses_old, told_apart
from data_integration_architect.analysis.match import Match
from data_integration_architect.analysis.order import (
    is_planned,
    is_retry_channel,
    order_matters,
    overwritten,
    re_reads,
    shown_symptoms,
)
from data_integration_architect.analysis.severity import Consequence, Target
from data_integration_architect.analysis.system import Effect
from data_integration_architect.analysis.view import View
from data_integration_architect.topology import Write


@dataclass(frozen=True)
class Site:
    one: Effect
    other: Effect
    reference: tuple[str, int] | None = None
    """(referring entity, index of its reference); None = both are about the same entity."""


def sites(view: View) -> Iterator[Site]:
    applied = [e for e in view.system.effects if _applies_events(view, e)]
    for index, one in enumerate(applied):
        for other in applied[index + 1 :]:
            if one.site.consumed == other.site.consumed or not view.system.same_instance(one.target, other.target):
                continue
            if one.target == other.target and _same_subject(one, other) and _same_origin(view, one, other):
                yield Site(one, other)
            for first, second in ((one, other), (other, one)):
                entity = view.system.entity(first.entity)
                for place, reference in enumerate(entity.references if entity else ()):
                    if reference.to == second.entity and first.entity and first.entity != second.entity:
                        yield Site(first, second, (first.entity, place))


def _same_subject(one: Effect, other: Effect) -> bool:
    """Whether both effects touch the same fields: one subject, or the deletion of the whole beside a part of it."""
    if one.subject == other.subject:
        return True
    return one.entity == other.entity and any(
        isinstance(e.step, Write) and e.step.mode == "delete" and e.subject == e.entity for e in (one, other)
    )


def _applies_events(view: View, effect: Effect) -> bool:
    """Whether a consumer of a channel that is no retry writes what the record says."""
    channel = view.system.channel(effect.site.consumed) if effect.site.consumed else None
    return (
        isinstance(effect.step, Write)
        and not effect.on_miss
        and not is_planned(effect.site)
        and channel is not None
        # A channel that exists for a migration brings the same records twice; it does not split them.
        and channel.status == "existing"
        and not is_retry_channel(view, effect.site.consumed or "")
    )


def _same_origin(view: View, one: Effect, other: Effect) -> bool:
    """Whether one key can have records in both channels; keys split by region or tenant have not."""
    first, second = _origins(view, one.site.consumed or ""), _origins(view, other.site.consumed or "")
    return not first or not second or bool(first & second)


def _origins(view: View, channel: str) -> set[str]:
    """Databases and processes whose changes a channel carries."""
    system = view.system
    found: set[str] = set()
    for append in system.appends(channel):
        site = append.site
        stores = [site.captured] if site.captured else [e.target for e in site.changes if isinstance(e.step, Write)]
        outbox = system.channel(site.consumed) if site.consumed else None
        if outbox is not None and outbox.in_:
            stores.append(outbox.in_)
        found |= {system.database(s) for s in stores if s} or {site.process_name}
    return found


def judge(view: View, site: Site, facts: Facts) -> Match | None:
    return _judge_entity(view, site, facts) if site.reference is None else _judge_reference(view, site, facts)


def _judge_entity(view: View, site: Site, facts: Facts) -> Match | None:
    pair = sorted((site.one, site.other), key=lambda e: e.site.id)
    sensitive = [e for e in pair if order_matters(view, e) or _creates_beside(view, e, site.one, site.other)]
    if not sensitive:
        return None
    # One write without a guard is enough; ask about one only where none is known to lack it.
    weak = [e for e in sensitive if guard_against_old(view, e) == "missing"]
    weak = weak or [e for e in sensitive if not refuses_old(view, e)][:1]
    if not weak or not accepts_old(view, weak[0], facts):
        return None
    first, entity = weak[0], weak[0].entity
    channels = sorted({e.site.consumed or "" for e in pair})
    harm = old_wins(view, first, f"{first.target} can apply the older one last")
    elements = (*channels, *sorted({e.site.id for e in weak}), first.target, *((entity,) if entity else ()))
    return Match(
        elements=told_apart(first, elements),
        at=first.path,
        summary=(
            f"Changes of one {entity or 'entity'} come through {channels[0]} and {channels[1]}, and no order holds "
            f"between the two: {harm}"
        ),
        consequence=overwritten(view, first),
        targets=(Target(first.target, first.entity),),
        shows=shown_symptoms(view, first),
    )


def _creates_beside(view: View, effect: Effect, one: Effect, other: Effect) -> bool:
    """Whether the effect creates what the event of the other channel changes."""
    modes = {e.step.mode or "replace" for e in (one, other) if isinstance(e.step, Write)}
    return "insert" in modes and bool(modes & {"merge", "replace"}) and not re_reads(view, effect)


def _judge_reference(view: View, site: Site, facts: Facts) -> Match | None:
    referring, referred = site.one, site.other
    entity, place = site.reference or ("", 0)
    reference = view.topology.entities[entity].references[place]
    if _waits(view, referring, referred):
        return None
    needed = facts.ask(
        ("entities", entity, "references", place, "visible_before"),
        reference.visible_before,
        (True, False),
        f"Must a reader find {reference.to} before {entity} that refers to it?",
    )
    if not needed:
        return None
    channels = (referring.site.consumed or "", referred.site.consumed or "")
    return Match(
        elements=(
            *sorted(channels),
            *sorted({referring.site.id, referred.site.id}),
            *dict.fromkeys((referring.target, referred.target)),
            entity,
            reference.to,
        ),
        at=("entities", entity, "references", place),
        summary=(
            f"{entity} comes through {channels[0]} and the {reference.to} that it refers to through {channels[1]}: "
            f"{referring.target} can show the one before the other is there"
        ),
        # The missing half is on its way, so waiting repairs it.
        consequence=Consequence("timeliness"),
        targets=(Target(referring.target, referring.entity),),
        shows=frozenset({"missing", "stale"}),
    )


def _waits(view: View, referring: Effect, referred: Effect) -> bool:
    """Whether the sink looks for the referred record first, or refuses the referring one without it."""
    system = view.system
    looks = any(
        read.entity == referred.entity and system.same_instance(read.target, referring.target)
        for read in referring.site.reads
    )
    refuses = any(
        c.kind == "reference"
        and c.entity in (None, referring.entity)
        and c.enforced_at in {referring.target, referring.site.id}
        for c in view.topology.constraints
    )
    return looks or refuses

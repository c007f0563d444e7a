"""Records from a dead-letter channel are replayed where they undo what happened since, or count again.

Decides for a channel that is named as dead letter and whose reader has no further dead letter (otherwise it is one
level of automatic retries). Cannot see a replay by hand that no handler describes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from data_integration_architect.analysis.facts import Facts
from data_integration_architect.analysis.guards import lets_old_in, old_wins, refuses_old, told_apart
from data_integration_architect.analysis.lifecycle import is_planned
from data_integration_architect.analysis.match import Match
from data_integration_architect.analysis.order import overwritten
from data_integration_architect.analysis.protection import harm_of, has_dedup, protection_of
from data_integration_architect.analysis.repetition import accumulates, lasting_consequence, weight
from data_integration_architect.analysis.severity import Target
from data_integration_architect.analysis.system import Effect, HandlerSite, System
from data_integration_architect.analysis.view import View
from data_integration_architect.topology import NONE, Append, Call, OnConsume, Write
from data_integration_architect.topology.values import seconds


@dataclass(frozen=True, eq=False)
class Site:
    channel: str
    replayer: HandlerSite
    sink: Effect
    hop: Effect | None = None
    """The append that puts the records back; None where the replaying handler applies them itself."""
    failing: HandlerSite | None = None
    """The handler whose records it applies itself."""


def sites(view: View) -> Iterator[Site]:
    system = view.system
    for channel in sorted(_dead_letters(system)):
        for replayer in system.consumers(channel):
            if _passes_on_failures(system, replayer, channel):
                continue
            for effect in (e for e in replayer.changes if not is_planned(system, e)):
                if isinstance(effect.step, Append):
                    for consumer in system.consumers(effect.target):
                        if channel in _dead_letters_of(system, consumer):
                            for sink in consumer.changes:
                                yield Site(channel, replayer, sink, effect)
                elif isinstance(effect.step, Write):
                    for failing in _failing(system, channel):
                        # The same code that tries again by itself is a retry and has a rule of its own.
                        if failing.process_name != replayer.process_name and _applies_to(failing, effect):
                            yield Site(channel, replayer, effect, failing=failing)


def _failing(system: System, channel: str) -> list[HandlerSite]:
    """Handlers whose failed records go to a channel."""
    return [site for site in system.handlers.values() if channel in _dead_letters_of(system, site)]


def _applies_to(site: HandlerSite, effect: Effect) -> bool:
    return any(e.target == effect.target and e.entity == effect.entity for e in site.changes)


def _dead_letters(system: System) -> set[str]:
    return {name for site in system.handlers.values() for name in _dead_letters_of(system, site)}


def _dead_letters_of(system: System, site: HandlerSite) -> set[str]:
    """Channels to which a consumer's failed records go."""
    channel = system.channel(site.consumed) if site.consumed else None
    if channel is None:
        return set()
    kept = [e for e in site.effects if not e.step.retry or e.step.retry.then in {None, "raise", "dead-letter"}]
    names = {effect.step.dead_letter for effect in kept} | ({channel.dead_letter} if kept else set())
    return {name for name in names if name and name != NONE and name != site.consumed}


def _passes_on_failures(system: System, replayer: HandlerSite, channel: str) -> bool:
    """Whether the reader has a dead letter of its own or is one level of automatic retries."""
    before = {site.consumed for site in _failing(system, channel)}
    return bool(_dead_letters_of(system, replayer) - before)


def judge(view: View, place: Site, facts: Facts) -> Match | None:
    sink, step = place.sink, place.sink.step
    if isinstance(step, Write) and not accumulates(view.system, sink):
        problem = _undoes_newer(view, place, facts)
        consequence = overwritten(view, sink)
        shows = frozenset({"reverted", "stale", "phantom"})
    elif isinstance(step, Write | Call) and weight(view.system, sink) not in {None, "notice"} and place.hop is not None:
        problem = _applies_again(view, place, facts)
        consequence = lasting_consequence([weight(view.system, sink)])
        shows = frozenset({"duplicate", "wrong-total"})
    else:
        return None
    if problem is None:
        return None
    return Match(
        elements=told_apart(sink, _elements(place)),
        at=place.hop.path if place.hop is not None else sink.path,
        summary=f"{place.replayer.id} replays records of {place.channel} into {sink.target}: {problem}",
        consequence=consequence,
        targets=(Target(sink.target, sink.entity),),
        shows=shows,
    )


def _elements(place: Site) -> tuple[str, ...]:
    sink, failing = place.sink, place.failing
    own = (place.channel, place.replayer.id, sink.target)
    if failing is None:
        return own
    return (*own, *(name for name in (failing.consumed, failing.id, sink.entity) if name))


def _undoes_newer(view: View, place: Site, facts: Facts) -> str | None:
    """How a late record harms a sink that keeps the last one that came; None where it cannot."""
    sink, step = place.sink, place.sink.step
    entity = view.system.entity(sink.entity)
    trigger = (place.failing or sink.site).handler.trigger
    if not isinstance(step, Write) or step.values == "re-read" or step.mode == "rebuild-and-swap":
        return None
    if entity is not None and entity.change in {"append-only", "commutative"}:
        return None
    if isinstance(trigger, OnConsume) and trigger.parks_key:
        # Later records of the key wait, so nothing newer is there yet.
        return None
    guard = facts.ask(
        (*sink.path, "guard"),
        step.guard,
        ("none", "version"),
        f"Does {sink.target} refuse a write of {sink.site.id} that is older than what it holds?",
    )
    if guard in {"version", "condition"}:
        if step.guard is None or refuses_old(view, sink) or not lets_old_in(view, sink, facts):
            return None
        return old_wins(view, sink, "")
    return f"a record that failed long ago overwrites what {sink.entity or 'the same key'} became since"


def _applies_again(view: View, place: Site, facts: Facts) -> str | None:
    """How a replayed record is counted twice; None where the sink recognises it."""
    sink, hop, dedup = place.sink, place.hop, place.sink.site.handler.dedup
    if harm_of(view, sink, facts) is None:
        return None
    if protection_of(view, sink, facts) != "ok":
        return "a record whose first try took effect before it failed is applied a second time"
    if isinstance(hop, Effect) and isinstance(hop.step, Append) and hop.step.operation_id in {"new", NONE}:
        return "it no longer has its id, so a first try that took effect is not recognised"
    if dedup is None or not has_dedup(sink.site):
        return None
    element = view.system.channel(place.channel)
    retention = element.retention if element is not None else None
    if dedup.window is None and retention is None:
        return None
    window = facts.ask(
        (*sink.site.path, "dedup", "window"),
        dedup.window,
        ("1s", "forever"),
        f"How long does {sink.site.id} remember what it has handled?",
    )
    parked = facts.ask(
        ("channels", place.channel, "retention"),
        retention,
        ("forever", "1s"),
        f"How long may a record lie in {place.channel} before it is replayed?",
    )
    if (seconds(window) or 0) < (seconds(parked) or 0):
        return "it may come back after its id was forgotten, so a first try that took effect is not recognised"
    return None

"""The harm that an effect does when it runs twice."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Literal

from data_integration_architect.analysis.lifecycle import is_planned
from data_integration_architect.analysis.repair import Healing, healing_of
from data_integration_architect.analysis.severity import Consequence
from data_integration_architect.analysis.system import Effect, HandlerSite, System
from data_integration_architect.analysis.view import View
from data_integration_architect.topology import (
    Append,
    Call,
    OnSchedule,
    Write,
)
from data_integration_architect.topology.values import period_seconds

Harm = Literal["money", "external", "twice", "notice"]
"""What a repetition does, the worst first: moves money, has another effect that stays, counts or stores twice,
tells somebody twice."""
HARMS: tuple[Harm, ...] = ("money", "external", "twice", "notice")


def accumulates(system: System, effect: Effect) -> bool:
    """Whether a write adds to what is there, so that running it twice leaves more than running it once."""
    step = effect.step
    if not isinstance(step, Write):
        return False
    if step.mode in {"insert", "increment"}:
        return True
    channel = system.channel(effect.site.consumed) if effect.site.consumed else None
    content = channel.event.content if channel is not None else None
    # A difference that is "written" without a mode, or merged, is added.
    if channel is None or step.mode not in {None, "merge"} or step.values not in {None, "event"}:
        return False
    entity = system.entity(effect.entity)
    differs = entity is not None and entity.change == "delta" and step.mode is None
    return content == "delta" or (differs and content is None)


def counts_records(effect: Effect) -> bool:
    """Whether a consumer keeps a result over many records and writes it as a whole: a repeated record counts twice."""
    handler = effect.site.handler
    if handler.computes is None or effect.site.consumed is None or not isinstance(effect.step, Write):
        return False
    return effect.step.mode in {None, "replace", "merge"} and effect.step.values != "re-read"


def weight(system: System, effect: Effect) -> Harm | None:
    """The harm that a repetition of `effect` can do when nothing refuses it; an append is as bad as what follows."""
    step = effect.step
    if is_planned(system, effect):
        return None
    if isinstance(step, Write):
        return "twice" if accumulates(system, effect) or counts_records(effect) else None
    if isinstance(step, Call):
        return _call_weight(step)
    return _append_weight(system, effect) if isinstance(step, Append) else None


def _call_weight(step: Call) -> Harm | None:
    if step.kind in {"charge", "payout"}:
        return "money"
    if step.kind in {"ship", "grant"}:
        return "external"
    if step.kind == "notify":
        return "notice"
    if step.kind is None and step.reversible is None and step.operation_id is None:
        # Nothing is said of the effect; most such calls copy state.
        return None
    return None if step.reversible else "external"


def _append_weight(system: System, effect: Effect) -> Harm | None:
    return worst(
        [_channel_weights(system).get(effect.target), "twice" if _is_new_with_each_id(system, effect) else None]
    )


def _is_new_with_each_id(system: System, append: Effect) -> bool:
    """Whether a record with another id is another entity, or another addition to one."""
    entity, element = system.entity(append.entity), system.channel(append.target)
    if entity is not None and entity.change in {"append-only", "delta", "commutative"}:
        return True
    own = element.event.id if element is not None else None
    return own is not None and own == system.key_of(append.entity)


@lru_cache(maxsize=4)  # every rule asks for the same few systems again
def _channel_weights(system: System) -> Mapping[str, Harm | None]:
    """Channel → the worst that a second copy of a record in it does, over all hops behind it."""
    own: dict[str, set[Harm | None]] = {}
    before: dict[str, set[str]] = {}
    for effect in system.effects:
        consumed = effect.site.consumed
        if consumed is None or effect.is_read or is_planned(system, effect):
            continue
        if isinstance(effect.step, Append):
            before.setdefault(effect.target, set()).add(consumed)
            own.setdefault(consumed, set()).add("twice" if _is_new_with_each_id(system, effect) else None)
        else:
            own.setdefault(consumed, set()).add(weight(system, effect))
    found = {channel: worst(harms) for channel, harms in own.items()}
    # The worst first, each channel once: what reaches a channel first is its worst.
    settled: dict[str, Harm | None] = {}
    for harm in HARMS:
        pending = sorted(channel for channel, its in found.items() if its == harm)
        while pending:
            channel = pending.pop()
            if channel not in settled:
                settled[channel] = harm
                pending.extend(sorted(before.get(channel, ())))
    return settled


def worst(harms: Iterable[Harm | None]) -> Harm | None:
    found = set(harms)
    return next((harm for harm in HARMS if harm in found), None)


def heavy_effects(system: System, site: HandlerSite) -> list[tuple[Effect, Harm]]:
    """Effects of a handler whose repetition leaves something wrong behind, a notice not counted."""
    found = [(effect, weight(system, effect)) for effect in site.changes]
    return [(effect, harm) for effect, harm in found if harm is not None and harm != "notice"]


def lasting_consequence(harms: Iterable[Harm | None]) -> Consequence:
    """The worst of several repeated effects that nothing repairs, for severity."""
    harm = worst(harms)
    if harm == "money":
        return Consequence("integrity", effect="money")
    return Consequence("integrity", effect="external" if harm == "external" else "none")


def consequence_of(view: View, effect: Effect, harm: Harm) -> Consequence:
    """What one repeated effect does, for severity."""
    if harm in {"money", "external"}:
        return lasting_consequence([harm])
    if harm == "notice":
        must_be_once = any(c.kind == "once" and c.entity == effect.entity for c in view.topology.constraints)
        # A second notice leaves no wrong state behind; all notices of years are no slip.
        heavy = must_be_once or rebuilt_beside(view, effect) is not None
        return Consequence("integrity", tolerated=not heavy, minor=heavy)
    computes = effect.site.handler.computes
    store = effect.target if view.system.store(effect.target) else None
    healing = _recomputed(view, effect) or (healing_of(view.system, store, effect.entity) if store else None)
    return Consequence("integrity", heals=healing or "never", minor=computes is not None and computes.exact is False)


def rebuilt_beside(view: View, effect: Effect) -> str | None:
    """A store that the handler of an outside effect builds from a log that keeps everything: whoever builds it anew
    by reading the log from its start repeats every effect.
    """
    name = effect.site.consumed
    channel = view.system.channel(name) if name else None
    if name is None or channel is None or view.system.channel_kind(name) != "log":
        return None
    keeps_all = channel.retention == "forever" and channel.cleanup != "compact"
    built = (e.target for e in effect.site.changes if isinstance(e.step, Write) and not is_planned(view.system, e))
    return next(built, None) if keeps_all else None


def _recomputed(view: View, effect: Effect) -> Healing | None:
    """Another handler computes the same result from all records again, at the latest after its period."""
    computes = effect.site.handler.computes
    if computes is None:
        return None
    periods = [
        period_seconds(site.handler.trigger.every)
        for site in view.system.handlers.values()
        if site.id != effect.site.id
        and site.handler.computes is not None
        and site.handler.computes.result == computes.result
        and isinstance(site.handler.trigger, OnSchedule)
    ]
    return Healing(min(periods), True) if periods else None


def counts_unsafely(view: View, effect: Effect) -> bool:
    """Whether a count is kept by code or an engine that does not rewind its state together with its position."""
    computes = effect.site.handler.computes
    head = view.catalog.engine(computes.engine) if computes else None
    return counts_records(effect) and (head is None or head.exactly_once == "none")

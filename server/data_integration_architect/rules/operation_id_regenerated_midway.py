"""A hop makes a new operation id although one came in, and what comes after relies on the id.

Decides from `operation_id: new` on an append, call or guarded insert. Cannot see an id that goes on in a field which
nobody named.
"""

from __future__ import annotations

from collections.abc import Iterator

from data_integration_architect.analysis.delivery import may_repeat
from data_integration_architect.analysis.facts import Facts
from data_integration_architect.analysis.match import Match
from data_integration_architect.analysis.protection import dedup_fields, has_dedup, request_of, runs_again
from data_integration_architect.analysis.repetition import lasting_consequence, weight
from data_integration_architect.analysis.severity import Target
from data_integration_architect.analysis.system import Effect, HandlerSite
from data_integration_architect.analysis.view import View
from data_integration_architect.topology import NONE, Append, Call, Write


def sites(view: View) -> Iterator[Effect]:
    for effect in view.system.effects:
        step = effect.step
        if not isinstance(step, Append | Call | Write) or weight(view.system, effect) in {None, "notice"}:
            continue
        if not (effect.site.consumed or request_of(effect.site)):
            continue
        if isinstance(step, Append) and not _relied_on(view, effect) and _undecided(view, effect) is None:
            continue
        if step.operation_id == "new" or (step.operation_id is None and _may_lose_id(view, effect)):
            yield effect


def _may_lose_id(view: View, effect: Effect) -> bool:
    """Whether records with an id go on into a service, or into a channel whose records have another id."""
    before = view.system.channel(effect.site.consumed) if effect.site.consumed else None
    if before is None or before.event.id in (None, NONE):
        return False
    after = view.system.channel(effect.target)
    if after is not None:
        # A relay that names the same id, or none of its own, sends on what it got.
        return after.event.id not in (None, NONE, before.event.id)
    return isinstance(effect.step, Call)


def _relied_on(view: View, effect: Effect) -> bool:
    """Whether a consumer of the channel recognises repetitions by an id that this hop may have replaced."""
    system = view.system
    element = system.channel(effect.target)
    own = element.event.id if element is not None else None
    carried_on = _incoming_ids(view, effect.site)
    for consumer in system.consumers(effect.target):
        dedup = consumer.handler.dedup
        if dedup is not None and has_dedup(consumer):
            by = dedup_fields(dedup)
            # A field that came in and that is not the new id of the event was carried on.
            if by & carried_on and own not in by:
                continue
            if getattr(effect.step, "operation_id", None) != "new" and by & carried_on:
                continue
            return True
        passed = (getattr(e.step, "operation_id", None) == "passed" for e in consumer.changes)
        if any(passed):
            return True
    return False


def _undecided(view: View, effect: Effect) -> HandlerSite | None:
    """A consumer behind a hop that makes a new id, of which nobody said how it recognises repetitions."""
    if getattr(effect.step, "operation_id", None) != "new":
        return None
    return next((c for c in view.system.consumers(effect.target) if c.handler.dedup is None), None)


def _incoming_ids(view: View, site: HandlerSite) -> set[str]:
    """Names of the fields that identify what came in."""
    system = view.system
    if site.consumed is None:
        return set()
    element = system.channel(site.consumed)
    own = {element.event.id} if element is not None and element.event.id not in (None, NONE) else set()
    keys = {key for key in (system.key_of(entity) for entity in system.carried(site.consumed)) if key}
    return {name for name in own | keys if name}


def judge(view: View, effect: Effect, facts: Facts) -> Match | None:
    site, step = effect.site, effect.step
    if not isinstance(step, Append | Call | Write):
        return None
    operation_id = facts.ask(
        (*effect.path, "operation_id"),
        step.operation_id,
        ("new", "passed"),
        f"Does {site.id} pass on the id of the operation that it got, or does it make a new one?",
    )
    if operation_id != "new" or not _came_in(view, site, facts):
        return None
    if isinstance(step, Append) and not _relied_on(view, effect) and not _asked_to_rely(view, effect, facts):
        return None
    again = may_repeat(view.system, effect) if site.consumed else runs_again(view.system, effect, facts)
    if not again:
        return None
    return Match(
        elements=(site.id, effect.target),
        at=(*effect.path, "operation_id"),
        summary=(
            f"{site.id} gets an operation with an id and gives {effect.target} a new one each time it runs: a "
            f"repetition looks like another operation there and is applied again"
        ),
        consequence=lasting_consequence([weight(view.system, effect)]),
        targets=(Target(effect.target, effect.entity),),
        shows=frozenset({"duplicate", "wrong-total"}),
    )


def _asked_to_rely(view: View, effect: Effect, facts: Facts) -> bool:
    consumer = _undecided(view, effect)
    if consumer is None:
        return False
    element = view.system.channel(effect.target)
    own = element.event.id if element is not None and element.event.id not in (None, NONE) else "message_id"
    carried_on = min(_incoming_ids(view, effect.site) - {own}, default=NONE)
    by = facts.ask(
        (*consumer.path, "dedup", "by"),
        None,
        (own, carried_on),
        f"By which field does {consumer.id} recognise what it has handled before?",
    )
    return bool(by == own)


def _came_in(view: View, site: HandlerSite, facts: Facts) -> bool:
    request = request_of(site)
    if request is not None:
        made = request.operation_id
        if made is not None and made.survives_retry is False:
            return False
        made_by = facts.ask(
            (*site.path, "trigger", "request", "operation_id", "made_by"),
            made.made_by if made is not None else None,
            ("client", NONE),
            f"Who makes the id of the operation that {site.id} is asked for, and when?",
        )
        return bool(made_by == "client")
    if site.consumed is None:
        return False
    element = view.system.channel(site.consumed)
    identity = facts.ask(
        ("channels", site.consumed, "event", "id"),
        element.event.id if element is not None else None,
        ("event_id", NONE),
        f"Which field identifies a record of {site.consumed}?",
    )
    return bool(identity != NONE)

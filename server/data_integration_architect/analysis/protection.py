"""Whether an effect can run twice, and what refuses or recognises the repetition."""

from __future__ import annotations

from typing import Literal

from data_integration_architect.analysis.delivery import delivery_of, may_repeat
from data_integration_architect.analysis.facts import Facts
from data_integration_architect.analysis.repetition import Harm, accumulates, counts_unsafely, weight
from data_integration_architect.analysis.system import Effect, HandlerSite, System
from data_integration_architect.analysis.view import View
from data_integration_architect.topology import (
    NONE,
    Append,
    Call,
    OnChanges,
    OnRequest,
    OnSchedule,
    Write,
)
from data_integration_architect.topology.steps import Dedup
from data_integration_architect.topology.triggers import Request

REFUSING_GUARDS = {"version", "unique-key", "condition"}


def request_of(site: HandlerSite) -> Request | None:
    """The request that a handler answers, None for other triggers and for an unknown caller."""
    trigger = site.handler.trigger
    return trigger.request if isinstance(trigger, OnRequest) else None


def is_refused(system: System, effect: Effect) -> bool:
    """Whether a said guard refuses the repetition: on the write, or on an insert of the same transaction."""
    step = effect.step
    if not isinstance(step, Write):
        return False
    if step.guard in REFUSING_GUARDS and not (_only_informational(system, effect) or _checks_amount(system, effect)):
        return True
    return any(
        isinstance(other.step, Write)
        and other.step.guard == "unique-key"
        and other.step.operation_id != "new"
        and system.share_transaction(other, effect)
        for other in effect.site.changes
    )


def _checks_amount(system: System, effect: Effect) -> bool:
    """Whether the condition of an increment is that of a constraint: enough is left for a repetition, too."""
    conditional = isinstance(effect.step, Write) and (effect.step.mode, effect.step.guard) == ("increment", "condition")
    return conditional and any(
        c.kind in {"non-negative", "sum"} and c.entity and c.entity.split(".", 1)[0] == effect.entity
        for c in system.topology.constraints
    )


def _only_informational(system: System, effect: Effect) -> bool:
    """Whether the product notes a unique key without enforcing it."""
    head = system.technology(effect.target)
    unique = isinstance(effect.step, Write) and effect.step.guard == "unique-key"
    return unique and head is not None and head.unique_constraint_kind == "informational"


def is_refused_by_meaning(system: System, effect: Effect) -> bool:
    """Whether a repetition is refused by fields that the caller knows, whatever id it carries."""
    entity, step, dedup = system.entity(effect.entity), effect.step, effect.site.handler.dedup
    natural = set(entity.natural_key) if entity is not None else set()
    if not natural:
        return False
    keys: list[set[str]] = []
    if isinstance(step, Write) and step.guard == "unique-key":
        keys.append(set(step.guard_key) or natural)
    if dedup is not None and dedup.by not in (None, NONE):
        keys.append(dedup_fields(dedup))
    return any(key <= natural for key in keys)


def dedup_fields(dedup: Dedup) -> set[str]:
    if dedup.by in (None, NONE):
        return set()
    return {dedup.by} if isinstance(dedup.by, str) else set(dedup.by or ())


def has_dedup(site: HandlerSite) -> bool:
    """Whether repetitions are recognised in some way, even where nobody said by which field."""
    dedup = site.handler.dedup
    return dedup is not None and dedup.by != NONE and bool(dedup.model_fields_set)


def runs_again(system: System, effect: Effect, facts: Facts, seen: frozenset[str] = frozenset()) -> bool:
    """Whether the effect can run twice for one intent: redelivery, a retried request, a retried call, a second run.

    `seen`: channels behind which the question is already being asked.
    """
    if isinstance(effect.step, Call) and effect.step.retry is not None and (effect.step.retry.attempts or 0) > 0:
        return True
    site = effect.site
    if site.consumed:
        return may_repeat(system, effect) or comes_twice(system, site.consumed, facts, seen)
    trigger = site.handler.trigger
    if isinstance(trigger, OnChanges):
        # A database trigger runs in the transaction of the change.
        return trigger.by != "trigger"
    if isinstance(trigger, OnSchedule):
        return isinstance(effect.step, Call)
    request = request_of(site)
    repeats = facts.ask(
        (*site.path, "trigger", "request", "retries"),
        request.retries if request is not None else None,
        (True, False),
        f"Does the caller of {site.id}, its library or the person repeat a request that seemed to fail?",
    )
    # A handler whose caller nobody named may be none that answers requests: the answer would say so.
    return request is not None and bool(repeats)


def comes_twice(system: System, channel: str, facts: Facts, seen: frozenset[str] = frozenset()) -> bool:
    """Whether the same event can stand in a channel twice, which no way of acknowledging helps against.

    So it is where a producer can run its append again (a request that is repeated, a capture or relay that goes back
    to its last position) and neither recognises the repetition nor appends in one transaction with its position, and
    where its library sends a record again whose acknowledgement was lost.
    """
    if channel in seen or delivery_of(system, channel) == "exactly-once":
        return False
    appends = [(e, e.step) for e in system.appends(channel) if isinstance(e.step, Append)]
    return any(_is_sent_again(system, append, step, facts) for append, step in appends) or any(
        runs_again(system, append, facts, seen | {channel})
        for append, step in appends
        if not has_dedup(append.site) and step.guard != "transaction"
    )


def _is_sent_again(system: System, append: Effect, step: Append, facts: Facts) -> bool:
    """Whether the library of a producer makes two records of one; asked where a consumer speaks of repetitions."""
    if (step.delivery or delivery_of(system, append.target)) == "at-most-once":
        return False
    spoken = any(site.handler.dedup is not None for site in system.consumers(append.target))
    if step.guard is None and not spoken:
        return False
    ask = f"What keeps a record that {append.site.id} sends to {append.target} again from becoming two?"
    return bool(facts.ask((*append.path, "guard"), step.guard, (NONE, "idempotent-producer"), ask) == NONE)


def harm_of(view: View, effect: Effect, facts: Facts) -> Harm | None:
    """What a repetition does, after what is said or answered about guards and about the kind of call."""
    system, step = view.system, effect.step
    if isinstance(step, Write):
        return "twice" if _adds_twice(view, effect, facts) else None
    if not isinstance(step, Call):
        return None
    if step.asks_first or (step.retry is not None and step.retry.idempotent):
        return None
    if step.kind in {None, "other"}:
        lasting = not facts.ask(
            (*effect.path, "reversible"),
            step.reversible,
            (False, True),
            f"Can what {effect.target} does for {effect.site.id} be taken back, or done twice without harm?",
        )
        return "external" if lasting else None
    return weight(system, effect)


def _adds_twice(view: View, effect: Effect, facts: Facts) -> bool:
    system, step = view.system, effect.step
    if not isinstance(step, Write) or is_refused(system, effect):
        return False
    if step.mode == "insert":
        head = system.technology(effect.target)
        unenforced = head is not None and head.unique_constraint_kind in {"informational", "none"}
        guard = "none" if unenforced else step.guard
        answer = facts.ask(
            (*effect.path, "guard"),
            guard,
            ("none", "unique-key"),
            f"Does a unique key of {effect.target} refuse a row that {effect.site.id} inserts a second time?",
        )
        return answer not in REFUSING_GUARDS
    if accumulates(system, effect):
        return True
    return counts_unsafely(view, effect)


def protection_of(view: View, effect: Effect, facts: Facts) -> Literal["none", "split", "ok"]:
    """Whether a repetition is recognised: not at all, by a memory outside the effect's transaction, or for certain."""
    site, step = effect.site, effect.step
    dedup = site.handler.dedup
    if isinstance(step, Call):
        # A second notice is too small a matter to ask about.
        said = step.operation_id or (NONE if step.kind == "notify" else None)
        operation_id = facts.ask(
            (*effect.path, "operation_id"),
            said,
            ("none", "passed"),
            f"Does {site.id} pass {effect.target} an id by which it recognises a repeated request?",
        )
        if operation_id == "passed":
            return "ok"
        if dedup is None:
            # No memory of our own commits together with a call.
            return "none"
    request = request_of(site)
    no_id = request is not None and request.operation_id is not None and request.operation_id.made_by == NONE
    if dedup is None and no_id:
        return "none"
    if dedup is None or dedup.by is None:
        answer = facts.ask(
            (*site.path, "dedup"),
            None,
            (NONE, {"by": "event_id", "atomic": True}),
            f"How does {site.id} recognise what it has handled before?",
        )
        return "none" if answer == NONE else "ok"
    if dedup.by == NONE:
        return "none"
    return "ok" if _is_atomic(view.system, effect, dedup, facts) else "split"


def _is_atomic(system: System, effect: Effect, dedup: Dedup, facts: Facts) -> bool:
    atomic = dedup.atomic
    if atomic is None and dedup.in_ and system.store(effect.target) and not isinstance(effect.step, Call):
        # Two instances have no common transaction.
        atomic = None if system.same_instance(dedup.in_, effect.target) else False
    return bool(
        facts.ask(
            (*effect.site.path, "dedup", "atomic"),
            atomic,
            (False, True),
            f"Does {effect.site.id} check the id, apply the effect and remember the id in one transaction?",
        )
    )


def lags_behind(system: System, asked: str, remembers: str | None) -> bool:
    """Whether a store that is asked can lack what the other one already holds: a replica, or a copy of another kind."""
    element = system.store(asked)
    if element is None:
        return False
    if element.replica_of:
        return element.replication not in {"sync", "quorum"}
    return remembers is not None and not system.same_instance(asked, remembers)

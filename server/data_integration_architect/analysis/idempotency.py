"""What happens when an effect runs twice, what keeps it from harm, and the idempotency of every flow."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Literal

from data_integration_architect.analysis.delivery import acknowledges, has_competing_consumers, may_repeat
from data_integration_architect.analysis.facts import Facts
from data_integration_architect.analysis.flows import Flow
from data_integration_architect.analysis.guards import order_sensitive
from data_integration_architect.analysis.lifecycle import is_planned
from data_integration_architect.analysis.order import applied_from, reorderings
from data_integration_architect.analysis.repair import Healing, healing_of
from data_integration_architect.analysis.severity import Consequence
from data_integration_architect.analysis.system import Effect, HandlerSite, System
from data_integration_architect.analysis.view import View
from data_integration_architect.results import Idempotency
from data_integration_architect.topology import (
    NONE,
    Append,
    Call,
    Invalidate,
    OnChanges,
    OnConsume,
    OnRequest,
    OnSchedule,
    Write,
)
from data_integration_architect.topology.steps import Dedup
from data_integration_architect.topology.triggers import Request
from data_integration_architect.topology.values import period_seconds, seconds

Harm = Literal["money", "external", "twice", "notice"]
"""What a repetition does, the worst first: moves money, has another effect that stays, counts or stores twice,
tells somebody twice."""
HARMS: tuple[Harm, ...] = ("money", "external", "twice", "notice")
Origin = Literal["client", "server", "event", "none", "unknown"]
Currently = Literal["ok", "partial", "missing", "broken", "n/a"]

REFUSING_GUARDS = {"version", "unique-key", "condition"}
_MECHANISMS_WITHOUT_NEED = {"native-replication", "federated-read", "two-phase-commit", "local-transaction"}
# The worst first: one effect of a flow that is not safe makes the flow unsafe.
_STATES: tuple[Currently, ...] = ("broken", "missing", "partial", "ok", "n/a")
_NAMES = (
    "dedup-by-operation-id", "unique-constraint-on-key", "transactional-sink", "versioned-upsert", "commutative-merge",
    "natural-upsert", "idempotent-delete", "refetch-current-state", "none-needed",
)  # fmt: skip


def request_of(site: HandlerSite) -> Request | None:
    """The request that a handler answers, None for other triggers and for an unknown caller."""
    trigger = site.handler.trigger
    return trigger.request if isinstance(trigger, OnRequest) else None


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


def runs_again(system: System, effect: Effect, facts: Facts) -> bool:
    """Whether the effect can run twice for one intent: redelivery, a retried request, a retried call, a second run."""
    if isinstance(effect.step, Call) and effect.step.retry is not None and (effect.step.retry.attempts or 0) > 0:
        return True
    site = effect.site
    if site.consumed:
        return may_repeat(system, effect) or _comes_twice(system, effect)
    trigger = site.handler.trigger
    if isinstance(trigger, OnChanges):
        # A database trigger runs in the transaction of the change.
        return trigger.by != "trigger"
    if isinstance(trigger, OnSchedule):
        return isinstance(effect.step, Call)
    request = request_of(site)
    if request is None:
        return False
    return bool(
        facts.ask(
            (*site.path, "trigger", "request", "retries"),
            request.retries,
            (True, False),
            f"Does the caller of {site.id}, its library or the person repeat a request that seemed to fail?",
        )
    )


DECISIVE = {"access", "billing", "stock", "legal"}


def _comes_twice(system: System, effect: Effect) -> bool:
    """Whether an event can be in the channel twice, which no way of acknowledging helps against.

    Concluded only where events have an id to know them by, nobody looks at it, and something is decided on the result.
    """
    channel, dedup = system.channel(effect.site.consumed or ""), effect.site.handler.dedup
    if channel is None or channel.event.id in (None, NONE) or dedup is None or dedup.by != NONE:
        return False
    readers = (system.topology.readers[i] for i in system.readers_of(effect.target, effect.entity))
    return any(reader.decides in DECISIVE for reader in readers)


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
    return _counts_unsafely(view, effect)


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
        # A second notice leaves no wrong state behind.
        return Consequence("integrity", tolerated=not must_be_once, minor=must_be_once)
    computes = effect.site.handler.computes
    store = effect.target if view.system.store(effect.target) else None
    healing = _recomputed(view, effect) or (healing_of(view.system, store, effect.entity) if store else None)
    return Consequence("integrity", heals=healing or "never", minor=computes is not None and computes.exact is False)


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


# The idempotency of flows


def idempotency_of(view: View) -> tuple[Idempotency, ...]:
    """For each flow: the mechanism that makes a repetition harmless, or the one that is needed, and how it stands."""
    return tuple(_of_flow(view, flow) for flow in view.flows)


def _of_flow(view: View, flow: Flow) -> Idempotency:
    remembered = flow.mechanism == "two-phase-commit" and any(has_dedup(e.site) for e in flow.effects)
    if not flow.effects or (flow.mechanism in _MECHANISMS_WITHOUT_NEED and not remembered):
        return _result(flow, "none-needed", "n/a", "none")
    origin = _origin_of_flow(view.system, flow)
    if remembered:
        return _result(flow, "dedup-by-operation-id", "ok", origin)
    if flow.mechanism == "cache-aside":
        deletes = any(isinstance(e.step, Invalidate) for e in flow.effects)
        return _result(flow, "idempotent-delete" if deletes else "natural-upsert", "ok", origin)
    judged = [_of_effect(view, effect, flow) for effect in flow.effects]
    mechanism, currently = min(judged, key=lambda pair: (_STATES.index(pair[1]), _NAMES.index(pair[0])))
    if flow.mechanism == "dual-write" and currently == "ok":
        # Repeating is harmless, but nobody repeats the half that failed.
        currently = "partial"
    return _result(flow, mechanism, currently, origin)


def _result(flow: Flow, mechanism: str, currently: Currently, origin: Origin) -> Idempotency:
    return Idempotency(flow=flow.id, mechanism=mechanism, currently=currently, operation_id_origin=origin)


def _of_effect(view: View, effect: Effect, flow: Flow) -> tuple[str, Currently]:
    step = effect.step
    if isinstance(step, Call):
        return _of_call(view, effect)
    if isinstance(step, Append):
        return _of_append(view, effect)
    if isinstance(step, Write):
        if accumulates(view.system, effect) or _counts_unsafely(view, effect):
            return _of_addition(view, effect, flow)
        return _of_replacement(view, step, effect)
    return "idempotent-delete", "ok"


def _of_replacement(view: View, step: Write, effect: Effect) -> tuple[str, Currently]:
    entity = view.system.entity(effect.entity)
    if step.mode == "delete":
        return "idempotent-delete", "ok"
    if step.guard == "version":
        return "versioned-upsert", "ok"
    if step.values == "re-read":
        return "refetch-current-state", "ok"
    if step.mode == "merge" and entity is not None and entity.change == "commutative":
        return "commutative-merge", "ok"
    # A repetition that can come after a newer record puts the old state back, so the key alone is not enough.
    late = order_sensitive(view, effect) and bool(reorderings(view, effect.site))
    return "natural-upsert", "partial" if late else "ok"


def _counts_unsafely(view: View, effect: Effect) -> bool:
    """Whether a count is kept by code or an engine that does not rewind its state together with its position."""
    computes = effect.site.handler.computes
    head = view.catalog.engine(computes.engine) if computes else None
    return counts_records(effect) and (head is None or head.exactly_once == "none")


def _of_addition(view: View, effect: Effect, flow: Flow) -> tuple[str, Currently]:
    system, step, site = view.system, effect.step, effect.site
    if site.consumed and acknowledges(site) == "with-effect" and not may_repeat(system, effect):
        return "transactional-sink", "ok"
    refused = is_refused(system, effect)
    if has_dedup(site):
        return "dedup-by-operation-id", "ok" if refused else _dedup_state(system, effect)
    if refused:
        guard = step.guard if isinstance(step, Write) else None
        return ("versioned-upsert" if guard == "version" else "unique-constraint-on-key"), "ok"
    if not _can_run_again(system, effect):
        return "none-needed", "n/a"
    if flow.mechanism == "batch-etl" and site.fired_by == "every":
        return "unique-constraint-on-key", "partial"
    inserts = isinstance(step, Write) and step.mode == "insert"
    return ("unique-constraint-on-key" if inserts else "dedup-by-operation-id"), "missing"


def _can_run_again(system: System, effect: Effect) -> bool:
    request = request_of(effect.site)
    if effect.site.consumed:
        return may_repeat(system, effect)
    return request is None or request.retries is not False


def _dedup_state(system: System, effect: Effect) -> Currently:
    """How far a said deduplication holds."""
    dedup, site = effect.site.handler.dedup, effect.site
    request = request_of(site)
    if dedup is None or dedup.atomic is False or dedup.distinguishes is False:
        return "broken"
    if request is not None and request.operation_id is not None and request.operation_id.made_by in {"server", NONE}:
        return "broken"
    other_instance = dedup.in_ and system.store(effect.target) and not system.same_instance(dedup.in_, effect.target)
    if dedup.atomic is None and other_instance:
        return "broken"
    narrow = dedup.scope == "per-instance" and site.concurrent
    stale = dedup.read_from is not None and lags_behind(system, dedup.read_from, dedup.in_)
    window, outage = seconds(dedup.window), seconds(system.topology.context.longest_outage)
    short = window is not None and outage is not None and window < outage
    if narrow or stale or short or dedup.atomic is None or isinstance(effect.step, Call):
        return "partial"
    return "ok"


def _of_call(view: View, effect: Effect) -> tuple[str, Currently]:
    step = effect.step
    if not isinstance(step, Call):
        return "none-needed", "n/a"
    if step.operation_id == "passed":
        request = request_of(effect.site)
        server = request is not None and request.operation_id is not None and request.operation_id.made_by == "server"
        return "dedup-by-operation-id", "broken" if server else "ok"
    if weight(view.system, effect) is None or (step.retry is not None and step.retry.idempotent):
        return "natural-upsert", "ok"
    if step.operation_id == "new":
        return "dedup-by-operation-id", "broken"
    if step.asks_first or has_dedup(effect.site):
        return "dedup-by-operation-id", "partial"
    request = request_of(effect.site)
    once = request is not None and request.retries is False and not (step.retry and step.retry.attempts)
    return ("none-needed", "n/a") if once else ("dedup-by-operation-id", "missing")


def _one_at_a_time(site: HandlerSite) -> bool:
    """Whether readers of one table wait for each other, or share it by key."""
    trigger = site.handler.trigger
    return isinstance(trigger, OnConsume) and (trigger.claim == "lock" or trigger.same_key_same_worker is True)


def _of_append(view: View, effect: Effect) -> tuple[str, Currently]:
    system, step, site = view.system, effect.step, effect.site
    if not isinstance(step, Append):
        return "none-needed", "n/a"
    element, request = system.channel(effect.target), request_of(site)
    if system.channel_kind(effect.target) == "webhook" and not system.consumers(effect.target):
        # The receiver is outside: only an id that it gets lets it recognise a repetition.
        has_id = step.operation_id == "passed" or (element is not None and element.event.id not in (None, NONE))
        return "dedup-by-operation-id", "ok" if has_id else "missing"
    if weight(system, effect) in {None, "notice"}:
        shared = site.consumed is not None and has_competing_consumers(system, site)
        behind = [e for e in applied_from(view, site) if order_sensitive(view, e)] if shared else []
        return "natural-upsert", "partial" if behind and not _one_at_a_time(site) else "ok"
    if request is not None:
        return "dedup-by-operation-id", _request_state(request)
    if step.operation_id == "new":
        return "dedup-by-operation-id", "broken"
    if step.guard == "transaction" or (site.consumed and not may_repeat(system, effect)):
        return "transactional-sink", "ok"
    known = step.operation_id == "passed" or site.captured or (element is not None and element.event.id)
    unknown = step.operation_id == NONE or (element is not None and element.event.id == NONE)
    return "dedup-by-operation-id", "missing" if unknown or not known else "ok"


def _request_state(request: Request) -> Currently:
    if request.retries is False:
        return "ok"
    made = request.operation_id
    if made is None or made.made_by == NONE:
        return "missing"
    if made.survives_retry is False or (made.made_by == "server" and not made.survives_retry):
        return "broken"
    return "broken" if made.built_from == "content-hash" else "ok"


# Whoever is named first makes the ids that are least to be trusted.
_ORIGINS: tuple[Origin, ...] = ("server", "none", "client", "event", "unknown")


def _origin_of_flow(system: System, flow: Flow) -> Origin:
    found = {_origin(system, effect.site) for effect in flow.effects}
    return next(origin for origin in _ORIGINS if origin in found)


def _origin(system: System, site: HandlerSite) -> Origin:
    """Who makes the id of the operation that a handler works on."""
    request = request_of(site)
    if request is not None:
        made = request.operation_id
        return made.made_by if made is not None and made.made_by else "unknown"
    if site.captured:
        return "event"
    return _channel_origin(system, site.consumed) if site.consumed else "unknown"


@lru_cache(maxsize=1024)
def _channel_origin(system: System, channel: str) -> Origin:
    """Who made the ids of the records of a channel, found upstream over hops that pass them on."""
    found: set[Origin] = set()
    seen: set[str] = set()
    pending = [channel]
    while pending:
        name = pending.pop()
        if name in seen:
            continue
        seen.add(name)
        element = system.channel(name)
        own = element.event.id if element is not None else None
        if own == NONE:
            found.add("none")
            continue
        keyed = own is not None or any(system.key_of(entity) for entity in system.carried(name))
        appends = system.appends(name)
        if not appends:
            # Events that come in from outside with an id got it from whoever sent them.
            found.add("client" if own else "event" if keyed else "unknown")
        for append in appends:
            operation_id = append.step.operation_id if isinstance(append.step, Append) else None
            if operation_id in {"new", NONE}:
                found.add("server" if operation_id == "new" else "none")
            elif append.site.consumed:
                pending.append(append.site.consumed)
            else:
                before = _origin(system, append.site)
                found.add("event" if before == "unknown" and keyed else before)
    return next((origin for origin in _ORIGINS if origin in found), "unknown")


# Copies that may not know yet


def lags_behind(system: System, asked: str, remembers: str | None) -> bool:
    """Whether a store that is asked can lack what the other one already holds: a replica, or a copy of another kind."""
    element = system.store(asked)
    if element is None:
        return False
    if element.replica_of:
        return element.replication not in {"sync", "quorum"}
    return remembers is not None and not system.same_instance(asked, remembers)

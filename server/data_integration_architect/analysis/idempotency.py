"""The idempotency of every flow: what makes a repetition harmless, or would."""

from __future__ import annotations

from typing import Literal

from data_integration_architect.analysis.delivery import acknowledges, has_competing_consumers, may_repeat
from data_integration_architect.analysis.flows import Flow
from data_integration_architect.analysis.guards import order_sensitive
from data_integration_architect.analysis.order import applied_from, reorderings
from data_integration_architect.analysis.origin import Origin, origin_of_flow
from data_integration_architect.analysis.protection import has_dedup, is_refused, lags_behind, request_of
from data_integration_architect.analysis.repetition import accumulates, counts_unsafely, weight
from data_integration_architect.analysis.system import Effect, HandlerSite, System
from data_integration_architect.analysis.view import View
from data_integration_architect.results import Idempotency
from data_integration_architect.topology import (
    NONE,
    Append,
    Call,
    Invalidate,
    OnConsume,
    Write,
)
from data_integration_architect.topology.triggers import Request
from data_integration_architect.topology.values import seconds

Currently = Literal["ok", "partial", "missing", "broken", "n/a"]
_MECHANISMS_WITHOUT_NEED = {"native-replication", "federated-read", "two-phase-commit", "local-transaction"}
# The worst first: one effect of a flow that is not safe makes the flow unsafe.
_STATES: tuple[Currently, ...] = ("broken", "missing", "partial", "ok", "n/a")
_NAMES = (
    "dedup-by-operation-id", "unique-constraint-on-key", "transactional-sink", "versioned-upsert", "commutative-merge",
    "natural-upsert", "idempotent-delete", "refetch-current-state", "none-needed",
)  # fmt: skip


def idempotency_of(view: View) -> tuple[Idempotency, ...]:
    """For each flow: the mechanism that makes a repetition harmless, or the one that is needed, and how it stands."""
    return tuple(_of_flow(view, flow) for flow in view.flows)


def _of_flow(view: View, flow: Flow) -> Idempotency:
    remembered = flow.mechanism == "two-phase-commit" and any(has_dedup(e.site) for e in flow.effects)
    if not flow.effects or (flow.mechanism in _MECHANISMS_WITHOUT_NEED and not remembered):
        return _result(flow, "none-needed", "n/a", "none")
    origin = origin_of_flow(view.system, flow)
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
        if accumulates(view.system, effect) or counts_unsafely(view, effect):
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

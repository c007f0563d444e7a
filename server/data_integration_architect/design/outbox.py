"""Events that carry intent: an outbox row in the transaction of the write, and a relay."""

from __future__ import annotations

from typing import Any

from data_integration_architect.advice.choice import Advice
from data_integration_architect.analysis.system import HandlerSite
from data_integration_architect.design.draft import Step, fitting, steps_of
from data_integration_architect.design.workbench import Workbench
from data_integration_architect.topology import Write


def outbox(bench: Workbench, advice: Advice) -> str:
    source, target = _home(bench, advice), advice.target
    if source is None:
        what = ", ".join(advice.entities) or "it"
        return f"not carried out: first declare the system of record of {what}; {advice.source} writes no store beside"
    entities = bench.entities(advice) if source == advice.source else _written_at(bench, advice, source)
    channels, consumers = bench.old_ways(advice)
    if bench.view.system.store(target) and not bench.view.system.is_external(target) and not channels:
        bench.remove_writes(advice)
    told = {e.entity for channel in channels for e in bench.view.system.appends(channel)}
    for entity in [e for e in entities if e in told] or entities:
        log = outbox_log(bench, source, entity, _ordered_by(bench, entity, target, consumers))
        for consumer in sorted(consumers):
            handler = bench.draft.handler(consumer)
            if handler is not None and handler.get("trigger", {}).get("consume") in channels:
                _follow_outbox(bench, handler, log, target)
        if not any(h.get("trigger", {}).get("consume") == log for _, h in bench.draft.handlers()):
            if bench.view.system.is_external(target):
                _call_from_log(bench, log, advice, entity)
            elif bench.view.system.store(target):
                bench.sink(log, target, entity)
    bench.remove_announcements(advice)
    return f"an outbox row is written in the transaction on {source}; a relay sends committed rows in commit order"


def _home(bench: Workbench, advice: Advice) -> str | None:
    """The store whose transaction takes the outbox row: the source, or what the caller writes beside its call."""
    system = bench.view.system
    if system.store(advice.source) is not None:
        return advice.source
    for site in _sites(bench, advice):
        for effect in site.changes:
            is_own = effect.target != advice.target and not system.is_external(effect.target)
            if isinstance(effect.step, Write) and is_own:
                return effect.target
    return None


def _sites(bench: Workbench, advice: Advice) -> list[HandlerSite]:
    handlers = {h for f in bench.view.flows if (f.source, f.target) == advice.key for h in f.handlers}
    return [bench.view.system.handlers[h] for h in sorted(handlers)]


def _written_at(bench: Workbench, advice: Advice, store: str) -> list[str]:
    """The entity that the calling handlers write first at the store of the outbox: its change announces the call."""
    found = [
        effect.entity
        for site in _sites(bench, advice)
        for effect in site.changes
        if isinstance(effect.step, Write) and effect.target == store and effect.entity
    ]
    return list(dict.fromkeys(found))[:1]


def _ordered_by(bench: Workbench, entity: str, target: str, consumers: set[str]) -> str | None:
    """Key within which records must stay in order: that of the entity that the consumers change at the target."""
    changed = [
        effect.entity
        for consumer in sorted(consumers)
        for effect in bench.view.system.handlers[consumer].changes
        if effect.target == target and effect.entity
    ]
    return bench.draft.key_of(changed[0] if changed else entity)


def outbox_log(bench: Workbench, source: str, entity: str, message_key: str | None) -> str:
    key = (source, entity)
    if key in bench.change_logs:
        return bench.change_logs[key]
    table = fitting(f"{source}_outbox")
    if table not in bench.draft.group("channels"):
        bench.draft.add_channel(
            table, technology="table", status="planned", **{"in": source},
            event={"content": "full", "id": "event_id", "version": "commit-position", "on_delete": "full"},
        )  # fmt: skip
    log = bench.outage_safe_channel(
        f"{entity}_events", entity, id="event_id", version="commit-position", on_delete="full"
    )
    if message_key is not None:
        bench.draft.data["channels"][log]["message_key"] = message_key
    bench.change_logs[key] = log
    for handler_id in bench.direct_handlers():
        handler = bench.draft.handler(handler_id)
        if handler is not None:
            handler["steps"] = with_outbox(handler.get("steps", []), source, entity, table)
    relay = bench.draft.handler(f"{fitting(f'{source}_relay')}.{fitting(f'relay_{entity}')}")
    if relay is None:
        step = {"append": log, "entity": entity, "operation_id": "passed", "guard": "idempotent-producer"}
        trigger = {
            "consume": table,
            "cursor": "commit-order",
            "claim": "lock",
            "workers": 1,
            "acknowledge": "after",
        }
        facts = {"trigger": trigger, "steps": [step], "status": "planned"}
        bench.draft.add_handler(f"{source}_relay", f"relay_{entity}", facts, instances=1, status="planned")
    return log


def _follow_outbox(bench: Workbench, handler: dict[str, Any], log: str, target: str) -> None:
    handler["trigger"] = {"consume": log, "cursor": "offset", "workers": 1, "acknowledge": "after"}
    for step in steps_of(handler):
        if step.get("call") == target:
            step["operation_id"] = "passed"
        if step.get("write") == target and step.get("mode", "replace") in {"replace", "merge", "delete"}:
            step.update({"guard": "version", "values": "event", "retry": {"attempts": 10, "then": "block"}})
        step.pop("retry", None) if "read" in step else None


def _call_from_log(bench: Workbench, log: str, advice: Advice, entity: str) -> None:
    for handler_id in bench.direct_handlers():
        handler = bench.draft.handler(handler_id)
        moved = [s for s in steps_of(handler or {}) if s.get("call") == advice.target]
        if moved:
            bench.draft.remove_steps([handler_id], lambda s: s.get("call") == advice.target)
            step = {
                "entity": entity,
                **moved[0],
                "operation_id": "passed",
                "retry": {"attempts": 10, "then": "block"},
            }
            trigger = {"consume": log, "cursor": "offset", "workers": 1, "acknowledge": "after"}
            facts = {"trigger": trigger, "steps": [step], "status": "planned"}
            bench.draft.add_handler(f"{advice.target}_caller", f"call_{entity}", facts, instances=1, status="planned")
            return


def with_outbox(steps: list[Step], source: str, entity: str, table: str) -> list[Step]:
    """Steps with an outbox row in the transaction of each write of `entity` to `source`."""
    row: Step = {"append": table, "entity": entity, "operation_id": "passed"}

    def writes(step: Step) -> bool:
        return step.get("write") == source and str(step.get("entity", "")).split(".")[0] == entity

    result: list[Step] = []
    for step in steps:
        if step.get("transaction") == source:
            inner = list(step.get("steps", []))
            if any(writes(s) for s in inner) and not any(
                s.get("append") == table and s.get("entity") == entity for s in inner
            ):
                inner.append(dict(row))
            result.append({**step, "steps": inner})
        elif writes(step):
            result.append({"transaction": source, "steps": [step, dict(row)]})
        else:
            result.append(step)
    return result

"""A log that the application appends to first, and that every store follows; and a push that becomes such a log."""

from __future__ import annotations

from data_integration_architect.advice.choice import Advice
from data_integration_architect.design.draft import Step, steps_of
from data_integration_architect.design.workbench import PARTITIONS, Workbench


def log_first(bench: Workbench, advice: Advice) -> str:
    """Direct writes of the entities become appends to a log that keeps everything; source and target both follow."""
    source, target = advice.source, advice.target
    if bench.view.system.store(source) is None:
        what = ", ".join(advice.entities) or "it"
        return f"not carried out: first declare the system of record of {what}; {source} is no store"
    bench.remove_writes(advice)
    for entity in bench.entities(advice):
        key = (source, entity)
        if key not in bench.change_logs:
            log = bench.outage_safe_channel(
                f"{entity}_log", entity, id="event_id", version="commit-position", on_delete="full"
            )
            bench.draft.data["channels"][log]["retention"] = "forever"
            bench.change_logs[key] = log
            append: Step = {
                "append": log, "entity": entity, "operation_id": "passed", "guard": "idempotent-producer",
            }  # fmt: skip
            for handler_id in bench.direct_handlers():
                handler = bench.draft.handler(handler_id)
                if handler is not None:
                    handler["steps"] = _appending(handler.get("steps", []), source, entity, append)
            bench.sink(log, source, entity)
            bench.draft.data["entities"][entity]["system_of_record"] = log
        if bench.view.system.store(target):
            bench.sink(bench.change_logs[key], target, entity)
    bench.remove_announcements(advice)
    return (
        f"the application appends to a log that keeps everything; {source} and {target} follow it, so a writer that "
        "must see its own write waits for its position"
    )


def _appending(steps: list[Step], source: str, entity: str, append: Step) -> list[Step]:
    """`steps` with each write of the entity to the source replaced by one append."""

    def is_write(step: Step) -> bool:
        return step.get("write") == source and str(step.get("entity", "")).split(".")[0] == entity

    result: list[Step] = []
    is_appended = False
    for step in steps:
        inner = [s for s in step.get("steps", []) if not is_write(s)]
        replaced = is_write(step) or len(inner) < len(step.get("steps", []))
        if replaced and not is_appended:
            result.append(dict(append))
            is_appended = True
        if not replaced:
            result.append(step)
        elif inner:
            result.append({**step, "steps": inner})
    return result


def make_durable(bench: Workbench, advice: Advice) -> str:
    """A push or buffer on the way to the target becomes a log with retention, read from a stored position."""
    changed = []
    for flow in bench.view.flows:
        if not set(flow.entities) & set(advice.entities) or flow.target != advice.target:
            continue
        for name in (flow.source, flow.target, flow.via):
            if name in bench.draft.data.get("channels", {}) and name not in changed:
                _retain(bench, str(name))
                changed.append(str(name))
    if not changed:
        return f"not carried out: no channel on the way from {advice.source} to {advice.target} is described"
    names = ", ".join(changed)
    return f"{names} becomes a log that keeps records for {bench.retention()}; consumers acknowledge after the effect"


def _retain(bench: Workbench, name: str) -> None:
    channel = bench.draft.data["channels"][name]
    entity = next(iter(channel.get("carries", [])), None)
    channel.update(
        {
            "technology": "kafka",
            "retention": bench.retention(),
            "delivery": "at-least-once",
            "when_full": "block",
            "partitions": channel.get("partitions", PARTITIONS),
        }
    )
    if entity and "message_key" not in channel and (key := bench.draft.key_of(entity)):
        channel["message_key"] = key
    for _, handler in bench.draft.handlers():
        for step in steps_of(handler):
            if step.get("append") == name:
                step.pop("delivery", None)
        if handler.get("trigger", {}).get("consume") == name:
            handler["trigger"]["acknowledge"] = "after"

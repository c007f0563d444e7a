"""Rows of an outbox table: where they are written, and how they are taken."""

from __future__ import annotations

from typing import Any

from data_integration_architect.design.draft import Step, fitting, steps_of
from data_integration_architect.design.workbench import Workbench

# How rows of an outbox are taken: what committed first goes first, by one at a time.
BY_COMMIT = {"cursor": "commit-order", "claim": "lock", "workers": 1, "acknowledge": "after"}


def table_of(bench: Workbench, store: str) -> str:
    """The outbox table that this design makes in a store."""
    table = fitting(f"{store}_outbox")
    if table not in bench.draft.group("channels"):
        bench.draft.add_channel(
            table, technology="table", status="planned", **{"in": store},
            event={"content": "full", "id": "event_id", "version": "commit-position", "on_delete": "full"},
        )  # fmt: skip
    return table


def idle_tables(bench: Workbench, store: str, entities: list[str]) -> list[str]:
    return [name for entity in entities if (name := idle_table(bench, store, entity))]


def idle_table(bench: Workbench, store: str, entity: str) -> str | None:
    """An outbox table of the store that gets rows of the entity already, and that nothing reads."""
    system = bench.view.system
    for name, channel in sorted(bench.view.topology.channels.items()):
        if channel.in_ is None or not system.same_instance(channel.in_, store) or system.consumers(name):
            continue
        if any(e.entity in (entity, None) and system.enlisted(e) for e in system.appends(name)):
            return name
    return None


def with_outbox(steps: list[Step], source: str, entity: str, table: str, row: Step | None = None) -> list[Step]:
    """Steps with an outbox row in the transaction of each write of `entity` to `source`."""
    row = row or {"append": table, "entity": entity, "operation_id": "passed"}

    def writes(step: Step) -> bool:
        return step.get("write") == source and str(step.get("entity", "")).split(".")[0] == entity

    result: list[Step] = []
    for step in steps:
        if step.get("transaction") == source:
            inner = list(step.get("steps", []))
            if any(writes(s) for s in inner) and not any(
                s.get("append") == table and s.get("entity") == row.get("entity") for s in inner
            ):
                inner.append(dict(row))
            result.append({**step, "steps": inner})
        elif writes(step):
            result.append({"transaction": source, "steps": [step, dict(row)]})
        else:
            result.append(step)
    return result


def follow_outbox(bench: Workbench, handler: dict[str, Any], log: str, target: str) -> None:
    handler["trigger"] = {"consume": log, "cursor": "offset", "workers": 1, "acknowledge": "after"}
    for step in steps_of(handler):
        if step.get("call") == target:
            step["operation_id"] = "passed"
        if step.get("write") == target and step.get("mode", "replace") in {"replace", "merge", "delete"}:
            step.update({"guard": "version", "values": "event", "retry": {"attempts": 10, "then": "block"}})
        step.pop("retry", None) if "read" in step else None

"""lab.json: what the lab starts, loads and compares for a design folder."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from data_integration_architect.artifacts.connect import connectors
from data_integration_architect.artifacts.databases import SQL_SUPPORTED
from data_integration_architect.artifacts.names import variable
from data_integration_architect.artifacts.plan import Plan, Sink, Table
from data_integration_architect.artifacts.sinks import index_of
from data_integration_architect.topology import Append, Step, Topology, Transaction, Write

# The engine that the lab runs in place of a technology; a warehouse is played by PostgreSQL, which runs the same MERGE.
ENGINES = {
    "postgresql": "postgresql", "mysql": "mariadb", "mariadb": "mariadb", "redis": "redis",
    "elasticsearch": "opensearch", "opensearch": "opensearch", "snowflake": "postgresql",
}  # fmt: skip


def lab_plan(plan: Plan, topology: Topology, paths: Iterable[str]) -> dict[str, Any]:
    """Engines, files to run on them in order, consumers, operations of the workload, and what is compared."""
    known = sorted(paths)
    stores: dict[str, dict[str, Any]] = {}
    captured = {c.database.name for c in plan.captures} | {o.database.name for o in plan.outboxes}
    for database in plan.databases.values():
        if database.technology not in SQL_SUPPORTED:
            continue
        stores[database.name] = {
            "store": database.store,
            "technology": database.technology,
            "engine": ENGINES[database.technology],
            "instance": database.instance,
            "variable": variable(database.name, ""),
            "files": [p for p in (f"lab/{database.name}.sql",) if p in known]
            + [p for p in known if p.startswith(f"databases/{database.name}/")],
            "captured": database.name in captured,
        }
    for sink in plan.sinks:
        if sink.technology in ENGINES:
            store = stores.setdefault(
                sink.target,
                {
                    "store": sink.store,
                    "technology": sink.technology,
                    "engine": ENGINES[sink.technology],
                    "instance": sink.target,
                    "variable": variable(sink.target, ""),
                    "files": [],
                    "captured": False,
                },
            )
            store["files"] += [
                p
                for p in (f"sinks/{sink.target}/{sink.place}.sql", f"sinks/{sink.target}/{sink.place}.json")
                if p in known and p not in store["files"]
            ]
    return {
        "stores": stores,
        "topics": "kafka/topics.json" if "kafka/topics.json" in known else None,
        "connectors": sorted(f"connect/{name}.json" for name in connectors(plan)),
        "consumers": [f"consumers/{sink.name}.json" for sink in plan.sinks if sink.technology in ENGINES]
        + [p for o in plan.operations for p in known if p.startswith(f"consumers/{o.name}_") and p.endswith(".json")],
        "tables": [_table(database.name, table) for database in plan.databases.values()
                   if database.name in stores for table in database.tables],
        "operations": _operations(plan, topology),
        "compare": [_comparison(sink) for sink in plan.sinks if sink.technology in ENGINES],
        "transfers": [
            {
                "name": o.name, "request_topic": o.request.name, "owner": o.owner.name, "other": o.other.name,
                "table": o.table, "key": o.key, "outbox": o.outbox, "instruction_topic": o.instruction.name,
            }
            for o in plan.operations
        ],
        "outboxes": [
            {"store": o.database.name, "table": o.table, "topics": sorted({r.topic.name for r in o.routes})}
            for o in plan.outboxes
        ],
        "left_out": [{"element": element, "reason": reason} for element, reason in plan.not_generated],
    }  # fmt: skip


def _table(store: str, table: Table) -> dict[str, Any]:
    return {
        "store": store,
        "entity": table.entity,
        "name": table.name,
        "key": list(table.key),
        "deletes": table.deletes,
        "large": table.has_large_values,
    }


def _comparison(sink: Sink) -> dict[str, Any]:
    place = index_of(sink) if sink.kind == "search" else f"{sink.place}:" if sink.kind == "redis" else sink.place
    return {
        "name": sink.name,
        "source": sink.source.name,
        "table": sink.table.name,
        "key": list(sink.table.key),
        "target": sink.target,
        "kind": sink.kind,
        "place": place,
    }


def _operations(plan: Plan, topology: Topology) -> list[dict[str, Any]]:
    """What the application's handlers do to systems of record: the steps of one database in one transaction."""
    found = []
    outboxes = {outbox.channel: outbox for outbox in plan.outboxes}
    for process_name, process in topology.processes.items():
        for handler_name, handler in process.handlers.items():
            consumes = handler.trigger is not None and not hasattr(handler.trigger, "request")
            if consumes:
                continue
            for steps in _transactions(handler.steps):
                written = [s for s in steps if isinstance(s, Write) and s.entity and s.write in plan.databases]
                rows = [s for s in steps if isinstance(s, Append) and s.append in outboxes]
                if not written:
                    continue
                database = plan.databases[written[0].write]
                names = {t.entity: t.name for t in database.tables}
                found.append(
                    {
                        "name": f"{process_name}.{handler_name}",
                        "store": database.name,
                        "writes": [
                            {"table": names[str(s.entity).split(".")[0]], "mode": s.mode or "replace"}
                            for s in written
                            if str(s.entity).split(".")[0] in names
                        ],
                        "outbox": [
                            {"table": outboxes[s.append].table, "topic": r.topic.name,
                             "of": names.get(str(s.entity))}
                            for s in rows for r in outboxes[s.append].routes if s.entity in (None, r.entity)
                        ],
                    }
                )  # fmt: skip
    return [operation for operation in found if operation["writes"]]


def _transactions(steps: tuple[Step, ...]) -> list[list[Step]]:
    result: list[list[Step]] = []
    for step in steps:
        if isinstance(step, Transaction):
            result.append(list(step.steps))
        elif isinstance(step, Write):
            result.append([step])
    return result

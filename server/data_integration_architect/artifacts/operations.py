"""Operations over several databases: one logged request, validated at its owner, applied once at each side."""

from __future__ import annotations

from data_integration_architect.artifacts.names import as_json, variable
from data_integration_architect.artifacts.plan import Database, LoggedOperation, Plan
from data_integration_architect.artifacts.render import packaged_code, render
from data_integration_architect.artifacts.sinks import DRIVERS

SIDES = ("debit", "credit")


def consumer_of(operation: LoggedOperation, side: str) -> str:
    return f"{operation.name}_{side}"


def operation_files(plan: Plan) -> dict[str, str]:
    """Tables, statements and consumers of both sides of each operation."""
    files: dict[str, str] = {}
    for operation in plan.operations:
        for side, database in zip(SIDES, (operation.owner, operation.other), strict=True):
            if database.technology not in DRIVERS:
                continue
            dialect = "mysql" if database.technology in {"mysql", "mariadb"} else "postgresql"
            base = f"databases/{database.name}/{operation.name}_{side}"
            values = {"operation": operation, "side": side, "dialect": dialect, "database": database}
            files[f"{base}.sql"] = render("operation-table.sql", **values)
            files[statements_path(operation, side)] = render("operation-statements.sql", **values)
            files[f"consumers/{consumer_of(operation, side)}.json"] = as_json(_settings(operation, side, database))
    if files:
        for name in ("__init__", "change", "consume", "target_ledger"):
            files[f"consumers/{name}.py"] = packaged_code(f"consumers/{name}.py")
    return files


def statements_path(operation: LoggedOperation, side: str) -> str:
    return f"operations/{operation.name}_{side}.sql"


def _settings(operation: LoggedOperation, side: str, database: Database) -> dict[str, object]:
    is_debit = side == "debit"
    return {
        "handler": operation.validate if is_debit else operation.apply,
        "topic": (operation.request if is_debit else operation.instruction).name,
        "group": consumer_of(operation, side),
        "version_from": "none",
        "attempts": 10,
        "dead_letter": f"{operation.name}_dead_letters",
        "target": {
            "class": "target_ledger.LedgerTarget",
            "statements": statements_path(operation, side),
            "driver": DRIVERS[database.technology][0],
            "driver_from": variable(database.name, "DRIVER"),
            "connection_from": variable(database.name, "CONNECTION"),
        },
    }

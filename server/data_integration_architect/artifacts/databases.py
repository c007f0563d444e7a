"""Scripts for systems of record: capture, outbox tables, and stand-ins for the tables that the lab needs."""

from __future__ import annotations

from data_integration_architect.artifacts.connect import connector_name, publication_of, role_of
from data_integration_architect.artifacts.plan import Capture, Database, Outbox, Plan
from data_integration_architect.artifacts.render import render

MYSQL_LIKE = ("mysql", "mariadb")
SQL_SUPPORTED = ("postgresql", *MYSQL_LIKE)


def database_files(plan: Plan) -> dict[str, str]:
    """Scripts of the databases, in the order of their names."""
    files: dict[str, str] = {}
    for capture in plan.captures:
        path = f"databases/{capture.database.name}/capture.{_suffix(capture.database.technology)}"
        files[path] = _capture_script(capture, path)
    for outbox in plan.outboxes:
        if outbox.database.technology in SQL_SUPPORTED:
            path = f"databases/{outbox.database.name}/{outbox.table}.sql"
            files[path] = _outbox_sql(outbox, path)
    for database in plan.databases.values():
        if database.tables and database.technology in SQL_SUPPORTED:
            files[f"lab/{database.name}.sql"] = stand_in_sql(plan, database)
    return files


def _family(technology: str) -> str:
    return "mariadb" if technology in MYSQL_LIKE else technology


def _suffix(technology: str) -> str:
    return "js" if technology == "mongodb" else "sql"


def _capture_script(capture: Capture, path: str) -> str:
    database = capture.database
    return render(
        f"{_family(database.technology)}-capture.{_suffix(database.technology)}",
        capture=capture,
        path=path,
        database=database.name,
        owner=database.name.upper(),
        role=role_of(database.name),
        publication=publication_of(connector_name(database.name, False)),
        tables=[route.table.name for route in capture.routes],
        limit=capture.slot_limit.replace("iB", "B") if capture.slot_limit else None,
    )


def _outbox_sql(outbox: Outbox, path: str) -> str:
    name = f"{connector_name(outbox.database.name, True)}_{outbox.table}"
    return render(
        f"{_family(outbox.database.technology)}-outbox.sql",
        outbox=outbox,
        path=path,
        database=outbox.database.name,
        role=role_of(outbox.database.name),
        publication=publication_of(name),
    )


def stand_in_sql(plan: Plan, database: Database) -> str:
    """Tables with the columns that the topology names and three that the lab's workload fills."""
    dialect = "mysql" if database.technology in MYSQL_LIKE else database.technology
    operated = {o.table for o in plan.operations if o.owner is database or o.other is database}
    return render("stand-in.sql", database=database, dialect=dialect, is_mysql=dialect == "mysql", operated=operated)

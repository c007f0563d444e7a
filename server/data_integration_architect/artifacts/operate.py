"""Operation of a design: alert rules, dashboard, reconciliation, runbooks."""

from __future__ import annotations

from typing import Any

from data_integration_architect.artifacts.connect import column_name, connectors, name_in_signals
from data_integration_architect.artifacts.names import as_json, sql_name, variable
from data_integration_architect.artifacts.plan import FILES, Database, Plan, Sink, Table
from data_integration_architect.artifacts.render import packaged_code, render
from data_integration_architect.artifacts.sinks import DRIVERS, PACKAGES, file_place, index_of, place_name
from data_integration_architect.artifacts.versions import PYTHON_PACKAGES
from data_integration_architect.topology import Topology

LAG_RECORDS = 10_000
LAG_SECONDS = 60
UNITS = {"B": 1, "kB": 10**3, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12,
         "KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "TiB": 2**40}  # fmt: skip
HALF_OF_DEFAULT = 10 * 2**30
# Systems of record that no consumer writes to are still read by the comparison.
READERS = {**DRIVERS, "sqlserver": ("pymssql", "pymssql"), "oracle": ("oracledb", "oracledb"),
           "mongodb": ("pymongo", "pymongo")}  # fmt: skip


def operate_files(plan: Plan, topology: Topology) -> dict[str, str]:
    running = {name: str(s["connector.class"]) for name, s in connectors(plan).items()}
    if not running and not plan.sinks and not plan.operations:
        return {}
    technologies = [(name, _log_of(kind)) for name, kind in sorted(running.items())]
    limits = [c.slot_limit for c in plan.captures if c.slot_limit]
    retained = min((_bytes(limit) // 2 for limit in limits), default=HALF_OF_DEFAULT)
    files = {
        "operate/alerts.yaml": render(
            "alerts.yaml", plan=plan, connectors=technologies, lag_records=LAG_RECORDS, retained_bytes=retained
        ),
        "operate/dashboard.json": as_json(dashboard(plan, sorted(running))),
        "operate/runbooks/lag.md": render("runbook-lag.md", plan=plan),
    }
    if plan.sinks:
        files["operate/reconcile.json"] = as_json(
            [reconciliation(sink) for sink in plan.sinks if sink.technology != ""]
        )
        files["operate/requirements.txt"] = operate_requirements(plan)
        files["operate/reconcile.py"] = packaged_code("operating/reconcile.py")
        files["operate/runbooks/rebuild.md"] = render("runbook-rebuild.md", plan=plan)
        asked = {
            c.database.name: [name_in_signals(c.database.technology, c.database.name, r.table.name) for r in c.routes]
            for c in plan.captures
        }
        files["operate/runbooks/replay.md"] = render("runbook-replay.md", plan=plan, asked=asked)
        files["operate/runbooks/schema-change.md"] = render("runbook-schema-change.md", plan=plan)
    if running:
        files["operate/jmx-exporter.yaml"] = render("jmx-exporter.yaml")
        files["operate/runbooks/slot-loss.md"] = render("runbook-slot-loss.md", plan=plan, connectors=technologies)
    if plan.operations:
        files["operate/runbooks/dead-letters.md"] = render("runbook-dead-letters.md", plan=plan)
    personal = [name for name, entity in topology.entities.items() if entity.personal_data is not None]
    if personal:
        files["operate/runbooks/erasure.md"] = render(
            "runbook-erasure.md", plan=plan, entities=personal, topology=topology
        )
    return files


def _log_of(connector: str) -> str:
    """Whose way of keeping its log a connector depends on."""
    return next((k for k in ("postgresql", "mysql") if k in connector.replace("mariadb", "mysql")), "other")


def _bytes(size: str) -> int:
    number = "".join(c for c in size if c.isdigit() or c == ".")
    return int(float(number) * UNITS.get(size[len(number) :].strip(), 1))


def reconciliation(sink: Sink) -> dict[str, Any]:
    """What reconcile.py reads on both sides of one sink."""
    source = sink.source
    target: dict[str, Any] = {"kind": sink.kind}
    if sink.kind == "search":
        target |= {
            "index": index_of(sink),
            "url_from": variable(sink.target, "URL"),
            "user_from": variable(sink.target, "USER"),
            "password_from": variable(sink.target, "PASSWORD"),
        }
    elif sink.kind == "redis":
        target |= {"prefix": f"{sink.place}:", "url_from": variable(sink.target, "URL")}
    elif sink.kind in FILES:
        target |= file_place(sink)
    else:
        target |= {
            "query": f"SELECT row_key, row_data FROM {place_name(sink)}"
            + (" FINAL WHERE NOT deleted" if sink.technology == "clickhouse" else " WHERE NOT deleted"),
            "driver": DRIVERS.get(sink.technology, ("", ""))[0],
            "driver_from": variable(sink.target, "DRIVER"),
            "connection_from": variable(sink.target, "CONNECTION"),
        }
    return {
        "sink": sink.name,
        "lag_seconds": LAG_SECONDS,
        "source": _source(source, sink.table),
        "target": target,
    }


def _source(database: Database, table: Table) -> dict[str, Any]:
    """Where the rows of a system of record are read; the account may read this table and nothing else."""
    if database.technology == "mongodb":
        return {
            "kind": "mongodb",
            "database": database.name,
            "collection": table.name,
            "key": ["_id"],
            "url_from": variable(database.name, "URL"),
        }
    owner = sql_name(database.name, "oracle") + "." if database.technology == "oracle" else ""
    return {
        "kind": "table",
        "query": f"SELECT * FROM {owner}{sql_name(table.name, database.technology)}",
        "key": [column_name(database.technology, name) for name in table.key],
        "driver": READERS[database.technology][0],
        "driver_from": variable(database.name, "DRIVER"),
        "connection_from": variable(database.name, "CONNECTION"),
    }


def operate_requirements(plan: Plan) -> str:
    """What reconcile.py needs to read both sides, pinned."""
    wanted = {READERS[s.source.technology][1] for s in plan.sinks}
    wanted |= {PACKAGES[s.kind] if s.kind in PACKAGES else DRIVERS[s.technology][1]
               for s in plan.sinks if s.kind in PACKAGES or s.technology in DRIVERS}  # fmt: skip
    return "".join(f"{name}=={PYTHON_PACKAGES[name]}\n" for name in sorted(wanted))


def dashboard(plan: Plan, names: list[str]) -> dict[str, Any]:
    """A Grafana dashboard: lag, capture delay, retained log, drift."""
    queries = [
        ("Records behind", [(f'sum(kafka_consumergroup_lag{{consumergroup="{s.name}"}})', s.name) for s in plan.sinks]),
        ("Capture behind the database, ms",
         [(f'max(debezium_metrics_MilliSecondsBehindSource{{name="{n}",context="streaming"}})', n) for n in names]),
        ("Log retained for slots, bytes",
         [(f'max(pg_replication_slots_pg_wal_lsn_diff{{slot_name="{n}_slot"}})', n) for n in names]),
        ("Rows that differ", [(f'reconcile_differences{{sink="{s.name}"}}', s.name) for s in plan.sinks]),
    ]  # fmt: skip
    panels: list[dict[str, Any]] = []
    for title, lines in queries:
        if not lines:
            continue
        number = len(panels)
        panels.append(
            {
                "id": number + 1,
                "type": "timeseries",
                "title": title,
                "datasource": {"type": "prometheus", "uid": "${datasource}"},
                "gridPos": {"h": 8, "w": 12, "x": 12 * (number % 2), "y": 8 * (number // 2)},
                "targets": [
                    {"refId": f"Q{index}", "expr": expression, "legendFormat": name}
                    for index, (expression, name) in enumerate(lines)
                ],
            }
        )
    return {
        "title": "Data integration",
        "uid": "data-integration",
        "schemaVersion": 39,
        "time": {"from": "now-6h", "to": "now"},
        "templating": {"list": [{"name": "datasource", "type": "datasource", "query": "prometheus"}]},
        "panels": panels,
    }

"""Derived stores: index settings, tables, guarded statements, and the consumers that use them."""

from __future__ import annotations

from typing import Any

from data_integration_architect.artifacts.names import as_json, comment, sql_name, variable
from data_integration_architect.artifacts.plan import FILES, Plan, Sink
from data_integration_architect.artifacts.render import packaged_code, render
from data_integration_architect.artifacts.versions import PYTHON_PACKAGES

CODE = {
    "search": ("target_search", "SearchTarget"),
    "redis": ("target_redis", "RedisTarget"),
    "table": ("target_sql", "SqlTarget"),
    "warehouse": ("target_sql", "SqlTarget"),
    "s3": ("target_s3", "S3Target"),
    "iceberg": ("target_iceberg", "IcebergTarget"),
}
PACKAGES = {"redis": "redis", "s3": "boto3", "iceberg": "pyiceberg[pyarrow]"}
# Kinds whose consumer makes its places itself.
WITHOUT_SQL = ("redis", "s3", "iceberg")
DRIVERS = {
    "postgresql": ("psycopg", "psycopg[binary]"),
    "cockroachdb": ("psycopg", "psycopg[binary]"),
    "aurora": ("psycopg", "psycopg[binary]"),
    "mysql": ("pymysql", "pymysql"),
    "mariadb": ("pymysql", "pymysql"),
    "snowflake": ("snowflake.connector", "snowflake-connector-python"),
    "bigquery": ("google.cloud.bigquery.dbapi", "google-cloud-bigquery"),
    "clickhouse": ("clickhouse_connect.dbapi", "clickhouse-connect"),
}
TYPES = {
    # technology: (text, whole number, truth, long text)
    "bigquery": ("STRING", "INT64", "BOOL", "STRING"),
    "mysql": ("varchar(512)", "bigint", "boolean", "longtext"),
    "mariadb": ("varchar(512)", "bigint", "boolean", "longtext"),
}
PLAIN_TYPES = ("varchar", "bigint", "boolean", "varchar")
ON_CONFLICT = ("postgresql", "cockroachdb", "aurora")
EXECUTED = ("postgresql", "mysql", "mariadb")
RAN = {
    "opensearch": "on OpenSearch, under faults",
    "elasticsearch": "on OpenSearch, which has the same interface; not on Elasticsearch itself",
    "redis": "on Redis, under faults",
    "postgresql": "on PostgreSQL",
    "mariadb": "on MariaDB",
    "mysql": "on MariaDB; not on MySQL itself",
    "s3": "on conditional writes in memory; not on the service itself",
    "iceberg": "with pyiceberg and a local catalog where it is installed; not on a service",
}
VERSION_SUFFIX = "_v1"


def index_of(sink: Sink) -> str:
    """The index behind the alias that readers use; a rebuild fills the next one and moves the alias."""
    return sink.place + VERSION_SUFFIX


def statement_path(sink: Sink) -> str:
    return f"sinks/{sink.target}/merge_{sink.place}.sql"


def ran_on(plan: Plan) -> dict[str, list[str]]:
    """How far the consumers of the sinks were executed in the project's tests -> their names."""
    found: dict[str, list[str]] = {}
    for sink in plan.sinks:
        words = RAN.get(sink.technology, f"not executed on {sink.technology}; its SQL was read by a parser")
        found.setdefault(words, []).append(sink.name)
    return found


def sink_files(plan: Plan) -> dict[str, str]:
    files: dict[str, str] = {}
    for sink in plan.sinks:
        files[f"consumers/{sink.name}.json"] = as_json(consumer_settings(sink))
        if sink.kind == "search":
            files[f"sinks/{sink.target}/{sink.place}.json"] = as_json(index_settings(sink))
        elif sink.kind not in WITHOUT_SQL:
            files[f"sinks/{sink.target}/{sink.place}.sql"] = table_sql(sink)
            files[statement_path(sink)] = merge_sql(sink)
    if plan.sinks or plan.operations:
        files["consumers/requirements.txt"] = requirements(plan)
    if plan.sinks:
        modules = {"__init__", "change", "consume", *(CODE[s.kind][0] for s in plan.sinks)}
        files |= {f"consumers/{name}.py": packaged_code(f"consumers/{name}.py") for name in sorted(modules)}
    return files


def requirements(plan: Plan) -> str:
    """What the consumers need, pinned."""
    wanted = {"confluent-kafka"}
    for operation in plan.operations:
        wanted |= {DRIVERS[d.technology][1] for d in (operation.owner, operation.other) if d.technology in DRIVERS}
    for sink in plan.sinks:
        if sink.kind in PACKAGES:
            wanted.add(PACKAGES[sink.kind])
        elif sink.technology in DRIVERS:
            wanted.add(DRIVERS[sink.technology][1])
    return "".join(f"{name}=={PYTHON_PACKAGES[name]}\n" for name in sorted(wanted))


def consumer_settings(sink: Sink) -> dict[str, Any]:
    module, name = CODE[sink.kind]
    target: dict[str, Any] = {"class": f"{module}.{name}"}
    if sink.kind == "search":
        target |= {
            "index": index_of(sink),
            "url_from": variable(sink.target, "URL"),
            "user_from": variable(sink.target, "USER"),
            "password_from": variable(sink.target, "PASSWORD"),
        }
    elif sink.kind == "redis":
        retention = sink.topic.retention_ms if sink.topic.retention_ms > 0 else 30 * 86_400_000
        target |= {
            "url_from": variable(sink.target, "URL"),
            "prefix": f"{sink.place}:",
            # A deletion is remembered for longer than an older record can come again.
            "tombstone_ms": 2 * retention,
            "expiry_ms": 0,
        }
    elif sink.kind in FILES:
        target |= file_place(sink)
    else:
        final = " FINAL" if sink.technology == "clickhouse" else ""
        target |= {
            "statement": statement_path(sink),
            "stored": f"SELECT row_data FROM {place_name(sink)}{final} WHERE row_key = {_value(sink, 'key')}",
            "driver": DRIVERS.get(sink.technology, ("", ""))[0],
            "driver_from": variable(sink.target, "DRIVER"),
            "connection_from": variable(sink.target, "CONNECTION"),
        }
    return {
        "handler": sink.handler,
        "topic": sink.topic.name,
        "group": sink.name,
        "version_from": sink.version_from,
        "attempts": sink.attempts,
        "dead_letter": sink.dead_letter,
        "target": target,
    }


def file_place(sink: Sink) -> dict[str, Any]:
    """Where the rows of a sink lie in object storage or in an Iceberg catalog."""
    if sink.kind == "s3":
        return {
            "bucket_from": variable(sink.target, "BUCKET"),
            "endpoint_from": variable(sink.target, "ENDPOINT"),
            "prefix": f"{sink.place}/",
        }
    return {
        "catalog": sink.target,
        # The catalog's own settings as JSON, such as {"type": "rest", "uri": ..., "warehouse": ...}.
        "catalog_from": variable(sink.target, "CATALOG"),
        "namespace": sink.target,
        "table": sink.place,
    }


def index_settings(sink: Sink) -> dict[str, Any]:
    """Body that creates the index, with the alias that hides deleted rows."""
    return {
        "settings": {"number_of_shards": 1, "number_of_replicas": 1, "refresh_interval": "1s"},
        "mappings": {
            "dynamic": True,
            "properties": {"key": {"type": "keyword", "ignore_above": 512}, "deleted": {"type": "boolean"},
                           "row": {"type": "object", "dynamic": True}},
        },
        "aliases": {sink.place: {"filter": {"term": {"deleted": False}}}},
    }  # fmt: skip


def place_name(sink: Sink) -> str:
    """The table of a sink as its statements name it. BigQuery's driver has no default data set: it is in the name."""
    table = sql_name(sink.place, sink.technology)
    return f"{sql_name(sink.target, sink.technology)}.{table}" if sink.technology == "bigquery" else table


def _value(sink: Sink, name: str) -> str:
    """A parameter. BigQuery wants to be told the type of one that may be NULL."""
    kind = {"key": "STRING", "version": "INT64", "deleted": "BOOL", "row": "STRING"}[name]
    return f"%({name}:{kind})s" if sink.technology == "bigquery" else f"%({name})s"


def _head(sink: Sink) -> str:
    if sink.technology in EXECUTED:
        checked = "executed on the engine in the project's tests"
    else:
        checked = f"NOT EXECUTED on {sink.technology}: read by a parser of its grammar; try it before you rely on it"
    return f"-- {comment(sink.table.entity)} in {comment(sink.store)}: {checked}.\n"


def table_sql(sink: Sink) -> str:
    """The table of a derived store: key, version, mark of deletion, and the row as JSON text."""
    text, number, truth, long = TYPES.get(sink.technology, PLAIN_TYPES)
    key = "" if sink.technology in {"bigquery", "clickhouse"} else ",\n  PRIMARY KEY (row_key)"
    if sink.technology == "clickhouse":
        return _head(sink) + (
            f"CREATE TABLE IF NOT EXISTS {place_name(sink)} (\n  row_key String,\n  version UInt64,\n  deleted Bool,\n"
            "  row_data Nullable(String)\n) ENGINE = ReplacingMergeTree(version) ORDER BY row_key;\n"
            "-- Read it with FINAL and deleted = false: merging runs in the background.\n"
        )
    head = _head(sink)
    if sink.technology == "bigquery":
        head += f"CREATE SCHEMA IF NOT EXISTS {sql_name(sink.target, 'bigquery')};\n"
    return head + (
        "-- A deleted row keeps its key and version, so that an older record cannot bring it back; readers use the\n"
        "-- rows WHERE NOT deleted. Add columns or views over row_data as your readers need them.\n"
        f"CREATE TABLE IF NOT EXISTS {place_name(sink)} (\n"
        f"  row_key {text} NOT NULL,\n  version {number} NOT NULL,\n  deleted {truth} NOT NULL,\n"
        f"  row_data {long}{key}\n);\n"
    )


def merge_sql(sink: Sink) -> str:
    """One statement that takes a row unless it is older than what is stored. Parameters: key, version, deleted, row."""
    name = place_name(sink)
    values = "%(key)s, %(version)s, %(deleted)s, %(row)s"
    columns = "row_key, version, deleted, row_data"
    if sink.technology in ON_CONFLICT:
        return _head(sink) + (
            f"INSERT INTO {name} AS stored ({columns})\nVALUES ({values})\nON CONFLICT (row_key) DO UPDATE\n"
            "SET version = excluded.version, deleted = excluded.deleted, row_data = excluded.row_data\n"
            "WHERE stored.version < excluded.version\n"
        )
    if sink.technology in {"mysql", "mariadb"}:
        # Assignments run from left to right: version last, so that each compares with the stored one.
        newer = "VALUES(version) > version"
        return _head(sink) + (
            f"INSERT INTO {name} ({columns})\nVALUES ({values})\nON DUPLICATE KEY UPDATE\n"
            f"  deleted = IF({newer}, VALUES(deleted), deleted),\n"
            f"  row_data = IF({newer}, VALUES(row_data), row_data),\n"
            "  version = GREATEST(version, VALUES(version))\n"
        )
    if sink.technology == "clickhouse":
        return _head(sink) + f"INSERT INTO {name} ({columns}) VALUES ({values})\n"
    text, number, truth, long = TYPES.get(sink.technology, PLAIN_TYPES)
    parameters = {parameter: _value(sink, parameter) for parameter in ("key", "version", "deleted", "row")}
    return _head(sink) + render(
        "merge.sql", name=name, text=text, number=number, truth=truth, long=long, value=parameters
    )

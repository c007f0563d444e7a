"""Debezium source connectors for Kafka Connect: settings as JSON, secrets and addresses from the environment."""

from __future__ import annotations

import re
from typing import Any

from data_integration_architect.artifacts.names import as_json, variable
from data_integration_architect.artifacts.plan import Capture, Outbox, Plan

CONNECTORS = {
    "postgresql": "io.debezium.connector.postgresql.PostgresConnector",
    "mysql": "io.debezium.connector.mysql.MySqlConnector",
    "mariadb": "io.debezium.connector.mariadb.MariaDbConnector",
    "mongodb": "io.debezium.connector.mongodb.MongoDbConnector",
    "sqlserver": "io.debezium.connector.sqlserver.SqlServerConnector",
    "oracle": "io.debezium.connector.oracle.OracleConnector",
}
SIGNALS, HEARTBEATS = "capture_signal", "capture_heartbeat"
# The connector connects to the server, not to a database of it; its account may insert and update, not delete.
BEAT_OF_MYSQL = (
    f"INSERT INTO `{{database}}`.{HEARTBEATS} (id, beat_at) VALUES (1, CURRENT_TIMESTAMP) "
    "ON DUPLICATE KEY UPDATE beat_at = CURRENT_TIMESTAMP"
)
HEARTBEAT_QUERY = {
    "postgresql": f"INSERT INTO {HEARTBEATS} (id, beat_at) VALUES (1, now()) "
    "ON CONFLICT (id) DO UPDATE SET beat_at = excluded.beat_at",
    "mysql": BEAT_OF_MYSQL,
    "mariadb": BEAT_OF_MYSQL,
    # These two connect to the server and to an account of their own: the table is named with its place.
    "sqlserver": f"UPDATE [{{database}}].dbo.{HEARTBEATS} SET beat_at = SYSUTCDATETIME() WHERE id = 1",
    "oracle": f'UPDATE "{{upper}}"."{HEARTBEATS.upper()}" SET BEAT_AT = SYSTIMESTAMP WHERE ID = 1',
}
SCHEMAS = {"postgresql": "public", "sqlserver": "dbo"}


def role_of(database: str) -> str:
    """The account that a connector uses."""
    return f"capture_{database}"[:32]


def publication_of(connector: str) -> str:
    return f"{connector}_publication"


def connector_name(store: str, is_outbox: bool) -> str:
    return f"{store}_outbox" if is_outbox else store


def full_name(technology: str, store: str, table: str) -> str:
    """A table as the connector names it: schema or database, then table. Oracle keeps names in capital letters."""
    name = f"{SCHEMAS.get(technology, store)}.{table}"
    return name.upper() if technology == "oracle" else name


def name_in_signals(technology: str, store: str, table: str) -> str:
    """A table as a signal names it, and the signal table as the connector is told of it."""
    name = full_name(technology, store, table)
    if technology == "sqlserver":
        return f"{store}.{name}"
    return f"{store.upper()}.{name}" if technology == "oracle" else name


def column_name(technology: str, column: str) -> str:
    """A column as the records of a connector name it."""
    return column.upper() if technology == "oracle" else column


def connectors(plan: Plan) -> dict[str, dict[str, Any]]:
    """Settings of every connector by its name."""
    found = {connector_name(c.database.name, False): _capture(c) for c in plan.captures}
    found |= {connector_name(o.database.name, True) + f"_{o.table}": _outbox(o) for o in plan.outboxes}
    return found


def connector_files(plan: Plan) -> dict[str, str]:
    return {f"connect/{name}.json": as_json(settings) for name, settings in connectors(plan).items()}


def _common(technology: str, store: str, name: str, heartbeat_ms: int) -> dict[str, Any]:
    """What every connector has: address, converters, heartbeat, signals."""
    settings: dict[str, Any] = {
        "connector.class": CONNECTORS[technology],
        "tasks.max": "1",
        "topic.prefix": name,
    }
    if technology == "mongodb":
        settings |= {
            "mongodb.connection.string": f"${{env:{variable(store, 'URL')}}}",
            "mongodb.user": role_of(store),
            "mongodb.password": f"${{env:{variable(store, 'CAPTURE_PASSWORD')}}}",
            # The account reads this database and no other.
            "capture.scope": "database",
            "capture.target": store,
            "capture.mode": "change_streams_update_full",
        }
    else:
        settings |= {
            "database.hostname": f"${{env:{variable(store, 'HOST')}}}",
            "database.port": f"${{env:{variable(store, 'PORT')}}}",
            "database.user": role_of(store),
            "database.password": f"${{env:{variable(store, 'CAPTURE_PASSWORD')}}}",
        }
    settings |= {
        "key.converter": "org.apache.kafka.connect.json.JsonConverter",
        "key.converter.schemas.enable": "false",
        "value.converter": "org.apache.kafka.connect.json.JsonConverter",
        "value.converter.schemas.enable": "false",
        "heartbeat.interval.ms": str(heartbeat_ms),
        # Lost connections are tried again without end; an alert tells of it.
        "errors.max.retries": "-1",
        "retriable.restart.connector.wait.ms": "2000",
    }
    if technology in HEARTBEAT_QUERY:
        settings["heartbeat.action.query"] = HEARTBEAT_QUERY[technology].format(database=store, upper=store.upper())
    settings |= _of_technology(technology, store, name)
    return settings


def _of_technology(technology: str, store: str, name: str) -> dict[str, Any]:
    history = {
        "schema.history.internal.kafka.topic": f"{name}_schema_history",
        "schema.history.internal.kafka.bootstrap.servers": "${env:KAFKA_BOOTSTRAP_SERVERS}",
        "schema.history.internal.store.only.captured.tables.ddl": "true",
        # Nobody reads them, and without a topic of their own the connector would wait for ever.
        "include.schema.changes": "false",
    }
    numbers = {"decimal.handling.mode": "string"}
    exact = {**numbers, "binary.handling.mode": "base64"}
    if technology == "postgresql":
        return {
            **exact,
            "database.dbname": store,
            "plugin.name": "pgoutput",
            "publication.name": publication_of(name),
            "publication.autocreate.mode": "disabled",
            "slot.name": f"{name}_slot"[:63],
        }
    if technology in {"mysql", "mariadb"}:
        # A server id must be unique among all replicas of the server.
        number = 5400 + sum(map(ord, name)) % 500
        return {**numbers, "database.server.id": str(number), "database.include.list": store,
                # How soon the reader of the binlog comes back after a restart of the server; its default is a minute.
                "connect.keep.alive.interval.ms": "5000", **history}  # fmt: skip
    if technology == "sqlserver":
        return {**exact, "database.names": store, "driver.encrypt": "true",
                # Writers go on during the snapshot: a row that comes twice is the same row to every consumer.
                "snapshot.isolation.mode": "read_committed", **history}  # fmt: skip
    if technology == "oracle":
        # Without it columns of large objects arrive without their values.
        return {**exact, "database.dbname": store.upper(), "lob.enabled": "true", **history}
    return {"database.include.list": store}


def _tables_key(technology: str) -> str:
    return "collection.include.list" if technology == "mongodb" else "table.include.list"


def _capture(capture: Capture) -> dict[str, Any]:
    database = capture.database
    technology, store = database.technology, database.name
    settings = _common(technology, store, connector_name(store, False), capture.heartbeat_ms)
    tables = [full_name(technology, store, r.table.name) for r in capture.routes]
    settings |= {
        _tables_key(technology): ",".join(re.escape(t).replace("\\_", "_") for t in tables),
        "snapshot.mode": "initial" if capture.snapshot else "no_data",
        "signal.enabled.channels": "source",
        "signal.data.collection": name_in_signals(technology, store, SIGNALS),
        "tombstones.on.delete": "true" if any(r.topic.compacted for r in capture.routes) else "false",
    }
    if technology not in {"mongodb", "oracle"}:
        # The definitions of these two do not have it.
        settings["incremental.snapshot.chunk.size"] = "1024"
    keys = [
        f"{t}:{r.topic.key.replace('+', ',')}"
        for t, r in zip(tables, capture.routes, strict=True)
        if r.topic.key is not None and tuple(r.topic.key.split("+")) != r.table.key
    ]
    if keys and technology != "mongodb":
        settings["message.key.columns"] = ";".join(keys)
    transforms = {f"route_{r.table.name}": (t, r.topic.name) for t, r in zip(tables, capture.routes, strict=True)}
    settings["transforms"] = ",".join(transforms)
    for name, (table, topic) in transforms.items():
        settings |= {
            f"transforms.{name}.type": "org.apache.kafka.connect.transforms.RegexRouter",
            f"transforms.{name}.regex": re.escape(
                f"{settings['topic.prefix']}.{_in_topic(technology, store, table)}"
            ).replace("\\_", "_"),
            f"transforms.{name}.replacement": topic,
        }
    return settings


def _in_topic(technology: str, store: str, table: str) -> str:
    """What follows the prefix in the topic that the connector would write to."""
    return f"{store}.{table}" if technology == "sqlserver" else table


def _outbox(outbox: Outbox) -> dict[str, Any]:
    database = outbox.database
    technology, store = database.technology, database.name
    name = f"{connector_name(store, True)}_{outbox.table}"
    settings = _common(technology, store, name, 10_000)
    settings |= {
        _tables_key(technology): re.escape(full_name(technology, store, outbox.table)).replace("\\_", "_"),
        # Rows that were there before are sent too; deleting sent rows tells nobody anything.
        "snapshot.mode": "initial",
        "skipped.operations": "u,d,t",
        "tombstones.on.delete": "false",
        "transforms": "outbox",
        "transforms.outbox.type": "io.debezium.transforms.outbox.EventRouter",
        "transforms.outbox.table.field.event.id": "event_id",
        "transforms.outbox.table.field.event.key": "message_key",
        "transforms.outbox.table.field.event.payload": "payload",
        "transforms.outbox.table.expand.json.payload": "true",
        "transforms.outbox.table.fields.additional.placement": "sequence:header:version,change:header:change",
        "transforms.outbox.table.op.invalid.behavior": "error",
        "transforms.outbox.route.by.field": "topic",
        "transforms.outbox.route.topic.regex": "(.*)",
        "transforms.outbox.route.topic.replacement": "$1",
        "header.converter": "org.apache.kafka.connect.storage.SimpleHeaderConverter",
    }
    return settings

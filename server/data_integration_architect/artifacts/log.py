"""Topics and the schemas of their records."""

from __future__ import annotations

from typing import Any

from data_integration_architect.artifacts.compatibility import MODE, WORDS
from data_integration_architect.artifacts.connect import column_name, connectors
from data_integration_architect.artifacts.names import as_json
from data_integration_architect.artifacts.plan import Plan, Topic
from data_integration_architect.artifacts.render import render

REPLICATION, IN_SYNC = 3, 2
DEAD_LETTER_MS = 30 * 86_400_000
SCHEMA_FOLDER = "schemas/"
SCHEMA = "https://json-schema.org/draft/2020-12/schema"


def topic_settings(plan: Plan) -> list[dict[str, Any]]:
    """Every topic: name, partitions, settings and why it is there; sorted by name."""
    found = [
        {
            "name": topic.name,
            "partitions": topic.partitions,
            "replication": REPLICATION,
            "key": topic.key,
            "config": _config(topic),
            "for": topic.channel,
        }
        for topic in plan.topics.values()
    ]
    dead = {s.dead_letter for s in plan.sinks if s.dead_letter} - {t["name"] for t in found}
    dead |= {f"{operation.name}_dead_letters" for operation in plan.operations}
    found += [_internal(name, "delete", DEAD_LETTER_MS, "records that no consumer could read") for name in sorted(dead)]
    for settings in connectors(plan).values():
        prefix = settings["topic.prefix"]
        found.append(_internal(f"__debezium-heartbeat.{prefix}", "delete", 86_400_000, "heartbeats of a connector"))
        signals = settings.get("signal.data.collection")
        if signals:
            # The connector sends on what it reads in its signal table; without the topic it would wait for ever.
            found.append(_internal(f"{prefix}.{signals}", "delete", 86_400_000, "signals to a connector"))
        history = settings.get("schema.history.internal.kafka.topic")
        if history:
            found.append(_internal(history, "delete", -1, "table definitions over time; must be kept for ever"))
    return sorted(found, key=lambda topic: str(topic["name"]))


def _internal(name: str, cleanup: str, retention_ms: int, why: str) -> dict[str, Any]:
    config = {"cleanup.policy": cleanup, "retention.ms": str(retention_ms), "min.insync.replicas": str(IN_SYNC)}
    return {"name": name, "partitions": 1, "replication": REPLICATION, "key": None, "config": config, "for": why}


def _config(topic: Topic) -> dict[str, str]:
    config = {
        "cleanup.policy": "compact" if topic.compacted else "delete",
        "min.insync.replicas": str(IN_SYNC),
        "unclean.leader.election.enable": "false",
        "message.timestamp.type": "CreateTime",
    }
    if topic.compacted:
        # A reader that is away for longer than this misses deletions.
        config["delete.retention.ms"] = str(topic.retention_ms if topic.retention_ms > 0 else 7 * 86_400_000)
    else:
        config["retention.ms"] = str(topic.retention_ms)
    return config


def log_files(plan: Plan) -> dict[str, str]:
    """topics.json, the script that creates them, and a JSON Schema for key and value of each topic."""
    if not plan.topics and not plan.captures:
        return {}
    topics = topic_settings(plan)
    files = {"kafka/topics.json": as_json(topics), "kafka/create-topics.sh": render("create-topics.sh", topics=topics)}
    return files | {path: as_json(schema) for path, schema in schemas(plan).items()}


def schemas(plan: Plan) -> dict[str, dict[str, Any]]:
    """JSON Schemas of the records of each topic, by file."""
    found: dict[str, dict[str, Any]] = {}
    for topic in plan.topics.values():
        found[f"{SCHEMA_FOLDER}{topic.name}.key.json"] = key_schema(plan, topic)
        found[f"{SCHEMA_FOLDER}{topic.name}.value.json"] = value_schema(plan, topic)
    return found


def key_schema(plan: Plan, topic: Topic) -> dict[str, Any]:
    fields = (topic.key or "").split("+") if topic.key else []
    source = next((c.database.technology for c in plan.captures for r in c.routes if r.topic is topic), None)
    head = {"$schema": SCHEMA, "title": f"Key of {topic.name}"}
    if source == "mongodb":
        said = {"type": "string", "description": "_id as MongoDB's extended JSON"}
        return {**head, "type": "object", "required": ["id"], "properties": {"id": said}}
    if source is not None and fields:
        fields = [column_name(source, field) for field in fields]
        return {**head, "type": "object", "required": fields, "properties": {f: {} for f in fields}}
    return {**head, "type": ["string", "integer", "null"]}


def value_schema(plan: Plan, topic: Topic) -> dict[str, Any]:
    """The envelope of the connector, or the record of the application; columns that nobody named may be there."""
    head = {
        "$schema": SCHEMA,
        "title": f"Value of {topic.name}",
        "description": WORDS[topic.compatibility],
        MODE: topic.compatibility,
    }
    found = next(((c.database.technology, r.table) for c in plan.captures for r in c.routes if r.topic is topic), None)
    if found is not None:
        technology, table = found
        row: dict[str, Any] = {
            "type": ["object", "null"],
            "required": [column_name(technology, name) for name in table.key],
            "properties": {column_name(technology, name): {} for name in (*table.key, *table.columns)},
        }
        if technology == "mongodb":
            row = {"type": ["string", "null"], "description": "a document as MongoDB's extended JSON"}
        return {
            **head,
            "type": "object",
            "required": ["op", "source", "after"] if technology == "mongodb" else ["op", "source", "before", "after"],
            "properties": {
                "op": {"enum": ["c", "u", "d", "r", "t", "m"]},
                "source": {"type": "object", "required": ["connector", "ts_ms"]},
                "before": row,
                "after": row,
                "ts_ms": {"type": ["integer", "null"]},
            },
        }
    operation = next((o for o in plan.operations if topic in (o.request, o.instruction)), None)
    if operation is not None:
        properties: dict[str, Any] = {
            "request_id": {"type": "string", "format": "uuid"},
            "from": {"type": "string"},
            "to": {"type": "string"},
            "amount": {"type": "integer", "exclusiveMinimum": 0},
        }
        required = list(properties)
        return {**head, "type": "object", "required": required, "properties": properties}
    return {**head, "type": "object"}

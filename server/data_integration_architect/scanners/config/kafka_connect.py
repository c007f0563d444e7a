"""Kafka Connect and Debezium connectors: JSON, properties, and JSON inside scripts and other files' strings."""

from __future__ import annotations

import re
from collections.abc import Mapping

import javaproperties

from data_integration_architect.scanners.config import jsontext
from data_integration_architect.scanners.config.addresses import addresses, host_of, substitute
from data_integration_architect.scanners.config.configfacts import Fact, fact, fact_of
from data_integration_architect.scanners.config.located import Listing, Malformed, Node, Table, Text, text
from data_integration_architect.scanners.config.technologies import technology_named

# Options that decide how a connector behaves, copied by name; nothing else of a configuration becomes a fact.
OPTIONS = (
    "snapshot.mode",
    "snapshot.locking.mode",
    "incremental.snapshot.chunk.size",
    "signal.data.collection",
    "slot.name",
    "slot.drop.on.stop",
    "publication.name",
    "publication.autocreate.mode",
    "plugin.name",
    "heartbeat.interval.ms",
    "heartbeat.action.query",
    "tombstones.on.delete",
    "delete.handling.mode",
    "skipped.operations",
    "message.key.columns",
    "table.include.list",
    "table.whitelist",
    "table.exclude.list",
    "collection.include.list",
    "database.include.list",
    "database.whitelist",
    "schema.include.list",
    "column.exclude.list",
    "column.include.list",
    "topic.prefix",
    "database.server.name",
    "mongodb.name",
    "provide.transaction.metadata",
    "unavailable.value.placeholder",
    "binary.handling.mode",
    "errors.tolerance",
    "errors.retry.timeout",
    "errors.deadletterqueue.topic.name",
    "errors.log.enable",
    "mode",
    "incrementing.column.name",
    "timestamp.column.name",
    "timestamp.delay.interval.ms",
    "poll.interval.ms",
    "batch.max.rows",
    "topics",
    "topics.regex",
    "topic",
    "kafka.topic",
    "tasks.max",
    "insert.mode",
    "pk.mode",
    "pk.fields",
    "primary.key.mode",
    "primary.key.fields",
    "delete.enabled",
    "table.name.format",
    "collection.name.format",
    "auto.create",
    "auto.evolve",
    "schema.evolution",
    "key.ignore",
    "schema.ignore",
    "write.method",
    "behavior.on.null.values",
    "behavior.on.malformed.documents",
    "behavior.on.error",
    "external.resource.usage",
    "index.write.method",
    "collection",
    "database",
    "document.id.strategy",
    "writemodel.strategy",
    "delete.on.null.values",
    "key.converter",
    "value.converter",
    "exactly.once.support",
    "exactly.once.enabled",
    "transaction.boundary",
    "consumer.override.isolation.level",
    "max.retries",
    "retry.backoff.ms",
    "capture.mode",
    "publish.full.document.only",
    "change.stream.full.document",
    "topic.creation.default.partitions",
    "topic.creation.default.replication.factor",
    "topic.creation.default.cleanup.policy",
    "header.converter",
    "consumer.override.max.poll.records",
    "offset.storage",
    "schema.history.internal.kafka.topic",
    "database.history.kafka.topic",
    "snowflake.ingestion.method",
    "upsert.enabled",
    "iceberg.tables.upsert-mode-enabled",
    "iceberg.tables",
    "redis.hash.key",
)
_ADDRESS_KEYS = (
    "connection.url",
    "connection.uri",
    "connection.string",
    "mongodb.connection.string",
    "hosts",
    "clickhouse.url",
    "jdbc.url",
    "redis.hosts",
    "redis.uri",
    "redis.address",
    "elasticsearch.url",
    "aws.sqs.queue.url",
    "camel.sink.url",
    "neo4j.server.uri",
    "neo4j.uri",
    "mongodb.hosts",
)
_HOST_KEYS = (
    "database.hostname",
    "database.host",
    "connection.host",
    "connection.hosts",
    "hostname",
    "host",
    "cassandra.contact.points",
    "contactPoints",
    "mq.hostname",
    "snowflake.url.name",
)
_DATABASE_KEYS = (
    "database.dbname",
    "database.names",
    "database.pdb.name",
    "snowflake.database.name",
    "database",
    "db.name",
    "defaultDataset",
)
_CLASSES = (
    (r"io\.debezium\.connector\.(\w+)\.", ""),
    (r"jdbcsource", ""),
    (r"elasticsearch", "elasticsearch"),
    (r"opensearch", "opensearch"),
    (r"snowflake", "snowflake"),
    (r"bigquery", "bigquery"),
    (r"clickhouse", "clickhouse"),
    (r"mongo", "mongodb"),
    (r"neo4j", "neo4j"),
    (r"redshift", "redshift"),
    (r"redis", "redis"),
    (r"s3|iceberg", "s3"),
    (r"gcs", "gcs"),
    (r"cassandra", "cassandra"),
    (r"couchbase", "couchbase"),
    (r"dynamodb", "dynamodb"),
    (r"kinesis", "kinesis"),
    (r"rabbitmq", "rabbitmq"),
    (r"solr", "solr"),
    (r"spanner", "spanner"),
    (r"cosmos", "cosmosdb"),
    (r"pinecone", "pinecone"),
    (r"qdrant", "qdrant"),
    (r"milvus", "milvus"),
    (r"postgres", "postgresql"),
    (r"mysql", "mysql"),
    (r"mariadb", "mariadb"),
    (r"sqlserver", "sqlserver"),
    (r"oracle", "oracle"),
    (r"mqtt", "mqtt"),
    (r"pubsub", "googlepubsub"),
    (r"activemq", "activemq"),
    (r"sqs", "sqs"),
    (r"sns", "sns"),
    (r"influx", "influxdb"),
    (r"vitess", "mysql"),
    (r"db2", "db2"),
    (r"informix", "informix"),
    (r"yugabyte|yb", "yugabytedb"),
    (r"databricks", "databricks"),
    (r"pinot", "pinot"),
    (r"druid", "druid"),
    (r"singlestore", "mysql"),
    (r"questdb", "questdb"),
    (r"azureblob", "azureblob"),
    (r"mirror", "kafka"),
)


def is_connector(config: Mapping[str, object]) -> bool:
    """Whether a flat mapping is a connector's configuration."""
    return "connector.class" in config or "debezium.source.connector.class" in config


def read_json(path: str, source: str) -> list[Fact]:
    """Connectors in a JSON file: one, a list, or the body that the REST interface takes."""
    return connectors_in(jsontext.load(source), path)


def connectors_in(node: Node | None, path: str, default_name: str = "") -> list[Fact]:
    """Connectors anywhere in located data."""
    facts: list[Fact] = []
    pending: list[tuple[Node, str]] = [(node, default_name)] if node is not None else []
    while pending:
        value, name = pending.pop()
        if isinstance(value, Listing):
            pending.extend((item, name) for item in reversed(value))
        elif isinstance(value, Table):
            own = text(value.get("name")) or name
            if is_connector(value):
                flat = {key: item for key, item in value.items() if isinstance(item, Text)}
                facts += connector_facts(own, flat, path, value.line)
                continue
            # A mapping of connectors by name gives each its key as name.
            children = [(item, own if key in {"config", "value"} else key) for key, item in value.items()]
            pending.extend(reversed(children))
    return facts


def read_properties(path: str, source: str) -> list[Fact]:
    """A connector in properties form (standalone mode, or Debezium Server's application.properties)."""
    pairs = properties(source)
    if not is_connector(pairs):
        return []
    if "debezium.source.connector.class" in pairs:
        return _debezium_server(pairs, path)
    name = pairs.get("name", Text(""))
    return connector_facts(str(name), pairs, path, min((value.line for value in pairs.values()), default=1))


def properties(source: str, first_line: int = 1) -> dict[str, Text]:
    """Keys of Java properties text with located values. Raises: Malformed for broken escapes."""
    found: dict[str, Text] = {}
    line = first_line
    try:
        for part in javaproperties.parse(source):
            if isinstance(part, javaproperties.KeyValue):
                found[part.key] = Text(part.value, line, plain=True)
            line += max(part.source.count("\n"), 1)
    except (ValueError, RecursionError):
        raise Malformed(line, "not valid properties") from None
    return found


def _debezium_server(pairs: Mapping[str, Text], path: str) -> list[Fact]:
    config = {
        key.removeprefix("debezium.source."): value
        for key, value in pairs.items()
        if key.startswith("debezium.source.")
    }
    facts = connector_facts("debezium-server", config, path, pairs["debezium.source.connector.class"].line)
    sink = pairs.get("debezium.sink.type")
    if sink and facts:
        known = technology_named(str(sink))
        facts.append(
            fact(
                "link",
                "debezium-server",
                path,
                sink.line,
                technology=known.name if known else "",
                via="debezium.sink.type",
            )
        )
    return facts


def connector_facts(name: str, config: Mapping[str, Text], path: str, line: int) -> list[Fact]:
    """The connector and its target or source, from a flat configuration.

    Shape: one `connector` fact; its attributes hold class, role (source or sink), technology, host, database,
    transforms and the options of OPTIONS, with hyphens for dots.
    """
    values = {key: substitute(str(value)) for key, value in config.items()}
    kind = values.get("connector.class", "")
    kind = kind if re.fullmatch(r"[\w.$]{1,200}", kind) else ""
    role = "sink" if _is_sink(kind, values) else "source"
    technology, host, port, database = _target(kind, values)
    options = {key.replace(".", "_").replace("-", "_"): values[key] for key in OPTIONS if values.get(key)}
    transforms = [part.strip() for part in values.get("transforms", "").split(",") if part.strip()]
    types = [values.get(f"transforms.{part}.type", part) for part in transforms]
    outbox = next(
        (part for part, kind_of in zip(transforms, types, strict=True) if re.search("EventRouter", kind_of)), ""
    )
    facts_options: dict[str, object] = dict(options)
    facts_options.update(
        class_=kind,
        role=role,
        technology=technology,
        host=host,
        port=port or None,
        database_name=database,
        transforms=types,
        outbox_router=bool(outbox) or None,
    )
    if outbox:
        for key in (
            "table.field.event.key",
            "table.field.event.id",
            "route.by.field",
            "route.topic.replacement",
            "table.fields.additional.placement",
            "table.expand.json.payload",
            "table.op.invalid.behavior",
        ):
            value = values.get(f"transforms.{outbox}.{key}")
            if value:
                facts_options[f"outbox_{key.replace('.', '_')}"] = value
    for part, kind_of in zip(transforms, types, strict=True):
        if re.search(r"ExtractNewRecordState|UnwrapFromEnvelope|ExtractNewDocumentState", kind_of):
            for key in ("drop.tombstones", "delete.handling.mode", "delete.tombstone.handling.mode"):
                if values.get(f"transforms.{part}.{key}"):
                    facts_options[f"unwrap_{key.replace('.', '_')}"] = values[f"transforms.{part}.{key}"]
        if re.search(r"(?:RegexRouter|ByLogicalTableRouter)", kind_of):
            for key in ("regex", "replacement", "topic.regex", "topic.replacement"):
                if values.get(f"transforms.{part}.{key}"):
                    facts_options[f"route_{key.replace('.', '_')}"] = values[f"transforms.{part}.{key}"]
        if kind_of.endswith("ValueToKey") and values.get(f"transforms.{part}.fields"):
            facts_options["key_fields"] = values[f"transforms.{part}.fields"]
    end = max((value.line for value in config.values()), default=line)
    return [fact_of("connector", name or _short(kind), path, line, facts_options, end_line=end if end > line else None)]


def _is_sink(kind: str, values: Mapping[str, str]) -> bool:
    short = kind.rsplit(".", 1)[-1].lower()
    if "source" in short:
        return False
    return "sink" in short or (
        ("topics" in values or "topics.regex" in values) and not kind.startswith("io.debezium.connector.")
    )


def _short(kind: str) -> str:
    return kind.rsplit(".", 1)[-1] or "connector"


def _target(kind: str, values: Mapping[str, str]) -> tuple[str, str, int, str]:
    technology = ""
    matched = re.search(_CLASSES[0][0], kind, re.IGNORECASE)
    if matched and matched[1].lower() != "jdbc":
        known = technology_named(matched[1])
        technology = known.name if known else ""
    if not technology and "jdbc" not in kind.lower():
        technology = next((name for pattern, name in _CLASSES[2:] if re.search(pattern, kind, re.IGNORECASE)), "")
    database = next((values[key] for key in _DATABASE_KEYS if values.get(key)), "")
    for key in _ADDRESS_KEYS:
        found = addresses(values.get(key, ""))
        if found:
            first = found[0]
            return technology or first.technology, first.host, first.port, first.database or database
    host = next((host_of(values[key].split(",")[0]) for key in _HOST_KEYS if values.get(key)), "")
    port = values.get("database.port", "")
    return technology, host, int(port) if port.isdigit() and len(port) <= 5 else 0, database

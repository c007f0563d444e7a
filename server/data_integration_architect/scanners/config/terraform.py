"""Terraform and OpenTofu: managed databases, caches, queues, streams and topics, and what points to them."""

from __future__ import annotations

import re
from collections.abc import Mapping

from data_integration_architect.scanners.config.configfacts import Fact, fact
from data_integration_architect.scanners.config.embedded import embedded_connectors
from data_integration_architect.scanners.config.hcltext import Block, load
from data_integration_architect.scanners.config.kafka_connect import connector_facts
from data_integration_architect.scanners.config.located import Table, Text, flatten, table, text
from data_integration_architect.scanners.config.settings import Setting, facts_of_settings
from data_integration_architect.scanners.config.technologies import BY_NAME, technology_named

# Resource type to technology; an empty one is told by the engine attribute.
STORES: Mapping[str, str] = {
    "aws_db_instance": "",
    "aws_rds_cluster": "",
    "aws_dynamodb_table": "dynamodb",
    "aws_elasticache_cluster": "",
    "aws_elasticache_replication_group": "redis",
    "aws_elasticache_serverless_cache": "",
    "aws_memorydb_cluster": "redis",
    "aws_opensearch_domain": "opensearch",
    "aws_elasticsearch_domain": "elasticsearch",
    "aws_opensearchserverless_collection": "opensearch",
    "aws_redshift_cluster": "redshift",
    "aws_redshiftserverless_workgroup": "redshift",
    "aws_docdb_cluster": "mongodb",
    "aws_neptune_cluster": "neo4j",
    "aws_keyspaces_table": "cassandra",
    "aws_s3_bucket": "s3",
    "aws_msk_cluster": "kafka",
    "aws_msk_serverless_cluster": "kafka",
    "aws_mq_broker": "",
    "aws_kinesis_stream": "kinesis",
    "aws_kinesis_firehose_delivery_stream": "kinesis",
    "aws_dsql_cluster": "postgresql",
    "google_sql_database_instance": "",
    "google_alloydb_cluster": "postgresql",
    "google_spanner_instance": "spanner",
    "google_bigtable_instance": "bigtable",
    "google_firestore_database": "firestore",
    "google_redis_instance": "redis",
    "google_redis_cluster": "redis",
    "google_memcache_instance": "memcached",
    "google_bigquery_dataset": "bigquery",
    "google_storage_bucket": "gcs",
    "google_managed_kafka_cluster": "kafka",
    "azurerm_postgresql_server": "postgresql",
    "azurerm_postgresql_flexible_server": "postgresql",
    "azurerm_mysql_server": "mysql",
    "azurerm_mysql_flexible_server": "mysql",
    "azurerm_mssql_server": "sqlserver",
    "azurerm_sql_server": "sqlserver",
    "azurerm_mssql_managed_instance": "sqlserver",
    "azurerm_cosmosdb_account": "cosmosdb",
    "azurerm_redis_cache": "redis",
    "azurerm_managed_redis": "redis",
    "azurerm_eventhub_namespace": "eventhubs",
    "azurerm_servicebus_namespace": "servicebus",
    "azurerm_search_service": "azure-search",
    "azurerm_storage_account": "azureblob",
    "mongodbatlas_cluster": "mongodb",
    "mongodbatlas_advanced_cluster": "mongodb",
    "mongodbatlas_flex_cluster": "mongodb",
    "confluent_kafka_cluster": "kafka",
    "snowflake_database": "snowflake",
    "digitalocean_database_cluster": "",
    "aiven_pg": "postgresql",
    "aiven_mysql": "mysql",
    "aiven_kafka": "kafka",
    "aiven_opensearch": "opensearch",
    "aiven_redis": "redis",
    "aiven_valkey": "valkey",
    "aiven_clickhouse": "clickhouse",
    "aiven_cassandra": "cassandra",
    "ec_deployment": "elasticsearch",
    "elasticstack_elasticsearch_index": "elasticsearch",
    "cloudamqp_instance": "rabbitmq",
    "neon_project": "postgresql",
    "supabase_project": "postgresql",
    "planetscale_database": "mysql",
    "upstash_redis_database": "redis",
    "upstash_kafka_cluster": "kafka",
    "heroku_addon": "",
    "scaleway_rdb_instance": "",
    "clickhouse_service": "clickhouse",
    "rediscloud_subscription": "redis",
    "cockroach_cluster": "cockroachdb",
    "oci_mysql_mysql_db_system": "mysql",
    "oci_database_autonomous_database": "oracle",
    "tencentcloud_mysql_instance": "mysql",
    "alicloud_db_instance": "",
    "scylladbcloud_cluster": "scylladb",
    "influxdb3_database": "influxdb",
    "astra_database": "cassandra",
    "ibm_database": "",
}
CHANNELS: Mapping[str, str] = {
    "aws_sqs_queue": "sqs",
    "aws_sns_topic": "sns",
    "google_pubsub_topic": "googlepubsub",
    "azurerm_servicebus_queue": "servicebus",
    "azurerm_servicebus_topic": "servicebus",
    "azurerm_eventhub": "eventhubs",
    "kafka_topic": "kafka",
    "confluent_kafka_topic": "kafka",
    "aiven_kafka_topic": "kafka",
    "rabbitmq_queue": "rabbitmq",
    "rabbitmq_exchange": "rabbitmq",
    "aws_cloudwatch_event_bus": "eventbridge",
    "google_pubsub_lite_topic": "googlepubsub",
    "redpanda_topic": "redpanda",
    "upstash_kafka_topic": "kafka",
    "google_managed_kafka_topic": "kafka",
    "pulsar_topic": "pulsar",
    "digitalocean_database_kafka_topic": "kafka",
    "azurerm_storage_queue": "azureblob",
}
_ENGINE_KEYS = ("engine", "engine_type", "database_version", "plan", "service")
_NAME_KEYS = (
    "identifier",
    "cluster_identifier",
    "cluster_id",
    "name",
    "db_name",
    "domain_name",
    "topic_name",
    "replication_group_id",
    "bucket",
    "instance_id",
    "display_name",
    "queue_name",
    "deployment_name",
    "cluster_name",
    "broker_name",
)
_MODULES = (
    (r"\brds(?:-aurora)?\b|cloudsql|sql-db|postgresql|mysql", ""),
    (r"elasticache|redis|memorystore", "redis"),
    (r"msk|kafka", "kafka"),
    (r"dynamodb", "dynamodb"),
    (r"opensearch", "opensearch"),
    (r"elasticsearch", "elasticsearch"),
    (r"redshift", "redshift"),
    (r"pubsub", "googlepubsub"),
    (r"\bsqs\b", "sqs"),
    (r"\bsns\b", "sns"),
    (r"s3-bucket", "s3"),
    (r"documentdb|docdb|mongo", "mongodb"),
)
_LOG = re.compile(
    r"logical_decoding|logical_replication|wal_level|binlog|change_stream|cloudsql\.logical|azure\.replication_support"
)


def read(path: str, source: str) -> list[Fact]:
    """Facts of the resources and modules in one file. Misses: names put together from other files' variables."""
    facts: list[Fact] = []
    blocks = load(source)
    for block in blocks:
        if block.type == "resource" and len(block.labels) == 2:
            facts += _resource(block, path)
        elif block.type == "module" and block.labels:
            facts += _module(block, path)
    if "connector.class" in source:
        facts += [f for f in embedded_connectors(source, path, 1) if f.kind == "connector"]
    return facts


def _reference(block: Block) -> str:
    return ".".join(block.labels)


def _named(block: Block) -> str:
    """The name that the resource has outside, else its label; a computed name is no name."""
    for key in _NAME_KEYS:
        value = text(block.attributes.get(key))
        if (
            value
            and "${" not in value
            and re.fullmatch(r"[\w./-]{1,120}", value)
            and "." not in value.split("/")[0][:4]
        ):
            computed = isinstance(node := block.attributes.get(key), Text) and node.plain
            if not computed:
                return value
    return block.labels[-1]


def _resource(block: Block, path: str) -> list[Fact]:
    kind = block.labels[0]
    if kind in STORES:
        return _store(block, STORES[kind], path)
    if kind in CHANNELS:
        return _channel(block, CHANNELS[kind], path)
    if kind in {"confluent_connector", "aws_mskconnect_connector", "kafka-connect_connector", "aiven_kafka_connector"}:
        return _connector(block, path)
    if kind == "aws_lambda_event_source_mapping":
        target = text(block.attributes.get("event_source_arn"))
        function = _label_in(text(block.attributes.get("function_name"))) or block.labels[1]
        return (
            [fact("consumes", function, path, block.line, topic=_label_in(target), reference=target, via=kind)]
            if _label_in(target)
            else []
        )
    if kind in {"aws_sns_topic_subscription", "google_pubsub_subscription"}:
        topic = _label_in(text(block.attributes.get("topic_arn")) or text(block.attributes.get("topic")))
        target = _label_in(text(block.attributes.get("endpoint"))) or block.labels[1]
        return [fact("consumes", target, path, block.line, topic=topic, via=kind)] if topic else []
    if kind in {"postgresql_publication", "postgresql_replication_slot"}:
        fact_kind = "publication" if kind.endswith("publication") else "slot"
        tables = [str(value) for _, value, _ in flatten(block.attributes.get("tables"))]
        return [
            fact(
                fact_kind,
                _named(block),
                path,
                block.line,
                tables=tables,
                all_tables=text(block.attributes.get("all_tables")) == "true" or None,
            )
        ]
    if kind in {
        "aws_lambda_function",
        "aws_ecs_task_definition",
        "google_cloud_run_service",
        "google_cloud_run_v2_service",
        "azurerm_container_app",
        "google_cloudfunctions_function",
        "google_cloudfunctions2_function",
        "aws_apprunner_service",
    }:
        return _program(block, path)
    return []


def _label_in(expression: str) -> str:
    """The label in a reference such as `aws_sqs_queue.orders.arn`, or the plain text itself."""
    match = re.search(r"\b[a-z][\w-]*_[\w-]+\.([\w-]+)(?:\[[^\]]{0,40}\])?\.\w+", expression)
    if match:
        return match[1]
    return expression if re.fullmatch(r"[\w-]{1,120}", expression) else ""


def _store(block: Block, technology: str, path: str) -> list[Fact]:
    engine = next((text(block.attributes.get(key)) for key in _ENGINE_KEYS if text(block.attributes.get(key))), "")
    if not technology:
        technology = _engine(engine)
    if not technology and block.labels[0] in {"aws_db_instance", "aws_rds_cluster", "google_sql_database_instance"}:
        # The engine comes from a variable: the store is there, its technology is not known.
        technology = "sql"
    if not technology:
        return []
    known = BY_NAME.get(technology)
    category = known.category if known else "database"
    name = _named(block)
    replica = text(block.attributes.get("replicate_source_db")) or text(block.attributes.get("master_instance_name"))
    stream = text(block.attributes.get("stream_enabled")) == "true"
    settings = " ".join(f"{key} {value}" for inner in _all_blocks(block) for key, value in inner.attributes.items())
    return [
        fact(
            "broker" if category == "broker" else "store",
            name,
            path,
            block.line,
            technology=technology,
            category=category,
            aliases=[name, block.labels[1], _reference(block)],
            databases=[text(block.attributes.get("db_name")), text(block.attributes.get("database_name"))],
            replica_of=_label_in(replica),
            key=text(block.attributes.get("hash_key")),
            sort_by=text(block.attributes.get("range_key")),
            log_access=True if stream or _LOG.search(settings) else None,
            origin="terraform",
            managed=True,
            failover=True if text(block.attributes.get("multi_az")) == "true" else None,
        )
    ]


def _engine(engine: str) -> str:
    engine = engine.lower()
    for prefix, name in (
        ("aurora-postgresql", "postgresql"),
        ("aurora", "mysql"),
        ("sqlserver", "sqlserver"),
        ("mongodb", "mongodb"),
        ("heroku-postgresql", "postgresql"),
        ("heroku-redis", "redis"),
        ("pg", "postgresql"),
    ):
        if engine.startswith(prefix):
            return name
    known = technology_named(engine)
    return known.name if known else ""


def _all_blocks(block: Block) -> list[Block]:
    found, pending = [], [block]
    while pending:
        one = pending.pop()
        found.append(one)
        pending.extend(one.blocks)
    return found


def _channel(block: Block, technology: str, path: str) -> list[Fact]:
    attributes = block.attributes
    config = table(attributes.get("config")) or next((inner.attributes for inner in block.all_of("config")), Table())
    partitions = (
        text(attributes.get("partitions"))
        or text(attributes.get("partitions_count"))
        or text(attributes.get("partition_count"))
    )
    redrive = " ".join(f"{key}={value}" for key, value, _ in flatten(attributes.get("redrive_policy")))
    retention = text(attributes.get("message_retention_seconds"))
    return [
        fact(
            "topic",
            _named(block),
            path,
            block.line,
            technology=technology,
            created=True,
            reference=_reference(block),
            label=block.labels[1],
            partitions=int(partitions) if partitions.isdigit() and len(partitions) < 7 else None,
            cleanup=text(config.get("cleanup.policy")),
            retention_ms=text(config.get("retention.ms")),
            retention_seconds=int(retention) if retention.isdigit() and len(retention) < 12 else None,
            ordered=True
            if text(attributes.get("fifo_queue")) == "true" or text(attributes.get("fifo_topic")) == "true"
            else None,
            dead_letter=_label_in(redrive.split("deadLetterTargetArn=", 1)[1].split(" ")[0])
            if "deadLetterTargetArn=" in redrive
            else "",
            kind="queue" if "queue" in block.labels[0] else "topic",
        )
    ]


def _connector(block: Block, path: str) -> list[Fact]:
    config: dict[str, Text] = {}
    for key in ("config", "config_nonsensitive", "connector_configuration"):
        source = table(block.attributes.get(key)) or next((inner.attributes for inner in block.all_of(key)), Table())
        config.update({name: value for name, value in source.items() if isinstance(value, Text)})
    if "connector.class" not in config:
        return []
    named = config.get("name")
    name = str(named) if named and not named.plain else block.labels[1]
    return connector_facts(name, config, path, block.line)


def _module(block: Block, path: str) -> list[Fact]:
    source = text(block.attributes.get("source")).lower()
    for pattern, technology in _MODULES:
        if re.search(pattern, source):
            technology = technology or _engine(text(block.attributes.get("engine"))) or _engine(source)
            if technology in CHANNELS.values() and technology in {"sqs", "sns", "googlepubsub"}:
                return [
                    fact(
                        "topic",
                        _module_name(block),
                        path,
                        block.line,
                        technology=technology,
                        created=True,
                        origin="terraform",
                    )
                ]
            known = BY_NAME.get(technology)
            if known:
                kind = "broker" if known.category == "broker" else "store"
                name = _module_name(block)
                return [
                    fact(
                        kind,
                        name,
                        path,
                        block.line,
                        technology=technology,
                        category=known.category,
                        aliases=[name, block.labels[0]],
                        origin="terraform",
                        managed=True,
                    )
                ]
    return []


def _module_name(block: Block) -> str:
    for key in _NAME_KEYS:
        value = block.attributes.get(key)
        if isinstance(value, Text) and not value.plain and re.fullmatch(r"[\w-]{1,120}", value):
            return str(value)
    return block.labels[0]


def _program(block: Block, path: str) -> list[Fact]:
    """A function or container with its environment; references to other resources are links."""
    name = _named(block)
    facts = [fact("service", name, path, block.line, origin="terraform", aliases=[name, block.labels[1]])]
    settings: list[Setting] = []
    for inner in _all_blocks(block):
        for key, value, line in flatten(inner.attributes):
            reference = (
                re.search(r"\b((?:aws|google|azurerm)_\w+)\.([\w-]+)", value) if isinstance(value, Text) else None
            )
            if reference and (reference[1] in STORES or reference[1] in CHANNELS):
                facts.append(
                    fact("link", name, path, line, host=f"{reference[1]}.{reference[2]}", via=key.split(".")[-1])
                )
            elif "variables." in key or "environment" in key:
                settings.append(Setting(key.rsplit(".", 1)[-1], str(value), line))
    return facts + facts_of_settings(settings, path, name)

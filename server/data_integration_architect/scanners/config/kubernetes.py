"""Kubernetes manifests, Strimzi and database operators' resources, Dapr components and Knative services."""

from __future__ import annotations

import re
from collections.abc import Iterator

from data_integration_architect.scanners.config.configfacts import Fact, fact, fact_of
from data_integration_architect.scanners.config.embedded import connectors_in_strings, embedded_connectors
from data_integration_architect.scanners.config.kafka_connect import connector_facts
from data_integration_architect.scanners.config.kafka_connect import read_properties as read_connector_properties
from data_integration_architect.scanners.config.located import (
    Listing,
    Malformed,
    Node,
    Table,
    Text,
    at,
    flatten,
    listing,
    table,
    tables,
    text,
    texts,
)
from data_integration_architect.scanners.config.settings import Setting, facts_of_settings
from data_integration_architect.scanners.config.spring import read_properties as read_spring_properties
from data_integration_architect.scanners.config.spring import read_yaml as read_spring_yaml
from data_integration_architect.scanners.config.technologies import (
    BY_NAME,
    image_reference,
    technology_named,
    technology_of_image,
)
from data_integration_architect.scanners.config.yamltext import load_all

_WORKLOADS = {
    "Deployment",
    "StatefulSet",
    "DaemonSet",
    "Job",
    "CronJob",
    "Pod",
    "ReplicaSet",
    "ReplicationController",
    "DeploymentConfig",
    "Rollout",
}
# Operators' resources that are a store or broker: kind (with the group where the kind alone is common) to technology.
_OPERATED = {
    "Kafka": "kafka",
    "postgresql": "postgresql",
    "PostgresCluster": "postgresql",
    "Postgres": "postgresql",
    "PerconaPGCluster": "postgresql",
    "PostgresqlCluster": "postgresql",
    "PerconaServerMongoDB": "mongodb",
    "MongoDBCommunity": "mongodb",
    "MongoDB": "mongodb",
    "InnoDBCluster": "mysql",
    "MysqlCluster": "mysql",
    "PerconaXtraDBCluster": "mysql",
    "MySQL": "mysql",
    "MariaDB": "mariadb",
    "Elasticsearch": "elasticsearch",
    "OpenSearchCluster": "opensearch",
    "RabbitmqCluster": "rabbitmq",
    "Redis": "redis",
    "RedisCluster": "redis",
    "RedisFailover": "redis",
    "RedisEnterpriseCluster": "redis",
    "ScyllaCluster": "scylladb",
    "CassandraDatacenter": "cassandra",
    "CrdbCluster": "cockroachdb",
    "ClickHouseInstallation": "clickhouse",
    "CouchbaseCluster": "couchbase",
    "NatsCluster": "nats",
    "SolrCloud": "solr",
    "Tenant": "minio",
    "Dragonfly": "redis",
    "Infinispan": "infinispan",
    "Hazelcast": "hazelcast",
    "ActiveMQArtemis": "activemq",
    "PulsarCluster": "pulsar",
    "Redpanda": "redpanda",
    "TidbCluster": "tidb",
    "YBCluster": "yugabytedb",
    "Neo4jCluster": "neo4j",
    "RDSInstance": "",
    "CloudSQLInstance": "",
    "SQLInstance": "",
    "DBInstance": "",
    "DBCluster": "",
    "Memcached": "memcached",
    "ZookeeperCluster": "zookeeper",
}


def read(path: str, source: str) -> list[Fact]:
    """Facts of every resource in a manifest, lists opened. Misses: kustomize patches and templates before rendering."""
    facts: list[Fact] = []
    for resource in _resources(load_all(source)):
        facts += _resource(resource, path)
    return facts


def _resources(documents: list[Node]) -> Iterator[Table]:
    pending = list(reversed(documents))
    while pending:
        document = pending.pop()
        if isinstance(document, Table):
            if text(document.get("kind")).endswith("List") and isinstance(document.get("items"), Listing):
                pending.extend(reversed(listing(document.get("items"))))
            elif "kind" in document:
                yield document
        elif isinstance(document, Listing):
            pending.extend(reversed(document))


def _resource(resource: Table, path: str) -> list[Fact]:
    kind, group = text(resource.get("kind")), text(resource.get("apiVersion"))
    name = text(at(resource, "metadata", "name"))
    line = resource.key_line("kind")
    if kind in _WORKLOADS:
        return _workload(resource, name, path)
    if kind == "Service" and group.startswith("serving.knative"):
        return _workload(resource, name, path)
    if kind == "Service":
        return _alias(resource, name, path)
    if kind == "ConfigMap":
        return _config_map(resource, name, path)
    if kind == "KafkaTopic" or (kind == "Topic" and "redpanda" in group):
        return _topic(resource, name, path)
    if kind == "KafkaConnector":
        return _connector(resource, name, path)
    if kind == "KafkaConnect":
        found = [fact("service", name, path, line, origin="kubernetes", runs="kafka-connect")]
        return found + facts_of_settings(_spec_settings(resource, ("bootstrapServers",)), path, name)
    if kind in {"KafkaMirrorMaker2", "KafkaMirrorMaker"}:
        return [fact("service", name, path, line, origin="kubernetes", runs="mirror-maker")]
    if kind == "Component" and "dapr.io" in group:
        return _dapr(resource, name, path)
    if kind == "Subscription" and "dapr.io" in group:
        topic = text(at(resource, "spec", "topic"))
        scopes = [str(item) for item in texts(resource.get("scopes"))]
        return [
            fact("consumes", scope, path, line, topic=topic, via="dapr subscription")
            for scope in scopes or [""]
            if topic
        ]
    if kind == "Cluster" and "cnpg" in group:
        return [_operated(resource, name, "postgresql", path)]
    if kind in _OPERATED:
        technology = _OPERATED[kind] or _engine(resource)
        return [_operated(resource, name, technology, path)] if technology else []
    return []


def _engine(resource: Table) -> str:
    for key, value, _ in flatten(resource.get("spec")):
        if re.search(r"(?:engine|databaseVersion)\Z", key, re.IGNORECASE):
            known = technology_named(str(value))
            if known:
                return known.name
    return ""


def _operated(resource: Table, name: str, technology: str, path: str) -> Fact:
    known = BY_NAME[technology]
    spec = " ".join(
        f"{key}={value}" for key, value, _ in flatten(resource.get("spec")) if "wal_level" in key or "replSet" in key
    )
    databases = [
        *table(at(resource, "spec", "databases")),
        text(at(resource, "spec", "bootstrap", "initdb", "database")),
    ]
    instances = text(at(resource, "spec", "instances")) or text(at(resource, "spec", "numberOfInstances"))
    kind = "broker" if known.category == "broker" else "store"
    # Operators put the read-write service of a database at the cluster's name with a suffix.
    aliases = [
        name,
        f"{name}-rw",
        f"{name}-ro",
        f"{name}-r",
        f"{name}-kafka-bootstrap",
        f"{name}-kafka-brokers",
        f"{name}-es-http",
    ]
    return fact(
        kind,
        name,
        path,
        resource.key_line("kind"),
        technology=technology,
        category=known.category,
        aliases=aliases,
        databases=databases,
        log_access=True if "logical" in spec else None,
        instances=int(instances) if instances.isdigit() and len(instances) < 5 else None,
        origin="kubernetes",
    )


def _workload(resource: Table, name: str, path: str) -> list[Fact]:
    template = at(resource, "spec", "template") or at(resource, "spec", "jobTemplate", "spec", "template") or resource
    labels = {**table(at(resource, "metadata", "labels")), **table(at(template, "metadata", "labels"))}
    containers = list(tables(at(template, "spec", "containers")))
    facts: list[Fact] = []
    app_id = text(at(template, "metadata", "annotations", "dapr.io/app-id"))
    for container in containers:
        image = text(container.get("image"))
        known = technology_of_image(image)
        own = text(container.get("name")) or name
        subject = name if len(containers) == 1 or not known else own
        line = container.key_line("image") if image else resource.key_line("kind")
        ports = [f":{text(port.get('containerPort'))}" for port in tables(container.get("ports"))]
        shared: dict[str, object] = {
            "image": image_reference(image),
            "aliases": sorted(
                {name, subject, own, app_id, re.sub(r"-(?:depl|deploy|deployment|sts|statefulset)\Z", "", name)} - {""}
            ),
            "ports": ports,
            "labels": [f"{key}={text(value)}" for key, value in labels.items() if isinstance(value, Text)],
            "config_maps": _config_maps(container),
            "origin": "kubernetes",
        }
        settings = _environment(container)
        # A job that runs a store's image is a client that sets it up.
        if known and text(resource.get("kind")) not in {"Job", "CronJob"}:
            kind = "broker" if known.category == "broker" else "store"
            databases = [
                s.value for s in settings if s.key in {"POSTGRES_DB", "MYSQL_DATABASE", "MONGO_INITDB_DATABASE"}
            ]
            attributes = {**shared, "technology": known.name, "category": known.category, "databases": databases}
            facts.append(fact_of(kind, subject, path, line, attributes))
        else:
            replicas = text(at(resource, "spec", "replicas"))
            count = int(replicas) if replicas.isdigit() and len(replicas) < 6 else None
            schedule = text(at(resource, "spec", "schedule"))
            facts.append(fact_of("service", subject, path, line, {**shared, "replicas": count, "schedule": schedule}))
            facts += facts_of_settings(settings, path, subject)
        facts += connectors_in_strings(container, path)
    return facts


def _environment(container: Table) -> list[Setting]:
    return [
        Setting(text(item.get("name")), text(item.get("value")), item.key_line("value"))
        for item in tables(container.get("env"))
        if "value" in item
    ]


def _config_maps(container: Table) -> list[str]:
    names = [text(at(item, "configMapRef", "name")) for item in tables(container.get("envFrom"))]
    names += [text(at(item, "valueFrom", "configMapKeyRef", "name")) for item in tables(container.get("env"))]
    return sorted({name for name in names if name})


def _alias(resource: Table, name: str, path: str) -> list[Fact]:
    selector = [
        f"{key}={text(value)}"
        for key, value in table(at(resource, "spec", "selector")).items()
        if isinstance(value, Text)
    ]
    outside = text(at(resource, "spec", "externalName"))
    return (
        [fact("alias", name, path, resource.key_line("kind"), selector=selector, external=outside)]
        if selector or outside
        else []
    )


def _config_map(resource: Table, name: str, path: str) -> list[Fact]:
    """Settings of a config map, and files inside it; its facts belong to `configmap:NAME` until a workload uses it."""
    data = table(resource.get("data"))
    subject = f"configmap:{name}"
    plain: list[Setting] = []
    facts: list[Fact] = []
    for key, value in data.items():
        if not isinstance(value, Text):
            continue
        if "\n" in value or key.endswith((".yml", ".yaml", ".properties", ".json")):
            facts += _file_in_map(key, value, path, subject)
        else:
            plain.append(Setting(key, str(value), data.key_line(key)))
    return facts + facts_of_settings(plain, path, subject)


def _file_in_map(key: str, value: Text, path: str, subject: str) -> list[Fact]:
    found: list[Fact] = []
    try:
        if "connector.class" in value:
            return (
                embedded_connectors(str(value), path, value.line + 1)
                if "{" in value
                else read_connector_properties(path, str(value))
            )
        if key.endswith((".yml", ".yaml")):
            found = read_spring_yaml(key, str(value))
        elif key.endswith(".properties"):
            found = read_spring_properties(key, str(value))
    except Malformed:
        return []
    # A block scalar's text begins on the line after its key.
    return [
        Fact(f.kind, f.subject or subject, path, f.line + value.line, f.attributes, None, f.confidence, f.reason)
        for f in found
        if f.kind != "service"
    ]


def _topic(resource: Table, name: str, path: str) -> list[Fact]:
    spec = table(resource.get("spec"))
    config = table(spec.get("config")) or table(spec.get("additionalConfig"))
    partitions = text(spec.get("partitions"))
    return [
        fact(
            "topic",
            text(spec.get("topicName")) or name,
            path,
            resource.key_line("kind"),
            technology="kafka",
            created=True,
            partitions=int(partitions) if partitions.isdigit() and len(partitions) < 7 else None,
            retention_ms=text(config.get("retention.ms")),
            cleanup=text(config.get("cleanup.policy")),
            cluster=text(at(resource, "metadata", "labels", "strimzi.io/cluster")),
        )
    ]


def _connector(resource: Table, name: str, path: str) -> list[Fact]:
    spec = table(resource.get("spec"))
    config = {key: value for key, value in table(spec.get("config")).items() if isinstance(value, Text)}
    kind, tasks = spec.get("class"), spec.get("tasksMax")
    if isinstance(kind, Text):
        config["connector.class"] = kind
    if isinstance(tasks, Text):
        config["tasks.max"] = tasks
    return connector_facts(name, config, path, resource.key_line("kind"))


def _spec_settings(resource: Table, keys: tuple[str, ...]) -> list[Setting]:
    spec = table(resource.get("spec"))
    return [Setting(key, text(spec.get(key)), spec.key_line(key)) for key in keys if text(spec.get(key))]


def _dapr(resource: Table, name: str, path: str) -> list[Fact]:
    """A Dapr component: `state.redis` is a store, `pubsub.kafka` a broker; its scopes are linked to it."""
    kind = text(at(resource, "spec", "type"))
    known = technology_named(kind)
    line = resource.key_line("kind")
    if not known or not kind.startswith(("state.", "pubsub.", "bindings.")):
        return []
    metadata = [
        Setting(text(item.get("name")), text(item.get("value")), item.key_line("value"))
        for item in tables(at(resource, "spec", "metadata"))
        if text(item.get("value"))
    ]
    links = [f for f in facts_of_settings(metadata, path, "") if f.kind == "link"]
    host = links[0].text("host") if links else ""
    scopes = [str(item) for item in texts(resource.get("scopes"))]
    return [
        fact("link", scope, path, line, technology=known.name, host=host, via=f"dapr {kind}", component=name)
        for scope in scopes or ["configmap:dapr"]
    ]

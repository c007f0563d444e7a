"""Facts of several files to one draft: stores once, links resolved, connectors and topics in the format."""

from __future__ import annotations

import random
from typing import Any

from config_samples import SAMPLES

from data_integration_architect.files import Document
from data_integration_architect.scanners.config.configfacts import Fact
from data_integration_architect.scanners.config.draft import Draft, draft
from data_integration_architect.scanners.config.registry import read_config
from data_integration_architect.topology import load_topology, normalize


def made(files: dict[str, str]) -> Draft:
    facts = [found for path, text in files.items() for found in read_config(path, text)]
    result = draft(facts, "a system")
    normalize(load_topology(Document(result.topology, "draft")))
    return result


def pom(name: str, *dependencies: str) -> str:
    """A Maven manifest; dependencies are `group:artifact`."""
    listed = "".join(
        f"<dependency><groupId>{d.split(':')[0]}</groupId><artifactId>{d.split(':')[1]}</artifactId></dependency>"
        for d in dependencies
    )
    return f"<project><artifactId>{name}</artifactId><dependencies>{listed}</dependencies></project>"


def links(result: Draft) -> set[tuple[str, str, str]]:
    return {(link.program, link.target, link.confidence) for link in result.links}


COMPOSE = """\
services:
  db:
    image: postgres:16
    ports: ["5433:5432"]
  mq:
    image: rabbitmq:3
  orders:
    build: ./orders
    environment: {DB_HOST: db, RABBIT_HOST: mq}
  billing:
    build: ./billing
    environment: {ORDERS_URL: "http://orders:8080"}
"""


def test_stores_links_and_evidence() -> None:
    result = made({"docker-compose.yml": COMPOSE})
    assert result.topology["scope"] == "partial"
    assert result.topology["stores"] == {
        "db": {"technology": "postgresql", "evidence": [{"at": "docker-compose.yml:2"}]}
    }
    assert dict(result.brokers) == {"mq": "rabbitmq"}
    assert links(result) == {("orders", "db", "seen"), ("orders", "mq", "seen"), ("billing", "orders", "seen")}
    assert result.topology["processes"]["orders"]["note"] == "configured to reach: db, mq"
    assert result.topology["channels"]["mq"]["technology"] == "rabbitmq"


def test_the_order_of_files_does_not_matter() -> None:
    facts = [found for path, text in SAMPLES.items() for found in read_config(path, text)]
    first = draft(facts).topology
    for seed in range(5):
        random.Random(seed).shuffle(facts)
        assert draft(facts).topology == first


def test_all_samples_together_make_a_topology_that_loads() -> None:
    result = made(SAMPLES)
    assert {"items", "db"} <= set(result.topology["stores"])
    assert result.problems == ()


def test_one_store_reached_by_two_names() -> None:
    result = made(
        {
            "docker-compose.yml": COMPOSE,
            # The published port, seen from the machine, is the same database.
            "billing/.env.example": "DATABASE_URL=postgres://u:p@localhost:5433/x\n",
            "billing/package.json": '{"name": "billing", "dependencies": {"pg": "8"}}',
            # A cluster has it under another name; `orders` is the same program.
            "k8s/orders.yaml": "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: orders}\nspec: "
            "{template: {spec: {containers: "
            "[{name: orders, image: a/orders, env: [{name: DB_HOST, value: orders-pg}]}]}}}\n---\n"
            "apiVersion: apps/v1\nkind: StatefulSet\nmetadata: {name: orders-pg}\nspec: {template: {spec: {containers: "
            "[{name: pg, image: 'postgres:15'}]}}}\n",
        }
    )
    assert list(result.topology["stores"]) == ["db"]
    assert ("billing", "db", "seen") in links(result) and ("orders", "db", "seen") in links(result)


def test_two_databases_of_one_program_stay_two() -> None:
    files = {
        "docker-compose.yml": "services:\n  a: {image: postgres}\n  b: {image: postgres}\n  app:\n    build: "
        ".\n    environment:\n"
        "      ORDERS_URL: postgres://a/x\n      AUDIT_URL: postgres://b/y\n"
    }
    assert list(made(files).topology["stores"]) == ["a", "b"]


def test_neighbouring_projects_keep_their_own_stores() -> None:
    one = "services:\n  db: {image: postgres}\n  app:\n    build: .\n    environment: {DB_HOST: db}\n"
    result = made({"one/docker-compose.yml": one, "two/docker-compose.yml": one})
    assert list(result.topology["stores"]) == ["db", "two-db"]
    assert links(result) == {("app", "db", "seen"), ("two-app", "two-db", "seen")}


def test_a_library_without_an_address_is_an_inferred_link() -> None:
    result = made(
        {
            "docker-compose.yml": "services:\n  cache: {image: redis}\n  web: {build: ./web}\n",
            "web/package.json": '{"name": "web", "dependencies": {"ioredis": "5", "@acme/shared": "1"}}',
        }
    )
    assert links(result) == {("web", "cache", "inferred")}
    assert result.links[0].reason == "the client library is a dependency; no setting gives an address"


def test_a_library_of_the_repository_brings_its_libraries_along() -> None:
    result = made(
        {
            "docker-compose.yml": "services:\n  k: {image: apache/kafka}\n  mail: {build: ./mail}\n",
            "mail/pom.xml": pom("mail", "acme:events"),
            "events/pom.xml": pom("events", "org.apache.kafka:kafka-clients"),
        }
    )
    assert links(result) == {("mail", "k", "inferred")}


def test_tests_and_embedded_databases() -> None:
    result = made(
        {
            "app/pom.xml": pom("app"),
            "app/src/main/resources/application.properties": "spring.datasource.url=jdbc:h2:mem:x\n",
            "app/src/test/resources/application.properties": "spring.datasource.url=jdbc:mysql://testdb/x\n",
            "app/src/main/resources/application-test.yml": "spring: {redis: {host: cache}}\n",
        }
    )
    assert list(result.topology["stores"]) == ["app-h2"]
    result = made(
        {
            "app/pom.xml": pom("app"),
            "app/src/main/resources/application.properties": "spring.datasource.url=jdbc:h2:mem:x\n",
            "app/src/main/resources/application-prod.properties": "spring.datasource.url=jdbc:postgresql://pg/x\n",
        }
    )
    assert list(result.topology["stores"]) == ["pg"]


def test_config_servers_hand_settings_out() -> None:
    cloud, boot = "org.springframework.cloud", "org.springframework.boot"
    result = made(
        {
            "docker-compose.yml": "services:\n  mongo: {image: mongo}\n  other: {image: mongo}\n  a: {build: "
            "./a}\n  b: {build: ./b}\n  config: {build: ./config}\n",
            "a/pom.xml": pom("a", f"{cloud}:spring-cloud-starter-config", f"{boot}:spring-boot-starter-data-mongodb"),
            "b/pom.xml": pom("b", f"{cloud}:spring-cloud-starter-config"),
            "config/pom.xml": pom("config", f"{cloud}:spring-cloud-config-server"),
            "config/src/main/resources/shared/application.yml": "spring: {data: {mongodb: {host: mongo}}}\n",
            "config/src/main/resources/shared/b.yml": "spring: {data: {mongodb: {host: other}}}\n",
        }
    )
    assert links(result) == {("a", "mongo", "seen"), ("b", "other", "seen")}


CONNECT = {
    "docker-compose.yml": "services:\n  db:\n    image: debezium/postgres:16\n  search:\n    image: elasticsearch:8\n",
    "db/init.sql": "CREATE TABLE orders (id bigint PRIMARY KEY, doc jsonb);\nALTER TABLE orders REPLICA "
    "IDENTITY FULL;\n"
    "CREATE TABLE outbox (id uuid PRIMARY KEY, aggregate_type text, aggregate_id text, payload jsonb);\nCREATE "
    "TABLE log (at timestamp, what text);\n",
    "connect/source.json": '{"name": "shop-source", "config": {"connector.class": '
    '"io.debezium.connector.postgresql.PostgresConnector",'
    ' "database.hostname": "db", "topic.prefix": "shop", "table.include.list": "public.orders,public.log", '
    '"snapshot.mode": "initial",'
    ' "slot.name": "shop", "skipped.operations": "t,d", "message.key.columns": "public.log:what"}}',
    "connect/outbox.json": '{"name": "relay", "config": {"connector.class": '
    '"io.debezium.connector.postgresql.PostgresConnector",'
    ' "database.hostname": "db", "topic.prefix": "o", "table.include.list": "public.outbox", '
    '"heartbeat.interval.ms": "10000",'
    ' "transforms": "x", "transforms.x.type": "io.debezium.transforms.outbox.EventRouter", '
    '"transforms.x.table.field.event.key": "aggregate_id"}}',
    "connect/sink.json": '{"name": "search-sink", "config": {"connector.class": '
    '"io.confluent.connect.elasticsearch.ElasticsearchSinkConnector",'
    ' "topics": "shop.public.orders", "connection.url": "http://search:9200", "key.ignore": "true", '
    '"errors.tolerance": "all",'
    ' "behavior.on.null.values": "delete"}}',
    "connect/poll.json": '{"name": "poll", "config": {"connector.class": '
    '"io.confluent.connect.jdbc.JdbcSourceConnector", "mode": "timestamp",'
    ' "connection.url": "jdbc:postgresql://db/x", "topic.prefix": "p-", "table.whitelist": "orders", '
    '"poll.interval.ms": "60000"}}',
}


def handler(result: Draft, process: str, name: str) -> dict[str, Any]:
    found: dict[str, Any] = result.topology["processes"][process]["handlers"][name]
    return found


def test_a_capture_with_its_options() -> None:
    result = made(CONNECT)
    capture = handler(result, "shop-source", "capture")
    assert capture["trigger"] == {
        "changes": "db",
        "by": "log",
        "cursor": "commit-position",
        "sees_deletes": False,
        "snapshot": "before",
        "slot": {"heartbeat": "none"},
    }
    assert capture["steps"] == [
        {"append": "shop.public.orders", "entity": "orders"},
        {"append": "shop.public.log", "entity": "log"},
    ]
    assert result.topology["channels"]["shop.public.log"]["message_key"] == "what"
    assert result.topology["stores"]["db"]["log_access"] is True
    entities = result.topology["entities"]
    assert entities["orders"] == {
        "key": "id",
        "large_columns": True,
        "evidence": [{"at": "db/init.sql:1"}, {"at": "db/init.sql:2"}],
    }
    assert entities["log"]["key"] == "none" and "outbox" not in entities


def test_replica_identity_full_gives_the_full_row_image() -> None:
    files = dict(CONNECT)
    files["connect/source.json"] = files["connect/source.json"].replace(",public.log", "")
    assert handler(made(files), "shop-source", "capture")["trigger"]["row_image"] == "full"


def test_an_outbox_router_is_a_relay_from_the_log() -> None:
    result = made(CONNECT)
    relay = handler(result, "relay", "relay")
    assert (relay["trigger"], relay["steps"]) == (
        {"consume": "outbox", "cursor": "commit-order"},
        [{"append": "outbox.event.*", "operation_id": "passed"}],
    )
    outbox = result.topology["channels"]["outbox"]
    assert (outbox["technology"], outbox["in"], outbox["event"]) == ("table", "db", {"id": "id"})
    assert result.topology["channels"]["outbox.event.*"]["message_key"] == "aggregate_id"


def test_a_sink_and_a_query_capture() -> None:
    result = made(CONNECT)
    sink = handler(result, "search-sink", "consume")
    assert sink["trigger"] == {"consume": "shop.public.orders", "cursor": "offset"}
    assert sink["steps"] == [
        {"write": "search", "values": "event", "entity": "orders", "mode": "insert", "retry": {"then": "ignore"}},
        {"write": "search", "values": "event", "mode": "delete", "retry": {"then": "ignore"}, "entity": "orders"},
    ]
    poll = handler(result, "poll", "capture")["trigger"]
    assert poll == {
        "changes": "db",
        "by": "query",
        "cursor": "modified-time",
        "sees_deletes": False,
        "every": "1m",
        "per_table": True,
    }


def test_dead_letters_and_blocking_sinks() -> None:
    base = (
        '{"name": "s", "config": {"connector.class": "x.JdbcSinkConnector", "topics": "t", "connection.url": '
        '"jdbc:mysql://w/x"%s}}'
    )
    first = handler(
        made({"a.json": base % ', "errors.tolerance": "all", "errors.deadletterqueue.topic.name": "dead"'}),
        "s",
        "consume",
    )["steps"][0]
    assert (first["retry"], first["dead_letter"], first["mode"], first["write"]) == (
        {"then": "dead-letter"},
        "dead",
        "insert",
        "w",
    )
    assert handler(made({"a.json": base % ', "insert.mode": "upsert"'}), "s", "consume")["steps"][0] == {
        "write": "w",
        "values": "event",
        "mode": "replace",
        "retry": {"then": "block"},
    }


def test_topics_with_their_settings_and_roles() -> None:
    result = made(
        {
            "k8s/topic.yaml": "apiVersion: kafka.strimzi.io/v1beta2\nkind: KafkaTopic\nmetadata: {name: "
            "orders.placed}\n"
            "spec: {partitions: 12, config: {retention.ms: 604800000, cleanup.policy: compact}}\n",
            "shop/pom.xml": pom("shop"),
            "shop/src/main/resources/application.yml": "spring: {cloud: {stream: {bindings: {a-out-0: "
            "{destination: orders.placed},"
            " b-in-0: {destination: payments}}}}}\n",
        }
    )
    channel = dict(result.topology["channels"]["orders.placed"])
    channel.pop("evidence")
    assert channel == {"technology": "kafka", "partitions": 12, "cleanup": "compact", "retention": "7d"}
    handlers = result.topology["processes"]["shop"]["handlers"]
    assert handlers["produce_orders-placed"]["steps"] == [{"append": "orders.placed"}]
    assert handlers["consume_payments"]["trigger"] == {"consume": "payments"}


def test_problems_are_handed_on() -> None:
    result = made({"docker-compose.yml": "services: [\n"})
    assert [(p.path, p.text("what")) for p in result.problems] == [("docker-compose.yml", "compose: not valid YAML")]


def test_hostile_names_load() -> None:
    evil = 'x"]; DROP TABLE\n\u202e{{7*7}}<script>`$(id)'
    result = draft([Fact("store", evil, "a", 1, {"technology": "redis", "category": "cache", "origin": "compose"})])
    load_topology(Document(result.topology, "draft"))


def test_a_bare_word_beside_a_resolved_address_is_no_store() -> None:
    text = (
        "services:\n  n: {image: nats}\n  app:\n    build: .\n    environment: {NATS_URL: 'nats://n:4222', "
        "NATS_RPC_SERVER: rpc}\n"
    )
    assert dict(made({"docker-compose.yml": text}).brokers) == {"n": "nats"}


def test_a_settings_module_with_a_fallback_that_is_put_together() -> None:
    text = (
        "import os\nURI = os.environ.get('DATABASE_URL', '').replace('a', 'b') or 'sqlite:///' + "
        "os.path.join('x', 'app.db')\n"
    )
    result = made({"app/requirements.txt": "psycopg2\n", "app/config.py": text})
    assert list(result.topology["stores"]) == ["app-sqlite"]


def test_variants_of_one_deployment_are_one_project() -> None:
    one = (
        "services:\n  db: {image: postgres}\n  a: {image: acme/a, environment: {DB_HOST: db}}\n  b: {image: "
        "acme/b}\n  c: {image: acme/c}\n"
    )
    result = made(
        {
            "deploy/local/docker-compose.yml": one,
            "deploy/cloud/docker-compose.yml": one,
            "a/package.json": '{"name": "a"}',
        }
    )
    assert list(result.topology["stores"]) == ["db"]
    assert links(result) == {("a", "db", "seen")}

"""What each reader says of its sample: exact facts, so that a reader that loses one fails here."""

from __future__ import annotations

import pytest
from config_samples import SAMPLES

from data_integration_architect.scanners.config.addresses import addresses, substitute
from data_integration_architect.scanners.config.configfacts import Fact
from data_integration_architect.scanners.config.libraries import LIBRARIES, library_of
from data_integration_architect.scanners.config.registry import is_candidate, read_config, readers_for
from data_integration_architect.scanners.config.technologies import BY_NAME, technology_of_image


def brief(facts: list[Fact], *kinds: str) -> list[tuple[str, str, int]]:
    return [(f.kind, f.subject, f.line) for f in facts if not kinds or f.kind in kinds]


def only(facts: list[Fact], kind: str, subject: str | None = None) -> Fact:
    found = [f for f in facts if f.kind == kind and (subject is None or f.subject == subject)]
    assert len(found) == 1, found
    return found[0]


def read(path: str) -> list[Fact]:
    return read_config(path, SAMPLES[path])


@pytest.mark.parametrize(
    ("value", "technology", "host", "port", "database"),
    [
        ("postgres://u:p@ss/w@db:5433/orders?x=1", "postgresql", "db", 5433, "orders"),
        ("jdbc:postgresql://db/orders?user=u&password=p", "postgresql", "db", 0, "orders"),
        ("jdbc:sqlserver://sql:1433;databaseName=Foo;password=x", "sqlserver", "sql", 1433, "Foo"),
        ("jdbc:oracle:thin:u/p@//ora:1521/XE", "oracle", "ora", 1521, "XE"),
        ("r2dbc:mysql://db:3306/x", "mysql", "db", 3306, "x"),
        ("postgresql+asyncpg://db/x", "postgresql", "db", 0, "x"),
        ("mongodb+srv://u:p@cluster0.abc.net/shop", "mongodb", "cluster0.abc.net", 0, "shop"),
        ("redis://:pw@cache:6379/2", "redis", "cache", 6379, "2"),
        ("amqp://guest:guest@mq:5672/%2f", "rabbitmq", "mq", 5672, ""),
        ("kafka:9092", "kafka", "kafka", 9092, ""),
        ("Server=tcp:sql,1434;Initial Catalog=Shop;User Id=sa;Password='a;b'", "sqlserver", "sql", 1434, "Shop"),
        ("Host=pg;Port=5432;Username=u;Password=p;Database=x", "postgresql", "pg", 5432, "x"),
        ("host=pg user=u password=p dbname=x sslmode=disable", "postgresql", "pg", 0, "x"),
        (
            "Endpoint=sb://acme.servicebus.windows.net/;SharedAccessKey=k",
            "servicebus",
            "acme.servicebus.windows.net",
            0,
            "",
        ),
        ("sqlite:///data/app.db", "sqlite", "", 0, "app.db"),
        ("jdbc:h2:mem:test;DB_CLOSE_DELAY=-1", "h2", "", 0, "test"),
        ("http://search:9200", "elasticsearch", "search", 9200, ""),
        ("${DB_HOST}:5432", "postgresql", "${DB_HOST}", 5432, ""),
    ],
)
def test_addresses(value: str, technology: str, host: str, port: int, database: str) -> None:
    found = addresses(value)
    assert [(a.technology, a.host, a.port, a.database) for a in found] == [(technology, host, port, database)]


@pytest.mark.parametrize(
    "value", ["", "true", "8080", "hello world", "a:b:c", "mailto:x@y", "1.2.3", "x" * 5000, "a,b,c"]
)
def test_words_are_no_addresses(value: str) -> None:
    assert addresses(value) == []


def test_substitution_takes_known_values_then_defaults_and_no_secret_default() -> None:
    assert substitute("${A:-x}-${B:y}-${C}-${D:?must}", {"C": "c"}) == "x-y-c-${D}"
    assert substitute("${DB_PASSWORD:-hunter2}") == "${DB_PASSWORD}"


@pytest.mark.parametrize(
    ("image", "technology"),
    [
        ("postgres:16", "postgresql"),
        ("docker.io/bitnami/postgresql:15", "postgresql"),
        ("debezium/postgres:16", "postgresql"),
        ("mcr.microsoft.com/mssql/server:2022-latest", "sqlserver"),
        ("confluentinc/cp-kafka:7.5.0", "kafka"),
        ("docker.elastic.co/elasticsearch/elasticsearch:8.1", "elasticsearch"),
        ("redis/redis-stack-server", "redis"),
        ("rabbitmq:3-management-alpine", "rabbitmq"),
        ("acme/piggy-mongodb", "mongodb"),
        ("localhost:5000/team/mysql:8", "mysql"),
        ("clickhouse/clickhouse-server", "clickhouse"),
        ("eclipse-mosquitto:2", "mqtt"),
        ("redpandadata/redpanda:v23", "redpanda"),
    ],
)
def test_images_of_stores(image: str, technology: str) -> None:
    known = technology_of_image(image)
    assert known is not None and known.name == technology


@pytest.mark.parametrize(
    "image",
    [
        "prometheuscommunity/postgres-exporter",
        "mongo-express",
        "provectuslabs/kafka-ui",
        "debezium/connect:2.5",
        "acme/orders",
        "confluentinc/cp-schema-registry",
        "oliver006/redis_exporter",
        "dpage/pgadmin4",
        "redpandadata/console",
        "nginx",
        "",
        "acme/kafka-consumer",
    ],
)
def test_images_beside_stores(image: str) -> None:
    assert technology_of_image(image) is None


def test_every_library_speaks_to_a_known_technology() -> None:
    named = {technology for entries in LIBRARIES.values() for technology in entries.values() if technology}
    assert named - set(BY_NAME) == set()
    assert library_of("go", "github.com/jackc/pgx/v5") == ("postgresql", "")
    assert library_of("maven", "org.springframework.boot:spring-boot-starter-data-mongodb-reactive") == ("mongodb", "")
    assert library_of("npm", "left-pad") == ("", "")


def test_compose() -> None:
    facts = read("docker-compose.yml")
    db = only(facts, "store", "db")
    assert (db.line, db.text("technology"), db.attributes["log-access"], db.texts("databases")) == (
        4,
        "postgresql",
        True,
        ("orders",),
    )
    assert db.texts("ports") == ("5433:5432",)
    assert only(facts, "broker", "kafka").text("technology") == "kafka"
    orders = only(facts, "service", "orders")
    assert (orders.text("build"), orders.texts("profiles"), orders.texts("depends-on")) == (
        "services/orders",
        ("full",),
        ("db",),
    )
    links = {f.text("via"): f for f in facts if f.kind == "link"}
    assert (links["DATABASE_URL"].text("host"), links["DATABASE_URL"].line) == ("db", 19)
    assert (links["KAFKA_BROKERS"].text("host"), links["KAFKA_BROKERS"].line) == ("kafka", 2)
    topics = {f.subject: f for f in facts if f.kind == "topic"}
    assert topics["orders"].attributes["partitions"] == 12 and topics["orders"].text("cleanup") == "compact"
    assert topics["refunds"].attributes["partitions"] == 6 and set(topics) == {"orders", "payments", "refunds"}


def test_compose_of_any_name_and_of_the_first_version() -> None:
    assert only(read("deploy/stack.yaml"), "store").text("technology") == "valkey"
    assert only(read("deploy/other.yaml"), "store").text("technology") == "opensearch"
    old = read_config("docker-compose.yml", "zuul:\n  image: acme/zuul\n  links: [mq]\nmq:\n  image: rabbitmq\n")
    assert brief(old) == [("service", "zuul", 1), ("broker", "mq", 4)]


def test_kubernetes() -> None:
    facts = read("k8s/orders.yaml")
    orders = only(facts, "service", "orders")
    assert (orders.line, orders.attributes["replicas"], orders.texts("config-maps")) == (11, 3, ("orders-config",))
    links = {(f.subject, f.text("technology")): f for f in facts if f.kind == "link"}
    assert links["orders", "postgresql"].text("host") == "pg-rw"
    assert (links["configmap:orders-config", "redis"].line, links["configmap:orders-config", "rabbitmq"].line) == (
        21,
        25,
    )
    topic = only(facts, "topic")
    assert (topic.subject, topic.attributes["partitions"], topic.text("retention-ms"), topic.text("cleanup")) == (
        "orders",
        12,
        "604800000",
        "compact",
    )
    connector = only(facts, "connector")
    assert (connector.text("slot-name"), connector.text("technology"), connector.text("role")) == (
        "shop",
        "postgresql",
        "source",
    )
    cluster = only(facts, "store")
    assert (cluster.subject, cluster.attributes["log-access"], "pg-rw" in cluster.texts("aliases")) == (
        "pg",
        True,
        True,
    )
    assert links["orders", "redis"].text("via") == "dapr state.redis"


def test_a_job_with_a_stores_image_is_a_client() -> None:
    text = (
        "apiVersion: batch/v1\nkind: Job\nmetadata: {name: seed}\nspec: {template: {spec: {containers: "
        "[{name: a, image: mongo}]}}}\n"
    )
    assert brief(read_config("k/j.yaml", text)) == [("service", "seed", 4)]


def test_helm_and_backstage() -> None:
    store = only(read("chart/Chart.yaml"), "store")
    assert (store.text("technology"), store.confidence, store.text("condition")) == (
        "postgresql",
        "inferred",
        "postgresql.enabled",
    )
    values = read("chart/values.yaml")
    assert only(values, "store").subject == "redis"
    assert {
        (f.text("technology") or f.text("category"), f.text("host"), f.line) for f in values if f.kind == "link"
    } == {
        ("elasticsearch", "elasticsearch", 6),
        ("postgresql", "db.example.com", 7),
    }
    assert readers_for("chart/templates/x.yaml", "apiVersion: v1\nkind: {{ .Values.k }}\n") == []
    catalog = read("catalog-info.yaml")
    assert brief(catalog) == [("service", "orders", 2), ("link", "orders", 4), ("store", "orders-db", 7)]


def test_terraform() -> None:
    facts = read("infra/main.tf")
    db = only(facts, "store", "orders-db")
    assert (db.line, db.text("technology"), db.attributes["failover"]) == (1, "postgresql", True)
    queue = only(facts, "topic", "jobs.fifo")
    assert (queue.attributes["ordered"], queue.text("dead-letter"), queue.line) == (True, "dead", 6)
    assert only(facts, "store", "items").attributes["log-access"] is True
    assert only(facts, "broker", "events").text("technology") == "kafka"
    assert {(f.text("host"), f.line) for f in facts if f.kind == "link"} == {
        ("aws_dynamodb_table.items", 15),
        ("h", 15),
    }
    consumer = only(facts, "consumes")
    assert (consumer.subject, consumer.text("topic")) == ("worker", "jobs")


def test_connectors_in_every_form() -> None:
    sink = only(read("connect/jdbc-sink.json"), "connector")
    assert (sink.line, sink.end_line, sink.text("role"), sink.text("technology"), sink.text("host")) == (
        1,
        4,
        "sink",
        "postgresql",
        "warehouse",
    )
    assert (sink.text("insert-mode"), sink.text("errors-tolerance"), sink.text("delete-enabled")) == (
        "upsert",
        "all",
        "true",
    )
    search = only(read("connect/elastic.properties"), "connector")
    assert (search.subject, search.text("technology"), search.line, search.text("key-ignore")) == (
        "search-sink",
        "elasticsearch",
        2,
        "false",
    )
    script = read("scripts/register.sh")
    outbox = only(script, "connector")
    assert (outbox.subject, outbox.line, outbox.attributes["outbox-router"]) == ("outbox", 6, True)
    topic = only(script, "topic")
    assert (topic.subject, topic.line, topic.attributes["partitions"]) == ("refunds", 3, 4)
    inside = read_config(
        "docker-compose.yml",
        "services:\n  init:\n    image: curlimages/curl\n    command: "
        '>\n      curl -d \'{"name": "c",'
        ' "config": {"connector.class": "io.debezium.connector.mysql.MySqlConnector"}}\'\n',
    )
    assert only(inside, "connector").text("technology") == "mysql"


def test_asyncapi() -> None:
    facts = read("asyncapi.yaml")
    topic = only(facts, "topic")
    assert (topic.subject, topic.attributes["partitions"], topic.text("message-key"), topic.text("cleanup")) == (
        "orders.placed",
        12,
        "order_id",
        "compact",
    )
    assert (only(facts, "produces").text("topic"), only(facts, "produces").line) == ("orders.placed", 10)
    assert only(read("asyncapi2.json"), "consumes").text("topic") == "orders.placed"


def test_dbt() -> None:
    facts = read("dbt/manifest.json")
    model = only(facts, "lineage")
    assert (model.subject, model.texts("inputs"), model.texts("key"), model.text("strategy")) == (
        "mart.daily",
        ("raw.orders",),
        ("day",),
        "merge",
    )
    assert only(facts, "table").text("freshness") == "24h"
    assert only(read("dbt/models/sources.yml"), "table").texts("key") == ("id",)
    assert only(read("dbt/profiles.yml"), "link").text("technology") == "snowflake"


def test_sql() -> None:
    facts = read("db/V1__init.sql")
    orders = [f for f in facts if f.kind == "table" and f.subject == "orders"]
    assert (
        orders[0].texts("key"),
        orders[0].texts("unique"),
        orders[0].texts("references"),
        orders[0].text("technology"),
    ) == (
        ("id",),
        ("number",),
        ("customers",),
        "postgresql",
    )
    assert orders[1].texts("unique") == ("customer_id+number",)
    assert [(f.subject, f.text("mode"), f.line) for f in facts if f.kind == "replica-identity"] == [
        ("orders", "full", 5)
    ]
    assert only(facts, "publication").texts("tables") == ("orders", "outbox")
    assert (only(facts, "slot").subject, only(facts, "slot").text("plugin")) == ("shop", "pgoutput")
    assert only(facts, "notify").subject == "orders"
    trigger = only(facts, "trigger")
    assert (trigger.text("table"), trigger.texts("events"), trigger.text("calls")) == (
        "orders",
        ("insert", "update"),
        "f",
    )


def test_sql_dialects_and_undone_migrations() -> None:
    mysql = read_config(
        "a.sql",
        "CREATE TABLE `u` (`id` int NOT NULL AUTO_INCREMENT, `e` varchar(9), PRIMARY KEY (`id`), UNIQUE KEY `k` "
        "(`e`)) ENGINE=InnoDB;",
    )
    assert [(f.text("technology"), f.texts("key"), f.texts("unique")) for f in mysql] == [("mysql", ("id",), ("e",))]
    tsql = read_config(
        "b.sql",
        "CREATE TABLE [dbo].[U]([Id] [int] NOT NULL, CONSTRAINT [PK] PRIMARY KEY "
        "CLUSTERED ([Id] ASC))\nGO\n"
        "EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'U'\nGO\n",
    )
    assert brief(tsql) == [("table", "U", 1), ("change-table", "U", 3)]
    assert read_config("V2.down.sql", "CREATE TABLE t (id int);") == []
    assert brief(
        read_config("m.sql", "-- +goose Up\nCREATE TABLE t (id int);\n-- +goose Down\nCREATE TABLE old (id int);\n")
    ) == [("table", "t", 2)]
    assert only(read_config("n.sql", "create table n (a int, b int);"), "table").attributes["keyless"] is True


def test_migrations() -> None:
    customer = [f for f in read("db/changelog.xml") if f.kind == "table"]
    assert [(f.texts("key"), f.texts("unique"), f.line) for f in customer] == [
        (("id",), ("email",), 4),
        ((), ("email+tenant",), 8),
    ]
    assert only(read("db/changelog.xml"), "replica-identity").line == 9
    assert only(read("db/changelog.yaml"), "table").texts("key") == ("id",)
    assert only(read("db/changelog.json"), "table").texts("key") == ("a", "b")
    django = read("app/migrations/0001_initial.py")
    order = only(django, "table")
    assert (order.subject, order.texts("key"), order.texts("unique")) == (
        "app_order",
        ("id",),
        ("number", "number+shop"),
    )
    assert only(django, "replica-identity").subject == "app_order"
    alembic = read("alembic/versions/a1.py")
    assert brief(alembic, "table") == [("table", "stock", 6)]
    assert only(alembic, "publication").attributes["all-tables"] is True
    prisma = read("prisma/schema.prisma")
    assert (only(prisma, "table").subject, only(prisma, "table").texts("key"), only(prisma, "link").text("host")) == (
        "users",
        ("id",),
        "${DATABASE_URL}",
    )


def test_spring() -> None:
    facts = read("orders/src/main/resources/application.yml")
    assert only(facts, "service").subject == "order-service"
    links = {f.text("technology"): f for f in facts if f.kind == "link"}
    assert (links["postgresql"].text("host"), links["postgresql"].text("database"), links["postgresql"].line) == (
        "localhost",
        "orders",
        3,
    )
    assert links["kafka"].text("host") == "kafka" and links["redis"].text("host") == "cache"
    assert (
        only(facts, "produces").text("topic"),
        only(facts, "consumes").text("topic"),
        only(facts, "consumes").text("group"),
    ) == (
        "orders.placed",
        "payments.paid",
        "orders",
    )
    assert only(facts, "setting").subject == "spring.kafka.consumer.enable-auto-commit"
    prod = read("orders/src/main/resources/application-prod.properties")
    assert (only(prod, "link").text("profile"), only(prod, "produces").text("topic")) == ("prod", "out")
    served = [f for f in read("config-repo/billing.yml") if f.kind == "link"]
    assert [(f.subject, f.text("host")) for f in served] == [("billing", "orders"), ("billing", "mq")]


def test_other_settings() -> None:
    dotnet = {f.text("via"): f for f in read("api/appsettings.Production.json") if f.kind == "link"}
    assert (
        dotnet["ConnectionStrings:Orders"].text("technology"),
        dotnet["ConnectionStrings:Orders"].text("database"),
    ) == ("sqlserver", "Orders")
    assert (dotnet["ConnectionStrings:Redis"].text("technology"), dotnet["ConnectionStrings:Redis"].text("host")) == (
        "redis",
        "cache",
    )
    assert dotnet["EventBus:HostName"].text("host") == "rabbitmq"
    django = [(f.text("technology"), f.text("host"), f.line) for f in read("shop/settings.py") if f.kind == "link"]
    assert django == [("postgresql", "db", 4), ("redis", "cache", 10), ("rabbitmq", "mq", 11)]
    node = {(f.text("technology"), f.text("host")) for f in read("web/config/index.ts") if f.kind == "link"}
    assert node == {("mongodb", "mongo"), ("kafka", "kafka"), ("elasticsearch", "search")}
    assert {(f.text("technology"), f.text("host")) for f in read("web/config/default.json") if f.kind == "link"} == {
        ("mysql", "db"),
        ("kafka", "kafka"),
    }
    env = read(".env.example")
    assert {(f.text("technology"), f.text("host"), f.line) for f in env if f.kind == "link"} == {
        ("mysql", "db", 1),
        ("redis", "cache", 5),
    }
    assert only(env, "variable", "DB_HOST").text("value") == "db"
    assert [f.subject for f in env if f.kind == "variable" and "PASSWORD" in f.subject] == []
    assert (
        only(read("db/Dockerfile"), "base-image").text("technology"),
        only(read("db/Dockerfile"), "base-image").line,
    ) == ("postgresql", 2)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("web/package.json", {("pg", "postgresql", False), ("kafkajs", "kafka", False), ("mongodb", "mongodb", True)}),
        ("orders/pom.xml", {("org.postgresql:postgresql", "postgresql", False), ("com.h2database:h2", "h2", True)}),
        (
            "stock/build.gradle.kts",
            {
                ("org.springframework.kafka:spring-kafka", "kafka", False),
                ("org.mongodb:mongodb-driver-sync", "mongodb", True),
                ("mysql:mysql-connector-java", "mysql", False),
            },
        ),
        ("ship/go.mod", {("github.com/jackc/pgx/v5", "postgresql", False)}),
        ("ml/requirements.txt", {("psycopg2-binary", "postgresql", False), ("kafka-python", "kafka", False)}),
        (
            "ml/pyproject.toml",
            {("redis", "redis", False), ("pymongo", "mongodb", False), ("elasticsearch", "elasticsearch", True)},
        ),
        ("rs/Cargo.toml", {("rdkafka", "kafka", False)}),
        ("api/Api.csproj", {("Npgsql", "postgresql", False)}),
        ("rb/Gemfile", {("pg", "postgresql", False), ("sidekiq", "redis", False)}),
        ("php/composer.json", {("predis/predis", "redis", False), ("mongodb/mongodb", "mongodb", True)}),
    ],
)
def test_dependencies(path: str, expected: set[tuple[str, str, bool]]) -> None:
    found = {
        (f.subject, f.text("technology"), f.attributes.get("development", False))
        for f in read(path)
        if f.kind == "dependency"
    }
    assert found == expected


def test_architecture_descriptions() -> None:
    lineage = only(read("lineage/events.jsonl"), "lineage")
    assert (lineage.subject, lineage.texts("inputs"), lineage.text("job")) == (
        "snowflake:dw.orders",
        ("postgresql:orders",),
        "etl.daily",
    )
    calm = read("architecture.json")
    assert (only(calm, "store").text("technology"), only(calm, "link").subject, only(calm, "link").text("host")) == (
        "postgresql",
        "Orders",
        "db",
    )


def test_what_others_wrote_is_passed_over() -> None:
    for path in ("node_modules/a/package.json", "x/vendor/y/go.mod", "target/classes/application.yml"):
        assert not is_candidate(path)
        assert read_config(path, "{}") == []
    assert is_candidate("a/pom.xml") and not is_candidate("a/readme.txt")

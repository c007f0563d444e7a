"""Which images, libraries, addresses and ports belong to which technology: data, and look-ups over it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, TypeAlias

Category: TypeAlias = Literal["database", "cache", "search", "warehouse", "broker", "object-storage", "coordination"]


@dataclass(frozen=True)
class Technology:
    """One technology: image name words, URL schemes, standard ports, words in setting names."""

    name: str
    category: Category
    images: tuple[str, ...] = ()
    schemes: tuple[str, ...] = ()
    ports: tuple[int, ...] = ()
    words: tuple[str, ...] = ()


def _made(
    name: str, category: Category, images: str = "", schemes: str = "", words: str = "", ports: tuple[int, ...] = ()
) -> Technology:
    return Technology(name, category, tuple(images.split()), tuple(schemes.split()), ports, tuple(words.split()))


TECHNOLOGIES: tuple[Technology, ...] = (
    _made(
        "postgresql",
        "database",
        images="postgres postgresql postgis timescaledb pgvector spilo timescale pgpool pg",
        schemes="postgres postgresql postgis asyncpg timescale pgsql",
        words="postgres postgresql pg pgsql",
        ports=(5432,),
    ),
    _made(
        "mysql",
        "database",
        images="mysql mysql8 percona",
        schemes="mysql mysql2 mysql+pymysql mysql+mysqldb mysql+aiomysql mysql+asyncmy mysqlx",
        words="mysql",
        ports=(3306,),
    ),
    _made("mariadb", "database", images="mariadb", schemes="mariadb mariadb+pymysql", words="mariadb"),
    _made(
        "sqlserver",
        "database",
        images="mssql sqlserver azure-sql-edge",
        schemes="sqlserver mssql mssql+pyodbc mssql+pymssql",
        words="mssql sqlserver",
        ports=(1433,),
    ),
    _made(
        "oracle",
        "database",
        images="oracle-xe oracle-free oracle oraclelinux-db",
        schemes="oracle oracle+oracledb oracle+cx_oracle",
        words="oracle",
        ports=(1521,),
    ),
    _made("db2", "database", images="db2 db2express-c", schemes="db2", words="db2", ports=(50000,)),
    _made(
        "cockroachdb",
        "database",
        images="cockroach cockroachdb",
        schemes="cockroachdb cockroach",
        words="cockroach cockroachdb",
        ports=(26257,),
    ),
    _made("yugabytedb", "database", images="yugabyte yugabytedb", words="yugabyte", ports=(5433,)),
    _made("tidb", "database", images="tidb", words="tidb", ports=(4000,)),
    _made("sqlite", "database", schemes="sqlite sqlite3 sqlite+aiosqlite sqlite+pysqlite", words="sqlite"),
    _made("h2", "database", images="h2", schemes="h2", words="h2"),
    _made("hsqldb", "database", images="hsqldb", schemes="hsqldb", words="hsqldb"),
    _made("derby", "database", schemes="derby", words="derby"),
    _made(
        "mongodb",
        "database",
        images="mongo mongodb percona-server-mongodb",
        schemes="mongodb mongodb+srv mongo",
        words="mongo mongodb",
        ports=(27017,),
    ),
    _made(
        "cassandra", "database", images="cassandra dse-server", schemes="cassandra", words="cassandra", ports=(9042,)
    ),
    _made("scylladb", "database", images="scylla scylladb", words="scylla scylladb"),
    _made(
        "couchbase", "database", images="couchbase", schemes="couchbase couchbases", words="couchbase", ports=(8091,)
    ),
    _made("couchdb", "database", images="couchdb", schemes="couchdb", words="couchdb", ports=(5984,)),
    _made("dynamodb", "database", images="dynamodb-local dynamodb", schemes="dynamodb", words="dynamodb dynamo"),
    _made(
        "neo4j",
        "database",
        images="neo4j",
        schemes="neo4j neo4j+s bolt bolt+s",
        words="neo4j",
        ports=(
            7687,
            7474,
        ),
    ),
    _made("arangodb", "database", images="arangodb", words="arangodb arango", ports=(8529,)),
    _made("influxdb", "database", images="influxdb", schemes="influxdb", words="influxdb influx", ports=(8086,)),
    _made("questdb", "database", images="questdb", words="questdb"),
    _made(
        "eventstoredb",
        "database",
        images="eventstore eventstoredb kurrentdb",
        schemes="esdb esdb+discover kurrentdb",
        words="eventstore eventstoredb esdb",
        ports=(2113,),
    ),
    _made("ravendb", "database", images="ravendb", words="ravendb"),
    _made("rethinkdb", "database", images="rethinkdb", schemes="rethinkdb", words="rethinkdb", ports=(28015,)),
    _made("surrealdb", "database", images="surrealdb", words="surrealdb"),
    _made("spanner", "database", images="cloud-spanner-emulator", schemes="cloudspanner spanner", words="spanner"),
    _made("cosmosdb", "database", images="azure-cosmos-emulator cosmosdb", words="cosmos cosmosdb"),
    _made("firestore", "database", images="firestore-emulator firestore", words="firestore"),
    _made(
        "redis",
        "cache",
        images="redis redis-stack redis-stack-server redis-cluster keydb dragonfly redislabs",
        schemes="redis rediss redis+sentinel redis-sentinel",
        words="redis",
        ports=(6379,),
    ),
    _made("valkey", "cache", images="valkey", schemes="valkey valkeys", words="valkey"),
    _made(
        "memcached",
        "cache",
        images="memcached",
        schemes="memcached memcache",
        words="memcached memcache memcachier",
        ports=(11211,),
    ),
    _made("hazelcast", "cache", images="hazelcast", words="hazelcast", ports=(5701,)),
    _made("infinispan", "cache", images="infinispan", words="infinispan", ports=(11222,)),
    _made("ignite", "cache", images="ignite", words="ignite", ports=(10800,)),
    _made(
        "elasticsearch",
        "search",
        images="elasticsearch elasticsearch-oss",
        schemes="elasticsearch elastic",
        words="elasticsearch elastic es",
        ports=(
            9200,
            9300,
        ),
    ),
    _made("opensearch", "search", images="opensearch", schemes="opensearch", words="opensearch"),
    _made("solr", "search", images="solr", schemes="solr", words="solr", ports=(8983,)),
    _made("meilisearch", "search", images="meilisearch", words="meilisearch meili", ports=(7700,)),
    _made("typesense", "search", images="typesense", words="typesense", ports=(8108,)),
    _made("manticore", "search", images="manticore manticoresearch", words="manticore"),
    _made("algolia", "search", words="algolia"),
    _made(
        "qdrant",
        "search",
        images="qdrant",
        schemes="qdrant",
        words="qdrant",
        ports=(
            6333,
            6334,
        ),
    ),
    _made("weaviate", "search", images="weaviate", words="weaviate"),
    _made("milvus", "search", images="milvus", schemes="milvus", words="milvus", ports=(19530,)),
    _made("chroma", "search", images="chroma chromadb", words="chroma chromadb"),
    _made("pinecone", "search", words="pinecone"),
    _made("azure-search", "search"),
    _made("bigtable", "database"),
    _made("vespa", "search", images="vespa", words="vespa"),
    _made(
        "clickhouse",
        "warehouse",
        images="clickhouse clickhouse-server",
        schemes="clickhouse clickhouse+native clickhouse+http ch",
        words="clickhouse",
        ports=(8123,),
    ),
    _made("snowflake", "warehouse", schemes="snowflake", words="snowflake"),
    _made("bigquery", "warehouse", images="bigquery-emulator", schemes="bigquery", words="bigquery"),
    _made(
        "redshift",
        "warehouse",
        schemes="redshift redshift+psycopg2 redshift+redshift_connector",
        words="redshift",
        ports=(5439,),
    ),
    _made("databricks", "warehouse", schemes="databricks", words="databricks"),
    _made("duckdb", "warehouse", schemes="duckdb", words="duckdb"),
    _made("trino", "warehouse", images="trino presto", schemes="trino presto", words="trino presto"),
    _made("druid", "warehouse", images="druid", schemes="druid", words="druid"),
    _made("pinot", "warehouse", images="pinot", schemes="pinot", words="pinot"),
    _made("hive", "warehouse", images="hive", schemes="hive hive2", words="hive"),
    _made("starrocks", "warehouse", images="starrocks", schemes="starrocks", words="starrocks"),
    _made("doris", "warehouse", images="doris", words="doris"),
    _made("vertica", "warehouse", images="vertica vertica-ce", schemes="vertica", words="vertica", ports=(5433,)),
    _made("materialize", "warehouse", images="materialized materialize", words="materialize", ports=(6875,)),
    _made("risingwave", "warehouse", images="risingwave", words="risingwave", ports=(4566,)),
    _made(
        "kafka",
        "broker",
        images="kafka cp-kafka cp-server kafka-native confluent-local cp-enterprise-kafka fast-data-dev",
        schemes="kafka",
        words="kafka",
        ports=(9092,),
    ),
    _made("redpanda", "broker", images="redpanda", words="redpanda"),
    _made(
        "rabbitmq",
        "broker",
        images="rabbitmq rabbit cloudamqp",
        schemes="amqp amqps rabbitmq pyamqp",
        words="rabbitmq rabbit amqp cloudamqp",
        ports=(
            5672,
            5671,
        ),
    ),
    _made(
        "activemq",
        "broker",
        images="activemq activemq-artemis artemis",
        schemes="activemq",
        words="activemq artemis",
        ports=(61616,),
    ),
    _made("nats", "broker", images="nats nats-streaming jetstream", schemes="nats natss", words="nats", ports=(4222,)),
    _made("pulsar", "broker", images="pulsar pulsar-all", schemes="pulsar pulsar+ssl", words="pulsar", ports=(6650,)),
    _made(
        "mqtt",
        "broker",
        images="mosquitto eclipse-mosquitto emqx hivemq4 hivemq vernemq",
        schemes="mqtt mqtts",
        words="mqtt mosquitto emqx",
        ports=(
            1883,
            8883,
        ),
    ),
    _made("nsq", "broker", images="nsqd nsq", words="nsq nsqd", ports=(4150,)),
    _made("sqs", "broker", images="elasticmq elasticmq-native", schemes="sqs", words="sqs", ports=(9324,)),
    _made("sns", "broker", schemes="sns", words="sns"),
    _made("kinesis", "broker", images="kinesalite", schemes="kinesis", words="kinesis"),
    _made("eventbridge", "broker", words="eventbridge"),
    _made("googlepubsub", "broker", images="pubsub-emulator", words="pubsub"),
    _made("servicebus", "broker", images="servicebus-emulator", schemes="sb", words="servicebus"),
    _made("eventhubs", "broker", images="eventhubs-emulator", words="eventhub eventhubs"),
    _made("beanstalkd", "broker", images="beanstalkd", schemes="beanstalk", words="beanstalkd", ports=(11300,)),
    _made("ibmmq", "broker", images="ibm-messaging-mq ibmmq ibmcom-mq", words="ibmmq", ports=(1414,)),
    _made("rocketmq", "broker", images="rocketmq", words="rocketmq", ports=(10911,)),
    _made("eventgrid", "broker", words="eventgrid"),
    _made("aerospike", "database", images="aerospike aerospike-server", words="aerospike"),
    _made("tarantool", "database", images="tarantool", words="tarantool", ports=(3301,)),
    _made("tigerbeetle", "database", images="tigerbeetle", words="tigerbeetle"),
    _made("firebird", "database", images="firebird firebirdsql", schemes="firebird", words="firebird", ports=(3050,)),
    _made(
        "temporal", "coordination", images="temporalio-auto-setup auto-setup temporal", words="temporal", ports=(7233,)
    ),
    _made("minio", "object-storage", images="minio", words="minio"),
    _made("s3", "object-storage", images="s3mock s3ninja", schemes="s3 s3a s3n", words="s3"),
    _made("gcs", "object-storage", images="fake-gcs-server", schemes="gs", words="gcs"),
    _made("azureblob", "object-storage", images="azurite", schemes="abfs abfss wasbs", words="azurite"),
    _made(
        "zookeeper",
        "coordination",
        images="zookeeper cp-zookeeper",
        schemes="zookeeper zk",
        words="zookeeper zk",
        ports=(2181,),
    ),
    _made("etcd", "coordination", images="etcd", schemes="etcd", words="etcd", ports=(2379,)),
    _made("consul", "coordination", images="consul", schemes="consul", words="consul", ports=(8500,)),
    _made(
        "ldap",
        "database",
        images="openldap",
        schemes="ldap ldaps",
        words="ldap",
        ports=(
            389,
            636,
        ),
    ),
)

BY_NAME = {technology.name: technology for technology in TECHNOLOGIES}
_BY_IMAGE = {image: technology for technology in TECHNOLOGIES for image in technology.images}
_BY_SCHEME = {scheme: technology for technology in TECHNOLOGIES for scheme in technology.schemes}
_BY_PORT = {port: technology for technology in reversed(TECHNOLOGIES) for port in technology.ports}
_BY_WORD = {word: technology for technology in TECHNOLOGIES for word in technology.words}

# Full references whose last part says nothing by itself.
_WHOLE_IMAGES = {
    "mssql/server": "sqlserver",
    "azure-sql-edge": "sqlserver",
    "database/express": "oracle",
    "database/free": "oracle",
    "database/enterprise": "oracle",
    "temporalio/auto-setup": "temporal",
    "ibm-messaging/mq": "ibmmq",
    "ibmcom/mq": "ibmmq",
    "redpandadata/redpanda": "redpanda",
    "vectorized/redpanda": "redpanda",
    "zilliztech/milvus": "milvus",
    "hapiproject/hapi": "",
}

# An image named for a technology that is not the technology itself: a console, an exporter, a client, a bridge.
_BESIDE_WORDS = (
    "exporter ui admin adminer express commander console connect connector proxy rest registry manager "
    "manager2 insight insights commandeer backup backups init initializer migrate migration migrations "
    "operator cli client web viewer browser dashboard kibana sidecar bridge exhibitor topics setup seed "
    "seeder load generator producer consumer service api app worker job sink source streams ksqldb ksql "
    "schema tools toolbox test tests bootstrap hq navigator ofelia akhq kafdrop cmak control center "
    "controlcenter monitor metrics webui gui frontend backend processor gateway importer ingest ingester "
    "sync indexer data-generator datagen example-app curator head cerebro hook pgadmin pgadmin4 "
    "phpmyadmin rebrow redisinsight burrow mirrormaker lag cron agent"
)
_BESIDE = frozenset(_BESIDE_WORDS.split())


def technology_of_image(image: str) -> Technology | None:
    """The technology that a container image runs. Misses: private images with names of their own."""
    name = image.split("@", 1)[0].strip().lower()
    head, _, tail = name.rpartition("/")
    tail = tail.split(":", 1)[0]
    parts = [part for part in head.split("/") if part] + [tail]
    last_two = "/".join(parts[-2:])
    for whole, found in _WHOLE_IMAGES.items():
        if last_two == whole or tail == whole:
            return BY_NAME.get(found)
    if tail in _BY_IMAGE:
        return _BY_IMAGE[tail]
    words = [word for word in re.split(r"[-_.]", tail) if word]
    if any(word in _BESIDE for word in words):
        return None
    for size in (3, 2, 1):
        for start in range(len(words) - size + 1):
            found_word = _BY_IMAGE.get("-".join(words[start : start + size]))
            if found_word:
                return found_word
    return None


def image_reference(image: str) -> str:
    """An image's reference without its digest; empty for text that is none."""
    name = image.split("@", 1)[0].strip()
    return name if re.fullmatch(r"[\w.:/${}-]{1,200}", name) and "://" not in name else ""


def technology_of_scheme(scheme: str) -> Technology | None:
    """The technology of a URL scheme or JDBC subprotocol, driver suffixes (`+asyncpg`) included."""
    scheme = scheme.lower()
    return _BY_SCHEME.get(scheme) or _BY_SCHEME.get(scheme.split("+", 1)[0])


def technology_of_port(port: int) -> Technology | None:
    """The technology whose standard port this is."""
    return _BY_PORT.get(port)


def technology_of_word(word: str) -> Technology | None:
    """The technology that a word in a setting's name stands for."""
    return _BY_WORD.get(word.lower())


def technology_named(name: str) -> Technology | None:
    """The technology of a free-text name such as `PostgreSQL 15`, `AWS SQS` or `django.db.backends.postgresql`."""
    words = [word for word in re.split(r"[^a-z0-9+]+", name.lower()) if word]
    joined = "".join(words)
    for word in words:
        found = _BY_WORD.get(word) or BY_NAME.get(word) or _BY_SCHEME.get(word) or _BY_IMAGE.get(word)
        if found:
            return found
    return BY_NAME.get(joined) or _BY_WORD.get(joined)

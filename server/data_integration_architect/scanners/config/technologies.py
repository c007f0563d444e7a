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


_T = Technology
TECHNOLOGIES: tuple[Technology, ...] = (
    _T("postgresql", "database", ("postgres", "postgresql", "postgis", "timescaledb", "pgvector", "spilo", "timescale", "pgpool", "pg"),
       ("postgres", "postgresql", "postgresql+asyncpg", "postgresql+psycopg2", "postgresql+psycopg", "postgis", "asyncpg", "timescale", "pgsql"),
       (5432,), ("postgres", "postgresql", "pg", "pgsql")),
    _T("mysql", "database", ("mysql", "mysql8", "percona"), ("mysql", "mysql2", "mysql+pymysql", "mysql+mysqldb", "mysql+aiomysql", "mysql+asyncmy", "mysqlx"),
       (3306,), ("mysql",)),
    _T("mariadb", "database", ("mariadb",), ("mariadb", "mariadb+pymysql"), (), ("mariadb",)),
    _T("sqlserver", "database", ("mssql", "sqlserver"), ("sqlserver", "mssql", "mssql+pyodbc", "mssql+pymssql"), (1433,), ("mssql", "sqlserver")),
    _T("oracle", "database", ("oracle-xe", "oracle-free", "oracle", "oraclelinux-db"), ("oracle", "oracle+oracledb", "oracle+cx_oracle"), (1521,), ("oracle",)),
    _T("db2", "database", ("db2", "db2express-c"), ("db2",), (50000,), ("db2",)),
    _T("cockroachdb", "database", ("cockroach", "cockroachdb"), ("cockroachdb", "cockroach"), (26257,), ("cockroach", "cockroachdb")),
    _T("yugabytedb", "database", ("yugabyte", "yugabytedb"), (), (5433,), ("yugabyte",)),
    _T("tidb", "database", ("tidb",), (), (4000,), ("tidb",)),
    _T("sqlite", "database", (), ("sqlite", "sqlite3", "sqlite+aiosqlite", "sqlite+pysqlite"), (), ("sqlite",)),
    _T("h2", "database", ("h2",), ("h2",), (), ("h2",)),
    _T("hsqldb", "database", ("hsqldb",), ("hsqldb",), (), ("hsqldb",)),
    _T("derby", "database", (), ("derby",), (), ("derby",)),
    _T("mongodb", "database", ("mongo", "mongodb", "percona-server-mongodb"), ("mongodb", "mongodb+srv", "mongo"), (27017,), ("mongo", "mongodb")),
    _T("cassandra", "database", ("cassandra", "dse-server"), ("cassandra",), (9042,), ("cassandra",)),
    _T("scylladb", "database", ("scylla", "scylladb"), (), (), ("scylla", "scylladb")),
    _T("couchbase", "database", ("couchbase",), ("couchbase", "couchbases"), (8091,), ("couchbase",)),
    _T("couchdb", "database", ("couchdb",), ("couchdb",), (5984,), ("couchdb",)),
    _T("dynamodb", "database", ("dynamodb-local", "dynamodb"), ("dynamodb",), (), ("dynamodb", "dynamo")),
    _T("neo4j", "database", ("neo4j",), ("neo4j", "neo4j+s", "bolt", "bolt+s"), (7687, 7474), ("neo4j",)),
    _T("arangodb", "database", ("arangodb",), (), (8529,), ("arangodb", "arango")),
    _T("influxdb", "database", ("influxdb",), ("influxdb",), (8086,), ("influxdb", "influx")),
    _T("questdb", "database", ("questdb",), (), (), ("questdb",)),
    _T("eventstoredb", "database", ("eventstore", "eventstoredb", "kurrentdb"), ("esdb", "esdb+discover", "kurrentdb"), (2113,), ("eventstore", "eventstoredb", "esdb")),
    _T("ravendb", "database", ("ravendb",), (), (), ("ravendb",)),
    _T("rethinkdb", "database", ("rethinkdb",), ("rethinkdb",), (28015,), ("rethinkdb",)),
    _T("surrealdb", "database", ("surrealdb",), (), (), ("surrealdb",)),
    _T("spanner", "database", ("cloud-spanner-emulator",), ("cloudspanner", "spanner"), (), ("spanner",)),
    _T("cosmosdb", "database", ("azure-cosmos-emulator", "cosmosdb"), (), (), ("cosmos", "cosmosdb")),
    _T("firestore", "database", ("firestore-emulator", "firestore"), (), (), ("firestore",)),
    _T("redis", "cache", ("redis", "redis-stack", "redis-stack-server", "redis-cluster", "keydb", "dragonfly", "redislabs"),
       ("redis", "rediss", "redis+sentinel", "redis-sentinel"), (6379,), ("redis",)),
    _T("valkey", "cache", ("valkey",), ("valkey", "valkeys"), (), ("valkey",)),
    _T("memcached", "cache", ("memcached",), ("memcached", "memcache"), (11211,), ("memcached", "memcache", "memcachier")),
    _T("hazelcast", "cache", ("hazelcast",), (), (5701,), ("hazelcast",)),
    _T("infinispan", "cache", ("infinispan",), (), (11222,), ("infinispan",)),
    _T("ignite", "cache", ("ignite",), (), (10800,), ("ignite",)),
    _T("elasticsearch", "search", ("elasticsearch", "elasticsearch-oss"), ("elasticsearch", "elastic"), (9200, 9300), ("elasticsearch", "elastic", "es")),
    _T("opensearch", "search", ("opensearch",), ("opensearch",), (), ("opensearch",)),
    _T("solr", "search", ("solr",), ("solr",), (8983,), ("solr",)),
    _T("meilisearch", "search", ("meilisearch",), (), (7700,), ("meilisearch", "meili")),
    _T("typesense", "search", ("typesense",), (), (8108,), ("typesense",)),
    _T("manticore", "search", ("manticore", "manticoresearch"), (), (), ("manticore",)),
    _T("algolia", "search", (), (), (), ("algolia",)),
    _T("qdrant", "search", ("qdrant",), ("qdrant",), (6333, 6334), ("qdrant",)),
    _T("weaviate", "search", ("weaviate",), (), (), ("weaviate",)),
    _T("milvus", "search", ("milvus",), ("milvus",), (19530,), ("milvus",)),
    _T("chroma", "search", ("chroma", "chromadb"), (), (), ("chroma", "chromadb")),
    _T("pinecone", "search", (), (), (), ("pinecone",)),
    _T("vespa", "search", ("vespa",), (), (), ("vespa",)),
    _T("clickhouse", "warehouse", ("clickhouse", "clickhouse-server"), ("clickhouse", "clickhouse+native", "clickhouse+http", "ch"), (8123,), ("clickhouse",)),
    _T("snowflake", "warehouse", (), ("snowflake",), (), ("snowflake",)),
    _T("bigquery", "warehouse", ("bigquery-emulator",), ("bigquery",), (), ("bigquery",)),
    _T("redshift", "warehouse", (), ("redshift", "redshift+psycopg2", "redshift+redshift_connector"), (5439,), ("redshift",)),
    _T("databricks", "warehouse", (), ("databricks",), (), ("databricks",)),
    _T("duckdb", "warehouse", (), ("duckdb",), (), ("duckdb",)),
    _T("trino", "warehouse", ("trino", "presto"), ("trino", "presto"), (), ("trino", "presto")),
    _T("druid", "warehouse", ("druid",), ("druid",), (), ("druid",)),
    _T("pinot", "warehouse", ("pinot",), ("pinot",), (), ("pinot",)),
    _T("hive", "warehouse", ("hive",), ("hive", "hive2"), (), ("hive",)),
    _T("starrocks", "warehouse", ("starrocks",), ("starrocks",), (), ("starrocks",)),
    _T("doris", "warehouse", ("doris",), (), (), ("doris",)),
    _T("vertica", "warehouse", ("vertica", "vertica-ce"), ("vertica",), (5433,), ("vertica",)),
    _T("materialize", "warehouse", ("materialized", "materialize"), (), (6875,), ("materialize",)),
    _T("risingwave", "warehouse", ("risingwave",), (), (4566,), ("risingwave",)),
    _T("kafka", "broker", ("kafka", "cp-kafka", "cp-server", "kafka-native", "confluent-local", "cp-enterprise-kafka", "fast-data-dev"), ("kafka",), (9092,), ("kafka",)),
    _T("redpanda", "broker", ("redpanda",), (), (), ("redpanda",)),
    _T("rabbitmq", "broker", ("rabbitmq", "rabbit", "cloudamqp"), ("amqp", "amqps", "rabbitmq", "pyamqp"), (5672, 5671), ("rabbitmq", "rabbit", "amqp", "cloudamqp")),
    _T("activemq", "broker", ("activemq", "activemq-artemis", "artemis"), ("activemq",), (61616,), ("activemq", "artemis")),
    _T("nats", "broker", ("nats", "nats-streaming", "jetstream"), ("nats", "natss"), (4222,), ("nats",)),
    _T("pulsar", "broker", ("pulsar", "pulsar-all"), ("pulsar", "pulsar+ssl"), (6650,), ("pulsar",)),
    _T("mqtt", "broker", ("mosquitto", "eclipse-mosquitto", "emqx", "hivemq4", "hivemq", "vernemq"), ("mqtt", "mqtts"), (1883, 8883), ("mqtt", "mosquitto", "emqx")),
    _T("nsq", "broker", ("nsqd", "nsq"), (), (4150,), ("nsq", "nsqd")),
    _T("sqs", "broker", ("elasticmq", "elasticmq-native"), ("sqs",), (9324,), ("sqs",)),
    _T("sns", "broker", (), ("sns",), (), ("sns",)),
    _T("kinesis", "broker", ("kinesalite",), ("kinesis",), (), ("kinesis",)),
    _T("eventbridge", "broker", (), (), (), ("eventbridge",)),
    _T("googlepubsub", "broker", ("pubsub-emulator",), (), (), ("pubsub",)),
    _T("servicebus", "broker", ("servicebus-emulator",), ("sb",), (), ("servicebus",)),
    _T("eventhubs", "broker", ("eventhubs-emulator",), (), (), ("eventhub", "eventhubs")),
    _T("beanstalkd", "broker", ("beanstalkd",), ("beanstalk",), (11300,), ("beanstalkd",)),
    _T("ibmmq", "broker", ("ibm-messaging-mq", "ibmmq"), (), (1414,), ("ibmmq",)),
    _T("temporal", "coordination", ("temporalio-auto-setup", "temporal"), (), (7233,), ("temporal",)),
    _T("minio", "object-storage", ("minio",), (), (), ("minio",)),
    _T("s3", "object-storage", ("s3mock", "s3ninja"), ("s3", "s3a", "s3n"), (), ("s3",)),
    _T("gcs", "object-storage", ("fake-gcs-server",), ("gs",), (), ("gcs",)),
    _T("azureblob", "object-storage", ("azurite",), ("abfs", "abfss", "wasbs"), (), ("azurite",)),
    _T("zookeeper", "coordination", ("zookeeper", "cp-zookeeper"), ("zookeeper", "zk"), (2181,), ("zookeeper",)),
    _T("etcd", "coordination", ("etcd",), ("etcd",), (2379,), ("etcd",)),
    _T("consul", "coordination", ("consul",), ("consul",), (8500,), ("consul",)),
    _T("ldap", "database", ("openldap",), ("ldap", "ldaps"), (389, 636), ("ldap",)),
)  # fmt: skip

BY_NAME = {technology.name: technology for technology in TECHNOLOGIES}
_BY_IMAGE = {image: technology for technology in TECHNOLOGIES for image in technology.images}
_BY_SCHEME = {scheme: technology for technology in TECHNOLOGIES for scheme in technology.schemes}
_BY_PORT = {port: technology for technology in reversed(TECHNOLOGIES) for port in technology.ports}
_BY_WORD = {word: technology for technology in TECHNOLOGIES for word in technology.words}

# Full references whose last part says nothing by itself.
_WHOLE_IMAGES = {
    "mssql/server": "sqlserver", "azure-sql-edge": "sqlserver", "database/express": "oracle", "database/free": "oracle",
    "database/enterprise": "oracle", "temporalio/auto-setup": "temporal", "ibm-messaging/mq": "ibmmq", "ibmcom/mq": "ibmmq",
    "redpandadata/redpanda": "redpanda", "vectorized/redpanda": "redpanda", "localstack/localstack": "localstack",
    "zilliztech/milvus": "milvus", "hapiproject/hapi": "",
}  # fmt: skip

# An image named for a technology that is not the technology itself: a console, an exporter, a client, a bridge.
_BESIDE = frozenset(
    "exporter ui admin adminer express commander console connect connector proxy rest registry manager manager2 insight"
    " insights commandeer backup backups init initializer migrate migration migrations operator cli client web viewer"
    " browser dashboard kibana sidecar bridge exhibitor topics setup seed seeder load generator producer consumer"
    " service api app worker job sink source streams ksqldb ksql schema tools toolbox test tests bootstrap hq navigator"
    " ofelia akhq kafdrop cmak control center controlcenter monitor metrics webui gui frontend backend processor"
    " gateway importer ingest ingester sync indexer data-generator datagen example-app curator head cerebro hook"
    " pgadmin pgadmin4 phpmyadmin rebrow redisinsight burrow mirrormaker lag cron agent".split()
)
_STILL_THE_STORE = re.compile(r"^(?:debezium|bitnami|library|cimg|circleci)$")


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

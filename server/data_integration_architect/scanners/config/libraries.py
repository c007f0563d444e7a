"""Which package of which ecosystem speaks to which technology: data; a test holds that each technology exists."""

from __future__ import annotations

import re
from collections.abc import Mapping

# Ecosystem to technology to package names, or the beginnings of names where they end in `*`. Packages that speak to
# several technologies are not here; an empty technology takes a package out of a longer pattern.
_LIBRARIES: Mapping[str, Mapping[str, str]] = {
    "npm": {
        "activemq": "rhea",
        "algolia": "algoliasearch",
        "arangodb": "arangojs",
        "azureblob": "@azure/storage-blob",
        "bigquery": "@google-cloud/bigquery",
        "cassandra": "cassandra-driver",
        "chroma": "chromadb",
        "clickhouse": "@clickhouse/client clickhouse",
        "cosmosdb": "@azure/cosmos",
        "couchbase": "couchbase",
        "couchdb": "nano",
        "duckdb": "duckdb",
        "dynamodb": "@aws-sdk/client-dynamodb dynamoose @aws-sdk/lib-dynamodb",
        "elasticsearch": "@elastic/elasticsearch elasticsearch @nestjs/elasticsearch",
        "eventbridge": "@aws-sdk/client-eventbridge",
        "eventhubs": "@azure/event-hubs",
        "eventstoredb": "@eventstore/db-client",
        "firestore": "@google-cloud/firestore",
        "gcs": "@google-cloud/storage",
        "googlepubsub": "@google-cloud/pubsub",
        "hazelcast": "hazelcast-client",
        "influxdb": "@influxdata/influxdb-client",
        "kafka": "kafkajs node-rdkafka kafka-node @confluentinc/kafka-javascript",
        "kinesis": "@aws-sdk/client-kinesis",
        "mariadb": "mariadb",
        "meilisearch": "meilisearch",
        "memcached": "memcached memjs",
        "milvus": "@zilliz/milvus2-sdk-node",
        "minio": "minio",
        "mongodb": "mongodb mongoose @nestjs/mongoose monk",
        "mqtt": "mqtt",
        "mysql": "mysql mysql2",
        "nats": "nats node-nats-streaming @nats-io/*",
        "neo4j": "neo4j-driver",
        "opensearch": "@opensearch-project/opensearch",
        "oracle": "oracledb",
        "pinecone": "@pinecone-database/pinecone",
        "postgresql": "pg pg-promise postgres @neondatabase/serverless pg-boss",
        "pulsar": "pulsar-client",
        "qdrant": "@qdrant/*",
        "rabbitmq": "amqplib amqp-connection-manager @golevelup/nestjs-rabbitmq rascal",
        "redis": (
            "redis ioredis @redis/client @upstash/redis bull bullmq bee-queue connect-redis @nestjs/bull @nestjs/bullmq"
        ),
        "rethinkdb": "rethinkdb",
        "s3": "@aws-sdk/client-s3",
        "servicebus": "@azure/service-bus",
        "snowflake": "snowflake-sdk",
        "sns": "@aws-sdk/client-sns",
        "solr": "solr-client",
        "spanner": "@google-cloud/spanner",
        "sqlite": "sqlite3 better-sqlite3",
        "sqlserver": "mssql tedious",
        "sqs": "@aws-sdk/client-sqs sqs-consumer",
        "temporal": "@temporalio/*",
        "typesense": "typesense",
        "weaviate": "weaviate-client weaviate-ts-client",
    },
    "maven": {
        "": "de.flapdoodle.embed:*",
        "activemq": (
            "org.springframework.boot:spring-boot-starter-activemq "
            "org.springframework.boot:spring-boot-starter-artemis org.apache.activemq:*"
        ),
        "azureblob": "com.azure:azure-storage-blob",
        "bigquery": "com.google.cloud:google-cloud-bigquery",
        "cassandra": (
            "org.springframework.boot:spring-boot-starter-data-cassandra* com.datastax.oss:java-driver-core "
            "com.datastax.cassandra:* org.apache.cassandra:java-driver-core"
        ),
        "clickhouse": "com.clickhouse:* ru.yandex.clickhouse:*",
        "cosmosdb": "com.azure:azure-cosmos",
        "couchbase": "org.springframework.boot:spring-boot-starter-data-couchbase* com.couchbase.client:*",
        "db2": "com.ibm.db2:jcc",
        "derby": "org.apache.derby:derby",
        "dynamodb": "software.amazon.awssdk:dynamodb* com.amazonaws:aws-java-sdk-dynamodb",
        "elasticsearch": (
            "org.springframework.boot:spring-boot-starter-data-elasticsearch "
            "org.springframework.data:spring-data-elasticsearch org.elasticsearch.client:* "
            "co.elastic.clients:*"
        ),
        "etcd": "io.etcd:jetcd-core",
        "eventhubs": "com.azure:azure-messaging-eventhubs*",
        "eventstoredb": "com.eventstore:db-client-java",
        "firestore": "com.google.cloud:google-cloud-firestore",
        "gcs": "com.google.cloud:google-cloud-storage",
        "googlepubsub": "com.google.cloud:google-cloud-pubsub com.google.cloud:spring-cloud-gcp-starter-pubsub",
        "h2": "com.h2database:h2 io.r2dbc:r2dbc-h2",
        "hazelcast": "com.hazelcast:*",
        "hsqldb": "org.hsqldb:hsqldb",
        "ibmmq": "com.ibm.mq:*",
        "infinispan": "org.infinispan:infinispan-client-hotrod",
        "influxdb": "com.influxdb:*",
        "kafka": (
            "org.springframework.kafka:spring-kafka org.apache.kafka:kafka-clients "
            "org.apache.kafka:kafka-streams org.apache.kafka:kafka_2* "
            "org.springframework.cloud:spring-cloud-starter-stream-kafka "
            "org.springframework.cloud:spring-cloud-stream-binder-kafka* "
            "io.quarkus:quarkus-messaging-kafka "
            "io.projectreactor.kafka:reactor-kafka io.quarkus:quarkus-smallrye-reactive-messaging-kafka "
            "io.quarkus:quarkus-kafka* io.micronaut.kafka:*"
        ),
        "kinesis": "software.amazon.awssdk:kinesis software.amazon.kinesis:*",
        "ldap": "org.springframework.boot:spring-boot-starter-data-ldap",
        "mariadb": "org.mariadb.jdbc:mariadb-java-client io.quarkus:quarkus-jdbc-mariadb",
        "meilisearch": "com.meilisearch.sdk:meilisearch-java",
        "memcached": "net.spy:spymemcached",
        "minio": "io.minio:minio",
        "mongodb": (
            "org.springframework.boot:spring-boot-starter-data-mongodb* "
            "org.springframework.data:spring-data-mongodb org.mongodb:* io.quarkus:quarkus-mongodb*"
        ),
        "mqtt": "org.eclipse.paho:*",
        "mysql": (
            "mysql:mysql-connector-java com.mysql:mysql-connector-j io.quarkus:quarkus-jdbc-mysql "
            "dev.miku:r2dbc-mysql io.asyncer:r2dbc-mysql"
        ),
        "nats": "io.nats:jnats",
        "neo4j": (
            "org.springframework.boot:spring-boot-starter-data-neo4j org.neo4j.driver:neo4j-java-driver "
            "org.springframework.data:spring-data-neo4j* org.neo4j:*"
        ),
        "opensearch": "org.opensearch.client:*",
        "oracle": "com.oracle.database.jdbc:* com.oracle.ojdbc:*",
        "postgresql": (
            "org.postgresql:postgresql org.postgresql:r2dbc-postgresql io.r2dbc:r2dbc-postgresql "
            "io.quarkus:quarkus-jdbc-postgresql io.quarkus:quarkus-reactive-pg-client "
            "io.vertx:vertx-pg-client"
        ),
        "pulsar": "org.apache.pulsar:pulsar-client* org.springframework.pulsar:*",
        "qdrant": "io.qdrant:client",
        "rabbitmq": (
            "org.springframework.boot:spring-boot-starter-amqp org.springframework.amqp:spring-rabbit "
            "com.rabbitmq:amqp-client org.springframework.cloud:spring-cloud-starter-turbine-amqp "
            "org.springframework.cloud:spring-cloud-netflix-hystrix-amqp "
            "org.springframework.cloud:spring-cloud-netflix-turbine-amqp "
            "org.springframework.cloud:spring-cloud-starter-stream-rabbit "
            "org.springframework.cloud:spring-cloud-stream-binder-rabbit "
            "io.quarkus:quarkus-messaging-rabbitmq "
            "io.quarkus:quarkus-smallrye-reactive-messaging-rabbitmq"
        ),
        "redis": (
            "org.springframework.boot:spring-boot-starter-data-redis* "
            "org.springframework.boot:spring-boot-starter-redis org.springframework.data:spring-data-redis "
            "redis.clients:jedis io.lettuce:lettuce-core org.redisson:* "
            "org.springframework.session:spring-session-data-redis io.quarkus:quarkus-redis*"
        ),
        "s3": "software.amazon.awssdk:s3 com.amazonaws:aws-java-sdk-s3",
        "servicebus": "com.azure:azure-messaging-servicebus",
        "snowflake": "net.snowflake:*",
        "sns": "software.amazon.awssdk:sns com.amazonaws:aws-java-sdk-sns "
        "io.awspring.cloud:spring-cloud-aws-starter-sns",
        "solr": "org.springframework.boot:spring-boot-starter-data-solr org.apache.solr:solr-solrj",
        "spanner": "com.google.cloud:google-cloud-spanner*",
        "sqlite": "org.xerial:sqlite-jdbc",
        "sqlserver": "com.microsoft.sqlserver:mssql-jdbc",
        "sqs": (
            "software.amazon.awssdk:sqs com.amazonaws:aws-java-sdk-sqs io.awspring.cloud:spring-cloud-aws-starter-sqs"
        ),
        "temporal": "io.temporal:*",
        "zookeeper": "org.apache.zookeeper:zookeeper org.apache.curator:*",
    },
    "go": {
        "algolia": "github.com/algolia/algoliasearch-client-go*",
        "bigquery": "cloud.google.com/go/bigquery",
        "cassandra": "github.com/gocql/gocql",
        "clickhouse": "github.com/clickhouse/clickhouse-go*",
        "consul": "github.com/hashicorp/consul/api",
        "dynamodb": "github.com/aws/aws-sdk-go-v2/service/dynamodb",
        "elasticsearch": "github.com/elastic/go-elasticsearch* github.com/olivere/elastic*",
        "etcd": "go.etcd.io/etcd/client*",
        "eventstoredb": "github.com/eventstore/eventstore-client-go*",
        "firestore": "cloud.google.com/go/firestore",
        "gcs": "cloud.google.com/go/storage",
        "googlepubsub": "github.com/threedotslabs/watermill-googlecloud* cloud.google.com/go/pubsub*",
        "influxdb": "github.com/influxdata/influxdb-client-go*",
        "kafka": (
            "github.com/segmentio/kafka-go github.com/ibm/sarama github.com/shopify/sarama "
            "github.com/confluentinc/confluent-kafka-go* github.com/twmb/franz-go* "
            "github.com/threedotslabs/watermill-kafka*"
        ),
        "kinesis": "github.com/aws/aws-sdk-go-v2/service/kinesis",
        "meilisearch": "github.com/meilisearch/meilisearch-go",
        "memcached": "github.com/bradfitz/gomemcache",
        "milvus": "github.com/milvus-io/milvus-sdk-go*",
        "minio": "github.com/minio/minio-go*",
        "mongodb": "go.mongodb.org/mongo-driver* gopkg.in/mgo.v2 github.com/globalsign/mgo",
        "mqtt": "github.com/eclipse/paho.mqtt.golang",
        "mysql": "github.com/go-sql-driver/mysql gorm.io/driver/mysql",
        "nats": "github.com/threedotslabs/watermill-nats* github.com/nats-io/nats.go github.com/nats-io/stan.go",
        "neo4j": "github.com/neo4j/neo4j-go-driver*",
        "nsq": "github.com/nsqio/go-nsq",
        "opensearch": "github.com/opensearch-project/opensearch-go*",
        "oracle": "github.com/godror/godror",
        "postgresql": "github.com/lib/pq github.com/jackc/pgx* github.com/go-pg/pg* gorm.io/driver/postgres",
        "pulsar": "github.com/apache/pulsar-client-go",
        "qdrant": "github.com/qdrant/go-client",
        "rabbitmq": (
            "github.com/rabbitmq/amqp091-go github.com/streadway/amqp github.com/wagslane/go-rabbitmq "
            "github.com/threedotslabs/watermill-amqp*"
        ),
        "redis": (
            "github.com/redis/go-redis* github.com/go-redis/redis* github.com/gomodule/redigo "
            "github.com/garyburd/redigo github.com/redis/rueidis github.com/hibiken/asynq "
            "github.com/hibiken/asynqmon"
        ),
        "s3": "github.com/aws/aws-sdk-go-v2/service/s3",
        "scylladb": "github.com/scylladb/gocqlx*",
        "servicebus": "github.com/azure/azure-sdk-for-go/sdk/messaging/azservicebus",
        "snowflake": "github.com/snowflakedb/gosnowflake",
        "sns": "github.com/aws/aws-sdk-go-v2/service/sns",
        "spanner": "cloud.google.com/go/spanner",
        "sqlite": "github.com/mattn/go-sqlite3 modernc.org/sqlite gorm.io/driver/sqlite github.com/glebarez/sqlite",
        "sqlserver": "gorm.io/driver/sqlserver github.com/microsoft/go-mssqldb github.com/denisenkom/go-mssqldb",
        "sqs": "github.com/aws/aws-sdk-go-v2/service/sqs",
        "temporal": "go.temporal.io/sdk",
        "typesense": "github.com/typesense/typesense-go*",
        "valkey": "github.com/valkey-io/valkey-go",
    },
    "pypi": {
        "": "fakeredis",
        "algolia": "algoliasearch",
        "azureblob": "azure-storage-blob",
        "bigquery": "google-cloud-bigquery dbt-bigquery",
        "cassandra": "cassandra-driver",
        "chroma": "chromadb",
        "clickhouse": "clickhouse-driver clickhouse-connect",
        "cosmosdb": "azure-cosmos",
        "couchbase": "couchbase",
        "couchdb": "couchdb",
        "databricks": "databricks-sql-connector",
        "duckdb": "duckdb",
        "dynamodb": "pynamodb",
        "elasticsearch": "elasticsearch elasticsearch-dsl django-elasticsearch-dsl",
        "etcd": "python-etcd",
        "eventhubs": "azure-eventhub",
        "eventstoredb": "esdbclient",
        "firestore": "google-cloud-firestore",
        "gcs": "google-cloud-storage",
        "googlepubsub": "google-cloud-pubsub",
        "influxdb": "influxdb-client influxdb",
        "kafka": "kafka-python kafka-python-ng confluent-kafka aiokafka faust faust-streaming quixstreams",
        "ldap": "ldap3",
        "mariadb": "mariadb",
        "meilisearch": "meilisearch",
        "memcached": "pymemcache python-memcached pylibmc",
        "milvus": "pymilvus",
        "minio": "minio",
        "mongodb": "pymongo motor mongoengine beanie djongo flask-pymongo",
        "mqtt": "paho-mqtt",
        "mysql": "mysqlclient pymysql aiomysql mysql-connector-python asyncmy",
        "nats": "nats-py asyncio-nats-client",
        "neo4j": "neo4j",
        "opensearch": "opensearch-py",
        "oracle": "oracledb cx-oracle",
        "pinecone": "pinecone pinecone-client",
        "postgresql": "psycopg2 psycopg2-binary psycopg psycopg-binary asyncpg pg8000 aiopg pgvector dbt-postgres",
        "pulsar": "pulsar-client",
        "qdrant": "qdrant-client",
        "rabbitmq": "pika aio-pika amqp py-amqp",
        "redis": "redis aioredis hiredis django-redis rq django-rq arq channels-redis redis-om",
        "redshift": "dbt-redshift redshift-connector",
        "scylladb": "scylla-driver",
        "servicebus": "azure-servicebus",
        "snowflake": "snowflake-connector-python snowflake-sqlalchemy dbt-snowflake",
        "solr": "pysolr",
        "spanner": "google-cloud-spanner",
        "sqlite": "aiosqlite",
        "sqlserver": "pymssql mssql-django",
        "temporal": "temporalio",
        "typesense": "typesense",
        "valkey": "valkey",
        "weaviate": "weaviate-client",
        "zookeeper": "kazoo",
    },
    "nuget": {
        "activemq": "apache.nms.activemq",
        "azureblob": "azure.storage.blobs",
        "cassandra": "cassandracsharpdriver",
        "clickhouse": "clickhouse.client",
        "cosmosdb": "microsoft.azure.cosmos microsoft.entityframeworkcore.cosmos",
        "dynamodb": "awssdk.dynamodbv2",
        "elasticsearch": "elastic.clients.elasticsearch nest elasticsearch.net",
        "eventhubs": "azure.messaging.eventhubs*",
        "eventstoredb": "eventstore.client*",
        "googlepubsub": "google.cloud.pubsub.v1",
        "kafka": "confluent.kafka masstransit.kafka kafkaflow* dotnetcore.cap.kafka",
        "minio": "minio",
        "mongodb": "mongodb.driver mongodb.entityframeworkcore",
        "mqtt": "mqttnet*",
        "mysql": "pomelo.entityframeworkcore.mysql mysql.data* mysqlconnector mysql.entityframeworkcore",
        "nats": "nats.net nats.client*",
        "neo4j": "neo4j.driver",
        "opensearch": "opensearch.client",
        "oracle": "oracle.*",
        "postgresql": "npgsql* marten aspire.npgsql*",
        "qdrant": "qdrant.client",
        "rabbitmq": (
            "rabbitmq.client masstransit.rabbitmq easynetq* rebus.rabbitmq nservicebus.rabbitmq "
            "dotnetcore.cap.rabbitmq aspire.rabbitmq.client"
        ),
        "ravendb": "ravendb.client",
        "redis": (
            "stackexchange.redis microsoft.extensions.caching.stackexchangeredis "
            "microsoft.extensions.caching.redis aspire.stackexchange.redis* servicestack.redis"
        ),
        "s3": "awssdk.s3",
        "servicebus": "azure.messaging.servicebus masstransit.azure.servicebus.core",
        "sns": "awssdk.simplenotificationservice",
        "sqlite": "microsoft.entityframeworkcore.sqlite microsoft.data.sqlite",
        "sqlserver": "microsoft.entityframeworkcore.sqlserver microsoft.data.sqlclient system.data.sqlclient",
        "sqs": "awssdk.sqs masstransit.amazonsqs",
        "temporal": "temporalio",
    },
    "rubygems": {
        "": "searchkick solid_queue",
        "algolia": "algoliasearch-rails",
        "cassandra": "cassandra-driver",
        "clickhouse": "clickhouse-activerecord",
        "dynamodb": "aws-sdk-dynamodb",
        "elasticsearch": "elasticsearch elasticsearch-model elasticsearch-rails chewy",
        "googlepubsub": "google-cloud-pubsub",
        "kafka": "ruby-kafka rdkafka karafka racecar",
        "meilisearch": "meilisearch-rails",
        "memcached": "dalli",
        "mongodb": "mongoid mongo",
        "mysql": "mysql2 trilogy",
        "nats": "nats-pure",
        "neo4j": "neo4j-ruby-driver",
        "opensearch": "opensearch-ruby",
        "postgresql": "pg",
        "rabbitmq": "bunny sneakers hutch",
        "redis": "redis redis-rails sidekiq resque hiredis",
        "s3": "aws-sdk-s3",
        "sns": "aws-sdk-sns",
        "solr": "sunspot_rails",
        "sqlite": "sqlite3",
        "sqlserver": "activerecord-sqlserver-adapter",
        "sqs": "aws-sdk-sqs shoryuken",
    },
    "composer": {
        "algolia": "algolia/*",
        "elasticsearch": "elasticsearch/elasticsearch ruflin/elastica friendsofsymfony/elastica-bundle",
        "googlepubsub": "google/cloud-pubsub",
        "kafka": "ext-rdkafka mateusjunges/laravel-kafka enqueue/rdkafka",
        "meilisearch": "meilisearch/meilisearch-php",
        "memcached": "ext-memcached",
        "mongodb": "mongodb/* ext-mongodb doctrine/mongodb-odm* jenssegers/mongodb",
        "mysql": "ext-pdo_mysql ext-mysqli",
        "neo4j": "laudis/neo4j-php-client",
        "opensearch": "opensearch-project/opensearch-php",
        "postgresql": "ext-pdo_pgsql ext-pgsql",
        "rabbitmq": (
            "php-amqplib/* ext-amqp symfony/amqp-messenger vladimir-yuldashev/laravel-queue-rabbitmq enqueue/amqp*"
        ),
        "redis": "predis/predis ext-redis symfony/redis-messenger snc/redis-bundle",
        "solr": "solarium/solarium",
        "sqlserver": "ext-pdo_sqlsrv",
        "sqs": "async-aws/sqs symfony/amazon-sqs-messenger",
        "typesense": "typesense/typesense-php",
    },
    "cargo": {
        "cassandra": "cdrs-tokio",
        "clickhouse": "clickhouse",
        "dynamodb": "aws-sdk-dynamodb",
        "elasticsearch": "elasticsearch",
        "kafka": "rdkafka rskafka",
        "meilisearch": "meilisearch-sdk",
        "mongodb": "mongodb",
        "mqtt": "rumqttc",
        "mysql": "mysql mysql_async",
        "nats": "async-nats nats",
        "neo4j": "neo4rs",
        "opensearch": "opensearch",
        "postgresql": "tokio-postgres postgres",
        "pulsar": "pulsar",
        "qdrant": "qdrant-client",
        "rabbitmq": "lapin amqprs",
        "redis": "redis fred",
        "s3": "aws-sdk-s3",
        "scylladb": "scylla",
        "sns": "aws-sdk-sns",
        "sqlite": "rusqlite",
        "sqlserver": "tiberius",
        "sqs": "aws-sdk-sqs",
    },
}

# Packages that give a program a part in the landscape: a client of the registry, a gateway, a server.
_ROLES: Mapping[str, Mapping[str, str]] = {
    "maven": {
        "admin-client": "spring-boot-admin-starter-client",
        "admin-server": "spring-boot-admin-server spring-boot-admin-starter-server",
        "capture": "debezium-embedded debezium-api",
        "circuit-aggregator": (
            "spring-cloud-starter-turbine spring-cloud-starter-netflix-turbine "
            "spring-cloud-starter-turbine-stream spring-cloud-starter-netflix-turbine-stream "
            "spring-cloud-netflix-turbine-stream"
        ),
        "circuit-breaker": "spring-cloud-starter-netflix-hystrix spring-cloud-starter-hystrix",
        "circuit-dashboard": (
            "spring-cloud-starter-netflix-hystrix-dashboard spring-cloud-starter-hystrix-dashboard "
            "spring-cloud-netflix-hystrix-dashboard"
        ),
        "circuit-stream": "spring-cloud-netflix-hystrix-stream",
        "bus-rabbitmq": "spring-cloud-starter-bus-amqp",
        "bus-kafka": "spring-cloud-starter-bus-kafka",
        "config-client": "spring-cloud-starter-config spring-cloud-config-client",
        "config-server": "spring-cloud-config-server",
        "gateway": "spring-cloud-starter-netflix-zuul spring-cloud-starter-zuul spring-cloud-starter-gateway",
        "log-shipper": "logstash-logback-encoder",
        "metrics-source": "micrometer-registry-prometheus",
        "outbox": "eventuate-tram* namastack-outbox* spring-modulith-events*",
        "registry": (
            "spring-cloud-starter-netflix-eureka-server spring-cloud-starter-eureka-server "
            "spring-cloud-netflix-eureka-server"
        ),
        "registry-client": (
            "spring-cloud-starter-netflix-eureka-client spring-cloud-starter-eureka "
            "spring-cloud-netflix-eureka-client spring-cloud-starter-consul-discovery"
        ),
        "tracing-client": "spring-cloud-starter-zipkin spring-cloud-sleuth-zipkin",
        "tracing-stream": "spring-cloud-sleuth-zipkin-stream spring-cloud-sleuth-stream",
        "tracing-server": "zipkin-server zipkin-autoconfigure-ui",
    },
    "nuget": {
        "outbox": "masstransit.entityframeworkcore dotnetcore.cap* nservicebus.persistence.sql",
    },
    "pypi": {
        "outbox": "django-outbox-pattern",
        "task-queue": "celery dramatiq huey",
    },
    "npm": {
        "outbox": "nestjs-outbox",
        "task-queue": "pg-boss",
    },
    "rubygems": {
        "task-queue": "sidekiq resque",
    },
    "go": {
        "outbox": "github.com/threedotslabs/watermill-sql*",
        "task-queue": "github.com/hibiken/asynq",
    },
}


def _index(table: Mapping[str, Mapping[str, str]]) -> dict[str, dict[str, str]]:
    """Ecosystem to package to technology or role, from the compact form above."""
    return {
        ecosystem: {package: value for value, packages in entries.items() for package in packages.split()}
        for ecosystem, entries in table.items()
    }


LIBRARIES = _index(_LIBRARIES)
ROLES = _index(_ROLES)


def library_of(ecosystem: str, name: str) -> tuple[str, str]:
    """Technology and role of a package, both empty for packages that say nothing of data."""
    lowered = name.lower()
    technology = _look_up(LIBRARIES.get(ecosystem, {}), lowered)
    roles = ROLES.get(ecosystem, {})
    role = _look_up(roles, lowered) or _look_up(roles, lowered.rsplit(":", 1)[-1])
    return technology, role


def _look_up(entries: Mapping[str, str], name: str) -> str:
    found = entries.get(name)
    if found is not None:
        return found
    if ":" not in name and "/" in name:
        # A Go module's major version stands at the end of its path.
        found = entries.get(re.sub(r"/v\d+\Z", "", name))
        if found is not None:
            return found
    for end in range(len(name), 1, -1):
        starred = entries.get(f"{name[:end]}*")
        if starred is not None:
            return starred
    return ""

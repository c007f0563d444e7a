"""Every version that a design folder or the lab names, pinned in one place."""

from __future__ import annotations

# The release that this Debezium was built with; the next one lacks a method that it calls.
KAFKA = "4.1.1"
SCALA = "2.13"
# The newest release of which all five connectors are in Maven Central.
DEBEZIUM = "3.5.0.Final"
OPENSEARCH = "2.19.1"
# Its parser reads the jobs that no cluster runs here.
FLINK = "1.20.0"

IMAGES = {
    "postgresql": "postgres:15",
    "mariadb": "mariadb:10.11",
    "mysql": "mysql:8.4",
    "mongodb": "mongo:7.0",
    "sqlserver": "mcr.microsoft.com/mssql/server:2022-latest",
    "redis": "redis:7.0",
    "elasticsearch": "docker.elastic.co/elasticsearch/elasticsearch:8.15.3",
    "opensearch": f"opensearchproject/opensearch:{OPENSEARCH}",
    "clickhouse": "clickhouse/clickhouse-server:24.8",
    "kafka": f"apache/kafka:{KAFKA}",
    "connect": f"quay.io/debezium/connect:{DEBEZIUM}",
    "python": "python:3.11-slim",
}

PYTHON_PACKAGES = {
    "confluent-kafka": "2.16.1",
    "psycopg[binary]": "3.3.9",
    "pymysql": "1.2.4",
    "pymssql": "2.4.6",
    "oracledb": "26.1.0",
    "pymongo": "4.20.0",
    "redis": "8.1.0",
    "boto3": "1.44.5",
    "pyiceberg[pyarrow]": "0.12.0",
    "clickhouse-connect": "1.12.0",
    "snowflake-connector-python": "3.17.3",
    "google-cloud-bigquery": "3.38.0",
}

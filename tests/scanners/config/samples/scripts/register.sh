#!/bin/sh
TOPIC=refunds
kafka-topics.sh --bootstrap-server kafka:9092 --create \
  --topic "$TOPIC" --partitions 4
curl -X POST http://connect:8083/connectors -H 'Content-Type: application/json' -d '{
  "name": "outbox", "config": {"connector.class": "io.debezium.connector.postgresql.PostgresConnector",
  "database.hostname": "db", "database.dbname": "orders", "topic.prefix": "o", "table.include.list": "public.outbox",
  "transforms": "outbox", "transforms.outbox.type": "io.debezium.transforms.outbox.EventRouter"}}'

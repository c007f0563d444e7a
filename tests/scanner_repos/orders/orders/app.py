"""Orders: written to the database and the index, or to the database and its outbox."""

import json
import os

import psycopg
from confluent_kafka import Producer
from elasticsearch import Elasticsearch

search = Elasticsearch(os.environ["SEARCH_URL"])
producer = Producer({"bootstrap.servers": os.environ["KAFKA_BROKERS"]})


def connect() -> psycopg.Connection:
    return psycopg.connect(os.environ["DATABASE_URL"])


def change_status(order_id: int, status: str) -> None:
    with connect() as connection:
        connection.execute("UPDATE orders SET status = %s WHERE order_id = %s", (status, order_id))
    search.index(index="orders", id=str(order_id), document={"status": status})


def place_order(order_id: int) -> None:
    with connect() as connection, connection.transaction():
        connection.execute("INSERT INTO orders (order_id, status) VALUES (%s, 'placed')", (order_id,))
        connection.execute(
            "INSERT INTO outbox (topic, payload) VALUES ('orders', %s)", (json.dumps({"order_id": order_id}),)
        )


def relay_outbox() -> None:
    with connect() as connection:
        for message_id, topic, payload in connection.execute("SELECT message_id, topic, payload FROM outbox"):
            producer.produce(topic, json.dumps(payload))
            producer.flush()
            connection.execute("DELETE FROM outbox WHERE message_id = %s", (message_id,))

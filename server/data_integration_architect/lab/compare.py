"""Row by row: what a system of record holds against what a derived store holds."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from data_integration_architect.artifacts.consumers.change import key_of
from data_integration_architect.lab.engines import get_json
from data_integration_architect.lab.sql import Sql
from data_integration_architect.lab.stack import Stack

MOST_KEYS = 20
PAGE = 5_000
# What a connector writes in another form than a client reads is not compared; the report names it.
COMPARABLE = ("char", "text", "int", "bool", "varchar", "character varying", "longtext", "uuid", "enum")


@dataclass
class Comparison:
    """What one derived store lacks, has too much, or holds otherwise; keys sorted."""

    name: str
    source: str
    target: str
    rows: int
    lost: list[str] = field(default_factory=list)
    """In the system of record and not in the derived store."""
    left_over: list[str] = field(default_factory=list)
    """In the derived store and not, or no longer, in the system of record."""
    duplicated: list[str] = field(default_factory=list)
    """More than once in the derived store."""
    reverted: list[str] = field(default_factory=list)
    """An older state than the system of record has."""
    diverged: list[str] = field(default_factory=list)
    """Another content, not an older revision."""
    not_compared: list[str] = field(default_factory=list)
    """Columns of types that are written in another form."""

    @property
    def is_equal(self) -> bool:
        return not (self.lost or self.left_over or self.duplicated or self.reverted or self.diverged)

    def to_data(self) -> dict[str, Any]:
        kinds = ("lost", "left_over", "duplicated", "reverted", "diverged")
        found = {kind: getattr(self, kind) for kind in kinds}
        return {
            "name": self.name,
            "source": self.source,
            "target": self.target,
            "rows": self.rows,
            **{kind: {"count": len(keys), "keys": sorted(keys)[:MOST_KEYS]} for kind, keys in found.items()},
            "not_compared": self.not_compared,
        }


def compare(stack: Stack, comparison: dict[str, Any]) -> Comparison:
    """Reads both sides once and compares them as they are now."""
    expected, columns, skipped = _source_rows(stack, comparison)
    stored: dict[str, Any] = {}
    result = Comparison(
        comparison["name"], f"{comparison['source']}.{comparison['table']}",
        f"{comparison['target']} {comparison['place']}", len(expected), not_compared=skipped,
    )  # fmt: skip
    for key, row in _target_rows(stack, comparison):
        if key in stored:
            result.duplicated.append(key)
        stored[key] = row
    for key, row in expected.items():
        if key not in stored:
            result.lost.append(key)
            continue
        other = {c: stored[key].get(c) for c in columns}
        if row == other:
            continue
        older = isinstance(other.get("revision"), int) and other["revision"] < (row.get("revision") or 0)
        (result.reverted if older else result.diverged).append(key)
    result.left_over = [key for key in stored if key not in expected]
    return result


def _source_rows(stack: Stack, comparison: dict[str, Any]) -> tuple[dict[str, Any], list[str], list[str]]:
    server = stack.server_of(comparison["source"])
    sql = Sql(server.engine, server.port, comparison["source"])
    try:
        known = sql.columns(comparison["table"])
        columns = [c.name for c in known if any(word in c.type for word in COMPARABLE)]
        names = ", ".join(sql.name(c) for c in columns)
        rows = [dict(zip(columns, row, strict=True)) for row in
                sql.execute(f"SELECT {names} FROM {sql.name(comparison['table'])}")]  # fmt: skip
        skipped = [c.name for c in known if c.name not in columns]
    finally:
        sql.close()
    return {key_of([row[c] for c in comparison["key"]]): row for row in rows}, columns, skipped


def _target_rows(stack: Stack, comparison: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    server, place = stack.server_of(comparison["target"]), comparison["place"]
    if comparison["kind"] == "search":
        get_json(server.port, f"/{place}/_refresh", "POST")
        after: list[Any] | None = None
        while True:
            body: dict[str, Any] = {
                "size": PAGE, "sort": [{"key": "asc"}], "query": {"term": {"deleted": False}},
                **({"search_after": after} if after else {}),
            }  # fmt: skip
            hits = get_json(server.port, f"/{place}/_search", "POST", body)["hits"]["hits"]
            yield from ((hit["_source"]["key"], hit["_source"]["row"]) for hit in hits)
            if len(hits) < PAGE:
                return
            after = hits[-1]["sort"]
    elif comparison["kind"] == "redis":
        import redis

        client = redis.Redis(port=server.port, decode_responses=True, socket_timeout=15)
        for name in client.scan_iter(f"{place}*", count=1000):
            row = client.hget(name, "row")
            if row is not None:
                yield str(name)[len(place) :], json.loads(str(row))
    else:
        sql = Sql(server.engine, server.port, comparison["target"])
        try:
            statement = f"SELECT row_key, row_data FROM {sql.name(place)} WHERE NOT deleted"
            for key, row in sql.execute(statement):
                yield key, json.loads(row)
        finally:
            sql.close()


def compare_outbox(stack: Stack, outbox: dict[str, Any]) -> Comparison:
    """Rows of an outbox against the records of its topics, by the event's id. A record that comes twice is no
    difference here: it carries the id by which its readers recognise it."""
    from confluent_kafka import Consumer, TopicPartition

    server = stack.server_of(outbox["store"])
    sql = Sql(server.engine, server.port, outbox["store"])
    try:
        expected = {str(row[0]) for row in sql.execute(f"SELECT event_id FROM {sql.name(outbox['table'])}")}
    finally:
        sql.close()
    reader = Consumer(
        {"bootstrap.servers": stack.servers_address, "group.id": "lab-outbox", "enable.auto.commit": False,
         "log_level": 0}
    )  # fmt: skip
    sent: set[str] = set()
    try:
        for topic in outbox["topics"]:
            partitions = reader.list_topics(topic, timeout=10).topics[topic].partitions
            left = 0
            places = []
            for partition in partitions:
                low, high = reader.get_watermark_offsets(TopicPartition(topic, partition), timeout=10, cached=False)
                left += high - low
                places.append(TopicPartition(topic, partition, low))
            reader.assign(places)
            while left > 0:
                records = [record for record in reader.consume(min(left, 500), 5.0) if not record.error()]
                if not records:
                    break
                left -= len(records)
                headers: list[dict[str, Any]] = [dict(record.headers() or []) for record in records]
                sent |= {h["id"].decode().strip('"') for h in headers if "id" in h}
    finally:
        reader.close()
    return Comparison(
        outbox["table"], f"{outbox['store']}.{outbox['table']}", ", ".join(outbox["topics"]), len(expected),
        sorted(expected - sent), sorted(sent - expected),
    )  # fmt: skip


def waiting_records(stack: Stack) -> int | None:
    """Records that consumers have not committed yet; None where the broker does not answer."""
    from confluent_kafka import KafkaException, TopicPartition

    waiting = 0
    try:
        for name, (consumer, topic, partitions) in stack.group_readers().items():
            if name not in stack.consumers:
                continue
            committed = consumer.committed([TopicPartition(topic, p) for p in range(partitions)], timeout=5)
            for position in committed:
                _, end = consumer.get_watermark_offsets(position, timeout=5, cached=False)
                waiting += end - max(position.offset, 0)
    except KafkaException:
        return None
    return waiting

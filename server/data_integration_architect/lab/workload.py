"""A seeded workload: what the application's handlers do, on the entities of the design, by several clients at once."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

from data_integration_architect.artifacts.consumers.change import key_of
from data_integration_architect.lab.sql import Column, Sql
from data_integration_architect.lab.stack import Stack

KEYS, ROLLED_BACK, LARGE_CHARACTERS = 40, 0.1, 12_000
DELETED = 0.15


@dataclass
class Counts:
    committed: int = 0
    rolled_back: int = 0
    failed: int = 0
    """Transactions that met a fault; whether they were committed is for the database to know."""


@dataclass(frozen=True)
class Written:
    """A row that a transaction wrote; `row` is None where it deleted it."""

    key: dict[str, Any]
    row: dict[str, Any] | None


@dataclass
class Workload:
    """Transactions of `clients` clients; client n does the same with the same seed, whatever the others do."""

    stack: Stack
    seed: int
    clients: int = 2
    counts: Counts = field(default_factory=Counts)

    def __post_init__(self) -> None:
        self.ending = threading.Event()
        self.lock = threading.Lock()
        self.columns: dict[tuple[str, str], list[Column]] = {}

    @property
    def has_work(self) -> bool:
        """Whether the design has tables whose copies are compared, or handlers that write an outbox."""
        return bool(self.stack.plan["compare"] or any(o["outbox"] for o in self.stack.plan["operations"]))

    def run(self, start: int, transactions: int) -> None:
        """Each client does `transactions` transactions from number `start` on; returns when all are done."""
        self.ending.clear()
        threads = [
            threading.Thread(target=self._client, args=(number, range(start, start + transactions)), daemon=True)
            for number in range(self.clients)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def stop(self) -> None:
        self.ending.set()

    def _client(self, number: int, positions: Sequence[int]) -> None:
        connections: dict[str, Sql] = {}
        try:
            for position in positions:
                if self.ending.is_set():
                    return
                # A generator of its own for each transaction: one that fails does not shift the others.
                self._transaction(number, position, Random(f"{self.seed}:{number}:{position}"), connections)
        finally:
            for connection in connections.values():
                connection.close()

    def _connection(self, store: str, connections: dict[str, Sql]) -> Sql:
        if store not in connections:
            server = self.stack.server_of(store)
            connections[store] = Sql(server.engine, server.port, store)
        return connections[store]

    def _transaction(self, number: int, position: int, random: Random, connections: dict[str, Sql]) -> None:
        operation = self._operation(random)
        connection = self._connection(operation["store"], connections)
        try:
            written: dict[str, Written] = {}
            for write in operation["writes"]:
                found = self._write(connection, operation["store"], write, number, position, random)
                if found is not None:
                    written[write["table"]] = found
            for event in operation["outbox"]:
                of = written.get(event["of"]) if event["of"] else next(iter(written.values()), None)
                if of is not None:
                    append_to_outbox(connection, event, of, f"{self.seed}-{number}-{position}")
            if random.random() < ROLLED_BACK:
                connection.rollback()
                self._count("rolled_back")
            else:
                connection.commit()
                self._count("committed")
        except Exception:  # a fault ended it; the database decides what became of it
            connection.close()
            self._count("failed")
            time.sleep(0.05)

    def _count(self, what: str) -> None:
        with self.lock:
            setattr(self.counts, what, getattr(self.counts, what) + 1)

    def _operation(self, random: Random) -> dict[str, Any]:
        plan = self.stack.plan
        deletable = [t for t in plan["tables"] if t["deletes"] == "hard" and not self._has_outbox(t)]
        if deletable and random.random() < DELETED:
            table = random.choice(deletable)
            return {"store": table["store"], "writes": [{"table": table["name"], "mode": "delete"}], "outbox": []}
        if plan["operations"]:
            return dict(random.choice(plan["operations"]))
        table = random.choice(plan["tables"])
        return {"store": table["store"], "writes": [{"table": table["name"], "mode": "replace"}], "outbox": []}

    def _has_outbox(self, table: dict[str, Any]) -> bool:
        """Whether a deletion without an outbox row would be one that nobody is told of."""
        return any(o["outbox"] and o["store"] == table["store"] for o in self.stack.plan["operations"])

    def _write(
        self, connection: Sql, store: str, write: dict[str, Any], number: int, position: int, random: Random
    ) -> Written | None:
        """What one write made of its row; None where there was nothing to delete."""
        table = next(t for t in self.stack.plan["tables"] if t["store"] == store and t["name"] == write["table"])
        columns = self._columns(connection, store, table["name"])
        mode = write["mode"]
        unique = mode == "insert"
        text = f"{number}-{position}" if unique else f"k{random.randrange(KEYS)}"
        row: dict[str, Any] = {c.name: _key_value(c, text) for c in columns if c.name in table["key"]}
        key = dict(row)
        if mode == "delete":
            if connection.row(table["name"], key, locked=True) is None:
                return None
            connection.delete(table["name"], key)
            return Written(key, None)
        others = [c for c in columns if c.name not in table["key"]]
        added = [c.name for c in others if c.name == "revision" or (mode == "increment" and c.name == "amount")]
        for column in others:
            if column.name in added:
                row[column.name] = 1
            elif column.name == "body" and random.random() < 0.5:
                # An update that leaves a large value alone is what placeholders come from.
                continue
            else:
                size = LARGE_CHARACTERS if column.name == "body" and random.random() < 0.2 else 12
                row[column.name] = _value(column, random, size)
        connection.upsert(table["name"], table["key"], row, added)
        # What the row is now: it has columns that this write left alone, and others that grew.
        return Written(key, connection.row(table["name"], key))

    def _columns(self, connection: Sql, store: str, table: str) -> list[Column]:
        with self.lock:
            if (store, table) not in self.columns:
                self.columns[store, table] = connection.columns(table)
            return self.columns[store, table]


def events_of(plan: dict[str, Any], table: dict[str, Any]) -> list[dict[str, Any]]:
    """The outbox rows that a handler appends with a row of the table; none where no handler does."""
    for operation in plan["operations"]:
        is_written = any(write["table"] == table["name"] for write in operation["writes"])
        events = [dict(event) for event in operation["outbox"] if event["of"] in (None, table["name"])]
        if operation["store"] == table["store"] and is_written and events:
            return events
    return []


def append_to_outbox(connection: Sql, event: dict[str, Any], written: Written, event_id: str) -> None:
    """Announces a row as the open transaction leaves it."""
    import json
    import uuid

    values = {
        "event_id": str(uuid.uuid5(uuid.NAMESPACE_OID, f"{event_id}-{event['topic']}-{event['of']}")),
        "topic": event["topic"],
        "message_key": key_of(written.key.values()),
        "change": "delete" if written.row is None else "upsert",
        "payload": json.dumps(written.key if written.row is None else written.row, default=str),
    }
    names = ", ".join(connection.name(c) for c in values)
    connection.execute(
        f"INSERT INTO {connection.name(event['table'])} ({names}) VALUES ({', '.join(['%s'] * len(values))})",
        list(values.values()),
    )


def _key_value(column: Column, text: str) -> Any:
    if "int" in column.type or column.type in {"numeric", "decimal"}:
        return sum((i + 1) * ord(c) for i, c in enumerate(text))
    if column.type == "uuid":
        import uuid

        return str(uuid.uuid5(uuid.NAMESPACE_OID, text))
    return text


def _value(column: Column, random: Random, size: int) -> Any:
    kind = column.type
    if "int" in kind:
        return random.randrange(1_000)
    if kind in {"numeric", "decimal", "double precision", "double", "real", "float"}:
        return random.randrange(100_000) / 100
    if kind in {"boolean", "tinyint", "bit"}:
        return random.random() < 0.5
    if "timestamp" in kind or kind == "datetime":
        return f"2026-01-{random.randrange(1, 29):02d} 12:00:00"
    if kind == "date":
        return f"2026-01-{random.randrange(1, 29):02d}"
    if kind in {"json", "jsonb"}:
        return f'{{"n": {random.randrange(1_000)}}}'
    if kind == "uuid":
        return f"{random.getrandbits(128):032x}"
    return "".join(random.choices("abcdefghij 'é\"", k=size))

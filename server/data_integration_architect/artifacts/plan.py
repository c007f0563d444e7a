"""What has to be built for a target topology: databases, captures, topics, sinks. Names are plain identifiers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

from data_integration_architect.artifacts.compatibility import Compatibility
from data_integration_architect.artifacts.names import Names
from data_integration_architect.catalog import load_catalog
from data_integration_architect.topology import (
    NONE,
    Append,
    Call,
    Channel,
    Entity,
    Handler,
    OnChanges,
    OnConsume,
    OnRequest,
    Topology,
    Transaction,
    Write,
    normalize,
    walk_steps,
)
from data_integration_architect.topology.values import seconds

DEFAULT_PARTITIONS = 12
DEFAULT_RETENTION_SECONDS = 7 * 86400
FOREVER = -1

CAPTURED = ("postgresql", "mysql", "mariadb", "mongodb", "sqlserver", "oracle")
OUTBOXES = ("postgresql", "mysql", "mariadb")
SEARCH = ("elasticsearch", "opensearch")
# Redshift is none of them: its MERGE takes no condition beside the match, so that an older record would win.
WAREHOUSE = ("snowflake", "bigquery", "clickhouse")
FILES: dict[str, Literal["s3", "iceberg"]] = {"s3": "s3", "iceberg": "iceberg"}
TABLES = ("postgresql", "mysql", "mariadb", "sqlserver", "oracle", "cockroachdb", "aurora")
# Their statements and drivers differ from what the consumer of tables uses.
WITHOUT_CONSUMER = ("sqlserver", "oracle")
VERSION_FROM = {
    "postgresql": "lsn", "mysql": "binlog", "mariadb": "binlog", "sqlserver": "lsn-pair", "oracle": "scn",
    "mongodb": "order",
}  # fmt: skip
LOGS = ("kafka", "redpanda")
# Databases of the server itself: Debezium captures no table in them, and nobody should keep one there.
OWN_DATABASES = {
    "mysql": ("mysql", "sys", "information_schema", "performance_schema"),
    "mariadb": ("mysql", "sys", "information_schema", "performance_schema"),
    "mongodb": ("admin", "config", "local"),
    "sqlserver": ("master", "model", "msdb", "tempdb"),
    "postgresql": ("template0", "template1"),
}


@dataclass(frozen=True)
class Table:
    """A table of a system of record, as far as the topology tells."""

    entity: str
    name: str
    key: tuple[str, ...]
    columns: tuple[str, ...]
    """Further columns that the topology names."""
    deletes: Literal["hard", "soft", "never"]
    has_large_values: bool


@dataclass(frozen=True)
class Database:
    """A store that holds tables of its own."""

    store: str
    name: str
    technology: str
    instance: str
    tables: tuple[Table, ...]


@dataclass(frozen=True)
class Topic:
    channel: str
    name: str
    entity: str | None
    key: str | None
    partitions: int
    retention_ms: int
    compacted: bool
    large_values: str | None
    compatibility: Compatibility
    carries: Literal["changes", "outbox", "requests", "other"]
    planned: bool


@dataclass(frozen=True)
class Routed:
    """A table whose changes go to a topic."""

    table: Table
    topic: Topic


@dataclass(frozen=True)
class Capture:
    database: Database
    routes: tuple[Routed, ...]
    heartbeat_ms: int
    slot_limit: str | None
    full_rows: bool
    snapshot: bool


@dataclass(frozen=True)
class OutboxRoute:
    entity: str
    topic: Topic


@dataclass(frozen=True)
class Outbox:
    """A table whose rows a capture sends to topics in commit order."""

    database: Database
    channel: str
    table: str
    routes: tuple[OutboxRoute, ...]


@dataclass(frozen=True)
class Sink:
    """A consumer that keeps a copy of an entity's state."""

    name: str
    handler: str
    topic: Topic
    store: str
    target: str
    technology: str
    kind: Literal["search", "redis", "table", "warehouse", "s3", "iceberg"]
    place: str
    source: Database
    table: Table
    version_from: str
    attempts: int
    dead_letter: str | None


@dataclass(frozen=True)
class LoggedOperation:
    """A request that is validated where its constraint lives and then applied elsewhere, once at each place."""

    name: str
    request: Topic
    owner: Database
    outbox: str
    instruction: Topic
    other: Database
    entity: str
    table: str
    key: str
    non_negative: bool
    validate: str
    apply: str


@dataclass
class Plan:
    names: Names
    databases: dict[str, Database] = field(default_factory=dict)
    topics: dict[str, Topic] = field(default_factory=dict)
    captures: list[Capture] = field(default_factory=list)
    outboxes: list[Outbox] = field(default_factory=list)
    sinks: list[Sink] = field(default_factory=list)
    operations: list[LoggedOperation] = field(default_factory=list)
    not_generated: list[tuple[str, str]] = field(default_factory=list)
    """Element and why no file was made for it."""


def plan_of(topology: Topology) -> Plan:
    """What `topology` needs; elements that nothing is generated for stand in `not_generated` with the reason."""
    return _Planner(normalize(topology).topology).plan()


class _Planner:
    def __init__(self, topology: Topology) -> None:
        self.topology = topology
        self.result = Plan(Names())
        self.catalog = load_catalog()

    def plan(self) -> Plan:
        result = self.result
        for name in self.topology.stores:
            result.names.plain(name, OWN_DATABASES.get(self.technology(name) or "", ()))
        for name in (*self.topology.entities, *self.topology.channels):
            result.names.plain(name)
        self._topics()
        for handler_id, handler in self._handlers():
            if isinstance(handler.trigger, OnChanges):
                self._capture(handler_id, handler, handler.trigger)
        for channel_name, channel in self.topology.channels.items():
            if channel.in_ is not None:
                self._outbox(channel_name, channel)
        self._operations()
        planned = {operation.apply for operation in result.operations} | {o.validate for o in result.operations}
        for handler_id, handler in self._handlers():
            if isinstance(handler.trigger, OnConsume) and handler_id not in planned:
                self._consumer(handler_id, handler, handler.trigger)
        return result

    def _handlers(self) -> Iterator[tuple[str, Handler]]:
        for process_name, process in self.topology.processes.items():
            for handler_name, handler in process.handlers.items():
                yield f"{process_name}.{handler_name}", handler

    def _steps(self, handler: Handler) -> Iterator[object]:
        return (step for _, step in walk_steps(handler.steps, ()))

    def skip(self, element: str, reason: str) -> None:
        if (element, reason) not in self.result.not_generated:
            self.result.not_generated.append((element, reason))

    def technology(self, store: str) -> str | None:
        """The catalog's id of a store's technology; None where it is unsaid."""
        element = self.topology.stores.get(store)
        if element is None or element.technology is None:
            return None
        known = self.catalog.technology(element.technology)
        return known.id if known is not None else element.technology.lower()

    # Elements

    def database(self, store: str) -> Database | None:
        """The store with its tables; None where it is no database that holds tables."""
        if store in self.result.databases:
            return self.result.databases[store]
        technology = self.technology(store)
        if technology is None or technology not in CAPTURED + TABLES:
            return None
        element = self.topology.stores[store]
        written = dict.fromkeys(
            str(step.entity).split(".")[0]
            for _, handler in self._handlers()
            for step in self._steps(handler)
            if isinstance(step, Write) and step.write == store and step.entity is not None
        )
        fed = {
            entity
            for _, handler in self._handlers()
            if isinstance(handler.trigger, OnConsume)
            for step in self._steps(handler)
            if isinstance(step, Write) and step.write == store and step.mode in {None, "replace", "merge"}
            for entity in [str(step.entity).split(".")[0]]
        }
        captured = [
            str(step.entity)
            for _, handler in self._handlers()
            if isinstance(handler.trigger, OnChanges) and handler.trigger.changes == store
            for step in self._steps(handler)
            if isinstance(step, Append) and step.entity
        ]
        names = [e for e in dict.fromkeys([*written, *captured]) if e in self.topology.entities and e not in fed]
        tables = tuple(self._table(entity) for entity in names)
        plain = self.result.names.plain
        found = Database(store, plain(store), technology, plain(element.instance or store), tables)
        self.result.databases[store] = found
        return found

    def _table(self, entity: str) -> Table:
        element: Entity = self.topology.entities[entity]
        plain = self.result.names.plain
        key = element.key
        fields = () if key in (None, NONE) else (key,) if isinstance(key, str) else tuple(key or ())
        columns = dict.fromkeys([*element.natural_key, *(f for fields_ in element.parts.values() for f in fields_)])
        return Table(
            entity,
            plain(entity),
            tuple(plain(f) for f in fields) or ("id",),
            tuple(plain(c) for c in columns if c not in fields),
            element.deletes or "hard",
            bool(element.large_columns),
        )

    def _topics(self) -> None:
        for name, channel in self.topology.channels.items():
            known = self.catalog.technology(channel.technology)
            if known is None or known.id not in LOGS:
                if channel.in_ is None:
                    said = f"technology {channel.technology}" if channel.technology else "its technology is unsaid"
                    self.skip(name, f"no topic is made for this channel: {said}")
                continue
            retention = channel.retention
            lasting = FOREVER if retention == "forever" else (seconds(retention) or DEFAULT_RETENTION_SECONDS) * 1000
            key = channel.message_key
            self.result.topics[name] = Topic(
                name,
                self.result.names.plain(name),
                channel.carries[0] if len(channel.carries) == 1 else None,
                None if key in (None, NONE, "random") else "+".join(self.result.names.plain(k) for k in key.split("+")),
                channel.partitions or DEFAULT_PARTITIONS,
                int(lasting),
                channel.cleanup == "compact",
                channel.event.unchanged_large_values,
                channel.event.schema_compatibility or "backward",
                self._what_is_carried(name),
                channel.status == "planned",
            )

    def _what_is_carried(self, channel: str) -> Literal["changes", "outbox", "requests", "other"]:
        for _, handler in self._handlers():
            appends = any(isinstance(s, Append) and s.append == channel for s in self._steps(handler))
            if appends and isinstance(handler.trigger, OnChanges):
                return "changes"
            if appends and isinstance(handler.trigger, OnConsume):
                source = self.topology.channels.get(handler.trigger.consume)
                if source is not None and source.in_ is not None:
                    return "outbox"
            if appends and (handler.trigger is None or isinstance(handler.trigger, OnRequest)):
                return "requests"
        return "other"

    def _capture(self, handler_id: str, handler: Handler, trigger: OnChanges) -> None:
        database = self.database(trigger.changes)
        if trigger.by not in {"log", None}:
            self.skip(handler_id, f"a capture by {trigger.by} is no log-based connector")
            return
        if database is None or database.technology not in CAPTURED:
            said = self.technology(trigger.changes) or "unsaid"
            self.skip(handler_id, f"there is no Debezium connector here for technology {said}")
            return
        routes = []
        for step in self._steps(handler):
            if not isinstance(step, Append) or step.append not in self.result.topics:
                continue
            topic = self.result.topics[step.append]
            entity = step.entity or topic.entity
            table = next((t for t in database.tables if t.entity == entity), None)
            if table is not None:
                routes.append(Routed(table, topic))
        if not routes:
            self.skip(handler_id, "it appends no known entity to a known topic")
            return
        slot = trigger.slot
        heartbeat = seconds(slot.heartbeat) if slot is not None and slot.heartbeat not in (None, NONE) else None
        limit = slot.limit if slot is not None and slot.limit not in (None, NONE) else None
        self.result.captures.append(
            Capture(
                database,
                tuple(routes),
                int((heartbeat or 10) * 1000),
                str(limit) if limit is not None else None,
                trigger.row_image in {None, "full"},
                trigger.snapshot != "none",
            )
        )

    def _outbox(self, channel_name: str, channel: Channel) -> None:
        database = self.database(str(channel.in_))
        if database is None or database.technology not in OUTBOXES:
            said = self.technology(str(channel.in_)) or "unsaid"
            self.skip(channel_name, f"there is no outbox table and no relay here for technology {said}")
            return
        routes = []
        for _, handler in self._handlers():
            if isinstance(handler.trigger, OnConsume) and handler.trigger.consume == channel_name:
                for step in self._steps(handler):
                    if isinstance(step, Append) and step.append in self.result.topics:
                        topic = self.result.topics[step.append]
                        entity = step.entity or topic.entity or channel_name
                        routes.append(OutboxRoute(entity, topic))
        if not routes:
            self.skip(channel_name, "nothing relays this table to a topic")
            return
        self.result.outboxes.append(
            Outbox(database, channel_name, self.result.names.plain(channel_name), tuple(routes))
        )

    def _operations(self) -> None:
        """Requests that are logged, validated at one store with an outbox row, and applied at another."""
        for handler_id, handler in self._handlers():
            trigger, dedup = handler.trigger, handler.dedup
            if not isinstance(trigger, OnConsume) or dedup is None or not dedup.atomic:
                continue
            if trigger.consume not in self.result.topics:
                continue
            for block in handler.steps:
                if isinstance(block, Transaction) and isinstance(block.transaction, str):
                    self._operation(handler_id, self.result.topics[trigger.consume], block)

    def _operation(self, handler_id: str, request: Topic, block: Transaction) -> None:
        write = next((s for s in block.steps if isinstance(s, Write) and s.mode == "increment"), None)
        row = next((s for s in block.steps if isinstance(s, Append)), None)
        owner = self.database(str(block.transaction))
        if write is None or row is None or owner is None or write.entity is None:
            return
        outbox = next((o for o in self.result.outboxes if o.channel == row.append), None)
        if outbox is None:
            return
        instruction = outbox.routes[0].topic
        for other_id, other in self._handlers():
            if not isinstance(other.trigger, OnConsume) or other.trigger.consume != instruction.channel:
                continue
            applied = next(
                (s for s in self._steps(other) if isinstance(s, Write) and s.mode == "increment" and s.entity), None
            )
            target = self.database(applied.write) if applied is not None else None
            if applied is None or target is None:
                continue
            table = self._table(write.entity)
            hard = any(c.kind == "non-negative" and c.entity in (None, write.entity) for c in self.topology.constraints)
            self.result.operations.append(
                LoggedOperation(
                    self.result.names.plain(request.channel), request, owner, outbox.table, instruction, target,
                    write.entity, table.name, table.key[0], hard or write.guard == "condition", handler_id, other_id,
                )
            )  # fmt: skip

    def _consumer(self, handler_id: str, handler: Handler, trigger: OnConsume) -> None:
        topic = self.result.topics.get(trigger.consume)
        if topic is None:
            return
        if handler.computes is not None:
            self.skip(handler_id, "a computed result: see flink/")
            return
        for step in self._steps(handler):
            if isinstance(step, Call):
                self.skip(handler_id, f"the effect at {step.call} is the application's own code")
            if not isinstance(step, Write):
                continue
            reason = self._sink(handler_id, topic, step)
            if reason:
                self.skip(handler_id, reason)

    def _sink(self, handler_id: str, topic: Topic, step: Write) -> str | None:
        """Plans a sink; the reason where there is none."""
        entity = str(step.entity or topic.entity or "").split(".")[0]
        if step.mode not in {None, "replace", "merge"}:
            return f"writes by {step.mode}: the handler's own transaction, see the document"
        source = next(((c.database, r) for c in self.result.captures for r in c.routes if r.topic is topic), None)
        routed = next(((o.database, r) for o in self.result.outboxes for r in o.routes if r.topic is topic), None)
        technology = self.technology(step.write)
        if technology is None:
            return f"the technology of {step.write} is unsaid"
        kind: Literal["search", "redis", "table", "warehouse", "s3", "iceberg"]
        if technology in SEARCH:
            kind = "search"
        elif technology == "redis":
            kind = "redis"
        elif technology in WAREHOUSE:
            kind = "warehouse"
        elif technology in FILES:
            kind = FILES[technology]
        elif technology in TABLES and technology not in WITHOUT_CONSUMER:
            kind = "table"
        else:
            return f"there is no consumer here for technology {technology}"
        if source is not None:
            database, version_from = source[0], VERSION_FROM[source[0].technology]
            table = source[1].table
        elif routed is not None:
            database, version_from = routed[0], "header"
            table = next((t for t in database.tables if t.entity == entity), None) or self._table(entity)
        else:
            return f"{topic.channel} is filled by the application: its records have no version that is known here"
        if table.entity != entity:
            return f"{entity} is not what {topic.channel} carries"
        plain = self.result.names.plain
        retry = step.retry
        self.result.sinks.append(
            Sink(
                f"{plain(step.write)}_{table.name}", handler_id, topic, step.write, plain(step.write), technology, kind,
                table.name, database, table, version_from,
                retry.attempts if retry is not None and isinstance(retry.attempts, int) else 10,
                plain(step.dead_letter) if step.dead_letter else None,
            )
        )  # fmt: skip
        return None

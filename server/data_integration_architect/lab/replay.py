"""Replays a run of the checker step by step on real engines, and looks whether each step shows what the model said."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from data_integration_architect.catalog import load_catalog
from data_integration_architect.files import parse_text
from data_integration_architect.lab.packages import LabError
from data_integration_architect.lab.places import KEY, NOTHING, Guard, Place, SqlPlace, place_for
from data_integration_architect.lab.process import wait_until
from data_integration_architect.lab.sql import Sql
from data_integration_architect.lab.stack import Stack
from data_integration_architect.modelcheck.verdict import Step, Verdict
from data_integration_architect.topology import (
    Invalidate,
    Topology,
    Transaction,
    Write,
    load_topology,
    normalize,
    walk_steps,
)

LABEL = r"(?P<state>\w+ (?:write \d+|deletion \d+|operation \d+|as it was before|\d+ \(second id\)))"
AS_BEFORE = "as it was before"
NEW_COPY, PART = "new copy of ", "unchanged part in "
Ports = Mapping[str, tuple[int, str]]


class NotReplayable(Exception):
    """A step needs more than the engines of the lab, or is of a kind that is not translated."""


@dataclass
class Replay:
    """What happened: each step with what was seen after it, and whether all of it is what the model said."""

    run: str
    steps: list[str] = field(default_factory=list)
    differing: list[str] = field(default_factory=list)
    not_replayable: str | None = None
    seen: int = 0
    """States that were read from an engine and were those of the model."""

    @property
    def is_confirmed(self) -> bool:
        return self.not_replayable is None and not self.differing and self.seen > 0

    @property
    def verdict(self) -> str:
        if self.not_replayable is not None:
            return f"not replayed: {self.not_replayable}"
        if self.differing:
            return f"the engines did otherwise: {'; '.join(self.differing)}"
        return f"seen on real engines: {self.seen} states, each as the model said" if self.seen else "nothing to see"

    def to_data(self) -> dict[str, Any]:
        return {"run": self.run, "steps": self.steps, "verdict": self.verdict, "is_confirmed": self.is_confirmed}


def replay(topology: Topology, verdict: Verdict, ports: Ports, name: str) -> Replay:
    """Replays the run of a violated verdict. `name` keeps its tables, indices and topics apart from other runs'."""
    result = Replay(verdict.summary)
    world = _World(topology, verdict, ports, name)
    try:
        for step in verdict.trace:
            shown = (
                f"{step.actor}"
                + (f" -> {step.target}" if step.target not in {"", step.actor} else "")
                + f": {step.text}"
            )
            try:
                world.take(step)
            except NotReplayable as reason:
                result.not_replayable = str(reason)
                return result
            except Exception as error:  # each client has errors of its own for "refused"
                result.differing.append(f"step {len(result.steps) + 1} is refused: {type(error).__name__}: {error}")
                return result
            seen = [world.look(change.what, change.before, change.after) for change in step.changes]
            seen += world.noticed()
            known = [(what, state, said) for what, state, said in seen if what]
            result.steps.append(shown + "".join(f"; {what} holds: {state}" for what, state, _ in known))
            result.seen += len(known)
            result.differing += [
                f"after step {len(result.steps)} {what} holds {state}, the model says {said}"
                for what, state, said in known
                if state != said
            ]
        # Increments are counted by the engine: the label alone does not tell how often.
        for place, expected in world.totals():
            result.seen += 1
            if place.total() != expected:
                result.differing.append(f"an amount is {place.total()}, the run says {expected}")
        rule = world.broken_rule()
        if rule is not None:
            result.seen += 1
            if rule[0] != rule[1]:
                result.differing.append(f"the rule's table holds {rule[0]}, the run says {rule[1]}")
    finally:
        world.close()
    return result


class _World:
    """The stores of a topology on real engines, and what its actors hold in their memory."""

    def __init__(self, topology: Topology, verdict: Verdict, ports: Ports, name: str) -> None:
        self.topology, self.verdict, self.ports = topology, verdict, ports
        self.name = re.sub(r"[^a-z0-9]+", "_", name.lower())
        self.places: dict[str, Place] = {}
        self.applied: dict[str, int] = {}
        self.versions: dict[str, int] = {}
        self.open: dict[str, Sql] = {}
        self.records: dict[str, list[str]] = {}
        self.prepared: dict[str, list[tuple[str, str]]] = {}
        self.checked: tuple[str, str] | None = None
        self.written = 0
        self.with_part: set[str] = set()
        """States whose write changed the record's large value too."""
        self.drawn: dict[str, int] = {}
        """Actor → version that it drew before its write."""
        self.notices: list[tuple[str, str, str]] = []
        self.read: dict[str, int] = {}
        """Channel → how many of its records a reader of a causal run has read."""
        self.tables: set[str] = set()

    def close(self) -> None:
        for transaction in self.open.values():
            transaction.close()
        for store, waiting in self.prepared.items():
            for identity, _ in waiting:
                self._alone(store, f"{self._prepared_word(store, 'ROLLBACK')} '{identity}'")
        if self.checked is not None:
            self._alone(self.checked[1], f"DROP TABLE {self.checked[0]}")
        for place in self.places.values():
            place.close()
        for table in self.tables:
            self._alone("", f"DROP TABLE {table}")

    def noticed(self) -> list[tuple[str, str, str]]:
        """What the last step saw of the engines beside the changes: what, how it is, how the model says it is."""
        found, self.notices = self.notices, []
        return found

    def place(self, store: str) -> Place:
        if store in self.places:
            return self.places[store]
        kind = store.removeprefix(NEW_COPY)
        if kind not in self.topology.stores:
            raise NotReplayable(f"{store} is no store")
        said = self.topology.stores[kind].technology
        head = load_catalog().technology(said)
        invalidated = any(
            isinstance(step, Invalidate) and step.invalidate == store
            for process in self.topology.processes.values()
            for handler in process.handlers.values()
            for _, step in walk_steps(handler.steps, ())
        )
        try:
            name = f"r_{self.name}_{len(self.places)}"
            self.places[store] = place_for(head.id if head else None, self.ports, name, invalidated)
        except KeyError as engine:
            raise NotReplayable(f"{engine.args[0]} does not run, which {store} needs") from None
        first = next(
            (c.before for s in self.verdict.trace for c in s.changes if c.what == store and " " in c.before), None
        )
        if first is not None and first.endswith(AS_BEFORE):
            self.places[store].set(first, 0, None, first)
        return self.places[store]

    def _step(self, step: Step) -> Write | None:
        """The handler's write to the store of a step."""
        handler_id = re.sub(r" (?:#|worker ).*", "", step.actor)
        for process_name, process in self.topology.processes.items():
            for handler_name, handler in process.handlers.items():
                if handler_id in {f"{process_name}.{handler_name}", process_name}:
                    for _, write in walk_steps(handler.steps, ()):
                        if isinstance(write, Write) and write.write == step.target.removeprefix(NEW_COPY):
                            return write
        return None

    def _guard(self, step: Step) -> Guard:
        """The version guard of the handler's write to this store."""
        write = self._step(step)
        if write is None or write.guard != "version":
            return None
        return "newer" if write.guard_compares in (None, "greater") else "not older"

    def _is_record(self, store: str) -> bool:
        """Whether runs say of this store that it has commits: it is the system of record."""
        said = f"commits in {store}"
        return any(change.what == said for step in self.verdict.trace for change in step.changes)

    def _version(self, state: str) -> int:
        """Position of a write among the commits of the run: the order of its number's first appearance."""
        return self.versions.setdefault(state.replace("deletion", "write"), len(self.versions) + 1)

    def take(self, step: Step) -> None:
        """Does on the engines what the step says. Raises: NotReplayable."""
        if step.is_fault:
            self._fault(step)
            return
        text = step.text
        for pattern, action in (_CAUSAL if self.verdict.property == "causal-order" else _ACTIONS).items():
            found = re.fullmatch(pattern, text)
            if found:
                action(self, step, found.groupdict())
                return
        raise NotReplayable(f"no translation of a step like “{text}”")

    def _fault(self, step: Step) -> None:
        if not _FAULTS.search(step.text):
            raise NotReplayable(f"no translation of a fault like “{step.text}”")
        if "expires, and it goes on" in step.text:
            return
        # What the actor had open is gone; what it had committed stays.
        held = self.open.pop(step.actor, None)
        if held is not None:
            held.close()

    def write(self, step: Step, part: dict[str, str]) -> None:
        state = part["state"]
        if "operation" in state or "second id" in state:
            # An insert without a key that would refuse it: what counts is how often it was done.
            self.increment(step, part)
            return
        if step.actor in self.drawn:
            self.versions[state] = self.drawn.pop(step.actor)
        elif part.get("version"):
            self.versions[state] = int(part["version"])
        if part.get("large") == "with":
            self.with_part.add(state)
        version = self._version(state) if AS_BEFORE not in state else 0
        place = self.place(step.target)
        before = place.state() if part.get("refused") else ""
        place.set(NOTHING if "deletion" in state else state, version, self._guard(step), self._part(step, state))
        if part.get("refused"):
            self.notices.append((step.target, place.state(), before))

    def _part(self, step: Step, state: str) -> str | None:
        """The large value that a write brings: its own, or what its event has in place of one that did not change."""
        if state in self.with_part or AS_BEFORE in state:
            return state
        if not any(change.what.startswith(PART) for s in self.verdict.trace for change in s.changes):
            return None
        if self._is_record(step.target):
            return None
        write = self._step(step)
        known = (write.placeholder if write else None) or ("skipped" if write and write.mode == "merge" else "stored")
        if known == "restored":
            return self.place(next(s for s in self.topology.stores if self._is_record(s))).part()
        return None if known == "skipped" else "lost"

    def write_other(self, step: Step, part: dict[str, str]) -> None:
        """A write of a run whose labels leave out the word for it."""
        self.write(step, {"state": f"{part['entity']} write {part['of']}"})

    def draw_version(self, step: Step, part: dict[str, str]) -> None:
        self.drawn[step.actor] = int(part["version"])

    def swap(self, step: Step, part: dict[str, str]) -> None:
        """A new copy, filled before or now, takes the place of the old one in one step of the engine."""
        name = f"{NEW_COPY}{step.target}"
        old = self.place(step.target)
        if name not in self.places:
            state = part["state"]
            self.place(name).set(state, 0 if AS_BEFORE in state else self._version(state), None, state)
        old.take_over(self.places.pop(name))

    def grow(self, step: Step, part: dict[str, str]) -> None:
        """The topic really gets a second partition."""
        from confluent_kafka.admin import AdminClient
        from confluent_kafka.cimpl import NewPartitions

        topic = self._topic(step.target)
        client = AdminClient({"bootstrap.servers": f"127.0.0.1:{self.ports['kafka'][0]}", "log_level": 0})
        for made in client.create_partitions([NewPartitions(topic, 2)]).values():
            made.result(20)
        wait_until(
            lambda: len(client.list_topics(topic, timeout=5).topics[topic].partitions) == 2, 20, f"{topic} grown"
        )

    def happen(self, step: Step, part: dict[str, str]) -> None:
        """An event of a causal run: a record in its channel, or a row where it is not sent yet."""
        if step.target in self.topology.channels:
            self.append(step, {"state": step.text})
        else:
            self._alone("", f"CREATE TABLE IF NOT EXISTS {self._table(step.actor)} (event text)")
            self._alone("", f"INSERT INTO {self._table(step.actor)} VALUES ('{step.actor}')")

    def read_event(self, step: Step, part: dict[str, str]) -> None:
        """The reader takes the next record of one channel, whatever lies unread in another."""
        from confluent_kafka import Consumer, TopicPartition

        reader = Consumer(
            {"bootstrap.servers": f"127.0.0.1:{self.ports['kafka'][0]}", "group.id": "replay", "log_level": 0,
             "enable.auto.commit": False}
        )  # fmt: skip
        position = self.read.get(step.source, 0)
        reader.assign([TopicPartition(self._topic(step.source), 0, position)])
        found = reader.consume(1, 20.0)
        reader.close()
        content = (found[0].value() or b"").decode() if found else NOTHING
        self.read[step.source] = position + 1
        read = content.partition(" with ")[0].rstrip(",")
        self.notices.append((f"the record that {step.actor} reads", read, part["event"]))

    def find(self, step: Step, part: dict[str, str]) -> None:
        """Looks for a row inside a transaction of the stated isolation."""
        for entity in {part["entity"], *self._entities()}:
            if self._table(entity) not in self.tables:
                self._alone("", f"CREATE TABLE {self._table(entity)} (id int)")
                self.tables.add(self._table(entity))
                if part["found"] == "there" and entity == part["entity"]:
                    self._alone("", f"INSERT INTO {self._table(entity)} VALUES (1)")
        port, database = self._sql_port()
        session = Sql("postgresql", port, database)
        session.execute(f"SET TRANSACTION ISOLATION LEVEL {self._isolation(step)}")
        rows = session.execute(f"SELECT count(*) FROM {self._table(part['entity'])}")
        self.notices.append((f"{part['entity']} in {step.target}", "there" if rows[0][0] else "none", part["found"]))
        self.open[step.actor] = session

    def _entities(self) -> list[str]:
        """Entities of the looks of a run."""
        found = (re.fullmatch(r"(?:look for|delete|write) (\w+)(?:: \w+)?", step.text) for step in self.verdict.trace)
        return sorted({match[1] for match in found if match})

    def _table(self, name: str) -> str:
        return f"r_{self.name}_{re.sub(r'[^a-z0-9]+', '_', name.lower())}"

    def remove(self, step: Step, part: dict[str, str]) -> None:
        """Deletes the row that another one refers to."""
        session = self.open.pop(step.actor, None) or Sql("postgresql", *self._sql_port())
        table = self._table(part["entity"])
        session.execute(f"DELETE FROM {table}")
        session.commit()
        left = session.execute(f"SELECT count(*) FROM {table}")
        session.close()
        self.notices.append((part["entity"], str(left[0][0]), "0"))

    def commit(self, step: Step, part: dict[str, str]) -> None:
        """The transaction of an outbox: row and message together; another key's row is not the one that is watched."""
        transaction = self.open.pop(step.actor, None)
        if transaction is not None:
            transaction.commit()
            transaction.close()
        if "another" not in part or not part["another"]:
            self.place(self._written(step)).set(part["state"], self._version(part["state"]))

    def _written(self, step: Step) -> str:
        """The store whose content a step changes; steps at an outbox name the table."""
        return next((change.what for change in step.changes if change.what in self.topology.stores), step.target)

    def draw(self, step: Step, part: dict[str, str]) -> None:
        """Inserts an outbox row, whose number is drawn now and which nobody sees before the commit."""
        port, database = self._sql_port()
        transaction = Sql("postgresql", port, database)
        table = self._outbox(transaction)
        drawn = transaction.execute(f"INSERT INTO {table} (content) VALUES (%s) RETURNING number", (step.actor,))
        if int(drawn[0][0]) != int(part["number"]):
            raise NotReplayable(f"the engine drew {drawn[0][0]}")
        self.open[step.actor] = transaction

    def poll(self, step: Step, part: dict[str, str]) -> None:
        """Reads the smallest visible number above the cursor; what is committed below it later is never read."""
        port, database = self._sql_port()
        reader = Sql("postgresql", port, database)
        try:
            table = self._outbox(reader)
            seen = [int(row[0]) for row in reader.execute(f"SELECT number FROM {table} ORDER BY number")]
            reader.commit()
        finally:
            reader.close()
        if int(part["number"]) not in seen:
            raise NotReplayable(f"number {part['number']} is not visible to the engine's reader")
        if part.get("state"):
            self.write(step, {"state": part["state"]})

    def _sql_port(self) -> tuple[int, str]:
        if "postgresql" not in self.ports:
            raise NotReplayable("postgresql does not run")
        return self.ports["postgresql"]

    def _outbox(self, sql: Sql) -> str:
        table = f"r_{self.name}_outbox"
        if table not in self.records:
            port, database = self._sql_port()
            maker = Sql("postgresql", port, database)
            maker.execute(f"DROP TABLE IF EXISTS {table}")
            maker.execute(f"CREATE TABLE {table} (number bigserial PRIMARY KEY, content text)")
            maker.commit()
            maker.close()
            self.records[table] = []
        return table

    def append(self, step: Step, part: dict[str, str]) -> None:
        """Appends to a real topic, to the partition that the model chose."""
        if "kafka" not in self.ports:
            raise NotReplayable("kafka does not run")
        from confluent_kafka import Producer

        topic = self._topic(step.target)
        producer = Producer({"bootstrap.servers": f"127.0.0.1:{self.ports['kafka'][0]}", "log_level": 0})
        partition = {"old": 0, "new": 1}.get(part.get("which") or "", int(part.get("partition") or 0))
        producer.produce(topic, part["state"].encode(), b"k1", partition=partition)
        if producer.flush(20):
            raise NotReplayable("the broker did not take a record")
        self.records.setdefault(step.target, []).append(part["state"])

    def _topic(self, channel: str) -> str:
        from confluent_kafka.admin import AdminClient
        from confluent_kafka.cimpl import NewTopic

        topic = f"r_{self.name}_{channel}"
        if channel not in self.records:
            client = AdminClient({"bootstrap.servers": f"127.0.0.1:{self.ports['kafka'][0]}", "log_level": 0})
            grows = any(step.target == channel and step.text.startswith("gets more") for step in self.verdict.trace)
            new = NewTopic(topic, num_partitions=1 if grows else 2, replication_factor=1)
            for made in client.create_topics([new]).values():
                made.result(20)
            self.records[channel] = []
        return topic

    def taken(self, step: Step, part: dict[str, str]) -> None:
        """A worker holds a record in memory: nothing changes in any store."""

    def increment(self, step: Step, part: dict[str, str]) -> None:
        place = self.place(step.target)
        if part.get("known"):
            # The engine's unique key knows the id: nothing is applied.
            return
        place.add(part["state"])
        self.applied[step.target] = self.applied.get(step.target, 0) + 1

    def fill(self, step: Step, part: dict[str, str]) -> None:
        """A look-up that misses, and the read of the source: the value is held, and written by a later step."""
        cache, source = self.place(step.target), self.place(part["source"])
        if cache.state() != NOTHING:
            raise NotReplayable("the cache has an entry")
        if source.state() not in {c.after for s in self.verdict.trace for c in s.changes if c.what == step.target}:
            raise NotReplayable("the source holds another state than the one that is filled in later")

    def prepare(self, step: Step, part: dict[str, str]) -> None:
        """First phase of a distributed commit: the engine holds the change and its locks, whoever goes away."""
        place = self.place(step.target)
        if not isinstance(place, SqlPlace):
            raise NotReplayable(f"{step.target} is no database that prepares transactions")
        identity = f"{self.name}_{step.target}_{len(self.prepared.get(step.target, []))}"
        session = Sql(place.sql.engine, place.sql.port, place.sql.database)
        is_xa = place.sql.engine == "mariadb"
        if is_xa:
            session.open().autocommit(True)
            session.execute(f"XA START '{identity}'")
        session.upsert(place.table, ["id"], {"id": KEY, "state": part["state"], "version": 1, "amount": 1}, ["amount"])
        if is_xa:
            session.execute(f"XA END '{identity}'")
        session.execute(f"XA PREPARE '{identity}'" if is_xa else f"PREPARE TRANSACTION '{identity}'")
        session.close()
        self.prepared.setdefault(step.target, []).append((identity, part["state"]))

    def commit_prepared(self, step: Step, part: dict[str, str]) -> None:
        identity, state = self.prepared[step.target].pop(0)
        self._alone(step.target, f"{self._prepared_word(step.target, 'COMMIT')} '{identity}'")
        if "operation" in state:
            self.applied[step.target] = self.applied.get(step.target, 0) + 1

    def _prepared_word(self, store: str, verb: str) -> str:
        place = self.places.get(store)
        is_xa = isinstance(place, SqlPlace) and place.sql.engine == "mariadb"
        return f"XA {verb}" if is_xa else f"{verb} PREPARED"

    def _alone(self, store: str, statement: str) -> None:
        """Runs a statement outside any transaction."""
        place = self.places.get(store)
        if isinstance(place, SqlPlace):
            session = Sql(place.sql.engine, place.sql.port, place.sql.database)
        else:
            session = Sql("postgresql", *self._sql_port())
        if session.engine == "mariadb":
            session.open().autocommit(True)
        else:
            session.open().autocommit = True
        session.execute(statement)
        session.close()

    def check(self, step: Step, part: dict[str, str]) -> None:
        """Reads inside a transaction of the stated isolation, and decides that there is room."""
        port, database = self._sql_port()
        if part.get("lease") and step.actor in self.open:
            raise NotReplayable("the lease is held")
        if self.checked is None:
            self.checked = (f"r_{self.name}_rule", step.target)
            self._alone(step.target, f"CREATE TABLE {self.checked[0]} (amount bigint NOT NULL)")
            if self.verdict.property == "non-negative":
                self._alone(step.target, f"INSERT INTO {self.checked[0]} VALUES (1)")
        session = Sql("postgresql", port, database)
        session.execute(f"SET TRANSACTION ISOLATION LEVEL {self._isolation(step)}")
        found = session.execute(f"SELECT coalesce(sum(amount), 0) FROM {self.checked[0]}")[0][0]
        room = int(found) >= 1 if self.verdict.property == "non-negative" else int(found) == 0
        if not room:
            raise NotReplayable("the engine's reader finds no room")
        self.open[step.actor] = session

    def write_checked(self, step: Step, part: dict[str, str]) -> None:
        session = self.open.pop(step.actor, None)
        if session is not None and self.tables:
            table = self._table(step.text.removeprefix("write "))
            session.execute(f"INSERT INTO {table} VALUES (1)")
            session.commit()
            rows = session.execute(f"SELECT count(*) FROM {table}")
            session.close()
            self.notices.append((table, str(rows[0][0]), "1"))
            return
        if session is None or self.checked is None:
            raise NotReplayable("a write without the check before it")
        is_sum = self.verdict.property == "non-negative"
        table = self.checked[0]
        session.execute(f"UPDATE {table} SET amount = amount - 1" if is_sum else f"INSERT INTO {table} VALUES (1)")
        session.commit()
        session.close()
        self.written += 1

    def _isolation(self, step: Step) -> str:
        handler_id = re.sub(r" #.*", "", step.actor)
        process_name, _, handler_name = handler_id.rpartition(".")
        process = self.topology.processes.get(process_name)
        handler = process.handlers.get(handler_name) if process else None
        blocks = [b for _, b in walk_steps(handler.steps, ()) if isinstance(b, Transaction)] if handler else []
        said = blocks[0].isolation if blocks else None
        said = said or self.topology.stores[step.target].isolation or "read-committed"
        return {"snapshot": "REPEATABLE READ"}.get(said, said.replace("-", " ").upper())

    def invalidate(self, step: Step, part: dict[str, str]) -> None:
        self.place(step.target).set(NOTHING, 0)

    def look(self, what: str, before: str, after: str) -> tuple[str, str, str]:
        """Name of the store, what it holds, and what the model says; no name where it is no store's content."""
        if what.partition(":")[0] in self.prepared and "prepared" in what:
            store = what.partition(":")[0]
            place = self.place(store)
            if not isinstance(place, SqlPlace):
                return "", "", ""
            begin = f"{self.name}_{store}_"
            if place.sql.engine == "mariadb":
                names = (row[3] for row in place.rows("XA RECOVER", ()))
                count = sum((n.decode() if isinstance(n, bytes) else str(n)).startswith(begin) for n in names)
            else:
                statement = "SELECT count(*) FROM pg_prepared_xacts WHERE gid LIKE %s"
                count = place.rows(statement, (f"{begin}%",))[0][0]
            return what, str(count), after
        if what.startswith(PART):
            return what, self.place(what.removeprefix(PART)).part(), after
        if what.startswith(NEW_COPY) and what in self.places:
            return what, self.places[what].state(), after
        if what not in self.topology.stores or not (after == NOTHING or re.fullmatch(LABEL, after)):
            if re.fullmatch(r"(?P<channel>\w+)(, partition \d+)?", what) and what.split(",")[0] in self.records:
                return self._look_at_topic(what, after)
            return "", "", ""
        if what in self.applied:
            return "", "", ""
        return what, self.place(what).state(), after

    def _look_at_topic(self, what: str, after: str) -> tuple[str, str, str]:
        from confluent_kafka import Consumer, TopicPartition

        channel, _, partition = what.partition(", partition ")
        reader = Consumer(
            {"bootstrap.servers": f"127.0.0.1:{self.ports['kafka'][0]}", "group.id": "replay", "log_level": 0}
        )
        position = TopicPartition(f"r_{self.name}_{channel}", int(partition or 0))
        _, end = reader.get_watermark_offsets(position, timeout=10, cached=False)
        reader.close()
        return what, f"{end} records", after.split(",")[0]

    def broken_rule(self) -> tuple[int, int] | None:
        """What the table of a check-then-write holds, and what the run says; None where there is none."""
        if self.checked is None:
            return None
        port, database = self._sql_port()
        session = Sql("postgresql", port, database)
        found = int(session.execute(f"SELECT sum(amount) FROM {self.checked[0]}")[0][0])
        session.close()
        return found, 1 - self.written if self.verdict.property == "non-negative" else self.written

    def totals(self) -> list[tuple[Place, int]]:
        return [(self.places[store], count) for store, count in self.applied.items()]


_VERSION = r"\(version (?P<version>\d+)(?:, [\w ]+)?\)"

_ACTIONS: dict[str, Any] = {
    rf"(?:again: )?write {LABEL}": _World.write,
    rf"write {LABEL} \((?P<large>with|without) its large part\)": _World.write,
    rf"write {LABEL} {_VERSION}": _World.write,
    rf"write {LABEL} \((?P<refused>refused): [\w ]+\)": _World.write,
    rf"begin, draw a version {_VERSION}": _World.draw_version,
    rf"commit: append [\w ]+, write {LABEL}": _World.commit,
    rf"swap in the new copy with {LABEL}": _World.swap,
    rf"sends its row {LABEL}": _World.append,
    rf"append {LABEL} \((?P<which>old|new) partition\)": _World.append,
    r"gets more partitions; .*": _World.grow,
    r"notes the end of the log as its (?:low|high) mark|drops its row: .*": _World.taken,
    r"look for (?P<entity>\w+): (?P<found>there|none)": _World.find,
    r"delete (?P<entity>\w+)": _World.remove,
    r"(?P<lease>takes the lease, )?check \w+: free": _World.check,
    rf"(?:commit: )?write {LABEL}, append [\w ]+?(?P<another> \(another key\))?": _World.commit,
    r"insert, draw a number \((?:another key, )?number (?P<number>\d+)\)": _World.draw,
    r"reads number (?P<number>\d+) of another key": _World.poll,
    rf"reads number (?P<number>\d+), write {LABEL}": _World.poll,
    rf"append {LABEL}(?: \(partition (?P<partition>\d+)\))?": _World.append,
    r"(?:takes|reads|look up the id of|remember the id of) .*|read|log the decision|delete nothing .*": _World.taken,
    rf"prepare {LABEL}": _World.prepare,
    r"(?:returns, )?commits? .*": _World.commit_prepared,
    r"write \w+": _World.write_checked,
    rf"increment {LABEL}(?P<known> \(id already handled\))?": _World.increment,
    r"increment (?P<state>\w+ write \d+)": _World.write,
    r"look up; read (?P<source>\w+) on a miss \(miss\)": _World.fill,
    r"invalidate \w+": _World.invalidate,
    r"write (?P<entity>\w+) (?P<of>\d+)": _World.write_other,
}

_CAUSAL: dict[str, Any] = {
    r"(?:accepts|sees:) (?P<event>.+)": _World.read_event,
    r".+": _World.happen,
}

_FAULTS = re.compile(
    r"crashes|response lost|reads again|starts the record again|fails and is (ignored|skipped)"
    r"|fails alone and comes again|the id of .* is forgotten|partition moves to another instance"
    r"|the lease of .* expires"
)


def runs_of(topology: Topology) -> list[Verdict]:
    """Definite violated verdicts of the checker, one for each property of each target."""
    from data_integration_architect.modelcheck.check import check

    return [verdict for verdict in check(topology) if verdict.verdict == "violated"]


def replay_today(stack: Stack) -> Iterator[tuple[Verdict, Replay]]:
    """The runs of today's topology, replayed on the engines of a running design. Raises: LabError, InputError."""
    place = stack.design / "today.yaml"
    if not place.is_file():
        raise LabError(f"{place} is missing: there is nothing to replay")
    topology = normalize(load_topology(parse_text(place.read_text(encoding="utf-8"), "today.yaml"))).topology
    ports: dict[str, tuple[int, str]] = {}
    for server in stack.servers.values():
        store = next((name for name, s in stack.plan["stores"].items() if s["instance"] == server.name), "")
        ports.setdefault(server.engine, (server.port, store))
    for number, verdict in enumerate(runs_of(topology)):
        yield verdict, replay(topology, verdict, ports, f"today_{number}")


def schedule_of(verdict: Verdict, store: str) -> list[str]:
    """States in the order in which the run writes them to the system of record: the part that a design keeps."""
    states = []
    for step in verdict.trace:
        found = re.fullmatch(rf"(?:commit: )?(?:write|increment) {LABEL}.*", step.text)
        if found and step.target == store and not step.is_fault:
            states.append(found["state"])
    return states


def play_on_design(stack: Stack, table: dict[str, Any], states: list[str], key: str) -> None:
    """Writes the states, in their order, to the system of record of the running design."""
    server = stack.server_of(table["store"])
    sql = Sql(server.engine, server.port, table["store"])
    try:
        row = dict.fromkeys(table["key"], key)
        for state in states:
            if "deletion" in state:
                where = " AND ".join(f"{sql.name(column)} = %s" for column in row)
                sql.execute(f"DELETE FROM {sql.name(table['name'])} WHERE {where}", list(row.values()))
            else:
                sql.upsert(table["name"], table["key"], {**row, "body": state, "revision": 1}, ["revision"])
            sql.commit()
    finally:
        sql.close()

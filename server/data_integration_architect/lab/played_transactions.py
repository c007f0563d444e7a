"""What the actors of a replayed run hold open: transactions, drawn numbers, prepared changes, checked rules."""

from __future__ import annotations

import re

from data_integration_architect.lab.places import KEY, SqlPlace
from data_integration_architect.lab.played import Notice, NotReplayable, Parts, Played, Stores
from data_integration_architect.lab.sql import Sql
from data_integration_architect.modelcheck.verdict import Step
from data_integration_architect.topology import Transaction, walk_steps


class Transactions:
    """Sessions of the actors, which go on from step to step and end with their actor."""

    def __init__(self, run: Played, stores: Stores) -> None:
        self.run, self.stores = run, stores
        self.open: dict[str, Sql] = {}
        self.prepared: dict[str, list[tuple[str, str]]] = {}
        """Store → identity and state of each prepared change."""
        self.checked: tuple[str, str] | None = None
        """Table of a check-then-write, and the store that it stands for."""
        self.written = 0
        self.tables: set[str] = set()
        self.outbox: str | None = None

    def close(self) -> None:
        for transaction in self.open.values():
            transaction.close()
        for store, waiting in self.prepared.items():
            for identity, _ in waiting:
                self.stores.execute(store, f"{self._prepared_word(store, 'ROLLBACK')} '{identity}'")
        if self.checked is not None:
            self.stores.execute(self.checked[1], f"DROP TABLE {self.checked[0]}")
        for table in self.tables:
            self.stores.execute("", f"DROP TABLE {table}")

    def forget(self, actor: str) -> None:
        """What an actor had open is gone with it."""
        held = self.open.pop(actor, None)
        if held is not None:
            held.close()

    def commit(self, actor: str) -> None:
        held = self.open.pop(actor, None)
        if held is not None:
            held.commit()
            held.close()

    # Rows that refer to others

    def note_event(self, actor: str) -> None:
        """An event that is not sent yet, as a row."""
        self.stores.execute("", f"CREATE TABLE IF NOT EXISTS {self.run.table(actor)} (event text)")
        self.stores.execute("", f"INSERT INTO {self.run.table(actor)} VALUES ('{actor}')")

    def find(self, step: Step, part: Parts) -> Notice:
        """Looks for a row inside a transaction of the stated isolation."""
        for entity in {part["entity"], *self._entities()}:
            table = self.run.table(entity)
            if table not in self.tables:
                self.stores.execute("", f"CREATE TABLE {table} (id int)")
                self.tables.add(table)
                if part["found"] == "there" and entity == part["entity"]:
                    self.stores.execute("", f"INSERT INTO {table} VALUES (1)")
        session = self.run.session()
        session.execute(f"SET TRANSACTION ISOLATION LEVEL {self._isolation(step)}")
        rows = session.execute(f"SELECT count(*) FROM {self.run.table(part['entity'])}")
        self.open[step.actor] = session
        return f"{part['entity']} in {step.target}", "there" if rows[0][0] else "none", part["found"]

    def _entities(self) -> list[str]:
        """Entities of the looks of a run."""
        found = (
            re.fullmatch(r"(?:look for|delete|write) (\w+)(?:: \w+)?", step.text) for step in self.run.verdict.trace
        )
        return sorted({match[1] for match in found if match})

    def remove(self, step: Step, part: Parts) -> Notice:
        """Deletes the row that another one refers to."""
        session = self.open.pop(step.actor, None) or self.run.session()
        table = self.run.table(part["entity"])
        session.execute(f"DELETE FROM {table}")
        session.commit()
        left = session.execute(f"SELECT count(*) FROM {table}")
        session.close()
        return part["entity"], str(left[0][0]), "0"

    # Outbox numbers

    def draw(self, step: Step, part: Parts) -> None:
        """Inserts an outbox row, whose number is drawn now and which nobody sees before the commit."""
        if self.outbox is None:
            self.outbox = self.run.table("outbox")
            self.stores.execute("", f"DROP TABLE IF EXISTS {self.outbox}")
            self.stores.execute("", f"CREATE TABLE {self.outbox} (number bigserial PRIMARY KEY, content text)")
        transaction = self.run.session()
        drawn = transaction.execute(f"INSERT INTO {self.outbox} (content) VALUES (%s) RETURNING number", (step.actor,))
        self.open[step.actor] = transaction
        if int(drawn[0][0]) != int(part["number"]):
            raise NotReplayable(f"the engine drew {drawn[0][0]}")

    def see(self, number: int) -> None:
        """A poller's look at the outbox. Raises: NotReplayable where the number is not visible."""
        if self.outbox is None:
            raise NotReplayable("no number was drawn")
        reader = self.run.session()
        seen = [int(row[0]) for row in reader.execute(f"SELECT number FROM {self.outbox} ORDER BY number")]
        reader.close()
        if number not in seen:
            raise NotReplayable(f"number {number} is not visible to the engine's reader")

    # Two phases

    def prepare(self, step: Step, part: Parts) -> None:
        """First phase of a distributed commit: the engine holds the change and its locks, whoever goes away."""
        place = self.stores.at(step.target)
        if not isinstance(place, SqlPlace):
            raise NotReplayable(f"{step.target} is no database that prepares transactions")
        identity = f"{self.run.name}_{step.target}_{len(self.prepared.get(step.target, []))}"
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

    def commit_prepared(self, step: Step) -> str:
        """The state of the oldest prepared change, which is now there."""
        identity, state = self.prepared[step.target].pop(0)
        self.stores.execute(step.target, f"{self._prepared_word(step.target, 'COMMIT')} '{identity}'")
        return state

    def count_prepared(self, store: str) -> int | None:
        """How many changes the engine holds prepared; None where the store is no database."""
        place = self.stores.at(store)
        if not isinstance(place, SqlPlace):
            return None
        begin = f"{self.run.name}_{store}_"
        if place.sql.engine == "mariadb":
            names = (row[3] for row in place.rows("XA RECOVER", ()))
            return sum((n.decode() if isinstance(n, bytes) else str(n)).startswith(begin) for n in names)
        return int(place.rows("SELECT count(*) FROM pg_prepared_xacts WHERE gid LIKE %s", (f"{begin}%",))[0][0])

    def _prepared_word(self, store: str, verb: str) -> str:
        place = self.stores.known.get(store)
        is_xa = isinstance(place, SqlPlace) and place.sql.engine == "mariadb"
        return f"XA {verb}" if is_xa else f"{verb} PREPARED"

    # Check, then write

    def check(self, step: Step, part: Parts) -> None:
        """Reads inside a transaction of the stated isolation, and decides that there is room."""
        if part.get("lease") and step.actor in self.open:
            raise NotReplayable("the lease is held")
        if self.checked is None:
            self.checked = (self.run.table("rule"), step.target)
            self.stores.execute(step.target, f"CREATE TABLE {self.checked[0]} (amount bigint NOT NULL)")
            if self.run.verdict.property == "non-negative":
                self.stores.execute(step.target, f"INSERT INTO {self.checked[0]} VALUES (1)")
        session = self.run.session()
        session.execute(f"SET TRANSACTION ISOLATION LEVEL {self._isolation(step)}")
        found = session.execute(f"SELECT coalesce(sum(amount), 0) FROM {self.checked[0]}")[0][0]
        room = int(found) >= 1 if self.run.verdict.property == "non-negative" else int(found) == 0
        if not room:
            raise NotReplayable("the engine's reader finds no room")
        self.open[step.actor] = session

    def write_checked(self, step: Step) -> Notice | None:
        session = self.open.pop(step.actor, None)
        if session is not None and self.tables:
            table = self.run.table(step.text.removeprefix("write "))
            session.execute(f"INSERT INTO {table} VALUES (1)")
            session.commit()
            rows = session.execute(f"SELECT count(*) FROM {table}")
            session.close()
            return table, str(rows[0][0]), "1"
        if session is None or self.checked is None:
            raise NotReplayable("a write without the check before it")
        is_sum = self.run.verdict.property == "non-negative"
        table = self.checked[0]
        session.execute(f"UPDATE {table} SET amount = amount - 1" if is_sum else f"INSERT INTO {table} VALUES (1)")
        session.commit()
        session.close()
        self.written += 1
        return None

    def broken_rule(self) -> tuple[int, int] | None:
        """What the table of a check-then-write holds, and what the run says; None where there is none."""
        if self.checked is None:
            return None
        session = self.run.session()
        found = int(session.execute(f"SELECT sum(amount) FROM {self.checked[0]}")[0][0])
        session.close()
        return found, 1 - self.written if self.run.verdict.property == "non-negative" else self.written

    def _isolation(self, step: Step) -> str:
        handler_id = re.sub(r" #.*", "", step.actor)
        process_name, _, handler_name = handler_id.rpartition(".")
        process = self.run.topology.processes.get(process_name)
        handler = process.handlers.get(handler_name) if process else None
        blocks = [b for _, b in walk_steps(handler.steps, ()) if isinstance(b, Transaction)] if handler else []
        said = blocks[0].isolation if blocks else None
        said = said or self.run.topology.stores[step.target].isolation or "read-committed"
        return {"snapshot": "REPEATABLE READ"}.get(said, said.replace("-", " ").upper())

"""What a replay plays, and where."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from data_integration_architect.catalog import load_catalog
from data_integration_architect.lab.places import Place, SqlPlace, place_for
from data_integration_architect.lab.sql import Sql
from data_integration_architect.modelcheck.verdict import Verdict
from data_integration_architect.topology import Invalidate, Topology, walk_steps

Ports = Mapping[str, tuple[int, str]]
Parts = dict[str, str]
"""What a step's text says, by the names of its pattern."""
AS_BEFORE = "as it was before"
NEW_COPY = "new copy of "
# What was seen, how it is on the engines, and how the model says it is.
Notice = tuple[str, str, str]


class NotReplayable(Exception):
    """A step needs more than the engines of the lab, or is of a kind that is not translated."""


@dataclass(frozen=True)
class Played:
    """The run that is replayed, and the engines that it is replayed on."""

    topology: Topology
    verdict: Verdict
    ports: Ports
    name: str
    """Of its own, so that tables, indices and topics stay apart from those of other runs; letters, digits, `_`."""

    def table(self, name: str) -> str:
        return f"r_{self.name}_{re.sub(r'[^a-z0-9]+', '_', name.lower())}"

    def port(self, engine: str) -> tuple[int, str]:
        """Port and database. Raises: NotReplayable."""
        if engine not in self.ports:
            raise NotReplayable(f"{engine} does not run")
        return self.ports[engine]

    def session(self) -> Sql:
        """A session of PostgreSQL. Raises: NotReplayable."""
        return Sql("postgresql", *self.port("postgresql"))


class Stores:
    """The stores of a topology on real engines, made when a step first names them."""

    def __init__(self, run: Played) -> None:
        self.run = run
        self.known: dict[str, Place] = {}

    def at(self, store: str) -> Place:
        """Raises: NotReplayable."""
        if store in self.known:
            return self.known[store]
        kind = store.removeprefix(NEW_COPY)
        if kind not in self.run.topology.stores:
            raise NotReplayable(f"{store} is no store")
        said = self.run.topology.stores[kind].technology
        head = load_catalog().technology(said)
        invalidated = any(
            isinstance(step, Invalidate) and step.invalidate == store
            for process in self.run.topology.processes.values()
            for handler in process.handlers.values()
            for _, step in walk_steps(handler.steps, ())
        )
        try:
            name = f"r_{self.run.name}_{len(self.known)}"
            place = place_for(head.id if head else None, self.run.ports, name, invalidated)
        except KeyError as engine:
            raise NotReplayable(f"{engine.args[0]} does not run, which {store} needs") from None
        self.known[store] = place
        before = (c.before for s in self.run.verdict.trace for c in s.changes if c.what == store and " " in c.before)
        first = next(before, "")
        if first.endswith(AS_BEFORE):
            place.set(first, 0, None, first)
        return place

    def session(self, store: str) -> Sql:
        """A session outside any transaction, of the store's engine where that is a database, else of PostgreSQL."""
        place = self.known.get(store)
        if isinstance(place, SqlPlace):
            session = Sql(place.sql.engine, place.sql.port, place.sql.database)
        else:
            session = self.run.session()
        if session.engine == "mariadb":
            session.open().autocommit(True)
        else:
            session.open().autocommit = True
        return session

    def execute(self, store: str, statement: str) -> None:
        """Runs one statement outside any transaction."""
        session = self.session(store)
        session.execute(statement)
        session.close()

    def close(self) -> None:
        for place in self.known.values():
            place.close()

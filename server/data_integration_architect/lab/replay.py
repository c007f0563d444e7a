"""Replays a run of the checker step by step on real engines, and looks whether each step shows what the model said."""

from __future__ import annotations

import re
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from data_integration_architect.files import parse_text
from data_integration_architect.lab.packages import LabError
from data_integration_architect.lab.played import NotReplayable, Played, Ports
from data_integration_architect.lab.played_steps import LABEL, World
from data_integration_architect.lab.sql import Sql
from data_integration_architect.lab.stack import Stack
from data_integration_architect.lab.workload import Written, append_to_outbox, events_of
from data_integration_architect.modelcheck.verdict import Verdict
from data_integration_architect.topology import Topology, load_topology, normalize


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
    world = World(Played(topology, verdict, ports, re.sub(r"[^a-z0-9]+", "_", name.lower())))
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
            seen = [world.look(change.what, change.after) for change in step.changes]
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
        rule = world.transactions.broken_rule()
        if rule is not None:
            result.seen += 1
            if rule[0] != rule[1]:
                result.differing.append(f"the rule's table holds {rule[0]}, the run says {rule[1]}")
    finally:
        world.close()
    return result


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
    # What an earlier replay made is still there.
    begun = f"{time.time_ns() // 1_000_000:x}"
    for number, verdict in enumerate(runs_of(topology)):
        yield verdict, replay(topology, verdict, ports, f"{begun}_{number}")


def schedule_of(verdict: Verdict, store: str) -> list[str]:
    """States in the order in which the run writes them to the system of record: the part that a design keeps."""
    states = []
    for step in verdict.trace:
        found = re.fullmatch(rf"(?:commit: )?(?:write|increment) {LABEL}.*", step.text)
        if found and step.target == store and not step.is_fault:
            states.append(found["state"])
    return states


def play_on_design(stack: Stack, table: dict[str, Any], states: list[str], key: str) -> None:
    """Writes the states, in their order, to the system of record of the running design, with the outbox rows that go
    with them.
    """
    server = stack.server_of(table["store"])
    sql = Sql(server.engine, server.port, table["store"])
    try:
        row = dict.fromkeys(table["key"], key)
        announced = events_of(stack.plan, table)
        for state in states:
            if "deletion" in state:
                sql.delete(table["name"], row)
            else:
                sql.upsert(table["name"], table["key"], {**row, "body": state, "revision": 1}, ["revision"])
            for event in announced:
                append_to_outbox(sql, event, Written(row, sql.row(table["name"], row)), str(uuid.uuid4()))
            sql.commit()
    finally:
        sql.close()

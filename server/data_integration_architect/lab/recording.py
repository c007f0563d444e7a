"""Records what the engines do with one row of a running design, and asks whether the model of the design admits it."""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from data_integration_architect.artifacts.consumers.change import read_change
from data_integration_architect.artifacts.consumers.target_search import document_id
from data_integration_architect.lab.compare import waiting_records
from data_integration_architect.lab.engines import get_json
from data_integration_architect.lab.faults import Fault, broken
from data_integration_architect.lab.packages import LabError
from data_integration_architect.lab.process import Program, wait_until
from data_integration_architect.lab.schemas import design_topology
from data_integration_architect.lab.sql import Sql
from data_integration_architect.lab.stack import Stack
from data_integration_architect.modelcheck.accept import Acceptance, Observed, accepts, handing, visible_places
from data_integration_architect.modelcheck.cases import Case, Question, build_case, questions
from data_integration_architect.modelcheck.facts import Assumptions
from data_integration_architect.modelcheck.ir import Model, Var
from data_integration_architect.modelcheck.world import Bounds
from data_integration_architect.topology import Topology

WRITES = 3
LOOK_SECONDS = 0.02
ARRIVE_SECONDS = 60.0
BROKEN_SECONDS = 0.3
LOOK_AFTER_SECONDS = 1.0
# Connect writes down each second how far it is; what it has written down it does not send again.
CONNECT_KEEPS_SECONDS = 3.0
NEVER = 1 << 62
KEYS = "recorded-"
# The model's name of the count of what the system of record took.
COMMITS = "commits"


@dataclass
class Recording:
    """The events of one row of one derived store, with what was done to the design meanwhile."""

    name: str
    question: Question
    fault: str
    faults: int
    events: list[Observed] = field(default_factory=list)
    acceptance: Acceptance | None = None

    @property
    def is_accepted(self) -> bool:
        return self.acceptance is not None and self.acceptance.outcome == "accepted"

    @property
    def is_rejected(self) -> bool:
        return self.acceptance is not None and self.acceptance.outcome == "rejected"

    @property
    def summary(self) -> str:
        found = self.acceptance
        how = f"{found.outcome} by the model of the design" if found else "not asked"
        at = f" after {found.explained} of {found.events} events" if found and found.outcome != "accepted" else ""
        return f"{self.name}, {self.fault}: {len(self.events)} events, {how}{at}"

    def to_data(self) -> dict[str, Any]:
        found = self.acceptance
        return {
            "name": self.name,
            "fault": self.fault,
            "summary": self.summary,
            "is_accepted": self.is_accepted,
            "outcome": found.outcome if found else "not asked",
            "events": [f"{e.kind} {e.place}: {e.record}" for e in sorted(self.events, key=lambda e: e.begun)],
            "explained": found.explained if found else 0,
            "next": [f"{e.kind} {e.place}: {e.record}" for e in found.next_events] if found else [],
        }


def question_of(stack: Stack, topology: Topology, comparison: dict[str, Any]) -> Question | None:
    """The checker's question about the store and entity of a comparison; None where there is none."""
    table = next(
        t for t in stack.plan["tables"] if (t["store"], t["name"]) == (comparison["source"], comparison["table"])
    )
    store = stack.plan["stores"][comparison["target"]]["store"]
    for question in questions(topology):
        if (question.property, question.target, (question.entity or "").split(".")[0]) == (
            "convergence", store, table["entity"],
        ):  # fmt: skip
            return question
    return None


def cases_of(topology: Topology, question: Question, faults: int) -> Iterator[Case]:
    """The models that a recording may follow: one for each way in which unsaid facts may be, several at most."""
    bounds = Bounds(writes=WRITES, retries=0, faults=faults)

    def case(assumptions: Assumptions) -> Case:
        return build_case(topology, question, bounds, assumptions)

    first = case(Assumptions("unsafe"))
    yield first
    unsaid = [use for use in first.options.used if use.known is None and use.safe != use.unsafe]
    if unsaid:
        yield case(Assumptions("safe"))
    if len(unsaid) > 1:
        for use in unsaid:
            yield case(Assumptions("unsafe", {use.path: "safe"}))
            yield case(Assumptions("safe", {use.path: "unsafe"}))


def judge(recording: Recording, cases: Iterable[Case]) -> Acceptance:
    """The first model that admits the recording, else the one that explains most of it."""
    best: Acceptance | None = None
    for case in cases:
        found = accepts(case.model, case.words, recording.events, faults=recording.faults, workload=case.model.workload)
        if found.outcome == "accepted":
            return found
        if best is None or (found.outcome == "unknown", found.explained) > (best.outcome == "unknown", best.explained):
            best = found
    if best is None:
        raise LabError(f"{recording.name}: there is no model to ask")
    return best


def record(stack: Stack, comparison: dict[str, Any], faults: Sequence[Fault | None]) -> list[Recording]:
    """For each fault: writes one row several times, with the fault in between, and notes what came of it; judged by
    the design's model. None at all where that model has nothing to say of this store. Raises: LabError.
    """
    topology = design_topology(stack.design)
    question = question_of(stack, topology, comparison)
    if question is None or f"consumers/{comparison['name']}.json" not in stack.plan["consumers"]:
        return []
    case = next(cases_of(topology, question, 1))
    places = visible_places(case.model)
    changes = [label for label in places if label.startswith("changes of ")]
    channels = [label for label in places if label not in changes]
    # A consumer that takes and writes in several steps has no single event that is the handing on.
    if len(changes) != 1 or len(channels) != 1 or f"{channels[0]} -> {question.target}" not in handing(case.model):
        return []
    notes = Path(stack.consumers[comparison["name"]].folder) / "notes.jsonl"
    found = []
    with _watched(stack, comparison["name"], notes):
        for number, fault in enumerate(faults):
            key = f"{KEYS}{time.time_ns():x}-{number}"
            recorder = _Recorder(stack, comparison, case, key, notes, changes[0], channels[0])
            what = str(fault) if fault else "no fault"
            one = Recording(comparison["name"], question, what, 1 if fault else 0, recorder.run(fault))
            one.acceptance = judge(one, cases_of(topology, question, one.faults))
            found.append(one)
    return found


def script_of(case: Case, deletes: str) -> list[str]:
    """What is written to the row, in the model's words: a deletion is the second of three where the table has
    deletions and the model has them too; else as many writes as the model has.
    """
    writes = case.model.workload
    states = [case.words.record(number) for number in range(1, writes + 1)]
    deletion = case.words.record(2 + writes + _starts_filled(case.model, COMMITS))
    if deletes == "hard" and writes > 2 and "deletion" in deletion:
        states[1] = deletion
    return states


def since_the_beginning(events: Sequence[Observed], model: Model, store: str, first: str) -> list[Observed]:
    """The events after the moment at which the model begins. Where it begins with a copy of the first state, its log
    begins after the record of that; what the record does to the store when it comes again is still seen.
    """
    if not _starts_filled(model, store):
        return list(events)
    return [event for event in events if event.kind == "see" or event.record != first]


class _Recorder:
    def __init__(
        self, stack: Stack, comparison: dict[str, Any], case: Case, key: str, notes: Path, changes: str, channel: str
    ) -> None:
        self.stack, self.comparison, self.case, self.key, self.notes = stack, comparison, case, key, notes
        self.changes, self.channel = changes, channel
        self.table = next(
            t for t in stack.plan["tables"] if (t["store"], t["name"]) == (comparison["source"], comparison["table"])
        )
        self.settings = json.loads((stack.design / "consumers" / f"{comparison['name']}.json").read_text("utf-8"))
        self.store = stack.plan["stores"][comparison["target"]]["store"]
        self.events: list[Observed] = []
        # Fewer than asked for where handlers write each record once.
        self.writes = case.model.workload
        self.looked_after = time.monotonic()

    def run(self, fault: Fault | None) -> list[Observed]:
        server = self.stack.server_of(self.comparison["source"])
        source = Sql(server.engine, server.port, self.comparison["source"])
        states = script_of(self.case, self.table["deletes"])
        script = list(states)
        try:
            if _starts_filled(self.case.model, COMMITS):
                states.insert(0, self.case.words.record(self.writes + 1))
                self._write(source, states[0])
                self._wait_for(states[0])
                if fault is not None and fault.target == "connect":
                    time.sleep(CONNECT_KEEPS_SECONDS)
            with self._looking():
                for number, state in enumerate(script):
                    handed = len(self._lines())
                    self._commit(source, state)
                    if fault is not None and min(fault.step, len(script) - 1) == number:
                        self._ripen(fault, state, handed)
                        with broken(self.stack, fault, 1):
                            time.sleep(BROKEN_SECONDS)
                self._wait_for(states[-1])
        finally:
            source.close()
        versions = self._appended(states)
        self._handed(versions)
        return _without_repetition(since_the_beginning(self.events, self.case.model, self.store, states[0]))

    def _ripen(self, fault: Fault, state: str, handed: int) -> None:
        """Waits for the moment in which the fault tells most: a killed consumer has a record in its hands, and what
        comes again is older than what is stored."""
        if fault.kind == "duplicate":
            self._wait_for(state)
        elif fault.target == self.comparison["name"]:
            wait_until(lambda: self._is_handed(handed), ARRIVE_SECONDS, f"{state} at {fault.target}", 0.005)

    def _is_handed(self, before: int) -> bool:
        """Whether the consumer has taken more than before. What gave up meanwhile is started anew, as it is elsewhere:
        a connector that failed would hand on nothing for as long as one waits."""
        if len(self._lines()) > before:
            return True
        if time.monotonic() > self.looked_after + LOOK_AFTER_SECONDS:
            self.stack.restart_failed()
            self.looked_after = time.monotonic()
        return False

    def _lines(self) -> list[dict[str, Any]]:
        """What the watched consumer has noted of this row."""
        if not self.notes.exists():
            return []
        lines = (json.loads(line) for line in self.notes.read_text(encoding="utf-8").splitlines())
        return [line for line in lines if line["key"] == self.key]

    def _write(self, source: Sql, state: str) -> None:
        row = dict.fromkeys(self.table["key"], self.key)
        if "deletion" in state:
            source.delete(self.table["name"], row)
        else:
            source.upsert(self.table["name"], self.table["key"], {**row, "body": state, "revision": 1}, ["revision"])
        source.commit()

    def _commit(self, source: Sql, state: str) -> None:
        begun = time.monotonic_ns()
        self._write(source, state)
        self.events.append(Observed("append", self.changes, state, begun, time.monotonic_ns()))

    @contextmanager
    def _looking(self) -> Iterator[None]:
        """Looks at the derived store all the time and notes each state that is not the one before."""
        ending = threading.Event()
        thread = threading.Thread(target=self._look, args=(ending,), daemon=True)
        thread.start()
        try:
            yield
        finally:
            ending.set()
            thread.join(60)

    def _look(self, ending: threading.Event) -> None:
        while True:
            is_last = ending.is_set()
            begun = time.monotonic_ns()
            try:
                state = self._stored()
            except Exception:  # a store that a fault stopped does not answer yet
                state = None
            ended = time.monotonic_ns()
            if state is not None:
                self.events.append(Observed("see", self.store, state, begun, ended))
            if is_last:
                return
            time.sleep(LOOK_SECONDS)

    def _stored(self) -> str:
        """The state that the derived store has of the row. Raises: errors of its client."""
        server, place = self.stack.server_of(self.comparison["target"]), self.comparison["place"]
        row: dict[str, Any] | None = None
        if self.comparison["kind"] == "search":
            try:
                row = get_json(server.port, f"/{place}/_doc/{document_id(self.key)}", seconds=10)["_source"]["row"]
            except RuntimeError as error:
                if ": 404 " not in str(error):
                    raise
        elif self.comparison["kind"] == "redis":
            import redis

            with redis.Redis(port=server.port, decode_responses=True, socket_timeout=10) as client:
                row = json.loads(str(client.hget(place + self.key, "row") or "null"))
        else:
            sql = Sql(server.engine, server.port, self.comparison["target"])
            try:
                found = sql.execute(
                    f"SELECT row_data FROM {sql.name(place)} WHERE row_key = %s AND NOT deleted", (self.key,)
                )
            finally:
                sql.close()
            row = json.loads(found[0][0]) if found else None
        return "nothing" if row is None else str(row["body"])

    def _wait_for(self, state: str) -> None:
        wanted = "nothing" if "deletion" in state else state

        def is_there() -> bool:
            self.stack.restart_failed()
            try:
                return self._stored() == wanted and waiting_records(self.stack) == 0
            except Exception:  # a store that a fault stopped does not answer yet
                return False

        wait_until(is_there, ARRIVE_SECONDS, f"{state} in {self.store}")

    def _appended(self, states: Sequence[str]) -> dict[int, str]:
        """Notes the records of the row in its topic, in their order; version → state."""
        from confluent_kafka import Consumer, TopicPartition

        reader = Consumer(
            {"bootstrap.servers": self.stack.servers_address, "group.id": "lab-recording", "log_level": 0,
             "enable.auto.commit": False}
        )  # fmt: skip
        versions: dict[int, str] = {}
        try:
            topic = self.settings["topic"]
            for partition in reader.list_topics(topic, timeout=10).topics[topic].partitions:
                place = TopicPartition(topic, partition)
                low, high = reader.get_watermark_offsets(place, timeout=10, cached=False)
                reader.assign([TopicPartition(topic, partition, low)])
                left = high - low
                while left > 0:
                    records = reader.consume(min(left, 500), 10.0)
                    if not records:
                        raise LabError(f"{topic}: the broker does not give its records")
                    left -= len(records)
                    for found in records:
                        headers: dict[str, Any] = dict(found.headers() or [])
                        change = read_change(found.key(), found.value(), headers, self.settings["version_from"])
                        if change is None or change.key != self.key:
                            continue
                        if change.version not in versions:
                            versions[change.version] = states[min(len(versions), len(states) - 1)]
                        # When it was appended is not known, only that it is there now; the log has the order.
                        order = len([e for e in self.events if e.place == self.channel])
                        self.events.append(
                            Observed("append", self.channel, versions[change.version], order - NEVER, NEVER)
                        )
        finally:
            reader.close()
        return versions

    def _handed(self, versions: dict[int, str]) -> None:
        """Notes each record that the consumer handed to the store; one without an end may not have arrived."""
        lines = self._lines()
        place = f"{self.channel} -> {self.store}"
        for line, following in zip(lines, [*lines[1:], {}], strict=True):
            if "begun" in line:
                ended = following.get("ended")
                self.events.append(
                    Observed("hand", place, versions[line["version"]], line["begun"], ended or NEVER, ended is not None)
                )


def _without_repetition(events: Sequence[Observed]) -> list[Observed]:
    """Leaves out a look that saw what another one saw between the same events."""
    kept: list[Observed] = []
    known: set[tuple[str, int, int]] = set()
    timed = [event for event in events if event.kind != "see" and event.begun >= 0]
    for event in events:
        before = sum(other.ended < event.begun for other in timed)
        after = sum(other.begun > event.ended for other in timed)
        if event.kind == "see" and (event.record, before, after) in known:
            continue
        if event.kind == "see":
            known.add((event.record, before, after))
        kept.append(event)
    return kept


def _starts_filled(model: Model, place: str) -> bool:
    """Whether a store of this label, or the system of record, holds the row before the first write of the model."""
    cells = [d for d in model.declarations if isinstance(d, Var) and place in (d.name, model.labels.get(d.name))]
    return any(cell.initial > 0 for cell in cells)


@contextmanager
def _watched(stack: Stack, name: str, notes: Path) -> Iterator[None]:
    """The consumer of this name replaced by one that writes down what it handles."""
    plain = stack.consumers[name]
    script = str(Path(__file__).with_name("watched.py"))
    settings = f"consumers/{name}.json"
    watched: Program = replace(
        plain, command=[sys.executable, script, settings, str(notes)],
        environment={**plain.environment, "WATCHED_KEYS": KEYS}, process_id=None, started=None,
    )  # fmt: skip
    plain.stop()
    stack.consumers[name] = watched
    watched.start()
    stack.save()
    try:
        yield
    finally:
        watched.stop()
        stack.consumers[name] = plain
        plain.start()
        stack.save()

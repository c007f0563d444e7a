"""Manners of the lab that need no engine: whose processes it ends, and what it says when something is missing."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from random import Random
from shutil import which
from types import SimpleNamespace
from typing import Any

import pytest

from data_integration_architect.files import parse_text
from data_integration_architect.given import Given
from data_integration_architect.lab import engines, packages
from data_integration_architect.lab.compare import waiting_records
from data_integration_architect.lab.faults import read_schedule, sweep_of
from data_integration_architect.lab.guard import end_all, processes_of
from data_integration_architect.lab.load import Load
from data_integration_architect.lab.packages import LabError, fetch
from data_integration_architect.lab.process import Program, free_port, guarded, is_listening, wait_until
from data_integration_architect.lab.recording import Recording, cases_of, judge, script_of, since_the_beginning
from data_integration_architect.lab.sql import Column, Sql
from data_integration_architect.lab.stack import Stack, new_stack, running_stack
from data_integration_architect.lab.transfers import Transfers
from data_integration_architect.lab.workload import Workload
from data_integration_architect.modelcheck import questions
from data_integration_architect.modelcheck.accept import Observed
from data_integration_architect.topology import load_topology, normalize
from data_integration_architect.use_cases import generate_design
from support import ROOT

SLEEPS = [sys.executable, "-c", "import time; time.sleep(60)"]


def program(folder: Path, name: str) -> Program:
    (folder / name).mkdir(parents=True)
    return Program(name, SLEEPS, str(folder / name))


def test_only_what_a_lab_started_is_ended(tmp_path: Path) -> None:
    mine, other = program(tmp_path / "lab-1", "one"), program(tmp_path / "lab-12", "two")
    stranger = subprocess.Popen(SLEEPS, cwd=tmp_path)
    try:
        mine.start()
        other.start()
        assert processes_of(tmp_path / "lab-1") == [mine.process_id]
        assert end_all(tmp_path / "lab-1") == [] and not (tmp_path / "lab-1").exists()
        assert not mine.is_running and other.is_running and stranger.poll() is None
    finally:
        other.kill()
        stranger.kill()
        stranger.wait()


def test_two_labs_are_not_given_the_same_port(monkeypatch: pytest.MonkeyPatch) -> None:
    first = free_port()
    offered = iter([first, first + 1, first + 2, first + 3])
    monkeypatch.setattr("data_integration_architect.lab.process.secrets.choice", lambda ports: next(offered))
    assert free_port() > first


def test_a_guard_ends_everything_unless_it_was_taken_away(tmp_path: Path) -> None:
    kept, gone = program(tmp_path / "kept", "one"), program(tmp_path / "gone", "two")
    with guarded(tmp_path / "kept") as release:
        kept.start()
        release()
    assert kept.is_running
    kept.kill()
    with guarded(tmp_path / "gone"):
        gone.start()
    assert not gone.is_running and not (tmp_path / "gone").exists()


def test_a_guard_outlives_a_killed_command(tmp_path: Path) -> None:
    (tmp_path / "lab").mkdir()
    code = (
        "import os, signal, sys; from pathlib import Path\n"
        "from data_integration_architect.lab.process import Program, free_port, guarded, is_listening, wait_until\n"
        f"with guarded(Path({str(tmp_path / 'lab')!r})):\n"
        f"    Program('one', {SLEEPS!r}, {str(tmp_path / 'lab')!r}).start()\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    subprocess.run([sys.executable, "-c", code], check=False, env=environment, timeout=30)
    deadline = time.monotonic() + 20
    while processes_of(tmp_path / "lab") or (tmp_path / "lab").exists():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_all_that_is_missing_is_named_with_its_packages(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(packages, "_located", lambda name: None)
    monkeypatch.setattr(packages, "_can_install", lambda: False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with pytest.raises(LabError) as refusal:
        fetch(["kafka", "mariadb", "postgresql", "redis"], ["postgres"], print)
    said = str(refusal.value)
    assert "java, mariadbd, mariadb-install-db, mariadb, initdb, postgres, psql, redis-server, mvn" in said
    wanted = "default-jre-headless mariadb-server mariadb-client postgresql redis-server maven"
    assert f"sudo apt-get install {wanted};" in said


def test_a_delivered_consumer_that_is_fenced_ends(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """After a fatal error a client gives nothing any more, and standing still would look like a long lag."""
    from confluent_kafka import KafkaError, KafkaException

    from data_integration_architect.artifacts.consumers import consume

    class Fenced:
        tries = 0

        def __init__(self, options: dict[str, Any]) -> None:
            return

        def subscribe(self, topics: list[str]) -> None:
            return

        def consume(self, count: int, seconds: float) -> list[Any]:
            Fenced.tries += 1
            assert Fenced.tries < 10, "it stands still"
            # As the real client delivers it: the code among the records, without the mark.
            return [SimpleNamespace(error=lambda: KafkaError(KafkaError._FATAL, "fenced"))]

        def close(self) -> None:
            closed.append(True)

    closed: list[bool] = []
    target = {"class": "target_redis.RedisTarget", "prefix": "p:", "tombstone_ms": 1, "expiry_ms": 0, "url_from": "URL"}
    settings = {"target": target, "group": "g", "topic": "t", "version_from": "lsn", "dead_letter": None, "attempts": 1}
    (tmp_path / "settings.json").write_text(json.dumps(settings), encoding="utf-8")
    monkeypatch.setenv("URL", "redis://127.0.0.1:1")
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", "127.0.0.1:1")
    monkeypatch.setattr(consume, "Consumer", Fenced)
    monkeypatch.setattr(consume, "_Running", lambda: True)
    with pytest.raises(KafkaException, match="fenced"):
        consume.main(str(tmp_path / "settings.json"))
    assert closed == [True]


def test_a_fault_that_cannot_hit_its_target_is_refused(tmp_path: Path) -> None:
    server = SimpleNamespace(relay=None, program=None)
    stack: Any = SimpleNamespace(consumers={"sink": None}, servers={"kafka": server}, programs={"kafka": 1, "sink": 2})
    assert [str(fault) for fault in sweep_of(stack, ("lag", "kill"), (3,), ("kafka",))] == ["kill kafka at 3"]
    with pytest.raises(LabError, match="lag kafka: no such target; there are sink"):
        sweep_of(stack, ("lag",), (3,), ("kafka",))
    (tmp_path / "none.json").write_text("[]", encoding="utf-8")
    with pytest.raises(LabError, match="no fault in it"):
        read_schedule(tmp_path / "none.json")


@pytest.mark.skipif(which("redis-server") is None, reason="needs redis-server")
def test_redis_keeps_the_mark_of_its_lab(tmp_path: Path) -> None:
    (tmp_path / "lab").mkdir()
    port = free_port()
    server = engines.redis(tmp_path / "lab", "cache", port)
    server.start()
    try:
        wait_until(lambda: is_listening(port), 30, "redis")
        assert processes_of(tmp_path / "lab") == [server.process_id]
    finally:
        server.kill()


def test_a_folder_may_be_named_from_where_one_stands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its programs run elsewhere: a path that depends on the place would name nothing there."""
    plan = {"stores": {"shop": {}}, "topics": None, "connectors": [], "consumers": [], "compare": [], "operations": []}
    (tmp_path / "design").mkdir()
    (tmp_path / "design" / "lab.json").write_text(json.dumps(plan), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    stack = new_stack(Path("design"))
    stack.save()
    assert stack.design == tmp_path / "design" == running_stack(Path("design")).design
    stack.base.rmdir()


def test_requests_of_an_interrupted_load_come_again_and_are_not_missed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[tuple[str, int, int]] = []
    broken = [True]

    def send(transfers: Transfers, seed: str, start: int, count: int) -> None:
        if broken:
            broken.pop()
            raise KeyboardInterrupt
        sent.append((seed, start, count))

    monkeypatch.setattr(Transfers, "send", send)
    monkeypatch.setattr(Transfers, "open_accounts", lambda transfers: None)
    plan = {"stores": {}, "topics": None, "connectors": [], "consumers": [], "compare": [], "operations": [],
            "transfers": [{"name": "transfer"}]}  # fmt: skip
    (tmp_path / "lab.json").write_text(json.dumps(plan), encoding="utf-8")
    stack = Stack(tmp_path, plan, tmp_path)
    with pytest.raises(KeyboardInterrupt):
        Load(stack, 1).run(5)
    stack.save()
    again = running_stack(tmp_path)
    Load(again, 1).run(3)
    assert sent == [("1", 0, 8)] and not again.unanswered, "those that nobody confirmed, and the new ones"
    Load(again, 1).run(2)
    assert sent[1:] == [("1", 8, 2)]


def test_a_design_without_a_log_waits_for_nothing(tmp_path: Path) -> None:
    """It has no `kafka/topics.json`."""
    plan = {"stores": {}, "topics": None, "connectors": [], "consumers": [], "compare": [], "operations": [],
            "transfers": []}  # fmt: skip
    assert waiting_records(Stack(tmp_path, plan, tmp_path)) == 0


@pytest.mark.parametrize(
    ("example", "second"), [("online-retailer", "deletion 2"), ("catalog-search-dual-write", "write 2")]
)
def test_a_recording_deletes_only_where_its_model_does(example: str, second: str) -> None:
    """Where nobody said whether rows are deleted, the model has no deletion that a recording could show."""
    text = (ROOT / "examples" / f"{example}.yaml").read_text(encoding="utf-8")
    made = generate_design(Given(text, "t.yaml")).topology
    topology = normalize(load_topology(parse_text(made, "t.yaml"))).topology
    asked = next(q for q in questions(topology) if q.property == "convergence" and q.entity in {"product", "movie"})
    case = next(cases_of(topology, asked, 0))
    assert script_of(case, "hard") == [f"{asked.entity} {word}" for word in ("write 1", second, "write 3")]


@pytest.mark.parametrize("lost", [None, 2, 3])
def test_a_recording_begins_where_its_model_does(lost: int | None) -> None:
    """The index holds the article before the first write, so the log begins after the record of that state. A record
    that was never handed on is still missed."""
    example = (ROOT / "examples" / "unchanged-large-column.yaml").read_text(encoding="utf-8")
    topology = normalize(load_topology(parse_text(example, "t.yaml"))).topology
    asked = next(q for q in questions(topology) if q.property == "convergence" and q.target == "elasticsearch")
    first, states = "article as it was before", [f"article write {n}" for n in (1, 2, 3)]
    happened = [("append", "kafka", first), ("hand", "kafka -> elasticsearch", first)]
    for number, state in enumerate(states, start=1):
        happened += [("append", "changes of postgres", state), ("append", "kafka", state)]
        happened += [("hand", "kafka -> elasticsearch", state)] * (number != lost)
        happened += [("see", "elasticsearch", state)] * (number != lost)
    events = [Observed(kind, place, record, n, n) for n, (kind, place, record) in enumerate(happened)]  # type: ignore[arg-type]
    model = next(cases_of(topology, asked, 0)).model
    recording = Recording("index", asked, "no fault", 0, since_the_beginning(events, model, "elasticsearch", first))
    assert len(events) - len(recording.events) == 2
    outcome = judge(recording, cases_of(topology, asked, 0)).outcome
    assert outcome == ("accepted" if lost is None else "rejected")
    whole = Recording("index", asked, "no fault", 0, events)
    assert judge(whole, cases_of(topology, asked, 0)).outcome == "rejected"


class InMemory(Sql):
    """A database that needs no server; it has no locks and other marks for values."""

    def __init__(self) -> None:
        super().__init__("postgresql", 0, "shop")
        self.connection = sqlite3.connect(":memory:", factory=_Plain)

    def columns(self, table: str) -> list[Column]:
        return [Column(row[1], str(row[2]).lower()) for row in self.execute(f"PRAGMA table_info({table})")]

    def close(self) -> None:
        raise AssertionError("a transaction failed") from sys.exception()


class _Plain(sqlite3.Connection):
    def cursor(self, *_: object) -> _PlainCursor:  # type: ignore[override]
        return _PlainCursor(self)


class _PlainCursor(sqlite3.Cursor):
    def execute(self, statement: str, values: Any = ()) -> _PlainCursor:
        return super().execute(statement.replace("%s", "?").removesuffix(" FOR UPDATE"), values or ())


def test_an_outbox_row_has_what_the_transaction_made_of_the_row(tmp_path: Path) -> None:
    """Not what was given to it: an update grows the revision and may leave the large column alone."""
    plan = {
        "tables": [{"store": "shop", "entity": "item", "name": "item", "key": ["id"], "deletes": "hard"}],
        "operations": [
            {"store": "shop", "writes": [{"table": "item", "mode": mode}],
             "outbox": [{"table": "outbox", "topic": "items", "of": of}]}
            for mode, of in (("replace", "item"), ("delete", None), ("increment", "item"))
        ],
    }  # fmt: skip
    connection = InMemory()
    connection.execute("CREATE TABLE item (id text PRIMARY KEY, title text, revision bigint, amount bigint, body text)")
    connection.execute(
        "CREATE TABLE outbox (sequence integer PRIMARY KEY, event_id text UNIQUE, topic, message_key, change, payload)"
    )
    workload = Workload(Stack(tmp_path, plan, tmp_path), seed=1)
    for position in range(300):
        workload._transaction(0, position, Random(position), {"shop": connection})
    assert workload.counts.committed > 200 and workload.counts.failed == 0
    copy: dict[str, Any] = {}
    changes = set()
    for key, change, payload in connection.execute("SELECT message_key, change, payload FROM outbox ORDER BY sequence"):
        changes.add(change)
        if change == "delete":
            del copy[key]
        else:
            copy[key] = json.loads(payload)
    names = ("id", "title", "revision", "amount", "body")
    rows = [dict(zip(names, row, strict=True)) for row in connection.execute(f"SELECT {', '.join(names)} FROM item")]
    assert copy == {row["id"]: row for row in rows} and changes == {"upsert", "delete"}
    assert max(row["revision"] for row in rows) > 1, "without updates any payload would do"

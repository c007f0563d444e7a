"""What the tests on real engines share: design folders, one server of each kind, counted fault runs."""

from __future__ import annotations

import copy
import os
import re
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from data_integration_architect.artifacts.build import build_folder
from data_integration_architect.artifacts.files import write_folder
from data_integration_architect.given import Given
from data_integration_architect.lab import engines as makers
from data_integration_architect.lab.faults import Fault, run_sweep
from data_integration_architect.lab.guard import end_all
from data_integration_architect.lab.load import settle
from data_integration_architect.lab.process import free_port, guarded
from data_integration_architect.lab.recording import Recording, cases_of, judge, record
from data_integration_architect.lab.sql import Sql
from data_integration_architect.lab.stack import Server, Stack
from data_integration_architect.modelcheck.ir import Action, Model
from data_integration_architect.topology import load_document, normalize
from data_integration_architect.use_cases import generate_design
from support import ROOT, read_yaml

EXAMPLES = sorted(p for p in (ROOT / "examples").glob("*.yaml") if ".evidence." not in p.name)


# Where `make stack-test` wants to read how many runs there were.
RECORD = Path(os.environ.get("STACK_TEST_RECORD", os.devnull))


def note(line: str) -> None:
    with RECORD.open("a", encoding="utf-8") as file:
        file.write(f"{line}\n")


def every(targets: list[str], kind: str, steps: range | list[int]) -> list[Fault]:
    return [Fault(kind, target, step) for target in targets for step in steps]


def assert_equal(stack: Stack, seconds: float = 60) -> None:
    results = settle(stack, seconds)
    assert all(r.is_equal for r in results), [r.to_data() for r in results if not r.is_equal]


def source(stack: Stack, store: str) -> Sql:
    server = stack.server_of(store)
    return Sql(server.engine, server.port, store)


def design_folder(example: str, folder: Path, changed: Sequence[tuple[str, str]] = ()) -> Path:
    """A design folder of an example, some words of which may be changed before."""
    text = (ROOT / "examples" / f"{example}.yaml").read_text(encoding="utf-8")
    for before, after in changed:
        text = text.replace(before, after)
    given = Given(text, f"{example}.yaml")
    write_folder(folder / "design", build_folder(generate_design(given), given))
    return folder / "design"


@dataclass
class Engines:
    """Servers by engine, without relays."""

    base: Path
    servers: dict[str, Server]

    def port(self, engine: str) -> int:
        return self.servers[engine].port


@contextmanager
def fresh_engines() -> Iterator[Engines]:
    base = Path(tempfile.mkdtemp(prefix="lab-"))
    base.chmod(0o755)
    found = Engines(base, {})
    with guarded(base), _ended(found):
        for engine, make in (("postgresql", makers.postgresql), ("mariadb", makers.mariadb), ("redis", makers.redis)):
            port = free_port()
            found.servers[engine] = Server(engine, engine, port, port, make(base, engine, port))
        port = free_port()
        found.servers["opensearch"] = Server(
            "opensearch", "opensearch", port, port, makers.opensearch(base, "opensearch", port, free_port())
        )
        port = free_port()
        broker = makers.kafka(base, "kafka", port, free_port(), port)
        found.servers["kafka"] = Server("kafka", "kafka", port, port, broker)
        port = free_port()
        plugins = ["postgres", "mysql", "mariadb", "mongodb", "sqlserver", "oracle"]
        worker = makers.connect(base, "connect", port, f"127.0.0.1:{found.port('kafka')}", plugins, {})
        found.servers["connect"] = Server("connect", "connect", port, port, worker)
        for server in found.servers.values():
            server.program.start()
        for server in found.servers.values():
            server.start()
        yield found


@contextmanager
def _ended(engines: Engines) -> Iterator[None]:
    try:
        yield
    finally:
        for server in engines.servers.values():
            server.program.kill()
        assert not end_all(engines.base)


def recorded(stack: Stack, wanted: Sequence[tuple[str, str, str]]) -> list[Recording]:
    """One recording for each comparison, kind of fault and its target; no kind means no fault."""
    found: list[Recording] = []
    for comparison in stack.plan["compare"]:
        faults = [
            Fault(kind, target, 1) if kind else None for name, kind, target in wanted if name == comparison["name"]
        ]
        found += record(stack, comparison, faults)
    assert len(found) == len(wanted)
    return found


def assert_accepted(recordings: Sequence[Recording]) -> None:
    rejected = [one.to_data() for one in recordings if not one.is_accepted]
    note(f"{len(recordings)} recorded runs, {len(recordings) - len(rejected)} accepted by the model")
    assert not rejected, rejected
    for one in recordings:
        commits = sum(event.place.startswith("changes of ") for event in one.events)
        assert commits and len(one.events) > 4 * commits, "a recording of next to nothing is always accepted"


Edit = Callable[[dict[str, Any]], None]


def _sink_steps(data: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for process in data["processes"].values():
        for handler in process["handlers"].values():
            if "consume" in handler.get("trigger", {}):
                yield from handler["steps"]


def without_guard(data: dict[str, Any]) -> None:
    for step in _sink_steps(data):
        step["guard"] = "none"
        step.pop("guard_keeps_deletes", None)


def without_deletions(data: dict[str, Any]) -> None:
    for process in data["processes"].values():
        for handler in process["handlers"].values():
            if "changes" in handler.get("trigger", {}):
                handler["trigger"]["sees_deletes"] = False


def without_repetition(model: Model) -> Model:
    """Nothing ever comes twice."""
    return replace(model, actions=tuple(a for a in model.actions if a.kind != "fault"))


def older_replaces_newer(model: Model) -> Model:
    """The guard compares the wrong way round."""

    def turned(action: Action) -> Action:
        guard = re.sub(r" > (store\d+_guard)", r" < \1", action.guard)
        return replace(action, guard=re.sub(r" <= (store\d+_guard)", r" >= \1", guard))

    found = replace(model, actions=tuple(turned(action) for action in model.actions))
    assert found != model
    return found


def is_rejected(stack: Stack, recording: Recording, wrong: Edit | Callable[[Model], Model]) -> bool:
    """Whether a model with one wrong meaning rejects a recording; a wrong topology where it is an edit of that."""
    data = copy.deepcopy(read_yaml(stack.design / "topology.yaml"))
    is_edit = wrong in (without_guard, without_deletions)
    if is_edit:
        wrong(data)
    cases = cases_of(normalize(load_document(data, "wrong")).topology, recording.question, recording.faults)
    if not is_edit:
        cases = (replace(case, model=wrong(case.model)) for case in cases)
    return judge(recording, cases).outcome == "rejected"


def swept(faults: Sequence[Fault]) -> Sequence[Fault]:
    """All faults, every second one, or one of each kind on each target, the steps of which take turns."""
    sweep = os.environ.get("STACK_TEST_SWEEP", "each")
    if sweep != "each":
        return faults[:: {"whole": 1, "half": 2}[sweep]]
    found: dict[tuple[str, str], list[Fault]] = {}
    for fault in faults:
        found.setdefault((fault.kind, fault.target), []).append(fault)
    return [steps[place % len(steps)] for place, steps in enumerate(found.values())]


def assert_clean(stack: Stack, faults: Sequence[Fault], seed: int) -> None:
    """Runs the faults of the sweep that is wanted, and fails at the first difference."""
    faults = swept(faults)
    runs = list(run_sweep(stack, faults, seed, transactions=20, progress=print))
    dirty = [run.to_data() for run in runs if not run.is_clean]
    note(f"{stack.design.parent.name}: {len(runs)} fault runs, {len(runs) - len(dirty)} clean")
    assert not dirty, dirty
    assert len(runs) == len(faults)
    assert sum(run.committed for run in runs) > len(runs), "a load that commits nothing shows nothing"

"""Times the checker on small systems and on one of 20 stores and 60 flows, and, where Spin is installed, against Spin.

Run with the package on the path: `python benchmarks/modelcheck_systems.py`. Times are for one run on one core.
"""

import resource
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

from data_integration_architect.modelcheck import Assumptions, Bounds, check, decide, questions
from data_integration_architect.modelcheck.cases import build_case
from data_integration_architect.modelcheck.export.promela import to_promela
from data_integration_architect.modelcheck.generate import CompiledModel
from data_integration_architect.modelcheck.ir import Property
from data_integration_architect.modelcheck.search import never, search
from data_integration_architect.topology import Topology, normalize

STORES, FLOWS = 20, 60


def large_system() -> Topology:
    """One database with 20 entities that feeds 19 stores, three flows an entity, by log, outbox and second writes."""
    stores: dict[str, object] = {"db": {"technology": "postgresql"}}
    stores |= {f"view{number}": {} for number in range(STORES - 1)}
    channels: dict[str, object] = {}
    entities: dict[str, object] = {}
    handlers: dict[str, object] = {}
    processes: dict[str, object] = {"app": {"instances": "many", "handlers": handlers}}
    captures: dict[str, object] = {}
    for number in range(STORES):
        entity, topic = f"entity{number}", f"topic{number}"
        channels[topic] = {"technology": "kafka", "message_key": "id", "carries": [entity]}
        entities[entity] = {"key": "id", "deletes": "hard" if number % 4 == 0 else "never"}
        steps: list[object] = [{"write": "db", "entity": entity}]
        if number % 3 == 0:
            steps.append({"write": f"view{number % (STORES - 1)}", "entity": entity})
        handlers[f"save{number}"] = {"trigger": {"request": {"retries": False}}, "steps": steps}
        captures[f"capture{number}"] = {"from": "db", "to": topic, "by": "log", "entity": entity}
        for offset in (1, 2):
            sink = f"view{(number + offset) % (STORES - 1)}"
            write = {"write": sink, "entity": entity, "guard": "version" if offset == 1 else "none",
                     "guard_keeps_deletes": True}  # fmt: skip
            consumer = {"trigger": {"consume": topic}, "steps": [write]}
            processes[f"sink{number}_{offset}"] = {"instances": 1, "handlers": {"run": consumer}}
    document = {"stores": stores, "channels": channels, "entities": entities, "processes": processes,
                "captures": captures}  # fmt: skip
    return normalize(Topology.model_validate(document)).topology


def measure_large_system() -> None:
    topology = large_system()
    started = time.perf_counter()
    verdicts = check(topology)
    seconds = time.perf_counter() - started
    counts = {word: sum(verdict.verdict == word for verdict in verdicts) for word in ("holds", "violated", "unknown")}
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(f"{STORES} stores, {FLOWS} flows: {len(verdicts)} properties in {seconds:.2f} s, {peak} MB, {counts}")


def measure_against_spin(topology: Topology) -> None:
    """Time to verdict, generation and compilation included, on the largest bounds; states equal without forgetting."""
    for question in questions(topology):
        started = time.perf_counter()
        decide(topology, question, Bounds())
        ours = time.perf_counter() - started
        case = build_case(topology, question, Bounds(), Assumptions("unsafe"))
        prop = Property(case.forms.name, "at_rest", case.forms.at_rest)
        started = time.perf_counter()
        found = search(case.model, prop)
        alone = time.perf_counter() - started
        text = to_promela(case.model, prop).text
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / "model.pml").write_text(text, encoding="utf-8")
            started = time.perf_counter()
            for command in ("spin -a model.pml", "gcc -O0 -w -DNOREDUCE -DSAFETY -o pan pan.c", "./pan -w18 -m100000"):
                subprocess.run(command.split(), cwd=folder, capture_output=True, check=True)
            theirs = time.perf_counter() - started
        print(f"{question.property:20} {question.target:8} {found.outcome:9} {found.states:7,} states, "
              f"decided in {ours * 1000:6.0f} ms, one search {alone * 1000:6.0f} ms, "
              f"Spin {theirs * 1000:6.0f} ms, ratio {alone / theirs:.2f}")  # fmt: skip


def measure_speed(topology: Topology) -> None:
    """States per second and bytes per state of one exploration without reductions of the state."""
    question = next(question for question in questions(topology) if question.property == "convergence")
    case = build_case(topology, question, Bounds(), Assumptions("unsafe"))
    machine = CompiledModel(case.model, "True", at_rest=True)
    started = time.perf_counter()
    run = machine.run(case.model.faults, case.model.workload, 400_000, never)
    seconds = time.perf_counter() - started
    print(f"{len(run.parents):,} states, {len(run.parents) / seconds:,.0f} states/s, {machine.layout.bits} bits")


def retailer() -> Topology:
    """One database, one search index fed by its log."""
    document = {
        "stores": {"pg": {"technology": "postgresql"}, "es": {"technology": "elasticsearch"}},
        "channels": {"changes": {"technology": "kafka", "message_key": "id"}},
        "entities": {"product": {"key": "id", "deletes": "hard"}},
        "processes": {"shop": {"instances": "many", "handlers": {"save": {
            "trigger": {"request": {"retries": False}}, "steps": [{"write": "pg", "entity": "product"}]}}}},
        "captures": {"debezium": {"from": "pg", "to": "changes", "by": "log"}},
        "consumers": {"indexer": {"from": "changes", "to": "es", "guard": "none", "instances": 1}},
    }  # fmt: skip
    return normalize(Topology.model_validate(document)).topology


if __name__ == "__main__":
    measure_large_system()
    measure_speed(retailer())
    if shutil.which("spin") and shutil.which("gcc"):
        measure_against_spin(retailer())

"""Measures the checker's bars: reviews with default checks, single properties, Spin end to end, a large system.

Run with `make bench`. Times depend on the machine; each row gives its bar beside it. All are CPU times, children
included, and the least of several runs, so that other work on the machine counts as little as possible.
"""

from __future__ import annotations

import json
import multiprocessing
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from data_integration_architect.checking import in_this_process
from data_integration_architect.checks import check_topology, export_models
from data_integration_architect.files import dump_yaml, parse_text
from data_integration_architect.given import Given
from data_integration_architect.modelcheck import Assumptions, Bounds, Question, decide, questions
from data_integration_architect.modelcheck.cases import build_case
from data_integration_architect.modelcheck.expressions import NotModelledError
from data_integration_architect.modelcheck.generate import CompiledModel
from data_integration_architect.modelcheck.ir import Property, PropertyKind
from data_integration_architect.modelcheck.search import SearchResult, never, search
from data_integration_architect.topology import Topology, dump_topology, load_topology, normalize
from data_integration_architect.use_cases import checked_review
from data_integration_architect.workers import run_jobs

ROOT = Path(__file__).parents[1]
SUM = Bounds(writes=4, faults=2, states=400_000)
MOST_STATES = 400_000
EXAMPLES = sorted(path for path in (ROOT / "examples").glob("*.yaml") if not path.stem.endswith(".evidence"))


def row(what: str, value: str, bar: str) -> None:
    print(f"{what:<62} {value:>12}   {bar}")


def given(path: Path) -> Given:
    return Given(path.read_text(encoding="utf-8"), path.name)


RUNS = 3


def cpu_seconds() -> float:
    """CPU time of this process and of its children that have ended."""
    used = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(one.ru_utime + one.ru_stime for one in used)


def least(work: Callable[[], object], runs: int = RUNS) -> float:
    """The least CPU seconds of several runs, each in a process of its own: none finds what another one remembered."""
    times = []
    for _ in range(runs):
        begin = cpu_seconds()
        process = multiprocessing.get_context("fork").Process(target=work)
        process.start()
        process.join()
        if process.exitcode:
            raise SystemExit(f"a measured run ended with {process.exitcode}")
        times.append(cpu_seconds() - begin)
    return min(times)


def reviews() -> None:
    """Seconds of a review with default checks, in a process that has its modules loaded, on one core."""
    checked_review(given(EXAMPLES[-1]), "default", in_this_process)
    for path in EXAMPLES:
        seconds = least(partial(checked_review, Given(given(path).text, "bench"), "default", in_this_process))
        row(f"review with default checks: {path.stem}, CPU seconds", f"{seconds:.2f}", "at most 1")


def single_properties() -> None:
    """Milliseconds of the slowest property at default bounds, on one core, and how many are over the bar."""
    times = []
    for path in EXAMPLES:
        topology = normalize(load_topology_of(path)).topology
        for question in questions(topology):
            seconds = least(partial(decide, topology, question, Bounds()))
            times.append((seconds, f"{path.stem}: {question.property} of {question.target}"))
    times.sort(reverse=True)
    over = sum(seconds > 0.3 for seconds, _ in times)
    row(f"slowest property ({times[0][1]}), CPU ms", f"{times[0][0] * 1e3:.0f}", "at most 300")
    row("properties over 300 ms", f"{over} of {len(times)}", "0")
    transfer = normalize(load_topology_of(ROOT / "examples" / "money-transfer.yaml")).topology
    total = next(question for question in questions(transfer) if question.property == "conservation")
    found = decide(transfer, total, SUM)
    seconds = least(partial(decide, transfer, total, SUM))
    states = f"at most 300 ({found.verdict}, {found.states:,} states)"
    row("the sum of a transfer, four transfers, two faults, CPU ms", f"{seconds * 1e3:.0f}", states)


def load_topology_of(path: Path) -> Any:
    return load_topology(parse_text(path.read_text(encoding="utf-8")))


def against_spin() -> None:
    """The slowest ratio of our time to verdict and Spin's (generate, compile with -O0, run) on the same whole model."""
    if shutil.which("spin") is None or shutil.which("gcc") is None:
        row("time to verdict / Spin end to end", "-", "at most 1.0 (spin not installed)")
        return
    ratios = []
    states = 0
    seconds_of_states = 0.0
    for path in EXAMPLES:
        topology = normalize(load_topology_of(path)).topology
        for model in export_models(given(path), "promela"):
            about = (model.property, model.target, model.entity)
            question = next(q for q in questions(topology) if (q.property, q.target, q.entity) == about)
            form = "at_rest" if model.form == "at-rest" else "invariant"
            found = verdict_alone(topology, question, form)
            ours = least(partial(verdict_alone, topology, question, form))
            theirs = least(partial(run_spin, model.text), runs=1)
            states += found.states
            seconds_of_states += ours
            ratios.append((ours / theirs, f"{path.stem}: {model.property} of {model.target}, {model.form}"))
    ratios.sort(reverse=True)
    row(f"time / Spin, worst ({ratios[0][1]})", f"{ratios[0][0]:.2f}", "at most 1.0")
    row("time / Spin, median", f"{ratios[len(ratios) // 2][0]:.2f}", "at most 1.0")
    row("models slower than Spin", f"{sum(r > 1 for r, _ in ratios)} of {len(ratios)}", "0")
    row("states per second over all of them, building included", f"{states / seconds_of_states:,.0f}", "")


def verdict_alone(topology: Topology, question: Question, form: PropertyKind) -> SearchResult:
    """One form of a property, from the topology on; unknown facts stand at their unsafe end."""
    case = build_case(topology, question, Bounds(), Assumptions("unsafe"))
    parts = case.forms.at_rest if form == "at_rest" else case.forms.always
    return search(case.model, Property("p", form, parts), limit=2_000_000)


def largest_search() -> None:
    """Speed and memory of the search itself: all states of the largest shipped model of convergence, unreduced."""
    best: tuple[int, str, float, float] | None = None
    for path in EXAMPLES:
        topology = normalize(load_topology_of(path)).topology
        for question in questions(topology):
            if question.property != "convergence" or question.element:
                continue
            try:
                model = build_case(topology, question, Bounds(), Assumptions("unsafe")).model
            except NotModelledError:
                continue
            machine = CompiledModel(model, "True", at_rest=True)
            begin = cpu_seconds()
            seen = machine.run(model.faults, model.workload, MOST_STATES, never).parents
            seconds = cpu_seconds() - begin
            size = sys.getsizeof(seen) + sum(map(sys.getsizeof, seen))
            if best is None or len(seen) > best[0]:
                best = (len(seen), f"{path.stem}: {question.target}", len(seen) / seconds, size / len(seen))
    if best is not None:
        row(f"states per CPU second ({best[1]}, {best[0]:,} states)", f"{best[2]:,.0f}", "")
        row("bytes per state of it, with its predecessor", f"{best[3]:.0f}", "")


def run_spin(text: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "model.pml").write_text(text, encoding="utf-8")
        for command in (
            ["spin", "-a", "model.pml"],
            ["gcc", "-O0", "-w", "-DNOREDUCE", "-DSAFETY", "-o", "pan", "pan.c"],
            ["./pan", "-m1000000", "-w18"],
        ):
            subprocess.run(command, cwd=folder, check=True, capture_output=True)


def large_system() -> None:
    """Run in a process of its own: seconds and peak memory, workers included, of all properties."""
    from modelcheck_systems import large_system as twenty_stores

    text = dump_yaml(dump_topology(twenty_stores()))
    begin = time.perf_counter()
    report = check_topology(Given(text, "landscape"), run=run_jobs)
    seconds = time.perf_counter() - begin
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss + resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    verdicts = {word: sum(c.verdict == word for c in report.checks) for word in {c.verdict for c in report.checks}}
    print(json.dumps({"seconds": seconds, "megabytes": peak / 1024, "verdicts": verdicts}))


def large_landscape() -> None:
    """Run in a process of its own: seconds, peak memory and verdicts of a review of 1,000 generated elements."""
    from bench import large_topology

    text = dump_yaml(large_topology(1000))
    begin = time.perf_counter()
    review = checked_review(Given(text, "landscape"), "default", run_jobs)
    seconds = time.perf_counter() - begin
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss + resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    checks = [*(found.check for found in review.findings if found.check is not None), *review.checked]
    verdicts = {word: sum(c.verdict == word for c in checks) for word in sorted({c.verdict for c in checks})}
    print(json.dumps({"seconds": seconds, "megabytes": peak / 1024, "verdicts": verdicts}))


def in_own_process(name: str) -> dict[str, Any]:
    told = subprocess.run([sys.executable, __file__, name], capture_output=True, check=True, text=True)
    found: dict[str, Any] = json.loads(told.stdout)
    return found


def main() -> None:
    alone = {"large-system": large_system, "large-landscape": large_landscape}
    if sys.argv[1:]:
        alone[sys.argv[1]]()
        return
    reviews()
    single_properties()
    against_spin()
    largest_search()
    large = in_own_process("large-system")
    row("20 stores, 60 flows: all properties, seconds", f"{large['seconds']:.1f}", "under 10")
    row("  peak memory of the largest process and the caller, MB", f"{large['megabytes']:.0f}", "under 500")
    row("  verdicts", str(sum(large["verdicts"].values())), str(large["verdicts"]))
    large = in_own_process("large-landscape")
    row("1,000 elements: review with default checks, seconds", f"{large['seconds']:.1f}", "ends; 3,840,000 states")
    row("  peak memory of the largest process and the caller, MB", f"{large['megabytes']:.0f}", "under 500")
    row("  verdicts", str(sum(large["verdicts"].values())), str(large["verdicts"]))


if __name__ == "__main__":
    main()

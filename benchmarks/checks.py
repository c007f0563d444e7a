"""Measures the checker's bars: reviews with default checks, single properties, Spin end to end, a large system.

Run with `make bench`. Times depend on the machine; each row gives its bar beside it.
"""

from __future__ import annotations

import json
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from data_integration_architect.checks import check_topology, export_models
from data_integration_architect.files import dump_yaml, parse_text
from data_integration_architect.given import Given
from data_integration_architect.modelcheck import Assumptions, Bounds, questions
from data_integration_architect.modelcheck.cases import build_case
from data_integration_architect.modelcheck.ir import Property
from data_integration_architect.modelcheck.search import search
from data_integration_architect.topology import dump_topology, load_topology, normalize
from data_integration_architect.use_cases import checked_review
from data_integration_architect.workers import run_jobs

ROOT = Path(__file__).parents[1]
EXAMPLES = sorted(path for path in (ROOT / "examples").glob("*.yaml") if not path.stem.endswith(".evidence"))


def row(what: str, value: str, bar: str) -> None:
    print(f"{what:<62} {value:>12}   {bar}")


def given(path: Path) -> Given:
    return Given(path.read_text(encoding="utf-8"), path.name)


def reviews() -> None:
    """Seconds of a review with default checks, in a process that has its modules loaded."""
    checked_review(given(EXAMPLES[-1]), "default", run_jobs)
    for path in EXAMPLES:
        begin = time.perf_counter()
        checked_review(Given(given(path).text, "bench"), "default", run_jobs)
        row(f"review with default checks: {path.stem}, seconds", f"{time.perf_counter() - begin:.2f}", "at most 1")


def single_properties() -> None:
    """Milliseconds of the slowest property at default bounds, on one core, and how many are over the bar."""
    times = []
    for path in EXAMPLES:
        topology = normalize(load_topology_of(path)).topology
        for question in questions(topology):
            begin = time.perf_counter()
            check_topology(given(path), question.property, question.target)
            times.append((time.perf_counter() - begin, f"{path.stem}: {question.property} of {question.target}"))
    times.sort(reverse=True)
    over = sum(seconds > 0.3 for seconds, _ in times)
    row(f"slowest property ({times[0][1]}), ms", f"{times[0][0] * 1e3:.0f}", "at most 300")
    row("properties over 300 ms", f"{over} of {len(times)}", "0")


def load_topology_of(path: Path) -> Any:
    return load_topology(parse_text(path.read_text(encoding="utf-8")))


def against_spin() -> None:
    """The slowest ratio of our time to verdict and Spin's (generate, compile with -O0, run) on the same whole model."""
    if shutil.which("spin") is None or shutil.which("gcc") is None:
        row("time to verdict / Spin end to end", "no spin", "at most 1.0")
        return
    ratios = []
    states = seconds_of_states = 0.0
    for path in EXAMPLES:
        topology = normalize(load_topology_of(path)).topology
        for model in export_models(given(path), "promela"):
            about = (model.property, model.target, model.entity)
            question = next(q for q in questions(topology) if (q.property, q.target, q.entity) == about)
            begin = time.perf_counter()
            case = build_case(topology, question, Bounds(), Assumptions("unsafe"))
            at_rest = model.form == "at-rest"
            parts = case.forms.at_rest if at_rest else case.forms.always
            found = search(case.model, Property("p", "at_rest" if at_rest else "invariant", parts), limit=2_000_000)
            ours = time.perf_counter() - begin
            states += found.states
            seconds_of_states += ours
            ratios.append((ours / spin_seconds(model.text), f"{path.stem}: {model.property} of {model.target}"))
    ratios.sort(reverse=True)
    row(f"time / Spin, worst ({ratios[0][1]})", f"{ratios[0][0]:.2f}", "at most 1.0")
    row("time / Spin, median", f"{ratios[len(ratios) // 2][0]:.2f}", "at most 1.0")
    row("models slower than Spin", f"{sum(r > 1 for r, _ in ratios)} of {len(ratios)}", "0")
    row("states per second over all of them, building included", f"{states / seconds_of_states:,.0f}", "")


def spin_seconds(text: str) -> float:
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "model.pml").write_text(text, encoding="utf-8")
        begin = time.perf_counter()
        for command in (
            ["spin", "-a", "model.pml"],
            ["gcc", "-O0", "-w", "-DNOREDUCE", "-DSAFETY", "-o", "pan", "pan.c"],
            ["./pan", "-m1000000", "-w18"],
        ):
            subprocess.run(command, cwd=folder, check=True, capture_output=True)
        return time.perf_counter() - begin


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


def main() -> None:
    if sys.argv[1:] == ["large-system"]:
        large_system()
        return
    reviews()
    single_properties()
    against_spin()
    told = subprocess.run([sys.executable, __file__, "large-system"], capture_output=True, check=True, text=True)
    large = json.loads(told.stdout)
    row("20 stores, 60 flows: all properties, seconds", f"{large['seconds']:.1f}", "under 10")
    row("  peak memory of the largest process and the caller, MB", f"{large['megabytes']:.0f}", "under 500")
    row("  verdicts", str(sum(large["verdicts"].values())), str(large["verdicts"]))


if __name__ == "__main__":
    main()

"""`lab DIR up | load | fault | verify | replay | down`: runs a design folder on real engines."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

FORMATS = ("text", "json", "html")


@click.group()
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.pass_context
def lab(context: click.Context, folder: Path) -> None:
    """Runs a design folder on real engines, breaks it, and compares every row.

    DIR is a folder of `design --out DIR`, perhaps edited since. Start with `lab DIR up`; then `load`, `fault` and
    `verify`; end with `lab DIR down`. Engines come from packages and run as local processes on loopback ports.
    """
    context.obj = folder
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)


def _interrupt(number: int, frame: object) -> None:
    """Ends the verb as Ctrl-C does; what mends and cleans up afterwards is not interrupted again."""
    for each in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(each, signal.SIG_IGN)
    raise KeyboardInterrupt


def _seed(function: Callable[..., Any]) -> Callable[..., Any]:
    click.option("--seed", default=1, show_default=True, help="The same seed does the same.")(function)
    return function


def _reported(function: Callable[..., Any]) -> Callable[..., Any]:
    click.option("--output", "-o", type=click.Path(path_type=Path), help="Write the report to a file.")(function)
    choice = click.Choice(FORMATS)
    click.option("--format", "-f", "form", type=choice, default="text", show_default=True)(function)
    return function


def _progress(message: str) -> None:
    click.echo(message, err=True)


def _emit(report: dict[str, Any], form: str, output: Path | None) -> int:
    from data_integration_architect.files import write_text
    from data_integration_architect.lab import report as reports

    text = getattr(reports, f"report_{form}")(report)
    if output is None:
        sys.stdout.write(text)
    else:
        write_text(output, text, f"--output {output}")
    return 0 if report["is_clean"] else 1


@lab.command()
@click.pass_obj
def up(folder: Path) -> int:
    """Starts the engines, applies the design's files, starts connectors and consumers."""
    from data_integration_architect.lab.process import guarded
    from data_integration_architect.lab.stack import new_stack

    stack = new_stack(folder)
    with guarded(stack.base) as release:
        try:
            stack.up(_progress)
        except BaseException:
            # Also on an interrupt: what was started is stopped.
            stack.down()
            raise
        release()
    return 0


@lab.command()
@_seed
@click.option("--transactions", default=200, show_default=True, type=click.IntRange(1), help="For each client.")
@_reported
@click.pass_obj
def load(folder: Path, seed: int, transactions: int, form: str, output: Path | None) -> int:
    """Writes a seeded workload to the systems of record, as the application's handlers do."""
    from data_integration_architect.lab.load import Load
    from data_integration_architect.lab.stack import running_stack

    stack = running_stack(folder)
    done = Load(stack, seed)
    try:
        done.run(transactions)
    finally:
        stack.save()
    counts = done.counts
    load_data = {"seed": seed, "committed": counts.committed, "rolled_back": counts.rolled_back,
                 "failed": counts.failed}  # fmt: skip
    return _emit({"what": "load", "is_clean": True, "load": load_data}, form, output)


@lab.command()
@_seed
@click.option("--kind", "kinds", multiple=True, help="kill, pause, cut, duplicate, reorder, lag; repeatable.")
@click.option("--target", "targets", multiple=True, help="Engine or consumer; repeatable. Default: each.")
@click.option("--step", "steps", multiple=True, type=click.IntRange(0), help="Transactions before it; repeatable.")
@click.option("--schedule", type=click.Path(path_type=Path), help="JSON list of {kind, target, step}, in this order.")
@click.option("--transactions", default=30, show_default=True, type=click.IntRange(1), help="Of each client.")
@_reported
@click.pass_obj
def fault(
    folder: Path,
    seed: int,
    kinds: tuple[str, ...],
    targets: tuple[str, ...],
    steps: tuple[int, ...],
    schedule: Path | None,
    transactions: int,
    form: str,
    output: Path | None,
) -> int:
    """Breaks something under load, mends it, and compares every row at rest: one schedule, or a sweep.

    Without options: every kind on every engine and consumer, at one step.
    """
    from data_integration_architect.errors import UnknownName
    from data_integration_architect.lab import faults
    from data_integration_architect.lab.stack import running_stack

    for kind in kinds:
        if kind not in faults.KINDS:
            raise UnknownName("fault", kind, faults.KINDS)
    stack = running_stack(folder)
    for target in targets:
        if target not in stack.programs:
            raise UnknownName("target", target, stack.programs)
    planned = (
        faults.read_schedule(schedule)
        if schedule is not None
        else faults.sweep_of(stack, kinds or faults.KINDS, steps or (transactions // 2,), targets)
    )
    try:
        runs = [run.to_data() for run in faults.run_sweep(stack, planned, seed, transactions, _progress)]
    finally:
        stack.save()
    is_clean = bool(runs) and all(run["is_clean"] for run in runs)
    return _emit({"what": "faults", "is_clean": is_clean, "runs": runs, "notes": stack.notes}, form, output)


@lab.command()
@click.option("--seconds", default=60.0, show_default=True, help="How long derived stores may lag.")
@_reported
@click.pass_obj
def verify(folder: Path, seconds: float, form: str, output: Path | None) -> int:
    """Compares every row of the systems of record with the derived stores: lost, duplicated, diverged, reverted."""
    from data_integration_architect.lab.load import settle
    from data_integration_architect.lab.stack import running_stack

    stack = running_stack(folder)
    results = settle(stack, seconds)
    stack.save()
    is_clean = all(result.is_equal for result in results)
    data = [result.to_data() for result in results]
    return _emit({"what": "verify", "is_clean": is_clean, "results": data, "notes": stack.notes}, form, output)


@lab.command()
@_reported
@click.pass_obj
def replay(folder: Path, form: str, output: Path | None) -> int:
    """Replays the checker's shortest runs of today's system on the engines, then the same writes on the design.

    Clean: each run shows on the engines what the model said, the same schedule leaves no difference in the design, and
    what the design's own engines do, with faults, is a run of the design's model.
    """
    from data_integration_architect.lab.faults import Fault
    from data_integration_architect.lab.load import settle
    from data_integration_architect.lab.recording import record
    from data_integration_architect.lab.replay import play_on_design, replay_today, schedule_of
    from data_integration_architect.lab.stack import running_stack

    stack = running_stack(folder)
    replays = []
    for number, (verdict, done) in enumerate(replay_today(stack)):
        _progress(f"{done.run} {done.verdict}")
        replays.append(done)
        entity = (verdict.entity or "").split(".")[0]
        for table in stack.plan["tables"]:
            if table["entity"] == entity:
                owner = stack.plan["stores"][table["store"]]["store"]
                play_on_design(stack, table, schedule_of(verdict, owner), f"replay-{number}")
    recordings = []
    for comparison in stack.plan["compare"]:
        name = comparison["name"]
        for one in record(stack, comparison, (None, Fault("kill", name, 1), Fault("duplicate", name, 1))):
            _progress(one.summary)
            recordings.append(one)
    results = settle(stack, 60)
    is_clean = (
        all(r.is_confirmed or r.not_replayable for r in replays)
        and all(r.is_equal for r in results)
        and not any(one.is_rejected for one in recordings)
    )
    report = {
        "what": "replay",
        "is_clean": is_clean,
        "replays": [r.to_data() for r in replays],
        "recordings": [one.to_data() for one in recordings],
        "results": [r.to_data() for r in results],
        "notes": stack.notes,
    }
    return _emit(report, form, output)


@lab.command()
@click.pass_obj
def down(folder: Path) -> int:
    """Ends everything that `up` started."""
    from data_integration_architect.lab.stack import running_stack

    running_stack(folder).down()
    return 0

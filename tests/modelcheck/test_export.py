"""Exports against Spin, where it is installed: equal numbers of states, equal verdicts, equal shortest depths."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from modelcheck_models import change_capture, dual_write, random_model

from data_integration_architect.modelcheck.builder import ModelBuilder
from data_integration_architect.modelcheck.export.promela import to_promela
from data_integration_architect.modelcheck.export.tla import tla_configuration, to_tla
from data_integration_architect.modelcheck.expressions import ModelError
from data_integration_architect.modelcheck.generate import CompiledModel, Ending
from data_integration_architect.modelcheck.ir import Model, Property
from data_integration_architect.modelcheck.search import never
from data_integration_architect.modelcheck.slices import without_write_only

needs_spin = pytest.mark.skipif(
    shutil.which("spin") is None or shutil.which("gcc") is None, reason="needs spin and gcc (Debian: spin, gcc)"
)


def spin(text: str, folder: Path) -> tuple[bool, int, int]:
    """Whether Spin finds a violation, how many states it stored, and the depth at which it stopped."""
    (folder / "model.pml").write_text(text, encoding="utf-8")
    for command in (
        # -o2: Spin would leave out the records of a log of which only the length is read, and store fewer states
        ["spin", "-o2", "-a", "model.pml"],
        ["gcc", "-O0", "-w", "-DNOREDUCE", "-DBFS", "-o", "pan", "pan.c"],
    ):
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
    out = subprocess.run(["./pan", "-w18", "-m100000"], cwd=folder, capture_output=True, text=True, check=True).stdout
    stored = int(re.search(r"(\d+) states, stored", out)[1])  # type: ignore[index]
    failed = re.search(r"assertion violated .*\(at depth (\d+)\)", out)
    return failed is not None, stored, int(failed[1]) if failed else 0


def compare(model: Model, prop: Property, folder: Path) -> None:
    reduced = without_write_only(model.restricted(frozenset(model.by_name), model.actions, [prop]))
    part = " and ".join(prop.parts)
    run = CompiledModel(reduced, part, at_rest=prop.kind == "at_rest").run(model.faults, model.workload, 10**6, never)
    is_violated, stored, depth = spin(to_promela(model, prop).text, folder)
    assert is_violated == (run.ending == Ending.VIOLATED)
    if is_violated:
        assert depth == run.depth
    else:
        assert stored == len(run.parents)


@needs_spin
@pytest.mark.parametrize(
    "model",
    [dual_write(2), dual_write(3, 1), change_capture(2, 2, 1, lazy=True), change_capture(3, 1, 2, lazy=True)],
    ids=["dual-write", "dual-write-fault", "capture-2-keys", "capture-2-faults"],
)
def test_spin_agrees_on_fixtures(model: Model, tmp_path: Path):
    compare(model, model.properties[0], tmp_path)


@needs_spin
@pytest.mark.parametrize("seed", range(6))
def test_spin_agrees_on_random_models(seed: int, tmp_path: Path):
    model = random_model(seed)
    compare(model, model.properties[seed % 2], tmp_path)


@needs_spin
@pytest.mark.soak
@pytest.mark.parametrize("seed", range(100, 160))
def test_spin_agrees_on_many_random_models(seed: int, tmp_path: Path):
    model = random_model(seed)
    for prop in model.properties:
        compare(model, prop, tmp_path)


def test_exports_contain_index_names_only():
    model = change_capture(2, 2, 1, lazy=True)
    for export in (to_promela(model, model.properties[0]), to_tla(model, model.properties[0])):
        for name in [*model.by_name, *(action.name for action in model.actions)]:
            assert name not in export.text.split("faults", 1)[1]
        assert export.names["a0"] == "write_0 write_0"


def test_tla_assigns_every_variable_in_every_action():
    model = change_capture(2, 2, 1, lazy=True)
    text = to_tla(model, model.properties[0]).text
    variables = set(re.search(r"VARIABLES (.*)", text)[1].split(", "))  # type: ignore[index]
    for block in re.findall(r"^a\d+ ==\n((?:  /\\ .*\n)+)", text, re.MULTILINE):
        changed = set(re.findall(r"(\w+)' =", block))
        kept = re.search(r"UNCHANGED <<(.*)>>", block)
        assert changed | set(kept[1].split(", ") if kept else ()) == variables
    assert tla_configuration() == "SPECIFICATION Spec\nINVARIANT Safe\n"


def test_promela_refuses_a_dividend_that_may_be_negative():
    m = ModelBuilder(faults=0, workload=0)
    m.var("x", 1, 0, low=-1)
    m.act("step", "x > -1", "x -= 1")
    m.always("fine", "x // 2 == 0")
    model = m.build()
    with pytest.raises(ModelError, match="dividend"):
        to_promela(model, model.properties[0])

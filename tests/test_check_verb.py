"""The verb `check`: verdicts, sweeps, exports, formats, exit codes; runs in every format of a review; interruption."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time

import pytest

from data_integration_architect import cli
from data_integration_architect.checks import check_topology, export_models
from data_integration_architect.errors import UnknownName
from data_integration_architect.given import Given
from data_integration_architect.modelcheck import Assumptions, Bounds, questions
from data_integration_architect.modelcheck.cases import build_case
from data_integration_architect.modelcheck.ir import Property
from data_integration_architect.modelcheck.search import search
from data_integration_architect.results import CheckReport
from data_integration_architect.topology import normalize
from support import ROOT, load, parse_text

EXAMPLES = sorted(p for p in (ROOT / "examples").glob("*.yaml") if not p.stem.endswith(".evidence"))
RETAILER = str(ROOT / "examples" / "online-retailer.yaml")
needs_spin = pytest.mark.skipif(
    shutil.which("spin") is None or shutil.which("gcc") is None, reason="needs spin and gcc (Debian: spin, gcc)"
)


def given(path) -> Given:
    return Given(path.read_text(encoding="utf-8"), path.name)


@pytest.fixture
def run(capsys):
    def run_command(*arguments: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as exit_:
            cli.main(["check", *arguments])
        return exit_.value.code, *capsys.readouterr()

    return run_command


def test_a_violation_is_exit_code_one_and_says_its_run(run):
    code, out, err = run(RETAILER, "--property", "convergence", "--target", "search")
    assert code == 1 and not err
    assert "violated: convergence of search (product) violated (integrity) in 4 steps, 0 faults" in out
    assert "4: shop.save_product #1 → search: write product write 1" in out
    assert out.endswith("2 violated\n")


def test_what_holds_is_exit_code_zero_and_says_its_bounds(run):
    code, out, _ = run(str(ROOT / "examples" / "money-transfer.yaml"), "-p", "non-negative")
    assert code == 0 and "holds for up to 3 writes on 2 keys" in out and "states seen" in out


def test_json_is_the_report_and_markdown_has_a_diagram(run):
    out = run(RETAILER, "-p", "no-phantom", "-f", "json")[1]
    report = CheckReport.model_validate_json(out)
    assert {check.property for check in report.checks} == {"no-phantom"}
    out = run(RETAILER, "-p", "no-phantom", "-f", "markdown")[1]
    assert out.count("```mermaid\nsequenceDiagram\n") == sum(bool(check.trace) for check in report.checks) > 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("-p", "convergance"), "convergence"),
        (("-p", "convergence", "-t", "serch"), "search"),
        (("--faults", "9"), "0<=x<=6"),
    ],
)
def test_wrong_arguments_are_exit_code_two(run, arguments, message):
    code, out, err = run(RETAILER, *arguments)
    assert code == 2 and not out and message in err and "Traceback" not in err


def test_a_larger_bound_never_turns_violated_into_holds():
    for path in EXAMPLES:
        for row in check_topology(given(path), sweep=True).sweep:
            found = {(cell.faults, cell.writes): cell.verdict for cell in row.cells}
            for (faults, writes), verdict in found.items():
                if verdict == "violated":
                    larger = [v for (f, w), v in found.items() if f >= faults and w >= writes]
                    assert "holds" not in larger, (path.stem, row)


def test_a_small_budget_is_unknown(run):
    code, out, _ = run(str(ROOT / "examples" / "catalog-search-dual-write.yaml"), "-p", "no-phantom", "--states", "20")
    assert code == 0 and "unknown: no violation in" in out


def test_an_unknown_property_names_those_there_are():
    with pytest.raises(UnknownName, match="no-phantom"):
        check_topology(given(EXAMPLES[0]), "no-fantom")


def test_exports_contain_no_name_of_the_user(run):
    for language in ("promela", "tla"):
        models = json.loads(run(RETAILER, "--export", language, "-f", "json")[1])
        assert models and {model["language"] for model in models} == {language}
        for model in models:
            assert not re.search(r"shop|postgres|search|warehouse|product|order_|inventory", model["text"])
            assert any("shop" in words for words in model["names"].values())
            assert bool(model["configuration"]) is (language == "tla")


SPIN_MODELS = [(path, model) for path in EXAMPLES for model in export_models(given(path), "promela")]


@needs_spin
@pytest.mark.soak
@pytest.mark.parametrize(
    ("path", "model"), SPIN_MODELS, ids=[f"{p.stem}:{m.property}:{m.target}" for p, m in SPIN_MODELS]
)
def test_every_exported_example_runs_in_spin_with_the_same_verdict(path, model, tmp_path):
    (tmp_path / "model.pml").write_text(model.text, encoding="utf-8")
    for command in (["spin", "-a", "model.pml"], ["gcc", "-O0", "-w", "-DNOREDUCE", "-DSAFETY", "-o", "pan", "pan.c"]):
        subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, timeout=120)
    told = subprocess.run(
        ["./pan", "-m1000000", "-w20"], cwd=tmp_path, capture_output=True, text=True, timeout=300, check=True
    )
    assert "errors:" in told.stdout
    violated = "assertion violated" in told.stdout
    assert violated is (outcome_of(path, model) == "violated")


def outcome_of(path, model) -> str:
    """What our own search says of an exported model."""
    topology = normalize(load(parse_text(path.read_text(encoding="utf-8")).data)).topology
    about = (model.property, model.target, model.entity)
    question = next(one for one in questions(topology) if (one.property, one.target, one.entity) == about)
    case = build_case(topology, question, Bounds(), Assumptions("unsafe"))
    kind, parts = ("at_rest", case.forms.at_rest) if model.form == "at-rest" else ("invariant", case.forms.always)
    return search(case.model, Property(model.property, kind, parts), limit=2_000_000).outcome


# Runs in the formats of a review


def review(*arguments: str, capsys) -> str:
    with pytest.raises(SystemExit):
        cli.main(["review", RETAILER, *arguments])
    return capsys.readouterr().out


def test_sarif_has_the_run_as_a_code_flow(capsys):
    results = json.loads(review("-f", "sarif", capsys=capsys))["runs"][0]["results"]
    flows = {
        result["partialFingerprints"]["dataIntegrationArchitect/v1"]: result.get("codeFlows") for result in results
    }
    steps = flows["52b4f3e8c46e"][0]["threadFlows"][0]["locations"]
    assert len(steps) == 4 and steps[0]["location"]["physicalLocation"]["region"]["startLine"] == 12
    assert steps[0]["location"]["message"]["text"].startswith("shop.save_product #1 → postgres: write product write 1")
    assert flows["304055362d32"] is None  # there is no model of it


def test_markdown_and_json_have_the_run(capsys):
    assert "sequenceDiagram" in review("-f", "markdown", capsys=capsys)
    finding = json.loads(review("-f", "json", capsys=capsys))["findings"][0]
    assert finding["check"]["verdict"] == "violated" and len(finding["check"]["trace"]) == 4


def test_the_short_text_has_the_run_of_each_definite_finding():
    from data_integration_architect.renderers.checks import brief_run
    from data_integration_architect.renderers.text import short_review
    from data_integration_architect.use_cases import checked_review
    from token_count import token_count

    whole = checked_review(given(ROOT / "examples" / "online-retailer.yaml"), "default")
    text = short_review(whole)
    assert token_count(text) <= 1_000
    for finding in whole.definite:
        line = next(line for line in text.splitlines() if finding.fingerprint in line)
        assert brief_run(finding.check.trace) in line


SLOW = """
stores: {pg: {technology: postgresql}, es: {technology: elasticsearch}, wh: {technology: snowflake}}
channels: {jobs: {technology: sidekiq, carries: [a, b], order: none, event: {content: id-only}}}
entities: {a: {key: id, deletes: hard}, b: {key: id, deletes: hard}}
processes:
  web: {instances: many, handlers: {
    sa: {steps: [{transaction: pg, steps: [{write: pg, entity: a}]}, {append: jobs, entity: a}]},
    sb: {steps: [{transaction: pg, steps: [{write: pg, entity: b}]}, {append: jobs, entity: b}]}}}
  workers: {instances: many, handlers: {
    ia: {trigger: {consume: jobs, workers: many}, steps: [{read: pg, entity: a},
      {write: es, entity: a, mode: replace, values: re-read}]},
    ib: {trigger: {consume: jobs, workers: many}, steps: [{read: pg, entity: b},
      {write: wh, entity: b, mode: replace, values: re-read}]}}}
"""


@pytest.mark.skipif(os.name != "posix", reason="signals and process groups")
def test_an_interrupt_ends_the_command_and_its_workers_without_a_traceback(tmp_path):
    file = tmp_path / "slow.yaml"
    file.write_text(SLOW, encoding="utf-8")
    command = [sys.executable, "-m", "data_integration_architect.cli", "check", str(file)]
    command += ["--states", "50000000", "--workload", "6", "--faults", "4"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True) as process:
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline and len(members(process.pid)) < 2:
            time.sleep(0.1)
        assert len(members(process.pid)) > 1, "no worker was started"
        os.killpg(process.pid, signal.SIGINT)
        out, err = process.communicate(timeout=20)
    assert process.returncode == 130 and not out and b"Traceback" not in err
    assert not members(process.pid)


def members(session: int) -> list[int]:
    """Processes of a session that are alive."""
    shown = subprocess.run(["ps", "-o", "pid=,stat=", "-s", str(session)], capture_output=True, text=True, check=False)
    return [int(line.split()[0]) for line in shown.stdout.splitlines() if "Z" not in line.split()[1]]


@needs_spin
def test_the_spin_commands_of_the_documentation_run(tmp_path):
    text = (ROOT / "docs" / "checker.md").read_text(encoding="utf-8")
    blocks = [block for block in re.findall(r"```bash\n(.*?)```", text, re.DOTALL) if "java" not in block]
    assert len(blocks) == 2
    command = f"{sys.executable} -m data_integration_architect.cli"
    script = "set -e\n" + "".join(blocks).replace("data-integration-architect", command)
    script = script.replace("examples/", f"{ROOT}/examples/").replace("-w28", "-w20").replace("-w26", "-w20")
    script = script.replace("./pan -m100000", "./pan -m100000 > found.txt || true", 1)
    subprocess.run(["bash", "-c", script], cwd=tmp_path, check=True, capture_output=True, timeout=120)
    assert "assertion violated" in (tmp_path / "found.txt").read_text(encoding="utf-8")


JAR = os.environ.get("TLA2TOOLS_JAR", "")


@pytest.mark.skipif(
    not JAR or shutil.which("java") is None, reason="needs java, and TLA2TOOLS_JAR to name the jar of TLC"
)
@pytest.mark.parametrize("name", ["money-transfer", "online-retailer"])
def test_tlc_agrees_on_exports(name, tmp_path):
    path = ROOT / "examples" / f"{name}.yaml"
    models = export_models(given(path), "tla")
    twins = export_models(given(path), "promela")
    assert len(models) == len(twins)
    for number, model in enumerate(models):
        folder = tmp_path / str(number)
        folder.mkdir()
        (folder / "Model.tla").write_text(model.text, encoding="utf-8")
        (folder / "Model.cfg").write_text(model.configuration, encoding="utf-8")
        command = ["java", "-jar", JAR, "-deadlock", "-workers", "1", "-config", "Model.cfg", "Model.tla"]
        told = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=300).stdout
        violated = "Invariant Safe is violated" in told
        assert violated or "No error has been found" in told, told[-2000:]
        assert violated is (outcome_of(path, model) == "violated"), (model.property, model.target)

"""The lab leaves nothing behind, however it ends, and says what it lacks."""

from __future__ import annotations

import json
import os
import pwd
import shutil
import signal
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from data_integration_architect.lab.guard import processes_of
from data_integration_architect.lab.packages import cache_folder, jars
from data_integration_architect.lab.process import guarded
from stack_support import design_folder
from support import ROOT

pytestmark = pytest.mark.stack

INTERRUPTED = 130
SECONDS = 240.0
HOLDS = """
import os, signal, sys, time
from pathlib import Path
from data_integration_architect.lab.stack import stack_of
with stack_of(Path(sys.argv[1])):
    print("here", flush=True)
    if sys.argv[2] == "fail":
        raise AssertionError("as a test that fails")
    time.sleep(120)
"""


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder for temporary folders of its own, so that what is left behind can be told from others' files."""
    found = Path(tempfile.mkdtemp(prefix="m-"))
    found.chmod(0o777)
    with guarded(found):
        yield found


@pytest.fixture
def databases_only(place: Path) -> Path:
    """The transfer's design without its log: two PostgreSQL servers, quickly there."""
    folder = design_folder("money-transfer", place)
    plan = json.loads((folder / "lab.json").read_text(encoding="utf-8"))
    plan |= {"topics": None, "connectors": [], "consumers": [], "transfers": [], "outboxes": []}
    (folder / "lab.json").write_text(json.dumps(plan), encoding="utf-8")
    return folder


def started(place: Path, *arguments: str, program: str = sys.executable, **options: Any) -> subprocess.Popen[str]:
    environment = {**os.environ, "TMPDIR": str(place), "PYTHONPATH": str(ROOT / "server")}
    return subprocess.Popen(
        [program, *arguments], env={**environment, **options.pop("env", {})}, text=True, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, **options,
    )  # fmt: skip


def lab(place: Path, folder: Path, *arguments: str, **options: Any) -> subprocess.Popen[str]:
    """The command, from where the folder has a short name."""
    command = ("-m", "data_integration_architect", "lab", folder.name, *arguments)
    return started(place, *command, cwd=folder.parent, **options)


def until(process: subprocess.Popen[str], words: str) -> None:
    """Reads the output up to a line that starts with these words."""
    assert process.stdout is not None
    seen = []
    for line in process.stdout:
        seen.append(line)
        if line.startswith(words):
            return
    raise AssertionError(f"no line {words!r} in {''.join(seen)}")


def ended(process: subprocess.Popen[str]) -> int:
    try:
        process.communicate(timeout=SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        raise
    return process.returncode


def assert_nothing_is_left(place: Path) -> None:
    deadline = time.monotonic() + SECONDS
    while (left := processes_of(place)) or list(place.glob("lab-*")):
        assert time.monotonic() < deadline, (left, list(place.glob("lab-*")))
        time.sleep(0.1)
    assert not processes_of(place, "cwd")


ENDS = [
    ("preparing", signal.SIGTERM), ("starting", signal.SIGTERM), ("running", signal.SIGTERM),
    ("preparing", signal.SIGKILL), ("running", signal.SIGKILL), ("starting", signal.SIGINT),
    ("starting", signal.SIGHUP),
]  # fmt: skip


@pytest.mark.parametrize(("stage", "number"), ENDS)
def test_up_leaves_nothing_when_it_is_ended(place: Path, databases_only: Path, stage: str, number: int) -> None:
    process = lab(place, databases_only, "up")
    until(process, stage)
    process.send_signal(number)
    assert ended(process) == (-signal.SIGKILL if number == signal.SIGKILL else INTERRUPTED)
    assert_nothing_is_left(place)
    if number != signal.SIGKILL:
        assert not (databases_only / ".lab").exists()


def test_up_leaves_nothing_when_a_file_of_the_design_is_refused(place: Path, databases_only: Path) -> None:
    broken = next((databases_only / "lab").glob("*.sql"))
    broken.write_text("CREATE TABBLE nothing;", encoding="utf-8")
    process = lab(place, databases_only, "up")
    output, _ = process.communicate(timeout=SECONDS)
    assert process.returncode == 2 and "TABBLE" in output, output
    assert_nothing_is_left(place)


@pytest.mark.parametrize("how", ["fail", "SIGTERM", "SIGKILL"])
def test_a_stack_of_a_test_ends_with_it(place: Path, databases_only: Path, how: str) -> None:
    process = started(place, "-c", HOLDS, str(databases_only), how)
    until(process, "here")
    if how != "fail":
        assert len(processes_of(place)) > 2, "the engines run"
        process.send_signal(getattr(signal, how))
    assert ended(process) != 0
    assert_nothing_is_left(place)


def test_a_whole_life_by_the_command_in_every_form(place: Path) -> None:
    """up, load, a fault that is interrupted, the same fault, verify, down; Kafka and Connect among the engines."""
    folder = design_folder("money-transfer", place)
    assert ended(lab(place, folder, "up")) == 0
    again = lab(place, folder, "up")
    output, _ = again.communicate(timeout=SECONDS)
    assert again.returncode == 2 and "is up already" in output
    assert ended(lab(place, folder, "load", "--transactions", "30")) == 0
    process = lab(place, folder, "fault", "--kind", "lag", "--target", "kafka", "--transactions", "2")
    output, _ = process.communicate(timeout=SECONDS)
    assert process.returncode == 2 and "no such target" in output
    process = lab(place, folder, "fault", "--kind", "pause", "--kind", "kill", "--transactions", "10")
    until(process, "1/")
    process.send_signal(signal.SIGTERM)
    assert ended(process) == INTERRUPTED
    reports = {}
    for form in ("text", "json", "html"):
        output_file = place / f"report.{form}"
        arguments = ("--kind", "kill", "--target", "kafka", "--transactions", "10", "-f", form, "-o", str(output_file))
        process = lab(place, folder, "fault", *arguments)
        output, _ = process.communicate(timeout=2 * SECONDS)
        assert process.returncode == 0, output
        assert "1/1 kill kafka" in output, "progress goes to the terminal, the report to its file"
        reports[form] = output_file.read_text(encoding="utf-8")
    assert "1 runs, 1 clean" in reports["text"]
    assert json.loads(reports["json"])["runs"][0]["fault"] == "kill kafka at 5"
    assert reports["html"].startswith("<!doctype html>") and "kill kafka at 5" in reports["html"]
    assert ended(lab(place, folder, "verify", "--seconds", "60")) == 0
    assert ended(lab(place, folder, "down")) == 0
    assert_nothing_is_left(place)
    assert not (folder / ".lab").exists()


def account_that_can(place: Path) -> tuple[str, dict[str, str], dict[str, Any]]:
    """Interpreter, environment and account of an ordinary user who can read this checkout; skips without one."""
    if os.geteuid() != 0:
        pytest.skip("every other test of this folder runs without root already")
    nobody = pwd.getpwnam("nobody")
    account = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
    # What this interpreter has installed serves another of the same version too, where its own folder is closed.
    paths = os.pathsep.join([str(ROOT / "server"), sysconfig.get_path("purelib")])
    environment = {"HOME": str(place), "XDG_CACHE_HOME": str(place / "cache"), "PYTHONPATH": paths}
    for program in (sys.executable, f"/usr/bin/python{sys.version_info[0]}.{sys.version_info[1]}"):
        try:
            subprocess.run(
                [program, "-c", "import data_integration_architect.cli, confluent_kafka, psycopg"], check=True,
                cwd=place, env={**os.environ, **environment}, capture_output=True, **account,
            )  # fmt: skip
        except (OSError, subprocess.CalledProcessError):
            continue
        return program, environment, account
    pytest.skip("no interpreter that another account can run reads this checkout and its packages")


def test_it_works_without_root(place: Path) -> None:
    """PostgreSQL, Kafka, Connect and the consumers of the transfer as an ordinary user."""
    program, environment, account = account_that_can(place)
    folder = design_folder("money-transfer", place)
    for name in ("kafka", "postgres"):
        source = jars(name)
        shutil.copytree(source, place / "cache" / source.relative_to(cache_folder().parents[1]))
    for path in (folder, *folder.rglob("*"), place / "cache", *(place / "cache").rglob("*")):
        os.chown(path, account["user"], account["group"])

    def ordinary(*arguments: str) -> tuple[int, str]:
        process = lab(place, folder, *arguments, env=environment, program=program, **account)
        output, _ = process.communicate(timeout=SECONDS)
        return process.returncode, output

    for verb in (
        ("up",),
        ("load", "--transactions", "20"),
        ("fault", "--kind", "kill", "--target", "kafka"),
        ("verify",),
    ):
        code, output = ordinary(*verb)
        assert code == 0, (verb, output)
    owners = {Path(f"/proc/{number}").stat().st_uid for number in processes_of(place)}
    assert owners == {account["user"]}
    assert ordinary("down")[0] == 0
    assert_nothing_is_left(place)

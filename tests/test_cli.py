"""The command: exit codes, output, errors; in this process where that suffices, else in one of its own."""

import io
import json
import os
import pty
import re
import socket
import subprocess
import sys

import pytest

from data_integration_architect import __version__, cli, use_cases
from data_integration_architect.design.result import DesignResult
from data_integration_architect.results import Review
from golden_files import assert_golden
from sample_review import sample_review
from support import ROOT

TOPOLOGY = """\
stores: {postgres: {technology: postgresql}, search: {technology: elasticsearch}}
entities: {product: {key: id}}
processes: {shop: {handlers: {save: {steps: [{write: postgres, entity: product}, {write: search, entity: product}]}}}}
"""
DETAILS = ("classify-topology", "detect-antipatterns", "recommend-propagation", "check-ordering")
ENVIRONMENT = {
    **{key: value for key, value in os.environ.items() if key not in {"NO_COLOR", "FORCE_COLOR", "COLUMNS"}},
    "PYTHONPATH": str(ROOT / "server"),
    "TERM": "xterm",
}


@pytest.fixture
def file(tmp_path, monkeypatch) -> str:
    monkeypatch.chdir(tmp_path)
    for name in ("NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "shop.yaml").write_text(TOPOLOGY, encoding="utf-8")
    return "shop.yaml"


@pytest.fixture
def run(capsys):
    """Runs the command: (exit code, standard output, standard error)."""

    def run_command(*arguments: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as exit_:
            cli.main(arguments)
        out, err = capsys.readouterr()
        return exit_.value.code, out, err

    return run_command


@pytest.fixture
def judged(monkeypatch):
    """Lets every topology be judged as the sample review, so that the command is tested and not the rules."""

    def judge(*_):
        return sample_review()

    monkeypatch.setattr(use_cases, "review", judge)
    monkeypatch.setattr(use_cases, "checked_review", judge)


def spawn(*arguments: str, **options) -> subprocess.Popen:
    command = [sys.executable, "-m", "data_integration_architect.cli", *arguments]
    return subprocess.Popen(command, env=ENVIRONMENT, stderr=subprocess.PIPE, **options)


# What is printed


def test_a_real_review(file, run):
    code, out, err = run("review", file)
    assert (code, err) == (1, "")
    assert "[dual-write-unprotected]: shop.save changes product" in out
    assert "--> shop.yaml:3 processes.shop.handlers.save.steps[1]" in out


def test_the_same_bytes_each_time(file, run):
    for form in ("text", "markdown", "json", "sarif"):
        assert run("review", file, "--format", form) == run("review", file, "--format", form)


def test_json_is_the_review(file, run, judged):
    _, out, _ = run("review", file, "--format", "json")
    assert Review.model_validate_json(out) == sample_review()
    assert json.loads(out)["findings"][0]["at"] == {"path": "processes.shop.handlers.save.steps[1]", "line": 14}
    assert json.loads(out)["flows"][0]["from"] == "shop"


@pytest.mark.parametrize("verb", DETAILS)
def test_detail_verbs_print_their_part_in_every_format(file, run, judged, verb):
    whole = sample_review().model_dump(mode="json", by_alias=True)
    code, out, _ = run(verb, file, "--format", "json")
    assert json.loads(out).items() <= whole.items() and len(json.loads(out)) < len(whole)
    assert code == (1 if verb == "detect-antipatterns" else 0)
    for form in ("text", "markdown"):
        _, out, err = run(verb, file, "--format", form)
        assert out.rstrip("*\n").endswith("unexplained") and not err


def test_markdown_has_the_component_map(file, run, judged):
    _, out, _ = run("review", file, "--format", "markdown")
    assert '```mermaid\nflowchart LR\n  n0[("postgres<br/>postgresql")]\n' in out


def test_standard_input(file, run, judged, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(TOPOLOGY.encode())))
    code, out, _ = run("review", "-")
    assert code == 1 and "--> <stdin>:14 " in out


def test_schema_and_guide(run):
    code, out, _ = run("schema")
    assert code == 0 and json.loads(out)["$id"]
    code, out, _ = run("schema", "--format", "markdown")
    assert code == 0 and out.startswith("# How to write a topology\n")


def test_explain(file, run, judged):
    assert run("explain", "dual", "write", "unprotected")[1].startswith("Dual write without a common transaction")
    assert "Finding 52b4f3e8c46e: critical" in run("explain", "52b4f3e8c46e", "--topology", file)[1]
    assert json.loads(run("explain", "pg", "-f", "json")[1])["kind"] == "store"
    code, out, err = run("explain", "dual-writes-unprotected")
    assert (code, out) == (2, "") and "did you mean 'dual-write-unprotected'?" in err


def test_a_design_in_every_format(file, run, monkeypatch):
    design = DesignResult(
        applicable=True, topology="stores: {}\n", document="# Design\n", decisions=(), fixes=(), remaining=(),
        conditional=(), phases=(),
    )  # fmt: skip
    monkeypatch.setattr(use_cases, "generate_design", lambda *_: design)
    assert run("generate-design", file) == (0, design.short_text() + "\n", "") == run("design", file)
    assert run("design", file, "--format", "markdown")[1] == "# Design\n"
    assert run("design", file, "--format", "yaml")[1] == "stores: {}\n"
    assert DesignResult.model_validate_json(run("design", file, "--format", "json")[1]) == design


def test_golden_help(run, monkeypatch):
    monkeypatch.setenv("COLUMNS", "100")
    pages = [run(*verb, "--help")[1] for verb in ((), *((name,) for name in sorted(cli.cli.commands)))]
    assert_golden("help.txt", "\n".join(pages))


# Exit codes


@pytest.mark.parametrize(
    ("threshold", "code"), [("info", 1), ("medium", 1), ("high", 0), ("critical", 0), ("never", 0), (None, 0)]
)
def test_fail_on_counts_definite_findings_at_or_above(file, run, monkeypatch, threshold, code):
    # Left are a definite finding of medium severity and a conditional one of high severity.
    review = sample_review()
    monkeypatch.setattr(
        use_cases, "checked_review", lambda *_: review.model_copy(update={"findings": review.findings[1:]})
    )
    option = ("--fail-on", threshold) if threshold else ()
    for verb in ("review", "detect-antipatterns"):
        assert run(verb, file, *option)[0] == code


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"stores: {db: {tecnology: pg}, x: [}", "not valid YAML"),
        (b"stores: {db: {tecnology: pg}}", "line 1, column 15: stores.db.tecnology: unknown attribute 'tecnology'"),
        (b"a\x00b", "NUL"),
        (b"\xff\xfe", "not UTF-8"),
        (b"", "empty"),
        (b"x: " + b"y" * (2 * 1024 * 1024), "over 2 MiB"),
        (b"[" * 100_000, "nested deeper"),
        (b"a: &a [*a]", "contains itself"),
    ],
)
def test_bad_input_is_one_message_and_exit_code_2(file, run, tmp_path, content, message):
    (tmp_path / "bad.yaml").write_bytes(content)
    code, out, err = run("review", "bad.yaml")
    assert (code, out) == (2, "")
    assert err.startswith("error: bad.yaml: ") and message in err
    assert "Traceback" not in err


@pytest.mark.parametrize(
    "arguments",
    [
        ("review",),
        ("review", "missing.yaml"),
        ("classify-topology", "."),
        ("discover",),
        ("discover", "missing"),
        ("review", "shop.yaml", "--format", "pdf"),
        ("review", "shop.yaml", "--fail-on", "sometimes"),
        ("rewiev", "shop.yaml"),
        ("explain",),
        ("serve", "--port", "9000"),
        ("serve", "--root", "missing"),
        ("--colour",),
    ],
)
def test_wrong_use_is_exit_code_2(file, run, arguments):
    code, out, err = run(*arguments)
    assert (code, out) == (2, "")
    assert err.lower().count("error: ") == 1 and "Traceback" not in err


@pytest.mark.parametrize("name", ["pipe", "socket"])
def test_what_is_no_file_is_refused_at_once(tmp_path, name):
    if name == "pipe":
        os.mkfifo(tmp_path / name)
    else:
        listener = socket.socket(socket.AF_UNIX)
        os.chdir(tmp_path)  # the name of a socket must be short
        listener.bind(name)
        listener.close()
    for verb in ("review", "check", "generate-design"):
        with spawn(verb, str(tmp_path / name), stdout=subprocess.PIPE) as process:
            out, err = process.communicate(timeout=60)
        assert (process.returncode, out) == (2, b"")
        assert err.decode() == f"error: {tmp_path / name}: not a regular file\n"


@pytest.mark.parametrize("verb", ["review", "discover"])
def test_a_folder_with_nothing_to_read_is_an_error(run, tmp_path, verb):
    (tmp_path / "empty").mkdir()
    assert run(verb, str(tmp_path / "empty")) == (
        2,
        "",
        "error: empty: the folder is empty; name one with source code or configuration, or a topology file\n",
    )
    (tmp_path / "empty" / "notes.txt").write_text("x")
    code, out, err = run(verb, str(tmp_path / "empty"))
    assert (code, out) == (2, "") and "nothing in this folder is" in err and "1 other-format" in err


def test_a_word_that_only_shares_letters_is_not_suggested(run):
    assert "did you mean" not in run("explain", "nonsense")[2]
    assert "did you mean 'dual-write'" in run("explain", "dual-wirte")[2]


def test_errors_cannot_steer_the_terminal(file, run, tmp_path):
    (tmp_path / "bad.json").write_text('{"stores": {"a\\u001bcb": {"\\u202ex": 1}}}', encoding="utf-8")
    for name in ("bad.json", "\x1b]0;x\x07.yaml"):
        code, _, err = run("review", name)
        assert code == 2 and all(c.isprintable() or c == "\n" for c in err)


def test_names_in_json_are_as_clean_as_in_yaml(file, run, tmp_path):
    (tmp_path / "shop.json").write_text(
        '{"system": "a\\u001b[31m\\u202eb", "stores": {"d\\u0007b": {}}}', encoding="utf-8"
    )
    code, out, _ = run("review", "shop.json", "--format", "json")
    assert code == 0 and json.loads(out)["system"] == "a[31mb"
    assert [owner["entity"] for owner in json.loads(out)["systems_of_record"]] == []
    assert "one database, db," in json.loads(out)["applicable"]["reason"]


def test_a_bug_of_ours_is_loud(file, run, monkeypatch):
    def broken(*_):
        raise KeyError("x")

    monkeypatch.setattr(use_cases, "checked_review", broken)
    code, out, err = run("review", file)
    assert (code, out) == (70, "") and "KeyError" in err and "bug of the tool" in err


# Where it is printed


def test_output_file_is_whole_and_not_replaced_unasked(file, run, judged, tmp_path):
    printed = run("review", file)[1]
    target = tmp_path / "report.txt"
    code, out, _ = run("review", file, "--output", "report.txt")
    assert (code, out, target.read_text(encoding="utf-8")) == (1, "", printed)
    assert target.stat().st_mode == (tmp_path / "shop.yaml").stat().st_mode
    target.write_text("mine", encoding="utf-8")
    code, _, err = run("review", file, "--output", "report.txt")
    assert code == 2 and "--force" in err and target.read_text(encoding="utf-8") == "mine"
    assert run("review", file, "--output", "report.txt", "--force")[0] == 1
    assert target.read_text(encoding="utf-8") == printed
    assert sorted(p.name for p in tmp_path.iterdir()) == ["report.txt", "shop.yaml"]


def test_output_to_what_is_no_file(file, run, judged, tmp_path):
    for target in (".", "/dev/null", "shop.yaml/x"):
        code, out, err = run("review", file, "--output", target, "--force")
        assert (code, out) == (2, "") and err.startswith("error: --output ")


def test_output_makes_no_folders(file, run, judged, tmp_path):
    for verb, where, option in (("review", file, "--output"), ("discover", ".", "--write")):
        code, out, err = run(verb, where, option, "missing/out.yaml")
        assert (code, out) == (2, "")
        assert "there is no folder missing; make it first" in err
    assert not (tmp_path / "missing").exists()
    assert run("review", file, "--output", "-")[1] == run("review", file)[1]


def test_colour_only_where_it_is_wanted(file, run, judged, monkeypatch, tmp_path):
    plain = run("review", file)[1]
    assert "\x1b" not in plain
    monkeypatch.setenv("FORCE_COLOR", "1")
    coloured = run("review", file)[1]
    assert re.sub(r"\x1b\[[0-9;]*m", "", coloured) == plain != coloured
    assert "\x1b[31m\x1b[1merror:" in run("review", "missing")[2]
    run("review", file, "--output", "report.txt")
    assert (tmp_path / "report.txt").read_text(encoding="utf-8") == plain
    assert run("review", file, "--format", "json")[1].startswith("{")
    monkeypatch.setenv("NO_COLOR", "1")
    assert run("review", file)[1] == plain


def test_forced_colour_is_not_for_files(file, tmp_path):
    with open("forced.txt", "wb") as shown:
        process = subprocess.run(
            [sys.executable, "-m", "data_integration_architect.cli", "explain", "cdc"],
            env={**ENVIRONMENT, "FORCE_COLOR": "1"},
            stdout=shown,
            check=True,
        )
    assert process.returncode == 0
    assert b"\x1b" not in (tmp_path / "forced.txt").read_bytes()


def test_a_terminal_gets_colour_and_its_width(file):
    leader, follower = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "data_integration_architect.cli", "explain", "cdc"],
        env={**ENVIRONMENT, "COLUMNS": "84"},
        stdout=follower,
    )
    os.close(follower)
    shown = b""
    while True:
        try:
            piece = os.read(leader, 65536)
        except OSError:
            break
        if not piece:
            break
        shown += piece
    os.close(leader)
    assert process.wait() == 0
    assert b"\x1b[1;4mNeeds\x1b[0m" in shown
    lines = [line for line in re.sub(r"\x1b\[[0-9;]*m", "", shown.decode()).splitlines() if "http" not in line]
    assert 80 < max(map(len, lines)) <= 84


def test_output_does_not_depend_on_the_locale(file):
    environment = {**ENVIRONMENT, "PYTHONIOENCODING": "ascii", "LC_ALL": "C", "PYTHONUTF8": "0"}
    shown = subprocess.run(
        [sys.executable, "-m", "data_integration_architect.cli", "explain", "topology"],
        env=environment,
        capture_output=True,
        check=True,
    )
    assert "{request: …}" in shown.stdout.decode("utf-8")


def test_a_closed_pipe_is_quiet():
    reader, writer = os.pipe()
    os.close(reader)
    process = spawn("schema", stdout=writer)
    os.close(writer)
    _, err = process.communicate()
    assert (process.returncode, err) == (141, b"")


def test_an_interrupt_is_exit_code_130(file, run, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(use_cases, "checked_review", interrupted)
    code, out, err = run("review", file)
    assert (code, out, err.strip()) == (130, "", "")


# Start


@pytest.mark.parametrize("option", ["--version", "--help"])
def test_help_and_version_import_nothing_heavy(option):
    program = (
        "import sys\n"
        "from data_integration_architect.cli import main\n"
        "try: main(sys.argv[1:])\n"
        "except SystemExit as end: assert end.code == 0\n"
        "heavy = {'pydantic', 'yaml', 'jinja2', 'mcp', 'anyio'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    shown = subprocess.run(
        [sys.executable, "-c", program, option], env=ENVIRONMENT, capture_output=True, check=True, encoding="utf-8"
    )
    if option == "--version":
        assert shown.stdout == f"data-integration-architect {__version__}\n"


def test_the_server_starts_without_the_engines():
    program = (
        "import sys\n"
        "from data_integration_architect.mcp_server import create_server\n"
        "create_server()\n"
        "engines = {'topology', 'catalog', 'analysis', 'modelcheck', 'use_cases', 'renderers', 'scanners'}\n"
        "heavy = {f'data_integration_architect.{name}' for name in engines} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", program], env=ENVIRONMENT, check=True)


@pytest.fixture
def served(monkeypatch):
    """What the server would have been started with."""
    from data_integration_architect import mcp_server

    calls = []
    monkeypatch.setattr(mcp_server, "serve_stdio", lambda *given: calls.append(("stdio", *given)))
    monkeypatch.setattr(mcp_server, "serve_http", lambda *given: calls.append(("http", *given)))
    return calls


def test_serve(file, run, served, tmp_path):
    assert run("serve") == (0, "", "")
    assert run("serve", "--root", ".")[0] == 0
    arguments = ("--host", "0.0.0.0", "--port", "9000", "--token-env", "TOKEN")
    hosts = ("--allowed-host", "a:9000", "--allowed-host", "b", "--allowed-origin", "https://c")
    assert run("serve", "--http", *arguments, *hosts)[0] == 0
    assert served[0] == ("stdio", None)
    assert served[1][1].folder == tmp_path.resolve()
    assert served[2] == ("http", None, "0.0.0.0", 9000, "TOKEN", ("a:9000", "b"), ("https://c",))


def test_an_address_that_is_taken_is_one_line_and_exit_code_2():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with spawn("serve", "--http", "--port", str(port), stdout=subprocess.PIPE) as process:
            out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (2, b"")
    assert err.decode() == (
        f"error: cannot serve on 127.0.0.1 port {port}: the port is taken; give another --port or --host\n"
    )
    with spawn("serve", "--http", "--host", "no.such.host.invalid", stdout=subprocess.PIPE) as process:
        out, err = process.communicate(timeout=60)
    assert process.returncode == 2 and err.startswith(b"error: cannot serve on no.such.host.invalid port 8000: ")


def test_the_short_name_of_a_verb_is_in_the_help(run):
    assert re.search(r"^  design +Short for generate-design\.$", run("--help")[1], re.M)
    assert "Target topology" in run("design", "--help")[1]


@pytest.mark.parametrize("wanted", sorted(cli.OTHER_FORMATS))
def test_a_format_of_other_verbs_is_answered_with_those(run, wanted):
    formats = {
        name: option.type.choices
        for name, verb in cli.cli.commands.items()
        for option in verb.params
        if option.name == "form" and name != "export"
    }
    having = [name for name, choices in formats.items() if wanted in choices]
    assert sorted(re.findall(r"[a-z-]+", cli.OTHER_FORMATS[wanted])) == sorted([*having, *["and"] * (len(having) > 1)])
    for name in formats.keys() - having:
        code, _, error = run(name, "shop.yaml", "--format", wanted)
        assert code == 2
        assert f"{wanted} is a format of {cli.OTHER_FORMATS[wanted]}" in error

"""Discovery of a small repository: what is read, what the draft says, what never leaves, what people wrote stays."""

import json
import os
import pty
import re
import shutil
import socket
import subprocess
import sys
from importlib import import_module

import anyio
import pytest
from mcp import Client

from data_integration_architect import cli, repository
from data_integration_architect.discovery import discover
from data_integration_architect.errors import InputError, RefusedPath
from data_integration_architect.files import Root, parse_text
from data_integration_architect.mcp_server import create_server
from data_integration_architect.repository import read_repository
from data_integration_architect.results import Discovery
from data_integration_architect.topology import load_topology
from data_integration_architect.topology.merge import merge_draft
from golden_files import assert_golden
from support import ROOT

MODES = ["auto", "legacy"]
SECRETS = ("hunter2", "ghp_", "s3cr3t")


@pytest.fixture
def orders(tmp_path):
    """A copy of the small repository, with what cannot be checked in."""
    folder = tmp_path / "orders"
    shutil.copytree(ROOT / "tests" / "scanner_repos" / "orders", folder)
    (folder / "build").mkdir()
    (folder / "build" / "copy.py").write_text((folder / "orders" / "app.py").read_text(encoding="utf-8"))
    (folder / "logo.sql").write_bytes(b"\x89\x00\x01")
    return folder


@pytest.fixture
def run(capsys):
    def run_command(*arguments):
        with pytest.raises(SystemExit) as exit_:
            cli.main(arguments)
        out, err = capsys.readouterr()
        return exit_.value.code, out, err

    return run_command


def found_in(folder, **options) -> Discovery:
    return discover(folder, workers=0, **options)


# What is found


def test_golden_draft(orders):
    assert_golden("discovered-orders.yaml", found_in(orders).topology)


def test_stores_dual_write_and_counts(orders):
    found = found_in(orders)
    assert {(s.name, s.technology, s.role) for s in found.stores} == {
        ("broker", "kafka", "broker"), ("db", "postgresql", "store"), ("search", "elasticsearch", "store"),
    }  # fmt: skip
    (dual,) = found.dual_writes
    assert (dual.function, dual.at, dual.order) == ("change_status", "orders/app.py:18", "no-transaction")
    assert dual.effects == ("write postgresql orders at orders/app.py:20", "write elasticsearch at orders/app.py:21")
    assert {(link.program, link.target) for link in found.links} >= {("orders", "db"), ("orders", "search")}
    assert found.files.read == 6 and found.files.skipped == {"binary": 1, "ignored": 1, "other-format": 1}
    assert 0 < len(found.questions) <= 7 and found.findings == 1


def test_workers_give_the_same(orders):
    phases = []
    assert discover(orders, lambda *told: phases.append(told)) == found_in(orders)
    assert ("reading configuration", 6, 6) in phases or any(p[0] == "reading configuration" for p in phases)
    assert ("reading code", 1, 1) in phases and phases[-1][0] == "judging"


def test_every_place_is_a_line_of_the_repository(orders):
    text = found_in(orders).topology
    places = re.findall(r"at: '?([^'}\n]+):(\d+)'?", text)
    assert len(places) > 10
    for path, line in places:
        assert 1 <= int(line) <= len((orders / path).read_text(encoding="utf-8").splitlines())


def test_malformed_files_are_reported_and_the_rest_is_read(orders):
    (orders / "compose.override.yaml").write_text("services: {db: [s3cr3t", encoding="utf-8")
    (orders / "orders" / "odd.py").write_bytes(b"def f(:\n  \xff\xfe s3cr3t(((")
    found = found_in(orders)
    (problem,) = found.problems
    assert problem.startswith("compose.override.yaml:2: compose") and "s3cr3t" not in found.model_dump_json()
    assert len(found.dual_writes) == 1


# What is read


def tree_of(folder, wanted=lambda path: True):
    tree = read_repository(folder, wanted)
    return [path for path, _ in tree.files], dict(tree.skipped)


def files_in(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name, encoding="utf-8")


def test_ignore_files_are_honoured_as_git_does(tmp_path):
    files_in(tmp_path, "a.log", "keep.log", "sub/b.log", "sub/c.txt", "out/x.txt", "sub/out/y.txt", "sub/deep/d.tmp")
    (tmp_path / ".gitignore").write_text("*.log\n!keep.log\n/out/\n# comment\n", encoding="utf-8")
    (tmp_path / "sub" / ".gitignore").write_text("!b.log\nc.txt\n*.tmp\n", encoding="utf-8")
    paths, skipped = tree_of(tmp_path, lambda path: ".gitignore" not in path)
    assert paths == ["keep.log", "sub/b.log", "sub/out/y.txt"]
    assert skipped == {"ignored": 4, "other-format": 2}


def test_links_are_never_followed(tmp_path):
    outside = tmp_path / "outside"
    files_in(outside, "s3cr3t.py")
    files_in(tmp_path / "root", "a.py")
    (tmp_path / "root" / "b.py").symlink_to(outside / "s3cr3t.py")
    (tmp_path / "root" / "folder").symlink_to(outside)
    (tmp_path / "root" / "same.py").symlink_to("a.py")
    (tmp_path / "root" / "loop").symlink_to(".")
    (tmp_path / "root" / ".gitignore").symlink_to(outside / "s3cr3t.py")
    paths, skipped = tree_of(tmp_path / "root")
    assert paths == ["a.py"] and skipped == {"link": 2, "link-out-of-root": 3}


def test_devices_pipes_and_sockets_are_not_opened(tmp_path, monkeypatch):
    os.mkfifo(tmp_path / "pipe.py")
    monkeypatch.chdir(tmp_path)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("socket.py")
        assert tree_of(tmp_path) == ([], {"special": 2})


def test_limits_are_counted_by_reason(tmp_path, monkeypatch):
    files_in(tmp_path, "a.py", "b.py", "c.py", "deep/x/y.py", "node_modules/m.py", ".git/config")
    (tmp_path / "big.py").write_text("x" * 100, encoding="utf-8")
    monkeypatch.setattr(repository, "MOST_FILE_BYTES", 50)
    monkeypatch.setattr(repository, "MOST_FOLDER_DEPTH", 1)
    paths, skipped = tree_of(tmp_path)
    assert paths == ["a.py", "b.py", "c.py"] and skipped == {"aside": 2, "too-deep": 1, "too-large": 1}
    monkeypatch.setattr(repository, "MOST_FILES", 2)
    assert tree_of(tmp_path)[0] == ["a.py", "b.py"] and tree_of(tmp_path)[1]["too-many"] == 4
    monkeypatch.setattr(repository, "MOST_TOTAL_BYTES", 5)
    assert tree_of(tmp_path)[0] == ["a.py"]


@pytest.mark.parametrize("name", ["missing", "file"])
def test_what_is_no_folder_is_refused(tmp_path, name):
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(RefusedPath):
        found_in(tmp_path / name)


def test_hostile_names_stay_on_their_line(tmp_path):
    files_in(tmp_path, "a\n# b\x1b[31m\u202e/compose.yaml", "c'\"]{}: /x.sql")
    (tmp_path / "a\n# b\x1b[31m\u202e" / "compose.yaml").write_text("services: {d: {image: postgres}}", "utf-8")
    (tmp_path / "c'\"]{}: " / "x.sql").write_text("CREATE TABLE t (id int PRIMARY KEY);", "utf-8")
    found = found_in(tmp_path)
    load_topology(parse_text(found.topology))
    assert not set("\x1b\u202e") & set(found.model_dump_json() + found.topology)
    assert all("\n" not in place for store in found.stores for place in store.evidence)


# What never leaves


def test_secrets_are_in_no_output(orders, run):
    outputs = [found_in(orders).model_dump_json()]
    for arguments in (("discover",), ("discover", "-f", "yaml"), ("discover", "-f", "json"), ("review",),
                      ("review", "-f", "json"), ("review", "-f", "sarif"), ("review", "-f", "markdown")):  # fmt: skip
        code, out, err = run(arguments[0], str(orders), *arguments[1:])
        assert code in {0, 1} and out
        outputs += [out, err]
    assert not [secret for secret in SECRETS for text in outputs if secret in text]


def test_the_seeds_are_there():
    texts = "".join(
        p.read_text(encoding="utf-8") for p in (ROOT / "tests/scanner_repos/orders").iterdir() if p.is_file()
    )
    assert "hunter2" in texts and "ghp_" in texts


# Writing, and writing again


def test_a_second_run_changes_nothing(orders, tmp_path):
    target = tmp_path / "draft.yaml"
    first = found_in(orders, write=target)
    text = target.read_text(encoding="utf-8")
    assert text == first.topology and first.written == "draft.yaml" and first.changes == ()
    again = found_in(orders, write=target)
    assert target.read_text(encoding="utf-8") == text and again.changes == ()


def test_nothing_is_written_unasked(orders):
    before = sorted(str(path) for path in orders.rglob("*"))
    found_in(orders)
    assert sorted(str(path) for path in orders.rglob("*")) == before


def test_what_a_person_wrote_stays(orders, tmp_path):
    target = tmp_path / "draft.yaml"
    text = found_in(orders, write=target).topology
    text = "# ours\n" + text.replace("scope: partial", "scope: whole")
    text = text.replace(
        "  db:\n    technology: postgresql\n", "  db:\n    technology: cockroachdb\n    log_access: true\n"
    )
    text = text.replace("        - write: search\n", "        - write: search\n          mode: replace\n")
    text += "readers: [{reads: search, tolerates: 5s}]\n"
    target.write_text(text, encoding="utf-8")
    app = orders / "orders" / "app.py"
    app.write_text('"""Longer."""\n\n' + app.read_text(encoding="utf-8"), encoding="utf-8")
    with open(orders / "compose.yaml", "a", encoding="utf-8") as compose:
        compose.write("  cache:\n    image: redis:7\n")
    found = found_in(orders, write=target)
    data = parse_text(target.read_text(encoding="utf-8")).data
    assert target.read_text(encoding="utf-8").startswith("# ours\n# Draft from")
    assert data["scope"] == "whole" and data["readers"] == [{"reads": "search", "tolerates": "5s"}]
    assert (data["stores"]["db"]["technology"], data["stores"]["db"]["log_access"]) == ("cockroachdb", True)
    step = data["processes"]["orders"]["handlers"]["change_status"]["steps"][1]
    assert step["mode"] == "replace" and step["evidence"] == [{"at": "orders/app.py:23"}]
    assert data["stores"]["cache"]["technology"] == "redis"
    assert "new: stores.cache" in found.changes
    assert "kept: stores.db.technology says cockroachdb, the repository postgresql" in found.changes


def test_comments_and_quotes_of_a_person_stay(orders, tmp_path):
    target = tmp_path / "draft.yaml"
    text = found_in(orders, write=target).topology
    text = text.replace(
        "  db:\n    technology: postgresql\n", "  # the old one\n  db:\n    technology: 'postgresql'  # 16\n"
    )
    text = text.replace(
        "        - write: search\n", "        # nobody reads this yet\n        - write: search  # slow\n"
    )
    text += "\n# who looks at it\nreaders: [{reads: search, tolerates: 5s}]  # the shop\n"
    target.write_text(text, encoding="utf-8")
    assert "# the old one" in text and "# nobody" in text
    app = orders / "orders" / "app.py"
    app.write_text('"""Longer."""\n\n' + app.read_text(encoding="utf-8"), encoding="utf-8")
    with open(orders / "compose.yaml", "a", encoding="utf-8") as compose:
        compose.write("  cache:\n    image: redis:7\n")
    found = found_in(orders, write=target)
    made = target.read_text(encoding="utf-8")
    comments = ("# the old one", "# 16", "# nobody reads this yet", "# slow", "# who looks at it", "# the shop")
    assert [one for one in comments if one not in made] == []
    assert "technology: 'postgresql'  # 16" in made and "new: stores.cache" in found.changes
    before, after = text.splitlines(), made.splitlines()
    changed = [line for line in before if line not in after]
    assert all("at:" in line or "evidence" in line for line in changed), changed
    assert found_in(orders, write=target).topology == made


def test_a_file_that_is_no_topology_is_not_overwritten(orders, tmp_path):
    target = tmp_path / "other.yaml"
    target.write_text("recipe: {flour: 1}\n", encoding="utf-8")
    with pytest.raises(InputError):
        found_in(orders, write=target)
    assert target.read_text(encoding="utf-8") == "recipe: {flour: 1}\n"
    assert found_in(orders, write=target, replace=True).topology == target.read_text(encoding="utf-8")


STEP = {"write": "db", "entity": "order", "evidence": [{"at": "a.py:3"}]}
INDEX = {"write": "search", "entity": "order", "evidence": [{"at": "a.py:4"}]}


def draft_of(*steps, name="save"):
    handler = {"steps": list(steps), "evidence": [{"at": "a.py:1"}]}
    stores = {n: {"evidence": [{"at": f"compose.yaml:{i}"}]} for i, n in enumerate(("db", "search"), 2)}
    return {
        "scope": "partial",
        "stores": stores,
        "entities": {"order": {}},
        "processes": {"p": {"handlers": {name: handler}}},
    }


def steps_after(earlier, draft):
    merged = merge_draft(earlier, draft)
    load_topology(parse_text(json.dumps(merged.data)))
    return merged.data["processes"]["p"]["handlers"]["save"]["steps"], merged.changes


def test_a_step_that_went_from_the_code_goes_unless_a_person_worked_on_it():
    assert steps_after(draft_of(STEP, INDEX), draft_of(STEP)) == (
        [STEP],
        ["gone: processes.p.save write search (order)"],
    )
    for edited in ({**INDEX, "guard": "version"}, {**INDEX, "evidence": [{"at": "a.py:4"}, {"says": "Ann"}]}):
        steps, changes = steps_after(draft_of(STEP, edited), draft_of(STEP))
        assert steps == [STEP, edited] and changes == ["no longer seen, kept: processes.p.save write search (order)"]
    mine = {"write": "search", "entity": "order"}
    assert steps_after(draft_of(STEP, mine), draft_of(STEP)) == ([STEP, mine], [])


def test_a_new_step_comes_where_the_code_has_it():
    first = {"read": "db", "entity": "order", "evidence": [{"at": "a.py:2"}]}
    steps, changes = steps_after(draft_of(STEP), draft_of(first, STEP, INDEX))
    assert steps == [first, STEP, INDEX] and len(changes) == 2


def test_a_corrected_entity_is_recognised_by_its_place():
    corrected = {**STEP, "entity": "invoice"}
    earlier = draft_of(corrected)
    earlier["entities"]["invoice"] = {}
    steps, changes = steps_after(earlier, draft_of(STEP))
    assert steps == [corrected]
    assert changes == ["kept: processes.p.save write db (invoice).entity says invoice, the repository order"]


def test_a_renamed_store_keeps_its_name_everywhere():
    earlier = json.loads(json.dumps(draft_of(STEP, INDEX)).replace('"db"', '"postgres"'))
    merged = merge_draft(earlier, draft_of(STEP, INDEX))
    assert merged.data == earlier and merged.changes == []


def test_a_handler_that_went_goes():
    merged = merge_draft(draft_of(STEP, name="old"), draft_of(STEP, name="save"))
    assert list(merged.data["processes"]["p"]["handlers"]) == ["save"]


# Command


def test_discover_in_every_format(orders, run, monkeypatch):
    monkeypatch.chdir(orders.parent)
    code, out, err = run("discover", "orders")
    assert (code, err) == (0, "") and "orders/app.py:18: change_status: write postgresql" in " ".join(out.split())
    assert "1 dual write" in out and "1 ignored" in out
    assert run("discover", "orders", "--format", "yaml")[1] == found_in(orders).topology
    assert Discovery.model_validate_json(run("discover", "orders", "--format", "json")[1]) == found_in(orders)
    assert run("discover", "orders", "--write", "draft.yaml")[0] == 0
    assert run("review", "draft.yaml")[0] == 1
    (orders.parent / "draft.yaml").write_text("a: 1\n", encoding="utf-8")
    code, out, err = run("discover", "orders", "--write", "draft.yaml")
    assert (code, out) == (2, "") and "draft.yaml" in err
    assert run("discover", "orders", "--write", "draft.yaml", "--force")[0] == 0
    assert run("discover", "missing")[0] == 2


def test_review_of_a_repository_names_file_and_line(orders, run):
    code, out, err = run("review", str(orders))
    assert (code, err) == (1, "")
    assert (
        "--> orders/app.py:21 processes.orders.handlers.change_status.steps[1]\n    = seen at: orders/app.py:20" in out
    )
    log = json.loads(run("review", str(orders), "--format", "sarif")[1])
    (first, *_) = log["runs"][0]["results"]
    assert first["locations"][0]["physicalLocation"] == {
        "artifactLocation": {"uri": "orders/app.py", "uriBaseId": "%SRCROOT%"}, "region": {"startLine": 21},
    }  # fmt: skip
    assert first["relatedLocations"][0]["physicalLocation"]["region"] == {"startLine": 20}


# Server


def with_client(root, work, mode="auto"):
    async def main():
        async with Client(create_server(Root(root)), mode=mode) as client:
            return await work(client)

    return anyio.run(main)


@pytest.mark.parametrize("mode", MODES)
def test_the_tool_drafts_writes_and_reports_progress(orders, mode):
    seen = []
    with open(orders / "orders" / "app.py", "a", encoding="utf-8") as source:
        source.write(f"# {orders}\n")  # nothing of it is kept from an earlier reading

    async def work(client):
        async def note(progress, total, message):
            seen.append((progress, message))

        arguments = {"path": ".", "write": "docs/draft.yaml"}
        return await client.call_tool("discover_topology", arguments, progress_callback=note)

    answer = with_client(orders, work, mode)
    assert not answer.is_error, answer.content
    found = Discovery.model_validate(answer.structured_content)
    assert found.topology == (orders / "docs" / "draft.yaml").read_text(encoding="utf-8")
    assert found.written == "docs/draft.yaml" and len(found.dual_writes) == 1
    text = answer.content[0].text
    assert "change_status" in text and len(text) < 5_000
    assert not [secret for secret in SECRETS if secret in text + str(answer.structured_content)]
    assert seen == sorted(seen, key=lambda one: one[0]) and seen[-1] == (100, "done")
    assert any(message.startswith("reading code 1/1") for _, message in seen)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        ({"path": ".."}, "outside the root"),
        ({"path": "missing"}, "not a folder"),
        ({"path": "empty"}, "the folder is empty"),
        ({"path": "compose.yaml"}, "not a folder"),
        ({"path": "away"}, "outside the root"),
        ({"path": ".", "write": "../x.yaml"}, "outside the root"),
        ({"path": ".", "write": "Makefile"}, ".yaml"),
        ({"path": ".", "write": ".github/x.yml"}, "hidden"),
        ({"path": ".", "write": "compose.yaml"}, "compose.yaml"),
        ({}, "path"),
    ],
)
def test_the_tool_refuses(orders, arguments, word, mode):
    (orders / "away").symlink_to("/")
    (orders / "empty").mkdir()
    before = sorted(str(path) for path in orders.rglob("*"))

    async def work(client):
        return await client.call_tool("discover_topology", arguments)

    answer = with_client(orders, work, mode)
    assert answer.is_error and word in answer.content[0].text
    assert not [secret for secret in SECRETS if secret in answer.content[0].text]
    assert sorted(str(path) for path in orders.rglob("*")) == before


def test_a_cancelled_call_leaves_no_process_and_no_file(orders):
    import multiprocessing

    from data_integration_architect.mcp_server import crew

    crew._end_all()
    source = (orders / "orders" / "app.py").read_text(encoding="utf-8")
    for number in range(200):  # so that reading lasts longer than a note of its progress takes to arrive
        (orders / "orders" / f"app_{number}.py").write_text(f"{source}\nNUMBER = {number}\n", encoding="utf-8")

    async def work(client):
        with anyio.CancelScope() as scope:

            async def end(progress, total, message):
                if message.startswith("reading code") and multiprocessing.active_children():
                    scope.cancel()

            arguments = {"path": ".", "write": "draft.yaml"}
            await client.call_tool("discover_topology", arguments, progress_callback=end)
        with anyio.fail_after(20):
            while multiprocessing.active_children():
                await anyio.sleep(0.05)
        return scope.cancelled_caught

    assert with_client(orders, work)
    assert not (orders / "draft.yaml").exists()


def test_the_tool_list_stays_within_its_budget():
    from token_count import token_count

    async def work(client):
        return await client.list_tools()

    whole = with_client(ROOT, work).model_dump(mode="json", by_alias=True, exclude_none=True)
    shown = [{key: tool[key] for key in ("name", "description", "inputSchema")} for tool in whole["tools"]]
    assert token_count(json.dumps(shown, separators=(",", ":"))) <= 1_500
    assert len(json.dumps(whole, separators=(",", ":"), ensure_ascii=False).encode()) <= 24 * 1024


# Limits


def test_the_table_of_limits_says_what_the_code_says():
    """Each limit of the reading of topologies and repositories, with its value in the units of the table."""
    rows = re.findall(
        r"^\| [^|]+ \| ([^|]+) \| `(\w+)\.([A-Z_]+)` \|$", (ROOT / "SECURITY.md").read_text("utf-8"), re.M
    )
    modules = {
        "repository": "repository", "isolated": "scanners.isolated",
        "handlers": "scanners.config.handlers", "parse": "scanners.code.parse", "channels": "scanners.config.channels",
        "entities": "scanners.config.entities", "discovery": "discovery", "scan_cache": "scan_cache", "files": "files",
        "references": "topology.references", "crew": "mcp_server.crew",
    }  # fmt: skip
    checked = 0
    for said, module, name in rows:
        if module in modules:
            value = getattr(import_module(f"data_integration_architect.{modules[module]}"), name)
            number, unit = re.match(r"([\d,]+) ?(MiB|GiB|KiB)?", said).groups()
            size = {"KiB": 1024, "MiB": 1024**2, "GiB": 1024**3, None: 1}[unit]
            assert int(number.replace(",", "")) * size == value, name
            checked += 1
    assert checked >= 16


def test_a_terminal_sees_how_far_it_is(orders):
    """On standard error only, and wiped away at the end."""
    leader, follower = pty.openpty()
    program = "from data_integration_architect.cli import main; main()"
    process = subprocess.run(
        [sys.executable, "-c", program, "discover", str(orders)],
        env={**os.environ, "PYTHONPATH": str(ROOT / "server")},
        stdout=subprocess.PIPE,
        stderr=follower,
        check=True,
    )
    os.close(follower)
    shown = os.read(leader, 65536).decode()
    os.close(leader)
    assert "reading code 1/1 files" in shown and shown.endswith("\r\x1b[K") and "\n" not in shown
    assert b"\x1b" not in process.stdout and b"change_status" in process.stdout

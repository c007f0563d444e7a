"""Accepted findings need a reason and may end; of a change only what it touches is shown; SARIF of what code shows."""

import json
import re
import subprocess

import pytest
import yaml

from data_integration_architect import cli
from data_integration_architect.discovery import discover
from data_integration_architect.errors import RefusedPath
from data_integration_architect.revision import changed_lines, newest_day

CODE = """\
import psycopg2
import redis

db = psycopg2.connect("dbname=shop")
cache = redis.Redis()


def place(order):
    cursor = db.cursor()
    cursor.execute("INSERT INTO orders (id) VALUES (%s)", (order,))
    db.commit()
    cache.set("order", order)


def cancel(order):
    cursor = db.cursor()
    cursor.execute("UPDATE orders SET state = 'x' WHERE id = %s", (order,))
    db.commit()
    cache.set("cancelled", order)
"""


def git(folder, *arguments, day="2026-03-01"):
    subprocess.run(
        ["git", "-c", "user.name=a", "-c", "user.email=a@example.com", *arguments], cwd=folder, check=True,
        capture_output=True, env={"GIT_COMMITTER_DATE": f"{day}T12:00:00Z", "GIT_AUTHOR_DATE": f"{day}T12:00:00Z",
                                  "PATH": "/usr/bin:/bin:/usr/local/bin", "GIT_CONFIG_GLOBAL": "/dev/null"},
    )  # fmt: skip


@pytest.fixture
def shop(tmp_path):
    folder = tmp_path / "shop"
    (folder / "app").mkdir(parents=True)
    (folder / "requirements.txt").write_text("psycopg2\nredis\n", encoding="utf-8")
    (folder / "app" / "orders.py").write_text(CODE, encoding="utf-8")
    git(folder, "init", "-q", "-b", "main")
    git(folder, "add", ".")
    git(folder, "commit", "-q", "-m", "first")
    return folder


@pytest.fixture
def run(capsys):
    def run_command(*arguments):
        with pytest.raises(SystemExit) as exit_:
            cli.main([str(argument) for argument in arguments])
        out, err = capsys.readouterr()
        return exit_.value.code, out, err

    return run_command


def functions(answer):
    code, out, err = answer
    assert code == 0, err
    return [one["function"] for one in json.loads(out)["dual_writes"]]


def change(shop, old, new):
    path = shop / "app" / "orders.py"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


# Comments


@pytest.mark.parametrize("where", ['    cache.set("order", order)', "def place(order):"])
def test_a_comment_with_a_reason_accepts(shop, run, where):
    comment = "# data-integration-architect: ignore[dual-write-unprotected] rebuilt every night"
    indent = " " * (len(where) - len(where.lstrip()))
    change(shop, where, f"{indent}{comment}\n{where}")
    answer = run("discover", shop, "--format", "json")
    assert functions(answer) == ["cancel"] and "1 accepted, not shown" in answer[2]


@pytest.mark.parametrize(("comment", "said"), [("ignore[dual-write-unprotected]", "gives no reason"),
                                               ("ignore[dead-outbox] because", "")])  # fmt: skip
def test_a_comment_without_a_reason_or_for_another_id_accepts_nothing(shop, run, comment, said):
    change(shop, "def place", f"# data-integration-architect: {comment}\ndef place")
    answer = run("discover", shop, "--format", "json")
    assert functions(answer) == ["place", "cancel"] and said in answer[2]


def test_a_comment_holds_for_the_review_too(shop, run):
    before = json.loads(run("review", shop, "--format", "json", "--check", "none")[1])["findings"]
    change(shop, "def place", "# data-integration-architect: ignore[dual-write-unprotected] rebuilt\ndef place")
    after = json.loads(run("review", shop, "--format", "json", "--check", "none")[1])["findings"]
    assert 0 < len(after) < len(before)


# Baselines


def test_what_is_accepted_stays_silent_and_what_is_new_does_not(shop, run, tmp_path):
    file = tmp_path / "baseline.yaml"
    assert run("discover", shop, "--write-baseline", file, "--reason", "as it was in March")[0] == 0
    assert functions(run("discover", shop, "--format", "json", "--baseline", file)) == []
    change(shop, "import redis", "import redis\n# lines move")
    change(shop, "def cancel", "def cancel_order")
    code, _, err = run("discover", shop, "--format", "json", "--baseline", file)
    assert code == 2 and "no such finding any more; delete the entry" in err and "line" in err
    stale = [word for word in err.split() if re.fullmatch(r"[0-9a-f]{12}:", word)]
    entries = yaml.safe_load(file.read_text(encoding="utf-8"))["discover"]
    left = [entry for entry in entries if f"{entry['fingerprint']}:" not in stale]
    assert len(left) == len(entries) - 1
    file.write_text(yaml.safe_dump({"discover": left}), encoding="utf-8")
    assert functions(run("discover", shop, "--format", "json", "--baseline", file)) == ["cancel_order"]


def test_an_acceptance_ends(shop, run, tmp_path):
    found = discover(shop, workers=0).dual_writes
    file = tmp_path / "baseline.yaml"
    entries = "".join(
        f"  - {{fingerprint: {one.fingerprint}, reason: soon, until: 2026-06-30}}\n" for one in found
    )  # fmt: skip
    file.write_text("discover:\n" + entries, encoding="utf-8")
    with_day = ("discover", shop, "--format", "json", "--baseline", file, "--today")
    assert functions(run(*with_day, "2026-06-30")) == []
    answer = run(*with_day, "2026-07-01")
    assert functions(answer) == ["place", "cancel"] and "ended on 2026-06-30" in answer[2]
    assert functions(run(*with_day[:-1])) == []  # the newest commit is of March
    assert newest_day(shop).isoformat() == "2026-03-01"
    assert run(*with_day, "soon")[0] == 2


@pytest.mark.parametrize(("text", "said"), [
    ("discover: [{fingerprint: a}]", "say why"), ("discover: [{fingerprint: a, reason: ' '}]", "say why"),
    ("discover: [{reason: a}]", "fingerprint of the finding is needed"), ("finding: []", "unknown key"),
    ("discover: [{fingerprint: a, reason: b, untill: 2026-01-01}]", "unknown key"), ("- a", "a mapping"),
    ("discover: [{fingerprint: a, reason: b, until: June}]", "YYYY-MM-DD"), ("discover: a", "a list"),
])  # fmt: skip
def test_a_wrong_baseline_is_refused(shop, run, tmp_path, text, said):
    file = tmp_path / "baseline.yaml"
    file.write_text(text, encoding="utf-8")
    code, _, err = run("discover", shop, "--baseline", file)
    assert code == 2 and said in err and "Traceback" not in err


def test_a_baseline_needs_a_reason(shop, run, tmp_path):
    code, _, err = run("discover", shop, "--write-baseline", tmp_path / "b.yaml")
    assert code == 2 and "--reason" in err and not (tmp_path / "b.yaml").exists()


def test_one_file_serves_both_verbs(shop, run, tmp_path):
    file = tmp_path / "baseline.yaml"
    run("discover", shop, "--write-baseline", file, "--reason", "a")
    run("review", shop, "--check", "none", "--write-baseline", file, "--reason", "b")
    assert functions(run("discover", shop, "--format", "json", "--baseline", file)) == []
    code, out, _ = run("review", shop, "--check", "none", "--format", "json", "--baseline", file)
    assert code == 0 and json.loads(out)["findings"] == []


# Changes


def test_of_a_change_only_what_it_touches_is_shown(shop, run):
    assert functions(run("discover", shop, "--format", "json", "--changed-since", "HEAD")) == []
    change(shop, 'cache.set("cancelled", order)', 'cache.set("cancelled", order, 60)')
    assert functions(run("discover", shop, "--format", "json", "--changed-since", "HEAD")) == ["cancel"]
    git(shop, "commit", "-qam", "second")
    assert functions(run("discover", shop, "--format", "json", "--changed-since", "HEAD~1")) == ["cancel"]
    (shop / "app" / "new.py").write_text(CODE.replace("def cancel", "def other"), encoding="utf-8")
    shown = functions(run("discover", shop, "--format", "json", "--changed-since", "HEAD"))
    assert sorted(shown) == ["other", "place"]


def test_a_change_is_counted_from_where_the_branch_left(shop, run):
    git(shop, "checkout", "-q", "-b", "branch")
    change(shop, 'cache.set("cancelled", order)', 'cache.set("cancelled", order, 60)')
    git(shop, "commit", "-qam", "on the branch")
    git(shop, "checkout", "-q", "main")
    change(shop, 'cache.set("order", order)', 'cache.set("order", order, 60)')
    git(shop, "commit", "-qam", "on main")
    git(shop, "checkout", "-q", "branch")
    assert functions(run("discover", shop, "--format", "json", "--changed-since", "main")) == ["cancel"]


def test_a_folder_below_the_repository(shop, run):
    change(shop, 'cache.set("cancelled", order)', 'cache.set("cancelled", order, 60)')
    assert functions(run("discover", shop / "app", "--format", "json", "--changed-since", "HEAD")) == ["cancel"]


@pytest.mark.parametrize("revision", ["nowhere", "--output=x", "HEAD:app", ""])
def test_what_is_no_revision_is_refused(shop, revision):
    with pytest.raises(RefusedPath, match="--changed-since"):
        changed_lines(shop, revision, [])
    assert not (shop / "x").exists()


def test_without_version_control(tmp_path):
    assert newest_day(tmp_path) is None
    with pytest.raises(RefusedPath):
        changed_lines(tmp_path, "HEAD", [])


def test_nothing_that_the_repository_configures_runs(shop, tmp_path):
    """Filters, external diffs, hooks and monitors of the repository's own settings."""
    trap = tmp_path / "trap.sh"
    trap.write_text(f"#!/bin/sh\ntouch {tmp_path}/sprung\ncat\n", encoding="utf-8")
    trap.chmod(0o755)
    (shop / ".gitattributes").write_text("*.py filter=trap diff=trap\n", encoding="utf-8")
    with (shop / ".git" / "config").open("a", encoding="utf-8") as config:
        for section, keys in {
            "core": ("fsmonitor", "pager", "sshCommand"), 'filter "trap"': ("clean", "smudge"), "diff": ("external",),
            'diff "trap"': ("textconv",),
        }.items():  # fmt: skip
            config.write(f"[{section}]\n" + "".join(f"\t{key} = {trap}\n" for key in keys))
        config.write(f"[alias]\n\tlog = !{trap}\n")
    assert set(changed_lines(shop, "HEAD", [("app/orders.py", b"x = 1\n")])) == {"app/orders.py"}
    assert newest_day(shop) is not None
    assert not (tmp_path / "sprung").exists()


# SARIF


def test_sarif_of_code_names_line_function_and_confidence(shop, run):
    log = json.loads(run("discover", shop, "--format", "sarif")[1])
    (made,) = log["runs"]
    first = made["results"][0]
    assert made["originalUriBaseIds"] == {"%SRCROOT%": {"description": {"text": "The scanned folder."}}}
    assert (first["ruleId"], first["level"]) == ("dual-write-unprotected", "warning")
    assert first["locations"][0]["physicalLocation"] == {
        "artifactLocation": {"uri": "app/orders.py", "uriBaseId": "%SRCROOT%"}, "region": {"startLine": 8},
    }  # fmt: skip
    assert first["partialFingerprints"] == {"dataIntegrationArchitect/v1": discover(shop).dual_writes[0].fingerprint}
    assert made["tool"]["driver"]["rules"][first["ruleIndex"]]["id"] == first["ruleId"]
    assert "Confidence: seen" in first["message"]["text"]

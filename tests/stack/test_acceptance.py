"""Every generated artifact of every example, accepted by the engine or tool that will read it."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import sqlglot
import yaml

from data_integration_architect.lab.engines import get_json
from data_integration_architect.lab.packages import LabError, binary, jars
from data_integration_architect.lab.process import run
from stack_support import EXAMPLES, Engines, design_folder

pytestmark = pytest.mark.stack

PASSWORD = "capture-secret"


@pytest.fixture(scope="module", params=[p.stem for p in EXAMPLES])
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return design_folder(request.param, tmp_path_factory.mktemp(request.param))


@pytest.fixture(scope="module")
def applied(folder: Path, engines: Engines) -> Path:
    """The folder with all of its SQL executed, twice."""
    plan = json.loads((folder / "lab.json").read_text(encoding="utf-8")) if (folder / "lab.json").exists() else None
    for name, store in (plan["stores"] if plan else {}).items():
        if store["engine"] == "postgresql":
            base = [
                binary("psql"),
                "-X",
                "-q",
                "-h",
                "127.0.0.1",
                "-p",
                str(engines.port("postgresql")),
                "-U",
                "postgres",
            ]
            # Roles belong to the server: those of another example have the same password.
            if name != "postgres":
                run([*base, "-d", "postgres", "-c", f'DROP DATABASE IF EXISTS "{name}"'], folder)
                run([*base, "-d", "postgres", "-c", f'CREATE DATABASE "{name}"'], folder)
            for path in store["files"] * 2:
                run([*base, "-d", name, "-v", "ON_ERROR_STOP=1", "-v", f"capture_password={PASSWORD}", "-f",
                     str(folder / path)], folder)  # fmt: skip
        elif store["engine"] == "mariadb":
            base = [
                binary("mariadb"),
                "--no-defaults",
                "-h",
                "127.0.0.1",
                "-P",
                str(engines.port("mariadb")),
                "-u",
                "root",
            ]
            run([*base, "-e", f"CREATE DATABASE IF NOT EXISTS `{name}`"], folder)
            for path in store["files"] * 2:
                setting = f"--init-command=SET @capture_password = '{PASSWORD}'"
                run([*base, setting, name], folder, text=(folder / path).read_text(encoding="utf-8"))
        elif store["engine"] == "opensearch":
            for path in store["files"]:
                index = f"{Path(path).stem}_v1"
                body = json.loads((folder / path).read_text(encoding="utf-8"))
                try:
                    get_json(engines.port("opensearch"), f"/{index}", "DELETE")
                except RuntimeError as error:
                    assert "404" in str(error)
                get_json(engines.port("opensearch"), f"/{index}", "PUT", body)
    return folder


def with_values(settings: dict[str, Any], engines: Engines) -> dict[str, Any]:
    """Settings as the worker sees them once its environment has filled the placeholders."""
    technology = {"Postgres": "postgresql", "MariaDb": "mariadb", "MySql": "mariadb"}
    engine = next((e for word, e in technology.items() if word in settings["connector.class"]), None)
    values = {"HOST": "127.0.0.1", "PORT": str(engines.port(engine)) if engine else "1", "CAPTURE_PASSWORD": PASSWORD,
              "URL": "mongodb://127.0.0.1:1", "SERVERS": f"127.0.0.1:{engines.port('kafka')}"}  # fmt: skip

    def value(found: re.Match[str]) -> str:
        return next(v for word, v in values.items() if found[1].endswith(word))

    return {name: re.sub(r"\$\{env:(\w+)\}", value, str(text)) for name, text in settings.items()}


def test_kafka_connect_accepts_every_connector(applied: Path, engines: Engines) -> None:
    for path in sorted(applied.glob("connect/*.json")):
        settings = {"name": path.stem, **with_values(json.loads(path.read_text(encoding="utf-8")), engines)}
        kind = str(settings["connector.class"])
        answer = get_json(engines.port("connect"), f"/connector-plugins/{kind}/config/validate", "PUT", settings, 60)
        errors = {c["value"]["name"]: c["value"]["errors"] for c in answer["configs"] if c["value"]["errors"]}
        if "MySql" in kind:
            # MariaDB answers in place of MySQL, which this connector refuses: everything else was read before that.
            errors = {n: e for n, e in errors.items() if n != "database.hostname"}
        assert not errors, (path.name, errors)
        known = {c["value"]["name"] for c in answer["configs"]}
        unknown = [
            n for n in settings if n not in known and not n.startswith(("transforms.", "key.", "value.", "schema.h"))
        ]
        assert set(unknown) <= {"name"}, f"{path.name}: settings that the connector does not know: {unknown}"


def test_the_broker_creates_every_topic(folder: Path, engines: Engines) -> None:
    from confluent_kafka.admin import AdminClient
    from confluent_kafka.cimpl import NewTopic

    place = folder / "kafka" / "topics.json"
    if not place.exists():
        return
    client = AdminClient({"bootstrap.servers": f"127.0.0.1:{engines.port('kafka')}"})
    topics = [
        NewTopic(f"{folder.parent.name[:60]}.{t['name']}", num_partitions=t["partitions"], replication_factor=1,
                 config={**t["config"], "min.insync.replicas": "1"})
        for t in json.loads(place.read_text(encoding="utf-8"))
    ]  # fmt: skip
    for name, made in client.create_topics(topics).items():
        assert made.result(30) is None, name
    subprocess.run(["sh", "-n", str(folder / "kafka" / "create-topics.sh")], check=True)


def test_prometheus_reads_every_rule_and_the_dashboard_is_json(folder: Path) -> None:
    rules = folder / "operate" / "alerts.yaml"
    if not rules.exists():
        return
    assert "SUCCESS" in run([binary("promtool"), "check", "rules", str(rules)], folder)
    expressions = [
        t["expr"] for p in json.loads((folder / "operate/dashboard.json").read_text())["panels"] for t in p["targets"]
    ]
    assert expressions


def test_docker_compose_reads_every_compose_file(folder: Path) -> None:
    if not (folder / "compose.yaml").exists():
        return
    names = [line.rstrip("=") for line in (folder / ".env.example").read_text(encoding="utf-8").splitlines()]
    command = [binary("docker-compose"), "-f", str(folder / "compose.yaml"), "config"]
    services = yaml.safe_load(run(command, folder, dict.fromkeys(names, "secret")))["services"]
    assert {"kafka", "topics"} <= set(services)
    with pytest.raises(LabError, match=r"set it in \.env"):
        run(command, folder)


def test_sql_that_cannot_run_here_is_read_by_its_grammar_and_says_so() -> None:
    """The retailer's warehouse in each product that has no engine here."""
    from data_integration_architect.artifacts.build import build_folder
    from data_integration_architect.given import Given
    from data_integration_architect.use_cases import generate_design
    from support import ROOT

    text = (ROOT / "examples" / "online-retailer.yaml").read_text(encoding="utf-8")
    for technology in ("snowflake", "bigquery", "clickhouse"):
        given = Given(text.replace("snowflake", technology), "t.yaml")
        files = {a.path: a.text for a in build_folder(generate_design(given), given)}
        found = {p: t for p, t in files.items() if p.startswith("sinks/warehouse/")}
        assert len(found) == 4
        for path, sql in found.items():
            assert "NOT EXECUTED" in sql, path
            statements = sqlglot.parse(
                re.sub(r"%\(\w+(:\w+)?\)s", "'x'", sql), read=technology, error_level=sqlglot.ErrorLevel.RAISE
            )
            assert not any(isinstance(s, sqlglot.exp.Command) for s in statements), path
    for technology, dialect in (("oracle", "oracle"), ("sqlserver", "tsql")):
        given = Given(text.replace("postgresql", technology), "t.yaml")
        files = {a.path: a.text for a in build_folder(generate_design(given), given)}
        sql = files["databases/postgres/capture.sql"]
        assert "NOT EXECUTED" in sql
        assert sqlglot.parse(sql, read=dialect, error_level=sqlglot.ErrorLevel.RAISE)


def test_flinks_own_parser_reads_every_job_and_refuses_a_wrong_one(tmp_path: Path) -> None:
    folder = design_folder("engagement-counts-two-pipelines", tmp_path)
    jobs = sorted((folder / "flink").glob("*.sql"))
    wrong = tmp_path / "wrong.sql"
    wrong.write_text(jobs[0].read_text(encoding="utf-8").replace("WATERMARK FOR", "WATERMARK"), encoding="utf-8")
    reader = Path(__file__).parent / "ReadFlink.java"
    command = [binary("java"), "-cp", f"{jars('flink-parser')}/*", str(reader)]
    said = run([*command, *map(str, jobs)], tmp_path)
    assert said.count("SqlCreateTable") == 2 * len(jobs) and said.count("RichSqlInsert") == len(jobs)
    with pytest.raises(LabError, match="java failed with 1"):
        run([*command, str(wrong)], tmp_path)

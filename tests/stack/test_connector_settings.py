"""Settings of every kind of connector put to the connector's own definition; no database is needed."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest

from data_integration_architect.lab.packages import binary, jars
from stack_support import design_folder

pytestmark = pytest.mark.stack

PLUGINS = {
    "postgresql": "postgres", "mysql": "mysql", "mariadb": "mariadb", "mongodb": "mongodb", "sqlserver": "sqlserver",
    "oracle": "oracle",
}  # fmt: skip
# Read by Kafka Connect itself, by the topic of the schema history and by the JDBC driver, not by the connector's own
# definition. MongoDB's leaves out its two settings of scope (MongoDbConnectorConfig.CAPTURE_SCOPE, CAPTURE_TARGET).
OF_CONNECT = re.compile(
    r"connector\.class|tasks\.max|(key|value|header)\.converter.*|transforms.*|errors\..*|schema\.history\.internal\..*"
    r"|driver\..*|capture\.(scope|target)"
)


def value(found: re.Match[str]) -> str:
    return "1" if found[1].endswith("PORT") else "mongodb://127.0.0.1:1" if found[1].endswith("URL") else "x"


def test_every_setting_is_one_that_the_connector_defines_and_takes(tmp_path: Path) -> None:
    for technology in PLUGINS:
        folder = design_folder("online-retailer", tmp_path / technology, [("postgresql", technology)])
        settings = json.loads((folder / "connect" / "postgres.json").read_text(encoding="utf-8"))
        filled = {name: re.sub(r"\$\{env:(\w+)\}", value, text) for name, text in settings.items()}
        (tmp_path / f"{technology}.json").write_text(json.dumps(filled), encoding="utf-8")
    path = ":".join(f"{jars(name)}/*" for name in ("kafka", *PLUGINS.values()))
    checker = Path(__file__).parent / "CheckSettings.java"
    command = [binary("java"), "-cp", path, str(checker), *(f"{name}.json" for name in PLUGINS)]
    done = subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, text=True, timeout=500)
    said = [line.split("\t") for line in done.stdout.splitlines() if line.count("\t") == 2]
    assert {file for file, kind, _ in said if kind == "read"} == {f"{name}.json" for name in PLUGINS}
    wrong = [tuple(line) for line in said if line[1] == "error"]
    unknown = [tuple(line) for line in said if line[1] == "unknown" and not OF_CONNECT.fullmatch(line[2])]
    assert not wrong and not unknown

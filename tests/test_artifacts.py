"""Design folders: the same bytes for the same input, safe names, files that their own readers accept."""

import importlib
import io
import json
import os
import re
import subprocess
import sys
import time
import types
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import sqlglot
import yaml

from data_integration_architect.artifacts import versions
from data_integration_architect.artifacts.build import build_folder
from data_integration_architect.artifacts.consumers.change import Change, NotReadable, newest, read_change
from data_integration_architect.artifacts.consumers.target_sql import MOST_ROWS, statements
from data_integration_architect.artifacts.files import MANIFEST, Artifact, write_folder
from data_integration_architect.artifacts.names import Names, sql_name
from data_integration_architect.errors import RefusedPath
from data_integration_architect.given import Given
from data_integration_architect.use_cases import generate_design
from support import ROOT

EXAMPLES = sorted(p for p in (ROOT / "examples").glob("*.yaml") if ".evidence." not in p.name)
HOSTILE = "a\"; DROP TABLE x; -- $(rm) `b` */ ' \\ {{ 7 }} ${env:X} </script> ]]"


def folder_of(text: str) -> dict[str, str]:
    given = Given(text, "t.yaml")
    return {a.path: a.text for a in build_folder(generate_design(given), given)}


def retailer() -> str:
    return (ROOT / "examples" / "online-retailer.yaml").read_text(encoding="utf-8")


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda p: p.stem)
def test_every_example_becomes_a_folder_whose_files_parse(path: Path) -> None:
    files = folder_of(path.read_text(encoding="utf-8"))
    assert files == folder_of(path.read_text(encoding="utf-8"))
    for name, text in files.items():
        assert text.endswith("\n"), name
        if name.endswith(".json"):
            json.loads(text)
        elif name.endswith(".py"):
            compile(text, name, "exec")
        if name.startswith("schemas/"):
            jsonschema.Draft202012Validator.check_schema(json.loads(text))


def test_the_retailer_has_a_connector_topics_schemas_and_guarded_sinks() -> None:
    files = folder_of(retailer())
    connector = json.loads(files["connect/postgres.json"])
    assert connector["slot.name"] == "postgres_slot"
    assert connector["database.password"] == "${env:POSTGRES_CAPTURE_PASSWORD}"
    topics = {t["name"]: t for t in json.loads(files["kafka/topics.json"])}
    assert topics["product_changes"]["key"] == "product_id"
    assert "WHEN MATCHED AND incoming.version > stored.version" in files["sinks/warehouse/merge_order.sql"]
    assert json.loads(files["sinks/search/product.json"])["aliases"] == {
        "product": {"filter": {"term": {"deleted": False}}}
    }
    lab = json.loads(files["lab.json"])
    assert {c["name"] for c in lab["compare"]} == {
        "search_inventory", "search_product", "warehouse_order", "warehouse_product",
    }  # fmt: skip


def test_compose_names_what_it_leaves_out_and_gives_a_consumer_its_own_store_only() -> None:
    text = folder_of(retailer())["compose.yaml"]
    assert "# Not in it, and neither are their consumers: warehouse (snowflake).\n" in text
    services = yaml.safe_load(text)["services"]
    assert set(services["consumer-search-product"]["environment"]) == {"KAFKA_BOOTSTRAP_SERVERS", "SEARCH_URL"}
    assert not [name for name in services if "warehouse" in name]


@pytest.mark.parametrize(
    ("there", "refused", "code", "put"), [("no", "no", 0, 2), ("yes", "no", 0, 0), ("no", "yes", 22, 1)]
)
def test_an_index_that_is_refused_ends_the_start_and_one_that_is_there_stays(
    tmp_path: Path, there: str, refused: str, code: int, put: int
) -> None:
    services = yaml.safe_load(folder_of(retailer())["compose.yaml"])["services"]
    curl = tmp_path / "curl"
    curl.write_text(
        "#!/bin/sh\n"
        f'case "$*" in *PUT*) echo "$@" >> {tmp_path}/put; case "$*" in *-fsS*) [ {refused} = no ] || exit 22;; esac;;'
        f" *) [ {there} = yes ] || exit 22;; esac\n",
        encoding="utf-8",
    )
    curl.chmod(0o755)
    command = [word.replace("$$", "$") for word in services["setup-search"]["entrypoint"]]
    environment = {**os.environ, "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}"}
    assert subprocess.run(command, env=environment, check=False, timeout=30).returncode == code
    asked = (tmp_path / "put").read_text(encoding="utf-8").splitlines() if (tmp_path / "put").exists() else []
    assert len(asked) == put


def test_the_runbook_on_lag_tells_the_retention_of_each_topic_once() -> None:
    runbook = folder_of(retailer())["operate/runbooks/lag.md"]
    assert "Retention: `inventory_changes` 7 d; `product_changes` 7 d; `order_changes` 7 d. " in runbook


def test_a_system_that_needs_no_integration_gets_no_artifacts() -> None:
    text = (ROOT / "examples" / "one-database-with-replicas.yaml").read_text(encoding="utf-8")
    assert not [path for path in folder_of(text) if path.startswith(("connect/", "kafka/", "consumers/"))]


def test_hostile_names_stay_names_in_every_file() -> None:
    text = retailer()
    for word in ("product", "inventory", "postgres", "search", "warehouse", "shop", "product_id"):
        text = re.sub(rf"\b{word}\b", json.dumps(word + HOSTILE), text)
    files = folder_of(text)
    assert len([path for path in files if path.startswith("consumers/")]) > 5
    for name, content in files.items():
        assert re.fullmatch(r"[A-Za-z0-9_./-]+", name), name
        if name.endswith(".sql"):
            # Psql's own commands and variables are no SQL.
            plain = re.sub(
                r"\\gexec|:'capture_password'|%\((\w+)\)s", lambda m: ";" if m[0][0] == "\\" else "'x'", content
            )
            statements = sqlglot.parse(plain, read="snowflake" if "warehouse" in name else "postgres")
            assert not [s for s in statements if isinstance(s, sqlglot.exp.Drop)], name
        if name.startswith("connect/"):
            # A worker replaces what stands in ${...}.
            assert set(re.findall(r"\$\{(\w+):", content)) <= {"env"} and "${env:X}" not in content


def test_different_names_get_different_identifiers() -> None:
    names = Names()
    given = ["order", "Order", "or der", "or-der", "ORDER", "é", "è", "1", "", "x" * 60, "x" * 61]
    plain = [names.plain(name) for name in given]
    assert len(set(plain)) == len(given)
    assert all(re.fullmatch(r"[a-z][a-z0-9_]{0,39}", name) for name in plain)
    assert [names.plain(name) for name in given] == plain


def test_sql_names_are_quoted_by_the_rule_of_their_target() -> None:
    assert sql_name('a"b', "postgresql") == '"a""b"'
    assert sql_name("a`b", "mysql") == "`a``b`"
    assert sql_name("a]b", "sqlserver") == "[a]]b]"


def test_a_design_takes_less_than_two_seconds() -> None:
    text = retailer() + "\n# other bytes, so that nothing is kept\n"
    begun = time.perf_counter()
    folder_of(text)
    assert time.perf_counter() - begun < 10, "2 s alone; other tests run at the same time"


def test_a_decision_record_has_the_usual_parts_and_says_what_it_costs() -> None:
    record = folder_of(retailer())["adr/0001-postgres-to-search.md"]
    parts = [line for line in record.splitlines() if line.startswith("## ")]
    assert parts == ["## Status", "## Context", "## Decision", "## Alternatives", "## Consequences"]
    assert "- It would become outbox if stores.postgres.log_access were false." in record
    for words in ("It fits: ", "- Its cost: ", "- Gained: ", "- Paid: ", "- To be watched: "):
        assert words in record


def sink_folder(technology: str) -> dict[str, str]:
    return folder_of(retailer().replace("technology: snowflake", f"technology: {technology}"))


@pytest.mark.parametrize("technology", ["s3", "iceberg", "clickhouse", "bigquery", "opensearch", "mysql"])
def test_a_sink_has_a_consumer_whose_driver_is_pinned_and_a_comparison(technology: str) -> None:
    files = sink_folder(technology)
    settings = json.loads(files["consumers/warehouse_product.json"])
    module, _, name = settings["target"]["class"].rpartition(".")
    assert f"class {name}:" in files[f"consumers/{module}.py"]
    assert settings["target"].get("driver", "not a table") != "", "a consumer without a driver cannot start"
    assert all(re.fullmatch(r"[a-z0-9\[\],-]+==[0-9.]+", line) for line in files["consumers/requirements.txt"].split())
    compared = {one["sink"]: one["target"] for one in json.loads(files["operate/reconcile.json"])}
    assert compared["warehouse_product"]["kind"] in {"s3", "iceberg", "warehouse", "search", "table"}
    assert "warehouse_product" in files["operate/runbooks/rebuild.md"]


@pytest.mark.parametrize("technology", ["oracle", "sqlserver", "redshift", "neo4j"])
def test_a_sink_without_a_consumer_is_named_with_the_reason(technology: str) -> None:
    files = sink_folder(technology)
    assert "consumers/warehouse_product.json" not in files
    assert f"there is no consumer here for technology {technology}" in files["README.md"]


class Bucket:
    """Object storage in memory with conditional writes; `before` runs once between a look and a write."""

    def __init__(self, error: type[Exception]) -> None:
        self.objects: dict[str, tuple[bytes, str]] = {}
        self.error, self.before, self.writes = error, lambda: None, 0

    def get_object(self, Bucket: str, Key: str) -> dict[str, object]:
        if Key not in self.objects:
            raise self.error("NoSuchKey")
        body, tag = self.objects[Key]
        return {"Body": io.BytesIO(body), "ETag": tag}

    def put_object(self, Key: str, Body: bytes, **rest: str) -> None:
        before, self.before = self.before, lambda: None
        before()
        stored = self.objects.get(Key)
        if ("IfNoneMatch" in rest and stored) or ("IfMatch" in rest and (not stored or stored[1] != rest["IfMatch"])):
            raise self.error("PreconditionFailed")
        self.writes += 1
        self.objects[Key] = (Body, f'"{self.writes}"')


def s3_target(monkeypatch: pytest.MonkeyPatch) -> tuple[Any, Bucket]:
    class ClientError(Exception):
        def __init__(self, code: str) -> None:
            self.response = {"Error": {"Code": code}}

    bucket = Bucket(ClientError)
    errors = types.ModuleType("botocore.exceptions")
    errors.ClientError = ClientError  # type: ignore[attr-defined]
    boto = types.ModuleType("boto3")
    boto.client = lambda *_, **__: bucket  # type: ignore[attr-defined]
    for name, module in {
        "boto3": boto,
        "botocore": types.ModuleType("botocore"),
        "botocore.exceptions": errors,
    }.items():
        monkeypatch.setitem(sys.modules, name, module)
    monkeypatch.setenv("LAKE_BUCKET", "lake")
    name = "data_integration_architect.artifacts.consumers.target_s3"
    monkeypatch.delitem(sys.modules, name, raising=False)
    module = importlib.import_module(name)
    monkeypatch.delitem(sys.modules, name)
    return module.S3Target({"bucket_from": "LAKE_BUCKET", "endpoint_from": "LAKE_ENDPOINT", "prefix": "p/"}), bucket


def stored(bucket: Bucket) -> dict[str, tuple[int, Any]]:
    found = (json.loads(body) for body, _ in bucket.objects.values())
    return {one["key"]: (one["version"], one["row"]) for one in found}


def test_objects_are_replaced_by_newer_versions_only_whatever_comes_again(monkeypatch: pytest.MonkeyPatch) -> None:
    target, bucket = s3_target(monkeypatch)
    run = [Change("1", 10, {"a": 1}), Change("1", 20, {"a": 2}), Change("2/x", 30, {"a": 3}), Change("1", 40, None)]
    for _ in range(2):
        for change in [*run, *reversed(run)]:
            target.apply([change])
    assert stored(bucket) == {"1": (40, None), "2/x": (30, {"a": 3})}
    assert bucket.writes == 4 and set(bucket.objects) == {"p/1.json", "p/2%2Fx.json"}
    target.apply([Change("2/x", 50, {"a": 4}, ("large",))])
    assert stored(bucket)["2/x"] == (50, {"a": 4})


def test_an_object_that_changes_between_look_and_write_is_looked_at_again(monkeypatch: pytest.MonkeyPatch) -> None:
    target, bucket = s3_target(monkeypatch)
    bucket.before = lambda: target.apply([Change("1", 20, {"a": "newer"})])
    target.apply([Change("1", 10, {"a": "older"})])
    assert stored(bucket) == {"1": (20, {"a": "newer"})}
    bucket.before = lambda: target.apply([Change("1", 30, {"a": 3})])
    target.apply([Change("1", 40, {"a": 4})])
    assert stored(bucket) == {"1": (40, {"a": 4})}


def test_an_iceberg_table_keeps_the_newest_version_of_each_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("pyiceberg", reason="pyiceberg with pyarrow and sqlite is not installed")
    from data_integration_architect.artifacts.consumers.target_iceberg import IcebergTarget
    from data_integration_architect.artifacts.operating.reconcile import target_rows

    catalog = {"type": "sql", "uri": f"sqlite:///{tmp_path}/catalog.db", "warehouse": f"file://{tmp_path}"}
    monkeypatch.setenv("LAKE_CATALOG", json.dumps(catalog))
    settings = {"kind": "iceberg", "catalog": "lake", "catalog_from": "LAKE_CATALOG", "namespace": "n", "table": "t"}
    target = IcebergTarget(settings)
    target.apply([Change("1", 10, {"a": 1, "large": "x"}), Change("2", 15, {"a": 2})])
    target.apply([Change("1", 20, {"a": 3}, ("large",)), Change("2", 12, {"a": "older"}), Change("3", 5, {"a": 0})])
    target.apply([Change("3", 30, None), Change("1", 20, {"a": "repeated"})])
    target.apply([Change("3", 5, {"a": 0})])
    assert target_rows(settings) == {"1": {"a": 3, "large": "x"}, "2": {"a": 2}}
    rows = target.catalog.load_table(("n", "t")).scan().to_arrow().to_pylist()
    assert sorted((r["row_key"], r["version"], r["deleted"]) for r in rows) == [
        ("1", 20, False), ("2", 15, False), ("3", 30, True)]  # fmt: skip


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda p: p.stem)
def test_no_file_holds_a_secret_or_a_version_of_its_own(path: Path) -> None:
    """Passwords are names of variables; images and packages are those of `versions`."""
    files = folder_of(path.read_text(encoding="utf-8"))
    images = set(versions.IMAGES.values())
    for name, text in files.items():
        for value in re.findall(r'"[\w.]*(?:password|secret)[\w.]*": "([^"]*)"', text, re.I):
            placeholder = re.fullmatch(r"\$\{env:\w+\}|\$\{\w+(:\?[^}]*)?\}", value)
            assert placeholder or (name.startswith(("consumers/", "operate/")) and value.isupper()), (name, value)
        if name == "compose.yaml":
            assert set(re.findall(r"image: (\S+)", text)) <= images
        if name == "consumers/requirements.txt":
            assert dict(line.split("==") for line in text.split()).items() <= versions.PYTHON_PACKAGES.items()
        if name == ".env.example":
            assert all(line.endswith("=") for line in text.split())


# Writing


def test_files_that_a_person_changed_are_kept_and_named(tmp_path: Path) -> None:
    folder = tmp_path / "design"
    first = [Artifact("a.txt", "one\n"), Artifact("sub/b.txt", "two\n"), Artifact("c.txt", "three\n")]
    assert write_folder(folder, first).written == ("a.txt", "c.txt", "sub/b.txt")
    assert write_folder(folder, first).unchanged == ("a.txt", "c.txt", "sub/b.txt")
    (folder / "a.txt").write_text("by hand\n", encoding="utf-8")
    second = [Artifact("a.txt", "new\n"), Artifact("sub/b.txt", "newer\n")]
    done = write_folder(folder, second)
    assert (done.written, done.kept, done.removed) == (("sub/b.txt",), ("a.txt",), ("c.txt",))
    assert (folder / "a.txt").read_text(encoding="utf-8") == "by hand\n"
    assert write_folder(folder, second).kept == ("a.txt",), "it goes on to count as changed by hand"
    assert write_folder(folder, second, force=True).written == ("a.txt",)


def test_a_folder_with_other_files_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(RefusedPath, match="choose another"):
        write_folder(tmp_path, [Artifact("a.txt", "x\n")])
    (tmp_path / MANIFEST).write_text("[]", encoding="utf-8")
    with pytest.raises(RefusedPath, match="not of this tool"):
        write_folder(tmp_path, [Artifact("a.txt", "x\n")])


def test_links_out_of_the_folder_are_refused(tmp_path: Path) -> None:
    outside, folder = tmp_path / "outside", tmp_path / "design"
    outside.mkdir()
    write_folder(folder, [Artifact("a.txt", "x\n")])
    (folder / "sub").symlink_to(outside)
    with pytest.raises(RefusedPath, match="outside"):
        write_folder(folder, [Artifact("a.txt", "x\n"), Artifact("sub/b.txt", "y\n")])
    assert not list(outside.iterdir())
    (folder / "link.txt").symlink_to(outside / "target")
    with pytest.raises(RefusedPath, match="not a regular file"):
        write_folder(folder, [Artifact("link.txt", "y\n")])


# What consumers read


def envelope(op: str, after: object, **source: object) -> bytes:
    return json.dumps({"op": op, "before": None, "after": after, "source": source}).encode()


def test_changes_are_read_with_the_version_of_each_log() -> None:
    key = b'{"id": "k1"}'
    change = read_change(key, envelope("u", {"id": "k1", "n": 1}, lsn=77), {}, "lsn")
    assert change == Change("k1", 77, {"id": "k1", "n": 1})
    assert read_change(key, envelope("d", None, lsn=78), {}, "lsn") == Change("k1", 78, None)
    assert read_change(key, None, {}, "lsn") is None
    older = read_change(key, envelope("c", {"id": "k1"}, file="log.000009", pos=4_000_000_000), {}, "binlog")
    newer = read_change(key, envelope("c", {"id": "k1"}, file="log.000010", pos=4), {}, "binlog")
    assert older is not None and newer is not None and older.version < newer.version
    sent = read_change(b'"k1"', b'{"id": "k1"}', {"version": b"5", "change": b"upsert"}, "header")
    assert sent == Change("k1", 5, {"id": "k1"})
    first = read_change(key, envelope("c", {"id": "k1"}, change_lsn="00000025:00000d98:0002"), {}, "lsn-pair")
    second = read_change(key, envelope("c", {"id": "k1"}, change_lsn="00000025:00000d98:0003"), {}, "lsn-pair")
    assert first is not None and second is not None and first.version < second.version


@pytest.mark.parametrize(
    "value", [b"[]", b"no json", b'{"op": "u"}', envelope("u", {"id": 1}), b'{"op": "u", "source": 3}']
)
def test_other_records_are_refused_with_a_reason(value: bytes) -> None:
    with pytest.raises(NotReadable):
        read_change(b'{"id": 1}', value, {}, "lsn")


def test_rows_of_a_snapshot_are_older_than_every_change() -> None:
    """A transaction that was open while the snapshot was read commits later with a smaller position."""
    read = read_change(b'{"id": 1}', envelope("r", {"id": 1}, lsn=None, snapshot="incremental"), {}, "lsn")
    late = read_change(b'{"id": 1}', envelope("u", {"id": 1, "n": 2}, lsn=90), {}, "lsn")
    assert read is not None and late is not None and read.version < late.version


def test_keys_of_several_fields_do_not_meet() -> None:
    keys = [
        b'{"a": "x", "b": "y"}',
        b'{"a": "x,y"}',
        b'{"a": "[\\"x\\",\\"y\\"]", "b": ""}',
        b'{"a": 1}',
        b'{"a": true}',
    ]
    found = [read_change(k, envelope("c", {}, lsn=1), {}, "lsn") for k in keys]
    assert len({c.key for c in found if c is not None}) == len(keys)


def test_of_several_changes_the_newest_counts_and_placeholders_are_filled() -> None:
    unavailable = "__debezium_unavailable_value"
    full = read_change(b'{"id": 1}', envelope("c", {"id": 1, "body": "long"}, lsn=1), {}, "lsn")
    partial = read_change(b'{"id": 1}', envelope("u", {"id": 1, "body": unavailable, "n": 2}, lsn=2), {}, "lsn")
    stale = read_change(b'{"id": 1}', envelope("u", {"id": 1, "body": "old"}, lsn=0), {}, "lsn")
    assert full is not None and partial is not None and stale is not None
    assert newest([full, partial, stale]) == [Change("1", 2, {"id": 1, "body": "long", "n": 2})]
    assert partial.unchanged == ("body",)


# The command


def test_design_writes_a_folder_and_says_what_it_kept(tmp_path: Path) -> None:
    from click.testing import CliRunner

    from data_integration_architect import cli

    out = str(tmp_path / "design")
    arguments = ["design", str(ROOT / "examples" / "online-retailer.yaml"), "--out", out]
    first = CliRunner().invoke(cli.cli, arguments)
    assert first.exit_code == 0 and "0 unchanged" in first.output
    (tmp_path / "design" / "lab.json").write_text("{}", encoding="utf-8")
    assert "kept, changed by hand: lab.json" in CliRunner().invoke(cli.cli, arguments).output
    assert "1 files written" in CliRunner().invoke(cli.cli, [*arguments, "--force"]).output


def test_the_lab_says_what_is_missing(tmp_path: Path) -> None:
    from data_integration_architect.lab.packages import LabError
    from data_integration_architect.lab.stack import new_stack, running_stack

    with pytest.raises(LabError, match=r"no lab\.json"):
        new_stack(tmp_path)
    with pytest.raises(LabError, match="no lab is up"):
        running_stack(tmp_path)
    (tmp_path / "lab.json").write_text("{}", encoding="utf-8")
    with pytest.raises(LabError, match="stores, topics"):
        new_stack(tmp_path)


def test_no_table_is_put_into_a_database_of_the_server_itself() -> None:
    """MySQL's own database is called as many name their store; Debezium leaves its tables out without a word."""
    text = (ROOT / "examples" / "catalog-search-dual-write.yaml").read_text(encoding="utf-8")
    files = folder_of(text)
    settings = json.loads(files["connect/mysql_data.json"])
    assert settings["database.include.list"] == "mysql_data"
    assert settings["table.include.list"] == r"mysql_data\.movie"
    assert "| mysql | mysql_data |" in files["README.md"], "the reader is told of the other name"
    assert (
        yaml.safe_load(files["compose.yaml"])["services"]["mysql_data"]["environment"]["MYSQL_DATABASE"] == "mysql_data"
    )


@pytest.mark.parametrize("technology", ["mysql", "mariadb"])
def test_the_heartbeat_names_its_database(technology: str) -> None:
    """The connector has no database of its own on these servers: a bare name would end it at each beat."""
    text = retailer().replace("technology: postgresql", f"technology: {technology}")
    settings = json.loads(folder_of(text)["connect/postgres.json"])
    assert settings["heartbeat.action.query"].startswith("INSERT INTO `postgres`.capture_heartbeat ")


def captured_folder(technology: str) -> dict[str, str]:
    return folder_of(retailer().replace("technology: postgresql", f"technology: {technology}"))


TOPIC_OF_A_CONNECTOR = {
    # As each connector names the topic of the table `product` before it is routed.
    "postgresql": "postgres.public.product",
    "mysql": "postgres.postgres.product",
    "mariadb": "postgres.postgres.product",
    "mongodb": "postgres.postgres.product",
    "sqlserver": "postgres.postgres.dbo.product",
    "oracle": "postgres.POSTGRES.PRODUCT",
}


@pytest.mark.parametrize("technology", TOPIC_OF_A_CONNECTOR)
def test_changes_of_each_database_reach_the_topic_that_consumers_read(technology: str) -> None:
    files = captured_folder(technology)
    connector = json.loads(files["connect/postgres.json"])
    routed = {
        name: re.sub(
            connector[f"transforms.{name}.regex"], connector[f"transforms.{name}.replacement"],
            TOPIC_OF_A_CONNECTOR[technology],
        )
        for name in connector["transforms"].split(",")
    }  # fmt: skip
    assert routed["route_product"] == "product_changes"
    assert [topic for topic in routed.values() if topic.endswith("_changes")] == ["product_changes"]
    topics = {topic["name"] for topic in json.loads(files["kafka/topics.json"])}
    assert f"postgres.{connector['signal.data.collection']}".count("capture_signal".upper()) == (technology == "oracle")
    assert f"postgres.{connector['signal.data.collection']}" in topics


@pytest.mark.parametrize("technology", TOPIC_OF_A_CONNECTOR)
def test_each_captured_database_has_a_script_a_reader_and_a_way_to_ask_for_rows(technology: str) -> None:
    files = captured_folder(technology)
    script = next(text for path, text in files.items() if path.startswith("databases/postgres/capture."))
    assert "product" in script.lower() and "capture_signal" in script.lower()
    source = json.loads(files["operate/reconcile.json"])[0]["source"]
    package = {"mongodb": "pymongo"}.get(technology) or source["driver"]
    assert re.search(rf"^{package}(\[binary\])?==[0-9.]+$", files["operate/requirements.txt"], re.MULTILINE)
    asked = {
        "postgresql": '"public.product"',
        "sqlserver": '"postgres.dbo.product"',
        "oracle": '"POSTGRES.POSTGRES.PRODUCT"',
    }
    assert asked.get(technology, '"postgres.product"') in files["operate/runbooks/replay.md"]


def test_documents_are_read_as_the_connector_of_mongodb_writes_them() -> None:
    files = captured_folder("mongodb")
    key = json.dumps({"id": '{"$oid" : "596e275826f08b2730779e1f"}'}).encode()
    document = '{"_id": {"$oid": "596e275826f08b2730779e1f"}, "seats": {"$numberLong": "3"}, "tags": ["a"]}'
    record = {"op": "c", "source": {"connector": "mongodb", "ts_ms": 2000, "ord": 1}, "after": document}
    jsonschema.validate(json.loads(key), json.loads(files["schemas/product_changes.key.json"]))
    jsonschema.validate(record, json.loads(files["schemas/product_changes.value.json"]))
    change = read_change(key, json.dumps(record).encode(), {}, "order")
    assert change is not None and (change.key, change.version) == ("596e275826f08b2730779e1f", (2 << 24) + 1)
    assert change.document == {"_id": "596e275826f08b2730779e1f", "seats": 3, "tags": ["a"]}
    for written, read in (('"1234"', "1234"), ("1234", "1234")):
        same = read_change(json.dumps({"id": written}).encode(), json.dumps(record).encode(), {}, "order")
        assert same is not None and same.key == read


def test_positions_of_sql_server_are_versions_in_their_order() -> None:
    texts = ["00000025:00000d98:0003", "00000025:00100d98:0001", "00000025:00ffffff:0fff", "00000026:00000001:0001"]
    versions = []
    for text in texts:
        record = {"op": "c", "source": {"change_lsn": text}, "after": {"id": 1}}
        change = read_change(b'{"id":1}', json.dumps(record).encode(), {}, "lsn-pair")
        assert change is not None
        versions.append(change.version)
    assert versions == sorted(set(versions)) and versions[-1] < 2**63


def test_a_warehouse_merges_a_batch_in_one_statement_and_a_table_row_by_row() -> None:
    text = sink_folder("snowflake")["sinks/warehouse/merge_product.sql"]
    rows = [{"key": str(n), "version": n, "deleted": False, "row": "{}"} for n in range(MOST_ROWS + 1)]
    made = list(statements(text, rows))
    assert [len(values) for _, values in made] == [4 * MOST_ROWS, 4]
    for statement, values in made:
        assert set(re.findall(r"%\((\w+)\)s", statement)) == set(values)
        plain = re.sub(r"%\(\w+\)s", "'x'", statement)
        assert len(sqlglot.parse(plain, read="snowflake", error_level=sqlglot.ErrorLevel.RAISE)) == 1
    table = sink_folder("mysql")["sinks/warehouse/merge_product.sql"]
    assert [values for _, values in statements(table, rows[:2])] == rows[:2]


def test_bigquery_is_told_the_data_set_and_the_type_of_what_may_be_null() -> None:
    text = sink_folder("bigquery")["sinks/warehouse/merge_product.sql"]
    assert "MERGE INTO `warehouse`.`product`" in text and "%(row:STRING)s" in text
    ((statement, values),) = statements(text, [{"key": "1", "version": 2, "deleted": True, "row": None}])
    assert "%(row_0:STRING)s" in statement and values["row_0"] is None

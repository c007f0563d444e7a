"""Export to CALM, AsyncAPI and LikeC4: what our own readers find in it, and what the formats' schemas say of it."""

import json
import os
from pathlib import Path

import jsonschema
import pytest
import yaml
from referencing import Registry, Resource

from data_integration_architect import cli
from data_integration_architect.errors import UnknownName
from data_integration_architect.files import parse_text
from data_integration_architect.renderers.asyncapi import asyncapi, speakers
from data_integration_architect.renderers.calm import calm
from data_integration_architect.renderers.edges import edges_of
from data_integration_architect.renderers.likec4 import likec4
from data_integration_architect.scanners.config.registry import read_config
from data_integration_architect.topology import load_topology, normalize
from support import ROOT

EXAMPLES = sorted((ROOT / "examples").rglob("*.yaml"))
# Folder with calm/*.json (the release's `meta`) and asyncapi/3.0.0.json; `make exchange-test` fills it.
SCHEMAS = os.environ.get("EXCHANGE_SCHEMAS", "")
HOSTILE = ("a'b", 'a"b', "a\\", "a -> b", "}} model {", "// x", "a\nb", "日本語", "x" * 190, "${x}", "{host}", "#/a")


def _topologies():
    for path in EXAMPLES:
        data = parse_text(path.read_text(encoding="utf-8")).data
        if isinstance(data, dict) and data.get("processes"):
            yield pytest.param(load_topology(parse_text(path.read_text(encoding="utf-8"))), id=path.stem)


TOPOLOGIES = tuple(_topologies())


def hostile(name):
    return load_topology(
        parse_text(
            json.dumps(
                {
                    "system": name,
                    "stores": {name: {"technology": "postgresql"}},
                    "channels": {f"{name} c": {"technology": "kafka", "message_key": "id"}},
                    "processes": {
                        name: {"handlers": {"h": {"steps": [{"write": name}, {"append": f"{name} c"}]}}},
                    },
                }
            )
        )
    )


def is_message_channel(channel):
    return channel.technology not in {"table", "http", "udp"}


@pytest.mark.parametrize("topology", TOPOLOGIES)
def test_calm_read_back_has_the_same_elements(topology):
    normal = normalize(topology).topology
    facts = read_config("architecture.json", calm(topology))
    assert not [f for f in facts if f.kind == "problem"]
    assert {f.subject for f in facts if f.kind in {"store", "broker"}} == set(normal.stores)
    wanted = {name for name, one in normal.channels.items() if is_message_channel(one)}
    assert {f.subject for f in facts if f.kind == "topic"} == wanted
    assert {f.subject for f in facts if f.kind == "service"} == set(normal.processes)
    sent = {
        (edge.source[1], edge.target[1])
        for edge in edges_of(normal)
        if edge.kind in {"append", "dead letter"} and edge.target[1] in wanted
    }
    assert {(f.subject, f.text("topic")) for f in facts if f.kind == "produces"} >= sent


@pytest.mark.parametrize("topology", TOPOLOGIES)
def test_calm_ids_are_unique_and_every_end_is_a_node(topology):
    document = json.loads(calm(topology))
    ids = [node["unique-id"] for node in document["nodes"]]
    assert len(ids) == len(set(ids))
    for relationship in document["relationships"]:
        connects = relationship["relationship-type"].get("connects")
        if connects:
            assert {connects["source"]["node"], connects["destination"]["node"]} <= set(ids)
    links = [relationship["unique-id"] for relationship in document["relationships"]]
    assert len(links) == len(set(links))


@pytest.mark.parametrize("topology", TOPOLOGIES)
def test_asyncapi_read_back_says_the_same(topology):
    normal = normalize(topology).topology
    for process in speakers(topology):
        facts = read_config("asyncapi.yaml", asyncapi(topology, process))
        assert not [f for f in facts if f.kind == "problem"]
        sent = {f.text("topic") for f in facts if f.kind == "produces"}
        got = {f.text("topic") for f in facts if f.kind == "consumes"}
        assert {f.subject for f in facts if f.kind in {"produces", "consumes"}} == {process}
        edges = [e for e in edges_of(normal) if ("process", process) in (e.source, e.target)]
        channels = {name for name, one in normal.channels.items() if one.technology not in {"table", "udp"}}
        assert sent == {e.target[1] for e in edges if e.kind in {"append", "dead letter"}} & channels
        assert got == {e.source[1] for e in edges if e.kind == "consume"} & channels
        for fact in facts:
            if fact.kind == "topic" and normal.channels[fact.subject].partitions:
                assert fact.attributes["partitions"] == normal.channels[fact.subject].partitions


@pytest.mark.parametrize("name", HOSTILE, ids=[ascii(name)[:20] for name in HOSTILE])
def test_hostile_names_stay_names(name):
    topology = hostile(name)
    assert len(json.loads(calm(topology))["nodes"]) == 3
    (process,) = speakers(topology)
    document = yaml.safe_load(asyncapi(topology, process))
    assert len(document["channels"]) == 1 and len(document["operations"]) == 1
    lines = likec4(topology).splitlines()
    assert sum(line.lstrip().startswith("n") and " = " in line[:9] for line in lines) == 3
    for line in lines:
        bare = line.replace("\\\\", "").replace("\\'", "")
        assert bare.count("'") % 2 == 0, line


def test_likec4_names_every_element_and_move():
    topology = load_topology(
        parse_text(
            "stores: {db: {technology: postgresql}}\nchannels: {placed: {technology: kafka}}\n"
            "processes: {shop: {handlers: {place: {steps: [{write: db}, {append: placed}]}}}}\n"
        )
    )
    text = likec4(topology)
    assert "n0 = store 'db' { technology 'postgresql' }" in text
    assert "n1 = channel 'placed' { technology 'kafka' }" in text
    assert "n2 -> n0 'write'" in text and "n2 -> n1 'append'" in text


def test_one_process_must_be_named():
    topology = hostile("shop")
    with pytest.raises(UnknownName):
        asyncapi(topology, "other")


def test_the_command_exports_a_file_and_a_folder(tmp_path, capsys):
    (tmp_path / "compose.yaml").write_text("services: {db: {image: 'postgres:17'}}", encoding="utf-8")
    for form in ("calm", "likec4"):
        with pytest.raises(SystemExit) as ended:
            cli.main(["export", str(tmp_path), "--to", form])
        assert ended.value.code == 0 and "db" in capsys.readouterr().out
    with pytest.raises(SystemExit) as ended:
        cli.main(["export", str(tmp_path), "--to", "asyncapi"])
    assert ended.value.code == 2 and "none sends or receives" in capsys.readouterr().err


def validator(folder, main):
    schemas = {path.name: json.loads(path.read_text("utf-8")) for path in sorted(Path(SCHEMAS, folder).glob("*.json"))}
    registry = Registry().with_resources((one["$id"], Resource.from_contents(one)) for one in schemas.values())
    schema = schemas[main]
    return jsonschema.validators.validator_for(schema)(schema, registry=registry)


@pytest.mark.skipif(not SCHEMAS, reason="the schemas are not here; `make exchange-test` brings them")
def test_exports_are_valid_by_the_formats_own_schemas():
    checked = 0
    for parameter in TOPOLOGIES:
        topology = parameter.values[0]
        validator("calm", "core.json").validate(json.loads(calm(topology)))
        for process in speakers(topology):
            validator("asyncapi", "3.0.0.json").validate(yaml.safe_load(asyncapi(topology, process)))
            checked += 1
    assert checked > 5

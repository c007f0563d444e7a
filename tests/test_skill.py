"""README.md, SKILL.md and docs against the product: versions, ids, examples, commands and the output that is shown."""

import io
import json
import re
import shlex
import sys
import tomllib
from functools import cache
from xml.etree import ElementTree

import anyio
import click
import pytest
import skills_ref
from mcp import Client

from data_integration_architect import __version__, cli
from data_integration_architect.catalog import load_catalog
from data_integration_architect.explain import topology_schema
from data_integration_architect.files import Root, parse_text
from data_integration_architect.given import read_topology
from data_integration_architect.mcp_server import create_server
from data_integration_architect.results import Review
from data_integration_architect.use_cases import generate_design, review
from support import ROOT, load, schema_words

COMMAND = "data-integration-architect"
CUT = "[…]"
DOCUMENTS = ("README.md", "SKILL.md")
# Skills for what this one declines.
NEIGHBOURS = {"oltp-olap-workload-classifier", "storage-engine-selector"}
# Options and words of other programs.
FOREIGN = {"mcp_servers", "bearer_token_env_var"}
ID = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)+")
NAME = re.compile(r"[a-z]+(?:_[a-z]+)+")


def text_of(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def blocks(name: str, *languages: str) -> list[str]:
    found = re.findall(r"^```(\w*)\n(.*?)^```$", text_of(name), re.M | re.S)
    return [body for language, body in found if language in languages]


def quoted(name: str) -> set[str]:
    """What stands in backticks, outside of blocks."""
    prose = re.sub(r"^```.*?^```$", "", text_of(name), flags=re.M | re.S)
    return set(re.findall(r"`([^`\n]+)`", prose))


def frontmatter() -> dict:
    return parse_text(text_of("SKILL.md").split("---\n")[1], "SKILL.md").data


@cache
def server_words() -> tuple[set[str], set[str]]:
    """Names of tools, names of prompts."""

    async def main() -> tuple[set[str], set[str]]:
        async with Client(create_server(Root(ROOT / "examples"))) as client:
            tools, prompts = await client.list_tools(), await client.list_prompts()
            return {tool.name for tool in tools.tools}, {prompt.name for prompt in prompts.prompts}

    return anyio.run(main)


@cache
def known_words() -> set[str]:
    catalog = load_catalog()
    shelves = (catalog.anti_patterns, catalog.mechanisms, catalog.fixes, catalog.stores, catalog.engines)
    words = {entry for shelf in shelves for entry in shelf}
    words |= schema_words(topology_schema()) | schema_words(Review.model_json_schema())
    return words.union(*server_words(), cli.cli.commands, NEIGHBOURS, FOREIGN, {COMMAND})


def commands(name: str) -> list[list[str]]:
    """Arguments of each of our commands in a document, from blocks and from prose."""
    lines = [line.removeprefix("$ ") for block in blocks(name, "sh", "console", "yaml") for line in block.splitlines()]
    found = []
    for line in [*lines, *quoted(name)]:
        for part in re.split(r"&&|\|\|?|;|\brun: ", line):
            words = part.split("   #")[0].strip()
            if re.match(rf"(\.venv/bin/)?{COMMAND}\s", words):
                found.append(shlex.split(words)[1:])
    return found


def run(line: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> tuple[int, str]:
    """Exit code and output of a command line, perhaps fed by a printf."""
    feed, _, rest = line.rpartition(" | ")
    raw = shlex.split(feed)[1].replace("\\n", "\n") if feed else ""
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(raw.encode()), encoding="utf-8"))
    monkeypatch.chdir(ROOT)
    for variable in ("NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(variable, raising=False)
    with pytest.raises(SystemExit) as exit_:
        cli.main(shlex.split(rest)[1:])
    out, err = capsys.readouterr()
    return exit_.value.code, out + err


def test_the_skill_is_valid_and_short(tmp_path):
    folder = tmp_path / COMMAND
    folder.mkdir()
    (folder / "SKILL.md").write_text(text_of("SKILL.md"), encoding="utf-8")
    assert skills_ref.validate(folder) == []
    assert len(text_of("SKILL.md").splitlines()) < 500


def test_the_frontmatter_says_what_the_package_says():
    project = tomllib.loads(text_of("pyproject.toml"))["project"]
    head = frontmatter()
    assert set(head) == {"name", "description", "license", "compatibility", "metadata"}
    assert head["name"] == project["name"] == COMMAND
    assert head["license"] == project["license"]
    assert len(head["description"]) <= 1024 and len(head["compatibility"]) <= 500
    assert head["metadata"]["version"] == project["version"] == __version__
    openclaw = head["metadata"]["openclaw"]
    assert set(openclaw["requires"]["bins"]) <= set(project["scripts"])
    assert [step["package"] for step in openclaw["install"]] == [project["name"]]
    assert all(set(step["bins"]) <= set(project["scripts"]) for step in openclaw["install"])


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_id_in_backticks_exists(name):
    words = {re.split(r"[:=\[]", word)[-1].strip(" ]") if "[" in word else word for word in quoted(name)}
    ids = {word for word in words if ID.fullmatch(word) or NAME.fullmatch(word)}
    assert ids and not sorted(ids - known_words())


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_tool_is_named(name):
    assert server_words()[0] <= quoted(name)


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_topology_in_it_loads(name):
    topologies = [data for block in blocks(name, "yaml") if "stores" in (data := parse_text(block, name).data)]
    assert topologies
    for data in topologies:
        load(data)


def test_the_skill_says_what_a_review_of_its_example_yields():
    example = blocks("SKILL.md", "yaml")[0]
    found = review(read_topology(example, None, Root(ROOT)))
    definite, conditional = len(found.definite), len(found.findings) - len(found.definite)
    words = ["no", "one", "two", "three", "four"]
    stated = re.search(r"yields (\w+) definite findings?, (\w+) conditional findings? and (\w+)", text_of("SKILL.md"))
    assert stated and [words.index(word) for word in stated.groups()] == [definite, conditional, len(found.questions)]


def test_the_retailer_in_the_readme_is_the_example_and_its_target():
    retailer = text_of("examples/online-retailer.yaml")
    assert retailer.rstrip("\n") + "\n" in blocks("README.md", "yaml")
    design = generate_design(read_topology(retailer, None, Root(ROOT)))
    (diagram,) = blocks("README.md", "mermaid")
    assert diagram.strip() in design.document


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_command_in_it_exists_with_its_options(name):
    found = commands(name)
    assert len(found) > 5
    for verb, *rest in found:
        command = cli.cli.get_command(click.Context(cli.cli), verb)
        assert command is not None, verb
        options = {option for parameter in command.params for option in parameter.opts}
        assert {word for word in rest if word.startswith("--")} <= options, verb


def test_every_command_to_type_runs(capsys, monkeypatch):
    lines = [line for block in blocks("README.md", "sh") for line in block.splitlines()]
    typed = [line for line in lines if line.startswith(COMMAND) and not line.startswith(f"{COMMAND} serve")]
    assert typed
    for line in typed:
        code, out = run(line, capsys, monkeypatch)
        assert code == 0 and out, line


@pytest.mark.parametrize("shown", blocks("README.md", "console"), ids=lambda block: block.splitlines()[0][-40:])
def test_output_in_the_readme_is_what_the_command_prints(shown, capsys, monkeypatch):
    """Each piece between two ellipses stands in the output, in this order; the ends are the output's ends."""
    line, _, text = shown.partition("\n")
    _, out = run(line.removeprefix("$ "), capsys, monkeypatch)
    pieces = [piece.strip("\n") for piece in text.split(CUT)]
    assert out.startswith(pieces[0]) and out.rstrip("\n").endswith(pieces[-1])
    at = 0
    for piece in pieces:
        assert piece in out[at:], piece
        at = out.index(piece, at) + len(piece)
    if len(pieces) == 1:
        assert out.rstrip("\n") == pieces[0]


def test_client_configurations_start_the_server():
    servers = []
    for block in blocks("README.md", "json"):
        (entries,) = json.loads(block).values()
        servers += entries.values()
    for block in blocks("README.md", "toml"):
        servers += tomllib.loads(block)["mcp_servers"].values()
    local = [server for server in servers if "command" in server]
    assert local and all(server["command"] == COMMAND and server["args"] == ["serve"] for server in local)


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_file_that_it_names_exists(name):
    linked = re.findall(r"\]\(([^):]+)\)", text_of(name))
    paths = {word for word in quoted(name) if re.fullmatch(r"(knowledge|server|tests|examples|\.ci)/[\w./-]+", word)}
    for path in [*linked, *paths]:
        assert (ROOT / path).exists(), path


def test_the_picture_names_what_exists():
    picture = ElementTree.fromstring(text_of("docs/overview.svg"))
    words = {word for element in picture.iter() for word in (element.text or "").split()}
    ids = {word for word in words if ID.fullmatch(word)}
    assert ids and not sorted(ids - known_words())

"""The law of unknowns: silence about a fact never hides a finding, and every condition is exactly the one stated."""

import re
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest

from data_integration_architect.advice.judged import judge
from data_integration_architect.errors import ArchitectError
from data_integration_architect.explain import guide
from data_integration_architect.files import format_path
from data_integration_architect.rules import Found
from data_integration_architect.topology import Topology, dump_topology, load_topology, normalize
from data_integration_architect.topology.edit import with_fact, without_fact
from data_integration_architect.topology.model import Topology as Model
from support import ROOT, load, parse_text, read_yaml

# What an element is or is connected to: taking it away makes another system, not an unknown fact.
# `dedup` and the optional elements have attributes of their own: each of those is taken away by itself.
STRUCTURE = {
    "system", "scope", "entity", "in", "name", "steps", "on_miss", "handlers", "trigger", "stores",
    "channels", "entities", "processes", "readers", "causality", "constraints", "context", "symptoms",
    "transaction", "read", "write", "append", "call", "invalidate", "request", "consume", "changes", "every",
    "reads", "first", "then", "checked_by", "to", "references", "parts", "carries", "compensates", "computes",
    "result", "evidence", "note", "copies", "repartitioned", "replica_of", "natural_key", "key",
    "dead_letter", "regions", "kind", "status", "system_of_record", "skills", "capabilities", "per", "code",
    "from", "guard_key", "technology", "dedup",
}  # fmt: skip


@cache
def documented_defaults() -> frozenset[str]:
    """Attributes whose description names a default: their absence says something."""
    names = set()
    for definition in Model.model_json_schema(by_alias=True)["$defs"].values():
        for name, field in definition.get("properties", {}).items():
            if re.search(r"Default(:| for )", field.get("description", "")):
                names.add(name)
    return frozenset(names)


def test_the_guide_gives_a_reason_for_every_default():
    part = next(part for part in guide().parts if part.heading == "What silence says")
    named = {word for _, text in part.items for word in re.findall(r"`([a-z_]+)`", text)}
    assert named == documented_defaults() | {"status", "scope"}


def attributes(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Paths of the facts that somebody could have left out."""
    if isinstance(value, dict):
        named = len(path) in (1, 3) and path[0] in {"stores", "channels", "entities", "processes"}
        for key, item in value.items():
            is_name = len(path) == 1 and path[0] in {"stores", "channels", "entities", "processes"}
            is_name = is_name or (len(path) == 3 and path[0] == "processes" and path[2] == "handlers")
            if not is_name and key not in STRUCTURE and key not in documented_defaults():
                yield (*path, key)
            if not is_name or named:
                yield from attributes(item, (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from attributes(item, (*path, index))


def names(found: tuple[Found, ...]) -> set[tuple[str, tuple[str, ...]]]:
    """(id, elements) of every finding, those included that a more specific one stands for."""
    result = set()
    for one in found:
        elements = tuple(sorted(one.match.elements))
        result.add((one.id, elements))
        result |= {(wider, elements) for wider in one.also}
    return result


def covered(key: tuple[str, tuple[str, ...]], present: set[tuple[str, tuple[str, ...]]]) -> bool:
    """Whether a finding is there, on its elements or on some that include or lie within them."""
    return any(k[0] == key[0] and (set(k[1]) <= set(key[1]) or set(key[1]) <= set(k[1])) for k in present)


def systems() -> Iterator[tuple[str, str | None, Topology]]:
    for path in sorted((ROOT / "examples").glob("*.yaml")):
        if path.name.endswith(".evidence.yaml"):
            continue
        yield path.stem, None, normalize(load_topology(parse_text(path.read_text(encoding="utf-8")))).topology
    for path in sorted((ROOT / "tests" / "rule_cases").glob("*.yaml")):
        for name, case in read_yaml(path)["cases"].items():
            yield f"{path.stem}:{name}", path.stem, normalize(load(case["topology"])).topology


SYSTEMS = list(systems())


@pytest.mark.parametrize(("name", "rule", "topology"), SYSTEMS, ids=[name for name, _, _ in SYSTEMS])
def test_leaving_out_a_fact_hides_no_definite_finding(name, rule, topology):
    definite = names(tuple(f for f in judge(topology).found if f.is_definite and rule in (None, f.id)))
    lost = []
    for path in attributes(dump_topology(topology)):
        try:
            other = without_fact(topology, path)
        except ArchitectError:
            continue
        present = names(judge(other).found)
        lost += [(format_path(path), key) for key in definite if not covered(key, present)]
    assert lost == []


@pytest.mark.parametrize(("name", "rule", "topology"), SYSTEMS, ids=[name for name, _, _ in SYSTEMS])
def test_a_condition_is_exactly_what_it_says(name, rule, topology):
    judged = judge(topology)
    questions = {question.path: question for question in judged.judgement.questions}
    for found in judged.found:
        key = (found.id, tuple(sorted(found.match.elements)))
        if not found.condition or rule not in (None, found.id):
            continue
        confirmed = topology
        for path, value in found.condition:
            confirmed = with_fact(confirmed, path, value)
        definite = names(tuple(f for f in judge(confirmed).found if f.is_definite))
        assert covered(key, definite), (key, found.condition)
        for path, value in found.condition:
            if path == ("scope",):
                # The other answer, partial, is how the topology stands: there the finding stays conditional.
                continue
            for answer in questions[path].answers:
                if answer != value:
                    present = names(judge(with_fact(topology, path, answer)).found)
                    assert key not in present, (key, format_path(path), answer)


@pytest.mark.parametrize("trigger", [None, {"request": {}}, {"request": {"from": "browser"}}])
def test_whether_requests_are_repeated_is_asked_where_that_decides(trigger):
    handler = {"steps": [{"write": "pg", "entity": "stock", "mode": "increment"}]}
    if trigger is not None:
        handler["trigger"] = trigger
    topology = load(
        {
            "stores": {"pg": {"technology": "postgresql"}, "es": {"technology": "elasticsearch"}},
            "entities": {"stock": {"key": "sku"}},
            "processes": {"shop": {"handlers": {"reserve": handler}}},
        }
    )
    asked = {format_path(question.path) for question in judge(normalize(topology).topology).judgement.questions}
    assert "processes.shop.handlers.reserve.trigger.request.retries" in asked

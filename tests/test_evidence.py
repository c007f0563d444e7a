"""Every fact of an example that encodes a story is proven by a literal quote of that story."""

from collections.abc import Iterator
from typing import Any

import pytest

from data_integration_architect.files import DocumentPath, format_path, split_path
from support import ROOT, read_yaml

EXAMPLES = ROOT / "examples"
SUFFIX = ".evidence.yaml"
NAMES = sorted(path.name.removesuffix(SUFFIX) for path in EXAMPLES.glob(f"*{SUFFIX}"))
WORKED_EXAMPLES = {"online-retailer", "money-transfer", "friendship-messages"}

STEPS = {"steps", "on_miss"}
NAMED = {"stores", "channels", "entities", "processes", "captures", "consumers", "jobs", "caches"}
LISTED = {"readers", "causality", "constraints", "symptoms"}
# Words whose value only names another element.
REFERENCES = {"write", "read", "append", "call", "invalidate", "transaction", "consume", "changes", "entity",
              "from", "to", "in", "of"}  # fmt: skip


@pytest.fixture(scope="module", params=NAMES)
def example(request: pytest.FixtureRequest) -> tuple[dict, dict]:
    return read_yaml(EXAMPLES / f"{request.param}.yaml"), read_yaml(EXAMPLES / f"{request.param}{SUFFIX}")


def folded(text: str) -> str:
    return " ".join(text.split())


def element(path: DocumentPath) -> DocumentPath | None:
    """The innermost element that holds `path`: a store, process, handler, step, reader …; None above all elements."""
    if path[0] not in NAMED | LISTED | {"context"} or len(path) == 1:
        return None
    found = path[:2]
    if path[0] == "processes" and len(path) > 3:
        found = path[:4]
        for end in range(6, len(path) + 1):
            if path[end - 2] in STEPS and isinstance(path[end - 1], int):
                found = path[:end]
    return found


def leaves(value: Any, path: DocumentPath = ()) -> Iterator[DocumentPath]:
    """Paths of the scalars, of the lists of scalars, and of what is empty."""
    if isinstance(value, dict) and value:
        for key, item in value.items():
            yield from leaves(item, (*path, key))
    elif isinstance(value, list) and any(isinstance(item, dict) for item in value):
        for index, item in enumerate(value):
            yield from leaves(item, (*path, index))
    else:
        yield path


def is_fact(path: DocumentPath) -> bool:
    """Whether the leaf states something, other than a name or which element is meant."""
    if path[0] in {"system", "scope"} or (path[0] == "constraints" and path[-1] == "name"):
        return False
    if path[-1] == "reads" or (len(path) > 1 and path[-2] == "reads"):
        return path[0] != "readers"  # of a batch it says how much is read
    return path[-1] not in REFERENCES


def test_every_story_has_evidence():
    topologies = {path.stem for path in EXAMPLES.glob("*.yaml") if not path.name.endswith(SUFFIX)}
    assert set(NAMES) == topologies - WORKED_EXAMPLES
    assert len(NAMES) == 10


def test_source_and_story_are_told(example):
    _, evidence = example
    assert {"source", "title", "story", "quotes"} <= set(evidence)
    assert {"url", "date"} <= set(evidence["source"])
    assert evidence["title"] and evidence["story"]


def test_quotes_are_literal(example):
    _, evidence = example
    story = folded(evidence["story"])
    assert {path: quote for path, quote in evidence["quotes"].items() if folded(quote) not in story} == {}
    assert all(folded(quote) for quote in evidence["quotes"].values())


def test_paths_exist(example):
    topology, evidence = example
    for text in evidence["quotes"]:
        path = split_path(text)
        assert format_path(path) == text
        assert element(path), f"{text} holds several elements; quote for each"
        found: Any = topology
        for end, key in enumerate(path, 1):
            known = range(len(found)) if isinstance(found, list) else found if isinstance(found, dict) else ()
            assert key in known, f"no {format_path(path[:end])}"
            found = found[key]


def test_every_fact_is_covered(example):
    """By a quote at its own path or further up, as far as the element that states it."""
    topology, evidence = example
    quoted = {split_path(text) for text in evidence["quotes"]}
    bare = [
        format_path(leaf)
        for leaf in leaves(topology)
        if is_fact(leaf) and not any(leaf[:end] in quoted for end in range(len(element(leaf) or leaf), len(leaf) + 1))
    ]
    assert bare == []


def test_every_element_is_covered(example):
    """Also those that state nothing of their own, such as a store without attributes or a step with references only."""
    topology, evidence = example
    proven = {element(split_path(text)) for text in evidence["quotes"]}
    elements = {element(leaf[:end]) for leaf in leaves(topology) for end in range(1, len(leaf) + 1)}
    assert sorted(map(format_path, elements - proven - {None})) == []


def test_the_checks_see_what_is_missing():
    path = split_path("processes.p.handlers.h.steps[0].on_miss[1].retry.then")
    assert format_path(element(path) or ()) == "processes.p.handlers.h.steps[0].on_miss[1]"
    assert format_path(element(path[:5]) or ()) == "processes.p.handlers.h"
    assert element(("processes",)) is None and element(("system",)) is None
    assert is_fact(split_path("jobs.n.reads")) and not is_fact(split_path("readers[0].reads"))
    assert is_fact(split_path("processes.p.handlers.h.dedup.scope")) and not is_fact(("scope",))


def test_the_first_example_is_short():
    assert len((EXAMPLES / "online-retailer.yaml").read_text(encoding="utf-8").splitlines()) <= 30

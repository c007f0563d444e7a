"""Protocols that differ by one fact: the verdict and the exact shortest run of each variant.

Each file has a `base` topology and `pairs`; a variant sets facts by dotted path (`null` unsays one). The runs were
derived by hand from the protocol, then written in the checker's words.
"""

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml

from data_integration_architect.modelcheck import Assumptions, Bounds, Verdict, decide, questions
from data_integration_architect.topology import Topology, normalize

FILES = sorted((Path(__file__).parent / "pairs").glob("*.yaml"))


def with_facts(base: dict[str, Any], *changes: dict[str, Any]) -> dict[str, Any]:
    """The document with facts set by dotted path; numbers index lists, `null` removes."""
    found = copy.deepcopy(base)
    for change in changes:
        for path, value in change.items():
            *parents, last = [int(part) if part.isdigit() else part for part in path.split(".")]
            place: Any = found
            for part in parents:
                place = place[part] if isinstance(part, int) else place.setdefault(part, {})
            if value is None and isinstance(place, dict):
                place.pop(last, None)
            else:
                place[last] = copy.deepcopy(value)
    return found


def variants() -> list[Any]:
    found = []
    for file in FILES:
        document = yaml.safe_load(file.read_text(encoding="utf-8"))
        for pair in document["pairs"]:
            for variant in pair["variants"]:
                given = with_facts(document["base"], pair.get("set", {}), variant.get("set", {}))
                ask = {**document.get("ask", {}), **pair.get("ask", {}), **variant.get("ask", {})}
                found.append(pytest.param(given, ask, variant, id=f"{file.stem}: {pair['pair']}: {variant['when']}"))
    return found


def verdict_on(given: dict[str, Any], ask: dict[str, str], **assumed: Any) -> Verdict:
    topology = normalize(Topology.model_validate(given)).topology
    asked = [q for q in questions(topology) if all(getattr(q, name) == value for name, value in ask.items())]
    assert len(asked) == 1, (ask, questions(topology))
    return decide(topology, asked[0], Bounds(**assumed.get("bounds", {})), assumptions=assumed.get("assumptions"))


def run_of(found: Verdict) -> list[str]:
    return [
        f"{step.actor}{f' -> {step.target}' if step.target not in ('', step.actor) else ''}: {step.text}"
        for step in found.trace
    ]


@pytest.mark.parametrize(("given", "ask", "variant"), variants())
def test_verdict_and_shortest_run(given: dict[str, Any], ask: dict[str, str], variant: dict[str, Any]):
    found = verdict_on(given, ask, assumptions=Assumptions("unsafe"))
    assert found.verdict == variant["verdict"], run_of(found)
    if found.verdict == "violated":
        assert run_of(found) == variant["run"]
        seen = (found.violates, found.faults_needed, found.writes_needed)
        assert seen == (variant["violates"], variant["faults"], variant["writes"])
        assert found.is_shortest
    if found.verdict == "holds":
        assert not found.never_enabled or set(found.never_enabled) == set(variant.get("never", ()))
    assert not set(variant.get("not_modelled", ())) - set(found.not_modelled)


def test_each_pair_has_both_verdicts():
    for file in FILES:
        for pair in yaml.safe_load(file.read_text(encoding="utf-8"))["pairs"]:
            verdicts = {variant["verdict"] for variant in pair["variants"]}
            runs = {tuple(variant.get("run", ())) for variant in pair["variants"]}
            assert len(verdicts) > 1 or len(runs) > 1, (file.stem, pair["pair"])

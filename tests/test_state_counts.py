"""Verdicts and state counts of every shipped topology, as numbers: a change of a model or of the search shows here.

Where a property holds, a state is at rest and every step of the model is taken in some state; those that are not, as
the step that would show the violation, are listed.

`REWRITE_GOLDEN=1 pytest tests/test_state_counts.py` writes them anew; read the difference before committing it.
"""

import os

import pytest
import yaml

from data_integration_architect.modelcheck import Assumptions, Bounds, decide, questions
from data_integration_architect.topology import Topology, normalize
from support import ROOT, load, parse_text

EXPECTED = ROOT / "tests" / "expected" / "state_counts.yaml"
SMALL = Bounds(writes=2, faults=1)


def topologies() -> dict[str, Topology]:
    found = {}
    for path in sorted((ROOT / "examples").glob("*.yaml")):
        if not path.stem.endswith(".evidence"):
            found[path.stem] = load(parse_text(path.read_text(encoding="utf-8")).data)
    for path in sorted((ROOT / "examples" / "claims").glob("*.yaml")):
        for number, variant in enumerate(yaml.safe_load(path.read_text(encoding="utf-8"))["variants"]):
            found[f"claims/{path.stem}/{number}"] = Topology.model_validate(variant["topology"])
    return found


def counts(topology: Topology) -> dict[str, str]:
    """`property target entity element` -> verdict, states at two writes and one fault, steps of the shortest run."""
    normal = normalize(topology).topology
    found = {}
    for question in questions(normal):
        verdict = decide(normal, question, SMALL, assumptions=Assumptions("unsafe"))
        name = " ".join(filter(None, (question.property, question.target, question.entity, question.element)))
        run = f", {len(verdict.trace)} steps" if verdict.trace else ""
        never = ""
        if verdict.verdict == "holds":
            assert verdict.at_rest_states > 0, name
            never = "".join(f"; never: {step}" for step in verdict.never_enabled)
        found[name] = f"{verdict.verdict}, {verdict.states} states{run}{never}"
    return found


TOPOLOGIES = topologies()


@pytest.mark.parametrize("name", TOPOLOGIES)
def test_states_are_as_counted(name):
    seen = counts(TOPOLOGIES[name])
    known = yaml.safe_load(EXPECTED.read_text(encoding="utf-8")) or {}
    if os.environ.get("REWRITE_GOLDEN"):
        known = {**known, name: seen}
        EXPECTED.write_text(yaml.safe_dump(known, width=120), encoding="utf-8")
    assert seen == known[name]


def test_every_topology_is_counted_and_nothing_else():
    assert set(yaml.safe_load(EXPECTED.read_text(encoding="utf-8"))) == set(TOPOLOGIES)

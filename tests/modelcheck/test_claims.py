"""Widely repeated statements about these patterns, each with the shortest run that decides it."""

from pathlib import Path

import pytest
import yaml

from data_integration_architect.modelcheck import Assumptions, Bounds, decide, questions
from data_integration_architect.topology import Topology, normalize

FILES = sorted((Path(__file__).parents[2] / "examples" / "claims").glob("*.yaml"))
VARIANTS = [
    pytest.param(variant, id=f"{file.stem}: {variant['when']}")
    for file in FILES
    for variant in yaml.safe_load(file.read_text(encoding="utf-8"))["variants"]
]


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_checker_gives_the_stated_verdict(variant):
    topology = normalize(Topology.model_validate(variant["topology"])).topology
    expected = variant["expect"]
    asked = [
        question
        for question in questions(topology)
        if (question.property, question.target) == (expected["property"], expected["target"])
        and question.entity == expected.get("entity")
        and question.element == expected.get("element", question.element)
    ]
    found = decide(topology, asked[0], Bounds(), assumptions=Assumptions("unsafe"))
    assert found.verdict == expected["verdict"], found.trace
    if found.verdict == "violated":
        seen = (len(found.trace), found.faults_needed, found.writes_needed)
        assert seen == (expected["steps"], expected["faults"], expected["writes"]), found.trace


def test_each_judgement_fits_its_variants():
    for file in FILES:
        document = yaml.safe_load(file.read_text(encoding="utf-8"))
        verdicts = {variant["expect"]["verdict"] for variant in document["variants"]}
        assert document["judgement"] in ("true", "false", "conditional")
        assert document["judgement"] != "conditional" or verdicts == {"holds", "violated"}

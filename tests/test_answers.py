"""Questions and flips are true: setting the named fact in the user's own document has exactly the stated effect."""

from collections.abc import Iterator
from typing import Any

import pytest

from data_integration_architect.advice.judged import judge
from data_integration_architect.advice.questions import describe_change, outcome_of
from data_integration_architect.files import Document, split_path
from data_integration_architect.topology import load_topology, normalize
from data_integration_architect.topology.edit import set_fact
from data_integration_architect.use_cases import review_document
from generated import random_topology
from landscapes import example, together
from support import ROOT, parse_text


def systems() -> Iterator[tuple[str, Any]]:
    for path in sorted((ROOT / "examples").glob("*.yaml")):
        if not path.name.endswith(".evidence.yaml"):
            yield path.stem, parse_text(path.read_text(encoding="utf-8")).data
    for seed in range(25):
        yield f"seed {seed}", random_topology(seed)
    for seed in range(0, 25, 5):
        yield f"seeds {seed} to {seed + 4}", together(*(random_topology(seed + more) for more in range(5)))
    yield "examples side by side", together(*map(example, ("online-retailer", "money-transfer", "friendship-messages")))


SYSTEMS = list(systems())


def outcome(data: Any):
    judged = judge(normalize(load_topology(Document(data))).topology)
    return outcome_of(judged.found, judged.advice)


@pytest.mark.parametrize(("name", "data"), SYSTEMS, ids=[name for name, _ in SYSTEMS])
def test_each_answer_has_the_stated_effect(name, data):
    before = outcome(data)
    for question in review_document(Document(data)).questions:
        assert 2 <= len(question.answers) <= 4
        assert any(answer.effect != "changes nothing" for answer in question.answers)
        for answer in question.answers:
            after = outcome(set_fact(data, split_path(question.path), answer.value))
            assert describe_change(before, after) == answer.effect, (question.path, answer.value)


@pytest.mark.parametrize(("name", "data"), SYSTEMS, ids=[name for name, _ in SYSTEMS])
def test_each_flip_leads_to_the_stated_mechanism(name, data):
    for recommendation in review_document(Document(data)).recommendations:
        for flip in recommendation.would_flip:
            after = outcome(set_fact(data, split_path(flip.path), flip.value))
            assert after.choices[(recommendation.from_, recommendation.to)] == flip.mechanism, flip


@pytest.mark.parametrize(("name", "data"), SYSTEMS, ids=[name for name, _ in SYSTEMS])
def test_at_most_seven_questions_on_facts_that_nobody_said(name, data):
    review = review_document(Document(data))
    assert len(review.questions) <= 7
    for question in review.questions:
        value = data
        for key in split_path(question.path):
            value = value.get(key) if isinstance(value, dict) else value[key]
            if value is None:
                break
        assert value is None or question.path == "scope", question.path


def test_a_landscape_is_asked_more_than_judging_all_of_it_again_would_allow():
    landscape = together(*(random_topology(seed) for seed in range(40)))
    # judged as a whole, the budget is two judgements: one question of two answers
    assert len(review_document(Document(landscape)).questions) >= 4

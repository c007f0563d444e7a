"""The judgement of every shipped example: what is required is there, nothing else of medium or above is definite."""

import pytest

from data_integration_architect.results import Review
from data_integration_architect.use_cases import review_document
from support import ROOT, parse_text, read_yaml

NAMES = sorted(path.stem for path in (ROOT / "examples").glob("*.yaml") if not path.name.endswith(".evidence.yaml"))
LOUD = {"medium", "high", "critical"}
MOST_CONDITIONAL = 3


def any_of(value: object) -> list[object]:
    return list(value) if isinstance(value, list) else [value]


@pytest.fixture(scope="module", params=NAMES)
def example(request: pytest.FixtureRequest) -> tuple[Review, dict]:
    text = (ROOT / "examples" / f"{request.param}.yaml").read_text(encoding="utf-8")
    return review_document(parse_text(text)), read_yaml(ROOT / "tests" / "expected" / f"{request.param}.yaml")


def ids(finding) -> set[str]:
    return {finding.id, *finding.also}


def test_applicability(example):
    review, expected = example
    verdict = {"applicable": True, "not-applicable": False}.get(review.applicable.verdict)
    assert verdict in any_of(expected["applicable"])


def last_mechanisms(review: Review, source: str, target: str) -> set[str]:
    """Mechanisms of the flows that reach `target` from `source`, directly or over channels that lie between."""
    reached, found = {source}, set()
    for _ in review.flows:
        found |= {f.mechanism for f in review.flows if f.from_ in reached and f.to == target}
        reached |= {f.to for f in review.flows if f.from_ in reached}
    return found


def test_mechanisms(example):
    review, expected = example
    for flow in expected["flows"]:
        assert last_mechanisms(review, flow["from"], flow["to"]) & set(any_of(flow["mechanism"])), flow
    if not expected["flows"]:
        assert review.flows == ()


def test_systems_of_record(example):
    review, expected = example
    found = {o.entity: {o.store, o.instance} for o in review.systems_of_record}
    for entity, store in expected["system_of_record"].items():
        assert found[entity] & set(any_of(store)), (entity, found[entity])


def test_required_findings(example):
    review, expected = example
    for wanted in expected["antipatterns"]:
        names = {wanted["id"], *wanted.get("aliases", [])}
        matching = [f for f in review.findings if f.is_definite and ids(f) & names]
        if wanted.get("optional") and not matching:
            continue
        assert matching, f"{wanted['id']} is missing"
        for finding in matching:
            assert finding.severity in any_of(wanted["severity"]), finding
            assert finding.violates in any_of(wanted["violates"]), finding


def test_no_other_definite_finding_of_medium_or_above(example):
    review, expected = example
    names = {n for wanted in expected["antipatterns"] for n in (wanted["id"], *wanted.get("aliases", []))}
    others = [(f.id, f.elements, f.severity) for f in review.definite if f.severity in LOUD and not ids(f) & names]
    assert others == []


def test_few_conditional_findings(example):
    review, _ = example
    conditional = [(f.id, f.elements, f.condition) for f in review.findings if not f.is_definite]
    assert len(conditional) <= MOST_CONDITIONAL, conditional


def test_recommendation(example):
    review, expected = example
    wanted = expected["recommend"]
    fitting = [
        r
        for r in review.recommendations
        if r.mechanism in any_of(wanted["mechanism"]) and r.runner_up in any_of(wanted["runner_up"])
    ]
    assert fitting, [(r.from_, r.to, r.mechanism, r.runner_up) for r in review.recommendations]
    if "fix" in wanted:
        fixes = {fix for r in fitting for fix in (*r.fixes, r.mechanism)}
        assert fixes & set(any_of(wanted["fix"])), fixes


def test_processing(example):
    review, expected = example
    wanted = expected["processing_architecture"]
    assert review.processing.layer in any_of(wanted["layer"])
    assert review.processing.composition == wanted["composition"]


def test_ordering(example):
    review, expected = example
    wanted = expected["ordering"]
    if not review.ordering:
        assert wanted["need"] == "none"
        return
    fitting = [
        o
        for o in review.ordering
        if o.need in any_of(wanted["need"])
        and o.satisfied in any_of(wanted["currently_satisfied"])
        and (o.need == "none" or o.key in any_of(wanted["key"]))
    ]
    assert fitting, review.ordering


def test_idempotency(example):
    review, expected = example
    wanted = expected["idempotency"]
    if not review.idempotency:
        assert "none-needed" in any_of(wanted["mechanism"])
        return
    fitting = [
        i
        for i in review.idempotency
        if i.mechanism in any_of(wanted["mechanism"])
        and i.currently in any_of(wanted["currently"])
        and ("id_origin" not in wanted or i.operation_id_origin in any_of(wanted["id_origin"]))
    ]
    assert fitting, review.idempotency


def test_fixes_of_findings(example):
    """Every fix that a finding names can be explained."""
    from data_integration_architect.catalog import load_catalog

    review, _ = example
    catalog = load_catalog()
    for finding in review.findings:
        for fix in finding.fixes:
            assert fix in catalog.fixes or fix in catalog.mechanisms, fix

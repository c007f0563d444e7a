"""Every rule against its cases: the full list of findings with their elements, not only that it fires."""

import pytest

from data_integration_architect.analysis.view import View
from data_integration_architect.catalog import load_catalog
from data_integration_architect.files import format_path
from data_integration_architect.rules import Found, judge_topology, rule_modules
from data_integration_architect.topology import normalize
from support import ROOT, load, read_yaml

CASES = [
    (path.stem, name, case)
    for path in sorted((ROOT / "tests" / "rule_cases").glob("*.yaml"))
    for name, case in read_yaml(path)["cases"].items()
]


def describe(found: Found, keys: set[str]) -> dict[str, object]:
    full = {
        "elements": sorted(found.match.elements),
        "severity": found.severity,
        "violates": found.match.consequence.violates,
        "also": list(found.also),
        "shows": sorted(found.match.shows),
        "condition": [{"path": format_path(path), "value": value} for path, value in found.condition],
    }
    return {key: value for key, value in full.items() if key in keys or (key == "condition" and value)}


@pytest.mark.parametrize(("rule", "name", "case"), CASES, ids=[f"{r}:{n}" for r, n, _ in CASES])
def test_rule_case(rule, name, case):
    view = View(normalize(load(case["topology"])).topology, load_catalog())
    found = [f for f in judge_topology(view).found if f.id == rule]
    expected = case["findings"]
    # A key that a case names is compared in all of its findings; a condition always is.
    keys = {key for finding in expected for key in finding} | {"elements"}
    shown = sorted((describe(f, keys) for f in found), key=str)
    assert shown == sorted((dict(e, elements=sorted(e["elements"])) for e in expected), key=str)
    severities = load_catalog().anti_patterns.heads[rule].severity
    assert all(f.severity in severities for f in found)


def test_knowledge_rules_and_cases_are_the_same_set():
    in_cases = {read_yaml(path)["rule"] for path in (ROOT / "tests" / "rule_cases").glob("*.yaml")}
    assert set(load_catalog().anti_patterns) == set(rule_modules()) == in_cases


@pytest.mark.parametrize("rule", sorted({rule for rule, _, _ in CASES}))
def test_every_rule_has_a_firing_case_and_a_near_miss(rule):
    cases = [case for r, _, case in CASES if r == rule]
    assert any(any(not f.get("condition") for f in case["findings"]) for case in cases)
    assert any(not case["findings"] for case in cases)


@pytest.mark.parametrize("rule", sorted(load_catalog().anti_patterns))
def test_the_example_of_an_anti_pattern_triggers_it(rule):
    entry = load_catalog().anti_patterns.entry(rule)
    view = View(normalize(load(dict(entry.example))).topology, load_catalog())
    found = [f for f in judge_topology(view).found if f.id == rule]
    assert any(f.is_definite for f in found)

"""Rules against the checker on every rule case: a finding is a pair of runs, a near miss leaves no violation.

Where the two disagree the case stands in `expected/rules_and_checker.yaml`: the rule says more than the model shows, or
the model lacks what makes the rule silent. No case may be added to it; `REWRITE_GOLDEN=1 pytest` takes out those that
have come to agree.
"""

import os

import pytest
import yaml

from data_integration_architect.analysis.view import View
from data_integration_architect.catalog import load_catalog
from data_integration_architect.checking import jobs_of, run_job, subject_of
from data_integration_architect.checking.jobs import BUG
from data_integration_architect.modelcheck import Bounds
from data_integration_architect.rules import judge_topology
from data_integration_architect.topology import normalize
from support import ROOT, load, read_yaml

EXPECTED = ROOT / "tests" / "expected" / "rules_and_checker.yaml"
# Smaller than the default bounds, which no case needs: the whole table then takes a third of the time.
SMALL = Bounds(writes=2, faults=2, states=10_000)
RULES = [name for name in load_catalog().anti_patterns if load_catalog().anti_patterns.heads[name].check.property]


def told(rule: str) -> dict[str, list[str]]:
    """Case -> what the checker says against the rule; only cases that disagree."""
    found: dict[str, list[str]] = {}
    for name, case in read_yaml(ROOT / "tests" / "rule_cases" / f"{rule}.yaml")["cases"].items():
        topology = normalize(load(case["topology"])).topology
        findings = judge_topology(View(topology, load_catalog())).found
        jobs = jobs_of(topology, [subject_of(one, topology) for one in findings], SMALL)
        for job in jobs:
            is_finding = job.subject is not None and job.subject.id == rule
            is_near_miss = job.subject is None and not case["findings"]
            if not is_finding and not is_near_miss:
                continue
            outcome = run_job(topology, job)
            assert not outcome.reason.startswith(BUG), (rule, name, outcome.reason)
            verdict = outcome.verdict
            if verdict is None:
                assert outcome.reason
                continue
            if is_finding and (verdict.verdict, outcome.idealised) != ("violated", "holds"):
                found.setdefault(name, []).append(f"finding: {verdict.verdict}")
            lasts = verdict.verdict == "violated" and verdict.violates != "timeliness" and not verdict.conditions
            if is_near_miss and lasts:
                found.setdefault(name, []).append(f"near miss: {verdict.property} of {verdict.target} violated")
    return found


@pytest.mark.parametrize("rule", RULES)
def test_the_checker_agrees_with_the_rule(rule):
    known = yaml.safe_load(EXPECTED.read_text(encoding="utf-8")) or {}
    seen = told(rule)
    if os.environ.get("REWRITE_GOLDEN"):
        known = {**known, rule: seen}
        text = yaml.safe_dump({name: cases for name, cases in known.items() if cases}, width=120)
        EXPECTED.write_text(text, encoding="utf-8")
    listed = known.get(rule, {})
    new = {name: sorted({*words} - {*listed.get(name, ())}) for name, words in seen.items()}
    assert not {name: words for name, words in new.items() if words}


def test_no_rule_is_listed_that_has_no_property():
    assert set(yaml.safe_load(EXPECTED.read_text(encoding="utf-8")) or {}) <= set(RULES)

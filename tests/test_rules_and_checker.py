"""Rules against the checker on every rule case.

The pair of a finding: with defects of others idealised its property is violated, with its own idealised too it holds.
A near miss leaves no violation that lasts and that no finding names. A finding without a model says why.
"""

import os
from dataclasses import replace

import pytest
import yaml

from data_integration_architect.analysis.view import View
from data_integration_architect.catalog import load_catalog
from data_integration_architect.checking import jobs_of, run_job, subject_of
from data_integration_architect.checking.jobs import BUG, Job, Outcome, mended
from data_integration_architect.modelcheck import Bounds, Verdict
from data_integration_architect.rules import judge_topology
from data_integration_architect.topology import Topology, normalize
from support import ROOT, load, read_yaml

# Smaller than the default bounds, which no case needs: the whole table then takes a third of the time.
SMALL = Bounds(writes=2, faults=2, states=10_000)
# Findings of rule cases that have no check yet, and why: a check that is lost is seen here.
UNCHECKED = ROOT / "tests" / "expected" / "findings_without_a_check.yaml"
RULES = [name for name in load_catalog().anti_patterns if load_catalog().anti_patterns.heads[name].check.property]


def names(topology: Topology, job: Job, outcome: Outcome) -> bool:
    """Whether a finding names a violation that is left: of the system as described, or of the one that is asked about,
    in which other defects are mended and which the rules judge anew.
    """
    if outcome.together:
        return True
    other = mended(topology, job)
    if other == topology:
        return False
    subjects = tuple(subject_of(one, other) for one in judge_topology(View(other, load_catalog())).found)
    again = run_job(other, replace(job, subjects=subjects))
    return bool(again.together) or not (again.verdict is not None and lasts(again.verdict))


def lasts(verdict: Verdict) -> bool:
    return verdict.verdict == "violated" and verdict.violates != "timeliness" and not verdict.conditions


def told(rule: str) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    """Case -> what the checker says against the rule, of cases that disagree; case -> why findings have no check."""
    found: dict[str, list[str]] = {}
    unchecked: dict[str, list[str]] = {}
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
                if is_finding:
                    unchecked.setdefault(name, []).append(outcome.reason)
                continue
            if is_finding and (verdict.verdict, outcome.idealised) != ("violated", "holds"):
                found.setdefault(name, []).append(f"finding: {verdict.verdict}")
            if is_near_miss and lasts(verdict) and not names(topology, job, outcome):
                found.setdefault(name, []).append(f"near miss: {verdict.property} of {verdict.target} violated")
    return found, unchecked


@pytest.mark.parametrize("rule", RULES)
def test_the_checker_agrees_with_the_rule(rule):
    against, unchecked = told(rule)
    assert against == {}
    known = read_yaml(UNCHECKED) if UNCHECKED.exists() else {}
    if os.environ.get("REWRITE_GOLDEN"):
        known = {**known, rule: unchecked} if unchecked else {key: one for key, one in known.items() if key != rule}
        UNCHECKED.write_text(yaml.safe_dump(known, width=120), encoding="utf-8")
    assert unchecked == known.get(rule, {})

"""The states of a whole review: shared out by the topology alone; parts of a topology checked by themselves."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import pytest

from data_integration_architect.advice.judged import judge
from data_integration_architect.checking import (
    Job,
    Outcome,
    alike,
    check_findings,
    check_of,
    in_this_process,
    jobs_of,
    run_within,
    states_of_all,
    subject_of,
)
from data_integration_architect.checking.parts import outside, parts_of
from data_integration_architect.checks import check_topology
from data_integration_architect.files import Document, dump_yaml
from data_integration_architect.given import Given
from data_integration_architect.modelcheck import Bounds
from data_integration_architect.modelcheck.budget import Budget, SpentError
from data_integration_architect.renderers.checks import verdict_words
from data_integration_architect.results import Check
from data_integration_architect.topology import Topology, normalize
from data_integration_architect.topology.parts import LISTED, NAMED
from data_integration_architect.workers import run_jobs
from landscapes import example, together
from support import load

TIGHT = Bounds(states=1_200)


LANDSCAPE = together(
    example("delete-after-commit-with-ttl"),
    example("friendship-messages"),
    example("one-database-with-replicas"),
    example("unchanged-large-column"),
)


def jobs_in(data: dict[str, Any], bounds: Bounds) -> tuple[Topology, list[Job]]:
    topology = normalize(load(data)).topology
    subjects = [subject_of(found, topology) for found in judge(topology).found]
    return topology, jobs_of(topology, subjects, bounds)


def backwards(topology: Topology, jobs: Sequence[Job]) -> list[Outcome]:
    """Groups of jobs run in the opposite order."""
    groups = alike(jobs)
    found: dict[int, Outcome] = {}
    for group in reversed(groups):
        found |= zip(group, in_this_process(topology, [jobs[number] for number in group]), strict=True)
    return [found[number] for number in range(len(jobs))]


def test_what_stops_depends_on_the_topology_only():
    topology, jobs = jobs_in(LANDSCAPE, TIGHT)
    here = run_within(topology, jobs, TIGHT, in_this_process)
    assert {one.is_stopped for one in here} == {True, False}
    for run in (backwards, partial(run_jobs, most=1), partial(run_jobs, most=3)):
        assert run_within(topology, jobs, TIGHT, run) == here


def test_a_review_sees_about_its_states():
    bounds = Bounds(states=4_000)
    topology, jobs = jobs_in(LANDSCAPE, bounds)
    rounds: list[int] = []

    def counted(topology: Topology, jobs: Sequence[Job]) -> list[Outcome]:
        found = in_this_process(topology, jobs)
        rounds.append(sum(one.seen for one in found))
        return found

    found = run_within(topology, jobs, bounds, counted)
    assert len(rounds) > 1  # what was left of the first went to those that needed more
    assert sum(rounds) < states_of_all(bounds) * 1.2  # the last model of each group may exceed its share
    assert not any(one.verdict for one in found if one.is_stopped)
    wide = Bounds()
    assert not any(one.is_stopped for one in run_within(*jobs_in(LANDSCAPE, wide), wide, in_this_process))


def test_a_budget_that_is_spent_stays_spent():
    budget = Budget(10)
    assert budget.limit(60) == 10
    with pytest.raises(SpentError):
        budget.take(11)
    with pytest.raises(SpentError):
        budget.limit(1)
    assert budget.seen == 11 and Budget().limit(60) == 60


def test_a_stopped_check_says_how_to_go_on():
    normal = normalize(load(LANDSCAPE))
    found = judge(normal.topology).found
    stopped = Job(TIGHT, (), subject=subject_of(found[0], normal.topology))
    check = check_of(Outcome(None, seen=321, is_stopped=True), stopped, normal, Document(LANDSCAPE))
    assert check.verdict == "stopped" and check.states == 321
    assert f"check --property {check.property} --states 12000" in verdict_words(check)
    given = Given(dump_yaml(LANDSCAPE), "x")
    assert all(one.verdict != "stopped" for one in check_topology(given, check.property).checks)


def test_parts_have_nothing_in_common():
    topology, jobs = jobs_in(LANDSCAPE, TIGHT)
    parts = parts_of(topology, [subject_of(found, topology) for found in judge(topology).found])
    for one in parts:
        names = [name for group in NAMED for name in getattr(one.part.topology, group)]
        assert len({name.split("_")[0] for name in names}) == 1
    for group in NAMED:
        names = [name for one in parts for name in getattr(one.part.topology, group)]
        assert sorted(names) == sorted(getattr(topology, group))
    for group in LISTED:
        assert sorted(n for one in parts for n in one.part.listed[group]) == list(range(len(getattr(topology, group))))
    assert len({job.part.number for job in jobs if job.part is not None}) == 4


def test_systems_side_by_side_are_judged_as_each_by_itself():
    found = {one.fingerprint for one in judge(normalize(load(LANDSCAPE)).topology).found}
    topology, _ = jobs_in(LANDSCAPE, TIGHT)
    apart = [judge(one.part.topology).found for one in parts_of(topology, [])]
    assert found == {one.fingerprint for some in apart for one in some}


@pytest.mark.parametrize("name", ["friendship-messages", "delete-after-commit-with-ttl", "xa-inside-one-database"])
def test_a_system_beside_others_has_the_checks_that_it_has_alone(name):
    system = example(name)
    alone, beside = (checks_of(data) for data in (together(system), together(system, example("money-transfer"))))
    assert alone[0] == {key: check for key, check in beside[0].items() if key in alone[0]}
    assert [one for one in beside[1] if one.target.startswith("s0_")] == alone[1]


def checks_of(data: dict[str, Any]) -> tuple[dict[str, Check], list[Check]]:
    normal = normalize(load(data))
    found = judge(normal.topology).found
    document = Document(data)
    checks = check_findings(normal, document, found, "default", in_this_process)
    return checks.of_findings, list(checks.of_properties)


def test_facts_of_lists_keep_their_place():
    system = example("friendship-messages")
    for pair in system["causality"]:
        pair.pop("token", None)
    data = together(system, system)
    topology, _ = jobs_in(data, TIGHT)
    parts = parts_of(topology, [subject_of(found, topology) for found in judge(topology).found])
    first, second = (one for one in parts if one.part.topology.causality)
    assert [subject.condition[0][0] for one in (first, second) for subject in one.subjects] == [
        ("causality", 0, "token")
    ] * 2
    assert outside(first.part, "causality.0.token") == "causality.0.token"
    assert outside(second.part, "causality.0.token") == "causality.1.token"
    assert outside(second.part, "stores.x.expiry") == "stores.x.expiry"
    assert {check.verdict for check in checks_of(data)[0].values()} == {"violated"}  # as their conditions say

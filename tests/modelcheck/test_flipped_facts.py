"""Examples and claims of which one fact is left out or said otherwise: the checker answers, and nothing raises.

A verdict at rest without a state at rest raises, so a run through the jobs shows that there is none either.
"""

from typing import Any

import pytest

from data_integration_architect.advice.judged import judge
from data_integration_architect.checking import jobs_of, run_job, subject_of
from data_integration_architect.checking.jobs import BUG
from data_integration_architect.errors import ArchitectError
from data_integration_architect.files import Document
from data_integration_architect.modelcheck import Bounds, check
from data_integration_architect.modelcheck.expressions import ModelError
from data_integration_architect.modelcheck.mechanisms import consumers
from data_integration_architect.topology import load_topology, normalize
from generated import random_topology
from mutations import mutated, mutations, some_mutations, with_odd_facts
from support import ROOT, read_yaml

SMALL = Bounds(writes=2, faults=1, states=300)
FOLDER = ROOT / "examples"
EXAMPLES = {
    path.stem: [read_yaml(path)] for path in sorted(FOLDER.glob("*.yaml")) if not path.stem.endswith(".evidence")
}
CLAIMS = {
    path.stem: [variant["topology"] for variant in read_yaml(path)["variants"]]
    for path in sorted((FOLDER / "claims").glob("*.yaml"))
}
SYSTEMS = EXAMPLES | CLAIMS


def check_one(data: dict[str, Any], said: object) -> None:
    """Every job of a document, if the reader takes it."""
    try:
        topology = normalize(load_topology(Document(data))).topology
    except ArchitectError:
        return
    subjects = [subject_of(found, topology) for found in judge(topology).found]
    for job in jobs_of(topology, subjects, SMALL):
        outcome = run_job(topology, job)
        assert BUG not in outcome.reason, (said, job.question, job.subject, outcome.reason)


@pytest.mark.parametrize("name", SYSTEMS)
def test_no_flipped_fact_breaks_the_checker(name: str):
    first, *_ = SYSTEMS[name]
    (mutation,) = some_mutations(first, f"{name} quick", 1)
    check_one(mutated(first, mutation), (name, mutation))


@pytest.mark.soak
@pytest.mark.parametrize("name", SYSTEMS)
def test_no_flipped_fact_of_many_breaks_the_checker(name: str):
    for number, data in enumerate(SYSTEMS[name]):
        for mutation in some_mutations(data, f"{name} {number}", max(1, 10 // len(SYSTEMS[name]))):
            check_one(mutated(data, mutation), (name, number, mutation))


@pytest.mark.parametrize("seed", range(4))
def test_no_odd_fact_breaks_the_checker(seed: int):
    check_one(with_odd_facts(random_topology(seed, 2), seed), seed)


@pytest.mark.soak
@pytest.mark.parametrize("start", range(1_000, 1_150, 25))
def test_no_odd_fact_of_many_breaks_the_checker(start: int):
    for seed in range(start, start + 25):
        check_one(with_odd_facts(random_topology(seed, (2, 2, 3, 5)[seed % 4]), seed, 8), seed)


def test_flips_reach_every_kind_of_fact():
    paths = [path for data in EXAMPLES["money-transfer"] for path, _ in mutations(data)]
    groups = {path[0] for path in paths}
    assert {"stores", "entities", "processes", "scope"} <= groups
    named = {key for path in paths for key in path if isinstance(key, str)}
    assert {"guard", "lease", "dedup", "coordinator", "trigger", "failover", "copies", "compensates"} <= named


@pytest.mark.parametrize(("error", "seen"), [(ModelError("too large"), AssertionError), (KeyError("x"), KeyError)])
def test_a_mechanism_that_raises_is_seen(monkeypatch: pytest.MonkeyPatch, error: Exception, seen: type[Exception]):
    def broken(*_: object, **__: object) -> None:
        raise error

    (data,) = EXAMPLES["unchanged-large-column"]
    check_one(data, "as it is")
    monkeypatch.setattr(consumers, "add_consumer", broken)
    with pytest.raises(seen):
        check_one(data, "broken")


def test_verdicts_at_rest_saw_states_at_rest():
    for name in ("money-transfer", "delete-after-commit-with-ttl"):
        (data,) = EXAMPLES[name]
        for verdict in check(normalize(load_topology(Document(data))).topology, bounds=SMALL):
            if verdict.verdict == "holds" and verdict.property in ("convergence", "exactly-once-effect"):
                assert verdict.at_rest_states > 0, verdict

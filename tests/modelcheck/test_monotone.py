"""Laws over generated systems: larger bounds keep violations, and giving up a safeguard never repairs a property."""

import random
from contextlib import suppress
from dataclasses import replace

import pytest
import topologies as t
from hypothesis import given, settings
from hypothesis import strategies as st
from topologies import topology

from data_integration_architect.files import Document
from data_integration_architect.modelcheck.cases import Question, questions
from data_integration_architect.modelcheck.check import answer
from data_integration_architect.modelcheck.expressions import NotModelledError
from data_integration_architect.modelcheck.facts import Assumptions
from data_integration_architect.modelcheck.world import Bounds
from data_integration_architect.topology import Topology, load_topology, normalize
from generated import random_topology
from mutations import with_odd_facts

SMALL = Bounds(writes=2, faults=1, states=20_000)


def random_system(draw: random.Random) -> tuple[Topology, Question]:
    """A capture, an outbox, a cache or a transfer with random options, and one property of it."""

    def one(*values: str) -> str:
        return draw.choice(values)

    match draw.randint(0, 4):
        case 0:
            system = topology(
                t.CAPTURE,
                key=one("id", "none"),
                moved=one("", ", repartitioned: {from: 4, to: 8, drained: false}"),
                deletes=one("never", "hard"),
                instances=one("1", "many"),
                trigger=one("workers: 1", "workers: 4", "acknowledge: before", "stops_on_rebalance: true"),
                write=one("guard: none", "guard: version", "mode: replace", "retry: {then: ignore}"),
            )
            names = ("convergence", "no-phantom", "no-stale-overwrite", "monotonic-view")
            return system, Question(one(*names), "es", "product")
        case 1:
            trigger = one("cursor: sequence", "cursor: row-flag, claim: none", "cursor: row-flag", "workers: 1")
            system = topology(t.OUTBOX, trigger=trigger, instances=one("1", "many"))
            return system, Question(one("convergence", "monotonic-view"), "views", "invoice")
        case 2:
            steps = "[{write: main, entity: profile}, {invalidate: cache, entity: profile}]"
            system = topology(
                t.CACHE, expiry="none", guard=one("none", "lease"), retries=one("true", "false"), steps=steps
            )
            return system, Question("convergence", "cache", "profile")
        case 3:
            memory = "{by: id, in: memory, window: forever%s}"
            system = topology(
                t.TRANSFER,
                retries=one("true", "false"),
                survives=one("true", "false"),
                built="random",
                debit=one("none", memory % "", memory % ", atomic: false", memory % ", scope: global"),
                credit=one("none", memory % "", memory % ", scope: global"),
            )
            return system, Question("exactly-once-effect", one("a", "b"), "account")
        case _:
            trigger = one("workers: 1", "parks_key: true, parked_in: pg", "parks_key: true")
            return topology(t.RETRY_TOPIC, trigger=trigger), Question("convergence", "es", "product")


def outcome(system: Topology, question: Question, bounds: Bounds, assumptions: Assumptions) -> str:
    return answer(system, question, bounds, assumptions).result.outcome


def generated_system(seed: int) -> tuple[Topology, list[Question]]:
    """A system of the generator with some facts of the whole schema, and a few of its properties."""
    data = with_odd_facts(random_topology(seed, (2, 2, 3)[seed % 3]), seed, 4)
    system = normalize(load_topology(Document(data))).topology
    asked = questions(system)
    return system, random.Random(f"questions {seed}").sample(asked, min(2, len(asked)))


def laws_hold(draw: random.Random, system: Topology, question: Question) -> None:
    base = answer(system, question, SMALL, Assumptions("unsafe"))
    if base.result.outcome == "violated":
        more = replace(SMALL, writes=SMALL.writes + draw.randint(0, 1), faults=SMALL.faults + draw.randint(0, 1))
        assert outcome(system, question, more, Assumptions("unsafe")) != "holds", (question, more)
    if base.result.outcome == "holds":
        less = replace(SMALL, writes=draw.randint(1, SMALL.writes), faults=draw.randint(0, SMALL.faults))
        assert outcome(system, question, less, Assumptions("unsafe")) == "holds", (question, less)
    used = [use for use in base.case.options.used if use.safe != use.unsafe]
    if not used:
        return
    ends = {use.path: draw.choice(("safe", "unsafe")) for use in used}
    ordered = [use.path for use in used if use.is_ordered]
    if not ordered:
        return
    path = draw.choice(ordered)
    safe = answer(system, question, SMALL, Assumptions("safe", {**ends, path: "safe"}))
    unsafe = answer(system, question, SMALL, Assumptions("safe", {**ends, path: "unsafe"}))
    # whether an option has a safer end may depend on the others: remembering ids harms where ids are equal
    asked = [use for use in (*safe.case.options.used, *unsafe.case.options.used) if use.path == path]
    if all(use.is_ordered for use in asked):
        assert not (safe.result.outcome == "violated" and unsafe.result.outcome == "holds"), (question, path, ends)


def laws_hold_of_a_mechanism(seed: int) -> None:
    draw = random.Random(seed)
    laws_hold(draw, *random_system(draw))


def laws_hold_of_a_generated_system(seed: int) -> None:
    system, asked = generated_system(seed)
    for question in asked:
        with suppress(NotModelledError):
            laws_hold(random.Random(f"laws {seed}"), system, question)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**9))
def test_laws(seed: int):
    laws_hold_of_a_mechanism(seed)


@pytest.mark.soak
def test_laws_on_many_systems():
    for seed in range(300):
        laws_hold_of_a_mechanism(seed)


@pytest.mark.parametrize("seed", range(12))
def test_laws_on_generated_systems(seed: int):
    laws_hold_of_a_generated_system(seed)


@pytest.mark.soak
@pytest.mark.parametrize("start", range(100, 250, 50))
def test_laws_on_many_generated_systems(start: int):
    for seed in range(start, start + 50):
        laws_hold_of_a_generated_system(seed)

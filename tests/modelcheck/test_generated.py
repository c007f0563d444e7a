"""Generated systems put to the checker: no exception, no contradiction of a model, no search past its budget."""

from typing import Any

import pytest
import yaml

from data_integration_architect.advice.judged import judge
from data_integration_architect.checking import Job, Outcome, jobs_of, run_job, subject_of
from data_integration_architect.checking.jobs import BUG
from data_integration_architect.files import dump_yaml, parse_text
from data_integration_architect.modelcheck import Assumptions, Bounds, Verdict, decide, questions
from data_integration_architect.modelcheck.cases import build_case
from data_integration_architect.modelcheck.expressions import NotModelledError
from data_integration_architect.modelcheck.generate import CompiledModel
from data_integration_architect.modelcheck.search import never
from data_integration_architect.topology import Topology, load_topology, normalize
from generated import random_relays, random_topology
from support import load

SMALL = Bounds(writes=2, faults=1, states=1_000)

# what a fuzzed system had of which nothing is known to be right, or which no model here has, and the words for it
NO_MODEL = {
    "a fill from nowhere": """
      stores: {a: {}, b: {}}
      entities: {one: {}, two: {}}
      processes:
        p:
          handlers:
            fill: {steps: [{read: b, entity: two, on_miss: [{write: a, entity: one}]}]}
            save: {steps: [{write: a, entity: one}]}
    """,
    "nothing is right": """
      stores: {a: {}}
      entities: {one: {}}
      processes:
        p:
          handlers:
            save: {steps: [{write: a, entity: one}]}
            copy: {trigger: {changes: a, by: log}, steps: [{write: a}]}
    """,
    "rows by number of a copy": """
      stores: {pg: {}, mart: {}, es: {}}
      entities: {one: {}}
      processes:
        p:
          handlers:
            save: {steps: [{write: pg, entity: one}]}
            load: {trigger: {changes: pg, by: log}, steps: [{write: mart, entity: one}]}
            index: {trigger: {changes: mart, by: query, cursor: sequence}, steps: [{write: es, entity: one}]}
    """,
    "rows by number, written apart": """
      stores: {pg: {}, es: {}}
      channels: {box: {in: pg}}
      entities: {one: {}}
      processes:
        p:
          handlers:
            save: {steps: [{append: box, entity: one}, {append: box, entity: one}]}
            index: {trigger: {consume: box, cursor: sequence}, steps: [{write: es, entity: one}]}
    """,
    "a fill of effects": """
      stores: {pg: {}, cache: {}}
      entities: {one: {}}
      processes:
        p:
          handlers:
            save: {steps: [{write: pg, entity: one, mode: increment}, {write: cache, entity: one, mode: increment}]}
            show: {steps: [{read: cache, entity: one, on_miss: [{read: pg, entity: one}, {write: cache, entity: one}]}]}
    """,
    "two runs that overwrite each other": """
      stores: {a: {}, b: {}, c: {}, d: {}}
      entities: {one: {system_of_record: a}}
      processes:
        p:
          handlers:
            save: {steps: [{write: a, entity: one}]}
            other: {steps: [{write: b, entity: one}]}
            first: {trigger: {every: 24h}, steps: [{read: a, entity: one}, {write: c, entity: one}]}
            second: {trigger: {every: 24h}, steps: [{read: b, entity: one}, {write: c, entity: one}]}
            index: {trigger: {changes: c, by: log}, steps: [{write: d, entity: one}]}
    """,
    "what expires is brought back": """
      stores: {a: {}, b: {expiry: 1h}, c: {}}
      entities: {one: {}}
      processes:
        p:
          handlers:
            save: {steps: [{write: a, entity: one}]}
            load: {trigger: {every: 24h}, steps: [{read: a, entity: one}, {write: b, entity: one}]}
            index: {trigger: {changes: b, by: log}, steps: [{write: c, entity: one}]}
    """,
    "a rebuild that is followed": """
      stores: {a: {}, b: {}, c: {}}
      entities: {one: {}}
      processes:
        p:
          handlers:
            save: {steps: [{write: a, entity: one}]}
            build:
              trigger: {every: 24h}
              steps: [{read: a, entity: one}, {write: b, entity: one, mode: rebuild-and-swap}]
            index: {trigger: {changes: b, by: log}, steps: [{write: c, entity: one}]}
    """,
}
SAID = {
    "a fill from nowhere": {"p.fill: what it stores on a miss, which it reads from nowhere"},
    "nothing is right": {"a loop through a: changes come back to where they came from"},
    "rows by number of a copy": {"p.index: rows by number that no request writes, but p.load"},
    "rows by number, written apart": {"rows of box read by number, of which one request writes several apart"},
    "a fill of effects": {"p.show: entries that are filled on a miss, of effects that add up"},
    "two runs that overwrite each other": {
        "p.first and p.second: scheduled runs that overwrite each other in c, which others follow"
    },
    "what expires is brought back": {"p.load: runs that bring back what expires in b, which others follow"},
    "a rebuild that is followed": {"p.build: a rebuild of b, which others follow"},
}
# systems whose logs were held too small, or whose steps were passed over, with the verdicts that they have
MODELLED = {
    "a run that a crash repeats, and a call that is repeated": (
        """
      stores: {a: {}, b: {}, c: {}}
      processes:
        p:
          handlers:
            save: {trigger: {request: {retries: true}}, steps: [{write: a}, {call: b, retry: {attempts: 3}}]}
            note: {trigger: {changes: b, by: log}, steps: [{write: c, mode: increment}]}
      jobs: {job: {from: a, to: b, every: 24h}}
    """,
        {("exactly-once-effect", "b"): "violated", ("exactly-once-effect", "c"): "violated"},
    ),
    "a run that comes again is followed": (
        """
      stores: {a: {}, b: {}, c: {}}
      entities: {one: {deletes: never}}
      processes:
        p:
          instances: 1
          handlers:
            save: {trigger: {request: {retries: false}}, steps: [{write: a, entity: one}]}
            load: {trigger: {every: 24h, reads: all}, steps: [{read: a, entity: one}, {write: b, entity: one}]}
            index: {trigger: {changes: b, by: log}, steps: [{write: c, entity: one, guard: none}]}
    """,
        {("convergence", "b"): "holds", ("convergence", "c"): "holds", ("monotonic-view", "c"): "violated"},
    ),
    "an outbox read in both ways": (
        """
      stores: {a: {}, b: {}}
      channels: {box: {technology: table, in: a, carries: [one]}}
      entities: {one: {deletes: never}}
      processes:
        p:
          instances: 1
          handlers:
            save:
              trigger: {request: {retries: false}}
              steps: [{transaction: a, steps: [{write: a, entity: one}, {append: box, entity: one}]}]
            first: {trigger: {consume: box, cursor: sequence}, steps: [{write: b, entity: one, guard: none}]}
            second: {trigger: {consume: box, cursor: commit-order}, steps: [{write: b, entity: one, guard: none}]}
    """,
        {("convergence", "b"): "holds", ("monotonic-view", "b"): "violated"},
    ),
    "deletions that nobody starts": (
        """
      stores: {a: {}, b: {}}
      channels: {c: {technology: kafka, message_key: id}}
      entities: {one: {}}
      captures: {relay: {from: a, to: c, by: log}}
      processes:
        p:
          instances: 1
          handlers:
            save: {trigger: {request: {retries: false}}, steps: [{write: a, entity: one}]}
            index: {trigger: {consume: c}, steps: [{write: b, entity: one, guard: none}]}
            remove: {trigger: {consume: c}, steps: [{write: b, entity: one, mode: delete, guard: none}]}
    """,
        {("convergence", "b"): "holds"},
    ),
}


def topology_of(text: str) -> Topology:
    return normalize(load(yaml.safe_load(text))).topology


def verdicts(topology: Topology) -> list[Verdict]:
    return [decide(topology, q, SMALL, assumptions=Assumptions("unsafe")) for q in questions(topology)]


@pytest.mark.parametrize("name", NO_MODEL)
def test_what_has_no_model_says_why(name: str):
    found = verdicts(topology_of(NO_MODEL[name]))
    reasons = {verdict.not_modelled[-1] for verdict in found if not verdict.states}
    assert SAID[name] <= reasons


@pytest.mark.parametrize("name", MODELLED)
def test_repetitions_fit_into_the_model(name: str):
    text, expected = MODELLED[name]
    found = {(verdict.property, verdict.target): verdict.verdict for verdict in verdicts(topology_of(text))}
    assert expected.items() <= found.items()


def outcomes(seed: int, size: int = 3) -> list[tuple[Job, Outcome]]:
    data: dict[str, Any] = random_topology(seed, size)
    topology = normalize(load_topology(parse_text(dump_yaml(data)))).topology
    subjects = [subject_of(found, topology) for found in judge(topology).found]
    return [(job, run_job(topology, job)) for job in jobs_of(topology, subjects, SMALL)]


def check_one(seed: int, size: int = 3) -> None:
    for job, outcome in outcomes(seed, size):
        assert BUG not in outcome.reason, (seed, size, job.question, job.subject, outcome.reason)


@pytest.mark.parametrize("start", range(0, 60, 10))
def test_no_generated_system_contradicts_itself(start: int):
    for seed in range(start, start + 10):
        check_one(seed)


@pytest.mark.soak
@pytest.mark.parametrize("start", range(0, 300, 25))
def test_no_generated_system_of_many_contradicts_itself(start: int):
    for seed in range(start, start + 25):
        check_one(seed, (2, 3, 3, 5)[seed % 4])


def explore(seed: int, bounds: Bounds) -> int:
    """States seen of every model of a chain of relays; a log that is too small raises ModelError."""
    topology = normalize(load_topology(parse_text(dump_yaml(random_relays(seed))))).topology
    seen = 0
    for question in {(one.target, one.entity): one for one in questions(topology)}.values():
        for end in ("safe", "unsafe"):
            try:
                model = build_case(topology, question, bounds, Assumptions(end)).model
            except NotModelledError:
                continue
            run = CompiledModel(model, "True", at_rest=False).run(bounds.faults, model.workload, bounds.states, never)
            seen += len(run.parents)
    return seen


@pytest.mark.parametrize("start", range(0, 24, 6))
def test_no_log_of_relays_is_too_small(start: int):
    assert sum(explore(seed, Bounds(writes=1, faults=1, states=1_000)) for seed in range(start, start + 6)) > 1_000


@pytest.mark.soak
@pytest.mark.parametrize("start", range(0, 200, 20))
def test_no_log_of_many_relays_is_too_small(start: int):
    for seed in range(start, start + 20):
        explore(seed, Bounds(writes=1, faults=0, states=4_000))
        explore(seed, Bounds(writes=2, faults=1, states=8_000))

"""What a property rests on: found by halves as by trying each set, and as worked out by hand."""

import json
from itertools import combinations
from pathlib import Path

import pytest
import yaml

from data_integration_architect.checking import check_design, in_this_process
from data_integration_architect.given import Given
from data_integration_architect.modelcheck import Assumptions, Bounds, Question, questions
from data_integration_architect.modelcheck.check import Known, answer
from data_integration_architect.modelcheck.safeguards import Safeguards, safeguards_of
from data_integration_architect.topology import Topology, normalize
from data_integration_architect.use_cases import generate_design

CLAIMS = Path(__file__).parents[2] / "examples" / "claims"
SMALL = Bounds(writes=2, faults=1)
KEY, GUARD = "channels.changes.message_key", "processes.indexer.handlers.run.steps.0.guard"


def claim(name: str, number: int) -> Topology:
    variants = yaml.safe_load((CLAIMS / f"{name}.yaml").read_text(encoding="utf-8"))["variants"]
    return normalize(Topology.model_validate(variants[number]["topology"])).topology


def found(topology: Topology, question: Question) -> Safeguards:
    safeguards = safeguards_of(topology, question, SMALL, Known())
    assert safeguards is not None
    return safeguards


def is_violated(topology: Topology, question: Question, *paths: str) -> bool:
    assumptions = Assumptions("unsafe", dict.fromkeys(paths, "unsafe"))
    return answer(topology, question, SMALL, assumptions).result.outcome == "violated"


def test_an_old_version_needs_another_partition_and_no_guard():
    """A guarded view goes back only if records of a key come in another order and nothing refuses the older one."""
    topology = claim("keyed-capture-and-upsert", 2)
    safeguards = found(topology, Question("no-stale-overwrite", "es", "product"))
    assert (KEY, GUARD) in [(one.path, other.path) for one, other in safeguards.pairs]
    assert not {KEY, GUARD} & {use.path for use in safeguards.needed}


def test_without_its_guard_a_view_goes_back_after_a_crash():
    topology = claim("keyed-capture-and-upsert", 2)
    safeguards = found(topology, Question("monotonic-view", "es", "product"))
    assert [use.path for use in safeguards.needed] == [GUARD]
    assert KEY in [use.path for use in safeguards.in_depth]


@pytest.mark.parametrize(
    ("name", "number"), [("keyed-capture-and-upsert", 2), ("transfer-without-two-phase-commit", 0)]
)
def test_halves_find_what_trying_each_set_finds(name: str, number: int):
    topology = claim(name, number)
    for question in questions(topology)[:2]:
        safeguards = safeguards_of(topology, question, SMALL, Known())
        if safeguards is None:
            continue
        needed = {use.path for use in safeguards.needed}
        pairs = {frozenset((one.path, other.path)) for one, other in safeguards.pairs}
        stated = needed | {path for pair in pairs for path in pair} | {use.path for use in safeguards.in_depth}
        assert needed == {path for path in stated if is_violated(topology, question, path)}
        both = map(frozenset, combinations(stated - needed, 2))
        assert pairs == {pair for pair in both if is_violated(topology, question, *pair)}


def test_what_does_not_hold_rests_on_nothing():
    topology = claim("keyed-capture-and-upsert", 0)
    assert safeguards_of(topology, Question("monotonic-view", "es", "product"), SMALL, Known()) is None


@pytest.mark.parametrize("effort", ["default", "deep"])
def test_a_design_says_what_it_rests_on_with_deep_checks(effort):
    today, target = claim("keyed-capture-and-upsert", 1), claim("keyed-capture-and-upsert", 2)
    checks = check_design(today, target, [], {}, effort, in_this_process)
    row = next(one for one in checks if one.today.property == "monotonic-view")
    if effort == "default":
        assert row.safeguards is None
    else:
        assert row.safeguards.needed == ("processes.indexer.handlers.run.steps[0].guard: version",)


def test_the_document_tells_what_is_needed_from_defence_in_depth():
    save = [{"write": name, "entity": "product", "mode": "replace", "guard": "none"} for name in ("pg", "es")]
    shop = {
        "scope": "whole",
        "stores": {"pg": {"technology": "postgresql", "log_access": True}, "es": {"technology": "elasticsearch"}},
        "entities": {"product": {"key": "id", "deletes": "never"}},
        "processes": {
            "shop": {
                "instances": "many",
                "handlers": {"save": {"trigger": {"request": {"retries": False}}, "steps": save}},
            }
        },
    }
    document = generate_design(Given(json.dumps(shop), "shop"), "deep").document
    view = document[document.index("### monotonic-view of es") :]
    needed, depth = view.index("Violated without"), view.index("Defence in depth")
    assert "guard: version" in view[needed:depth]
    assert "message_key: id" in view[depth : view.index("\n", depth)]

"""Each reduction against plain search on the whole model."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from modelcheck_models import change_capture, random_model

from data_integration_architect.modelcheck.builder import ModelBuilder
from data_integration_architect.modelcheck.generate import CompiledModel
from data_integration_architect.modelcheck.interpret import explore
from data_integration_architect.modelcheck.search import Memo, never, search
from data_integration_architect.modelcheck.slices import slice_for, unranked_actions, without_write_only


def agree(seed: int) -> None:
    """The sliced, deepening search gives the verdict of plain search at every bound on the whole model."""
    model = random_model(seed)
    always, rest = model.properties
    bounds = [(f, w) for f in range(model.faults + 1) for w in range(model.workload + 1)]
    least = None
    for faults, workload in bounds:
        part = " and ".join(always.parts)
        plain = explore(model, faults=faults, workload=workload, part=part, at_rest=False)
        if plain.violation_depth is not None:
            least = (faults, workload, plain.violation_depth)
            break
    found = search(model, always)
    assert (found.outcome == "violated") == (least is not None)
    if least is not None:
        assert (found.faults, found.workload, found.depth) == least

    plains = [explore(model, faults=f, workload=w, part=" and ".join(rest.parts), at_rest=True) for f, w in bounds]
    if unranked_actions(model) or any(plain.has_progress_cycle or plain.at_rest == 0 for plain in plains):
        return  # resting states of slices stand for those of the model only where all progress ends
    found = search(model, rest)
    violated = [bound for bound, plain in zip(bounds, plains, strict=True) if plain.violation_depth is not None]
    assert (found.outcome == "violated") == bool(violated)
    if violated:
        assert (found.faults, found.workload) == violated[0]
    memo: Memo = {}
    together = search(model, rest, memo=memo, also=always)
    assert (together.outcome, together.faults, together.workload) == (found.outcome, found.faults, found.workload)
    assert (search(model, always, memo=memo).outcome == "violated") == (least is not None)


def write_only_agrees(seed: int) -> None:
    """Leaving out write-only variables keeps verdict and depth, and the number of resting states never grows."""
    model = random_model(seed)
    for prop in model.properties:
        part = " and ".join(prop.parts)
        at_rest = prop.kind == "at_rest"
        bounds = (model.faults, model.workload)
        whole = CompiledModel(model, part, at_rest=at_rest).run(*bounds, 10**6, never)
        reduced_model = without_write_only(model.restricted(frozenset(model.by_name), model.actions, [prop]))
        reduced = CompiledModel(reduced_model, part, at_rest=at_rest).run(*bounds, 10**6, never)
        assert (whole.ending, whole.depth if whole.state != -1 else 0) == (
            reduced.ending,
            reduced.depth if reduced.state != -1 else 0,
        )
        assert len(reduced.parents) <= len(whole.parents)


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 10**9))
def test_slices_agree_with_plain_search(seed: int):
    agree(seed)


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 10**9))
def test_leaving_out_write_only_variables_keeps_the_verdict(seed: int):
    write_only_agrees(seed)


def test_progress_that_writes_a_forgotten_variable_is_replayed():
    agree(2357)


@pytest.mark.soak
def test_reductions_agree_with_plain_search_on_many_models():
    for seed in range(1_500):
        agree(seed)
        write_only_agrees(seed)


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 10**9))
def test_a_ranking_is_a_proof_that_progress_ends(seed: int):
    model = random_model(seed)
    found = explore(model, faults=model.faults, workload=model.workload, part="True", at_rest=True)
    assert unranked_actions(model) or not found.has_progress_cycle


def test_a_slice_has_only_what_its_part_needs():
    model = change_capture(3, 2, 1, lazy=True)
    prop = model.property("convergence")
    sliced = slice_for(model, prop, prop.parts[0])
    assert "log_1" not in sliced.by_name
    assert "apply_1" not in {action.name for action in sliced.actions}
    assert "write_1" in {action.name for action in sliced.actions}, "it takes a place in the source's log"


def test_ranking_is_lexicographic():
    m = ModelBuilder(faults=0, workload=0)
    m.var("attempt", 2)
    m.var("pc", 1)
    m.act("work", "pc == 0", "pc = 1")
    m.act("again", "pc == 1 and attempt < 2", "pc = 0; attempt += 1")
    assert unranked_actions(m.build()) == ()
    m.act("back", "pc == 1 and attempt == 2", "pc = 0")
    assert set(unranked_actions(m.build())) == {"work", "back"}


def test_what_is_only_compared_with_zero_keeps_its_sign():
    m = ModelBuilder(faults=0, workload=3)
    m.var("commits", 3)
    m.array("version", 4, 3)
    m.var("cell", 3)
    for number in range(1, 4):
        m.act(f"commit_{number}", f"version[{number}] == 0", f"version[{number}] = commits + 1; commits += 1", cost=1)
        m.act(f"show_{number}", f"version[{number}] > 0 and not cell == {number}", f"cell = {number}", kind="optional")
    m.always("known", "cell == 0 or version[cell] > 0")
    m.always("latest", "cell == 0 or version[cell] == commits")
    model = m.build()
    known, latest = (slice_for(model, prop, prop.parts[0]) for prop in model.properties)
    assert [d.name for d in known.declarations] == ["version", "cell"]
    assert known.by_name["version"].high == 1
    assert known.actions[0].updates == "version[1] = 1"
    assert [d.name for d in latest.declarations] == ["commits", "version", "cell"]
    assert search(model, model.property("known")).outcome == "holds"
    found = search(model, model.property("latest"))
    assert (found.outcome, found.workload, found.depth) == ("violated", 2, 3)


def test_a_variable_that_may_be_given_zero_or_more_keeps_its_values():
    m = ModelBuilder(faults=0, workload=0)
    m.var("x", 3)
    m.var("y", 3)
    m.act("count", "x < 3", "x += 1")
    m.act("copy", "x > 0", "y = x")
    m.always("unset", "y == 0")
    model = m.build()
    assert slice_for(model, model.property("unset"), "y == 0").by_name["y"].high == 3

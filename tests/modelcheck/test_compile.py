"""Compiled models: progress ends, Spin agrees, and each reduction agrees with the model without it."""

from pathlib import Path

import pytest
import topologies as t
from test_export import compare, needs_spin
from test_mechanisms import CASES, dedup, transfer
from topologies import topology

from data_integration_architect.modelcheck.cases import Question, questions
from data_integration_architect.modelcheck.check import answer, check
from data_integration_architect.modelcheck.compile import Target, build_world
from data_integration_architect.modelcheck.facts import Assumptions
from data_integration_architect.modelcheck.generate import CompiledModel, Ending
from data_integration_architect.modelcheck.ir import Property
from data_integration_architect.modelcheck.properties import exactly_once
from data_integration_architect.modelcheck.search import never, search
from data_integration_architect.modelcheck.slices import slice_for, unranked_actions
from data_integration_architect.modelcheck.verdict import mermaid_text, trace_mermaid, trace_text
from data_integration_architect.modelcheck.world import Bounds

UNRANKED = ("two relays without a claim", "a merge keeps what is gone", "a rebuild drops what is gone")


def question_of(case) -> Question:
    _, _, name, target, entity, _ = case
    return Question(name, target, entity, (("b", entity),) if name in ("conservation", "no-in-doubt") else ())


@pytest.mark.parametrize("case", CASES, ids=lambda case: case[0])
def test_progress_of_compiled_models_ends(case):
    found = answer(case[1], question_of(case), Bounds(), Assumptions("unsafe"))
    # a relay that was overtaken frees itself without moving the position, and a job runs until nothing changes:
    # there no ranking is found, and the search looks for a cycle in the explored graph
    assert not found.result.livelock
    assert unranked_actions(found.case.model) == () or case[0] in UNRANKED


@pytest.mark.parametrize("case", CASES, ids=lambda case: case[0])
def test_forgetting_what_only_faults_need_changes_no_verdict(case):
    found = answer(case[1], question_of(case), Bounds(writes=2, faults=1), Assumptions("unsafe"))
    for form, parts in (("at_rest", found.case.forms.at_rest), ("invariant", found.case.forms.always)):
        for part in parts:
            prop = Property("p", form, (part,))  # type: ignore[arg-type]
            model = slice_for(found.case.model, prop, part)
            runs = [
                CompiledModel(model, part, at_rest=form == "at_rest", forgets=forgets).run(1, 2, 10**6, never)
                for forgets in (True, False)
            ]
            assert runs[0].ending == runs[1].ending
            assert runs[0].depth == runs[1].depth or runs[0].ending == Ending.EXPLORED
            assert len(runs[0].parents) <= len(runs[1].parents)


def spin_case(case, folder: Path, bounds: Bounds) -> None:
    found = answer(case[1], question_of(case), bounds, Assumptions("unsafe"))
    prop = Property(found.case.forms.name, "at_rest", found.case.forms.at_rest[:1])
    compare(slice_for(found.case.model, prop, prop.parts[0]), prop, folder)


@needs_spin
@pytest.mark.parametrize("case", CASES[::9], ids=lambda case: case[0])
def test_spin_agrees_on_compiled_models(case, tmp_path: Path):
    spin_case(case, tmp_path, Bounds(writes=2, faults=1))


@needs_spin
@pytest.mark.soak
@pytest.mark.parametrize("case", CASES, ids=lambda case: case[0])
def test_spin_agrees_on_all_compiled_models(case, tmp_path: Path):
    spin_case(case, tmp_path, Bounds())


@pytest.mark.parametrize(
    "given",
    [
        transfer(),
        transfer(debit="none"),
        transfer(debit=dedup(atomic=False)),
        transfer(survives="false"),
        transfer(debit=dedup(scope="global"), credit=dedup(scope="global")),
    ],
    ids=["deduplicated", "not deduplicated", "apart", "new id", "one memory"],
)
def test_one_intent_stands_for_all_in_models_of_effects(given):
    results = []
    for one_intent in (True, False):
        bounds = Bounds(writes=2)
        world = build_world(
            given, Target("a", "account"), bounds=bounds, assumptions=Assumptions("unsafe"), one_intent=one_intent
        )
        parts = exactly_once(world, world.stores["a"]).at_rest
        found = search(world.m.build(), Property("once", "at_rest", parts))
        results.append((found.outcome, found.faults if found.outcome == "violated" else 0, len(found.trace)))
    assert results[0] == results[1]


def test_unknown_facts_that_decide_are_named():
    given = topology(
        t.CAPTURE, key="id", deletes="never", instances=1, moved="", trigger="workers: 4", write="guard: none"
    )
    found = next(v for v in check(given, "convergence") if v.target == "es")
    assert [(c.path, c.value) for c in found.conditions] == [
        ("processes.indexer.handlers.run.trigger.same_key_same_worker", False)
    ]


def test_the_pair_of_a_finding():
    """Everything ideal but the finding's own option: violated; that one ideal too: holds."""
    given = topology(
        t.CAPTURE,
        moved="",
        key="none",
        deletes="never",
        instances=1,
        trigger="workers: 4, same_key_same_worker: false",
        write="guard: none",
    )
    question = Question("convergence", "es", "product")
    guard = "processes.indexer.handlers.run.steps.0.guard"
    for path in ("processes.indexer.handlers.run.trigger.same_key_same_worker", "channels.changes.message_key"):
        alone = Assumptions("safe", {path: "known"}, every="safe")
        assert answer(given, question, Bounds(), alone).result.outcome == "holds", "a version guard would mend each"
        both = Assumptions("safe", {path: "known", guard: "known"}, every="safe")
        assert answer(given, question, Bounds(), both).result.outcome == "violated"
    ideal = Assumptions("safe", every="safe")
    assert answer(given, question, Bounds(), ideal).result.outcome == "holds"


def test_a_small_budget_gives_unknown_and_a_stop_gives_stopped():
    given = topology(
        t.CAPTURE, key="id", deletes="never", instances=1, moved="", trigger="workers: 1", write="guard: version"
    )
    question = Question("convergence", "es", "product")
    assert answer(given, question, Bounds(states=50), Assumptions("safe")).result.outcome == "unknown"
    assert answer(given, question, Bounds(), Assumptions("safe"), lambda: True).result.outcome == "stopped"


def test_renaming_and_reordering_change_nothing_but_names():
    steps = "[{write: pg, entity: product}, {write: es, entity: product}]"
    plain = check(topology(t.DUAL_WRITE, instances="many", steps=steps))
    renamed = check(topology(t.DUAL_WRITE.replace("shop", "boutique"), instances="many", steps=steps))
    assert [(v.property, v.verdict, v.states, len(v.trace)) for v in plain] == [
        (v.property, v.verdict, v.states, len(v.trace)) for v in renamed
    ]
    assert "boutique.save #1" in {step.actor for v in renamed for step in v.trace}


def test_traces_are_text_json_and_mermaid():
    steps = "[{write: pg, entity: product}, {write: es, entity: product}]"
    found = next(v for v in check(topology(t.DUAL_WRITE, instances="many", steps=steps)) if v.property == "convergence")
    assert trace_text(found.trace).splitlines()[0] == "1. shop.save #1 -> pg: write product write 1"
    assert found.as_json()["trace"][0]["changes"][0] == {"what": "pg", "before": "nothing", "after": "product write 1"}
    assert trace_mermaid(found.trace).splitlines()[:2] == ["sequenceDiagram", "    participant p0 as shop.save #35;1"]


def test_mermaid_labels_cannot_end_a_statement():
    text = mermaid_text("a;b\nparticipant x\u202e<script>%%{init}")
    assert not set(text) & set("\n<>%{}\u202e") and ";b" not in text.replace("#59;", "")


def test_questions_are_sorted_and_known():
    found = questions(transfer())
    assert found == sorted(found, key=lambda q: (q.target, q.entity or "", q.property))
    assert {q.property for q in found} == {"conservation", "exactly-once-effect"}

"""Runs that call outside systems show on a server that counts each request; a run that says otherwise is refused."""

from __future__ import annotations

from dataclasses import replace

import pytest

from data_integration_architect.lab.played_calls import effect_words
from data_integration_architect.lab.replay import replay, runs_of
from data_integration_architect.modelcheck.verdict import Change, Verdict
from data_integration_architect.topology import Topology, load_document, normalize
from support import ROOT, read_yaml

CLAIMS = ROOT / "examples" / "claims"


def runs_of_calls() -> list[tuple[Topology, Verdict]]:
    """Runs of the shipped claims whose every step is at an outside system."""
    found = []
    for name in ("ask-before-repeating", "compensation-cleans-up"):
        for variant in read_yaml(CLAIMS / f"{name}.yaml")["variants"]:
            topology = normalize(load_document(variant["topology"], name)).topology
            found += [(topology, verdict) for verdict in runs_of(topology)]
    return found


def test_repeated_late_and_taken_back_calls_show_at_the_outside_system() -> None:
    runs = [run for run in runs_of_calls() if "call" in str(run[1].trace)]
    done = [replay(topology, verdict, {}, f"c{number}") for number, (topology, verdict) in enumerate(runs)]
    assert len(done) >= 14
    assert all(one.is_confirmed for one in done), [one.verdict for one in done if not one.is_confirmed]
    steps = "\n".join(step for one in done for step in one.steps)
    for words in ("timeout, the call is still under way", "late: call", "the answer is lost", "take back: call"):
        assert words in steps, "a word of the checker that no run here has"


def test_a_run_with_one_wrong_effect_is_refused() -> None:
    rejected = 0
    runs = [run for run in runs_of_calls() if any(step.changes for step in run[1].trace)]
    for number, (topology, verdict) in enumerate(runs):
        last = max(n for n, step in enumerate(verdict.trace) if step.changes)
        wrong = tuple(Change(c.what, c.after, c.before) for c in verdict.trace[last].changes)
        trace = (*verdict.trace[:last], replace(verdict.trace[last], changes=wrong), *verdict.trace[last + 1 :])
        rejected += bool(replay(topology, replace(verdict, trace=trace), {}, f"w{number}").differing)
    assert runs and rejected == len(runs)


@pytest.mark.parametrize(
    ("effects", "words"),
    [
        ([], "nothing"),
        (["payment operation 1"], "payment operation 1"),
        (["payment operation 1", "payment operation 2"], "payment operation 2"),
        (["payment operation 1", "payment operation 1"], "payment 1 (second id)"),
        (["payment operation 1", "payment 1 (second id)"], "payment 1 (second id)"),
    ],
)
def test_an_effect_is_named_by_what_is_there(effects: list[str], words: str) -> None:
    assert effect_words(effects) == words

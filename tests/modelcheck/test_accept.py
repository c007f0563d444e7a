"""Recordings against models, without engines: what follows the model is accepted, what it cannot do is not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from data_integration_architect.modelcheck.accept import Observed, accepts, handing
from data_integration_architect.modelcheck.cases import Case, Question, build_case
from data_integration_architect.modelcheck.facts import Assumptions
from data_integration_architect.modelcheck.world import Bounds
from data_integration_architect.topology import load_document, normalize


def case(guard: str = "version") -> Case:
    topology = {
        "stores": {"pg": {"technology": "postgresql"}, "es": {"technology": "elasticsearch"}},
        "channels": {"changes": {"technology": "kafka", "message_key": "id"}},
        "entities": {"product": {"key": "id", "deletes": "never"}},
        "processes": {
            "shop": {
                "handlers": {
                    "save": {
                        "trigger": {"request": {"retries": False}},
                        "steps": [{"write": "pg", "entity": "product"}],
                    }
                }
            },
            "indexer": {
                "instances": 1,
                "handlers": {
                    "run": {
                        "trigger": {"consume": "changes", "acknowledge": "after"},
                        "steps": [{"write": "es", "entity": "product", "mode": "replace", "guard": guard}],
                    }
                },
            },
        },
        "captures": {"relay": {"from": "pg", "to": "changes", "by": "log"}},
    }
    question = Question("convergence", "es", "product")
    bounds = Bounds(writes=2, retries=0, faults=1)
    return build_case(normalize(load_document(topology, "t")).topology, question, bounds, Assumptions("unsafe"))


def in_turn(*events: tuple[str, str, str]) -> list[Observed]:
    return [Observed(kind, place, record, 10 * n, 10 * n + 5) for n, (kind, place, record) in enumerate(events)]  # type: ignore[arg-type]


def outcome(found: Case, events: list[Observed], faults: int = 0) -> str:
    return accepts(found.model, found.words, events, faults=faults, workload=found.model.workload).outcome


ONE, TWO = "product write 1", "product write 2"
WRITTEN = [("append", "changes of pg", ONE), ("append", "changes of pg", TWO)]
SENT = [("append", "changes", ONE), ("append", "changes", TWO)]
HANDED = [("hand", "changes -> es", ONE), ("see", "es", ONE), ("hand", "changes -> es", TWO), ("see", "es", TWO)]


def test_a_run_of_the_design_is_accepted() -> None:
    assert handing(case().model) == {"changes -> es"}
    assert outcome(case(), in_turn(*WRITTEN, *SENT, *HANDED)) == "accepted"


def test_order_binds_only_where_the_recording_knows_it() -> None:
    """All that the log says is its own order: the appends may have come at any time."""
    anywhere = [replace(event, begun=n - (1 << 40), ended=1 << 40) for n, event in enumerate(in_turn(*SENT))]
    assert outcome(case(), [*in_turn(*WRITTEN, *HANDED), *anywhere]) == "accepted"
    assert outcome(case(), in_turn(*HANDED, *WRITTEN, *SENT)) == "rejected"


@pytest.mark.parametrize(
    "events",
    [
        [*WRITTEN, *SENT, *HANDED[:2]],  # a record that never arrives, at rest
        [*WRITTEN, *reversed(SENT), *HANDED],
        [*WRITTEN, *SENT, *HANDED, ("see", "es", ONE)],
        [*WRITTEN, *SENT, *HANDED, ("hand", "changes -> es", ONE)],  # again, without a fault
        [*WRITTEN, *SENT, ("see", "es", TWO), *HANDED],
    ],
)
def test_what_the_design_cannot_do_is_rejected(events: list[tuple[str, str, str]]) -> None:
    assert outcome(case(), in_turn(*events)) == "rejected"


def test_what_comes_again_after_a_crash_tells_the_guard_from_none() -> None:
    again = [("hand", "changes -> es", ONE), ("see", "es", TWO), ("hand", "changes -> es", TWO)]
    events = in_turn(*WRITTEN, *SENT, *HANDED, *again)
    assert outcome(case(), events, faults=1) == "accepted"
    assert outcome(case(), events, faults=0) == "rejected"
    assert outcome(case(guard="none"), events, faults=1) == "rejected"
    back = in_turn(*WRITTEN, *SENT, *HANDED, ("hand", "changes -> es", ONE), ("see", "es", ONE), again[2])
    assert outcome(case(), back, faults=1) == "rejected"
    assert outcome(case(guard="none"), back, faults=1) == "accepted"


def test_what_a_crash_may_have_prevented_may_be_missing() -> None:
    events = in_turn(*WRITTEN, *SENT, HANDED[0], *HANDED)
    doubtful = [replace(events[4], ended=1 << 40, is_certain=False), *events[:4], *events[5:]]
    assert outcome(case(), doubtful, faults=1) == "accepted"
    assert outcome(case(), events, faults=0) == "rejected"


def test_the_budget_ends_without_a_verdict() -> None:
    found = case()
    events = in_turn(*WRITTEN, *SENT, *HANDED)
    answer = accepts(found.model, found.words, events, faults=0, workload=2, limit=3)
    assert answer.outcome == "unknown" and answer.events == len(events)

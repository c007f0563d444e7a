"""Ways to mend one thing, side by side: what each rests on, and what a search of its model shows."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from data_integration_architect.modelcheck import Step, Verdict, trace_text
from data_integration_architect.modelcheck.builder import ModelBuilder
from data_integration_architect.modelcheck.explain import Words, explain
from data_integration_architect.modelcheck.ir import Property, PropertyKind
from data_integration_architect.modelcheck.search import search

Standing = Literal["today", "rejected", "chosen", "runner-up"]
MOST_STATES = 60_000


@dataclass(frozen=True)
class Shown:
    """One claim about an option and what the search found; `run` is empty unless the claim is violated."""

    claim: str
    outcome: str
    run: str = ""

    @property
    def is_violated(self) -> bool:
        return bool(self.run)


@dataclass(frozen=True)
class Option:
    title: str
    standing: Standing
    text: str
    shown: tuple[Shown, ...] = ()
    conditions: tuple[str, ...] = ()
    """What it rests on, and what would make another option the better one."""


@dataclass(frozen=True)
class Comparison:
    """Options for one thing; `scope` says what the models leave out."""

    title: str
    scope: str
    options: tuple[Option, ...]


def searched(model: ModelBuilder, claim: str, kind: PropertyKind, parts: Iterable[str]) -> Shown:
    """What a search of a small model of our own says about a claim."""
    built = model.build()
    result = search(built, Property("claim", kind, tuple(parts)), limit=MOST_STATES)
    steps: tuple[Step, ...] = ()
    if result.outcome == "violated":
        steps = explain(built, result, Words(None, 0, 0, deletes=False, counts=False))
    return _shown(claim, result.outcome, result.states, steps)


def judged(claim: str, verdict: Verdict) -> Shown:
    """What the checker said about a variant of the topology."""
    return _shown(claim, verdict.verdict, verdict.states, verdict.trace)


def _shown(claim: str, outcome: str, states: int, steps: tuple[Step, ...]) -> Shown:
    match outcome:
        case "holds":
            return Shown(claim, f"holds: none of all {states:,} states of the model violates it")
        case "violated":
            return Shown(claim, f"is violated in {len(steps)} steps", trace_text(steps))
        case _:
            return Shown(claim, f"is unknown: no violation in {states:,} states, then the budget ended")


def plain(name: str) -> str:
    """A name for the text of an action, in which braces would be placeholders."""
    return name.replace("{", "(").replace("}", ")")

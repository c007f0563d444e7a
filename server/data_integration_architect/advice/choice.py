"""An advice: what is chosen for one way of the data, and the facts that decided."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from data_integration_architect.analysis.facts import Facts, Question
from data_integration_architect.files import DocumentPath


@dataclass(frozen=True)
class Choice:
    """`mechanism` and `runner_up` are ids of the catalog; `reason` is made from stated facts alone."""

    mechanism: str
    runner_up: str
    reason: str
    fixes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Advice:
    """A choice for one leg; `weighed` are the facts that could turn it, `decided_by` those that were said."""

    source: str
    target: str
    entities: tuple[str, ...]
    choice: Choice
    decided_by: tuple[DocumentPath, ...] = ()
    weighed: tuple[Question, ...] = ()
    unsaid: frozenset[DocumentPath] = frozenset()
    decide: Callable[[Facts], Choice] | None = field(default=None, compare=False)

    @property
    def key(self) -> tuple[str, str]:
        return self.source, self.target

    def candidates(self) -> list[tuple[DocumentPath, Any, str]]:
        """(path, value, mechanism) of single facts that would lead to another choice."""
        found = []
        for question in self.weighed:
            for answer in question.answers:
                choice = self.decide(Facts({question.path: answer})) if self.decide else self.choice
                if choice.mechanism != self.choice.mechanism:
                    found.append((question.path, answer, choice.mechanism))
        return found

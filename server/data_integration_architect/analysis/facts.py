"""Questions that a judgement asks of a topology, and what follows where nobody said the answer.

A judgement is a pure function of one site and of `Facts`. It asks for an attribute with `Facts.ask`; where the
attribute is absent, `explore` runs the judgement once for each possible answer. So an unknown fact yields a
conditional result with exactly the condition under which it holds, and nothing has to be written twice.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from data_integration_architect.files import DocumentPath

# A finding on three guesses helps nobody; the third unknown counts as its last, harmless answer.
MOST_ASSUMPTIONS = 2

R = TypeVar("R")


@dataclass(frozen=True)
class Question:
    """An unknown attribute that a judgement asked for; the first answer is the one that does harm."""

    path: DocumentPath
    ask: str
    answers: tuple[Any, ...]


class _Unknown(Exception):
    def __init__(self, question: Question) -> None:
        self.question = question


class Facts:
    """What is said, plus what is assumed in this run of a judgement."""

    def __init__(self, assumed: Mapping[DocumentPath, Any] | None = None) -> None:
        self.assumed = assumed or {}
        self.used: dict[DocumentPath, Any] = {}
        self.weighed: dict[DocumentPath, Question] = {}
        """Facts that decided between options, with the values that they could have."""
        self.unsaid: set[DocumentPath] = set()
        """Those of `weighed` that nobody said."""

    def ask(self, path: DocumentPath, said: Any, answers: Sequence[Any], ask: str) -> Any:
        """The attribute at `path`: as assumed, else as `said`; where it is unsaid, each answer is tried in turn.

        `answers`: the possible values, the harmful one first; exactly one of them should lead to a finding.
        `ask`: the question as a person would put it.
        """
        if path in self.assumed:
            value = self.assumed[path]
        elif said is not None:
            value = said
        elif len(self.assumed) >= MOST_ASSUMPTIONS:
            value = answers[-1]
        else:
            raise _Unknown(Question(path, ask, tuple(answers)))
        self.used[path] = value
        return value

    def weigh(self, path: DocumentPath, said: Any, answers: Sequence[Any], default: Any, ask: str) -> Any:
        """The attribute at `path`, `default` where nobody said it: for choices that must be made either way."""
        self.weighed[path] = Question(path, ask, tuple(answers))
        if path not in self.assumed and said is None:
            self.unsaid.add(path)
            return default
        value = self.assumed.get(path, said)
        self.used[path] = value
        return value

    def listed(self, is_whole: bool, ask: str) -> bool:
        """Whether what is not listed does not exist; with a partial scope this is unknown."""
        return bool(self.ask(("scope",), "whole" if is_whole else None, ("whole", "partial"), ask) == "whole")


@dataclass(frozen=True)
class Outcome(Generic[R]):
    """A result and the assumptions under which it holds; none = it holds as things were said."""

    result: R
    condition: tuple[tuple[DocumentPath, Any], ...] = ()


@dataclass(frozen=True)
class Exploration(Generic[R]):
    outcomes: tuple[Outcome[R], ...] = ()
    questions: tuple[Question, ...] = ()
    used: Mapping[DocumentPath, Any] = field(default_factory=dict)
    """Facts that were said and that a run without assumptions asked for."""


def explore(judge: Callable[[Facts], R | None]) -> Exploration[R]:
    """Every result of `judge` over the answers to what it asks and nobody said.

    An assumption whose every answer gives a result is dropped: the result then holds regardless.
    """
    questions: dict[DocumentPath, Question] = {}
    used: dict[DocumentPath, Any] = {}

    def run(assumed: dict[DocumentPath, Any]) -> tuple[Outcome[R], ...]:
        facts = Facts(assumed)
        try:
            result = judge(facts)
        except _Unknown as unknown:
            question = unknown.question
        else:
            if not assumed:
                used.update(facts.used)
            return () if result is None else (Outcome(result, tuple(assumed.items())),)
        questions.setdefault(question.path, question)
        branches = [run({**assumed, question.path: answer}) for answer in question.answers]
        if all(any(len(o.condition) <= len(assumed) + 1 for o in branch) for branch in branches):
            first = next(o for o in branches[0] if len(o.condition) <= len(assumed) + 1)
            return (Outcome(first.result, tuple(assumed.items())),)
        return tuple(outcome for branch in branches for outcome in branch)

    outcomes = run({})
    return Exploration(outcomes, tuple(questions.values()), used)

"""Which unsaid facts would change the judgement, and how: found by judging again with each answer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from data_integration_architect.advice.choice import Advice
from data_integration_architect.analysis.facts import Question
from data_integration_architect.errors import ArchitectError
from data_integration_architect.files import DocumentPath
from data_integration_architect.rules import Found
from data_integration_architect.sources import SEVERITIES

MOST_QUESTIONS = 7
MOST_ANSWERS = 4
# Judging again costs as much as judging: this many element-judgements are spent on questions and flips.
ELEMENT_BUDGET = 2_500


@dataclass(frozen=True)
class Outcome:
    """What one judgement says, as far as an answer can change it."""

    findings: Mapping[tuple[str, tuple[str, ...]], tuple[str, bool]]
    """(id, elements) → severity, definite."""
    choices: Mapping[tuple[str, str], str]
    """(source, target) → recommended mechanism."""


def outcome_of(found: Iterable[Found], advice: Iterable[Advice]) -> Outcome:
    return Outcome(
        {(f.id, tuple(sorted(f.match.elements))): (f.severity, f.is_definite) for f in found},
        {a.key: a.choice.mechanism for a in advice},
    )


@dataclass(frozen=True)
class Change:
    """What an answer changes: the judgements without and with it, of the part of the system that it concerns."""

    before: Outcome
    after: Outcome


class Rejudge(Protocol):
    """Judges with one fact set otherwise."""

    def size(self, path: DocumentPath) -> int:
        """Elements that must be judged for a change at `path`."""

    def change(self, path: DocumentPath, value: Any) -> Change:
        """What `value` at `path` changes. Raises: ArchitectError where it does not fit there."""


class Reruns:
    """Judgements with one fact set otherwise, each made once, within a budget that counts elements."""

    def __init__(self, size: int, rejudge: Rejudge) -> None:
        self.left = max(2 * size, ELEMENT_BUDGET)
        self.rejudge = rejudge
        self.known: dict[str, Change | None] = {}

    @classmethod
    def none(cls, rejudge: Rejudge) -> Reruns:
        """No judgements: for a topology whose questions nobody will be asked."""
        reruns = cls(0, rejudge)
        reruns.left = 0
        return reruns

    def of(self, path: DocumentPath, value: Any) -> Change | None:
        """What `value` at `path` changes; None where the budget is used up or the value does not fit there."""
        key = repr((path, value))
        if key not in self.known:
            if self.left <= 0 or (size := self.rejudge.size(path)) > self.left:
                return None
            self.left -= size
            try:
                self.known[key] = self.rejudge.change(path, value)
            except ArchitectError:
                self.known[key] = None
        return self.known[key]


def flips_of(advice: Advice, reruns: Reruns) -> list[tuple[DocumentPath, Any, str]]:
    """Facts that would change one advice, confirmed by judging again."""
    confirmed = []
    for path, value, mechanism in advice.candidates():
        change = reruns.of(path, value)
        if change is not None and change.after.choices.get(advice.key) == mechanism:
            confirmed.append((path, value, mechanism))
    return confirmed


def questions_of(
    asked: Sequence[Question], advice: Sequence[Advice], found: Sequence[Found], reruns: Reruns
) -> list[tuple[Question, list[tuple[Any, str]]]]:
    """At most seven questions with the effect of each answer, the most decisive first."""
    candidates = {q.path: q for q in asked}
    for one in advice:
        for question in one.weighed:
            if question.path in one.unsaid:
                candidates.setdefault(question.path, question)
    result: list[tuple[Question, list[tuple[Any, str]]]] = []
    promise = _Promise(found, advice)
    for question in sorted(candidates.values(), key=lambda q: (promise.of(q), str(q.path))):
        if len(result) >= MOST_QUESTIONS or reruns.left <= 0:
            break
        answers = []
        for answer in question.answers[:MOST_ANSWERS]:
            change = reruns.of(question.path, answer)
            if change is not None:
                answers.append((answer, describe_change(change.before, change.after)))
        if len(answers) >= 2 and any(effect != NO_EFFECT for _, effect in answers):
            result.append((question, answers))
    return result


class _Promise:
    """How much an answer may decide."""

    def __init__(self, found: Sequence[Found], advice: Sequence[Advice]) -> None:
        self.worst: dict[DocumentPath, int] = {}
        for one in found:
            for path, _ in one.condition:
                self.worst[path] = max(self.worst.get(path, -1), SEVERITIES.index(one.severity))
        self.turning = {path for one in advice for path, _, _ in one.candidates() if path in one.unsaid}

    def of(self, question: Question) -> int:
        """Smaller = more decisive: by the worst conditional finding that rests on the answer, then by advice."""
        worst = self.worst.get(question.path, -1)
        if worst >= 0:
            return -worst
        return 1 if question.path in self.turning else 2


NO_EFFECT = "changes nothing"


def describe_change(before: Outcome, after: Outcome) -> str:
    """One line: findings that become definite, appear, go, change severity; recommendations that change."""
    parts = []
    for key in sorted(set(before.findings) | set(after.findings)):
        old, new = before.findings.get(key), after.findings.get(key)
        name = f"{key[0]} at {', '.join(key[1])}"
        if old == new:
            continue
        if new is None:
            parts.append(f"rules out {name}")
        elif old is None:
            parts.append(f"adds {name} ({new[0]}{'' if new[1] else ', conditional'})")
        elif new[1] and not old[1]:
            parts.append(f"confirms {name} ({new[0]})")
        elif old[1] and not new[1]:
            parts.append(f"makes {name} conditional")
        else:
            parts.append(f"makes {name} {new[0]} instead of {old[0]}")
    for leg in sorted(set(before.choices) | set(after.choices)):
        was, now = before.choices.get(leg), after.choices.get(leg)
        if was != now:
            way = " to ".join(dict.fromkeys(leg))
            parts.append(f"recommends {now or 'nothing'} instead of {was or 'nothing'} for {way}")
    return "; ".join(parts) if parts else NO_EFFECT

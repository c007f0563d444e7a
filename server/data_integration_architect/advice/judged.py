"""Everything the engines say about one topology, and how it changes with one fact."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from data_integration_architect.advice.applicability import applicability_of
from data_integration_architect.advice.choice import Advice
from data_integration_architect.advice.questions import Change, Outcome, outcome_of
from data_integration_architect.advice.recommendation import advise
from data_integration_architect.analysis.view import View
from data_integration_architect.catalog import load_catalog
from data_integration_architect.files import DocumentPath
from data_integration_architect.results import Applicable
from data_integration_architect.rules import Found, Judgement, judge_topology
from data_integration_architect.topology import Topology
from data_integration_architect.topology.edit import with_fact
from data_integration_architect.topology.parts import Mention, Part, Parts


@dataclass(frozen=True)
class Judged:
    """Everything the engines say about one topology."""

    view: View
    judgement: Judgement
    applicable: Applicable
    advice: tuple[Advice, ...]

    @property
    def found(self) -> tuple[Found, ...]:
        return self.judgement.found


def judge(topology: Topology) -> Judged:
    """Judges a topology in normal form."""
    view = _view(topology)
    judgement = judge_topology(view)
    applicable = applicability_of(view, judgement.found)
    advice = advise(view, judgement.found, applicable.verdict != "not-applicable")
    return Judged(view, judgement, applicable, advice)


class JudgedAgain:
    """Judgements with one fact set otherwise. Only the part of the system that the fact lies in is judged again: what
    has nothing in common with it stays as it is.
    """

    def __init__(self, judged: Judged) -> None:
        self._judged = judged
        self._topology = judged.view.topology
        self._known: dict[int, _KnownPart] = {}

    def size(self, path: DocumentPath) -> int:
        known = self._part(path)
        return (known or self._judged).view.system.size

    def change(self, path: DocumentPath, value: Any) -> Change:
        known = self._part(path)
        if known is None:
            other = judge(with_fact(self._topology, path, value))
            return Change(self._now, outcome_of(other.found, other.advice))
        after = judge_part(_view(with_fact(known.part.topology, known.part.inside(path), value)))
        return Change(known.now, outcome_of(after.found, after.advice))

    @cached_property
    def _now(self) -> Outcome:
        return outcome_of(self._judged.found, self._judged.advice)

    @cached_property
    def _parts(self) -> Parts:
        return Parts(self._topology, map(_mention, enumerate(self._judged.found)))

    def _part(self, path: DocumentPath) -> _KnownPart | None:
        """The part in which a path lies; None where everything may change."""
        number = self._parts.of(path) if self._parts.count > 1 else None
        if number is None:
            return None
        if number not in self._known:
            part = self._parts.part(number)
            self._known[number] = _KnownPart(part, _view(part.topology))
        return self._known[number]


@dataclass(frozen=True)
class _KnownPart:
    """A part as it is. It is judged only for a change of it: many are too large for what is left of the budget."""

    part: Part
    view: View

    @cached_property
    def now(self) -> Outcome:
        judged = judge_part(self.view)
        return outcome_of(judged.found, judged.advice)


def judge_part(view: View) -> Judged:
    """Judges a part of a system: with a single store it is still a system in which several have to agree."""
    judgement = judge_topology(view)
    return Judged(view, judgement, applicability_of(view, judgement.found), advise(view, judgement.found, True))


def _view(topology: Topology) -> View:
    return View(topology, load_catalog())


def _mention(numbered: tuple[int, Found]) -> Mention:
    number, found = numbered
    match = found.match
    said = (value for _, value in found.condition if isinstance(value, str))
    return Mention(
        number,
        (*match.elements, *(target.store for target in match.targets), *said),
        (match.at, *(path for path, _ in found.condition)),
    )

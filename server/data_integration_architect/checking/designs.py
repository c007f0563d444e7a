"""A design put to the model checker: the target and each phase, for every property that fails today."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from data_integration_architect.checking.effort import Effort, design_bounds
from data_integration_architect.checking.jobs import Job
from data_integration_architect.checking.report import check_of, safeguards_words
from data_integration_architect.checking.within import RunJobs, run_within
from data_integration_architect.files import Document
from data_integration_architect.modelcheck import Bounds, Question, questions
from data_integration_architect.results import Check, DesignCheck, PhaseCheck, SafeguardSets
from data_integration_architect.topology import NormalForm, Topology, dump_topology


def check_design(
    today: Topology,
    target: Topology,
    phases: Sequence[tuple[str, Topology]],
    copies: Mapping[str, str],
    effort: Effort,
    run: RunJobs,
) -> tuple[DesignCheck, ...]:
    """A row for each property that fails today, as the topologies say and with unsaid facts at their worst; `deep`
    adds what each that holds in the target rests on.

    `copies`: store -> name of the copy that a migration fills beside it; where a phase has it, it is checked too.
    """
    if effort == "none":
        return ()
    bounds = design_bounds(effort)
    checker = _Checker(bounds, run)
    failing = {
        _key(question): check
        for question, check in checker.checks(today, questions(today))
        if check.verdict == "violated"
    }
    there = checker.wanted(target, failing, {}, within=SAFEGUARDS if effort == "deep" else None)
    during = [(name, checker.wanted(topology, failing, copies)) for name, topology in phases]
    return tuple(
        DesignCheck(
            today=check,
            target=there.get((key, key[1])),
            safeguards=checker.safeguards.get(key),
            phases=tuple(
                PhaseCheck(phase=name, target=store, verdict=found.verdict, states=found.states, assumed=found.assumed)
                for name, checks in during
                for (about, store), found in checks.items()
                if about == key
            ),
        )
        for key, check in failing.items()
    )


# Each property takes some dozens of searches for them, so that they are asked for with the deep checks only.
SAFEGUARDS = Bounds(writes=2, faults=1, states=20_000)

_Key = tuple[str, str, str | None, str]


def _key(question: Question) -> _Key:
    return question.property, question.target, question.entity, question.element


class _Checker:
    """Answers questions about topologies; phases that differ in their readers alone are checked once."""

    def __init__(self, bounds: Bounds, run: RunJobs) -> None:
        self.bounds, self.run = bounds, run
        self.known: dict[tuple[str, _Key], Check] = {}
        self.safeguards: dict[_Key, SafeguardSets] = {}

    def wanted(
        self,
        topology: Topology,
        failing: Mapping[_Key, Check],
        copies: Mapping[str, str],
        within: Bounds | None = None,
    ) -> dict[tuple[_Key, str], Check]:
        """Checks by what they were asked for and the store that they look at."""
        asked = [
            (key, question)
            for question in questions(topology)
            for key in failing
            if _key(question) in (key, (key[0], copies.get(key[1], ""), *key[2:]))
        ]
        checks = self.checks(topology, [question for _, question in asked], within)
        return {(key, question.target): check for (key, question), (_, check) in zip(asked, checks, strict=True)}

    def checks(
        self, topology: Topology, asked: Sequence[Question], within: Bounds | None = None
    ) -> list[tuple[Question, Check]]:
        """Checks in the order of the questions; `within`: bounds for the safeguards of what holds."""
        whole, unread = dump_topology(topology), topology.model_copy(update={"readers": (), "symptoms": ()})
        same = str(dump_topology(unread))
        keys = [(str(whole) if one.element.startswith("readers.") else same, _key(one)) for one in asked]
        new = {key: one for key, one in zip(keys, asked, strict=True) if within or key not in self.known}
        jobs = [
            Job(self.bounds, (), question=question, is_plain=True, safeguards_within=within)
            for question in new.values()
        ]
        normal, document = NormalForm(topology), Document({})
        for key, job, outcome in zip(new, jobs, run_within(topology, jobs, self.bounds, self.run), strict=True):
            self.known[key] = check_of(outcome, job, normal, document)
            if outcome.safeguards is not None:
                self.safeguards[key[1]] = safeguards_words(outcome.safeguards, normal)
        return [(question, self.known[key]) for question, key in zip(asked, keys, strict=True)]

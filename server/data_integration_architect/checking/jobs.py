"""One job for each finding, and one for each property of each target; a job is a pure function of plain data.

A finding and its check are a pair: with the defects of all other findings idealised its property is violated, and
with its own idealised too it holds. Which options of a model are a finding's own is not listed anywhere: they are
those at its elements whose safe value, set in the topology, makes the rules drop the finding.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from data_integration_architect.analysis.view import View
from data_integration_architect.catalog import load_catalog
from data_integration_architect.checking.parts import parts_of
from data_integration_architect.checking.subjects import RECEIVERS, Subject, candidates, fact_path
from data_integration_architect.errors import ArchitectError
from data_integration_architect.modelcheck import Assumptions, Bounds, Question, Verdict, decide, questions
from data_integration_architect.modelcheck.budget import ELEMENT_STATES, MODEL_STATES, Budget, SpentError
from data_integration_architect.modelcheck.cases import Case, build_case, may_concern
from data_integration_architect.modelcheck.check import Known
from data_integration_architect.modelcheck.compile import PROPAGATES
from data_integration_architect.modelcheck.expressions import ModelError, NotModelledError
from data_integration_architect.modelcheck.facts import End, OptionUse
from data_integration_architect.modelcheck.mechanisms.constraints import is_made_good
from data_integration_architect.modelcheck.mechanisms.requests import TOGETHER
from data_integration_architect.modelcheck.safeguards import Safeguards, safeguards_of
from data_integration_architect.modelcheck.search import Elsewhere, never
from data_integration_architect.modelcheck.verdict import Condition
from data_integration_architect.rules import judge_topology
from data_integration_architect.topology import (
    Append,
    Handler,
    OnConsume,
    Process,
    Store,
    Topology,
    Write,
    today,
    walk_steps,
)
from data_integration_architect.topology.edit import with_fact
from data_integration_architect.topology.parts import Part

MOST_CANDIDATES = 3
# A model that contradicts itself is our mistake; it is said in the check and leaves the rest of the review alone.
BUG = "the model contradicts itself, which is a mistake of this tool: "

Ends = Mapping[str, End]
KNOWN: End = "known"


@dataclass(frozen=True)
class Job:
    """`subject`: the finding to check; None for a property of which all named defects are idealised, or which is
    checked as the topology is described (`is_plain`).

    `part`: what it is about, where that is not the whole topology. `share`: how many states the job may see together
    with those that it shares searches with; None for no such limit. `safeguards_within`: bounds within which to ask
    what a property that holds rests on.
    """

    bounds: Bounds
    subjects: tuple[Subject, ...]
    subject: Subject | None = None
    question: Question | None = None
    is_plain: bool = False
    part: Part | None = None
    share: int | None = None
    safeguards_within: Bounds | None = None


@dataclass(frozen=True)
class Outcome:
    """What a job found. `verdict` is None where there is no model: then `reason` says why.

    `idealised`: the verdict with the finding's own defect idealised too. `together`: fingerprints of findings without
    which the property holds; of a property that is still violated, findings that name it. `seen`: the states that
    it took. `is_stopped`: its share of states ended before there was a verdict.
    """

    verdict: Verdict | None
    reason: str = ""
    idealised: str | None = None
    together: tuple[str, ...] = ()
    seen: int = 0
    is_stopped: bool = False
    safeguards: Safeguards | None = None


def jobs_of(topology: Topology, subjects: Sequence[Subject], bounds: Bounds) -> list[Job]:
    """Jobs in the order of the findings, then of the parts of what is there today and the questions about each."""
    parts = parts_of(today(topology), subjects)
    about = [None] if len(parts) == 1 else [one.part for one in parts]
    found = {
        subject.fingerprint: Job(bounds, one.subjects, subject=subject, part=part)
        for one, part in zip(parts, about, strict=True)
        for subject in one.subjects
    }
    asked = [
        Job(bounds, one.subjects, question=question, part=part)
        for one, part in zip(parts, about, strict=True)
        for question in questions(one.part.topology)
        if not _is_planned(one.part.topology, question)
    ]
    return [*(found[subject.fingerprint] for subject in subjects), *asked]


def _is_planned(topology: Topology, question: Question) -> bool:
    """Whether the rule, reader or order that a question is about is planned."""
    group, _, name = question.element.partition(".")
    listed = {"causality": topology.causality, "readers": topology.readers}.get(group, ())
    about = [listed[int(name)]] if listed else [one for one in topology.constraints if one.name == question.element]
    return any(one.status == "planned" for one in about)


def alike(jobs: Sequence[Job]) -> list[list[int]]:
    """Positions of jobs in groups that share searches: properties of the same entity in the same place."""
    groups: dict[object, list[int]] = {}
    for number, job in enumerate(jobs):
        about = (job.question.target, job.question.entity, job.bounds) if job.question is not None else number
        groups.setdefault(about, []).append(number)
    return list(groups.values())


class Described:
    """A topology in normal form, and what every job on it needs."""

    def __init__(self, topology: Topology) -> None:
        self.topology = topology
        self._asked: tuple[Topology, list[Question]] | None = None
        self._parts: dict[int, Described] = {}
        self._today: Described | None = None

    def of(self, part: Part | None) -> Described:
        """The same of a part."""
        if part is None:
            return self
        return self._parts.setdefault(part.number, Described(part.topology))

    def today(self) -> Described:
        """The same of what is there today."""
        if self._today is None:
            now = today(self.topology)
            self._today = self if now is self.topology else Described(now)
        return self._today

    def asked(self) -> tuple[Topology, list[Question]]:
        """The topology with somebody at every channel, and the questions about that."""
        if self._asked is None:
            topology = with_listeners(self.topology)
            self._asked = (topology, questions(topology))
        return self._asked


def shared(jobs: Sequence[Job], elsewhere: Elsewhere | None = None) -> Known:
    """What jobs that share searches have in common, with the states that they may see together."""
    return Known(Budget(jobs[0].share), elsewhere)


def run_job(
    topology: Topology,
    job: Job,
    stop: Callable[[], bool] = never,
    known: Known | None = None,
    described: Described | None = None,
) -> Outcome:
    """Runs one job on a topology in normal form. `known` keeps equal searches for later jobs of the same group,
    `described` what every job on this topology needs.
    """
    known = known or shared([job])
    before = known.budget.seen
    whole = (described or Described(topology)).of(job.part)
    runner = _Runner(whole if job.is_plain else whole.today(), job, stop, known)
    try:
        if job.subject is not None:
            outcome = runner.pair(job.subject)
        else:
            assert job.question is not None  # noqa: S101 - a job is about one or the other
            outcome = runner.plain(job.question) if job.is_plain else runner.rest(job.question)
    except ModelError as bug:
        outcome = Outcome(None, f"{BUG}{bug}")
    except SpentError:
        outcome = Outcome(None, is_stopped=True)
    return replace(outcome, seen=known.budget.seen - before)


def mended(topology: Topology, job: Job) -> Topology:
    """The system that a job without a finding asks about: what findings name is at its safe value, where the format
    can say that. Rules judge it anew, because a defect that is mended may have hidden another one.
    """
    runner = _Runner(Described(topology).of(job.part).today(), job, never, Known())
    assert job.question is not None  # noqa: S101 - a job is about a finding or a question
    paths = runner.idealised(job.question, job.subjects)
    case = runner.case(job.question, safe(paths))
    for use in case.options.used if case is not None else ():
        if use.path in paths:
            with suppress(ArchitectError, TypeError):  # an option that is no fact of the format
                topology = with_fact(topology, fact_path(topology, use.path), use.safe)
    return topology


class _Runner:
    def __init__(self, whole: Described, job: Job, stop: Callable[[], bool], known: Known) -> None:
        self.whole = whole
        self.topology = self.described = whole.topology
        self.job, self.stop = job, stop
        self.kept: dict[str, frozenset[tuple[str, str]]] = {}
        self.known = known

    def plain(self, question: Question) -> Outcome:
        """The check of a property as it is described, with what it rests on where that is asked."""
        verdict = self.decide(question, {})
        bounds = self.job.safeguards_within
        if bounds is None or verdict.verdict != "holds":
            return Outcome(verdict)
        try:
            return Outcome(verdict, safeguards=safeguards_of(self.topology, question, bounds, self.known))
        except (NotModelledError, SpentError):
            return Outcome(verdict)

    def pair(self, subject: Subject) -> Outcome:
        """The check of one finding."""
        if not subject.property:
            return Outcome(None, subject.reason)
        if any(is_made_good(one) for one in self.topology.constraints if one.name in subject.elements):
            return Outcome(None, "a rule whose breach is made good may be broken for a while")
        names = {*subject.handlers, *subject.elements, *(name for name, _ in subject.targets)}
        asked = candidates(subject, self.asked(subject, names))
        best: Outcome | None = None
        tried = 0
        for question in asked:
            if not may_concern(self.topology, question, names):
                continue
            case = self.case(question)
            if case is None or not self.concerns(subject, question, case):
                continue
            outcome = self.of(subject, question, case)
            if outcome.verdict is not None and outcome.verdict.verdict in ("violated", "stopped"):
                return outcome
            best = best or outcome
            tried += 1
            if tried == MOST_CANDIDATES:
                break
        if best is not None and best.verdict is not None and subject.is_late:
            about = f"{best.verdict.property} of {best.verdict.target}"
            return Outcome(None, f"how late data is: {about} holds at rest, in all {best.verdict.states} states")
        if best is not None:
            return best
        return Outcome(None, f"the checker has no model of {subject.property} for {', '.join(subject.elements)}")

    def asked(self, subject: Subject, names: Container[str]) -> list[Question]:
        """Questions about the topology, with somebody at every channel and as the finding's condition says."""
        if not subject.condition:
            self.topology, found = self.whole.asked()
            return found
        for path, value in subject.condition:
            self.described = with_fact(self.described, path, value)
        self.topology = with_listeners(self.described)
        found = questions(self.topology, names)
        self.known.budget.take(MODEL_STATES * len({(question.target, question.entity) for question in found}))
        return found

    def case(self, question: Question, ends: Ends | None = None) -> Case | None:
        """The model of a question, to see its options; None where there is none."""
        self.known.budget.take(MODEL_STATES)
        try:
            return build_case(self.topology, question, self.job.bounds, Assumptions("unsafe", ends or {}))
        except NotModelledError:
            return None

    def concerns(self, subject: Subject, question: Question, case: Case) -> bool:
        """Whether a model contains what the finding is about."""
        if question.element and question.element in subject.places:
            return True
        names = {question.target, *(name for name, _ in question.also), *case.elements}
        if any(handler in names for handler in subject.handlers):
            return True
        return not subject.handlers and bool(names & {*subject.elements, *(name for name, _ in subject.targets)})

    def of(self, subject: Subject, question: Question, case: Case) -> Outcome:
        own = self.idealised(question, [subject])
        about = f"{question.property} of {question.target}"
        if not own:
            # the defect of another finding may hide what would mend this one
            rest = [other for other in self.job.subjects if other.fingerprint != subject.fingerprint]
            own = self.idealised(question, [subject], given=self.idealised(question, rest))
        if not own:
            return Outcome(None, self.left_out(case) or f"the model of {about} has no option for this defect")
        others = {
            path: other.fingerprint
            for other in self.job.subjects
            if other.fingerprint != subject.fingerprint
            for path in self.idealised(question, [other])
            if path not in own
        }
        verdict = self.decide(question, safe(others))
        if verdict.verdict == "violated":
            found = Outcome(verdict, idealised=self.without(question, verdict, [*others, *own]))
            if found.idealised == "holds" and self.shows(subject, question, verdict, own):
                return found
            if found.idealised == "holds" and (apart := self.apart(subject, question, own, others)) is not None:
                return apart
            if (alone := self.alone(subject, question, own)) is not None:
                return alone
            if found.idealised == "unknown" and subject.takes_part_in(verdict.trace):
                return found
            return Outcome(None, f"what violates {about} needs no such defect")
        if verdict.verdict != "holds":
            return Outcome(verdict)
        if others and (found_together := self.together(subject, question, own, others)) is not None:
            return found_together
        left_out = self.left_out(case)
        return Outcome(None, left_out) if left_out else Outcome(verdict)

    def shows(self, subject: Subject, question: Question, verdict: Verdict, own: Iterable[str]) -> bool:
        """Whether a run is evidence of the finding: it takes part in it, and with its own defect alone mended the
        defects of others do not bring about the same run.
        """
        if not subject.takes_part_in(verdict.trace):
            return False
        assumed: dict[str, End] = {one.path: one.end for one in verdict.conditions}
        return self.decide(question, {**assumed, **safe(own)}, unknown="safe").trace != verdict.trace

    def apart(
        self, subject: Subject, question: Question, own: Sequence[str], others: Mapping[str, str]
    ) -> Outcome | None:
        """The pair where other findings are mended by all that stands at their handlers: a consumer that passes on an
        id is not mended by that as long as this finding's defect leaves it without an id.
        """
        case = self.case(question, safe(others))
        wider = dict.fromkeys(others)
        for other in self.job.subjects:
            if other.fingerprint in others.values() and case is not None:
                places = tuple(place for place in other.places if place.startswith("processes."))
                near = (use for use in case.options.used if use.path.startswith(places) and use.is_ordered)
                wider |= dict.fromkeys(use.path for use in near if not subject.owns(use.path))
        verdict = self.decide(question, safe(wider))
        if verdict.verdict != "violated" or not subject.takes_part_in(verdict.trace):
            return None
        is_pair = self.without(question, verdict, [*wider, *own]) == "holds"
        return Outcome(verdict, idealised="holds") if is_pair else None

    def left_out(self, case: Case) -> str:
        """Facts of the scene that the model lacks, in words: that it holds without them says nothing."""
        return f"left out of the model: {'; '.join(case.not_modelled)}" if case.not_modelled else ""

    def alone(self, subject: Subject, question: Question, own: Sequence[str]) -> Outcome | None:
        """The pair with everything else ideal, also what no finding names, but for unknown facts at the same place;
        None where that is no pair either.
        """
        case = self.case(question)
        used = case.options.used if case is not None else ()
        unsaid = [use for use in used if use.known is None and subject.owns(use.path) and use.path not in own]
        kept = dict.fromkeys((use.path for use in unsaid if use.is_ordered and use.safe != use.unsafe), KNOWN)
        verdict = self.decide(question, {**kept, **dict.fromkeys(own, KNOWN)}, every="safe")
        if verdict.verdict != "violated" or self.decide(question, kept, every="safe").verdict != "holds":
            return None
        if not subject.takes_part_in(verdict.trace):
            return None
        rests_on = tuple(Condition(use.path, use.unsafe, "unsafe") for use in unsaid if use.path in kept)
        return Outcome(replace(verdict, conditions=rests_on), idealised="holds")

    def together(
        self, subject: Subject, question: Question, own: Sequence[str], others: Mapping[str, str]
    ) -> Outcome | None:
        """Fails only with other defects: a minimal set of findings to keep as they are, by deletion."""
        if self.decide(question, {}).verdict != "violated":
            return None
        needed = sorted(set(others.values()))
        for one in list(needed):
            fewer = [kept for kept in needed if kept != one]
            if self.decide(question, safe(p for p, f in others.items() if f not in fewer)).verdict == "violated":
                needed = fewer
        apart = [path for path, fingerprint in others.items() if fingerprint not in needed]
        verdict = self.decide(question, safe(apart))
        idealised = self.without(question, verdict, [*apart, *own])
        if idealised != "holds" or not subject.takes_part_in(verdict.trace):
            return Outcome(None, f"what violates {question.property} of {question.target} needs no such defect")
        return Outcome(verdict, idealised=idealised, together=tuple(needed))

    def without(self, question: Question, found: Verdict, ideal: Iterable[str]) -> str:
        """The verdict with these options ideal and nothing else assumed than what the violation rests on."""
        assumed: dict[str, End] = {one.path: one.end for one in found.conditions}
        return self.decide(question, {**assumed, **safe(ideal)}, unknown="safe").verdict

    def rest(self, question: Question) -> Outcome:
        """What is left of a property once every defect that a finding names is idealised; unknown facts are safe."""
        verdict = self.decide(question, safe(self.idealised(question, self.job.subjects)), unknown="safe")
        if verdict.verdict == "violated" and self.topology.scope != "whole":
            # what is not listed may be what keeps the copies in agreement
            verdict = replace(verdict, conditions=(*verdict.conditions, Condition("scope", "whole", "unsafe")))
        return Outcome(verdict, together=self.named_by(question, verdict))

    def named_by(self, question: Question, verdict: Verdict) -> tuple[str, ...]:
        """Definite findings of which a violation that remains may be the very defect: it breaks what they are about,
        their handler takes part, and no option of this model mends them.
        """
        if verdict.verdict != "violated":
            return ()
        return tuple(
            subject.fingerprint
            for subject in self.job.subjects
            if not subject.condition
            and subject.is_about(question)
            and subject.acts_in(verdict.trace)
            and not self.is_mended(subject, question)
        )

    def is_mended(self, subject: Subject, question: Question) -> bool:
        """Whether the model has the finding's defect and, with its own options ideal, has it no more."""
        case = self.case(question)
        own = self.own(subject, case.options.used) if case is not None else []
        if case is None or not own:
            return False
        uses = [use for use in case.options.used if use.path in own]
        if not any(self.idealises(subject, use) for use in uses) and not self.mends(subject, uses):
            return False
        return self.of(subject, question, case).idealised == "holds"

    def idealised(self, question: Question, subjects: Iterable[Subject], given: Sequence[str] = ()) -> list[str]:
        """Options that are the own ones of findings, besides those that are `given`. One that is idealised may lead to
        the next: a token that is carried is taken from somewhere.
        """
        subjects = tuple(subjects)
        found: dict[str, None] = {}
        while (case := self.case(question, safe((*given, *found)))) is not None:
            more = [path for subject in subjects for path in self.own(subject, case.options.used) if path not in found]
            if not more:
                break
            found |= dict.fromkeys(more)
        return list(found)

    def decide(self, question: Question, ends: Ends, unknown: End | None = None, every: End | None = None) -> Verdict:
        assumptions = Assumptions(unknown or "unsafe", ends, every) if unknown or every else None
        return decide(
            self.topology,
            question,
            self.job.bounds,
            assumptions=assumptions,
            fixed=ends,
            stop=self.stop,
            known=self.known,
        )

    def own(self, subject: Subject, used: Sequence[OptionUse]) -> list[str]:
        """Options of a model that are the finding's own."""
        near = [use for use in used if subject.owns(use.path) and use.is_ordered and _may_be_mended(use)]
        found = [
            use.path
            for use in near
            if use.path == subject.at or self.idealises(subject, use) or self.mends(subject, [use])
        ]
        if found:
            return found
        facts = [use for use in near if not use.path.endswith((f".{TOGETHER}", f".{PROPAGATES}"))]
        if len(facts) > 1 and self.mends(subject, facts):
            return [use.path for use in facts]
        beside = [use for use in used if subject.is_beside(use.path) and use.is_ordered and _may_be_mended(use)]
        return [use.path for use in beside if self.idealises(subject, use) or self.mends(subject, [use])]

    def idealises(self, subject: Subject, use: OptionUse) -> bool:
        """Whether the catalog says that this option idealises the defect."""
        return any(use.path.endswith(f".{end}") for end in subject.ideal)

    def mends(self, subject: Subject, uses: Sequence[OptionUse]) -> bool:
        """Whether the rules drop the finding once these options have their safe values."""
        no_fact = any(use.path.endswith((f".{TOGETHER}", f".{PROPAGATES}")) for use in uses)
        return not no_fact and (subject.id, subject.fingerprint) not in self.after(uses)

    def after(self, uses: Sequence[OptionUse]) -> frozenset[tuple[str, str]]:
        """Findings, as (id, fingerprint), with options at their safe values; all where that cannot be said."""
        key = " ".join(use.path for use in uses)
        if key not in self.kept:
            everything = frozenset((one.id, one.fingerprint) for one in self.job.subjects)
            self.kept[key] = everything
            self.known.budget.take(ELEMENT_STATES * size_of(self.described))
            try:
                changed = self.described
                for use in uses:
                    changed = with_fact(changed, fact_path(changed, use.path), use.safe)
                found = judge_topology(View(changed, load_catalog())).found
                self.kept[key] = frozenset((one.id, one.fingerprint) for one in found)
            except (ArchitectError, TypeError):  # an option that is no fact of the format
                pass
        return self.kept[key]


def size_of(topology: Topology) -> int:
    """Stores, channels, entities and handlers."""
    handlers = sum(len(process.handlers) for process in topology.processes.values())
    return len(topology.stores) + len(topology.channels) + len(topology.entities) + handlers


def with_listeners(topology: Topology) -> Topology:
    """The topology with a receiver for each channel that no handler consumes, which keeps the last record of each key:
    what a channel does to its receivers can be seen without one that is described.
    """
    consumed = {
        handler.trigger.consume
        for process in topology.processes.values()
        for handler in process.handlers.values()
        if isinstance(handler.trigger, OnConsume)
    }
    appended: dict[str, dict[str | None, None]] = {}
    for process in topology.processes.values():
        for handler in process.handlers.values():
            for _, step in walk_steps(handler.steps, ()):
                if isinstance(step, Append) and step.append not in consumed:
                    appended.setdefault(step.append, {})[step.entity] = None
    if not appended:
        return topology
    stores, processes = dict(topology.stores), dict(topology.processes)
    for channel, entities in appended.items():
        name = f"{RECEIVERS}{channel}"
        stores[name] = Store()
        processes[name] = Process(
            instances=1,
            handlers={
                f"of {entity}" if len(entities) > 1 else "run": Handler(
                    trigger=OnConsume(consume=channel, workers=1, acknowledge="after"),
                    steps=(Write(write=name, entity=entity, mode="replace", guard="none", values="event"),),
                )
                for entity in entities
            },
        )
    return topology.model_copy(update={"stores": stores, "processes": processes})


def _may_be_mended(use: OptionUse) -> bool:
    """Whether an option is at another value than its safe one, or could be."""
    return use.safe != (use.unsafe if use.known is None else use.known)


def safe(paths: Iterable[str]) -> dict[str, End]:
    """Every option at its safe end."""
    return dict.fromkeys(paths, "safe")

"""What the checker found, in the models of results and with the places of the document."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from data_integration_architect.checking.effort import Effort, bounds_of
from data_integration_architect.checking.jobs import Described, Job, Outcome, alike, jobs_of, run_job, shared
from data_integration_architect.checking.parts import outside
from data_integration_architect.checking.subjects import fact_path, origin_of, subject_of
from data_integration_architect.checking.within import RunJobs, run_within
from data_integration_architect.files import Document, format_path
from data_integration_architect.modelcheck import Bounds, Question, Step, Verdict
from data_integration_architect.modelcheck.facts import OptionUse
from data_integration_architect.modelcheck.safeguards import Safeguards
from data_integration_architect.modelcheck.search import Elsewhere
from data_integration_architect.results import Check, CheckBounds, Condition, Finding, RunStep, SafeguardSets
from data_integration_architect.rules import Found
from data_integration_architect.topology import NormalForm, Topology


def in_this_process(topology: Topology, jobs: Sequence[Job]) -> list[Outcome]:
    """Outcomes of jobs one after the other, here."""
    found: dict[int, Outcome] = {}
    described, elsewhere = Described(topology), Elsewhere()
    for numbers in alike(jobs):
        known = shared([jobs[number] for number in numbers], elsewhere)
        found |= {number: run_job(topology, jobs[number], known=known, described=described) for number in numbers}
    return [found[number] for number in range(len(jobs))]


@dataclass(frozen=True)
class Checks:
    """Checks of findings by fingerprint, and of every property with all named defects idealised."""

    of_findings: dict[str, Check] = field(default_factory=dict)
    of_properties: tuple[Check, ...] = ()


def check_findings(
    normal: NormalForm, document: Document, found: Sequence[Found], effort: Effort, run: RunJobs
) -> Checks:
    """Every finding put to the checker, then every property with what the findings name idealised."""
    if effort == "none":
        return Checks()
    subjects = [subject_of(one, normal.topology) for one in found]
    bounds = bounds_of(effort)
    jobs = jobs_of(normal.topology, subjects, bounds)
    outcomes = run_within(normal.topology, jobs, bounds, run)
    pairs = list(zip(jobs, outcomes, strict=True))
    return Checks(
        {
            job.subject.fingerprint: check_of(outcome, job, normal, document)
            for job, outcome in pairs
            if job.subject is not None
        },
        tuple(check_of(outcome, job, normal, document) for job, outcome in pairs if job.subject is None),
    )


def with_check(finding: Finding, check: Check | None) -> Finding:
    """The finding with its check, and with what the check makes of its confidence and of what it violates."""
    if check is None:
        return finding
    confidence, violates = finding.confidence, finding.violates
    if check.verdict == "violated":
        if check.idealised == "holds" and not check.assumed:
            confidence = "checked"
        # what only a scheduled run repairs stays integrity, healed within its period
        is_run = check.healed_by is not None and not check.healed_by.startswith("expiry")
        if check.violates == "timeliness" and violates == "integrity" and not is_run:
            violates = "timeliness"
    elif check.verdict == "holds":
        confidence = "inferred"
    return finding.model_copy(update={"check": check, "confidence": confidence, "violates": violates})


def check_of(outcome: Outcome, job: Job, normal: NormalForm, document: Document) -> Check:
    """One outcome as a result."""
    verdict = outcome.verdict
    if verdict is None:
        name = job.subject.property if job.subject is not None else job.question.property if job.question else ""
        return Check(
            verdict="stopped" if outcome.is_stopped else "not-modelled",
            property=name,
            target=_target(job),
            entity=job.question.entity if job.question is not None else None,
            bounds=_bounds(job.bounds),
            not_modelled=(outcome.reason,) if outcome.reason else (),
            states=outcome.seen,
        )
    return Check(
        verdict="not-modelled" if _has_no_model(verdict) else verdict.verdict,
        property=verdict.property,
        target=verdict.target,
        entity=verdict.entity,
        violates=verdict.violates,
        idealised=_certain(outcome.idealised),
        together_with=outcome.together,
        healed_by=verdict.healed_by or None,
        assumed=tuple(
            Condition(path=format_path(normal.document_path(fact_path(normal.topology, path))), value=one.value)
            for one in verdict.conditions
            if (path := outside(job.part, one.path))
        ),
        bounds=_bounds(verdict.bounds),
        faults=verdict.faults,
        not_modelled=verdict.not_modelled,
        states=verdict.states,
        trace=tuple(_step(step, normal, document) for step in verdict.trace),
    )


def safeguards_words(found: Safeguards, normal: NormalForm) -> SafeguardSets:
    """The safeguards in the words of the topology."""

    def words(use: OptionUse) -> str:
        return f"{format_path(normal.document_path(fact_path(normal.topology, use.path)))}: {_value_words(use.known)}"

    return SafeguardSets(
        needed=tuple(map(words, found.needed)),
        pairs=tuple((words(one), words(other)) for one, other in found.pairs),
        in_depth=tuple(map(words, found.in_depth)),
        unsure=tuple(map(words, found.unsure)),
        bounds=_bounds(found.bounds),
    )


def _value_words(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _certain(verdict: str | None) -> Literal["holds", "violated", "unknown"] | None:
    match verdict:
        case None:
            return None
        case "holds":
            return "holds"
        case "violated":
            return "violated"
    return "unknown"


def _has_no_model(verdict: Verdict) -> bool:
    return verdict.verdict == "unknown" and verdict.states == 0


def _target(job: Job) -> str:
    if job.subject is None:
        question: Question | None = job.question
        return question.target if question is not None else ""
    return job.subject.targets[0][0] if job.subject.targets else job.subject.elements[0]


def _bounds(bounds: Bounds) -> CheckBounds:
    return CheckBounds(
        writes=bounds.writes,
        keys=bounds.keys,
        partitions=bounds.partitions,
        instances=bounds.instances,
        retries=bounds.retries,
        faults=bounds.faults,
        states=bounds.states,
    )


def _step(step: Step, normal: NormalForm, document: Document) -> RunStep:
    origin = origin_of(normal, step.actor)
    return RunStep(
        actor=step.actor,
        to=step.target if step.target != step.actor else "",
        text=step.text,
        fault=step.is_fault,
        changes=tuple(f"{change.what}: {change.before} -> {change.after}" for change in step.changes),
        path=format_path(origin) if origin is not None else None,
        line=document.place(origin)[0] if origin is not None else None,
    )

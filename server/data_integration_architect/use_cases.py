"""The operations behind every tool and command; the only place that combines the engines."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from data_integration_architect.advice.answer_line import answer_line
from data_integration_architect.advice.choice import Advice
from data_integration_architect.advice.idempotency import idempotency_with
from data_integration_architect.advice.judged import Judged, JudgedAgain, judge
from data_integration_architect.advice.ordering import causal_of, ordering_of
from data_integration_architect.advice.processing import processing_of
from data_integration_architect.advice.questions import Reruns, flips_of, questions_of
from data_integration_architect.advice.symptoms import explained_by
from data_integration_architect.analysis.constraints import constraints_of
from data_integration_architect.analysis.facts import Question as Asked
from data_integration_architect.analysis.slips import slips_of
from data_integration_architect.analysis.view import View
from data_integration_architect.catalog import load_catalog
from data_integration_architect.checking import (
    Effort,
    RunJobs,
    check_design,
    check_findings,
    in_this_process,
    with_check,
)
from data_integration_architect.design.draft import as_built
from data_integration_architect.design.result import AppliedFix, Decision, DesignResult, Phase
from data_integration_architect.errors import InputError, Problem, UnknownName
from data_integration_architect.files import Document, DocumentPath, dump_yaml, format_path
from data_integration_architect.given import Given
from data_integration_architect.results import (
    Answer,
    Changes,
    Condition,
    Finding,
    Flip,
    FlowResult,
    Place,
    Question,
    Recommendation,
    Review,
    SymptomResult,
    SystemOfRecord,
)
from data_integration_architect.rules import Found, judge_topology
from data_integration_architect.sources import SEVERITIES
from data_integration_architect.topology import NormalForm, Topology, dump_topology, load_topology, normalize

MOST_REVIEWS_KEPT = 32


def review_document(document: Document) -> Review:
    """The whole judgement of one document. Raises: InputError."""
    return review_normal_form(normalize(load_topology(document)), document)


@lru_cache(maxsize=MOST_REVIEWS_KEPT)
def review(given: Given) -> Review:
    """The whole judgement of a topology; the last few are kept, since the detail views ask for the same one."""
    return review_document(given.document())


_checked: dict[tuple[Given, Effort], Review] = {}


def checked_review(given: Given, effort: Effort, run: RunJobs = in_this_process) -> Review:
    """The review with what the model checker says of each finding and each property; the last few are kept."""
    if effort == "none":
        return review(given)
    key = (given, effort)
    if key not in _checked:
        _checked[key] = _with_checks(given, effort, run)
        if len(_checked) > MOST_REVIEWS_KEPT:
            del _checked[next(iter(_checked))]
    return _checked[key]


def _with_checks(given: Given, effort: Effort, run: RunJobs) -> Review:
    whole = review(given)
    if whole.applicable.verdict == "not-applicable":
        return whole
    document = given.document()
    normal = normalize(load_topology(document))
    found = judge_topology(View(normal.topology, load_catalog())).found
    checks = check_findings(normal, document, found, effort, run)
    findings = tuple(with_check(finding, checks.of_findings.get(finding.fingerprint)) for finding in whole.findings)
    return whole.model_copy(update={"findings": findings, "checked": checks.of_properties})


def changes_since(now: Review, earlier: Review) -> Changes:
    """What is new, gone or of another severity in `now`, by fingerprint and condition."""
    before = {(f.fingerprint, f.is_definite): f for f in earlier.findings}
    after = {(f.fingerprint, f.is_definite): f for f in now.findings}
    return Changes(
        new=tuple(sorted(f.fingerprint for key, f in after.items() if key not in before)),
        gone=tuple(sorted(f.fingerprint for key, f in before.items() if key not in after)),
        severity=tuple(
            sorted(f.fingerprint for key, f in after.items() if key in before and before[key].severity != f.severity)
        ),
    )


LISTS = (
    "flows", "systems_of_record", "findings", "recommendations", "ordering", "idempotency", "causal", "constraints",
    "questions",
)  # fmt: skip
PAGE = 40


def page_of(whole: Review, section: str | None = None, page: int = 1) -> Review:
    """`whole` with at most 40 entries in each list, or page `page` of one list; `omitted` counts the rest."""
    if section is not None and section not in LISTS:
        raise UnknownName("section", section, LISTS)
    _check_page(whole, section, page)
    cut: dict[str, Any] = {}
    omitted: dict[str, int] = {}
    for name in LISTS:
        entries = getattr(whole, name)
        shown = entries[PAGE * (page - 1) : PAGE * page] if section == name else entries[:PAGE] if not section else ()
        cut[name] = shown
        if len(shown) < len(entries):
            omitted[name] = len(entries) - len(shown)
    return whole.model_copy(update={**cut, "omitted": omitted}) if omitted else whole


def view_page(whole: Review, names: Iterable[str], page: int) -> tuple[Review, int]:
    """Page `page` of each of the lists `names`, and how many pages there are; `omitted` counts what is on the others.

    Raises: InputError for a page that does not exist.
    """
    lists = {name: getattr(whole, name) for name in names if name in LISTS}
    pages = max(1, *(-(-len(entries) // PAGE) for entries in lists.values()))
    if page > pages:
        there = "only page 1" if pages == 1 else f"pages 1 to {pages}"
        raise InputError("arguments", [Problem(None, None, "page", f"there is no page {page}: {there}")])
    cut = {name: entries[PAGE * (page - 1) : PAGE * page] for name, entries in lists.items()}
    omitted = {name: len(lists[name]) - len(shown) for name, shown in cut.items() if len(shown) < len(lists[name])}
    return whole.model_copy(update={**cut, "omitted": omitted}), pages


def _check_page(whole: Review, section: str | None, page: int) -> None:
    if section is None:
        if page > 1:
            message = f"pages are of one list: give section as well, one of {', '.join(LISTS)}"
            raise InputError("arguments", [Problem(None, None, "page", message)])
        return
    count = len(getattr(whole, section))
    pages = max(1, -(-count // PAGE))
    if page > pages:
        there = "only page 1" if pages == 1 else f"pages 1 to {pages}"
        message = f"there is no page {page}; {section} has {count} entries, {PAGE} a page: {there}"
        raise InputError("arguments", [Problem(None, None, "page", message)])


MOST_EVIDENCE = 6


def evidence_of(data: Any, path: DocumentPath, elements: Iterable[str]) -> tuple[str, ...]:
    """Places in the source of what a finding is about: of the element at `path`, then of what else it names.

    In a handler these are its other steps on the named stores and channels, so that both lines of a dual write are
    given; elsewhere, and where no step has a place, the named elements themselves.
    """
    parents = [data]
    for key in path:
        try:
            parents.append(parents[-1][key])
        except (KeyError, IndexError, TypeError):
            break
    named = set(elements)
    handler = parents[4] if len(parents) > 4 and path[0] == "processes" and path[2] == "handlers" else None
    places: list[str] = []
    for element in reversed(parents):
        places += _places(element)
        if places or element is handler:
            break
    if handler is not None:
        places += [place for step in _steps_of(handler) if named & _targets(step) for place in _places(step)]
    if not places and isinstance(data, dict):
        groups = (data.get(group) for group in ("stores", "channels", "processes", "entities"))
        places = [
            place
            for group in groups
            if isinstance(group, dict)
            for name in sorted(named & group.keys())
            for place in _places(group[name])
        ]
    return tuple(dict.fromkeys(places))[:MOST_EVIDENCE]


def _places(element: Any) -> list[str]:
    evidence = element.get("evidence") if isinstance(element, dict) else None
    return [one["at"] for one in evidence if "at" in one] if isinstance(evidence, list) else []


def _steps_of(element: Any) -> Iterator[Any]:
    for key in ("steps", "on_miss"):
        for step in element.get(key) or () if isinstance(element, dict) else ():
            yield step
            yield from _steps_of(step)


def _targets(step: Any) -> set[str]:
    kinds = ("write", "append", "invalidate", "call")
    return {step[kind] for kind in kinds if isinstance(step.get(kind), str)} if isinstance(step, dict) else set()


def review_normal_form(normal: NormalForm, document: Document) -> Review:
    judged = judge(normal.topology)
    reruns = Reruns(judged.view.system.size, JudgedAgain(judged))
    return _Assembly(judged, normal, document, reruns).review()


@dataclass
class _Assembly:
    """Puts what the engines said into the words and places of the document."""

    judged: Judged
    normal: NormalForm
    document: Document
    reruns: Reruns

    def path(self, path: DocumentPath) -> str:
        return format_path(self.normal.document_path(path))

    def review(self) -> Review:
        view, found = self.judged.view, self.judged.found
        applicable = self.judged.applicable.verdict != "not-applicable"
        findings = self.findings()
        explained = {index for finding in findings for index in finding.explains}
        # First, since judging again has a budget: what to ask is worth more than what would turn an advice.
        questions = self.questions() if applicable else ()
        recommendations = tuple(self.recommendation(advice) for advice in self.judged.advice)
        return Review(
            system=view.topology.system,
            applicable=self.judged.applicable,
            flows=self.flows() if applicable else (),
            systems_of_record=self.owners(),
            findings=findings,
            recommendations=recommendations,
            processing=processing_of(view, found),
            ordering=ordering_of(view, found) if applicable else (),
            idempotency=idempotency_with(view, found) if applicable else (),
            causal=causal_of(view, found),
            constraints=constraints_of(view),
            symptoms=self.symptoms(findings),
            unexplained_symptoms=tuple(i for i in range(len(view.topology.symptoms)) if i not in explained),
            questions=questions,
            notes=self.notes(),
        )

    def notes(self) -> tuple[str, ...]:
        result = []
        for slip in slips_of(self.judged.view.system):
            path = self.normal.document_path(slip.path)
            line = self.document.place(path)[0]
            where = format_path(path) + (f" (line {line})" if line is not None else "")
            hint = f"; did you mean `{slip.nearest}`?" if slip.nearest else ""
            result.append(f"{where}: `{slip.word}` is not in the catalog, what it can do counts as unknown{hint}")
        return tuple(result)

    def flows(self) -> tuple[FlowResult, ...]:
        return tuple(
            FlowResult(id=f.id, from_=f.source, to=f.target, entities=f.entities, mechanism=f.mechanism)
            for f in self.judged.view.flows
        )

    def owners(self) -> tuple[SystemOfRecord, ...]:
        view = self.judged.view
        result = []
        for subject, owner in view.owners.items():
            instance = view.system.instance(owner.store) if owner.store else None
            result.append(
                SystemOfRecord(
                    entity=subject,
                    status=owner.status,
                    store=owner.store,
                    instance=instance if instance != owner.store else None,
                    derived=owner.derived,
                    shards=owner.shards,
                )
            )
        return tuple(result)

    def findings(self) -> tuple[Finding, ...]:
        heads = self.judged.view.catalog.anti_patterns
        result = []
        for found in self.judged.found:
            match = found.match
            place = self.normal.document_path(match.at)
            condition = tuple(Condition(path=self.path(path), value=value) for path, value in found.condition)
            result.append(
                Finding(
                    id=found.id,
                    fingerprint=found.fingerprint,
                    severity=found.severity,
                    severity_depends_on=tuple(self.path(p) for p in found.severity_depends_on),
                    violates=match.consequence.violates,
                    confidence="inferred" if match.inferred else "derived",
                    condition=condition or None,
                    elements=tuple(sorted(set(match.elements))),
                    at=Place(path=format_path(place), line=self.document.place(place)[0]),
                    summary=match.summary,
                    evidence=evidence_of(self.document.data, place, match.elements),
                    explains=self.explains(found),
                    also=found.also,
                    fixes=match.fixes or heads.heads[found.id].fixes,
                    sources=heads.entry(found.id).sources,
                )
            )
        return tuple(
            sorted(
                result,
                key=lambda f: (not f.is_definite, -SEVERITIES.index(f.severity), f.id, f.elements),
            )
        )

    def explains(self, found: Found) -> tuple[int, ...]:
        return explained_by(self.judged.view.system, found.match) if found.is_definite else ()

    def symptoms(self, findings: tuple[Finding, ...]) -> tuple[SymptomResult, ...]:
        return tuple(
            SymptomResult(
                in_=symptom.in_,
                entity=symptom.entity,
                kind=symptom.kind,
                explained_by=tuple(f.fingerprint for f in findings if index in f.explains),
            )
            for index, symptom in enumerate(self.judged.view.topology.symptoms)
        )

    def recommendation(self, advice: Advice) -> Recommendation:
        flips = flips_of(advice, self.reruns)
        return Recommendation(
            from_=advice.source,
            to=advice.target,
            entities=advice.entities,
            mechanism=advice.choice.mechanism,
            runner_up=advice.choice.runner_up,
            decided_by=tuple(dict.fromkeys(self.path(path) for path in advice.decided_by)),
            would_flip=tuple(Flip(path=self.path(p), value=v, mechanism=m) for p, v, m in flips),
            fixes=advice.choice.fixes,
            reason=advice.choice.reason,
        )

    def questions(self) -> tuple[Question, ...]:
        asked = questions_of(self.judged.judgement.questions, self.judged.advice, self.judged.found, self.reruns)
        return tuple(self.question(question, answers) for question, answers in asked)

    def question(self, question: Asked, answers: Iterable[tuple[Any, str]]) -> Question:
        line, put = answer_line(self.document, self.normal.document_path(question.path))
        return Question(
            path=self.path(question.path),
            ask=question.ask,
            answers=tuple(Answer(value=value, effect=effect) for value, effect in answers),
            line=line,
            put=put,
        )


_designs: dict[tuple[Given, Effort], DesignResult] = {}


def generate_design(given: Given, effort: Effort = "none", run: RunJobs = in_this_process) -> DesignResult:
    """Target topology, document and migration plan; the target and each phase are judged by the same engines, and
    checked for every property that fails today. The last few are kept.
    """
    key = (given, effort)
    if key not in _designs:
        _designs[key] = _design(given, effort, run)
        if len(_designs) > MOST_REVIEWS_KEPT:
            del _designs[next(iter(_designs))]
    return _designs[key]


def _design(given: Given, effort: Effort, run: RunJobs) -> DesignResult:
    from data_integration_architect.design.compare import compare
    from data_integration_architect.design.phases import shadow_of
    from data_integration_architect.design.plan import plan_migration
    from data_integration_architect.design.settle import settle
    from data_integration_architect.design.target import build_target, done_with
    from data_integration_architect.renderers.design_document import DesignParts, design_document

    document = given.document()
    today_review = review(given)
    today = judge(normalize(load_topology(document)).topology)
    if today.applicable.verdict == "not-applicable":
        text = dump_yaml(dump_topology(today.view.topology))
        document_text = design_document(DesignParts(today_review, today_review, today.view, today.view))
        return DesignResult(
            applicable=False, topology=text, document=document_text, decisions=(), fixes=(), remaining=(),
            conditional=(), phases=(),
        )  # fmt: skip
    built = build_target(today.view, today.advice)
    options = compare(today.view, today.advice)
    draft, applied = settle(built.draft, _judged)
    target = draft.topology()
    target_review = _review_plain(target)
    by_key = {(r.from_, r.to): r for r in today_review.recommendations}
    decisions = tuple(
        Decision(recommendation=by_key[a.key], done=done_with(done, a, applied))
        for a, done in built.done
        if a.key in by_key
    )
    known = {f.fingerprint for f in today_review.definite}
    phases = []
    planned = plan_migration(today.view, target, today.advice, today.found)
    for step in (one.step for one in planned):
        worst = tuple(f for f in _review_plain(step.topology).definite if f.severity in {"medium", "high", "critical"})
        phases.append(
            Phase(
                name=step.name, what=step.what, entry=step.entry, exit=step.exit, verification=step.verification,
                rollback=step.rollback, topology=dump_yaml(dump_topology(step.topology)), findings=worst,
                new=tuple(f.fingerprint for f in worst if f.fingerprint not in known),
            )
        )  # fmt: skip
    fixes = tuple(AppliedFix(finding=finding.id, fix=fix) for finding, fix in applied)
    after = View(target, load_catalog())
    checks = check_design(
        today.view.topology,
        as_built(target),
        [(one.step.name, as_built(one.step.topology)) for one in planned],
        {store: shadow_of(store) for store in today.view.topology.stores},
        effort,
        run,
    )
    parts = DesignParts(
        today_review, target_review, today.view, after, decisions, applied, phases, planned, options, checks
    )
    return DesignResult(
        applicable=True,
        topology=dump_yaml(dump_topology(target)),
        document=design_document(parts),
        decisions=decisions,
        fixes=fixes,
        remaining=target_review.definite,
        conditional=tuple(f for f in target_review.findings if not f.is_definite),
        phases=tuple(phases),
        checks=checks,
    )


def _judged(topology: Topology) -> tuple[View, tuple[Found, ...]]:
    judged = judge(as_built(topology))
    return judged.view, judged.found


def _review_plain(topology: Topology) -> Review:
    """Review of a topology that no file holds; nothing is asked, since its unsaid facts are those of today's file."""
    topology = as_built(topology)
    data = dump_topology(topology)
    judged = judge(topology)
    reruns = Reruns.none(JudgedAgain(judged))
    return _Assembly(judged, NormalForm(topology), Document(data), reruns).review()

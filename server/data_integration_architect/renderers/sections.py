"""A review as sections of entries and tables, before any layout: what is shown, in which order and words.

Every layout (`text`, `markdown`) draws these; so a fact is put into words once.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from data_integration_architect.renderers.checks import (
    brief_run,
    run_words,
    step_with_changes,
    stopped_words,
    verdict_words,
)
from data_integration_architect.results import (
    Check,
    CheckReport,
    Finding,
    Question,
    Recommendation,
    Review,
    SystemOfRecord,
)
from data_integration_architect.sources import SEVERITIES, Source


@dataclass(frozen=True)
class Entry:
    """`lead` names the thing, `text` says it in a sentence, `notes` are (label, value) beside it.

    `tone`: a severity, `good`, `bad` or `plain`; a layout may colour the lead by it.
    """

    lead: str
    text: str
    notes: tuple[tuple[str, str], ...] = ()
    tone: str = "plain"
    sources: tuple[Source, ...] = ()
    brief: str = ""
    """What a short text says of it instead of its notes."""


@dataclass(frozen=True)
class Table:
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Section:
    """`title` is empty for what leads the page; `when_empty` is said instead of nothing."""

    title: str
    content: Table | tuple[Entry, ...]
    when_empty: str = ""

    @property
    def is_empty(self) -> bool:
        return not (self.content.rows if isinstance(self.content, Table) else self.content)


NOTHING = "–"
Build = Callable[[Review, str], Section]


def flat(text: str) -> str:
    """`text` on one line and without invisible characters: names come from untrusted files."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def plain_value(value: Any) -> str:
    """A value as it would stand in the YAML: `none`, `true`, `24h`."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def names(given: Iterable[str]) -> str:
    return ", ".join(given)


def arrow(source: str, target: str) -> str:
    return source if source == target else f"{source} → {target}"


def counted(count: int, noun: str) -> str:
    """`1 finding`, `3 findings`."""
    return f"{count} {noun}{'' if count == 1 else 's'}"


def judgement(review: Review, source: str) -> Section:
    """Whether there is an integration to design, and why."""
    word = review.applicable.verdict
    notes = (("use instead", review.applicable.instead),) if review.applicable.instead else ()
    tone = {"applicable": "good", "not-applicable": "plain", "unknown": "bad"}[word]
    return Section("", (Entry(word, review.applicable.reason, notes, tone),))


def notes(review: Review, source: str) -> Section:
    """What may be a slip of whoever wrote the document."""
    return Section("", tuple(Entry("note", text) for text in review.notes))


def systems_of_record(review: Review, source: str) -> Section:
    rows = tuple((one.entity, _owner(one), names(one.derived) or NOTHING) for one in review.systems_of_record)
    return Section("Systems of record", Table(("entity", "system of record", "derived"), rows))


def _owner(one: SystemOfRecord) -> str:
    store = names(one.shards) or one.store or ""
    if one.instance and not one.shards:
        store += f" (instance {one.instance})"
    if one.status == "owned" and store:
        return store
    return f"{one.status}: {store}" if store else one.status


def flows(review: Review, source: str) -> Section:
    rows = tuple((arrow(f.from_, f.to), f.mechanism, names(f.entities) or NOTHING) for f in review.flows)
    return Section("Flows", Table(("flow", "mechanism", "entities"), rows))


def findings(review: Review, source: str) -> Section:
    entries = tuple(finding_entry(f, review, source) for f in review.definite)
    return Section("Findings", entries, when_empty="none")


def conditional_findings(review: Review, source: str) -> Section:
    entries = tuple(finding_entry(f, review, source) for f in review.findings if not f.is_definite)
    return Section("Conditional findings: each holds only if an unsaid fact is as stated", entries)


def finding_entry(finding: Finding, review: Review, source: str) -> Entry:
    notes = [("at", place(finding, source))]
    if finding.condition:
        said = (f"{c.path} = {plain_value(c.value)}" for c in finding.condition)
        notes.insert(0, ("if", " and ".join(said)))
    notes += [
        ("seen at", names(seen_at(finding, source))),
        ("violates", f"{finding.violates} ({finding.confidence})"),
        *check_notes(finding.check),
        ("fix", names(finding.fixes)),
        ("explains", names(_symptom(review, index) for index in finding.explains)),
        ("also", names(finding.also)),
        ("severity depends on", names(finding.severity_depends_on)),
        ("fingerprint", finding.fingerprint),
    ]
    lead = f"{finding.severity}[{finding.id}]"
    shown = tuple(n for n in notes if n[1])
    brief = brief_run(finding.check.trace) if finding.check is not None else ""
    return Entry(lead, finding.summary, shown, finding.severity, finding.sources, brief)


def check_notes(check: Check | None) -> list[tuple[str, str]]:
    """The verdict, and the run that shows it."""
    if check is None:
        return []
    return [("check", verdict_words(check)), ("run", run_words(check.trace))]


def unnamed(review: Review, source: str) -> Section:
    entries = tuple(
        Entry("unnamed-violation", verdict_words(check), (("run", run_words(check.trace)),), "high")
        for check in review.unnamed
    )
    return Section("Violations that no finding names", entries)


def checked(review: Review, source: str) -> Section:
    rows = tuple(
        (
            f"{check.target}{f' ({check.entity})' if check.entity else ''}",
            check.property,
            _verdict_cell(check),
        )
        for check in review.checked
    )
    return Section("Checked with every named defect mended", Table(("target", "property", "verdict"), rows))


def _verdict_cell(check: Check) -> str:
    if check.verdict == "not-modelled":
        return verdict_words(check)
    if check.verdict == "stopped":
        return stopped_words(check)
    kind = f" ({check.violates})" if check.verdict == "violated" else ""
    named = f"; depends on {names(check.together_with)}" if check.together_with else ""
    return f"{check.verdict}{kind}, {check.states:,} states{named}"


def place(finding: Finding, source: str) -> str:
    """`file:line path` of the fact that a person would change; without a file name, the place in the source code."""
    line = finding.at.line
    if source:
        return f"{source}{'' if line is None else f':{line}'} {finding.at.path}"
    if finding.evidence:
        return f"{finding.evidence[0]} {finding.at.path}"
    return finding.at.path if line is None else f"line {line} {finding.at.path}"


def seen_at(finding: Finding, source: str) -> tuple[str, ...]:
    """Places in the source code that `place` does not show."""
    return finding.evidence if source else finding.evidence[1:]


def _symptom(review: Review, index: int) -> str:
    if index >= len(review.symptoms):
        return f"symptoms[{index}]"
    one = review.symptoms[index]
    return f"{one.kind} {one.entity} in {one.in_}" if one.entity else f"{one.kind} in {one.in_}"


def symptoms(review: Review, source: str) -> Section:
    ids = {f.fingerprint: f.id for f in review.findings}
    entries = []
    for index, one in enumerate(review.symptoms):
        by = names(f"{ids.get(fingerprint, '')} {fingerprint}".strip() for fingerprint in one.explained_by)
        text = f"explained by {by}" if by else "nothing that is described explains it"
        entries.append(Entry(_symptom(review, index), text, tone="good" if by else "bad"))
    return Section("Symptoms", tuple(entries))


def recommendations(review: Review, source: str) -> Section:
    return Section("Recommendations", tuple(_recommendation(r) for r in review.recommendations))


def _recommendation(one: Recommendation) -> Entry:
    flips = (f"{f.path} = {plain_value(f.value)} → {f.mechanism}" for f in one.would_flip)
    notes = (
        ("entities", names(one.entities)),
        ("runner-up", "" if one.runner_up == "none" else one.runner_up),
        ("decided by", names(one.decided_by)),
        ("would flip", "; ".join(flips)),
        ("fix", names(one.fixes)),
    )
    shown = tuple(note for note in notes if note[1])
    return Entry(arrow(one.from_, one.to), f"{one.mechanism} — {one.reason}", shown)


def processing(review: Review, source: str) -> Section:
    one = review.processing
    layer = one.layer if one.layer == one.today else f"{one.layer} instead of {one.today}"
    entry = Entry(one.composition, one.reason, (("processing layer", layer),))
    return Section("Composition and processing", (entry,))


def ordering(review: Review, source: str) -> Section:
    rows = tuple(
        (
            one.flow,
            one.entity or "",
            one.need + (f" ({one.key})" if one.key else ""),
            _SATISFIED[one.satisfied] + (f", given {one.given}" if one.need != "none" else "") + f": {one.reason}",
        )
        for one in review.ordering
    )
    return Section("Ordering", Table(("flow", "entity", "order needed", "satisfied"), rows))


_SATISFIED: dict[bool | str, str] = {True: "yes", False: "no", "partial": "partly", "n/a": "not needed"}


def idempotency(review: Review, source: str) -> Section:
    rows = tuple((one.flow, one.mechanism, one.currently, one.operation_id_origin) for one in review.idempotency)
    return Section("Idempotency", Table(("flow", "mechanism", "currently", "operation id from"), rows))


def causal(review: Review, source: str) -> Section:
    entries = tuple(
        Entry(
            f"{one.first} before {one.then}",
            f"{one.status}: {one.reason}",
            (("per", one.per),) if one.per else (),
            {"kept": "good", "lost": "bad", "unknown": "plain"}[one.status],
        )
        for one in review.causal
    )
    return Section("Causal order", entries)


def constraints(review: Review, source: str) -> Section:
    rows = tuple(
        (one.name, one.class_ or "unknown", one.enforced_at or "unknown", one.status) for one in review.constraints
    )
    return Section("Constraints", Table(("constraint", "class", "enforced at", "status"), rows))


def questions(review: Review, source: str) -> Section:
    entries = tuple(
        Entry(
            f"{number}.",
            one.ask,
            (
                *said_by(one, bool(source)),
                *((f"if {plain_value(answer.value)}", answer.effect) for answer in one.answers),
            ),
        )
        for number, one in enumerate(review.questions, 1)
    )
    return Section("Questions whose answer would change the judgement", entries)


def said_by(question: Question, has_file: bool) -> tuple[tuple[str, str], ...]:
    """Path of the fact that a question asks for, and the line that says it."""
    told: tuple[tuple[str, str], ...] = (("fact", question.path),)
    if question.put is None:
        return told
    where = f"line {question.line}: " if has_file and question.line else ""
    return (*told, ("say", f"{where}{question.put}"))


ALL: tuple[Build, ...] = (
    judgement,
    notes,
    systems_of_record,
    flows,
    findings,
    conditional_findings,
    unnamed,
    symptoms,
    recommendations,
    processing,
    ordering,
    idempotency,
    causal,
    constraints,
    questions,
    checked,
)
CLASSIFICATION: tuple[Build, ...] = (judgement, systems_of_record, flows, processing)
ANTIPATTERNS: tuple[Build, ...] = (findings, conditional_findings, unnamed, symptoms, questions)
PROPAGATION: tuple[Build, ...] = (judgement, recommendations, processing)
ORDER_CHECK: tuple[Build, ...] = (ordering, idempotency, causal, constraints)
VIEWS: dict[str, tuple[Build, ...]] = {
    "review": ALL,
    "classify-topology": CLASSIFICATION,
    "detect-antipatterns": ANTIPATTERNS,
    "recommend-propagation": PROPAGATION,
    "check-ordering": ORDER_CHECK,
}


def closing(review: Review) -> str:
    """One line that counts: findings by severity, conditional ones, recommendations, questions."""
    definite = review.definite
    by_severity = Counter(f.severity for f in definite)
    shown = names(f"{by_severity[s]} {s}" for s in reversed(SEVERITIES) if by_severity[s])
    parts = [counted(len(definite), "finding") + (f" ({shown})" if shown else "")]
    if review.unnamed:
        parts.append(counted(len(review.unnamed), "unnamed violation"))
    conditional = len(review.findings) - len(definite)
    if conditional:
        parts.append(f"{conditional} conditional")
    if review.recommendations:
        parts.append(counted(len(review.recommendations), "recommendation"))
    if review.questions:
        parts.append(counted(len(review.questions), "question"))
    if review.unexplained_symptoms:
        parts.append(f"{counted(len(review.unexplained_symptoms), 'symptom')} unexplained")
    left_out = names(f"{count} {name.replace('_', ' ')}" for name, count in sorted(review.omitted.items()) if count)
    return ", ".join(parts) + (f"; not on this page: {left_out}" if left_out else "")


def check_entries(report: CheckReport) -> Section:
    """Every verdict of the verb `check`, with its run."""
    tones = {"holds": "good", "violated": "bad"}
    entries = tuple(
        Entry(
            check.verdict,
            verdict_words(check),
            tuple((str(number), step_with_changes(step)) for number, step in enumerate(check.trace, 1)),
            tones.get(check.verdict, "plain"),
        )
        for check in report.checks
    )
    return Section("", entries, when_empty="no property applies to what is described")


def sweep_table(report: CheckReport) -> Section:
    """Verdicts within smaller bounds: a row for each property, a column for each pair of bounds."""
    if not report.sweep:
        return Section("Sweep", ())
    columns = tuple(f"{cell.faults}f {cell.writes}w" for cell in report.sweep[0].cells)
    rows = tuple(
        (
            f"{row.property} of {row.target}" + (f" ({row.entity})" if row.entity else ""),
            *(f"{cell.verdict} {cell.states}" for cell in row.cells),
        )
        for row in report.sweep
    )
    return Section("Sweep: verdict and states within at most so many faults and writes", Table(("", *columns), rows))


def not_covered(report: CheckReport) -> Section:
    """What the models of a report leave out."""
    left = dict.fromkeys(
        words for check in report.checks if check.trace or check.states for words in check.not_modelled
    )
    return Section("Not covered by any verdict above", tuple(Entry("–", words) for words in left))


def checks_closing(report: CheckReport) -> str:
    """One line that counts verdicts."""
    words = Counter(check.verdict for check in report.checks)
    return names(f"{count} {word}" for word, count in sorted(words.items())) or "nothing to check"

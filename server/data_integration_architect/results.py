"""What engines return and renderers read. These models are the JSON of `review --format json`."""

from __future__ import annotations

import re
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from data_integration_architect.sources import Severity, Source

SCHEMA_VERSION = "1"
CODE_CLASSES = {"dual_write": "dual-write-unprotected", "cache_invalidation": "cache-invalidation-lost"}
PLACE = re.compile(r"[^\s:]:\d+[,;]?$")


class Result(BaseModel):
    model_config = ConfigDict(frozen=True, populate_by_name=True)


class Place(Result):
    path: str
    """Path in the topology document."""
    line: int | None = None
    """Line in the document, 1-based."""


class Condition(Result):
    path: str
    value: Any


class Applicable(Result):
    verdict: Literal["applicable", "not-applicable", "unknown"]
    reason: str
    instead: str | None = None


class FlowResult(Result):
    id: str
    from_: str = Field(alias="from")
    to: str
    entities: tuple[str, ...]
    mechanism: str


class SystemOfRecord(Result):
    entity: str
    """Entity, or ENTITY.PART for fields with an owner of their own."""
    status: Literal["owned", "conflict", "derived", "unknown"]
    store: str | None
    instance: str | None = None
    """Physical instance of the store where it has another name."""
    derived: tuple[str, ...]
    shards: tuple[str, ...] = ()
    """Every store that holds a part of the keys, `store` among them; empty where one holds them all."""


class CheckBounds(Result):
    """How much of the model was explored; each number is a most."""

    writes: int
    keys: int
    partitions: int
    instances: int
    retries: int
    faults: int
    states: int


class RunStep(Result):
    """One step of a run, in the names of the topology."""

    actor: str
    to: str = ""
    """Store, channel or process that the step acts on."""
    text: str
    fault: bool = False
    changes: tuple[str, ...] = ()
    """What the step changed: `WHAT: BEFORE -> AFTER`."""
    path: str | None = None
    """Path of the actor in the topology document, where it has one."""
    line: int | None = None


class Check(Result):
    """What the model checker says of one property of one target; a verdict holds within `bounds` only."""

    verdict: Literal["holds", "violated", "unknown", "stopped", "not-modelled"]
    property: str
    target: str
    entity: str | None = None
    violates: Literal["integrity", "timeliness", "availability"] | None = None
    idealised: Literal["holds", "violated", "unknown"] | None = None
    """The verdict with the finding's own defect idealised too: `holds` shows that the run needs this defect."""
    together_with: tuple[str, ...] = ()
    """Fingerprints of other findings without which the property holds; of a property that is checked with every named
    defect mended, those of findings that the model cannot mend and that explain what remains.
    """
    healed_by: str | None = None
    """A job, or an entry's expiry, that repairs the violation later."""
    assumed: tuple[Condition, ...] = ()
    """Unknown facts on which a violation rests."""
    bounds: CheckBounds
    faults: tuple[str, ...] = ()
    """Kinds of faults that the model injects."""
    not_modelled: tuple[str, ...] = ()
    states: int = 0
    trace: tuple[RunStep, ...] = ()
    """The shortest failing run, replayed step by step."""


class PhaseCheck(Result):
    """A verdict while a phase lasts; `target` is the store, or the copy that the migration fills beside it."""

    phase: str
    target: str
    verdict: Literal["holds", "violated", "unknown", "stopped", "not-modelled"]
    states: int
    assumed: tuple[Condition, ...] = ()
    """Unknown facts on which a violation rests."""


class SafeguardSets(Result):
    """What a property of the target rests on, each as `path: value`, within bounds of their own."""

    needed: tuple[str, ...] = ()
    """Without one of these it is violated."""
    pairs: tuple[tuple[str, str], ...] = ()
    """Without both of a pair it is violated, without one of them it holds."""
    in_depth: tuple[str, ...] = ()
    """Defence in depth: it holds without it, and without it and any other one."""
    unsure: tuple[str, ...] = ()
    """Of these the models or the bounds decide nothing."""
    bounds: CheckBounds


class DesignCheck(Result):
    """A property that fails today, and what the checker says of it in the target and in each phase."""

    today: Check
    target: Check | None
    """None where the target has nothing of which it could be asked."""
    phases: tuple[PhaseCheck, ...] = ()
    safeguards: SafeguardSets | None = None
    """What it rests on, where it holds in the target and deep checks were asked for."""

    def left(self, is_definite: bool) -> Check | None:
        """The target's check where it is violated as stated, or (`is_definite` false) only under unsaid facts."""
        found = self.target
        return found if found and found.verdict == "violated" and is_definite != bool(found.assumed) else None

    def violated_in(self, phase: str) -> tuple[str, ...]:
        """Stores and copies of which it is violated as stated while a phase lasts."""
        return tuple(
            one.target for one in self.phases if one.phase == phase and one.verdict == "violated" and not one.assumed
        )


class SweepCell(Result):
    faults: int
    writes: int
    verdict: Literal["holds", "violated", "unknown", "stopped", "not-modelled"]
    states: int


class SweepRow(Result):
    """Verdicts on one property within smaller bounds."""

    property: str
    target: str
    entity: str | None
    cells: tuple[SweepCell, ...]


class CheckReport(Result):
    """What the verb `check` answers: a topology as it is described."""

    schema_version: str = SCHEMA_VERSION
    system: str | None = None
    checks: tuple[Check, ...]
    sweep: tuple[SweepRow, ...] = ()


class ExportedModel(Result):
    """One model for another checker; its text has index names only, `names` says what they stand for."""

    language: Literal["promela", "tla"]
    property: str
    target: str
    entity: str | None
    form: Literal["at-rest", "always"]
    text: str
    configuration: str
    """The configuration file for TLC; empty for Spin."""
    names: dict[str, str]


class Finding(Result):
    id: str
    fingerprint: str
    severity: Severity
    severity_depends_on: tuple[str, ...] = ()
    violates: Literal["integrity", "timeliness", "availability"]
    confidence: Literal["checked", "derived", "inferred"]
    condition: tuple[Condition, ...] | None = None
    elements: tuple[str, ...]
    at: Place
    summary: str
    evidence: tuple[str, ...] = ()
    """Places in the source, `path:line`, of what the finding is about."""
    explains: tuple[int, ...] = ()
    """Indices of the symptoms that this explains."""
    also: tuple[str, ...] = ()
    """Ids of more general anti-patterns that hold on the same elements."""
    fixes: tuple[str, ...]
    sources: tuple[Source, ...]
    check: Check | None = None
    """None where no check was asked for."""

    @property
    def is_definite(self) -> bool:
        return self.condition is None


class Flip(Result):
    path: str
    value: Any
    mechanism: str


class Recommendation(Result):
    from_: str = Field(alias="from")
    to: str
    entities: tuple[str, ...]
    mechanism: str
    runner_up: str
    decided_by: tuple[str, ...]
    would_flip: tuple[Flip, ...]
    fixes: tuple[str, ...]
    reason: str


class Processing(Result):
    layer: Literal["none", "lambda", "kappa", "unified"]
    """The layer to have."""
    today: Literal["none", "lambda", "kappa", "unified"]
    """The layer that is there."""
    composition: Literal["single-system", "composed", "federated"]
    reason: str


class Ordering(Result):
    flow: str
    entity: str | None
    need: Literal["none", "per-key", "per-group-causal", "total"]
    key: str | None
    given: Literal["none", "per-key", "per-group", "total", "unknown"]
    satisfied: bool | Literal["partial", "n/a"]
    reason: str


class Idempotency(Result):
    flow: str
    mechanism: str
    currently: Literal["ok", "partial", "missing", "broken", "n/a"]
    operation_id_origin: Literal["client", "server", "event", "none", "unknown"]


class Causal(Result):
    first: str
    then: str
    per: str | None
    status: Literal["kept", "lost", "unknown"]
    reason: str


class ConstraintResult(Result):
    name: str
    class_: str | None = Field(alias="class")
    enforced_at: str | None
    status: Literal["enforced", "not-enforced", "unknown"]


class SymptomResult(Result):
    in_: str = Field(alias="in")
    """Store or channel where it was seen."""
    entity: str | None
    kind: str
    explained_by: tuple[str, ...]
    """Fingerprints of the findings that explain it."""


class Answer(Result):
    value: Any
    effect: str


class Question(Result):
    path: str
    ask: str
    answers: tuple[Answer, ...]
    line: int | None = None
    """Line of the mapping that gets the answer, or of the fact where it is said already; none: the top of the file."""
    put: str | None = None
    """The one line that says it, such as `retry: {then: VALUE}`."""


class Changes(Result):
    """Fingerprints of what differs from an earlier review."""

    new: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()
    severity: tuple[str, ...] = ()


class Review(Result):
    schema_version: str = SCHEMA_VERSION
    system: str | None = None
    applicable: Applicable
    flows: tuple[FlowResult, ...]
    systems_of_record: tuple[SystemOfRecord, ...]
    findings: tuple[Finding, ...]
    recommendations: tuple[Recommendation, ...]
    processing: Processing
    ordering: tuple[Ordering, ...]
    idempotency: tuple[Idempotency, ...]
    causal: tuple[Causal, ...]
    constraints: tuple[ConstraintResult, ...]
    symptoms: tuple[SymptomResult, ...] = ()
    """What was observed, in the order of the document."""
    unexplained_symptoms: tuple[int, ...] = ()
    """Indices of symptoms that no finding explains."""
    questions: tuple[Question, ...]
    notes: tuple[str, ...] = ()
    """What may be a slip in the document and is no error, such as a technology that the catalog does not know."""
    checked: tuple[Check, ...] = ()
    """Every property of every target, with all defects idealised that findings name."""
    changes: Changes | None = None
    """What differs from the earlier review that was given."""
    omitted: dict[str, int] = Field(default_factory=dict)
    """Entries of each list that are not shown; ask for a section and page."""

    @property
    def definite(self) -> tuple[Finding, ...]:
        return tuple(f for f in self.findings if f.is_definite)

    @property
    def unnamed(self) -> tuple[Check, ...]:
        """Violations that remain although every defect that a finding names is idealised, and that none explains."""
        lasting = ("integrity", "availability")
        return tuple(
            c
            for c in self.checked
            if c.verdict == "violated" and c.violates in lasting and not (c.assumed or c.together_with)
        )


class Classification(Result):
    applicable: Applicable
    flows: tuple[FlowResult, ...]
    systems_of_record: tuple[SystemOfRecord, ...]
    processing: Processing
    omitted: dict[str, int] = Field(default_factory=dict)
    """Entries of each list that are on other pages; so in the other views."""


class AntiPatterns(Result):
    findings: tuple[Finding, ...]
    symptoms: tuple[SymptomResult, ...]
    unexplained_symptoms: tuple[int, ...]
    questions: tuple[Question, ...]
    omitted: dict[str, int] = Field(default_factory=dict)


class Propagation(Result):
    applicable: Applicable
    recommendations: tuple[Recommendation, ...]
    omitted: dict[str, int] = Field(default_factory=dict)


class OrderCheck(Result):
    ordering: tuple[Ordering, ...]
    idempotency: tuple[Idempotency, ...]
    causal: tuple[Causal, ...]
    constraints: tuple[ConstraintResult, ...]
    omitted: dict[str, int] = Field(default_factory=dict)


class Part(Result):
    """One piece of an explanation; whatever is empty is not shown."""

    heading: str
    text: str = ""
    items: tuple[tuple[str, str], ...] = ()
    """(term, text); the term may be empty."""
    code: str = ""
    """A topology, or a part of one, as YAML."""


class Explanation(Result):
    topic: str
    kind: Literal[
        "anti-pattern", "mechanism", "fix", "store", "engine", "finding", "attribute", "guide", "vocabulary"
    ]  # fmt: skip
    title: str
    parts: tuple[Part, ...]
    see_also: tuple[str, ...] = ()
    """Topics that can be explained next."""
    sources: tuple[Source, ...] = ()


class FilesSeen(Result):
    read: int
    lines: int
    """Lines of source code that were parsed."""
    skipped: dict[str, int]
    """Reason → files, or whole folders, that were not read."""


class StoreSeen(Result):
    name: str
    technology: str | None
    role: Literal["store", "broker"]
    confidence: Literal["seen", "inferred"]
    evidence: tuple[str, ...]


class LinkSeen(Result):
    program: str
    target: str
    """Store, broker or program that its configuration points to."""
    confidence: Literal["seen", "inferred"]
    evidence: tuple[str, ...]


class CodeFinding(Result):
    """What code shows; whether it does harm is the review's part."""

    fingerprint: str
    """The same as long as class, function and systems are; lines may move."""
    function: str
    """The function, or what else it is about: a topic, a program, a database."""
    at: str
    systems: tuple[str, ...]
    class_: str = Field(alias="class")
    """dual_write, cache_invalidation, or the id of an observation."""
    order: str
    """The later write to the commit of the earlier: before-commit, inside-transaction, after-commit, no-transaction."""
    confidence: Literal["seen", "inferred"]
    effects: tuple[str, ...]
    """`write postgresql Order at PATH:LINE`, in program order; `through PATH:LINE` where a helper makes the call."""
    reason: str
    """Why this confidence."""

    @property
    def id(self) -> str:
        """The anti-pattern that it is a case of."""
        return CODE_CLASSES.get(self.class_, self.class_)

    @property
    def places(self) -> tuple[str, ...]:
        """Every `path:line` that it names, the function's own first."""
        named = (word for effect in self.effects for word in effect.split() if PLACE.search(word))
        return tuple(dict.fromkeys((self.at, *(word.rstrip(",;") for word in named))))


class Discovery(Result):
    """A repository as a draft topology, with what the format has no place for."""

    schema_version: str = SCHEMA_VERSION
    topology: str
    """The draft as YAML; empty where it is left out of an answer because of its length."""
    stores: tuple[StoreSeen, ...]
    links: tuple[LinkSeen, ...]
    dual_writes: tuple[CodeFinding, ...]
    observations: tuple[CodeFinding, ...] = ()
    """What the code shows as a whole: topics without the other end, outboxes, databases under two names."""
    files: FilesSeen
    problems: tuple[str, ...]
    """`PATH:LINE: what` of files that could not be read; never their content."""
    questions: tuple[Question, ...]
    """Of the review of the draft."""
    findings: int
    """Definite findings of that review."""
    written: str | None = None
    changes: tuple[str, ...] = ()
    """What differs from the file that was there before."""
    omitted: dict[str, int] = Field(default_factory=dict)
    """Entries of each list that are not shown."""

"""Explains one id of any kind: anti-pattern, mechanism, fix, store, engine, finding, attribute, guide, vocabulary."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Any, get_args

from data_integration_architect.catalog import SLOTS, Catalog, Claim, load_catalog
from data_integration_architect.errors import InputError, Problem, UnknownName
from data_integration_architect.files import dump_yaml, packaged_text, parse_text
from data_integration_architect.renderers.sections import finding_entry, names
from data_integration_architect.renderers.topology_schema import topology_schema
from data_integration_architect.results import (
    Applicable,
    Explanation,
    Finding,
    Idempotency,
    Ordering,
    Part,
    Processing,
    Review,
    SystemOfRecord,
)
from data_integration_architect.sources import SEVERITIES, Source
from data_integration_architect.topology import Topology
from data_integration_architect.topology.shape import homes_of

__all__ = ["Explanation", "explain", "topology_schema"]

GUIDE_WORDS = {"topology", "how to write a topology", "schema", "format"}
VOCABULARY_WORDS = {"vocabulary", "words", "ids"}


def explain(topic: str, review: Review | None = None) -> Explanation:
    """What `topic` means; with a review also one of its findings, by fingerprint or id. Raises: UnknownName."""
    word = " ".join(topic.lower().split())
    if word in GUIDE_WORDS:
        return guide()
    if word in VOCABULARY_WORDS:
        return _vocabulary(load_catalog())
    catalog = load_catalog()
    if review is not None:
        found = [f for f in review.findings if word in (f.fingerprint, f.id)]
        if found:
            return _of_findings(found, review, catalog)
    dashed = word.replace("_", "-").replace(" ", "-")
    for shelf, tell in _SHELVES:
        if dashed in getattr(catalog, shelf):
            return tell(catalog, dashed)
    store, engine = catalog.technology(word), catalog.engine(word)
    if store is not None:
        return _of_store(catalog, store.id)
    if engine is not None:
        return _of_engine(catalog, engine.id)
    attributes = _attributes().get(word.rsplit(".", 1)[-1])
    if attributes:
        if "." in word and word.split(".", 1)[0] not in _attributes():
            raise UnknownName("topic", topic, _written_places())
        return Explanation(
            topic=word, kind="attribute", title=f"Attribute {word}", parts=attributes, see_also=("topology",)
        )
    if review is None and len(word) == 12 and set(word) <= set("0123456789abcdef"):
        message = "a fingerprint; give the topology in which it was found as well"
        raise InputError(topic, [Problem(None, None, "", message)])
    raise UnknownName("topic", topic, _topics(catalog, review))


def _topics(catalog: Catalog, review: Review | None) -> list[str]:
    ids = [entry for shelf, _ in _SHELVES for entry in getattr(catalog, shelf)]
    return [*ids, "topology", "vocabulary", *(f.fingerprint for f in (review.findings if review else ()))]


# Entries of the knowledge


def _of_anti_pattern(catalog: Catalog, name: str) -> Explanation:
    entry = catalog.anti_patterns.entry(name)
    severities = names(entry.severity) + f"; violates {names(entry.violates)}"
    parts = (
        Part(heading="What it is", text=entry.summary),
        Part(heading="Why it is bad", text=entry.why),
        Part(heading="Example", code=dump_yaml(dict(entry.example))),
        Part(heading="Use instead", text=entry.use_instead, items=_fixes(catalog, entry.fixes)),
        Part(heading="Known problems", items=tuple(("", problem) for problem in entry.known_problems)),
        Part(heading="Severity", text=severities),
    )
    return Explanation(
        topic=name,
        kind="anti-pattern",
        title=f"{entry.title} ({name})",
        parts=_filled(parts),
        see_also=(*entry.fixes, *entry.subsumes),
        sources=entry.sources,
    )


def _fixes(catalog: Catalog, fixes: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    return tuple((fix, catalog.fixes.heads[fix].title) for fix in fixes if fix in catalog.fixes)


def _of_mechanism(catalog: Catalog, name: str) -> Explanation:
    entry = catalog.mechanisms.entry(name)
    claims = (entry.needs, entry.gives, entry.costs, entry.failure_modes)
    parts = (
        Part(heading="What it is", text=entry.summary),
        Part(heading="Use when", text=entry.use_when),
        Part(heading="Avoid when", text=entry.avoid_when),
        *(
            Part(heading=heading, items=tuple(("", claim.text) for claim in texts))
            for heading, texts in zip(("Needs", "Gives", "Costs", "Failure modes"), claims, strict=True)
        ),
    )
    return Explanation(
        topic=name,
        kind="mechanism",
        title=f"{entry.title} ({name})",
        parts=_filled(parts),
        sources=_distinct(entry.sources, *claims),
    )


def _of_fix(catalog: Catalog, name: str) -> Explanation:
    entry = catalog.fixes.entry(name)
    changes = tuple((change.element, names(f"{k}: {v}" for k, v in change.set.items())) for change in entry.changes)
    parts = (
        Part(heading="What it is", text=entry.summary),
        Part(heading="What it changes in a topology", text=entry.structural or "", items=changes),
        Part(heading="Costs", text=entry.costs),
        Part(heading="Mends", items=tuple((one, _title(catalog, one)) for one in entry.addresses)),
    )
    return Explanation(
        topic=name,
        kind="fix",
        title=f"{entry.title} ({name})",
        parts=_filled(parts),
        see_also=entry.addresses,
        sources=entry.sources,
    )


def _title(catalog: Catalog, anti_pattern: str) -> str:
    head = catalog.anti_patterns.heads.get(anti_pattern)
    return head.title if head else ""


def _of_store(catalog: Catalog, name: str) -> Explanation:
    entry = catalog.stores.entry(name)
    parts = tuple(
        Part(heading=slot.replace("_", " ").capitalize(), text=entry.slots[slot].text)
        for slot in SLOTS
        if slot in entry.slots
    )
    kind = f"a {entry.kind} store, typically {entry.typical_role}"
    return Explanation(
        topic=name,
        kind="store",
        title=f"{entry.name} ({name}): {kind}",
        parts=parts,
        sources=_distinct((), tuple(entry.slots[slot] for slot in SLOTS if slot in entry.slots)),
    )


def _of_engine(catalog: Catalog, name: str) -> Explanation:
    entry = catalog.engines.entry(name)
    facts = (
        ("replay", _yes(entry.replay)),
        ("exactly once", entry.exactly_once),
        ("event time", _yes(entry.event_time)),
        ("bounded input", _yes(entry.bounded_input)),
    )
    parts = (
        Part(heading="Abilities", items=facts),
        Part(heading="Details", items=tuple(("", claim.text) for claim in entry.claims)),
    )
    return Explanation(
        topic=name,
        kind="engine",
        title=f"{entry.name} ({name}): a {entry.kind} engine",
        parts=_filled(parts),
        sources=_distinct((), entry.claims),
    )


def _yes(value: bool) -> str:
    return "yes" if value else "no"


_SHELVES: tuple[tuple[str, Callable[[Catalog, str], Explanation]], ...] = (
    ("anti_patterns", _of_anti_pattern),
    ("mechanisms", _of_mechanism),
    ("fixes", _of_fix),
    ("stores", _of_store),
    ("engines", _of_engine),
)


def _filled(parts: tuple[Part, ...]) -> tuple[Part, ...]:
    return tuple(part for part in parts if part.text or part.items or part.code)


def _distinct(own: tuple[Source, ...], *claims: tuple[Claim, ...]) -> tuple[Source, ...]:
    nested = (source for group in claims for claim in group for source in claim.sources)
    return tuple(dict.fromkeys((*own, *nested)))


# Findings


def _of_findings(found: list[Finding], review: Review, catalog: Catalog) -> Explanation:
    """The findings with their facts, then the anti-pattern behind them."""
    general = _of_anti_pattern(catalog, found[0].id)
    parts = []
    for one in found:
        entry = finding_entry(one, review, "")
        facts = (("elements", names(one.elements)), *entry.notes)
        parts.append(Part(heading=f"Finding {one.fingerprint}: {one.severity}", text=entry.text, items=facts))
    return general.model_copy(
        update={
            "topic": found[0].fingerprint if len(found) == 1 else found[0].id,
            "kind": "finding",
            "parts": (*parts, *general.parts),
            "see_also": tuple(dict.fromkeys((*found[0].fixes, *general.see_also))),
        }
    )


# The guide: how to write a topology


@cache
def guide() -> Explanation:
    """How to write a topology: the idea, examples, and every attribute with its values and meaning."""
    written = parse_text(packaged_text("knowledge/guides/topology.yaml"), "topology.yaml").data
    prose = tuple(Part.model_validate(part) for part in written["parts"])
    return Explanation(topic="topology", kind="guide", title=written["title"], parts=(*prose, *reference()))


# Where each definition of the schema stands in a topology, and whose attributes are not repeated there.
_PLACES: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("Process", "processes.NAME", ("Element",)),
    ("Handler", "processes.NAME.handlers.NAME", ("Element",)),
    ("OnRequest", "trigger: {request: …}", ()),
    ("OnConsume", "trigger: {consume: CHANNEL, …}", ()),
    ("OnChanges", "trigger: {changes: STORE, …} (a capture)", ()),
    ("OnSchedule", "trigger: {every: PERIOD, …} (a batch)", ()),
    ("Transaction", "step {transaction: STORE, …}", ("Step",)),
    ("Read", "step {read: STORE, …}", ("Step",)),
    ("Write", "step {write: STORE, …}", ("Step",)),
    ("Append", "step {append: CHANNEL, …}", ("Step",)),
    ("Call", "step {call: STORE, …}", ("Step",)),
    ("Invalidate", "step {invalidate: STORE, …}", ("Step",)),
    ("Store", "stores.NAME", ("Element",)),
    ("Channel", "channels.NAME", ("Element",)),
    ("Entity", "entities.NAME", ("Element",)),
    ("Reader", "readers (a list)", ("Element",)),
    ("CausalPair", "causality (a list)", ("Element",)),
    ("Constraint", "constraints (a list)", ("Element",)),
    ("Context", "context", ()),
    ("Symptom", "symptoms (a list)", ("Element",)),
    ("Capture", "captures.NAME (short form)", ("Element", "OnChanges", "Write")),
    ("Consumer", "consumers.NAME (short form)", ("Element", "OnConsume", "Write", "Step", "Handler")),
    ("Job", "jobs.NAME (short form)", ("Element", "OnSchedule", "Write", "Handler")),
    ("Cache", "caches.NAME (short form)", ("Element", "Write", "Step")),
)
ELEMENT = ("status", "until", "exit_criterion", "evidence", "note")
STEP = ("wait", "retry", "dead_letter")


@cache
def reference() -> tuple[Part, ...]:
    """Every attribute of the topology, from the schema: one part for each place where attributes stand."""
    return tuple(_Reference(topology_schema()).parts())


class _Reference:
    def __init__(self, schema: Mapping[str, Any]) -> None:
        self.schema, self.definitions = schema, schema["$defs"]
        self.told: set[str] = set()

    def parts(self) -> Iterator[Part]:
        yield Part(heading="Values", items=tuple(self.values()))
        yield Part(heading="At the top", items=tuple(self.items(self.schema, set())))
        yield Part(heading="Any element may have", items=tuple(self.items(self.definitions["Reader"], None, ELEMENT)))
        yield Part(heading="Any step may have", items=tuple(self.items(self.definitions["Read"], None, STEP)))
        for name, where, borrowed in _PLACES:
            definition = self.definitions[name]
            told = {one for other in borrowed for one in self.own(other, definition)}
            text = definition["description"].removeprefix("Short form: ")
            text = text[0].upper() + text[1:] + _also(told)
            yield Part(heading=where, text=text, items=tuple(self.items(definition, told)))

    def own(self, other: str, definition: Mapping[str, Any]) -> set[str]:
        """Attributes of `definition` that are told at another place already."""
        groups = {"Element": set(ELEMENT), "Step": {*ELEMENT, *STEP}, "Handler": {"dedup", "computes"}}
        told = groups.get(other) or set(self.definitions[other]["properties"])
        return (told - {"entity"}) & set(definition["properties"]) - set(definition.get("required", ()))

    def values(self) -> Iterator[tuple[str, str]]:
        for name, definition in self.definitions.items():
            if name.islower() and name != "unknown":
                examples = definition.get("examples")
                yield name, definition["description"] + (f" For example {names(examples)}." if examples else "")

    def items(
        self, definition: Mapping[str, Any], left_out: set[str] | None, only: tuple[str, ...] = (), prefix: str = ""
    ) -> Iterator[tuple[str, str]]:
        """(attribute, values and meaning); the attributes of a mapping inside stand below it, the first time."""
        for attribute, schema in definition["properties"].items():
            if attribute in (left_out or ()) or (only and attribute not in only):
                continue
            meaning = schema.get("description", "")
            if meaning.startswith("Not written"):
                continue
            words, inside = self.allowed(schema)
            must = "; required" if attribute in definition.get("required", ()) else ""
            yield prefix + attribute, f"({words}{must}) {meaning}"
            for name in inside:
                if name not in self.told:
                    self.told.add(name)
                    yield from self.items(self.definitions[name], None, prefix=f"{prefix}{attribute}.")

    def allowed(self, schema: Mapping[str, Any]) -> tuple[str, list[str]]:
        """The values in words, and the definitions of mappings that only stand here."""
        words: list[str] = []
        inside: list[str] = []
        for one in schema.get("anyOf") or schema.get("oneOf") or [schema]:
            if "anyOf" in one or "oneOf" in one:
                shown, nested = self.allowed(one)
            elif "$ref" in one:
                shown, nested = self.referred(one["$ref"].rsplit("/", 1)[-1])
            elif one.get("type") == "array":
                what, nested = self.allowed(one["items"])
                shown = f"list of {what}"
            elif isinstance(one.get("additionalProperties"), Mapping):
                what, nested = self.allowed(one["additionalProperties"])
                shown = f"NAME: {what}"
            else:
                shown, nested = " | ".join(map(_word, one.get("enum", [one.get("const")]))), []
            if shown and shown not in words:
                words.append(shown)
            inside += nested
        return " | ".join(words), inside

    def referred(self, name: str) -> tuple[str, list[str]]:
        if name == "unknown":
            return "", []
        if name.islower():
            return name, []
        if name in {"Transaction", "Read", "Write", "Append", "Call", "Invalidate"}:
            return "step", []
        if any(name == place for place, _, _ in _PLACES):
            return "mapping", []
        return "mapping", [name]


def _also(told: set[str]) -> str:
    """Which attributes an element shares with what was described before."""
    text = ""
    for group, where in ((STEP, "any step"), (ELEMENT, "any element")):
        if told >= set(group):
            text += f" Also what {where} may have."
            told = told - set(group)
    # A short form says with `from` what its trigger would say with these.
    rest = sorted(told - {"changes", "consume"})
    return text + (f" Also, as above: {names(f'`{name}`' for name in rest)}." if rest else "")


def _word(value: Any) -> str:
    return value if isinstance(value, str) else str(value).lower()


@cache
def _attributes() -> Mapping[str, tuple[Part, ...]]:
    """Attribute → the places where it stands with its meaning there."""
    found: dict[str, list[Part]] = {}
    for part in reference():
        for term, text in part.items:
            found.setdefault(term.rsplit(".", 1)[-1], []).append(Part(heading=part.heading, items=((term, text),)))
    return {name: tuple(parts) for name, parts in found.items()}


def _written_places() -> list[str]:
    """Every attribute with where it stands, such as `stores.technology`."""
    homes = homes_of(Topology).values()
    return [place.replace(".NAME", "").replace("[]", "") for places in homes for place in places if "." in place]


# Vocabulary


def _vocabulary(catalog: Catalog) -> Explanation:
    mechanisms = catalog.mechanisms.heads.values()
    groups: dict[str, list[tuple[str, str]]] = {}
    for head in catalog.anti_patterns.heads.values():
        groups.setdefault(head.group, []).append((head.id, head.title))
    parts = (
        *(
            Part(heading=heading, items=tuple((m.id, m.title) for m in mechanisms if m.role == role))
            for heading, role in (
                ("Mechanisms (concluded)", "mechanism"),
                ("Recommendations (and the mechanisms)", "recommendation"),
            )
        ),
        *(Part(heading=f"Anti-patterns: {group}", items=tuple(items)) for group, items in sorted(groups.items())),
        Part(heading="Verdicts", items=tuple(_verdicts())),
        Part(heading="Fixes", items=tuple((head.id, head.title) for head in catalog.fixes.heads.values())),
        Part(heading="Stores", text=names(catalog.stores)),
        Part(heading="Processing engines", text=names(catalog.engines)),
    )
    return Explanation(topic="vocabulary", kind="vocabulary", title="Vocabulary", parts=_filled(parts))


def _verdicts() -> Iterator[tuple[str, str]]:
    yield "severity", names(SEVERITIES)
    for title, model, field in (
        ("applicable", Applicable, "verdict"),
        ("system of record", SystemOfRecord, "status"),
        ("violates", Finding, "violates"),
        ("confidence", Finding, "confidence"),
        ("processing layer", Processing, "layer"),
        ("composition", Processing, "composition"),
        ("order needed", Ordering, "need"),
        ("order given", Ordering, "given"),
        ("idempotency currently", Idempotency, "currently"),
        ("operation id from", Idempotency, "operation_id_origin"),
    ):
        yield title, names(get_args(model.model_fields[field].annotation))

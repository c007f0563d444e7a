"""Typed view of `knowledge/`: stores, mechanisms, anti-patterns, fixes, engines. Refuses what does not hold together.

A knowledge file has a head, the facts that engines compute with, and a body, the texts for readers. Heads of a
folder are read together; a body only when somebody asks for it, because texts are most of the bytes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from functools import cache, cached_property
from typing import Any, Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from data_integration_architect.errors import KnowledgeError, UnknownName
from data_integration_architect.files import packaged_names, packaged_text, parse_text
from data_integration_architect.sources import Severity, Source
from data_integration_architect.topology.values import Duration


class Entry(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Claim(Entry):
    text: str
    sources: tuple[Source, ...] = ()


SLOTS = (
    "change_feed",
    "change_feed_needs",
    "change_feed_failures",
    "transaction_scope",
    "unique_constraint",
    "idempotent_write",
    "version_checked_write",
    "use_as_log",
)

StoreKind = Literal[
    "relational", "document", "wide-column", "key-value", "cache", "search", "warehouse", "lakehouse", "object-store",
    "log", "queue", "pubsub", "graph", "vector", "feature-store",
]  # fmt: skip


class StoreHead(Entry):
    id: str
    name: str
    aliases: tuple[str, ...] = ()
    kind: StoreKind
    typical_role: Literal["record", "derived", "transport", "either"]
    keeps_history: bool = False
    durable: bool | Literal["configurable"] = True
    serves: tuple[str, ...] = ()
    ordering: Literal["per-partition", "per-queue", "per-group", "none"] | None = None
    delivery: Literal["at-least-once", "at-most-once", "exactly-once"] | None = None
    change_feed_kind: Literal["log", "stream", "notification", "trigger", "query", "none"] = "none"
    change_log: str | None = None
    """What the product calls the log that holds its changes, where a connector reads it."""
    change_connector: str | None = None
    """Connector that reads it."""
    transaction_scope_kind: Literal["instance", "partition", "row", "document", "batch", "table", "none"] = "none"
    unique_constraint_kind: Literal["enforced", "informational", "key-only", "none"] = "none"
    version_check: Literal["external-version", "condition", "compare-and-set", "merge-condition", "none"] = "none"
    remembers_deleted: Duration | Literal["forever", "none"] | None = None
    """How long the product by itself keeps the version of a deleted record for such a check; None = unknown."""
    isolation_default: Literal["read-committed", "repeatable-read", "snapshot", "serializable", "none"] | None = None


class Store(StoreHead):
    slots: Mapping[str, Claim]


class MechanismHead(Entry):
    id: str
    title: str
    role: Literal["mechanism", "recommendation"]


class Mechanism(MechanismHead):
    summary: str
    needs: tuple[Claim, ...] = ()
    gives: tuple[Claim, ...] = ()
    costs: tuple[Claim, ...] = ()
    failure_modes: tuple[Claim, ...] = ()
    use_when: str = ""
    avoid_when: str = ""
    sources: tuple[Source, ...]


class CheckedProperty(Entry):
    """What the model checker says to an anti-pattern: the property that it violates, or why there is no model.

    `ideal`: ends of paths of options that idealise the defect, beside the facts with which the rule itself lets go.
    """

    property: str | None = None
    not_modelled: str | None = None
    ideal: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _says_one(self) -> CheckedProperty:
        if (self.property is None) == (self.not_modelled is None):
            raise ValueError("check: either a property, or not_modelled with the reason")
        return self


class AntiPatternHead(Entry):
    id: str
    title: str
    group: Literal["writing", "capture", "transport", "consuming", "reading", "processing"]
    severity: tuple[Severity, ...]
    violates: tuple[Literal["integrity", "timeliness", "availability"], ...]
    subsumes: tuple[str, ...] = ()
    fixes: tuple[str, ...]
    check: CheckedProperty


class AntiPattern(AntiPatternHead):
    summary: str
    why: str
    example: Mapping[str, Any]
    use_instead: str
    known_problems: tuple[str, ...]
    sources: tuple[Source, ...] = Field(min_length=1)


class Change(Entry):
    element: Literal[
        "store", "channel", "event", "entity", "handler", "trigger", "step", "reader", "constraint", "causality",
        "failover", "process", "context",
    ]  # fmt: skip
    set: Mapping[str, Any]


class FixHead(Entry):
    id: str
    title: str


class Fix(FixHead):
    summary: str
    changes: tuple[Change, ...] = ()
    structural: str | None = None
    needs: tuple[Literal["application", "log"], ...] = ()
    """What must be open to it: that the writing application may change, that the log of the source may be read."""
    addresses: tuple[str, ...]
    costs: str
    sources: tuple[Source, ...] = Field(min_length=1)


class EngineHead(Entry):
    id: str
    name: str
    aliases: tuple[str, ...] = ()
    kind: Literal["stream", "batch", "unified", "incremental-view"]
    replay: bool
    exactly_once: Literal["state-only", "effects-with-transactional-sink", "none"]
    event_time: bool
    bounded_input: bool


class Engine(EngineHead):
    claims: tuple[Claim, ...]


E = TypeVar("E", bound=Entry)
H = TypeVar("H", bound=Entry)
B = TypeVar("B", bound=Entry)


class Shelf(Generic[H, B]):
    """One folder of knowledge: ids, heads by id, whole entries by id. The id is the file's name."""

    def __init__(self, folder: str, head: type[H], body: type[B], body_starts_at: str) -> None:
        self.folder, self.head_type, self.body_type, self.body_starts_at = folder, head, body, body_starts_at
        self._read: dict[str, B] = {}

    @cached_property
    def names(self) -> tuple[str, ...]:
        return tuple(packaged_names(f"knowledge/{self.folder}", ".yaml"))

    @cached_property
    def heads(self) -> Mapping[str, H]:
        return {name: self._head(name) for name in self.names}

    def _head(self, name: str) -> H:
        text = packaged_text(f"knowledge/{self.folder}/{name}.yaml")
        start = text.find(f"\n{self.body_starts_at}:")
        if start < 0:
            raise KnowledgeError(f"knowledge/{self.folder}/{name}.yaml: {self.body_starts_at} is missing")
        head = self._parse(self.head_type, text[: start + 1], name)
        if head.model_dump()["id"] != name:
            raise KnowledgeError(f"knowledge/{self.folder}/{name}.yaml: its id is not the name of the file")
        return head

    def entry(self, name: str) -> B:
        """The whole entry. Raises: UnknownName."""
        if name not in self.names:
            raise UnknownName(self.folder.rstrip("s"), name, self.names)
        if name not in self._read:
            self._read[name] = self._parse(self.body_type, packaged_text(f"knowledge/{self.folder}/{name}.yaml"), name)
        return self._read[name]

    def _parse(self, model: type[E], text: str, name: str) -> E:
        try:
            return model.model_validate(parse_text(text, name).data)
        except ValidationError as error:
            raise KnowledgeError(f"knowledge/{self.folder}/{name}.yaml: {error}") from None

    def __contains__(self, name: object) -> bool:
        return name in self.names

    def __iter__(self) -> Iterator[str]:
        return iter(self.names)


class Catalog:
    """All shelves, and the look-ups by the words that people use."""

    def __init__(self) -> None:
        self.stores = Shelf("stores", StoreHead, Store, "slots")
        self.mechanisms = Shelf("mechanisms", MechanismHead, Mechanism, "summary")
        self.anti_patterns = Shelf("anti-patterns", AntiPatternHead, AntiPattern, "summary")
        self.fixes = Shelf("fixes", FixHead, Fix, "summary")
        self.engines = Shelf("engines", EngineHead, Engine, "claims")

    @cached_property
    def _technologies(self) -> Mapping[str, StoreHead]:
        return _by_words(self.stores.heads)

    @cached_property
    def _engine_words(self) -> Mapping[str, EngineHead]:
        return _by_words(self.engines.heads)

    def technology(self, word: str | None) -> StoreHead | None:
        """The store behind a common spelling (`pg`, `Postgres 16`, `es`), None for an unknown product."""
        found: StoreHead | None = _look_up(self._technologies, word)
        return found

    def nearest_technology(self, word: str) -> str | None:
        """The spelling of a known product that `word` may be a misspelling of."""
        return _nearest(self._technologies, word)

    def nearest_engine(self, word: str) -> str | None:
        """The spelling of a known processing engine that `word` may be a misspelling of."""
        return _nearest(self._engine_words, word)

    def engine(self, word: str | None) -> EngineHead | None:
        """The processing engine behind a common spelling, None for an unknown one."""
        found: EngineHead | None = _look_up(self._engine_words, word)
        return found


def _by_words(heads: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for head in heads.values():
        for word in (head.id, head.name, *head.aliases):
            other = found.setdefault(_word(word), head)
            if other is not head:
                raise KnowledgeError(f"{word!r} names both {other.id} and {head.id}")
    return found


def _word(text: str) -> str:
    return "-".join(text.lower().replace("_", " ").replace("-", " ").split())


def _look_up(words: Mapping[str, Any], given: str | None) -> Any:
    if given is None:
        return None
    parts = _word(given).split("-")
    # `aws rds postgresql 16` → the longest run of words that is known; versions and vendors fall away.
    for length in range(len(parts), 0, -1):
        for start in range(len(parts) - length + 1):
            candidate = "-".join(parts[start : start + length])
            found = words.get(candidate) or words.get(candidate.rstrip("0123456789.:"))
            if found:
                return found
    return None


def _nearest(words: Mapping[str, Any], given: str) -> str | None:
    near = get_close_matches(_word(given)[:80], sorted(words), n=1, cutoff=0.75)
    return near[0] if near else None


@cache
def load_catalog() -> Catalog:
    """The packaged knowledge; read once in a process."""
    return Catalog()

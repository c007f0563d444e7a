"""What a configuration reader says: facts with their place. Every text in a fact passes the trust boundary here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from data_integration_architect.redact import clean_name, scrub

Value: TypeAlias = str | int | bool | tuple[str, ...]
Confidence: TypeAlias = Literal["seen", "inferred"]

MOST_ITEMS = 200  # in one list-valued attribute; a table of a thousand columns is told apart by its first ones


@dataclass(frozen=True)
class Fact:
    """One thing that a file says. Shape: `kind` and `subject` name it, `attributes` hold only cleaned values.

    Kinds: service, store, broker, database, link, topic, produces, consumes, connector, table, publication,
    replica-identity, trigger, slot, dependency, setting, variable, alias, port, base-image, entity-source,
    lineage, problem. The subject of a fact about "the program that this file belongs to" is empty.
    """

    kind: str
    subject: str
    path: str
    line: int
    attributes: Mapping[str, Value] = field(default_factory=dict)
    end_line: int | None = None
    confidence: Confidence = "seen"
    reason: str = ""

    def text(self, key: str) -> str:
        """An attribute as text, empty if it is absent."""
        value = self.attributes.get(key, "")
        return value if isinstance(value, str) else str(value).lower() if isinstance(value, bool) else str(value)

    def texts(self, key: str) -> tuple[str, ...]:
        """A list-valued attribute, empty if it is absent."""
        value = self.attributes.get(key, ())
        return value if isinstance(value, tuple) else (str(value),)

    @property
    def at(self) -> str:
        """The place as `path:line`, fit to be shown."""
        return f"{clean_name(self.path)}:{self.line}"


def fact(
    kind: str,
    subject: str,
    path: str,
    line: int,
    /,
    *,
    inferred: str = "",
    end_line: int | None = None,
    **attributes: object,
) -> Fact:
    """A fact whose subject and attributes are cleaned; `inferred` is the reason if it was concluded, not read.

    Attributes that are None, empty text or an empty list are left out: absent means unknown. An underscore at the
    end of an attribute's name is dropped and the others become hyphens.
    """
    return fact_of(kind, subject, path, line, attributes, inferred=inferred, end_line=end_line)


def fact_of(
    kind: str,
    subject: str,
    path: str,
    line: int,
    attributes: Mapping[str, object],
    *,
    inferred: str = "",
    end_line: int | None = None,
) -> Fact:
    """The same from attributes that are a mapping already."""
    kept: dict[str, Value] = {}
    for name, value in attributes.items():
        cleaned = _clean(value)
        if cleaned is not None:
            kept[name.rstrip("_").replace("_", "-")] = cleaned
    confidence: Confidence = "inferred" if inferred else "seen"
    return Fact(kind, clean_name(scrub(subject)), path, max(line, 1), kept, end_line, confidence, inferred)


def problem(path: str, line: int, what: str) -> Fact:
    """A file, or a part of one, that could not be read; `what` is our own wording, never content of the file."""
    return Fact("problem", path, path, max(line, 1), {"what": what})


def _clean(value: object) -> Value | None:
    if isinstance(value, bool | int):
        return value
    if isinstance(value, str):
        return clean_name(scrub(value)) or None
    if isinstance(value, list | tuple):
        texts = [clean_name(scrub(str(item))) for item in value[:MOST_ITEMS]]
        return tuple(text for text in texts if text) or None
    return None

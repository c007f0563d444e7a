"""What every element of a topology has."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict

from data_integration_architect.topology.values import Text

NONE = "none"


class Base(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class Evidence(Base):
    """Where a fact comes from."""

    at: Text | None = None
    """Where a scanner saw the fact: file:line, relative to the scanned root."""
    says: Text | None = None
    """A literal quote that states the fact."""


class Element(Base):
    status: Literal["existing", "planned", "temporary"] = "existing"
    """Whether it exists today (default), is planned, or exists for a migration only."""
    until: Text | None = None
    """The date on which something temporary ends."""
    exit_criterion: Text | None = None
    """What must be true before something temporary is removed."""
    evidence: tuple[Evidence, ...] = ()
    """Where the fact comes from."""
    note: Text | None = None
    """Free text; no engine reads it."""


def word_to_mapping(key: str, value: Any) -> BeforeValidator:
    """Reads the word `none` as the mapping `{key: value}`."""
    return BeforeValidator(lambda given: {key: value} if given == NONE else given)

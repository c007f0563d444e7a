"""Short forms: captures, consumers, jobs and caches in one line each; `normal` rewrites them to handlers."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from data_integration_architect.topology.base import NONE, Base, word_to_mapping
from data_integration_architect.topology.steps import Computation, Dedup, Retry
from data_integration_architect.topology.triggers import OnChanges, OnConsume, OnSchedule
from data_integration_architect.topology.values import Count, Name, Text


class Capture(OnChanges):
    """Short form: changes of `from` go to `to`."""

    changes: Name | None = Field(default=None, exclude=True)  # type: ignore[assignment]
    """Not written in the short form: `from` says it."""
    from_: Annotated[Name, Field(alias="from")]
    """Store that is captured."""
    to: Name
    """Channel or store that gets the changes."""
    entity: Name | tuple[Name, ...] | None = None
    """Entities. Default: those written to `from`."""
    mode: Literal["insert", "replace", "merge", "increment", "delete", "rebuild-and-swap"] | None = None
    """How a store is written."""
    guard: Literal["none", "version", "unique-key", "lease", "condition"] | None = None
    """What makes the store refuse a stale write."""
    placeholder: Literal["stored", "skipped", "restored"] | None = None
    """What happens to a placeholder for an unchanged large value."""
    instances: Literal["many"] | Count | None = None
    """How many run. Default: 1."""
    status: Literal["existing", "planned", "temporary"] = "existing"
    """Whether it exists today, is planned, or is temporary."""
    until: Text | None = None
    """The date on which something temporary ends."""
    exit_criterion: Text | None = None
    """What must be true before something temporary is removed."""
    note: Text | None = None
    """Free text."""


class Consumer(OnConsume):
    """Short form: records of `from` are written to `to`."""

    consume: Name | None = Field(default=None, exclude=True)  # type: ignore[assignment]
    """Not written in the short form: `from` says it."""
    from_: Annotated[Name, Field(alias="from")]
    """Channel that is read."""
    to: Name
    """Store that is written, or channel that is appended to."""
    entity: Name | tuple[Name, ...] | None = None
    """Entities. Default: those that the channel carries."""
    mode: Literal["insert", "replace", "merge", "increment", "delete", "rebuild-and-swap"] | None = None
    """How it writes. Default: replace."""
    guard: Literal["none", "version", "unique-key", "lease", "condition"] | None = None
    """What makes the store refuse a stale or repeated write."""
    values: Literal["request", "event", "re-read", "computed-now"] | None = None
    """Where the values come from."""
    missing_source: Literal["delete", "skip", "error"] | None = None
    """What happens when a record that is read again is gone."""
    placeholder: Literal["stored", "skipped", "restored"] | None = None
    """What happens to a placeholder for an unchanged large value."""
    operation_id: Literal["passed", "new", "none"] | None = None
    """Whether the operation's id is stored with the effect."""
    retry: Annotated[Retry, word_to_mapping("attempts", 0)] | None = None
    """What happens when the write fails."""
    dead_letter: Name | None = None
    """Channel for records that could not be handled."""
    dedup: Annotated[Dedup, word_to_mapping("by", NONE)] | None = None
    """How a repetition is recognised."""
    computes: Computation | None = None
    """A result computed from many records."""
    instances: Literal["many"] | Count | None = None
    """How many run. Default: 1."""
    status: Literal["existing", "planned", "temporary"] = "existing"
    """Whether it exists today, is planned, or is temporary."""
    until: Text | None = None
    """The date on which something temporary ends."""
    exit_criterion: Text | None = None
    """What must be true before something temporary is removed."""
    note: Text | None = None
    """Free text."""


class Job(OnSchedule):
    """Short form: a batch that reads `from` and writes `to`."""

    from_: Annotated[Name, Field(alias="from")]
    """Store that is read."""
    to: Name
    """Store that is written, or channel that is appended to."""
    entity: Name | tuple[Name, ...] | None = None
    """Entities. Default: those written to `from`."""
    mode: Literal["insert", "replace", "merge", "increment", "delete", "rebuild-and-swap"] | None = None
    """How it writes. Default: replace."""
    guard: Literal["none", "version", "unique-key", "lease", "condition"] | None = None
    """What makes the store refuse a stale write."""
    computes: Computation | None = None
    """A result computed from many records."""
    instances: Literal["many"] | Count | None = None
    """How many run. Default: 1."""
    status: Literal["existing", "planned", "temporary"] = "existing"
    """Whether it exists today, is planned, or is temporary."""
    until: Text | None = None
    """The date on which a temporary job ends."""
    exit_criterion: Text | None = None
    """What must be true before a temporary job is removed."""
    note: Text | None = None
    """Free text."""


class Cache(Base):
    """Short form: a look-aside cache, filled on a miss and invalidated by the handlers that write `of`."""

    of: Name
    """Store whose records are cached."""
    in_: Annotated[Name, Field(alias="in")]
    """Store that caches."""
    entity: Name | tuple[Name, ...] | None = None
    """Entities. Default: those written to `of`."""
    invalidate: Literal["after-commit", "before-commit", "none"]
    """When writers delete the entry."""
    guard: Literal["none", "version", "unique-key", "lease", "condition"] | None = None
    """What keeps a slow fill from storing an old value."""
    retry: Annotated[Retry, word_to_mapping("attempts", 0)] | None = None
    """What happens when the deletion of an entry fails."""
    filled_from: Name | None = None
    """Store that a miss is filled from, such as a replica. Default: `of`."""
    status: Literal["existing", "planned", "temporary"] = "existing"
    """Whether it exists today, is planned, or is temporary."""
    until: Text | None = None
    """The date on which something temporary ends."""
    exit_criterion: Text | None = None
    """What must be true before something temporary is removed."""
    note: Text | None = None
    """Free text."""

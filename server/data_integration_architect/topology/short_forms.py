"""Short forms: captures, consumers, jobs and caches in one line each; `normal` rewrites them to handlers."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from data_integration_architect.topology.base import NONE, Element, word_to_mapping
from data_integration_architect.topology.steps import Computation, Dedup, Retry
from data_integration_architect.topology.triggers import OnChanges, OnConsume, OnSchedule
from data_integration_architect.topology.values import ChannelName, Count, Name, PlaceName, StoreName, SubjectName


class ShortForm(Element):
    entity: SubjectName | tuple[SubjectName, ...] | None = None
    """Entities. Default: those that are written to the source, or that the channel carries."""
    guard: Literal["none", "version", "unique-key", "lease", "condition"] | None = None
    """What makes the store refuse a stale or repeated write, or a slow fill."""


class Movement(ShortForm):
    from_: Annotated[PlaceName, Field(alias="from")]
    """Store or channel that the data comes from."""
    to: PlaceName
    """Store that is written, or channel that is appended to."""
    mode: Literal["insert", "replace", "merge", "increment", "delete", "rebuild-and-swap"] | None = None
    """How a store is written. Default: replace, the record as it now is."""
    instances: Literal["many"] | Count | None = None
    """How many run."""


class Capture(Movement, OnChanges):
    """Short form: changes of `from` go to `to`."""

    from_: Annotated[StoreName, Field(alias="from")]
    """Store whose changes are captured."""
    changes: Name | None = Field(default=None, exclude=True)  # type: ignore[assignment]
    """Not written in the short form: `from` says it."""
    placeholder: Literal["stored", "skipped", "restored"] | None = None
    """What happens to a placeholder for an unchanged large value."""


class Consumer(Movement, OnConsume):
    """Short form: records of `from` are written to `to`."""

    from_: Annotated[ChannelName, Field(alias="from")]
    """Channel that the records come from."""
    consume: Name | None = Field(default=None, exclude=True)  # type: ignore[assignment]
    """Not written in the short form: `from` says it."""
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
    dead_letter: ChannelName | None = None
    """Channel for records that could not be handled."""
    dedup: Annotated[Dedup, word_to_mapping("by", NONE)] | None = None
    """How a repetition is recognised."""
    computes: Computation | None = None
    """A result computed from many records."""


class Job(Movement, OnSchedule):
    """Short form: a batch that reads `from` and writes `to`."""

    from_: Annotated[StoreName, Field(alias="from")]
    """Store that is read."""
    computes: Computation | None = None
    """A result computed from many records."""


class Cache(ShortForm):
    """Short form: a look-aside cache, filled on a miss and invalidated by the handlers that write `of`."""

    of: StoreName
    """Store whose records are cached."""
    in_: Annotated[StoreName, Field(alias="in")]
    """Store that caches."""
    invalidate: Literal["after-commit", "before-commit", "none"]
    """When writers delete the entry."""
    retry: Annotated[Retry, word_to_mapping("attempts", 0)] | None = None
    """What happens when the deletion of an entry fails."""
    filled_from: StoreName | None = None
    """Store that a miss is filled from, such as a replica. Default: `of`."""

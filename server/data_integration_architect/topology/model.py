"""The topology: facts about stores, channels, entities and the handlers that move data. Frozen, no judgements.

Every attribute that is absent is unknown, unless its description names a default; `none` and `false` mean
"known not to be". Short forms are rewritten to handlers by `normal.normalize`; engines see handlers only.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field

from data_integration_architect.topology.base import Base, Element
from data_integration_architect.topology.short_forms import Cache, Capture, Consumer, Job
from data_integration_architect.topology.state import Channel, Entity, Store
from data_integration_architect.topology.steps import Process
from data_integration_architect.topology.values import (
    Count,
    Duration,
    ElementName,
    Flag,
    HandlerName,
    Name,
    PlaceName,
    Rate,
    StoreName,
    SubjectName,
    Text,
)


class Reader(Element):
    """Somebody who looks at a store: a page, a report, a decision."""

    reads: PlaceName | tuple[PlaceName, ...]
    """Store that is read; a list = joined at reading time."""
    entity: SubjectName | None = None
    """Entity that is read. Default: all in the store."""
    access: Literal["point", "range", "full-text", "facets", "aggregate", "join", "graph", "vector"] | None = None
    """Access pattern."""
    latency: Duration | None = None
    """Time within which an answer is needed."""
    tolerates: Duration | Literal["none"] | None = None
    """Staleness that is tolerated; `none` = no staleness."""
    decides: Literal["none", "access", "billing", "stock", "legal", "other"] | None = None
    """What is decided on what was read."""
    own_writes: Literal["required", "not-required"] | None = None
    """Whether a person must see what they just wrote. Default: not-required."""
    own_writes_from: StoreName | None = None
    """Store from which they read it."""
    own_writes_token: Literal["none", "carried"] | None = None
    """Whether the read carries the position of the own write and waits until the store has reached it. Default:
    none."""
    persisted: Flag | None = None
    """Whether what was read is stored elsewhere. Default: false."""


class CausalPair(Element):
    """Two events of which the second may depend on the first."""

    first: HandlerName
    """PROCESS.HANDLER of the earlier event."""
    then: HandlerName
    """PROCESS.HANDLER of the later event."""
    per: Name | None = None
    """Field that both events share: the group within which order matters."""
    checked_by: HandlerName | None = None
    """PROCESS.HANDLER that acts on both."""
    token: Literal["none", "carried"] | None = None
    """Whether the later event carries the position of the earlier one."""
    token_from: Literal["acknowledged-write", "read", "stale-read", "published-position"] | None = None
    """Where the token comes from: the author's own acknowledged write, a fresh read, a read that may be stale, or the
    newest position in the channel of the first event when the second one is sent."""
    judged_by: Literal["token", "current-view"] | None = None
    """Whether the check uses the state as of the token, or the current view."""


class Constraint(Element):
    """A rule that the data must obey."""

    name: Name
    """Name of the rule."""
    kind: Literal["unique", "non-negative", "sum", "reference", "exclusion", "once", "erasure", "other"] | None = None
    """Kind of rule."""
    entity: SubjectName | None = None
    """Entity that it is about."""
    class_: Annotated[Literal["hard", "soft"] | None, Field(alias="class")] = None
    """Hard: must never be broken. Soft: may be broken and made good."""
    enforced_at: ElementName | None = None
    """Store, channel or PROCESS.HANDLER that refuses a violation; `none` = nothing does."""
    deadline: Duration | Literal["none"] | None = None
    """Time within which it must be true again, or a legal deadline."""
    compensation: Text | None = None
    """How a violation is made good; `none` = it cannot be."""


class Context(Base):
    """What decides between options that are all correct."""

    stage: Literal["existing", "greenfield"] | None = None
    """Whether systems exist already. Default: existing."""
    application: Literal["changeable", "fixed"] | None = None
    """Whether the writing application may be changed."""
    operators: Count | None = None
    """People who run the systems."""
    skills: tuple[Name, ...] = ()
    """What they know."""
    freshness_wanted: Duration | None = None
    """How fresh derived data should be, where no reader says so."""
    longest_outage: Duration | None = None
    """Longest outage of a derived store or consumer that must be survived."""
    growth: Rate | None = None
    """Growth of the load."""
    rate: Rate | None = None
    """Load as a whole."""
    audit: Flag | None = None
    """Whether the full history of changes is needed."""
    intent: Flag | None = None
    """Whether receivers need to know why something changed, not only what."""
    ownership: Literal["one-team", "several-teams"] | None = None
    """Whether the stores belong to one team."""


class Symptom(Element):
    """Something that was observed."""

    in_: Annotated[PlaceName, Field(alias="in")]
    """Store or channel where it was seen."""
    entity: SubjectName | None = None
    """Entity that it concerns."""
    kind: Literal["stale", "missing", "phantom", "duplicate", "reverted", "wrong-total", "blocked", "leaked"]
    """What was seen."""
    heals: Text | None = None
    """When it goes away, such as next-write, 5m, never."""
    often: Rate | None = None
    """How often."""


class Topology(Base):
    """Facts about how several stores are kept in agreement."""

    system: Text | None = None
    """What it is, in a few words."""
    scope: Literal["whole", "partial"] = "whole"
    """Whole (default): what is not listed does not exist. Partial: there may be more."""
    stores: Mapping[Name, Store] = Field(default_factory=dict)
    """Stores by name."""
    channels: Mapping[Name, Channel] = Field(default_factory=dict)
    """Logs, queues, webhooks, outbox tables by name."""
    entities: Mapping[Name, Entity] = Field(default_factory=dict)
    """Entities by name."""
    processes: Mapping[Name, Process] = Field(default_factory=dict)
    """Processes by name."""
    readers: tuple[Reader, ...] = ()
    """Who reads what, and how fresh it must be."""
    causality: tuple[CausalPair, ...] = ()
    """Events whose order matters across streams."""
    constraints: tuple[Constraint, ...] = ()
    """Rules that the data must obey."""
    context: Context = Context()
    """Team, scale, and what may be changed."""
    symptoms: tuple[Symptom, ...] = ()
    """What was observed."""
    captures: Mapping[Name, Capture] = Field(default_factory=dict)
    """Short form of change captures."""
    consumers: Mapping[Name, Consumer] = Field(default_factory=dict)
    """Short form of consumers."""
    jobs: Mapping[Name, Job] = Field(default_factory=dict)
    """Short form of batch jobs."""
    caches: Mapping[Name, Cache] = Field(default_factory=dict)
    """Short form of look-aside caches."""

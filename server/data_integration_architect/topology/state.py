"""What holds or carries data: stores, channels, entities."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field

from data_integration_architect.topology.base import NONE, Base, Element, word_to_mapping
from data_integration_architect.topology.values import (
    ChannelNameOrNone,
    Count,
    Duration,
    EntityName,
    Flag,
    Name,
    PlaceName,
    Rate,
    Size,
    StoreName,
    SubjectName,
)


class Copies(Base):
    """Copies of a store that clients use side by side."""

    regions: tuple[Name, ...] = ()
    """Regions or sites that hold a copy."""
    writable: Literal["all", "one"] | None = None
    """Whether clients may write to every copy or to one."""
    merge: Literal["last-write-wins", "union", "version-vector", "crdt", "manual", "none"] | None = None
    """How concurrent writes to two copies are brought together."""
    clock: Literal["synchronised", "skewed", "logical"] | None = None
    """Whose time decides which write is the last: clocks that agree, clocks that may disagree, or a logical one."""


class Failover(Base):
    """What happens when a primary fails."""

    automatic: Flag | None = None
    """Whether a standby is promoted without a person."""
    fenced: Flag | None = None
    """Whether the old primary is certainly stopped from accepting writes (fencing token, STONITH, lease)."""
    quorum: Flag | None = None
    """Whether a majority decides on promotion and acknowledges writes."""


class Store(Element):
    """Durable or volatile state, also of an outside system whose state matters."""

    technology: Name | None = None
    """Product, such as postgresql, elasticsearch, redis, snowflake; common spellings are accepted."""
    instance: Name | None = None
    """Physical instance: stores that name the same one can share a local transaction. Default: its own."""
    isolation: Literal["read-committed", "repeatable-read", "snapshot", "serializable"] | None = None
    """Isolation level in use. Default: that of the technology."""
    replica_of: StoreName | None = None
    """The store that this one is a replica of (kept up by the product itself)."""
    replication: Literal["sync", "async", "quorum"] | None = None
    """How a replica follows. Default: async."""
    lag: Duration | None = None
    """How far a replica usually lies behind."""
    copies: Copies | None = None
    """Copies of this store in several regions or sites. Default: one copy."""
    failover: Annotated[Failover, word_to_mapping("automatic", False)] | None = None
    """What happens when the primary fails. Default: no standby is promoted by itself."""
    partition_key: Name | None = None
    """Field by which the store is sharded; a transaction then covers one shard. Default: not sharded."""
    partitions: Count | None = None
    """Number of shards."""
    durability: Literal["durable", "volatile"] | None = None
    """Whether acknowledged state survives a restart. Default: that of the technology."""
    expiry: Duration | Literal["none"] | None = None
    """Entries expire this long after they were written."""
    external: Flag = False
    """Run by another organisation and reached by `call` or webhook. Default: false."""
    log_access: Flag | None = None
    """Whether the change log (WAL, binlog, oplog) may be read."""
    capabilities: Mapping[Name, Flag] = Field(default_factory=dict)
    """What the team states beyond the technology's entry, such as {full_text: true}."""
    other_traffic: Literal["none", "low", "high"] | None = None
    """Writes on the same instance to tables that are not captured."""
    region: Name | None = None
    """Where it runs."""


class Repartition(Base):
    """A change of the number of partitions."""

    from_: Annotated[Count | None, Field(alias="from")] = None
    """Number of partitions before."""
    to: Count | None = None
    """Number of partitions after."""
    drained: Flag | None = None
    """Whether every record of the old layout was consumed before the first of the new one."""
    drained_to: Literal["position", "committed-offset"] | None = None
    """Up to where consumers had to be: the position that they read, or the offset that they committed. Default:
    committed-offset."""
    switch: Literal["paused", "rolling"] | None = None
    """Whether producers stopped while the layout changed, or changed one after the other. Default: paused."""
    per_producer: Flag | None = None
    """Whether each producer waits for its own records only before it uses the new layout. Default: false."""


class Event(Base):
    """What one record of a channel carries."""

    content: Literal["full", "changed-fields", "delta", "id-only"] | None = None
    """What an event carries: the whole state, the changed fields, an increment, or only the id."""
    id: Name | Literal["none"] | None = None
    """Field that identifies the event itself."""
    version: Literal["none", "sequence", "commit-position", "timestamp"] | None = None
    """What tells a newer state of an entity from an older one."""
    clock: Literal["database", "producer", "broker", "client", "logical"] | None = None
    """Whose clock a timestamp comes from."""
    resolution: Duration | None = None
    """How fine that clock is: two changes within it get equal timestamps."""
    skew: Duration | Literal["none"] | None = None
    """How far the clocks of several producers may disagree; `none` = one clock, or clocks that cannot."""
    version_taken: Literal["before-lock", "under-lock", "at-commit"] | None = None
    """When a timestamp or sequence is drawn: before its writer holds the lock on the record (as `now()` at the start
    of a transaction), while it holds it, or at the commit. Default: under-lock."""
    on_delete: Literal["none", "key-only", "full", "self-contained"] | None = None
    """What an event about a deletion carries; `none` = there is no such event. Default: key-only, where a
    capture from the log fills the channel."""
    unchanged_large_values: Literal["included", "placeholder", "omitted"] | None = None
    """What stands for a large column that an update did not change."""
    schema_compatibility: Literal["none", "backward", "forward", "full"] | None = None
    """The rule by which the event's schema may change."""


class Channel(Element):
    """A log, queue, webhook or outbox table: whatever carries events from one handler to another."""

    technology: Name | None = None
    """Product, such as kafka, rabbitmq, sqs, celery, table (a table read by a relay), http (webhook), udp, memory."""
    in_: Annotated[StoreName | None, Field(alias="in")] = None
    """Store that holds a table-backed channel: an append then joins that store's transaction."""
    carries: tuple[SubjectName, ...] = ()
    """Entities whose events it carries. Default: those that handlers append."""
    message_key: Name | None = None
    """Field that decides the partition; `none` or `random` = spread without a key. Default: the key of the
    table, where a capture from the log fills the channel."""
    partitions: Count | None = None
    """Number of partitions. Default: several."""
    repartitioned: Annotated[Repartition, word_to_mapping("drained", True)] | None = None
    """A change of the number of partitions. Default: none."""
    retention: Duration | Literal["forever", "until-acknowledged"] | None = None
    """How long records can be read again."""
    cleanup: Literal["delete", "compact"] | None = None
    """Whether old records are deleted by age or all but the newest of a key."""
    order: Literal["none", "per-partition", "per-group", "total"] | None = None
    """Order that it keeps. Default: that of the technology."""
    delivery: Literal["at-most-once", "at-least-once", "exactly-once"] | None = None
    """Delivery guarantee. Default: that of the technology."""
    when_full: Literal["block", "drop", "grow"] | None = None
    """What happens to a producer when it is full or away. Default: that of the technology; brokers do not drop."""
    event: Event = Event()
    """What its events carry. Default: nothing of it is said; its parts have defaults of their own."""
    dead_letter: ChannelNameOrNone | Literal["none"] | None = None
    """Channel to which records go that could not be handled."""
    region: Name | None = None
    """Where it runs."""


class PersonalData(Base):
    """Rules for data about persons."""

    erase_within: Duration | Literal["none"] | None = None
    """Deadline within which a person's data must be erased on request."""
    key_per_person: Flag | None = None
    """Whether it is encrypted under a key of each person, so that deleting the key erases."""


class Reference(Base):
    """A reference from one entity to another."""

    to: EntityName
    """Entity that is referred to."""
    visible_before: Flag | None = None
    """Whether a reader needs the referred entity to be there first."""


class Entity(Element):
    """A kind of record with a key."""

    key: Name | tuple[Name, ...] | None = None
    """Field or fields that identify it; `none` = a table without a key."""
    natural_key: tuple[Name, ...] = ()
    """Fields that are unique by meaning."""
    immutable: Mapping[Name, Flag] = Field(default_factory=dict)
    """Other fields, with whether they keep their value for the life of a record, such as {customer_id: true}. Matters
    where such a field is a message key: all records of one key then stay in one partition."""
    system_of_record: PlaceName | None = None
    """Store or channel that is right by definition. Default: concluded."""
    parts: Mapping[Name, tuple[Name, ...]] = Field(default_factory=dict)
    """Named sets of fields with another owner or path, addressed as ENTITY.PART."""
    change: Literal["state", "delta", "append-only", "commutative"] | None = None
    """How it changes: replaced state, increments, only additions, or changes that commute. Default: state."""
    deletes: Literal["hard", "soft", "never"] | None = None
    """Whether records are removed, marked, or kept."""
    personal_data: Annotated[PersonalData, word_to_mapping("erase_within", NONE)] | None = None
    """Rules for personal data in it; `none` = it holds none."""
    references: tuple[Reference, ...] = ()
    """Entities in other stores that it refers to."""
    large_columns: Flag | None = None
    """Whether it has values that a database stores out of line (over about 2 kB)."""
    rate: Rate | None = None
    """Changes per time."""
    size: Size | None = None
    """Volume of the whole."""

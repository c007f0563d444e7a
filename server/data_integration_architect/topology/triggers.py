"""What starts a handler: a request, a record, a change, a schedule."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Discriminator, Field, Tag

from data_integration_architect.topology.base import NONE, Base, word_to_mapping
from data_integration_architect.topology.values import ChannelName, Count, Duration, Flag, Name, Size, StoreName


class OperationId(Base):
    """The id by which a repeated operation is recognised."""

    made_by: Literal["client", "server", "event", "none"] | None = None
    """Who makes the id of the operation: the client before its first try, the server on receipt, or the event."""
    survives_retry: Flag | None = None
    """Whether a retry of the same intent carries the same id."""
    built_from: Literal["random", "content-hash", "natural-key"] | None = None
    """What the id is made of; a hash of the content cannot tell two equal intents apart."""


class Request(Base):
    """What is known about requests and who sends them."""

    from_: Annotated[Name | None, Field(alias="from")] = None
    """Who calls."""
    retries: Flag | None = None
    """Whether the caller, its library or the person repeats a request that seemed to fail."""
    operation_id: Annotated[OperationId, word_to_mapping("made_by", NONE)] | None = None
    """The id of the operation that the request carries."""
    overtakes: Flag | None = None
    """Whether a request can overtake an earlier one, or outlive its caller."""


class OnRequest(Base):
    """The handler answers a request."""

    request: Annotated[Request, BeforeValidator(lambda value: {} if value is None or value is True else value)]
    """What is known about the request; `true` or {} where that is nothing."""


class OnConsume(Base):
    """The handler takes records from a channel."""

    consume: ChannelName
    """Channel that is read."""
    cursor: Literal["offset", "sequence", "transaction-id", "commit-order", "row-flag", "modified-time"] | None = None
    """How a reader of a table-backed channel knows what is new; a log has offsets."""
    visible_up_to: Literal["none", "oldest-running-transaction", "advisory-lock", "commit-order"] | None = None
    """What holds a polling reader back from rows whose neighbours are not committed yet. Default: none."""
    sequence_drawn: Literal["before-transaction-id", "after-transaction-id"] | None = None
    """Whether a writer draws the sequence number before or after its transaction id."""
    workers: Count | Literal["many"] | None = None
    """Workers in one instance that handle records of one partition at the same time."""
    same_key_same_worker: Flag | None = None
    """Whether records of one key always go to the same worker."""
    batch: Count | None = None
    """Records handled together."""
    batch_failure: Literal["whole", "single"] | None = None
    """Whether one bad record makes the whole batch fail."""
    claim: Literal["skip-locked", "lock", "none"] | None = None
    """How several readers of a table-backed channel share its rows."""
    coalesces: Flag | None = None
    """Whether several changes of one key are folded into the newest. Default: false, for who
    reads one record after the other."""
    acknowledge: Literal["before", "after", "with-effect"] | None = None
    """When a record counts as done: before the effect, after it, or in its transaction. Default: after,
    as clients do that nobody told otherwise."""
    offset_update: Literal["conditional", "unconditional"] | None = None
    """Whether a position that is stored with the effect only moves from the expected value."""
    stops_on_rebalance: Flag | None = None
    """Whether an instance that lost its partition certainly stops applying (fencing)."""
    parks_key: Flag | None = None
    """Whether later records of a key wait behind one that failed. Default: false."""
    parked_in: StoreName | None = None
    """Store that remembers the parked keys; absent with `parks_key: true` = memory of the instance."""


class Slot(Base):
    """How long a database keeps its log for a capture."""

    heartbeat: Duration | Literal["none"] | None = None
    """How often the capture writes a heartbeat, so that its position moves on a quiet table."""
    limit: Size | Literal["none"] | None = None
    """Most log that the slot may retain. Default: none."""
    failover: Flag | None = None
    """Whether the slot survives the promotion of a standby."""
    after_loss: Literal["rebuild", "snapshot", "resume", "stop"] | None = None
    """What is done when the log that the capture needs is gone: everything is copied again and the copies lose what is
    no longer there, it is copied without that, the capture goes on with what is left, or it stops for good. Default:
    resume."""


class OnChanges(Base):
    """The handler captures changes of a store."""

    changes: StoreName
    """Store that is captured."""
    by: Literal["log", "query", "trigger"] | None = None
    """From the transaction log, by repeated query, or by a database trigger."""
    cursor: Literal["commit-position", "sequence", "modified-time"] | None = None
    """What a capture by query remembers."""
    overlap: Duration | Literal["none"] | None = None
    """How far a query by time looks back behind its position. Default: none."""
    sees_deletes: Flag | None = None
    """Whether deletions are noticed. Default for `by: log`: true."""
    row_image: Literal["full", "key", "changed"] | None = None
    """What the log holds of the row before and after an update. Default: full, except for PostgreSQL."""
    snapshot: Literal["interleaved", "before", "none"] | None = None
    """How the first copy meets the stream: with watermarks, before it, or not at all."""
    snapshot_writes: Literal["only-missing", "overwrite"] | None = None
    """Whether a row of the snapshot may replace one that the stream brought. Default: only-missing."""
    snapshot_order: tuple[Literal["low-mark", "select", "high-mark", "emit"], ...] = ()
    """Order of the steps of one snapshot chunk: note the log's end, read the rows, note the log's end again, send the
    rows. With both marks a row is dropped if the stream shows a change of it between them. Default for `interleaved`:
    low-mark, select, high-mark, emit; for `before`: low-mark, select, emit, and the stream starts at the low mark."""
    slot: Slot | None = None
    """Log retention for this capture. Default: nothing of it is said; its parts have defaults of their own."""
    per_table: Flag | None = None
    """Whether each table is read at its own time. Default: false."""
    every: Duration | None = None
    """Period of a capture by query."""
    gated_on_standby: Flag | None = None
    """Whether entries are sent on only once a standby has confirmed them."""
    position_after_promotion: Literal["kept", "end", "snapshot"] | None = None
    """Where the capture goes on after a standby was promoted: at its position, at the end of the new log, or with a
    copy of everything. Default: kept, if the slot survives a failover."""
    skips_replicated: Flag | None = None
    """Whether changes that another capture brought into the store are left out, so that they do not come back."""


class OnSchedule(Base):
    """The handler runs on a schedule."""

    every: Duration | Literal["once", "unknown"]
    """Period; `unknown` = on a schedule that nobody told; `once` = a single run, such as a backfill."""
    reads: Literal["all", "since-cursor"] | None = None
    """Whether each run reads everything, or what is newer than its cursor."""
    cursor: Literal["commit-position", "sequence", "modified-time"] | None = None
    """What `reads: since-cursor` compares."""
    overlap: Duration | Literal["none"] | None = None
    """How far a run looks back behind its cursor. Default: none."""
    consistent: Flag | None = None
    """Whether all tables are read in one snapshot."""
    live_writes: Literal["old-copy", "both-copies", "paused"] | None = None
    """What a live stream does while a rebuild fills the new copy: writes the old one only, both, or waits. Default:
    old-copy."""
    position_after_swap: Literal["kept", "before-read"] | None = None
    """Where the consumer of that stream stands after the swap: where it was, or back where the rebuild began to read.
    Default: kept."""


def one_kind(words: tuple[str, ...]) -> Discriminator:
    def kind_of(value: Any) -> str | None:
        if isinstance(value, Mapping):
            present = [word for word in words if word in value]
        else:
            # Asking a model for an attribute that it does not have is slow.
            said = getattr(value, "__dict__", {})
            present = [word for word in words if said.get(word) is not None]
        # `every` is also the period of a capture by query.
        return f"#{present[0]}" if present else None

    return Discriminator(
        kind_of, custom_error_type="kind", custom_error_message=f"exactly one of {', '.join(words)} must be there"
    )


TRIGGERS = ("request", "consume", "changes", "every")
Trigger = Annotated[
    Annotated[OnRequest, Tag("#request")]
    | Annotated[OnConsume, Tag("#consume")]
    | Annotated[OnChanges, Tag("#changes")]
    | Annotated[OnSchedule, Tag("#every")],
    one_kind(TRIGGERS),
]

"""What a handler does: steps in program order, and the process that runs it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Literal

from pydantic import Field, Tag

from data_integration_architect.topology.base import NONE, Base, Element, word_to_mapping
from data_integration_architect.topology.triggers import Trigger, one_kind
from data_integration_architect.topology.values import (
    ChannelName,
    Count,
    Duration,
    Flag,
    HandlerName,
    Name,
    PlaceName,
    StoreName,
    StoreNameOrNone,
    SubjectName,
)


class Retry(Base):
    """What follows a failed step."""

    attempts: Count | None = None
    """Tries after the first."""
    then: Literal["raise", "ignore", "dead-letter", "block", "compensate"] | None = None
    """What happens when tries end: the error goes up, is ignored, the record goes to a dead-letter channel, the
    handler waits, or earlier steps are compensated."""
    idempotent: Flag | None = None
    """Whether a repeated compensation or call leaves the same result."""


class Lease(Base):
    """A lease or lock that is held from before the first read until after the last write."""

    expires: Duration | Literal["none"] | None = None
    """How long it lasts without renewal; `none` = until it is given back."""
    fenced: Flag | None = None
    """Whether the store refuses a holder whose lease has gone to another one since (fencing token)."""


class StepBase(Element):
    wait: Flag | None = None
    """Whether the caller waits for this step. Default: true."""
    retry: Annotated[Retry, word_to_mapping("attempts", 0)] | None = None
    """What happens when the step fails. Default: the error goes up, and a consumed record comes again."""
    dead_letter: ChannelName | None = None
    """Channel that takes the record when tries end."""


class Read(StepBase):
    """Reads a store."""

    read: StoreName
    """Store that is read."""
    entity: SubjectName | None = None
    """Entity, or ENTITY.PART."""
    missing_source: Literal["delete", "skip", "error"] | None = None
    """What the steps after it do when the record is gone there: delete their copy, end in silence, or fail."""
    on_miss: tuple[Step, ...] = ()
    """Steps that run when nothing is found (a cache fill)."""
    locking: Flag | None = None
    """Whether the read locks what it found until the transaction ends. Default: false."""
    locks_missing: Flag | None = None
    """Whether it also keeps others from inserting what it did not find. Default: false."""


class Write(StepBase):
    """Writes a store."""

    write: StoreName
    """Store that is written."""
    entity: SubjectName | None = None
    """Entity, or ENTITY.PART."""
    mode: Literal["insert", "replace", "merge", "increment", "delete", "rebuild-and-swap"] | None = None
    """How it writes. Default: replace, the record as it now is."""
    guard: Literal["none", "version", "unique-key", "lease", "condition"] | None = None
    """What makes the store refuse a stale or repeated write."""
    guard_compares: Literal["greater", "greater-or-equal"] | None = None
    """Whether a version guard accepts an equal version. Default: greater."""
    guard_keeps_deletes: Flag | None = None
    """Whether the guard still knows the version of a deleted record for as long as an older one can arrive: by a
    tombstone that stays, not by Elasticsearch's 60 seconds."""
    lease: Lease | None = None
    """What `guard: lease` holds. Default: one that does not expire and is fenced by the store itself."""
    guard_key: tuple[Name, ...] = ()
    """Fields of a unique key that refuses the repetition."""
    values: Literal["request", "event", "re-read", "computed-now"] | None = None
    """Where the values come from."""
    missing_source: Literal["delete", "skip", "error"] | None = None
    """What a handler that reads the source again does when the record is gone there."""
    placeholder: Literal["stored", "skipped", "restored"] | None = None
    """What happens to a placeholder for an unchanged large value. Default: stored by `replace`."""
    operation_id: Literal["passed", "new", "none"] | None = None
    """Whether the operation's id is stored with the effect."""


class Append(StepBase):
    """Appends to a channel."""

    append: ChannelName
    """Channel that gets the record."""
    entity: SubjectName | None = None
    """Entity whose event it is."""
    operation_id: Literal["passed", "new", "none"] | None = None
    """Whether the id of the operation goes on, is made anew, or is missing."""
    guard: Literal["none", "idempotent-producer", "transaction"] | None = None
    """What keeps a repeated append from becoming two records."""
    delivery: Literal["at-most-once", "at-least-once"] | None = None
    """Whether the producer waits for and retries a missing acknowledgement. Default: that of the channel."""


class Call(StepBase):
    """Asks an outside system for an effect."""

    call: StoreName
    """Outside system, one of `stores`."""
    entity: SubjectName | None = None
    """Entity that the effect is about."""
    operation_id: Literal["passed", "new", "none"] | None = None
    """Whether the receiver gets an id by which it can recognise a repetition."""
    reversible: Flag | None = None
    """Whether the effect can be taken back."""
    kind: Literal["charge", "payout", "ship", "notify", "grant", "other"] | None = None
    """What the effect is."""
    asks_first: Flag | None = None
    """Whether the caller asks for the outcome before it repeats. Default: false."""
    outlives_caller: Flag | None = None
    """Whether a call that its caller gave up can still take effect later. Default: false."""


class Invalidate(StepBase):
    """Deletes the entry of a cache."""

    invalidate: StoreName
    """Store that caches."""
    entity: SubjectName | None = None
    """Entity whose entry goes."""


class Coordinator(Base):
    """Who decides a distributed commit."""

    log: Literal["durable", "volatile", "none"] | None = None
    """Where the coordinator keeps its decision."""
    returns: Literal["always", "never", "unknown"] | None = None
    """Whether a crashed coordinator comes back with its log."""
    timeout: Duration | Literal["none"] | None = None
    """After which time a participant in doubt is resolved without it."""
    participants_remember: Flag | None = None
    """Whether a participant that restarts still knows that it is prepared. Default: true."""


class Transaction(StepBase):
    """A block: its steps run before the commit; only those on the named instance belong to it."""

    transaction: PlaceName | tuple[PlaceName, ...]
    """Store whose local transaction it is; a list of stores = one distributed commit."""
    steps: tuple[Step, ...] = ()
    """Steps inside, in program order."""
    coordinator: Coordinator | None = None
    """Who decides a distributed commit."""
    isolation: Literal["read-committed", "repeatable-read", "snapshot", "serializable"] | None = None
    """Isolation of this transaction. Default: that of the store."""


STEPS = ("transaction", "read", "write", "append", "call", "invalidate")
Step = Annotated[
    Annotated[Transaction, Tag("#transaction")]
    | Annotated[Read, Tag("#read")]
    | Annotated[Write, Tag("#write")]
    | Annotated[Append, Tag("#append")]
    | Annotated[Call, Tag("#call")]
    | Annotated[Invalidate, Tag("#invalidate")],
    one_kind(STEPS),
]


class Dedup(Base):
    """How a handler recognises what it has handled before."""

    by: Name | tuple[Name, ...] | Literal["none"] | None = None
    """Field or fields by which a repetition is recognised; `none` = nothing is remembered."""
    in_: Annotated[StoreNameOrNone | None, Field(alias="in")] = None
    """Store that remembers what was handled."""
    window: Duration | Literal["forever"] | None = None
    """How long it is remembered."""
    scope: Literal["global", "per-target", "per-partition", "per-instance"] | None = None
    """For what a remembered id counts: everywhere, for each target, or for one partition or instance only."""
    read_from: StoreNameOrNone | None = None
    """Store that is asked (a replica may not know yet). Default: the one that remembers."""
    atomic: Flag | None = None
    """Whether check, effect and remembering are one transaction."""
    distinguishes: Flag | None = None
    """Whether two different operations always have different ids. Default: true."""


class Computation(Base):
    """A result that is computed from many records."""

    result: Name
    """The result; two handlers that compute the same one are two layers."""
    exact: Flag | None = None
    """Whether it is meant to be exact."""
    engine: Name | None = None
    """Product that runs it, such as flink, spark, storm."""
    code: Name | None = None
    """Code base; the same name in two handlers = the same code."""
    late: Literal["drop", "correct", "wait"] | None = None
    """What happens to an event that arrives after its window closed."""
    windows: Literal["event-time", "processing-time", "none"] | None = None
    """Whose time decides the window."""
    reads_bounded_input: Flag | None = None
    """Whether the same code can run over the archive."""
    replaces_approximate: Flag | None = None
    """Whether its result replaces an approximate one later."""


class Handler(Element):
    """Code with one trigger and steps in program order."""

    trigger: Trigger | None = None
    """What starts it; absent = an unknown caller."""
    dedup: Annotated[Dedup, word_to_mapping("by", NONE)] | None = None
    """How a repetition is recognised; `none` = it is not."""
    computes: Computation | None = None
    """A result that it computes from many records."""
    steps: tuple[Step, ...] = ()
    """What it does, in program order."""
    compensates: HandlerName | None = None
    """PROCESS.HANDLER whose effect this one takes back."""
    leaves_mark: Flag | None = None
    """Whether a compensation that finds nothing to take back leaves a mark that stops a late original."""


class Process(Element):
    """Code that runs: a service, worker, relay, cron job, connector."""

    instances: Literal["many"] | Count | None = None
    """How many run at the same time: 1, a number, or many. Requests overlap, unless it is 1."""
    handlers: Mapping[Name, Handler] = Field(default_factory=dict)
    """Handlers by name."""
    region: Name | None = None
    """Where it runs."""


Read.model_rebuild()
Transaction.model_rebuild()
Handler.model_rebuild()

Effect = Write | Append | Call | Invalidate


def step_target(step: Read | Write | Append | Call | Invalidate) -> str:
    """The store or channel that a step other than a block touches."""
    return str(getattr(step, step_kind(step)))


def step_kind(step: Step) -> str:
    """One of `STEPS`."""
    return type(step).__name__.lower()


def walk_steps(steps: tuple[Step, ...], path: tuple[str | int, ...]) -> Iterator[tuple[tuple[str | int, ...], Step]]:
    """Every step with its path, blocks before their content, in program order."""
    for index, step in enumerate(steps):
        here = (*path, index)
        yield here, step
        if isinstance(step, Transaction):
            yield from walk_steps(step.steps, (*here, "steps"))
        elif isinstance(step, Read):
            yield from walk_steps(step.on_miss, (*here, "on_miss"))

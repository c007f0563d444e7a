"""Which effects depend on the order of the records of one key, what order a flow needs, and what can break it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from data_integration_architect.analysis.capture import kept_deleted
from data_integration_architect.analysis.delivery import runs_in_parallel
from data_integration_architect.analysis.flows import Flow
from data_integration_architect.analysis.keys import comes_once, has_many_of, keeps_together
from data_integration_architect.analysis.memory import remembered
from data_integration_architect.analysis.repair import healing_of
from data_integration_architect.analysis.severity import Consequence
from data_integration_architect.analysis.system import Effect, HandlerSite, System
from data_integration_architect.analysis.view import View
from data_integration_architect.files import DocumentPath
from data_integration_architect.topology import NONE, Append, Call, OnChanges, OnConsume, OnSchedule, Read, Write

Need = Literal["none", "per-key", "per-group-causal", "total"]
Order = Literal["none", "per-partition", "per-group", "per-queue", "total"]
UNORDERED_FLOWS = {
    "native-replication", "cache-aside", "federated-read", "batch-etl", "two-phase-commit", "local-transaction", "rpc",
    "none",
}  # fmt: skip
CHANGES_THAT_COMMUTE = {"append-only", "commutative"}


# Effects


def changes_state(view: View, effect: Effect) -> bool:
    """Whether the effect leaves the state that one record says, so that the last of two records of a key counts.

    False for additions, increments, rebuilds, fills of a cache, and entities whose changes commute. Guards and
    re-reading are left out of account: they answer the need for order, they do not end it.
    """
    step = effect.step
    entity = view.system.entity(effect.entity)
    if effect.on_miss or (entity is not None and entity.change in CHANGES_THAT_COMMUTE):
        return False
    if isinstance(step, Call):
        # An outside system that somebody reads keeps what it was told.
        return entity is not None and bool(view.system.readers_of(effect.target, effect.entity))
    if not isinstance(step, Write) or step.mode in {"increment", "rebuild-and-swap"}:
        return False
    if step.mode in {"insert", "delete"}:
        # Additions alone or deletions alone come out the same in any order.
        return any(other.mode != step.mode for other in passed_on_beside(view, effect))
    return True


def passed_on_beside(view: View, effect: Effect) -> tuple[Write, ...]:
    """Other writes of the same entity into the same store by handlers that pass changes on."""
    return tuple(
        other.step
        for other in view.system.touching(effect.target)
        if isinstance(other.step, Write)
        and other is not effect
        and not other.on_miss
        and other.entity == effect.entity
        and other.site.fired_by != "every"
    )


def re_reads(view: View, effect: Effect) -> bool:
    """Whether the effect takes the current state from its source instead of the record: said, or a bare id came."""
    step = effect.step
    if not isinstance(step, Write):
        return False
    if step.values is not None:
        return step.values == "re-read"
    channel = view.system.channel(effect.site.consumed) if effect.site.consumed else None
    if channel is not None and channel.event.content == "id-only":
        return True
    return any(
        isinstance(read.step, Read)
        and read.position < effect.position
        and not read.on_miss
        and read.entity == effect.entity
        and not view.system.same_instance(read.target, effect.target)
        for read in effect.site.reads
    )


def writes_its_source(view: View, effect: Effect) -> bool:
    """Whether a consumer changes the system of record itself, as a job or command does, instead of keeping a copy."""
    system = view.system
    record = view.record_of(effect.entity)
    channel = effect.site.consumed
    if record is None or channel is None or system.store(record) is None:
        return False
    if system.primary(record) != system.primary(effect.target):
        return False
    if effect.entity not in system.carried(channel):
        return not _keeps_the_last(system, channel, effect)
    for append in system.appends(channel):
        touched = [e.target for e in append.site.effects if system.store(e.target)]
        if append.site.captured:
            touched.append(append.site.captured)
        if any(system.same_instance(store, record) for store in touched):
            return True
    return False


def _keeps_the_last(system: System, channel: str, effect: Effect) -> bool:
    """Whether the effect keeps the last of several things that happened, such as a sensor's latest reading."""
    happened = [
        name for name in system.carried(channel) if (one := system.entity(name)) and one.change == "append-only"
    ]
    return any(has_many_of(system, effect.entity, name) for name in happened)


def order_matters(view: View, effect: Effect) -> bool:
    """`changes_state` of a copy with values from the record: only a guard in the store can save it from reordering."""
    return changes_state(view, effect) and not re_reads(view, effect) and not writes_its_source(view, effect)


def is_planned(site: HandlerSite) -> bool:
    """Whether a handler does not run yet."""
    return site.process.status == "planned" or site.handler.status == "planned"


def applied_from(view: View, site: HandlerSite, seen: frozenset[str] = frozenset()) -> tuple[Effect, ...]:
    """Writes for which the order of the records that `site` takes matters: its own, and those behind its appends."""
    found: list[Effect] = []
    seen = seen | {site.consumed or ""}
    if is_planned(site):
        return ()
    for effect in site.changes:
        if effect.step.status == "planned":
            continue
        if order_matters(view, effect):
            if not comes_once(view.system, site, effect.entity):
                found.append(effect)
        elif isinstance(effect.step, Append) and effect.target not in seen:
            for consumer in view.system.consumers(effect.target):
                found.extend(applied_from(view, consumer, seen | {effect.target}))
    return tuple(found)


def place(site: HandlerSite, effect: Effect, *channels: str) -> tuple[str, ...]:
    """Elements of a finding about records that come through `site` and end in `effect`."""
    names = (*channels, site.id, effect.site.id, effect.target, effect.entity)
    return tuple(dict.fromkeys(name for name in names if name))


def is_guarded(effect: Effect) -> bool:
    """Whether the store compares versions, so that only a deletion that it forgot lets an older state in."""
    return isinstance(effect.step, Write) and effect.step.guard in {"version", "condition", "lease"}


def overwritten(view: View, effect: Effect) -> Consequence:
    """What an old state over a new one does: wrong until the next change of the key, or until a repair.

    Behind a guard the old state can only bring back what was deleted, and a deleted record has no next change.
    """
    if is_guarded(effect):
        return kept_deleted(view.system, [effect.target], effect.entity)
    healing = healing_of(view.system, effect.target, effect.entity)
    return Consequence("integrity", heals=healing or "next-write")


def shown_symptoms(view: View, effect: Effect) -> frozenset[str]:
    """Kinds of symptoms that readers of an overwritten store see."""
    if is_guarded(effect):
        return frozenset({"phantom", "leaked", "wrong-total"})
    deletes = isinstance(effect.step, Write) and effect.step.mode == "delete"
    entity = view.system.entity(effect.entity)
    hard = deletes or (entity is not None and entity.deletes == "hard")
    return frozenset({"stale", "reverted", *(("phantom",) if hard else ())})


# Channels


def order_of(system: System, channel: str) -> Order | None:
    """The order that a channel keeps for one consumer: said, else that of its technology; None = unknown."""
    element = system.channel(channel)
    if element is None:
        return None
    if element.order is not None:
        return element.order
    if element.technology is not None and "fifo" in element.technology.lower():
        return "per-group" if element.message_key not in (None, NONE, "random") else "total"
    if system.channel_kind(channel) == "log":
        head = system.technology(channel)
        # A product that is a log only as one of its uses (a stream of Redis) has no partitions to keep order in.
        return (head.ordering or "per-queue") if head else "per-partition"
    if system.channel_kind(channel) == "webhook":
        return None
    head = system.technology(channel)
    return head.ordering if head else None


def is_spread(system: System, channel: str, entity: str | None) -> bool | None:
    """Whether records of one `entity` land in different partitions; None where an unsaid fact decides that."""
    element = system.channel(channel)
    if element is None or element.partitions == 1 or element.order == "total":
        return False
    if element.message_key is None:
        return None
    if element.message_key in {NONE, "random"}:
        return True
    together = keeps_together(system, channel, entity)
    return None if together is None else not together


def competes(system: System, site: HandlerSite) -> bool:
    """Whether several consumers take records of a channel without partitions in turns, so that one can overtake."""
    if site.consumed is None or _routes_keys(site):
        return False
    order = order_of(system, site.consumed)
    if order in {"per-partition", "per-group"}:
        return False
    return runs_in_parallel(site) or site.concurrent


def may_compete(system: System, site: HandlerSite) -> bool:
    """Whether that is so, or nobody said how many instances there are."""
    if competes(system, site):
        return True
    if site.consumed is None or _routes_keys(site) or site.process.instances is not None:
        return False
    return order_of(system, site.consumed) not in {"per-partition", "per-group"}


def _routes_keys(site: HandlerSite) -> bool:
    trigger = site.handler.trigger
    return isinstance(trigger, OnConsume) and trigger.same_key_same_worker is True


def retries_through(view: View, site: HandlerSite, effect: Effect) -> tuple[str, ...]:
    """Channels that take a record whose effect failed, and from which the same effect is tried again, there or after
    it was put back to where it came from; sorted.
    """
    found = {
        channel
        for channel in (*_failure_channels(view.system, site, effect), *_second_chances(view.system, site))
        if channel != site.consumed
        and any(_same_effect(c, effect) or _puts_back(c, site) for c in view.system.consumers(channel))
    }
    return tuple(sorted(found))


def _failure_channels(system: System, site: HandlerSite, effect: Effect) -> Iterator[str]:
    then = effect.step.retry.then if effect.step.retry else None
    if then in {"block", "ignore", "compensate"}:
        return
    if effect.step.dead_letter:
        yield effect.step.dead_letter
    channel = system.channel(site.consumed) if site.consumed else None
    if channel is not None and channel.dead_letter not in (None, NONE):
        yield str(channel.dead_letter)


def _second_chances(system: System, site: HandlerSite) -> Iterator[str]:
    """Channels that the handler appends its record to with its own hands."""
    for effect in site.changes:
        if isinstance(effect.step, Append):
            yield effect.target


def _puts_back(consumer: HandlerSite, site: HandlerSite) -> bool:
    return any(isinstance(e.step, Append) and e.target == site.consumed for e in consumer.changes)


def _same_effect(consumer: HandlerSite, effect: Effect) -> bool:
    return any(
        other.target == effect.target and (other.entity == effect.entity or None in (other.entity, effect.entity))
        for other in consumer.changes
    )


def is_retry_channel(view: View, channel: str) -> bool:
    """Whether records come to a channel only because their effect failed in another handler."""
    consumed = {consumer.id for consumer in view.system.consumers(channel)}
    return bool(_failing_into(view).get(channel, frozenset()) - consumed)


@remembered
def _failing_into(view: View) -> Mapping[str, frozenset[str]]:
    """Channel → consumers whose failed effects are tried again from it."""
    found: dict[str, set[str]] = {}
    for site in view.system.handlers.values():
        for effect in site.changes if site.consumed else ():
            for channel in retries_through(view, site, effect):
                found.setdefault(channel, set()).add(site.id)
    return {channel: frozenset(sites) for channel, sites in found.items()}


@dataclass(frozen=True)
class Reordering:
    """A fact by which a later record of a key can overtake an earlier one on the way through one consumer."""

    kind: Literal["spread", "unordered", "competing", "workers", "repartition", "retry"]
    at: DocumentPath
    channel: str
    handler: str


def reorderings(view: View, site: HandlerSite, entity: str | None = None) -> tuple[Reordering, ...]:
    """What is known to reorder records of one key before or in the consumer `site`; unsaid facts count as harmless.

    `entity`: whose records; None = those of any entity.
    """
    system = view.system
    trigger = site.handler.trigger
    if site.consumed is None or not isinstance(trigger, OnConsume):
        return ()
    name, channel = site.consumed, system.channel(site.consumed)
    found: list[Reordering] = []
    if channel is None:
        return ()
    at: DocumentPath = ("channels", name)
    carried = (entity,) if entity else system.carried(name) or (None,)
    if order_of(system, name) == "per-partition" and any(is_spread(system, name, one) for one in carried):
        found.append(Reordering("spread", (*at, "message_key"), name, site.id))
    if order_of(system, name) == "none" and not _routes_keys(site):
        found.append(Reordering("unordered", (*at, "order"), name, site.id))
    elif system.channel_kind(name) != "table" and competes(system, site):
        found.append(Reordering("competing", (*site.path, "trigger", "consume"), name, site.id))
    elif runs_in_parallel(site) and not trigger.same_key_same_worker:
        found.append(Reordering("workers", (*site.path, "trigger", "workers"), name, site.id))
    if channel.repartitioned is not None and channel.repartitioned.drained is False:
        found.append(Reordering("repartition", (*at, "repartitioned"), name, site.id))
    if not trigger.parks_key:
        for effect in site.changes:
            if entity is not None and effect.entity not in (None, entity):
                continue
            for retry in retries_through(view, site, effect):
                found.append(Reordering("retry", effect.path, retry, site.id))
    return tuple(found)


# Needs


def order_need(view: View, flow: Flow) -> tuple[Need, str | None]:
    """The order that a flow of one entity needs, and the key within which; no key where none is needed.

    Total order is never concluded: uniqueness needs one place for each value, not one place for all.
    """
    for pair in view.topology.causality:
        if pair.checked_by in flow.handlers or {pair.first, pair.then} <= set(flow.handlers):
            return "per-group-causal", pair.per
    if flow.mechanism in UNORDERED_FLOWS and not _brings_changes(view, flow):
        return "none", None
    entity = flow.entities[0] if len(flow.entities) == 1 else None
    if any(needs_order(view, effect) for effect in flow.effects):
        return "per-key", view.system.key_of(entity)
    return "none", None


def _brings_changes(view: View, flow: Flow) -> bool:
    """Whether a batch takes what changed since the last run, so that two runs bring two states of one key."""
    triggers = [view.system.handlers[name].handler.trigger for name in flow.handlers if name in view.system.handlers]
    return flow.mechanism == "batch-etl" and any(
        isinstance(trigger, OnChanges) or (isinstance(trigger, OnSchedule) and trigger.reads == "since-cursor")
        for trigger in triggers
    )


def needs_order(view: View, effect: Effect) -> bool:
    """Whether records of one key must come in order for an effect: state, and deltas that a rule may check."""
    step = effect.step
    if isinstance(step, Append):
        return any(_kept_behind(view, effect))
    if isinstance(step, Write) and step.mode == "increment" and not effect.on_miss:
        entity = view.system.entity(effect.entity)
        return entity is not None and entity.change == "delta"
    return changes_state(view, effect)


def adds(effect: Effect) -> bool:
    """Whether the effect adds to a sum, which comes out the same in any order."""
    return isinstance(effect.step, Write) and effect.step.mode == "increment"


def is_checked(view: View, effect: Effect) -> bool:
    """Whether something said looks at the sum so far and can refuse an addition."""
    guarded = isinstance(effect.step, Write) and effect.step.guard == "condition"
    return guarded or any(
        c.kind in {"non-negative", "sum"} and c.entity and c.entity.split(".", 1)[0] == effect.entity
        for c in view.topology.constraints
    )


def ordered_ends(view: View, flow: Flow) -> tuple[Effect, ...]:
    """The effects at which the order of a flow's records counts: its own, and those behind the channels it fills."""
    found: list[Effect] = []
    for effect in flow.effects:
        if isinstance(effect.step, Append):
            found.extend(_kept_behind(view, effect))
        elif needs_order(view, effect):
            found.append(effect)
    return tuple(found)


def _kept_behind(view: View, append: Effect) -> Iterator[Effect]:
    """Effects behind a channel that keep what the appended records say."""
    pending, seen = [append.target], set[str]()
    while pending:
        channel = pending.pop()
        if channel in seen:
            continue
        seen.add(channel)
        for consumer in view.system.consumers(channel):
            for effect in consumer.changes:
                if (
                    not isinstance(effect.step, Append)
                    and effect.entity in (None, append.entity)
                    and needs_order(view, effect)
                ):
                    yield effect
                if isinstance(effect.step, Append) and effect.entity in (None, append.entity):
                    pending.append(effect.target)

"""The paths on which data moves, each with its mechanism, concluded from handlers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from data_integration_architect.analysis.ownership import Ownership
from data_integration_architect.analysis.system import Effect, HandlerSite, System
from data_integration_architect.topology import Append, Call, Invalidate, OnChanges, Transaction, Write


@dataclass(frozen=True)
class Flow:
    """Data of `entities` moves from `source` to `target` by one mechanism.

    `source`: a store, channel or process; `handlers`: ids of the handlers that move it; `via`: the outbox table
    or capture behind it, where there is one.
    """

    source: str
    target: str
    mechanism: str
    entities: tuple[str, ...] = ()
    handlers: tuple[str, ...] = ()
    via: str | None = None
    effects: tuple[Effect, ...] = field(default=(), compare=False)

    @property
    def id(self) -> str:
        return f"{self.source} -> {self.target} ({self.mechanism})"

    def only(self, entity: str | None) -> Flow:
        """The part of the flow that moves one of its entities, or may; itself where it moves no other."""
        if entity is None or self.entities == (entity,):
            return self
        effects = tuple(e for e in self.effects if e.entity in (None, entity))
        handlers = tuple(sorted({e.site.id for e in effects}))
        return replace(self, entities=(entity,), handlers=handlers, effects=effects)


def flows_of(system: System, owners: Mapping[str, Ownership]) -> tuple[Flow, ...]:
    """Every flow, merged by source, target and mechanism; sorted."""
    merged: dict[tuple[str, str, str], list[Flow]] = {}
    for flow in _all(system, owners):
        merged.setdefault((flow.source, flow.target, flow.mechanism), []).append(flow)
    return tuple(
        Flow(
            *key,
            entities=tuple(sorted({e for f in flows for e in f.entities})),
            handlers=tuple(sorted({h for f in flows for h in f.handlers})),
            via=next((f.via for f in flows if f.via), None),
            effects=tuple(e for f in flows for e in f.effects),
        )
        for key, flows in sorted(merged.items())
    )


def _all(system: System, owners: Mapping[str, Ownership]) -> Iterator[Flow]:
    for site in system.handlers.values():
        if site.consumed:
            yield from _consumption(system, site, site.consumed)
        elif site.captured:
            yield from _capture(site, site.captured)
        elif site.fired_by == "every":
            yield from _batch(system, site)
        else:
            yield from _direct(system, site, owners)
        yield from _cache(system, site)
    yield from _replication(system)
    yield from _federation(system)


def _flow(source: str, mechanism: str, effect: Effect, via: str | None = None) -> Flow:
    entities = (effect.entity,) if effect.entity else ()
    return Flow(source, effect.target, mechanism, entities, (effect.site.id,), via, (effect,))


def _consumption(system: System, site: HandlerSite, channel: str) -> Iterator[Flow]:
    kind = system.channel_kind(channel)
    element = system.channel(channel)
    mechanism = {
        "log": "log-consumer",
        "queue": "queue-consumer",
        "table": "outbox",
        "webhook": "webhook",
        "lossy": "at-most-once-push",
        "unknown": "log-consumer",
    }[kind]
    source, via = channel, None
    if kind == "table" and element is not None and element.in_:
        source, via = element.in_, channel
        if not any(e for e in system.appends(channel) if e.site.id != site.id) and system.is_whole:
            mechanism = "outbox"
    for effect in site.effects:
        aside = effect.step.dead_letter
        if aside and aside != channel and not any(e.target == aside for e in site.changes):
            entities = tuple(e for e in (effect.entity,) if e)
            yield Flow(source, aside, mechanism, entities, (site.id,), via, (effect,))
    for effect in site.changes:
        if effect.on_miss or isinstance(effect.step, Invalidate):
            continue
        # Marking rows as sent in the table's own store moves nothing.
        if via and system.store(effect.target) and system.same_instance(effect.target, source):
            continue
        yield _flow(source, mechanism, effect, via)


def _capture(site: HandlerSite, store: str) -> Iterator[Flow]:
    trigger = site.handler.trigger
    by = trigger.by if isinstance(trigger, OnChanges) else None
    mechanism = {"log": "cdc", "query": "batch-etl", "trigger": "trigger", None: "cdc"}[by]
    for effect in site.changes:
        if not isinstance(effect.step, Invalidate):
            yield _flow(store, mechanism, effect)


def _batch(system: System, site: HandlerSite) -> Iterator[Flow]:
    sources = dict.fromkeys(e.target for e in site.reads if not e.step.model_fields_set & {"on_miss"})
    for effect in site.changes:
        if effect.on_miss or isinstance(effect.step, Invalidate):
            continue
        from_elsewhere = [s for s in sources if not system.same_instance(s, effect.target)]
        for source in from_elsewhere:
            mechanism = "rpc" if isinstance(effect.step, Call) else "batch-etl"
            if isinstance(effect.step, Append):
                mechanism = "batch-etl" if system.channel_kind(effect.target) != "lossy" else "at-most-once-push"
            yield _flow(source, mechanism, effect)
        if not sources:
            yield from _plain(system, site, effect)


def _direct(system: System, site: HandlerSite, owners: Mapping[str, Ownership]) -> Iterator[Flow]:
    """A handler on request: distributed commit, dual write, log append, call."""
    distributed = {path for e in site.changes for path, block in e.blocks if is_distributed(block)}
    # Beside a message it is the message that is the flow; beside a second store both writes are.
    dual = {
        id(e)
        for record, copy in dual_pairs(system, site)
        for e in ((copy,) if isinstance(copy.step, Append) else (record, copy))
    }
    for effect in site.changes:
        if effect.on_miss or isinstance(effect.step, Invalidate):
            continue
        block = system.enlisted(effect)
        if block is not None and is_distributed(block) and distributed:
            yield _flow(site.process_name, "two-phase-commit", effect)
        elif id(effect) in dual:
            source = site.process_name
            if isinstance(effect.step, Append):
                source = next(one.target for one, other in dual_pairs(system, site) if other is effect)
            yield _flow(source, "dual-write", effect)
        else:
            yield from _plain(system, site, effect, owners)


def _plain(
    system: System, site: HandlerSite, effect: Effect, owners: Mapping[str, Ownership] | None = None
) -> Iterator[Flow]:
    if isinstance(effect.step, Call):
        yield _flow(site.process_name, "rpc", effect)
    elif isinstance(effect.step, Append):
        kind = system.channel_kind(effect.target)
        if kind == "webhook":
            yield _flow(site.process_name, "webhook", effect)
        elif kind == "lossy" or effect.step.delivery == "at-most-once":
            yield _flow(site.process_name, "at-most-once-push", effect)
        elif kind != "table":
            owned = owners.get(effect.entity) if owners and effect.entity else None
            sourced = owned is not None and owned.store == effect.target and kind != "queue"
            yield _flow(site.process_name, "event-sourcing" if sourced else "log-messaging", effect)


def is_distributed(block: Transaction) -> bool:
    """Whether a transaction spans several named stores."""
    return not isinstance(block.transaction, str) and len(set(block.transaction)) > 1


def dual_pairs(system: System, site: HandlerSite) -> list[tuple[Effect, Effect]]:
    """Pairs (record, copy) of effects of one handler on different instances with nothing that holds them together.

    Two writes belong together when they are about the same entity; an append belongs to a write that it announces.
    """
    changes = [
        e for e in site.changes if isinstance(e.step, Write | Append) and not e.on_miss and not _temporary_scratch(e)
    ]
    pairs = []
    for index, one in enumerate(changes):
        for other in changes[index + 1 :]:
            if system.same_instance(one.target, other.target) or system.share_transaction(one, other):
                continue
            first, second = _record_first(system, one, other)
            if isinstance(first.step, Append):
                # Two appends: two channels for one entity are a pair only if they carry the same entity.
                if not isinstance(second.step, Append) or one.subject is None or one.subject != other.subject:
                    continue
                if system.channel_kind(first.target) == "table":
                    continue
            elif isinstance(second.step, Append):
                if not _announces(system, second, first, changes):
                    continue
            elif one.subject is None or other.subject is None or one.subject != other.subject:
                continue
            pairs.append((first, second))
    # Two copies of one record are no pair of their own: each is already paired with the record.
    copied_from: dict[int, set[int]] = {}
    for record, copy in pairs:
        copied_from.setdefault(id(copy), set()).add(id(record))
    return [(record, copy) for record, copy in pairs if not copied_from.get(id(record), set()) & copied_from[id(copy)]]


def _temporary_scratch(effect: Effect) -> bool:
    return effect.step.status == "planned"


def _record_first(system: System, one: Effect, other: Effect) -> tuple[Effect, Effect]:
    """The effect on the likelier system of record first: writes before appends, databases before derived stores."""

    def rank(effect: Effect) -> tuple[bool, bool, int]:
        derived = system.is_typically_derived(effect.target) or system.is_cache(effect.target)
        return isinstance(effect.step, Append), derived, effect.position

    return (one, other) if rank(one) <= rank(other) else (other, one)


def _announces(system: System, append: Effect, write: Effect, changes: list[Effect]) -> bool:
    """Whether an append tells of a write: the same entity, no entity said, or the only write of the handler."""
    if system.channel_kind(append.target) == "table" and system.same_instance(append.target, write.target):
        return False
    if append.entity is None or write.entity is None or append.entity == write.entity:
        return True
    written = {e.entity for e in changes if isinstance(e.step, Write)}
    if append.entity in written:
        return False
    entity = system.entity(append.entity)
    # A job or message about the write has no writer of its own; an independent counter changes by itself.
    return entity is None or entity.change not in {"commutative", "delta"}


def _cache(system: System, site: HandlerSite) -> Iterator[Flow]:
    for read in site.reads:
        fills = [e for e in site.changes if e.on_miss and e.path[: len(read.path)] == read.path]
        sources = [e for e in site.reads if e.on_miss and e.path[: len(read.path)] == read.path and e is not read]
        for fill in fills:
            for source in sources:
                if not system.same_instance(source.target, fill.target):
                    yield _flow(system.primary(source.target), "cache-aside", fill)
    for effect in site.changes:
        if isinstance(effect.step, Invalidate):
            writes = [
                e
                for e in site.changes
                if isinstance(e.step, Write) and e.entity == effect.entity and e.target != effect.target
            ]
            for write in writes[:1]:
                yield _flow(system.primary(write.target), "cache-aside", effect)
            if not writes and (site.captured or site.consumed):
                origin = site.captured or site.consumed or ""
                yield _flow(origin, "cdc" if site.captured else "log-consumer", effect)


def _replication(system: System) -> Iterator[Flow]:
    for name, store in sorted(system.topology.stores.items()):
        if store.replica_of:
            yield Flow(store.replica_of, name, "native-replication")


def _federation(system: System) -> Iterator[Flow]:
    """A handler or reader that joins several independent databases while reading and stores nothing."""
    fed = {e.target for e in system.effects if not e.is_read and not e.site.is_direct}
    for site in system.handlers.values():
        stores = dict.fromkeys(e.target for e in site.reads if not e.on_miss and not getattr(e.step, "on_miss", ()))
        if site.is_direct and not site.changes and _are_independent(system, stores, fed):
            for store in stores:
                entities = tuple(sorted({e.entity for e in site.reads if e.target == store and e.entity}))
                yield Flow(store, site.process_name, "federated-read", entities, (site.id,))
    for reader in system.topology.readers:
        if isinstance(reader.reads, str) or reader.persisted:
            continue
        if _are_independent(system, reader.reads, fed):
            for store in reader.reads:
                yield Flow(store, "readers", "federated-read", (reader.entity,) if reader.entity else ())


def _are_independent(system: System, stores: Iterable[str], fed: set[str]) -> bool:
    return len({system.database(s) for s in stores}) > 1 and not fed & set(stores)

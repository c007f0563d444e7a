"""A topology as engines see it: handlers with their effects in program order, physical instances, technologies."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, TypeVar

from data_integration_architect.analysis.channel_kinds import ChannelKind, kind_of
from data_integration_architect.analysis.memory import remembered
from data_integration_architect.catalog import Catalog, StoreHead
from data_integration_architect.files import DocumentPath
from data_integration_architect.topology import (
    NONE,
    Append,
    Call,
    Channel,
    Entity,
    Handler,
    Invalidate,
    OnChanges,
    OnConsume,
    OnRequest,
    OnSchedule,
    Process,
    Read,
    Step,
    Store,
    Topology,
    Transaction,
    Write,
    step_kind,
    step_target,
)

K = TypeVar("K")
FIRE = Literal["request", "consume", "changes", "every", "unknown"]

Leaf = Read | Write | Append | Call | Invalidate
Blocks = tuple[tuple[DocumentPath, Transaction], ...]


@dataclass(frozen=True, eq=False)
class Effect:
    """One step that touches a store or channel, where it stands in its handler."""

    site: HandlerSite
    path: DocumentPath
    step: Leaf
    kind: str
    """read, write, append, call or invalidate."""
    target: str
    """Name of the store or channel."""
    entity: str | None
    """Name of the entity, without a part."""
    position: int
    """Index in program order, blocks flattened."""
    blocks: Blocks
    """Enclosing transactions, outermost first."""
    on_miss: bool
    """Inside the part of a read that runs when nothing was found."""

    @property
    def is_read(self) -> bool:
        return self.kind == "read"

    @property
    def subject(self) -> str | None:
        """Entity or ENTITY.PART as it was written."""
        return self.step.entity


@dataclass(frozen=True, eq=False)
class HandlerSite:
    """A handler with its place; `id` is PROCESS.HANDLER."""

    id: str
    process_name: str
    process: Process
    handler: Handler
    path: DocumentPath

    @cached_property
    def effects(self) -> tuple[Effect, ...]:
        """Every leaf step in program order, reads included."""
        found: list[Effect] = []
        gone: Read | None = None

        def collect(steps: tuple[Step, ...], above: DocumentPath, blocks: Blocks, on_miss: bool) -> None:
            nonlocal gone
            for index, step in enumerate(steps):
                path = (*above, index)
                if isinstance(step, Transaction):
                    collect(step.steps, (*path, "steps"), (*blocks, (path, step)), on_miss)
                    continue
                if isinstance(step, Read):
                    gone = step if step.missing_source else gone
                elif isinstance(step, Write) and gone is not None and step.missing_source is None:
                    # What a read finds gone decides over the writes after it.
                    again = {"missing_source": gone.missing_source, "values": step.values or "re-read"}
                    step = step.model_copy(update=again)
                entity = step.entity.split(".", 1)[0] if step.entity else None
                kind, target = step_kind(step), step_target(step)
                found.append(Effect(self, path, step, kind, target, entity, len(found), blocks, on_miss))
                if isinstance(step, Read):
                    collect(step.on_miss, (*path, "on_miss"), blocks, True)

        collect(self.handler.steps, (*self.path, "steps"), (), False)
        return tuple(found)

    @cached_property
    def changes(self) -> tuple[Effect, ...]:
        """Effects that are not reads."""
        return tuple(e for e in self.effects if not e.is_read)

    @cached_property
    def reads(self) -> tuple[Effect, ...]:
        return tuple(e for e in self.effects if e.is_read)

    @cached_property
    def fired_by(self) -> FIRE:
        trigger = self.handler.trigger
        if isinstance(trigger, OnConsume):
            return "consume"
        if isinstance(trigger, OnChanges):
            return "changes"
        if isinstance(trigger, OnSchedule):
            return "every"
        return "request" if isinstance(trigger, OnRequest) else "unknown"

    @cached_property
    def is_direct(self) -> bool:
        """Whether it acts on a request or for an unknown caller, not on data that moved before."""
        return self.fired_by in {"request", "unknown"}

    def reads_cache(self, store: str) -> bool:
        """Whether it fills `store` on a miss."""
        return any(e.target == store and isinstance(e.step, Read) and e.step.on_miss for e in self.reads)

    @cached_property
    def consumed(self) -> str | None:
        """Channel that it takes records from."""
        return self.handler.trigger.consume if isinstance(self.handler.trigger, OnConsume) else None

    @cached_property
    def captured(self) -> str | None:
        """Store whose changes it captures."""
        return self.handler.trigger.changes if isinstance(self.handler.trigger, OnChanges) else None

    @property
    def concurrent(self) -> bool:
        """Whether several runs can overlap: many instances, or requests, or several workers."""
        instances = self.process.instances
        if instances is None:
            return self.is_direct
        return instances == "many" or (isinstance(instances, int) and instances > 1)


class System:
    """Look-ups over one topology in normal form. Pure; computed once and then only read."""

    def __init__(self, topology: Topology, catalog: Catalog) -> None:
        self.topology = topology
        self.catalog = catalog
        self.memory: dict[Hashable, Any] = {}

    # Elements

    @cached_property
    def handlers(self) -> Mapping[str, HandlerSite]:
        return {
            f"{process_name}.{name}": HandlerSite(
                f"{process_name}.{name}", process_name, process, handler, ("processes", process_name, "handlers", name)
            )
            for process_name, process in sorted(self.topology.processes.items())
            for name, handler in sorted(process.handlers.items())
        }

    @cached_property
    def effects(self) -> tuple[Effect, ...]:
        return tuple(effect for site in self.handlers.values() for effect in site.effects)

    @cached_property
    def effects_on(self) -> Mapping[str, tuple[Effect, ...]]:
        """Store or channel → its effects, reads included."""
        return _grouped(self.effects, lambda effect: effect.target)

    def touching(self, target: str) -> tuple[Effect, ...]:
        """Effects on `target`, reads included, in the order of handlers."""
        return self.effects_on.get(target, ())

    @cached_property
    def _by_subject(self) -> Mapping[str | None, tuple[Effect, ...]]:
        return _grouped(self.effects, lambda effect: effect.subject)

    def effects_of(self, subject: str) -> tuple[Effect, ...]:
        """Effects on an entity or ENTITY.PART as it is written, in the order of handlers."""
        return self._by_subject.get(subject, ())

    @cached_property
    def _by_entity(self) -> Mapping[str | None, tuple[Effect, ...]]:
        return _grouped(self.effects, lambda effect: effect.entity)

    def effects_about(self, entity: str | None) -> tuple[Effect, ...]:
        """Effects on an entity and on any of its parts, in the order of handlers; for None, on nobody said what."""
        return self._by_entity.get(entity, ())

    @cached_property
    def _by_dead_letter(self) -> Mapping[str | None, tuple[Effect, ...]]:
        return _grouped(self.effects, lambda effect: effect.step.dead_letter)

    def failing_to(self, channel: str) -> tuple[Effect, ...]:
        """Effects whose records go to `channel` where they fail, in the order of handlers."""
        return self._by_dead_letter.get(channel, ())

    @cached_property
    def _writes_in(self) -> Mapping[str, tuple[Effect, ...]]:
        writes = (e for e in self.effects if isinstance(e.step, Write) and self.store(e.target))
        return _grouped(writes, lambda effect: self.database(effect.target))

    def writes_in(self, database: str) -> tuple[Effect, ...]:
        """Writes to the stores of a database, in the order of handlers."""
        return self._writes_in.get(database, ())

    def entity(self, name: str | None) -> Entity | None:
        return self.topology.entities.get(name.split(".", 1)[0]) if name else None

    def store(self, name: str) -> Store | None:
        return self.topology.stores.get(name)

    def channel(self, name: str) -> Channel | None:
        return self.topology.channels.get(name)

    def consumers(self, channel: str) -> tuple[HandlerSite, ...]:
        return self._consumers.get(channel, ())

    @cached_property
    def _consumers(self) -> Mapping[str, tuple[HandlerSite, ...]]:
        found: dict[str, list[HandlerSite]] = {}
        for site in self.handlers.values():
            if site.consumed:
                found.setdefault(site.consumed, []).append(site)
        return {name: tuple(sites) for name, sites in found.items()}

    @cached_property
    def _consumed_with(self) -> Mapping[str, tuple[str, ...]]:
        found: dict[str, dict[str, None]] = {}
        for site in self.handlers.values():
            for entity in self.carried(site.consumed) if site.consumed else ():
                found.setdefault(entity, {})[site.consumed or ""] = None
        return {entity: tuple(channels) for entity, channels in found.items()}

    def consumed_with(self, entity: str) -> tuple[str, ...]:
        """Channels that carry an entity and have consumers, in the order of these."""
        return self._consumed_with.get(entity, ())

    def captures(self, store: str) -> tuple[HandlerSite, ...]:
        """Handlers that capture the changes of `store`."""
        return self._captures.get(store, ())

    @cached_property
    def _captures(self) -> Mapping[str, tuple[HandlerSite, ...]]:
        found: dict[str, list[HandlerSite]] = {}
        for site in self.handlers.values():
            if site.captured:
                found.setdefault(site.captured, []).append(site)
        return {name: tuple(sites) for name, sites in found.items()}

    @remembered
    def appends(self, channel: str) -> tuple[Effect, ...]:
        return tuple(e for e in self.touching(channel) if isinstance(e.step, Append))

    @remembered
    def carried(self, channel: str) -> tuple[str, ...]:
        """Entities whose events a channel carries: declared, else appended, else captured."""
        element = self.channel(channel)
        if element is not None and element.carries:
            return tuple(dict.fromkeys(name.split(".", 1)[0] for name in element.carries))
        found = dict.fromkeys(e.entity for e in self.appends(channel) if e.entity)
        return tuple(found)

    # Technology and place

    @remembered
    def technology(self, name: str) -> StoreHead | None:
        """Knowledge about the product behind a store or channel; None where it is unsaid or not known."""
        element = self.store(name) or self.channel(name)
        return self.catalog.technology(element.technology) if element else None

    def kind(self, store: str) -> str | None:
        """The kind of a store (`relational`, `search`, …), None where its technology is unknown."""
        head = self.technology(store)
        return head.kind if head else None

    def is_typically_derived(self, store: str) -> bool:
        """Whether products of this kind are usually built from another store: search, cache, warehouse, vectors."""
        head = self.technology(store)
        return head is not None and (head.typical_role == "derived" or head.kind in {"cache", "lakehouse"})

    @cached_property
    def channel_kinds(self) -> Mapping[str, ChannelKind]:
        return {name: kind_of(channel, self.catalog) for name, channel in self.topology.channels.items()}

    def channel_kind(self, name: str) -> ChannelKind:
        return self.channel_kinds.get(name, "unknown")

    def primary(self, store: str) -> str:
        """The store that `store` is a replica of, through all levels; itself otherwise."""
        seen = {store}
        while True:
            element = self.store(store)
            following = element.replica_of if element else None
            if following is None or following in seen:
                return store
            store = following
            seen.add(store)

    def instance(self, name: str) -> str:
        """Physical instance behind a store or channel; replicas are instances of their own."""
        store = self.store(name)
        if store is not None:
            return store.instance or name
        channel = self.channel(name)
        if channel is not None and channel.in_:
            return self.instance(channel.in_)
        return name

    def same_instance(self, one: str, other: str) -> bool:
        return self.instance(one) == self.instance(other)

    def database(self, name: str) -> str:
        """Physical instance with replicas counted as their primary: what one integration deals with."""
        known = self._databases.get(name)
        return known if known is not None else self.instance(name)

    @cached_property
    def _databases(self) -> Mapping[str, str]:
        return {name: self.instance(self.primary(name)) for name in self.topology.stores}

    def is_external(self, store: str) -> bool:
        element = self.store(store)
        return bool(element and element.external)

    def is_volatile(self, store: str) -> bool:
        """Whether acknowledged state may be lost at a restart; a cache product counts unless said otherwise."""
        element = self.store(store)
        if element and element.durability:
            return element.durability == "volatile"
        head = self.technology(store)
        return bool(head and (head.durable is False or head.kind == "cache"))

    @remembered
    def is_cache(self, store: str) -> bool:
        """Whether handlers use it as a look-aside cache: filled on a miss, or invalidated."""
        return any(
            isinstance(effect.step, Invalidate) or (isinstance(effect.step, Read) and bool(effect.step.on_miss))
            for effect in self.touching(store)
        )

    # Transactions

    def enlisted(self, effect: Effect) -> Transaction | None:
        """The innermost transaction that covers the effect, None where it stands outside or is not enlisted."""
        for _, block in reversed(effect.blocks):
            members = (block.transaction,) if isinstance(block.transaction, str) else block.transaction
            if any(self.same_instance(member, effect.target) for member in members):
                return block
        return None

    def inside_foreign(self, effect: Effect) -> tuple[DocumentPath, Transaction] | None:
        """The transaction that is open around the effect without covering it: the effect runs before its commit."""
        if self.enlisted(effect):
            return None
        return effect.blocks[-1] if effect.blocks else None

    def share_transaction(self, one: Effect, other: Effect) -> bool:
        """Whether both effects commit together: the same local block, one distributed block, or one statement each."""
        first, second = self.enlisted(one), self.enlisted(other)
        return first is not None and first is second

    # Keys and readers

    def key_of(self, entity: str | None) -> str | None:
        """The key of an entity as text, `a+b` for several fields; None where it is unknown."""
        element = self.entity(entity)
        if element is None or element.key is None:
            return None
        return element.key if isinstance(element.key, str) else "+".join(element.key)

    @remembered
    def readers_of(self, store: str, entity: str | None = None) -> tuple[int, ...]:
        """Indices of the readers of a store (and entity)."""
        readers = self.topology.readers
        return tuple(
            index
            for index in self._readers.get(store, ())
            if entity is None or (subject := readers[index].entity) is None or subject.split(".", 1)[0] == entity
        )

    @cached_property
    def _readers(self) -> Mapping[str, tuple[int, ...]]:
        found: dict[str, dict[int, None]] = {}
        for index, reader in enumerate(self.topology.readers):
            for place in (reader.reads,) if isinstance(reader.reads, str) else reader.reads:
                found.setdefault(place, {})[index] = None
        return {place: tuple(indices) for place, indices in found.items()}

    @property
    def is_whole(self) -> bool:
        """Whether what is not listed does not exist."""
        return self.topology.scope == "whole"

    @property
    def size(self) -> int:
        """Number of elements and steps."""
        topology = self.topology
        listed = (topology.stores, topology.channels, topology.entities, topology.processes, topology.readers,
                  topology.causality, topology.constraints, topology.symptoms)  # fmt: skip
        return sum(len(group) for group in listed) + len(self.handlers) + len(self.effects)


def _grouped(effects: Iterable[Effect], key: Callable[[Effect], K]) -> Mapping[K, tuple[Effect, ...]]:
    found: dict[K, list[Effect]] = {}
    for effect in effects:
        found.setdefault(key(effect), []).append(effect)
    return {one: tuple(several) for one, several in found.items()}


def base_entities(subjects: Iterable[str | None]) -> tuple[str, ...]:
    """Entity names without parts, sorted, None left out."""
    return tuple(sorted({subject.split(".", 1)[0] for subject in subjects if subject}))


def is_none(value: object) -> bool:
    """Whether an attribute says "known not to be"."""
    return value == NONE or value is False

"""The system of record of every entity, concluded from who writes what."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from data_integration_architect.analysis.system import Effect, HandlerSite, System
from data_integration_architect.topology import Append, Call, Invalidate, OnSchedule, Read, Write


@dataclass(frozen=True)
class Ownership:
    """Who is right by definition about one entity (or ENTITY.PART).

    `status`: owned = one system of record; conflict = several places take original writes; derived = only copies
    are in sight; unknown = nobody writes it in sight.
    """

    subject: str
    status: Literal["owned", "conflict", "derived", "unknown"]
    store: str | None
    writers: tuple[str, ...] = ()
    """Stores or channels that take original writes, the system of record first."""
    derived: tuple[str, ...] = ()
    """Stores that hold copies, sorted."""
    declared: bool = False
    shards: tuple[str, ...] = ()
    """Stores that hold different keys of it, sorted; empty where one holds them all."""

    @property
    def likeliest(self) -> str | None:
        """The system of record, or where rivals tie, the first of them: for findings that name both."""
        return self.store or (self.writers[0] if self.writers else None)

    @property
    def entity(self) -> str:
        return self.subject.split(".", 1)[0]


def is_made_of_others(system: System, site: HandlerSite, entity: str) -> bool:
    """Whether a capture reads records of other entities at its source, and none of `entity`."""
    read = {r.entity for r in site.reads if r.entity and system.same_instance(r.target, site.captured or "")}
    return bool(read) and entity not in read


def owners_of(system: System) -> Mapping[str, Ownership]:
    """Subject → ownership, for every entity and every part that has writers of its own; sorted."""
    return _Owners(system).all()


class _Owners:
    def __init__(self, system: System) -> None:
        self.system = system
        self.written: dict[str, tuple[int, int]] = {}
        self.fed: dict[str, frozenset[str]] = {}

    def all(self) -> Mapping[str, Ownership]:
        found = {}
        for name, entity in sorted(self.system.topology.entities.items()):
            found[name] = self.of(name)
            for part in sorted(entity.parts):
                subject = f"{name}.{part}"
                if self.system.effects_of(subject):
                    found[subject] = self.of(subject)
        return found

    def of(self, subject: str) -> Ownership:
        system = self.system
        entity = subject.split(".", 1)[0]
        effects = [e for e in system.effects_of(subject) if not e.is_read]
        direct = self._merge_instances(self._original(effects))
        copies = self._copies(effects, entity)
        declared = system.topology.entities[entity].system_of_record if "." not in subject else None
        if declared:
            others = [d for d in direct if not system.same_instance(d, declared)]
            rivals = [d for d in others if self._rivals(effects, declared, d)]
            status: Literal["owned", "conflict"] = "conflict" if rivals else "owned"
            return self._result(subject, status, declared, [declared, *others], copies, declared=True)
        if not direct:
            return self._without_writers(subject, entity, effects, copies)
        ranked = sorted(direct, key=lambda d: self._rank(effects, d, direct))
        first = ranked[0]
        rivals = [d for d in ranked[1:] if self._rivals(effects, first, d)]
        if not rivals:
            return self._result(subject, "owned", first, ranked, copies)
        # Where nothing but the name tells two rivals apart, neither is the system of record.
        tied = self._rank(effects, first, direct) == self._rank(effects, rivals[0], direct)
        return self._result(subject, "conflict", None if tied else first, ranked, copies)

    def _result(
        self,
        subject: str,
        status: Literal["owned", "conflict", "derived", "unknown"],
        store: str | None,
        writers: Iterable[str],
        copies: Iterable[str],
        declared: bool = False,
    ) -> Ownership:
        ordered = tuple(dict.fromkeys(writers))
        known = {*copies, *ordered} - {store}
        shards = {d for d in known if self._is_shard_of(d, store)}
        all_shards = tuple(sorted({*shards, store})) if shards and store else ()
        return Ownership(subject, status, store, ordered, tuple(sorted(known - shards)), declared, all_shards)

    def _is_shard_of(self, one: str, other: str | None) -> bool:
        """Whether two stores hold different keys of one sharded record."""
        first, second = self.system.store(one), self.system.store(other or "")
        return bool(first and second and first.partition_key and first.partition_key == second.partition_key)

    def _without_writers(self, subject: str, entity: str, effects: list[Effect], copies: set[str]) -> Ownership:
        """Nobody writes it on request: it may come in through a channel, be captured, or be read by jobs."""
        system = self.system
        called = dict.fromkeys(e.target for e in effects if isinstance(e.step, Call))
        sources = self._sources(effects, entity) or list(called)
        kept = self._where_it_stays(sources, list(called), copies)
        if kept is not None:
            return self._result(subject, "owned", kept, [kept], copies)
        if len(sources) == 1:
            return self._result(subject, "owned", sources[0], sources, copies)
        logs = [s for s in sources if system.channel(s) and system.channel_kind(s) == "log"]
        if len(logs) == 1:
            return self._result(subject, "owned", logs[0], logs, {*copies, *sources})
        if sources:
            # Several places it may come from, and nothing but their names tells them apart.
            return self._result(subject, "unknown", None, (), {*copies, *sources})
        if not copies and (only := self._only_store()) is not None:
            return self._result(subject, "owned", only, [only], copies)
        return self._result(subject, "derived" if copies else "unknown", None, (), copies)

    def _only_store(self) -> str | None:
        """The one place in which anything is kept, where the topology has no other."""
        topology = self.system.topology
        own = [name for name, store in topology.stores.items() if store.replica_of is None and not store.external]
        return own[0] if len(own) == 1 and not topology.channels else None

    def _where_it_stays(self, sources: list[str], called: list[str], copies: set[str]) -> str | None:
        """The store that keeps what only passes through queues, webhooks or tables of jobs; None where that is open.

        A message is gone once it is taken, so it is no record. An outside system that is called about the entity
        keeps it, else the one database of our own that takes it in; what queues and webhooks bring is kept nowhere
        else, while the rows of a table may stay.
        """
        system = self.system
        kinds = {system.channel_kind(s) if system.channel(s) else None for s in sources}
        if not kinds or not kinds <= {"queue", "webhook", "lossy", "table"}:
            return None
        if len(called) == 1 and "webhook" in kinds:
            return called[0]
        lasting = [s for s in sorted(copies) if not system.is_typically_derived(s) and not system.is_volatile(s)]
        merged = self._merge_instances(lasting)
        if not merged and "table" not in kinds:
            merged = self._merge_instances(sorted(copies))
        return merged[0] if len(merged) == 1 else None

    def _original(self, effects: list[Effect]) -> list[str]:
        """Stores and channels that take original writes of the subject, in program order of handlers."""
        system = self.system
        found: dict[str, None] = {}
        for effect in effects:
            site = effect.site
            if isinstance(effect.step, Write):
                if effect.on_miss or (system.is_external(effect.target) and not site.is_direct):
                    continue
                if self._is_copied_by_hand(effect):
                    continue
                if site.is_direct or self._starts_data(site, effect):
                    found[effect.target] = None
        for effect in effects:
            if isinstance(effect.step, Append) and effect.site.is_direct:
                # An append beside a write of the same handler announces that write; alone it is the write.
                beside = any(isinstance(e.step, Write) and not system.is_cache(e.target) for e in effect.site.changes)
                if not beside and system.channel_kind(effect.target) in {"log", "unknown"}:
                    found[effect.target] = None
        return list(found)

    def _is_copied_by_hand(self, effect: Effect) -> bool:
        """Whether a handler rebuilds one store from what it reads in another: a reindex that somebody starts."""
        step = effect.step
        if not isinstance(step, Write) or (step.mode != "rebuild-and-swap" and step.values != "re-read"):
            return False
        return any(not self.system.same_instance(read.target, effect.target) for read in effect.site.reads)

    def _starts_data(self, site: HandlerSite, effect: Effect) -> bool:
        """Whether a scheduled or consuming handler writes values that no trigger or read brought: its own data."""
        step = effect.step
        if not isinstance(step, Write):
            return False
        if site.handler.computes:
            return False
        if site.fired_by == "every":
            return not site.reads
        if site.fired_by == "consume" and site.consumed:
            return self._is_command(site, effect)
        return False

    def _is_command(self, site: HandlerSite, effect: Effect) -> bool:
        """Whether the record is an order to act, not news of the entity: the entity is not what the channel carries."""
        carried = self.system.carried(site.consumed or "")
        return bool(carried) and effect.entity not in carried and effect.entity is not None

    def _copies(self, effects: list[Effect], entity: str) -> set[str]:
        system = self.system
        found = {e.target for e in effects if isinstance(e.step, Write | Invalidate) and system.store(e.target)}
        found |= {e.target for e in system.effects_about(entity) if isinstance(e.step, Invalidate)}
        return {store for store in found if not system.is_external(store)}

    def _sources(self, effects: list[Effect], entity: str) -> list[str]:
        """Where copies of an entity come from that nobody writes: read or captured stores, consumed channels."""
        system = self.system
        found: dict[str, None] = {}
        targets = {e.target for e in effects}
        for effect in system.effects_about(entity):
            if effect.site.captured and not effect.is_read and not is_made_of_others(system, effect.site, entity):
                found[system.primary(effect.site.captured)] = None
        for effect in system.effects_about(entity):
            if not isinstance(effect.step, Read) or effect.target in targets:
                continue
            if isinstance(effect.site.handler.trigger, OnSchedule) or effect.on_miss or not effect.step.on_miss:
                found[system.primary(effect.target)] = None
        if not found:
            for channel in system.consumed_with(entity):
                found[self._upstream(channel)] = None
        if not found:
            readers = [r for r in system.topology.readers if r.entity and r.entity.split(".", 1)[0] == entity]
            for reader in readers:
                if isinstance(reader.reads, str):
                    found[system.primary(reader.reads)] = None
        return list(found)

    def _upstream(self, channel: str) -> str:
        """The first channel of a chain: a retry or dead-letter channel leads back to the one that it takes from."""
        seen = {channel}
        while True:
            before = [name for name in self._taken_from(channel) if name not in seen]
            if not before:
                return channel
            channel = before[0]
            seen.add(channel)

    def _taken_from(self, channel: str) -> list[str]:
        """Channels whose consumers append to `channel` or leave to it what they could not handle."""
        system = self.system
        found = [e.site.consumed for e in system.appends(channel) if e.site.consumed]
        found += [e.site.consumed for e in system.failing_to(channel) if e.site.consumed]
        found += [name for name, element in sorted(system.topology.channels.items()) if element.dead_letter == channel]
        return found

    def _merge_instances(self, stores: list[str]) -> list[str]:
        """One name for each physical instance, that of the store with most writes; replicas count as their primary."""
        system = self.system
        found: dict[str, str] = {}
        for store in stores:
            name = system.primary(store) if system.store(store) else store
            known = found.setdefault(system.instance(name), name)
            if self._writes(name) > self._writes(known):
                found[system.instance(name)] = name
        return list(found.values())

    def _writes(self, store: str) -> tuple[int, int]:
        """How often a store is written, and how early: more and earlier is more."""
        if store not in self.written:
            positions = [e.position for e in self.system.touching(store) if not e.is_read]
            self.written[store] = len(positions), -min(positions, default=99)
        return self.written[store]

    def _rank(self, effects: list[Effect], store: str, among: list[str]) -> tuple[int, ...]:
        """Smaller = more likely the system of record."""
        system = self.system
        own = [e for e in effects if system.store(store) and system.same_instance(e.target, store)]
        fed = sum(1 for other in among if other != store and self._feeds(store, other))
        is_fed = sum(1 for other in among if other != store and self._feeds(other, store))
        first = min((e.position for e in own), default=99)
        return (
            1 if system.is_cache(store) or system.is_volatile(store) else 0,
            # A warehouse whose results are carried into other systems is where they come from.
            is_fed - fed,
            1 if system.is_typically_derived(store) else 0,
            1 if system.is_external(store) else 0,
            -sum(1 for e in own if system.enlisted(e)),
            first,
            -len(own),
        )

    def _feeds(self, source: str, target: str) -> bool:
        """Whether some job or capture moves data from `source` to `target`."""
        if target not in self.fed:
            found: set[str] = set()
            for site in {e.site for e in self.system.touching(target) if not e.is_read}:
                if site.captured:
                    found.add(site.captured)
                if site.fired_by == "every":
                    found |= {read.target for read in site.reads}
            self.fed[target] = frozenset(found)
        return source in self.fed[target]

    def _rivals(self, effects: list[Effect], first: str, other: str) -> bool:
        """Whether `other` takes original writes that `first` does not get in the same handler."""
        system = self.system
        if system.channel(other) or system.channel(first):
            return False
        writers = {e.site.id for e in effects if e.target == other and isinstance(e.step, Write) and not e.on_miss}
        writers = {w for w in writers if system.handlers[w].is_direct}
        beside = {e.site.id for e in effects if system.same_instance(e.target, first)}
        return bool(writers - beside)

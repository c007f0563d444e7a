"""Which stores follow which by a log: captures, outbox relays and consumers, over any number of hops."""

from __future__ import annotations

from collections.abc import Iterator

from data_integration_architect.analysis.lifecycle import is_planned
from data_integration_architect.analysis.memory import remembered
from data_integration_architect.analysis.system import HandlerSite, System


def follows_log(system: System, source: str, target: str, entity: str | None) -> bool:
    """Whether changes of `entity` in `source` reach `target` by a capture or by an outbox and its consumers."""
    return _is_fed_by_log(system, target) and target in reached_by_log(system, source, entity)


@remembered
def _is_fed_by_log(system: System, target: str) -> bool:
    return any(e.site.consumed or e.site.captured for e in system.touching(target))


def reached_by_log(system: System, source: str, entity: str | None) -> frozenset[str]:
    """Stores and channels that changes of `entity` in `source` reach by captures and consumers; not jobs."""
    reached = {source}
    pending = [source]
    while pending:
        for site in _takers(system, pending.pop()):
            for effect in site.changes:
                about = entity is None or effect.entity in (None, entity)
                if about and effect.target not in reached and not is_planned(system, effect):
                    reached.add(effect.target)
                    pending.append(effect.target)
    return frozenset(reached - {source})


def _takers(system: System, name: str) -> Iterator[HandlerSite]:
    """Handlers that take records from a channel, or changes or outbox rows from a store or its replicas."""
    if system.channel(name) is not None:
        yield from system.consumers(name)
        return
    for other, store in system.topology.stores.items():
        if other == name or ((store.replica_of or store.instance) and system.database(other) == system.database(name)):
            yield from system.captures(other)
    for table, channel in system.topology.channels.items():
        if channel.in_ == name:
            yield from system.consumers(table)


@remembered
def behind(system: System, name: str, entity: str | None) -> frozenset[tuple[str, str | None]]:
    """Stores and channels that hold what is made from `entity` in `name`, each with the entity that it is there.

    Over any number of hops: captures, relays, consumers, scheduled jobs and fills of caches. What a handler makes of
    the entity can be another one, such as a total.
    """
    start = (name, entity)
    reached = {start}
    pending = [start]
    while pending:
        place, subject = pending.pop()
        for site in (*_takers(system, place), *_readers(system, place, subject)):
            taken = set(system.carried(site.consumed)) if site.consumed else {e.entity for e in site.reads}
            for effect in site.changes:
                other = effect.entity in taken and subject is not None and effect.entity != subject
                end = (effect.target, effect.entity or subject)
                if not other and effect.target != place and end not in reached and not is_planned(system, effect):
                    reached.add(end)
                    pending.append(end)
    return frozenset(reached - {start})


def _readers(system: System, store: str, entity: str | None) -> Iterator[HandlerSite]:
    """Handlers that copy what they read: on a schedule, or into a cache after a miss."""
    for effect in system.touching(store):
        copies = effect.site.fired_by == "every" or effect.on_miss
        if effect.is_read and copies and (entity is None or effect.entity in (None, entity)):
            yield effect.site

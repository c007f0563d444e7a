"""Look-aside caches: who fills them from where, and who deletes their entries."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from data_integration_architect.analysis.facts import Facts
from data_integration_architect.analysis.memory import remembered
from data_integration_architect.analysis.repair import Healing, healing_of
from data_integration_architect.analysis.severity import Consequence
from data_integration_architect.analysis.system import Effect, System
from data_integration_architect.topology import NONE, Invalidate, Write
from data_integration_architect.topology.values import seconds


@dataclass(frozen=True, eq=False)
class Fill:
    """A handler reads `source` because the cache had no entry, and then writes the entry."""

    source: Effect
    write: Effect

    @property
    def cache(self) -> str:
        return self.write.target

    @property
    def entity(self) -> str | None:
        return self.write.entity or self.source.entity


@remembered
def fills(system: System) -> tuple[Fill, ...]:
    """Every fill of a cache from a store elsewhere."""
    return tuple(_fills(system))


def _fills(system: System) -> Iterator[Fill]:
    for site in system.handlers.values():
        for write in site.changes:
            if not isinstance(write.step, Write) or not (write.on_miss or system.is_cache(write.target)):
                continue
            before = [
                read
                for read in site.reads
                if read.position < write.position
                and read.on_miss == write.on_miss
                and not system.same_instance(read.target, write.target)
            ]
            # A miss may be filled with something that is computed from another entity.
            sources = [r for r in before if r.entity == write.entity] or (before if write.on_miss else [])
            # What the same handler has just written to the source is no fill.
            written = any(isinstance(e.step, Write) and e is not write and e.entity == write.entity
                          and e.target != write.target for e in site.changes)  # fmt: skip
            if sources and not written:
                yield Fill(sources[-1], write)


@remembered
def source_writes(system: System, fill: Fill) -> list[Effect]:
    """Writes of the cached entity to the database behind the cache."""
    return [
        e
        for e in system.writes_in(system.database(fill.source.target))
        if not e.on_miss and e.target != fill.cache and e.entity in (fill.source.entity, fill.entity)
    ]


def invalidations(system: System, cache: str, entity: str | None) -> list[Effect]:
    return [e for e in system.touching(cache) if isinstance(e.step, Invalidate) and e.entity in (None, entity)]


def stands_before_commit(system: System, invalidation: Effect, write: Effect) -> bool:
    """Whether the entry is deleted while the new value is not visible yet: readers can fill in the old one."""
    if system.inside_foreign(invalidation) is not None and system.enlisted(write) is not None:
        return any(block is system.enlisted(write) for _, block in invalidation.blocks)
    return invalidation.position < write.position


def stale_entry(
    system: System, facts: Facts, cache: str, entity: str | None, minor: bool = False, rare: bool = False
) -> Consequence:
    """What a wrong entry means: with an expiry it goes away by itself, else it stays until the next write or repair.

    The expiry is asked for because it decides the severity; the finding stands either way.
    """
    element = system.store(cache)
    expiry = facts.ask(
        ("stores", cache, "expiry"),
        element.expiry if element else None,
        (NONE, "1m"),
        f"Do entries of {cache} expire, and after which time?",
    )
    within = seconds(expiry)
    if within is not None:
        return Consequence("timeliness", Healing(within, True), staleness_seconds=within, minor=minor, rare=rare)
    return Consequence("integrity", healing_of(system, cache, entity) or "next-write", minor=minor, rare=rare)

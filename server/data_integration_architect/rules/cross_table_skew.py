"""Entities that belong together are read at different times, so the copy shows a state that never was.

Decided for jobs and captures by query that read several entities of one database, where something puts them together
later: a reference, a sum, a join, a computed result. Cannot see a tool's own snapshot option unless it is said.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

from data_integration_architect.analysis.facts import Facts
from data_integration_architect.analysis.match import Match
from data_integration_architect.analysis.repair import Healing
from data_integration_architect.analysis.severity import Consequence, Target
from data_integration_architect.analysis.system import Effect, HandlerSite, System
from data_integration_architect.analysis.view import View
from data_integration_architect.topology import OnChanges, OnSchedule, Write
from data_integration_architect.topology.values import seconds

Site = tuple[HandlerSite, str, tuple[str, ...]]
ONE_SNAPSHOT = {"repeatable-read", "snapshot", "serializable"}


def sites(view: View) -> Iterator[Site]:
    system = view.system
    for site in system.handlers.values():
        trigger = site.handler.trigger
        if isinstance(trigger, OnSchedule):
            for source in sorted({r.target for r in site.reads if system.store(r.target)}):
                read = {r.entity for r in site.reads if r.target == source and r.entity}
                writes = [e for e in site.changes if not system.same_instance(e.target, source)]
                if writes:
                    yield site, source, tuple(sorted(read))
        elif isinstance(trigger, OnChanges) and trigger.by in (None, "query") and trigger.per_table:
            yield site, trigger.changes, tuple(sorted({e.entity for e in site.changes if e.entity}))


def judge(view: View, site: Site, facts: Facts) -> Match | None:
    handler, source, entities = site
    system = view.system
    stores = sorted({e.target for e in handler.changes if not system.same_instance(e.target, source)})
    trigger = handler.handler.trigger
    pairs = list(combinations(entities, 2))
    pair = next((p for p in pairs if _belong_together(system, handler, stores, p)), None)
    if pair is None and pairs and isinstance(trigger, OnSchedule) and trigger.consistent is False:
        pair = next((p for p in pairs if _are_joined(system, stores, p, facts)), None)
    if pair is None:
        return None
    path = (*handler.path, "trigger")
    if isinstance(trigger, OnSchedule):
        known = trigger.consistent
        if known is None:
            known = _in_one_snapshot(system, [r for r in handler.reads if r.target == source])
        ask = f"Does {handler.id} read {' and '.join(pair)} in one snapshot of {source}?"
        if facts.ask((*path, "consistent"), known, (False, True), ask):
            return None
    elif isinstance(trigger, OnChanges):
        ask = f"How does {handler.id} notice changes?"
        if facts.ask((*path, "by"), trigger.by, ("query", "log"), ask) != "query":
            return None
    else:
        return None
    added_up = handler.handler.computes is not None and getattr(trigger, "reads", None) == "since-cursor"
    # The next run brings what this one missed, except where results were already added up.
    period = seconds(trigger.every)
    heals = Healing(period if period is not None else float("inf"), True)
    return Match(
        elements=(source, handler.id, *stores),
        at=path,
        summary=(
            f"{handler.id} reads {pair[0]} and {pair[1]} from {source} at different times: {' and '.join(stores)} "
            "can hold one without the change of the other that was made with it"
        ),
        consequence=Consequence("integrity", heals="never" if added_up else heals),
        targets=tuple(Target(store, None) for store in stores),
        shows=frozenset({"missing", "wrong-total"}),
    )


def _in_one_snapshot(system: System, reads: list[Effect]) -> bool | None:
    """What the transaction around the reads gives; None where they stand in none, or its isolation is unsaid."""
    blocks = {id(system.enlisted(r)): system.enlisted(r) for r in reads}
    if len(blocks) != 1 or None in blocks.values():
        return None
    block = next(iter(blocks.values()))
    store = system.store(reads[0].target)
    head = system.technology(reads[0].target)
    isolation = (
        (block.isolation if block else None)
        or (store.isolation if store else None)
        or (head.isolation_default if head else None)
    )
    return None if isolation in (None, "none") else isolation in ONE_SNAPSHOT


def _belong_together(system: System, site: HandlerSite, stores: list[str], pair: tuple[str, str]) -> bool:
    """Whether something downstream puts records of the two entities together."""
    for one, other in (pair, pair[::-1]):
        entity = system.entity(one)
        if entity is not None and any(r.to == other and r.visible_before is not False for r in entity.references):
            return True
    if site.handler.computes or any(isinstance(e.step, Write) and e.entity not in (None, *pair) for e in site.changes):
        return True
    if any(c.kind in {"sum", "reference"} and c.entity in pair for c in system.topology.constraints):
        return True
    return any(system.topology.readers[i].access == "join" for i in _common_readers(system, stores, pair))


def _common_readers(system: System, stores: list[str], pair: tuple[str, str]) -> list[int]:
    """Indices of readers of all that is copied, or of one of the two entities."""
    found = {i for store in stores for i in system.readers_of(store)}
    return [i for i in sorted(found) if system.topology.readers[i].entity in (None, *pair)]


def _are_joined(system: System, stores: list[str], pair: tuple[str, str], facts: Facts) -> bool:
    """Whether a reader of everything joins, where nobody says how it reads."""
    for index in _common_readers(system, stores, pair):
        reader = system.topology.readers[index]
        if reader.access is None and reader.entity is None:
            ask = f"How does the reader of {' and '.join(stores)} read: does it join {' and '.join(pair)}?"
            return bool(facts.ask(("readers", index, "access"), None, ("join", "point"), ask) == "join")
    return False

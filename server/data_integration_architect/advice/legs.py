"""Legs: from the system of record of an entity to one place that follows it, through whatever lies between."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from data_integration_architect.analysis.flows import Flow
from data_integration_architect.analysis.view import View


@dataclass(frozen=True)
class Leg:
    """`source` is the system of record (or the process, where none is known), `target` what follows it."""

    source: str
    target: str
    entities: tuple[str, ...]
    flows: tuple[Flow, ...]
    """The flows on the way, in order."""
    beside: tuple[Flow, ...] = ()
    """Flows of ways of the same kind between the same places: other topics, other captures."""
    aside: frozenset[str] = frozenset()
    """Handlers of ways of another kind between the same places, such as a job that repairs."""

    @property
    def all_flows(self) -> tuple[Flow, ...]:
        return (*self.flows, *self.beside)

    @property
    def first(self) -> Flow:
        return self.flows[0]

    @property
    def last(self) -> Flow:
        return self.flows[-1]

    @property
    def mechanism(self) -> str:
        """The mechanism by which data leaves the system of record."""
        return self.first.mechanism

    @cached_property
    def handlers(self) -> frozenset[str]:
        return frozenset(handler for flow in self.all_flows for handler in flow.handlers)

    @property
    def channels(self) -> tuple[str, ...]:
        """Channels and outbox tables on the way, in order."""
        passed = [name for flow in self.all_flows for name in (flow.via, flow.target) if name]
        return tuple(dict.fromkeys(name for name in passed if name != self.target))

    @cached_property
    def names(self) -> frozenset[str]:
        """Every store, channel and handler on the way."""
        return frozenset(
            name
            for flow in self.all_flows
            for name in (flow.source, flow.target, *flow.handlers, *((flow.via,) if flow.via else ()))
        )


MOST_HOPS = 6


def contested(view: View, source: str, target: str) -> set[str]:
    """Entities and parts of which both places take original writes, where neither is made to be a copy."""
    system = view.system
    ends = {system.database(source), system.database(target)}
    if len(ends) < 2 or system.is_typically_derived(target):
        return set()
    rivals = {s: owner.writers for s, owner in view.owners.items() if owner.status == "conflict"}
    return {subject for subject, writers in rivals.items() if ends <= {system.database(w) for w in writers}}


def legs_of(view: View) -> tuple[Leg, ...]:
    """Every leg, merged by source and target; sorted. A place that is only passed through is no target of its own."""
    found: dict[tuple[str, str], list[Leg]] = {}
    for leg in _all(view):
        found.setdefault((leg.source, leg.target), []).append(leg)
    merged = []
    for (source, target), legs in sorted(found.items()):
        # A repair job beside the ordinary way is not a way of its own: the way on request comes first.
        best = min(legs, key=lambda leg: (_RANK.get(leg.mechanism, 5), len(leg.flows), leg.first.id))
        alike = [flow for leg in legs if leg.mechanism == best.mechanism for flow in leg.flows]
        beside = tuple(flow for flow in dict.fromkeys(alike) if flow not in best.flows)
        entities = tuple(sorted({e for leg in legs for e in leg.entities}))
        own = {handler for flow in (*best.flows, *beside) for handler in flow.handlers}
        aside = frozenset(handler for leg in legs for handler in leg.handlers) - own
        merged.append(Leg(source, target, entities, best.flows, beside, aside))
    return tuple(merged)


_RANK = {"two-phase-commit": 0, "dual-write": 1, "cdc": 2, "outbox": 2, "event-sourcing": 2, "batch-etl": 8}


def _all(view: View) -> Iterator[Leg]:
    onward: dict[str, list[Flow]] = {}
    for flow in view.flows:
        onward.setdefault(flow.source, []).append(flow)
    for flow in view.flows:
        if flow.mechanism in {"native-replication"} or not _starts(view, flow):
            continue
        source = _record_behind(view, flow)
        if source is None or source == flow.target:
            continue
        yield from _follow(view, source, (flow,), onward)
    yield from _unfed(view)


def _unfed(view: View) -> Iterator[Leg]:
    """From the record of an entity to a store in which somebody reads it although nothing brings it there."""
    system = view.system
    fed = {flow.target for flow in view.flows} | {e.target for e in system.effects if not e.is_read}
    for reader in view.topology.readers:
        target = reader.reads if isinstance(reader.reads, str) else None
        element = system.store(target) if target else None
        if target is None or element is None or element.external or element.replica_of or target in fed:
            continue
        for entity in (reader.entity.split(".", 1)[0],) if reader.entity else tuple(view.topology.entities):
            source = view.record_of(entity)
            if source is not None and system.store(source) and not system.same_instance(source, target):
                yield Leg(source, target, (entity,), (Flow(source, target, "none", (entity,)),))


def _starts(view: View, flow: Flow) -> bool:
    """Whether a flow leaves a system of record, and not a channel or copy in the middle of a way."""
    if flow.source in view.topology.processes:
        return True
    if view.system.channel(flow.source):
        return not any(f.target == flow.source for f in view.flows if f.source != flow.target)
    owned = {view.record_of(e) for e in flow.entities}
    if not flow.entities or None in owned:
        return True
    if any(o is not None and view.system.same_instance(o, flow.source) for o in owned):
        return True
    # What is computed from a copy is news that starts there.
    return not {e for f in view.flows if f.target == flow.source for e in f.entities} & set(flow.entities)


def _record_behind(view: View, flow: Flow) -> str | None:
    if flow.source in view.topology.processes:
        records = [view.record_of(entity) for entity in flow.entities]
        stores = [r for r in records if r is not None]
        if flow.mechanism == "dual-write" and stores:
            return stores[0]
        return flow.source
    return flow.source


def _follow(view: View, source: str, way: tuple[Flow, ...], onward: dict[str, list[Flow]]) -> Iterator[Leg]:
    here = way[-1].target
    following = [
        f for f in onward.get(here, ()) if view.system.channel(here) and f.target not in {g.source for g in way}
    ]
    if not following or len(way) >= MOST_HOPS:
        entities = sorted({e for f in way for e in f.entities})
        yield Leg(source, here, tuple(entities), way)
        return
    for flow in following:
        yield from _follow(view, source, (*way, flow), onward)

"""What moves between the elements of a topology: one edge for each step, trigger, reader and replica."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from data_integration_architect.renderers.paths import Move
from data_integration_architect.topology import (
    Handler,
    Invalidate,
    OnChanges,
    OnConsume,
    OnRequest,
    Read,
    Topology,
    Transaction,
    step_kind,
    step_target,
    walk_steps,
)

OWN_WRITES = "own writes"
READING = frozenset({"read", OWN_WRITES, "replica"})
# A process may have the name of a store: what a node is belongs to its identity.
Node = tuple[Literal["place", "process", "person"], str]


@dataclass(frozen=True)
class Edge:
    """Data or a request goes from one element to another; `kind` is a step, a trigger or `replica`."""

    source: Node
    target: Node
    kind: str
    entities: tuple[str, ...] = ()


def edges_of(topology: Topology) -> Iterator[Edge]:
    for process_name, process in topology.processes.items():
        for handler in process.handlers.values():
            steps = [step for _, step in walk_steps(handler.steps, ()) if not isinstance(step, Transaction)]
            yield from handler_edges(process_name, handler, steps)
    yield from replicas(topology)
    for reader in topology.readers:
        who: Node = ("person", f"readers ({reader.access})" if reader.access else "readers")
        entities = (reader.entity,) if reader.entity else ()
        for store_name in (reader.reads,) if isinstance(reader.reads, str) else reader.reads:
            yield Edge(("place", store_name), who, "read", entities)
        if reader.own_writes_from:
            yield Edge(("place", reader.own_writes_from), who, OWN_WRITES, entities)


def replicas(topology: Topology) -> Iterator[Edge]:
    for name, store in topology.stores.items():
        if store.replica_of:
            yield Edge(("place", store.replica_of), ("place", name), "replica")


def handler_edges(process_name: str, handler: Handler, steps: Sequence[Move]) -> Iterator[Edge]:
    """What fires a handler, and what the given of its steps move."""
    process: Node = ("process", process_name)
    changed = tuple(dict.fromkeys(s.entity for s in steps if s.entity and not isinstance(s, Read | Invalidate)))
    trigger = handler.trigger
    if isinstance(trigger, OnConsume):
        yield Edge(("place", trigger.consume), process, "consume", changed)
    elif isinstance(trigger, OnChanges):
        yield Edge(("place", trigger.changes), process, f"capture ({trigger.by})" if trigger.by else "capture", changed)
    elif isinstance(trigger, OnRequest) and trigger.request.from_:
        yield Edge(("person", trigger.request.from_), process, "request", changed)
    for step in steps:
        entities = (step.entity,) if step.entity else ()
        place: Node = ("place", step_target(step))
        if isinstance(step, Read):
            yield Edge(place, process, "read", entities)
        else:
            yield Edge(process, place, step_kind(step), entities)
        if step.dead_letter:
            yield Edge(process, ("place", step.dead_letter), "dead letter", entities)

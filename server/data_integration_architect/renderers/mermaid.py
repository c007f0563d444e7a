"""Diagrams of a topology as Mermaid flowcharts: ids are indices, names stand in quoted labels only."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

from data_integration_architect.renderers.paths import Move, path_of
from data_integration_architect.renderers.sections import flat, names
from data_integration_architect.results import RunStep
from data_integration_architect.topology import (
    Handler,
    Invalidate,
    OnChanges,
    OnConsume,
    OnRequest,
    Read,
    Topology,
    Transaction,
    normalize,
    step_kind,
    step_target,
    walk_steps,
)

OWN_WRITES = "own writes"
READING = {"read", OWN_WRITES, "replica"}
_ARROWS = {**dict.fromkeys(READING, "-.->"), "invalidate": "-.-x"}
# A process may have the name of a store: what a node is belongs to its identity.
_Node = tuple[Literal["place", "process", "person"], str]


@dataclass(frozen=True)
class _Edge:
    """Data or a request goes from one element to another; `kind` is a step, a trigger or `replica`."""

    source: _Node
    target: _Node
    kind: str
    entities: tuple[str, ...] = ()


@dataclass
class _Chart:
    """Nodes in the order of their first use, and edges between the same two of one kind drawn once."""

    topology: Topology
    nodes: dict[_Node, str] = field(default_factory=dict)
    edges: dict[tuple[_Node, _Node, str], dict[str, None]] = field(default_factory=dict)

    def node(self, node: _Node) -> None:
        self.nodes.setdefault(node, f"n{len(self.nodes)}")

    def add(self, edge: _Edge) -> None:
        self.node(edge.source)
        self.node(edge.target)
        key = (edge.source, edge.target, edge.kind)
        self.edges.setdefault(key, {}).update(dict.fromkeys(edge.entities))

    def text(self) -> str:
        lines = ["flowchart LR"]
        lines += [f"  {index}{self.shape(*node)}" for node, index in self.nodes.items()]
        for (source, target, kind), entities in self.edges.items():
            words = f"{kind} {names(entities)}" if entities else kind
            arrow = _ARROWS.get(kind, "-->")
            lines.append(f"  {self.nodes[source]} {arrow}|{label(words)}| {self.nodes[target]}")
        return "\n".join(lines) + "\n"

    def shape(self, kind: str, name: str) -> str:
        if kind != "place":
            return f"[{label(name)}]" if kind == "process" else f"([{label(name)}])"
        store = self.topology.stores.get(name)
        if store is not None:
            return f"[({label(name, store.technology)})]"
        return f"[[{label(name, self.topology.channels[name].technology)}]]"


def component_map(topology: Topology) -> str:
    """Every store, channel, process and caller, and what moves between them."""
    chart = _Chart(normalize(topology).topology)
    for name in (*chart.topology.stores, *chart.topology.channels):
        chart.node(("place", name))
    for edge in _edges(chart.topology):
        chart.add(edge)
    return chart.text()


def write_path(topology: Topology, entity: str) -> str:
    """From whoever asks for a change of `entity` to every place that gets it."""
    chart = _Chart(normalize(topology).topology)
    for part in path_of(chart.topology, entity):
        for edge in _handler_edges(part.process, part.handler, part.steps):
            chart.add(edge)
    for edge in _replicas(chart.topology):
        if edge.source in chart.nodes:
            chart.add(edge)
    return chart.text()


def read_path(topology: Topology, entity: str) -> str:
    """From the places that hold `entity` to those who look at it."""
    chart = _Chart(normalize(topology).topology)
    for edge in _edges(chart.topology):
        if edge.kind in READING and _about(edge, entity):
            chart.add(edge)
    return chart.text()


def _about(edge: _Edge, entity: str) -> bool:
    """An edge without entities may carry any."""
    return not edge.entities or any(f"{one}.".startswith(f"{entity}.") for one in edge.entities)


def _edges(topology: Topology) -> Iterator[_Edge]:
    for process_name, process in topology.processes.items():
        for handler in process.handlers.values():
            steps = [step for _, step in walk_steps(handler.steps, ()) if not isinstance(step, Transaction)]
            yield from _handler_edges(process_name, handler, steps)
    yield from _replicas(topology)
    for reader in topology.readers:
        who: _Node = ("person", f"readers ({reader.access})" if reader.access else "readers")
        entities = (reader.entity,) if reader.entity else ()
        for store_name in (reader.reads,) if isinstance(reader.reads, str) else reader.reads:
            yield _Edge(("place", store_name), who, "read", entities)
        if reader.own_writes_from:
            yield _Edge(("place", reader.own_writes_from), who, OWN_WRITES, entities)


def _replicas(topology: Topology) -> Iterator[_Edge]:
    for name, store in topology.stores.items():
        if store.replica_of:
            yield _Edge(("place", store.replica_of), ("place", name), "replica")


def _handler_edges(process_name: str, handler: Handler, steps: Sequence[Move]) -> Iterator[_Edge]:
    """What fires a handler, and what the given of its steps move."""
    process: _Node = ("process", process_name)
    changed = tuple(dict.fromkeys(s.entity for s in steps if s.entity and not isinstance(s, Read | Invalidate)))
    trigger = handler.trigger
    if isinstance(trigger, OnConsume):
        yield _Edge(("place", trigger.consume), process, "consume", changed)
    elif isinstance(trigger, OnChanges):
        yield _Edge(
            ("place", trigger.changes), process, f"capture ({trigger.by})" if trigger.by else "capture", changed
        )
    elif isinstance(trigger, OnRequest) and trigger.request.from_:
        yield _Edge(("person", trigger.request.from_), process, "request", changed)
    for step in steps:
        entities = (step.entity,) if step.entity else ()
        place: _Node = ("place", step_target(step))
        if isinstance(step, Read):
            yield _Edge(place, process, "read", entities)
        else:
            yield _Edge(process, place, step_kind(step), entities)
        if step.dead_letter:
            yield _Edge(process, ("place", step.dead_letter), "dead letter", entities)


def run_mermaid(trace: Sequence[RunStep]) -> str:
    """The run as a Mermaid sequence diagram; no name can end or start a statement."""
    actors: dict[str, str] = {}
    for step in trace:
        for name in (step.actor, step.to or step.actor):
            actors.setdefault(name, f"p{len(actors)}")
    lines = ["sequenceDiagram", *(f"  participant {index} as {entities(name)}" for name, index in actors.items())]
    for step in trace:
        actor, target = actors[step.actor], actors[step.to or step.actor]
        arrow = f"note over {actor}: " if step.fault else f"{actor}->>{target}: "
        lines.append(f"  {arrow}{entities(step.text)}")
        lines += [f"  note right of {target}: {entities(change)}" for change in step.changes]
    return "\n".join(lines) + "\n"


def label(text: str, below: str | None = None) -> str:
    """Quoted label text; everything that Mermaid, its directives or HTML could read as markup is an entity code."""
    lines = [entities(text), *([entities(below)] if below else [])]
    return f'"{"<br/>".join(lines)}"'


def entities(text: str) -> str:
    """Text in which no character can be markup."""
    return "".join(c if c.isalnum() or c in _HARMLESS else f"#{ord(c)};" for c in flat(text))


_HARMLESS = " ,.:/()_-"

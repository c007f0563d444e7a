"""Diagrams of a topology as Mermaid flowcharts: ids are indices, names stand in quoted labels only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from data_integration_architect.renderers.edges import READING, Edge, Node, edges_of, handler_edges, replicas
from data_integration_architect.renderers.paths import path_of
from data_integration_architect.renderers.sections import flat, names
from data_integration_architect.results import RunStep
from data_integration_architect.topology import Topology, normalize

# Longer labels of an edge cover each other.
MOST_NAMED = 4
_ARROWS = {**dict.fromkeys(READING, "-.->"), "invalidate": "-.-x"}


@dataclass
class _Chart:
    """Nodes in the order of their first use, and edges between the same two of one kind drawn once."""

    topology: Topology
    nodes: dict[Node, str] = field(default_factory=dict)
    edges: dict[tuple[Node, Node, str], dict[str, None]] = field(default_factory=dict)

    def node(self, node: Node) -> None:
        self.nodes.setdefault(node, f"n{len(self.nodes)}")

    def add(self, edge: Edge) -> None:
        self.node(edge.source)
        self.node(edge.target)
        key = (edge.source, edge.target, edge.kind)
        self.edges.setdefault(key, {}).update(dict.fromkeys(edge.entities))

    def text(self) -> str:
        lines = ["flowchart LR"]
        lines += [f"  {index}{self.shape(*node)}" for node, index in self.nodes.items()]
        for (source, target, kind), entities in self.edges.items():
            shown = list(entities) if len(entities) <= MOST_NAMED else list(entities)[: MOST_NAMED - 1]
            more = f" and {len(entities) - len(shown)} more" if len(shown) < len(entities) else ""
            words = f"{kind} {names(shown)}{more}" if entities else kind
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
    for edge in edges_of(chart.topology):
        chart.add(edge)
    return chart.text()


def write_path(topology: Topology, entity: str) -> str:
    """From whoever asks for a change of `entity` to every place that gets it."""
    chart = _Chart(normalize(topology).topology)
    for part in path_of(chart.topology, entity):
        for edge in handler_edges(part.process, part.handler, part.steps):
            chart.add(edge)
    for edge in replicas(chart.topology):
        if edge.source in chart.nodes:
            chart.add(edge)
    return chart.text()


def read_path(topology: Topology, entity: str) -> str:
    """From the places that hold `entity` to those who look at it."""
    chart = _Chart(normalize(topology).topology)
    for edge in edges_of(chart.topology):
        if edge.kind in READING and _about(edge, entity):
            chart.add(edge)
    return chart.text()


def _about(edge: Edge, entity: str) -> bool:
    """An edge without entities may carry any."""
    return not edge.entities or any(f"{one}.".startswith(f"{entity}.") for one in edge.entities)


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

"""A topology as a FINOS CALM architecture: nodes, what connects them, and where each was seen.

CALM has no steps, transactions or guards, so handlers are left out; what moves is said at each connection.
Source: https://github.com/finos/architecture-as-code/blob/main/calm/release/1.1/meta/core.json, read 2026-11-23.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from data_integration_architect.renderers.edges import READING, Node, edges_of
from data_integration_architect.renderers.sections import flat, names
from data_integration_architect.topology import Channel, Topology, normalize
from data_integration_architect.topology.base import Element

SCHEMA = "https://calm.finos.org/release/1.1/meta/calm.json"
_PREFIX = {"place": "", "process": "process:", "person": "actor:"}
_NOT_CARRIED = {"table": "table", "http": "network", "udp": "network"}


def calm(topology: Topology) -> str:
    """The architecture as JSON; names stay as they are, ids tell a process from a store of the same name."""
    topology = normalize(topology).topology
    edges = tuple(edges_of(topology))
    nodes = [_node(name, "database", store.technology, store) for name, store in topology.stores.items()]
    nodes += [_node(name, _channel_type(one), one.technology, one) for name, one in topology.channels.items()]
    nodes += [
        {**_node(name, "service", None, process), "unique-id": _PREFIX["process"] + name}
        for name, process in topology.processes.items()
    ]
    people = dict.fromkeys(name for edge in edges for kind, name in (edge.source, edge.target) if kind == "person")
    nodes += [{**_node(name, "actor", None), "unique-id": _PREFIX["person"] + name} for name in people]
    moves: dict[tuple[str, str, str], dict[str, None]] = {}
    for edge in edges:
        # Who asks is the source: a consumer connects to its queue.
        swap = edge.kind in READING or edge.source[0] == "place"
        source, target = (edge.target, edge.source) if swap else (edge.source, edge.target)
        moves.setdefault((_id(source), _id(target), edge.kind), {}).update(dict.fromkeys(edge.entities))
    relationships = [_connects(*key, tuple(carried)) for key, carried in moves.items()]
    relationships += [
        {"unique-id": f"{name} in {one.in_}",
         "relationship-type": {"composed-of": {"container": one.in_, "nodes": [name]}}}
        for name, one in topology.channels.items() if one.in_
    ]  # fmt: skip
    document: dict[str, Any] = {"$schema": SCHEMA, "nodes": nodes, "relationships": relationships}
    if topology.system:
        document["metadata"] = {"title": flat(topology.system)}
    return json.dumps(document, ensure_ascii=False, indent=2) + "\n"


def _id(node: Node) -> str:
    return _PREFIX[node[0]] + node[1]


def _channel_type(channel: Channel) -> str:
    return _NOT_CARRIED.get(channel.technology or "", "topic")


def _node(name: str, kind: str, technology: str | None, element: Element | None = None) -> dict[str, Any]:
    description = f"{kind} on {technology}" if technology else kind
    made: dict[str, Any] = {"unique-id": name, "node-type": kind, "name": name, "description": description}
    metadata: dict[str, Any] = {"technology": technology} if technology else {}
    places = _places(element)
    if places:
        metadata["evidence"] = places
    if metadata:
        made["metadata"] = metadata
    return made


def _places(element: Element | None) -> list[str]:
    evidence: Iterable[Any] = (element.evidence or ()) if element is not None else ()
    return [at for one in evidence for at in (getattr(one, "at", None),) if at]


def _connects(source: str, target: str, kind: str, carried: tuple[str, ...]) -> Mapping[str, Any]:
    words = f"{kind} {names(carried)}" if carried else kind
    return {
        "unique-id": f"{source} {kind} {target}",
        "description": words,
        "relationship-type": {"connects": {"source": {"node": source}, "destination": {"node": target}}},
        "metadata": {"move": kind, "entities": list(carried)},
    }

"""A topology as LikeC4 source: elements by index, names in quoted titles only, one relation for each kind of move.

Source: https://likec4.dev/dsl/model/ (element, relation) and https://likec4.dev/dsl/specification/
"""

from __future__ import annotations

from data_integration_architect.renderers.edges import Node, edges_of
from data_integration_architect.renderers.sections import flat, names
from data_integration_architect.topology import Topology, normalize

_SPECIFICATION = """specification {
  element store { style { shape storage } }
  element channel { style { shape queue } }
  element process
  element person { style { shape person } }
}
"""


def likec4(topology: Topology) -> str:
    """The model with one view of everything."""
    topology = normalize(topology).topology
    edges = tuple(edges_of(topology))
    nodes: dict[Node, str] = {}
    lines = []

    def element(node: Node, kind: str, technology: str | None = None) -> None:
        nodes[node] = f"n{len(nodes)}"
        detail = f" {{ technology {_quoted(technology)} }}" if technology else ""
        lines.append(f"  {nodes[node]} = {kind} {_quoted(node[1])}{detail}")

    for name, store in topology.stores.items():
        element(("place", name), "store", store.technology)
    for name, channel in topology.channels.items():
        element(("place", name), "channel", channel.technology)
    for name in topology.processes:
        element(("process", name), "process")
    for edge in edges:
        for end in (edge.source, edge.target):
            if end not in nodes:
                element(end, "person")
    moves: dict[tuple[str, str, str], dict[str, None]] = {}
    for edge in edges:
        key = (nodes[edge.source], nodes[edge.target], edge.kind)
        moves.setdefault(key, {}).update(dict.fromkeys(edge.entities))
    for (source, target, kind), carried in moves.items():
        lines.append(f"  {source} -> {target} {_quoted(f'{kind} {names(carried)}' if carried else kind)}")
    title = _quoted(topology.system or "What moves between the stores")
    view = f"views {{\n  view index {{\n    title {title}\n    include *\n  }}\n}}\n"
    return f"{_SPECIFICATION}\nmodel {{\n" + "\n".join(lines) + "\n}\n\n" + view


def _quoted(text: str) -> str:
    """A string between single quotes; a quote or backslash in it is escaped, a line end is a blank."""
    return "'" + flat(text).replace("\\", "\\\\").replace("'", "\\'") + "'"

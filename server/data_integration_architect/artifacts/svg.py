"""Diagrams as inline SVG: the flowcharts of the document, laid out in layers without a browser or a network."""

from __future__ import annotations

import html
import re
from dataclasses import dataclass

WIDTH, HEIGHT, ACROSS, DOWN = 150, 46, 110, 26
LETTER = 6.4
_NODE = re.compile(r'\s+(n\d+)(\[\(|\[\[|\(\[|\[)"(.*)"[\])]+$')
_EDGE = re.compile(r'\s+(n\d+) (-->|-\.->|-\.-x)\|"(.*)"\| (n\d+)$')


@dataclass
class _Box:
    """What the layout needs to know of a node; it is laid out top-down and drawn left to right."""

    w: float = HEIGHT
    h: float = WIDTH
    xy: tuple[float, float] = (0.0, 0.0)


def flowchart_svg(mermaid: str, title: str) -> str:
    """An SVG of a flowchart as `renderers.mermaid` writes it; every label is escaped."""
    nodes: dict[str, tuple[str, str]] = {}
    edges: list[tuple[str, str, str, str]] = []
    for line in mermaid.splitlines():
        node, edge = _NODE.match(line), _EDGE.match(line)
        if node:
            nodes[node[1]] = (node[2], _plain(node[3]))
        elif edge:
            edges.append((edge[1], edge[4], edge[2], _plain(edge[3])))
    places = _laid_out(list(nodes), [(a, b) for a, b, _, _ in edges])
    width = max((x for x, _ in places.values()), default=0) + WIDTH + 20
    height = max((y for _, y in places.values()), default=0) + HEIGHT + 20
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" role="img" '
        f'style="max-width:{width:.0f}px;width:100%"><title>{html.escape(title)}</title><defs>'
        '<marker id="arrow" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8" markerHeight="8" orient="auto">'
        '<path d="M0 0L8 4L0 8z" fill="#555"/></marker></defs>'
    ]
    parts += [_line(places[a], places[b], kind, text) for a, b, kind, text in edges]
    parts += [_box(places[name], shape, text) for name, (shape, text) in nodes.items()]
    return "".join(parts) + "</svg>"


def _plain(label: str) -> str:
    return re.sub(r"#(\d+);", lambda code: chr(int(code[1])), label)


def _laid_out(names: list[str], edges: list[tuple[str, str]]) -> dict[str, tuple[float, float]]:
    """Left upper corner of each node: layers from left to right, crossings reduced within them."""
    from grandalf.graphs import Edge, Graph, Vertex
    from grandalf.layouts import SugiyamaLayout

    vertices = {name: Vertex(name) for name in names}
    for vertex in vertices.values():
        vertex.view = _Box()
    graph = Graph(list(vertices.values()), [Edge(vertices[a], vertices[b]) for a, b in edges if a != b])
    places: dict[str, tuple[float, float]] = {}
    top = 10.0
    for component in graph.C:
        layout = SugiyamaLayout(component)
        layout.xspace, layout.yspace = DOWN, ACROSS
        layout.init_all()
        layout.draw()
        found = {vertex.data: vertex.view.xy for vertex in component.sV}
        # The layout runs from top to bottom; turned, it runs from left to right.
        left = min(y - WIDTH / 2 for _, y in found.values())
        low = min(x - HEIGHT / 2 for x, _ in found.values())
        for name, (x, y) in found.items():
            places[name] = (round(y - WIDTH / 2 - left + 10, 1), round(x - HEIGHT / 2 - low + top, 1))
        top = max(places[name][1] for name in found) + HEIGHT + DOWN
    return places


def _line(start: tuple[float, float], end: tuple[float, float], kind: str, text: str) -> str:
    forward = end[0] >= start[0]
    x1, y1 = start[0] + (WIDTH if forward else 0), start[1] + HEIGHT / 2
    x2, y2 = end[0] + (0 if forward else WIDTH), end[1] + HEIGHT / 2
    bend = max(30.0, abs(x2 - x1) / 2) * (1 if forward else -1)
    dash = "" if kind == "-->" else ' stroke-dasharray="5 4"'
    label = html.escape(text if len(text) <= 34 else text[:33] + "…")
    return (
        f'<path d="M{x1:.1f} {y1:.1f}C{x1 + bend:.1f} {y1:.1f} {x2 - bend:.1f} {y2:.1f} {x2:.1f} {y2:.1f}" fill="none" '
        f'stroke="#555"{dash} marker-end="url(#arrow)"/><text x="{(x1 + x2) / 2:.1f}" y="{(y1 + y2) / 2 - 4:.1f}" '
        f'font-size="10" text-anchor="middle" fill="#333">{label}</text>'
    )


def _box(place: tuple[float, float], shape: str, text: str) -> str:
    x, y = place
    lines = [html.escape(line if len(line) * LETTER <= WIDTH else line[: int(WIDTH / LETTER) - 1] + "…")
             for line in text.split("<br/>")]  # fmt: skip
    radius, fill = {"[(": (14, "#dbe9f6"), "[[": (2, "#f6ecd0"), "([": (22, "#e8e8e8")}.get(shape, (4, "#fff"))
    first = y + HEIGHT / 2 + 4 - 7 * (len(lines) - 1)
    words = "".join(
        f'<text x="{x + WIDTH / 2:.1f}" y="{first + 14 * i:.1f}" font-size="12" text-anchor="middle">{line}</text>'
        for i, line in enumerate(lines)
    )
    return (
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{WIDTH}" height="{HEIGHT}" rx="{radius}" fill="{fill}" stroke="#555"/>'
        f"{words}"
    )

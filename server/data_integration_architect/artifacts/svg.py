"""Diagrams as inline SVG: flowcharts laid out in layers, and runs as sequences; no browser script and no network.

Colours are classes of the page, so that the diagrams follow its light and dark forms.
"""

from __future__ import annotations

import html
import re
import textwrap
from dataclasses import dataclass

HEIGHT, DOWN, MARGIN = 46, 26, 10
NARROWEST, WIDEST = 110, 230
LETTER, SMALL_LETTER = 6.6, 5.3
LINE = 12
# As wide as the text of the page; a flowchart that is wider goes down.
PAGE = 1200
_NODE = re.compile(r'\s+(n\d+)(\[\(|\[\[|\(\[|\[)"(.*)"[\])]+$')
_EDGE = re.compile(r'\s+(n\d+) (-->|-\.->|-\.-x)\|"(.*)"\| (n\d+)$')
_SHAPES = {"[(": ("store", 14), "[[": ("channel", 2), "([": ("person", 22), "[": ("process", 4)}


def diagram_svg(mermaid: str, title: str) -> str:
    """An SVG of a diagram as `renderers.mermaid` writes it: a flowchart or a sequence; every label is escaped."""
    return sequence_svg(mermaid, title) if mermaid.startswith("sequenceDiagram") else flowchart_svg(mermaid, title)


def plain(label: str) -> str:
    """Text of a label in which characters stand as entity codes."""
    return re.sub(r"#(\d+);", lambda code: chr(int(code[1])), label)


def _svg(width: float, height: float, title: str, parts: list[str]) -> str:
    """Shrinks to five eighths on narrow windows; beyond that its frame scrolls."""
    marker = (
        '<defs><marker id="arrow" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8" markerHeight="8" orient="auto">'
        '<path class="tip" d="M0 0L8 4L0 8z"/></marker></defs>'
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" role="img" '
        f'style="width:100%;min-width:{0.62 * width:.0f}px;max-width:{width:.0f}px">'
        f"<title>{html.escape(title)}</title>{marker}{''.join(parts)}</svg>"
    )


def _words(x: float, y: float, lines: list[str], css: str, anchor: str = "middle") -> str:
    """Lines of text around a height."""
    first = y - (len(lines) - 1) * LINE / 2
    return "".join(
        f'<text class="{css}" x="{x:.1f}" y="{first + LINE * i:.1f}" text-anchor="{anchor}">{html.escape(line)}</text>'
        for i, line in enumerate(lines)
    )


# Flowcharts


@dataclass
class _Box:
    """What the layout needs to know of a node."""

    w: float
    h: float
    xy: tuple[float, float] = (0.0, 0.0)


@dataclass(frozen=True)
class _Frame:
    """Width of the boxes of a flowchart, room between its layers, and whether those go down instead of right."""

    width: float
    gap: float
    apart: float = DOWN
    """Room between the boxes of one layer."""
    is_down: bool = False


def flowchart_svg(mermaid: str, title: str) -> str:
    """An SVG of a flowchart: from left to right, or downwards where that would not fit a page."""
    nodes: dict[str, tuple[str, list[str]]] = {}
    edges: list[tuple[str, str, str, list[str]]] = []
    for line in mermaid.splitlines():
        node, edge = _NODE.match(line), _EDGE.match(line)
        if node:
            nodes[node[1]] = (node[2], plain(node[3]).split("<br/>"))
        elif edge:
            edges.append((edge[1], edge[4], edge[2], textwrap.wrap(plain(edge[3]), 24) or [""]))
    longest = max((len(line) for _, lines in nodes.values() for line in lines), default=0)
    width = min(max(longest * LETTER + 20, NARROWEST), WIDEST)
    label = max((len(line) for *_, lines in edges for line in lines), default=0) * SMALL_LETTER
    pairs = [(a, b) for a, b, _, _ in edges]
    frame = _Frame(width, label + 34)
    places = _laid_out(list(nodes), pairs, frame)
    if _right(places, width) > PAGE:
        # Labels stand half way between boxes that are apart: two from one box must not touch.
        high = max(len(lines) for *_, lines in edges) * LINE
        down = _Frame(width, high + 34, max(DOWN, 2 * label - width + 20), is_down=True)
        turned = _laid_out(list(nodes), pairs, down)
        if _right(turned, width) < _right(places, width):
            frame, places = down, turned
    low = max((y for _, y in places.values()), default=0) + HEIGHT + MARGIN
    parts = [_line(places[a], places[b], kind, frame) for a, b, kind, _ in edges]
    parts += [_box(places[name], shape, lines, width) for name, (shape, lines) in nodes.items()]
    parts += [_label(places[a], places[b], lines, frame) for a, b, _, lines in edges]
    return _svg(_right(places, width), low, title, parts)


def _right(places: dict[str, tuple[float, float]], width: float) -> float:
    return max((x for x, _ in places.values()), default=0) + width + MARGIN


def _laid_out(names: list[str], edges: list[tuple[str, str]], frame: _Frame) -> dict[str, tuple[float, float]]:
    """Left upper corner of each node: layers one after the other, crossings reduced within them."""
    from grandalf.graphs import Edge, Graph, Vertex
    from grandalf.layouts import SugiyamaLayout

    # The library's layers go down; turned, they go right.
    across, along = (frame.width, HEIGHT) if frame.is_down else (HEIGHT, frame.width)
    vertices = {name: Vertex(name) for name in names}
    for vertex in vertices.values():
        vertex.view = _Box(across, along)
    graph = Graph(list(vertices.values()), [Edge(vertices[a], vertices[b]) for a, b in edges if a != b])
    places: dict[str, tuple[float, float]] = {}
    start = float(MARGIN)
    for component in graph.C:
        layout = SugiyamaLayout(component)
        layout.xspace, layout.yspace = frame.apart, frame.gap
        layout.init_all()
        layout.draw()
        found = {vertex.data: vertex.view.xy for vertex in component.sV}
        first = min(y - along / 2 for _, y in found.values())
        side = min(x - across / 2 for x, _ in found.values())
        for name, (x, y) in found.items():
            place = (round(x - across / 2 - side + start, 1), round(y - along / 2 - first + MARGIN, 1))
            places[name] = place if frame.is_down else (place[1], place[0])
        start = max(places[name][0 if frame.is_down else 1] for name in found) + across + DOWN
    return places


def _ends(start: tuple[float, float], end: tuple[float, float], frame: _Frame) -> tuple[float, float, float, float]:
    if frame.is_down:
        forward = end[1] >= start[1]
        y1, y2 = (start[1] + HEIGHT, end[1]) if forward else (start[1], end[1] + HEIGHT)
        return start[0] + frame.width / 2, y1, end[0] + frame.width / 2, y2
    forward = end[0] >= start[0]
    x1, x2 = (start[0] + frame.width, end[0]) if forward else (start[0], end[0] + frame.width)
    return x1, start[1] + HEIGHT / 2, x2, end[1] + HEIGHT / 2


def _line(start: tuple[float, float], end: tuple[float, float], kind: str, frame: _Frame) -> str:
    x1, y1, x2, y2 = _ends(start, end, frame)
    if frame.is_down:
        bend = max(30.0, abs(y2 - y1) / 2) * (1 if end[1] >= start[1] else -1)
        curve = f"{x1:.1f} {y1 + bend:.1f} {x2:.1f} {y2 - bend:.1f}"
    else:
        bend = max(30.0, abs(x2 - x1) / 2) * (1 if end[0] >= start[0] else -1)
        curve = f"{x1 + bend:.1f} {y1:.1f} {x2 - bend:.1f} {y2:.1f}"
    dashed = "" if kind == "-->" else " dashed"
    return f'<path class="line{dashed}" d="M{x1:.1f} {y1:.1f}C{curve} {x2:.1f} {y2:.1f}" marker-end="url(#arrow)"/>'


def _label(start: tuple[float, float], end: tuple[float, float], lines: list[str], frame: _Frame) -> str:
    x1, y1, x2, y2 = _ends(start, end, frame)
    above = 2 + LINE * len(lines) / 2 if not frame.is_down and abs(y1 - y2) < LINE else 0
    return _words((x1 + x2) / 2, (y1 + y2) / 2 + 3 - above, lines, "edge")


def _box(place: tuple[float, float], shape: str, lines: list[str], width: float) -> str:
    x, y = place
    css, radius = _SHAPES[shape]
    most = int((width - 8) / LETTER)
    short = [line if len(line) <= most else line[: most - 1] + "…" for line in lines]
    return (
        f'<g><title>{html.escape(" ".join(lines))}</title><rect class="box {css}" x="{x:.1f}" y="{y:.1f}" '
        f'width="{width:.0f}" height="{HEIGHT}" rx="{radius}"/>'
        f"{_words(x + width / 2, y + HEIGHT / 2 + 4, short, 'name')}</g>"
    )


# Sequences

COLUMN, HEAD, STEP, NOTE = 170, 40, 14, 26
_PARTICIPANT = re.compile(r"\s+participant (p\d+) as (.*)$")
_MESSAGE = re.compile(r"\s+(p\d+)->>(p\d+): (.*)$")
_NOTE = re.compile(r"\s+note (over|right of) (p\d+): (.*)$")


def sequence_svg(mermaid: str, title: str) -> str:
    """An SVG of a run: a column for each element, a row for each step, what it changed below it."""
    places: dict[str, int] = {}
    heads: list[str] = []
    rows: list[str] = []
    y = float(HEAD + MARGIN)
    for line in mermaid.splitlines():
        if found := _PARTICIPANT.match(line):
            places[found[1]] = len(heads)
            heads.append(plain(found[2]))
        elif found := _MESSAGE.match(line):
            drawn, y = _message(places[found[1]], places[found[2]], plain(found[3]), y)
            rows.append(drawn)
        elif found := _NOTE.match(line):
            is_fault = found[1] == "over"
            lines = textwrap.wrap(plain(found[3]).replace("->", "→"), 44 if is_fault else 32) or [""]
            center = _column(places[found[2]])
            y += STEP if is_fault else 4
            rows.append(_note(center, y, lines, "fault" if is_fault else "change", len(heads)))
            y += LINE * len(lines) + 8
    bottom = y + MARGIN
    right = COLUMN * len(heads) + 2 * MARGIN
    lines_down = "".join(
        f'<path class="life" d="M{_column(n):.1f} {HEAD:.0f}V{bottom:.0f}"/>' for n in range(len(heads))
    )
    tops = "".join(
        f'<rect class="box process" x="{_column(n) - COLUMN / 2 + 5:.1f}" y="4" width="{COLUMN - 10}" '
        f'height="{HEAD - 6}" rx="4"/>{_words(_column(n), HEAD / 2 + 5, _at_most(name, 26, 2), "name")}'
        for n, name in enumerate(heads)
    )
    return _svg(right, bottom, title, [lines_down, tops, *rows])


def _column(number: int) -> float:
    return MARGIN + COLUMN * (number + 0.5)


def _at_most(text: str, width: int, most: int) -> list[str]:
    return textwrap.wrap(text, width, max_lines=most, placeholder="…") or [""]


def _message(source: int, target: int, text: str, y: float) -> tuple[str, float]:
    """An arrow with its text above it; the height below it."""
    span = max(abs(source - target), 1)
    lines = textwrap.wrap(text, int(span * COLUMN / SMALL_LETTER) - 4) or [""]
    at = y + STEP + LINE * len(lines)
    start, end = _column(source), _column(target)
    if source == target:
        end = start + 24
        path = f'<path class="line" d="M{start:.1f} {at:.1f}h24v8h-22" marker-end="url(#arrow)"/>'
        words = _words(start + 4, at - LINE * (len(lines) - 1) / 2 - 4, lines, "edge", "start")
    else:
        path = f'<path class="line" d="M{start:.1f} {at:.1f}H{end:.1f}" marker-end="url(#arrow)"/>'
        words = _words((start + end) / 2, at - LINE * (len(lines) - 1) / 2 - 4, lines, "edge")
    return path + words, at + (8 if source == target else 0)


def _note(center: float, y: float, lines: list[str], css: str, columns: int) -> str:
    width = max(map(len, lines)) * SMALL_LETTER + 12
    left = min(max(center - width / 2, 2), COLUMN * columns + 2 * MARGIN - width - 2)
    return (
        f'<rect class="note {css}" x="{left:.1f}" y="{y:.1f}" width="{width:.1f}" '
        f'height="{LINE * len(lines) + 5}" rx="3"/>'
        + _words(left + width / 2, y + 1 + LINE * (len(lines) + 1) / 2, lines, f"edge {css}")
    )

"""Plain data that remembers its lines: what the YAML, JSON, XML and HCL wrappers return and readers walk."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias


class Text(str):
    """A scalar; `plain` is false where quotes said that it is text."""

    __slots__ = ("line", "plain")
    line: int
    plain: bool

    def __new__(cls, value: str, line: int = 1, plain: bool = False) -> Text:
        made = super().__new__(cls, value)
        made.line = line
        made.plain = plain
        return made


class Table(dict[str, "Node"]):
    """A mapping; `line` is where it starts and `key_line` where a key stands."""

    def __init__(self, line: int = 1) -> None:
        super().__init__()
        self.line = line
        self.key_lines: dict[str, int] = {}

    def put(self, key: str, value: Node, line: int) -> None:
        self[key] = value
        self.key_lines[key] = line

    def key_line(self, key: str) -> int:
        return self.key_lines.get(key, self.line)


class Listing(list["Node"]):
    """A sequence; `line` is where it starts."""

    def __init__(self, line: int = 1) -> None:
        super().__init__()
        self.line = line


Node: TypeAlias = Text | Table | Listing


class Malformed(Exception):
    """Text that is not of its format; carries the line and our own wording, never content."""

    def __init__(self, line: int, what: str) -> None:
        super().__init__(what)
        self.line, self.what = max(line, 1), what


def table(node: Node | None) -> Table:
    """`node` if it is a mapping, else an empty one."""
    return node if isinstance(node, Table) else Table()


def listing(node: Node | None) -> Listing:
    """`node` if it is a sequence, else an empty one."""
    return node if isinstance(node, Listing) else Listing()


def text(node: Node | None) -> str:
    """`node` if it is a scalar, else empty text."""
    return str(node) if isinstance(node, Text) else ""


def at(node: Node | None, *path: str | int) -> Node | None:
    """The node below `node` at `path`, None where the path ends early."""
    for key in path:
        if isinstance(node, Table) and isinstance(key, str):
            node = node.get(key)
        elif isinstance(node, Listing) and isinstance(key, int) and -len(node) <= key < len(node):
            node = node[key]
        else:
            return None
    return node


def tables(node: Node | None) -> Iterator[Table]:
    """The mappings in a sequence."""
    for item in listing(node):
        if isinstance(item, Table):
            yield item


def texts(node: Node | None) -> list[Text]:
    """The scalars of a sequence, or a lone scalar as a list of one."""
    if isinstance(node, Text):
        return [node]
    return [item for item in listing(node) if isinstance(item, Text)]


def flatten(node: Node | None, prefix: str = "", separator: str = ".") -> Iterator[tuple[str, Text, int]]:
    """Every scalar with its dotted key and the line of the key; list items count from 0 in brackets."""
    pending: list[tuple[str, Node, int]] = [(prefix, node, node.line)] if node is not None else []
    while pending:
        key, value, line = pending.pop()
        if isinstance(value, Text):
            yield key, value, line
        elif isinstance(value, Table):
            children = [
                (f"{key}{separator}{name}" if key else name, child, value.key_line(name))
                for name, child in value.items()
            ]
            pending.extend(reversed(children))
        else:
            items = [(f"{key}[{i}]", child, child.line) for i, child in enumerate(value)]
            pending.extend(reversed(items))


def walk_tables(node: Node | None) -> Iterator[Table]:
    """Every mapping in `node`, outermost first."""
    pending: list[Node] = [node] if node is not None else []
    while pending:
        value = pending.pop()
        if isinstance(value, Table):
            yield value
            pending.extend(reversed(list(value.values())))
        elif isinstance(value, Listing):
            pending.extend(reversed(value))

"""Parts of a topology that have nothing in common: what is said of one says nothing of the others.

A finding, a property, a model and the effect of an answer lie in one part, so a landscape of many systems costs what
its systems cost.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from data_integration_architect.files import DocumentPath
from data_integration_architect.topology.load import dump_topology
from data_integration_architect.topology.model import Topology
from data_integration_architect.topology.reading import read_as_meant

NAMED = ("stores", "channels", "entities", "processes")
LISTED = ("readers", "causality", "constraints", "symptoms")

Node = tuple[str, Hashable]


@dataclass(frozen=True)
class Mention:
    """Something that is said of several elements, which are then in one part. `names` that are none are passed over."""

    key: Hashable
    names: tuple[str, ...]
    paths: tuple[DocumentPath, ...] = ()


@dataclass(frozen=True)
class Part:
    """Elements of one part; `listed` has the positions of list entries in the whole."""

    number: int
    topology: Topology
    listed: Mapping[str, tuple[int, ...]]

    def outside(self, path: DocumentPath) -> DocumentPath:
        """A path of this part as one of the whole."""
        if path[0] not in LISTED or len(path) < 2:
            return path
        return path[0], self.listed[str(path[0])][int(path[1])], *path[2:]

    def inside(self, path: DocumentPath) -> DocumentPath:
        """A path of the whole, in this part, as one of it."""
        if path[0] not in LISTED or len(path) < 2:
            return path
        return path[0], self.listed[str(path[0])].index(int(path[1])), *path[2:]


class Parts:
    """The parts in the order of the document, at least one. Entries of lists that name nothing belong to the first."""

    def __init__(self, topology: Topology, mentions: Iterable[Mention] = ()) -> None:
        self._topology = topology
        self._parents: dict[Node, Node] = {}
        self._tie_references()
        self._tie_instances()
        for one in mentions:
            self._tie_mention(one)
        nodes = [(group, name) for group in NAMED for name in getattr(topology, group)]
        roots = list(dict.fromkeys(map(self._root, nodes)))
        self._numbers = {root: number for number, root in enumerate(roots)}
        self.count = max(1, len(roots))

    def of(self, path: DocumentPath) -> int | None:
        """Number of the part in which a path of the whole lies; None where it concerns all of them."""
        if len(path) < 2 or path[0] not in (*NAMED, *LISTED):
            return None
        return self._number((str(path[0]), int(path[1]) if path[0] in LISTED else path[1]))

    def about(self, mention: Mention) -> int:
        """Number of the part in which what was mentioned lies."""
        return self._number(("mentions", mention.key))

    def part(self, number: int) -> Part:
        """One part as a topology of its own."""
        if self.count < 2:
            return Part(0, self._topology, {group: tuple(range(len(self._of(group)))) for group in LISTED})
        content: dict[str, Any] = {
            group: {name: one for name, one in self._of(group).items() if self._number((group, name)) == number}
            for group in NAMED
        }
        listed = {
            group: tuple(n for n in range(len(self._of(group))) if self._number((group, n)) == number)
            for group in LISTED
        }
        content |= {group: tuple(self._of(group)[n] for n in listed[group]) for group in LISTED}
        return Part(number, self._topology.model_copy(update=content), listed)

    def _of(self, group: str) -> Any:
        return getattr(self._topology, group)

    def _number(self, node: Node) -> int:
        return self._numbers.get(self._root(node), 0)

    def _tie_references(self) -> None:
        """Elements that name each other."""
        for reference in read_as_meant(dump_topology(self._topology)).references:
            if len(reference.path) > 1:
                here = (str(reference.path[0]), reference.path[1])
                for group, name in self._nodes(reference.name):
                    if _may_name(reference.refers.kind, group):
                        self._tie(here, (group, name))

    def _tie_instances(self) -> None:
        """Stores of one instance, and handlers that compute one result."""
        for name, store in self._topology.stores.items():
            if store.instance is not None:
                self._tie(("stores", name), ("instances", store.instance))
                if store.instance in self._topology.stores:
                    self._tie(("stores", name), ("stores", store.instance))
        for name, process in self._topology.processes.items():
            for handler in process.handlers.values():
                if handler.computes is not None:
                    self._tie(("processes", name), ("results", handler.computes.result))

    def _tie_mention(self, mention: Mention) -> None:
        here = ("mentions", mention.key)
        for name in mention.names:
            for node in self._nodes(name):
                self._tie(here, node)
        for path in mention.paths:
            if len(path) > 1 and path[0] in (*NAMED, *LISTED):
                self._tie(here, (str(path[0]), int(path[1]) if path[0] in LISTED else path[1]))

    def _nodes(self, word: str) -> Iterator[Node]:
        """The elements that a word can name; entities and processes by the name of a part as well."""
        for group in NAMED:
            name = word.split(".")[0] if group in ("entities", "processes") else word
            if name in self._of(group):
                yield group, name

    def _tie(self, one: Node, other: Node) -> None:
        first, second = self._root(one), self._root(other)
        if first != second:
            self._parents[first] = second

    def _root(self, node: Node) -> Node:
        root = node
        while (parent := self._parents.get(root)) is not None:
            root = parent
        # Each node on the way points to the root from now on: long ways are gone only once.
        while node != root:
            self._parents[node], node = root, self._parents[node]
        return root


def _may_name(kind: str, group: str) -> bool:
    match group:
        case "stores" | "channels":
            return kind in (group.removesuffix("s"), "store or channel", "element")
        case "entities":
            return kind.startswith("entity")
    return kind in ("handler", "element")

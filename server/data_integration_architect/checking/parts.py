"""Parts of a topology that have nothing in common: what is said of one says nothing of the others.

A finding, a property and its model lie in one part, so a landscape of many systems costs what its systems cost.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from data_integration_architect.checking.subjects import Subject
from data_integration_architect.files import DocumentPath
from data_integration_architect.topology import Topology, dump_topology
from data_integration_architect.topology.reading import read_as_meant

NAMED = ("stores", "channels", "entities", "processes")
LISTED = ("readers", "causality", "constraints", "symptoms")

Node = tuple[str, str | int]


@dataclass(frozen=True)
class Part:
    """Elements of one part, and the findings there; `listed` has the positions of list entries in the whole."""

    number: int
    topology: Topology
    listed: Mapping[str, tuple[int, ...]]
    subjects: tuple[Subject, ...]

    def outside(self, path: str) -> str:
        """A dotted path of this part as one of the whole."""
        keys = path.split(".")
        if keys[0] not in LISTED or len(keys) < 2:
            return path
        return ".".join((keys[0], str(self.listed[keys[0]][int(keys[1])]), *keys[2:]))


def parts_of(topology: Topology, subjects: Sequence[Subject]) -> list[Part]:
    """The parts in the order of the document, at least one. Entries of lists that name nothing belong to the first.

    Elements of one finding are in one part. Positions in the findings of a part are those that lists have there.
    """
    ties = _Ties(topology, subjects)
    nodes = [(group, name) for group in NAMED for name in getattr(topology, group)]
    roots = list(dict.fromkeys(map(ties.root, nodes)))
    if len(roots) < 2:
        everything = {group: tuple(range(len(getattr(topology, group)))) for group in LISTED}
        return [Part(0, topology, everything, tuple(subjects))]
    return [_part(topology, subjects, ties, root, number) for number, root in enumerate(roots)]


def _part(topology: Topology, subjects: Sequence[Subject], ties: _Ties, root: Node, number: int) -> Part:
    def is_here(group: str, key: str | int) -> bool:
        return ties.root((group, key)) == root or (not number and (group, key) not in ties.parents)

    content: dict[str, Any] = {
        group: {name: one for name, one in getattr(topology, group).items() if ties.root((group, name)) == root}
        for group in NAMED
    }
    listed = {group: tuple(n for n in range(len(getattr(topology, group))) if is_here(group, n)) for group in LISTED}
    content |= {group: tuple(getattr(topology, group)[n] for n in listed[group]) for group in LISTED}
    here = tuple(_moved(one, listed) for one in subjects if is_here("findings", one.fingerprint))
    return Part(number, topology.model_copy(update=content), listed, here)


def _moved(subject: Subject, listed: Mapping[str, tuple[int, ...]]) -> Subject:
    """A finding of the whole with the positions that lists have in its part."""

    def moved(path: DocumentPath) -> DocumentPath:
        if len(path) < 2 or path[0] not in LISTED:
            return path
        return path[0], listed[path[0]].index(int(path[1])), *path[2:]

    def dotted(path: str) -> str:
        return ".".join(map(str, moved(tuple(path.split(".")))))

    return replace(
        subject,
        places=tuple(map(dotted, subject.places)),
        at=dotted(subject.at),
        condition=tuple((moved(path), value) for path, value in subject.condition),
    )


class _Ties:
    """Which elements name each other, directly or through others; stores of one instance and handlers that compute
    one result as well.
    """

    def __init__(self, topology: Topology, subjects: Sequence[Subject]) -> None:
        self.parents: dict[Node, Node] = {}
        for reference in read_as_meant(dump_topology(topology)).references:
            if len(reference.path) > 1:
                for group in NAMED:
                    name = reference.name.split(".")[0] if group in ("entities", "processes") else reference.name
                    if name in getattr(topology, group) and _may_name(reference.refers.kind, group):
                        self.tie((str(reference.path[0]), reference.path[1]), (group, name))
        for name, store in topology.stores.items():
            if store.instance is not None:
                self.tie(("stores", name), ("instances", store.instance))
                if store.instance in topology.stores:
                    self.tie(("stores", name), ("stores", store.instance))
        for name, process in topology.processes.items():
            for handler in process.handlers.values():
                if handler.computes is not None:
                    self.tie(("processes", name), ("results", handler.computes.result))
        for subject in subjects:
            self._tie_finding(topology, subject)

    def _tie_finding(self, topology: Topology, subject: Subject) -> None:
        here = ("findings", subject.fingerprint)
        for element in (*subject.elements, *(store for store, _ in subject.targets)):
            for group in NAMED:
                name = element.split(".")[0] if group in ("entities", "processes") else element
                if name in getattr(topology, group):
                    self.tie(here, (group, name))
        for _, value in subject.condition:
            for group in ("stores", "channels"):
                # what a condition says may name an element
                if isinstance(value, str) and value in getattr(topology, group):
                    self.tie(here, (group, value))
        for path in (tuple(subject.at.split(".")), *(path for path, _ in subject.condition)):
            if len(path) > 1 and path[0] in (*NAMED, *LISTED):
                self.tie(here, (str(path[0]), int(path[1]) if path[0] in LISTED else path[1]))

    def tie(self, one: Node, other: Node) -> None:
        self.parents[self.root(one)] = self.root(other)

    def root(self, node: Node) -> Node:
        while (parent := self.parents.get(node, node)) != node:
            node = parent
        return node


def _may_name(kind: str, group: str) -> bool:
    match group:
        case "stores" | "channels":
            return kind in (group.removesuffix("s"), "store or channel", "element")
        case "entities":
            return kind.startswith("entity")
    return kind in ("handler", "element")

"""A finding as the checker needs it: the property it threatens, where, and which options of the model are its own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from data_integration_architect.catalog import load_catalog
from data_integration_architect.files import DocumentPath
from data_integration_architect.modelcheck import Question, Step
from data_integration_architect.modelcheck.scene import places
from data_integration_architect.rules import Found
from data_integration_architect.topology import (
    NormalForm,
    OnChanges,
    OnConsume,
    Topology,
    Write,
    dump_topology,
    walk_steps,
)

# Where a target accumulates effects instead of holding a state, agreement means that each effect is there once.
SAME_MEANING = {
    "convergence": ("exactly-once-effect", "conservation", "no-phantom"),
    "no-stale-overwrite": ("convergence", "exactly-once-effect"),
    "exactly-once-effect": ("conservation", "convergence"),
    "no-phantom": ("exactly-once-effect", "convergence"),
    "non-negative": ("uniqueness",),
    "uniqueness": ("non-negative", "exactly-once-effect"),
    "read-your-writes": ("fresh-read",),
}


# Forms of one thing: a state that is the right one, and effects that are each there once.
STATE = frozenset({"convergence", "monotonic-view", "no-phantom", "no-stale-overwrite"})

RECEIVERS = "receivers of "


@dataclass(frozen=True)
class Subject:
    """`places`: dotted paths in the normal form; options below them may be the finding's own.

    `is_late`: the finding says that data is late, not that it is wrong. `beside`: paths of other handlers that bring
    events to its targets or delete what it is about, where what mends it may lie if it lies at no place of its own.
    `property` is empty where the checker has no model of the anti-pattern; then `reason` says why.
    """

    id: str
    fingerprint: str
    property: str
    reason: str
    places: tuple[str, ...]
    handlers: tuple[str, ...]
    targets: tuple[tuple[str, str | None], ...]
    elements: tuple[str, ...]
    condition: tuple[tuple[DocumentPath, Any], ...] = ()
    ideal: tuple[str, ...] = ()
    at: str = ""
    is_late: bool = False
    beside: tuple[str, ...] = ()

    def owns(self, path: str) -> bool:
        """Whether an option lies at a place of the finding."""
        return _is_below(path, self.places)

    def is_beside(self, path: str) -> bool:
        """Whether an option lies at another handler that may be what the finding needs mended."""
        return _is_below(path, self.beside)

    def acts_in(self, steps: Sequence[Step]) -> bool:
        """Whether a handler of the finding, or an element by itself, does a step of a run; of a finding without
        handlers, whether an element takes part at all.
        """
        acting = (*self.handlers, *self.elements)
        if any(_is_by(step.actor, name) for step in steps for name in acting):
            return True
        return not self.handlers and any(name in (step.source, step.target) for step in steps for name in self.elements)

    def takes_part_in(self, steps: Sequence[Step]) -> bool:
        """Whether a run can be the finding's: it acts, a channel of it is written, or nobody comes to write its target,
        as where a change is not noticed.
        """
        written = {step.target for step in steps}
        if self.acts_in(steps) or any(place == f"channels.{name}" for place in self.places for name in written):
            return True
        return bool(self.targets) and written.isdisjoint(store for store, _ in self.targets)

    def is_about(self, question: Question) -> bool:
        """Whether a question asks, of a target of the finding, for what the finding's defect breaks."""
        return _means(self.property, question.property) and any(
            question.target == store and _same(question.entity, entity) for store, entity in self.targets
        )


def subject_of(found: Found, topology: Topology) -> Subject:
    """What the checker is asked about a finding."""
    head = load_catalog().anti_patterns.heads[found.id]
    elements = found.match.elements
    own = [place for name in elements for place in _places(topology, name)]
    depth = 4 if found.match.at[0] == "processes" else 2
    own.append(".".join(map(str, found.match.at[:depth])))
    return Subject(
        id=found.id,
        fingerprint=found.fingerprint,
        property=head.check.property or "",
        reason=head.check.not_modelled or "",
        places=tuple(dict.fromkeys(own)),
        handlers=tuple(_label(name) for name in elements if _is_handler(topology, name)),
        targets=tuple((target.store, target.entity) for target in found.match.targets),
        elements=elements,
        condition=found.condition,
        ideal=head.check.ideal,
        at=".".join(map(str, found.match.at)),
        is_late=found.match.consequence.violates == "timeliness",
        beside=tuple(dict.fromkeys(_bringing(topology, found))),
    )


def _is_below(path: str, places: Sequence[str]) -> bool:
    return any(path == place or path.startswith(f"{place}.") for place in places)


def _bringing(topology: Topology, found: Found) -> Iterator[str]:
    """Paths of handlers that bring events to a target of a finding, or delete what it is about."""
    for place in places(topology):
        brings = isinstance(place.handler.trigger, OnConsume | OnChanges)
        for _, step in walk_steps(place.handler.steps, ()):
            if isinstance(step, Write) and any(
                (brings and step.write == target.store) or (step.mode == "delete" and _same(step.entity, target.entity))
                for target in found.match.targets
            ):
                yield place.path


def _means(one: str, other: str) -> bool:
    """Whether a defect that breaks one property breaks the other as well."""
    return bool(one) and (other in (one, *SAME_MEANING.get(one, ())) or {one, other} <= STATE)


def _is_by(actor: str, handler: str) -> bool:
    """Whether an actor is a handler: `shop.save #2`, `relay.poll worker 1` and `sync, old instance` are."""
    return actor == handler or actor.startswith((f"{handler} ", f"{handler},"))


def _is_handler(topology: Topology, name: str) -> bool:
    process, _, handler = name.rpartition(".")
    return process in topology.processes and handler in topology.processes[process].handlers


def _label(name: str) -> str:
    """The handler's name in models: of a short form, that of its process."""
    return name.removesuffix(".run")


def _places(topology: Topology, name: str) -> list[str]:
    if _is_handler(topology, name):
        process, _, handler = name.rpartition(".")
        return [f"processes.{process}.handlers.{handler}"]
    groups = {"stores": topology.stores, "channels": topology.channels, "entities": topology.entities}
    return [f"{group}.{name}" for group, known in groups.items() if name in known]


def candidates(subject: Subject, asked: Sequence[Question]) -> list[Question]:
    """Questions about the property of a finding, or what it means there, the nearest first."""
    wanted = (subject.property, *SAME_MEANING.get(subject.property, ()))
    numbered = [
        question
        for question in asked
        if question.element and question.property in wanted and _is_about(subject, question.element)
    ]
    targeted = [
        question
        for name in wanted
        for store, entity in subject.targets
        for question in asked
        if question.property == name
        and question.target in (store, f"{RECEIVERS}{store}")
        and _same(question.entity, entity)
    ]
    named = [
        question
        for name in wanted
        for question in asked
        if question.property == name
        and (question.target.removeprefix(RECEIVERS) in subject.elements or _names(subject, question))
    ]
    rest = [question for name in wanted for question in asked if question.property == name]
    return list(dict.fromkeys([*numbered, *targeted, *named, *rest]))


def _names(subject: Subject, question: Question) -> bool:
    return any(also in subject.elements for also, _ in question.also)


def _is_about(subject: Subject, element: str) -> bool:
    return element in subject.places or element.removeprefix("copies.") in subject.elements


def _same(one: str | None, other: str | None) -> bool:
    return one is None or other is None or one.split(".")[0] == other.split(".")[0]


def fact_path(topology: Topology, path: str) -> DocumentPath:
    """An option's dotted path as keys and positions in the plain data of a topology. Names have no dots."""
    current: Any = dump_topology(topology)
    keys: list[str | int] = []
    for part in path.split("."):
        keys.append(int(part) if isinstance(current, list) and part.isdecimal() else part)
        try:
            current = current[keys[-1]]
        except (KeyError, IndexError, TypeError):
            current = None
    return tuple(keys)


def origin_of(normal: NormalForm, actor: str) -> DocumentPath | None:
    """Where the actor of a step stands in the document: `shop.save #2` is a request of that handler."""
    label = actor.split(" #")[0].split(",")[0]
    process, _, handler = label.rpartition(".")
    for name, inner in ((process, handler), (label, "run")):
        if name in normal.topology.processes and inner in normal.topology.processes[name].handlers:
            return normal.document_path(("processes", name, "handlers", inner))
    return None

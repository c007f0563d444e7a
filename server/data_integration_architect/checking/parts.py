"""The findings of each part of a topology, in the words of that part."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from data_integration_architect.checking.subjects import Subject
from data_integration_architect.topology import Topology
from data_integration_architect.topology.parts import Mention, Part, Parts


@dataclass(frozen=True)
class SubjectsOf:
    """A part, and the findings there; positions in them are those that lists have in the part."""

    part: Part
    subjects: tuple[Subject, ...]


def parts_of(topology: Topology, subjects: Sequence[Subject]) -> list[SubjectsOf]:
    """The parts in the order of the document, at least one. Elements of one finding are in one part."""
    mentions = [_mention(one) for one in subjects]
    parts = Parts(topology, mentions)
    if parts.count < 2:
        return [SubjectsOf(parts.part(0), tuple(subjects))]
    here: dict[int, list[Subject]] = {}
    for subject, mention in zip(subjects, mentions, strict=True):
        here.setdefault(parts.about(mention), []).append(subject)
    found = [parts.part(number) for number in range(parts.count)]
    return [SubjectsOf(part, tuple(_moved(one, part) for one in here.get(part.number, ()))) for part in found]


def _mention(subject: Subject) -> Mention:
    # what a condition says may name an element
    said = (value for _, value in subject.condition if isinstance(value, str))
    return Mention(
        subject.fingerprint,
        (*subject.elements, *(store for store, _ in subject.targets), *said),
        (_keys(subject.at), *(path for path, _ in subject.condition)),
    )


def outside(part: Part | None, path: str) -> str:
    """A dotted path of a part as one of the whole."""
    return path if part is None else ".".join(map(str, part.outside(_keys(path))))


def _keys(dotted: str) -> tuple[str, ...]:
    return tuple(dotted.split("."))


def _moved(subject: Subject, part: Part) -> Subject:
    """A finding of the whole as one of its part."""

    def moved(path: str) -> str:
        return ".".join(map(str, part.inside(_keys(path))))

    return replace(
        subject,
        places=tuple(map(moved, subject.places)),
        at=moved(subject.at),
        condition=tuple((part.inside(path), value) for path, value in subject.condition),
    )

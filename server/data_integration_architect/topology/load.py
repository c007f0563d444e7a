"""Reads a document into a topology, and names every problem of it at once."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator
from typing import Any, NamedTuple

from pydantic import ValidationError

from data_integration_architect.errors import InputError, Problem
from data_integration_architect.files import EMPTY, Document, DocumentPath, format_path
from data_integration_architect.topology.complaints import complaints
from data_integration_architect.topology.model import Topology
from data_integration_architect.topology.reading import read_as_meant
from data_integration_architect.topology.references import name_problems, reference_problems

MOST_PLACES_SHOWN = 6


def load_topology(document: Document) -> Topology:
    """The topology of `document`, short forms not yet rewritten. Raises: InputError with all problems and places."""
    if not isinstance(document.data, dict):
        message = (
            "a topology is a mapping with stores, entities, processes, …; `explain topology` tells how to write one, "
            "or begin with `stores: {db: {technology: postgresql}}`"
        )
        raise InputError(document.source, [*document.problems, _problem(document, (), message)])
    if not document.data:
        # A gate that lets it pass would say that an emptied file is sound.
        raise InputError(document.source, [_problem(document, (), EMPTY)])
    reading = read_as_meant(document.data)
    found = [_Found(path, message, message) for path, message in reading.problems.items()]
    topology = None
    try:
        topology = Topology.model_validate(reading.data)
    except ValidationError as error:
        for path, message in complaints(error, reading.data, reading.follows).items():
            place = reading.original(path)
            if place not in reading.problems:
                found.append(_Found(place, message, place))
    # A file of another kind: its values are no names, and are not shown.
    references = reading.references if reading.follows or not found else []
    for reference, message in reference_problems(reading.data, references):
        cause = reference.name if message.startswith("unknown") else message
        found.append(_Found(reading.original(reference.path), message, cause))
    for path, message in name_problems(reading.data):
        found.append(_Found(reading.original(path), message, path))
    if found or document.problems or topology is None:
        raise InputError(document.source, [*document.problems, *_once(document, found)])
    return topology


class _Found(NamedTuple):
    """A problem at its path in the document; those of one cause are told once."""

    path: DocumentPath
    message: str
    cause: Hashable


def _once(document: Document, found: Iterable[_Found]) -> Iterator[Problem]:
    causes: dict[Hashable, list[_Found]] = {}
    for one in found:
        causes.setdefault(one.cause, []).append(one)
    for group in causes.values():
        first, *others = sorted(group, key=lambda one: document.place(one.path)) if document.marks else group
        yield _problem(document, first.path, first.message + _elsewhere(document, [one.path for one in others]))


def _elsewhere(document: Document, paths: list[DocumentPath]) -> str:
    if not paths:
        return ""
    lines = sorted({line for path in paths if (line := document.place(path)[0]) is not None})
    shown = [str(line) for line in lines] or [format_path(path) for path in paths]
    more = ", …" if len(shown) > MOST_PLACES_SHOWN else ""
    what = ("line " if len(lines) == 1 else "lines ") if lines else ""
    return f" (also in {what}{', '.join(shown[:MOST_PLACES_SHOWN])}{more})"


def _problem(document: Document, path: DocumentPath, message: str) -> Problem:
    line, column = document.place(path)
    return Problem(line, column, format_path(path), message)


def load_document(data: Any, source: str) -> Topology:
    """The topology of plain data that no file holds. Raises: InputError."""
    return load_topology(Document(data, source))


def dump_topology(topology: Topology) -> dict[str, Any]:
    """Plain data that `load_topology` reads back to an equal topology; only what was said."""
    dumped: dict[str, Any] = topology.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    return dumped

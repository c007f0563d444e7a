"""Changes of single facts in a topology's plain data, by document path."""

from __future__ import annotations

import copy
from typing import Any

from pydantic import ValidationError

from data_integration_architect.errors import UnknownName
from data_integration_architect.files import DocumentPath, format_path
from data_integration_architect.topology.base import NONE
from data_integration_architect.topology.load import dump_topology, load_document
from data_integration_architect.topology.model import Topology
from data_integration_architect.topology.reading import Reading, shape_at
from data_integration_architect.topology.references import reference_problems

GROUPS = ("stores", "channels", "entities", "processes", "readers", "causality", "constraints", "symptoms")
# What in an element others refer to or depend on.
SEEN_BY_OTHERS = ("handlers", "parts", "replica_of")


def with_fact(topology: Topology, path: DocumentPath, value: Any) -> Topology:
    """`topology` with `value` at `path`; mappings on the way are made. Raises: InputError, UnknownName."""
    changed = _with_element(topology, path, value)
    if changed is not None:
        return changed
    data = dump_topology(topology)
    _put(data, path, value)
    return load_document(data, "topology")


def _with_element(topology: Topology, path: DocumentPath, value: Any) -> Topology | None:
    """`topology` with the one element read again in which `path` lies, as the others stay what they are.

    None where the change may concern others, or is wrong: reading the whole tells all that is wrong with it.
    """
    if len(path) < 3 or path[0] not in GROUPS:
        return None
    group, inside = str(path[0]), path[2:]
    elements = getattr(topology, group)
    listed = isinstance(elements, tuple)
    if path[1] not in (range(len(elements)) if listed else elements):
        return None
    element = elements[path[1]]
    data = element.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    if inside[0] in SEEN_BY_OTHERS and (len(inside) < 3 or inside[1] not in data.get(inside[0], ())):
        return None
    names = {
        "stores": topology.stores,
        "channels": topology.channels,
        "entities": {name: {"parts": entity.parts} for name, entity in topology.entities.items()},
        "processes": {name: {"handlers": process.handlers} for name, process in topology.processes.items()},
    }
    reading = Reading()
    try:
        _put(data, inside, value)
        meant = reading.value(shape_at({}, path[:2]), data, path[:2])
        if reading.problems or list(reference_problems(names, reading.references)):
            return None
        read = type(element).model_validate(meant)
    except (UnknownName, ValidationError):
        return None
    others = dict(enumerate(elements) if listed else elements) | {path[1]: read}
    return topology.model_copy(update={group: tuple(others.values()) if listed else others})


def without_fact(topology: Topology, path: DocumentPath) -> Topology:
    """`topology` without what stands at `path`. Raises: InputError, UnknownName."""
    data = dump_topology(topology)
    parent = _walk(data, path[:-1], path)
    del parent[path[-1]]
    return load_document(data, "topology")


def set_fact(data: Any, path: DocumentPath, value: Any) -> Any:
    """A copy of plain `data` with `value` at `path`. A word such as `none` on the way gives way to a mapping."""
    result = copy.deepcopy(data)
    _put(result, path, value)
    return result


def _put(data: Any, path: DocumentPath, value: Any) -> None:
    current = data
    for at, key in enumerate(path[:-1]):
        if isinstance(current, dict) and (key not in current or current[key] == NONE):
            current[key] = {}
        current = _step(current, key, path[: at + 1])
    current[path[-1]] = value


def _walk(data: Any, path: DocumentPath, whole: DocumentPath) -> Any:
    for at, key in enumerate(path):
        data = _step(data, key, whole[: at + 1])
    return data


def _step(current: Any, key: str | int, path: DocumentPath) -> Any:
    try:
        return current[key]
    except (KeyError, IndexError, TypeError):
        known = [str(k) for k in current] if isinstance(current, dict) else []
        raise UnknownName("path", format_path(path), known) from None

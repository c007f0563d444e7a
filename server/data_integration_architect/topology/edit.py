"""Changes of single facts in a topology's plain data, by document path."""

from __future__ import annotations

import copy
from typing import Any

from data_integration_architect.errors import UnknownName
from data_integration_architect.files import DocumentPath, format_path
from data_integration_architect.topology.base import NONE
from data_integration_architect.topology.load import dump_topology, load_document
from data_integration_architect.topology.model import Topology


def with_fact(topology: Topology, path: DocumentPath, value: Any) -> Topology:
    """`topology` with `value` at `path`; mappings on the way are made. Raises: InputError, UnknownName."""
    data = dump_topology(topology)
    _put(data, path, value)
    return load_document(data, "topology")


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

"""A topology as it is given to a tool or command: text, plain data, or a file below the root."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from data_integration_architect.errors import InputError, Problem
from data_integration_architect.files import Root, read_text


@dataclass(frozen=True)
class Given:
    """Text of a topology and its name in messages."""

    text: str
    source: str


def read_topology(
    topology: str | Mapping[str, Any] | None = None, path: str | None = None, root: Root | None = None
) -> Given:
    """A topology given as YAML or JSON text, as plain data, or as a path below the root. Raises: ArchitectError."""
    if (topology is None) == (path is None):
        message = "give one of: topology (YAML or JSON text, or an object), or path (a file below the root)"
        raise InputError("arguments", [Problem(None, None, "", message)])
    if path is not None:
        return Given(read_text((root or Root(None, "no root is set")).resolve(path), path), path)
    if isinstance(topology, str):
        return Given(topology, "topology")
    return Given(json.dumps(topology, ensure_ascii=False), "topology")

"""A topology as it is given to a tool or command: text, plain data, or a file below the root."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from data_integration_architect.errors import InputError, Problem
from data_integration_architect.files import Document, Root, read_document, read_text
from data_integration_architect.redact import scrub


@dataclass(frozen=True)
class Given:
    """Text of a topology and its name in messages."""

    text: str
    source: str

    def document(self) -> Document:
        """The data of the text; what looks like a secret in a name or value is replaced.

        What leaves the data readable stands in its `problems`. Raises: InputError.
        """
        return _without_secrets(read_document(self.text, self.source))


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


def _without_secrets(document: Document) -> Document:
    marks = {
        tuple(scrub(key) if isinstance(key, str) else key for key in path): at for path, at in document.marks.items()
    }
    if len(marks) < len(document.marks):
        message = "two names that differ only in what looks like a secret; name elements without credentials"
        raise InputError(document.source, [Problem(None, None, "", message)])
    return Document(_scrubbed(document.data), document.source, marks, document.problems)


def _scrubbed(value: Any) -> Any:
    if isinstance(value, dict):
        return {scrub(key): _scrubbed(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_scrubbed(item) for item in value]
    return scrub(value) if isinstance(value, str) else value

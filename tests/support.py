"""Helpers of the tests: the checkout's root, reading files, loading topologies that are written as plain data."""

from pathlib import Path
from typing import Any

from data_integration_architect.files import Document, parse_text
from data_integration_architect.topology import Topology, load_topology

ROOT = Path(__file__).parents[1]


def read_yaml(path: Path) -> Any:
    return parse_text(path.read_text(encoding="utf-8"), path.name).data


def load(data: Any) -> Topology:
    return load_topology(Document(data))


def schema_words(schema: object) -> set[str]:
    """Names of attributes and words of choices of a JSON Schema."""
    if isinstance(schema, list):
        return set().union(*map(schema_words, schema))
    if not isinstance(schema, dict):
        return set()
    words = {str(word) for word in [*schema.get("enum", ()), schema.get("const")] if word is not None}
    words |= set(schema.get("properties", ()))
    return words.union(*map(schema_words, schema.values()))

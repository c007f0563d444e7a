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

"""Scans of small repositories written down in a test."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from textwrap import dedent
from typing import Any

import yaml

from data_integration_architect.scanners.code import Clients, load_clients, scan_sources
from data_integration_architect.scanners.facts import CodeScan

KNOWLEDGE = Path(__file__).resolve().parents[3] / "knowledge" / "clients"


@cache
def documents() -> dict[str, Any]:
    """The library files, parsed."""
    return {path.name: yaml.safe_load(path.read_text(encoding="utf-8")) for path in sorted(KNOWLEDGE.glob("*.yaml"))}


@cache
def clients() -> Clients:
    return load_clients(documents())


def scan(**files: str) -> CodeScan:
    """The scan of files given as path (`__` for `/`, `_dot_` for `.`) -> text."""
    return scan_files({name.replace("__", "/").replace("_dot_", "."): text for name, text in files.items()})


def scan_files(files: dict[str, str]) -> CodeScan:
    """The scan of files given as path -> text, parsed in this process."""
    return scan_sources([(path, dedent(text).encode()) for path, text in files.items()], clients(), workers=0)


def found(result: CodeScan) -> list[tuple[str, tuple[str, ...], str, str]]:
    """(function, systems, class, kind) of each finding."""
    return [(w.function, w.systems, w.class_, w.kind) for w in result.dual_writes]

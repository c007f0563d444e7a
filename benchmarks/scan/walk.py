"""A small reading layer for measurements: files below a folder, without version control and dependencies."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

SKIPPED_FOLDERS = {".git", "node_modules", ".venv", "venv", "__pycache__", "bower_components"}
SIZE_LIMIT = 1_500_000


def read_tree(root: Path) -> Iterator[tuple[str, bytes]]:
    """(path with `/` below the root, content) of all regular files in order of path; symlinks are left out."""
    for path in sorted(root.iterdir()):
        yield from read_below(path, path.name)


def read_below(path: Path, name: str) -> Iterator[tuple[str, bytes]]:
    if path.is_symlink():
        return
    if path.is_dir():
        if path.name not in SKIPPED_FOLDERS:
            for child in sorted(path.iterdir()):
                yield from read_below(child, f"{name}/{child.name}")
    elif path.is_file() and path.stat().st_size <= SIZE_LIMIT:
        yield name, path.read_bytes()


def client_documents(folder: Path) -> dict[str, Any]:
    """The parsed library files of a knowledge folder."""
    return {path.name: yaml.safe_load(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.yaml"))}

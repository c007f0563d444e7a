"""Files of a design folder: written as a whole, and never over what a person changed without saying so."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from data_integration_architect.artifacts.compatibility import breaking_changes, mode_of
from data_integration_architect.errors import RefusedPath
from data_integration_architect.files import write_text

MANIFEST = "manifest.json"


@dataclass(frozen=True, order=True)
class Artifact:
    """A file: its path below the folder with forward slashes, and its text."""

    path: str
    text: str


@dataclass(frozen=True)
class Written:
    """What writing a folder did, by path; sorted."""

    written: tuple[str, ...]
    unchanged: tuple[str, ...]
    kept: tuple[str, ...]
    """Changed by hand: left as they are."""
    removed: tuple[str, ...]
    """Written by an earlier run, needed no more, and not changed by hand."""

    def text(self, folder: str, how_to_replace: str = "; --force replaces them") -> str:
        """What happened, in a few lines."""
        lines = [f"{folder}: {len(self.written)} files written, {len(self.unchanged)} unchanged"]
        if self.removed:
            lines.append(f"removed, no longer needed: {', '.join(self.removed)}")
        if self.kept:
            lines.append(f"kept, changed by hand: {', '.join(self.kept)}{how_to_replace}")
        return "\n".join(lines) + "\n"


def write_folder(folder: Path, artifacts: Iterable[Artifact], force: bool = False, name: str = "") -> Written:
    """Writes each file as a whole or not at all. A file that differs from what the manifest of the last run says was
    changed by hand and is kept, unless `force` is given; messages call the folder `name`. Nothing is written where a
    schema would change so that readers break, again unless `force` is given. Raises: RefusedPath."""
    name = name or str(folder)
    wanted = {artifact.path: artifact.text for artifact in artifacts}
    if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        raise RefusedPath(f"out {name}: not a folder")
    earlier = _manifest(folder)
    if folder.is_dir() and earlier is None and any(folder.iterdir()):
        raise RefusedPath(f"out {name}: the folder has files, but no {MANIFEST} of an earlier run; choose another")
    known = earlier or {}
    broken = (
        [] if force else [why for path, text in sorted(wanted.items()) for why in _breaks(folder, known, path, text)]
    )
    if broken:
        raise RefusedPath(
            f"out {name}: this change breaks readers: {'; '.join(broken)}. Give the new form a topic of its own; or "
            "change every reader first, and remove the old file"
        )
    written, unchanged, kept, removed = [], [], [], []
    for path, text in sorted(wanted.items()):
        place = _inside(folder, path)
        present = _digest_of(place)
        if present == digest(text):
            unchanged.append(path)
        elif present is not None and present != known.get(path) and not force:
            kept.append(path)
        else:
            write_text(place, text, path)
            written.append(path)
    for path in sorted(set(known) - set(wanted)):
        place = _inside(folder, path)
        if _digest_of(place) == known[path]:
            place.unlink()
            removed.append(path)
        elif _digest_of(place) is not None:
            kept.append(path)
    # The manifest says what the tool would have written: a kept file goes on to count as changed by hand.
    hashes = {path: digest(text) for path, text in sorted(wanted.items())}
    manifest = json.dumps({"files": hashes}, indent=2) + "\n"
    if _digest_of(folder / MANIFEST) != digest(manifest):
        write_text(folder / MANIFEST, manifest, MANIFEST)
    return Written(tuple(written), tuple(unchanged), tuple(sorted(kept)), tuple(removed))


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _digest_of(path: Path) -> str | None:
    if path.is_symlink() or (path.exists() and not path.is_file()):
        raise RefusedPath(f"{path.name}: not a regular file; move it away")
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.exists() else None


def _breaks(folder: Path, known: dict[str, str], path: str, text: str) -> list[str]:
    """What readers lose where a schema of the last run becomes this one; one that was changed by hand stays."""
    place = _inside(folder, path)
    if not path.startswith("schemas/") or path not in known or _digest_of(place) != known[path]:
        return []
    old, new = json.loads(place.read_text(encoding="utf-8")), json.loads(text)
    return [f"{path}: {why}" for why in breaking_changes(old, new, mode_of(old))]


def _inside(folder: Path, path: str) -> Path:
    """Place of a file below the folder; links that lead out of it are refused."""
    place = folder / path
    if not place.parent.resolve().is_relative_to(folder.resolve()) or os.path.isabs(path):
        raise RefusedPath(f"{path}: outside the folder")
    return place


def _manifest(folder: Path) -> dict[str, str] | None:
    place = folder / MANIFEST
    if not place.is_file():
        return None
    try:
        files = json.loads(place.read_text(encoding="utf-8"))["files"]
        if not all(isinstance(k, str) and isinstance(v, str) for k, v in files.items()):
            raise ValueError
    except (ValueError, KeyError, TypeError, AttributeError):
        raise RefusedPath(f"{MANIFEST}: not of this tool; remove it or choose another folder") from None
    return dict(files)

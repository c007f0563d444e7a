"""What a repository's version control says: the day of its newest commit, and which lines changed since a revision.

`git` is asked only for objects (`rev-parse`, `merge-base`, `ls-tree`, `cat-file`, `log`): commands that run no hook, no
filter, no external diff and no pager, with transports and lazy fetching forbidden. Lines are compared here.
"""

from __future__ import annotations

import datetime
import hashlib
import os
import subprocess
from collections.abc import Iterable
from difflib import SequenceMatcher
from pathlib import Path

from data_integration_architect.errors import RefusedPath, clip

SECONDS = 60
MOST_LINES_COMPARED = 20_000
SAFE = (
    "--no-pager", "--no-optional-locks", "-c", "core.fsmonitor=false", "-c", f"core.hooksPath={os.devnull}",
    "-c", "protocol.allow=never", "-c", "log.showSignature=false",
)  # fmt: skip


def newest_day(root: Path) -> datetime.date | None:
    """The day of the newest commit of the repository around `root`; None without one."""
    try:
        shown = _git(root, "log", "-1", "--format=%cs")
    except RefusedPath:
        return None
    try:
        return datetime.date.fromisoformat(shown.decode().strip())
    except ValueError:
        return None


def changed_lines(root: Path, revision: str, files: Iterable[tuple[str, bytes]]) -> dict[str, frozenset[int]]:
    """Path -> lines (1-based) that differ from where `revision` and HEAD parted; `files` are as they are now.

    Where lines went away, the line behind them counts. Raises: RefusedPath without `git`, for a folder that is in no
    repository, and for a revision that is none.
    """
    if revision.startswith("-"):
        raise RefusedPath(f"--changed-since {clip(revision)}: not a revision")
    try:
        wanted = (
            _git(root, "rev-parse", "--verify", "--quiet", "--end-of-options", revision + "^{commit}").decode().strip()
        )
        base = _git(root, "merge-base", wanted, "HEAD").decode().split()[0]
    except (RefusedPath, IndexError) as error:
        hint = "a shallow clone may lack it (fetch-depth: 0)"
        raise RefusedPath(f"--changed-since {clip(revision)}: no revision that HEAD parted from; {hint}") from error
    before: dict[str, str] = {}
    for entry in _git(root, "ls-tree", "-r", "-z", base).split(b"\0"):
        about, _, name = entry.partition(b"\t")
        if about.startswith(b"100"):
            before[name.decode("utf-8", "replace")] = about.split()[2].decode()
    found: dict[str, frozenset[int]] = {}
    differing: list[tuple[str, bytes, str]] = []
    for path, content in files:
        known = before.get(path)
        if known is None:
            found[path] = frozenset(range(1, content.count(b"\n") + 2))
        elif known != _object_name(content, len(known)):
            differing.append((path, content, known))
    for (path, content, _), old in zip(differing, _blobs(root, [name for _, _, name in differing]), strict=True):
        lines = _changed(old, content)
        if lines:
            found[path] = lines
    return found


def _object_name(content: bytes, length: int) -> str:
    kind = hashlib.sha256 if length == 64 else hashlib.sha1
    return kind(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


def _changed(old: bytes, new: bytes) -> frozenset[int]:
    before, after = (text.replace(b"\r\n", b"\n").split(b"\n") for text in (old, new))
    if max(len(before), len(after)) > MOST_LINES_COMPARED:
        return frozenset(range(1, len(after) + 1))
    lines: set[int] = set()
    for tag, _, _, first, last in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if tag != "equal":
            lines.update(range(first + 1, max(last, first + 1) + 1))
    return frozenset(lines)


def _blobs(root: Path, names: list[str]) -> list[bytes]:
    """The contents of objects, in order; empty for one that is not there."""
    if not names:
        return []
    answer = _git(root, "cat-file", "--batch", given="\n".join(names).encode() + b"\n")
    made: list[bytes] = []
    at = 0
    for _ in names:
        end = answer.index(b"\n", at)
        head = answer[at:end].split()
        size = int(head[2]) if len(head) == 3 else -1
        made.append(answer[end + 1 : end + 1 + max(size, 0)])
        at = end + 1 + size + 1 if size >= 0 else end + 1
    return made


def _git(root: Path, *arguments: str, given: bytes | None = None) -> bytes:
    """What `git` prints. Raises: RefusedPath if it cannot be run or refuses."""
    kept = ("PATH", "HOME", "SYSTEMROOT", "LANG")
    environment = {name: os.environ[name] for name in kept if name in os.environ}
    environment |= {"GIT_TERMINAL_PROMPT": "0", "GIT_NO_LAZY_FETCH": "1", "GIT_OPTIONAL_LOCKS": "0"}
    try:
        process = subprocess.run(
            ["git", *SAFE, *arguments], cwd=root, env=environment, input=given if given is not None else b"",
            capture_output=True, timeout=SECONDS, check=False,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        raise RefusedPath("git cannot be run here") from None
    if process.returncode:
        raise RefusedPath("git knows no repository or revision here")
    return process.stdout

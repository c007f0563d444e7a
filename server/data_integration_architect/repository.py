"""Reads a repository from the disk: which files are read, which are passed over and why. Nothing in it is executed."""

from __future__ import annotations

import os
import stat
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from data_integration_architect.errors import RefusedPath

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec

# These limits stand in the table of SECURITY.md as well; a test holds the two together.
MOST_FILES = 200_000
MOST_FILE_BYTES = 4 * 1024 * 1024
MOST_TOTAL_BYTES = 512 * 1024 * 1024
MOST_FOLDER_DEPTH = 40
MOST_IGNORE_BYTES = 256 * 1024

# Folders of version control, of installed packages and of tools: never this system's own sources.
ASIDE = frozenset({
    ".git", ".hg", ".svn", "node_modules", "bower_components", ".venv", "venv", "site-packages", "__pycache__",
    ".terraform", ".tox", ".mypy_cache", ".pytest_cache", ".ruff_cache", ".gradle",
})  # fmt: skip
BINARY_HEAD = 4096


@dataclass
class Tree:
    """The files of a repository that were read; `skipped`: reason → number of files, or of whole folders.

    Reasons: ignored (by .gitignore), aside (folders of tools and packages), link, link-out-of-root, special (devices
    and the like), other-format (no reader takes the name), too-large, binary, unreadable, too-deep, too-many.
    """

    files: list[tuple[str, bytes]] = field(default_factory=list)
    """(path below the root with `/`, content), in order of path."""
    skipped: Counter[str] = field(default_factory=Counter)
    seen: int = 0


def read_repository(
    root: Path, is_wanted: Callable[[str], bool], progress: Callable[[int], None] | None = None
) -> Tree:
    """The wanted files below `root`, in order of path; `progress` is told how many files were seen.

    Links are never followed, wherever they lead. Misses: ignore rules outside the root, and that a file may be
    tracked although a rule ignores it.
    Raises: RefusedPath if `root` is no folder that can be read.
    """
    try:
        with os.scandir(root):
            pass
    except OSError as error:
        raise RefusedPath(f"{root.name or root}: not a folder that can be read ({error.strerror})") from None
    real = root.resolve()
    return _Walk(real, is_wanted, progress).read()


@dataclass(frozen=True)
class _Rules:
    """The ignore file of one folder; `prefix` is that folder's path with a slash at the end."""

    prefix: str
    spec: GitIgnoreSpec


class _Walk:
    def __init__(self, root: Path, is_wanted: Callable[[str], bool], progress: Callable[[int], None] | None) -> None:
        self.root, self.is_wanted, self.progress = root, is_wanted, progress
        self.tree = Tree()
        self.bytes = 0

    def read(self) -> Tree:
        rules: tuple[_Rules, ...] = ()
        rules = self.with_rules(rules, self.root / ".git" / "info" / "exclude", "")
        for path, name in self.files_below(self.root, "", 0, rules):
            self.take(path, name)
        self.tree.files.sort()
        return self.tree

    def files_below(
        self, folder: Path, prefix: str, depth: int, rules: tuple[_Rules, ...]
    ) -> Iterator[tuple[Path, str]]:
        """Regular files that no rule ignores, with their names below the root."""
        try:
            with os.scandir(folder) as entries:
                found = sorted(entries, key=lambda entry: entry.name)
        except OSError:
            self.tree.skipped["unreadable"] += 1
            return
        rules = self.with_rules(rules, folder / ".gitignore", prefix)
        for entry in found:
            if self.tree.seen >= MOST_FILES:
                self.tree.skipped["too-many"] += 1
                continue
            name = prefix + entry.name
            if entry.is_symlink():
                self.tree.skipped["link" if self.stays_inside(entry.path) else "link-out-of-root"] += 1
            elif entry.is_dir(follow_symlinks=False):
                if entry.name in ASIDE:
                    self.tree.skipped["aside"] += 1
                elif is_ignored(name + "/", rules):
                    self.tree.skipped["ignored"] += 1
                elif depth >= MOST_FOLDER_DEPTH:
                    self.tree.skipped["too-deep"] += 1
                else:
                    yield from self.files_below(Path(entry.path), f"{name}/", depth + 1, rules)
            elif not entry.is_file(follow_symlinks=False):
                self.tree.skipped["special"] += 1
            elif is_ignored(name, rules):
                self.tree.skipped["ignored"] += 1
            else:
                yield Path(entry.path), name

    def take(self, path: Path, name: str) -> None:
        """Reads one file into the tree, or counts why not."""
        self.tree.seen += 1
        if self.progress is not None and self.tree.seen % 200 == 0:
            self.progress(self.tree.seen)
        try:
            name.encode("utf-8")
        except UnicodeEncodeError:
            self.tree.skipped["unreadable"] += 1
            return
        if not self.is_wanted(name):
            self.tree.skipped["other-format"] += 1
            return
        content = read_bytes(path, MOST_FILE_BYTES)
        if content is None:
            self.tree.skipped["unreadable"] += 1
        elif len(content) > MOST_FILE_BYTES:
            self.tree.skipped["too-large"] += 1
        elif b"\x00" in content[:BINARY_HEAD]:
            self.tree.skipped["binary"] += 1
        elif self.bytes + len(content) > MOST_TOTAL_BYTES:
            self.tree.skipped["too-many"] += 1
        else:
            self.bytes += len(content)
            self.tree.files.append((name, content))

    def stays_inside(self, link: str) -> bool:
        try:
            return Path(link).resolve().is_relative_to(self.root)
        except (OSError, RuntimeError):
            return False

    def with_rules(self, rules: tuple[_Rules, ...], file: Path, prefix: str) -> tuple[_Rules, ...]:
        content = read_bytes(file, MOST_IGNORE_BYTES)
        if not content or len(content) > MOST_IGNORE_BYTES:
            return rules
        from pathspec import GitIgnoreSpec

        lines = []
        for line in content.decode("utf-8", "replace").splitlines():
            try:
                GitIgnoreSpec.from_lines([line])
            except ValueError:
                continue  # git passes over a pattern that it cannot read, too.
            lines.append(line)
        return (*rules, _Rules(prefix, GitIgnoreSpec.from_lines(lines)))


def is_ignored(name: str, rules: tuple[_Rules, ...]) -> bool:
    """Whether the innermost ignore file that says something about `name` ignores it; folders end with a slash."""
    for rule in reversed(rules):
        said = rule.spec.check_file(name[len(rule.prefix) :]).include
        if said is not None:
            return said
    return False


def read_bytes(path: Path, limit: int) -> bytes | None:
    """At most `limit` + 1 bytes of a regular file that is no link; None if there is none or it cannot be read."""
    # A named pipe put in place of the file since it was listed must not block, a link must not be followed.
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    try:
        handle = os.open(path, flags)
    except (OSError, ValueError):
        return None
    with os.fdopen(handle, "rb") as file:
        try:
            return file.read(limit + 1) if stat.S_ISREG(os.fstat(handle).st_mode) else None
        except OSError:
            return None

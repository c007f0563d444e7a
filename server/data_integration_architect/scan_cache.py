"""What a scan found, kept in the user's cache folder under the content of all files and the version of the scanner.

An entry that cannot be read, or whose checksum is wrong, counts as absent. Nothing is kept below the scanned root.
"""

from __future__ import annotations

import hashlib
import os
import sys
import zlib
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

MOST_BYTES = 256 * 1024 * 1024
MOST_ENTRY_BYTES = 1024 * 1024 * 1024
NAME = "data-integration-architect"
MAGIC = b"DIA1"
DIGEST = 32


class ScanCache:
    """Entries by key; `folder` is made when the first is written."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def load(self, key: str) -> bytes | None:
        """The entry, None if there is none that is whole."""
        try:
            content = (self.folder / key).read_bytes()
        except OSError:
            return None
        head, digest, packed = content[:4], content[4 : 4 + DIGEST], content[4 + DIGEST :]
        if head != MAGIC or hashlib.sha256(packed).digest() != digest:
            return None
        try:
            unpacker = zlib.decompressobj()
            data = unpacker.decompress(packed, MOST_ENTRY_BYTES)
        except zlib.error:
            return None
        if not unpacker.eof:
            return None
        with suppress(OSError):
            os.utime(self.folder / key)  # what is used stays longest
        return data

    def store(self, key: str, data: bytes) -> None:
        """Keeps an entry, if the folder can be written; the oldest go where all are larger than MOST_BYTES."""
        packed = zlib.compress(data, 1)
        if len(packed) > MOST_BYTES or len(data) > MOST_ENTRY_BYTES:
            return
        try:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            part = self.folder / f"{key}.{os.getpid()}.part"
            part.write_bytes(MAGIC + hashlib.sha256(packed).digest() + packed)
            part.replace(self.folder / key)
            self.shrink()
        except OSError:
            return

    def shrink(self) -> None:
        """Removes the entries that were used longest ago until the rest fits."""
        entries = []
        with os.scandir(self.folder) as found:
            for entry in found:
                if entry.is_file(follow_symlinks=False):
                    about = entry.stat(follow_symlinks=False)
                    entries.append((about.st_mtime_ns, entry.name, about.st_size))
        size = sum(one for _, _, one in entries)
        for _, name, own in sorted(entries):
            if size <= MOST_BYTES:
                return
            with suppress(OSError):
                (self.folder / name).unlink()
            size -= own


def user_cache(root: Path) -> ScanCache | None:
    """The user's cache; None where there is no home, or where it lies below the scanned root."""
    if sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    elif sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    else:
        given = os.environ.get("XDG_CACHE_HOME", "")
        base = Path(given) if os.path.isabs(given) else Path.home() / ".cache"
    try:
        if base.resolve().is_relative_to(root.resolve()):
            return None
    except (OSError, RuntimeError):
        return None
    return ScanCache(base / NAME)


def scanner_version(names: Iterable[str]) -> str:
    """A digest of this package's own files and of the versions of the named packages that it parses with."""
    from importlib.metadata import PackageNotFoundError, version

    digest = hashlib.sha256(sys.version.encode())
    package = Path(__file__).parent
    for path in sorted(package.glob("scanners/**/*.py")):
        digest.update(path.relative_to(package).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    for name in names:
        with suppress(PackageNotFoundError):
            digest.update(f"{name} {version(name)}\n".encode())
    return digest.hexdigest()


def key_of(version: str, knowledge: str, files: Iterable[tuple[str, bytes]]) -> str:
    """The key of a tree: version of the scanner, its knowledge, and path and content of every file in order."""
    digest = hashlib.sha256(f"{version}\n{hashlib.sha256(knowledge.encode()).hexdigest()}\n".encode())
    for path, content in files:
        name = path.encode("utf-8", "surrogatepass")
        digest.update(b"%d %d\n" % (len(name), len(content)) + name + content)
    return digest.hexdigest()

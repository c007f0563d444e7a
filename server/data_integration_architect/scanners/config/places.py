"""Paths of a repository: which folder is a program's, and which files are tests or examples of use."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator

_TEST = re.compile(
    r"(?:\A|/)(?:test|tests|__tests__|testing|testdata|test-data|fixtures|spec|specs|e2e|it|integration-tests?|testFixtures|mocks?"
    r"|[\w-]+[.-]tests?|androidTest|integrationTest)/|[._-](?:test|spec|tests)\.[\w.]+\Z",
    re.IGNORECASE,
)
_TEST_PROJECT = re.compile(r"(?:\A|/)(?:[\w.-]*Tests?|Test[A-Z]\w*)/")
_TEST_PROFILE = re.compile(r"\A(?:test|tests|testing|it|ci|integration-?test|e2e|unit|mock)\Z", re.IGNORECASE)


def is_test(path: str) -> bool:
    """Whether a path belongs to tests by its folders or name."""
    return bool(_TEST.search(path) or _TEST_PROJECT.search(path))


def is_test_profile(profile: str) -> bool:
    """Whether settings of this profile are used by tests only."""
    return bool(_TEST_PROFILE.match(profile))


def folders_of(path: str) -> Iterator[str]:
    """The folders that hold `path`, innermost first, the repository's root (empty) last."""
    folder = posixpath.dirname(path.lstrip("/"))
    while folder and folder != ".":
        yield folder
        folder = posixpath.dirname(folder)
    yield ""


def is_within(inner: str, outer: str) -> bool:
    """Whether the folder `inner` is `outer` or lies in it."""
    return not outer or inner == outer or inner.startswith(f"{outer}/")


def is_beside(one: str, other: str) -> bool:
    """Whether neither folder holds the other: two projects side by side."""
    return not is_within(one, other) and not is_within(other, one)


def plain(name: str) -> str:
    """A name as it is compared: lower case, letters and digits only."""
    return re.sub(r"[^a-z0-9]", "", name.lower())

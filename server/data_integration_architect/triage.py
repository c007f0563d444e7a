"""Which findings are shown: not those that people accepted with a reason, and of a change only those that it touches.

An acceptance stands in a baseline file, or in a comment of the code, on the line of the finding or the line above it:

    data-integration-architect: ignore[dual-write-unprotected] the index is rebuilt every night

No clock is read: the day that decides whether an acceptance has run out is given.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from data_integration_architect.errors import InputError, Problem
from data_integration_architect.files import Document, dump_yaml

COMMENT = re.compile(r"data-integration-architect:\s*ignore\[([\w\-, ]+)\]([^\n]*)")
VERBS = ("review", "discover")
KEYS = ("fingerprint", "id", "reason", "until")
HEAD = (
    "# Findings that are accepted, each with a reason; `until` (YYYY-MM-DD) ends an acceptance. An entry without its\n"
    "# finding is an error: delete it.\n"
)


class Found(Protocol):
    """What findings of a review and of code have in common."""

    @property
    def fingerprint(self) -> str: ...
    @property
    def id(self) -> str: ...


T = TypeVar("T", bound=Found)


@dataclass(frozen=True)
class Ignore:
    """One comment in the code; `ids` may also be ids that a finding is a more special case of."""

    path: str
    line: int
    ids: frozenset[str]
    reason: str


@dataclass(frozen=True)
class Accepted:
    """One entry of a baseline; it ends with the day `until`. `place` is its line and column in the file."""

    fingerprint: str
    reason: str
    until: datetime.date | None
    place: tuple[int, int] | tuple[None, None]


@dataclass(frozen=True)
class Triage(Generic[T]):
    """Findings that are shown, how many were accepted, and what is to be said beside them, a sentence each."""

    kept: tuple[T, ...]
    accepted: int
    notes: tuple[str, ...]


def may_accept(content: bytes) -> bool:
    """Whether a file can hold a comment that accepts something: quicker than decoding it."""
    return b"data-integration-architect:" in content


def comments_in(path: str, text: str) -> tuple[Ignore, ...]:
    """The comments of one file that accept findings; one without a reason accepts nothing."""
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        match = COMMENT.search(line)
        if match is not None:
            ids = frozenset(one.strip() for one in match[1].split(",") if one.strip())
            found.append(Ignore(path, number, ids, match[2].strip(" \t*/#->")))
    return tuple(found)


def read_baseline(document: Document, verb: str) -> tuple[Accepted, ...]:
    """The entries for the findings of one verb. Raises: InputError with everything that is wrong."""
    problems: list[Problem] = []

    def wrong(path: tuple[Any, ...], message: str) -> None:
        line, column = document.place(path)
        problems.append(Problem(line, column, ".".join(map(str, path)), message))

    data = document.data if document.data is not None else {}
    if not isinstance(data, Mapping):
        wrong((), f"a baseline is a mapping; allowed keys: {', '.join(VERBS)}")
        raise InputError(document.source, problems)
    for key in data:
        if key not in VERBS:
            wrong((key,), f"unknown key; allowed: {', '.join(VERBS)}")
    made: list[Accepted] = []
    entries = data.get(verb) or ()
    if not isinstance(entries, Sequence) or isinstance(entries, str):
        wrong((verb,), "a list of entries is needed")
        entries = ()
    for number, entry in enumerate(entries):
        path = (verb, number)
        if not isinstance(entry, Mapping):
            wrong(path, f"an entry is a mapping of {', '.join(KEYS)}")
            continue
        for key in sorted(set(map(str, entry)) - set(KEYS)):
            wrong((*path, key), f"unknown key; allowed: {', '.join(KEYS)}")
        if not isinstance(entry.get("fingerprint"), str | int):
            wrong((*path, "fingerprint"), "the fingerprint of the finding is needed")
        reason = entry.get("reason")
        if not isinstance(reason, str) or not reason.strip():
            wrong((*path, "reason"), "say why the finding is accepted")
        until = day(entry["until"]) if "until" in entry else None
        if "until" in entry and until is None:
            wrong((*path, "until"), "a day is written YYYY-MM-DD")
        made.append(Accepted(str(entry.get("fingerprint")), str(reason), until, document.place(path)))
    if problems:
        raise InputError(document.source, problems)
    return tuple(made)


def day(value: Any) -> datetime.date | None:
    """A day from `YYYY-MM-DD`, None if it is none."""
    if isinstance(value, datetime.date) and not isinstance(value, datetime.datetime):
        return value
    try:
        return datetime.date.fromisoformat(str(value))
    except ValueError:
        return None


def triage(
    findings: Iterable[tuple[T, Sequence[str]]],
    baseline: tuple[str, Sequence[Accepted]] | None = None,
    today: datetime.date | None = None,
    comments: Sequence[Ignore] = (),
) -> Triage[T]:
    """`findings` with their places (`path:line`) without those that are accepted; `baseline` comes with its name.

    Raises: InputError if an entry of the baseline has no finding any more, or runs out and no day is given.
    """
    listed = list(findings)
    name, entries = baseline or ("", ())
    by_fingerprint = {entry.fingerprint: entry for entry in entries}
    known = {finding.fingerprint for finding, _ in listed}
    problems = []
    for entry in entries:
        if entry.fingerprint not in known:
            line, column = entry.place
            problems.append(Problem(line, column, entry.fingerprint, "no such finding any more; delete the entry"))
    if today is None and any(entry.until for entry in entries):
        problems.append(Problem(None, None, "", "entries have a last day; say which day it is with --today YYYY-MM-DD"))
    if problems:
        raise InputError(name, problems)
    kept: list[T] = []
    notes: list[str] = []
    for finding, places in listed:
        known_as = by_fingerprint.get(finding.fingerprint)
        if known_as is not None and (known_as.until is None or today is None or today <= known_as.until):
            continue
        if known_as is not None:
            notes.append(f"{name}: the acceptance of {finding.fingerprint} ended on {known_as.until}")
        if not _is_ignored(finding, places, comments):
            kept.append(finding)
    unsaid = [c for c in comments if not c.reason]
    notes += [f"{c.path}:{c.line}: this comment accepts nothing, it gives no reason" for c in unsaid]
    return Triage(tuple(kept), len(listed) - len(kept), tuple(notes))


def _is_ignored(finding: Found, places: Sequence[str], comments: Sequence[Ignore]) -> bool:
    ids = {finding.id, *getattr(finding, "also", ())}
    at = set(places)
    return any(
        one.reason and one.ids & ids and {f"{one.path}:{one.line}", f"{one.path}:{one.line + 1}"} & at
        for one in comments
    )


def touched(
    places: Sequence[str], changed: Mapping[str, frozenset[int]], spans: Mapping[str, Sequence[tuple[int, int]]]
) -> bool:
    """Whether a change touches one of the places, or a function around it; `spans`: path -> first and last lines."""
    for place in places:
        path, _, number = place.rpartition(":")
        lines = changed.get(path)
        if not lines or not number.isdecimal():
            continue
        line = int(number)
        around = [(first, last) for first, last in spans.get(path, ()) if first <= line <= last]
        if line in lines or any(first <= one <= last for first, last in around for one in lines):
            return True
    return False


def baseline_text(verb: str, findings: Iterable[Found], reason: str, earlier: Document | None) -> str:
    """A baseline that accepts `findings` for `reason`; entries for another verb stay as they were."""
    data = dict(earlier.data) if earlier is not None and isinstance(earlier.data, Mapping) else {}
    data[verb] = [{"fingerprint": one.fingerprint, "id": one.id, "reason": reason} for one in findings]
    return HEAD + dump_yaml({key: data[key] for key in VERBS if data.get(key)})

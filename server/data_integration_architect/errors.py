"""The exception tree. Ours mean that the input or the question is wrong; anything else is a bug and stays loud.

ArchitectError
├── InputError          a document cannot be used; carries every Problem found in it
├── UnknownName         a name that was asked for does not exist; carries what does
├── RefusedPath         a path lies outside the root, or is no readable file
├── LimitExceeded       an input is larger than the limits in SECURITY.md
└── KnowledgeError      a packaged knowledge file contradicts its schema or another file
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, order=True)
class Problem:
    """One thing wrong in a document: where (1-based line and column, document path) and what to do."""

    line: int | None
    column: int | None
    path: str
    message: str

    def __str__(self) -> str:
        where = f"line {self.line}, column {self.column}: " if self.line is not None else ""
        subject = f"{self.path}: " if self.path else ""
        return f"{where}{subject}{self.message}"


class ArchitectError(Exception):
    """Base of every error that the user can mend."""


class InputError(ArchitectError):
    """A document with all of its problems, in the order of their lines."""

    def __init__(self, source: str, problems: Iterable[Problem]) -> None:
        self.source = source
        self.problems = tuple(
            sorted(set(problems), key=lambda p: (p.line is None, p.line or 0, p.column or 0, p.path, p.message))
        )
        super().__init__(source, self.problems)

    def __str__(self) -> str:
        shown = self.problems[:MOST_PROBLEMS_SHOWN]
        count = len(self.problems)
        head = f"{self.source}: {count} problem{'s' if count != 1 else ''}"
        lines = [head, *(f"  {problem}" for problem in shown)]
        if count > len(shown):
            lines.append(f"  … and {count - len(shown)} more")
        return "\n".join(lines)


class UnknownName(ArchitectError):
    """A name that was asked for and does not exist, with the nearest that does."""

    def __init__(self, kind: str, name: str, known: Iterable[str], first: Sequence[str] = ()) -> None:
        self.kind, self.name, self.known = kind, name, (*first, *sorted(set(known) - set(first)))
        super().__init__(f"unknown {kind} {clip(name)}; {suggestion(name, self.known, first)}")


class DoesNotApply(ArchitectError):
    """A question that what is described gives no reason to ask, with those that it does."""

    def __init__(self, kind: str, name: str, applying: Iterable[str]) -> None:
        self.kind, self.name, self.applying = kind, name, tuple(sorted(set(applying)))
        super().__init__(f"{kind} {clip(name)} does not apply here; what applies: {', '.join(self.applying)}")


class RefusedPath(ArchitectError):
    """A path that is not read, with the reason and the setting that would change it."""


class LimitExceeded(ArchitectError):
    """An input above a limit of SECURITY.md."""


class KnowledgeError(ArchitectError):
    """A packaged knowledge file that does not hold together."""


MOST_PROBLEMS_SHOWN = 50
MOST_NAMES_SHOWN = 12
MOST_NAMES_COMPARED = 500


def clip(name: str) -> str:
    """`name` quoted, at most 80 characters, without control characters: safe inside a message."""
    printable = "".join(c if c.isprintable() else "?" for c in name)
    return repr(printable if len(printable) <= 80 else printable[:79] + "…")


def suggestion(name: str, known: Iterable[str], first: Sequence[str] = ()) -> str:
    """The nearest valid word, then what was allowed, `first` before the rest: the tail of a message about a name."""
    names = [*first, *sorted(set(known) - set(first))]
    # Comparing costs time per pair; with very many names the list itself is the help.
    near = difflib.get_close_matches(name[:80], names[:MOST_NAMES_COMPARED], n=3, cutoff=0.6)
    return did_you_mean(next((other for other in near if _is_meant(name, other)), None)) + allowed(names)


def _is_meant(name: str, near: str) -> bool:
    """Whether `name` may be a misspelling or the beginning of `near`: letters in common alone make it none."""
    return near.startswith(name) or difflib.SequenceMatcher(None, name[:80], near).ratio() >= 0.72


def did_you_mean(near: str | None) -> str:
    return f"did you mean {clip(near)}? " if near else ""


def allowed(names: Sequence[str], most: int = MOST_NAMES_SHOWN) -> str:
    """What was allowed, in the order given."""
    if not names:
        return "none are defined"
    shown = ", ".join(clip(n)[1:-1] for n in names[:most])
    more = f", … ({len(names)} in all)" if len(names) > most else ""
    return f"allowed: {shown}{more}"

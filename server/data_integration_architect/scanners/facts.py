"""What the readers of source code return: effects with their place, and the conclusions drawn from them.

Nothing here holds source text: names are cut, stripped and withheld where they look like secrets.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Literal

Confidence = Literal["seen", "inferred"]

NAME_LIMIT = 120
SAFE_NAME = re.compile(r"[\w.\-:/{}$*#+@ ]+")
SECRET_WORD = re.compile(r"passw|secret|token=|apikey|api_key|bearer |-----begin|credential", re.IGNORECASE)
KEY_SHAPE = re.compile(r"(?=[\w+/=\-]*\d)(?=[\w+/=\-]*[A-Za-z])[\w+/=\-]{24,}")


@dataclass(frozen=True, slots=True)
class CodeEffect:
    """One effect on the path of a function.

    `line` is where the client is called (in `path`), `at` the line in the function itself that leads there.
    `transaction` groups effects of one local transaction, 0 is none. `via` says how the function reaches it, in any of:
    helper, interface, hook, event, after_commit, guessed; `relay` says that it sends on what is stored already.
    """

    kind: str
    technology: str
    name: str
    entity: str
    path: str
    line: int
    at: int
    transaction: int
    in_loop: bool
    in_branch: bool
    awaited: bool
    parallel: bool
    on_error: bool
    via: tuple[str, ...]
    confidence: Confidence


@dataclass(frozen=True, slots=True)
class CodeFunction:
    """A function that has effects, in program order."""

    path: str
    name: str
    line: int
    end_line: int
    is_test: bool
    effects: tuple[CodeEffect, ...]


@dataclass(frozen=True, slots=True)
class StoreUse:
    """A technology that the code uses, with the first evidence of each kind: call, import, manifest or address."""

    technology: str
    evidence: str
    path: str
    line: int


@dataclass(frozen=True, slots=True)
class DualWrite:
    """Two or more systems written on one path. `class_`: dual_write or cache_invalidation.

    `line` is where the function starts, `end_line` the last line in it that leads to one of the effects.

    `kind`: direct, helper, interface, hook, post_commit. `order`: position of the later write to the commit of the
    earlier one: before-commit, inside-transaction, after-commit, no-transaction.
    """

    path: str
    function: str
    line: int
    end_line: int
    systems: tuple[str, ...]
    class_: str
    kind: str
    order: str
    confidence: Confidence
    effects: tuple[CodeEffect, ...]
    reason: str


@dataclass(frozen=True, slots=True)
class Observation:
    """A conclusion that no draft has a place for, or that holds whatever the draft says.

    `id` is an anti-pattern where there is one. `places`: `path:line`, the first is where to look.
    """

    id: str
    subject: str
    summary: str
    places: tuple[str, ...]
    confidence: Confidence
    reason: str


@dataclass(frozen=True, slots=True)
class CodeScan:
    """All that was found in source code; `skipped`: reason -> number of files."""

    functions: tuple[CodeFunction, ...] = ()
    stores: tuple[StoreUse, ...] = ()
    dual_writes: tuple[DualWrite, ...] = ()
    files: int = 0
    lines: int = 0
    skipped: dict[str, int] = field(default_factory=dict)


@lru_cache(maxsize=100_000)
def safe_name(text: str) -> str:
    """A name from source code fit for a fact: cut, one line, and empty if it may hold a secret."""
    name = " ".join(text.split())[:NAME_LIMIT]
    if not SAFE_NAME.fullmatch(name) or "://" in name or SECRET_WORD.search(name) or KEY_SHAPE.fullmatch(name):
        return ""
    return name

"""Long texts in pages of whole sections."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from data_integration_architect.errors import InputError, Problem

MOST_CHARACTERS = 12_000


def grouped(sizes: Iterable[int], most: int = MOST_CHARACTERS) -> list[range]:
    """Indices of neighbours whose sizes together stay below `most`; what alone is larger has a page of its own."""
    starts, room, count = [0], most, 0
    for index, size in enumerate(sizes):
        count = index + 1
        if size > room and index > starts[-1]:
            starts.append(index)
            room = most
        room -= size
    return [range(start, end) for start, end in zip(starts, [*starts[1:], count], strict=True)]


def pages_of(text: str, most: int = MOST_CHARACTERS) -> list[str]:
    """`text` in pages that begin with a heading of Markdown (or in YAML a key at the top), else with a line."""
    parts: list[str] = []
    for section in _sections(text):
        parts += [section] if len(section) <= most else section.splitlines(keepends=True)
    return ["".join(parts[i] for i in page) for page in grouped(map(len, parts), most)]


def _sections(text: str) -> list[str]:
    if not text.lstrip().startswith("#"):
        return [part for part in _TOP_KEY.split(text) if part]
    parts: list[str] = [""]
    fenced = False
    for line in text.splitlines(keepends=True):
        fenced ^= line.startswith("```")
        if _HEADING.match(line) and not fenced:
            parts.append("")
        parts[-1] += line
    return [part for part in parts if part]


_HEADING = re.compile(r"#{1,4} ")
_TOP_KEY = re.compile(r"(?m)^(?=\w)")


def chosen(pages: Sequence[object], page: int, what: str) -> int:
    """The index of page `page`. Raises: InputError if there is none."""
    if page > len(pages):
        there = "only page 1" if len(pages) == 1 else f"pages 1 to {len(pages)}"
        message = f"there is no page {page} of {what}: {there}"
        raise InputError("arguments", [Problem(None, None, "page", message)])
    return page - 1


def page_words(page: int, count: int) -> str:
    """`page 1 of 4, next: page 2`; nothing if there is one page only."""
    if count == 1:
        return ""
    return f"page {page} of {count}, " + (f"next: page {page + 1}" if page < count else "the last")

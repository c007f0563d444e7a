"""The one line of a document that answers a question."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from data_integration_architect.files import Document, DocumentPath

VALUE = "VALUE"
_PLAIN_KEY = re.compile(r"[A-Za-z_][\w-]*\Z")


def answer_line(document: Document, path: DocumentPath) -> tuple[int | None, str | None]:
    """Where the fact at `path` is said, and how: `(214, "retry: {then: VALUE}")`.

    The line is that of the mapping that gets the entry, or of the entry itself where it is there already; none where
    the entry stands at the top of the file. Without text the fact needs more than one line.
    """
    known = 0
    data = document.data
    for key in path[:-1]:
        try:
            inner = data[key]
        except (KeyError, IndexError, TypeError):
            break
        if not isinstance(inner, (Mapping, list)):
            break
        data, known = inner, known + 1
    rest = path[known:]
    if not isinstance(data, Mapping) or not rest or any(isinstance(key, int) for key in rest):
        return None, None
    *outer, last = (_word(str(key)) for key in rest)
    text = f"{last}: {VALUE}"
    for key in reversed(outer):
        text = f"{key}: {{{text}}}"
    place: Any = None
    if rest[0] in data:
        place = document.marks.get(path[: known + 1])
    elif known:
        place = document.marks.get(path[:known])
    return (place[0] if place else None), text


def _word(key: str) -> str:
    return key if _PLAIN_KEY.match(key) else json.dumps(key, ensure_ascii=False)

"""Source text to `Module`, with every way in which parsing can fail named."""

from __future__ import annotations

from .ir import Module
from .languages import LANGUAGES, TooDeep

TEXT_LIMIT = 1_000_000
LINE_LIMIT = 5_000  # a longer line is minified or data


def language_ending(path: str) -> str | None:
    """The ending that decides the language of a path, `None` if it is no source file."""
    dot = path.rfind(".")
    ending = path[dot:].lower() if dot >= 0 else ""
    return ending if ending in LANGUAGES and not path.endswith(".d.ts") else None


def parse_source(path: str, text: str) -> Module | str:
    """The module of one file, or the reason why it was skipped: too-large, minified, too-deep, unreadable."""
    ending = language_ending(path)
    if ending is None:
        return "no-source"
    if len(text) > TEXT_LIMIT:
        return "too-large"
    if any(len(line) > LINE_LIMIT for line in text.split("\n")) and text.count("\n") < len(text) // 400:
        return "minified"
    grammar, reader = LANGUAGES[ending]
    from ast_grep_py import SgRoot

    try:
        root = SgRoot(text, grammar).root()
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException:  # a panic of the Rust side derives from BaseException
        return "unreadable"
    try:
        return reader(path).read(root)
    except (TooDeep, RecursionError, MemoryError):
        return "too-deep"

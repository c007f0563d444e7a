"""What a parser says about text that is no YAML or JSON, in words for whoever wrote it."""

from __future__ import annotations

import re
from typing import Protocol


class Mark(Protocol):
    """A place, counted from 0."""

    @property
    def line(self) -> int: ...
    @property
    def column(self) -> int: ...


class ParserError(Protocol):
    """An error of the YAML parser: what it was reading and since where, what it met and where."""

    @property
    def context(self) -> str | None: ...
    @property
    def context_mark(self) -> Mark | None: ...
    @property
    def problem(self) -> str | None: ...
    @property
    def problem_mark(self) -> Mark | None: ...


def yaml_mistake(error: ParserError, text: str) -> str:
    """What is probably wrong where the YAML parser stopped, and what to do: never in the parser's own terms."""
    problem, context = error.problem or "", error.context or ""
    mark = error.problem_mark or error.context_mark
    began = _place(error.context_mark)
    character = _character(text, error.problem_mark)
    if "tab character" in problem or ("cannot start any token" in problem and character == "\t"):
        return "a tab; YAML is indented with spaces only"
    if "cannot start any token" in problem:
        return f"text that begins with {character!r} must stand in quotes"
    if "expected ',' or" in problem or "flow node" in context:
        return _inside_brackets(text, mark, character)
    if "quoted scalar" in context and ("end of stream" in problem or "document indicator" in problem):
        return f"the quote at {began} is never closed"
    if "quoted scalar" in context:
        return (
            "a backslash in double quotes begins an escape, and this is none; "
            "write two backslashes, or put the text in single quotes"
        )
    if character and character in "]},":
        return f"{character} closes or divides nothing that is open; take it out, or put the text in quotes"
    if "expected key" in problem and _goes_before(text, mark):
        return "something follows what is complete already; put the whole text in one pair of quotes, or begin a line"
    if "expected key" in problem:
        return f"this line does not begin in the column of its neighbours; the keys beside it begin at {began}"
    if "expected '-' indicator" in problem:
        return f"this line is no entry of the list that began at {began}; begin it with -, in the same column"
    if "mapping values are not allowed" in problem:
        return "a second colon; is a colon missing in the line before, or must the text stand in quotes?"
    if "expected ':'" in problem:
        return f"a colon and a space are missing after the key at {began}"
    if "sequence entries are not allowed" in problem:
        return "a list begins on a line of its own; begin a line with -, or put the text in quotes"
    if "keys are not allowed" in problem or "alias" in context or "anchor" in context or "tag" in context + problem:
        return "text that begins with one of ? & * ! must stand in quotes"
    if "directive" in context + problem:
        return "a line that begins with % is an instruction to the reader, and none is needed; take it out"
    if "document start" in problem:
        return "something follows the end of the document; put one topology in a file"
    if "block scalar" in context:
        return "the text of | or > begins in the next line; take out what follows it here"
    return "the text cannot be read from here on; look for a missing quote, comma or space in this line and before it"


def _inside_brackets(text: str, mark: Mark | None, character: str) -> str:
    """What is open at `mark`, within brackets."""
    opened = _open_brackets(text, mark)
    if not opened:
        return "brackets, braces and quotes do not match; look at this line and the one before it"
    bracket, line, column = opened[-1]
    closing = "]" if bracket == "[" else "}"
    where = f"the {bracket} at line {line}, column {column}"
    if _is_end(text, mark):
        return f"{where} is never closed; add {closing} where it ends"
    if character == ",":
        return f"nothing stands before this comma; take it out ({where} is open)"
    if character and character in "]}":
        return f"{character} stands where {where} is open; close that with {closing} first"
    return (
        f"{where} is not closed, or a comma is missing before this place; "
        "text that holds a colon or comma must stand in quotes"
    )


_TOKEN = re.compile(r"""(?<!\S)#[^\n]*|"(?:[^"\\]|\\.)*"|(?<![^\s,:\[{])'(?:[^']|'')*'|[\[\]{}]""", re.S)


def _open_brackets(text: str, mark: Mark | None) -> list[tuple[str, int, int]]:
    """Brackets that are open at `mark`, with 1-based line and column; those in quotes and comments are text."""
    lines = text.splitlines(keepends=True)
    end = len(text) if mark is None else sum(map(len, lines[: mark.line])) + mark.column
    opened: list[tuple[str, int, int]] = []
    for token in _TOKEN.finditer(text):
        if token.start() >= end:
            break
        if token[0] in ("[", "{"):
            line = text.count("\n", 0, token.start())
            opened.append((token[0], line + 1, token.start() - text.rfind("\n", 0, token.start())))
        elif token[0] in ("]", "}") and opened:
            opened.pop()
    return opened


def _is_end(text: str, mark: Mark | None) -> bool:
    return mark is None or not "".join(text.splitlines(keepends=True)[mark.line :])[mark.column :].strip()


def _goes_before(text: str, mark: Mark | None) -> bool:
    """Whether something stands before `mark` in its line."""
    lines = text.split("\n")
    return mark is not None and mark.line < len(lines) and bool(lines[mark.line][: mark.column].strip())


def json_mistake(text: str, message: str, at: int) -> str:
    """What is probably wrong at character `at` of JSON text."""
    if text[at : at + 2] in {"//", "/*"} or text[at : at + 1] == "#":
        return "JSON has no comments; take them out, or write YAML, where # begins one"
    if text[at : at + 1] == "'":
        return "JSON has no single quotes; write double ones"
    return message[:1].lower() + message[1:]


def looks_like_json(text: str) -> bool:
    """Whether text that begins with { was meant as JSON: it goes on with a quoted key or a comment in JSON's manner."""
    rest = text.lstrip().removeprefix("{").lstrip()
    return rest.startswith(('"', "//", "/*"))


def _place(mark: Mark | None) -> str:
    return f"line {mark.line + 1}, column {mark.column + 1}" if mark is not None else "an earlier place"


def _character(text: str, mark: Mark | None) -> str:
    lines = text.split("\n")
    if mark is None or mark.line >= len(lines):
        return ""
    return lines[mark.line][mark.column : mark.column + 1]

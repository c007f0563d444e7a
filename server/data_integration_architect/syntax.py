"""What a parser says about text that is no YAML or JSON, in words for whoever wrote it."""

from __future__ import annotations

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
    """What is probably wrong where the YAML parser stopped, and what to do; else its own words."""
    problem, context = error.problem or "", error.context or ""
    began = _place(error.context_mark)
    character = _character(text, error.problem_mark)
    if "tab character" in problem or ("cannot start any token" in problem and character == "\t"):
        return "a tab; YAML is indented with spaces only"
    if "cannot start any token" in problem:
        return f"text that begins with {character!r} must stand in quotes"
    if "expected ',' or" in problem:
        bracket = "{" if "mapping" in context else "["
        return (
            f"the {bracket} at {began} is not closed, or a comma is missing before this place; "
            "text that holds a colon or comma must stand in quotes"
        )
    if "quoted scalar" in context and "end of stream" in problem:
        return f"the quote at {began} is never closed"
    if "expected key" in problem:
        return f"this line does not begin in the column of its neighbours; the keys beside it begin at {began}"
    if "expected '-' indicator" in problem:
        return f"this line is no entry of the list that began at {began}; begin it with -, in the same column"
    if "mapping values are not allowed" in problem:
        return "a second colon; is a colon missing in the line before, or must the text stand in quotes?"
    if "expected ':'" in problem:
        return f"a colon and a space are missing after the key at {began}"
    return " ".join(part for part in (context, problem) if part)


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

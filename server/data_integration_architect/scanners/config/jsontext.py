"""JSON text to located data: the standard decoder with places, after comments and trailing commas are blanked."""

from __future__ import annotations

import bisect
import json
import json.decoder
import json.scanner
import re
from typing import Any

from data_integration_architect.scanners.config.located import Listing, Malformed, Node, Table, Text

MOST_CHARACTERS = 8 * 1024 * 1024
MOST_DEPTH = 200

# Strings come first so that `//` inside one is not taken for a comment.
_NOISE = re.compile(r'"(?:[^"\\\n]|\\.)*"|//[^\n]*|/\*.*?\*/|,(?=\s*[}\]])', re.DOTALL)


def load(source: str, first_line: int = 1) -> Node:
    """The document of `source`, JSON with comments and trailing commas as configuration files have them.

    Raises: Malformed for text that is no JSON or is beyond the limits.
    """
    if len(source) > MOST_CHARACTERS:
        raise Malformed(first_line, "larger than the limit for JSON")
    source = source.removeprefix("\ufeff")
    _check_depth(source, first_line)
    try:
        return _Decoder(source, first_line).document()
    except json.JSONDecodeError:
        pass
    blanked = _NOISE.sub(lambda m: m[0] if m[0][0] == '"' else re.sub(r"[^\n]", " ", m[0]), source)
    try:
        return _Decoder(blanked, first_line).document()
    except json.JSONDecodeError as error:
        raise Malformed(first_line + error.lineno - 1, "not valid JSON") from None


def _check_depth(source: str, first_line: int) -> None:
    """Raises: Malformed for brackets nested so deeply that the recursive decoder would fail; strings count too."""
    depth = 0
    for match in re.finditer(r'"(?:[^"\\]|\\.)*"|[\[{]|[\]}]', source, re.DOTALL):
        if match[0] in "[{":
            depth += 1
            if depth > MOST_DEPTH:
                raise Malformed(first_line + source.count("\n", 0, match.start()), "nested too deeply")
        elif match[0] in "]}":
            depth -= 1


class _Decoder(json.JSONDecoder):
    """The pure Python path of the standard decoder, with its hooks for objects, arrays and strings."""

    def __init__(self, source: str, first_line: int) -> None:
        super().__init__(parse_float=str, parse_int=str, parse_constant=str)
        self.source = source
        self.starts = [match.end() for match in re.finditer("\n", source)]
        self.first_line = first_line
        hooks: Any = self
        hooks.parse_object = self.read_object
        hooks.parse_array = self.read_array
        hooks.parse_string = self.read_string
        self.scan: Any = json.scanner.py_make_scanner(hooks)  # type: ignore[attr-defined]

    def document(self) -> Node:
        start = _skip(self.source, 0)
        try:
            value, end = self.scan(self.source, start)
        except StopIteration as stop:
            raise json.JSONDecodeError("no value", self.source, int(stop.value or 0)) from None
        if _skip(self.source, end) != len(self.source):
            raise json.JSONDecodeError("more text", self.source, end)
        return self.located(value, start)

    def line(self, position: int) -> int:
        return self.first_line + bisect.bisect_right(self.starts, position)

    def located(self, value: Any, position: int) -> Node:
        if isinstance(value, Text | Table | Listing):
            return value
        word = "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
        return Text(word, self.line(position), plain=True)

    def read_string(self, source: str, end: int, strict: bool) -> tuple[Text, int]:
        # Line breaks inside strings are read as they stand: connector files posted by scripts have them.
        value, after = json.decoder.scanstring(source, end, False)  # type: ignore[attr-defined]
        return Text(value, self.line(end - 1)), after

    def read_array(self, state: tuple[str, int], scan: Any, *_: Any) -> tuple[Listing, int]:
        source, position = state
        made = Listing(self.line(position - 1))
        position = _skip(source, position)
        if source[position : position + 1] == "]":
            return made, position + 1
        while True:
            value, after = self.value(source, position, scan)
            made.append(self.located(value, position))
            position = _skip(source, after)
            sign = source[position : position + 1]
            if sign == "]":
                return made, position + 1
            if sign != ",":
                raise json.JSONDecodeError("no comma", source, position)
            position = _skip(source, position + 1)

    def read_object(self, state: tuple[str, int], strict: bool, scan: Any, *_: Any) -> tuple[Table, int]:
        source, position = state
        made = Table(self.line(position - 1))
        position = _skip(source, position)
        if source[position : position + 1] == "}":
            return made, position + 1
        while True:
            if source[position : position + 1] != '"':
                raise json.JSONDecodeError("no key", source, position)
            key, after = self.read_string(source, position + 1, strict)
            position = _skip(source, after)
            if source[position : position + 1] != ":":
                raise json.JSONDecodeError("no colon", source, position)
            position = _skip(source, position + 1)
            value, after = self.value(source, position, scan)
            made.put(str(key), self.located(value, position), key.line)
            position = _skip(source, after)
            sign = source[position : position + 1]
            if sign == "}":
                return made, position + 1
            if sign != ",":
                raise json.JSONDecodeError("no comma", source, position)
            position = _skip(source, position + 1)

    def value(self, source: str, position: int, scan: Any) -> tuple[Any, int]:
        try:
            value, end = scan(source, position)
        except StopIteration:
            raise json.JSONDecodeError("no value", source, position) from None
        return value, end


_SPACE = re.compile(r"[ \t\r\n]*")


def _skip(source: str, position: int) -> int:
    match = _SPACE.match(source, position)
    return match.end() if match else position

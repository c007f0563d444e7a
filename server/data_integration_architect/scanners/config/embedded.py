"""Connectors in JSON that stands inside other text: scripts, commands, environment values, config maps."""

from __future__ import annotations

import re
from collections.abc import Iterable

from data_integration_architect.scanners.config import jsontext
from data_integration_architect.scanners.config.configfacts import Fact, problem
from data_integration_architect.scanners.config.kafka_connect import connectors_in
from data_integration_architect.scanners.config.located import Malformed, Node, flatten


def embedded_connectors(source: str, path: str, first_line: int) -> list[Fact]:
    """Connectors in JSON that stands inside other text: a script, a command, an environment value.

    Misses: configurations that a script puts together from parts.
    """
    facts: list[Fact] = []
    reported = False
    for start, end in _json_spans(source):
        line = first_line + source.count("\n", 0, start)
        piece = source[start:end]
        for candidate in (piece, piece.replace('\\"', '"'), re.sub(r"'\"'\"'|'\\''", "'", piece)):
            try:
                node = jsontext.load(candidate, line)
            except Malformed:
                continue
            facts += connectors_in(node, path)
            break
        else:
            if not reported:
                facts.append(problem(path, line, "a connector configuration in this text is no valid JSON"))
                reported = True
    return facts


MOST_SPAN = 60_000


def _json_spans(source: str) -> Iterable[tuple[int, int]]:
    """The outermost braces around each mention of a connector class; each span once."""
    done = 0
    for match in re.finditer(r"connector\.class", source):
        if match.start() < done:
            continue
        start = _opening(source, match.start(), max(done, match.start() - MOST_SPAN))
        if start is None:
            continue
        end = _closing(source, start)
        if end is not None and end > match.start():
            yield start, end
            done = end


def _opening(source: str, position: int, floor: int) -> int | None:
    """The outermost `{` that is still open at `position`; a shell's `${X}` closes what it opens."""
    depth, found = 0, None
    for index in range(position, floor - 1, -1):
        if source[index] == "}":
            depth += 1
        elif source[index] == "{":
            if depth:
                depth -= 1
            elif index and source[index - 1] == "$":
                continue
            else:
                found = index
                # Text before a quote sign that a shell ends is no longer part of the same document.
                if re.search(
                    r"(?:['\"`]|<<-?\s?['\"]?\w{1,20}['\"]?\n|=|\s-d\s|@-)\s*\Z", source[max(0, index - 60) : index]
                ):
                    return found
    return found


def _closing(source: str, start: int) -> int | None:
    depth = 0
    for index in range(start, min(len(source), start + MOST_SPAN)):
        if source[index] == "{":
            depth += 1
        elif source[index] == "}":
            depth -= 1
            if depth == 0:
                return index + 1
    return None


def connectors_in_strings(node: Node | None, path: str) -> list[Fact]:
    """Connectors in JSON inside the scalars of other configuration: commands, environment values, config maps."""
    facts: list[Fact] = []
    for _, value, _ in flatten(node):
        if "connector.class" in value and "{" in value:
            facts += embedded_connectors(str(value), path, value.line)
    return facts

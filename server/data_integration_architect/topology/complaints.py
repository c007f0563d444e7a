"""What the model says about wrong values, in words for whoever wrote the file."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from data_integration_architect.errors import allowed, clip, did_you_mean
from data_integration_architect.files import DocumentPath
from data_integration_architect.topology.reading import model_at, shape_at
from data_integration_architect.topology.shape import Shape, attributes_of, descriptions_of
from data_integration_architect.topology.words import nearest


def complaints(error: ValidationError, data: Any, shows: bool = True) -> dict[DocumentPath, str]:
    """Path → message, for everything that is wrong in `data`; a value that fits none of several kinds once.

    `shows`: whether messages may hold values.
    """
    details: dict[DocumentPath, list[ErrorDetails]] = {}
    for detail in error.errors(include_url=False):
        path = tuple(key for key in detail["loc"] if not _is_union_tag(key))
        if not shows and isinstance(detail.get("input"), str | int | float):
            detail["input"] = HIDDEN
        details.setdefault(path, []).append(detail)
    return {path: _message(path, found, data) for path, found in details.items()}


class _Hidden:
    """Stands for a value of a file that is no topology."""


HIDDEN = _Hidden()

# Unions put the name of the member that was tried into a location; it is nothing that stands in the file.
_UNION_MEMBERS = {"str", "int", "bool", "float", "[key]"}
_UNION_PREFIXES = ("#", "function-", "literal[", "constrained-", "tuple[")


def _is_union_tag(key: str | int) -> bool:
    return isinstance(key, str) and (key in _UNION_MEMBERS or key.startswith(_UNION_PREFIXES))


def _message(path: DocumentPath, details: list[ErrorDetails], data: Any) -> str:
    given = details[0].get("input")
    by_type = {detail["type"]: detail for detail in reversed(details)}
    if "missing" in by_type:
        model = model_at(data, path[:-1])
        meaning = descriptions_of(model).get(str(path[-1]), "") if model else ""
        return f"is missing ({meaning.rstrip('.')})" if meaning else "is missing"
    shape = shape_at(data, path)
    words = [word for detail in details for word in allowed_words(detail)]
    if "value_error" in by_type:
        wanted = by_type["value_error"].get("ctx", {}).get("error")
        also = f"; or {', '.join(words)}" if words else ""
        return f"{_shown(given)} is not {wanted}{also}{_with_unit(given)}"
    if words:
        near = nearest(given, words) if isinstance(given, str) else None
        number = " or a whole number" if by_type.keys() & NO_NUMBER else ""
        return f"{_shown(given)} is not allowed; {did_you_mean(near)}{allowed(words)}{number}"
    if path and path[-1] == "entity" and isinstance(given, list):
        return "a list of entities stands where one is needed; write a step for each entity"
    wanted = _wanted(shape, details[0]["type"], given)
    if wanted:
        return f"{_shown(given)} stands where {wanted}"
    return f"{_shown(given)} is not allowed here; `explain {path[-1] if path else 'topology'}` tells what is"


def allowed_words(detail: ErrorDetails) -> list[str]:
    """The words that a value of a closed list could have had; none for other mistakes."""
    if detail["type"] not in {"literal_error", "enum"}:
        return []
    return re.findall(r"'([^']*)'", str(detail.get("ctx", {}).get("expected", "")))


def _wanted(shape: Shape, kind: str, given: Any) -> str:
    if kind in {"bool_parsing", "bool_type"}:
        return "true or false is needed"
    if kind in {"int_parsing", "int_type", "int_from_float"}:
        return "a whole number is needed"
    if kind in {"int_parsing_size", "greater_than_equal", "less_than_equal", "greater_than", "less_than"}:
        return "a smaller or larger number is needed; a count is from 0 to 1000000000"
    if kind in {"string_too_short", "string_too_long"}:
        return "text is needed: a name of 1 to 200 characters, free text of at most 4000"
    if kind == "tuple_type":
        shown = f": write [{clip(given)[1:-1]}]" if isinstance(given, str) else ": write - before each entry"
        return f"a list is needed{shown}"
    if kind in {"dict_type", "mapping_type"}:
        if shape.values and not shape.values.models:
            return f"a mapping is needed, such as {{NAME: {'[FIELD]' if shape.values.items else 'true'}}}"
        return "a mapping from names is needed: write NAME: and what is known about it"
    if kind in {"model_type", "model_attributes_type", "kind"}:
        return f"a mapping of attributes is needed{_example(shape, given)}"
    if kind == "string_type":
        return f"the name of a {shape.refers.kind} is needed" if shape.refers else "text is needed"
    return ""


def _example(shape: Shape, given: Any) -> str:
    """How the value may have been meant, where one attribute is what such an element is mainly for."""
    words = [word for word in shape.models if word]
    if words:
        return f", such as {{{'write: STORE, entity: ENTITY' if 'write' in words else 'request: true'}}}"
    names = shape.attributes()
    known: Mapping[str, Any] = attributes_of(next(iter(shape.models.values()))) if shape.models else {}
    for main in ("technology", "key", "attempts", "result") if isinstance(given, str | int) else ():
        if main in known and not isinstance(given, bool):
            return f": write {{{main}: {clip(str(given))[1:-1]}}}"
    return f"; {allowed(names, 16)}" if names else ""


_PERIODS = {"hourly": "1h", "daily": "24h", "nightly": "24h", "weekly": "7d", "monthly": "1mo", "yearly": "1y"}
_LONG_UNITS = {"s": "s", "mi": "m", "h": "h", "d": "d", "w": "w", "mo": "mo", "y": "y", "ms": "ms", "mil": "ms"}
_NUMBER_AND_WORD = re.compile(r"(\d+(?:\.\d+)?)\s*([a-z]+)\.?\Z")


def _with_unit(given: Any) -> str:
    """A duration in the writing of the format, where one was written otherwise."""
    if not isinstance(given, str):
        return ""
    word = given.strip().lower()
    found = _NUMBER_AND_WORD.match(word)
    unit = next((_LONG_UNITS[found[2][:n]] for n in (3, 2, 1) if found[2][:n] in _LONG_UNITS), None) if found else None
    meant = f"{found[1]}{unit}" if found and unit else _PERIODS.get(word)
    return f"; did you mean {meant}?" if meant else ""


LONGEST_SHOWN = 60
NO_NUMBER = {"int_parsing", "int_type", "int_parsing_size", "greater_than_equal", "less_than_equal"}


def _shown(given: Any) -> str:
    if given is None:
        return "nothing"
    if isinstance(given, dict):
        return "a mapping"
    if isinstance(given, list | tuple):
        return "a list"
    if isinstance(given, bool):
        return "true" if given else "false"
    if given is HIDDEN:
        return "this value"
    if isinstance(given, str):
        return clip(given if len(given) <= LONGEST_SHOWN else given[: LONGEST_SHOWN - 1] + "…")
    shown = str(given)
    return shown if len(shown) <= LONGEST_SHOWN else shown[: LONGEST_SHOWN - 1] + "…"

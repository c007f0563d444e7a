"""Whether a new version of a record's schema breaks readers: what one side may write that the other refuses.

JSON Schema as this design uses it. A record has the fields that its schema names: others are no promise, and a field of
which nothing is said may be anything that its reader takes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal

Compatibility = Literal["none", "backward", "forward", "full"]
MODE = "x-compatibility"
WORDS: dict[Compatibility, str] = {
    "none": "Compatibility none: nothing is promised; a new version gets a topic of its own.",
    "backward": "Compatibility backward: readers change first; a new version takes the records that are there.",
    "forward": "Compatibility forward: writers change first; readers of this version take the records of the next.",
    "full": "Compatibility full: writers and readers change in any order; a new field is optional, a field stays.",
}
_SAID = {"$schema", "$id", "$comment", "title", "description", "examples", "default", "format", MODE}
_KINDS = {"null", "boolean", "object", "array", "number", "integer", "string"}
_LEAST = ("minimum", "exclusiveMinimum", "minLength", "minItems")
_MOST = ("maximum", "exclusiveMaximum", "maxLength", "maxItems")
_JUDGED = {"type", "enum", "required", "properties", "additionalProperties", "items", *_LEAST, *_MOST}


def breaking_changes(old: Any, new: Any, mode: Compatibility) -> list[str]:
    """What in `new` breaks readers under this mode, one line each; sorted."""
    found: list[str] = []
    if mode in {"backward", "full"}:
        found += [f"records that are there: {why}" for why in refused(new, old)]
    if mode in {"forward", "full"}:
        found += [f"readers of the present version: {why}" for why in refused(old, new)]
    return sorted(found)


def mode_of(schema: Any) -> Compatibility:
    """The mode that a schema states; backward where it states none."""
    said = schema.get(MODE) if isinstance(schema, Mapping) else None
    return said if said in WORDS else "backward"


def refused(reader: Any, writer: Any, where: str = "") -> Iterator[str]:
    """What `writer` allows and `reader` refuses."""
    name = where or "the record"
    if reader is True or reader == {} or writer == {} or writer is True or reader == writer:
        return
    if not isinstance(reader, Mapping) or not isinstance(writer, Mapping):
        yield f"{name} may be there in one version and not in the other"
        return
    kinds, written = _kinds(reader), _kinds(writer)
    if "type" in writer and (more := written - kinds - ({"integer"} if "number" in kinds else set())):
        yield f"{name} may be {', '.join(sorted(more))}, and only {', '.join(sorted(kinds))} is taken"
    if "enum" in reader:
        left = [value for value in writer.get("enum", ()) if value not in reader["enum"]]
        if left or "enum" not in writer:
            yield f"{name} may be {', '.join(map(str, left)) or 'anything'}, and only the listed values are taken"
    for word in (*_LEAST, *_MOST):
        if word in reader and (word not in writer or (writer[word] - reader[word]) * (1 if word in _LEAST else -1) < 0):
            yield f"{name} may lie beyond {word} {reader[word]}"
    theirs, known = writer.get("properties", {}), reader.get("properties", {})
    for field in reader.get("required", ()):
        if field not in writer.get("required", ()):
            yield f"{_below(where, field)} may be missing, and it is required"
    for field in sorted(known.keys() & theirs.keys()):
        yield from refused(known[field], theirs[field], _below(where, field))
    if reader.get("additionalProperties", True) is False:
        for field in sorted(theirs.keys() - known.keys()):
            yield f"{_below(where, field)} may be there, and no further field is taken"
    if "items" in reader:
        yield from refused(reader["items"], writer.get("items", {}), f"{where}[]")
    for word in sorted(reader.keys() - _SAID - _JUDGED):
        if reader[word] != writer.get(word):
            yield f"{name} has another {word}, which is not judged here: compare it by hand"


def _kinds(schema: Mapping[str, Any]) -> set[str]:
    said = schema.get("type", sorted(_KINDS))
    return {said} if isinstance(said, str) else set(said)


def _below(where: str, field: str) -> str:
    return f"{where}.{field}" if where else field

"""Schemas of the tools in few bytes: clients pay for each word in context."""

from __future__ import annotations

import json
import re
from typing import Any

REFERENCE = re.compile(r'"#/\$defs/(\w+)"')


def without(schema: Any, names: tuple[str, ...]) -> Any:
    """An output schema with definitions that say no more than `object`, and without those that nothing then uses."""
    known = {name: {"type": "object"} if name in names else part for name, part in schema.get("$defs", {}).items()}
    root = {key: value for key, value in schema.items() if key != "$defs"}
    used: set[str] = set()
    pending = [json.dumps(root)]
    while pending:
        for name in REFERENCE.findall(pending.pop()):
            if name not in used:
                used.add(name)
                pending.append(json.dumps(known[name]))
    return {**root, "$defs": {name: part for name, part in known.items() if name in used}}


def slim(schema: Any, keep_descriptions: bool = True) -> Any:
    """A schema without what says nothing: titles, which repeat the names, and defaults of what may be left out."""
    if isinstance(schema, list):
        return [slim(item, keep_descriptions) for item in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        key: slim(value, keep_descriptions)
        for key, value in schema.items()
        if not (key == "title" and isinstance(value, str))
        and not (key == "default" and value is None)  # What is not required may be left out.
        and not (key == "additionalProperties" and value is True)  # The rule of JSON Schema anyway.
        and not (key == "description" and isinstance(value, str) and not keep_descriptions)
    }


def terse(schema: Any) -> Any:
    """An output schema that accepts the same in fewer bytes: no defaults, one `type` for a choice of types, none beside
    the words of an `enum`.
    """
    if isinstance(schema, list):
        return [terse(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    choices = schema.get("anyOf")
    if isinstance(choices, list) and all(set(choice) == {"type"} for choice in choices):
        schema = {"type": [choice["type"] for choice in choices], **schema}
        del schema["anyOf"]
    return {
        key: {name: terse(one) for name, one in value.items()} if key in {"properties", "$defs"} else terse(value)
        for key, value in schema.items()
        if key != "default" and not (key == "type" and "enum" in schema)
    }

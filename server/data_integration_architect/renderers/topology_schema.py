"""The JSON Schema of a topology, made from the model so that it accepts what the reader accepts."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema
from pydantic_core import core_schema

from data_integration_architect.topology import NONE, Topology
from data_integration_architect.topology.values import Count, Duration, Flag, Name, Rate, Size, Text

ID = "urn:data-integration-architect:topology:1"
DIALECT = "https://json-schema.org/draft/2020-12/schema"

Schema = dict[str, Any]


class _Generator(GenerateJsonSchema):
    """Adds what validators accept beyond the type behind them; they are asked, so this cannot drift from the model."""

    def function_before_schema(self, schema: core_schema.BeforeValidatorFunctionSchema) -> Schema:
        inner = super().function_before_schema(schema)
        read: Callable[[Any], Any] = schema["function"]["function"]  # type: ignore[assignment]
        also = [{"const": word} for word in (NONE, True) if _reads_otherwise(read, word)]
        return {"anyOf": [inner, *also]} if also else inner


def _reads_otherwise(read: Callable[[Any], Any], word: Any) -> bool:
    try:
        return read(word) is not word
    except ValueError:
        return False


# Values that occur everywhere stand in `$defs` once. What is not the type itself is what the reader converts.
_SCALARS: Mapping[str, tuple[Any, str, tuple[Schema, ...]]] = {
    "name": (Name, "Text of 1 to 200 characters.", ()),
    "text": (Text, "Free text of at most 4,000 characters.", ()),
    "duration": (Duration, "A number with its unit: ms, s, m (minutes), h, d, w, mo, y.", ()),
    "rate": (Rate, "A number per time: /s, /m, /h, /d, /w, /mo, /y; growth in percent, as in 10%/y.", ()),
    "size": (Size, "A number with its unit: B, KB, MB, GB, TB, KiB, MiB, GiB, TiB.", ()),
    "flag": (
        Flag,
        "true or false; `none` says false.",
        (
            {"enum": [0, 1]},
            {"type": "string", "pattern": "^([Yy]([Ee][Ss])?|[Nn][Oo]?|[Oo][Nn]|[Oo][Ff][Ff]|[Tt]([Rr][Uu][Ee])?"
                                          "|[Ff]([Aa][Ll][Ss][Ee])?|[01])$"},
        ),
    ),
    "count": (
        Count,
        "A whole number.",
        ({"type": "boolean"}, {"type": "string", "pattern": "^\\s*\\+?[0-9][0-9_]*(\\.0*)?\\s*$"}),
    ),
}  # fmt: skip
_UNKNOWN = {
    "description": "Says the same as leaving it out: nobody knows.",
    "enum": [None, "unknown", "Unknown", "UNKNOWN"],
}


@cache
def _schema_text() -> str:
    schema = TypeAdapter(Topology).json_schema(by_alias=True, schema_generator=_Generator)
    references = {}
    definitions: dict[str, Schema] = {"unknown": _UNKNOWN}
    for name, (kind, description, converted) in _SCALARS.items():
        own = TypeAdapter(kind).json_schema(schema_generator=_Generator)
        references[_key(own)] = name
        whole = {"anyOf": [own, *converted]} if converted else own
        definitions[name] = {"description": description, **whole}
    body = _Rewriter(references).node(schema)
    definitions |= body.pop("$defs")
    example = {
        "stores": {"db": {"technology": "postgresql"}, "index": {"technology": "elasticsearch"}},
        "entities": {"order": {"key": "order_id"}},
        "processes": {"shop": {"handlers": {"save": {"steps": [
            {"write": "db", "entity": "order"}, {"write": "index", "entity": "order"}]}}}},
    }  # fmt: skip
    head = {"$schema": DIALECT, "$id": ID, "title": "Topology"}
    return json.dumps({**head, **body, "examples": [example], "$defs": dict(sorted(definitions.items()))})


def topology_schema() -> Schema:
    """JSON Schema (2020-12) of the topology file."""
    schema: Schema = json.loads(_schema_text())
    return schema


def _key(schema: Schema) -> str:
    return json.dumps({k: v for k, v in schema.items() if k not in {"title", "description"}}, sort_keys=True)


class _Rewriter:
    """Drops titles and defaults, refers to scalars by name, and lets what is optional be unknown."""

    def __init__(self, references: Mapping[str, str]) -> None:
        self.references = references

    def node(self, schema: Schema) -> Schema:
        name = self.references.get(_key(schema))
        if name:
            described = {"description": " ".join(schema["description"].split())} if "description" in schema else {}
            return {**described, "$ref": f"#/$defs/{name}"}
        result: Schema = {}
        for key, value in schema.items():
            if key in {"title", "default", "discriminator"}:
                continue
            if key == "$defs":
                result[key] = {name: self.node(one) for name, one in value.items()}
            elif key == "properties":
                required = schema.get("required", ())
                result[key] = {n: self.node(p) if n in required else self.optional(p) for n, p in value.items()}
            elif key in {"anyOf", "oneOf"}:
                result[key] = [self.node(one) for one in self.choices(value)]
            elif key == "additionalProperties" and isinstance(value, dict):
                result[key] = self.optional(value)
            elif key in {"items", "propertyNames"}:
                result[key] = self.node(value)
            elif key == "description":
                result[key] = " ".join(value.split())
            else:
                result[key] = value
        return result

    def choices(self, schemas: list[Schema]) -> list[Schema]:
        """Without null; a scalar of several choices that the generator dissolved among them is put together again."""
        left = [one for one in schemas if one != {"type": "null"}]
        for key in self.references:
            parts = json.loads(key).get("anyOf")
            if parts and all(part in left for part in parts):
                left = [{"anyOf": parts}, *(one for one in left if one not in parts)]
        return left

    def optional(self, schema: Schema) -> Schema:
        """`schema`, or nothing known: attributes that are null or `unknown` are read as absent."""
        own = self.node(schema)
        described = {"description": own.pop("description")} if "description" in own else {}
        choices = own["anyOf"] if set(own) == {"anyOf"} else [own]
        return {**described, "anyOf": [*choices, {"$ref": "#/$defs/unknown"}]}

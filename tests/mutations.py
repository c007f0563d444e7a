"""Documents that differ from one by a single fact: left out, or said otherwise, also where nothing was said before."""

import copy
import random
from collections.abc import Iterator, Mapping
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from data_integration_architect.errors import ArchitectError
from data_integration_architect.files import Document, DocumentPath
from data_integration_architect.topology import load_topology, normalize
from data_integration_architect.topology.base import Element
from data_integration_architect.topology.reading import model_at
from data_integration_architect.topology.values import Count, Duration, Flag, Refers

NAMES = {"store": ("stores",), "channel": ("channels",), "store or channel": ("stores", "channels"),
         "entity": ("entities",), "entity or part": ("entities",)}  # fmt: skip
# no engine that checks reads these
IGNORED = {*Element.model_fields, "technology", "code", "system", "context", "symptoms", "region", "regions"}
LEFT_OUT = object()

Mutation = tuple[DocumentPath, Any]


def mutations(data: dict[str, Any]) -> list[Mutation]:
    """Every single change, in the order of the document: where, and the value there or LEFT_OUT."""
    return list(_below(data, data, ()))


def mutated(data: dict[str, Any], mutation: Mutation) -> dict[str, Any]:
    """A copy with one change."""
    path, value = mutation
    whole: dict[str, Any] = copy.deepcopy(data)
    current: Any = whole
    for key in path[:-1]:
        current = current[key]
    if value is LEFT_OUT:
        del current[path[-1]]
    else:
        current[path[-1]] = copy.deepcopy(value)
    return whole


def some_mutations(data: dict[str, Any], seed: object, count: int) -> list[Mutation]:
    """At most `count` of them, drawn by a seed."""
    every = mutations(data)
    return every if len(every) <= count else random.Random(str(seed)).sample(every, count)


def _below(data: dict[str, Any], current: Any, path: DocumentPath) -> Iterator[Mutation]:
    if isinstance(current, list):
        for index, item in enumerate(current):
            yield (*path, index), LEFT_OUT
            yield from _below(data, item, (*path, index))
    if not isinstance(current, dict):
        return
    model = model_at(data, path)
    if model is None:
        for name, item in current.items():
            yield from _below(data, item, (*path, name))
        return
    for field, info in model.model_fields.items():
        name = info.alias or field
        if name in IGNORED:
            continue
        if name in current:
            yield (*path, name), LEFT_OUT
            yield from _below(data, current[name], (*path, name))
        for value in _values(info, data):
            if current.get(name, LEFT_OUT) != value:
                yield (*path, name), value


def _handlers(data: dict[str, Any]) -> Iterator[str]:
    for name, process in (data.get("processes") or {}).items():
        yield from (f"{name}.{handler}" for handler in (process or {}).get("handlers") or {})


def _values(info: FieldInfo, data: dict[str, Any], depth: int = 1) -> Iterator[Any]:
    refers = [one for one in info.metadata if isinstance(one, Refers)]
    yield from _of(info.annotation, data, depth, refers)


def _of(annotation: Any, data: dict[str, Any], depth: int, refers: list[Refers]) -> Iterator[Any]:
    for kind, values in ((Flag, (True, False)), (Count, (0, 1, 4)), (Duration, ("1s", "30d"))):
        if annotation == kind:
            yield from values
            return
    if annotation is bool:
        yield from (True, False)
    elif annotation is int:
        yield from (0, 1, 4)
    elif annotation is str:
        for one in refers:
            for group in NAMES.get(one.kind, ()):
                yield from data.get(group) or ()
            if one.kind == "handler":
                yield from _handlers(data)
    elif isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield {}
        for field, info in annotation.model_fields.items() if depth else ():
            for value in _values(info, data, depth - 1):
                yield {info.alias or field: value}
    elif get_origin(annotation) is Literal:
        yield from get_args(annotation)
    elif hasattr(annotation, "__metadata__"):
        found = [one for one in annotation.__metadata__ if isinstance(one, Refers)]
        yield from _of(annotation.__origin__, data, depth, [*refers, *found])
    elif get_origin(annotation) not in (tuple, Mapping):
        for one in get_args(annotation):
            yield from _of(one, data, depth, refers)


def with_odd_facts(data: dict[str, Any], seed: object, count: int = 6) -> dict[str, Any]:
    """The document with some more facts, or others, of the whole schema; only what the reader takes."""
    draw = random.Random(f"odd {seed}")
    for _ in range(3 * count):
        changed = mutated(data, draw.choice(mutations(data)))
        try:
            normalize(load_topology(Document(changed)))
        except ArchitectError:
            continue
        data = changed
        count -= 1
        if not count:
            break
    return data

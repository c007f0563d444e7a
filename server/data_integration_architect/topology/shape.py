"""What the model allows where: attributes, lists and mappings as tables that a document is walked with."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Annotated, Any, get_args, get_origin

from pydantic import BaseModel, Tag
from pydantic.fields import FieldInfo

from data_integration_architect.topology.base import Element
from data_integration_architect.topology.values import Refers

Model = type[BaseModel]


@dataclass(frozen=True)
class Shape:
    """What may stand at one place of a document.

    models: by the word that tells the kind of a step or trigger; by "" where there is one kind only.
    items, values: of a list, and of a mapping from names. refers: what a word there names.
    """

    models: Mapping[str, Model] = field(default_factory=dict)
    items: Shape | None = None
    values: Shape | None = None
    refers: Refers | None = None

    def attributes(self) -> list[str]:
        """Names of attributes, those of every element last."""
        return in_reading_order({name for model in self.models.values() for name in attributes_of(model)})


NOTHING = Shape()


@cache
def attributes_of(model: Model) -> Mapping[str, Shape]:
    """Attributes as they are written, with what may stand there."""
    return {
        _written(name, info): _shape_of_field(info) for name, info in model.model_fields.items() if not info.exclude
    }


@cache
def descriptions_of(model: Model) -> Mapping[str, str]:
    return {
        _written(name, info): " ".join((info.description or "").split()) for name, info in model.model_fields.items()
    }


def in_reading_order(attributes: Iterable[str]) -> list[str]:
    common = attributes_of(Element)
    return sorted(attributes, key=lambda name: (name in common, name))


def _written(name: str, info: FieldInfo) -> str:
    return info.alias or name


def _shape_of_field(info: FieldInfo) -> Shape:
    return _with_metadata(_shape(info.annotation), info.metadata)


def _shape(annotation: Any) -> Shape:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return Shape(models={"": annotation})
    if origin is Annotated:
        return _with_metadata(_shape(arguments[0]), arguments[1:])
    if origin is tuple:
        return Shape(items=_shape(arguments[0]))
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return Shape(values=_shape(arguments[1]))
    if origin is not None and all(isinstance(one, str) for one in arguments):
        return NOTHING
    merged = NOTHING
    for one in map(_shape, arguments):
        merged = Shape(
            {**merged.models, **one.models},
            merged.items or one.items,
            merged.values or one.values,
            merged.refers or one.refers,
        )
    return merged


def _with_metadata(shape: Shape, metadata: Iterable[Any]) -> Shape:
    for one in metadata:
        if isinstance(one, Refers):
            shape = Shape(shape.models, shape.items, shape.values, one)
        elif isinstance(one, Tag):
            shape = Shape({one.tag.removeprefix("#"): model for model in shape.models.values()})
    return shape


@cache
def homes_of(root: Model) -> Mapping[str, tuple[str, ...]]:
    """Attribute → places where it is written, such as `channels.NAME.event.version`; each model at its first place."""
    homes: dict[str, list[str]] = {}
    seen: set[Model] = set()
    pending: list[tuple[Model, str]] = [(root, "")]
    while pending:
        model, place = pending.pop(0)
        if model in seen:
            continue
        seen.add(model)
        for name, shape in attributes_of(model).items():
            here = f"{place}.{name}" if place else name
            homes.setdefault(name, []).append(here)
            pending += [(found, where) for found, where in _below(shape, here)]
    return {name: tuple(places) for name, places in homes.items()}


def _below(shape: Shape, place: str) -> list[tuple[Model, str]]:
    found = [(model, place) for model in shape.models.values()]
    if shape.items:
        found += _below(shape.items, f"{place}[]")
    if shape.values:
        found += _below(shape.values, f"{place}.NAME")
    return found

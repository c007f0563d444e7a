"""Walks a document along the model: attributes that nobody said fall away, misspelt ones are named and read as meant.

What is wrong in one value hides nothing else: names that a document refers to are collected from what stands in it,
not from what could be built of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from typing import Any

from data_integration_architect.errors import allowed, clip, did_you_mean
from data_integration_architect.files import DocumentPath
from data_integration_architect.topology.model import Topology
from data_integration_architect.topology.shape import Model, Shape, attributes_of, descriptions_of, homes_of
from data_integration_architect.topology.values import Refers
from data_integration_architect.topology.words import is_another_name, nearest

UNKNOWN_WORDS = {"unknown", "Unknown", "UNKNOWN"}
# Free text, and the period of a schedule, which is a trigger even if nobody knows how often it runs.
KEEPS_UNKNOWN = {"system", "note", "says", "exit_criterion", "compensation", "every"}
MOST_ATTRIBUTES_SHOWN = 40
MAIN_GROUPS = {"stores", "channels", "entities", "processes"}
TOPOLOGY = Shape(models={"": Topology})


@dataclass(frozen=True)
class Reference:
    """A word that names something else of the document."""

    path: DocumentPath
    refers: Refers
    name: str


@dataclass
class Reading:
    """A document as it is meant, what is wrong with its attributes, and what it refers to.

    `problems` has paths of the document, `references` and `data` those of the document as it is meant.
    """

    data: Any = None
    problems: dict[DocumentPath, str] = field(default_factory=dict)
    references: list[Reference] = field(default_factory=list)
    renamed: dict[DocumentPath, str] = field(default_factory=dict)
    follows: bool = True
    """Whether a misspelt attribute is read as meant; not in a file of another kind, whose values are not shown."""

    def original(self, path: DocumentPath) -> DocumentPath:
        """`path` of what is meant as a path of the document."""
        if not self.renamed:
            return path
        return tuple(self.renamed.get(path[: at + 1], key) for at, key in enumerate(path))

    def value(self, shape: Shape, given: Any, path: DocumentPath) -> Any:
        if isinstance(given, str):
            refers = shape.refers or (shape.items.refers if shape.items else None)
            if refers:
                self.references.append(Reference(path, refers, given.strip()))
        elif isinstance(given, dict):
            if shape.values:
                return self.named(shape.values, given, path)
            if shape.models:
                return self.one_of(shape.models, given, path)
            if shape.items:
                # One entry without its list: the wrong kind, but its names count.
                return self.value(shape.items, given, path)
        elif isinstance(given, list):
            return [self.value(shape.items or shape, item, (*path, index)) for index, item in enumerate(given)]
        return given

    def named(self, shape: Shape, given: Mapping[str, Any], path: DocumentPath) -> dict[str, Any]:
        """Elements by name; one of which nothing is said stays, as an element."""
        result = {}
        for name, item in given.items():
            if not _says_unknown(name, item):
                result[name] = self.value(shape, item, (*path, name))
            elif shape.models:
                result[name] = {}
        return result

    def one_of(self, models: Mapping[str, Model], given: dict[str, Any], path: DocumentPath) -> dict[str, Any]:
        if "" in models:
            return self.attributes(models[""], given, path)
        thing = "step" if "write" in models else "trigger"
        present = [word for word in models if word in given]
        if not present:
            known = {name for model in models.values() for name in attributes_of(model)}
            meant = ((key, nearest(key, models)) for key in given if key not in known)
            word, near = next(((word, near) for word, near in meant if near), (None, None))
            if word is None or near is None:
                example = "{write: STORE, entity: ENTITY}" if thing == "step" else "{request: true}"
                self.problem(path, f"a {thing} has exactly one of {', '.join(models)}, such as {example}")
                return given
            message = f"unknown attribute {clip(word)} here; {did_you_mean(near)}"
            self.problem((*path, word), f"{message}a {thing} has exactly one of {', '.join(models)}")
            given = {near if key == word else key: item for key, item in given.items()}
            self.renamed[(*path, near)] = word
            present = [near]
        if _says_unknown(present[0], given[present[0]]):
            meaning = descriptions_of(models[present[0]])[present[0]].rstrip(".")
            self.problem(path, f"{present[0]} says nothing ({meaning})")
        model = models[present[0]]
        for other in present[1:]:
            if other not in attributes_of(model):
                each = "write a step for each" if thing == "step" else "write a handler for each"
                self.problem((*path, other), f"{present[0]} and {other} in one {thing}; {each}")
                self.value(attributes_of(models[other])[other], given[other], (*path, other))
                given = {key: item for key, item in given.items() if key != other}
        return self.attributes(model, given, path)

    def attributes(self, model: Model, given: Mapping[str, Any], path: DocumentPath) -> dict[str, Any]:
        known = attributes_of(model)
        result: dict[str, Any] = {}
        for key, item in given.items():
            name: str | None = key
            if key not in known:
                name = self.meant(model, key, given, path)
                if name is None or name in result:
                    continue
                self.renamed[(*path, name)] = key
            if name is not None and not _says_unknown(name, item):
                result[name] = self.value(known[name], item, (*path, name))
        return result

    def meant(self, model: Model, key: str, given: Mapping[str, Any], path: DocumentPath) -> str | None:
        """The attribute that is meant by `key`, None if that is not clear; either way the problem is noted."""
        shape = Shape(models={"": model})
        names = shape.attributes()
        near = nearest(key, [name for name in names if name not in given])
        homes = homes_of(Topology).get(key, ())
        hint = did_you_mean(near)
        if key.split(":")[0] in names:
            hint = f"a space is missing after the colon: {key.replace(':', ': ', 1)}; "
            near = None
        elif key == "<<":
            hint, near = "merge keys are not read, repeat the attributes; ", None
        elif homes and not (near and (is_another_name(key, near) or SequenceMatcher(None, key, near).ratio() > 0.8)):
            hint, near = f"it is an attribute of {' and '.join(homes[:2])}; ", None
        what = allowed(names, MOST_ATTRIBUTES_SHOWN)
        self.problem((*path, key), f"unknown attribute {clip(key)} here; {hint}{what}")
        return near if self.follows else None

    def problem(self, path: DocumentPath, message: str) -> None:
        # The last key is that of the document already.
        self.problems.setdefault((*self.original(path[:-1]), *path[-1:]), message)


def read_as_meant(data: Any) -> Reading:
    """`data` along the model of a topology."""
    reading = Reading(follows=_is_topology(data))
    reading.data = reading.value(TOPOLOGY, data, ())
    return reading


def _is_topology(data: Any) -> bool:
    """Whether `data` has two of the main groups, or one with an element of a known attribute: no file of another kind
    that happens to have a key of the same name.
    """
    groups = MAIN_GROUPS & set(data) if isinstance(data, dict) else set()
    if len(groups) > 1:
        return True
    for group in groups:
        elements = data[group].values() if isinstance(data[group], dict) else ()
        known = set(shape_at(data, (group, "NAME")).attributes())
        if any(isinstance(element, dict) and not known.isdisjoint(element) for element in elements):
            return True
    return False


def shape_at(data: Any, path: DocumentPath) -> Shape:
    """What may stand at `path` of `data`, which holds to the model up to there."""
    shape = TOPOLOGY
    for key in path:
        if isinstance(key, int):
            shape = shape.items or shape
        elif shape.values:
            shape = shape.values
        else:
            model = _model_of(shape, data)
            shape = attributes_of(model).get(key, Shape()) if model else Shape()
        data = _child(data, key)
    return shape


def _model_of(shape: Shape, data: Any) -> Model | None:
    if "" in shape.models:
        return shape.models[""]
    words = [word for word in shape.models if isinstance(data, Mapping) and word in data]
    return shape.models[words[0]] if words else None


def model_at(data: Any, path: DocumentPath) -> Model | None:
    """The model of the mapping at `path`."""
    shape = shape_at(data, path)
    for key in path:
        data = _child(data, key)
    return _model_of(shape, data)


def _child(data: Any, key: str | int) -> Any:
    try:
        return data[key]
    except (KeyError, IndexError, TypeError):
        return None


def _says_unknown(key: str, item: Any) -> bool:
    return item is None or (isinstance(item, str) and item in UNKNOWN_WORDS and key not in KEEPS_UNKNOWN)

"""Reads a document into a topology, and names every problem of it at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from data_integration_architect.errors import InputError, Problem, clip, suggestion
from data_integration_architect.files import Document, DocumentPath, format_path
from data_integration_architect.topology.base import NONE
from data_integration_architect.topology.model import Topology
from data_integration_architect.topology.steps import (
    Append,
    Call,
    Transaction,
    Write,
    step_kind,
    step_target,
    walk_steps,
)
from data_integration_architect.topology.triggers import OnChanges, OnConsume

UNKNOWN_WORDS = {"unknown", "Unknown", "UNKNOWN"}
# Free text, and the period of a schedule, which is a trigger even if nobody knows how often it runs.
KEEPS_UNKNOWN = {"system", "note", "says", "exit_criterion", "compensation", "every"}
MOST_ELEMENTS = 5_000


def load_topology(document: Document) -> Topology:
    """The topology of `document`, short forms not yet rewritten. Raises: InputError with all problems and places."""
    data = document.data
    if not isinstance(data, dict):
        message = "a topology is a mapping with stores, entities, processes, …"
        raise InputError(document.source, [_problem(document, (), message)])
    problems: dict[DocumentPath, str] = {
        path: f"unknown attribute {clip(str(path[-1]))} here; {suggestion(str(path[-1]), allowed)}"
        for path, allowed in _misspelt_unknowns(data)
    }
    data = _without_unknowns(data)
    rest = _Rest(set())
    try:
        topology = Topology.model_validate(data)
    except ValidationError as error:
        found, unusable = _schema_problems(error)
        problems = {**found, **problems}
        # What is wrong is left out, so that wrong names elsewhere are reported in the same go.
        rest = _Rest(unusable)
        try:
            topology = Topology.model_validate(rest.of(data))
        except ValidationError:
            topology = Topology()
    for path, message in _name_problems(topology):
        problems.setdefault(rest.original(path), message)
    if problems:
        raise InputError(
            document.source,
            (_problem(document, path, message) for path, message in problems.items()),
        )
    return topology


def _problem(document: Document, path: DocumentPath, message: str) -> Problem:
    line, column = document.place(path)
    return Problem(line, column, format_path(path), message)


def load_document(data: Any, source: str) -> Topology:
    """The topology of plain data that no file holds. Raises: InputError."""
    return load_topology(Document(data, source))


def dump_topology(topology: Topology) -> dict[str, Any]:
    """Plain data that `load_topology` reads back to an equal topology; only what was said."""
    dumped: dict[str, Any] = topology.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    return dumped


NAMED = {"stores", "channels", "entities", "processes", "captures", "consumers", "jobs", "caches"}


def _says_unknown(key: str, item: Any) -> bool:
    return item is None or (isinstance(item, str) and item in UNKNOWN_WORDS and key not in KEEPS_UNKNOWN)


def _holds_elements(path: DocumentPath) -> bool:
    """Whether the keys at `path` are names of elements."""
    return (len(path) == 1 and path[0] in NAMED) or (
        len(path) == 3 and path[0] == "processes" and path[2] == "handlers"
    )


def _without_unknowns(value: Any, path: DocumentPath = ()) -> Any:
    """`value` without attributes that are null or the word unknown: both say what absence says.

    An element of which nothing is said stays, as an element.
    """
    if isinstance(value, dict):
        return {
            key: {} if _says_unknown(key, item) else _without_unknowns(item, (*path, key))
            for key, item in value.items()
            if not _says_unknown(key, item) or _holds_elements(path)
        }
    if isinstance(value, list):
        return [_without_unknowns(item, (*path, index)) for index, item in enumerate(value)]
    return value


def _misspelt_unknowns(value: Any, path: DocumentPath = ()) -> Iterator[tuple[DocumentPath, list[str]]]:
    """Attributes that say unknown and that no element has at their place, with those that it has."""
    if isinstance(value, dict):
        for key, item in value.items():
            if not _says_unknown(key, item):
                yield from _misspelt_unknowns(item, (*path, key))
            elif not _holds_elements(path):
                allowed = _allowed_at(path)
                if allowed and key not in allowed:
                    yield (*path, key), allowed
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _misspelt_unknowns(item, (*path, index))


class _Rest:
    """A document without what stands at `paths`; knows the original index of each list item that is left."""

    def __init__(self, paths: set[DocumentPath]) -> None:
        self.paths = paths
        self.kept: dict[DocumentPath, list[int]] = {}

    def of(self, value: Any, here: DocumentPath = (), new: DocumentPath = ()) -> Any:
        if isinstance(value, dict):
            return {
                key: self.of(item, (*here, key), (*new, key))
                for key, item in value.items()
                if (*here, key) not in self.paths
            }
        if isinstance(value, list):
            indices = [i for i in range(len(value)) if (*here, i) not in self.paths]
            self.kept[new] = indices
            return [self.of(value[i], (*here, i), (*new, at)) for at, i in enumerate(indices)]
        return value

    def original(self, path: DocumentPath) -> DocumentPath:
        """`path` of the rest as a path of the whole document."""
        return tuple(
            self.kept[path[:at]][key] if isinstance(key, int) and path[:at] in self.kept else key
            for at, key in enumerate(path)
        )


def _schema_problems(error: ValidationError) -> tuple[dict[DocumentPath, str], set[DocumentPath]]:
    """Path → message, and the paths that must go for the rest to be usable."""
    problems: dict[DocumentPath, str] = {}
    unusable: set[DocumentPath] = set()
    for detail in error.errors(include_url=False):
        path = tuple(key for key in detail["loc"] if not _is_union_tag(key))
        # A union reports each of its members; the first one is what the attribute is mainly for.
        problems.setdefault(path, _message(detail, path))
        unusable.add(path[:-1] if detail["type"] == "missing" else path)
    return problems, unusable


# Unions put the name of the member that was tried into a location; it is nothing that stands in the file.
_UNION_MEMBERS = {"str", "int", "bool", "float", "[key]"}
_UNION_PREFIXES = ("#", "function-", "literal[", "constrained-", "tuple[")


def _is_union_tag(key: str | int) -> bool:
    return isinstance(key, str) and (key in _UNION_MEMBERS or key.startswith(_UNION_PREFIXES))


def _message(detail: ErrorDetails, path: DocumentPath) -> str:
    kind, context = detail["type"], detail.get("ctx", {})
    given = detail.get("input")
    if kind == "extra_forbidden":
        name, allowed = str(path[-1]), _allowed_at(detail["loc"][:-1])
        return f"unknown attribute {clip(name)} here; {suggestion(name, set(allowed) - {name})}"
    if kind == "missing":
        return "is missing"
    if kind in {"literal_error", "enum"}:
        expected = str(context.get("expected", "")).replace(" or ", ", ")
        allowed = [word.strip().strip("'") for word in expected.split(",")]
        return f"{_shown(given)} is not allowed; {suggestion(str(given), allowed)}"
    if kind == "value_error":
        return f"{_shown(given)} is not {context.get('error')}"
    if kind == "kind":
        return str(detail["msg"])
    if path and path[-1] == "every" and kind in {"string_type", "literal_error"}:
        return f"{_shown(given)} is not a duration; write 15m, 24h, or unknown where nobody told the period"
    if path and path[-1] == "entity" and isinstance(given, list):
        return "a list of entities stands where one is needed; write a step for each entity"
    if kind in _WANTED:
        return f"{_shown(given)} stands where {_WANTED[kind]} is needed"
    return f"{_shown(given)}: {detail['msg'][0].lower()}{detail['msg'][1:]}"


_WANTED = {
    "string_type": "text",
    "tuple_type": "a list",
    "dict_type": "a mapping",
    "mapping_type": "a mapping",
    "model_type": "a mapping of attributes",
    "model_attributes_type": "a mapping of attributes",
    "bool_parsing": "true or false",
    "bool_type": "true or false",
    "int_parsing": "a whole number",
    "int_type": "a whole number",
}


def _shown(given: Any) -> str:
    if isinstance(given, dict):
        return "a mapping"
    if isinstance(given, list | tuple):
        return "a list"
    if isinstance(given, bool):
        return "true" if given else "false"
    return clip(given)[:60] if isinstance(given, str) else str(given)[:60]


# The word that tells the kind of a step or trigger, as it stands in the location of a problem, and its model.
_KINDS = {
    "#transaction": "Transaction", "#read": "Read", "#write": "Write", "#append": "Append", "#call": "Call",
    "#invalidate": "Invalidate", "#request": "OnRequest", "#consume": "OnConsume", "#changes": "OnChanges",
    "#every": "OnSchedule",
}  # fmt: skip


def _allowed_at(location: DocumentPath) -> list[str]:
    """Attribute names that are allowed at a problem's location, found by walking the schema."""
    models: list[type[BaseModel]] = [Topology]
    for key in location:
        if key in _KINDS:
            models = [model for model in models if model.__name__ == _KINDS[str(key)]] or models
            continue
        following = [
            found
            for model in models
            for name, info in model.model_fields.items()
            if key in (info.alias or name, name)
            for found in _models_in(info.annotation)
        ]
        # An index, or the name of an element in a mapping, stays at the models of the container's items.
        models = following or models
    return sorted({info.alias or name for model in models for name, info in model.model_fields.items()})


def _models_in(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return list(dict.fromkeys(model for part in get_args(annotation) for model in _models_in(part)))


class _Names:
    """The names of a topology by what they may stand for."""

    def __init__(self, topology: Topology) -> None:
        self.stores = set(topology.stores)
        self.channels = set(topology.channels)
        self.entities = set(topology.entities)
        self.parts = {f"{e}.{p}" for e, entity in topology.entities.items() for p in entity.parts}
        self.handlers = {f"{p}.{h}" for p, process in topology.processes.items() for h in process.handlers}
        short = {*topology.captures, *topology.consumers, *topology.jobs, *topology.caches}
        self.handlers |= short
        self.processes = set(topology.processes)


def _name_problems(topology: Topology) -> Iterator[tuple[DocumentPath, str]]:
    names = _Names(topology)
    yield from _size_problems(topology)
    yield from _dotted_names(topology)
    for name in sorted(names.stores & names.channels):
        yield ("channels", name), f"{clip(name)} is also the name of a store; give one of them another name"
    yield from _shared_names(topology)
    yield from _state_problems(topology, names)
    for process_name, process in topology.processes.items():
        for handler_name, handler in process.handlers.items():
            path: DocumentPath = ("processes", process_name, "handlers", handler_name)
            if isinstance(handler.trigger, OnConsume):
                yield from _known("channel", handler.trigger.consume, names.channels, (*path, "trigger", "consume"))
                if handler.trigger.parked_in:
                    yield from _known("store", handler.trigger.parked_in, names.stores, (*path, "trigger", "parked_in"))
            elif isinstance(handler.trigger, OnChanges):
                yield from _known("store", handler.trigger.changes, names.stores, (*path, "trigger", "changes"))
            if handler.dedup:
                for attribute, store in (("in", handler.dedup.in_), ("read_from", handler.dedup.read_from)):
                    if store and store != NONE:
                        yield from _known("store", store, names.stores, (*path, "dedup", attribute))
            if handler.compensates:
                yield from _known("handler", handler.compensates, names.handlers, (*path, "compensates"))
            yield from _step_problems(handler.steps, (*path, "steps"), names)
    yield from _short_form_problems(topology, names)
    yield from _reader_problems(topology, names)


def _dotted_names(topology: Topology) -> Iterator[tuple[DocumentPath, str]]:
    """Names that would read as ENTITY.PART or PROCESS.HANDLER."""
    advice = "a name here has no dot: ENTITY.PART and PROCESS.HANDLER are written with one"
    groups = ("entities", "processes", "captures", "consumers", "jobs", "caches")
    for group in groups:
        for name in getattr(topology, group):
            if "." in name:
                yield (group, name), advice
    for name, process in topology.processes.items():
        for handler in process.handlers:
            if "." in handler:
                yield ("processes", name, "handlers", handler), advice
    for name, entity in topology.entities.items():
        for part in entity.parts:
            if "." in part:
                yield ("entities", name, "parts", part), advice


def _size_problems(topology: Topology) -> Iterator[tuple[DocumentPath, str]]:
    groups = (getattr(topology, name) for name in Topology.model_fields)
    count = sum(len(group) for group in groups if isinstance(group, Mapping | tuple))
    if count > MOST_ELEMENTS:
        yield (), f"{count} elements; at most {MOST_ELEMENTS} are read"


def _shared_names(topology: Topology) -> Iterator[tuple[DocumentPath, str]]:
    seen: dict[str, str] = {}
    for group in ("processes", "captures", "consumers", "jobs", "caches"):
        for name in getattr(topology, group):
            if name in seen:
                yield (group, name), f"{clip(name)} is also a name in {seen[name]}; give one of them another name"
            seen.setdefault(name, group)


def _known(kind: str, name: str, known: Iterable[str], path: DocumentPath) -> Iterator[tuple[DocumentPath, str]]:
    if name not in known:
        yield path, f"unknown {kind} {clip(name)}; {suggestion(name, known)}"


def _state_problems(topology: Topology, names: _Names) -> Iterator[tuple[DocumentPath, str]]:
    for name, store in topology.stores.items():
        if store.replica_of:
            path = ("stores", name, "replica_of")
            if store.replica_of == name:
                yield path, "a store is no replica of itself; name the store that it follows"
                continue
            yield from _known("store", store.replica_of, names.stores - {name}, path)
            if store.replica_of in names.stores and _replica_cycle(name, topology):
                yield path, "a replica of itself, in a circle"
    for name, channel in topology.channels.items():
        if channel.in_:
            yield from _known("store", channel.in_, names.stores, ("channels", name, "in"))
        if channel.dead_letter and channel.dead_letter != NONE:
            yield from _known("channel", channel.dead_letter, names.channels, ("channels", name, "dead_letter"))
        for index, entity in enumerate(channel.carries):
            yield from _known("entity", entity, names.entities | names.parts, ("channels", name, "carries", index))
    for name, element in topology.entities.items():
        if element.system_of_record:
            path = ("entities", name, "system_of_record")
            yield from _known("store or channel", element.system_of_record, names.stores | names.channels, path)
        for index, reference in enumerate(element.references):
            yield from _known("entity", reference.to, names.entities, ("entities", name, "references", index, "to"))


def _replica_cycle(name: str, topology: Topology) -> bool:
    seen = {name}
    current = topology.stores[name].replica_of
    while current is not None and current in topology.stores and current not in seen:
        seen.add(current)
        current = topology.stores[current].replica_of
    return current == name


def _step_problems(steps: tuple[Any, ...], path: DocumentPath, names: _Names) -> Iterator[tuple[DocumentPath, str]]:
    for here, step in walk_steps(steps, path):
        if isinstance(step, Transaction):
            members = (step.transaction,) if isinstance(step.transaction, str) else step.transaction
            if not members:
                yield (*here, "transaction"), "names no store"
            for index, store in enumerate(members):
                where = (*here, "transaction") if isinstance(step.transaction, str) else (*here, "transaction", index)
                yield from _known("store", store, names.stores | names.channels, where)
            continue
        kind, target = step_kind(step), step_target(step)
        wanted = names.channels if isinstance(step, Append) else names.stores
        if target not in wanted:
            other = names.stores if isinstance(step, Append) else names.channels
            if target in other and isinstance(step, Append):
                yield (*here, kind), f"{clip(target)} is a store; use write (or call for an outside system)"
            elif target in other and isinstance(step, Write | Call):
                yield (*here, kind), f"{clip(target)} is a channel; use append"
            else:
                thing = "channel" if isinstance(step, Append) else "store"
                yield from _known(thing, target, wanted, (*here, kind))
        if step.entity:
            yield from _known("entity", step.entity, names.entities | names.parts, (*here, "entity"))
        if step.dead_letter:
            yield from _known("channel", step.dead_letter, names.channels, (*here, "dead_letter"))


def _short_form_problems(topology: Topology, names: _Names) -> Iterator[tuple[DocumentPath, str]]:
    places = names.stores | names.channels
    groups: tuple[tuple[str, Mapping[str, Any], set[str]], ...] = (
        ("captures", topology.captures, names.stores),
        ("consumers", topology.consumers, names.channels),
        ("jobs", topology.jobs, names.stores),
    )
    for group, forms, sources in groups:
        for name, form in forms.items():
            thing = "channel" if group == "consumers" else "store"
            yield from _known(thing, form.from_, sources, (group, name, "from"))
            yield from _known("store or channel", form.to, places, (group, name, "to"))
            yield from _entity_problems(form.entity, names, (group, name, "entity"))
    for name, cache in topology.caches.items():
        yield from _known("store", cache.of, names.stores, ("caches", name, "of"))
        yield from _known("store", cache.in_, names.stores, ("caches", name, "in"))
        if cache.filled_from:
            yield from _known("store", cache.filled_from, names.stores, ("caches", name, "filled_from"))
        yield from _entity_problems(cache.entity, names, ("caches", name, "entity"))


def _entity_problems(given: Any, names: _Names, path: DocumentPath) -> Iterator[tuple[DocumentPath, str]]:
    if isinstance(given, str):
        yield from _known("entity", given, names.entities | names.parts, path)
    for index, entity in enumerate(given if isinstance(given, tuple) else ()):
        yield from _known("entity", entity, names.entities | names.parts, (*path, index))


def _reader_problems(topology: Topology, names: _Names) -> Iterator[tuple[DocumentPath, str]]:
    places = names.stores | names.channels
    entities = names.entities | names.parts
    for index, reader in enumerate(topology.readers):
        path: DocumentPath = ("readers", index)
        stores = (reader.reads,) if isinstance(reader.reads, str) else reader.reads
        for store in stores:
            yield from _known("store or channel", store, places, (*path, "reads"))
        if reader.own_writes_from:
            yield from _known("store", reader.own_writes_from, names.stores, (*path, "own_writes_from"))
        if reader.entity:
            yield from _known("entity", reader.entity, entities, (*path, "entity"))
    for index, pair in enumerate(topology.causality):
        for attribute in ("first", "then", "checked_by"):
            handler = getattr(pair, attribute)
            if handler:
                yield from _known("handler", handler, names.handlers, ("causality", index, attribute))
    anywhere = places | names.handlers | names.processes | {NONE}
    for index, constraint in enumerate(topology.constraints):
        if constraint.entity:
            yield from _known("entity", constraint.entity, entities, ("constraints", index, "entity"))
        if constraint.enforced_at:
            yield from _known("element", constraint.enforced_at, anywhere, ("constraints", index, "enforced_at"))
    for index, symptom in enumerate(topology.symptoms):
        yield from _known("store or channel", symptom.in_, places, ("symptoms", index, "in"))
        if symptom.entity:
            yield from _known("entity", symptom.entity, entities, ("symptoms", index, "entity"))

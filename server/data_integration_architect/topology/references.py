"""Names of a document: whether what is referred to is there, and whether names can be told apart."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from data_integration_architect.errors import allowed, clip, did_you_mean
from data_integration_architect.files import DocumentPath
from data_integration_architect.topology.base import NONE
from data_integration_architect.topology.reading import Reference
from data_integration_architect.topology.words import nearest

SHORT_FORMS = ("captures", "consumers", "jobs", "caches")
RUN = ("processes", *SHORT_FORMS)
MOST_ELEMENTS = 5_000

Complaint = tuple[DocumentPath, str]


class Names:
    """The names of a document by what they may stand for. Where a group is no mapping, nobody knows its names."""

    def __init__(self, data: Mapping[str, Any]) -> None:
        stores, channels, entities = (self.of(data, group) for group in ("stores", "channels", "entities"))
        processes = [self.of(data, group) for group in RUN]
        handlers: set[str] | None = set()
        for group in processes[1:]:
            handlers = _both(handlers, group)
        for process in processes[0] or ():
            inside = self.of(_mapping(_mapping(data.get("processes")).get(process)), "handlers")
            handlers = _both(handlers, None if inside is None else {f"{process}.{handler}" for handler in inside})
        if processes[0] is None:
            handlers = None
        parts = {
            f"{entity}.{part}"
            for entity, facts in _mapping(data.get("entities")).items()
            for part in _mapping(_mapping(facts).get("parts"))
        }
        places = _both(stores, channels)
        self.known: Mapping[str, set[str] | None] = {
            "store": stores,
            "channel": channels,
            "store or channel": places,
            "entity": entities,
            "entity or part": _both(entities, parts),
            "handler": handlers,
            "element": _both(_both(places, handlers), processes[0]),
        }

    @staticmethod
    def of(data: Mapping[str, Any], group: str) -> set[str] | None:
        found = data.get(group, {})
        return {name.strip() for name in found} if isinstance(found, Mapping) else None


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _both(some: set[str] | None, others: set[str] | None) -> set[str] | None:
    return None if some is None or others is None else some | others


def reference_problems(data: Mapping[str, Any], references: list[Reference]) -> Iterator[tuple[Reference, str]]:
    """References to what is not there."""
    names = Names(data)
    for reference in references:
        message = _unknown(reference, names)
        if message:
            yield reference, message


# Where a store stands for a channel or the other way round, the attribute to use instead.
_INSTEAD = {
    ("write", "channel"): "use append",
    ("call", "channel"): "use append",
    ("changes", "channel"): "use consume",
    ("append", "store"): "use write (or call for an outside system)",
    ("consume", "store"): "use changes to capture it",
}


def _unknown(reference: Reference, names: Names) -> str | None:
    kind, name = reference.refers.kind, reference.name
    known = names.known[kind]
    if known is None or name in known or (reference.refers.or_none and name == NONE):
        return None
    other = {"store": "channel", "channel": "store"}.get(kind)
    if other and name in (names.known[other] or ()):
        attribute = next((key for key in reversed(reference.path) if isinstance(key, str)), "")
        instead = _INSTEAD.get((attribute, other)) or f"a {kind} is needed; {allowed(sorted(known))}"
        return f"{clip(name)} is a {other}; {instead}"
    label = "entity" if kind == "entity or part" else kind
    group = {"store": "stores", "channel": "channels", "entity": "entities", "store or channel": "stores"}.get(label)
    near = nearest(name, known)
    add = "" if near or group is None else f"; or add it to {group}" if known else f"; add it to {group}"
    return f"unknown {label} {clip(name)}; {did_you_mean(near)}{allowed(sorted(known))}{add}"


def name_problems(data: Mapping[str, Any]) -> Iterator[Complaint]:
    """Names that cannot be told from others, or are too many."""
    count = sum(len(group) for group in data.values() if isinstance(group, Mapping | list))
    if count > MOST_ELEMENTS:
        yield (), f"{count} elements; at most {MOST_ELEMENTS} are read"
    yield from _dotted_names(data)
    for name in _mapping(data.get("channels")):
        if name in _mapping(data.get("stores")):
            yield ("channels", name), f"{clip(name)} is also the name of a store; give one of them another name"
    seen: dict[str, str] = {}
    for group in RUN:
        for name in _mapping(data.get(group)):
            if name in seen:
                yield (group, name), f"{clip(name)} is also a name in {seen[name]}; give one of them another name"
            seen.setdefault(name, group)
    yield from _replica_problems(_mapping(data.get("stores")))


def _dotted_names(data: Mapping[str, Any]) -> Iterator[Complaint]:
    """Names that would read as ENTITY.PART or PROCESS.HANDLER."""
    advice = "a name here has no dot: ENTITY.PART and PROCESS.HANDLER are written with one"
    inside = {"processes": "handlers", "entities": "parts"}
    for group in ("entities", *RUN):
        for name, element in _mapping(data.get(group)).items():
            if "." in name:
                yield (group, name), advice
            below = inside.get(group, "")
            for inner in _mapping(_mapping(element).get(below)):
                if "." in inner:
                    yield (group, name, below, inner), advice


def _replica_problems(stores: Mapping[str, Any]) -> Iterator[Complaint]:
    followed = {name: _mapping(store).get("replica_of") for name, store in stores.items()}
    for name, source in followed.items():
        if source == name:
            yield ("stores", name, "replica_of"), "a store is no replica of itself; name the store that it follows"
            continue
        seen = {name}
        while isinstance(source, str) and source in followed and source not in seen:
            seen.add(source)
            source = followed[source]
        if source == name:
            yield ("stores", name, "replica_of"), "a replica of itself, in a circle"

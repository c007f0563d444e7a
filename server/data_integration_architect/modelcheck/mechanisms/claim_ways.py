"""How a claim that a request makes gets to the handler of events that writes it.

A step of the way looks at what is claimed, or hands the claim on by an append or a write that a capture follows. What
the look has seen may be old when the claim is written. The order in which records arrive does not matter: claims of
different requests are alike.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from data_integration_architect.modelcheck.scene import Place, is_same_entity, places
from data_integration_architect.topology import (
    Append,
    OnChanges,
    OnConsume,
    OnRequest,
    Read,
    Topology,
    Write,
)
from data_integration_architect.topology import walk_steps as walk


@dataclass(frozen=True, slots=True)
class Stage:
    """One step of the way. `looks_at_copy`: at a store that follows the one whose writes can break the rule."""

    place: Place
    target: str
    text: str = ""
    is_look: bool = False
    looks_at_copy: bool = False


def ways_to(topology: Topology, place: Place, entity: str, target: str) -> list[tuple[Stage, ...]]:
    """Every way from a request to the handler; one empty way for a request itself, or where nothing is known."""
    return list(dict.fromkeys(_ways(topology, place, entity, target, (place.label,)))) or [()]


def _ways(
    topology: Topology, place: Place, entity: str, target: str, seen: tuple[str, ...]
) -> Iterator[tuple[Stage, ...]]:
    trigger = place.handler.trigger
    if isinstance(trigger, OnConsume):
        name = trigger.consume
    elif isinstance(trigger, OnChanges):
        name = trigger.changes
    else:
        return
    for source in places(topology):
        if source.label in seen:
            continue
        for step in _fills(source, name, entity):
            made_by_request = source.handler.trigger is None or isinstance(source.handler.trigger, OnRequest)
            verb = "append" if isinstance(step, Append) else "write"
            hand = Stage(source, name, f"{verb} {step.entity or entity}")
            looks = _looks(topology, source, step, entity, target) if made_by_request else ()
            before = [()] if made_by_request else list(_ways(topology, source, entity, target, (*seen, source.label)))
            for way in before or [()]:
                yield (*way, *looks, hand)
            break


def _fills(source: Place, name: str, entity: str) -> Iterator[Append | Write]:
    """Steps that put records into a channel, or change a captured store."""
    for _, step in walk(source.handler.steps, ()):
        if isinstance(step, Append) and step.append == name:
            yield step
        if isinstance(step, Write) and step.write == name and is_same_entity(step.entity, entity):
            yield step


def _looks(topology: Topology, source: Place, hand: Append | Write, entity: str, target: str) -> tuple[Stage, ...]:
    """The last look of a request at what is claimed, before it hands the claim on."""
    found: tuple[Stage, ...] = ()
    for _, step in walk(source.handler.steps, ()):
        if step is hand:
            break
        if isinstance(step, Read) and is_same_entity(step.entity, entity) and step.entity is not None:
            store = topology.stores.get(step.read)
            is_copy = step.read != target and (store is None or (store.replication or "async") != "sync")
            found = (Stage(source, step.read, is_look=True, looks_at_copy=is_copy),)
    return found

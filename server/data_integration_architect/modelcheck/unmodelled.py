"""Facts that a topology states and that models of flows leave out; each verdict lists those of its scene."""

from data_integration_architect.modelcheck.scene import Scene
from data_integration_architect.topology import (
    OnChanges,
)


def unmodelled_facts(scene: Scene) -> set[str]:
    """What the scene says and its model does not, in words with the names of the elements."""
    found: set[str] = set()
    for name, _ in scene.nodes:
        channel = scene.topology.channels.get(name)
        if channel is None:
            continue
        if channel.event.content in ("changed-fields", "delta"):
            found.add(f"{name}: events with a part of the record")
        if channel.event.unchanged_large_values in ("placeholder", "omitted"):
            found.add(f"{name}: placeholders for unchanged large values")
    for place in scene.handlers.values():
        found |= {f"{place.label}: {fact}" for fact in _of_trigger(place.handler.trigger)}
    return found


def _of_trigger(trigger: object) -> list[str]:
    match trigger:
        case OnChanges():
            facts = {
                "how its snapshot meets the stream": trigger.snapshot in ("interleaved", "before")
                and not trigger.snapshot_order
                and trigger.snapshot_writes is None,
                "rows without their unchanged values": trigger.row_image in ("key", "changed"),
                "tables read at different times": trigger.per_table,
            }
        case _:
            facts = {}
    return [words for words, is_said in facts.items() if is_said]

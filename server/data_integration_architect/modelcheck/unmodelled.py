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
        if channel.event.content == "delta":
            found.add(f"{name}: increments of a record that is replaced elsewhere")
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
                "tables read at different times": trigger.per_table,
            }
        case _:
            facts = {}
    return [words for words, is_said in facts.items() if is_said]

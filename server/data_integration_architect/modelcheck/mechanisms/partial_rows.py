"""Events that bring a part of a record: changed fields only, or a placeholder for a large value that did not change.

A record has two parts here: one that every write changes, which stands for the record itself, and one that only some
writes change. An event brings the second part only if its write changed it. A receiver that replaces the whole record
loses it then; one that merges keeps what it has; one that restores it asks the source.

ATOMIC: a write changes both parts in one statement; a receiver that restores a value reads the source in the step that
writes, which leaves out a change between the two.
Sources: PostgreSQL documentation, chapter 65.2 (TOAST) and 53.2.5 on `REPLICA IDENTITY`; Debezium documentation,
`unavailable.value.placeholder`.
"""

from data_integration_architect.modelcheck.scene import Scene
from data_integration_architect.modelcheck.world import Branch, StoreState, Value, World
from data_integration_architect.topology import OnChanges, OnSchedule, Read, Write, walk_steps

ATOMIC = "a write changes both parts in one statement"


def has_partial_events(scene: Scene) -> bool:
    """Whether some event of the scene leaves out what its write did not change."""
    for name, entity in scene.nodes:
        channel = scene.topology.channels.get(name)
        if channel is None:
            continue
        is_partial = channel.event.content == "changed-fields"
        lacks_large = channel.event.unchanged_large_values in ("placeholder", "omitted")
        known = scene.topology.entities.get((entity or "").split(".")[0])
        if is_partial or (lacks_large and (known is None or known.large_columns is not False)):
            return True
    images = {
        place.handler.trigger.row_image
        for place in scene.handlers.values()
        if isinstance(place.handler.trigger, OnChanges)
    }
    large = any(
        entity is not None and (known := scene.topology.entities.get(entity.split(".")[0])) and known.large_columns
        for _, entity in scene.nodes
    )
    return "changed" in images or ("key" in images and large)


def reads_whole(scene: Scene) -> str:
    """The handler that carries whole records beside the events, which no model here has; empty where there is none."""
    for place in scene.handlers.values():
        steps = [step for _, step in walk_steps(place.handler.steps, ()) if scene.keeps(step)]
        if isinstance(place.handler.trigger, OnSchedule) or any(isinstance(step, Read) for step in steps):
            return place.label
    return ""


def declare_record(world: World) -> None:
    """The second part of the record (the write that changed it last), and which writes change it."""
    if world.has_parts:
        world.m.array("changes_part", world.ids + 1, 1, last=1)


def declare(world: World, state: StoreState, *, is_filled: bool) -> None:
    """The second part in one store; one more than the last write means that it is lost."""
    if world.has_parts:
        part = world.m.var(part_of(state), world.ids + 1, world.ids if is_filled else 0)
        world.labels[part] = f"unchanged part in {state.label}"


def part_of(state: StoreState) -> str:
    """The variable of the second part in a store."""
    return f"{state.cell.removesuffix('_cell')}_part"


def at_commit(world: World, state: StoreState, value: Value, new: str) -> list[Branch]:
    """A write of the record that changes both parts, or the first one only."""
    if not world.has_parts:
        return [Branch()]
    if new == "0":
        return [Branch("True", (f"{part_of(state)} = 0",))]
    flag = f"changes_part[{value.intent}]"
    both = Branch("True", (f"{part_of(state)} = {value.intent}", f"{flag} = 1"), "with its large part")
    return [both, Branch(f"{part_of(state)} > 0", (f"{flag} = 0",), "without its large part")]


def at_receiver(world: World, step: Write, state: StoreState, value: Value, new: str, path: str) -> tuple[str, ...]:
    """What a received write does to the second part."""
    if not world.has_parts:
        return ()
    part = part_of(state)
    if new == "0":
        return (f"{part} = 0",)
    known = step.placeholder or ("skipped" if step.mode == "merge" else "stored")
    what = world.options.get(f"{path}.placeholder", known, safe="restored", unsafe="stored")
    record = part_of(world.stores[world.record or ""])
    unchanged = {"stored": str(world.ids + 1), "skipped": part, "restored": record}[what]
    return (f"{part} = {value.intent} if changes_part[{value.intent}] == 1 else {unchanged}",)

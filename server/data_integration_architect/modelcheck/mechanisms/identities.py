"""Operation ids that a handler of events makes anew for what it passes on.

A relay or processor that crashes passes its record on again. Where the id is passed on, the repetition has the same
one; where it is made anew, it has another one, by which no receiver can recognise it. Two ids of one operation are
enough: what two can break, more of them break too.

Source: Kleppmann, "Designing Data-Intensive Applications", chapter 12, "Operation identifiers".
"""

from data_integration_architect.modelcheck.scene import Place
from data_integration_architect.modelcheck.world import Value, World
from data_integration_architect.topology import Append, OnConsume, OnRequest, walk_steps


def makes_ids(world: World) -> bool:
    """Whether a handler of events gives what it passes on an id of its own."""
    for place in world.scene.handlers.values():
        for path, step in walk_steps(place.handler.steps, ()):
            where = f"{place.path}.steps.{'.'.join(map(str, path))}"
            if (
                isinstance(step, Append)
                and world.scene.keeps(step)
                and _is_of_event(place)
                and makes_id(world, step, where)
            ):
                return True
    return False


def makes_id(world: World, step: Append, path: str) -> bool:
    """Whether an append makes a new id."""
    if step.operation_id != "new":
        return False
    return world.options.get(f"{path}.operation_id", step.operation_id, safe="passed", unsafe="new") == "new"


def passed_on(world: World, step: Append, value: Value, path: str) -> tuple[str, tuple[str, ...]]:
    """The code of the record that an append makes of another one, and what notes that it has made one."""
    if not world.counts or not world.new_ids or value.request or not makes_id(world, step, path):
        return value.code, ()
    key = f"made:{path}"
    made = world.shared.get(key) or world.m.var(world.fresh("made"), 1)
    world.shared[key] = made
    code = f"(1 if {made} == 0 else {1 + world.ids})"
    if value.is_tracked == "True":
        return code, (f"{made} = 1",)
    return f"({code} if {value.is_tracked} else {value.code})", (f"{made} = 1 if {value.is_tracked} else {made}",)


def has_own_ids(world: World, channel: str, by: object) -> bool:
    """Whether the records of a channel got their ids when they were put into it, by which a memory knows them.

    They did where the field that is remembered is the id of this channel's events and of none that they came from.
    """
    channels = world.topology.channels
    is_own = channel in channels and isinstance(by, str) and by == channels[channel].event.id
    for source in world.scene.handlers.values():
        for path, step in walk_steps(source.handler.steps, ()):
            where = f"{source.path}.steps.{'.'.join(map(str, path))}"
            if not isinstance(step, Append) or step.append != channel:
                continue
            if makes_id(world, step, where):
                return True
            trigger = source.handler.trigger
            before = channels[trigger.consume].event.id if isinstance(trigger, OnConsume) else None
            is_own = is_own and before not in (None, by)
    return is_own


def _is_of_event(place: Place) -> bool:
    return place.handler.trigger is not None and not isinstance(place.handler.trigger, OnRequest)

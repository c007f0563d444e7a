"""Sides of one operation: effects on one store that a handler causes by several events, as the debit and the credit.

Two handlers that write one store do so either instead of each other, as a retry topic does, or each for its own side.
They are sides where one run of a handler causes both, by two events in two channels, or by an increment of its own and
an event. Each side is to have its effect once.
"""

from collections.abc import Iterator

from data_integration_architect.modelcheck.scene import Place, Scene
from data_integration_architect.topology import Append, Call, OnConsume, Write, walk_steps

Cause = tuple[str, str]  # path of a handler, path of its step


def effects_on(scene: Scene, name: str) -> dict[str, slice]:
    """Path of each step that has an effect on a store -> which effects of one operation it stands for, from 0.

    The last one of a handler also stands for those that only the others of its side have.
    """
    by_handler = {
        place.label: [
            f"{place.path}.steps.{'.'.join(map(str, path))}"
            for path, step in walk_steps(place.handler.steps, ())
            if scene.keeps(step)
            and ((isinstance(step, Write) and step.write == name) or (isinstance(step, Call) and step.call == name))
        ]
        for place in scene.handlers.values()
    }
    by_handler = {label: paths for label, paths in by_handler.items() if paths}
    sides: list[list[str]] = []
    for label in by_handler:
        place = scene.handlers[label]
        apart = [all(_are_sides(scene, place, scene.handlers[other]) for other in side) for side in sides]
        if False in apart:
            sides[apart.index(False)].append(label)
        else:
            sides.append([label])
    found: dict[str, slice] = {}
    first = 0
    for side in sides:
        end = first + max(len(by_handler[label]) for label in side)
        for label in side:
            *others, last = by_handler[label]
            found |= {path: slice(number, number + 1) for number, path in enumerate(others, first)}
            found[last] = slice(first + len(others), end)
        first = end
    return found


def _are_sides(scene: Scene, one: Place, other: Place) -> bool:
    causes, others = list(_causes(scene, one, ())), list(_causes(scene, other, ()))
    for handler in {handler for handler, _ in causes}:
        steps = {step for cause, step in causes if cause == handler}
        others_steps = {step for cause, step in others if cause == handler}
        if others_steps and not steps & others_steps:
            return True
    return False


def _causes(scene: Scene, place: Place, seen: tuple[str, ...]) -> Iterator[Cause]:
    """Steps that make the handler run, back to the first, and its own increments."""
    if not seen:
        for path, step in walk_steps(place.handler.steps, ()):
            if isinstance(step, Write) and step.mode == "increment" and scene.keeps(step):
                yield place.path, ".".join(map(str, path))
    trigger = place.handler.trigger
    if not isinstance(trigger, OnConsume) or place.label in seen:
        return
    for source in scene.handlers.values():
        fills = [
            ".".join(map(str, path))
            for path, step in walk_steps(source.handler.steps, ())
            if isinstance(step, Append) and step.append == trigger.consume
        ]
        yield from ((source.path, fill) for fill in fills)
        if fills:
            yield from _causes(scene, source, (*seen, place.label))

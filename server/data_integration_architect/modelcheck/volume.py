"""How many records a log may have to hold: an upper bound from the producers, for each number of faults.

Every fault repeats at most what was there before: a crash of a consumer repeats its input, a retry repeats a request.
A bound that were too small would be reported as an error by the search, never as a disabled step.
"""

from collections.abc import Iterable

from data_integration_architect.modelcheck.expressions import NotModelledError
from data_integration_architect.modelcheck.mechanisms.snapshots import plan_of
from data_integration_architect.modelcheck.scene import Place, Scene, dead_letter_of
from data_integration_architect.modelcheck.world import Bounds
from data_integration_architect.topology import (
    Append,
    Call,
    Invalidate,
    OnChanges,
    OnConsume,
    OnSchedule,
    Write,
    walk_steps,
)

JOB_RUNS = 2


class Volume:
    """Bounds for the stores and channels of one scene."""

    def __init__(
        self, scene: Scene, bounds: Bounds, intents: Iterable[tuple[Place, bool]], numbered: Iterable[str]
    ) -> None:
        self._scene = scene
        self._bounds = bounds
        self._requests = {place.label for place, _ in intents}
        self._numbered = frozenset(numbered)
        self._known: dict[str, tuple[int, ...]] = {}
        self._open: set[str] = set()

    def of(self, name: str) -> tuple[int, ...]:
        """Most records or changes under 0, 1, .. faults."""
        if name in self._known:
            return self._known[name]
        if name in self._open:
            raise NotModelledError(f"a loop through {name}: changes come back to where they came from")
        self._open.add(name)
        total = [most + twice for most, twice in zip(self._failed_into(name), self._appended_twice(name), strict=True)]
        is_requested = False
        for place in self._scene.handlers.values():
            steps = self._steps_on(place, name)
            if steps == 0:
                continue
            if place.label in self._requests:
                is_requested = True
                continue
            for faults, most in enumerate(self._produced(place)):
                total[faults] += most * steps
        if is_requested:
            most_steps = max(
                self._steps_on(p, name) for p in self._scene.handlers.values() if p.label in self._requests
            )
            for faults in range(len(total)):
                again = self._bounds.writes * self._bounds.retries
                total[faults] += (self._bounds.writes + min(again, faults)) * most_steps
        self._open.discard(name)
        found = tuple(max(1, most) for most in total)
        self._known[name] = found
        return found

    def _steps_on(self, place: Place, name: str) -> int:
        return sum(self._scene.keeps(step) and _target(step) == name for _, step in walk_steps(place.handler.steps, ()))

    def _produced(self, place: Place) -> list[int]:
        """Most times that a handler other than a request can run its steps."""
        trigger = place.handler.trigger
        if isinstance(trigger, OnSchedule):
            return [JOB_RUNS] * (self._bounds.faults + 1)
        if isinstance(trigger, OnConsume | OnChanges):
            source = trigger.consume if isinstance(trigger, OnConsume) else trigger.changes
            if source in self._numbered:
                return [self._bounds.writes * (1 + faults) for faults in range(self._bounds.faults + 1)]
            given = self.of(source)
            row = 1 if plan_of(place) is not None else 0
            return [
                max((given[rest] + row) * (1 + faults - rest) for rest in range(faults + 1))
                for faults in range(self._bounds.faults + 1)
            ]
        return [self._bounds.writes] * (self._bounds.faults + 1)

    def _appended_twice(self, name: str) -> list[int]:
        """Most records that a producer appends again because it missed an acknowledgement."""
        twice = any(
            isinstance(step, Append) and step.append == name and step.guard == "none"
            for label in self._requests
            for _, step in walk_steps(self._scene.handlers[label].handler.steps, ())
        )
        return [faults * twice for faults in range(self._bounds.faults + 1)]

    def _failed_into(self, name: str) -> list[int]:
        """Most records that fail into a dead-letter channel: with parked keys all that come, once one has failed."""
        total = [0] * (self._bounds.faults + 1)
        for place in self._scene.handlers.values():
            steps = [step for _, step in walk_steps(place.handler.steps, ())]
            effects = [step for step in steps if isinstance(step, Write | Append | Call | Invalidate)]
            if any(dead_letter_of(self._scene.topology, place, step) == name for step in effects):
                for faults, most in enumerate(self._produced(place)):
                    total[faults] += most if faults else 0
        return total


def _target(step: object) -> str | None:
    match step:
        case Write(write=name) | Append(append=name) | Call(call=name) | Invalidate(invalidate=name):
            return name
    return None

"""How many records a log may have to hold: an upper bound from the producers, for each number of faults.

Every fault repeats at most what was there before: a crash of a consumer repeats its input, a retry repeats a request.
Instances that take rows without claiming them handle each row once each: who has finished one has moved the position
past it, and a crash of one of them repeats the row that it holds.
A bound that were too small would be reported as an error by the search, never as a disabled step.
"""

from collections.abc import Iterable

from data_integration_architect.modelcheck.expressions import NotModelledError
from data_integration_architect.modelcheck.facts import Options
from data_integration_architect.modelcheck.mechanisms import caches, jobs
from data_integration_architect.modelcheck.mechanisms.delivery import may_share_records, parks_path
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
    Step,
    Write,
    walk_steps,
)


class Volume:
    """Bounds for the stores and channels of one scene.

    `numbered`: labels of the handlers that find rows by a drawn number; only requests draw, so each row is one intent.
    """

    def __init__(
        self,
        scene: Scene,
        options: Options,
        bounds: Bounds,
        requests: Iterable[Place],
        others: Iterable[Place],
        numbered: Iterable[str],
        *,
        counts: bool,
    ) -> None:
        self._scene = scene
        self._options = options
        self._bounds = bounds
        self._requests = {place.label: place for place in requests}
        self._others = {place.label: place for place in others}
        self._numbered = frozenset(numbered)
        self._counts = counts
        self._known: dict[str, tuple[int, ...]] = {}
        self._open: set[str] = set()

    def of(self, name: str) -> tuple[int, ...]:
        """Most records or changes under 0, 1, .. faults."""
        if name in self._known:
            return self._known[name]
        if name in self._open:
            raise NotModelledError(f"a loop through {name}: changes come back to where they came from")
        self._open.add(name)
        try:
            found = self._most(name)
        finally:
            self._open.discard(name)
        self._known[name] = found
        return found

    def _most(self, name: str) -> tuple[int, ...]:
        extra = (self._failed_into(name), self._appended_twice(name), self._requested(name), self._replicated(name))
        total = [sum(amounts) for amounts in zip(*extra, strict=True)]
        periodic: list[jobs.Copy] = []
        for place in self._others.values():
            steps = self._steps_on(place, name)
            copy = None if self._counts else jobs.copy_of(self._scene, place)
            if copy is not None and steps and copy.trigger.every != "once":
                periodic.append(copy)
            elif steps:
                for faults, most in enumerate(self._produced(place)):
                    total[faults] += most * steps
        if len(periodic) > 1:
            both = " and ".join(copy.place.label for copy in periodic)
            raise NotModelledError(f"{both}: scheduled runs that overwrite each other in {name}, which others follow")
        store = self._scene.topology.stores.get(name)
        if periodic and store is not None and store.expiry not in (None, "none"):
            label = periodic[0].place.label
            raise NotModelledError(f"{label}: runs that bring back what expires in {name}, which others follow")
        for copy in periodic:
            # each run after the first follows a change of its source, or of what it had written
            total = [1 + jobs.EXTRA_RUNS + sum(both) for both in zip(total, total, self.of(copy.source), strict=True)]
        return tuple(max(1, most) for most in total)

    def _requested(self, name: str) -> list[int]:
        """Most records of requests, each of which runs one handler, and one again if its caller repeats it."""
        most_steps = max((self._steps_on(place, name) for place in self._requests.values()), default=0)
        again = self._bounds.writes * self._bounds.retries
        return [(self._bounds.writes + min(again, faults)) * most_steps for faults in range(self._bounds.faults + 1)]

    def _replicated(self, name: str) -> tuple[int, ...]:
        """Most changes that come from the store of which this one is a replica."""
        store = self._scene.topology.stores.get(name)
        if store is None or store.replica_of is None:
            return (0,) * (self._bounds.faults + 1)
        return self.of(store.replica_of)

    def _steps_on(self, place: Place, name: str) -> int:
        return sum(self._scene.keeps(step) and _target(step) == name for _, step in walk_steps(place.handler.steps, ()))

    def _produced(self, place: Place) -> list[int]:
        """Most times that a handler other than a request can run its steps."""
        trigger = place.handler.trigger
        if isinstance(trigger, OnSchedule):
            # a run that a crash cuts off is no run yet
            return [jobs.MOST_RUNS + faults for faults in range(self._bounds.faults + 1)]
        if isinstance(trigger, OnConsume | OnChanges):
            source = trigger.consume if isinstance(trigger, OnConsume) else trigger.changes
            given = self.of(source)
            if place.label in self._numbered:
                return [self._bounds.writes * (1 + faults) for faults in range(self._bounds.faults + 1)]
            row = 1 if plan_of(place) is not None else 0
            takers = min(2, self._bounds.instances) if may_share_records(place) else 1
            return [
                max((given[rest] + row) * (takers + faults - rest) for rest in range(faults + 1))
                for faults in range(self._bounds.faults + 1)
            ]
        return [caches.READER_RUNS] * (self._bounds.faults + 1)

    def _appended_twice(self, name: str) -> list[int]:
        """Most records that a requesting handler writes again because it missed an answer."""
        steps = [step for place in self._requests.values() for _, step in walk_steps(place.handler.steps, ())]
        twice = any(_target(step) == name and _repeats(step) for step in steps)
        return [faults * twice for faults in range(self._bounds.faults + 1)]

    def _failed_into(self, name: str) -> list[int]:
        """Most records that fail into a dead-letter channel: one for each fault, and with parked keys all that come,
        once one has failed. What a replay puts back can fail again, at the cost of another fault.
        """
        total = [0] * (self._bounds.faults + 1)
        fails_alone = False
        for place in self._others.values():
            steps = [step for _, step in walk_steps(place.handler.steps, ())]
            effects = [step for step in steps if isinstance(step, Write | Append | Call | Invalidate)]
            if not any(dead_letter_of(self._scene.topology, place, step) == name for step in effects):
                continue
            following = self._following(place) if self._parks(place) else None
            if following is None:
                fails_alone = True
            else:
                total = [0, *(one + most for one, most in zip(total[1:], following[1:], strict=True))]
        return [most + faults * fails_alone for faults, most in enumerate(total)]

    def _following(self, place: Place) -> list[int] | None:
        """Most records that may follow one that failed; None for keys that this model parks by assumption where what
        was parked is put back: then only what fails by itself is counted.
        """
        trigger = place.handler.trigger
        try:
            return self._produced(place)
        except NotModelledError:
            if isinstance(trigger, OnConsume) and trigger.parks_key:
                raise
            return None

    def _parks(self, place: Place) -> bool:
        """Whether records of a key follow one that failed, as the topology says or as this model assumes."""
        trigger = place.handler.trigger
        if not isinstance(trigger, OnConsume):
            return False
        return self._options.peek(parks_path(place), trigger.parks_key or False, safe=True, unsafe=False)


def _repeats(step: Step) -> bool:
    match step:
        case Append():
            return step.guard == "none"
        case Call() if step.outlives_caller is not None:
            return True
        case Call() | Write():
            return step.retry is not None and bool(step.retry.attempts)
    return False


def _target(step: object) -> str | None:
    match step:
        case Write(write=name) | Append(append=name) | Call(call=name) | Invalidate(invalidate=name):
            return name
    return None

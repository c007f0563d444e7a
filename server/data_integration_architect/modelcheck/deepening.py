"""One exploration for all workloads, in stages: the smallest workload first, then the fewest steps.

A run that spends w requests is the same run whatever more it could have spent, so the states of a search with a larger
workload contain those of one with a smaller, and each state says what was spent to reach it. The states are explored
in stages, one for each workload and each number of faults spent; a stage begins with all states that a step leads to
from the stages before, each at its least number of steps. So every state is seen once, instead of once for each larger
workload, and the first workload with a violation has a shortest run.

At rest: with a workload of exactly what a state has spent, no step that spends is enabled in it. So the state is at
rest in that search if no other progress is enabled, and this is what is asked in each stage.

A search for each number of faults stays: a state forgets what only faults need once the last of them has come, and
most violations need fewer than the bound.

Tested against the plain interpreter, which searches each pair of budgets from the beginning.
"""

from collections import ChainMap
from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice

from data_integration_architect.modelcheck.budget import Budget, SpentError
from data_integration_architect.modelcheck.generate import Arrivals, CompiledModel, Ending, Leaving, Run

Spent = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Room:
    """How far searches may go: `limit` bounds the states of each, `budget` those of all together."""

    limit: int
    stop: Callable[[], bool]
    budget: Budget


class Deepening:
    """The exploration of one compiled model with a number of faults.

    `at_rest` counts the states at rest with the model's whole workload, `depth` is the most steps that a state needs,
    `explored_faults` the most faults with which all states with the last workload were seen.
    """

    def __init__(self, machine: CompiledModel, faults: int, room: Room, *, finds_livelocks: bool) -> None:
        self.machine, self.faults, self.room = machine, faults, room
        self.unranked = machine.unranked if finds_livelocks else frozenset()
        self.seen: dict[Spent, dict[int, int]] = {}
        self.at_rest = self.depth = 0
        self.explored_faults = -1
        self._leaving: dict[Spent, dict[Spent, Leaving]] = {}
        self._enabled = [False] * len(machine.model.actions)

    def extend(self, workload: int) -> Run:
        """Explores the states that spend this workload; those that spend less have been explored before.

        Raises: SpentError, where the budget ends first.
        """
        self.explored_faults = -1
        for faults in range(self.faults + 1):
            run = self._stage(faults, workload)
            self.at_rest += run.at_rest
            self.depth = max(self.depth, run.depth)
            if run.ending != Ending.EXPLORED:
                break
            self.explored_faults = faults
        return run

    @property
    def states(self) -> int:
        """How many states were seen."""
        return sum(len(seen) for seen in self.seen.values())

    @property
    def never_enabled(self) -> frozenset[str]:
        """Names of the actions that no explored state enables."""
        return self.machine.never_enabled(self._enabled)

    def _stage(self, faults: int, workload: int) -> Run:
        """Explores the states that spend exactly this much."""
        arrivals = self._arrivals(faults, workload)
        room = self.room.limit - self.states
        allowed = self.room.budget.limit(room)
        seen = self.seen[faults, workload] = {}
        left = (self.faults - faults, self.machine.model.workload - workload)
        run = self.machine.explore(arrivals, seen, left, allowed, self.room.stop)
        self.room.budget.take(len(seen))
        if run.ending == Ending.BUDGET and allowed < room:
            raise SpentError
        self._leaving[faults, workload] = dict(zip(self.machine.costs, run.leaving, strict=False))
        self._enabled = [a or b for a, b in zip(self._enabled, run.enabled or self._enabled, strict=True)]
        if run.ending == Ending.EXPLORED and self.unranked:
            return self.machine.cycle(run, ChainMap(*self.seen.values())) or run
        return run

    def _arrivals(self, faults: int, workload: int) -> Arrivals:
        if (faults, workload) == (0, 0):
            return [(0, [(self.machine.initial(self.faults, self.machine.model.workload), -1)])]
        by_depth: dict[int, list[tuple[int, int]]] = {}
        for cost in self.machine.costs:
            edges, marks = self._leaving.get((faults - cost[0], workload - cost[1]), {}).pop(cost, ({}, []))
            states = iter(edges.items())
            taken = 0
            for depth, count in marks:
                if count > taken:
                    by_depth.setdefault(depth, []).extend(islice(states, count - taken))
                    taken = count
        return sorted(by_depth.items())

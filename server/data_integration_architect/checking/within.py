"""Jobs within a budget of states for all of them, so that a review of any system ends.

The states are shared out by the number of groups of jobs alone, then what is left among those that needed more. So
which job stops depends on the topology only: not on the order in which jobs run, nor on how many processes run them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from data_integration_architect.checking.jobs import Job, Outcome, alike
from data_integration_architect.modelcheck import Bounds
from data_integration_architect.topology import Topology

RunJobs = Callable[[Topology, Sequence[Job]], Sequence[Outcome]]

# A whole review may see as many states as this many searches that each use up their own bound.
SEARCHES = 64
ROUNDS = 3


def states_of_all(bounds: Bounds) -> int:
    """States that all searches of one review, or of one run of the verb `check`, may see together."""
    return SEARCHES * bounds.states


def run_within(topology: Topology, jobs: Sequence[Job], bounds: Bounds, run: RunJobs) -> list[Outcome]:
    """Outcomes in the order of the jobs, stopped where the states ended."""
    found: dict[int, Outcome] = {}
    left = states_of_all(bounds)
    groups = alike(jobs)
    share = 0
    for _ in range(ROUNDS):
        if not groups or left // len(groups) <= share:
            break
        share = left // len(groups)
        numbers = [number for group in groups for number in group]
        found |= zip(numbers, run(topology, [replace(jobs[n], share=share) for n in numbers]), strict=True)
        left -= sum(found[number].seen for number in numbers)
        groups = [group for group in groups if any(found[number].is_stopped for number in group)]
    return [found.get(number, Outcome(None, is_stopped=True)) for number in range(len(jobs))]

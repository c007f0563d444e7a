"""The schedule of a run on another system: what becomes of the same requests and faults in the same order."""

import re
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from data_integration_architect.modelcheck.cases import Case, Question, build_case
from data_integration_architect.modelcheck.explain import step_of, text_of
from data_integration_architect.modelcheck.expressions import ModelError, NotModelledError
from data_integration_architect.modelcheck.facts import Assumptions
from data_integration_architect.modelcheck.interpret import Interpreter, State
from data_integration_architect.modelcheck.ir import Action
from data_integration_architect.modelcheck.verdict import Step
from data_integration_architect.modelcheck.world import Bounds
from data_integration_architect.topology import Topology

# A run of a few requests comes to rest far earlier; a system that does not is not shown.
MOST_STEPS = 120
# States looked at on the way to a step of the schedule that other steps must precede.
MOST_STATES = 400
_RECORD = re.compile(r"(?:write|deletion|operation) \d+|\d+ \(second id\)")
_WORKER = re.compile(r" worker \d+$")


@dataclass(frozen=True, slots=True)
class Followed:
    """A run under the schedule of another.

    `counterparts`: for each step of the schedule its place in `steps`, None where the system has no such step. From
    `alone_from` on the system goes on by itself until nothing is left to do. `holds`: the property, in every state if
    it is one of all states, at rest in any case.
    """

    steps: tuple[Step, ...]
    counterparts: tuple[int | None, ...]
    alone_from: int
    holds: bool


def follow(topology: Topology, question: Question, schedule: Sequence[Step], bounds: Bounds) -> Followed | None:
    """What the requests and faults of `schedule` lead to in `topology`, with unsaid facts at their unsafe end.

    Steps of the schedule without a counterpart are left out, such as writes that the system no longer makes. None
    where there is no model, or where it does not come to rest.
    """
    try:
        return _Follower(build_case(topology, question, bounds, Assumptions("unsafe"))).run(schedule)
    except (NotModelledError, ModelError):
        return None


class _Follower:
    def __init__(self, case: Case) -> None:
        self.case, self.model = case, case.model
        self.machine = Interpreter(case.model)
        self.state = self.machine.initial(case.model.faults, case.model.workload)
        self.steps: list[Step] = []
        self.always = self._holds(case.forms.always)

    def run(self, schedule: Sequence[Step]) -> Followed | None:
        counterparts = [self._counterpart(step) for step in schedule]
        self._enter_the_rest(schedule)
        alone_from = len(self.steps)
        self.state = replace(self.state, workload=0)
        while (action := self._next()) is not None:
            self._take(action)
            if len(self.steps) > MOST_STEPS:
                return None
        holds = self.always and self._holds(self.case.forms.at_rest)
        return Followed(tuple(self.steps), tuple(counterparts), alone_from, holds)

    def _enter_the_rest(self, schedule: Sequence[Step]) -> None:
        """Makes the requests of the schedule none of whose steps has a counterpart: the workload is the same."""
        for step in schedule:
            if not step.is_fault and step.actor not in {taken.actor for taken in self.steps}:
                entries = [a for a in self.model.actions if a.cost and a.actor == step.actor]
                if (entry := self._best(entries, self.state, step)) is not None:
                    self._take(entry)

    def _counterpart(self, step: Step) -> int | None:
        """Takes what corresponds to a step of the schedule, after what must come before it; its place in the run."""
        alike = [action for action in self.model.actions if _is_like(action, step)]
        path = self._path_to(step, alike) if alike else []
        for action in path:
            self._take(action)
        return len(self.steps) - 1 if path else None

    def _path_to(self, step: Step, alike: Sequence[Action]) -> list[Action]:
        """The fewest steps of progress, none of them of a new request, that end with a counterpart; empty if none."""
        paths: dict[State, list[Action]] = {self.state: []}
        waiting = deque([self.state])
        while waiting and len(paths) <= MOST_STATES:
            state = waiting.popleft()
            if (found := self._best(alike, state, step)) is not None:
                return [*paths[state], found]
            for action in self.model.actions:
                is_waited_for = action.kind == "progress" and not action.cost and "#" not in action.actor
                if is_waited_for and self._enabled(action, state):
                    following = self.machine.apply(action, state)
                    if following not in paths:
                        paths[following] = [*paths[state], action]
                        waiting.append(following)
        return []

    def _best(self, actions: Iterable[Action], state: State, step: Step) -> Action | None:
        """The enabled one that says most nearly the same: the same words, the same records, the same requests."""
        best: tuple[int, Action] | None = None
        for action in actions:
            if self._enabled(action, state):
                likeness = _likeness(text_of(action, self.machine, state, self.case.words), step)
                if likeness and (best is None or likeness > best[0]):
                    best = (likeness, action)
        return best[1] if best else None

    def _enabled(self, action: Action, state: State) -> bool:
        return self.machine.is_enabled(action, state)

    def _next(self) -> Action | None:
        """The first step of progress, in the order of the model."""
        return next((a for a in self.model.actions if a.kind == "progress" and self._enabled(a, self.state)), None)

    def _take(self, action: Action) -> None:
        following = self.machine.apply(action, self.state)
        self.steps.append(step_of(action, self.machine, self.state, following, self.case.words))
        self.state = following
        self.always = self.always and self._holds(self.case.forms.always)

    def _holds(self, conditions: Sequence[str]) -> bool:
        return all(self.machine.holds(condition, self.state) for condition in conditions)


def _is_like(action: Action, step: Step) -> bool:
    """Whether an action can stand for a step of another system: same actor, and same place or fault."""
    if _WORKER.sub("", action.actor) != _WORKER.sub("", step.actor) or (action.kind == "fault") != step.is_fault:
        return False
    if step.is_fault:
        return _kind_of_fault(action.text) == _kind_of_fault(step.text)
    return action.target == step.target


def _kind_of_fault(text: str) -> str:
    return "crash" if " crashes" in text else re.sub(r"\d+|\{[^{}]*\}", "", text)


def _likeness(text: str, step: Step) -> int:
    """How well words fit a step; 0 where they are about something else. A fault is about its actor."""
    if text == step.text or step.is_fault:
        return 3
    theirs, ours = _RECORD.findall(step.text), _RECORD.findall(text)
    if set(ours) >= set(theirs):
        return 2
    # A retry that had an id of its own may carry the first one here.
    return int({_number(record) for record in ours} >= {_number(record) for record in theirs})


def _number(record: str) -> str:
    return record.replace("operation ", "").replace(" (second id)", "")

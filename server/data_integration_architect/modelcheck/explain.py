"""A run of a model in the names of the topology: words for records, and what each step changed."""

import re

from data_integration_architect.modelcheck.expressions import ModelError
from data_integration_architect.modelcheck.interpret import Interpreter, State, Value
from data_integration_architect.modelcheck.ir import Action, Array, Log, Model
from data_integration_architect.modelcheck.search import SearchResult
from data_integration_architect.modelcheck.verdict import Change, Step

_PLACEHOLDER = re.compile(r"\{([wn]):([^{}]*)\}")


class Words:
    """Words for the records of one model."""

    def __init__(self, entity: str | None, writes: int, ids: int, *, deletes: bool, counts: bool) -> None:
        self._entity = entity or "record"
        self._writes = writes
        self._ids = ids
        self._deletes = deletes
        self._counts = counts

    def record(self, code: int) -> str:
        """`order write 2`, `order deletion 3`, `order operation 1 (second id)`; `nothing` for 0."""
        if code == 0:
            return "nothing"
        if code > self._ids:
            number = code - self._ids
            return f"{self._entity} deletion {number}" if self._deletes else f"{self._entity} {number} (second id)"
        if code > self._writes:
            return f"{self._entity} as it was before"
        return f"{self._entity} {'operation' if self._counts else 'write'} {code}"

    def values(self, label: str, before: Value, after: Value) -> list[Change]:
        """What changed in one labelled variable."""
        if before == after:
            return []
        if isinstance(before, int) and isinstance(after, int):
            if label.startswith("unchanged part") and self._ids < after:
                return [Change(label, self.record(before), "lost")]
            if "prepared" in label or "commits" in label or label.startswith("number of "):
                return [Change(label, str(before), str(after))]
            return [Change(label, self.record(before), self.record(after))]
        assert isinstance(before, tuple) and isinstance(after, tuple)  # noqa: S101 - one declaration, one shape
        if len(after) > len(before):
            return [Change(label, f"{len(before)} records", f"{len(after)} records, last {self.record(after[-1])}")]
        return [
            Change(f"{label}, effects of {self.record(i)}", str(old), str(new))
            for i, (old, new) in enumerate(zip(before, after, strict=True))
            if old != new
        ]


def explain(model: Model, result: SearchResult, words: Words) -> tuple[Step, ...]:
    """The steps of a violation, executed once more on the whole model, of which the search saw a slice.

    Raises: ModelError, where the whole model does not admit the run: then the slice is wrong.
    """
    machine = Interpreter(model)
    actions = {action.name: action for action in model.actions}
    state = machine.initial(result.faults, result.workload)
    steps = []
    for taken in result.trace:
        action = actions[taken.action.name]
        if not machine.is_enabled(action, state):
            raise ModelError(f"replay on the whole model: {action.name} is not enabled")
        following = machine.apply(action, state)
        steps.append(step_of(action, machine, state, following, words))
        state = following
    if not result.livelock and machine.holds(result.part, state):
        raise ModelError("replay on the whole model: the property is not violated")
    return tuple(steps)


def step_of(action: Action, machine: Interpreter, state: State, following: State, words: Words) -> Step:
    """One action in words: who, where to, what, and what it changed."""
    return Step(
        action.actor,
        action.source,
        action.target,
        text_of(action, machine, state, words),
        action.kind == "fault",
        tuple(_changes(machine.model, state, following, words)),
    )


def text_of(action: Action, machine: Interpreter, state: State, words: Words) -> str:
    """What an action would do in a state."""

    def fill(match: re.Match[str]) -> str:
        value = machine.value(match[2], state)
        return words.record(value) if match[1] == "w" else str(value)

    return _PLACEHOLDER.sub(fill, action.text)


def _changes(model: Model, before: State, after: State, words: Words) -> list[Change]:
    found: list[Change] = []
    for place, declaration in enumerate(model.declarations):
        label = model.labels.get(declaration.name)
        if label is None:
            continue
        old, new = before.values[place], after.values[place]
        if isinstance(declaration, Array | Log) or isinstance(old, int):
            found += words.values(label, old, new)
    return found

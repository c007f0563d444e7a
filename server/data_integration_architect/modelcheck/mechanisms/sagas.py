"""Sagas: local steps in several systems, and compensations that take them back when a later step fails.

A refusal is ordinary business and no fault. A step whose answer is lost has an unknown outcome and is compensated too;
its call may be still under way and arrive after the compensation, which finds nothing to take back. A compensation that
leaves a mark stops such a late original. A saga that goes on after a crash repeats the step that it was in.

ATOMIC: each step and each compensation is one local transaction of its receiver.
Sources: Garcia-Molina and Salem, "Sagas" (SIGMOD 1987); Seata documentation, "TCC mode", on empty rollback,
idempotence and suspension.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

from data_integration_architect.modelcheck.builder import ModelBuilder
from data_integration_architect.modelcheck.facts import Options
from data_integration_architect.modelcheck.scene import Place, places
from data_integration_architect.modelcheck.world import Bounds
from data_integration_architect.topology import Call, OnRequest, Topology, Write, step_target, walk_steps

ATOMIC = "one local transaction of the receiver"


@dataclass(frozen=True, slots=True)
class SagaStep:
    """One step of a saga: what it does, and the step that takes it back, with their paths."""

    step: Write | Call
    path: str
    undo: Write | Call | None
    undo_path: str

    @property
    def words(self) -> str:
        """Verb and entity."""
        verb = "call" if isinstance(self.step, Call) else self.step.mode or "write"
        return f"{verb} {self.step.entity or ''}".strip()


def sagas_of(topology: Topology) -> Iterator[tuple[Place, Place]]:
    """Handlers that another one compensates, each with that one."""
    by_name = {name: place for place in places(topology) for name in (place.label, f"{place.process}.{place.name}")}
    for place in places(topology):
        original = by_name.get(place.handler.compensates or "")
        if original is not None and steps_of(original, place):
            yield original, place


def steps_of(original: Place, compensation: Place) -> list[SagaStep]:
    """The effects of a saga in program order, each with the step that takes it back, if there is one."""
    undos = [(_path(compensation, path), step) for path, step in _effects(compensation)]
    found = []
    for path, step in _effects(original):
        undo_path, undo = next(((p, u) for p, u in undos if step_target(u) == step_target(step)), ("", None))
        found.append(SagaStep(step, _path(original, path), undo, undo_path))
    return found


def _effects(place: Place) -> list[tuple[tuple[str | int, ...], Write | Call]]:
    return [(path, step) for path, step in walk_steps(place.handler.steps, ()) if isinstance(step, Write | Call)]


def _path(place: Place, path: tuple[str | int, ...]) -> str:
    return f"{place.path}.steps.{'.'.join(map(str, path))}"


def build(
    original: Place, compensation: Place, options: Options, bounds: Bounds
) -> tuple[ModelBuilder, tuple[str, ...]]:
    """The model, and the conditions at rest: each effect is there once if the saga ended well, else not at all."""
    steps = steps_of(original, compensation)
    count = len(steps)
    m = ModelBuilder(faults=bounds.faults, workload=1)
    m.var("pc", 2 * count + 3)  # 0..n-1 next step, n ended well, n+1+j takes back step j, then: taken back, given up
    marks = options.get(f"{compensation.path}.leaves_mark", compensation.handler.leaves_mark, safe=True, unsafe=False)
    saga = _Saga(m, original, compensation, options, count, marks=marks)
    for number, step in enumerate(steps):
        saga.add_step(number, step)
        saga.add_compensation(number, step)
    saga.add_crash()
    for number, step in enumerate(steps):
        where = f"{step_target(step.step)} ({step.words})"
        m.label(f"done{number}", f"number of effects at {where}")
        m.label(f"undone{number}", f"number of effects taken back at {where}")
    return m, tuple(f"done{j} == undone{j} + (1 if pc == {count} else 0)" for j in range(count))


class _Saga:
    def __init__(
        self,
        m: ModelBuilder,
        original: Place,
        compensation: Place,
        options: Options,
        count: int,
        *,
        marks: bool,
    ) -> None:
        self.m, self.original, self.compensation, self.options = m, original, compensation, options
        self.count, self.marks = count, marks
        trigger = original.handler.trigger
        self.resumes = True
        if isinstance(trigger, OnRequest | None):
            known = trigger.request.retries if trigger is not None else None
            path = f"{original.path}.trigger.request.retries"
            self.resumes = options.get(path, known, safe=True, unsafe=False)
        self.act = partial(m.act, actor=original.label, source=original.process, atomic=ATOMIC)

    def undo_from(self, number: int) -> str:
        """The program counter that takes back the steps up to `number`, which may be -1."""
        return f"pc = {self.count + 1 + number if number >= 0 else 2 * self.count + 1}"

    def add_step(self, number: int, step: SagaStep) -> None:
        done, target, words = f"done{number}", step_target(step.step), step.words
        for name, high in ((done, 2), (f"undone{number}", 2), (f"late{number}", 1), (f"mark{number}", 1)):
            self.m.var(name, high)
        here, cost = f"pc == {number}", 1 - min(number, 1)
        act = partial(self.act, target=target)
        act(f"do_{number}", here, f"{done} += 1; pc = {number + 1}", cost=cost, text=words)
        if self._compensates(step):
            if number > 0:
                act(f"refuse_{number}", here, self.undo_from(number - 1), kind="optional", text=f"{words}: is refused")
            unanswered = f"{done} += 1; {self.undo_from(number)}"
            text = f"{words}: the answer is lost"
            act(f"unanswered_{number}", here, unanswered, kind="fault", cost=cost, text=text)
        elif number > 0:
            act(f"refuse_{number}", here, self._given_up(), kind="optional", text=f"{words}: is refused")
        if not self._compensates(step):
            unanswered = f"{done} += 1; {self._given_up()}"
            act(f"unanswered_{number}", here, unanswered, kind="fault", cost=cost, text=f"{words}: the answer is lost")
        if self.resumes and not self._is_idempotent(step):
            text = f"{words}, then crashes and does it again"
            act(f"twice_{number}", f"{here} and {done} == 0", f"{done} += 1", kind="fault", cost=cost, text=text)
        if isinstance(step.step, Call) and step.step.outlives_caller is not None:
            known = step.step.outlives_caller
            if self.options.get(f"{step.path}.outlives_caller", known, safe=False, unsafe=True):
                gone = f"late{number} = 1; {self.undo_from(number)}"
                text = f"{words}: timeout, the call is still under way"
                act(f"timeout_{number}", here, gone, kind="fault", cost=cost, text=text)
                free = f" and mark{number} == 0" if self.marks else ""
                late = f"{done} = {done} + 1 if {done} < 2 else 2; late{number} = 0"
                act(f"late_{number}", f"late{number} == 1{free}", late, text=f"late: {words}")
                if self.marks:
                    stopped = f"late{number} == 1 and mark{number} == 1"
                    act(f"stopped_{number}", stopped, f"late{number} = 0", text=f"late: {words}: refused by the mark")

    def _given_up(self) -> str:
        return f"pc = {2 * self.count + 2}"

    def _compensates(self, step: SagaStep) -> bool:
        known = step.step.retry.then if step.step.retry is not None else None
        path = f"{step.path}.retry.then"
        return self.options.get(path, known, safe="compensate", unsafe="raise") == "compensate"

    def _is_idempotent(self, step: SagaStep) -> bool:
        """Whether the receiver recognises a repetition of the step."""
        if isinstance(step.step, Call):
            known = step.step.operation_id
            return self.options.get(f"{step.path}.operation_id", known, safe="passed", unsafe="none") == "passed"
        if step.step.mode not in ("insert", "increment"):
            return True
        guard = self.options.get(f"{step.path}.guard", step.step.guard, safe="unique-key", unsafe="none")
        return guard in ("unique-key", "condition")

    def add_compensation(self, number: int, step: SagaStep) -> None:
        done, undone = f"done{number}", f"undone{number}"
        here = f"pc == {self.count + 1 + number}"
        onward = self.undo_from(number - 1)
        target = step_target(step.step)
        act = partial(self.act, actor=self.compensation.label, source=self.compensation.process, target=target)
        if step.undo is None:
            act(f"skip_{number}", here, onward, text=f"{step.words}: nothing takes it back")
            return
        conditional = self._is_conditional(step)
        words = f"take back: {step.words}"
        mark = f"; mark{number} = 1" if self.marks else ""
        act(f"undo_{number}", f"{here} and {done} > {undone}", f"{undone} += 1; {onward}", text=words)
        if conditional:
            act(f"none_{number}", f"{here} and {done} <= {undone}", onward + mark, text=f"{words}: there is nothing")
        else:
            blind = f"{here} and {done} <= {undone} and {undone} < 2"
            act(f"blind_{number}", blind, f"{undone} += 1; {onward}{mark}", text=f"{words}, though nothing is there")
        if self.resumes:
            again = f"{here} and {done} > {undone}"
            text = f"{words}, then crashes and does it again"
            act(f"again_{number}", again, f"{undone} += 1", kind="fault", text=text)

    def _is_conditional(self, step: SagaStep) -> bool:
        """Whether a compensation that finds nothing, or comes twice, does nothing."""
        undo = step.undo
        if isinstance(undo, Call):
            known = undo.retry.idempotent if undo.retry is not None else None
            if known is None and undo.operation_id is not None:
                known = undo.operation_id == "passed"
        else:
            known = undo.retry.idempotent if undo is not None and undo.retry is not None else None
            if known is None and undo is not None:
                known = undo.mode == "delete" or undo.guard in ("condition", "unique-key")
        return self.options.get(f"{step.undo_path}.retry.idempotent", known, safe=True, unsafe=False)

    def add_crash(self) -> None:
        """A saga that nobody resumes ends where it was."""
        if self.resumes:
            return
        for place in [*range(1, self.count), *range(self.count + 1, 2 * self.count + 1)]:
            text = f"{self.original.label} crashes, and nobody goes on"
            self.act(f"crash_{place}", f"pc == {place}", self._given_up(), kind="fault", text=text)

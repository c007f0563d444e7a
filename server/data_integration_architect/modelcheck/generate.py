"""From a model to a breadth-first search over packed states, as generated Python that is compiled once per model.

The generated text contains numbers only: no name of the model, and none of the user. It is tested state by state
against the plain interpreter.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import IntEnum
from functools import cached_property
from typing import Any

from data_integration_architect.modelcheck.expressions import ModelError
from data_integration_architect.modelcheck.forgetting import Forgettable, forgettable
from data_integration_architect.modelcheck.interpret import Interpreter
from data_integration_architect.modelcheck.ir import Model, Var
from data_integration_architect.modelcheck.packing import Field, Layout
from data_integration_architect.modelcheck.slices import unranked_actions
from data_integration_architect.modelcheck.step_texts import StepText, StepTexts, nested

# Where a search begins: groups of (steps from the first state, [(state, the one that it was reached from)]), fewest
# steps first.
Arrivals = list[tuple[int, list[tuple[int, int]]]]
# States with smaller budgets and where they were reached from, and how many of them (steps, the first so many) need.
Leaving = tuple[dict[int, int], list[tuple[int, int]]]


class Ending(IntEnum):
    """Why a search ended."""

    EXPLORED = 0
    VIOLATED = 1
    BUDGET = 2
    STOPPED = 3
    OUT_OF_RANGE = 4


@dataclass(frozen=True, slots=True)
class Run:
    """What one search saw. `parents` maps each packed state to its predecessor, the initial state to -1.

    `state` is the violating state, or the one in which action number `action` left its range. `enabled` says for each
    action, where all was explored, whether some state enables it. `round`: states that follow `state` once round a
    cycle of progress. `leaving`: for each of `CompiledModel.costs`, the steps to states with smaller budgets.
    """

    ending: Ending
    parents: Mapping[int, int]
    depth: int
    at_rest: int
    state: int = -1
    action: int = -1
    enabled: tuple[bool, ...] = ()
    round: tuple[int, ...] = ()
    leaving: tuple[Leaving, ...] = ()


class CompiledModel:
    """A model with a condition, at rest or always, ready to search; `always` is a condition to be checked in every
    state besides one at rest, `forgets`: see `forgetting`.

    Raises: ModelError, where an index is not proven to exist.
    """

    def __init__(self, model: Model, part: str, *, at_rest: bool, always: str = "True", forgets: bool = False) -> None:
        self.model = model
        self.part, self.always = (part, always) if at_rest else ("True", part)
        self.layout = Layout(model)
        self._interpreter = Interpreter(model)
        self._forgettable = forgettable(model, f"{part} and {always}") if forgets else Forgettable()
        self._moves = frozenset(position for _, position in self._forgettable.queues)
        self._always_moves = frozenset(position for _, position in self._forgettable.lasting)
        self._texts = StepTexts(model, self.layout, (self.part, self.always))
        self._progress_of: dict[frozenset[str] | None, Callable[[int], list[int]]] = {}
        self.costs = sorted({(int(action.kind == "fault"), action.cost) for action in model.actions} - {(0, 0)})

    def initial(self, faults: int, workload: int) -> int:
        """The packed first state with these budgets."""
        return self.canonical(self.layout.pack(self._interpreter.initial(faults, workload)))

    def canonical(self, packed: int) -> int:
        """The state that stands for a packed state: what is left of it without what it may forget."""
        if packed & self.layout.faults.mask:
            return int(self._shift(packed)) if self._always_moves else packed
        return int(self._forget(packed)) if self._forgets else packed

    @cached_property
    def unranked(self) -> frozenset[str]:
        """Names of the progress actions of which a cycle can consist."""
        return frozenset(unranked_actions(self.model))

    @property
    def _forgets(self) -> bool:
        return bool(self._forgettable.dead or self._forgettable.queues)

    @cached_property
    def _forget(self) -> Callable[[int], int]:
        function: Callable[[int], int] = _compiled("\n".join(self._forget_text()), "forget")
        return function

    @cached_property
    def _shift(self) -> Callable[[int], int]:
        function: Callable[[int], int] = _compiled("\n".join(self._forget_text()), "shift")
        return function

    def _forget_text(self) -> list[str]:
        """Python functions: `shift` for a state with faults left, `forget` for one without."""
        lines = []
        if self._always_moves:
            lines += ["def shift(t):", *self._shifted(self._forgettable.lasting), "    return t"]
        if not self._forgets:
            return lines
        lines += ["def forget(t):", *self._shifted(self._forgettable.queues)]
        kept = (1 << self.layout.bits) - 1
        fresh = 0
        for name in self._forgettable.dead:
            place = self.layout.places[name]
            declaration = self.model.by_name[name]
            assert isinstance(place, Field) and isinstance(declaration, Var)  # noqa: S101 - only variables are dead
            kept &= ~place.mask
            fresh |= (declaration.initial - place.low) << place.offset
        return [*lines, f"    return t & {kept} | {fresh}" if self._forgettable.dead else "    return t"]

    def _shifted(self, queues: Sequence[tuple[str, str]]) -> list[str]:
        lines = []
        printer = self._texts.printer
        for log, position in queues:
            cells, place, length = printer.cells(log), self.layout.places[position], printer.length(log)
            assert isinstance(place, Field)  # noqa: S101 - a position is a variable
            bits = (1 << cells.width * cells.count) - 1
            lines += [
                f"    o = t >> {place.offset} & {(1 << place.width) - 1}",
                "    if o:",
                f"        c = t >> {cells.offset} & {bits}",
                f"        t += ((c >> {cells.width} * o) - c << {cells.offset}) - (o << {place.offset})"
                f" - (o << {length.offset})",
            ]
        return lines

    def explore(
        self, arrivals: Arrivals, seen: dict[int, int], budgets: tuple[int, int], room: int, stop: Callable[[], bool]
    ) -> Run:
        """Breadth-first search of the states with these faults and this workload left, from all states where they
        begin; ends at the first violation or when `seen` exceeds `room`. A state counts as at rest where only steps
        that spend workload are enabled.

        Raises: ModelError, where an update leaves its declared range or a log is full.
        """
        ending, depth, resting, leaving, marks, state, action, enabled = self._explore(
            arrivals, seen, *budgets, room, stop
        )
        groups = tuple(
            (edges, [(mark[0], mark[number]) for mark in marks]) for number, edges in enumerate(leaving, start=1)
        )
        return self._checked(Run(ending, seen, depth, resting, state, action, enabled, leaving=groups))

    def run(self, faults: int, workload: int, limit: int, stop: Callable[[], bool]) -> Run:
        """Plain breadth-first search with these budgets; ends at the first violation or when `limit` is exceeded.

        Raises: ModelError, where an update leaves its declared range or a log is full.
        """
        return self._checked(Run(*self._run(self.initial(faults, workload), limit, stop)))

    def _checked(self, found: Run) -> Run:
        if found.ending == Ending.OUT_OF_RANGE:
            action = self.model.actions[found.action]
            self._interpreter.apply(action, self.layout.unpack(found.state))
            raise ModelError(f"{action.name}: leaves its range in the generated code only")
        return found

    def never_enabled(self, enabled: Sequence[bool]) -> frozenset[str]:
        """Names of the actions that no state of a completed exploration enables."""
        pairs = zip(self.model.actions, enabled, strict=True)
        return frozenset(action.name for action, is_enabled in pairs if not is_enabled)

    def path(self, run: Run) -> list[int]:
        """Packed states of a plain search after the initial one, up to the run's last state."""
        states = [run.state]
        while (before := run.parents[states[-1]]) != -1:
            states.append(before)
        return [*reversed(states[:-1]), *run.round]

    def cycle(self, run: Run, parents: Mapping[int, int]) -> Run | None:
        """A run into the first of the states seen that lies on a cycle of progress, and once round; such a cycle
        spends nothing and consists of unranked actions. `parents` has all states before them.
        """
        endless = frozenset(self.progress_cycle(run.parents, self.unranked))
        for first in run.parents if endless else ():
            if first not in endless or not (once := self.progress_round(first, endless)):
                continue
            depth = len(once)
            state = first
            while (state := parents[state]) != -1:
                depth += 1
            return Run(Ending.VIOLATED, parents, depth, run.at_rest, first, round=once)
        return None

    def progress_cycle(self, states: Iterable[int], within: frozenset[str] | None = None) -> list[int]:
        """States from which progress need not end (Kahn's algorithm from the resting states); often empty.

        `within`: names of actions that include all progress that a cycle can consist of.
        """
        following = self._progress(within)
        outgoing: dict[int, int] = {}
        predecessors: dict[int, list[int]] = {}
        for state in states:
            if after := following(state):
                outgoing[state] = len(after)
                for one in after:
                    predecessors.setdefault(one, []).append(state)
        done = [state for state in predecessors if state not in outgoing]
        while done:
            for state in predecessors.get(done.pop(), ()):
                outgoing[state] -= 1
                if outgoing[state] == 0:
                    del outgoing[state]
                    done.append(state)
        return list(outgoing)

    def progress_round(self, state: int, within: frozenset[int]) -> tuple[int, ...]:
        """Packed states of a shortest round of progress from a state back to it; empty where there is none."""
        progress = self._progress(None)
        came_from: dict[int, int] = {}
        frontier = [state]
        while frontier:
            following = []
            for before in frontier:
                for after in progress(before):
                    if after not in within or after in came_from:
                        continue
                    came_from[after] = before
                    if after == state:
                        back = [state]
                        while came_from[back[-1]] != state:
                            back.append(came_from[back[-1]])
                        return tuple(reversed(back))
                    following.append(after)
            frontier = following
        return ()

    def _progress(self, within: frozenset[str] | None) -> Callable[[int], list[int]]:
        """Packed state -> packed states after each enabled progress action that spends nothing."""
        if within not in self._progress_of:
            self._progress_of[within] = self._compiled_progress(within)
        return self._progress_of[within]

    def _compiled_progress(self, within: frozenset[str] | None) -> Callable[[int], list[int]]:
        steps = [
            step
            for step in self._texts.steps
            if step.action.kind == "progress" and not step.action.cost
            if within is None or step.action.name in within
        ]
        lines = [*self._forget_text(), "def successors(s):", *self._reads(4), "    found = []"]
        left = f"s & {self.layout.faults.mask}"
        lines += nested(steps, lambda step: [*self._following(step, left), "found.append(t)"], 4)
        lines.append("    return found")
        function: Callable[[int], list[int]] = _compiled("\n".join(lines), "successors")
        return function

    def _reads(self, indent: int) -> list[str]:
        return [" " * indent + line for line in self._texts.reads]

    def _following(self, step: StepText, left: str) -> list[str]:
        """Python lines that put the state after an action into `t`; `left`: Python text of the faults left before."""
        line = f"t = s + {step.delta}"
        if step.action.writes & self._always_moves:
            # a queue that faults alone read stays as it is once none is left
            return [line, f"t = shift(t) if {left} else {'forget(t)' if self._forgets else 't'}"]
        if self._forgets and step.action.kind == "fault":
            return [line, f"if {left} == 1: t = forget(t)"]
        if self._forgets and step.action.writes & self._moves:
            return [line, f"if not {left}: t = forget(t)"]
        return [line]

    @cached_property
    def _explore(self) -> Callable[..., Any]:
        return _compiled(self.source, "explore")  # type: ignore[no-any-return]

    @cached_property
    def source(self) -> str:
        """The generated search of the states with the same budgets left."""
        flags = [f"e{number}" for number in range(len(self.model.actions))]
        out = {cost: f"x{number}" for number, cost in enumerate(self.costs)}
        gone = "".join(f"{name}, " for name in out.values())
        lines = [
            *self._forget_text(),
            "def explore(arrivals, seen, f, w, room, stop):",
            f"    {' = '.join([*flags, 'rest'])} = False",
            *(f"    {name} = {{}}" for name in out.values()),
            "    marks = []",
            "    frontier = []",
            "    depth = resting = at = 0",
            "    while frontier or at < len(arrivals):",
            "        if not frontier: depth = arrivals[at][0]",
            "        if at < len(arrivals) and arrivals[at][0] == depth:",
            "            for t, s in arrivals[at][1]:",
            "                if t not in seen: seen[t] = s; frontier.append(t)",
            "            at += 1",
            "        if stop(): return 3, depth, resting, (), (), -1, -1, ()",
            "        following = []",
            "        for s in frontier:",
            "            if len(seen) > room: return 2, depth, resting, (), (), -1, -1, ()",
            *self._reads(12),
        ]
        violated = "return 1, depth, resting, (), (), s, -1, ()"
        if self.always != "True":
            lines.append(f"            if not {self._texts.conditions[1]}: {violated}")
        lines.append("            rest = idle = True")
        steps = self._texts.steps

        def taken(step: StepText) -> list[str]:
            kind, cost = step.action.kind, step.action.cost
            spent = (int(kind == "fault"), cost)
            found = [f"{flags[step.number]} = True"]
            if kind == "progress":
                found.append("idle = False" if cost else "rest = False")
            if step.checks:
                found.append(f"if {step.checks}: return 4, depth, resting, (), (), s, {step.number}, ()")
            found += self._following(step, "f")
            if spent in out:
                return [*found, f"if t not in {out[spent]}: {out[spent]}[t] = s"]
            return [*found, "if t not in seen: seen[t] = s; following.append(t)"]

        lines += nested([step for step in steps if self._spent(step) == (0, 0)], taken, 12)
        for faults, cost in self.costs:
            lines.append(f"            if {' and '.join([*(['f'] * faults), *([f'w >= {cost}'] if cost else [])])}:")
            lines += nested([step for step in steps if self._spent(step) == (faults, cost)], taken, 16)
        lines.append("            if rest:")
        if self.part != "True":
            lines.append(f"                if not {self._texts.conditions[0]}: {violated}")
        lines += [
            "                if idle: resting += 1",
            f"        marks.append((depth + 1, {''.join(f'len({name}), ' for name in out.values())}))",
            "        frontier = following",
            "        depth += 1",
            f"    return 0, depth - 1, resting, ({gone}), marks, -1, -1, ({''.join(f'{flag}, ' for flag in flags)})",
        ]
        return "\n".join(lines)

    def _spent(self, step: StepText) -> tuple[int, int]:
        return int(step.action.kind == "fault"), step.action.cost

    @cached_property
    def _run(self) -> Callable[..., Any]:
        return _compiled(self._run_text(), "run")  # type: ignore[no-any-return]

    def _run_text(self) -> str:
        flags = [f"e{number}" for number in range(len(self.model.actions))]
        faults, workload = self.layout.faults, self.layout.workload
        lines = [
            *self._forget_text(),
            "def run(s0, limit, stop):",
            f"    {' = '.join([*flags, 'rest'])} = False",
            "    depth = resting = 0",
            "    seen = {s0: -1}",
            "    frontier = [s0]",
            "    while frontier:",
            "        if stop(): return 3, seen, depth, resting",
            "        following = []",
            "        for s in frontier:",
            "            if len(seen) > limit: return 2, seen, depth, resting",
            f"            f = s & {faults.mask}",
            f"            w = s >> {workload.offset} & {(1 << workload.width) - 1}",
            *self._reads(12),
        ]
        violated = "return 1, seen, depth, resting, s"
        if self.always != "True":
            lines.append(f"            if not {self._texts.conditions[1]}: {violated}")
        lines.append("            rest = True")

        def taken(step: StepText) -> list[str]:
            found = [f"{flags[step.number]} = True"]
            if step.action.kind == "progress":
                found.append("rest = False")
            if step.checks:
                found.append(f"if {step.checks}: return 4, seen, depth, resting, s, {step.number}")
            return [*found, *self._following(step, "f"), "if t not in seen: seen[t] = s; following.append(t)"]

        lines += nested([self._with_budgets(step) for step in self._texts.steps], taken, 12)
        lines += ["            if rest:", "                resting += 1"]
        if self.part != "True":
            lines.append(f"                if not {self._texts.conditions[0]}: {violated}")
        lines += ["        frontier = following", "        depth += 1"]
        lines.append(f"    return 0, seen, depth - 1, resting, -1, -1, ({''.join(f'{flag}, ' for flag in flags)})")
        return "\n".join(lines)

    def _with_budgets(self, step: StepText) -> StepText:
        faults, cost = self._spent(step)
        needs = (*(["f"] * faults), *([f"w >= {cost}"] if cost else []))
        return replace(step, tests=(*step.tests, *needs))


def _compiled(text: str, name: str) -> Any:
    namespace: dict[str, Any] = {}
    exec(compile(text, "<generated search>", "exec"), namespace)  # noqa: S102 - the text contains numbers only
    return namespace[name]

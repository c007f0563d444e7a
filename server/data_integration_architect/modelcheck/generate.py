"""From a model to a breadth-first search over packed states, as generated Python that is compiled once per model.

The generated text contains numbers only: no name of the model, and none of the user. It is tested state by state
against the plain interpreter.
"""

import ast
from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property
from itertools import pairwise
from typing import Any

from data_integration_architect.modelcheck.expressions import ModelError, Ranges, conjuncts, tree
from data_integration_architect.modelcheck.forgetting import Forgettable, forgettable
from data_integration_architect.modelcheck.interpret import Interpreter
from data_integration_architect.modelcheck.ir import Action, Log, Model, Var
from data_integration_architect.modelcheck.packing import Field, Layout, PackedPrinter


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
    action, where the whole space was explored, whether some state enables it. `round`: states that follow `state` once
    round a cycle of progress.
    """

    ending: Ending
    parents: dict[int, int]
    depth: int
    at_rest: int
    state: int = -1
    action: int = -1
    enabled: tuple[bool, ...] = ()
    round: tuple[int, ...] = ()


class CompiledModel:
    """A model with one property part, ready to search; `forgets`: see `forgetting`.

    Raises: ModelError, where an index is not proven to exist.
    """

    def __init__(self, model: Model, part: str, *, at_rest: bool, forgets: bool = False) -> None:
        self.model = model
        self.layout = Layout(model)
        self._printer = PackedPrinter(self.layout)
        self._ranges = Ranges(model.ranges)
        self._interpreter = Interpreter(model)
        self._forgettable = forgettable(model, part) if forgets else Forgettable((), ())
        self._moves = frozenset(position for _, position in self._forgettable.queues)
        condition = self._printer.text(tree(part), self._ranges)
        self._steps = [self._step(action) for action in model.actions]
        self.source = self._search_text(condition, at_rest)
        self._run = _compiled(self.source, "run")

    def initial(self, faults: int, workload: int) -> int:
        """The packed first state with these budgets."""
        return self.canonical(self.layout.pack(self._interpreter.initial(faults, workload)))

    def canonical(self, packed: int) -> int:
        """The state that stands for a packed state: itself, or what is left of it once no fault remains."""
        return packed if packed & self.layout.faults.mask else int(self._forget(packed))

    @cached_property
    def _forget(self) -> Callable[[int], int]:
        function: Callable[[int], int] = _compiled(self._forget_text(), "forget")
        return function

    def _forget_text(self) -> str:
        lines = ["def forget(t):"]
        for log, position in self._forgettable.queues:
            cells, place, length = self._printer.cells(log), self.layout.places[position], self._printer.length(log)
            assert isinstance(place, Field)  # noqa: S101 - a position is a variable
            bits = (1 << cells.width * cells.count) - 1
            lines += [
                f"    o = t >> {place.offset} & {(1 << place.width) - 1}",
                "    if o:",
                f"        c = t >> {cells.offset} & {bits}",
                f"        t += ((c >> {cells.width} * o) - c << {cells.offset}) - (o << {place.offset})"
                f" - (o << {length.offset})",
            ]
        kept = (1 << self.layout.bits) - 1
        fresh = 0
        for name in self._forgettable.dead:
            place = self.layout.places[name]
            declaration = self.model.by_name[name]
            assert isinstance(place, Field) and isinstance(declaration, Var)  # noqa: S101 - only variables are dead
            kept &= ~place.mask
            fresh |= (declaration.initial - place.low) << place.offset
        lines.append(f"    return t & {kept} | {fresh}")
        return "\n".join(lines)

    def _change(self, action: Action, delta: str) -> str:
        """Python text of the state after an action."""
        if not self._forgettable.dead and not self._forgettable.queues:
            return f"s + {delta}"
        spent = self.layout.faults.mask
        if action.kind == "fault":
            return f"s + {delta} if s & {spent} != {1 << self.layout.faults.offset} else forget(s + {delta})"
        if action.writes & self._moves:
            return f"s + {delta} if s & {spent} else forget(s + {delta})"
        return f"s + {delta}"

    def run(self, faults: int, workload: int, limit: int, stop: Callable[[], bool]) -> Run:
        """Breadth-first search from the initial state; ends at the first violation or when `limit` is exceeded.

        Raises: ModelError, where an update leaves its declared range or a log is full.
        """
        found = Run(*self._run(self.initial(faults, workload), limit, stop))
        if found.ending == Ending.OUT_OF_RANGE:
            action = self.model.actions[found.action]
            self._interpreter.apply(action, self.layout.unpack(found.state))
            raise ModelError(f"{action.name}: leaves its range in the generated code only")
        return found

    def path(self, run: Run) -> list[tuple[Action, int]]:
        """Actions from the initial state to the run's last state, each with the packed state after it."""
        states = [run.state]
        while run.parents[states[-1]] != -1:
            states.append(run.parents[states[-1]])
        states.reverse()
        states += run.round
        return [(self._between(before, after), after) for before, after in pairwise(states)]

    def _between(self, before: int, after: int) -> Action:
        for number, state in self.successors(before):
            if state == after:
                return self.model.actions[number]
        raise ModelError("no action leads from a state to its successor")

    @cached_property
    def successors(self) -> Callable[[int], list[tuple[int, int]]]:
        """Packed state -> (number of an enabled action, packed state after it)."""
        lines = [self._forget_text(), "def successors(s):", "    found = []"]
        for number, (action, (guard, _, delta)) in enumerate(zip(self.model.actions, self._steps, strict=True)):
            lines.append(f"    if {guard}: found.append(({number}, {self._change(action, delta)}))")
        lines.append("    return found")
        function: Callable[[int], list[tuple[int, int]]] = _compiled("\n".join(lines), "successors")
        return function

    def never_enabled(self, run: Run) -> frozenset[str]:
        """Names of the actions that no state of a completed exploration enables."""
        pairs = zip(self.model.actions, run.enabled, strict=True)
        return frozenset(action.name for action, is_enabled in pairs if not is_enabled)

    def progress_cycle(self, run: Run) -> list[int]:
        """Explored states from which progress need not end (Kahn's algorithm from the resting states); often empty."""
        is_progress = [action.kind == "progress" for action in self.model.actions]
        outgoing = dict.fromkeys(run.parents, 0)
        predecessors: dict[int, list[int]] = {state: [] for state in run.parents}
        for state in run.parents:
            for number, following in self.successors(state):
                if is_progress[number]:
                    outgoing[state] += 1
                    predecessors[following].append(state)
        done = [state for state, count in outgoing.items() if count == 0]
        while done:
            finished = done.pop()
            del outgoing[finished]
            for state in predecessors[finished]:
                outgoing[state] -= 1
                if outgoing[state] == 0:
                    done.append(state)
        return list(outgoing)

    def progress_round(self, state: int, within: frozenset[int]) -> tuple[int, ...]:
        """Packed states of a shortest round of progress from a state back to it; empty where there is none."""
        is_progress = [action.kind == "progress" for action in self.model.actions]
        came_from: dict[int, int] = {}
        frontier = [state]
        while frontier:
            following = []
            for before in frontier:
                for number, after in self.successors(before):
                    if not is_progress[number] or after not in within or after in came_from:
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

    def _search_text(self, condition: str, at_rest: bool) -> str:
        flags = [f"e{number}" for number in range(len(self.model.actions))]
        lines = [
            self._forget_text(),
            "def run(s0, limit, stop):",
            *(f"    {flag} = False" for flag in flags),
            "    seen = {s0: -1}",
            "    frontier = [s0]",
            "    depth = resting = 0",
            "    while frontier:",
            "        if stop(): return 3, seen, depth, resting",
            "        following = []",
            "        for s in frontier:",
            "            if len(seen) > limit: return 2, seen, depth, resting",
        ]
        if not at_rest:
            lines.append(f"            if not {condition}: return 1, seen, depth, resting, s")
        lines.append("            rest = True")
        for number, (action, (guard, checks, delta)) in enumerate(zip(self.model.actions, self._steps, strict=True)):
            lines += [f"            if {guard}:", f"                {flags[number]} = True"]
            if action.kind == "progress":
                lines.append("                rest = False")
            if checks:
                lines.append(f"                if {checks}: return 4, seen, depth, resting, s, {number}")
            lines.append(f"                t = {self._change(action, delta)}")
            lines.append("                if t not in seen: seen[t] = s; following.append(t)")
        lines.append("            if rest:")
        lines.append("                resting += 1")
        if at_rest:
            lines.append(f"                if not {condition}: return 1, seen, depth, resting, s")
        enabled = f"({', '.join(flags)},)" if flags else "()"
        lines += ["        frontier = following", "        depth += 1"]
        lines.append(f"    return 0, seen, depth - 1, resting, -1, -1, {enabled}")
        return "\n".join(lines)

    def _step(self, action: Action) -> tuple[str, str, str]:
        """Python texts of one action: guard, condition under which it leaves its range ('' if never), difference."""
        tests, pinned, ranges = self._guard(action)
        constant = 0
        terms: list[str] = []
        if action.kind == "fault":
            constant -= 1 << self.layout.faults.offset
        if action.cost:
            constant -= action.cost << self.layout.workload.offset
        checks: list[str] = []
        for update in action.assignments:
            value = tree(update.value)
            declaration = self.model.by_name[update.target]
            low = declaration.low if isinstance(declaration, Var) else 0
            new = self._printer.text(value, ranges)
            reached = ranges.of(value)
            if reached[0] < low:
                checks.append(f"{new} < {low}")
            if reached[1] > declaration.high:
                checks.append(f"{new} > {declaration.high}")
            if isinstance(declaration, Log):
                length = ast.Call(ast.Name("len"), [ast.Name(update.target)], [])
                cells = self._printer.cells(update.target)
                size = self._printer.length(update.target)
                if ranges.of(length)[1] >= declaration.capacity:
                    checks.append(f"{self._printer.read(size)} == {declaration.capacity}")
                constant += 1 << size.offset
                terms.append(f"({new} << ({cells.offset} + {cells.width} * {self._printer.read(size)}))")
                continue
            known = _difference(value, update.target, pinned.get(update.target))
            if update.index is None:
                place = self.layout.places[update.target]
                assert isinstance(place, Field)  # noqa: S101 - the model has checked that this is a variable
                if known is not None:
                    constant += known << place.offset
                else:
                    terms.append(f"(({new} - {self._printer.read(place)}) << {place.offset})")
            else:
                index = tree(update.index)
                shift = self._printer.shift(update.target, index, ranges)
                old = self._printer.text(ast.Subscript(ast.Name(update.target), index), ranges)
                terms.append(f"(({new} - {old}) << {shift})")
        return " and ".join(tests), " or ".join(checks), " + ".join([f"({constant})", *terms])

    def _guard(self, action: Action) -> tuple[list[str], dict[str, int], Ranges]:
        """Python tests of a guard, values that it fixes by equality, and the ranges under it.

        Equalities with a constant are folded into one mask; the others keep their order, so that each may rely on
        what stands left of it (`o < len(log) and log[o] == 1`).
        """
        mask = wanted = 0
        tests: list[str] = []
        pinned: dict[str, int] = {}
        ranges = self._ranges
        if action.kind == "fault":
            tests.append(f"s & {self.layout.faults.mask}")
        if action.cost == 1:
            tests.append(f"s & {self.layout.workload.mask}")
        elif action.cost:
            tests.append(f"{self._printer.read(self.layout.workload)} >= {action.cost}")
        for part in conjuncts(action.guard):
            node = tree(part)
            match node:
                case ast.Constant(value=True):
                    continue
                case ast.Compare(left=ast.Name(id=name), ops=[ast.Eq()], comparators=[ast.Constant(value=int(value))]):
                    place = self.layout.places[name]
                    if isinstance(place, Field) and 0 <= value - place.low < 1 << place.width and name not in pinned:
                        mask |= place.mask
                        wanted |= (value - place.low) << place.offset
                        pinned[name] = value
                        ranges = ranges.given(node, True)
                        continue
            tests.append(self._printer.text(node, ranges))
            ranges = ranges.given(node, True)
        if mask:
            tests.insert(0, f"s & {mask} == {wanted}")
        return tests or ["True"], pinned, ranges


def _difference(value: ast.expr, target: str, old: int | None) -> int | None:
    """By how much `target = value` changes the variable, where that is the same in every state."""
    match value:
        case ast.Constant(value=int(new)) if old is not None:
            return new - old
        case ast.BinOp(left=ast.Name(id=name), op=ast.Add(), right=ast.Constant(value=int(step))) if name == target:
            return step
        case ast.BinOp(left=ast.Name(id=name), op=ast.Sub(), right=ast.Constant(value=int(step))) if name == target:
            return -step
    return None


def _compiled(text: str, name: str) -> Any:
    namespace: dict[str, Any] = {}
    exec(compile(text, "<generated search>", "exec"), namespace)  # noqa: S102 - the text contains numbers only
    return namespace[name]

"""The plain reference: a model executed on tuples, one expression node at a time.

Slow on purpose and without any reduction: it is the oracle that the generated search is tested against, and it replays
every trace before the trace is shown.
"""

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from data_integration_architect.modelcheck.expressions import ModelError, tree
from data_integration_architect.modelcheck.ir import Action, Array, Declaration, Log, Model, Var

Value = int | tuple[int, ...]


@dataclass(frozen=True, slots=True)
class State:
    """Values in the order of the declarations (a log is as long as it has records), and both budgets."""

    values: tuple[Value, ...]
    faults: int
    workload: int


class Interpreter:
    """Executes one model."""

    def __init__(self, model: Model) -> None:
        self.model = model
        self._place = {declaration.name: place for place, declaration in enumerate(model.declarations)}

    def initial(self, faults: int, workload: int) -> State:
        """The first state with these budgets."""
        return State(tuple(_initial(declaration) for declaration in self.model.declarations), faults, workload)

    def is_enabled(self, action: Action, state: State) -> bool:
        """Whether guard and budgets admit the action."""
        if action.kind == "fault" and state.faults == 0:
            return False
        return state.workload >= action.cost and bool(self.value(action.guard, state))

    def apply(self, action: Action, state: State) -> State:
        """The state after an enabled action. Raises: ModelError, where a value leaves its range or a log is full."""
        values = list(state.values)
        for update in action.assignments:
            place = self._place[update.target]
            declaration = self.model.declarations[place]
            value = self.value(update.value, state)
            low = declaration.low if isinstance(declaration, Var) else 0
            if not low <= value <= declaration.high:
                raise ModelError(f"{action.name}: {update.target} = {value} is outside {low}..{declaration.high}")
            match declaration, values[place]:
                case Log(capacity=capacity), tuple() as records:
                    if len(records) == capacity:
                        raise ModelError(f"{action.name}: log {update.target} is full at {capacity} records")
                    values[place] = (*records, value)
                case Array(size=size), tuple() as cells:
                    index = self.value(update.index or "", state)
                    if not 0 <= index < size:
                        raise ModelError(f"{action.name}: {update.target}[{index}] does not exist")
                    values[place] = (*cells[:index], value, *cells[index + 1 :])
                case _:
                    values[place] = value
        return State(tuple(values), state.faults - (action.kind == "fault"), state.workload - action.cost)

    def successors(self, state: State) -> Iterator[tuple[Action, State]]:
        """Every enabled action and where it leads, in the order of the model."""
        for action in self.model.actions:
            if self.is_enabled(action, state):
                yield action, self.apply(action, state)

    def is_at_rest(self, state: State) -> bool:
        """Whether no progress action is enabled."""
        return not any(self.is_enabled(action, state) for action in self.model.actions if action.kind == "progress")

    def holds(self, condition: str, state: State) -> bool:
        """Whether a condition is true in a state."""
        return bool(self.value(condition, state))

    def value(self, text: str, state: State) -> int:
        """The value of an expression; a truth value is 0 or 1."""
        return self._value(tree(text), state)

    def _value(self, node: ast.expr, state: State) -> int:
        match node:
            case ast.Constant(value=int(value)):
                return value
            case ast.Name(id=name):
                stored = state.values[self._place[name]]
                assert isinstance(stored, int)  # noqa: S101 - the model has checked that names are variables
                return stored
            case ast.Subscript(value=ast.Name(id=name), slice=index):
                cells = state.values[self._place[name]]
                assert isinstance(cells, tuple)  # noqa: S101 - the model has checked that this is no variable
                place = self._value(index, state)
                declaration = self.model.declarations[self._place[name]]
                size = declaration.capacity if isinstance(declaration, Log) else len(cells)
                if not 0 <= place < size:
                    raise ModelError(f"{name}[{place}] does not exist")
                return cells[place] if place < len(cells) else 0
            case ast.Call(args=[ast.Name(id=name)]):
                records = state.values[self._place[name]]
                assert isinstance(records, tuple)  # noqa: S101 - the model has checked that this is a log
                return len(records)
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                return not self._value(operand, state)
            case ast.UnaryOp(operand=operand):
                return -self._value(operand, state)
            case ast.BoolOp(op=ast.And(), values=parts):
                return all(self._value(part, state) for part in parts)
            case ast.BoolOp(values=parts):
                return any(self._value(part, state) for part in parts)
            case ast.IfExp(test=test, body=body, orelse=orelse):
                return self._value(body if self._value(test, state) else orelse, state)
            case ast.Compare(left=left, ops=[op], comparators=[right]):
                return _compare(op, self._value(left, state), self._value(right, state))
            case ast.BinOp(left=left, op=op, right=right):
                return _calculate(op, self._value(left, state), self._value(right, state))
        raise ModelError(f"{ast.unparse(node)!r} is outside the expression language")


def _initial(declaration: Declaration) -> Value:
    match declaration:
        case Var(initial=initial):
            return initial
        case Array(initials=initials):
            return initials
        case _:
            return ()


def _compare(op: ast.cmpop, left: int, right: int) -> bool:
    match op:
        case ast.Eq():
            return left == right
        case ast.NotEq():
            return left != right
        case ast.Lt():
            return left < right
        case ast.LtE():
            return left <= right
        case ast.Gt():
            return left > right
        case _:
            return left >= right


def _calculate(op: ast.operator, left: int, right: int) -> int:
    match op:
        case ast.Add():
            return left + right
        case ast.Sub():
            return left - right
        case ast.Mult():
            return left * right
        case ast.FloorDiv():
            return left // right
        case ast.Mod():
            return left % right
        case ast.LShift():
            return left << right
        case ast.RShift():
            return left >> right
        case _:
            return left & right


@dataclass(frozen=True, slots=True)
class Exploration:
    """What plain breadth-first search saw: every state, those at rest, actions that fired, the first violation."""

    states: frozenset[State]
    at_rest: int
    fired: frozenset[str]
    violation_depth: int | None
    has_progress_cycle: bool


def explore(model: Model, *, faults: int, workload: int, part: str, at_rest: bool) -> Exploration:
    """All reachable states, level by level, on through violations; `part` must hold always or at rest."""
    machine = Interpreter(model)
    first = machine.initial(faults, workload)
    depths = {first: 0}
    queue = [first]
    fired: set[str] = set()
    resting = 0
    violation: int | None = None
    progress: dict[State, list[State]] = {}
    for state in queue:
        rest = machine.is_at_rest(state)
        resting += rest
        if violation is None and (rest or not at_rest) and not machine.holds(part, state):
            violation = depths[state]
        progress[state] = []
        for action, following in machine.successors(state):
            fired.add(action.name)
            if action.kind == "progress":
                progress[state].append(following)
            if following not in depths:
                depths[following] = depths[state] + 1
                queue.append(following)
    return Exploration(frozenset(depths), resting, frozenset(fired), violation, _has_cycle(progress))


def _has_cycle(edges: dict[State, list[State]]) -> bool:
    """Whether a directed graph has a cycle (Kahn: remove nodes without incoming edges until none is left)."""
    incoming = dict.fromkeys(edges, 0)
    for targets in edges.values():
        for target in targets:
            incoming[target] += 1
    free = [state for state, count in incoming.items() if count == 0]
    removed = 0
    while free:
        removed += 1
        for target in edges[free.pop()]:
            incoming[target] -= 1
            if incoming[target] == 0:
                free.append(target)
    return removed < len(edges)

"""Actions as Python text over a packed state `s`: what enables them, what they change, what must not happen.

A field that several guards read is read once for each state, into a local variable; a condition over such variables
costs a tenth of one over the packed integer. A field that one guard compares stays in a mask.
"""

import ast
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from data_integration_architect.modelcheck.expressions import Ranges, conjuncts, tree
from data_integration_architect.modelcheck.ir import Action, Log, Model, Var
from data_integration_architect.modelcheck.packing import Field, Layout, PackedPrinter


@dataclass(frozen=True, slots=True)
class StepText:
    """`tests` enable the action when all are true; under `checks` it leaves its range ('' if never); `delta` is what
    it adds to the packed state.
    """

    number: int
    action: Action
    tests: tuple[str, ...]
    checks: str
    delta: str


class StepTexts:
    """Texts of all actions of a model and of conditions; `reads` are the lines that they need before them.

    Raises: ModelError, where an index is not proven to exist.
    """

    def __init__(self, model: Model, layout: Layout, conditions: Sequence[str]) -> None:
        self.model, self.layout = model, layout
        self.printer = PackedPrinter(layout)
        self._ranges = Ranges(model.ranges)
        self._bind([*(action.guard for action in model.actions), *conditions])
        self.conditions = [self.printer.text(tree(condition), self._ranges) for condition in conditions]
        self.steps = tuple(self._step(number, action) for number, action in enumerate(model.actions))

    @property
    def reads(self) -> list[str]:
        """Lines that put the fields that several guards read into local variables."""
        return [f"{name} = {self.printer.unbound(field)}" for field, name in self.printer.bound.items()]

    def _bind(self, conditions: Sequence[str]) -> None:
        used = Counter(field for text in conditions for field in set(self._fields(tree(text))))
        for field in sorted(used, key=lambda one: one.offset):
            if used[field] > 1 and field.width:
                self.printer.bound[field] = f"v{field.offset}"

    def _fields(self, node: ast.expr) -> Iterator[Field]:
        for part in ast.walk(node):
            place = self.layout.places.get(part.id) if isinstance(part, ast.Name) else None
            if isinstance(place, Field):
                yield place
            elif isinstance(part, ast.Call) and isinstance(part.args[0], ast.Name):
                yield self.printer.length(part.args[0].id)

    def _step(self, number: int, action: Action) -> StepText:
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
            new = self.printer.text(value, ranges)
            reached = ranges.of(value)
            if reached[0] < low:
                checks.append(f"{new} < {low}")
            if reached[1] > declaration.high:
                checks.append(f"{new} > {declaration.high}")
            if isinstance(declaration, Log):
                length = ast.Call(ast.Name("len"), [ast.Name(update.target)], [])
                cells = self.printer.cells(update.target)
                size = self.printer.length(update.target)
                if ranges.of(length)[1] >= declaration.capacity:
                    checks.append(f"{self.printer.read(size)} == {declaration.capacity}")
                constant += 1 << size.offset
                terms.append(f"({new} << ({cells.offset} + {cells.width} * {self.printer.read(size)}))")
                continue
            known = _difference(value, update.target, pinned.get(update.target))
            if update.index is None:
                place = self.layout.places[update.target]
                assert isinstance(place, Field)  # noqa: S101 - the model has checked that this is a variable
                if known is not None:
                    constant += known << place.offset
                else:
                    terms.append(f"(({new} - {self.printer.read(place)}) << {place.offset})")
            else:
                index = tree(update.index)
                shift = self.printer.shift(update.target, index, ranges)
                old = self.printer.text(ast.Subscript(ast.Name(update.target), index), ranges)
                terms.append(f"(({new} - {old}) << {shift})")
        delta = " + ".join([f"({constant})", *terms])
        return StepText(number, action, tuple(tests), " or ".join(dict.fromkeys(checks)), delta)

    def _guard(self, action: Action) -> tuple[list[str], dict[str, int], Ranges]:
        """Python tests of a guard without its budgets, values that it fixes by equality, and the ranges under it.

        Equalities with a constant come first, those of fields that are no local variables in one mask; the others
        keep their order, so that each may rely on what stands left of it (`o < len(log) and log[o] == 1`).
        """
        mask = wanted = 0
        first: list[str] = []
        tests: list[str] = []
        pinned: dict[str, int] = {}
        ranges = self._ranges
        for part in conjuncts(action.guard):
            node = tree(part)
            match node:
                case ast.Constant(value=True):
                    continue
                case ast.Compare(left=ast.Name(id=name), ops=[ast.Eq()], comparators=[ast.Constant(value=int(value))]):
                    place = self.layout.places[name]
                    if isinstance(place, Field) and 0 <= value - place.low < 1 << place.width and name not in pinned:
                        if place in self.printer.bound:
                            first.append(f"{self.printer.bound[place]} == {value}")
                        else:
                            mask |= place.mask
                            wanted |= (value - place.low) << place.offset
                        pinned[name] = value
                        ranges = ranges.given(node, True)
                        continue
            tests.append(self.printer.text(node, ranges))
            ranges = ranges.given(node, True)
        if mask:
            first.append(f"s & {mask} == {wanted}")
        return first + tests, pinned, ranges


def nested(steps: Sequence[StepText], lines_of: Callable[[StepText], Sequence[str]], indent: int) -> list[str]:
    """The steps as nested `if`s in their order; neighbours with the same first test share it."""
    return _nested([(step.tests, step) for step in steps], lines_of, " " * indent)


def _nested(
    steps: Sequence[tuple[tuple[str, ...], StepText]], lines_of: Callable[[StepText], Sequence[str]], indent: str
) -> list[str]:
    lines: list[str] = []
    for first, group in groupby(steps, key=lambda one: one[0][:1]):
        inner = list(group)
        if first:
            lines.append(f"{indent}if {first[0]}:")
            lines += _nested([(tests[1:], step) for tests, step in inner], lines_of, f"{indent}    ")
        else:
            lines += [f"{indent}{line}" for _, step in inner for line in lines_of(step)]
    return lines


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

"""The checker's intermediate representation: guarded commands over bounded integers.

A state gives a value to each variable, array and log, and to two budgets: `faults` (how many may still happen) and
`workload` (how many requests may still enter). The budgets never occur in expressions: a fault action spends one
fault, an action with a cost spends that much workload. That is what lets slices leave the budgets out of their closure.

Names here are short identifiers chosen by the mechanisms (`seen_0`, `pc_1`); the user's words stand only in `actor`,
`source`, `target` and `text` of an action and never reach generated code.
"""

import ast
import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from typing import Literal

from data_integration_architect.modelcheck.expressions import (
    Interval,
    ModelError,
    Update,
    names,
    parse_updates,
    sort_of,
    tree,
)

ActionKind = Literal["progress", "optional", "fault"]
PropertyKind = Literal["invariant", "at_rest"]

_IDENTIFIER = re.compile(r"[a-z][a-z0-9_]*")
RESERVED = frozenset({"faults", "workload", "len", "s", "t", "and", "or", "not", "if", "else"})


@dataclass(frozen=True, slots=True)
class Var:
    """An integer in `low..high`."""

    name: str
    high: int
    initial: int = 0
    low: int = 0


@dataclass(frozen=True, slots=True)
class Array:
    """`size` integers in `0..high`, for computed indices; they start as `initial`, the last one as `last` if given."""

    name: str
    size: int
    high: int
    initial: int = 0
    last: int | None = None

    @property
    def initials(self) -> tuple[int, ...]:
        """The first value of each cell."""
        last = self.initial if self.last is None else self.last
        return (*(self.initial,) * (self.size - 1), last)


@dataclass(frozen=True, slots=True)
class Log:
    """An append-only sequence of at most `capacity` integers in `0..high`; reading past its end gives 0.

    An append to a full log is an error, never a disabled action: a bound that blocks would hide violations.
    """

    name: str
    capacity: int
    high: int


Declaration = Var | Array | Log


@dataclass(frozen=True, slots=True)
class Action:
    """One durable or visible effect. `updates` are simultaneous: every right-hand side reads the state before.

    `kind`: progress is taken eventually if it stays enabled; optional and fault may never happen; a fault spends one
    of the run's faults. `cost` is workload spent (requests that enter). `atomic` says why the step is one in reality.
    """

    name: str
    actor: str
    guard: str
    updates: str
    kind: ActionKind = "progress"
    cost: int = 0
    source: str = ""
    target: str = ""
    text: str = ""
    atomic: str = ""

    @property
    def assignments(self) -> tuple[Update, ...]:
        """The parsed updates."""
        return parse_updates(self.updates)

    @property
    def writes(self) -> frozenset[str]:
        """Names that the action assigns or appends to."""
        return frozenset(update.target for update in self.assignments)

    @property
    def reads(self) -> frozenset[str]:
        """Names that the guard, an index or a right-hand side reads; an element assignment also reads its array."""
        found = names(self.guard)
        for update in self.assignments:
            found |= names(update.value)
            if update.index is not None:
                found |= names(update.index)
        return found


@dataclass(frozen=True, slots=True)
class Property:
    """What must hold in every reachable state (invariant), or in every state without enabled progress (at rest).

    `parts` are checked one by one, each on its own slice: a conjunction holds if and only if each part does.
    """

    name: str
    kind: PropertyKind
    parts: tuple[str, ...]


@dataclass(frozen=True)
class Model:
    """Declarations, actions and properties. Raises: ModelError, where an action breaks the declarations."""

    declarations: tuple[Declaration, ...]
    actions: tuple[Action, ...]
    properties: tuple[Property, ...] = ()
    faults: int = 0
    workload: int = 0
    labels: dict[str, str] = field(default_factory=dict, compare=False)

    def __post_init__(self) -> None:
        _check_declarations(self.declarations)
        declared = self.by_name
        seen: set[str] = set()
        for action in self.actions:
            if action.name in seen or not _IDENTIFIER.fullmatch(action.name):
                raise ModelError(f"action name {action.name!r} is used twice or is no identifier")
            seen.add(action.name)
            _check_action(action, declared)
        for prop in self.properties:
            for part in prop.parts:
                if sort_of(part) != "bool":
                    raise ModelError(f"property {prop.name}: {part!r} is no condition")
                _check_expression(part, declared, f"property {prop.name}")

    @cached_property
    def by_name(self) -> dict[str, Declaration]:
        """Declarations by name."""
        return {declaration.name: declaration for declaration in self.declarations}

    @cached_property
    def ranges(self) -> dict[str, Interval]:
        """Declared range of each name, and of `len(log)`."""
        found: dict[str, Interval] = {}
        for declaration in self.declarations:
            match declaration:
                case Var(name=name, low=low, high=high):
                    found[name] = (low, high)
                case Array(name=name, high=high):
                    found[name] = (0, high)
                case Log(name=name, capacity=capacity, high=high):
                    found[name] = (0, high)
                    found[f"len({name})"] = (0, capacity)
        return found

    def property(self, name: str) -> Property:
        """The property of that name. Raises: KeyError."""
        return {prop.name: prop for prop in self.properties}[name]

    def restricted(self, keep: frozenset[str], actions: Iterable[Action], properties: Iterable[Property]) -> "Model":
        """The model with only these declarations, actions and properties."""
        kept = tuple(declaration for declaration in self.declarations if declaration.name in keep)
        return replace(self, declarations=kept, actions=tuple(actions), properties=tuple(properties))


def _check_declarations(declarations: Iterable[Declaration]) -> None:
    seen: set[str] = set()
    for declaration in declarations:
        name = declaration.name
        if not _IDENTIFIER.fullmatch(name) or name in RESERVED or name in seen:
            raise ModelError(f"{name!r} is no free identifier")
        seen.add(name)
        low = declaration.low if isinstance(declaration, Var) else 0
        first = declaration.initials if isinstance(declaration, Array) else ()
        if isinstance(declaration, Var):
            first = (declaration.initial,)
        if not all(low <= value <= declaration.high for value in first):
            raise ModelError(f"{name}: {first} is outside {low}..{declaration.high}")


def _check_action(action: Action, declared: dict[str, Declaration]) -> None:
    where = f"action {action.name}"
    if sort_of(action.guard) != "bool":
        raise ModelError(f"{where}: guard {action.guard!r} is no condition")
    _check_expression(action.guard, declared, where)
    appended: set[str] = set()
    for update in action.assignments:
        target = declared.get(update.target)
        match target:
            case Var() if update.index is None and not update.is_append:
                pass
            case Array() if update.index is not None:
                _check_expression(update.index, declared, where)
            case Log() if update.is_append and update.target not in appended:
                appended.add(update.target)
            case _:
                raise ModelError(f"{where}: {update.target!r} cannot be assigned this way")
        _check_expression(update.value, declared, where)
    arrays = [update.target for update in action.assignments if update.index is not None]
    if len(arrays) != len(set(arrays)):
        raise ModelError(f"{where}: two cells of one array in one step may be the same cell")
    if action.cost < 0:
        raise ModelError(f"{where}: a cost is not negative")


_DECLARED_AS: dict[str, tuple[type[Declaration], ...]] = {"name": (Var,), "item": (Array, Log), "len": (Log,)}


def _check_expression(text: str, declared: dict[str, Declaration], where: str) -> None:
    for name, use in _uses(text):
        declaration = declared.get(name)
        if not isinstance(declaration, _DECLARED_AS[use]):
            raise ModelError(f"{where}: {name!r} in {text!r} is not declared for this use")


@lru_cache(1 << 14)
def _uses(text: str) -> tuple[tuple[str, str], ...]:
    """Each name of an expression with its use: `name`, `item` (subscript) or `len`."""
    found: list[tuple[str, str]] = []
    inside: set[int] = set()
    for node in ast.walk(tree(text)):
        match node:
            case ast.Subscript(value=ast.Name(id=name)):
                inside.add(id(node.value))
                found.append((name, "item"))
            case ast.Call(func=ast.Name() as function, args=[ast.Name(id=name) as argument]):
                inside.update((id(function), id(argument)))
                found.append((name, "len"))
    for node in ast.walk(tree(text)):
        if isinstance(node, ast.Name) and id(node) not in inside:
            found.append((node.id, "name"))
    return tuple(found)

"""Expressions and updates of a model: a small, typed subset of Python, parsed once and analysed by interval.

A guard, a property and the right-hand side of an update are texts such as `o < len(log) and log[o] // 4 == k`.
Allowed: names, integer constants, subscripts of arrays and logs, `len(log)`, `+ - * // % << >> &` (the last five
with a constant on the right; `&` with 2^k - 1 only, so that it prints as a remainder in TLA+), comparisons,
`and or not`, and `a if c else b`. Truth values and integers do not mix: TLA+ would refuse what Python accepts.
"""

import ast
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

Interval = tuple[int, int]
_CACHE = 1 << 14


class ModelError(Exception):
    """A model breaks its own declarations: the fault lies in the mechanism that wrote it, never in a topology."""


class NotModelledError(Exception):
    """A topology has a shape that no mechanism can express; the verdict is `unknown`, with this as the reason."""


@dataclass(frozen=True, slots=True)
class Update:
    """One assignment of an action: `target = value`, `target[index] = value`, or `target.append(value)`."""

    target: str
    index: str | None
    value: str
    is_append: bool = False


@lru_cache(_CACHE)
def tree(text: str) -> ast.expr:
    """The syntax tree of an expression. Raises: ModelError, where it leaves the allowed subset."""
    try:
        parsed = ast.parse(text, mode="eval").body
    except SyntaxError as error:
        raise ModelError(f"not an expression: {text!r} ({error.msg})") from None
    _sort(parsed, text)
    return parsed


@lru_cache(_CACHE)
def parse_updates(text: str) -> tuple[Update, ...]:
    """The assignments in `x = x + 1; log.append(3)`; `x += 1` is short for `x = x + 1`.

    They are simultaneous: every right-hand side reads the state before the action.
    Raises: ModelError, where a target is assigned twice or a statement has another form.
    """
    try:
        statements = ast.parse(text).body
    except SyntaxError as error:
        raise ModelError(f"not a list of updates: {text!r} ({error.msg})") from None
    found = tuple(_update(statement, text) for statement in statements)
    if len({(update.target, update.index) for update in found}) != len(found):
        raise ModelError(f"one target twice in {text!r}: updates are simultaneous")
    for update in found:
        if sort_of(update.value) != "int":
            raise ModelError(f"{update.value!r} in {text!r} is no integer; write `1 if .. else 0`")
    return found


def _update(statement: ast.stmt, text: str) -> Update:
    match statement:
        case ast.Assign(targets=[ast.Name(id=name)], value=value):
            return Update(name, None, ast.unparse(value))
        case ast.Assign(targets=[ast.Subscript(value=ast.Name(id=name), slice=index)], value=value):
            return Update(name, ast.unparse(index), ast.unparse(value))
        case ast.AugAssign(target=ast.Name(id=name), op=op, value=value):
            return Update(name, None, ast.unparse(ast.BinOp(ast.Name(name), op, value)))
        case ast.Expr(ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr="append"), args=[value], keywords=[])):
            return Update(name, None, ast.unparse(value), is_append=True)
        case _:
            raise ModelError(f"not an update: {ast.unparse(statement)!r} in {text!r}")


Sort = Literal["int", "bool"]


@lru_cache(_CACHE)
def sort_of(text: str) -> Sort:
    """Whether an expression is an integer or a truth value."""
    return _sort(tree(text), text)


def _sort(node: ast.expr, text: str) -> Sort:
    def need(child: ast.expr, sort: Sort) -> None:
        if _sort(child, text) != sort:
            raise ModelError(f"{ast.unparse(child)!r} in {text!r} must be of sort {sort}")

    match node:
        case ast.Constant(value=bool()):
            return "bool"
        case ast.Constant(value=int()) | ast.Name():
            return "int"
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int())):
            return "int"
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            need(operand, "bool")
            return "bool"
        case ast.Subscript(value=ast.Name(), slice=index):
            need(index, "int")
            return "int"
        case ast.Call(func=ast.Name(id="len"), args=[ast.Name()], keywords=[]):
            return "int"
        case ast.BinOp(left=left, op=op, right=right):
            need(left, "int")
            need(right, "int")
            _check_operator(op, right, text)
            return "int"
        case ast.BoolOp(values=values):
            for value in values:
                need(value, "bool")
            return "bool"
        case ast.Compare(left=left, ops=[ast.Eq() | ast.NotEq() | ast.Lt() | ast.LtE() | ast.Gt() | ast.GtE()]):
            need(left, "int")
            need(node.comparators[0], "int")
            return "bool"
        case ast.IfExp(test=test, body=body, orelse=orelse):
            need(test, "bool")
            sort = _sort(body, text)
            need(orelse, sort)
            return sort
        case _:
            raise ModelError(f"{ast.unparse(node)!r} in {text!r} is outside the expression language")


def _check_operator(op: ast.operator, right: ast.expr, text: str) -> None:
    if isinstance(op, ast.Add | ast.Sub | ast.Mult):
        return
    constant = right.value if isinstance(right, ast.Constant) else None
    if not isinstance(constant, int):
        raise ModelError(f"{text!r}: only a constant may stand right of this operator")
    match op:
        case ast.FloorDiv() | ast.Mod() if constant > 0:
            return
        case ast.LShift() | ast.RShift():
            return
        case ast.BitAnd() if constant & (constant + 1) == 0:
            return
    raise ModelError(f"{text!r}: operator or constant outside the expression language")


@lru_cache(_CACHE)
def names(text: str) -> frozenset[str]:
    """The variables, arrays and logs that an expression reads."""
    return frozenset(node.id for node in ast.walk(tree(text)) if isinstance(node, ast.Name) and node.id != "len")


@lru_cache(_CACHE)
def conjuncts(text: str) -> tuple[str, ...]:
    """The parts of a top-level `and`; the whole text where there is none."""
    node = tree(text)
    if isinstance(node, ast.BoolOp) and isinstance(node.op, ast.And):
        return tuple(part for value in node.values for part in conjuncts(ast.unparse(value)))
    return (text,)


class Ranges:
    """What is known of the values in a state: the declared range of each term, narrowed by conditions that hold.

    A term is a name, `len(log)`, or a subscript, keyed by its text; the cells of an array share one declared range.
    """

    def __init__(self, declared: Mapping[str, Interval], narrowed: Mapping[str, Interval] | None = None) -> None:
        self._declared = declared
        self._narrowed = dict(narrowed or {})

    def of(self, node: ast.expr) -> Interval:
        """An interval that contains every value of an integer expression."""
        match node:
            case ast.Name(id=name) if name in self._narrowed:
                return self._narrowed[name]
            case ast.Subscript() | ast.Call() if self._narrowed and (key := ast.unparse(node)) in self._narrowed:
                return self._narrowed[key]
            case ast.Constant(value=int(value)):
                return value, value
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                low, high = self.of(operand)
                return -high, -low
            case ast.Name(id=name) | ast.Subscript(value=ast.Name(id=name)):
                return self._declared[name]
            case ast.Call(args=[ast.Name(id=name)]):
                return self._declared[f"len({name})"]
            case ast.IfExp(test=test, body=body, orelse=orelse):
                first = self.given(test, True).of(body)
                second = self.given(test, False).of(orelse)
                return min(first[0], second[0]), max(first[1], second[1])
            case ast.BinOp(left=left, op=op, right=right):
                return _combine(op, self.of(left), self.of(right))
        raise ModelError(f"no range for {ast.unparse(node)!r}")

    def given(self, condition: ast.expr, truth: bool) -> "Ranges":
        """The ranges in those states in which the condition has this truth value."""
        match condition:
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                return self.given(operand, not truth)
            case ast.BoolOp(op=op, values=values) if isinstance(op, ast.And) == truth:
                result = self
                for value in values:
                    result = result.given(value, truth)
                return result
            case ast.Compare(left=left, ops=[op], comparators=[right]):
                kind = type(op) if truth else _NEGATED[type(op)]
                return self._compare(left, kind, right)._compare(right, _MIRRORED[kind], left)
        return self

    def _compare(self, term: ast.expr, op: type[ast.cmpop], other: ast.expr) -> "Ranges":
        if not isinstance(term, ast.Name | ast.Subscript | ast.Call):
            return self
        low, high = self.of(term)
        other_low, other_high = self.of(other)
        if op in (ast.Eq, ast.Lt, ast.LtE):
            high = min(high, other_high - (op is ast.Lt))
        if op in (ast.Eq, ast.Gt, ast.GtE):
            low = max(low, other_low + (op is ast.Gt))
        if op is ast.NotEq and other_low == other_high:
            low += low == other_low
            high -= high == other_low
        return Ranges(self._declared, {**self._narrowed, ast.unparse(term): (low, high)})


_NEGATED: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.Lt: ast.GtE, ast.GtE: ast.Lt, ast.Gt: ast.LtE, ast.LtE: ast.Gt,
}  # fmt: skip
_MIRRORED: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Eq: ast.Eq, ast.NotEq: ast.NotEq, ast.Lt: ast.Gt, ast.GtE: ast.LtE, ast.Gt: ast.Lt, ast.LtE: ast.GtE,
}  # fmt: skip


def _combine(op: ast.operator, left: Interval, right: Interval) -> Interval:
    constant = right[0]
    match op:
        case ast.Add():
            return left[0] + right[0], left[1] + right[1]
        case ast.Sub():
            return left[0] - right[1], left[1] - right[0]
        case ast.Mult():
            products = [x * y for x in left for y in right]
            return min(products), max(products)
        case ast.FloorDiv():
            return left[0] // constant, left[1] // constant
        case ast.LShift():
            return left[0] << constant, left[1] << constant
        case ast.RShift():
            return left[0] >> constant, left[1] >> constant
        case ast.Mod():
            return left if left[0] >= 0 and left[1] < constant else (0, constant - 1)
        case _:
            return left if left[0] >= 0 and left[1] <= constant else (0, constant)

"""What both exports share: index names for everything, and the side table back to the names of the model."""

import ast
from collections.abc import Mapping
from dataclasses import dataclass

from data_integration_architect.modelcheck.expressions import ModelError
from data_integration_architect.modelcheck.ir import Action, Array, Log, Model


@dataclass(frozen=True, slots=True)
class Export:
    """Text of one specification, and index name -> name in the model or the action's own words."""

    text: str
    names: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Names:
    """Index names of the declarations of one model; `length` has those of the lengths of logs."""

    cells: Mapping[str, str]
    length: Mapping[str, str]

    def table(self, model: Model) -> dict[str, str]:
        """Index name -> name in the model, and action number -> what the action says."""
        found = {index: name for name, index in self.cells.items()}
        found |= {index: f"len({name})" for name, index in self.length.items()}
        return found | {f"a{number}": _words(action) for number, action in enumerate(model.actions)}


def _words(action: Action) -> str:
    return " ".join(part for part in (action.actor, action.text or action.name) if part)


def index_names(model: Model) -> Names:
    """Names without any word of the user: `v0` for a variable, `c1` for cells, `n1` for the length of a log."""
    cells: dict[str, str] = {}
    length: dict[str, str] = {}
    for number, declaration in enumerate(model.declarations):
        is_cells = isinstance(declaration, Array | Log)
        cells[declaration.name] = f"{'c' if is_cells else 'v'}{number}"
        if isinstance(declaration, Log):
            length[declaration.name] = f"n{number}"
    return Names(cells, length)


class Printer:
    """Prints an expression with the operators of another language."""

    def __init__(self, names: Names, operators: Mapping[type[ast.AST], str], conditional: str) -> None:
        self._names = names
        self._operators = operators
        self._conditional = conditional
        self._truth = {True: f"(0 {operators[ast.Eq]} 0)", False: f"(0 {operators[ast.Eq]} 1)"}

    def text(self, node: ast.expr) -> str:
        """The expression, fully bracketed. Raises: ModelError, where an operator has no counterpart."""
        match node:
            case ast.Constant(value=bool(value)):
                return self._truth[value]
            case ast.Constant(value=value):
                return repr(value)
            case ast.Name(id=name):
                return self._names.cells[name]
            case ast.Call(args=[ast.Name(id=name)]):
                return self._names.length[name]
            case ast.Subscript(value=ast.Name(id=name), slice=index):
                return f"{self._names.cells[name]}[{self.text(index)}]"
            case ast.UnaryOp(op=op, operand=operand):
                return f"({self._symbol(op)}{self.text(operand)})"
            case ast.BoolOp(op=op, values=values):
                return f"({f' {self._symbol(op)} '.join(self.text(value) for value in values)})"
            case ast.IfExp(test=test, body=body, orelse=orelse):
                return self._conditional.format(self.text(test), self.text(body), self.text(orelse))
            case ast.Compare(left=left, ops=[op], comparators=[right]):
                return f"({self.text(left)} {self._symbol(op)} {self.text(right)})"
            case ast.BinOp(left=left, op=ast.LShift(), right=ast.Constant(value=int(bits))):
                return f"({self.text(left)} * {1 << bits})"
            case ast.BinOp(left=left, op=ast.RShift(), right=ast.Constant(value=int(bits))):
                return f"({self.text(left)} {self._operators[ast.FloorDiv]} {1 << bits})"
            case ast.BinOp(left=left, op=ast.BitAnd(), right=ast.Constant(value=int(mask))):
                # the language admits masks 2^k - 1 only, so the conjunction of bits is a remainder
                return f"({self.text(left)} % {mask + 1})"
            case ast.BinOp(left=left, op=op, right=right):
                return f"({self.text(left)} {self._symbol(op)} {self.text(right)})"
        raise ModelError(f"{ast.unparse(node)!r} cannot be exported")

    def _symbol(self, op: ast.AST) -> str:
        return self._operators[type(op)]

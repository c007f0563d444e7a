"""How a state is packed into one integer, and how an expression reads that integer.

A packed state costs a third of the memory of a tuple and most guards become one mask and one comparison. Neighbouring
fields would be corrupted silently by a value out of range, so every update that the declared ranges and the guard do
not prove to stay inside gets a check, and an index that is not proven to exist is refused when the code is generated.
"""

import ast
from dataclasses import dataclass

from data_integration_architect.modelcheck.expressions import ModelError, Ranges
from data_integration_architect.modelcheck.interpret import State, Value
from data_integration_architect.modelcheck.ir import Array, Log, Model, Var


@dataclass(frozen=True, slots=True)
class Field:
    """One packed integer `value - low` of `width` bits at `offset`."""

    offset: int
    width: int
    low: int = 0

    @property
    def mask(self) -> int:
        """The bits of the field, in place."""
        return ((1 << self.width) - 1) << self.offset

    def get(self, packed: int) -> int:
        """The value in a packed state."""
        return ((packed & self.mask) >> self.offset) + self.low


@dataclass(frozen=True, slots=True)
class Cells:
    """`count` integers of `width` bits each, the first at `offset`; `length` is set for logs."""

    offset: int
    width: int
    count: int
    length: Field | None = None

    def cell(self, index: int) -> Field:
        """The field of one cell."""
        return Field(self.offset + self.width * index, self.width)


class Layout:
    """Places of all declarations of a model and of both budgets."""

    def __init__(self, model: Model) -> None:
        self.model = model
        self._next = 0
        self.faults = self._field(model.faults)
        self.workload = self._field(model.workload)
        self.places: dict[str, Field | Cells] = {}
        for declaration in model.declarations:
            match declaration:
                case Var(name=name, low=low, high=high):
                    self.places[name] = self._field(high - low, low)
                case Array(name=name, size=count, high=high):
                    self.places[name] = self._cells(count, high, None)
                case Log(name=name, capacity=count, high=high):
                    length = self._field(count)
                    self.places[name] = self._cells(count, high, length)
        self.bits = self._next

    def _field(self, high: int, low: int = 0) -> Field:
        width = high.bit_length()
        self._next += width
        return Field(self._next - width, width, low)

    def _cells(self, count: int, high: int, length: Field | None) -> Cells:
        width = high.bit_length()
        self._next += width * count
        return Cells(self._next - width * count, width, count, length)

    def pack(self, state: State) -> int:
        """The integer of a state."""
        packed = state.faults << self.faults.offset | state.workload << self.workload.offset
        for declaration, value in zip(self.model.declarations, state.values, strict=True):
            match self.places[declaration.name], value:
                case Field(offset=offset, low=low), int():
                    packed |= (value - low) << offset
                case Cells() as cells, tuple():
                    for index, item in enumerate(value):
                        packed |= item << cells.cell(index).offset
                    if cells.length is not None:
                        packed |= len(value) << cells.length.offset
        return packed

    def unpack(self, packed: int) -> State:
        """The state of an integer."""
        values = tuple(self._value(place, packed) for place in self.places.values())
        return State(values, self.faults.get(packed), self.workload.get(packed))

    def _value(self, place: Field | Cells, packed: int) -> Value:
        if isinstance(place, Field):
            return place.get(packed)
        count = place.count if place.length is None else place.length.get(packed)
        return tuple(place.cell(index).get(packed) for index in range(count))


_SYMBOLS: dict[type[ast.AST], str] = {
    ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.FloorDiv: "//", ast.Mod: "%", ast.LShift: "<<", ast.RShift: ">>",
    ast.BitAnd: "&", ast.Eq: "==", ast.NotEq: "!=", ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=",
}  # fmt: skip


class PackedPrinter:
    """Prints expressions as Python over the packed state `s`; `bound` fields stand in local variables."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self.bound: dict[Field, str] = {}

    def text(self, node: ast.expr, ranges: Ranges) -> str:
        """Python text of an expression. Raises: ModelError, where an index is not proven to exist."""
        match node:
            case ast.Constant(value=constant):
                return repr(constant)
            case ast.Name(id=name):
                return self.read(self._field(name))
            case ast.Call(args=[ast.Name(id=name)]):
                return self.read(self.length(name))
            case ast.Subscript(value=ast.Name(id=name), slice=index):
                cells = self.cells(name)
                if isinstance(index, ast.Constant) and isinstance(index.value, int):
                    self.check_index(name, index, ranges)
                    return self.read(cells.cell(index.value))
                return f"(s >> {self.shift(name, index, ranges)} & {(1 << cells.width) - 1})"
            case ast.UnaryOp(op=op, operand=operand):
                return f"({'not ' if isinstance(op, ast.Not) else '-'}{self.text(operand, ranges)})"
            case ast.BoolOp(op=op, values=values):
                parts = []
                for value in values:
                    parts.append(self.text(value, ranges))
                    ranges = ranges.given(value, isinstance(op, ast.And))
                return f"({(' and ' if isinstance(op, ast.And) else ' or ').join(parts)})"
            case ast.IfExp(test=test, body=body, orelse=orelse):
                first = self.text(body, ranges.given(test, True))
                second = self.text(orelse, ranges.given(test, False))
                return f"({first} if {self.text(test, ranges)} else {second})"
            case ast.Compare(left=left, ops=[op], comparators=[right]):
                return f"({self.text(left, ranges)} {_SYMBOLS[type(op)]} {self.text(right, ranges)})"
            case ast.BinOp(left=left, op=op, right=right):
                return f"({self.text(left, ranges)} {_SYMBOLS[type(op)]} {self.text(right, ranges)})"
        raise ModelError(f"{ast.unparse(node)!r} is outside the expression language")

    def read(self, field: Field) -> str:
        """Python text that reads one field."""
        return self.bound.get(field) or self.unbound(field)

    def unbound(self, field: Field) -> str:
        """Python text that reads one field from the packed state."""
        if field.width == 0:
            return str(field.low)
        bits = (1 << field.width) - 1
        text = f"s >> {field.offset} & {bits}" if field.offset else f"s & {bits}"
        return f"(({text}) + {field.low})" if field.low else f"({text})"

    def shift(self, name: str, index: ast.expr, ranges: Ranges) -> str:
        """Python text of the bit offset of a cell whose index is computed."""
        self.check_index(name, index, ranges)
        cells = self.cells(name)
        return f"({cells.offset} + {cells.width} * {self.text(index, ranges)})"

    def check_index(self, name: str, index: ast.expr, ranges: Ranges) -> None:
        """Raises: ModelError, unless the ranges prove that the cell exists."""
        low, high = ranges.of(index)
        if low < 0 or high >= self.cells(name).count:
            raise ModelError(f"{name}[{ast.unparse(index)}]: index in {low}..{high} is not proven to exist")

    def _field(self, name: str) -> Field:
        place = self._layout.places[name]
        assert isinstance(place, Field)  # noqa: S101 - the model has checked that names are variables
        return place

    def cells(self, name: str) -> Cells:
        """Place of an array or log."""
        place = self._layout.places[name]
        assert isinstance(place, Cells)  # noqa: S101 - the model has checked that this is no variable
        return place

    def length(self, name: str) -> Field:
        """Place of the length of a log."""
        length = self.cells(name).length
        assert length is not None  # noqa: S101 - the model has checked that this is a log
        return length

"""A model as Promela, for Spin: one process, one `d_step` per action, the property as one more option.

The transition system is the same as that of our search, so the numbers of states are equal; run `pan` with
partial-order reduction off (`-DNOREDUCE`) to compare them. Where simultaneous updates read what others of them
assign, the values pass through helper variables that are zero again at the end of the step.
"""

import ast

from data_integration_architect.modelcheck.export.names import Export, Printer, index_names
from data_integration_architect.modelcheck.expressions import ModelError, Ranges, Update, names, tree
from data_integration_architect.modelcheck.ir import Action, Array, Log, Model, Property, Var
from data_integration_architect.modelcheck.slices import without_write_only

_OPERATORS: dict[type[ast.AST], str] = {
    ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.FloorDiv: "/", ast.Mod: "%", ast.And: "&&", ast.Or: "||",
    ast.Not: "!", ast.USub: "-", ast.Eq: "==", ast.NotEq: "!=", ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=",
}  # fmt: skip


def to_promela(model: Model, prop: Property) -> Export:
    """Promela text that violates an assertion if and only if the property is violated within the model's bounds.

    Raises: ModelError, where a dividend may be negative: C truncates towards zero, our language rounds down.
    """
    model = without_write_only(model.restricted(frozenset(model.by_name), model.actions, [prop]))
    indices = index_names(model)
    printer = Printer(indices, _OPERATORS, "({} -> {} : {})")
    _refuse_negative_dividends(model)
    lines = [f"byte faults = {model.faults};", f"byte workload = {model.workload};"]
    for declaration in model.declarations:
        index = indices.cells[declaration.name]
        match declaration:
            case Var(low=low, high=high, initial=initial):
                lines.append(f"{_type(low, high)} {index} = {initial};")
            case Array(size=size, high=high, initials=initials):
                values = ", ".join(map(str, initials))
                lines.append(f"{_type(0, high)} {index}[{size}] = {{{values}}};")
            case Log(capacity=capacity, high=high):
                lines.append(f"{_type(0, high)} {index}[{capacity}];")
                lines.append(f"{_type(0, capacity)} {indices.length[declaration.name]};")
    most = max((len(_helped(action)) for action in model.actions), default=0)
    lines += [f"int t{number}; int i{number};" for number in range(most)]
    busy = [_guard(action, printer) for action in model.actions if action.kind == "progress"]
    lines.append(f"#define BUSY ({' || '.join(busy) or '0'})")
    condition = " && ".join(printer.text(tree(part)) for part in prop.parts)
    resting = "!BUSY && " if prop.kind == "at_rest" else ""
    lines += ["active proctype p() {", "end:", "  do"]
    for number, action in enumerate(model.actions):
        steps = "; ".join(_assignments(action, printer, model)) or "skip"
        lines.append(f"  :: d_step {{ {_guard(action, printer)} -> {steps} }} /* a{number} */")
    lines += [f"  :: d_step {{ {resting}!({condition}) -> assert(0) }}", "  od", "}", ""]
    return Export("\n".join(lines), indices.table(model))


def _type(low: int, high: int) -> str:
    if low < 0 or high > 32767:
        return "int" if high > 32767 or low < -32768 else "short"
    return "bit" if high <= 1 else "byte" if high <= 255 else "short"


def _guard(action: Action, printer: Printer) -> str:
    budgets = ["faults > 0"] if action.kind == "fault" else []
    if action.cost:
        budgets.append(f"workload >= {action.cost}")
    return f"({' && '.join([*budgets, printer.text(tree(action.guard))])})"


def _helped(action: Action) -> list[Update]:
    """Updates whose value or index reads what another update of the action assigns."""
    found = []
    for update in action.assignments:
        read = names(update.value) | names(update.index or "0")
        if any(other.target in read for other in action.assignments if other != update):
            found.append(update)
    return found


def _assignments(action: Action, printer: Printer, model: Model) -> list[str]:
    helped = _helped(action)
    reads: list[str] = []
    writes: list[str] = []
    resets: list[str] = []
    for update in action.assignments:
        value = printer.text(tree(update.value))
        index = printer.text(tree(update.index or "0"))
        if update in helped:
            number = helped.index(update)
            reads += [f"t{number} = {value}", f"i{number} = {index}"]
            resets += [f"t{number} = 0", f"i{number} = 0"]
            value, index = f"t{number}", f"i{number}"
        name = printer.text(ast.Name(update.target))
        if isinstance(model.by_name[update.target], Log):
            length = printer.text(ast.Call(ast.Name("len"), [ast.Name(update.target)], []))
            writes += [f"{name}[{length}] = {value}", f"{length} = {length} + 1"]
        else:
            writes.append(f"{name}{f'[{index}]' if update.index is not None else ''} = {value}")
    if action.kind == "fault":
        writes.append("faults = faults - 1")
    if action.cost:
        writes.append(f"workload = workload - {action.cost}")
    return reads + writes + resets


def _refuse_negative_dividends(model: Model) -> None:
    ranges = Ranges(model.ranges)
    texts = [part for prop in model.properties for part in prop.parts]
    for action in model.actions:
        texts += [action.guard, *(update.value for update in action.assignments)]
    for text in texts:
        for node in ast.walk(tree(text)):
            if isinstance(node, ast.BinOp) and isinstance(node.op, ast.FloorDiv | ast.Mod | ast.RShift | ast.BitAnd):
                low, _ = ranges.of(node.left)
                if low < 0:
                    raise ModelError(f"{text!r}: the dividend may be negative, which Promela rounds differently")

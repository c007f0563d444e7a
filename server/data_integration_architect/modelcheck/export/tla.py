"""A model as TLA+, for TLC: one action per disjunct of Next, `Safe` as the invariant to check.

Run TLC with `-deadlock`, because a state at rest has no successor. Logs are functions with a length beside them,
zero past the end, as in our own semantics; bit operations print as division and remainder, which Integers has.
"""

import ast

from data_integration_architect.modelcheck.export.names import Export, Printer, index_names
from data_integration_architect.modelcheck.expressions import tree
from data_integration_architect.modelcheck.ir import Action, Array, Log, Model, Property, Var
from data_integration_architect.modelcheck.slices import without_write_only

_OPERATORS: dict[type[ast.AST], str] = {
    ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.FloorDiv: "\\div", ast.Mod: "%", ast.And: "/\\", ast.Or: "\\/",
    ast.Not: "~", ast.USub: "-", ast.Eq: "=", ast.NotEq: "#", ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=",
}  # fmt: skip


def to_tla(model: Model, prop: Property, module: str = "Model") -> Export:
    """TLA+ text of one module; `tla_configuration` is the file that goes with it."""
    model = without_write_only(model.restricted(frozenset(model.by_name), model.actions, [prop]))
    names = index_names(model)
    printer = Printer(names, _OPERATORS, "(IF {} THEN {} ELSE {})")
    initial = {"faults": str(model.faults), "workload": str(model.workload)}
    for declaration in model.declarations:
        index = names.cells[declaration.name]
        match declaration:
            case Var(initial=value):
                initial[index] = str(value)
            case Array(size=size, initial=value, initials=initials):
                last = f"IF i = {size - 1} THEN {initials[-1]} ELSE {value}"
                initial[index] = f"[i \\in 0..{size - 1} |-> {last}]"
            case Log(capacity=capacity):
                initial[index] = f"[i \\in 0..{capacity - 1} |-> 0]"
                initial[names.length[declaration.name]] = "0"
    variables = list(initial)
    lines = [f"---- MODULE {module} ----", "EXTENDS Integers", f"VARIABLES {', '.join(variables)}"]
    lines.append(f"vars == <<{', '.join(variables)}>>")
    lines.append("Init ==")
    lines += [f"  /\\ {name} = {value}" for name, value in initial.items()]
    for number, action in enumerate(model.actions):
        lines.append(f"g{number} == {_guard(action, printer)}")
        lines.append(f"a{number} ==")
        lines += [f"  /\\ {part}" for part in [f"g{number}", *_next_values(action, printer, variables, model)]]
    lines.append("Next == " + (" \\/ ".join(f"a{number}" for number in range(len(model.actions))) or "FALSE"))
    busy = [f"g{number}" for number, action in enumerate(model.actions) if action.kind == "progress"]
    lines.append("Busy == " + (" \\/ ".join(busy) or "FALSE"))
    condition = " /\\ ".join(printer.text(tree(part)) for part in prop.parts)
    lines.append(f"Holds == {condition}")
    lines.append("Safe == Busy \\/ Holds" if prop.kind == "at_rest" else "Safe == Holds")
    lines += ["Spec == Init /\\ [][Next]_vars", "====", ""]
    return Export("\n".join(lines), names.table(model))


def tla_configuration() -> str:
    """The configuration file for TLC."""
    return "SPECIFICATION Spec\nINVARIANT Safe\n"


def _guard(action: Action, printer: Printer) -> str:
    budgets = ["faults > 0"] if action.kind == "fault" else []
    if action.cost:
        budgets.append(f"workload >= {action.cost}")
    return " /\\ ".join([*budgets, printer.text(tree(action.guard))])


def _next_values(action: Action, printer: Printer, variables: list[str], model: Model) -> list[str]:
    changed: dict[str, str] = {}
    for update in action.assignments:
        name = printer.text(ast.Name(update.target))
        value = printer.text(tree(update.value))
        if isinstance(model.by_name[update.target], Log):
            length = printer.text(ast.Call(ast.Name("len"), [ast.Name(update.target)], []))
            changed[name] = f"[{name} EXCEPT ![{length}] = {value}]"
            changed[length] = f"{length} + 1"
        elif update.index is None:
            changed[name] = value
        else:
            changed[name] = f"[{name} EXCEPT ![{printer.text(tree(update.index))}] = {value}]"
    if action.kind == "fault":
        changed["faults"] = "faults - 1"
    if action.cost:
        changed["workload"] = f"workload - {action.cost}"
    unchanged = [name for name in variables if name not in changed]
    parts = [f"{name}' = {value}" for name, value in changed.items()]
    return parts + ([f"UNCHANGED <<{', '.join(unchanged)}>>"] if unchanged else [])

"""Reductions of a model to what one property part needs; each function states why the verdict stays the same."""

import ast
from dataclasses import replace
from functools import lru_cache

from data_integration_architect.modelcheck.expressions import Ranges, Update, conjuncts, names, tree
from data_integration_architect.modelcheck.ir import Action, Array, Declaration, Log, Model, Property, Var


def slice_for(model: Model, prop: Property, part: str) -> Model:
    """The backward slice for one part of a property.

    V is the least set that contains the part's names and, for every action that writes a member of V, the names in
    its guard and in the right-hand sides of those writes. Kept are V and the actions that write V, without their
    writes outside V (such variables are write-only for this part).

    Invariant: a deleted action changes nothing in V, and a kept one reads nothing outside V, so runs of the slice are
    the runs of the model with steps left out that do not change V, and the same values of V are reachable. A deleted
    action can only spend budget, so leaving it out disables nothing.
    At rest: a resting state of the model projects to a state of the slice in which no kept progress is enabled, once
    the workload spent by deleted actions is taken away; the search covers every smaller workload. Conversely a run to
    a resting state of the slice extends by deleted progress, which never enables kept actions, to a resting state of
    the model, provided that deleted progress terminates (`unranked_actions`, and the search's own cycle check).
    """
    slice_ = _slice(model, prop, part)
    signed = by_sign(slice_, part)
    return slice_ if signed is slice_ else _slice(signed, prop, part)


def _slice(model: Model, prop: Property, part: str) -> Model:
    wanted = set(names(part))
    kept: dict[str, Action] = {}
    is_growing = True
    while is_growing:
        size = len(wanted)
        for action in model.actions:
            writes = [update for update in action.assignments if update.target in wanted]
            if writes:
                kept[action.name] = _with_updates(action, writes)
                wanted |= kept[action.name].reads
        is_growing = len(wanted) > size
    actions = [kept[action.name] for action in model.actions if action.name in kept]
    return model.restricted(frozenset(wanted), actions, [replace(prop, parts=(part,))])


def by_sign(model: Model, part: str) -> Model:
    """The model with 1 for every positive value of the variables and arrays that are only compared with 0.

    A comparison with 0 has the same value for all positive ones, and nothing else reads them, so a state and its image
    enable the same actions, which lead to a state and its image, and have the same truth of the part: a bisimulation.
    What was read only to compute those values is then write-only, as the number of commits is where the question is
    whether a record exists. A variable that is given a value which may be 0 and may be positive keeps its values.
    """
    texts = [part, *(action.guard for action in model.actions)]
    texts += [text for action in model.actions for one in action.assignments for text in (one.value, one.index or "0")]
    ranges = Ranges(model.ranges)
    signed: dict[str, Declaration] = {}
    for declaration in model.declarations:
        name = declaration.name
        if isinstance(declaration, Log) or declaration.high <= 1 or (isinstance(declaration, Var) and declaration.low):
            continue
        given = [tree(one.value) for action in model.actions for one in action.assignments if one.target == name]
        values = [ranges.of(value) for value in given]
        if all(low > 0 or high == 0 for low, high in values) and not any(_reads_size(text, name) for text in texts):
            signed[name] = _as_sign(declaration)
    if not signed:
        return model

    def sign(update: Update) -> Update:
        low, _ = ranges.of(tree(update.value)) if update.target in signed else (0, 0)
        return replace(update, value="1") if low else update

    actions = []
    for action in model.actions:
        updates = [sign(update) for update in action.assignments]
        is_same = updates == list(action.assignments)
        actions.append(action if is_same else replace(action, updates="; ".join(_text(update) for update in updates)))
    declarations = tuple(signed.get(declaration.name, declaration) for declaration in model.declarations)
    return replace(model, declarations=declarations, actions=tuple(actions), properties=())


def _as_sign(declaration: Var | Array) -> Var | Array:
    first = min(1, declaration.initial)
    if isinstance(declaration, Var):
        return replace(declaration, high=1, initial=first)
    return replace(
        declaration, high=1, initial=first, last=None if declaration.last is None else min(1, declaration.last)
    )


@lru_cache(1 << 14)
def _reads_size(text: str, name: str) -> bool:
    """Whether an expression depends on more of a variable or array than whether it is 0."""
    if name not in names(text):
        return False
    nodes = list(ast.walk(tree(text)))
    uses = sum(isinstance(node, ast.Name) and node.id == name for node in nodes)
    for node in nodes:
        match node:
            case ast.Compare(
                left=ast.Name(id=read) | ast.Subscript(value=ast.Name(id=read)),
                ops=[ast.Gt() | ast.Eq() | ast.NotEq() | ast.LtE()],
                comparators=[ast.Constant(value=0)],
            ) if read == name:
                uses -= 1
    return uses > 0


def _with_updates(action: Action, updates: list[Update]) -> Action:
    if len(updates) == len(action.assignments):
        return action
    return replace(action, updates="; ".join(_text(update) for update in updates))


def _text(update: Update) -> str:
    if update.is_append:
        return f"{update.target}.append({update.value})"
    place = update.target if update.index is None else f"{update.target}[{update.index}]"
    return f"{place} = {update.value}"


def without_write_only(model: Model) -> Model:
    """The model without variables that no guard, no property and no update of a kept variable reads.

    Such a variable influences neither which actions are enabled nor whether a property holds, so the reachable
    valuations of all other variables, and with them the verdicts, are the same. Spin does the same unasked, so exports
    start from this form and state counts can be compared.
    """
    wanted: set[str] = set()
    for prop in model.properties:
        for part in prop.parts:
            wanted |= names(part)
    for action in model.actions:
        wanted |= names(action.guard)
    is_growing = True
    while is_growing:
        size = len(wanted)
        for action in model.actions:
            for update in action.assignments:
                if update.target in wanted:
                    wanted |= names(update.value) | names(update.index or "0")
        is_growing = len(wanted) > size
    actions = [_with_updates(action, [u for u in action.assignments if u.target in wanted]) for action in model.actions]
    return model.restricted(frozenset(wanted), actions, model.properties)


def unranked_actions(model: Model) -> tuple[str, ...]:
    """Progress actions that no lexicographic ranking proves to terminate; empty means that progress always ends.

    A variable ranks the remaining progress actions if none of them can lower it; those that strictly raise it can
    fire only as often as its range is wide, and are taken out of the set. The same holds with lower and raise
    exchanged, for the length of a log, and for the workload, which only falls. Repeating this until nothing changes
    builds a lexicographic ranking; if no action is left, no infinite run of progress exists, in this model or in any
    slice of it. Sufficient, not necessary: the search checks the explored graph where this leaves actions over.
    """
    remaining = [action for action in model.actions if action.kind == "progress" and action.cost == 0]
    is_shrinking = True
    while remaining and is_shrinking:
        ranked: set[str] = set()
        for declaration in model.declarations:
            changes = [(action.name, _changes(action, declaration.name)) for action in remaining]
            for good, bad in (("up", "down"), ("down", "up")):
                if not any(bad in change or "unknown" in change for _, change in changes):
                    ranked |= {name for name, change in changes if good in change}
        is_shrinking = bool(ranked)
        remaining = [action for action in remaining if action.name not in ranked]
    return tuple(action.name for action in remaining)


def _changes(action: Action, name: str) -> frozenset[str]:
    """How an action changes a variable: a set of `up`, `down`, `unknown`; empty if it leaves it as it is."""
    found = {_direction(action, update) for update in action.assignments if update.target == name}
    return frozenset(found - {"same"})


def _direction(action: Action, update: Update) -> str:
    if update.is_append:
        return "up"
    if update.index is not None:
        return "unknown"
    match tree(update.value):
        case ast.BinOp(left=ast.Name(id=update.target), op=op, right=ast.Constant(value=int(step))) if step > 0:
            return "up" if isinstance(op, ast.Add) else "down" if isinstance(op, ast.Sub) else "unknown"
        case ast.Constant(value=int(new)):
            for part in conjuncts(action.guard):
                match tree(part):
                    case ast.Compare(
                        left=ast.Name(id=update.target), ops=[relation], comparators=[ast.Constant(value=int(old))]
                    ):
                        if isinstance(relation, ast.Eq):
                            return "up" if new > old else "down" if new < old else "same"
                        if isinstance(relation, ast.Gt) and new <= old:
                            return "down"
        case ast.Name(id=source):
            if any(part == f"{source} > {update.target}" for part in conjuncts(action.guard)):
                return "up"
    return "unknown"

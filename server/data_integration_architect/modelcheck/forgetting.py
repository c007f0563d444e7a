"""What a state may forget: equal futures become equal states.

A queue (a log whose every reader uses one position, as `log[position]` or to compare the position with the length)
loses the records before the position, and the position becomes 0. Two things matter only to faults that may still come,
so they are forgotten once no fault remains: a queue that only faults read in another way, and a variable that only
fault actions read (how far a consumer may rewind), which is put back to its first value.

Sound: with no fault left no fault action is ever enabled again, so such a variable is never read; and every
remaining expression has the same value in the shifted queue. The map is a bisimulation that keeps the property and
who is at rest, so reachable verdicts and shortest depths are the same (tested against the search without it).
"""

import re
from dataclasses import dataclass

from data_integration_architect.modelcheck.expressions import names
from data_integration_architect.modelcheck.ir import Action, Log, Model, Var


@dataclass(frozen=True, slots=True)
class Forgettable:
    """Variables that only faults read, and queues as pairs of a log and the variable of its position: all of them, and
    those that faults do not read in another way either.
    """

    dead: tuple[str, ...] = ()
    queues: tuple[tuple[str, str], ...] = ()
    lasting: tuple[tuple[str, str], ...] = ()


def forgettable(model: Model, part: str) -> Forgettable:
    """What a model checked for `part` may forget."""
    lasting = [action for action in model.actions if action.kind != "fault"]
    read = set(names(part))
    for action in lasting:
        read |= action.reads
    dead = tuple(
        declaration.name
        for declaration in model.declarations
        if isinstance(declaration, Var) and declaration.name not in read
    )
    return Forgettable(dead, _queues(model, part, lasting), _queues(model, part, list(model.actions)))


def _queues(model: Model, part: str, actions: list[Action]) -> tuple[tuple[str, str], ...]:
    found = []
    for declaration in model.declarations:
        if isinstance(declaration, Log) and declaration.name not in names(part):
            position = _position(declaration.name, actions)
            if position is not None and position not in names(part) and isinstance(model.by_name[position], Var):
                found.append((declaration.name, position))
    return tuple(found)


def _position(log: str, actions: list[Action]) -> str | None:
    """The variable that all these actions use to read the log; None where they differ or use it in another way."""
    positions: set[str] = set()
    for action in actions:
        positions |= set(re.findall(rf"\b{log}\[(\w+)\]", " ".join(_texts(action))))
    if len(positions) != 1:
        return None
    position = positions.pop()
    if position.isdigit():
        return None
    allowed = re.compile(
        rf"\b{log}\[{position}\]|\b{position} < len\({log}\)|\b{position} \+ 1 == len\({log}\)", re.ASCII
    )
    for action in actions:
        for text in _texts(action):
            if {log, position} & set(re.findall(r"\w+", allowed.sub("", text))):
                return None
        for update in action.assignments:
            if update.target == position and update.value != f"{position} + 1":
                return None
    return position


def _texts(action: Action) -> list[str]:
    """All expressions of an action but the step of a position by one."""
    texts = [action.guard]
    for update in action.assignments:
        if update.index is not None:
            texts.append(update.index)
        if update.value != f"{update.target} + 1":
            texts.append(update.value)
    return texts

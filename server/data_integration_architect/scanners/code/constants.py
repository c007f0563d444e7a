"""Texts that have a name: constants, enumerations, fields of classes and objects that hold nothing else."""

from __future__ import annotations

from .imports import Value
from .ir import Expr
from .program import Program

DEPTH_LIMIT = 6
# Calls that give the object that they are given.
WRAPPING = frozenset(["freeze", "assign", "constant", "auto"])


def text_of(program: Program, module: int, e: Expr | None, depth: int = 0) -> str | None:
    """The text that an expression stands for without running anything, `None` if it is none."""
    if e is None or depth > DEPTH_LIMIT:
        return None
    if e[0] == "s":
        return str(e[1])
    if e[0] in ("as", "w"):
        return text_of(program, module, e[1], depth + 1)
    if e[0] == "n":
        return text_behind(program, program.name(module, e[1]), depth)
    if e[0] == "a":
        return member_text(program, module, e, depth)
    return None


def text_behind(program: Program, value: Value, depth: int) -> str | None:
    """The text that a name at the top of a module is set to."""
    if value is None or value[0] != "=":
        return str(value[1]) if value is not None and value[0] == "S" else None
    return text_of(program, value[1], value[2], depth + 1)


def member_text(program: Program, module: int, e: Expr, depth: int) -> str | None:
    """`Events.CREATED`, `events.order.created`, `module.TOPIC`: also where the value of an enumeration is asked for."""
    if e[2] == "value" and e[1][0] == "a":
        found = member_text(program, module, e[1], depth + 1)
        if found is not None:
            return found
    home, made = object_of(program, module, e[1], depth)
    if made is not None:
        for key, item in made[1] if made[0] == "d" else ():
            if key == e[2]:
                return text_of(program, home, item, depth + 1)
        return None
    owner = value_of(program, module, e[1], depth)
    if owner is not None and owner[0] in ("M", "P"):
        return text_behind(program, program.member(owner, e[2]), depth)
    if owner is not None and owner[0] == "K":
        if e[2] == "name" and "name" not in program.classes[owner[1]].fields:
            return program.classes[owner[1]].name
        for base in program.lineage(owner[1]):
            field = program.classes[base[1]].fields.get(e[2]) if base[0] == "I" else None
            for _, init in field.inits if field is not None else ():
                return text_of(program, program.class_module[base[1]], init, depth + 1)
    return None


def value_of(program: Program, module: int, e: Expr, depth: int) -> Value:
    """The module, class or assignment that a name or a member of a module stands for."""
    if depth > DEPTH_LIMIT:
        return None
    if e[0] == "n":
        return program.name(module, e[1])
    if e[0] == "a":
        owner = value_of(program, module, e[1], depth + 1)
        return program.member(owner, e[2]) if owner is not None and owner[0] in ("M", "P") else None
    return None


def object_of(program: Program, module: int, e: Expr, depth: int) -> tuple[int, Expr | None]:
    """The object literal behind an expression and the module that it stands in."""
    if depth > DEPTH_LIMIT:
        return module, None
    if e[0] == "d":
        return module, e
    if e[0] == "as":
        return object_of(program, module, e[1], depth + 1)
    if e[0] == "c" and e[2] and e[1][-1] in WRAPPING:
        return object_of(program, module, e[2][0], depth + 1)
    if e[0] == "a":
        home, outer = object_of(program, module, e[1], depth + 1)
        for key, item in outer[1] if outer is not None else ():
            if key == e[2]:
                return object_of(program, home, item, depth + 1)
    value = value_of(program, module, e, depth)
    if value is not None and value[0] == "=" and value[2] is not None:
        return object_of(program, value[1], value[2], depth + 1)
    return module, None

"""Advice of aspects: functions that run around every function which carries an annotation of the repository.

Read are `@annotation(...)` designators, by the annotation's name or that of a bound parameter, directly or through a
named pointcut of the same class. Source: https://docs.spring.io/spring-framework/reference/core/aop/ataspectj.html
"""

from __future__ import annotations

import re

from .ir import Expr
from .program import Program, arguments

DESIGNATED = re.compile(r"@annotation\(\s*([\w.$]+)\s*\)")
NAMED_POINTCUT = re.compile(r"\b(\w+)\s*\(\s*\w*\s*\)")
# Annotations of a framework stand on functions of every kind: what watches them is logging or metrics.
FRAMEWORKS = ("org.springframework.", "jakarta.", "javax.", "java.", "lombok.", "io.micronaut.", "io.quarkus.")
DEPTH_LIMIT = 3


def advised(program: Program, number: int, texts: list[str], depth: int = 0) -> set[str]:
    """Last names of the annotations that the pointcut of an advice names."""
    params = {p.name: p.type for p in program.functions[number].params}
    found: set[str] = set()
    for text in texts:
        for name in DESIGNATED.findall(text):
            whole = params.get(name) or name
            if not whole.startswith(FRAMEWORKS):
                found.add(whole.replace("$", ".").rpartition(".")[2])
        owner = program.owner.get(number)
        if owner is None or depth >= DEPTH_LIMIT:
            continue
        for name in NAMED_POINTCUT.findall(DESIGNATED.sub("", text)):
            for method in program.methods[owner].get(name, ()):
                inner = [part for d in program.functions[method].decorators for part in literals(d)]
                found |= advised(program, method, inner, depth + 1)
    return found


def literals(expression: Expr) -> list[str]:
    """All text literals in an annotation, those of concatenations joined with the rest."""
    if expression[0] == "s":
        return [str(expression[1])]
    if expression[0] == "k":
        return literals(expression[2])
    parts = expression[1] if expression[0] == "o" else arguments(expression)
    return [text for part in parts if part for text in literals(part)]


def carried(program: Program, number: int) -> list[str]:
    """Names of the annotations of a function that are the repository's own."""
    imports = program.modules[program.function_module[number]].imports
    names = (program.decorator_name(d) for d in program.functions[number].decorators)
    return [name for name in names if name and not imports.get(name, "").startswith(FRAMEWORKS)]

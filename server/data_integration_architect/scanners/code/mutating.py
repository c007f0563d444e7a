"""Whether a method of an entity changes the entity's own fields, by what its body assigns."""

from __future__ import annotations

from typing import Any

from .ir import Function
from .program import Program

DEPTH_LIMIT = 3
CHANGING_CALLS = frozenset(["add", "addAll", "remove", "removeAll", "removeIf", "clear", "put", "set", "retainAll"])


class Mutations:
    """Answers are kept: an entity's methods are called from many places."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.known: dict[tuple[int, int], bool] = {}

    def changes(self, number: int, entity: int, depth: int = 0) -> bool:
        """Whether a function with the entity as its `this` assigns a field of it, or fills a collection of it."""
        key = (number, entity)
        if key not in self.known:
            self.known[key] = False
            function = self.program.functions[number]
            fields = {name for base in self.program.lineage(entity) if base[0] == "I"
                      for name in self.program.classes[base[1]].fields}  # fmt: skip
            fields -= {param.name for param in function.params}
            self.known[key] = self.walk(function.body, function, number, entity, fields, depth)
        return self.known[key]

    def walk(self, part: Any, function: Function, number: int, entity: int, fields: set[str], depth: int) -> bool:
        if not isinstance(part, tuple) or not part:
            return False
        if part[0] == "=" and len(part) == 5 and isinstance(part[1], tuple):
            if any(self.is_field(target, fields | self.own(target, entity)) for target in part[1]):
                return True
        elif part[0] == "c":
            callee = part[1]
            if callee[0] == "a" and callee[2] in CHANGING_CALLS and self.is_field(callee[1], fields):
                return True
            name = (
                callee[1] if callee[0] == "n" else callee[2] if callee[0] == "a" and callee[1] == ("n", "self") else ""
            )
            if name and depth < DEPTH_LIMIT and name != function.name:
                methods = self.program.methods[entity].get(name, ()) if isinstance(name, str) else ()
                if any(self.changes(method, entity, depth + 1) for method in methods):
                    return True
        elif part[0] == "f" and len(part) == 2:
            base = self.program.function_base[self.program.function_module[number]]
            inner = self.program.functions[base + part[1]]
            return self.walk(inner.body, function, number, entity, fields, depth)
        return any(self.walk(item, function, number, entity, fields, depth) for item in part)

    @staticmethod
    def is_field(target: Any, fields: set[str]) -> bool:
        if not isinstance(target, tuple) or len(target) < 2:
            return False
        if target[0] == "a":
            return target[1] == ("n", "self") and target[2] in fields
        return target[0] == "n" and target[1] in fields

    def own(self, target: Any, entity: int) -> set[str]:
        """The field that `this.x = x` names, although a parameter is called the same."""
        if isinstance(target, tuple) and len(target) > 2 and target[0] == "a" and target[1] == ("n", "self"):
            return {target[2]} if any(
                base[0] == "I" and target[2] in self.program.classes[base[1]].fields
                for base in self.program.lineage(entity)
            ) else set()  # fmt: skip
        return set()

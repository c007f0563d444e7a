"""What names, attributes and fields hold."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

from .calls import Calls
from .client_calls import ENTITY_TYPES
from .effects import Frame
from .imports import Value
from .ir import Expr, Function
from .program import Program

# How deep calls and field values may nest.
DEPTH_LIMIT = 14
SCRIPTS = ("typescript", "javascript")


class Values(Calls):
    """The part of the evaluator that finds values; fields and module variables are evaluated once, on demand."""

    def __init__(self, program: Program) -> None:
        super().__init__(program)
        self.fields: dict[tuple[int, str], Value] = {}
        self.module_values: dict[tuple[int, int], Value] = {}
        self.module_frames: dict[int, Frame] = {}
        self.nesting = 0

    def forget_unknown(self) -> None:
        """Look again for the values that were not found."""
        self.fields = {key: value for key, value in self.fields.items() if value is not None}
        self.module_values = {key: value for key, value in self.module_values.items() if value is not None}

    @abstractmethod
    def enter(self, number: int, self_value: Value, given: tuple[Value, ...], outer: Frame | None) -> Frame: ...

    @abstractmethod
    def significant(self, function: Function, arguments: tuple[Value, ...]) -> tuple[Value, ...]: ...

    def guess(self, name: str, module: int) -> Value:
        """An untyped name that is called like a class of the repository, or like one of its modules."""
        found = self.program.named_like(name, module)
        if found is not None:
            return ("I", found)
        language = self.program.language_of(module)
        if language not in ("python", "javascript") or len(name) < 6:
            return None
        modules = [m for m in self.program.by_tail.get(name, ()) if self.program.language_of(m) == language]
        return ("M", self.program.nearest_module(modules, module)) if modules else None

    def field_of_type(self, value: Value, name: str) -> Value:
        return self.attribute(None, value, name) if value is not None else None

    def lookup(self, frame: Frame, name: str) -> Value:
        """A name: locals, enclosing functions, fields in languages with an implied receiver, the module."""
        if name == "self":
            return self.receiver(frame)
        scope: Frame | None = frame
        while scope is not None:
            if name in scope.names:
                return scope.names[name]  # type: ignore[no-any-return]
            scope = scope.outer
        module = frame.module
        language = self.program.language_of(module)
        for this in self.receivers(frame) if language in ("java", "kotlin", "csharp") else ():
            if this[0] == "L" and name in self.program.clients.types[this[1]].returns:
                return self.attribute(frame, this, name)
            if this[0] not in ("I", "K"):
                continue
            if self.has_field(this[1], name):
                return self.attribute(frame, this, name)
            base = self.library_base(this[1])
            if base is not None and name in self.program.clients.types[base[1]].returns:
                return self.attribute(frame, this, name)
        if name in ("cls",) and language == "python":
            return self.receiver(frame)
        return self.resolved(self.program.name(module, name))

    def method_group(self, frame: Frame, name: str) -> Value:
        """A method of the class at hand that is given by its bare name."""
        for this in self.receivers(frame):
            methods = self.program.find_method(this[1], name) if this[0] in ("I", "K") else []
            if methods:
                return ("F", methods[0], ("I", this[1]))
        return None

    def has_field(self, number: int, name: str) -> bool:
        return any(v[0] == "I" and name in self.program.classes[v[1]].fields for v in self.program.lineage(number))

    def receivers(self, frame: Frame) -> list[tuple[Any, ...]]:
        """What a name without receiver may belong to: `this` of the function and of those around it."""
        found: list[tuple[Any, ...]] = []
        scope: Frame | None = frame
        while scope is not None:
            if scope.self_value is not None and scope.self_value not in found:
                found.append(tuple(scope.self_value))
            owner = self.program.owner.get(scope.function)
            if owner is not None and ("I", owner) not in found and ("K", owner) not in found:
                found.append(("I", owner))
            scope = scope.outer
        return found

    def receiver(self, frame: Frame) -> Value:
        """What `this` is: that of the innermost function that has one."""
        scope: Frame | None = frame
        while scope is not None:
            if scope.self_value is not None:
                return tuple(scope.self_value)
            scope = scope.outer
        owner = self.program.owner.get(frame.function)
        return ("I", owner) if owner is not None else None

    def resolved(self, value: Value) -> Value:
        """The value of a module-level assignment, others unchanged."""
        if value is None or value[0] != "=":
            return value
        _, module, expression, type_text, target, at = value
        key = (module, id(target))
        if key in self.module_values:
            return self.module_values[key]
        self.module_values[key] = None
        declared = self.program.type(module, type_text) if type_text else None
        if declared is not None and declared[0] in ("L", "I"):
            self.module_values[key] = declared
            return declared
        frame = self.module_frames.get(module)
        if frame is None:
            frame = self.module_frames[module] = Frame(module, self.program.function_base[module], None, None)
        found = None
        if self.nesting < DEPTH_LIMIT and expression is not None:
            self.nesting += 1
            found = self.quiet(frame, expression)
            self.nesting -= 1
        if len(target) > 2 and found is not None:
            found = self.attribute(frame, found, target[2])
        elif at and found is not None and found[0] not in ("L",):
            found = None
        self.module_values[key] = found if found is not None else declared
        return self.module_values[key]

    def attribute(self, frame: Frame | None, value: Value, name: str) -> Value:
        """The value of an attribute."""
        if value is None:
            return None
        tag = value[0]
        if tag in ("I", "K"):
            return self.class_attribute(value, name)
        if tag == "L":
            client = self.program.clients.types[value[1]]
            target = client.returns.get(name)
            return ("L", target, value[2]) if target and target in self.program.clients.types else value
        if tag in ("X", "M", "P"):
            found = self.resolved(self.program.member(value, name))
            if tag == "X" and frame is not None:
                language = self.program.language_of(frame.module)
                if found is not None and found[0] == "X" and self.program.clients.type_of(language, found[1]):
                    return found
                base = self.program.clients.type_of(language, value[1])
                if base is not None:
                    return self.attribute(frame, ("L", base, None), name)
            return found
        if tag == "D":
            for key, item in value[1]:
                if key == name:
                    return item if item is None or isinstance(item, tuple) else None
        return None

    def class_attribute(self, value: tuple[Any, ...], name: str) -> Value:
        """A field (declared type, or what is assigned to it), else a method, else what the library base gives."""
        number = value[1]
        key = (number, name)
        if key not in self.fields:
            self.fields[key] = None
            self.fields[key] = self.field_value(number, name)
            if self.fields[key] is None or self.fields[key][0] == "X":  # type: ignore[index]
                self.fields[key] = self.field_below(number, name) or self.fields[key]
            self.keeps(number, self.fields[key])
        found = self.fields[key]
        if key in self.held and (found is None or found[0] in ("X", "I")):
            return ("H", number, name)
        if found is not None:
            return found
        methods = self.program.find_method(number, name)
        if methods:
            return ("F", methods[0], ("I", number))
        language = self.program.language_of(self.program.class_module[number])
        if name == "name" and value[0] == "K" and language in SCRIPTS:
            return ("S", self.program.classes[number].name)
        base = self.library_base(number)
        if base is not None:
            client = self.program.clients.types[base[1]]
            target = client.returns.get(name)
            if target in self.program.clients.types:
                own = number if self.program.clients.types[target].ends else None
                return ("L", target, base[2] if base[2] is not None else own)
            if not base[1].endswith((*ENTITY_TYPES, "/handler", "/consumer")):
                return ("L", base[1], base[2])  # `prisma.order` of a service that extends the client
        return None

    def keeps(self, number: int, value: Value) -> None:
        """Note the entity whose rows a class of the repository queries: `objects = OrderManager()` of a model."""
        if value is None or value[0] != "I":
            return
        base, own = self.library_base(value[1]), self.library_base(number)
        if base is None or own is None or not own[1].endswith(ENTITY_TYPES):
            return
        if self.program.clients.types[base[1]].ends:
            self.kept_by[value[1]] = number if self.kept_by.get(value[1], number) == number else None

    def field_below(self, number: int, name: str) -> Value:
        """The field of an abstract class as the classes that implement it fill it: the repositories of a unit of
        work."""
        program = self.program
        methods = [method for found in program.methods[number].values() for method in found]
        if not any(program.functions[method].is_abstract for method in methods):
            return None
        for sub in program.implementers(number):
            if name in program.classes[sub].fields and program.class_module[sub] not in self.tests:
                value = self.class_attribute(("I", sub), name)
                if value is not None and value[0] != "X":
                    return value
        return None

    def field_value(self, number: int, name: str) -> Value:
        program = self.program
        best: Value = None
        for base in program.lineage(number):
            if base[0] != "I" or name not in program.classes[base[1]].fields:
                continue
            item, module = program.classes[base[1]].fields[name], program.class_module[base[1]]
            if item.type:
                best = program.type(module, item.type)
                if best is not None and best[0] != "X":
                    return best
            for within, init in item.inits:
                function = program.function_base[module] + (within or 0)
                frame = self.field_frame(function, number)
                self.nesting += 1
                value = self.eval(frame, init) if self.nesting <= DEPTH_LIMIT else None
                self.nesting -= 1
                if value is not None and (best is None or value[0] != "X"):
                    return value
            if best is None and not item.type:
                best = self.guess(name, module)
        return best

    def field_frame(self, function: int, owner: int) -> Frame:
        """The frame of the method in which a field is assigned, its parameters bound as seen where it is called."""
        made = self.program.functions[function]
        if made.name == "<module>":
            return Frame(self.program.function_module[function], function, ("K", owner), None)
        given = self.constructed.get(owner, ()) if made.name in ("constructor", "__init__") else ()
        return self.enter(function, ("I", owner), self.significant(made, given), None)

    def quiet(self, frame: Frame, e: Expr) -> Value:
        """The value of an expression that is evaluated elsewhere too: its effects are dropped."""
        effects, seen = frame.effects, frame.seen
        frame.effects, frame.seen = [], set()
        value = self.eval(frame, e)
        frame.effects, frame.seen = effects, seen
        return value

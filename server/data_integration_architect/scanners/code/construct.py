"""Construction of values: classes of the repository, types of client libraries."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .client_calls import ClientCalls
from .effects import Frame
from .imports import Value
from .ir import Expr

# Constructors that run the function they are given.
RUNNING_CLASSES = ("Promise", "Thread", "FutureTask", "Timer", "Task", "Observable")


class Construction(ClientCalls):
    """The part of the evaluator that makes instances and remembers what their constructors were given."""

    def by_position(self, number: int, args: Sequence[Expr], values: list[Value]) -> list[Value]:
        """Values in the order of the parameters, named arguments put in place."""
        if not any(arg[0] == "k" for arg in args):
            return values
        names = [param.name for param in self.program.functions[number].params]
        out: list[Value] = [None] * len(names)
        for at, (arg, value) in enumerate(zip(args, values, strict=True)):
            if arg[0] == "k":
                if arg[1] in names:
                    out[names.index(arg[1])] = value
            elif at < len(out):
                out[at] = value
        return out

    def construct(self, frame: Frame, e: Expr) -> Value:
        """`new X(...)`, composite literals."""
        value = self.program.type(frame.module, e[1])
        if e[1].startswith("<anonymous"):
            value = self.program.instance(frame.module, self.program.name(frame.module, e[1]))
        if value is None or value[0] == "X":
            head, *rest = e[1].split("<", maxsplit=1)[0].split(".")
            found = self.lookup(frame, "self" if head == "this" else head) if head else None
            for part in rest:
                found = self.attribute(frame, found, part)
            if found is not None and found[0] == "X":
                known = self.program.clients.type_of(self.program.language_of(frame.module), found[1])
                found = ("L", known, None) if known is not None else found
            if found is not None and found[0] in ("L", "K", "I"):
                value = ("I", found[1]) if found[0] == "K" else found
        if value is not None and value[0] == "I":
            return self.make(frame, value, e[2])
        if value is not None and value[0] == "L":
            if self.program.clients.types[value[1]].kind_of("new") is not None:
                self.client(frame, value[1], value[2], "new", e[2], e[3], seen=True)
                return value
            self.arguments(frame, e[2], inline=False)
            entity = self.entity_of(frame, e[2])
            return ("L", value[1], value[2] if value[2] is not None else entity)
        self.arguments(frame, e[2], inline=e[1].split("<", maxsplit=1)[0] in RUNNING_CLASSES)
        return value

    def make(self, frame: Frame, value: tuple[Any, ...], args: Sequence[Expr]) -> Value:
        """An instance of a repository class; what its constructor is given tells the types of its fields."""
        values = self.arguments(frame, args, inline=False)
        number = value[1]
        language = self.program.language_of(frame.module)
        if frame.module not in self.tests and language == "go":
            for arg, given in zip(args, values, strict=True):
                if arg[0] == "k":
                    self.hold(number, arg[1], given)
        if self.program.classes[number].name.startswith("<anonymous"):
            self.anonymous[number] = frame
        if any(v is not None and v[0] in ("L", "I", "K", "F", "D") for v in values) and number not in self.constructed:
            methods = self.program.find_method(number, "constructor") or self.program.find_method(number, "__init__")
            ordered = self.by_position(methods[0], args, values) if methods else values
            self.constructed[number] = tuple(ordered)
        if language in ("kotlin", "csharp") and any(v is not None and v[0] in ("C", "F") for v in values):
            self.hold_given(frame, number, args, values)
        if self.hooks.by_class and language in ("csharp", "java", "kotlin"):
            self.raised_by_making(frame, number, args)
        return ("I", number)

    def raised_by_making(self, frame: Frame, number: int, args: Sequence[Expr]) -> None:
        """The events that a constructor notes on its instance."""
        methods = self.program.methods[number].get("constructor", ())
        if methods:
            chosen = self.pick(frame, list(methods), args)
            for effect in self.summary(chosen, ("I", number)).effects:
                if effect.kind == "raise":
                    self.compose(frame, effect, chosen, frame.line)

    def hold_given(self, frame: Frame, number: int, args: Sequence[Expr], values: list[Value]) -> None:
        """Functions that a constructor takes for fields of the same name: `class A(val publish: (Order) -> Unit)`."""
        methods = self.program.find_method(number, "constructor")
        made = self.program.classes[number]
        names = [p.name for p in self.program.functions[methods[0]].params] if methods else list(made.fields)
        for at, (arg, given) in enumerate(zip(args, values, strict=True)):
            name = arg[1] if arg[0] == "k" else names[at] if at < len(names) else ""
            if name in made.fields and frame.module not in self.tests:
                self.hold(number, name, given)

    def hold(self, number: int, name: str, given: Value) -> None:
        """Note a function that a field of a class holds."""
        if given is None or given[0] not in ("C", "F"):
            return
        held = self.held.setdefault((number, name), [])
        if all(known is None or given[1] != known[1] for known in held):
            held.append(given)

    def entity_of(self, frame: Frame, args: Sequence[Expr]) -> int | None:
        """The class among the arguments: what is saved, queried or enqueued."""
        for arg in args[:2]:
            value = self.quiet(frame, arg) if arg[0] in ("n", "a", "k") else None
            if value is not None and value[0] in ("I", "K"):
                return int(value[1])
        return None

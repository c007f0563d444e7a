"""Abstract run of one function: statements in program order, branches, transactions, helpers inlined by summary.

Values are those of `program.py`. The run is linear in the size of a function; a call costs one look-up once the
callee has been summarised. Loops run once, recursion is cut where it closes.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from .advice import carried
from .effects import CONTEXT_LIMIT, EMPTY, Frame, Summary, marked_fills
from .imports import Value
from .ir import Expr, Function
from .program import Program
from .values import DEPTH_LIMIT, Values

VARIANT_LIMIT = 8
# Languages in which a field that holds a function is filled from outside.
HOLDING = ("go", "csharp", "kotlin")
# Type variables by the convention of Java, Kotlin and C#: an argument tells more than `T` or `TEvent` does.
TYPE_VARIABLE = re.compile(r"[A-Z]|T[A-Z]\w*")
# Defaults of parameters by which a framework is told what to call for their value.
# Source: https://fastapi.tiangolo.com/reference/dependencies/
PROVIDING = frozenset(["Depends", "Security"])
# Steps (expressions) that one function may take together with the closures it runs in place.
STEP_LIMIT = 60_000


def told(frame: Frame) -> int:
    """How many names of a frame have a known value."""
    return sum(value is not None for value in frame.names.values())


class OutOfSteps(Exception):
    """A function took more steps than `STEP_LIMIT`."""


class Evaluator(Values):
    """Summaries of functions, memoised by function, receiver class and the client arguments passed."""

    def __init__(self, program: Program) -> None:
        super().__init__(program)
        self.memo: dict[tuple[Any, ...], Summary] = {}
        self.variants: dict[int, int] = {}
        self.closures: dict[int, Frame] = {}
        self.steps = 0

    # -- functions

    def summary(
        self, number: int, self_value: Value, arguments: tuple[Value, ...] = (), outer: Frame | None = None
    ) -> Summary:
        """Effects and value of a call; arguments only matter where the parameter says no type."""
        function = self.program.functions[number]
        given = self.significant(function, arguments)
        closures = any(v is not None and v[0] in ("C", "D") for v in given)
        if self_value is not None and self_value[0] in ("I", "K"):
            self_value = ("I", self_value[1])
        key = (number, self_value, () if closures else given)
        if not closures and outer is None:
            known = self.memo.get(key)
            if known is not None:
                return known
            if given and self.variants.get(number, 0) >= VARIANT_LIMIT:
                # functions decide what a call does, the classes of other arguments only what it does it to
                given = self.functions_of(given) if self.variants[number] < 2 * VARIANT_LIMIT else ()
                key = (number, self_value, given)
                known = self.memo.get(key)
                if known is not None:
                    return known
        if key in self.running or self.nesting > DEPTH_LIMIT:
            return EMPTY
        self.running.add(key)
        self.nesting += 1
        if self.nesting == 1:
            self.steps = 0
        frame = self.enter(number, self_value, given, outer)
        try:
            self.run(frame, function)
        except OutOfSteps:
            if self.nesting > 1:
                raise
        finally:
            self.nesting -= 1
            self.running.discard(key)
        value = self.declared_return(frame, function)
        result = Summary(marked_fills(frame.effects, function.name), value)
        if not closures and outer is None:
            self.memo[key] = result
            self.variants[number] = self.variants.get(number, 0) + 1
        return result

    @staticmethod
    def functions_of(given: tuple[Value, ...]) -> tuple[Value, ...]:
        out = [value if value is not None and value[0] == "F" else None for value in given]
        while out and out[-1] is None:
            out.pop()
        return tuple(out)

    def significant(self, function: Function, arguments: tuple[Value, ...]) -> tuple[Value, ...]:
        """Arguments that tell more than the parameter's own type; unhashable ones are dropped."""
        out: list[Value] = []
        # what is dispatched decides which listeners run, so the class of the event itself counts
        passes_on = not self.dispatching.isdisjoint(function.calls)
        for param, value in zip(function.params, arguments, strict=False):
            keep = (
                value is not None
                and value[0] in ("L", "I", "K", "F", "C", "M", "S")
                and (not param.type or value[0] in ("C", "F") or (value[0] == "I" and passes_on))
            )
            keep = keep or (
                value is not None and value[0] == "I" and bool(TYPE_VARIABLE.fullmatch(param.type.rstrip("?!")))
            )
            keep = keep or (value is not None and value[0] == "D" and param.name.startswith("{"))
            if keep and value is not None and value[0] in ("I", "L") and len(value) > 3:
                value = value[:3]
            out.append(value if keep else None)
        while out and out[-1] is None:
            out.pop()
        return tuple(out)

    def enter(self, number: int, self_value: Value, given: tuple[Value, ...], outer: Frame | None) -> Frame:
        """A frame with the parameters bound: to arguments, declared types, or what their names suggest."""
        function, module = self.program.functions[number], self.program.function_module[number]
        frame = Frame(module, number, self_value, outer)
        if function.receiver:
            frame.names[function.receiver.split(" ")[0]] = self_value
        for at, param in enumerate(function.params):
            value = given[at] if at < len(given) else None
            if value is None:
                declared = self.program.type(module, param.type) if param.type else None
                value = self.provided(frame, param.default, declared) if param.default is not None else declared
            if value is None and param.default is not None:
                value = self.eval(frame, param.default)
            if param.name.startswith("{"):
                declared = self.program.type(module, param.type) if param.type else None
                for name in param.name.strip("{}").split(","):
                    given_field = self.field_of_type(value, name) or self.field_of_type(declared, name)
                    frame.names[name] = given_field or self.guess(name, module)
                continue
            if value is None and not param.type:
                value = self.guess(param.name, module)
            frame.names[param.name] = value
        return frame

    def provided(self, frame: Frame, default: Expr, declared: Value) -> Value:
        """What a framework puts into a parameter: what the function named in `Depends(...)` returns, if that says
        more than the declared type does."""
        if default[0] != "c" or default[1][-1] not in PROVIDING or not default[2]:
            return declared
        source = self.quiet(frame, default[2][0])
        before = frame.line
        found = self.quietly(frame, source)
        frame.line = before
        if found is None or found[0] not in ("L", "I", "F"):
            return declared
        if declared is None or declared[0] == "X" or found[0] == "F":
            return found
        if declared[0] == found[0] == "I" and self.program.inherits(found[1], declared[1]):
            return found[:2]
        return declared

    def quietly(self, frame: Frame, function: Value) -> Value:
        """The value of a call of a function without arguments whose effects are dropped."""
        effects, seen = frame.effects, frame.seen
        frame.effects, frame.seen = [], set()
        value = self.call_value(frame, function, (), frame.line)
        frame.effects, frame.seen = effects, seen
        return value

    def run(self, frame: Frame, function: Function) -> None:
        """Run a body; a declared transaction covers it."""
        role = self.roles(frame.function)
        if role.transaction:
            frame.transaction = next(self.ids)
        self.block(frame, function.body)
        if self.hooks.advice and function.decorators:
            self.run_advice(frame, function)
        if frame.function in self.answering:
            technology, library = self.answering[frame.function]
            self.emit(frame, "publish", technology, "", None, function.line, library=library)
        if role.binder:
            self.bound(frame, function, role.binder)
        for kind, technology, library in role.effects:
            self.emit(frame, kind, technology, "", None, function.line, library=library)

    def run_advice(self, frame: Frame, function: Function) -> None:
        """The aspects that watch an annotation of the function, as if all ran after it."""
        flags, frame.flags = frame.flags, frame.flags | {"hook"}
        for name in carried(self.program, frame.function):
            for number in self.hooks.advice.get(name, ()):
                owner = self.program.owner.get(number)
                for effect in self.summary(number, ("I", owner) if owner is not None else None).effects:
                    self.compose(frame, effect, number, function.line)
        frame.flags = flags

    def declared_return(self, frame: Frame, function: Function) -> Value:
        if frame.returned is not None:
            return tuple(frame.returned)
        return self.program.type(frame.module, function.returns) if function.returns else None

    def made(self, number: int, frame: Frame) -> None:
        """Note where a closure is made; of several places the one that knows most of what it closes over."""
        known = self.closures.get(number)
        if known is None or told(known) < told(frame):
            self.closures[number] = frame

    # -- statements

    def block(self, frame: Frame, block: Sequence[Expr]) -> bool:
        """Run statements; whether control leaves the block."""
        context, previous = frame.context, len(frame.effects)
        for stmt in block:
            frame.before, previous = previous, len(frame.effects)
            if self.statement(frame, stmt):
                frame.context = context
                return True
        frame.context = context
        return False

    def statement(self, frame: Frame, stmt: tuple[Any, ...]) -> bool:
        tag = stmt[0]
        if tag == "e":
            self.eval(frame, stmt[1])
        elif tag == "=":
            self.assign(frame, stmt)
        elif tag == "b":
            return self.branch(frame, stmt)
        elif tag == "r":
            if stmt[1] is not None:
                value = self.eval(frame, stmt[1])
                if frame.returned is None:
                    frame.returned = value
            return True
        elif tag == "x":
            if stmt[1] is not None:
                self.eval(frame, stmt[1])
            return True
        elif tag == "l":
            self.loop(frame, stmt)
        elif tag == "y":
            return self.attempt(frame, stmt)
        elif tag == "u":
            return self.using(frame, stmt)
        elif tag == "def":
            number = self.program.function_base[frame.module] + stmt[2]
            self.made(number, frame)
            frame.names[stmt[1]] = (
                ("C", number, frame)
                if frame.function != self.program.function_base[frame.module]
                else ("F", number, None)
            )
        elif tag in ("g", "q"):
            flags = frame.flags
            frame.flags = flags | {"parallel" if tag == "g" else "deferred"}
            self.eval(frame, stmt[1])
            frame.flags = flags
        return False

    def assign(self, frame: Frame, stmt: tuple[Any, ...]) -> None:
        targets, right, type_text = stmt[1], stmt[2], stmt[3]
        value = self.eval(frame, right) if right is not None else None
        declared = self.program.type(frame.module, type_text) if type_text else None
        if declared is not None and (value is None or value[0] in ("X", "S", "D")):
            value = declared
        for at, target in enumerate(targets):
            if target is None:
                continue
            if target[0] == "n":
                if len(target) > 2 and value is not None:
                    frame.names[target[1]] = self.attribute(frame, value, target[2])
                elif at == 0 or value is None or value[0] not in ("L", "I"):
                    frame.names[target[1]] = value if at == 0 or len(targets) == 1 else None
                else:
                    frame.names[target[1]] = value if len(targets) == 1 else None
            elif target[0] == "a":
                whose = self.eval(frame, target[1])
                if whose is None or whose[0] == "X":
                    self.keeps_on(frame, target, value)
                self.mutate(frame, whose, target[2], stmt[4])
                self.keep_function(frame, whose, target[2], value)
            elif target[0] == "i" and target[1][0] == "a":
                if target[2] is not None and target[2][0] == "s":
                    self.keeps_on(frame, ("a", target[1], target[2][1]), value)
                whose = self.eval(frame, target[1][1])
                put = right
                if put is not None and put[0] == "c" and put[1] == ("n", "append") and put[2]:
                    value = self.quiet(frame, put[2][-1])
                self.keep_function(frame, whose, target[1][2], value)
            else:
                if target[0] == "i" and target[2] is not None and target[2][0] == "s":
                    self.keeps_on(frame, ("a", target[1], target[2][1]), value)
                self.eval(frame, target)

    def keep_function(self, frame: Frame, whose: Value, name: str, value: Value) -> None:
        """A function that is put into a field after its instance was made: an option, a listener of an event."""
        if whose is None or whose[0] not in ("I", "K") or frame.module in self.tests:
            return
        if self.program.language_of(frame.module) in HOLDING:
            self.hold(whose[1], name, value)

    def branch(self, frame: Frame, stmt: tuple[Any, ...]) -> bool:
        if stmt[1] is not None:
            self.eval(frame, stmt[1])
        node, context, transaction = next(self.ids), frame.context, frame.transaction
        if stmt[1] == ("n", "err"):
            self.failed(frame, node)
        left: set[int] = set()
        acted = False
        names = frame.names
        for at, arm in enumerate(stmt[2]):
            before = len(frame.effects)
            if len(context) < CONTEXT_LIMIT:
                frame.context = (*context, (node, at))
            frame.names = dict(names)
            frame.transaction = transaction
            if self.block(frame, arm):
                left.add(at)
                acted = acted or len(frame.effects) > before
            else:
                for name, value in frame.names.items():
                    if value is not None:
                        names[name] = value
            frame.context = context
        frame.names, frame.transaction = names, transaction
        if stmt[3] and stmt[2] and len(left) == len(stmt[2]):
            return True
        if left and acted and len(context) < CONTEXT_LIMIT:
            frame.context = (*context, (node, frozenset(left)))
        return False

    @staticmethod
    def failed(frame: Frame, node: int) -> None:
        """In the arm of `if err != nil` the call before it has not had its effects."""
        for at in range(frame.before, len(frame.effects)):
            effect = frame.effects[at]
            if len(effect.context) < CONTEXT_LIMIT:
                frame.effects[at] = effect._replace(context=(*effect.context, (node, frozenset({0}))))

    def loop(self, frame: Frame, stmt: tuple[Any, ...]) -> None:
        value = self.eval(frame, stmt[2]) if stmt[2] is not None else None
        for target in stmt[1]:
            if target and target[0] == "n":
                frame.names[target[1]] = value if value is not None and value[0] in ("I", "K", "L", "F", "H") else None
        flags = frame.flags
        frame.flags = flags | {"loop"}
        self.block(frame, stmt[3])
        frame.flags = flags

    def attempt(self, frame: Frame, stmt: tuple[Any, ...]) -> bool:
        """A handler runs instead of the rest of the body, so its effects are no second half of the body's."""
        node, context, flags = next(self.ids), frame.context, frame.flags
        if stmt[2] and len(context) < CONTEXT_LIMIT:
            frame.context = (*context, (node, 0))
        before = len(frame.effects)
        body_left = self.block(frame, stmt[1])
        acted = len(frame.effects) > before
        left: set[int] = {0} if body_left else set()
        frame.flags = flags | {"on_error"}
        for at, handler in enumerate(stmt[2], start=1):
            if len(context) < CONTEXT_LIMIT:
                frame.context = (*context, (node, at))
            if self.block(frame, handler):
                left.add(at)
        frame.flags, frame.context = flags, context
        if self.block(frame, stmt[3]):
            return True
        if body_left and len(left) == len(stmt[2]) + 1:
            return True
        if left and acted and stmt[2] and len(context) < CONTEXT_LIMIT:
            frame.context = (*context, (node, frozenset(left)))
        return False

    def using(self, frame: Frame, stmt: tuple[Any, ...]) -> bool:
        """`with` and `using`: the items may open a transaction for the body."""
        transaction, opened = frame.transaction, False
        for item, target in stmt[1]:
            begun = self.begins(frame, item)
            value = self.eval(frame, item)
            opened = opened or begun
            if target is not None and target[0] == "n":
                frame.names[target[1]] = value
        if opened and not frame.transaction:
            frame.transaction = next(self.ids)
        left = self.block(frame, stmt[2])
        if stmt[2]:
            frame.transaction = transaction
        return left

    # -- expressions

    def eval(self, frame: Frame, e: Expr | None) -> Value:
        """The value of an expression; its effects go to the frame."""
        if e is None:
            return None
        self.steps += 1
        if self.steps > STEP_LIMIT:
            raise OutOfSteps
        tag = e[0]
        if tag == "n":
            value = self.lookup(frame, e[1])
            if value is None and self.program.language_of(frame.module) == "csharp":
                return self.method_group(frame, e[1])
            return value
        if tag == "a":
            found = self.attribute(frame, self.eval(frame, e[1]), e[2])
            if self.kept and (found is None or found[0] == "X"):
                return self.kept_on(frame, e) or found
            return found
        if tag == "c":
            return self.call(frame, e)
        if tag == "s":
            return ("S", e[1])
        if tag == "f":
            number = self.program.function_base[frame.module] + e[1]
            self.made(number, frame)
            return ("C", number, frame)
        if tag == "new":
            return self.construct(frame, e)
        if tag == "w":
            flags = frame.flags
            frame.flags = flags | {"awaited"}
            value = self.eval(frame, e[1])
            frame.flags = flags
            return value
        if tag == "k":
            return self.eval(frame, e[2])
        if tag == "d":
            return ("D", tuple((key, self.eval(frame, value)) for key, value in e[1]))
        if tag == "v":
            value = self.eval(frame, e[1])
            if frame.returned is None:
                frame.returned = value
            return None
        if tag == "t":
            self.eval(frame, e[1])
            return self.eval(frame, e[2]) or self.eval(frame, e[3])
        if tag == "as":
            value = self.eval(frame, e[1])
            return self.program.type(frame.module, e[2]) or value
        if tag == "i":
            value = self.eval(frame, e[1])
            key = self.eval(frame, e[2])
            if value is not None and value[0] == "D" and key is not None and key[0] == "S":
                return self.attribute(frame, value, key[1])
            if value is None and key is not None and key[0] == "S" and self.kept:
                return self.kept_on(frame, ("a", e[1], key[1]))
            return value if value is None or value[0] != "D" else None
        first: Value = None
        for part in e[1]:
            value = self.eval(frame, part)
            first = first if first is not None and first[0] != "S" else value or first
        return first

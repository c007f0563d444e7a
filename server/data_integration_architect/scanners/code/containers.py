"""What code puts into a container, an application or a request under a name, and what comes out of it elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .carriers import carrier
from .effects import Frame
from .endpoints import Endpoints
from .imports import Value
from .ir import Expr

# Calls that give what was entered.
LOCATING_WORDS = """
find_service get_service getService get resolve resolveSync getAsync make inject service cradle lookup
require_service getInstance get_instance provide app container dependencies deps ioc useService
"""
LOCATING = frozenset(LOCATING_WORDS.split())
# Calls whose value is what a container makes of their argument. Source: https://github.com/jeffijoe/awilix.
MAKERS = frozenset(["asClass", "asFunction", "asValue", "aliasTo", "singleton", "scoped", "transient", "Singleton"])
KEPT = ("L", "I", "K", "F", "C")


class Containers(Endpoints):
    """The part of the evaluator that follows values through containers by name."""

    def __init__(self, program: Any) -> None:
        super().__init__(program)
        # name -> value; `None` where two places disagree
        self.entered: dict[tuple[str, str], Value] = {}
        self.kept: dict[tuple[str, str], Value] = {}

    def note(self, table: dict[tuple[str, str], Value], frame: Frame, name: str, value: Value) -> None:
        """Enter a value under a name for the files of its language family, unless another one is there."""
        if value is None or value[0] not in KEPT or frame.module in self.tests:
            return
        if value[0] == "C" and value[1] in self.running_closures():
            return
        key = (self.side(frame), name)
        known = table.get(key, value)
        table[key] = value if known is not None and known[:2] == value[:2] else None

    def running_closures(self) -> set[int]:
        return {key[1] for key in self.running if key[0] == "C"}  # type: ignore[misc]

    def side(self, frame: Frame) -> str:
        """Files of one family see each other's entries."""
        language = self.program.language_of(frame.module)
        return "script" if language in ("typescript", "javascript") else language

    def enters(self, frame: Frame, name: str, args: Sequence[Expr], values: Sequence[Value]) -> None:
        """Note what a call of a container enters: `register("orders", asClass(Orders))`, `decorate("db", db)`."""
        names = [v[1] for arg, v in zip(args, values, strict=True) if v is not None and v[0] == "S" and arg[0] != "k"]
        named = {arg[1]: v for arg, v in zip(args, values, strict=True) if arg[0] == "k"}
        said = named.get("name")
        label = str(said[1]) if said is not None and said[0] == "S" else str(names[-1]) if names else ""
        found = next((v for v in values if v is not None and v[0] in KEPT), None)
        if name == "register_service_factory" and names:
            found = self.dotted_value(frame, names[0])
            iface = named.get("iface")
            if iface is not None and iface[0] == "K" and found is not None:
                self.note(self.entered, frame, f"class:{iface[1]}", found)
            self.came_out(frame, found)  # it tells what the constructor of the service is given
            label = label if "name" in named else ""
        if label and found is not None:
            self.note(self.entered, frame, label, found)
            if name in ("add_request_method", "decorate", "decorateRequest"):
                self.note(self.kept, frame, label, found)
        for value in values[:1]:
            if value is not None and value[0] == "D" and name.startswith(("register", "provide")):
                for key, item in value[1]:
                    self.note(self.entered, frame, key, item)

    def dotted_value(self, frame: Frame, text: str) -> Value:
        """What a dotted name in a text stands for, as configuration by text has it: `.accounts.factory`."""
        if self.program.language_of(frame.module) != "python" or not text.strip(".").replace(".", "_").isidentifier():
            return None
        found = self.program.python_import(frame.module, text)
        return found if found is not None and found[0] in KEPT else None

    def located_value(self, frame: Frame, args: Sequence[Expr], values: Sequence[Value]) -> Value:
        """What a container gives for a class, a name, or both."""
        for arg, value in zip(args, values, strict=True):
            if value is not None and value[0] == "K":
                made = self.came_out(frame, self.entered.get((self.side(frame), f"class:{value[1]}")))
                return made if made is not None and made[0] in ("I", "L") else ("I", value[1])
            if value is not None and value[0] == "S" and (arg[0] != "k" or arg[1] in ("name", "iface")):
                found = self.entered.get((self.side(frame), value[1]))
                if found is not None:
                    return self.came_out(frame, found)
        return None

    def came_out(self, frame: Frame, value: Value) -> Value:
        """A class comes out as an instance, a factory as what it returns."""
        if value is None:
            return None
        if value[0] == "K":
            return ("I", value[1])
        if value[0] in ("F", "C"):
            before, effects, seen = frame.line, frame.effects, frame.seen
            frame.effects, frame.seen = [], set()
            made = self.call_value(frame, value, (), frame.line)
            frame.line, frame.effects, frame.seen = before, effects, seen
            return made if made is not None and made[0] in ("I", "L", "D", "F", "C") else None
        return tuple(value)

    def keeps_on(self, frame: Frame, target: Expr, value: Value) -> None:
        """Note `app.state.producer = producer` and `req.db = db`."""
        if value is not None and value[0] in ("L", "I") and carrier(target[1]):
            self.note(self.kept, frame, target[2], value)

    def kept_on(self, frame: Frame, e: Expr) -> Value:
        """The value of `request.app.state.producer` where nothing tells what a request is."""
        if not self.kept or not carrier(e[1]):
            return None
        return self.came_out(frame, self.kept.get((self.side(frame), e[2])))

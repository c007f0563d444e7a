"""Messages that leave by configuration: functions bound to topics, and routes whose steps are addresses."""

from __future__ import annotations

import re
from collections.abc import Sequence

from .clients import ClientType
from .effects import Frame
from .imports import Value
from .ir import Expr, Function
from .sqltext import sql_kind
from .steps import Steps

# Functional types of the JVM: those with a result send what they return; Kotlin writes `(A) -> B`.
RETURNING = re.compile(r"(?:Bi)?Function\b|Supplier\b|.*->\s*(?!Unit)")
TAKING = re.compile(r"(?:Bi)?Consumer\b|.*->\s*Unit")
# An address that asks a store for rows, by the option of its endpoint.
ASKS = re.compile(r"[?&](?:operation=(?:find|count|get|search|exists|aggregate)|query=)", re.IGNORECASE)


class Endpoints(Steps):
    """The part of the evaluator that knows what a binding or an endpoint's address does."""

    def bound(self, frame: Frame, function: Function, library: str) -> None:
        """Run the function that a bean method gives: a binding of the settings calls it once per message."""
        program = self.program
        returns = function.returns.rpartition("java.util.function.")[2]
        sends = RETURNING.match(returns) is not None
        near = program.near_libraries(program.modules[frame.module].path)
        if library not in near or not (sends or TAKING.match(returns)):
            return
        value = frame.returned
        if value is not None and value[0] in ("C", "F"):
            self.call_value(frame, value, (), function.line)
        if sends and (function.name in program.bound_outputs or not program.bound_outputs):
            technology = program.clients.technology.get(library, "")
            self.emit(frame, "publish", technology, "", None, function.end_line, library=library)

    def step(self, frame: Frame, client: ClientType, args: Sequence[Expr], values: Sequence[Value], line: int) -> None:
        """A step of a route: the address says what is written, or it is code of the repository."""
        texts = [value[1] for value in values if value is not None and value[0] == "S"]
        for text in texts:
            scheme, _, rest = text.partition(":")
            found = client.schemes.get(scheme)
            if found is None:
                continue
            kind, technology = found
            if kind == "sql_write":
                kind = sql_kind(rest.lstrip("/")) or "write"
            elif kind == "write" and ASKS.search(rest):
                kind = "read"
            if kind != "ignore":
                name = rest.partition("?")[0].lstrip("/") if kind == "publish" else ""
                self.emit(frame, kind, technology, name[:120], None, line, library=client.library)
            return
        for value in values[:1]:
            if value is not None and value[0] in ("I", "K"):
                for name in (*texts, "process", "handle"):
                    methods = self.program.find_method(value[1], name)
                    if methods:
                        self.enter_function(frame, methods[0], ("I", value[1]), (), line)
                        return

    @staticmethod
    def start_route(frame: Frame, line: int) -> None:
        """Each route of a builder is a path of its own."""
        node = -1 - frame.function
        frame.context = (*(arm for arm in frame.context if arm[0] != node), (node, line))

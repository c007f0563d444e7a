"""The part of reading a syntax tree that is the same in every language."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any, ClassVar

from ..carriers import REGISTERING, carrier
from ..ir import HOLDS, STRING_LIMIT, Block, Class, Expr, Field, Function, Module, Param

Node = Any  # ast_grep_py.SgNode; its stubs do not say that field() may be None

OPENING = re.compile(r"^(?:[A-Za-z@$]{0,3})[\"'`]+")

# Deeper nesting than this is generated or hostile; Python's own stack is the limit behind it.
DEPTH_LIMIT = 150


class TooDeep(Exception):
    """The source nests deeper than `DEPTH_LIMIT`."""


class Reader:
    """Turns one syntax tree into a `Module`; a language fills `expressions` and `statements` with its node kinds.

    Unknown node kinds are read as their children in order, so a construct that a language adds later loses its
    shape but not the calls inside it.
    """

    language: ClassVar[str] = ""
    expressions: ClassVar[dict[str, str]] = {}
    statements: ClassVar[dict[str, str]] = {}
    strings: ClassVar[frozenset[str]] = frozenset()
    silent: ClassVar[frozenset[str]] = frozenset({"comment", "line_comment", "block_comment"})

    def __init__(self, path: str) -> None:
        self.module = Module(path, self.language)
        self.classes: list[int] = []
        self.functions: list[int] = []
        self.bounds: dict[str, str] = {}
        self.depth = 0
        self._expr = {kind: getattr(self, name) for kind, name in self.expressions.items()}
        self._stmt = {kind: getattr(self, name) for kind, name in self.statements.items()}

    def read(self, root: Node) -> Module:
        """The module of a tree; raises `TooDeep`."""
        index = self.open_function("<module>", 1, self.last_line(root))
        self.module.lines = self.last_line(root)
        self.module.functions[index].body = self.block(root)
        self.functions.pop()
        for function in self.module.functions:
            function.calls = frozenset(function.calls)  # most are empty, and an empty one takes no room
        return self.module

    # -- nodes

    @staticmethod
    def line(node: Node) -> int:
        return int(node.range().start.line) + 1

    @staticmethod
    def last_line(node: Node) -> int:
        return int(node.range().end.line) + 1

    @staticmethod
    def named(node: Node) -> list[Node]:
        return [child for child in node.children() if child.is_named()]

    @staticmethod
    def of_kind(node: Node, *kinds: str) -> Node | None:
        for child in node.children():
            if child.kind() in kinds:
                return child
        return None

    @staticmethod
    def all_of(node: Node, *kinds: str) -> list[Node]:
        return [child for child in node.children() if child.kind() in kinds]

    def text(self, node: Node | None) -> str:
        return "" if node is None else str(node.text())

    # -- expressions

    def expr(self, node: Node | None) -> Expr | None:
        """The expression of a node, `None` where nothing in it can act."""
        if node is None:
            return None
        kind = node.kind()
        handler: Callable[[Node], Expr | None] | None = self._expr.get(kind)
        self.depth += 1
        if self.depth > DEPTH_LIMIT:
            raise TooDeep
        try:
            if handler is not None:
                return handler(node)
            if kind in self.silent or kind in self.strings:
                return None if kind in self.silent else self.string(node)
            return self.other(self.named(node))
        finally:
            self.depth -= 1

    def other(self, nodes: Iterable[Node]) -> Expr | None:
        parts = tuple(part for part in map(self.expr, nodes) if part is not None)
        if not parts:
            return None
        return parts[0] if len(parts) == 1 and parts[0][0] != "k" else ("o", parts)

    def exprs(self, nodes: Iterable[Node]) -> tuple[Expr, ...]:
        """Arguments keep their place, so one that cannot act is an empty operand."""
        return tuple(part if part is not None else ("o", ()) for part in map(self.expr, nodes))

    def name(self, node: Node) -> Expr:
        text = str(node.text())
        return ("n", "self" if text == "this" else text)

    def string(self, node: Node) -> Expr | None:
        text = OPENING.sub("", str(node.text())[: STRING_LIMIT + 8], count=1).rstrip("\"'`")
        return ("s", text[:STRING_LIMIT])

    def await_(self, node: Node) -> Expr | None:
        inner = self.other(self.named(node))
        return None if inner is None else ("w", inner)

    def inner(self, node: Node) -> Expr | None:
        return self.other(self.named(node))

    def first(self, node: Node) -> Expr | None:
        children = self.named(node)
        return self.expr(children[0]) if children else None

    def called(self, callee: Expr, args: tuple[Expr, ...], node: Node) -> Expr:
        """A call; its last name is noted on the function for quick rejection."""
        if callee[0] in ("a", "n"):
            calls = self.module.functions[self.functions[-1]].calls
            calls |= {callee[2] if callee[0] == "a" else callee[1]}
            if callee[0] == "a" and callee[2] in REGISTERING and carrier(callee[1]):
                calls |= {HOLDS}
        return ("c", callee, args, self.line(node))

    # -- statements

    def block(self, node: Node | None) -> Block:
        if node is None:
            return ()
        return self.statements_of(self.named(node))

    def statements_of(self, nodes: Iterable[Node]) -> Block:
        out: list[Any] = []
        for child in nodes:
            self.statement(child, out)
        return tuple(out)

    def statement(self, node: Node, out: list[Any]) -> None:
        """Append the statements of one node."""
        handler = self._stmt.get(node.kind())
        if handler is None:
            value = self.expr(node)
            if value is not None:
                out.append(("e", value))
            return
        self.depth += 1
        if self.depth > DEPTH_LIMIT:
            raise TooDeep
        result = handler(node)
        self.depth -= 1
        if result is not None:
            if isinstance(result, list):
                out.extend(result)
            else:
                out.append(result)

    def one(self, node: Node | None) -> Block:
        """A body that may be a block or a single statement."""
        if node is None:
            return ()
        out: list[Any] = []
        self.statement(node, out)
        return tuple(out)

    def inline_block(self, node: Node) -> list[Any]:
        return list(self.block(node))

    def returns(self, node: Node) -> tuple[Any, ...]:
        return ("r", self.inner(node))

    def leaves(self, node: Node) -> tuple[Any, ...]:
        return ("x", self.inner(node))

    def ignored(self, node: Node) -> None:
        return None

    # -- declarations

    def open_function(self, name: str, line: int, end_line: int, params: tuple[Param, ...] = ()) -> int:
        """Start a function; the caller fills its body and pops `functions`."""
        index = len(self.module.functions)
        outer = self.functions[-1] if self.functions else None
        self.module.functions.append(Function(name, line, end_line, params, outer=outer))
        self.functions.append(index)
        return index

    def function(self, node: Node, name: str, params: tuple[Param, ...], body: Callable[[], Block]) -> int:
        index = self.open_function(name, self.line(node), self.last_line(node), params)
        owner = self.classes[-1] if self.classes else None
        self.module.functions[index].owner = owner
        self.module.functions[index].body = body()
        self.functions.pop()
        return index

    def method(self, node: Node, name: str, params: tuple[Param, ...], body: Callable[[], Block]) -> Function:
        """A function of the class that is being read."""
        index = self.function(node, name, params, body)
        owner = self.classes[-1]
        self.module.classes[owner].methods.setdefault(name, []).append(index)
        self.module.functions[index].owner = owner
        if not self.module.classes[owner].name.startswith("<anonymous"):
            self.module.functions[index].outer = None
        return self.module.functions[index]

    def open_class(self, node: Node, name: str, kind: str, bases: tuple[str, ...]) -> Class:
        """Start a class; the caller reads its members and pops `classes`."""
        made = Class(name, self.line(node), self.last_line(node), kind, bases)
        self.classes.append(len(self.module.classes))
        self.module.classes.append(made)
        return made

    def add_field(self, name: str, type_text: str = "", init: Expr | None = None, within: int | None = None) -> None:
        """Note a field of the class that is being read."""
        found = self.module.classes[self.classes[-1]].fields.setdefault(name, Field(name))
        if type_text:
            found.type = type_text
        if init is not None and len(found.inits) < 4:
            found.inits.append((within, init))

    def assigned(self, target: Expr | None, value: Expr | None) -> None:
        """Note `self.x = value` as a field of the class."""
        if target is None or value is None or target[0] not in ("a", "i"):
            return
        if carrier(target[1]):
            self.module.functions[self.functions[-1]].calls |= {HOLDS}
        if not self.classes or target[0] != "a":
            return
        if target[1] == ("n", "self"):
            self.add_field(target[2], init=value, within=self.functions[-1])

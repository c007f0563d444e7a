"""What the parts of the evaluator share: state, and the operations that they call in each other."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from itertools import count
from typing import Any

from .effects import Effect, Frame, Summary
from .hooks import Decorated
from .imports import Value
from .ir import Expr
from .program import Program


class Steps(Decorated):
    """State of an evaluation; what is abstract here lies in `calls`, `values` and `evaluate`."""

    def __init__(self, program: Program) -> None:
        super().__init__(program)
        self.ids: Iterator[int] = count(1)
        # functions given to a framework -> where they were made and the label of their registration
        self.registered: dict[int, tuple[Frame, str]] = {}
        self.inlined: set[int] = set()
        self.anonymous: dict[int, Frame] = {}
        self.tests: frozenset[int] = frozenset()
        self.alternative_nodes: set[int] = set()
        self.running: set[tuple[object, ...]] = set()
        # functions put into fields of a class where its instances are made
        self.held: dict[tuple[int, str], list[Value]] = {}
        # class that queries rows -> the one entity that it belongs to
        self.kept_by: dict[int, int | None] = {}
        # handler -> technology and library of the broker that its results are sent to
        self.answering: dict[int, tuple[str, str]] = {}
        self.constructed: dict[int, tuple[Value, ...]] = {}
        # handler -> (technology, topic, library) of what it consumes; the topic is empty if it is computed
        self.consumed: dict[int, list[tuple[str, str, str]]] = {}
        clients = program.clients.types.values()
        self.dispatching = frozenset(
            name for c in clients for name, kind in c.methods.items() if kind in ("dispatch", "raise")
        )
        self.flushing = frozenset(c.library for c in clients if "flush" in c.methods.values())

    @abstractmethod
    def summary(
        self, number: int, self_value: Value, arguments: tuple[Value, ...] = (), outer: Frame | None = None
    ) -> Summary: ...

    @abstractmethod
    def eval(self, frame: Frame, e: Expr | None) -> Value: ...

    @abstractmethod
    def quiet(self, frame: Frame, e: Expr) -> Value: ...

    @abstractmethod
    def block(self, frame: Frame, block: Sequence[Expr]) -> bool: ...

    @abstractmethod
    def lookup(self, frame: Frame, name: str) -> Value: ...

    @abstractmethod
    def attribute(self, frame: Frame | None, value: Value, name: str) -> Value: ...

    @abstractmethod
    def has_field(self, number: int, name: str) -> bool: ...

    @abstractmethod
    def resolved(self, value: Value) -> Value: ...

    @abstractmethod
    def root(self, number: int) -> int: ...

    @abstractmethod
    def receiver(self, frame: Frame) -> Value: ...

    @abstractmethod
    def receivers(self, frame: Frame) -> list[tuple[Any, ...]]: ...

    @abstractmethod
    def guess(self, name: str, module: int) -> Value: ...

    @abstractmethod
    def arguments(self, frame: Frame, args: Sequence[Expr], inline: bool, bound: Value = None) -> list[Value]: ...

    @abstractmethod
    def runs(self, frame: Frame, name: str, args: Sequence[Expr]) -> bool: ...

    @abstractmethod
    def enter_function(
        self, frame: Frame, number: int, self_value: Value, args: Sequence[Expr], line: int
    ) -> Value: ...

    @abstractmethod
    def pick(self, frame: Frame, methods: list[int], args: Sequence[Expr]) -> int: ...

    @abstractmethod
    def call_value(self, frame: Frame, value: Value, args: Sequence[Expr], line: int, name: str = "") -> Value: ...

    @abstractmethod
    def emit(
        self,
        frame: Frame,
        kind: str,
        technology: str,
        name: str,
        entity: int | None,
        line: int,
        flags: frozenset[str] = frozenset(),
        library: str = "",
        seen: bool = True,
    ) -> None: ...

    @abstractmethod
    def compose(self, frame: Frame, effect: Effect, number: int, line: int, own: bool = False) -> None: ...

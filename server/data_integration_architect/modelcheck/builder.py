"""A small mutable front for mechanisms to write a model with; `build` returns the frozen one."""

from data_integration_architect.modelcheck.ir import (
    Action,
    ActionKind,
    Array,
    Declaration,
    Log,
    Model,
    Property,
    PropertyKind,
    Var,
)


class ModelBuilder:
    """Collects declarations, actions and properties; every method that declares returns the name."""

    def __init__(self, *, faults: int, workload: int) -> None:
        self.faults = faults
        self.workload = workload
        self._declarations: list[Declaration] = []
        self._actions: list[Action] = []
        self._properties: list[Property] = []
        self._labels: dict[str, str] = {}

    def var(self, name: str, high: int, initial: int = 0, low: int = 0) -> str:
        """Declares an integer in `low..high`."""
        self._declarations.append(Var(name, high, initial, low))
        return name

    def high(self, name: str) -> int:
        """The largest value of a declared variable."""
        return next(found.high for found in self._declarations if isinstance(found, Var) and found.name == name)

    def array(self, name: str, size: int, high: int, initial: int = 0, last: int | None = None) -> str:
        """Declares `size` integers in `0..high`; `last` is the first value of the last one."""
        self._declarations.append(Array(name, size, high, initial, last))
        return name

    def label(self, name: str, words: str) -> None:
        """Words for a variable in a trace."""
        self._labels[name] = words

    def log(self, name: str, capacity: int, high: int) -> str:
        """Declares an append-only sequence."""
        self._declarations.append(Log(name, capacity, high))
        return name

    def act(
        self,
        name: str,
        guard: str,
        updates: str,
        *,
        actor: str = "",
        kind: ActionKind = "progress",
        cost: int = 0,
        source: str = "",
        target: str = "",
        text: str = "",
        atomic: str = "",
    ) -> None:
        """Adds an action; see `Action` for the meaning of each part."""
        self._actions.append(Action(name, actor or name, guard, updates, kind, cost, source, target, text, atomic))

    def always(self, name: str, *parts: str) -> None:
        """Adds an invariant."""
        self._property(name, "invariant", parts)

    def at_rest(self, name: str, *parts: str) -> None:
        """Adds a condition on every state without enabled progress."""
        self._property(name, "at_rest", parts)

    def _property(self, name: str, kind: PropertyKind, parts: tuple[str, ...]) -> None:
        self._properties.append(Property(name, kind, parts))

    def build(self) -> Model:
        """The frozen model. Raises: ModelError, where it contradicts its declarations."""
        return Model(
            tuple(self._declarations),
            tuple(self._actions),
            tuple(self._properties),
            self.faults,
            self.workload,
            dict(self._labels),
        )

"""Effects of functions, and when two of them can lie on one path."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

# Kinds that change a stateful system; `flush` is the commit of a unit of work (session, context).
STATEFUL = frozenset({"write", "flush", "publish", "enqueue", "cache_set", "outbox"})
# Kinds that a caller inherits from far below; reads stay near where they are made.
CARRIED = STATEFUL | {"invalidate", "raise"}
EFFECT_LIMIT = 48
CONTEXT_LIMIT = 14


class Effect(NamedTuple):
    """One effect as seen from a function; `at` is the line in that function that leads to it."""

    kind: str
    technology: str
    name: str
    entity: int | None
    function: int
    line: int
    at: int
    context: tuple[tuple[int, Any], ...]
    transaction: int
    flags: frozenset[str]
    depth: int
    origin: int
    seen: bool
    library: str
    home: int = -1  # the function in whose closure it happens, if a callee runs that closure


class Summary(NamedTuple):
    """What a call of a function does and returns."""

    effects: tuple[Effect, ...]
    value: Any


EMPTY = Summary((), None)


@dataclass(slots=True, eq=False)
class Frame:
    """The state of one function under evaluation; closures keep the frame in which they were made."""

    module: int
    function: int
    self_value: Any
    outer: Frame | None
    names: dict[str, Any] = field(default_factory=dict)
    context: tuple[tuple[int, Any], ...] = ()
    transaction: int = 0
    flags: frozenset[str] = frozenset()
    effects: list[Effect] = field(default_factory=list)
    seen: set[tuple[Any, ...]] = field(default_factory=set)
    returned: Any = None
    line: int = 0
    # how many effects there were before the statement that precedes the one at hand
    before: int = 0

    def add(self, effect: Effect) -> None:
        """Keep an effect unless the same one was there before; a full frame still takes what is new in kind."""
        after = "after_commit" in effect.flags
        key: tuple[Any, ...] = (effect.kind, effect.technology, effect.context, effect.origin, effect.home, after)
        if not effect.depth:
            key = (*key, effect.name, effect.entity, effect.line)
        if key in self.seen:
            return
        brief = (effect.kind, effect.technology)
        if len(self.effects) < EFFECT_LIMIT or brief not in self.seen:
            self.seen.add(key)
            self.seen.add(brief)
            self.effects.append(effect)


def compatible(one: Effect, other: Effect) -> bool:
    """Whether two effects can lie on one path: no branch in which they need different arms."""
    if not one.context or not other.context:
        return True
    arms: dict[int, list[Any]] = {}
    for node, arm in one.context:
        arms.setdefault(node, []).append(arm)
    for node, arm in other.context:
        for known in arms.get(node, ()):
            if isinstance(arm, frozenset):
                if not isinstance(known, frozenset) and known in arm:
                    return False
            elif isinstance(known, frozenset):
                if arm in known:
                    return False
            elif arm != known:
                return False
    return True

"""Effects of functions, and when two of them can lie on one path."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

# Kinds that change a stateful system; `flush` is the commit of a unit of work (session, context).
STATEFUL = frozenset({"write", "flush", "publish", "enqueue", "cache_set", "outbox"})
# Kinds that a caller inherits from far below; reads stay near where they are made.
CARRIED = STATEFUL | {"invalidate", "raise"}
READING = re.compile(r"_*(?:async)?_*(?:find|get|fetch|load|look|read|query|list|search|resolve|select)", re.I)
# A name that also says that something is written: `getOrCreate`, `fetchAndStore`.
CHANGING = re.compile(
    r"create|save|insert|update|upsert|store|write|delete|remove|sync|persist|publish|send|mark|pop", re.I
)
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


def lazily_made(effects: Sequence[Effect]) -> Sequence[Effect]:
    """The effects of a function that reads by its name: what it writes on some paths only, after it read, is a default
    row or a copy that it makes where there is none, and no half of a dual write."""
    reads = next((at for at, effect in enumerate(effects) if effect.kind == "read"), None)
    kinds = ("write", "flush")
    written = {e.technology for e in effects if e.kind in STATEFUL}
    if reads is None or len(written) != 1 or any(e.kind in STATEFUL and e.kind not in kinds for e in effects):
        return effects
    return [
        e._replace(flags=e.flags | {"fill"}) if at > reads and e.kind in kinds and e.context else e
        for at, e in enumerate(effects)
    ]


def marked_fills(effects: Sequence[Effect], name: str) -> tuple[Effect, ...]:
    """The effects of a function, its cache entries flagged `fill` if it only reads: it looks in the cache first.

    Such an entry is a copy that a later read makes again, so it is no half of a dual write of some caller. That it
    reads is told by a read of another store, or by its name if the other read was not recognised.
    """
    if READING.match(name) and CHANGING.search(name) is None:
        effects = lazily_made(effects)
    sets = [e for e in effects if e.kind == "cache_set" and "fill" not in e.flags]
    if not sets or any(e.kind in STATEFUL and e.kind != "cache_set" for e in effects):
        return tuple(effects)
    read = {e.technology for e in effects if e.kind == "read"}
    if any(e.technology not in read for e in sets) or (len(read) < 2 and READING.match(name) is None):
        return tuple(effects)
    return tuple(e._replace(flags=e.flags | {"fill"}) if e.kind in ("cache_set", "invalidate") else e for e in effects)


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

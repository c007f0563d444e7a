"""What the mechanisms of one model share: the builder, records and their codes, stores, channels, limits.

A request is an intent numbered 1..W in the order in which requests enter (requests of one kind are interchangeable,
so naming them by arrival loses nothing). A record that moves is a code: the intent, or W + intent for a deletion (in
models of state) or for a second operation id of the same intent (in models of effects). With `has_earlier`, one more
value stands for the record that was there before the first request.

Models of effects need one intent only. Handlers treat records one by one and remember each id for itself, so a run with
other intents projects to a run without them: their records leave the logs, and a crash that rewinds over some of both
rewinds over the tracked ones alone. Conversely other intents can be handled without a fault. Where ids of different
intents can be equal this fails, and where rows are read by a drawn number, since the number of another intent can make
the reader pass; then request 1 is tracked, may enter at any time among the others, which share a code.

Models of state keep one key: every action of a handler touches one key, and other keys appear only as intents that
are `other`, whose records take places in logs and are skipped. Two keys stand for any number by symmetry.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from data_integration_architect.modelcheck.builder import ModelBuilder
from data_integration_architect.modelcheck.expressions import parse_updates
from data_integration_architect.modelcheck.facts import Options
from data_integration_architect.modelcheck.ir import ActionKind
from data_integration_architect.modelcheck.scene import Scene
from data_integration_architect.topology import Topology

if TYPE_CHECKING:
    from data_integration_architect.modelcheck.mechanisms.versions import Stamps


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much one check explores; printed with every verdict.

    `states` bounds each single search: 60,000 took about a second on one core (parallel workers that read again).
    """

    writes: int = 3
    keys: int = 2
    partitions: int = 2
    instances: int = 2
    retries: int = 1
    faults: int = 2
    states: int = 60_000


@dataclass(frozen=True, slots=True)
class Value:
    """A record in an expression: its code, its value without what it does, and whether it deletes.

    `request` is the number of the request whose own record it is, empty for a record that was read. `is_tracked` is
    the condition that it belongs to the tracked intent of a model of effects. `is_read`: the handler has read it from
    a store, and 0 means that there was none. `is_row`: the condition that it is a row of a snapshot that must not
    replace what is there. `attempt`: the variable that is 1 in a repetition by the caller, where there is one.
    """

    code: str
    intent: str
    deletes: Literal["no", "yes", "maybe"]
    label: str
    request: str = ""
    is_tracked: str = "True"
    is_read: bool = False
    is_row: str = "False"
    attempt: str = ""


@dataclass(frozen=True, slots=True)
class Branch:
    """One way in which a step takes effect: its condition, updates, words to add, how many next steps it skips."""

    guard: str = "True"
    updates: tuple[str, ...] = ()
    note: str = ""
    skips: int = 0

    def merged(self, other: "Branch") -> "Branch":
        """Both at once; of two changes of one thing the later one is seen, and one that both make is made once."""
        later = {_changed(update) for update in other.updates}
        return Branch(
            " and ".join(f"({guard})" for guard in (self.guard, other.guard) if guard != "True") or "True",
            (*(update for update in self.updates if _changed(update) not in later), *other.updates),
            "; ".join(note for note in (self.note, other.note) if note),
            max(self.skips, other.skips),
        )


def _changed(update: str) -> tuple[str, str | None]:
    (parsed,) = parse_updates(update)
    return parsed.target, parsed.index


@dataclass(frozen=True, slots=True)
class StoreState:
    """Names of what one store holds: the `cell` of its state, or the count of effects of the tracked intent.

    `more` counts the further effects of handlers that have several on the store, each by itself.
    """

    name: str
    label: str
    cell: str
    is_record: bool
    more: tuple[str, ...] = ()


@dataclass(slots=True)
class ChannelState:
    """Logs of one channel, one for each partition; `capacity[f]` is the most records that `f` faults can cause."""

    name: str
    label: str
    logs: tuple[str, ...]
    capacity: tuple[int, ...]
    is_keyed: bool = True


@dataclass(frozen=True, slots=True)
class Position:
    """Where a handler stands in a log: the variable, its largest value, how far a crash can go back at most, and the
    program counter within one record."""

    label: str
    offset: str
    most: int
    floor: str | None = None
    counter: str | None = None


@dataclass(frozen=True, slots=True)
class Rebuild:
    """A rebuild beside a live stream: its program counter (0 = none runs), what the stream does meanwhile, and the
    new copy with the version that it holds, where the stream writes that too."""

    counter: str
    live: str
    cell: str | None = None
    guard: str | None = None


@dataclass
class World:
    """Everything that mechanisms need to add their actions to one model.

    `labels`: variable -> words for it in a trace. `shared`: role -> variable that several mechanisms use. `changes`:
    store -> log of its changes, where something follows it. `numbered`: stores and outboxes read by a drawn number;
    `draws_first`: it is drawn before the row of the record is locked; `draws_ids`: a reader waits for transactions by
    their id, so that is drawn too. `partial`: stores that are filled on a miss, so that an entry may lack. `has_parts`:
    events may leave out what did not change. `is_log`: the system of record is a channel, and has what came last;
    `origins`: that channel and others of the same entity.
    `starts_empty`: derived stores that get what was there before by a snapshot. `synchronous`: store -> cells of
    replicas that have each of its commits before the writer is answered. `stamps`: how versions that guards compare are
    drawn, where that is not the commit order. `new_ids`: an operation can have a second id, `retry_ids`: because its
    caller repeats it with another one. `positions`: log -> where its consumers stand. `rebuilds`: store ->
    a rebuild beside a stream.
    """

    topology: Topology
    scene: Scene
    options: Options
    bounds: Bounds
    writes: int
    counts: bool
    deletes: bool
    has_earlier: bool
    new_ids: bool
    retry_ids: bool
    record: str | None
    m: ModelBuilder
    stores: dict[str, StoreState] = field(default_factory=dict)
    channels: dict[str, ChannelState] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)
    shared: dict[str, str] = field(default_factory=dict)
    finished: list[str] = field(default_factory=list)
    changes: dict[str, str] = field(default_factory=dict)
    numbered: set[str] = field(default_factory=set)
    draws_first: bool = False
    draws_ids: bool = False
    starts_empty: frozenset[str] = frozenset()
    has_parts: bool = False
    is_log: bool = False
    origins: tuple[str, ...] = ()
    partial: frozenset[str] = frozenset()
    synchronous: dict[str, list[str]] = field(default_factory=dict)
    not_modelled: set[str] = field(default_factory=set)
    stamps: "Stamps | None" = None
    positions: dict[str, list[Position]] = field(default_factory=dict)
    rebuilds: dict[str, Rebuild] = field(default_factory=dict)
    _numbers: dict[str, int] = field(default_factory=dict)

    @property
    def ids(self) -> int:
        """Number of values: in models of effects the tracked intent and all others, else every intent and, last,
        the record that was there before, where there is one."""
        return min(2, self.writes) if self.counts else self.writes + self.has_earlier

    @property
    def code_high(self) -> int:
        """The largest record code."""
        return 2 * self.ids if self.deletes or self.new_ids else self.ids

    def fresh(self, stem: str) -> str:
        """An identifier that no declaration or action has yet."""
        number = self._numbers.get(stem, 0)
        self._numbers[stem] = number + 1
        return f"{stem}{number}"

    def value_at(self, code: str) -> Value:
        """The record that an expression reads; the expression must be one term, so that ranges can be narrowed."""
        if self.counts:
            return Value(code, code, "no", f"{{w:{code}}}", is_tracked="True" if self.ids == 1 else f"{code} & 1 == 1")
        if self.code_high == self.ids:
            return Value(code, code, "no", f"{{w:{code}}}")
        intent = f"({code} if {code} <= {self.ids} else {code} - {self.ids})"
        return Value(code, intent, "maybe" if self.deletes else "no", f"{{w:{code}}}")

    def own_value(self, intent: int, *, deletes: bool, attempt: str | None = None) -> Value:
        """The record of request `intent`; with new ids a second attempt has another code."""
        request, retry = str(intent), attempt or ""
        if deletes:
            return Value(str(intent + self.ids), request, "yes", f"{{w:{intent + self.ids}}}", request, attempt=retry)
        if not self.counts:
            return Value(request, request, "no", f"{{w:{intent}}}", request, attempt=retry)
        is_tracked = "True" if intent == 1 else "False"
        code = str(min(intent, 2))
        if self.retry_ids and attempt is not None:
            code = f"{code} + {self.ids} * {attempt}"
        return Value(code, code, "no", f"{{w:{code}}}", request, is_tracked, attempt=retry)

    def act(
        self,
        stem: str,
        guards: Sequence[str],
        updates: Sequence[str],
        *,
        actor: str,
        kind: ActionKind = "progress",
        cost: int = 0,
        source: str = "",
        target: str = "",
        text: str = "",
        atomic: str = "",
    ) -> None:
        """Adds an action; conditions are joined by `and`."""
        guard = " and ".join(f"({part})" for part in guards if part != "True") or "True"
        self.m.act(
            self.fresh(stem),
            guard,
            "; ".join(updates),
            actor=actor,
            kind=kind,
            cost=cost,
            source=source,
            target=target,
            text=text,
            atomic=atomic,
        )

    def latch(self, stem: str) -> str:
        """Declares a variable that is set once."""
        return self.m.var(self.fresh(stem), 1)

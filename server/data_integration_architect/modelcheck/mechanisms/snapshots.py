"""How the first copy of a table meets the stream of its changes.

A capture reads the rows that were there before it, while writers go on. Its steps are: note the end of the log (low
mark), read the rows, note the end of the log again (high mark), send the rows. With both marks it drops a row if the
stream shows a change of it between them, and sends the others where the stream has reached the high mark, so that a
row never replaces a later change. `before`: the stream starts where the low mark was noted, once the rows are sent.

ATOMIC: a mark is one statement whose place in the log is its position; the rows of a chunk are read by one statement,
which sees one snapshot. A crash before the rows are sent starts the copy again.
Sources: Andreakis and Papapanagiotou, "DBLog: A Watermark Based Change-Data-Capture Framework" (2020), section 4;
Debezium documentation, "Incremental snapshots" and "Ad hoc snapshots".
"""

from dataclasses import dataclass

from data_integration_architect.modelcheck.effects import Effect
from data_integration_architect.modelcheck.expressions import NotModelledError
from data_integration_architect.modelcheck.scene import Place
from data_integration_architect.modelcheck.world import Value, World
from data_integration_architect.topology import Append, OnChanges

ATOMIC = "one statement, whose place in the log is its position"
MARKED = ("low-mark", "select", "high-mark", "emit")
BEFORE = ("low-mark", "select", "emit")


@dataclass(frozen=True, slots=True)
class Plan:
    """Steps of the copy in order; `is_before`: the stream waits for it; `drops`: rows that the stream has changed
    are left out; `only_missing`: the receiver keeps what it has."""

    order: tuple[str, ...]
    is_before: bool
    drops: bool
    only_missing: bool


def plan_of(place: Place) -> Plan | None:
    """The copy that a capture makes; None where it makes none, or none whose steps anybody told."""
    trigger = place.handler.trigger
    if not isinstance(trigger, OnChanges) or trigger.by == "query" or trigger.snapshot not in ("interleaved", "before"):
        return None
    if not trigger.snapshot_order and trigger.snapshot_writes is None:
        return None
    is_before = trigger.snapshot == "before"
    order: tuple[str, ...] = trigger.snapshot_order or (BEFORE if is_before else MARKED)
    if is_before:
        order = tuple(step for step in order if step != "high-mark")
    # rows that are out before the high mark is noted cannot be compared with what the stream shows up to it
    has_marks = {"low-mark", "high-mark"} <= set(order) and order.index("high-mark") < order.index("emit")
    told = bool(trigger.snapshot_order)
    drops = not is_before and has_marks and (told or trigger.snapshot_writes != "overwrite")
    # Marks around the reading leave out every row that the stream has changed: nothing is left that may be replaced.
    suffices = drops and order.index("low-mark") < order.index("select") < order.index("high-mark")
    return Plan(order, is_before, drops, trigger.snapshot_writes == "only-missing" and not suffices)


class Snapshot:
    """The copy of one capture, woven into its reading of the log."""

    def __init__(self, world: World, place: Place, plan: Plan, log: str, most: int) -> None:
        if {"select", "emit"} - set(plan.order) or plan.order.index("emit") < plan.order.index("select"):
            raise NotModelledError(f"{place.label}: a snapshot that does not read the rows and then send them")
        self.world, self.place, self.plan, self.log = world, place, plan, log
        trigger = place.handler.trigger
        self.source = trigger.changes if isinstance(trigger, OnChanges) else ""
        stem = world.fresh("snapshot")
        self.done = len(plan.order)
        self.counter = world.m.var(f"{stem}_pc", self.done)
        self.row = world.m.var(f"{stem}_row", world.ids)
        self.seen = world.m.var(f"{stem}_seen", 1) if plan.drops else None
        self._declare_places()
        self.marks = {step: world.m.var(f"{stem}_{step[:-5]}", most) for step in plan.order if step.endswith("-mark")}

    @property
    def waits(self) -> bool:
        """Whether the rows are sent where the stream has reached the high mark."""
        return self.plan.drops

    def ready(self, offset: str) -> list[str]:
        """Conditions under which the stream takes its next change."""
        if self.plan.is_before:
            return [f"{self.counter} == {self.done}"]
        if not self.waits:
            return []
        at_emit = self.plan.order.index("emit")
        return [f"not ({self.counter} == {at_emit} and {offset} == {self.marks['high-mark']})"]

    def passing(self, offset: str) -> list[str]:
        """What the stream notes when it takes a change: that the row has changed since the low mark."""
        if self.seen is None:
            return []
        low = self.plan.order.index("low-mark")
        is_open = f"{self.counter} > {low} and {self.counter} < {self.done}"
        return [f"{self.seen} = 1 if {is_open} and {offset} >= {self.marks['low-mark']} else {self.seen}"]

    def restart(self) -> list[str]:
        """What a crash does to a copy that is not finished."""
        if self.plan.only_missing:
            return []
        reset = [f"{self.counter} = 0 if {self.counter} < {self.done} else {self.done}"]
        return [*reset, *([f"{self.seen} = 0"] if self.seen is not None else [])]

    def add_actions(self, offset: str, effects: list[Effect], floor: str | None) -> None:
        """The steps of the copy; `effects` are those of the handler for the row."""
        if len(effects) != 1:
            raise NotModelledError(f"{self.place.label}: a snapshot by a handler with several steps")
        rows = self.world.stores[self.source]
        for number, step in enumerate(self.plan.order):
            here, moved = [f"{self.counter} == {number}"], [f"{self.counter} = {number + 1}"]
            match step:
                case "select":
                    self._act(here, [*moved, f"{self.row} = {rows.cell}"], f"reads {{w:{rows.cell}}}")
                case "emit":
                    self._emit(effects[0], here, moved, offset, floor)
                case _:
                    mark = self.marks[step]
                    reset = [f"{self.seen} = 0"] if step == "low-mark" and self.seen is not None else []
                    words = f"notes the end of the log as its {step.replace('-', ' ')}"
                    self._act(here, [*moved, f"{mark} = len({self.log})", *reset], words)

    def _emit(self, effect: Effect, here: list[str], moved: list[str], offset: str, floor: str | None) -> None:
        waits = [f"{offset} == {self.marks['high-mark']}"] if self.waits else []
        if self.plan.is_before and "low-mark" in self.marks:
            low = self.marks["low-mark"]
            moved = [*moved, f"{offset} = {low}", *([f"{floor} = {low}"] if floor is not None else [])]
        over = [self.row, *self.marks.values(), *([self.seen] if self.seen is not None else [])]
        moved = [*moved, *(f"{variable} = 0" for variable in over)]  # read no more: equal futures are equal states
        unchanged = [f"{self.seen} == 0"] if self.seen is not None else []
        for branch in effect.branches:
            sent = [*here, *waits, *unchanged, f"{self.row} > 0", branch.guard]
            self._act(
                sent, [*moved, *branch.updates, *self._note_place()], f"sends its row {{w:{self.row}}}", effect.target
            )
        if unchanged:
            self._act([*here, *waits, f"{self.seen} == 1"], moved, "drops its row: the stream has a change of it")
        if self.world.deletes:
            self._act([*here, *waits, *unchanged, f"{self.row} == 0"], moved, "has no row to send")

    def _note_place(self) -> list[str]:
        """Where a receiver that keeps what it has finds the row in its channel."""
        if not self.plan.only_missing:
            return []
        return [f"{place} = len({log}) + 1" for log, place in self._places()]

    def _places(self) -> list[tuple[str, str]]:
        names = [step.append for step in self.place.handler.steps if isinstance(step, Append)]
        logs = [log for name in names for log in self.world.channels[name].logs]
        return [(log, self.world.shared[f"row in:{log}"]) for log in logs if f"row in:{log}" in self.world.shared]

    def _declare_places(self) -> None:
        """For each channel of the rows, the variable of the place at which the row stands there (0 = not yet)."""
        if not self.plan.only_missing:
            return
        for step in self.place.handler.steps:
            if not isinstance(step, Append):
                raise NotModelledError(f"{self.place.label}: a snapshot that does not go to a channel")
            channel = self.world.channels[step.append]
            if len(channel.logs) > 1:
                raise NotModelledError(f"{self.place.label}: rows for missing ones only, over several partitions")
            key = f"row in:{channel.logs[0]}"
            self.world.shared[key] = self.world.m.var(self.world.fresh("row_place"), channel.capacity[-1])

    def _act(self, guards: list[str], updates: list[str], words: str, target: str = "") -> None:
        self.world.act(
            "snapshot",
            guards,
            updates,
            actor=f"{self.place.label} snapshot",
            source=self.source,
            target=target or self.place.label,
            text=words,
            atomic=ATOMIC,
        )


def is_row(world: World, log: str, offset: str) -> str:
    """The condition that a record of a channel is a row of a snapshot that must not replace anything."""
    place = world.shared.get(f"row in:{log}")
    return f"{offset} + 1 == {place}" if place is not None else "False"


def only_if_missing(value: Value, cell: str) -> str:
    """The condition under which such a row is kept out."""
    return f"{value.is_row} and {cell} > 0"

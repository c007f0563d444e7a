"""Readers that remember a number: outboxes read by sequence or time, captures by repeated query.

A writer draws the number when it inserts and becomes visible when it commits, so numbers become visible out of order;
a reader that has moved past a number never looks below it again. Writers of one key exclude each other by the lock on
its row, if they write the row before they draw; writers of other keys do not, which is why these models have intents
on another key. In a model of effects all intents but the tracked one are on another key.

Source: PostgreSQL documentation, "Sequence Manipulation Functions" (nextval is never rolled back and not ordered by
commit) and chapter 13, "Explicit locking".
"""

from dataclasses import replace
from typing import Literal

from data_integration_architect.modelcheck.effects import Effect
from data_integration_architect.modelcheck.expressions import NotModelledError
from data_integration_architect.modelcheck.facts import Options
from data_integration_architect.modelcheck.mechanisms.deduplication import Deduplication
from data_integration_architect.modelcheck.programs import lower as lower_steps
from data_integration_architect.modelcheck.scene import Place, Scene
from data_integration_architect.modelcheck.world import Branch, World
from data_integration_architect.topology import (
    Append,
    Call,
    OnChanges,
    OnConsume,
    OnRequest,
    Topology,
    Transaction,
    Write,
    step_target,
    walk_steps,
)

ATOMIC = "one query sees one snapshot of what is committed"


def is_numbered(topology: Topology, options: Options, place: Place) -> bool:
    """Whether the handler finds new rows by a number that is drawn before the commit."""
    trigger = place.handler.trigger
    path = f"{place.path}.trigger"
    if isinstance(trigger, OnConsume):
        channel = topology.channels[trigger.consume]
        if channel.in_ is None:
            return False
        cursor = options.get(f"{path}.cursor", trigger.cursor, safe="commit-order", unsafe="sequence")
        return cursor in ("sequence", "transaction-id", "modified-time")
    if isinstance(trigger, OnChanges):
        by = options.get(f"{path}.by", trigger.by, safe="log", unsafe="query")
        if by != "query":
            return False
        cursor = options.get(f"{path}.cursor", trigger.cursor, safe="commit-position", unsafe="modified-time")
        return cursor != "commit-position"
    return False


def held_back(world: World, place: Place) -> Literal["", "by-number", "by-transaction"]:
    """What the reader waits for: rows with lower numbers that are not committed yet, or transactions with lower ids.

    A reader that counts numbers and waits by transaction ids is not safe: of two transactions the one with the lower
    id may draw the higher number.
    """
    trigger = place.handler.trigger
    path = f"{place.path}.trigger"
    if isinstance(trigger, OnConsume):
        # a query without a bound is what one writes; who has one, says so
        known = trigger.visible_up_to or "none"
        bound = world.options.get(f"{path}.visible_up_to", known, safe="commit-order", unsafe="none")
        if bound == "oldest-running-transaction" and trigger.cursor == "transaction-id":
            return "by-number"  # what is counted is what bounds the view
        if bound == "oldest-running-transaction":
            drawn = world.options.get(
                f"{path}.sequence_drawn",
                trigger.sequence_drawn,
                safe="after-transaction-id",
                unsafe="before-transaction-id",
            )
            return "by-transaction" if drawn == "after-transaction-id" else ""
        return "" if bound == "none" else "by-number"
    if isinstance(trigger, OnChanges):
        overlap = world.options.get(f"{path}.overlap", trigger.overlap or "none", safe="1h", unsafe="none")
        return "" if overlap == "none" else "by-number"
    return ""


def declare_stamps(world: World) -> None:
    """For each intent: the number that it drew, whether its transaction is open or visible, whether on another key."""
    world.m.var("stamps", world.writes)
    if world.draws_ids:
        world.m.var("transactions", world.writes)
    for intent in range(1, world.writes + 1):
        world.m.var(f"stamp{intent}", world.writes)
        world.m.var(f"visible{intent}", 1)
        world.m.var(f"other{intent}", 1)
        world.m.var(f"open{intent}", 1)
        if world.draws_ids:
            world.m.var(f"transaction{intent}", world.writes)
        if world.deletes:
            world.m.var(f"removed{intent}", 1)


def draws_before_lock(scene: Scene, numbered: set[str]) -> bool:
    """Whether a transaction inserts the numbered row before it writes, and so locks, the record."""
    for place in scene.handlers.values():
        for _, block in walk_steps(place.handler.steps, ()):
            if not isinstance(block, Transaction):
                continue
            inner = [step for _, step in walk_steps(block.steps, ()) if scene.keeps(step)]
            kinds = [isinstance(step, Append) and step.append in numbered for step in inner]
            if True in kinds and any(isinstance(step, Write) for step in inner[kinds.index(True) :]):
                return True
    return False


def split(world: World, effects: list[Effect], intent: int, *, deletes: bool) -> list[Effect]:
    """The effects of a request with the number drawn in a step of its own before the commit that shows it.

    A request on another key changes the numbers only, and skips whatever concerns the modelled key.
    """
    found: list[Effect] = []
    if sum(bool(effect.touches & world.numbered) for effect in effects) > 1:
        names = ", ".join(sorted(world.numbered))
        raise NotModelledError(f"rows of {names} read by number, of which one request writes several apart")
    for effect in effects:
        if not effect.touches & world.numbered:
            found.append(effect)
            continue
        same_key = [
            f"not (open{other} == 1 and other{other} == 0)"
            for other in range(1, world.writes + 1)
            if other != intent and not world.draws_first
        ]
        number = (f"stamp{intent} = stamps + 1", "stamps += 1")
        draw = Branch("True", (*number, f"open{intent} = 1"), "number {n:stamps + 1}")
        begins = [draw]
        if world.draws_ids:
            begin = (f"transaction{intent} = transactions + 1", "transactions += 1", f"open{intent} = 1")
            noted = "transaction {n:transactions + 1}"
            begins = [
                Branch("True", (*begin, *number), f"{noted}, number {{n:stamps + 1}}"),
                Branch("True", begin, f"{noted}, no number yet"),
            ]
        on_key = [replace(one, guard=" and ".join(same_key) or "True") for one in begins]
        elsewhere = Branch("True", (f"other{intent} = 1",), "another key")
        on_other = [replace(elsewhere.merged(one), note=f"another key, {one.note}") for one in begins]
        branches = [*on_key, *on_other]
        if world.counts:
            branches = begins if intent == 1 else on_other
        found.append(Effect("insert, draw a number", effect.target, tuple(branches), "one statement"))
        shown = Branch("True", (f"visible{intent} = 1", f"open{intent} = 0"))
        ends = [shown]
        if world.draws_ids:
            late = Branch(f"stamp{intent} == 0", (*number, *shown.updates), "number {n:stamps + 1}")
            ends = [replace(shown, guard=f"stamp{intent} > 0"), late]
        own = Branch(f"other{intent} == 0", (f"removed{intent} = 1",) if deletes else ())
        done = [own.merged(branch).merged(end) for branch in effect.branches for end in ends]
        away = Branch(f"other{intent} == 1", (), "another key", skips=len(effects))
        done += [away.merged(end) for end in ends]
        found.append(Effect(effect.text, effect.target, tuple(done), effect.atomic, "", effect.touches))
    return found


def add_poller(world: World, place: Place) -> None:
    """A reader that takes the row with the lowest number above the one that it remembers.

    An outbox keeps each row. A captured table has the newest state of a record only, so an overwritten row is gone,
    and so is a deleted one unless the table keeps a mark that the query sees.
    """
    if writer := _other_writer(world, _origin(place)):
        raise NotModelledError(f"{place.label}: rows by number that no request writes, but {writer}")
    stem = world.fresh("poller")
    most = world.writes
    cursor = world.m.var(f"{stem}_cursor", most)
    if isinstance(place.handler.trigger, OnConsume) and place.handler.trigger.acknowledge == "with-effect":
        most = 0  # the number is stored with the effect, so no crash goes back
    floor = world.m.var(f"{stem}_floor", most) if most and world.bounds.faults else ""
    for earlier in range(most if floor else 0):
        world.act(
            "crash",
            [f"{cursor} > {earlier}", f"{floor} <= {earlier}"],
            [f"{cursor} = {earlier}", f"{floor} = {earlier}"],
            actor=place.label,
            kind="fault",
            source=place.process,
            text=f"{place.label} crashes, reads again from number {earlier + 1}",
        )
    intents = range(1, world.writes + 1)
    held = held_back(world, place)
    rows = {intent: _row_exists(world, place, intent) for intent in intents}
    seen = {
        intent: [
            f"not (open{other} == 1 and transaction{other} < transaction{intent})"
            for other in intents
            if other != intent and held == "by-transaction"
        ]
        for intent in intents
    }
    for intent in intents:
        guards = [f"stamp{intent} > {cursor}", f"visible{intent} == 1", f"({rows[intent]})", *seen[intent]]
        for other in intents:
            if other == intent:
                continue
            lower = f"stamp{other} > {cursor} and stamp{other} < stamp{intent}"
            guards.append(
                "not (" + " and ".join([f"visible{other} == 1", lower, f"({rows[other]})", *seen[other]]) + ")"
            )
            if held == "by-number":
                guards.append(f"not (open{other} == 1 and stamp{other} < stamp{intent})")
        for deletes in (False, True) if world.deletes else (False,):
            kind = [f"removed{intent} == {int(deletes)}"] if world.deletes else []
            value = world.own_value(intent, deletes=deletes)
            effects = lower_steps(world, place, place.handler.steps, value, None, f"{place.path}.steps")
            if world.counts:
                effects = Deduplication(world, place).around(effects, value)
            if len(effects) != 1:
                raise NotModelledError(f"{place.label}: several steps, or none, while reading by number")
            for branch in effects[0].branches if not world.counts or intent == 1 else ():
                world.act(
                    "poll",
                    [*guards, *kind, f"other{intent} == 0", branch.guard],
                    [f"{cursor} = stamp{intent}", *branch.updates],
                    actor=place.label,
                    source=_origin(place),
                    target=effects[0].target,
                    text=f"reads number {{n:stamp{intent}}}, {effects[0].text}",
                    atomic=ATOMIC,
                )
        world.act(
            "poll_other",
            [*guards, f"other{intent} == 1"],
            [f"{cursor} = stamp{intent}"],
            actor=place.label,
            source=_origin(place),
            target=place.process,
            text=f"reads number {{n:stamp{intent}}} of another key",
            atomic=ATOMIC,
        )


def _other_writer(world: World, source: str) -> str:
    """A handler that writes the rows and is no request: only requests draw numbers here; empty where none does."""
    for place in world.scene.handlers.values():
        if isinstance(place.handler.trigger, OnRequest | None):
            continue
        for _, step in walk_steps(place.handler.steps, ()):
            if world.scene.keeps(step) and isinstance(step, Write | Append | Call) and step_target(step) == source:
                return place.label
    return ""


def _row_exists(world: World, place: Place, intent: int) -> str:
    """Whether the row of an intent is still there to be read."""
    trigger = place.handler.trigger
    if not isinstance(trigger, OnChanges) or world.counts:
        return "True"
    cell = world.stores[trigger.changes].cell
    exists = f"other{intent} == 1 or {cell} == {intent}"
    seen = world.options.get(f"{place.path}.trigger.sees_deletes", trigger.sees_deletes, safe=True, unsafe=False)
    if world.deletes and seen:
        exists += f" or (removed{intent} == 1 and {cell} == 0)"
    return exists


def _origin(place: Place) -> str:
    trigger = place.handler.trigger
    if isinstance(trigger, OnConsume):
        return trigger.consume
    return trigger.changes if isinstance(trigger, OnChanges) else place.process

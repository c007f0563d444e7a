"""Consumers of a log: in order, with crashes that rewind; in parallel; with deduplication, dead letters and zombies.

The position that a crash falls back to is not modelled as a step of its own: a crash chooses how far it rewinds, at
most to where an earlier crash has shown the position to be stored. The stored position cannot be seen before a crash,
so this reaches the same states in everything that a property reads (tested against explicit commits).

Source: Apache Kafka documentation, "Consumer position" and "Message delivery semantics".
"""

from dataclasses import dataclass, replace
from functools import partial

from data_integration_architect.modelcheck.effects import Effect
from data_integration_architect.modelcheck.expressions import NotModelledError
from data_integration_architect.modelcheck.mechanisms import caches, losses
from data_integration_architect.modelcheck.mechanisms.background import (
    add_late,
    declare_slots,
    into_slots,
    outliving,
)
from data_integration_architect.modelcheck.mechanisms.deduplication import Deduplication
from data_integration_architect.modelcheck.mechanisms.delivery import Delivery, delivery_of, is_transactional
from data_integration_architect.modelcheck.mechanisms.snapshots import Snapshot, is_row
from data_integration_architect.modelcheck.programs import joined, lower, reads_again
from data_integration_architect.modelcheck.scene import Place
from data_integration_architect.modelcheck.world import Branch, Position, Value, World
from data_integration_architect.topology import OnChanges, OnConsume, Read, walk_steps

TAKES = "a broker or a claiming statement hands over one record at a time"


@dataclass(frozen=True, slots=True)
class Source:
    """The log that a handler reads, words for it, and the most records that it may get under 0, 1, .. faults."""

    log: str
    label: str
    most: tuple[int, ...]


def add_consumer(
    world: World,
    place: Place,
    source: Source,
    *,
    is_queue: bool,
    rewinds: bool = True,
    snapshot: Snapshot | None = None,
) -> None:
    """Adds the actions that take records of one log."""
    delivery = delivery_of(world, place, is_queue=is_queue)
    if delivery.workers > 1 and is_row(world, source.log, "0") != "False":
        raise NotModelledError(
            f"{place.label}: workers in parallel on rows of a snapshot that fill only what is missing"
        )
    if delivery.workers > 1:
        # workers are alike, so of two idle ones the first takes a record: naming them by that loses nothing
        busy: list[str] = []
        for number in range(delivery.workers):
            worker = _Worker(world, place, source, delivery, f"{place.label} worker {number + 1}")
            busy.append(f"{worker.add_parallel(busy)} > 0")
        return
    _Worker(world, place, source, delivery, place.label, snapshot).add_in_order(rewinds=rewinds)


class _Worker:
    """One thread of one handler on one log."""

    def __init__(
        self,
        world: World,
        place: Place,
        source: Source,
        delivery: Delivery,
        actor: str,
        snapshot: Snapshot | None = None,
    ) -> None:
        self.world = world
        self.snapshot = snapshot
        self.place = place
        self.source = source
        self.delivery = delivery
        self.actor = actor
        self.stem = world.fresh("worker")
        self.deduplication = Deduplication(world, place, source.log)
        self.slots: dict[int, list[str]] | None = None
        # effects that add up are those of the record itself, whatever its handler looks up
        reads = not world.counts and any(
            (isinstance(step, Read) or reads_again(world, place, step)) and world.scene.keeps(step)
            for _, step in walk_steps(place.handler.steps, ())
        )
        self.local = world.m.var(f"{self.stem}_read", world.ids) if reads else None

    def effects(self, value: Value) -> list[Effect]:
        """What handling one record does, deduplication included."""
        place = self.place
        plain = lower(self.world, place, place.handler.steps, value, self.local, f"{place.path}.steps")
        if any(not effect.waits for effect in plain):
            plain = self._without_waiting(plain, value)
        if len(plain) > 1 and is_transactional(self.world, place):
            plain = [joined(plain)]
        if not plain:
            return [
                Effect(f"pass over {value.label}", place.process, (Branch(),), "a reader moves its position at once")
            ]
        if value.deletes == "maybe" and self._is_blind():
            plain = self._without_deletions(plain, value)
        return self.deduplication.around(plain, value)

    def _is_blind(self) -> bool:
        """Whether the capture does not see deletions."""
        trigger = self.place.handler.trigger
        if not isinstance(trigger, OnChanges) or trigger.sees_deletes is not False:
            return False
        path = f"{self.place.path}.trigger.sees_deletes"
        return not self.world.options.get(path, trigger.sees_deletes, safe=True, unsafe=False)

    def _without_deletions(self, plain: list[Effect], value: Value) -> list[Effect]:
        ids = self.world.ids
        first, *others = plain
        seen = Branch(f"{value.code} <= {ids}")
        unseen = Branch(f"{value.code} > {ids}", (), "the deletion is not seen", skips=len(others))
        return [replace(first, branches=(*(seen.merged(branch) for branch in first.branches), unseen)), *others]

    def _without_waiting(self, plain: list[Effect], value: Value) -> list[Effect]:
        """The effects that the handler waits for; the others take effect from slots that keep their record."""
        if self.slots is None:
            self.slots = declare_slots(self.world, plain)
            for number, slots in self.slots.items():
                for slot in slots:
                    late = self.world.value_at(slot)
                    place = self.place
                    all_late = lower(self.world, place, place.handler.steps, late, self.local, f"{place.path}.steps")
                    done = f"{slot} = 0"
                    add_late(self.world, slot, done, all_late[number], self.actor, place.process, crashes=True)
        return into_slots(self.world, plain, value.code, self.slots)

    def add_in_order(self, *, rewinds: bool) -> None:
        """Takes the records of the log one after the other."""
        if self.delivery.acknowledge == "before":
            self._add_at_most_once()
            return
        log, most = self.source.log, self.source.most[-1]
        offset = _shared_offset(self.world, self.stem, most, self.place, self.source)
        self.world.positions.setdefault(log, []).append(Position(self.place.label, offset, most))
        value = replace(self.world.value_at(f"{log}[{offset}]"), is_row=is_row(self.world, log, offset))
        effects = self.effects(value)
        counter = self.world.m.var(f"{self.stem}_pc", len(effects) - 1) if len(effects) > 1 else None
        self.world.positions[log][-1] = Position(self.place.label, offset, most, None, counter)
        ready = [
            f"{offset} < len({log})",
            *losses.stopped_by(self.world, self.place),
            *(self.snapshot.ready(offset) if self.snapshot is not None else []),
        ]
        parked = self._add_failures(offset, counter, ready, value, f"{offset} += 1")
        self._add_batches(offset, counter)
        losses.add_losses(self.world, self.place, log, offset, counter, self.effects)
        self._add_effects(effects, counter, [*ready, *parked], self._finish(offset))
        if rewinds and self.delivery.acknowledge != "with-effect":
            self._add_rewinds(offset, counter)
        elif counter is not None:
            self._add_restart(counter)
        if self.world.bounds.faults:
            self._add_forgetting(offset, counter)
        if self.snapshot is not None:
            floor = self.world.positions[log][-1].floor
            self.snapshot.add_actions(offset, self.effects(self.world.value_at(self.snapshot.row)), floor)
        if self.delivery.has_zombies and rewinds:
            self._add_zombie(offset, ready, counter)

    def _add_batches(self, offset: str, counter: str | None) -> None:
        """What one bad record does to the others of its batch."""
        world, log, delivery = self.world, self.source.log, self.delivery
        fails = losses.batch_of(world, self.place)
        if fails == "single" and not delivery.fails:
            aside = world.m.var(f"{self.stem}_aside", world.code_high)
            late = self.effects(world.value_at(aside))
            losses.add_put_aside(world, self.place, log, offset, counter, late, aside)
        elif fails == "whole" and delivery.fails and delivery.dead_letter is None:
            size = min(2, self.source.most[-1])
            losses.add_whole_batch(world, self.place, log, offset, counter, size, delivery.fails)
        elif fails == "whole" and delivery.fails:
            world.not_modelled.add(f"{self.place.label}: whole batches in its dead-letter channel")

    def _add_effects(
        self, effects: list[Effect], counter: str | None, guards: list[str], finish: str, actor: str = ""
    ) -> None:
        for number, effect in enumerate(effects):
            here = [*guards, *([f"{counter} == {number}"] if counter is not None else [])]
            for branch in effect.branches:
                following = number + 1 + branch.skips
                updates = list(branch.updates)
                if following < len(effects):
                    updates.append(f"{counter} = {following}")
                else:
                    updates += [finish, *([f"{counter} = 0"] if counter is not None and number > 0 else [])]
                    updates += self._forgotten(updates)
                self.world.act(
                    "take",
                    [*here, branch.guard],
                    updates,
                    actor=actor or self.actor,
                    source=self._shown(number),
                    target=effect.target,
                    text=effect.text + (f" ({branch.note})" if branch.note else ""),
                    atomic=effect.atomic,
                )
            if effect.may_be_lost or effect.outlives:
                self._add_loss(effects, number, counter, here, finish, actor or self.actor)

    def _forgotten(self, updates: list[str]) -> list[str]:
        """What was read for a record is used no more once that is done: equal futures are equal states."""
        if self.local is None or any(update.startswith(f"{self.local} =") for update in updates):
            return []
        return [f"{self.local} = 0"]

    def _add_loss(
        self, effects: list[Effect], number: int, counter: str | None, here: list[str], finish: str, actor: str
    ) -> None:
        """What can happen to one effect: it is lost and the handler goes on, or its caller sees a timeout."""
        effect = effects[number]
        is_last = number + 1 == len(effects)
        onward = [finish, *([f"{counter} = 0"] if counter is not None and number > 0 else [])]
        if not is_last:
            onward = [f"{counter} = {number + 1}"]
        act = partial(self.world.act, actor=actor, kind="fault", source=self.place.process, target=effect.target)
        if effect.may_be_lost:
            act("fail", here, onward, text=f"{effect.text} {effect.may_be_lost}")
        if effect.outlives:
            if self.world.ids > 1:
                raise NotModelledError(f"{self.place.label}: calls that outlive their caller, of several operations")
            pending = outliving(self.world, effect, f"{self.stem}:{number}")
            late = f"{pending} = {pending} + 1 if {pending} < 2 else 2"
            again = number + effect.after_timeout if effect.after_timeout is not None else 0
            back = [f"{counter} = {again}"] if counter is not None else []
            act("timeout", here, [late, *back], text=f"{effect.text}: timeout, the call is still under way")
            value = self.world.value_at("1")
            arrives = self.effects(value)[number]
            plain = replace(arrives, branches=arrives.late)
            add_late(self.world, pending, f"{pending} -= 1", plain, actor, self.place.process, crashes=False)

    def _finish(self, offset: str) -> str:
        """A record is done; a dead-letter channel that is empty again frees the keys that wait behind it."""
        trigger = self.place.handler.trigger
        parked = self.world.shared.get(f"parked:{trigger.consume}") if isinstance(trigger, OnConsume) else None
        free = f"; {parked} = 0 if {offset} + 1 == len({self.source.log}) else {parked}" if parked is not None else ""
        passing = "".join(f"; {update}" for update in self.snapshot.passing(offset)) if self.snapshot else ""
        return f"{offset} += 1{free}{passing}"

    def _shown(self, number: int) -> str:
        return self.source.label if number == 0 else self.place.process

    def _add_rewinds(self, offset: str, counter: str | None) -> None:
        if self.world.bounds.faults == 0:
            return
        # the crash is a fault itself, so the log was filled with one fault less
        most = self.source.most[-2]
        floor = self.world.m.var(f"{self.stem}_floor", self.source.most[-1])
        most_read = self.source.most[-1]
        self.world.positions[self.source.log][-1] = Position(self.place.label, offset, most_read, floor, counter)
        reset = [f"{counter} = 0"] if counter is not None else []
        reset += self.snapshot.restart() if self.snapshot is not None else []
        parked = self.world.shared.get(f"parked:{self.delivery.dead_letter}")
        if parked is not None and self.delivery.forgets_parked:
            reset.append(f"{parked} = 0")
        if counter is not None:
            self._crash([f"{counter} > 0"], [f"{floor} = {offset}", *reset], "crashes, starts the record again")
        for back in range(1, most + 1):
            self._crash(
                [f"{offset} - {floor} >= {back}"],
                [f"{offset} -= {back}", f"{floor} = {offset} - {back}", *reset],
                f"crashes, reads its last {back} again",
            )

    def _add_forgetting(self, offset: str, counter: str | None) -> None:
        """A crash right after the position was stored: no record comes again, only the memory is lost."""
        parked = self.world.shared.get(f"parked:{self.delivery.dead_letter}")
        if parked is None or not self.delivery.forgets_parked:
            return
        floor = self.world.positions[self.source.log][-1].floor
        lost = [f"{parked} = 0", *([f"{floor} = {offset}"] if floor is not None else [])]
        idle = [f"{counter} == 0"] if counter is not None else []
        self._crash([f"{parked} > 0", *idle], lost, "crashes and forgets which keys it had parked")

    def _add_restart(self, counter: str) -> None:
        self._crash([f"{counter} > 0"], [f"{counter} = 0"], "crashes, starts the record again")

    def _crash(self, guards: list[str], updates: list[str], words: str) -> None:
        self.world.act(
            "crash",
            guards,
            updates,
            actor=self.actor,
            kind="fault",
            source=self.place.process,
            text=f"{self.actor} {words}",
        )

    def _add_at_most_once(self) -> None:
        world, log = self.world, self.source.log
        offset = world.m.var(f"{self.stem}_offset", self.source.most[-1])
        held = world.m.var(f"{self.stem}_held", world.code_high)
        value = world.value_at(held)
        effects = self.effects(value)
        counter = world.m.var(f"{self.stem}_pc", len(effects) - 1) if len(effects) > 1 else None
        world.act(
            "take",
            [f"{held} == 0", f"{offset} < len({log})"],
            [f"{held} = {log}[{offset}]", f"{offset} += 1"],
            actor=self.actor,
            source=self.source.label,
            target=self.place.process,
            text=f"takes and acknowledges {{w:{log}[{offset}]}}",
            atomic=TAKES,
        )
        self._add_effects(effects, counter, [f"{held} > 0"], f"{held} = 0")
        reset = [f"{counter} = 0"] if counter is not None else []
        self._crash([f"{held} > 0"], [f"{held} = 0", *reset], "crashes, what it had acknowledged is lost")

    def _add_zombie(self, offset: str, ready: list[str], successor: str | None) -> None:
        """An instance that lost the partition holds one record and applies it late, while its successor goes on.

        A position that is stored with the effect is set by the late one too: only where it must still be the expected
        one does the store refuse the transaction.
        """
        world = self.world
        held = world.m.var(f"{self.stem}_late", world.code_high)
        stores_position = self.delivery.acknowledge == "with-effect"
        late = world.m.var(f"{self.stem}_late_offset", self.source.most[-1]) if stores_position else None
        keep = [f"{late} = {offset}"] if late is not None else []
        world.act(
            "rebalance",
            [*ready, f"{held} == 0"],
            [f"{held} = {self.source.log}[{offset}]", *keep],
            actor=self.actor,
            kind="fault",
            source=self.source.label,
            target=self.place.process,
            text=f"partition moves to another instance while one still holds {{w:{self.source.log}[{offset}]}}",
        )
        effects = self.effects(world.value_at(held))
        counter = world.m.var(f"{self.stem}_late_pc", len(effects) - 1) if len(effects) > 1 else None
        old = f"{self.actor}, old instance"
        if late is None:
            self._add_effects(effects, counter, [f"{held} > 0"], f"{held} = 0", old)
            return
        done = f"{held} = 0; {late} = 0"
        if not self.delivery.is_conditional:
            most = self.source.most[-1]
            back = f"{offset} = {late} + 1 if {late} < {most} else {offset}"
            between = [f"{successor} == 0"] if successor is not None else []
            self._add_effects(effects, counter, [f"{held} > 0", *between], f"{done}; {back}", old)
            return
        is_last = [f"{counter} == {len(effects) - 1}"] if counter is not None else []
        moved = f"{held} = 0; {late} = 0; {offset} += 1" + (f"; {successor} = 0" if successor is not None else "")
        expected = [f"{held} > 0", f"{late} == {offset}", f"{offset} < {self.source.most[-1]}"]
        self._add_effects(effects, counter, expected, moved, old)
        world.act(
            "refused",
            [f"{held} > 0", *is_last, f"not {late} == {offset}"],
            [f"{held} = 0", f"{late} = 0", *([f"{counter} = 0"] if counter is not None else [])],
            actor=old,
            source=self.place.process,
            target=effects[-1].target,
            text=f"late {{w:{held}}} is refused: the position has moved on",
            atomic="the update of the position and the effect are one transaction",
        )

    def _add_failures(self, offset: str, counter: str | None, ready: list[str], value: Value, finish: str) -> list[str]:
        """Records that cannot be handled; returns conditions under which a record is handled as usual."""
        world, delivery = self.world, self.delivery
        if not delivery.fails:
            return []
        moved = []
        if delivery.dead_letter is not None and delivery.dead_letter in world.channels:
            moved = [f"{world.channels[delivery.dead_letter].logs[0]}.append({value.code})"]
        idle = [f"{counter} == 0"] if counter is not None else []
        if not delivery.parks or not moved:
            world.act(
                "fail",
                [*ready, *idle],
                [finish, *moved],
                actor=self.actor,
                kind="fault",
                source=self.source.label,
                target=self.place.process,
                text=f"{value.label} {delivery.fails}",
            )
            return []
        # a key is parked from its first failure until the dead-letter channel is empty again; one key is modelled
        parked = world.m.var(f"{self.stem}_parked", 1)
        taken = world.shared.setdefault(f"parked:{delivery.dead_letter}", parked)
        world.act(
            "fail",
            [*ready, *idle],
            [finish, *moved, f"{taken} = 1"],
            actor=self.actor,
            kind="fault",
            source=self.source.label,
            target=self.place.process,
            text=f"{value.label} {delivery.fails}",
        )
        world.act(
            "park",
            [*ready, *idle, f"{parked} == 1"],
            [finish, *moved],
            actor=self.actor,
            source=self.source.label,
            target=delivery.dead_letter or "",
            text=f"{value.label} waits behind the record that failed",
            atomic="the broker appends one record as a whole; the position follows at once or the record comes again",
        )
        return [f"{parked} == 0 or {counter} > 0" if counter is not None else f"{parked} == 0"]

    def add_parallel(self, others: list[str]) -> str:
        """Takes any record that no other worker holds, or that none has finished, and finishes in any order.

        `others`: conditions under which earlier workers are busy. Returns the variable of the record that it holds.
        """
        world, log, most = self.world, self.source.log, self.source.most[-1]
        offset = _shared_offset(world, self.stem, most, self.place, self.source, shared=True)
        held = world.m.var(f"{self.stem}_held", world.code_high)
        effects = self.effects(world.value_at(held))
        if self.local is not None:
            effects = caches.holding_row(world, self.place, effects, self.local)
        counter = world.m.var(f"{self.stem}_pc", len(effects) - 1) if len(effects) > 1 else None
        ready = [f"{held} == 0", f"{offset} < len({log})", *others]
        words = f"takes {{w:{log}[{offset}]}}"
        if self.delivery.is_exclusive:
            world.act(
                "claim",
                ready,
                [f"{held} = {log}[{offset}]", f"{offset} += 1"],
                actor=self.actor,
                source=self.source.label,
                target=self.place.process,
                text=words,
                atomic=TAKES,
            )
            finish = f"{held} = 0"
        else:
            place = world.m.var(f"{self.stem}_place", most)
            world.act(
                "claim",
                ready,
                [f"{held} = {log}[{offset}]", f"{place} = {offset}"],
                actor=self.actor,
                source=self.source.label,
                target=self.place.process,
                text=words,
                atomic=TAKES,
            )
            finish = f"{held} = 0; {offset} = {place} + 1 if {place} >= {offset} and {place} < {most} else {offset}"
            finish += f"; {place} = 0"
        self._add_effects(effects, counter, [f"{held} > 0"], finish)
        self._add_parallel_failure(held, counter, finish)
        last = effects[-1]
        at_end = [f"{counter} == {len(effects) - 1}"] if counter is not None else []
        reset = [f"{counter} = 0"] if counter is not None else []
        for branch in last.branches:
            if self.delivery.acknowledge != "with-effect":
                world.act(
                    "lose",
                    [f"{held} > 0", *at_end, branch.guard],
                    [*branch.updates, *reset, *self._forgotten(list(branch.updates))],
                    actor=self.actor,
                    kind="fault",
                    source=self.place.process,
                    target=last.target,
                    text=f"{last.text}, crashes before it acknowledges, gets the record again",
                )
        return held

    def _add_parallel_failure(self, held: str, counter: str | None, finish: str) -> None:
        if not self.delivery.fails:
            return
        letters = self.world.channels.get(self.delivery.dead_letter or "")
        moved = [f"{letters.logs[0]}.append({held})"] if letters is not None else []
        self.world.act(
            "fail",
            [f"{held} > 0", *([f"{counter} == 0"] if counter is not None else [])],
            [finish, *moved],
            actor=self.actor,
            kind="fault",
            source=self.source.label,
            target=self.place.process,
            text=f"{{w:{held}}} {self.delivery.fails}",
        )


def _shared_offset(world: World, stem: str, most: int, place: Place, source: Source, *, shared: bool = False) -> str:
    """The position of a worker, or the one that all workers of a handler on a log share."""
    if not shared:
        return world.m.var(f"{stem}_offset", most)
    key = f"offset:{place.label}:{source.log}"
    if key not in world.shared:
        world.shared[key] = world.m.var(f"{stem}_offset", most)
    return world.shared[key]

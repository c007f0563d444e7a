"""Records that a reader never gets, or gets folded: retention, a log that is gone, compaction, coalescing, batches.

A reader that is away for longer than a channel keeps its records goes on with the oldest that is left. A database that
limits what it keeps for a capture invalidates its slot. Compaction and a reader that coalesces leave the newest record
of a key; what a deletion leaves behind goes too once it is old. One key is modelled, so each later record of a log is
of the same key.

ATOMIC: a reader moves its position in one step.
Sources: Apache Kafka documentation, `retention.ms`, `auto.offset.reset`, "Log Compaction" and `delete.retention.ms`;
PostgreSQL documentation, `max_slot_wal_keep_size`; AWS documentation, "Partial batch responses" (SQS and Lambda).
"""

from collections.abc import Callable
from functools import partial

from data_integration_architect.modelcheck.effects import Effect
from data_integration_architect.modelcheck.expressions import NotModelledError
from data_integration_architect.modelcheck.facts import Options
from data_integration_architect.modelcheck.scene import Place, Scene
from data_integration_architect.modelcheck.world import Value, World
from data_integration_architect.topology import OnChanges, OnConsume
from data_integration_architect.topology.values import seconds

EffectsOf = Callable[[Value], list[Effect]]
ATOMIC = "a reader moves its position in one step"


def folds(scene: Scene, options: Options) -> bool:
    """Whether some reader of the scene gets only the newest of several records of a key."""
    return any(_folds(scene, options, place) for place in scene.handlers.values())


def _folds(scene: Scene, options: Options, place: Place) -> str:
    """Words for what leaves earlier records of a key out; empty where nothing does."""
    trigger = place.handler.trigger
    if not isinstance(trigger, OnConsume):
        return ""
    path = f"{place.path}.trigger.coalesces"
    if trigger.coalesces and options.get(path, trigger.coalesces, safe=False, unsafe=True):
        return "folds {w} into a later record of its key"
    cleanup = scene.topology.channels[trigger.consume].cleanup
    path = f"channels.{trigger.consume}.cleanup"
    if cleanup == "compact" and options.get(path, cleanup, safe="delete", unsafe="compact") == "compact":
        return "does not get {w}: compaction has left a later record of its key only"
    return ""


def add_losses(world: World, place: Place, log: str, offset: str, counter: str | None, effects_of: EffectsOf) -> None:
    """What a reader in order can miss. `effects_of` says what handling a record does."""
    idle = [f"{offset} < len({log})", *([f"{counter} == 0"] if counter is not None else [])]
    lost = partial(world.act, actor=place.label, kind="fault", source=place.process, atomic=ATOMIC)
    record = f"{{w:{log}[{offset}]}}"
    if words := _folds(world.scene, world.options, place):
        later = [*idle, f"{offset} + 1 < len({log})"]
        text = f"{place.label} {words.replace('{w}', record)}"
        world.act(
            "fold",
            later,
            [f"{offset} += 1"],
            actor=place.label,
            kind="optional",
            source=place.process,
            text=text,
            atomic=ATOMIC,
        )
        if world.deletes and "compaction" in words:
            gone = [*idle, f"{log}[{offset}] > {world.ids}"]
            text = f"{place.label} was away until the mark of {record} was removed"
            lost("compacted", gone, [f"{offset} += 1"], text=text)
    trigger = place.handler.trigger
    if isinstance(trigger, OnConsume) and _outlasts(world, trigger.consume):
        text = f"{place.label} is away until {record} is older than {trigger.consume} keeps it"
        lost("truncate", idle, [f"{offset} += 1"], text=text)
    if isinstance(trigger, OnChanges):
        _add_slot_loss(world, place, trigger, log, offset, idle, effects_of)


def _outlasts(world: World, name: str) -> bool:
    """Whether a reader may be away for longer than the channel keeps records; what nobody said is not modelled."""
    channel = world.topology.channels[name]
    kept, away = seconds(channel.retention), seconds(world.topology.context.longest_outage)
    if kept is None or kept == float("inf") or channel.cleanup == "compact":
        return False
    if away is None:
        world.not_modelled.add(f"{name}: records older than its retention")
        return False
    if kept > away:
        return False
    return world.options.get(f"channels.{name}.retention", channel.retention, safe="forever", unsafe="1h") != "forever"


def _add_slot_loss(
    world: World, place: Place, trigger: OnChanges, log: str, offset: str, idle: list[str], effects_of: EffectsOf
) -> None:
    """A slot beyond its limit. Rebuilding ends with the deletion of what the copy no longer holds: of the one key that
    is modelled, the last record of the log then is that deletion.
    """
    slot = trigger.slot
    path = f"{place.path}.trigger.slot"
    if slot is None or slot.limit in (None, "none"):
        return
    if world.options.get(f"{path}.limit", slot.limit, safe="none", unsafe=slot.limit) == "none":
        return
    after = world.options.get(f"{path}.after_loss", slot.after_loss or "resume", safe="rebuild", unsafe="resume")
    act = partial(world.act, actor=place.label, kind="fault", source=trigger.changes, atomic=ATOMIC)
    text = f"{trigger.changes} keeps no more log for {place.label}, whose position is lost"
    if after == "resume":
        act("slot_lost", idle, [f"{offset} = len({log})"], text=f"{text}; it goes on at the end")
        return
    if after == "stop":
        stopped = world.shared[f"stopped:{place.label}"]
        act("slot_lost", [*idle, f"{stopped} == 0"], [f"{stopped} = 1"], text=f"{text}; it stops")
        return
    if world.record not in world.stores:
        raise NotModelledError(f"{place.label}: a new snapshot where the record is not in its store")
    cell = world.stores[world.record].cell
    copied = effects_of(world.value_at(cell))
    if len(copied) != 1:
        raise NotModelledError(f"{place.label}: a new snapshot by a handler with several steps")
    for branch in copied[0].branches:
        updates = [f"{offset} = len({log})", *branch.updates]
        guards = [*idle, f"{cell} > 0", branch.guard]
        act("slot_lost", guards, updates, target=copied[0].target, text=f"{text}; it copies {{w:{cell}}}")

    if not world.deletes:
        return
    gone = [*idle, f"{cell} == 0"]
    if after == "snapshot":
        act("slot_lost", gone, [f"{offset} = len({log})"], text=f"{text}; what was deleted is not in its new copy")
        return
    swept = effects_of(world.value_at(f"{log}[len({log}) - 1]"))
    for branch in swept[0].branches:
        updates = [f"{offset} = len({log})", *branch.updates]
        words = f"{text}; after a new copy it removes what is gone, {{w:{log}[len({log}) - 1]}}"
        act("slot_lost", [*gone, branch.guard], updates, target=swept[0].target, text=words)


def stopped_by(world: World, place: Place) -> list[str]:
    """Conditions under which a capture has not stopped for good."""
    trigger = place.handler.trigger
    slot = trigger.slot if isinstance(trigger, OnChanges) else None
    if slot is None or slot.limit in (None, "none") or slot.after_loss != "stop":
        return []
    stopped = world.shared.setdefault(f"stopped:{place.label}", world.latch("stopped"))
    return [f"{stopped} == 0"]


def batch_of(world: World, place: Place) -> str:
    """`whole` or `single`: what fails when one record of a batch does; empty where there are no batches."""
    trigger = place.handler.trigger
    if not isinstance(trigger, OnConsume) or (trigger.batch or 1) < 2:
        return ""
    if trigger.batch_failure is None:
        world.not_modelled.add(f"{place.label}: what one bad record does to its batch")
        return ""
    path = f"{place.path}.trigger.batch_failure"
    return world.options.get(path, trigger.batch_failure, safe="whole", unsafe="single", is_ordered=False)


def add_put_aside(
    world: World, place: Place, log: str, offset: str, counter: str | None, late: list[Effect], aside: str
) -> None:
    """A record that failed alone comes again after others of its batch: the batch is acknowledged without it."""
    idle = [f"{offset} < len({log})", f"{aside} == 0", *([f"{counter} == 0"] if counter is not None else [])]
    world.act(
        "put_aside",
        idle,
        [f"{aside} = {log}[{offset}]", f"{offset} += 1"],
        actor=place.label,
        kind="fault",
        source=place.process,
        text=f"{{w:{log}[{offset}]}} fails alone and comes again later; the rest of its batch goes on",
        atomic=ATOMIC,
    )
    if len(late) != 1:
        raise NotModelledError(f"{place.label}: one bad record of a batch, and several steps")
    for branch in late[0].branches:
        world.act(
            "again",
            [f"{aside} > 0", branch.guard],
            [*branch.updates, f"{aside} = 0"],
            actor=place.label,
            source=place.process,
            target=late[0].target,
            text=f"again: {late[0].text}" + (f" ({branch.note})" if branch.note else ""),
            atomic=late[0].atomic,
        )


def add_whole_batch(
    world: World, place: Place, log: str, offset: str, counter: str | None, size: int, words: str
) -> None:
    """All records of a batch go the way of the one that failed."""
    idle = [f"{offset} < len({log})", *([f"{counter} == 0"] if counter is not None else [])]
    for count in range(2, size + 1):
        world.act(
            "fail_batch",
            [*idle, f"{offset} + {count - 1} < len({log})"],
            [f"{offset} += {count}"],
            actor=place.label,
            kind="fault",
            source=place.process,
            text=f"one of {count} records {words}, and its batch with it",
            atomic=ATOMIC,
        )

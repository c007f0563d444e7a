"""Scheduled runs: copies, backfills, rebuilds beside a live stream, and effects computed from what was read.

A run reads, then publishes what it read. A rebuild fills a new copy and swaps it in; what a live stream wrote to the
old copy meanwhile is gone with it, unless the stream writes both copies, waits, or goes back to where the rebuild began
to read. A periodic run comes again as long as it would change something, because a schedule never ends.

ATOMIC: one query sees one snapshot; a swap (an alias, a rename) is one step for readers and writers.
Sources: PostgreSQL documentation, 13.2; Elasticsearch documentation, "Aliases" (a swap of aliases is atomic).
"""

from dataclasses import dataclass, replace
from functools import partial

from data_integration_architect.modelcheck.expressions import NotModelledError
from data_integration_architect.modelcheck.mechanisms import stores, versions
from data_integration_architect.modelcheck.programs import lower
from data_integration_architect.modelcheck.scene import Place, Scene, is_same_entity, record_store
from data_integration_architect.modelcheck.world import Position, Rebuild, StoreState, Value, World
from data_integration_architect.topology import (
    Call,
    OnChanges,
    OnConsume,
    OnRequest,
    OnSchedule,
    Read,
    Transaction,
    Write,
    walk_steps,
)

EXTRA_RUNS = 1
MOST_RUNS = 2
READS = "one query sees one snapshot"


@dataclass(frozen=True, slots=True)
class Copy:
    """A job that copies one store to another: the names and the write."""

    place: Place
    trigger: OnSchedule
    source: str
    write: Write
    is_temporary: bool = False

    @property
    def path(self) -> str:
        """Dotted path of the write."""
        steps = walk_steps(self.place.handler.steps, ())
        where = next(path for path, step in steps if step is self.write)
        return f"{self.place.path}.steps.{'.'.join(map(str, where))}"

    @property
    def is_asked_for(self) -> bool:
        """Whether people start it: it may run at any time, or never."""
        return not isinstance(self.place.handler.trigger, OnSchedule) and not self.is_temporary

    @property
    def swaps(self) -> bool:
        """Whether it fills a new copy and swaps it in."""
        return self.write.mode == "rebuild-and-swap"


def copy_of(scene: Scene, place: Place) -> Copy | None:
    """The copy that a handler makes in this scene, on a schedule or when it is asked for; None for another shape."""
    trigger = place.handler.trigger
    if isinstance(trigger, OnRequest | None):
        return _asked_for(scene, place)
    kept = [(path, step) for path, step in walk_steps(place.handler.steps, ()) if scene.keeps(step)]
    steps = [step for _, step in kept if not isinstance(step, Transaction)]
    sources = [step.read for step in steps if isinstance(step, Read)]
    writes = [step for path, step in kept if isinstance(step, Write) and "on_miss" not in path]
    if not isinstance(trigger, OnSchedule) or len(sources) != 1 or len(writes) != 1 or len(steps) != 2:
        return None
    return Copy(place, trigger, sources[0], writes[0])


def _asked_for(scene: Scene, place: Place) -> Copy | None:
    """The copy of a handler that reads the record and stores what it read, and does nothing else here."""
    kept = [step for step in place.handler.steps if scene.keeps(step)]
    match kept:
        case [Read(on_miss=()) as read, Write() as write]:
            is_record = read.read == record_store(scene.topology, write.entity or "") and write.write != read.read
            is_copy = write.mode in (None, "replace", "merge", "rebuild-and-swap") and write.values != "request"
            if is_record and is_copy and is_same_entity(read.entity, write.entity):
                process = scene.topology.processes.get(place.process)
                status = (place.handler.status, process.status if process is not None else None)
                return Copy(place, OnSchedule(every="once"), read.read, write, "temporary" in status)
    return None


def as_capture(place: Place) -> Place:
    """A run that reads what is newer than its cursor is a capture by query."""
    trigger = place.handler.trigger
    if not isinstance(trigger, OnSchedule) or trigger.reads != "since-cursor":
        return place
    sources = {step.read for _, step in walk_steps(place.handler.steps, ()) if isinstance(step, Read)}
    if len(sources) != 1:
        return place
    capture = OnChanges(
        changes=sources.pop(), by="query", cursor=trigger.cursor, overlap=trigger.overlap, sees_deletes=False
    )
    steps = tuple(step for step in place.handler.steps if not isinstance(step, Read))
    return replace(place, handler=place.handler.model_copy(update={"trigger": capture, "steps": steps}))


def has_stream(scene: Scene, target: str) -> bool:
    """Whether something other than scheduled runs writes the store."""
    return any(
        isinstance(step, Write) and step.write == target and scene.keeps(step)
        for place in scene.handlers.values()
        if not isinstance(place.handler.trigger, OnSchedule) and _asked_for(scene, place) is None
        for _, step in walk_steps(place.handler.steps, ())
    )


def is_backfill(scene: Scene, place: Place) -> bool:
    """Whether a single run brings what was there before into a store that a stream fills from then on."""
    copy = copy_of(scene, place)
    if copy is None or copy.is_asked_for:
        return False
    return copy.trigger.every == "once" and not copy.swaps and has_stream(scene, copy.write.write)


def declare_rebuilds(world: World, places: tuple[Place, ...]) -> None:
    """For each rebuild beside a stream, what the stream's writes need to know; before the stream is added."""
    for place in places:
        copy = copy_of(world.scene, place)
        if copy is None or not copy.swaps or world.counts or not has_stream(world.scene, copy.write.write):
            continue
        known = copy.trigger.live_writes or "old-copy"
        live = world.options.get(f"{place.path}.trigger.live_writes", known, safe="paused", unsafe="old-copy")
        stem = world.fresh("rebuild")
        pc = world.m.var(f"{stem}_pc", 2)
        cell = guard = None
        if live == "both-copies":
            cell = world.m.var(f"{stem}_cell", world.ids)
            world.labels[cell] = f"new copy of {copy.write.write}"
            most = world.m.high("commits") if world.record in world.stores else 1
            guard = world.m.var(f"{stem}_guard", versions.most_compared(world, most))
        world.rebuilds[copy.write.write] = Rebuild(pc, live, cell, guard)


def add_job(world: World, place: Place, *, repeats: bool) -> None:
    """Adds the runs of one scheduled handler. Raises: NotModelledError, where it has another shape."""
    if world.counts:
        _add_counted(world, place)
        return
    copy = copy_of(world.scene, place)
    if copy is None or copy.source not in world.stores or copy.write.write not in world.stores:
        raise NotModelledError(f"{place.label}: a scheduled run of this shape")
    if copy.write.mode == "delete":
        raise NotModelledError(f"{place.label}: a scheduled run that deletes")
    if copy.swaps and (copy.write.write in world.changes or copy.write.write == world.record):
        raise NotModelledError(f"{place.label}: a rebuild of {copy.write.write}, which others follow")
    is_once = copy.trigger.every == "once" or (not repeats and has_stream(world.scene, copy.write.write))
    _add_copy(world, copy, is_once=is_once)


def _add_copy(world: World, copy: Copy, *, is_once: bool) -> None:
    place = copy.place
    stem = world.fresh("job")
    read = world.m.var(f"{stem}_read", world.ids)
    origin, state = world.stores[copy.source], world.stores[copy.write.write]
    rebuild = world.rebuilds.get(state.name)
    counter = rebuild.counter if rebuild is not None else world.m.var(f"{stem}_pc", 1)
    run = world.m.var(f"{stem}_runs", EXTRA_RUNS)
    useful = f"not {origin.cell} == {state.cell}" + ("" if copy.swaps else f" and {origin.cell} > 0")
    if not copy.swaps and not state.is_record and _is_guarded(world, copy):
        # a run whose write is refused changes nothing, however often it comes again
        useful += f" and {versions.compared(world, origin.cell)} > {stores.ghost(state, 'guard')}"
    act = partial(world.act, actor=place.label)
    reads = partial(act, source=origin.label, target=place.process, text=f"reads {{w:{origin.cell}}}", atomic=READS)
    saved = _saved_positions(world, copy, stem)
    first = [f"{read} = {origin.cell}", f"{counter} = 1", *(f"{name} = {at.offset}" for name, at in saved)]
    if rebuild is not None and rebuild.cell is not None:
        first += [f"{rebuild.cell} = 0", f"{rebuild.guard} = 0"]
    again = [f"{counter} == 0", f"{run} < {EXTRA_RUNS}"]
    if is_once:
        reads("job_read", again, [*first, f"{run} += 1"], kind="optional" if copy.is_asked_for else "progress")
    else:
        reads("job_read", [f"{counter} == 0", useful], first)
        reads("job_again", [*again, f"not ({useful})"], [*first, f"{run} += 1"], kind="optional")
    writes = partial(act, source=place.process, target=state.label, atomic=stores.ATOMIC)
    label = f"{{w:{read}}}"
    if not copy.swaps:
        value = Value(read, read, "no", label, is_read=True, is_row=_is_row(copy.write))
        for branch in stores.write_branches(world, copy.write, value, copy.path):
            words = f"write {label}" + (f" ({branch.note})" if branch.note else "")
            guards = [f"{counter} == 1", f"{read} > 0", branch.guard]
            writes("job_publish", guards, [*branch.updates, f"{counter} = 0"], text=words)
        if world.deletes or not world.has_earlier:
            writes("job_nothing", [f"{counter} == 1", f"{read} == 0"], [f"{counter} = 0"], text="finds no record")
        return
    after = [f"{counter} = 0", *_going_back(saved)]
    if rebuild is None or rebuild.cell is None:
        _add_swap(world, state, writes, [f"{counter} == 1"], read, after, copy)
        return
    passes = "True"
    if copy.write.guard == "version":
        passes = f"{versions.compared(world, read)} > {rebuild.guard}"
    fills = [f"{rebuild.cell} = {read}", f"{rebuild.guard} = {versions.compared(world, read)}", f"{counter} = 2"]
    into = partial(writes, target=f"new copy of {state.label}")
    into("job_fill", [f"{counter} == 1", passes], fills, text=f"write {label}")
    if passes != "True":
        refused = [f"{counter} == 1", f"not ({passes})"]
        into("job_fill", refused, [f"{counter} = 2"], text=f"write {label} (refused: not newer than what is stored)")
    _add_swap(world, state, writes, [f"{counter} == 2"], rebuild.cell, after, copy)


def _is_guarded(world: World, copy: Copy) -> bool:
    return world.options.get(f"{copy.path}.guard", copy.write.guard, safe="version", unsafe="none") == "version"


def _add_swap(
    world: World,
    state: StoreState,
    writes: "partial[None]",
    here: list[str],
    cell: str,
    after: list[str],
    copy: Copy,
) -> None:
    back, top, kept = (stores.ghost(state, name) for name in ("back", "top", "guard"))
    version = f"version[{cell}]"
    updates = [
        f"{state.cell} = {cell}",
        f"{back} = 1 if {version} < {top} else {back}",
        f"{top} = {version} if {version} > {top} else {top}",
        f"{kept} = {versions.compared(world, cell)}",
        *after,
    ]
    writes("job_publish", [*here, f"{cell} > 0"], updates, text=f"swap in the new copy with {{w:{cell}}}")
    gone = [f"{state.cell} = 0", *after]
    if not world.deletes and world.has_earlier:
        return  # the record is always there
    writes("job_nothing", [*here, f"{cell} == 0"], gone, text="swap in the new copy: the record is not in it")


def _is_row(write: Write) -> str:
    """A run that inserts what is missing replaces nothing."""
    return "True" if write.mode == "insert" and write.guard == "unique-key" else "False"


def _saved_positions(world: World, copy: Copy, stem: str) -> list[tuple[str, Position]]:
    """Positions of the stream's consumers that the rebuild notes, to send them back there after the swap."""
    known = copy.trigger.position_after_swap
    if not copy.swaps or not has_stream(world.scene, copy.write.write):
        return []
    streams = _streams_of(world, copy)
    if not streams and known != "before-read":
        return []
    path = f"{copy.place.path}.trigger.position_after_swap"
    if world.options.get(path, known or "kept", safe="before-read", unsafe="kept") == "kept":
        return []
    ends = [at for place, log in streams for at in world.positions.get(log, []) if at.label == place.label]
    if not ends or any(at.counter is not None for at in ends):
        raise NotModelledError(f"{copy.place.label}: where a consumer of this shape stands after a swap")
    return [(world.m.var(f"{stem}_from{index}", at.most), at) for index, at in enumerate(ends)]


def _streams_of(world: World, copy: Copy) -> list[tuple[Place, str]]:
    """Each consumer that writes to the store that is swapped, with each log that it reads."""
    return [
        (place, log)
        for place in world.scene.handlers.values()
        if isinstance(place.handler.trigger, OnConsume)
        and place.handler.trigger.consume in world.channels
        and any(
            isinstance(step, Write) and step.write == copy.write.write
            for _, step in walk_steps(place.handler.steps, ())
        )
        for log in world.channels[place.handler.trigger.consume].logs
    ]


def _going_back(saved: list[tuple[str, Position]]) -> list[str]:
    updates = [f"{at.offset} = {name}" for name, at in saved]
    return updates + [f"{at.floor} = {name} if {name} < {at.floor} else {at.floor}" for name, at in saved if at.floor]


def _add_counted(world: World, place: Place) -> None:
    """Runs that cause effects of what they read: each takes all that is there, or what its cursor has not passed.

    Two runs, one after the other; a crash repeats a run, and an instance that starts before another has ended repeats
    what both read. The cursor moves after the effects.
    """
    trigger = place.handler.trigger
    steps = [step for _, step in walk_steps(place.handler.steps, ()) if world.scene.keeps(step)]
    sources = [step.read for step in steps if isinstance(step, Read)]
    if not isinstance(trigger, OnSchedule) or len(set(sources)) != 1 or world.ids > 1:
        raise NotModelledError(f"{place.label}: a scheduled run of this shape")
    if not any(isinstance(step, Write | Call) for step in steps):
        raise NotModelledError(f"{place.label}: a scheduled run without an effect")
    stem = world.fresh("job")
    origin = world.stores[sources[0]]
    value = Value("1", "1", "no", "{w:1}")
    effects = lower(world, place, place.handler.steps, value, None, f"{place.path}.steps")
    keeps_cursor = trigger.reads == "since-cursor"
    last = len(effects) + keeps_cursor
    counter = world.m.var(f"{stem}_pc", last)
    runs = world.m.var(f"{stem}_runs", MOST_RUNS)
    done = world.m.var(f"{stem}_cursor", 1) if keeps_cursor else None
    fresh = [f"{done} == 0"] if done is not None else []
    most = 1 if trigger.every == "once" else MOST_RUNS
    start = [f"{counter} == 0", f"{origin.cell} > 0", f"{runs} < {most}", *fresh]
    act = partial(world.act, actor=place.label)
    begun = [f"{counter} = 1", f"{runs} += 1"]
    act("job_read", start, begun, source=origin.label, target=place.process, text="reads {w:1}", atomic=READS)
    for number, effect in enumerate(effects, start=1):
        for branch in effect.branches:
            following = number + 1 + branch.skips
            updates = [f"{counter} = {following if following <= last else 0}", *branch.updates]
            words = effect.text + (f" ({branch.note})" if branch.note else "")
            guards = [f"{counter} == {number}", branch.guard]
            act("job_do", guards, updates, source=place.process, target=effect.target, text=words, atomic=effect.atomic)
    if done is not None:
        ends = [f"{counter} = 0", f"{done} = 1"]
        act("job_cursor", [f"{counter} == {last}"], ends, source=place.process, text="moves its cursor")
    again = [f"{counter} = 0", f"{runs} = {runs} - 1 if {runs} > 0 else 0"]
    words = f"{place.label} crashes, and its run starts again"
    act("crash", [f"{counter} > 0"], again, kind="fault", source=place.process, text=words)

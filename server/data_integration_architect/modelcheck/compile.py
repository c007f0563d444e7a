"""From a normal-form topology and a target to one model: the scene, its stores and channels, its handlers' actions."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from data_integration_architect.modelcheck.builder import ModelBuilder
from data_integration_architect.modelcheck.expressions import NotModelledError
from data_integration_architect.modelcheck.facts import Assumptions, Options
from data_integration_architect.modelcheck.mechanisms import (
    caches,
    channels,
    consumers,
    identities,
    jobs,
    polling,
    replicas,
    requests,
)
from data_integration_architect.modelcheck.mechanisms.deduplication import has_equal_ids
from data_integration_architect.modelcheck.mechanisms.losses import folds
from data_integration_architect.modelcheck.mechanisms.partial_rows import has_partial_events, reads_whole
from data_integration_architect.modelcheck.mechanisms.snapshots import Snapshot, plan_of
from data_integration_architect.modelcheck.mechanisms.stores import declare_store
from data_integration_architect.modelcheck.mechanisms.versions import stamps_of
from data_integration_architect.modelcheck.scene import Node, Place, Scene, origins_of, record_store
from data_integration_architect.modelcheck.unmodelled import unmodelled_facts
from data_integration_architect.modelcheck.volume import Volume
from data_integration_architect.modelcheck.world import Bounds, World
from data_integration_architect.topology import (
    Append,
    Call,
    Invalidate,
    OnChanges,
    OnConsume,
    OnRequest,
    OnSchedule,
    Read,
    Step,
    Topology,
    Write,
    step_target,
    walk_steps,
)

QUEUES = frozenset({"rabbitmq", "sqs", "celery", "sidekiq", "http", "udp", "memory", "redis", "activemq", "pubsub"})


@dataclass(frozen=True, slots=True)
class Target:
    """What one model is about: a store or called system, and the entity."""

    name: str
    entity: str | None
    also: tuple[Node, ...] = ()


@dataclass(frozen=True, slots=True)
class Roles:
    """Handlers of a scene by what starts them."""

    requests: tuple[tuple[Place, bool], ...]
    readers: tuple[Place, ...]
    consumers: tuple[Place, ...]
    captures: tuple[Place, ...]
    jobs: tuple[Place, ...]


def scene_of(topology: Topology, target: Target, record: str | None) -> Scene:
    """Everything that can influence the target, and the store that is right where the target is compared with one."""
    scene = Scene(topology, (target.name, target.entity))
    for node in target.also:
        scene.add(node)
    if record is not None and record in topology.stores:
        scene.add((record, target.entity))
    scene.complete()
    return scene


def build_world(
    topology: Topology,
    target: Target,
    *,
    bounds: Bounds,
    assumptions: Assumptions,
    with_expiry: bool = True,
    one_intent: bool = True,
    erases: bool = False,
) -> World:
    """The model of everything that can influence the target, without properties.

    `with_expiry=False` leaves out entries that expire and jobs that repair what other handlers write. `erases`:
    records are deleted, whatever the entity says. `one_intent=False` keeps all intents in a model of effects, for the
    test that one of them suffices.

    Raises: ModelError, where the mechanisms contradict themselves (a bug).
    """
    record = record_store(topology, target.entity or "")
    scene = scene_of(topology, target, record)
    counts = _is_counted(scene, target)
    origins = _origins(topology, target.entity or "", record)
    is_log = not counts and bool(origins) and all(_is_record_log(scene, name) for name in origins)
    has_parts = not counts and record in topology.stores and has_partial_events(scene)
    whole = reads_whole(scene) if has_parts else ""
    has_parts = has_parts and not whole
    deletes = not counts and (erases or _has_deletes(scene, target))
    partial = _filled_on_miss(scene)
    options = Options(assumptions)
    plans = {place.label: plan for place in scene.handlers.values() if not counts and (plan := plan_of(place))}
    is_numbered = any(polling.is_numbered(topology, options, place) for place in scene.handlers.values())
    is_reduced = counts and one_intent and not (has_equal_ids(scene, options) or folds(scene, options) or is_numbered)
    is_reduced = is_reduced or (not counts and not deletes and _is_written_once(scene, record))
    writes = min(1, bounds.writes) if is_reduced else bounds.writes
    world = World(
        topology=topology,
        scene=scene,
        options=options,
        bounds=bounds,
        writes=writes,
        counts=counts,
        deletes=deletes,
        has_earlier=not counts and (deletes or bool(partial) or bool(plans) or has_parts or _is_rebuilt(scene)),
        has_parts=has_parts,
        is_log=is_log,
        origins=origins or ((record,) if record is not None else ()),
        starts_empty=_filled_later(scene, plans),
        partial=partial,
        new_ids=False,
        retry_ids=False,
        record=record,
        m=ModelBuilder(faults=bounds.faults, workload=writes),
    )
    roles = _roles(scene, deletes=deletes, counts=counts)
    roles = replace(roles, requests=_propagating(world, roles))
    if not roles.requests:
        raise NotModelledError(f"nothing that starts a change of {target.name} is known")
    world.not_modelled |= unmodelled_facts(scene)
    if erases:
        kept = [name for name, _ in scene.nodes if name in topology.channels]
        world.not_modelled |= {f"{name}: what its old records keep of what was erased" for name in kept}
    if whole:
        world.not_modelled.add(f"{whole}: whole records beside events with a part of them")
    # versions are drawn at commits of the record, so there are none where no store keeps it
    world.stamps = stamps_of(scene, options) if not counts and record in topology.stores else None
    world.retry_ids = counts and _changes_ids(world, roles)
    world.new_ids = world.retry_ids or (counts and identities.makes_ids(world))
    numbered = {
        place.label for place in (*roles.consumers, *roles.captures) if polling.is_numbered(topology, options, place)
    }
    _note_numbered(world, roles, numbered)
    again = any(requests.retries(world, place) for place, _ in roles.requests)
    limits = replace(bounds, writes=writes, retries=bounds.retries if again else 0)
    others = (*roles.readers, *roles.consumers, *roles.captures, *roles.jobs)
    volume = Volume(scene, options, limits, [place for place, _ in roles.requests], others, numbered, counts=counts)
    _declare(world, roles, volume, numbered)
    jobs.declare_rebuilds(world, roles.jobs)
    for place in roles.readers:
        caches.add_reader(world, place)
    requests.add_requests(world, list(roles.requests))
    for place in (*roles.captures, *_dead_letter_last(scene, roles.consumers)):
        if place.label in numbered:
            polling.add_poller(world, place)
        elif isinstance(place.handler.trigger, OnChanges):
            log = world.changes[place.handler.trigger.changes]
            source = consumers.Source(log, place.handler.trigger.changes, volume.of(place.handler.trigger.changes))
            plan = plans.get(place.label)
            snapshot = Snapshot(world, place, plan, log, source.most[-1]) if plan is not None else None
            consumers.add_consumer(world, place, source, is_queue=False, snapshot=snapshot)
        elif isinstance(place.handler.trigger, OnConsume):
            _add_consumer(world, place, place.handler.trigger.consume)
    for name in world.channels:
        channels.add_switch(world, name)
    for name, state in world.stores.items():
        if name not in topology.stores:
            continue
        store = topology.stores[name]
        if store.replica_of in world.stores and state.cell not in world.synchronous.get(store.replica_of or "", []):
            replicas.add_replica(world, name, volume.of(store.replica_of or "")[-1])
        if with_expiry and not counts and not state.is_record and store.expiry not in (None, "none"):
            caches.add_expiry(world, name)
    for place in roles.jobs:
        jobs.add_job(world, place, repeats=with_expiry)
    return world


PROPAGATES = "steps.propagates"


def _propagating(world: World, roles: Roles) -> tuple[tuple[Place, bool], ...]:
    """Requests without handlers that change the record and tell nobody, where others do: what a check of another
    defect idealises, since such a handler alone keeps the copies from ever agreeing.
    """
    if world.counts or world.record not in world.scene.topology.stores or _is_followed(world, roles):
        return roles.requests
    silent = {place.label for place, _ in roles.requests if _touches(world, place) <= {world.record}}
    if len(silent) == len({place.label for place, _ in roles.requests}):
        return roles.requests
    return tuple(
        (place, deletes)
        for place, deletes in roles.requests
        if place.label not in silent
        or not world.options.get(f"{place.path}.{PROPAGATES}", False, safe=True, unsafe=False)
    )


def _touches(world: World, place: Place) -> set[str]:
    found: set[str] = set()
    for _, step in walk_steps(place.handler.steps, ()):
        if world.scene.keeps(step):
            match step:
                case Write(write=name) | Append(append=name) | Call(call=name) | Invalidate(invalidate=name):
                    found.add(name)
    return found


def _is_followed(world: World, roles: Roles) -> bool:
    """Whether something takes the changes of the record without being told."""
    stores = world.scene.topology.stores
    replicas = any(name in stores and stores[name].replica_of == world.record for name, _ in world.scene.nodes)
    captured = any(
        isinstance(place.handler.trigger, OnChanges) and place.handler.trigger.changes == world.record
        for place in roles.captures
    )
    read = any(
        isinstance(step, Read) and step.read == world.record
        for place in (*roles.jobs, *roles.readers)
        for _, step in walk_steps(place.handler.steps, ())
    )
    return replicas or captured or read


def _origins(topology: Topology, entity: str, record: str | None) -> tuple[str, ...]:
    """The channels that together say what a record is; none where a store does."""
    if record is None or record not in topology.channels:
        return ()
    found = origins_of(topology, entity)
    declared = topology.entities.get(entity.split(".")[0])
    is_declared = declared is not None and declared.system_of_record is not None
    return (record,) if is_declared or record not in found else found


def _is_record_log(scene: Scene, record: str | None) -> bool:
    """Whether a channel is the system of record of a state: what it has is the record that was appended last.

    Events that tell a part of the record only do not say what it is.
    """
    channel = scene.topology.channels.get(record or "")
    if channel is None or channel.in_ is not None or has_partial_events(scene):
        return False
    if channel.event.version == "timestamp":
        return False  # what last means is then decided by clocks, which appends do not draw
    return channel.event.content in (None, "full") and any(name == record for name, _ in scene.nodes)


def _filled_on_miss(scene: Scene) -> frozenset[str]:
    found: set[str] = set()
    for place in scene.handlers.values():
        for path, step in walk_steps(place.handler.steps, ()):
            if isinstance(step, Write) and "on_miss" in path:
                found.add(step.write)
            if isinstance(step, Read) and step.on_miss:
                found.add(step.read)
    return frozenset(found)


def _is_counted(scene: Scene, target: Target) -> bool:
    """Whether the target accumulates effects, so that repetitions matter, or holds state that is replaced."""
    if _only_copies(scene, target):
        return False
    entity = scene.topology.entities.get((target.entity or "").split(".")[0])
    if entity is not None and entity.change in ("delta", "append-only", "commutative"):
        return True
    for place in scene.handlers.values():
        for _, step in walk_steps(place.handler.steps, ()):
            if isinstance(step, Call) and step.call == target.name:
                return True
            is_target = isinstance(step, Write) and step.write == target.name and scene.keeps(step)
            if isinstance(place.handler.trigger, OnSchedule) and isinstance(step, Write) and step.guard == "unique-key":
                continue  # a run that inserts what is missing copies state
            if is_target and isinstance(step, Write) and step.mode in ("increment", "insert"):
                return True
    return False


def _filled_later(scene: Scene, snapshots: Iterable[str]) -> frozenset[str]:
    """Stores that get by a snapshot or a backfill what was there before; where these read, it is there."""
    sources = {
        place.handler.trigger.changes
        for label, place in scene.handlers.items()
        if label in snapshots and isinstance(place.handler.trigger, OnChanges)
    }
    for place in scene.handlers.values():
        copy = jobs.copy_of(scene, place)
        if copy is not None and jobs.is_backfill(scene, place):
            sources.add(copy.source)
    return frozenset(name for name, _ in scene.nodes if name not in sources) if sources else frozenset()


def _only_copies(scene: Scene, target: Target) -> bool:
    """Whether the target is a cache: filled with what was read elsewhere, so that it has values, however those came
    about.
    """
    steps = [step for place in scene.handlers.values() for _, step in walk_steps(place.handler.steps, ())]
    on = [step for step in steps if isinstance(step, Write | Call) and step_target(step) == target.name]
    adds = any(isinstance(step, Call) or step.mode in ("increment", "insert") for step in on)
    fills = (step.on_miss for step in steps if isinstance(step, Read) and step.read == target.name)
    return not adds and any(
        isinstance(inner, Write) and inner.write == target.name for fill in fills if _reads(fill) for inner in fill
    )


def _reads(steps: tuple[Step, ...]) -> bool:
    return any(isinstance(step, Read) for step in steps)


def _is_rebuilt(scene: Scene) -> bool:
    """Whether a scheduled run writes a store that a stream writes too, so that what was there before matters."""
    copies = [jobs.copy_of(scene, place) for place in scene.handlers.values()]
    return any(copy is not None and jobs.has_stream(scene, copy.write.write) for copy in copies)


def _has_deletes(scene: Scene, target: Target) -> bool:
    entity = scene.topology.entities.get((target.entity or "").split(".")[0])
    if entity is not None and entity.deletes == "hard":
        return True
    return any(_deletes(place) for place in scene.handlers.values() if _is_request(place))


def _is_written_once(scene: Scene, record: str | None) -> bool:
    """Whether requests only insert records, so that a key has one write and other keys are other records."""
    writers = [place for place in scene.handlers.values() if _is_request(place)]
    steps = [step for place in writers for _, step in walk_steps(place.handler.steps, ()) if scene.keeps(step)]
    writes = [step for step in steps if isinstance(step, Write) and step.write == record]
    changes = [place for place in scene.handlers.values() if place not in writers]
    others = [step for place in changes for _, step in walk_steps(place.handler.steps, ())]
    return (
        bool(writes)
        and all(step.mode == "insert" for step in writes)
        and all(any(step in writes for _, step in walk_steps(place.handler.steps, ())) for place in writers)
        and not any(isinstance(step, Write) and step.write == record and scene.keeps(step) for step in others)
    )


def _deletes(place: Place) -> bool:
    return any(isinstance(step, Write) and step.mode == "delete" for _, step in walk_steps(place.handler.steps, ()))


def _is_request(place: Place) -> bool:
    return place.handler.trigger is None or isinstance(place.handler.trigger, OnRequest)


def _roles(scene: Scene, *, deletes: bool, counts: bool) -> Roles:
    intents: list[tuple[Place, bool]] = []
    readers: list[Place] = []
    by_kind: dict[type, list[Place]] = {OnConsume: [], OnChanges: [], OnSchedule: []}
    has_delete_handler = any(_deletes(place) for place in scene.handlers.values() if _is_request(place))
    for place in map(jobs.as_capture, scene.handlers.values()) if not counts else scene.handlers.values():
        if not _is_request(place):
            by_kind[type(place.handler.trigger)].append(place)
            continue
        if not counts and jobs.copy_of(scene, place) is not None:
            by_kind[OnSchedule].append(place)
            continue
        outside_fills = [
            step
            for path, step in walk_steps(place.handler.steps, ())
            if "on_miss" not in path and isinstance(step, Write | Append | Call | Invalidate) and scene.keeps(step)
        ]
        if not outside_fills:
            if any(isinstance(step, Read) and step.on_miss for _, step in walk_steps(place.handler.steps, ())):
                readers.append(place)
            continue
        intents.append((place, _deletes(place) and not counts))
        if deletes and not has_delete_handler:
            intents.append((place, True))  # the entity has deletions, and this is the handler that writes it
    return Roles(
        tuple(intents), tuple(readers), tuple(by_kind[OnConsume]), tuple(by_kind[OnChanges]), tuple(by_kind[OnSchedule])
    )


def _changes_ids(world: World, roles: Roles) -> bool:
    """Whether a repetition carries an id by which the receivers cannot recognise it."""
    for place, _ in roles.requests:
        if not requests.retries(world, place):
            continue
        trigger = place.handler.trigger
        made = trigger.request.operation_id if isinstance(trigger, OnRequest) else None
        path = f"{place.path}.trigger.request.operation_id"
        by = world.options.get(f"{path}.made_by", made.made_by if made else None, safe="client", unsafe="none")
        survives = world.options.get(
            f"{path}.survives_retry", made.survives_retry if made else None, safe=True, unsafe=by == "client"
        )
        if by != "client" or not survives:
            return True
    for place in world.scene.handlers.values():
        for step_path, step in walk_steps(place.handler.steps, ()):
            if isinstance(step, Append | Call) and world.scene.keeps(step) and step.operation_id == "new":
                where = f"{place.path}.steps.{'.'.join(map(str, step_path))}.operation_id"
                if world.options.get(where, step.operation_id, safe="passed", unsafe="new") == "new" and any(
                    requests.retries(world, request) for request, _ in roles.requests
                ):
                    return True
    return False


def _note_numbered(world: World, roles: Roles, numbered: set[str]) -> None:
    for place in (*roles.consumers, *roles.captures):
        trigger = place.handler.trigger
        if place.label in numbered and polling.held_back(world, place) == "by-transaction":
            world.draws_ids = True
        if place.label in numbered and isinstance(trigger, OnConsume):
            world.numbered.add(trigger.consume)
        elif place.label in numbered and isinstance(trigger, OnChanges):
            world.numbered.add(trigger.changes)
    if world.numbered:
        world.not_modelled.add("client retries while rows are read by number")
        world.draws_first = polling.draws_before_lock(world.scene, world.numbered)
        polling.declare_stamps(world)


def _declare(world: World, roles: Roles, volume: Volume, numbered: set[str]) -> None:
    topology = world.topology
    names = list(dict.fromkeys(name for name, _ in world.scene.nodes))
    commits = sum(volume.of(name)[-1] for name in world.origins if name in names) or 1
    for name in names:
        if name in topology.stores:
            # one more than there can be: what was there before the first request counts as commit 1
            declare_store(world, name, name, commits + 1, is_record=name == world.record)
    if world.is_log and world.record in names:
        label = f"newest of {' and '.join(world.origins)}"
        declare_store(world, world.record or "", label, commits + 1, is_record=True)
    if world.record not in world.stores and not world.counts:
        world.m.array("version", world.ids + 1, 1)
    for name, state in world.stores.items():
        if name not in topology.stores:
            continue
        store = topology.stores[name]
        if store.replica_of is not None:
            known = store.replication
            mode = world.options.get(f"stores.{name}.replication", known, safe="sync", unsafe="async")
            if mode == "sync":
                world.synchronous.setdefault(store.replica_of, []).append(state.cell)
    followed = {store.replica_of for name, store in topology.stores.items() if name in world.stores}
    for place in roles.captures:
        trigger = place.handler.trigger
        if isinstance(trigger, OnChanges) and place.label not in numbered:
            followed.add(trigger.changes)
    for name in names:
        if name in followed:
            log = world.m.log(world.fresh("changes"), volume.of(name)[-1], world.code_high)
            world.changes[name] = log
            world.labels[log] = f"changes of {name}"
    captured = {
        step.append
        for place in roles.captures
        for _, step in walk_steps(place.handler.steps, ())
        if isinstance(step, Append)
    }
    in_order = {
        place.handler.trigger.consume
        for place in roles.consumers
        if isinstance(place.handler.trigger, OnConsume) and place.label not in numbered
    }
    for name in names:
        if name in topology.channels and (name not in world.numbered or name in in_order):
            channels.declare_channel(world, name, name, volume.of(name), is_captured=name in captured)


def _dead_letter_last(scene: Scene, places: tuple[Place, ...]) -> list[Place]:
    """Consumers of ordinary channels before those of dead-letter channels, which free what waits behind them."""
    appended = {
        step.append
        for place in scene.handlers.values()
        for _, step in walk_steps(place.handler.steps, ())
        if isinstance(step, Append)
    }

    def is_dead_letter(place: Place) -> bool:
        return isinstance(place.handler.trigger, OnConsume) and place.handler.trigger.consume not in appended

    return sorted(places, key=is_dead_letter)


def _add_consumer(world: World, place: Place, name: str) -> None:
    state = world.channels[name]
    technology = (world.topology.channels[name].technology or "").lower()
    for number, log in enumerate(state.logs):
        label = state.label if len(state.logs) == 1 else f"{state.label}, partition {number}"
        source = consumers.Source(log, label, state.capacity)
        consumers.add_consumer(world, place, source, is_queue=technology in QUEUES)

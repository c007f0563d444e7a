"""Which part of a topology one model is about: everything that can influence one target, and nothing else.

A node is a store or channel together with an entity. The scene is the backward closure from the target over writes,
appends, captures, replication and reads that give values. Steps on other nodes change nothing that the property can
see and are left out; a crash between two steps that are kept covers a crash at any place between them.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from data_integration_architect.topology import (
    Append,
    Call,
    Handler,
    Invalidate,
    OnChanges,
    OnConsume,
    OnRequest,
    OnSchedule,
    Read,
    Step,
    Topology,
    Transaction,
    Write,
    walk_steps,
)
from data_integration_architect.topology.triggers import Request

Node = tuple[str, str | None]


def is_same_entity(one: str | None, other: str | None) -> bool:
    """Whether two entity names may mean the same records; an unnamed entity may be any, a part belongs to its whole."""
    if one is None or other is None:
        return True
    (whole, _, part), (other_whole, _, other_part) = one.partition("."), other.partition(".")
    return whole == other_whole and (not part or not other_part or part == other_part)


@dataclass(frozen=True, slots=True)
class Place:
    """A handler with its names and its path in the document."""

    process: str
    name: str
    handler: Handler
    instances: int

    @property
    def label(self) -> str:
        """PROCESS.HANDLER, or the process alone where it has one handler from a short form."""
        return self.process if self.name == "run" else f"{self.process}.{self.name}"

    @property
    def path(self) -> str:
        """Dotted path of the handler."""
        return f"processes.{self.process}.handlers.{self.name}"


def places(topology: Topology) -> Iterator[Place]:
    """Every handler, in the order of the document; planned ones too."""
    for process_name, process in topology.processes.items():
        for name, handler in process.handlers.items():
            instances = process.instances
            if instances is None:
                instances = "many" if isinstance(handler.trigger, OnRequest | None) else 1
            yield Place(process_name, name, handler, 2 if instances == "many" else instances)


def is_compensation(place: Place) -> bool:
    """Whether a handler runs only where the one that it compensates fails; sagas have a model of their own."""
    return place.handler.compensates is not None and place.handler.trigger is None


def _marking(topology: Topology, place: Place) -> Place:
    """The handler of a request with deletions that only mark the record as what they are: further writes of it."""
    if not isinstance(place.handler.trigger, OnRequest | None):
        return place
    marked = {name for name, entity in topology.entities.items() if entity.deletes == "soft"}
    steps = tuple(_marks(step, marked) for step in place.handler.steps)
    return place if steps == place.handler.steps else replace(place, handler=_with_steps(place.handler, steps))


def _purging(place: Place) -> Place:
    """A scheduled run that deletes what it looks up nowhere, as a request that nobody repeats: which record it deletes
    and when is up to the clock, and what is deleted is not there for the next run.
    """
    trigger = place.handler.trigger
    steps = [step for _, step in walk_steps(place.handler.steps, ())]
    deletes = any(isinstance(step, Write) and step.mode == "delete" for step in steps)
    if not isinstance(trigger, OnSchedule) or not deletes or any(isinstance(step, Read) for step in steps):
        return place
    by_itself = OnRequest(request=Request(retries=False))
    return replace(place, handler=place.handler.model_copy(update={"trigger": by_itself}))


def _marks(step: Step, marked: set[str]) -> Step:
    match step:
        case Transaction():
            return step.model_copy(update={"steps": tuple(_marks(inner, marked) for inner in step.steps)})
        case Write(mode="delete", entity=str(entity)) if entity.split(".")[0] in marked:
            return step.model_copy(update={"mode": "replace"})
    return step


def _with_steps(handler: Handler, steps: tuple[Step, ...]) -> Handler:
    return handler.model_copy(update={"steps": steps})


@dataclass
class Scene:
    """The nodes and handlers that can influence the target, and the system of record that it is compared with."""

    topology: Topology
    target: Node
    nodes: dict[Node, None] = field(default_factory=dict)
    handlers: dict[str, Place] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._all = [
            _purging(_marking(self.topology, place)) for place in places(self.topology) if not is_compensation(place)
        ]
        self.add(self.target)

    def complete(self) -> None:
        """Gives every node that nothing in the topology writes a writer of its own: what is not listed is outside.

        So does a channel that only gets back what failed in it: a replay starts nothing. Where the system of record is
        outside as well, who writes it tells the channel, one change after the other.
        """
        own = [node for node in self.nodes if self._is_outside(*node)]
        for name, entity in list(self.nodes):
            store = self.topology.stores.get(name)
            if (store is not None and store.replica_of is not None) or self._has_writer(name, entity):
                continue
            step: Step = Append(append=name, entity=entity) if store is None else Write(write=name, entity=entity)
            heard = next((record for record, other in own if store is None and is_same_entity(entity, other)), None)
            if heard is not None:
                feed = OnChanges(changes=heard, by="log", sees_deletes=True, snapshot="none")
                place = Place(f"changes of {heard} for {name}", "run", Handler(trigger=feed, steps=(step,)), 1)
            else:
                request = OnRequest(request=Request(retries=False))
                place = Place(f"writers of {name}", "run", Handler(trigger=request, steps=(step,)), 2)
            self.handlers[place.label] = place

    def _is_outside(self, name: str, entity: str | None) -> bool:
        """Whether a store is declared to be right for an entity and nothing that is listed writes it there."""
        base = self.topology.entities.get((entity or "").split(".")[0])
        declared = base is not None and base.system_of_record == name
        return declared and name in self.topology.stores and not self._has_writer(name, entity)

    def _has_writer(self, name: str, entity: str | None) -> bool:
        for place in self.handlers.values():
            for _, step in walk_steps(place.handler.steps, ()):
                if self._writes(step, name, entity) and not puts_back(self.topology, place, name):
                    return True
                if dead_letter_of(self.topology, place, step) == name:
                    return True
        return False

    def add(self, node: Node) -> None:
        """Adds a node and everything that can influence it."""
        name, entity = node
        if self.has(name, entity):
            return
        self.nodes[node] = None
        store = self.topology.stores.get(name)
        if store is not None and store.replica_of is not None:
            self.add((store.replica_of, entity))
        for place in self._all:
            steps = [step for _, step in walk_steps(place.handler.steps, ())]
            if any(self._writes(step, name, entity) for step in steps):
                self._add_handler(place, steps, name, entity)

    def _writes(self, step: Step, name: str, entity: str | None) -> bool:
        match step:
            case Write(write=target) | Append(append=target) | Call(call=target) | Invalidate(invalidate=target):
                return target == name and is_same_entity(step.entity, entity)
        return False

    def _add_handler(self, place: Place, steps: list[Step], name: str, entity: str | None) -> None:
        self.handlers[place.label] = place
        match place.handler.trigger:
            case OnConsume(consume=channel):
                for source in self._sources_of(channel, entity):
                    self.add((channel, source))
            case OnChanges(changes=store):
                self.add((store, entity))
            case OnSchedule():
                for step in steps:
                    if isinstance(step, Read):
                        self.add((step.read, step.entity or entity))
        for step in steps:
            if isinstance(step, Read) and is_same_entity(step.entity, entity) and step.read != name:
                self.add((step.read, entity))
        if place.handler.dedup is not None and place.handler.dedup.scope in ("global", None):
            self._add_sharers(place)

    def _add_sharers(self, place: Place) -> None:
        """Handlers that remember ids in the same memory can make this one skip a record."""
        store = place.handler.dedup.in_ if place.handler.dedup is not None else None
        for other in self._all:
            dedup = other.handler.dedup
            if store is None or dedup is None or dedup.in_ != store or other.label == place.label:
                continue
            for _, step in walk_steps(other.handler.steps, ()):
                if isinstance(step, Write | Call):
                    self.add((step.write if isinstance(step, Write) else step.call, step.entity))

    def _sources_of(self, channel: str, entity: str | None) -> tuple[str | None, ...]:
        """Entities whose events in the channel can become `entity`: itself where the channel carries it, else all."""
        carried: dict[str | None, None] = dict.fromkeys(self.topology.channels[channel].carries)
        for place in self._all:
            for _, step in walk_steps(place.handler.steps, ()):
                if isinstance(step, Append) and step.append == channel:
                    carried[step.entity] = None
        same = tuple(name for name in carried if is_same_entity(name, entity))
        return same or tuple(carried) or (entity,)

    def has(self, name: str, entity: str | None) -> bool:
        """Whether the node is part of the scene."""
        return any(name == known and is_same_entity(entity, other) for known, other in self.nodes)

    def keeps(self, step: Step) -> bool:
        """Whether a step touches a node of the scene."""
        match step:
            case Write(write=target) | Append(append=target) | Call(call=target) | Invalidate(invalidate=target):
                return self.has(target, step.entity)
            case Read(read=target):
                return self.has(target, step.entity) or any(self.keeps(inner) for inner in step.on_miss)
            case Transaction():
                return any(self.keeps(inner) for inner in step.steps)
        return False

    def instance(self, name: str) -> str:
        """The physical instance of a store, or of the store that holds a table-backed channel."""
        channel = self.topology.channels.get(name)
        if channel is not None:
            return self.instance(channel.in_) if channel.in_ else f"channel {name}"
        store = self.topology.stores.get(name)
        return (store.instance if store is not None and store.instance else None) or name


def dead_letter_of(topology: Topology, place: Place, step: Step) -> str | None:
    """Where a record goes that the step could not handle: its own dead letter, or the one of its channel."""
    if not isinstance(step, Write | Append | Call | Invalidate):
        return None
    trigger = place.handler.trigger
    channel = topology.channels.get(trigger.consume) if isinstance(trigger, OnConsume) else None
    named = step.dead_letter or (channel.dead_letter if channel is not None else None)
    return None if named == "none" else named


def puts_back(topology: Topology, place: Place, name: str) -> bool:
    """Whether a handler replays what failed in a channel: it consumes its dead-letter channel."""
    trigger = place.handler.trigger
    return isinstance(trigger, OnConsume) and trigger.consume in dead_letters_of(topology, name)


def dead_letters_of(topology: Topology, name: str) -> set[str]:
    """Channels to which the records go that consumers of a channel could not handle."""
    found = {
        dead_letter_of(topology, place, step)
        for place in places(topology)
        if isinstance(place.handler.trigger, OnConsume) and place.handler.trigger.consume == name
        for _, step in walk_steps(place.handler.steps, ())
    }
    return {channel for channel in found if channel is not None} - {name}


def record_store(topology: Topology, entity: str) -> str | None:
    """The store or channel that is right by definition for an entity: declared, else the first that requests write.

    A store that a capture reads or that holds an outbox comes first, because others follow it. Where only consumers
    write the entity, it is the channel that they read it from, if that is one.
    """
    base = topology.entities.get(entity.split(".")[0])
    if base is not None and base.system_of_record is not None:
        return base.system_of_record
    written: dict[str, None] = {}
    followed: set[str] = set()
    for place in places(topology):
        if isinstance(place.handler.trigger, OnChanges):
            followed.add(place.handler.trigger.changes)
        if place.handler.trigger is not None and not isinstance(place.handler.trigger, OnRequest):
            continue
        fills = [
            id(inner)
            for _, step in walk_steps(place.handler.steps, ())
            if isinstance(step, Read)
            for _, inner in walk_steps(step.on_miss, ())
        ]
        for _, step in walk_steps(place.handler.steps, ()):
            if isinstance(step, Write) and is_same_entity(step.entity, entity) and id(step) not in fills:
                written[step.write] = None
            if isinstance(step, Append) and (channel := topology.channels.get(step.append)) and channel.in_:
                followed.add(channel.in_)
    followed |= {store.replica_of for store in topology.stores.values() if store.replica_of}
    candidates = [store for store in written if topology.stores[store].replica_of is None]
    if not candidates:
        return next(iter(origins_of(topology, entity)), None)
    return next((store for store in candidates if store in followed), candidates[0])


def origins_of(topology: Topology, entity: str) -> tuple[str, ...]:
    """Where consumers take an entity from that no request writes: the channels to which requests or nobody that is
    listed append it, apart from replays of what failed in them. Empty where they look the entity up. Of several, each
    must be appended to by a request for the entity and be there to stay: what came last to any of them is the newest.
    """
    read: dict[str, None] = {}
    derived: set[str] = set()
    asked: set[str] = set()
    for place in places(topology):
        trigger = place.handler.trigger
        steps = [step for _, step in walk_steps(place.handler.steps, ())]
        if isinstance(trigger, OnConsume) and any(_changes(step, entity) for step in steps):
            if any(isinstance(step, Read) and is_same_entity(step.entity, entity) for step in steps):
                return ()
            read[trigger.consume] = None
        if isinstance(trigger, OnConsume):
            derived |= dead_letters_of(topology, trigger.consume)
        if trigger is not None and not isinstance(trigger, OnRequest):
            appended = {step.append for step in steps if isinstance(step, Append)}
            derived |= {channel for channel in appended if not puts_back(topology, place, channel)}
        else:
            asked |= {step.append for step in steps if isinstance(step, Append) and step.entity == entity}
    found = tuple(name for name in read if name not in derived)
    lasting = all(topology.channels[name].status != "temporary" for name in found)
    return found if len(found) < 2 or (lasting and asked.issuperset(found)) else ()


def _changes(step: Step, entity: str) -> bool:
    return isinstance(step, Write) and is_same_entity(step.entity, entity)

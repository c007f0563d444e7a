"""References across stores: a record must not be seen while what it refers to is not there.

No foreign key spans two stores. One handler writes both ends and dies between the two; two streams bring the two ends
to one store, each in its own time; or what is referred to is deleted in a store of its own, and nobody tells.

ATOMIC: one statement on one record takes effect as a whole; a crash can fall between two stores, never inside one.
Sources: PostgreSQL documentation, 5.5.5 "Foreign Keys" (both tables are of one database); Apache Kafka documentation,
"Introduction" (order is kept within a partition of one topic, and not between topics).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Literal

from data_integration_architect.modelcheck.builder import ModelBuilder
from data_integration_architect.modelcheck.facts import Options
from data_integration_architect.modelcheck.mechanisms.stores import ATOMIC
from data_integration_architect.modelcheck.scene import Place, is_same_entity, places
from data_integration_architect.modelcheck.world import Bounds
from data_integration_architect.topology import (
    OnChanges,
    OnConsume,
    OnRequest,
    Read,
    Topology,
    Transaction,
    Write,
    walk_steps,
)

Kind = Literal["apart", "streams", "deleted"]


@dataclass(frozen=True, slots=True)
class Ends:
    """The writes of both ends of a reference, each with its handler; of `deleted`, the deletion of what is referred to.

    `path`: where the reference stands in the topology.
    """

    kind: Kind
    path: str
    names: tuple[str, str]
    child: tuple[Place, Write]
    parent: tuple[Place, Write]

    @property
    def element(self) -> str:
        """A name that no other reference has."""
        return f"reference.{self.kind}.{self.path}.{self.child[0].label}.{self.parent[0].label}"


def ends_of(topology: Topology) -> Iterator[Ends]:
    """Every reference whose reader minds, with the ways in which its ends come apart."""
    for name, entity in topology.entities.items():
        for number, reference in enumerate(entity.references):
            if not reference.visible_before:
                continue
            path = f"entities.{name}.references.{number}"
            for child in _writes(topology, name):
                for parent in _writes(topology, reference.to):
                    if kind := _kind(topology, child, parent, (name, reference.to)):
                        yield Ends(kind, path, (name, reference.to), child, parent)


def _writes(topology: Topology, entity: str) -> list[tuple[Place, Write]]:
    return [
        (place, step)
        for place in places(topology)
        for path, step in walk_steps(place.handler.steps, ())
        if isinstance(step, Write) and "on_miss" not in path and (step.entity or "").split(".")[0] == entity
    ]


def _kind(
    topology: Topology, child: tuple[Place, Write], parent: tuple[Place, Write], names: tuple[str, str]
) -> Kind | None:
    (place, write), (other, referred) = child, parent
    is_one_store = write.write == referred.write
    is_request = isinstance(place.handler.trigger, OnRequest | None)
    if place.label == other.label:
        alone = all(one.label == place.label for one, _ in _writes(topology, names[1]))
        creates = {write.mode, referred.mode} <= {None, "insert", "replace"}
        apart = _instance(topology, write.write) != _instance(topology, referred.write)
        return "apart" if is_request and alone and creates and apart else None
    follows = isinstance(place.handler.trigger, OnConsume | OnChanges)
    if is_one_store and follows and isinstance(other.handler.trigger, OnConsume | OnChanges):
        return "streams" if _source(place) != _source(other) and "delete" not in (write.mode, referred.mode) else None
    kept = topology.entities[names[1]].deletes in ("soft", "never") if names[1] in topology.entities else True
    if is_one_store or not is_request or referred.mode != "delete" or write.mode == "delete" or kept:
        return None
    if _reads(place, names[1]) or _reads(other, names[0]):
        return None  # who looks before it writes or deletes has a race, which a rule about the reference asks for
    told = any(step.write == write.write for _, step in _writes(topology, names[1]))
    return None if told or _instance(topology, write.write) == _instance(topology, referred.write) else "deleted"


def _reads(place: Place, entity: str) -> bool:
    steps = [step for _, step in walk_steps(place.handler.steps, ())]
    return any(
        isinstance(step, Read) and step.entity is not None and is_same_entity(step.entity, entity) for step in steps
    )


def _instance(topology: Topology, name: str) -> str:
    return topology.stores[name].instance or name


def _source(place: Place) -> str:
    trigger = place.handler.trigger
    if isinstance(trigger, OnConsume):
        return trigger.consume
    return trigger.changes if isinstance(trigger, OnChanges) else ""


def build(ends: Ends, options: Options, bounds: Bounds) -> tuple[ModelBuilder, str]:
    """The model, and the condition under which no reader is misled."""
    m = ModelBuilder(faults=bounds.faults, workload=2)
    m.var("child", 1)
    m.var("parent", 1, 1 if ends.kind == "deleted" else 0)
    minds = options.get(f"{ends.path}.visible_before", True, safe=False, unsafe=True)
    {"apart": _add_apart, "streams": _add_streams, "deleted": _add_deleted}[ends.kind](m, ends)
    return m, "child == 0 or parent == 1" if minds else "True"


def _add_apart(m: ModelBuilder, ends: Ends) -> None:
    """One handler writes both ends; the one inside the other's transaction takes effect before its commit."""
    place, write = ends.child
    order = [("child", ends.names[0], write), ("parent", ends.names[1], ends.parent[1])]
    steps = [step for _, step in walk_steps(place.handler.steps, ())]
    block = next((s for s in steps if isinstance(s, Transaction) and write in s.steps), None)
    inside = block is not None and ends.parent[1] in [step for _, step in walk_steps(block.steps, ())]
    if inside or steps.index(ends.parent[1]) < steps.index(write):
        order.reverse()
    m.var("pc", 3)  # 1 after the first write, 2 after both, 3 dead between the two
    act = partial(m.act, actor=place.label, source=place.process)
    for number, (name, entity, step) in enumerate(order):
        text = f"write {entity}"
        updates = f"pc = {number + 1}; {name} = 1"
        act(f"write{number}", f"pc == {number}", updates, cost=1 - number, target=step.write, text=text, atomic=ATOMIC)
    act("crash", "pc == 1", "pc = 3", kind="fault", text=f"{place.label} crashes before its next step")
    trigger = place.handler.trigger
    if isinstance(trigger, OnRequest) and trigger.request.retries:
        m.var("attempt", 1)
        again = "sending a request again is one step, and what is written already stays as it is"
        words = f"retry after the crash, write {order[0][1]} again"
        act(
            "retry",
            "pc == 3 and attempt == 0",
            "pc = 1; attempt = 1",
            target=order[0][2].write,
            text=words,
            atomic=again,
        )


def _add_streams(m: ModelBuilder, ends: Ends) -> None:
    """What is referred to is written first, and each end comes on a way of its own."""
    m.var("written", 2)
    for number, entity in enumerate(reversed(ends.names)):
        text = f"write {entity}"
        actor = f"writer of {entity}"
        m.act(
            f"source{number}", f"written == {number}", f"written = {number + 1}", actor=actor, cost=1, text=text,
            source=actor, target=_source((ends.parent, ends.child)[number][0]), atomic=ATOMIC,
        )  # fmt: skip
    looks = _looks_first(*ends.child, ends.names[1])
    for name, entity, needed, (place, step) in (
        ("parent", ends.names[1], "written >= 1", ends.parent),
        ("child", ends.names[0], "written == 2" + (" and parent == 1" if looks else ""), ends.child),
    ):
        m.act(
            f"apply_{name}", f"{needed} and {name} == 0", f"{name} = 1", actor=place.label, source=_source(place),
            target=step.write, text=f"write {entity}", atomic=ATOMIC,
        )  # fmt: skip


def _looks_first(place: Place, write: Write, entity: str) -> bool:
    """Whether a handler looks for what its record refers to before it writes, and is tried again until it is there."""
    for _, step in walk_steps(place.handler.steps, ()):
        if step is write:
            return False
        if isinstance(step, Read) and step.read == write.write and is_same_entity(step.entity, entity):
            return True
    return False


def _add_deleted(m: ModelBuilder, ends: Ends) -> None:
    """A record is written that refers to another one, and that is deleted by somebody who does not know of it."""
    for name, value, words, (place, step) in (
        ("child", 1, f"write {ends.names[0]}", ends.child),
        ("parent", 0, f"delete {ends.names[1]}", ends.parent),
    ):
        m.act(
            f"do_{name}", f"not {name} == {value}", f"{name} = {value}", actor=place.label, source=place.process,
            target=step.write, text=words, cost=1, atomic=ATOMIC,
        )  # fmt: skip

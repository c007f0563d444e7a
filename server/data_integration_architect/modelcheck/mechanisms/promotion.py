"""What a capture has sent, and where it goes on, when a standby takes over from the primary that it reads.

Writes that the standby did not have are gone with the old primary. A capture that sends what no standby has confirmed
has sent some of them; a position that points behind the end of the new log skips what is written there next; one at the
end of the new log skips what the capture had not read yet.

ATOMIC: a promotion is one step for clients, because the old primary is assumed to be fenced (the other case is a model
of its own). A standby applies one commit at a time.
Sources: PostgreSQL documentation, 47.2.3 "Replication Slot Synchronization" and `synchronized_standby_slots`; Debezium
documentation, PostgreSQL connector, "Cluster failures".
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

from data_integration_architect.modelcheck.builder import ModelBuilder
from data_integration_architect.modelcheck.facts import Options
from data_integration_architect.modelcheck.scene import Place, is_same_entity, places
from data_integration_architect.modelcheck.world import Bounds
from data_integration_architect.topology import Append, OnChanges, OnConsume, Topology, Write, walk_steps

ATOMIC = "a standby applies one commit at a time, and a promotion is one step for clients"


@dataclass(frozen=True, slots=True)
class Promoted:
    """A capture of a store whose standby can be promoted, and the store and entity that it feeds."""

    place: Place
    trigger: OnChanges
    target: str
    entity: str | None


def captures_of(topology: Topology) -> Iterator[Promoted]:
    """Captures from the log of stores whose standby is promoted by itself."""
    for place in places(topology):
        trigger = place.handler.trigger
        if not isinstance(trigger, OnChanges) or trigger.by in ("query", "trigger"):
            continue
        failover = topology.stores[trigger.changes].failover
        if failover is None or not failover.automatic:
            continue
        for target, entity in fed_by(topology, place):
            yield Promoted(place, trigger, target, entity)


def fed_by(topology: Topology, place: Place) -> list[tuple[str, str | None]]:
    """Stores that the handler writes itself, or through one channel."""
    found: dict[tuple[str, str | None], None] = {}
    for _, step in walk_steps(place.handler.steps, ()):
        if isinstance(step, Write):
            found[step.write, step.entity] = None
        if not isinstance(step, Append):
            continue
        for consumer in places(topology):
            trigger = consumer.handler.trigger
            if isinstance(trigger, OnConsume) and trigger.consume == step.append:
                for _, effect in walk_steps(consumer.handler.steps, ()):
                    if isinstance(effect, Write) and is_same_entity(effect.entity, step.entity):
                        found[effect.write, effect.entity] = None
    return list(found)


def build(topology: Topology, capture: Promoted, options: Options, bounds: Bounds) -> tuple[ModelBuilder, str]:
    """The model, and the condition at rest: the target has what the store has."""
    store, trigger = capture.trigger.changes, capture.trigger
    failover = topology.stores[store].failover
    path = f"{capture.place.path}.trigger"
    quorum = options.get(
        f"stores.{store}.failover.quorum", failover.quorum if failover else None, safe=True, unsafe=False
    )
    gated = quorum or options.get(f"{path}.gated_on_standby", trigger.gated_on_standby, safe=True, unsafe=False)
    position = _position(options, path, trigger)
    entity = capture.entity or "record"
    m = ModelBuilder(faults=min(1, bounds.faults), workload=bounds.writes)
    most = bounds.writes
    deletes = _is_deleted(topology, capture.entity)
    # 0 = gone; where records are deleted, one was there before
    before = most + 1 if deletes else 0
    for name, words in (("record", store), ("standby", f"standby of {store}"), ("view", capture.target)):
        m.var(name, most + deletes, before)
        m.label(name, words)
    for name in ("written", "replicated", "base"):
        m.var(name, most)
    m.var("position", most)
    m.var("ahead", most)  # how far behind the end of what the standby had: the position among the new entries
    m.var("promoted", 2)  # 1 promoted, 2 the capture reads the new log
    m.log("old", most, most)
    m.log("new", most, most)
    client = partial(m.act, cost=1, atomic=ATOMIC, source="client", target=store)
    for i in range(1, most + 1):
        actor, words = f"client #{i}", f"write {entity} {i}"
        at_once = f"; standby = {i}; replicated += 1" if quorum else ""
        first = f"record = {i}; written = {i}; old.append({i}){at_once}"
        client(f"write_{i}", f"written == {i - 1} and promoted == 0", first, actor=actor, text=words)
        second = f"record = {i}; written = {i}; new.append({i})"
        client(f"write_new_{i}", f"written == {i - 1} and promoted > 0", second, actor=actor, text=words)
        if deletes:
            at_once = "; standby = 0; replicated += 1" if quorum else ""
            gone = f"record = 0; written = {i}; old.append(0){at_once}"
            words = f"delete {entity}"
            client(f"delete_{i}", f"written == {i - 1} and promoted == 0", gone, actor=actor, text=words)
            gone = f"record = 0; written = {i}; new.append(0)"
            client(f"delete_new_{i}", f"written == {i - 1} and promoted > 0", gone, actor=actor, text=words)
    act = partial(m.act, atomic=ATOMIC)
    if not quorum:
        act(
            "replicate",
            "replicated < len(old) and promoted == 0",
            "standby = old[replicated]; replicated += 1",
            actor=f"{store} replication",
            source=store,
            target=f"standby of {store}",
            text=f"replicate {entity} {{n:old[replicated]}}",
        )
    act(
        "promote",
        "promoted == 0",
        "promoted = 1; record = standby; base = replicated",
        kind="fault",
        actor=store,
        source=store,
        target=store,
        text="the standby is promoted",
    )
    reads = partial(act, actor=capture.place.label, source=store, target=capture.target)
    confirmed = " and position < replicated" if gated else ""
    sends = f"sends {entity}"
    ready = f"promoted == 0 and position < len(old){confirmed}"
    reads("send", ready, "view = old[position]; position += 1", text=f"{sends} {{n:old[position]}}")
    _add_reconnect(m, capture, position, deletes=deletes)
    rest = "promoted == 2 and position < base and position < len(old)"
    reads("send_rest", rest, "view = old[position]; position += 1", text=f"{sends} {{n:old[position]}}")
    here = "promoted == 2 and position >= base and ahead < len(new)"
    reads("send_new", here, "view = new[ahead]; ahead += 1", text=f"{sends} {{n:new[ahead]}}")
    return m, "view == record"


def _position(options: Options, path: str, trigger: OnChanges) -> str:
    """Where the capture goes on: `kept`, `end` or `snapshot`."""
    if trigger.position_after_promotion is not None:
        known = trigger.position_after_promotion
        return options.get(f"{path}.position_after_promotion", known, safe="snapshot", unsafe="end")
    survives = trigger.slot.failover if trigger.slot is not None else None
    if survives is not None and options.get(f"{path}.slot.failover", survives, safe=True, unsafe=False):
        return "kept"
    return options.get(f"{path}.position_after_promotion", None, safe="snapshot", unsafe="end")


def _is_deleted(topology: Topology, entity: str | None) -> bool:
    known = topology.entities.get((entity or "").split(".")[0])
    return known is not None and known.deletes == "hard"


def _add_reconnect(m: ModelBuilder, capture: Promoted, position: str, *, deletes: bool) -> None:
    """The capture finds the new primary; without a copy, its position means a place in the new log.

    A copy says nothing of what is gone.
    """
    copied = "view = record if record > 0 else view" if deletes else "view = record"
    updates, words = {
        "kept": (
            "promoted = 2; ahead = position - base if position > base else 0",
            "goes on at position {n:position} of the new log",
        ),
        "end": ("promoted = 2; position = base; ahead = len(new)", "goes on at the end of the new log"),
        "snapshot": (f"promoted = 2; position = base; ahead = len(new); {copied}", "copies everything again"),
    }[position]
    m.act(
        "reconnect",
        "promoted == 1",
        updates,
        actor=capture.place.label,
        source=capture.trigger.changes,
        target=capture.target,
        text=words,
        atomic=ATOMIC,
    )

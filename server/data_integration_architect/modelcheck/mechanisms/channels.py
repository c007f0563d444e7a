"""Channels: append-only logs with partitions, and how many records they may have to hold.

ATOMIC: a broker appends one record to one partition as a whole and never reorders a partition.
Source: Apache Kafka documentation, "Message delivery semantics"; a table-backed channel gets its row with the commit
of the transaction that inserts it.

A record with the key of its entity always goes to the same partition. Without a key, with a random one, or with a
field that is said to change, any partition may take it. A change of the number of partitions sends a key to another
one from then on; records in the old one may still wait unless it was drained first. Records of a channel without order
may each go their own way. Partitions of an unkeyed channel are alike, and one key is modelled, so a keyed channel needs
one log only.
"""

import re
from dataclasses import replace
from typing import TypeGuard

from data_integration_architect.analysis.channel_kinds import is_buffer
from data_integration_architect.catalog import load_catalog
from data_integration_architect.modelcheck.mechanisms import identities
from data_integration_architect.modelcheck.world import Branch, ChannelState, Value, World
from data_integration_architect.topology import Append, walk_steps
from data_integration_architect.topology.state import Repartition

ATOMIC = "the broker appends one record to one partition as a whole"
UNKEYED = ("none", "random")
DURABLE = "kafka"  # a product that keeps what it has accepted, to stand for all of them


def declare_channel(world: World, name: str, label: str, capacity: tuple[int, ...], *, is_captured: bool) -> None:
    """Adds the logs of one channel."""
    channel = world.topology.channels[name]
    key = channel.message_key
    if key is None and is_captured:
        # a capture keys its records by the table's key unless told otherwise
        base = world.topology.entities.get((world.scene.target[1] or "").split(".", 1)[0])
        key = "none" if base is not None and base.key == "none" else "primary key"
    path = f"channels.{name}.message_key"
    is_keyed = world.options.get(path, key, safe="key", unsafe="none") not in UNKEYED
    entity = (world.scene.target[1] or "").split(".", 1)[0]
    for field, stays in world.topology.entities[entity].immutable.items() if entity in world.topology.entities else ():
        if field in re.findall(r"[\w.]+", key or ""):
            stays = world.options.get(f"entities.{entity}.immutable.{field}", stays, safe=True, unsafe=False)
            is_keyed = is_keyed and stays
    if channel.partitions == 1 or channel.order == "total" or channel.in_ is not None:
        is_keyed = True
    if channel.order == "none" and channel.in_ is None:
        is_keyed = (
            world.options.get(f"channels.{name}.order", channel.order, safe="per-partition", unsafe="none") != "none"
        )
    most = capacity[world.bounds.faults]
    moved = channel.repartitioned
    is_split = _moves_keys(moved) and not (_is_drained(world, name, moved) and _ends_empty(world, name, moved))
    count = 2 if is_keyed and is_split else 1 if is_keyed else world.bounds.partitions
    logs = tuple(world.m.log(world.fresh("log"), most, world.code_high) for _ in range(count))
    world.channels[name] = ChannelState(name, label, logs, capacity, is_keyed)
    if is_keyed and is_split:
        world.shared[f"switch:{name}"] = world.m.var(world.fresh("switch"), 2)
    for number, log in enumerate(logs):
        world.labels[log] = label if count == 1 else f"{label}, partition {number}"


def append_branches(world: World, step: Append, value: Value, path: str) -> list[Branch]:
    """One branch for each partition that may take the record, and one for a deletion that no event tells of."""
    if step.append not in world.channels:
        return [Branch()]  # readers find the row by the number that its transaction drew
    known = world.topology.channels[step.append].event.on_delete
    path = f"channels.{step.append}.event.on_delete"
    if known != "none" or value.deletes == "no" or world.options.get(path, known, safe="full", unsafe="none") != "none":
        return _appended(world, step, value, path)
    silent = Branch("True", (), "no event tells of a deletion")
    if value.deletes == "yes":
        return [silent]
    told = Branch(f"{value.code} <= {world.ids}")
    return [
        *(told.merged(branch) for branch in _appended(world, step, value, path)),
        replace(silent, guard=f"{value.code} > {world.ids}"),
    ]


def _appended(world: World, step: Append, value: Value, path: str) -> list[Branch]:
    state = world.channels[step.append]
    code, made = identities.passed_on(world, step, value, path)
    noted = ", with a new id" if made else ""
    if world.is_log and step.append in world.origins and value.request:
        # of a log that is the system of record, the append is the commit
        cell = world.stores[world.record or ""].cell
        new = "0" if value.deletes == "yes" else value.intent
        made = (*made, f"{cell} = {new}", f"version[{value.intent}] = commits + 1", "commits += 1")
    added = [(f"{log}.append({code})", *made) for log in state.logs]
    switch = world.shared.get(f"switch:{step.append}")
    if switch is not None:
        before, after = added
        return [
            Branch(f"{switch} < 2", before, f"old partition{noted}"),
            Branch(f"{switch} > 0", after, f"new partition{noted}"),
        ]
    if len(added) == 1:
        return [Branch("True", added[0], noted.removeprefix(", "))]
    return [Branch("True", updates, f"partition {number}{noted}") for number, updates in enumerate(added)]


def _moves_keys(moved: Repartition | None) -> TypeGuard[Repartition]:
    """Whether the number of partitions changes, so that keys go to other ones."""
    return moved is not None and (moved.from_ is None or moved.from_ != moved.to)


def _is_drained(world: World, name: str, moved: Repartition) -> bool:
    return world.options.get(f"channels.{name}.repartitioned.drained", moved.drained, safe=True, unsafe=False)


def _ends_empty(world: World, name: str, moved: Repartition) -> bool:
    """Whether nothing of the old layout can be read once a record of the new one is there."""
    path = f"channels.{name}.repartitioned"
    to = world.options.get(
        f"{path}.drained_to", moved.drained_to or "committed-offset", safe="committed-offset", unsafe="position"
    )
    return to == "committed-offset" and not _is_rolling(world, name, moved)


def _is_rolling(world: World, name: str, moved: Repartition) -> bool:
    """Whether one producer can still use the old layout while another one uses the new one."""
    path = f"channels.{name}.repartitioned"
    switch = world.options.get(f"{path}.switch", moved.switch or "paused", safe="paused", unsafe="rolling")
    return switch == "rolling" and _has_several_producers(world, name)


def _waits_alone(world: World, name: str, moved: Repartition) -> bool:
    path = f"channels.{name}.repartitioned.per_producer"
    return world.options.get(path, moved.per_producer or False, safe=False, unsafe=True)


def _has_several_producers(world: World, name: str) -> bool:
    producers = [
        place
        for place in world.scene.handlers.values()
        if any(isinstance(step, Append) and step.append == name for _, step in walk_steps(place.handler.steps, ()))
    ]
    return len(producers) > 1 or any(place.instances > 1 for place in producers)


def add_switch(world: World, name: str) -> None:
    """The change of layout: at once where producers pause, else with a time in which both layouts are in use.

    Draining waits until the old partition is read to its end. A producer that waits for its own records only waits for
    nothing where it has sent none, so with several producers the others' records may still be there.
    """
    switch = world.shared.get(f"switch:{name}")
    moved = world.topology.channels[name].repartitioned
    if switch is None or moved is None:
        return
    state = world.channels[name]
    old = state.logs[0]
    is_rolling = _is_rolling(world, name, moved)
    guards = []
    if _is_drained(world, name, moved):
        own_only = _waits_alone(world, name, moved)
        if not (own_only and is_rolling):
            guards = [f"{position.offset} == len({old})" for position in world.positions.get(old, [])]
    first = "one producer uses the new partition" if is_rolling else "the key goes to another partition from now on"
    _switch(world, state.label, switch, [f"{switch} == 0", *guards], 1 if is_rolling else 2, first)
    if is_rolling:
        _switch(world, state.label, switch, [f"{switch} == 1"], 2, "the last producer uses the new partition")


def _switch(world: World, label: str, switch: str, guards: list[str], new: int, words: str) -> None:
    world.act(
        "repartition",
        guards,
        [f"{switch} = {new}"],
        actor=label,
        kind="optional",
        source=label,
        target=label,
        text=f"gets more partitions; {words}",
        atomic=ATOMIC,
    )


def loses(world: World, step: Append, path: str) -> str:
    """Words for an append that can be lost without the producer noticing; empty where it cannot."""
    channel = world.topology.channels[step.append]
    full = channel.when_full or "block"
    if world.options.get(f"channels.{step.append}.when_full", full, safe="block", unsafe="drop") == "drop":
        return "is dropped: the channel is full"
    if _forgets(world, step.append):
        return "is lost in a crash: it waited in memory only"
    known = step.delivery or "at-least-once"
    sent = world.options.get(f"{path}.delivery", known, safe="at-least-once", unsafe="at-most-once")
    return "is lost, and nobody notices" if sent == "at-most-once" else ""


def _forgets(world: World, name: str) -> bool:
    """Whether a restart empties the place where records wait. Of what a restart loses, each record is lost by itself:
    a run that ends with it missing has one in which it was lost as soon as it was there.
    """
    channel = world.topology.channels[name]
    if is_buffer(channel):
        path = f"channels.{name}.technology"
        return world.options.get(path, channel.technology, safe=DURABLE, unsafe=channel.technology) != DURABLE
    store = world.topology.stores.get(channel.in_ or "")
    if store is None:
        return False
    head = load_catalog().technology(store.technology)
    known = store.durability or ("volatile" if head is not None and head.durable is False else None)
    if known is None and (head is None or head.durable is True):
        return False
    path = f"stores.{channel.in_}.durability"
    return world.options.get(path, known, safe="durable", unsafe="volatile") == "volatile"

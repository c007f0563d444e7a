"""Channels: append-only logs with partitions, and how many records they may have to hold.

ATOMIC: a broker appends one record to one partition as a whole and never reorders a partition.
Source: Apache Kafka documentation, "Message delivery semantics"; a table-backed channel gets its row with the commit
of the transaction that inserts it.

A record with the key of its entity always goes to the same partition. Without a key, with a random one, or with a
field that is said to change, any partition may take it. A change of the number of partitions sends a key to another
one from then on; records in the old one may still wait unless it was drained first. Partitions of an unkeyed channel
are alike, and one key is modelled, so a keyed channel needs one log only.
"""

import re

from data_integration_architect.modelcheck.world import Branch, ChannelState, Value, World
from data_integration_architect.topology import Append

ATOMIC = "the broker appends one record to one partition as a whole"
UNKEYED = ("none", "random")


def declare_channel(world: World, name: str, label: str, capacity: tuple[int, ...], *, is_captured: bool) -> None:
    """Adds the logs of one channel."""
    channel = world.topology.channels[name]
    key = channel.message_key
    if key is None and is_captured:
        key = "primary key"  # a capture keys its records by the table's key unless told otherwise
    path = f"channels.{name}.message_key"
    is_keyed = world.options.get(path, key, safe="key", unsafe="none") not in UNKEYED
    entity = (world.scene.target[1] or "").split(".", 1)[0]
    for field, stays in world.topology.entities[entity].immutable.items() if entity in world.topology.entities else ():
        if field in re.findall(r"[\w.]+", key or ""):
            stays = world.options.get(f"entities.{entity}.immutable.{field}", stays, safe=True, unsafe=False)
            is_keyed = is_keyed and stays
    if channel.partitions == 1 or channel.order == "total" or channel.in_ is not None:
        is_keyed = True
    most = capacity[world.bounds.faults]
    moved = channel.repartitioned
    is_split = moved is not None and not world.options.get(
        f"channels.{name}.repartitioned.drained", moved.drained, safe=True, unsafe=False
    )
    count = 2 if is_keyed and is_split else 1 if is_keyed else world.bounds.partitions
    logs = tuple(world.m.log(world.fresh("log"), most, world.code_high) for _ in range(count))
    world.channels[name] = ChannelState(name, label, logs, capacity, is_keyed)
    if is_keyed and is_split:
        switch = world.shared[f"switch:{name}"] = world.m.var(world.fresh("switch"), 1)
        world.act(
            "repartition",
            [f"{switch} == 0"],
            [f"{switch} = 1"],
            actor=label,
            kind="optional",
            source=label,
            target=label,
            text="gets more partitions; from now on the key goes to another one",
            atomic=ATOMIC,
        )
    for number, log in enumerate(logs):
        world.labels[log] = label if count == 1 else f"{label}, partition {number}"


def append_branches(world: World, step: Append, value: Value) -> list[Branch]:
    """One branch for each partition that may take the record."""
    if step.append in world.numbered:
        return [Branch()]  # readers find the row by the number that its transaction drew
    state = world.channels[step.append]
    switch = world.shared.get(f"switch:{step.append}")
    if switch is not None:
        old, new = state.logs
        return [
            Branch(f"{switch} == 0", (f"{old}.append({value.code})",), "old partition"),
            Branch(f"{switch} == 1", (f"{new}.append({value.code})",), "new partition"),
        ]
    if len(state.logs) == 1:
        return [Branch("True", (f"{state.logs[0]}.append({value.code})",))]
    return [
        Branch("True", (f"{log}.append({value.code})",), f"partition {number}") for number, log in enumerate(state.logs)
    ]

"""Replicas that the product itself keeps up.

ATOMIC: a replica applies one commit at a time, in commit order (PostgreSQL documentation, "Streaming Replication"); a
synchronous one has applied it before the writer is acknowledged.
"""

from data_integration_architect.modelcheck.world import World

ATOMIC = "a replica applies one commit at a time, in commit order"


def is_fresh(world: World, name: str) -> bool:
    """Whether a replica has each commit before its writer is answered.

    A quorum says that of a majority only, so of the replica where it is the only one.
    """
    store = world.topology.stores.get(name)
    if store is None:
        return False
    mode = world.options.get(f"stores.{name}.replication", store.replication, safe="sync", unsafe="async")
    others = [one for one, other in world.topology.stores.items() if other.replica_of == store.replica_of]
    return mode == "sync" or (mode == "quorum" and store.replica_of is not None and len(others) == 1)


def add_replica(world: World, name: str, most: int) -> None:
    """Applies the changes of the record store, one commit after the other."""
    store = world.topology.stores[name]
    state = world.stores[name]
    position = world.m.var(world.fresh("replica"), most)
    log = world.changes[store.replica_of or ""]
    value = world.value_at(f"{log}[{position}]")
    ready = f"{position} < len({log})"
    if world.counts:
        updates = [(ready, f"{state.cell} = 1 if {value.is_tracked} else {state.cell}")]
    else:
        # an upstream deletion has a code above the number of writes
        updates = [(f"{ready} and {value.code} <= {world.ids}", f"{state.cell} = {value.intent}")]
        if world.deletes:
            updates.append((f"{ready} and {value.code} > {world.ids}", f"{state.cell} = 0"))
    for guard, update in updates:
        followed = (f"{world.changes[name]}.append({value.code})",) if name in world.changes else ()
        world.act(
            "replicate",
            [guard],
            [update, *followed, f"{position} += 1"],
            actor=f"{store.replica_of} replication",
            source=store.replica_of or "",
            target=state.label,
            text=f"replicate {value.label}",
            atomic=ATOMIC,
        )

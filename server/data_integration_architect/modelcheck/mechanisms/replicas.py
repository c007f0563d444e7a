"""Replicas that the product itself keeps up, and jobs that copy.

ATOMIC: a replica applies one commit at a time, in commit order (PostgreSQL documentation, "Streaming Replication"); a
synchronous one has applied it before the writer is acknowledged.
"""

from data_integration_architect.modelcheck.mechanisms import stores
from data_integration_architect.modelcheck.scene import Place
from data_integration_architect.modelcheck.world import World

ATOMIC = "a replica applies one commit at a time, in commit order"


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
        world.act(
            "replicate",
            [guard],
            [update, f"{position} += 1"],
            actor=f"{store.replica_of} replication",
            source=store.replica_of or "",
            target=state.label,
            text=f"replicate {value.label}",
            atomic=ATOMIC,
        )


def add_copy_job(world: World, place: Place, source: str, target: str, *, swaps: bool, runs: int) -> None:
    """A scheduled copy: it reads what is there, then publishes what it read; `runs` is how often."""
    stem = world.fresh("job")
    read = world.m.var(f"{stem}_read", world.ids)
    counter = world.m.var(f"{stem}_pc", 1)
    run = world.m.var(f"{stem}_runs", runs)
    origin, state = world.stores[source], world.stores[target]
    world.act(
        "job_read",
        [f"{counter} == 0", f"{run} < {runs}"],
        [f"{read} = {origin.cell}", f"{counter} = 1", f"{run} += 1"],
        actor=place.label,
        source=origin.label,
        target=place.process,
        text="read all",
        kind="optional",
        atomic="one query sees one snapshot",
    )
    world.act(
        "job_publish",
        [f"{counter} == 1", f"{read} > 0"],
        [f"{state.cell} = {read}", f"{counter} = 0"],
        actor=place.label,
        source=place.process,
        target=state.label,
        text=f"write {{w:{read}}}",
        atomic=stores.ATOMIC,
    )
    world.act(
        "job_nothing",
        [f"{counter} == 1", f"{read} == 0"],
        [*([f"{state.cell} = 0"] if swaps else []), f"{counter} = 0"],
        actor=place.label,
        source=place.process,
        target=state.label,
        text="write what was read: the record is gone" if swaps else "finds no record",
        atomic=stores.ATOMIC,
    )

"""Replicas that the product itself keeps up, and jobs that copy.

ATOMIC: a replica applies one commit at a time, in commit order (PostgreSQL documentation, "Streaming Replication"); a
synchronous one has applied it before the writer is acknowledged.
"""

from functools import partial

from data_integration_architect.modelcheck.mechanisms import stores
from data_integration_architect.modelcheck.scene import Place
from data_integration_architect.modelcheck.world import World

EXTRA_RUNS = 1
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


def add_copy_job(world: World, place: Place, source: str, target: str, *, swaps: bool) -> None:
    """A scheduled copy: it reads what is there, then publishes what it read.

    It runs again as long as a run would change something, because a schedule never ends; and up to `EXTRA_RUNS` times
    when it would not, because such a run can still publish what another writer has replaced meanwhile.
    """
    stem = world.fresh("job")
    read = world.m.var(f"{stem}_read", world.ids)
    counter = world.m.var(f"{stem}_pc", 1)
    run = world.m.var(f"{stem}_runs", EXTRA_RUNS)
    origin, state = world.stores[source], world.stores[target]
    useful = f"not {origin.cell} == {state.cell}" + ("" if swaps else f" and {origin.cell} > 0")
    act = partial(world.act, actor=place.label)
    first = [f"{read} = {origin.cell}", f"{counter} = 1"]
    reads = partial(
        act, source=origin.label, target=place.process, text="read all", atomic="one query sees one snapshot"
    )
    reads("job_read", [f"{counter} == 0", useful], first)
    reads(
        "job_again",
        [f"{counter} == 0", f"not ({useful})", f"{run} < {EXTRA_RUNS}"],
        [*first, f"{run} += 1"],
        kind="optional",
    )
    writes = partial(act, source=place.process, target=state.label, atomic=stores.ATOMIC)
    back, top = stores.ghost(state, "back"), stores.ghost(state, "top")
    version = f"version[{read}]"
    writes(
        "job_publish",
        [f"{counter} == 1", f"{read} > 0"],
        [
            f"{state.cell} = {read}",
            f"{counter} = 0",
            f"{back} = 1 if {version} < {top} else {back}",
            f"{top} = {version} if {version} > {top} else {top}",
        ],
        text=f"write {{w:{read}}}",
    )
    gone = [f"{state.cell} = 0"] if swaps else []
    writes(
        "job_nothing",
        [f"{counter} == 1", f"{read} == 0"],
        [*gone, f"{counter} = 0"],
        text="write what was read: the record is gone" if swaps else "finds no record",
    )

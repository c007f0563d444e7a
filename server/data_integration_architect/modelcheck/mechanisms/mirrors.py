"""Two stores that each follow the other: changes that come back, and concurrent writes that pass each other.

A change that was brought from the other store is a change like any other, unless the capture leaves out what was
brought, or the receiver refuses what is not newer. Without that the same values go round for ever: progress that need
not end is reported as a livelock.

ATOMIC: applying a change and logging it are one commit of the store; each way delivers in order. As many changes are on
the way as there were client writes, because each one that is applied makes at most one new one.
Sources: MySQL documentation, `replicate-same-server-id`; PostgreSQL documentation, `CREATE SUBSCRIPTION`, `origin`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

from data_integration_architect.modelcheck.builder import ModelBuilder
from data_integration_architect.modelcheck.facts import Options
from data_integration_architect.modelcheck.mechanisms.promotion import fed_by
from data_integration_architect.modelcheck.scene import Place, is_same_entity, places
from data_integration_architect.modelcheck.world import Bounds
from data_integration_architect.topology import OnChanges, Topology, Write, walk_steps

ATOMIC = "applying a change and logging it are one commit; each way delivers in order"
WRITES = 2


@dataclass(frozen=True, slots=True)
class Way:
    """A capture of one store, and the write of the other one that it leads to."""

    place: Place
    trigger: OnChanges
    target: str
    entity: str | None


def mirrors_of(topology: Topology) -> Iterator[tuple[Way, Way]]:
    """Pairs of captures that lead to each other's store."""
    ways = []
    for place in places(topology):
        trigger = place.handler.trigger
        if isinstance(trigger, OnChanges):
            ways += [Way(place, trigger, target, entity) for target, entity in fed_by(topology, place)]
    for number, one in enumerate(ways):
        for other in ways[number + 1 :]:
            is_round = one.target == other.trigger.changes and other.target == one.trigger.changes
            if is_round and is_same_entity(one.entity, other.entity):
                yield one, other


def build(topology: Topology, ways: tuple[Way, Way], options: Options, bounds: Bounds) -> tuple[ModelBuilder, str]:
    """The model, and the condition at rest: both stores agree."""
    m = ModelBuilder(faults=0, workload=min(WRITES, bounds.writes))
    names = (ways[0].trigger.changes, ways[1].trigger.changes)
    entity = ways[0].entity or "record"
    m.var("written", WRITES)
    for side in (0, 1):
        for name in (f"cell{side}", f"first{side}", f"second{side}"):
            m.var(name, WRITES)
        m.label(f"cell{side}", names[side])
    for side, way in enumerate(ways):
        for i in range(1, WRITES + 1):
            m.act(
                f"write_{side}_{i}",
                f"written == {i - 1}",
                f"written = {i}; cell{side} = {i}; {_push(side, str(i))}",
                cost=1,
                actor=f"client #{i}",
                source=f"client #{i}",
                target=names[side],
                text=f"write {entity} {i}",
                atomic=ATOMIC,
            )
        _add_way(m, topology, side, way, ways[1 - side], options, entity)
    return m, "cell0 == cell1"


def _add_way(
    m: ModelBuilder, topology: Topology, side: int, way: Way, back: Way, options: Options, entity: str
) -> None:
    """Takes the oldest change of one store to the other."""
    other = 1 - side
    path = f"{back.place.path}.trigger.skips_replicated"
    skips = options.get(path, back.trigger.skips_replicated or False, safe=True, unsafe=False, is_ordered=False)
    guard = _guard(topology, way, options)
    pop = f"first{side} = second{side}; second{side} = 0"
    echo = "" if skips else f"; {_push(other, f'first{side}')}"
    act = partial(m.act, actor=way.place.label, source=way.trigger.changes, target=way.target, atomic=ATOMIC)
    record = f"{entity} {{n:first{side}}}"
    is_new = f"first{side} > 0" + (f" and first{side} > cell{other}" if guard == "version" else "")
    act(f"apply_{side}", is_new, f"cell{other} = first{side}; {pop}{echo}", text=f"write {record}")
    if guard == "version":
        refused = f"first{side} > 0 and first{side} <= cell{other}"
        act(f"refuse_{side}", refused, pop, text=f"write {record} (refused: not newer than what is stored)")


def _guard(topology: Topology, way: Way, options: Options) -> str:
    for place in places(topology):
        for path, step in walk_steps(place.handler.steps, ()):
            if isinstance(step, Write) and step.write == way.target and isinstance(place.handler.trigger, OnChanges):
                where = f"{place.path}.steps.{'.'.join(map(str, path))}.guard"
                return options.get(where, step.guard or "none", safe="version", unsafe="none", is_ordered=False)
    for place in places(topology):
        for path, step in walk_steps(place.handler.steps, ()):
            if isinstance(step, Write) and step.write == way.target and step.values != "request":
                where = f"{place.path}.steps.{'.'.join(map(str, path))}.guard"
                return options.get(where, step.guard or "none", safe="version", unsafe="none", is_ordered=False)
    return "none"


def _push(side: int, value: str) -> str:
    """Appends to what is on the way from a store, which has at most two places."""
    first, second = f"first{side}", f"second{side}"
    return f"{first} = {value} if {first} == 0 else {first}; {second} = {value} if {first} > 0 else {second}"

"""Several writable copies of one store: regions on purpose, or two primaries after a failover that fences nobody.

ATOMIC: a copy applies one write at a time. Replication between copies delivers each write once and in the order of its
origin. Source: Kleppmann, "Designing Data-Intensive Applications", chapter 5, "Multi-leader replication" and "Handling
node outages".
"""

from collections.abc import Iterator
from functools import partial

from data_integration_architect.modelcheck.builder import ModelBuilder
from data_integration_architect.modelcheck.facts import Options
from data_integration_architect.modelcheck.scene import Place, places
from data_integration_architect.modelcheck.world import Bounds
from data_integration_architect.topology import Topology, Write, walk_steps

ATOMIC = "a copy applies one write at a time"
PROPERTIES = {
    False: ("convergence", "exactly-once-effect"),
    True: ("convergence", "exactly-once-effect", "no-phantom"),
}
KEEPS_BOTH = ("union", "version-vector", "crdt")


def has_copies(topology: Topology, name: str) -> bool:
    """Whether clients can write to more than one copy of the store."""
    store = topology.stores[name]
    has_leaders = store.copies is not None and store.copies.writable != "one" and not _is_only_added_to(topology, name)
    return has_leaders or (store.failover is not None and bool(store.failover.automatic))


def _writers(topology: Topology, name: str) -> Iterator[tuple[Place, Write]]:
    for place in places(topology):
        for _, step in walk_steps(place.handler.steps, ()):
            if isinstance(step, Write) and step.write == name:
                yield place, step


def _is_only_added_to(topology: Topology, name: str) -> bool:
    """Whether clients only add records to the store, so that no record is written at two copies."""
    entities = [topology.entities.get((step.entity or "").split(".")[0]) for _, step in _writers(topology, name)]
    return bool(entities) and all(entity is not None and entity.change == "append-only" for entity in entities)


def is_written_in_one_region(topology: Topology, name: str) -> bool:
    """Whether every process that writes the store runs in the same region, beside one copy."""
    regions = {topology.processes[place.process].region for place, _ in _writers(topology, name)}
    return len(regions) == 1 and None not in regions


def fails_over(topology: Topology, name: str) -> bool:
    """Whether a standby of the store is promoted by itself, and clients write to one copy otherwise."""
    store = topology.stores[name]
    return has_copies(topology, name) and (store.copies is None or store.copies.writable == "one")


def has_union(topology: Topology, name: str) -> bool:
    """Whether copies are merged by union or as sets while records in them are deleted."""
    store = topology.stores[name]
    if store.copies is None or store.copies.merge not in ("union", "crdt"):
        return False
    written = {
        (step.entity or "").split(".")[0]: step.mode == "delete"
        for place in places(topology)
        for _, step in walk_steps(place.handler.steps, ())
        if isinstance(step, Write) and step.write == name
    }
    hard = {entity for entity, known in topology.entities.items() if known.deletes == "hard"}
    return any(deletes or entity in hard for entity, deletes in written.items())


def build_union(topology: Topology, name: str, options: Options, bounds: Bounds) -> tuple[ModelBuilder, str]:
    """An element that both copies hold is removed at one: a plain union brings it back, marks of removals do not."""
    copies = topology.stores[name].copies
    known = copies.merge if copies is not None else None
    merge = options.get(f"stores.{name}.copies.merge", known, safe="crdt", unsafe="union")
    m = ModelBuilder(faults=bounds.faults, workload=1)
    for copy in ("one", "two"):
        m.var(copy, 1, 1)
        m.label(copy, f"{name}, {copy}")
    m.var("removed", 1)
    m.act(
        "remove",
        "removed == 0",
        "removed = 1; one = 0",
        cost=1,
        actor="client #1",
        target=name,
        text="remove",
        atomic=ATOMIC,
    )
    act = partial(m.act, actor=name, target=name, atomic=ATOMIC)
    if merge == "union":
        act("merge", "one == 0 and two == 1", "one = 1", text="merge the copies: the union has it again")
    else:
        act("merge", "one == 0 and two == 1", "two = 0", text="merge the copies: the mark of the removal wins")
    return m, "removed == 0 or one == 0 and two == 0"


def build(
    topology: Topology, name: str, entity: str, options: Options, bounds: Bounds
) -> tuple[ModelBuilder, dict[str, str]]:
    """The model, and the condition at rest of each property: both copies agree; no acknowledged write is lost."""
    store = topology.stores[name]
    m = ModelBuilder(faults=bounds.faults, workload=bounds.writes)
    is_split = False
    if store.copies is not None and store.copies.writable != "one":
        known = "one" if is_written_in_one_region(topology, name) else store.copies.writable
        writable = options.get(f"stores.{name}.copies.writable", known, safe="one", unsafe="all")
        merge = options.get(f"stores.{name}.copies.merge", store.copies.merge, safe="crdt", unsafe="last-write-wins")
        labels = store.copies.regions[:2] if len(store.copies.regions) > 1 else ("copy 1", "copy 2")
        skewed = (
            store.copies.clock is not None
            and options.get(f"stores.{name}.copies.clock", store.copies.clock, safe="logical", unsafe="skewed")
            == "skewed"
        )
        is_single = writable == "one"
        if skewed and merge == "last-write-wins" and not is_single:
            _add_skewed(m, name, labels, entity, bounds.writes)
        else:
            _add_regions(m, name, labels, entity, bounds.writes, is_single=is_single, merge=merge)
    else:
        failover = store.failover
        fenced = options.get(
            f"stores.{name}.failover.fenced", failover.fenced if failover else None, safe=True, unsafe=False
        )
        quorum = options.get(
            f"stores.{name}.failover.quorum", failover.quorum if failover else None, safe=True, unsafe=False
        )
        _add_failover(m, name, entity, bounds.writes, fenced=fenced, quorum=quorum)
        is_split = not fenced and not quorum
    lost = " and ".join(f"kept[{i}] == 1" for i in range(1, bounds.writes + 1))
    if is_split:
        lost += " and one == two"  # of two primaries that never meet again, each lacks what the other acknowledged
    return m, {"convergence": "one == two", "exactly-once-effect": lost}


def add_own_reads(m: ModelBuilder, name: str, entity: str, writes: int) -> str:
    """Clients whose write was acknowledged read it from the promoted standby; what never arrived there stays lost."""
    m.var("own_read_stale", 1)
    for i in range(1, writes + 1):
        m.act(
            f"own_read_{i}",
            f"wrote{i} == 1 and promoted == 1 and two < {i} and own_read_stale == 0",
            "own_read_stale = 1",
            kind="optional",
            actor=f"client #{i}",
            source=f"{name} (promoted)",
            target=f"client #{i}",
            text=f"does not find its own {entity} {i}",
            atomic="a read of one record sees one committed version",
        )
    return "own_read_stale == 0"


def _add_regions(
    m: ModelBuilder, name: str, labels: tuple[str, ...], entity: str, writes: int, *, is_single: bool, merge: str
) -> None:
    """Writes at either copy, each replicated to the other; a conflict is a write that had not seen what it meets."""
    m.var("one", writes)
    m.var("two", writes)
    m.array("kept", writes + 1, 1, 1)
    for i in range(1, writes + 1):
        m.var(f"sent{i}", 2)  # 0 not written, 1 on the way to the other copy, 2 there
        m.var(f"at{i}", 1)  # the copy at which it was written
        m.var(f"seen{i}", writes)  # what that copy held then
    for i in range(1, writes + 1):
        enter = f"sent{i} == 0" + (f" and sent{i - 1} > 0" if i > 1 else "")
        for copy, (here, there) in enumerate((("one", "two"), ("two", "one"))):
            if is_single and copy == 1:
                continue
            near, far = f"{name} in {labels[copy]}", f"{name} in {labels[1 - copy]}"
            m.act(
                f"write_{here}_{i}",
                enter,
                f"{here} = {i}; sent{i} = 1; at{i} = {copy}; seen{i} = {here}",
                cost=1,
                actor=f"client #{i}",
                source=f"client #{i}",
                target=near,
                text=f"write {entity} {i}",
                atomic=ATOMIC,
            )
            first = " and ".join(f"not (sent{j} == 1 and at{j} == {copy})" for j in range(1, i)) or "True"
            ready = f"sent{i} == 1 and at{i} == {copy} and {first}"
            act = partial(m.act, actor=near, source=near, target=far, atomic=ATOMIC)
            act(
                f"copy_{here}_{i}",
                f"{ready} and {there} == seen{i}",
                f"{there} = {i}; sent{i} = 2",
                text=f"replicate {entity} {i}",
            )
            conflict = f"sent{i} = 2"
            if merge == "last-write-wins":
                conflict += f"; kept[{there} if {there} < {i} else {i}] = 0"
            if merge == "last-write-wins" or merge in KEEPS_BOTH:
                conflict += f"; {there} = {i} if {there} < {i} else {there}"
            act(
                f"conflict_{here}_{i}",
                f"{ready} and not {there} == seen{i}",
                conflict,
                text=f"replicate {entity} {i}: conflict, {merge}",
            )


def _add_skewed(m: ModelBuilder, name: str, labels: tuple[str, ...], entity: str, writes: int) -> None:
    """Last write wins where the second copy's clock is behind: what is written there has a lower time than what the
    first copy wrote before, so it loses against it even where it was written later and in its knowledge."""
    m.var("one", 2 * writes)
    m.var("two", 2 * writes)
    m.array("kept", writes + 1, 1, 1)
    for i in range(1, writes + 1):
        m.var(f"sent{i}", 2)
        m.var(f"stamp{i}", 2 * writes)  # the time that the write carries; cells hold times
    for i in range(1, writes + 1):
        enter = f"sent{i} == 0" + (f" and sent{i - 1} > 0" if i > 1 else "")
        for copy, (here, there) in enumerate((("one", "two"), ("two", "one"))):
            near, far = f"{name} in {labels[copy]}", f"{name} in {labels[1 - copy]}"
            stamp = writes + i if copy == 0 else i
            act = partial(m.act, actor=f"client #{i}", source=f"client #{i}", target=near, cost=1, atomic=ATOMIC)
            noted = f"sent{i} = 1; stamp{i} = {stamp}"
            behind = "" if copy == 0 else ", by a clock that is behind"
            act(
                f"write_{here}_{i}",
                f"{enter} and {here} < {stamp}",
                f"{here} = {stamp}; {noted}",
                text=f"write {entity} {i}{behind}",
            )
            words = f"write {entity} {i}{behind}: ignored, an earlier write has a later time"
            act(f"lose_{here}_{i}", f"{enter} and {here} >= {stamp}", f"sent{i} = 2; kept[{i}] = 0", text=words)
            ready = f"sent{i} == 1 and stamp{i} == {stamp}"
            act = partial(m.act, actor=near, source=near, target=far, atomic=ATOMIC)
            text = f"replicate {entity} {i}"
            act(f"copy_{here}_{i}", f"{ready} and {there} < {stamp}", f"{there} = {stamp}; sent{i} = 2", text=text)
            act(f"old_{here}_{i}", f"{ready} and {there} >= {stamp}", f"sent{i} = 2", text=f"{text}: an older time")


def _add_failover(m: ModelBuilder, name: str, entity: str, writes: int, *, fenced: bool, quorum: bool) -> None:
    """`one` is the primary, `two` its standby; if fenced, the old primary comes back as a follower."""
    m.var("one", writes)
    m.var("two", writes)
    m.var("promoted", 1)
    m.var("rejoined", 1)
    m.var("base", writes)  # what the standby held when it was promoted
    m.array("kept", writes + 1, 1, 1)
    for i in range(1, writes + 1):
        m.var(f"wrote{i}", 2)  # 1 at the old primary, 2 at the promoted standby
    for i in range(1, writes + 1):
        enter = f"wrote{i} == 0" + (f" and wrote{i - 1} > 0" if i > 1 else "")
        both = f"; two = {i}" if quorum else ""
        alone = " and promoted == 0" if fenced or quorum else ""
        act = partial(
            m.act, cost=1, actor=f"client #{i}", source=f"client #{i}", text=f"write {entity} {i}", atomic=ATOMIC
        )
        act(f"write_old_{i}", enter + alone, f"one = {i}; wrote{i} = 1{both}", target=f"{name} (old primary)")
        act(f"write_new_{i}", f"{enter} and promoted == 1", f"two = {i}; wrote{i} = 2", target=f"{name} (promoted)")
        if not quorum:
            m.act(
                f"replicate_{i}",
                f"one == {i} and not two == {i} and promoted == 0",
                f"two = {i}",
                actor=f"{name} replication",
                source=f"{name} (old primary)",
                target=f"{name} (standby)",
                text=f"replicate {entity} {i}",
                atomic=ATOMIC,
            )
    m.act(
        "promote",
        "promoted == 0",
        "promoted = 1; base = two",
        kind="fault",
        actor=name,
        source=name,
        target=name,
        text="the standby is promoted",
    )
    if fenced or quorum:
        act = partial(m.act, actor=name, source=name, target=name, atomic=ATOMIC)
        act(
            "rejoin",
            "promoted == 1 and rejoined == 0",
            "rejoined = 1; one = two; kept[one] = 1 if one == base else 0",
            text="the old primary comes back and takes over the new one's state",
        )
        for i in range(1, writes + 1):
            act(
                f"follow_{i}",
                f"rejoined == 1 and two == {i} and not one == {i}",
                f"one = {i}",
                text=f"the old primary follows: {entity} {i}",
            )

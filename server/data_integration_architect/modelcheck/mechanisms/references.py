"""References: a child record must not refer to a parent that is gone.

One handler looks for the parent and inserts the child, another one looks for children and deletes the parent. The two
touch different rows, so snapshot isolation lets both commit (write skew), and so do single statements with a condition
at read-committed. A foreign key, serializable transactions, or a read that locks the parent's row prevent it; across
two instances only the checks are left.

ATOMIC: a foreign key makes the store lock the parent's row while a child is inserted, so check and write are one step.
Sources: PostgreSQL documentation, 13.3.2 (FOR KEY SHARE), 13.2.3; Berenson et al. (1995), write skew.
"""

from dataclasses import dataclass
from functools import partial

from data_integration_architect.modelcheck.builder import ModelBuilder
from data_integration_architect.modelcheck.facts import Options
from data_integration_architect.modelcheck.scene import Place, is_same_entity, places
from data_integration_architect.modelcheck.world import Bounds
from data_integration_architect.topology import Constraint, OnConsume, OnRequest, Read, Topology, Transaction, Write
from data_integration_architect.topology import walk_steps as walk

ATOMIC = "a foreign key, a lock or the isolation level makes check and write one step"


@dataclass(frozen=True, slots=True)
class Parts:
    """The insert of a child and the deletion of a parent, each with its handler, and the names of both entities."""

    child: tuple[Place, Write]
    parent: tuple[Place, Write]
    names: tuple[str, str]


def parts_of(topology: Topology, constraint: Constraint) -> Parts | None:
    """The two handlers that can break the rule; None where there is no such pair."""
    child = constraint.entity or ""
    declared = topology.entities.get(child.split(".")[0])
    if declared is None or not declared.references:
        return None
    parent = declared.references[0].to
    inserts = _writes(topology, child, deletes=False)
    deletions = _writes(topology, parent, deletes=True)
    entity = topology.entities.get(parent)
    if not deletions and entity is not None and entity.deletes == "hard":
        deletions = _writes(topology, parent, deletes=False)
    return Parts(inserts[0], deletions[0], (child, parent)) if inserts and deletions else None


def _writes(topology: Topology, entity: str, *, deletes: bool) -> list[tuple[Place, Write]]:
    return [
        (place, step)
        for place in places(topology)
        if isinstance(place.handler.trigger, OnRequest | OnConsume | None)
        for _, step in walk(place.handler.steps, ())
        if isinstance(step, Write) and is_same_entity(step.entity, entity) and (step.mode == "delete") == deletes
    ]


def build(topology: Topology, constraint: Constraint, options: Options, bounds: Bounds) -> tuple[ModelBuilder, str]:
    """The model, and the condition that must always hold."""
    parts = parts_of(topology, constraint)
    if parts is None:
        raise ValueError(f"{constraint.name}: nothing refers, or nothing is deleted")
    m = ModelBuilder(faults=bounds.faults, workload=2)
    m.var("parent", 1, 1)
    m.var("child", 1)
    child, parent = parts.names
    one_store = parts.child[1].write == parts.parent[1].write
    is_enforced = one_store and constraint.enforced_at == parts.child[1].write
    serial = one_store and all(_is_serializable(topology, *part, options) for part in (parts.child, parts.parent))
    for name, (place, write), wanted, effect, other in (
        ("insert", parts.child, "parent == 1", "child = 1", parent),
        ("delete", parts.parent, "child == 0", "parent = 0", child),
    ):
        read = _read_before(place, write, other)
        looks = f"look for {other}: " + ("there" if name == "insert" else "none")
        locks = name == "insert" and one_store and read is not None and bool(read.locking)
        m.var(f"{name}_pc", 2)
        is_one = is_enforced or serial or locks
        reason = ATOMIC if is_one else "one statement on one record takes effect as a whole"
        act = partial(m.act, actor=place.label, source=place.process, target=write.write, atomic=reason)
        words = f"write {child}" if name == "insert" else f"delete {parent}"
        if is_one:
            act(name, f"{name}_pc == 0 and {wanted}", f"{name}_pc = 2; {effect}", cost=1, text=words)
            refused = f"{name}_pc == 0 and not {wanted}"
            act(f"{name}_refused", refused, f"{name}_pc = 2", cost=1, text="is refused")
        elif read is None:
            act(name, f"{name}_pc == 0", f"{name}_pc = 2; {effect}", cost=1, text=words)
        else:
            target = read.read
            act(f"{name}_look", f"{name}_pc == 0 and {wanted}", f"{name}_pc = 1", cost=1, target=target, text=looks)
            act(f"{name}_refused", f"{name}_pc == 0 and not {wanted}", f"{name}_pc = 2", cost=1, text="is refused")
            act(name, f"{name}_pc == 1", f"{name}_pc = 2; {effect}", text=words)
    return m, "child == 0 or parent == 1"


def _read_before(place: Place, write: Write, entity: str) -> Read | None:
    read = None
    for _, step in walk(place.handler.steps, ()):
        if step is write:
            return read
        if isinstance(step, Read) and is_same_entity(step.entity, entity):
            read = step
    return None


def _is_serializable(topology: Topology, place: Place, write: Write, options: Options) -> bool:
    block = next((step for step in place.handler.steps if isinstance(step, Transaction) and write in step.steps), None)
    if block is None:
        return False
    known = block.isolation or topology.stores[write.write].isolation
    level = options.get(f"stores.{write.write}.isolation", known, safe="serializable", unsafe="read-committed")
    return level == "serializable"

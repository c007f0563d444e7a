"""Rules that two concurrent requests can break: unique names, balances that must not be negative.

Each of the requests wants the last of something: the name, or the one unit that is left. Checking and then writing are
two steps unless one statement does both, a constraint of the store refuses, the read locks, or the isolation level
aborts one of two such transactions. At read-committed it does not (PostgreSQL documentation, section 13.2.1); snapshot
isolation aborts a second update of the same row but not a second insert (13.2.2, and Berenson et al., "A Critique of
ANSI SQL Isolation Levels", 1995, on write skew); serializable aborts both. MySQL's repeatable read aborts neither.
"""

from collections.abc import Iterator
from functools import partial

from data_integration_architect.modelcheck.builder import ModelBuilder
from data_integration_architect.modelcheck.facts import Options
from data_integration_architect.modelcheck.scene import Place, is_same_entity, places, record_store
from data_integration_architect.modelcheck.world import Bounds
from data_integration_architect.topology import Constraint, OnConsume, OnRequest, Read, Topology, Transaction, Write
from data_integration_architect.topology import walk_steps as walk

ATOMIC = "one statement, a constraint of the store, a locking read or the isolation level makes check and write one"
PROPERTY = {"unique": "uniqueness", "non-negative": "non-negative"}


def constraints_of(topology: Topology) -> Iterator[Constraint]:
    """Constraints that this mechanism can check: of a kind it knows, on an entity that has writers."""
    for constraint in topology.constraints:
        if constraint.kind in PROPERTY and constraint.entity is not None and _writers(topology, constraint.entity):
            yield constraint


def target_of(topology: Topology, constraint: Constraint) -> str:
    """The store whose writes can break the rule."""
    return _writers(topology, constraint.entity or "")[0][1].write


def _writers(topology: Topology, entity: str) -> list[tuple[Place, Write, str]]:
    """Handlers that claim: each with the write that does, and the path of that write."""
    record = record_store(topology, entity)
    found = []
    for place in places(topology):
        if place.handler.trigger is not None and not isinstance(place.handler.trigger, OnRequest | OnConsume):
            continue
        for path, step in walk(place.handler.steps, ()):
            is_claim = isinstance(step, Write) and is_same_entity(step.entity, entity) and step.mode != "delete"
            if is_claim and isinstance(step, Write) and record in (None, step.write):
                found.append((place, step, f"{place.path}.steps.{'.'.join(map(str, path))}"))
                break
    return found


def build(topology: Topology, constraint: Constraint, options: Options, bounds: Bounds) -> tuple[ModelBuilder, str]:
    """The model, and the condition that must always hold."""
    entity = constraint.entity or ""
    m = ModelBuilder(faults=bounds.faults, workload=bounds.writes)
    is_unique = constraint.kind == "unique"
    if is_unique:
        m.var("taken", bounds.writes)
        free, claim, condition = "taken == 0", "taken += 1", "taken < 2"
    else:
        m.var("balance", 1, 1, low=-bounds.writes)
        free, claim, condition = "balance > 0", "balance -= 1", "balance > -1"
    writers = _writers(topology, entity)
    for request in range(1, bounds.writes + 1):
        m.var(f"request{request}_pc", 1 + len(writers))
        for number, (place, write, path) in enumerate(writers, start=1):
            how = _checks(topology, constraint, place, write, path, options)
            _add_request(m, request, number, len(writers), place, write, how, (free, claim), entity)
    return m, condition


def _add_request(
    m: ModelBuilder,
    request: int,
    number: int,
    writers: int,
    place: Place,
    write: Write,
    how: str,
    effect: tuple[str, str],
    entity: str,
) -> None:
    free, claim = effect
    counter, done = f"request{request}_pc", 1 + writers
    actor = f"{place.label} #{request}"
    enter = f"{counter} == 0" + (f" and request{request - 1}_pc > 0" if request > 1 else "")
    name = f"{request}_{number}"
    act = partial(m.act, actor=actor, source=place.process, target=write.write)
    if how == "apart":
        act(f"check_{name}", f"{enter} and {free}", f"{counter} = {number}", cost=1, text=f"check {entity}: free")
        act(f"claim_{name}", f"{counter} == {number}", f"{counter} = {done}; {claim}", text=f"write {entity}")
        act(f"die_{name}", f"{counter} == {number}", f"{counter} = {done}", kind="fault", text="crashes")
    else:
        guard = f"{enter} and {free}" if how == "atomic" else enter
        act(f"claim_{name}", guard, f"{counter} = {done}; {claim}", cost=1, text=f"write {entity}", atomic=ATOMIC)
    if how != "never":
        act(f"refused_{name}", f"{enter} and not {free}", f"{counter} = {done}", cost=1, text="is refused")


def _checks(topology: Topology, constraint: Constraint, place: Place, write: Write, path: str, options: Options) -> str:
    """`atomic`, `apart` (checks, then writes), or `never` (does not check)."""
    is_unique = constraint.kind == "unique"
    if constraint.enforced_at not in (None, "none", write.write, place.label):
        return "atomic" if _is_serial(topology, constraint.enforced_at or "", options) else "apart"
    guard = options.get(
        f"{path}.guard", write.guard or "none", safe="unique-key" if is_unique else "condition", unsafe="none"
    )
    if guard == ("unique-key" if is_unique else "condition"):
        return "atomic"
    if isinstance(place.handler.trigger, OnConsume):
        return "atomic" if _is_serial(topology, place.label, options) else "apart"
    read = _read_before(place, write)
    if read is None:
        is_store = constraint.enforced_at == write.write
        return "atomic" if is_store else "never"
    where = f"{place.path}.steps"
    locking, missing = read.locking or False, read.locks_missing or False
    if options.get(
        f"{where}.locks_missing" if is_unique else f"{where}.locking",
        missing if is_unique else locking,
        safe=True,
        unsafe=False,
    ):
        return "atomic"
    return "atomic" if _isolated(topology, place, write, path, options, is_unique=is_unique) else "apart"


def _read_before(place: Place, write: Write) -> Read | None:
    read = None
    for _, step in walk(place.handler.steps, ()):
        if step is write:
            return read
        if isinstance(step, Read) and step.read == write.write and is_same_entity(step.entity, write.entity):
            read = step
    return None


def _isolated(topology: Topology, place: Place, write: Write, path: str, options: Options, *, is_unique: bool) -> bool:
    """Whether the isolation level aborts one of two transactions that check and then write."""
    block = next((step for step in place.handler.steps if isinstance(step, Transaction) and write in step.steps), None)
    if block is None:
        return False
    store = topology.stores[write.write]
    known = block.isolation or store.isolation
    level = options.get(f"stores.{write.write}.isolation", known, safe="serializable", unsafe="read-committed")
    if level == "serializable":
        return True
    is_mysql = (store.technology or "").lower() in ("mysql", "mariadb")
    return level in ("snapshot", "repeatable-read") and not is_unique and not is_mysql


def _is_serial(topology: Topology, name: str, options: Options) -> bool:
    """Whether a consumer or the consumers of a channel decide one record of a key at a time."""
    for place in places(topology):
        trigger = place.handler.trigger
        if not isinstance(trigger, OnConsume) or name not in (place.label, trigger.consume):
            continue
        path = f"{place.path}.trigger"
        channel = topology.channels[trigger.consume]
        key = options.get(f"channels.{trigger.consume}.message_key", channel.message_key, safe="key", unsafe="none")
        several = trigger.workers not in (None, 1)
        ordered = options.get(
            f"{path}.same_key_same_worker", trigger.same_key_same_worker, safe=True, unsafe=not several
        )
        if key in ("none", "random") or not ordered:
            return False
    return True

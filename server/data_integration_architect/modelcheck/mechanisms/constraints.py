"""Rules that two concurrent requests can break: unique names, balances that must not be negative, bookings that must
not overlap, things that happen at most once.

Each of the requests wants the last of something: the name, or the one unit that is left. Checking and then writing are
two steps unless one statement does both, a constraint of the store refuses, the read locks, or the isolation level
aborts one of two such transactions. At read-committed it does not (PostgreSQL documentation, section 13.2.1); snapshot
isolation aborts a second update of the same row but not a second insert (13.2.2, and Berenson et al., "A Critique of
ANSI SQL Isolation Levels", 1995, on write skew); serializable aborts both. MySQL's repeatable read aborts neither.

A unique key does not know of ranges that overlap. A check that asks a replica sees what is older than the last commit.
A lease that expires lets a second holder in while the first goes on; only a store that refuses the older one (fencing
token) stops it (Kleppmann, "Designing Data-Intensive Applications", chapter 8, "The truth is defined by the majority").
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

from data_integration_architect.modelcheck.builder import ModelBuilder
from data_integration_architect.modelcheck.facts import Options
from data_integration_architect.modelcheck.mechanisms import references
from data_integration_architect.modelcheck.scene import Place, is_same_entity, places, record_store
from data_integration_architect.modelcheck.world import Bounds
from data_integration_architect.topology import Constraint, OnConsume, OnRequest, Read, Topology, Transaction, Write
from data_integration_architect.topology import walk_steps as walk

ATOMIC = "one statement, a constraint of the store, a locking read or the isolation level makes check and write one"
ONE_STATEMENT = "one statement on one record takes effect as a whole"
PROPERTY = {
    "unique": "uniqueness",
    "exclusion": "uniqueness",
    "once": "uniqueness",
    "non-negative": "non-negative",
    "reference": "no-dangling",
}
GUARDS = {"unique": ("unique-key",), "exclusion": ("condition",), "once": ("unique-key", "condition")}


@dataclass(frozen=True, slots=True)
class Claim:
    """How one handler claims: `check` is atomic, apart, never or lease; `expires`, `fenced` are of the lease."""

    place: Place
    write: Write
    check: str
    asks_replica: bool = False
    expires: bool = False
    fenced: bool = True


def constraints_of(topology: Topology) -> Iterator[Constraint]:
    """Constraints that this mechanism can check: of a kind it knows, on an entity that has writers."""
    for constraint in topology.constraints:
        if constraint.kind == "reference":
            is_known = references.parts_of(topology, constraint) is not None
        else:
            is_known = constraint.kind in PROPERTY and bool(_writers(topology, constraint.entity or ""))
        if is_known and constraint.entity is not None:
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
    if constraint.kind == "reference":
        return references.build(topology, constraint, options, bounds)
    entity = constraint.entity or ""
    m = ModelBuilder(faults=bounds.faults, workload=bounds.writes)
    if constraint.kind == "non-negative":
        m.var("balance", 1, 1, low=-bounds.writes)
        free, claim, condition = "balance > 0", "balance -= 1", "balance > -1"
    else:
        m.var("taken", bounds.writes)
        free, claim, condition = "taken == 0", "taken += 1", "taken < 2"
    claims = [_claim(topology, constraint, *writer, options) for writer in _writers(topology, entity)]
    if any(one.asks_replica for one in claims):
        m.var("copy", 1)
        act = partial(m.act, actor="replication", target="replica", text=f"replicate {entity}")
        act("replicate", f"copy == 0 and not {free}", "copy = 1", atomic="a replica applies one commit at a time")
    if any(one.check == "lease" for one in claims):
        m.var("holder", bounds.writes)
    for request in range(1, bounds.writes + 1):
        m.var(f"request{request}_pc", 1 + len(claims))
    for request in range(1, bounds.writes + 1):
        for number in range(1, len(claims) + 1):
            _add_request(m, request, number, claims, (free, claim), entity, bounds.writes)
    return m, condition


def _add_request(
    m: ModelBuilder, request: int, number: int, claims: list[Claim], effect: tuple[str, str], entity: str, writes: int
) -> None:
    free, claim = effect
    one = claims[number - 1]
    place, write = one.place, one.write
    counter, done = f"request{request}_pc", 1 + len(claims)
    enter = f"{counter} == 0" + (f" and request{request - 1}_pc > 0" if request > 1 else "")
    if place.instances == 1:  # its requests come one after the other
        own = [n for n, other in enumerate(claims, start=1) if other.place.process == place.process]
        others = [other for other in range(1, writes + 1) if other != request]
        enter += "".join(f" and not request{other}_pc == {n}" for other in others for n in own)
    name = f"{request}_{number}"
    reason = ATOMIC if one.check == "atomic" else ONE_STATEMENT
    act = partial(m.act, actor=f"{place.label} #{request}", source=place.process, target=write.write, atomic=reason)
    shown = "copy == 0" if one.asks_replica else free
    if one.check in ("apart", "lease"):
        words = f"check {entity}: free" + (", says the replica" if one.asks_replica else "")
        takes, holds, frees = "", "", ""
        if one.check == "lease":
            words = f"takes the lease, {words}"
            takes, frees = f"; holder = {request}", f"; holder = 0 if holder == {request} else holder"
            enter += " and holder == 0"
            holds = f" and holder == {request}" if one.fenced else ""
            if one.expires:
                text = f"the lease of {place.label} #{request} expires, and it goes on"
                act(
                    f"expire_{name}",
                    f"{counter} == {number} and holder == {request}",
                    "holder = 0",
                    kind="fault",
                    text=text,
                )
            if one.expires and one.fenced:
                old = f"{counter} == {number} and not holder == {request}"
                act(f"fenced_{name}", old, f"{counter} = {done}", text="is refused: its lease is not the newest")
        act(f"check_{name}", f"{enter} and {shown}", f"{counter} = {number}{takes}", cost=1, text=words)
        written = f"{counter} = {done}; {claim}{frees}"
        act(f"claim_{name}", f"{counter} == {number}{holds}", written, text=f"write {entity}")
        text = "crashes"
        act(f"die_{name}", f"{counter} == {number}", f"{counter} = {done}{frees}", kind="fault", text=text)
    else:
        guard = f"{enter} and {free}" if one.check == "atomic" else enter
        act(f"claim_{name}", guard, f"{counter} = {done}; {claim}", cost=1, text=f"write {entity}")
    if one.check != "never":
        act(f"refused_{name}", f"{enter} and not {shown}", f"{counter} = {done}", cost=1, text="is refused")


def _claim(
    topology: Topology, constraint: Constraint, place: Place, write: Write, path: str, options: Options
) -> Claim:
    """How a handler checks before it claims."""
    if (
        write.guard == "lease"
        and options.get(f"{path}.guard", write.guard, safe="unique-key", unsafe="lease") == "lease"
    ):
        lease = write.lease
        expires = options.get(f"{path}.lease.expires", lease.expires if lease else "none", safe="none", unsafe="30s")
        fenced = options.get(f"{path}.lease.fenced", lease.fenced if lease else True, safe=True, unsafe=False)
        return Claim(place, write, "lease", expires=expires != "none", fenced=fenced)
    check = _check(topology, constraint, place, write, path, options)
    read = _read_before(topology, place, write)
    if check in ("atomic", "never") and not (read is not None and read.read != write.write and check == "atomic"):
        return Claim(place, write, check)
    if read is None or read.read == write.write or _is_guarded(constraint, write, path, options):
        return Claim(place, write, check)
    known = topology.stores[read.read].replication or "async"
    follows = options.get(f"stores.{read.read}.replication", known, safe="sync", unsafe="async")
    return Claim(place, write, "apart" if follows != "sync" else check, asks_replica=follows != "sync")


def _is_guarded(constraint: Constraint, write: Write, path: str, options: Options) -> bool:
    """Whether the write itself is refused where the rule would be broken."""
    guards = GUARDS.get(constraint.kind or "", ("condition",))
    if constraint.enforced_at == write.write and constraint.kind != "other":
        return True
    return options.get(f"{path}.guard", write.guard or "none", safe=guards[0], unsafe="none") in guards


def _check(topology: Topology, constraint: Constraint, place: Place, write: Write, path: str, options: Options) -> str:
    """`atomic`, `apart` (checks, then writes), or `never` (does not check)."""
    if constraint.enforced_at not in (None, "none", write.write, place.label):
        return "atomic" if _is_serial(topology, constraint.enforced_at or "", options) else "apart"
    guards = GUARDS.get(constraint.kind or "", ("condition",))
    if options.get(f"{path}.guard", write.guard or "none", safe=guards[0], unsafe="none") in guards:
        return "atomic"
    if isinstance(place.handler.trigger, OnConsume):
        return "atomic" if _is_serial(topology, place.label, options) else "apart"
    read = _read_before(topology, place, write)
    if read is None:
        return "atomic" if constraint.enforced_at == write.write else "never"
    where = f"{place.path}.steps"
    is_insert = constraint.kind in ("unique", "exclusion") or (constraint.kind == "once" and write.mode == "insert")
    locks = read.locks_missing if is_insert else read.locking
    lock = f"{where}.locks_missing" if is_insert else f"{where}.locking"
    if options.get(lock, locks or False, safe=True, unsafe=False):
        return "atomic"
    return "atomic" if _isolated(topology, place, write, options, is_insert=is_insert) else "apart"


def _read_before(topology: Topology, place: Place, write: Write) -> Read | None:
    """The read of the store, or of a replica of it, on which the handler decides."""
    read = None
    for _, step in walk(place.handler.steps, ()):
        if step is write:
            return read
        is_check = isinstance(step, Read) and is_same_entity(step.entity, write.entity)
        if isinstance(step, Read) and is_check and write.write in (step.read, topology.stores[step.read].replica_of):
            read = step
    return None


def _isolated(topology: Topology, place: Place, write: Write, options: Options, *, is_insert: bool) -> bool:
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
    return level in ("snapshot", "repeatable-read") and not is_insert and not is_mysql


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

"""Rules that two concurrent requests can break: unique names, balances that must not be negative, bookings that must
not overlap, things that happen at most once.

Each of the requests wants the last of something: the name, or the one unit that is left. Checking and then writing are
two steps unless one statement does both, a constraint of the store refuses, the read locks, or the isolation level
aborts one of two such transactions. At read-committed it does not (PostgreSQL documentation, section 13.2.1); snapshot
isolation aborts a second update of the same row but not a second insert (13.2.2, and Berenson et al., "A Critique of
ANSI SQL Isolation Levels", 1995, on write skew); serializable aborts both. MySQL's repeatable read aborts neither.

A handler of events decides on what it reads itself; where it only writes, nothing checks, even if its records come one
after the other. What was checked before an event was appended was true then; other events may have been on their way.

A unique key does not know of ranges that overlap. A check that asks a replica sees what is older than the last commit.
A lease that expires lets a second holder in while the first goes on; only a store that refuses the older one (fencing
token) stops it (Kleppmann, "Designing Data-Intensive Applications", chapter 8, "The truth is defined by the majority").
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial

from data_integration_architect.modelcheck.builder import ModelBuilder
from data_integration_architect.modelcheck.facts import Options
from data_integration_architect.modelcheck.mechanisms import references
from data_integration_architect.modelcheck.mechanisms.claim_ways import Stage, ways_to
from data_integration_architect.modelcheck.mechanisms.copies import is_written_in_one_region
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
    """How one handler claims: `check` is atomic, apart, never or lease; `expires`, `fenced` are of the lease.

    `way`: the steps by which the claim gets to the handler, where a request made it elsewhere.
    """

    place: Place
    write: Write
    check: str
    way: tuple[Stage, ...] = ()
    asks_replica: bool = False
    expires: bool = False
    fenced: bool = True


def constraints_of(topology: Topology) -> Iterator[Constraint]:
    """Constraints that this mechanism can check: of a kind it knows, on an entity that has writers.

    A soft rule whose breach is made good may be broken for a while, so there is nothing that must always hold.
    """
    for constraint in topology.constraints:
        if constraint.kind == "reference":
            is_known = references.parts_of(topology, constraint) is not None
        else:
            is_known = constraint.kind in PROPERTY and bool(_writers(topology, constraint.entity or ""))
        if is_known and constraint.entity is not None and not is_made_good(constraint):
            yield constraint


def is_made_good(constraint: Constraint) -> bool:
    """Whether the rule is soft and its breach is compensated."""
    return constraint.class_ == "soft" and constraint.compensation not in (None, "none")


def targets_of(topology: Topology, constraint: Constraint) -> tuple[str, ...]:
    """The stores whose writes can break the rule: the system of record, or each store where there is none."""
    if constraint.kind == "reference":
        return (_writers(topology, constraint.entity or "")[0][1].write,)
    return tuple(dict.fromkeys(write.write for _, write, _ in _writers(topology, constraint.entity or "")))


def _writers(topology: Topology, entity: str) -> list[tuple[Place, Write, str]]:
    """Handlers that claim: each with the write that does, and the path of that write."""
    record = record_store(topology, entity)
    found = []
    for place in places(topology):
        if place.handler.trigger is not None and not isinstance(place.handler.trigger, OnRequest | OnConsume):
            continue
        for path, step in walk(place.handler.steps, ()):
            is_claim = isinstance(step, Write) and is_same_entity(step.entity, entity) and step.mode != "delete"
            is_record = (
                record is None or record in topology.channels or (isinstance(step, Write) and step.write == record)
            )
            if is_claim and isinstance(step, Write) and is_record:
                found.append((place, step, f"{place.path}.steps.{'.'.join(map(str, path))}"))
                break
    return found


def build(
    topology: Topology, constraint: Constraint, target: str, options: Options, bounds: Bounds
) -> tuple[ModelBuilder, str]:
    """The model of the writes of one store, and the condition that must always hold."""
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
    claims = []
    for place, write, path in _writers(topology, entity):
        if write.write == target:
            found = _claim(topology, constraint, place, write, path, options)
            claims += [replace(found, way=way) for way in ways_to(topology, place, entity, write.write)]
    if any(one.asks_replica or any(stage.looks_at_copy for stage in one.way) for one in claims):
        m.var("copy", 1)
        act = partial(m.act, actor="replication", target="replica", text=f"replicate {entity}")
        act("replicate", f"copy == 0 and not {free}", "copy = 1", atomic="a replica applies one commit at a time")
    if any(one.check == "lease" for one in claims):
        m.var("holder", bounds.writes)
    done = 1 + sum(1 + len(one.way) for one in claims)
    for request in range(1, bounds.writes + 1):
        m.var(f"request{request}_pc", done)
    for request in range(1, bounds.writes + 1):
        for number in range(1, len(claims) + 1):
            _add_request(m, request, number, claims, (free, claim), entity, bounds.writes)
    return m, condition


def _first(claims: list[Claim], number: int) -> int:
    """The program counter after the first step of a claim; the next ones follow."""
    return 1 + sum(1 + len(one.way) for one in claims[: number - 1])


def _alone(claims: list[Claim], process: str, request: int, writes: int) -> str:
    """The condition that no other request is between a check and what follows in one process."""
    busy = []
    for number, one in enumerate(claims, start=1):
        first = _first(claims, number)
        busy += [first + at for at, stage in enumerate(one.way) if stage.is_look and stage.place.process == process]
        if one.place.process == process:
            busy.append(first + len(one.way))
    others = [other for other in range(1, writes + 1) if other != request]
    return "".join(f" and not request{other}_pc == {at}" for other in others for at in busy)


def _add_way(
    m: ModelBuilder, request: int, number: int, claims: list[Claim], free: str, entity: str, writes: int
) -> None:
    """The steps that bring a claim to the handler that writes it; records of several requests in any order."""
    one = claims[number - 1]
    counter, done = f"request{request}_pc", 1 + sum(1 + len(each.way) for each in claims)
    here = f"{counter} == 0" + (f" and request{request - 1}_pc > 0" if request > 1 else "")
    for at, stage in enumerate(one.way):
        act = partial(m.act, source=stage.place.process, target=stage.target, atomic=ONE_STATEMENT)
        act = partial(act, actor=f"{stage.place.label} #{request}", cost=0 if at else 1)
        follows_look = at > 0 and one.way[at - 1].is_look
        if is_single(stage.place) and not follows_look:
            here += _alone(claims, stage.place.process, request, writes)
        after = _first(claims, number) + at
        name = f"{request}_{number}_{at}"
        if stage.is_look:
            shown = "copy == 0" if stage.looks_at_copy else free
            words = f"check {entity}: free" + (f", says {stage.target}" if stage.looks_at_copy else "")
            act(f"look_{name}", f"{here} and {shown}", f"{counter} = {after}", text=words)
            act(f"turned_away_{name}", f"{here} and not ({shown})", f"{counter} = {done}", text="is refused")
        else:
            act(f"hand_{name}", here, f"{counter} = {after}", text=stage.text)
            if follows_look:
                act(f"leave_{name}", here, f"{counter} = {done}", kind="fault", text="crashes")
        here = f"{counter} == {after}"


def _add_request(
    m: ModelBuilder,
    request: int,
    number: int,
    claims: list[Claim],
    effect: tuple[str, str],
    entity: str,
    writes: int,
) -> None:
    free, claim = effect
    one = claims[number - 1]
    place, write = one.place, one.write
    counter, done = f"request{request}_pc", 1 + sum(1 + len(each.way) for each in claims)
    checked = _first(claims, number) + len(one.way)
    _add_way(m, request, number, claims, free, entity, writes)
    if one.way:
        enter = f"{counter} == {checked - 1}"
    else:
        enter = f"{counter} == 0" + (f" and request{request - 1}_pc > 0" if request > 1 else "")
    cost = 0 if one.way else 1
    if is_single(place):  # its requests come one after the other
        enter += _alone(claims, place.process, request, writes)
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
                    f"{counter} == {checked} and holder == {request}",
                    "holder = 0",
                    kind="fault",
                    text=text,
                )
            if one.expires and one.fenced:
                old = f"{counter} == {checked} and not holder == {request}"
                act(f"fenced_{name}", old, f"{counter} = {done}", text="is refused: its lease is not the newest")
        act(f"check_{name}", f"{enter} and {shown}", f"{counter} = {checked}{takes}", cost=cost, text=words)
        written = f"{counter} = {done}; {claim}{frees}"
        act(f"claim_{name}", f"{counter} == {checked}{holds}", written, text=f"write {entity}")
        text = "crashes"
        act(f"die_{name}", f"{counter} == {checked}", f"{counter} = {done}{frees}", kind="fault", text=text)
    else:
        guard = f"{enter} and {free}" if one.check == "atomic" else enter
        act(f"claim_{name}", guard, f"{counter} = {done}; {claim}", cost=cost, text=f"write {entity}")
    if one.check != "never":
        act(f"refused_{name}", f"{enter} and not {shown}", f"{counter} = {done}", cost=cost, text="is refused")


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
    is_spread = _is_spread(topology, write, options)
    if check == "atomic" and constraint.enforced_at in (None, "none", write.write) and is_spread:
        check = "never"  # each copy compares with what it holds itself
    read = _read_before(topology, place, write)
    if check == "never" or read is None or read.read == write.write:
        return Claim(place, write, check)
    if _is_guarded(topology, constraint, write, path, options):
        return Claim(place, write, check)
    known = topology.stores[read.read].replication or "async"
    follows = options.get(f"stores.{read.read}.replication", known, safe="sync", unsafe="async")
    return Claim(place, write, "apart" if follows != "sync" else check, asks_replica=follows != "sync")


def _enforced_at(topology: Topology, constraint: Constraint, write: Write, options: Options) -> str:
    """Where the rule is enforced; `none` where nothing does."""
    if constraint.enforced_at is not None:
        return constraint.enforced_at
    path = f"constraints.{topology.constraints.index(constraint)}.enforced_at"
    return options.get(path, None, safe=write.write, unsafe="none")


def _is_guarded(topology: Topology, constraint: Constraint, write: Write, path: str, options: Options) -> bool:
    """Whether the write itself is refused where the rule would be broken."""
    if _enforced_at(topology, constraint, write, options) == write.write:
        return True
    guards = GUARDS.get(constraint.kind or "", ("condition",))
    return options.get(f"{path}.guard", write.guard or "none", safe=guards[0], unsafe="none") in guards


def _is_spread(topology: Topology, write: Write, options: Options) -> bool:
    """Whether clients write to several copies of the store, none of which sees the others' writes at once."""
    known = topology.stores[write.write].copies
    if known is None or known.writable == "one" or is_written_in_one_region(topology, write.write):
        return False
    return options.get(f"stores.{write.write}.copies.writable", known.writable, safe="one", unsafe="all") != "one"


def _check(topology: Topology, constraint: Constraint, place: Place, write: Write, path: str, options: Options) -> str:
    """`atomic`, `apart` (checks, then writes), or `never` (does not check)."""
    if _is_guarded(topology, constraint, write, path, options):
        return "atomic"
    at = _enforced_at(topology, constraint, write, options)
    serial = partial(_is_serial, topology, constraint, options=options)
    if deciders := [other for other in places(topology) if _decides(other, at)]:
        return "atomic" if all(serial(other) for other in deciders) else "apart"
    if at in topology.stores and at != write.write:
        return "atomic" if _is_written_before(place, write, at) else "apart"
    read = _read_before(topology, place, write)
    if read is None:
        return "never"
    if isinstance(place.handler.trigger, OnConsume) and serial(place):
        return "atomic"
    where = f"{place.path}.steps"
    is_insert = constraint.kind in ("unique", "exclusion") or (constraint.kind == "once" and write.mode == "insert")
    locks = read.locks_missing if is_insert else read.locking
    lock = f"{where}.locks_missing" if is_insert else f"{where}.locking"
    if options.get(lock, locks or False, safe=True, unsafe=False):
        return "atomic"
    return "atomic" if _isolated(topology, place, write, options, is_insert=is_insert) else "apart"


def _decides(place: Place, name: str) -> bool:
    """Whether a rule that is enforced at `name` is enforced by this handler of events."""
    trigger = place.handler.trigger
    return isinstance(trigger, OnConsume) and name in (
        place.process,
        f"{place.process}.{place.name}",
        trigger.consume,
    )


def _is_written_before(place: Place, write: Write, store: str) -> bool:
    """Whether the handler changes another store first, which refuses what would break the rule there."""
    for _, step in walk(place.handler.steps, ()):
        if step is write:
            return False
        if isinstance(step, Write) and step.write == store and is_same_entity(step.entity, write.entity):
            return True
    return False


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


def is_single(place: Place) -> bool:
    """Whether the handler has one run at a time, whatever it handles."""
    trigger = place.handler.trigger
    return place.instances == 1 and (not isinstance(trigger, OnConsume) or trigger.workers in (None, 1))


def _is_serial(topology: Topology, constraint: Constraint, place: Place, options: Options) -> bool:
    """Whether a handler of events decides on the claims of one thing one after the other."""
    trigger = place.handler.trigger
    if not isinstance(trigger, OnConsume):
        return False
    if is_single(place) and topology.processes[place.process].instances == 1:
        return True
    path = f"{place.path}.trigger"
    name, channel = trigger.consume, topology.channels[trigger.consume]
    several = trigger.workers not in (None, 1)
    ordered = options.get(f"{path}.same_key_same_worker", trigger.same_key_same_worker, safe=True, unsafe=not several)
    if channel.in_ is not None and place.instances > 1:
        claim = options.get(f"{path}.claim", trigger.claim, safe="lock", unsafe="none")
        return ordered and claim == "lock"
    if channel.partitions == 1 or channel.order == "total":
        return ordered
    key = options.get(f"channels.{name}.message_key", channel.message_key, safe="key", unsafe="none")
    entity = topology.entities.get((constraint.entity or "").split(".")[0])
    natural = entity.natural_key if entity is not None else ()
    if constraint.kind == "unique" and natural and key == channel.message_key and key not in natural:
        return False  # two claims of one name have different keys
    return ordered and key not in ("none", "random")

"""What a write does to a store: modes, guards, ghosts for the properties.

ATOMIC: one statement of a database, one index request, one cache command takes effect as a whole.
Source: PostgreSQL documentation, chapter 13 (a statement sees one snapshot and its row locks); Elasticsearch, "Reading
and writing documents" (the primary applies one operation on one document at a time).

Ghosts (read by properties only): `version[i]` is the place of intent i in the commit order of the system of record,
0 before its commit; `top` is the newest version that a derived store ever held.
"""

from collections.abc import Iterator

from data_integration_architect.modelcheck.expressions import NotModelledError
from data_integration_architect.modelcheck.mechanisms import partial_rows, sides, versions
from data_integration_architect.modelcheck.mechanisms.snapshots import only_if_missing
from data_integration_architect.modelcheck.scene import is_same_entity
from data_integration_architect.modelcheck.world import Branch, Rebuild, StoreState, Value, World
from data_integration_architect.topology import Append, Call, Invalidate, Write

ATOMIC = "one statement on one record takes effect as a whole"


def declare_store(world: World, name: str, label: str, most: int, *, is_record: bool) -> StoreState:
    """Adds the state of one store for the scene's entity; `most` bounds the commits of the record store."""
    stem = world.fresh("store")
    if world.counts:
        cell = world.m.var(f"{stem}_count", 2)
        most = max((number.stop for number in sides.effects_on(world.scene, name).values()), default=1)
        more = tuple(world.m.var(f"{stem}_count{number}", 2) for number in range(2, most + 1))
        world.labels |= {other: f"effect {number} on {label}" for number, other in enumerate(more, 2)}
    else:
        is_filled = is_record or name not in world.starts_empty or world.topology.stores[name].replica_of is not None
        initial = world.ids if world.has_earlier and name not in world.partial and is_filled else 0
        cell = world.m.var(f"{stem}_cell", world.ids, initial)
        more = ()
    state = StoreState(name, label, cell, is_record, more)
    world.stores[name] = state
    world.labels[cell] = label
    if is_record and not world.counts:
        earlier = 1 if world.has_earlier else 0
        world.m.var("commits", most, earlier)
        world.m.array("version", world.ids + 1, most, last=earlier)
        world.labels["commits"] = f"commits in {label}"
        versions.declare(world, most)
        partial_rows.declare_record(world)
    elif not world.counts:
        world.m.var(f"{stem}_top", most, 1 if initial else 0)
        world.m.var(f"{stem}_back", 1)
        first = 0 if not initial else 2 if world.stamps is not None else 1
        world.m.var(f"{stem}_guard", versions.most_compared(world, most), first)
    if not world.counts:
        partial_rows.declare(world, state, is_filled=bool(initial))
    return state


def ghost(state: StoreState, name: str) -> str:
    """Name of a ghost of a derived store: `top`, `back` or `guard`."""
    return f"{state.cell.removesuffix('_cell')}_{name}"


def write_branches(world: World, step: Write | Call | Append | Invalidate, value: Value, path: str) -> list[Branch]:
    """How a write takes effect; several branches where the record decides."""
    if isinstance(step, Append):
        raise TypeError("an append has no store")
    name = {Write: "write", Call: "call", Invalidate: "invalidate"}[type(step)]
    state = world.stores[getattr(step, name)]
    if world.counts:
        return _count(world, step, state, value, path)
    if isinstance(step, Invalidate):
        lease = world.shared.get(f"lease:{state.name}")
        taken = [f"{lease} = 0"] if lease is not None else []
        return [Branch("True", (f"{state.cell} = 0", *taken, *_mark_of_deletion(world, state, value)))]
    if isinstance(step, Call):
        raise NotModelledError("a call and writes of state to one store")
    deletes = "yes" if step.mode == "delete" else value.deletes
    found = []
    if deletes != "yes":
        guard = f"{value.code} <= {world.ids}" if deletes == "maybe" else "True"
        found.append(_store(world, step, state, value, guard, new=value.intent, path=path))
    if deletes != "no":
        guard = f"{value.code} > {world.ids}" if deletes == "maybe" else "True"
        found.append(_store(world, step, state, value, guard, new="0", path=path))
    return [branch for pair in found for branch in pair]


def _store(
    world: World, step: Write, state: StoreState, value: Value, guard: str, *, new: str, path: str
) -> list[Branch]:
    code = value.code if step.mode != "delete" or value.deletes == "yes" else f"{value.intent} + {world.ids}"
    changed = (f"{world.changes[state.name]}.append({code})",) if state.name in world.changes else ()
    if state.is_record:
        cells = world.synchronous.get(state.name, [])
        held = world.shared.get("held row")
        guard = guard if held is None else _both(guard, f"{held} == 0")
        copies = [f"{cell} = {new}" for cell in cells]
        # who follows a synchronous replica sees each commit in its log too
        copies += [f"{log}.append({code})" for name, log in world.changes.items() if world.stores[name].cell in cells]
        commit = Branch(guard, (f"{state.cell} = {new}", *copies, *record_commit(world, value), *changed))
        stamped = [commit.merged(stamp) for stamp in versions.at_commit(world, value)]
        return [one.merged(part) for one in stamped for part in partial_rows.at_commit(world, state, value, new)]
    version = f"version[{value.intent}]"
    top, back, kept = ghost(state, "top"), ghost(state, "back"), ghost(state, "guard")
    rebuild = world.rebuilds.get(state.name) if not value.is_read else None
    if rebuild is not None and rebuild.live == "paused":
        guard = _both(guard, f"{rebuild.counter} == 0")
    # the latch is judged against commit order; a write that runs before its commit (version 0) is not judged
    effect = (
        f"{state.cell} = {new}",
        f"{back} = 1 if {version} > 0 and {version} < {top} else {back}",
        f"{top} = {version} if {version} > {top} else {top}",
        *changed,
        *partial_rows.at_receiver(world, step, state, value, new, path),
        *(_into_new_copy(world, rebuild, step, value, new) if rebuild is not None else ()),
    )
    if value.is_row != "False":
        new_row = Branch(_both(guard, f"not ({only_if_missing(value, state.cell)})"), effect)
        return [new_row, Branch(_both(guard, only_if_missing(value, state.cell)), (), "kept out: there is one already")]
    # a request's own write has no version of the system of record unless somebody says so; an event may carry one
    known = step.guard or ("none" if value.request else None)
    if world.options.get(f"{path}.guard", known, safe="version", unsafe="none") != "version":
        return [Branch(guard, effect)]
    strict = world.options.get(f"{path}.guard_compares", step.guard_compares, safe="greater", unsafe="greater")
    keeps = world.options.get(f"{path}.guard_keeps_deletes", step.guard_keeps_deletes, safe=True, unsafe=False)
    if keeps and state.name in world.partial and value.is_read:
        world.shared[f"marks:{state.name}"] = kept
    carried = versions.compared(world, value.intent)
    remembered = carried if new != "0" or keeps else "0"
    # a write that runs before its commit has no version to compare, so no guard can refuse it
    passes = f"({carried} {'>' if strict == 'greater' else '>='} {kept} or {version} == 0)"
    refused = f"{carried} {'<=' if strict == 'greater' else '<'} {kept} and {version} > 0"
    both = [f"({guard}) and {passes}", f"({guard}) and {refused}"] if guard != "True" else [passes, refused]
    return [
        Branch(both[0], (*effect, f"{kept} = {remembered}")),
        Branch(both[1], (), "refused: not newer than what is stored"),
    ]


def _mark_of_deletion(world: World, state: StoreState, value: Value) -> list[str]:
    """The version that an entry leaves behind where fills compare with it; a deletion before its commit has none."""
    kept = world.shared.get(f"marks:{state.name}")
    carried = versions.compared(world, value.intent)
    return [] if kept is None else [f"{kept} = {carried} if {carried} > {kept} else {kept}"]


def _into_new_copy(world: World, rebuild: Rebuild, step: Write, value: Value, new: str) -> tuple[str, ...]:
    """What a live write does to the copy that a rebuild fills, where the stream writes both."""
    if rebuild.cell is None:
        return ()
    carried = versions.compared(world, value.intent)
    passes = f"{rebuild.counter} > 0" + (f" and {carried} > {rebuild.guard}" if step.guard == "version" else "")
    return (
        f"{rebuild.cell} = {new} if {passes} else {rebuild.cell}",
        f"{rebuild.guard} = {carried} if {passes} else {rebuild.guard}",
    )


def _both(one: str, other: str) -> str:
    return other if one == "True" else f"({one}) and ({other})"


def record_commit(world: World, value: Value) -> tuple[str, ...]:
    """Updates of the ghosts when the system of record commits a record."""
    return (f"version[{value.intent}] = commits + 1", "commits += 1")


def _count(world: World, step: Write | Call | Invalidate, state: StoreState, value: Value, path: str) -> list[Branch]:
    """Effects of the tracked intent are counted up to two: more than one is already wrong."""
    changed = (f"{world.changes[state.name]}.append({value.code})",) if state.name in world.changes else ()
    if value.is_tracked == "False":
        return [Branch("True", changed)]
    match step:
        case Invalidate():
            raise NotModelledError(f"entries of {state.label} that are invalidated, where effects add up")
        case Write(mode="delete"):
            raise NotModelledError(f"deletions in {state.label}, where effects add up")
        case Call():
            passed = world.options.get(f"{path}.operation_id", step.operation_id, safe="passed", unsafe="none")
            # the receiver recognises the id, so it knows a repetition of the same attempt, not of the same intent
            is_idempotent, knows_ids = passed == "passed", True
        case Write(mode="increment"):
            guard = world.options.get(f"{path}.guard", step.guard, safe="unique-key", unsafe="none")
            refusing = ("unique-key",) if _checks_amount(world, step) else ("unique-key", "condition")
            is_idempotent, knows_ids = guard in refusing, _is_key_an_id(world, step)
        case Write(mode="insert"):
            guard = world.options.get(f"{path}.guard", step.guard, safe="unique-key", unsafe="none")
            is_idempotent, knows_ids = guard in ("unique-key", "condition"), _is_key_an_id(world, step)
        case _:
            is_idempotent, knows_ids = True, False
    own = sides.effects_on(world.scene, state.name).get(path, slice(None))
    known = ""
    if is_idempotent and knows_ids and world.new_ids:
        key = f"known:{state.name}:{own.start}"
        known = world.shared.get(key) or world.m.array(world.fresh("known"), world.code_high + 1, 1)
        world.shared[key] = known
    return [Branch("True", (*_counted(world, state, value, own, is_idempotent, known), *changed))]


def _is_key_an_id(world: World, step: Write) -> bool:
    """Whether a unique key holds operation ids: those that a repeating caller makes, or where the key is named so."""
    if _is_by_meaning(world, step):
        return False
    named = {channel.event.id for channel in world.topology.channels.values()} | {"operation_id", "event_id"}
    return world.retry_ids or bool(named.intersection(step.guard_key or ()))


def _is_by_meaning(world: World, step: Write) -> bool:
    """Whether a unique key is of fields that the caller knows, so that it refuses a repetition whatever its id."""
    entity = world.topology.entities.get((step.entity or "").split(".")[0])
    natural = set(entity.natural_key) if entity is not None else set()
    return bool(natural) and set(step.guard_key or ()) <= natural


def _checks_amount(world: World, step: Write) -> bool:
    """Whether the condition of an increment is that of a rule: enough is left for a repetition, too."""
    return any(
        rule.kind in ("non-negative", "sum") and is_same_entity(rule.entity, step.entity)
        for rule in world.topology.constraints
        if rule.entity is not None
    )


def _counted(
    world: World, state: StoreState, value: Value, own: slice, is_idempotent: bool, known: str = ""
) -> Iterator[str]:
    """Counts one effect in its own cell."""
    cells = (state.cell, *state.more)
    for cell in cells[own]:
        more = f"({cell} + 1 if {cell} < 2 else 2)"
        new = f"({more} if {known}[{value.code}] == 0 else {cell})" if known else "1" if is_idempotent else more
        effect = new if value.is_tracked == "True" else f"{new} if {value.is_tracked} else {cell}"
        yield f"{cell} = {effect}"
        if cell == state.cell:
            mirrored = world.synchronous.get(state.name, [])
            yield from (f"{copy} = {effect}" for copy in mirrored)
            followed = (log for name, log in world.changes.items() if world.stores[name].cell in mirrored)
            yield from (f"{log}.append({value.code})" for log in followed)
    if known:
        yield f"{known}[{value.code}] = 1"

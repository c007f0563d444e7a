"""From the steps of a handler to a sequence of atomic effects on the scene.

A transaction is a block: steps inside it on the same instance take effect together at its commit; a step on another
instance is not enlisted and takes effect where it stands, before the commit.
"""

from dataclasses import replace
from itertools import product

from data_integration_architect.modelcheck.effects import Effect
from data_integration_architect.modelcheck.expressions import NotModelledError
from data_integration_architect.modelcheck.mechanisms import channels, commits, stores
from data_integration_architect.modelcheck.scene import Place
from data_integration_architect.modelcheck.world import Branch, StoreState, Value, World
from data_integration_architect.topology import (
    Append,
    Call,
    Invalidate,
    OnConsume,
    Read,
    Step,
    Transaction,
    Write,
    walk_steps,
)

IN_TRANSACTION = "a local transaction takes effect as a whole at its commit"


def lower(
    world: World,
    place: Place,
    steps: tuple[Step, ...],
    value: Value,
    local: str | None,
    path: str,
    first: int = 0,
    *,
    has_read: bool = False,
) -> list[Effect]:
    """The effects of `steps` in program order. `local` is the variable that keeps what the handler has read, and
    `has_read` whether it has before these steps; `first` is the position of the first step below `path`.
    """
    found: list[Effect] = []
    missing = None
    for number, step in enumerate(steps, first):
        here = f"{path}.{number}"
        if not world.scene.keeps(step):
            continue
        match step:
            case Transaction():
                found += _transaction(world, place, step, value, local, here)
            case Read():
                reading = _read(world, place, step, value, local, here)
                found += _only_if_found(world, step, reading, steps[number - first + 1 :], f"{path}.{{}}", number + 1)
                has_read, missing = True, step.missing_source
            case _:
                if not has_read and local is not None and reads_again(world, place, step):
                    found.append(_reading(world, world.stores[world.record or ""], local))
                    has_read = True
                if isinstance(step, Write) and missing is not None and step.missing_source is None:
                    step = step.model_copy(update={"missing_source": missing})
                source = _written_value(step, value, local if has_read else None)
                effects = _effects(world, step, source, here)
                if has_read and world.counts and not value.request:
                    effects = [_of_found(world, place, step, effect, value, here) for effect in effects]
                follows = _follows_deletions(step, value)
                if follows and not world.deletes:
                    world.not_modelled.add(f"{place.label}: what it deletes, since no request is known to delete")
                    continue
                found += [_of_deletions(world, effect, value) if follows else effect for effect in effects]
    return found


def reads_again(world: World, place: Place, step: Step) -> bool:
    """Whether a handler of records asks the system of record for what it writes, in no step of its own."""
    trigger = place.handler.trigger
    if not isinstance(step, Write) or not isinstance(trigger, OnConsume) or world.record not in world.stores:
        return False
    names_only = world.topology.channels[trigger.consume].event.content == "id-only" and step.values is None
    return step.write != world.record and step.mode != "delete" and (step.values == "re-read" or names_only)


def _reading(world: World, state: StoreState, local: str) -> Effect:
    return Effect("read", state.label, (Branch("True", (f"{local} = {state.cell}",)),), stores.ATOMIC)


def _follows_deletions(step: Step, event: Value) -> bool:
    """A handler of events whose write deletes is told of deletions; other events of the entity are not its own."""
    return isinstance(step, Write) and step.mode == "delete" and not event.request and event.deletes != "yes"


def _of_deletions(world: World, effect: Effect, event: Value) -> Effect:
    is_deletion = Branch(f"{event.code} > {world.ids}")
    left_alone = Branch(f"{event.code} <= {world.ids}", (), "no deletion")
    return replace(effect, branches=(*(is_deletion.merged(branch) for branch in effect.branches), left_alone))


def _written_value(step: Step, value: Value, local: str | None) -> Value:
    if local is None or not isinstance(step, Write) or step.values in ("request", "event"):
        return value
    return Value(local, local, "no", f"{{w:{local}}}", is_read=True)


def _effects(world: World, step: Step, value: Value, path: str) -> list[Effect]:
    """The effect of a step that is no block and no read; a caller who asks before it repeats adds steps."""
    effect = _effect(world, step, value, path)
    if isinstance(step, Write | Append | Call | Invalidate) and step.wait is False:
        waits = world.options.get(f"{path}.wait", step.wait, safe=True, unsafe=False)
        return [replace(effect, waits=waits)]
    if isinstance(step, Append) and step.guard == "none" and value.request and step.append not in world.numbered:
        again = world.options.get(f"{path}.guard", step.guard, safe="idempotent-producer", unsafe="none") == "none"
        return [replace(effect, repeats=again, after_timeout=0, late=effect.branches)]
    if not isinstance(step, Call | Write) or not world.counts or value.is_tracked == "False":
        return [effect]
    repeats = step.retry is not None and bool(step.retry.attempts)
    effect = replace(effect, repeats=repeats, after_timeout=0 if repeats else None, late=effect.branches)
    if not isinstance(step, Call):
        return [effect]
    outlives = step.outlives_caller is not None and world.options.get(
        f"{path}.outlives_caller", step.outlives_caller, safe=False, unsafe=True
    )
    effect = replace(effect, outlives=outlives)
    asks = step.asks_first is not None and world.options.get(
        f"{path}.asks_first", step.asks_first, safe=True, unsafe=False
    )
    if not asks:
        return [effect]
    return _asking_first(effect, value, world.stores[step.call].cell)


def _asking_first(effect: Effect, value: Value, cell: str) -> list[Effect]:
    """The call, then the question and the repetition that follow a timeout; a retry begins with the question.

    Asking and calling are two requests, so the first call can take effect between them.
    """
    outcome = "asks for the outcome"
    known, unknown = f"{cell} > 0", f"{cell} == 0"
    if not value.attempt and not value.request:  # a redelivered record looks like a new one, so each is asked for
        again = (Branch(known, (), "already done", skips=1), Branch(unknown, (), "not known"))
        return [Effect(outcome, effect.target, again, "one read"), replace(effect, after_timeout=None)]
    first = f"{value.attempt} == 0" if value.attempt else "True"
    goes_on = effect.outlives or effect.repeats
    branches = [replace(b, guard=_and(first, b.guard), skips=2 if goes_on else 0) for b in effect.branches]
    if value.attempt:
        retried = f"{value.attempt} == 1"
        branches.append(Branch(f"{retried} and {known}", (), f"{outcome} first: already done", 2 if goes_on else 0))
        not_known = Branch(f"{retried} and {unknown}", (), f"{outcome} first: not known", int(goes_on))
        branches += [not_known] if goes_on else [not_known.merged(branch) for branch in effect.branches]
    call = replace(effect, branches=tuple(branches))
    if not goes_on:
        return [call]
    ask = (Branch(known, (), "already done", skips=1), Branch(unknown, (), "not known"))
    return [
        replace(call, after_timeout=None if effect.after_timeout is None else 1),
        Effect(outcome, effect.target, ask, "one read"),
        replace(effect, after_timeout=None if effect.after_timeout is None else -1),
    ]


def _and(one: str, other: str) -> str:
    return one if other == "True" else other if one == "True" else f"({one}) and ({other})"


def _effect(world: World, step: Step, value: Value, path: str) -> Effect:
    if isinstance(step, Append):
        label = step.append
        return Effect(
            f"append {value.label}",
            label,
            tuple(channels.append_branches(world, step, value, path)),
            channels.ATOMIC,
            _lost(world, step, path),
            frozenset({step.append}),
        )
    assert isinstance(step, Write | Call | Invalidate)  # noqa: S101 - blocks and reads are lowered elsewhere
    verb = {Write: "write", Call: "call", Invalidate: "invalidate"}[type(step)]
    state = world.stores[getattr(step, verb)]
    words = "invalidate entry" if verb == "invalidate" else f"{verb} {value.label}"
    if isinstance(step, Write) and step.mode in ("delete", "increment"):
        words = f"{step.mode} {value.label}"
    branches = stores.write_branches(world, step, value, path)
    if isinstance(step, Write) and value.is_read:
        branches = _stored_if_found(world, step, value, branches, state.cell, path)
    lost = _lost(world, step, path)
    return Effect(words, state.label, tuple(branches), stores.ATOMIC, lost, frozenset({state.name}))


def _stored_if_found(
    world: World, step: Write, value: Value, branches: list[Branch], cell: str, path: str
) -> list[Branch]:
    """What was read may be missing: nothing is written then, or the entry is deleted where the handler does so. If it
    fails instead, it is tried again until the record is there.
    """
    if world.has_earlier and not world.deletes:
        return branches  # the record is always there
    known = step.missing_source
    where = f"{path}.missing_source"
    answer = world.options.get(where, known, safe="delete", unsafe="skip")
    missing = (f"{cell} = 0",) if answer == "delete" else ()
    found = [
        Branch(f"{value.code} > 0" + ("" if branch.guard == "True" else f" and ({branch.guard})"), branch.updates)
        for branch in branches
    ]
    if answer == "error" and is_tried_until_found(step):
        return found
    return [*found, Branch(f"{value.code} == 0", missing, "nothing was found")]


def _only_if_found(
    world: World, read: Read, effects: list[Effect], later: tuple[Step, ...], path: str, first: int
) -> list[Effect]:
    """A handler that fails where its record is missing is tried again: it goes on once the record is there."""
    if read.on_miss or not effects or not is_tried_until_found(read):
        return effects
    for number, step in enumerate(later, first):
        if not isinstance(step, Write) or not world.scene.keeps(step):
            continue
        known = step.missing_source or read.missing_source
        where = f"{path.format(number)}.missing_source"
        if known != "error" or not is_tried_until_found(step):
            return effects
        if world.options.get(where, known, safe="delete", unsafe="skip") != "error":
            return effects
        cell = world.stores[read.read].cell
        return [
            replace(effect, branches=tuple(Branch(f"{cell} > 0").merged(one) for one in effect.branches))
            for effect in effects
        ]
    return effects


def is_tried_until_found(step: Read | Write) -> bool:
    """Whether a step that fails is tried again for as long as it takes."""
    return step.dead_letter is None and (step.retry is None or step.retry.then in (None, "block", "raise"))


def _of_found(world: World, place: Place, step: Step, effect: Effect, value: Value, path: str) -> Effect:
    """The effect of what the handler of an event has read again, which may not be there yet.

    What was inserted stays, so nothing is lost by taking the read and the write that uses it for one step: where the
    read finds nothing, the handler could do both at that time, and where it finds something, at the time of the write.
    """
    sources = [
        world.stores[inner.read]
        for _, inner in walk_steps(place.handler.steps, ())
        if isinstance(inner, Read) and _is_plain_read(world, inner)
    ]
    known = isinstance(step, Write) and (step.values or ("re-read" if step.mode != "increment" else "event"))
    if known != "re-read" or not isinstance(step, Write) or not sources or sources[0].name == step.write:
        return effect
    missing = world.options.get(f"{path}.missing_source", step.missing_source, safe="error", unsafe="skip")
    there = f"{sources[0].cell} > 0" + ("" if value.is_tracked == "True" else f" or not ({value.is_tracked})")
    found = [Branch(there).merged(branch) for branch in effect.branches]
    if missing != "error" or not is_tried_until_found(step):
        found.append(Branch(f"not ({there})", (), "nothing was found"))
    return replace(effect, branches=tuple(found))


def _lost(world: World, step: Step, path: str) -> str:
    if isinstance(step, Append) and (words := channels.loses(world, step, path)):
        return words
    if isinstance(step, Transaction | Read) or step.retry is None:
        return ""
    then = world.options.get(f"{path}.retry.then", step.retry.then, safe="block", unsafe="ignore")
    return "fails and is ignored" if then == "ignore" else ""


def _read(world: World, place: Place, step: Read, value: Value, local: str | None, path: str) -> list[Effect]:
    if step.on_miss:
        if value.request and not world.counts and _copies(world, step.on_miss):
            # what a request fills in is what it has read, not what it writes itself
            key = f"fill:{value.request}"
            local = world.shared.get(key) or world.m.var(f"request{value.request}_read", world.ids)
            world.shared[key] = local
        fill = lower(world, place, step.on_miss, value, local, f"{path}.on_miss")
        if world.counts and _copies(world, step.on_miss):
            raise NotModelledError(f"{place.label}: entries that are filled on a miss, of effects that add up")
        if not world.scene.has(step.read, step.entity):
            # another record, so either may be the case
            either = (Branch("True", (), "hit", skips=len(fill)), Branch("True", (), "miss"))
            return [Effect("look up", step.read, either, stores.ATOMIC), *fill]
        state = world.stores[step.read]
        hit = Branch(f"{state.cell} > 0", (), "hit", skips=len(fill))
        miss = Branch(f"{state.cell} == 0", (), "miss")
        if local is not None and fill and _is_plain_read(world, step.on_miss[0]):
            # A miss and the read of the source are one step: whoever reads the source later than the miss reads a
            # value at least as new, so a run that ends with a stale entry has one in which both happen together.
            source, *fill = fill
            missed = tuple(miss.merged(branch) for branch in source.branches)
            hit = Branch(hit.guard, (), hit.note, skips=len(fill))
            words = f"look up; read {source.target} on a miss"
            return [Effect(words, state.label, (hit, *missed), stores.ATOMIC), *fill]
        return [Effect("look up", state.label, (hit, miss), stores.ATOMIC), *fill]
    if local is None or not _is_plain_read(world, step):
        return []
    return [_reading(world, world.stores[step.read], local)]


def _is_plain_read(world: World, step: Step) -> bool:
    """Whether a step reads a store of the scene and does nothing else."""
    return isinstance(step, Read) and not step.on_miss and world.scene.keeps(step) and step.read in world.stores


def _copies(world: World, steps: tuple[Step, ...]) -> bool:
    """Whether steps store what they have read."""
    kept = [step for step in steps if world.scene.keeps(step)]
    reads = [number for number, step in enumerate(kept) if isinstance(step, Read)]
    return bool(reads) and any(
        isinstance(step, Write) and step.mode not in ("increment", "insert", "delete") and step.values != "request"
        for step in kept[reads[0] :]
    )


def _transaction(
    world: World, place: Place, step: Transaction, value: Value, local: str | None, path: str
) -> list[Effect]:
    """Effects that are not enlisted, each where it stands, then one commit of all that are."""
    before, enlisted = _parts(world, place, step, value, local, path)
    if not enlisted:
        return before
    if value.request:
        before = _under_lock(world, step, before, value)
    if len(enlisted) > 1 and value.request:
        return [*before, *commits.lower_two_phase(world, step, [[joined(part)] for part in enlisted], value, path)]
    commit = joined([effect for part in enlisted for effect in part])
    return [*before, _unlocking(world, step, commit, value) if value.request else commit]


def _lock_name(step: Transaction) -> str:
    return f"lock:{step.transaction}"


def _under_lock(world: World, step: Transaction, before: list[Effect], value: Value) -> list[Effect]:
    """Steps that are not enlisted but follow a write of the block happen while its row is locked until the commit.

    Source: PostgreSQL documentation, section 13.3.2: a row that was updated stays locked to the end of the transaction.
    """
    kinds = [
        world.scene.keeps(inner) and isinstance(inner, Write) and _is_on(world, inner, step) for inner in step.steps
    ]
    first_write = kinds.index(True) if True in kinds else len(kinds)
    outside = [
        number for number, inner in enumerate(step.steps) if world.scene.keeps(inner) and not _is_on(world, inner, step)
    ]
    if len(outside) != len(before) or not any(number > first_write for number in outside):
        return before
    lock = world.shared.get(_lock_name(step)) or world.m.var(world.fresh("lock"), world.bounds.writes)
    world.shared[_lock_name(step)] = lock
    held = Branch(f"{lock} == 0 or {lock} == {value.request}", (f"{lock} = {value.request}",))
    return [
        replace(effect, branches=tuple(held.merged(branch) for branch in effect.branches))
        if number > first_write
        else effect
        for number, effect in zip(outside, before, strict=True)
    ]


def _is_on(world: World, inner: Step, step: Transaction) -> bool:
    names = (step.transaction,) if isinstance(step.transaction, str) else step.transaction
    return _instance_of(world, inner) in {world.scene.instance(name) for name in names}


def _unlocking(world: World, step: Transaction, commit: Effect, value: Value) -> Effect:
    lock = world.shared.get(_lock_name(step))
    if lock is None:
        return commit
    free = Branch(f"{lock} == 0 or {lock} == {value.request}", (f"{lock} = 0",))
    return replace(commit, branches=tuple(free.merged(branch) for branch in commit.branches))


def _parts(
    world: World, place: Place, step: Transaction, value: Value, local: str | None, path: str
) -> tuple[list[Effect], list[list[Effect]]]:
    """Effects outside the transaction, and for each instance in it the effects there."""
    names = (step.transaction,) if isinstance(step.transaction, str) else step.transaction
    # a distributed commit prepares each branch that it knows by name, also where one local transaction would do
    is_distributed = len(names) > 1
    part_of = {name: name if is_distributed else world.scene.instance(name) for name in names}
    enlisted: dict[str, list[Effect]] = {part: [] for part in part_of.values()}
    before: list[Effect] = []
    has_read = False
    for number, inner in enumerate(step.steps):
        if not world.scene.keeps(inner):
            continue
        effects = lower(world, place, (inner,), value, local, f"{path}.steps", number, has_read=has_read)
        has_read = has_read or isinstance(inner, Read)
        if isinstance(inner, Read) and _stores_outside(world, step, number):
            before.extend(effects)  # what is stored elsewhere was read before that
            continue
        part = _store_of(world, inner) if is_distributed else _instance_of(world, inner)
        enlisted.get(part, before).extend(effects)
    return before, [part for part in enlisted.values() if part]


def _stores_outside(world: World, step: Transaction, number: int) -> bool:
    """Whether a later step of the block touches an instance that is no part of the transaction."""
    return any(
        world.scene.keeps(inner) and not isinstance(inner, Read) and not _is_on(world, inner, step)
        for inner in step.steps[number + 1 :]
    )


def two_phase_parts(world: World, place: Place, step: Transaction, value: Value, path: str) -> list[list[Effect]]:
    """The effects of each participant of a distributed commit, joined; empty for a local transaction."""
    _, enlisted = _parts(world, place, step, value, None, path)
    return [[joined(part)] for part in enlisted] if len(enlisted) > 1 else []


def joined(effects: list[Effect]) -> Effect:
    """Several effects as one."""
    if len(effects) == 1:
        return effects[0]
    branches = []
    for combination in product(*(effect.branches for effect in effects)):
        merged = combination[0]
        for branch in combination[1:]:
            merged = merged.merged(branch)
        branches.append(merged)
    text = ", ".join(dict.fromkeys(effect.text for effect in effects))
    touches = frozenset[str]().union(*(effect.touches for effect in effects))
    return Effect(f"commit: {text}", effects[0].target, tuple(branches), IN_TRANSACTION, touches=touches)


def _instance_of(world: World, step: Step) -> str:
    name = _store_of(world, step)
    return world.scene.instance(name) if name else ""


def _store_of(world: World, step: Step) -> str:
    match step:
        case Write(write=name) | Append(append=name) | Call(call=name) | Invalidate(invalidate=name) | Read(read=name):
            channel = world.topology.channels.get(name)
            return channel.in_ or name if channel is not None else name
    return ""

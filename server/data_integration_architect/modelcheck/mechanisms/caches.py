"""Readers that fill what they miss, and entries that expire.

Reading the source and storing the entry are two operations on two systems: a write and its invalidation may come
between. A lease is a token that an invalidation takes back, so a fill that began earlier is refused.
Source: Nishtala et al., "Scaling Memcache at Facebook" (NSDI 2013), section 3.2.1, leases.
"""

from dataclasses import replace

from data_integration_architect.modelcheck.effects import Effect
from data_integration_architect.modelcheck.expressions import NotModelledError
from data_integration_architect.modelcheck.programs import lower
from data_integration_architect.modelcheck.scene import Place
from data_integration_architect.modelcheck.world import Branch, World
from data_integration_architect.topology import Read, Transaction, Write, walk_steps

READER_RUNS = 2


def add_reader(world: World, place: Place) -> None:
    """Two runs, one after the other, of a handler that reads and fills on a miss; each comes at any time or never."""
    stem = world.fresh("reader")
    local = world.m.var(f"{stem}_read", world.ids)
    value = replace(world.value_at(local), is_read=True)
    effects = lower(world, place, place.handler.steps, value, local, f"{place.path}.steps")
    changed = {update.split(" = ")[0] for effect in effects for branch in effect.branches for update in branch.updates}
    if changed and local not in changed:
        raise NotModelledError(f"{place.label}: what it stores on a miss, which it reads from nowhere")
    counter = world.m.var(f"{stem}_pc", len(effects) - 1)
    runs = world.m.var(f"{stem}_runs", READER_RUNS)
    lease, passes = _lease(world, place)
    effects = holding_row(world, place, effects, local)
    for number, effect in enumerate(effects):
        for branch in effect.branches:
            following = number + 1 + branch.skips
            updates = [f"{counter} = {following if following < len(effects) else 0}", *branch.updates]
            guards = [f"{counter} == {number}", branch.guard]
            if number == 0:
                guards.append(f"{runs} < {READER_RUNS}")
                updates.append(f"{runs} += 1")
            if lease is not None and number == 0:
                updates.append(f"{lease} = 1")
            is_fill = lease is not None and number == len(effects) - 1
            if is_fill:
                guards.append(f"{lease} == 1")
            world.act(
                "view",
                guards,
                updates,
                actor=place.label,
                kind="optional" if number == 0 else "progress",
                source=place.process,
                target=effect.target,
                text=effect.text + (f" ({branch.note})" if branch.note else ""),
                atomic=effect.atomic,
            )
        if lease is not None and number > 0 and passes:
            world.act(
                "expire",
                [f"{counter} == {number}", f"{lease} == 0"],
                [f"{lease} = 1"],
                actor=place.label,
                kind="fault",
                source=place.process,
                target=effect.target,
                text="its lease expires, and another reader takes one, for which it is taken",
                atomic="a lease is taken in one command",
            )
        if lease is not None and number == len(effects) - 1:
            world.act(
                "refused",
                [f"{counter} == {number}", f"{lease} == 0"],
                [f"{counter} = 0"],
                actor=place.label,
                source=place.process,
                target=effect.target,
                text="store refused: the lease was taken back",
                atomic="the cache compares the token and stores in one command",
            )


def holding_row(world: World, place: Place, effects: list[Effect], local: str) -> list[Effect]:
    """The effects with the row locked from the read to the end, where the read locks and the fill is in its block.

    Source: PostgreSQL documentation, section 13.3.2: who updates a row that is locked `FOR SHARE` waits.
    """
    for path, step in walk_steps(place.handler.steps, ()):
        if not isinstance(step, Transaction) or not world.scene.keeps(step):
            continue
        locking = [inner.locking for inner in step.steps if isinstance(inner, Read) and world.scene.keeps(inner)]
        where = f"{place.path}.steps.{'.'.join(map(str, path))}.locking"
        if not any(locking) or not world.options.get(where, any(locking), safe=True, unsafe=False):
            continue
        held = world.shared.get("held row") or world.m.var(world.fresh("held"), 1)
        world.shared["held row"] = held
        takes, gives = Branch(f"{held} == 0", (f"{held} = 1",)), Branch("True", (f"{held} = 0",))
        world.labels[held] = "lock of the row"
        reading = [any(up.startswith(f"{local} =") for b in effect.branches for up in b.updates) for effect in effects]
        first, last = reading.index(True), len(effects) - 1
        ends = {first: takes, last: gives}
        return [
            replace(effect, branches=tuple(ends[number].merged(branch) for branch in effect.branches))
            if number in ends
            else effect
            for number, effect in enumerate(effects)
        ]
    return effects


def _lease(world: World, place: Place) -> tuple[str | None, bool]:
    """The variable of a lease on the entry, where the fill is guarded by one, and whether another holder passes for
    the one that has lost it."""
    get = world.options.get
    for path, step in walk_steps(place.handler.steps, ()):
        if isinstance(step, Write) and "on_miss" in path and world.scene.keeps(step):
            where = f"{place.path}.steps.{'.'.join(map(str, path))}"
            if get(f"{where}.guard", step.guard, safe="lease", unsafe="none") != "lease":
                continue
            held = world.shared.setdefault(f"lease:{step.write}", world.m.var(world.fresh("lease"), 1))
            lease = step.lease
            expires = get(f"{where}.lease.expires", lease.expires if lease else "none", safe="none", unsafe="30s")
            fenced = get(f"{where}.lease.fenced", lease.fenced if lease else True, safe=True, unsafe=False)
            return held, expires != "none" and not fenced
    return None, False


def add_expiry(world: World, name: str) -> None:
    """Entries of a store that expires: each may go at any time, and in the end it does."""
    state = world.stores[name]
    for value in range(1, world.ids + 1):
        world.act(
            "expire",
            [f"{state.cell} == {value}"],
            [f"{state.cell} = 0"],
            actor=state.label,
            source=state.label,
            target=state.label,
            text=f"the entry with {{w:{value}}} expires",
            atomic="an entry is there or has expired",
        )

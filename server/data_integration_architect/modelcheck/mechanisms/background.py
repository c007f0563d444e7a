"""Steps that nobody waits for, and calls that outlive the caller who gave them up.

A step with `wait: false` takes effect at any time after the step before it, also after what follows it and after the
answer; until then it is in the memory of the process and a crash loses it. A call that outlives its caller is with the
network or the receiver: the caller sees a timeout and goes on, and the call takes effect later.

ATOMIC: handing over is no effect of its own, so it is part of the step before it; the effect itself is one step.
Source: Nygard, "Release It!", chapter 4.5 "Timeouts"; Kleppmann, "Designing Data-Intensive Applications", chapter 8,
"Unreliable networks".
"""

from dataclasses import replace

from data_integration_architect.modelcheck.effects import Effect
from data_integration_architect.modelcheck.world import Branch, World

MOST = 2


def handed_over(world: World, effects: list[Effect], key: str) -> tuple[list[Effect], list[tuple[str, Effect]]]:
    """The effects in program order without those that nobody waits for, and these with the number that is under way."""
    found: list[Effect] = []
    late: list[tuple[str, Effect]] = []
    for place, effect in enumerate(effects):
        if effect.waits:
            found.append(effect)
            continue
        pending = _counter(world, f"background:{key}:{place}")
        start = f"{pending} = {pending} + 1 if {pending} < {MOST} else {MOST}"
        late.append((pending, effect))
        _after_the_last(found, effect, Branch("True", (start,)))
    return found, late


def into_slots(world: World, effects: list[Effect], code: str, slots: dict[int, list[str]]) -> list[Effect]:
    """The same for a handler that takes one record after the other: each slot keeps the record of a late effect."""
    found: list[Effect] = []
    for place, effect in enumerate(effects):
        if effect.waits:
            found.append(effect)
            continue
        first, second = slots[place]
        choices = [
            Branch(f"{first} == 0", (f"{first} = {code}",)),
            Branch(f"{first} > 0 and {second} == 0", (f"{second} = {code}",)),
        ]
        _after_the_last(found, effect, *choices)
    return found


def _after_the_last(found: list[Effect], effect: Effect, *starts: Branch) -> None:
    if found:
        last = found.pop()
        joined = tuple(branch.merged(start) for branch in last.branches for start in starts)
        found.append(replace(last, branches=joined))
        return
    words = f"start without waiting: {effect.text}"
    found.append(Effect(words, effect.target, starts, "handing over to another thread is one step"))


def declare_slots(world: World, effects: list[Effect]) -> dict[int, list[str]]:
    """Two places for each effect that nobody waits for."""
    return {
        place: [world.m.var(world.fresh("slot"), world.code_high) for _ in range(2)]
        for place, effect in enumerate(effects)
        if not effect.waits
    }


def add_late(world: World, pending: str, done: str, effect: Effect, actor: str, process: str, *, crashes: bool) -> None:
    """The late effect, and the crash that loses it; `done` is the update that takes it from what is under way."""
    for branch in effect.branches:
        world.act(
            "late",
            [f"{pending} > 0", branch.guard],
            [*branch.updates, done],
            actor=actor,
            source=process,
            target=effect.target,
            text=f"late: {effect.text}" + (f" ({branch.note})" if branch.note else ""),
            atomic=effect.atomic,
        )
    if crashes:
        world.act(
            "crash",
            [f"{pending} > 0"],
            [done],
            actor=actor,
            kind="fault",
            source=process,
            text=f"{actor} crashes; nobody waited for: {effect.text}",
        )


def outliving(world: World, effect: Effect, key: str) -> str:
    """The number of calls under way that their caller gave up."""
    return _counter(world, f"outlives:{key}")


def _counter(world: World, key: str) -> str:
    if key not in world.shared:
        world.shared[key] = world.m.var(world.fresh("pending"), MOST)
    return world.shared[key]

"""Request handlers: each request is an intent that runs one handler's effects in program order.

Several requests run at the same time up to the instances of the process. A crash between two effects ends the
request there: what is in memory is lost. A crash before the first or after the last effect changes nothing. A caller
that retries starts the handler again, after a crash as progress, and after a response that was lost as a fault.
"""

from dataclasses import dataclass, replace
from functools import partial

from data_integration_architect.modelcheck.effects import Effect
from data_integration_architect.modelcheck.mechanisms.background import add_late, handed_over, outliving
from data_integration_architect.modelcheck.mechanisms.commits import add_recovery
from data_integration_architect.modelcheck.mechanisms.deduplication import Deduplication
from data_integration_architect.modelcheck.mechanisms.polling import split
from data_integration_architect.modelcheck.mechanisms.versions import drawn_early
from data_integration_architect.modelcheck.programs import joined, lower, two_phase_parts
from data_integration_architect.modelcheck.scene import Place
from data_integration_architect.modelcheck.world import Branch, World
from data_integration_architect.topology import OnRequest, Transaction

TOGETHER = "steps.together"


@dataclass(frozen=True, slots=True)
class Program:
    """One handler as a request may run it; its effects sit at program counters `first ..`."""

    place: Place
    deletes: bool
    length: int
    first: int
    finished: int
    crashed: int


def retries(world: World, place: Place) -> bool:
    """Whether the caller repeats a request that seemed to fail."""
    if world.bounds.retries == 0 or world.numbered:
        return False
    request = place.handler.trigger.request if isinstance(place.handler.trigger, OnRequest) else None
    known = request.retries if request is not None else None
    # a caller is not known to repeat unless somebody says so; without the fact, effects of a repetition are no finding
    return world.options.get(f"{place.path}.trigger.request.retries", known, safe=False, unsafe=True, is_ordered=False)


def add_requests(world: World, handlers: list[tuple[Place, bool]]) -> None:
    """Adds all requests; `handlers` are the request handlers of the scene, each with whether it deletes."""
    shapes = [len(_effects(world, place, 1, deletes, None)) for place, deletes in handlers]
    programs: list[Program] = []
    total = sum(shapes)
    first = 1
    for number, ((place, deletes), length) in enumerate(zip(handlers, shapes, strict=True)):
        finished = total + 1 + number
        programs.append(Program(place, deletes, length, first, finished, total + len(shapes) + 1 + number))
        first += length
    high = total + 2 * len(shapes)
    counters = [world.m.var(f"request{intent}_pc", high) for intent in range(1, world.writes + 1)]
    for intent, counter in enumerate(counters, start=1):
        attempt = world.m.var(f"request{intent}_attempt", 1) if any(retries(world, p.place) for p in programs) else None
        others = [other for other in counters if other != counter]
        done = " or ".join(f"{counter} == {program.finished}" for program in programs)
        world.finished.append(f"({done})")
        for program in programs:
            _add_program(world, program, programs, intent, counter, attempt, others, counters)


def _effects(world: World, place: Place, intent: int, deletes: bool, attempt: str | None) -> list[Effect]:
    value = world.own_value(intent, deletes=deletes, attempt=attempt)
    effects, _ = _handed_over(world, place, intent, deletes, attempt)
    effects = Deduplication(world, place).around(effects, value)
    effects = drawn_early(world, effects, value)
    return split(world, effects, intent, deletes=deletes) if world.numbered else effects


def _together(world: World, place: Place, effects: list[Effect]) -> list[Effect]:
    """All effects of a handler in one step: what an atomic write over several stores would be, the ideal of a dual
    write. No system has it, so no fact of the topology says it; checks of findings ask for it.
    """
    changed = [update.split(" = ")[0] for effect in effects for b in effect.branches[:1] for update in b.updates]
    repeated = {name for name in changed if changed.count(name) > 1 and name not in world.shared.values()}
    in_parts = any(not effect.touches or any(branch.skips for branch in effect.branches) for effect in effects)
    if len(effects) < 2 or in_parts or repeated or world.numbered:
        return effects
    if not world.options.get(f"{place.path}.{TOGETHER}", False, safe=True, unsafe=False):
        return effects
    whole = joined(effects)
    return [replace(whole, branches=tuple(_at_once(branch) for branch in whole.branches))]


def _at_once(branch: Branch) -> Branch:
    """A joined branch whose copies carry the version that the commit in the same step gives."""
    updates = _last_of_each(branch.updates)
    given = dict(update.split(" = ", 1) for update in updates if update.startswith(("version[", "stamp[")))
    guard = branch.guard
    for name, value in given.items():
        guard = guard.replace(name, f"({value})")
        updates = [
            update if update.startswith(f"{name} =") else _in_value(update, name, f"({value})") for update in updates
        ]
    return replace(branch, guard=guard, updates=tuple(updates))


def _in_value(update: str, name: str, value: str) -> str:
    target, separator, expression = update.partition(" = ")
    return f"{target}{separator}{expression.replace(name, value)}"


def _last_of_each(updates: tuple[str, ...]) -> list[str]:
    """A lock that is taken and given back within the step is given back."""
    return list({update.split(" = ")[0]: update for update in updates}.values())


def _handed_over(
    world: World, place: Place, intent: int, deletes: bool, attempt: str | None
) -> tuple[list[Effect], list[tuple[str, Effect]]]:
    """The effects in program order, and those that nobody waits for."""
    value = world.own_value(intent, deletes=deletes, attempt=attempt)
    effects = lower(world, place, place.handler.steps, value, None, f"{place.path}.steps")
    if (whole := _together(world, place, effects)) != effects:
        return whole, []
    return handed_over(world, effects, f"{place.path}:{intent}:{deletes}")


def _add_recovery(world: World, program: Program, intent: int, crashed: str, attempt: str | None) -> None:
    value = world.own_value(intent, deletes=program.deletes, attempt=attempt)
    for number, step in enumerate(program.place.handler.steps):
        if isinstance(step, Transaction) and not isinstance(step.transaction, str) and world.scene.keeps(step):
            path = f"{program.place.path}.steps.{number}"
            if parts := two_phase_parts(world, program.place, step, value, path):
                memory = Deduplication(world, program.place)
                kept = [[memory.remembering(effect, value) for effect in part] for part in parts]
                add_recovery(world, step, kept, value, crashed, path)


def _add_program(
    world: World,
    program: Program,
    programs: list[Program],
    intent: int,
    counter: str,
    attempt: str | None,
    others: list[str],
    counters: list[str],
) -> None:
    place = program.place
    effects = _effects(world, place, intent, program.deletes, attempt)
    actor = f"{place.label} #{intent}"
    for pending, effect in _handed_over(world, place, intent, program.deletes, attempt)[1]:
        add_late(world, pending, f"{pending} -= 1", effect, actor, place.process, crashes=True)
    enter = [f"{counter} == 0"]
    if intent > (2 if world.counts else 1):
        enter.append(f"{counters[intent - 2]} > 0")
    if program.length > 1:
        enter += _room(programs, place, others, min(place.instances, world.bounds.instances))
    for number, effect in enumerate(effects):
        here = [f"{counter} == {program.first + number}"]
        _add_effect(world, program, effect, number, counter, actor, enter if number == 0 else here, 1 - min(number, 1))
        if number == 0 and (attempt is not None or effect.outlives or effect.repeats):
            _add_effect(world, program, effect, number, counter, actor, here, 0)
    if program.length > 1:
        ended = [f"open{intent} = 0"] if world.numbered else []  # an open transaction rolls back
        locks = [variable for key, variable in world.shared.items() if key.startswith("lock:")]
        ended += [f"{lock} = 0 if {lock} == {intent} else {lock}" for lock in locks]
        for number in range(1, program.length):
            world.act(
                "crash",
                [f"{counter} == {program.first + number}"],
                [f"{counter} = {program.crashed}", *ended],
                actor=actor,
                kind="fault",
                source=place.process,
                text=f"{place.label} crashes before its next step",
            )
        _add_recovery(world, program, intent, f"{counter} == {program.crashed}", attempt)
    if attempt is not None and retries(world, place):
        again = [f"{counter} = {program.first}", f"{attempt} = 1"]
        if program.length > 1:
            # what the crashed attempt has prepared keeps its rows locked until the coordinator has spoken
            free = [f"{name} == 0" for key, name in world.shared.items() if key.startswith(f"prepared:{intent}:")]
            world.act(
                "retry",
                [f"{counter} == {program.crashed}", f"{attempt} == 0", *free],
                again,
                actor=actor,
                source="client",
                target=place.process,
                text="retry after the crash",
                atomic="sending a request again is one step",
            )
        if _overtakes(world, place) and intent == 1:
            _add_overtaken(world, program, effects, counter, attempt, actor)
        world.act(
            "resend",
            [f"{counter} == {program.finished}", f"{attempt} == 0"],
            again,
            actor=actor,
            kind="fault",
            source="client",
            target=place.process,
            text="response lost, retry",
        )


def _overtakes(world: World, place: Place) -> bool:
    """Whether a repetition can run while the first attempt still does, or before it arrives."""
    request = place.handler.trigger.request if isinstance(place.handler.trigger, OnRequest) else None
    known = request.overtakes if request is not None else None
    if known is None:
        return False
    return world.options.get(f"{place.path}.trigger.request.overtakes", known, safe=False, unsafe=True)


def _add_overtaken(
    world: World, program: Program, effects: list[Effect], counter: str, attempt: str, actor: str
) -> None:
    """The caller gives up and repeats while the first attempt goes on, or before it has arrived at all.

    A first attempt that arrives after its repetition is told the other way round: both are the same operation. What
    an attempt asks before it repeats is not asked by a first one.
    """
    place = program.place
    late = world.m.var(f"{counter}_late", program.length)  # 0 none, else the number of its next effect + 1
    again = [f"{counter} = {program.first}", f"{attempt} = 1"]
    give_up = partial(world.act, actor=actor, kind="fault", source="client", target=place.process)
    for number in range(1, program.length):
        here = [f"{counter} == {program.first + number}", f"{attempt} == 0", f"{late} == 0"]
        words = "timeout, retry while the first attempt goes on"
        give_up("timeout", here, [f"{late} = {number + 1}", *again], text=words)
    over = [f"{counter} == {program.finished}", f"{attempt} == 0", f"{late} == 0"]
    give_up("delayed", over, [f"{late} = 1", f"{attempt} = 1"], text="the first attempt arrives after its retry")
    for number, effect in enumerate(effects):
        for branch in effect.branches:
            following = number + 2 + branch.skips
            world.act(
                "late",
                [f"{late} == {number + 1}", branch.guard.replace(f"{attempt} == 0", "True")],
                [f"{late} = {following if following <= program.length else 0}", *branch.updates],
                actor=f"{actor}, first attempt",
                source=place.process,
                target=effect.target,
                text=effect.text + (f" ({branch.note})" if branch.note else ""),
                atomic=effect.atomic,
            )


def _room(programs: list[Program], place: Place, others: list[str], limit: int) -> list[str]:
    """Conditions under which another instance of the process may start."""
    ranges = [(p.first, p.first + p.length) for p in programs if p.place.process == place.process]
    low, high = min(first for first, _ in ranges), max(end for _, end in ranges)
    busy = [f"({counter} >= {low} and {counter} < {high})" for counter in others]
    if limit <= 1:
        return [f"not {one}" for one in busy]
    # at most two run at once, so at most one other may be busy
    return [f"not ({one} and {two})" for place_, one in enumerate(busy) for two in busy[place_ + 1 :]]


def _add_effect(
    world: World,
    program: Program,
    effect: Effect,
    number: int,
    counter: str,
    actor: str,
    guards: list[str],
    cost: int,
) -> None:
    place = program.place

    def after(skipped: int) -> str:
        following = number + 1 + skipped
        return f"{counter} = {program.first + following if following < program.length else program.finished}"

    for branch in effect.branches:
        words = effect.text + (f" ({branch.note})" if branch.note else "")
        world.act(
            "do",
            [*guards, branch.guard],
            [after(branch.skips), *branch.updates],
            actor=actor,
            cost=cost,
            source=place.process,
            target=effect.target,
            text=words,
            atomic=effect.atomic,
        )
    further = effect.after_timeout
    following = f"{counter} = {program.crashed}" if further is None else after(further - 1)
    calls = [branch for branch in effect.branches if branch.updates]  # the others ask for the outcome
    if effect.repeats:
        for branch in calls:
            world.act(
                "unanswered",
                [*guards, branch.guard],
                [following, *branch.updates],
                actor=actor,
                kind="fault",
                cost=cost,
                source=place.process,
                target=effect.target,
                text=f"{effect.text}, the answer is lost",
            )
    if effect.outlives:
        pending = outliving(world, effect, f"{counter}:{program.first + number}")
        late = f"{pending} = {pending} + 1 if {pending} < 2 else 2"
        world.act(
            "timeout",
            [*guards, calls[0].guard],
            [following, late],
            actor=actor,
            kind="fault",
            cost=cost,
            source=place.process,
            target=effect.target,
            text=f"{effect.text}: timeout, the call is still under way",
        )
        if cost or number > 0:
            plain = replace(effect, branches=effect.late)
            add_late(world, pending, f"{pending} -= 1", plain, actor, place.process, crashes=False)
    if effect.may_be_lost:
        world.act(
            "fail",
            guards,
            [after(0)],
            actor=actor,
            kind="fault",
            cost=cost,
            source=place.process,
            target=effect.target,
            text=f"{effect.text} {effect.may_be_lost}",
        )

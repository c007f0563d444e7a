"""The decision for one property: fewest faults first, then the smallest workload, then the fewest steps.

For each number of faults, and within it each workload, every part of the property is searched breadth-first on its
own slice with an exact visited set, so the first violation found is a shortest one at the least faults and workload.
Three verdicts: `holds` (every state within the bounds was seen), `violated` (with a replayed trace), `unknown` (a
search exceeded its budget of states). `stopped` is no verdict: somebody ended the search.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Literal

from data_integration_architect.modelcheck.budget import Budget, SpentError
from data_integration_architect.modelcheck.expressions import ModelError
from data_integration_architect.modelcheck.generate import CompiledModel, Ending, Run
from data_integration_architect.modelcheck.interpret import Interpreter, State
from data_integration_architect.modelcheck.ir import Action, Model, Property
from data_integration_architect.modelcheck.slices import slice_for, unranked_actions

Outcome = Literal["holds", "violated", "unknown", "stopped"]
DEFAULT_STATES = 60_000


def never() -> bool:
    """The stop condition of a search that nobody ends."""
    return False


@dataclass(frozen=True, slots=True)
class TraceStep:
    """One action of a run and the state after it; `state` belongs to the slice that was searched."""

    action: Action
    state: State


@dataclass(frozen=True, slots=True)
class SearchResult:
    """Verdict on one property and what was seen.

    `faults` and `workload` are for `holds` the bounds, for `violated` the least that suffice, for `unknown` the first
    that exceeded the budget. `states` and `at_rest` were counted there, summed over the parts. `never_enabled` names
    actions of `searched`, those of all slices, that no explored state enables. With `livelock`, progress need not end
    and the trace leads into the cycle. `is_shortest` is false where a search with fewer faults exceeded the budget.
    """

    property: str
    outcome: Outcome
    faults: int
    workload: int
    states: int
    at_rest: int
    depth: int
    part: str = ""
    trace: tuple[TraceStep, ...] = ()
    model: Model | None = None
    never_enabled: frozenset[str] = frozenset()
    searched: tuple[Action, ...] = ()
    livelock: bool = False
    is_shortest: bool = True


@dataclass(slots=True)
class _Tally:
    states: int = 0
    at_rest: int = 0
    depth: int = 0
    never_enabled: set[str] = field(default_factory=set)


Memo = dict[object, SearchResult]


def search(
    model: Model,
    prop: Property,
    *,
    limit: int = DEFAULT_STATES,
    stop: Callable[[], bool] = never,
    memo: Memo | None = None,
    budget: Budget | None = None,
) -> SearchResult:
    """Decides `prop` for up to the model's faults and workload; `limit` bounds the states of each single search.

    `memo` keeps results by slices: two properties that need the same steps and ask the same are searched once.
    Raises: ModelError, where an update leaves its range, a log is full, or an at-rest property meets no resting state;
    SpentError, where a search does not end within `budget`.
    """
    sliced = _grouped(model, prop)
    budget = budget or Budget()
    if memo is None:
        return _searched(model, prop, sliced, limit, stop, budget)
    slices = tuple((part, slice_.declarations, slice_.actions) for part, slice_ in sliced)
    key = (prop.kind, slices, model.faults, model.workload, limit)
    if key not in memo:
        memo[key] = _searched(model, prop, sliced, limit, stop, budget)
    return replace(memo[key], property=prop.name)


def _searched(
    model: Model,
    prop: Property,
    sliced: list[tuple[str, Model]],
    limit: int,
    stop: Callable[[], bool],
    budget: Budget,
) -> SearchResult:
    at_rest = prop.kind == "at_rest"
    compiled = [(part, CompiledModel(slice_, part, at_rest=at_rest, forgets=True)) for part, slice_ in sliced]
    needs_cycle_check = [at_rest and bool(unranked_actions(slice_)) for _, slice_ in sliced]
    unknown: SearchResult | None = None
    last = _Tally()
    most_workload = model.workload
    for faults in range(model.faults + 1):
        for workload in range(most_workload + 1):
            tally = _Tally()
            violations: list[tuple[int, str, CompiledModel, Run, bool]] = []
            ending = Ending.EXPLORED
            for (part, machine), is_unranked in zip(compiled, needs_cycle_check, strict=True):
                allowed = budget.limit(limit)
                run = machine.run(faults, workload, allowed, stop)
                budget.take(len(run.parents))
                if run.ending == Ending.BUDGET and allowed < limit:
                    raise SpentError
                _count(tally, run)
                if run.ending == Ending.STOPPED:
                    return _ended(prop, "stopped", faults, workload, tally)
                if run.ending == Ending.BUDGET:
                    ending = Ending.BUDGET
                    continue
                if run.ending == Ending.VIOLATED:
                    violations.append((run.depth, part, machine, run, False))
                    continue
                if is_unranked and (cycle := _cycle(machine, run)) is not None:
                    violations.append((cycle.depth, part, machine, cycle, True))
                    continue
                if at_rest and run.at_rest == 0:
                    raise ModelError(f"{prop.name}: no state is at rest, so the verdict would be empty")
                if (faults, workload) == (model.faults, model.workload):
                    tally.never_enabled |= machine.never_enabled(run)
            if violations:
                depth, part, machine, run, livelock = min(violations, key=lambda found: found[0])
                return SearchResult(
                    prop.name,
                    "violated",
                    faults,
                    workload,
                    tally.states,
                    tally.at_rest,
                    depth,
                    part,
                    replayed(machine, run, part, faults, workload, at_rest=at_rest and not livelock, livelock=livelock),
                    machine.model,
                    livelock=livelock,
                    is_shortest=unknown is None and ending == Ending.EXPLORED,
                )
            if ending == Ending.BUDGET:
                # more faults with less workload may still fit the budget and show a violation
                unknown = unknown or _ended(prop, "unknown", faults, workload, tally)
                most_workload = workload - 1
                break
            last = tally
    if unknown is not None:
        return unknown
    return SearchResult(
        prop.name,
        "holds",
        model.faults,
        model.workload,
        last.states,
        last.at_rest,
        last.depth,
        never_enabled=frozenset(last.never_enabled),
        searched=tuple({action.name: action for _, slice_ in sliced for action in slice_.actions}.values()),
    )


def _grouped(model: Model, prop: Property) -> list[tuple[str, Model]]:
    """The parts of a property with their slices; parts with the same slice are checked together, as a conjunction."""
    groups: dict[tuple[object, object], list[str]] = {}
    slices: dict[tuple[object, object], Model] = {}
    for part in prop.parts:
        slice_ = slice_for(model, prop, part)
        key = (slice_.declarations, slice_.actions)
        groups.setdefault(key, []).append(part)
        slices[key] = slice_
    return [(" and ".join(f"({part})" for part in parts), slices[key]) for key, parts in groups.items()]


def _count(tally: _Tally, run: Run) -> None:
    tally.states += len(run.parents)
    tally.at_rest += run.at_rest
    tally.depth = max(tally.depth, run.depth)


def _ended(prop: Property, outcome: Outcome, faults: int, workload: int, tally: _Tally) -> SearchResult:
    return SearchResult(prop.name, outcome, faults, workload, tally.states, tally.at_rest, tally.depth)


def _cycle(machine: CompiledModel, run: Run) -> Run | None:
    """A run into the first explored state that lies on a cycle of progress, and once round."""
    endless = frozenset(machine.progress_cycle(run))
    for first in run.parents:
        if first not in endless or not (once := machine.progress_round(first, endless)):
            continue
        depth = len(once)
        state = first
        while (state := run.parents[state]) != -1:
            depth += 1
        return Run(Ending.VIOLATED, run.parents, depth, run.at_rest, first, round=once)
    return None


def replayed(
    machine: CompiledModel, run: Run, part: str, faults: int, workload: int, *, at_rest: bool, livelock: bool = False
) -> tuple[TraceStep, ...]:
    """The run as steps, each executed again by the plain interpreter.

    Raises: ModelError, where the interpreter disagrees: then the generated search is wrong and the trace is not shown.
    """
    interpreter = Interpreter(machine.model)
    state = interpreter.initial(faults, workload)
    steps = []
    for action, packed in machine.path(run):
        if not interpreter.is_enabled(action, state):
            raise ModelError(f"replay: {action.name} is not enabled")
        state = interpreter.apply(action, state)
        # Both sides without what is forgotten: a step of progress can write a forgotten variable again.
        if machine.canonical(machine.layout.pack(state)) != machine.canonical(packed):
            raise ModelError(f"replay: {action.name} leads to another state")
        steps.append(TraceStep(action, state))
    if not livelock and interpreter.holds(part, state):
        raise ModelError("replay: the last state does not violate the property")
    if at_rest and not interpreter.is_at_rest(state):
        raise ModelError("replay: the last state is not at rest")
    return tuple(steps)

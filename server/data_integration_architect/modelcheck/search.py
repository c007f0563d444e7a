"""The decision for one property: fewest faults first, then the smallest workload, then the fewest steps.

For each number of faults, and within it each workload, every part of the property is searched breadth-first on its
own slice with an exact visited set, so the first violation found is a shortest one at the least faults and workload.
Three verdicts: `holds` (every state within the bounds was seen), `violated` (with a replayed trace), `unknown` (a
search exceeded its budget of states). `stopped` is no verdict: somebody ended the search.
"""

import builtins
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Literal

from data_integration_architect.modelcheck.budget import Budget
from data_integration_architect.modelcheck.deepening import Deepening, Room
from data_integration_architect.modelcheck.expressions import ModelError
from data_integration_architect.modelcheck.generate import CompiledModel, Ending, Run
from data_integration_architect.modelcheck.interpret import Interpreter, State
from data_integration_architect.modelcheck.ir import Action, Model, Property
from data_integration_architect.modelcheck.slices import slice_for

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
    `covers`: an invariant that was asked beside it holds too.
    """

    property: str
    outcome: Outcome
    faults: int
    workload: int
    states: int
    at_rest: int
    depth: int
    part: str = ""
    witness: "Witness | None" = None
    never_enabled: frozenset[str] = frozenset()
    searched: tuple[Action, ...] = ()
    livelock: bool = False
    is_shortest: bool = True
    covers: bool = False

    @builtins.property
    def trace(self) -> tuple[TraceStep, ...]:
        """The shortest run that violates the property; empty where none does. Raises: ModelError, see `Witness`."""
        return self.witness.trace if self.witness is not None else ()

    @builtins.property
    def model(self) -> Model | None:
        """The slice that the run belongs to."""
        return self.witness.machine.model if self.witness is not None else None


Memo = dict[object, SearchResult]
MOST_KEPT = 500


class Elsewhere:
    """Searches of jobs that share no states, with what each cost: one that is found here is paid for as if it were made
    again. So what a job may still see does not depend on which jobs ran before it.
    """

    def __init__(self) -> None:
        self._kept: dict[object, tuple[SearchResult, int]] = {}

    def result(self, key: object, budget: Budget) -> SearchResult | None:
        """What was found before, paid from `budget`; None where nothing was, or where it costs more than is left."""
        found = self._kept.get(key)
        if found is None or (budget.left is not None and budget.left < found[1]):
            return None
        budget.take(found[1])
        return found[0]

    def keep(self, key: object, result: SearchResult, cost: int) -> None:
        """Remembers a search that nobody stopped; the oldest one gives way."""
        if result.outcome != "stopped":
            self._kept[key] = result, cost
            if len(self._kept) > MOST_KEPT:
                del self._kept[next(iter(self._kept))]


# A conjunction of parts and the slice that they are checked on.
Group = tuple[str, Model]


def search(
    model: Model,
    prop: Property,
    *,
    limit: int = DEFAULT_STATES,
    stop: Callable[[], bool] = never,
    memo: Memo | None = None,
    elsewhere: Elsewhere | None = None,
    budget: Budget | None = None,
    also: Property | None = None,
    hasty: bool = False,
) -> SearchResult:
    """Decides `prop` for up to the model's faults and workload; `limit` bounds the states of each single search.

    `memo` keeps results by slices: two properties that need the same steps and ask the same are searched once. `also`
    is an invariant that will be asked next: if one exploration shows that both hold, that is kept too. With `hasty`, a
    property that needs faults to be violated is known to be as soon as any run shows it: there is no trace then.
    Raises: ModelError, where an update leaves its range, a log is full, or an at-rest property meets no resting state;
    SpentError, where a search does not end within `budget`.
    """
    memo = {} if memo is None else memo
    room = Room(limit, stop, budget or Budget())
    sliced = _grouped(model, prop)
    key = _key(model, prop, sliced, limit)
    asked = key if key in memo or not hasty else (key, "hasty")
    if asked not in memo:
        beside = _grouped(model, also) if also is not None else []
        if also is not None and (known := memo.get(_key(model, also, beside, limit))) is not None:
            beside = beside if known.outcome == "holds" else []
        wide = asked, _key(model, also, beside, limit) if also is not None and beside else None
        found = elsewhere.result(wide, room.budget) if elsewhere is not None else None
        if found is None:
            before = room.budget.seen
            found = _searched(model, prop, sliced, beside, room, hasty=hasty)
            if elsewhere is not None:
                elsewhere.keep(wide, found, room.budget.seen - before)
        memo[asked] = found
        if found.witness is not None or found.outcome != "violated":
            memo[key] = found
        if also is not None and found.covers:
            memo.setdefault(_key(model, also, beside, limit), found)
    return replace(memo[asked], property=prop.name)


def _key(model: Model, prop: Property, sliced: Sequence[Group], limit: int) -> object:
    slices = tuple((part, slice_.declarations, slice_.actions) for part, slice_ in sliced)
    return prop.kind, slices, model.faults, model.workload, limit


def _searched(
    model: Model, prop: Property, sliced: list[Group], beside: list[Group], room: Room, *, hasty: bool
) -> SearchResult:
    at_rest = prop.kind == "at_rest"
    compiled = [(part, CompiledModel(slice_, part, at_rest=at_rest, forgets=True)) for part, slice_ in sliced]
    unknown: SearchResult | None = None
    proof = _Proof()
    most_workload = model.workload
    for faults in range(model.faults + 1):
        if faults == min(1, model.faults) and unknown is None:
            # Most violations need no fault, and what is left most often holds.
            proof = _prove(model, prop, sliced, beside, room)
            if beside and proof.is_violated:
                proof = _prove(model, prop, sliced, [], room)
            if proof.result is not None:
                return proof.result
            if hasty and proof.is_violated:
                return _ended(prop, "violated", model.faults, model.workload, [])
        if faults <= proof.cleared:
            continue
        searches = [(part, Deepening(machine, faults, room, finds_livelocks=at_rest)) for part, machine in compiled]
        for workload in range(most_workload + 1):
            violations: list[tuple[int, str, Deepening, Run]] = []
            ending = Ending.EXPLORED
            for part, found in searches:
                if (
                    faults == model.faults
                    and (exceeded := proof.exceeded.get(_identity(found.machine.model))) is not None
                ):
                    ending = Ending.BUDGET if workload >= exceeded else ending
                    continue
                run = found.extend(workload)
                if run.ending == Ending.STOPPED:
                    return _ended(prop, "stopped", faults, workload, searches)
                if run.ending == Ending.BUDGET:
                    ending = Ending.BUDGET
                elif run.ending == Ending.VIOLATED:
                    violations.append((run.depth, part, found, run))
            if violations:
                depth, part, found, run = min(violations, key=lambda one: one[0])
                return replace(
                    _ended(prop, "violated", faults, workload, searches),
                    depth=depth,
                    part=part,
                    witness=Witness(found.machine, part, faults, workload, run.depth, at_rest, bool(run.round)),
                    livelock=bool(run.round),
                    is_shortest=unknown is None and ending == Ending.EXPLORED,
                )
            if ending == Ending.BUDGET:
                # more faults with less workload may still fit the budget and show a violation
                unknown = unknown or _ended(prop, "unknown", faults, workload, [*searches, *proof.searches])
                most_workload = workload - 1
                break
    if unknown is None:
        raise ModelError(f"{prop.name}: a search with each number of faults contradicts one with all of them")
    return unknown


@dataclass(frozen=True, slots=True)
class _Proof:
    """What searches with all faults showed. `result`: every part holds, or somebody ended the search. `cleared`: no
    part is violated with up to so many faults and the whole workload. `exceeded`: by slice, the workload at which its
    search exceeded the budget, after it had found no violation.
    """

    result: SearchResult | None = None
    is_violated: bool = False
    cleared: int = -1
    exceeded: dict[object, int] = field(default_factory=dict)
    searches: tuple[tuple[str, Deepening], ...] = ()


def _prove(model: Model, prop: Property, sliced: list[Group], beside: list[Group], room: Room) -> _Proof:
    """Tries to show with as few explorations as possible that all parts hold.

    A part whose slice has no step that another one's lacks is checked on that one: a larger slice decides the same,
    only its runs are longer than they need be.
    """
    searches: list[tuple[str, Deepening]] = []
    cleared = model.faults
    exceeded: dict[object, int] = {}
    for rest, always in _clusters(prop, sliced, beside):
        whole = slice_for(model, prop, " and ".join([*rest, *always]))
        kept = " and ".join(always) or "True"
        machine = CompiledModel(
            whole, " and ".join(rest) if rest else kept, at_rest=bool(rest), always=kept, forgets=True
        )
        found = Deepening(machine, model.faults, room, finds_livelocks=bool(rest))
        searches.append(("", found))
        for workload in range(model.workload + 1):
            run = found.extend(workload)
            if run.ending == Ending.STOPPED:
                return _Proof(_ended(prop, "stopped", model.faults, workload, searches))
            if run.ending == Ending.VIOLATED:
                return _Proof(is_violated=True)
            if run.ending == Ending.BUDGET:
                exceeded[_identity(whole)] = workload
                cleared = min(cleared, found.explored_faults if workload == model.workload else -1)
                break
        if rest and not exceeded and not found.at_rest:
            raise ModelError(f"{prop.name}: no state is at rest, so the verdict would be empty")
    if exceeded:
        return _Proof(cleared=cleared, exceeded=exceeded, searches=tuple(searches))
    actions = {action.name: action for _, found in searches for action in found.machine.model.actions}
    result = replace(
        _ended(prop, "holds", model.faults, model.workload, searches),
        never_enabled=frozenset(name for _, found in searches for name in found.never_enabled),
        searched=tuple(actions.values()),
        covers=bool(beside),
    )
    return _Proof(result)


def _clusters(prop: Property, sliced: list[Group], beside: list[Group]) -> list[tuple[list[str], list[str]]]:
    """Parts that one exploration decides, those at rest and invariants."""
    clusters: list[tuple[frozenset[str], tuple[list[str], list[str]]]] = []
    groups = [(part, slice_, prop.kind == "at_rest") for part, slice_ in sliced]
    groups += [(part, slice_, False) for part, slice_ in beside]
    for part, slice_, at_rest in sorted(groups, key=lambda group: -len(group[1].actions)):
        steps = frozenset(action.name for action in slice_.actions)
        home = next((parts for inside, parts in clusters if steps <= inside), None)
        if home is None:
            home = ([], [])
            clusters.append((steps, home))
        home[0 if at_rest else 1].append(part)
    return [parts for _, parts in clusters]


def _identity(model: Model) -> object:
    return model.declarations, model.actions


def _grouped(model: Model, prop: Property) -> list[Group]:
    """The parts of a property with their slices; parts with the same slice are checked together, as a conjunction."""
    groups: dict[tuple[object, object], list[str]] = {}
    slices: dict[tuple[object, object], Model] = {}
    for part in prop.parts:
        slice_ = slice_for(model, prop, part)
        key = (slice_.declarations, slice_.actions)
        groups.setdefault(key, []).append(part)
        slices[key] = slice_
    return [(" and ".join(f"({part})" for part in parts), slices[key]) for key, parts in groups.items()]


def _ended(
    prop: Property, outcome: Outcome, faults: int, workload: int, searches: Sequence[tuple[str, Deepening]]
) -> SearchResult:
    states = sum(found.states for _, found in searches)
    at_rest = sum(found.at_rest for _, found in searches)
    depth = max((found.depth for _, found in searches), default=0)
    return SearchResult(prop.name, outcome, faults, workload, states, at_rest, depth)


@dataclass(frozen=True)
class Witness:
    """Where a violation was found; the run itself is made when it is asked for, by plain breadth-first search."""

    machine: CompiledModel
    part: str
    faults: int
    workload: int
    depth: int
    at_rest: bool
    livelock: bool

    @cached_property
    def trace(self) -> tuple[TraceStep, ...]:
        """The run as steps, each executed again by the plain interpreter.

        Raises: ModelError, where the interpreter or plain search disagrees: then the search is wrong and the trace is
        not shown.
        """
        machine = self.machine
        run = machine.run(self.faults, self.workload, sys.maxsize, never)
        run = machine.cycle(run, run.parents) or run if self.livelock else run
        if run.ending != Ending.VIOLATED or run.depth != self.depth:
            raise ModelError("replay: plain search finds another run")
        interpreter = Interpreter(machine.model)
        state = interpreter.initial(self.faults, self.workload)
        steps = []
        for packed in machine.path(run):
            # Both sides without what is forgotten: a step of progress can write a forgotten variable again.
            after = machine.canonical(packed)
            for action, following in interpreter.successors(state):
                if machine.canonical(machine.layout.pack(following)) == after:
                    state = following
                    steps.append(TraceStep(action, state))
                    break
            else:
                raise ModelError("replay: no action leads from a state to its successor")
        if not self.livelock and interpreter.holds(self.part, state):
            raise ModelError("replay: the last state does not violate the property")
        if self.at_rest and not self.livelock and not interpreter.is_at_rest(state):
            raise ModelError("replay: the last state is not at rest")
        return tuple(steps)

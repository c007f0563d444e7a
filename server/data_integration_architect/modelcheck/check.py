"""The checker's door: every property of every target of a topology, or those asked for."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial

from data_integration_architect.modelcheck.budget import MODEL_STATES, Budget
from data_integration_architect.modelcheck.cases import Case, Question, build_case, questions
from data_integration_architect.modelcheck.explain import Words, explain
from data_integration_architect.modelcheck.expressions import NotModelledError
from data_integration_architect.modelcheck.facts import Assumptions, End, Options, OptionUse
from data_integration_architect.modelcheck.ir import Model, Property
from data_integration_architect.modelcheck.properties import PropertyForms
from data_integration_architect.modelcheck.scene import places
from data_integration_architect.modelcheck.search import Elsewhere, Memo, SearchResult, never, search
from data_integration_architect.modelcheck.verdict import NOT_MODELLED, Condition, Verdict, Violates
from data_integration_architect.modelcheck.world import Bounds
from data_integration_architect.topology import OnSchedule, Topology, Write, walk_steps

_FAULTS = {
    "crash": "crash",
    "resend": "response lost",
    "fail": "step fails",
    "rebalance": "partition moves",
    "lose": "acknowledgement lost",
    "timeout": "timeout",
}


@dataclass(frozen=True, slots=True)
class Answer:
    """What one search under fixed assumptions found, with the model that it ran on."""

    result: SearchResult
    violates: Violates | None
    case: Case
    healed_by: str = ""


class Known:
    """What was found before: searches by their slices, and convergence by target and the options of its model; and
    how many states are left for what was not.
    """

    def __init__(self, budget: Budget | None = None, elsewhere: Elsewhere | None = None) -> None:
        self.budget = budget or Budget()
        self.elsewhere = elsewhere or Elsewhere()
        self.memo: Memo = {}
        self._held: dict[tuple[str, str | None], list[tuple[dict[str, object], SearchResult]]] = {}

    def keep(self, question: Question, case: Case, result: SearchResult) -> None:
        """Remembers that convergence holds."""
        self._held.setdefault((question.target, question.entity), []).append((case.options.values, result))

    def convergence(self, question: Question, case: Case) -> SearchResult | None:
        """The search that showed convergence of the same target under the same answers; None where there is none."""
        for values, result in self._held.get((question.target, question.entity), ()):
            if values.items() <= case.options.values.items():
                return result
        return None


def check(
    topology: Topology,
    property: str | None = None,
    bounds: Bounds | None = None,
    *,
    assumptions: Assumptions | None = None,
    stop: Callable[[], bool] = never,
) -> list[Verdict]:
    """Verdicts for a topology in normal form, in the order of `questions`.

    Without `assumptions`, unknown facts are decided: violated with all of them at their safe end is definite, holding
    with all at their unsafe end holds regardless, else the verdict names a minimal set of facts on which it rests.
    """
    found = []
    known = Known()
    for question in questions(topology):
        if property in (None, question.property):
            limits = bounds or Bounds()
            found.append(decide(topology, question, limits, assumptions=assumptions, stop=stop, known=known))
            if found[-1].verdict == "stopped":
                break
    return found


def answer(
    topology: Topology,
    question: Question,
    bounds: Bounds,
    assumptions: Assumptions,
    stop: Callable[[], bool] = never,
    known: Known | None = None,
    hasty: Callable[[Case], bool] | None = None,
) -> Answer:
    """The verdict under fixed assumptions: at rest first (integrity), then in between (timeliness).

    An entry that expires is right again at rest, and so is a copy that a schedule makes anew; what was wrong before
    is found with expiry left out and a single run. `known` has what was found for convergence of the same target,
    from which other forms at rest follow. `hasty`: for which models it is enough to know that there is a violation.
    Raises: SpentError, where it has too few states left.
    """
    known = known or Known()
    known.budget.take(MODEL_STATES)
    case = build_case(topology, question, bounds, assumptions)
    is_hasty = hasty is not None and hasty(case)
    look = partial(
        search,
        limit=bounds.states,
        stop=stop,
        memo=known.memo,
        elsewhere=known.elsewhere,
        budget=known.budget,
        hasty=is_hasty,
    )
    name = case.forms.name
    integrity: Violates = "availability" if question.property == "no-in-doubt" else "integrity"
    if case.forms.is_permanent:
        permanent = look(case.model, Property(name, "invariant", case.forms.always))
        return Answer(permanent, integrity if permanent.outcome == "violated" else None, case)
    result = known.convergence(question, case) if case.forms.follows_convergence else None
    always = Property(name, "invariant", case.forms.always) if case.forms.always else None
    result = result or look(case.model, Property(name, "at_rest", case.forms.at_rest), also=always)
    if question.property == "convergence" and not question.element and result.outcome == "holds":
        known.keep(question, case, result)
    if result.outcome != "holds":
        return Answer(result, integrity if result.outcome == "violated" else None, case)
    if always is not None:
        between = look(case.model, always)
        if between.outcome != "holds":
            return Answer(between, "timeliness" if between.outcome == "violated" else None, case)
    if not question.element and (healing := _healing(topology, question)):
        lasting = build_case(topology, question, bounds, assumptions, with_expiry=False)
        found = look(lasting.model, Property(name, "at_rest", lasting.forms.at_rest))
        if found.outcome == "violated":
            return Answer(found, "timeliness", lasting, healing)
    return Answer(result, None, case)


def _healing(topology: Topology, question: Question) -> str:
    """What makes the target right again by itself: its entries expire, or a scheduled run comes again and again beside
    other writers; empty for neither.
    """
    store = topology.stores.get(question.target)
    if store is not None and store.expiry not in (None, "none"):
        return f"expiry of {question.target}"
    runs = [
        place.label
        for place in places(topology)
        if isinstance(place.handler.trigger, OnSchedule) and place.handler.trigger.every != "once"
        for _, step in walk_steps(place.handler.steps, ())
        if isinstance(step, Write) and step.write == question.target
    ]
    return ", ".join(dict.fromkeys(runs))


def decide(
    topology: Topology,
    question: Question,
    bounds: Bounds,
    *,
    assumptions: Assumptions | None = None,
    fixed: Mapping[str, End] | None = None,
    stop: Callable[[], bool] = never,
    known: Known | None = None,
) -> Verdict:
    """One verdict; without assumptions, with the unknown facts on which it rests (at most 2k + 2 checks for k facts).

    `fixed`: options at an end of their own, known or not, such as the defects that are idealised.

    The minimal set is found by deletion: each unknown fact in turn is put to its safe end and stays there if the
    violation remains. That needs monotonicity: a safeguard that is removed never repairs a property. Facts that have
    no safer end (`OptionUse.is_ordered`) are tried both ways.
    """
    try:
        return _decided(topology, question, bounds, assumptions, fixed or {}, stop, known)
    except NotModelledError as reason:
        nothing = SearchResult(question.property, "unknown", 0, 0, 0, 0, 0)
        case = Case(
            Model((), ()),
            PropertyForms(question.property),
            Options(Assumptions()),
            (question.target,),
            Words(question.entity, 0, 0, deletes=False, counts=False),
            (str(reason),),
        )
        return verdict_of(question, bounds, Answer(nothing, None, case))


def _decided(
    topology: Topology,
    question: Question,
    bounds: Bounds,
    assumptions: Assumptions | None,
    fixed: Mapping[str, End],
    stop: Callable[[], bool],
    known: Known | None,
) -> Verdict:
    apart = Known(known.budget, known.elsewhere) if known is not None else Known()

    def ask(
        unknown_at: End,
        ends: Mapping[str, End],
        limits: Bounds,
        seen: Known | None = apart,
        hasty: Callable[[Case], bool] | None = None,
    ) -> Answer:
        return answer(topology, question, limits, Assumptions(unknown_at, {**ends, **fixed}), stop, seen, hasty)

    def unsaid(case: Case) -> list[OptionUse]:
        return [
            use
            for use in case.options.used
            if use.known is None and use.safe != use.unsafe and fixed.get(use.path, "known") == "known"
        ]

    if assumptions is not None:
        return verdict_of(question, bounds, answer(topology, question, bounds, assumptions, stop, known))
    # with unknown facts its shortest run is of use only where it rests on them
    worst = ask("unsafe", {}, bounds, known, lambda case: bool(unsaid(case)))
    unknown = unsaid(worst.case)
    loose = [use for use in unknown if not use.is_ordered]
    unknown = [use for use in unknown if use.is_ordered]
    # facts without a safer end are tried both ways, all of them together
    ways: list[dict[str, End]] = [{use.path: "unsafe" for use in loose}]
    if loose:
        ways.append({use.path: "safe" for use in loose})
        if worst.result.outcome == "holds":
            worst = ask("unsafe", ways[1], bounds, known, lambda case: bool(unsaid(case)))
            ways.reverse()
    if worst.result.outcome != "violated" or not (unknown or loose):
        return verdict_of(question, bounds, worst)
    best = [ask("safe", ways[0], bounds, known)]
    if best[0].result.outcome == "violated":
        best += [ask("safe", way, bounds, known) for way in ways[1:]]
    if all(found.result.outcome == "violated" for found in best):
        return verdict_of(question, bounds, min(best, key=lambda one: _size(one.result)))
    assumed = tuple((use, ways[0][use.path]) for use in loose)
    if len(ways) > 1:
        other = ask("unsafe", ways[1], bounds, known, lambda _case: True)
        if other.result.outcome == "violated":
            assumed = ()  # violated either way, so it does not rest on these facts
    if best[0].result.outcome == "violated":
        return verdict_of(question, bounds, best[0], assumed)
    worst = ask("unsafe", ways[0], bounds, known)
    # with as many faults and writes as the violation needed: what needs more is not why it was found
    least = replace(bounds, faults=worst.result.faults, writes=max(1, worst.result.workload))
    for use in unknown:
        alone = ask("safe", {**ways[0], use.path: "unsafe"}, least)
        if alone.result.outcome == "violated":
            return verdict_of(question, bounds, alone, (*assumed, (use, "unsafe")))
    needed = list(unknown)
    found = worst
    for use in unknown:
        fewer = [kept for kept in needed if kept.path != use.path]
        ends: dict[str, End] = {kept.path: "unsafe" for kept in fewer}
        trial = ask("safe", {**ways[0], **ends}, least)
        if trial.result.outcome == "violated":
            needed, found = fewer, trial
    return verdict_of(question, bounds, found, (*assumed, *((use, "unsafe") for use in needed)))


def _size(result: SearchResult) -> tuple[int, int, int]:
    return result.faults, result.workload, result.depth


def _never_taken(result: SearchResult) -> tuple[str, ...]:
    """Steps of the system that no explored state enables.

    Variants of one step that differ in numbers count as one, and so do those of interchangeable requests.
    """
    taken: dict[tuple[str, str, str], bool] = {}
    for action in result.searched:
        step = (re.sub(r"#\d+", "#", action.actor), action.target, re.sub(r"\d+", "", action.text))
        taken[step] = taken.get(step, False) or action.name not in result.never_enabled
    return tuple(sorted(f"{actor}: {text}" for (actor, _, text), is_taken in taken.items() if not is_taken))


def verdict_of(
    question: Question, bounds: Bounds, found: Answer, conditions: tuple[tuple[OptionUse, End], ...] = ()
) -> Verdict:
    """An answer in the words of the topology."""
    result, case = found.result, found.case
    stems = {action.name.rstrip("_0123456789") for action in case.model.actions if action.kind == "fault"}
    return Verdict(
        property=question.property,
        target=question.target,
        entity=question.entity,
        elements=case.elements,
        verdict=result.outcome,
        violates=found.violates,
        bounds=bounds,
        faults=tuple(sorted({_FAULTS.get(stem, stem) for stem in stems})),
        not_modelled=(*NOT_MODELLED, *case.not_modelled),
        states=result.states,
        at_rest_states=result.at_rest,
        trace=explain(case.model, result, case.words) if result.outcome == "violated" else (),
        faults_needed=result.faults if result.outcome == "violated" else 0,
        writes_needed=result.workload if result.outcome == "violated" else 0,
        healed_by=found.healed_by,
        conditions=tuple(
            Condition(use.path, use.safe if end == "safe" else use.unsafe, end) for use, end in conditions
        ),
        is_livelock=result.livelock,
        is_shortest=result.is_shortest,
        never_enabled=_never_taken(result),
    )

"""The checker's door: every property of every target of a topology, or those asked for."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from data_integration_architect.modelcheck import properties
from data_integration_architect.modelcheck.compile import Target, build_world
from data_integration_architect.modelcheck.explain import Words, explain
from data_integration_architect.modelcheck.facts import Assumptions, OptionUse
from data_integration_architect.modelcheck.ir import Model, Property
from data_integration_architect.modelcheck.properties import PropertyForms
from data_integration_architect.modelcheck.scene import is_same_entity, places, record_store
from data_integration_architect.modelcheck.search import SearchResult, never, search
from data_integration_architect.modelcheck.verdict import NOT_MODELLED, Condition, Verdict, Violates
from data_integration_architect.modelcheck.world import Bounds, World
from data_integration_architect.topology import Call, Topology, Transaction, Write, walk_steps

_FAULTS = {
    "crash": "crash",
    "resend": "response lost",
    "fail": "step fails",
    "rebalance": "partition moves",
    "lose": "acknowledgement lost",
    "timeout": "timeout",
}


@dataclass(frozen=True, slots=True)
class Question:
    """One property of one target."""

    property: str
    target: str
    entity: str | None
    also: tuple[tuple[str, str | None], ...] = ()


@dataclass(frozen=True, slots=True)
class Answer:
    """What one search under fixed assumptions found, with the model that it ran on."""

    result: SearchResult
    violates: Violates | None
    world: World
    model: Model
    forms: PropertyForms


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
    for question in questions(topology):
        if property in (None, question.property):
            found.append(decide(topology, question, bounds or Bounds(), assumptions=assumptions, stop=stop))
            if found[-1].verdict == "stopped":
                break
    return found


def questions(topology: Topology) -> list[Question]:
    """Every property that applies to some target, sorted by target, entity and property."""
    found: dict[Question, None] = {}
    for target, entity in _targets(topology):
        record = record_store(topology, entity or "")
        is_record = record == target
        has_record = record is not None and record in topology.stores
        counted = _world(topology, Question("", target, entity), Bounds(1, faults=0), Assumptions("safe")).counts
        if counted:
            found[Question("exactly-once-effect", target, entity)] = None
            if not is_record and has_record:
                found[Question("no-phantom", target, entity)] = None
        elif not is_record and has_record:
            for name in properties.STATE_PROPERTIES:
                found[Question(name, target, entity)] = None
    for question in _two_phase(topology):
        found[question] = None
    for question in _sums(topology):
        found[question] = None
    return sorted(found, key=lambda question: (question.target, question.entity or "", question.property))


def _targets(topology: Topology) -> Iterator[tuple[str, str | None]]:
    seen: set[tuple[str, str | None]] = set()
    replicas = [name for name, store in topology.stores.items() if store.replica_of]
    for place in places(topology):
        for _, step in walk_steps(place.handler.steps, ()):
            if not isinstance(step, Write | Call):
                continue
            name = step.write if isinstance(step, Write) else step.call
            for target in (name, *(replica for replica in replicas if topology.stores[replica].replica_of == name)):
                if (target, step.entity) not in seen:
                    seen.add((target, step.entity))
                    yield target, step.entity


def _two_phase(topology: Topology) -> Iterator[Question]:
    for place in places(topology):
        for _, step in walk_steps(place.handler.steps, ()):
            if isinstance(step, Transaction) and not isinstance(step.transaction, str) and len(step.transaction) > 1:
                inner = [found for _, found in walk_steps(step.steps, ()) if isinstance(found, Write)]
                if len({found.write for found in inner}) > 1:
                    first, *others = inner
                    also = tuple((found.write, found.entity) for found in others)
                    yield Question("no-in-doubt", first.write, first.entity, also)


def _sums(topology: Topology) -> Iterator[Question]:
    for constraint in topology.constraints:
        if constraint.kind != "sum" or constraint.entity is None:
            continue
        nodes = [node for node in _targets(topology) if is_same_entity(node[1], constraint.entity)]
        if len({name for name, _ in nodes}) > 1:
            yield Question("conservation", nodes[0][0], nodes[0][1], tuple(nodes[1:]))


def _world(
    topology: Topology, question: Question, bounds: Bounds, assumptions: Assumptions, *, with_expiry: bool = True
) -> World:
    target = Target(question.target, question.entity, question.also)
    return build_world(topology, target, bounds=bounds, assumptions=assumptions, with_expiry=with_expiry)


def answer(
    topology: Topology,
    question: Question,
    bounds: Bounds,
    assumptions: Assumptions,
    stop: Callable[[], bool] = never,
) -> Answer:
    """The verdict under fixed assumptions: at rest first (integrity), then in between (timeliness)."""
    world = _world(topology, question, bounds, assumptions)
    forms = _forms(world, question)
    model = _model(world, forms)
    integrity: Violates = "availability" if question.property == "no-in-doubt" else "integrity"
    result = search(model, Property(forms.name, "at_rest", forms.at_rest), limit=bounds.states, stop=stop)
    if result.outcome != "holds":
        return Answer(result, integrity if result.outcome == "violated" else None, world, model, forms)
    if forms.always:
        between = search(model, Property(forms.name, "invariant", forms.always), limit=bounds.states, stop=stop)
        if between.outcome != "holds":
            return Answer(between, "timeliness" if between.outcome == "violated" else None, world, model, forms)
    expiry = topology.stores[question.target].expiry if question.target in topology.stores else None
    if expiry not in (None, "none") and not world.counts:
        lasting_world = _world(topology, question, bounds, assumptions, with_expiry=False)
        lasting_model = _model(lasting_world, forms)
        lasting = search(lasting_model, Property(forms.name, "at_rest", forms.at_rest), limit=bounds.states, stop=stop)
        if lasting.outcome == "violated":
            return Answer(lasting, "timeliness", lasting_world, lasting_model, forms)
    return Answer(result, None, world, model, forms)


def _forms(world: World, question: Question) -> PropertyForms:
    target = world.stores[question.target]
    match question.property:
        case "convergence":
            return properties.convergence(world, target, is_partial=question.target in world.partial)
        case "no-phantom":
            return properties.no_phantom(world, target)
        case "exactly-once-effect":
            return properties.exactly_once(world, target)
        case "no-stale-overwrite":
            return properties.no_stale_overwrite(world, target)
        case "monotonic-view":
            return properties.monotonic_view(world, target)
        case "conservation":
            names = dict.fromkeys((question.target, *(name for name, _ in question.also)))
            return properties.conservation(world, [world.stores[name] for name in names])
        case "no-in-doubt":
            return properties.no_in_doubt(world)
    raise ValueError(f"no property {question.property!r}; known: {', '.join(properties.PROPERTIES)}")


def _model(world: World, forms: PropertyForms) -> Model:
    model = world.m.build()
    kept = [Property(forms.name, "at_rest", forms.at_rest)]
    return replace(model, properties=tuple(kept), labels=dict(world.labels))


def decide(
    topology: Topology,
    question: Question,
    bounds: Bounds,
    *,
    assumptions: Assumptions | None = None,
    stop: Callable[[], bool] = never,
) -> Verdict:
    """One verdict; without assumptions, with the unknown facts on which it rests (at most 2k + 2 checks for k facts).

    The minimal set is found by deletion: each unknown fact in turn is put to its safe end and stays there if the
    violation remains. That needs monotonicity: a safeguard that is removed never repairs a property.
    """
    if assumptions is not None:
        return verdict_of(question, bounds, answer(topology, question, bounds, assumptions, stop))
    worst = answer(topology, question, bounds, Assumptions("unsafe"), stop)
    unknown = [use for use in worst.world.options.used if use.known is None and use.safe != use.unsafe]
    if worst.result.outcome != "violated" or not unknown:
        return verdict_of(question, bounds, worst)
    best = answer(topology, question, bounds, Assumptions("safe"), stop)
    if best.result.outcome == "violated":
        return verdict_of(question, bounds, best)
    for use in unknown:
        alone = answer(topology, question, bounds, Assumptions("safe", {use.path: "unsafe"}), stop)
        if alone.result.outcome == "violated":
            return verdict_of(question, bounds, alone, (use,))
    needed = list(unknown)
    found = worst
    for use in unknown:
        fewer = [other for other in needed if other.path != use.path]
        trial = answer(topology, question, bounds, Assumptions("safe", {u.path: "unsafe" for u in fewer}), stop)
        if trial.result.outcome == "violated":
            needed, found = fewer, trial
    return verdict_of(question, bounds, found, tuple(needed))


def verdict_of(question: Question, bounds: Bounds, found: Answer, conditions: tuple[OptionUse, ...] = ()) -> Verdict:
    """An answer in the words of the topology."""
    result, world = found.result, found.world
    words = Words(question.entity, world.writes, world.ids, deletes=world.deletes, counts=world.counts)
    stems = {action.name.rstrip("0123456789") for action in found.model.actions if action.kind == "fault"}
    return Verdict(
        property=question.property,
        target=question.target,
        entity=question.entity,
        elements=tuple(sorted({*world.scene.handlers, *(name for name, _ in world.scene.nodes)})),
        verdict=result.outcome,
        violates=found.violates,
        bounds=bounds,
        faults=tuple(sorted({_FAULTS.get(stem, stem) for stem in stems})),
        not_modelled=(*NOT_MODELLED, *sorted(world.not_modelled)),
        states=result.states,
        at_rest_states=result.at_rest,
        trace=explain(found.model, result, words) if result.outcome == "violated" else (),
        faults_needed=result.faults if result.outcome == "violated" else 0,
        writes_needed=result.workload if result.outcome == "violated" else 0,
        conditions=tuple(Condition(use.path, use.unsafe, "unsafe") for use in conditions),
        is_livelock=result.livelock,
        is_shortest=result.is_shortest,
        never_enabled=tuple(sorted(result.never_enabled)),
    )

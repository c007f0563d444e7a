"""One property of one target as a model: which mechanism builds it, and which forms of the property it gets."""

from collections.abc import Container, Iterator
from dataclasses import dataclass, replace

from data_integration_architect.modelcheck import properties
from data_integration_architect.modelcheck.builder import ModelBuilder
from data_integration_architect.modelcheck.compile import Target, build_world, scene_of
from data_integration_architect.modelcheck.explain import Words
from data_integration_architect.modelcheck.expressions import ModelError, NotModelledError
from data_integration_architect.modelcheck.facts import Assumptions, Options
from data_integration_architect.modelcheck.ir import Model
from data_integration_architect.modelcheck.mechanisms import (
    arrivals,
    causality,
    constraints,
    copies,
    mirrors,
    promotion,
    sagas,
    sessions,
    sides,
)
from data_integration_architect.modelcheck.properties import PropertyForms
from data_integration_architect.modelcheck.scene import Place, Scene, is_same_entity, places, record_store
from data_integration_architect.modelcheck.world import Bounds, World
from data_integration_architect.topology import Call, Reader, Topology, Transaction, Write, step_target, walk_steps
from data_integration_architect.topology.values import seconds

ANY_LAG = "30d"  # more than anybody decides on


@dataclass(frozen=True, slots=True)
class Question:
    """One property of one target; `also` has further targets that the property relates.

    `element` names what the question is about where that is no store: `causality.0`, `readers.1`, a constraint.
    """

    property: str
    target: str
    entity: str | None
    also: tuple[tuple[str, str | None], ...] = ()
    element: str = ""


@dataclass(frozen=True, slots=True)
class Case:
    """A model that answers one question, with what is needed to put its runs into words."""

    model: Model
    forms: PropertyForms
    options: Options
    elements: tuple[str, ...]
    words: Words
    not_modelled: tuple[str, ...] = ()


def questions(topology: Topology, names: Container[str] | None = None) -> list[Question]:
    """Every property that applies to some target, sorted by target, entity, property and element; with `names`, only
    those that may concern one of these elements.
    """
    found: dict[Question, None] = {}
    for target, entity in _targets(topology):
        if names is None or may_concern(topology, Question("", target, entity), names):
            for name in _properties_of(topology, target, entity):
                found[Question(name, target, entity)] = None
    for question in (
        *_two_phase(topology),
        *_sums(topology),
        *_copies(topology),
        *_readers(topology),
        *_late_readers(topology),
        *_constraints(topology),
        *_pairs(topology),
        *_erasures(topology),
        *(_of_saga(original, undo) for original, undo in sagas.sagas_of(topology)),
        *(_of_reference(ends) for ends in arrivals.ends_of(topology)),
        *(_of_mirror(*ways) for ways in mirrors.mirrors_of(topology)),
        *(_of_promotion(capture) for capture in promotion.captures_of(topology)),
    ):
        found[question] = None
    return sorted(found, key=lambda q: (q.target, q.entity or "", q.property, q.element))


def may_concern(topology: Topology, question: Question, names: Container[str]) -> bool:
    """Whether the model of a question may contain one of some elements, without building it."""
    if question.element:
        return True
    target = Target(question.target, question.entity, question.also)
    scene = scene_of(topology, target, record_store(topology, question.entity or ""))
    return any(name in names for name in (*scene.handlers, *(name for name, _ in scene.nodes)))


def build_case(
    topology: Topology, question: Question, bounds: Bounds, assumptions: Assumptions, *, with_expiry: bool = True
) -> Case:
    """The model of one question under assumptions.

    Raises: ValueError, where the question names no known property; ModelError, where a mechanism is wrong (a bug).
    """
    options = Options(assumptions)
    if question.element.startswith("causality."):
        number = int(question.element.removeprefix("causality."))
        m, condition = causality.build(topology, topology.causality[number], number, options, bounds)
        forms = PropertyForms("causal-order", (), (condition,), is_permanent=True)
        return _small(m, forms, options, (question.target,), question, bounds)
    if question.element.startswith("reference."):
        ends = next(ends for ends in arrivals.ends_of(topology) if _of_reference(ends) == question)
        m, condition = arrivals.build(ends, options, bounds)
        forms = PropertyForms(question.property, (condition,), (condition,))
        both = (ends.child, ends.parent)
        involved = dict.fromkeys((*(place.label for place, _ in both), *(step.write for _, step in both)))
        return _small(m, forms, options, tuple(involved), question, bounds)
    if question.property in constraints.PROPERTY.values():
        constraint = next(c for c in topology.constraints if c.name == question.element)
        m, condition = constraints.build(topology, constraint, question.target, options, bounds)
        return _small(
            m,
            PropertyForms(question.property, (), (condition,), is_permanent=True),
            options,
            (question.target,),
            question,
            bounds,
        )
    if question.property == "read-your-writes" and copies.fails_over(topology, question.target):
        entity = question.entity or "record"
        m, _ = copies.build(topology, question.target, entity, options, bounds)
        latch = copies.add_own_reads(m, question.target, entity, bounds.writes)
        forms = PropertyForms(question.property, (), (latch,), is_permanent=True)
        return _small(m, forms, options, (question.target,), question, bounds)
    if question.element.startswith("copies."):
        if question.property == "no-phantom":
            m, condition = copies.build_union(topology, question.target, options, bounds)
            forms = PropertyForms("no-phantom", (condition,))
            return _small(m, forms, options, (question.target,), question, bounds)
        m, conditions = copies.build(topology, question.target, question.entity or "record", options, bounds)
        condition = conditions[question.property]
        forms = PropertyForms(question.property, (condition,))
        if question.property != "convergence":
            forms = PropertyForms(question.property, (), (condition,), is_permanent=True)
        return _small(m, forms, options, (question.target,), question, bounds)
    if question.element.startswith("compensation."):
        pairs = {f"compensation.{original.label}": (original, undo) for original, undo in sagas.sagas_of(topology)}
        original, undo = pairs[question.element]
        m, parts = sagas.build(original, undo, options, bounds)
        elements = (original.label, undo.label)
        return _small(m, PropertyForms(question.property, parts), options, elements, question, bounds)
    if question.element.startswith("mirror."):
        ways = next(ways for ways in mirrors.mirrors_of(topology) if _of_mirror(*ways) == question)
        m, condition = mirrors.build(topology, ways, options, bounds)
        labels = (ways[0].place.label, ways[1].place.label)
        return _small(m, PropertyForms(question.property, (condition,)), options, labels, question, bounds)
    if question.element.startswith("promotion."):
        capture = next(c for c in promotion.captures_of(topology) if _of_promotion(c) == question)
        m, condition = promotion.build(topology, capture, options, bounds)
        names = (capture.place.label, capture.trigger.changes, question.target)
        return _small(m, PropertyForms(question.property, (condition,)), options, names, question, bounds)
    target = Target(question.target, question.entity, question.also)
    erased = any(one.name == question.element and one.kind == "erasure" for one in topology.constraints)
    world = build_world(
        topology, target, bounds=bounds, assumptions=assumptions, with_expiry=with_expiry, erases=erased
    )
    forms = _forms(world, question)
    return Case(
        _model(world.m, forms, world.labels),
        forms,
        world.options,
        tuple(sorted({*world.scene.handlers, *(name for name, _ in world.scene.nodes)})),
        Words(question.entity, world.writes, world.ids, deletes=world.deletes, counts=world.counts),
        tuple(sorted(world.not_modelled)),
    )


def _small(
    m: ModelBuilder,
    forms: PropertyForms,
    options: Options,
    elements: tuple[str, ...],
    question: Question,
    bounds: Bounds,
) -> Case:
    """A case of a mechanism that is a model of its own."""
    words = Words(question.entity, bounds.writes, bounds.writes + 1, deletes=False, counts=False)
    return Case(m.build(), forms, options, elements, words)


def _model(m: ModelBuilder, forms: PropertyForms, labels: dict[str, str]) -> Model:
    return replace(m.build(), labels=dict(labels))


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
        case "read-your-writes":
            if world.counts:
                raise NotModelledError("own writes among effects that add up")
            return sessions.read_your_writes(world, target, waits=_waits(world, question))
        case "fresh-read":
            if world.counts:
                raise NotModelledError("reads that decide, of effects that add up")
            return sessions.fresh_reads(world, target, **_needs(world, question))
        case "conservation":
            names = dict.fromkeys((question.target, *(name for name, _ in question.also)))
            return properties.conservation(world, [world.stores[name] for name in names])
        case "no-in-doubt":
            return properties.no_in_doubt(world)
    raise ValueError(f"no property {question.property!r}; known: {', '.join(properties.PROPERTIES)}")


def _waits(world: World, question: Question) -> bool:
    """Whether the reader's reads carry the position of its own writes."""
    if not question.element.startswith("readers."):
        return False
    known = world.topology.readers[int(question.element.removeprefix("readers."))].own_writes_token or "none"
    token = world.options.get(f"{question.element}.own_writes_token", known, safe="carried", unsafe="none")
    return token == "carried"


def _needs(world: World, question: Question) -> dict[str, bool]:
    """What a reader needs of each read: that it is as new as it tolerates, and whether it stores what it has read."""
    reader = world.topology.readers[int(question.element.removeprefix("readers."))]
    path = f"{question.element}.tolerates"
    return {
        "is_late": world.options.get(path, reader.tolerates, safe=ANY_LAG, unsafe="none") != ANY_LAG,
        "is_stored": bool(reader.persisted),
    }


def _properties_of(topology: Topology, target: str, entity: str | None) -> tuple[str, ...]:
    """Properties of what handlers write into one store."""
    record = record_store(topology, entity or "")
    follows = record is not None and record in topology.stores and record != target
    follows_log = record is not None and record in topology.channels
    try:
        target_only = Target(target, entity)
        world = build_world(topology, target_only, bounds=Bounds(1, faults=0), assumptions=Assumptions("safe"))
    except (NotModelledError, ModelError):  # the reason, or the mistake, is said where the property is decided
        return properties.STATE_PROPERTIES[:1]
    if world.counts:
        return properties.EFFECT_PROPERTIES if follows else properties.EFFECT_PROPERTIES[:1]
    if follows and _only_deletes(world, target):
        return ("no-phantom",)  # an update of the entity has nothing to do here
    return properties.STATE_PROPERTIES if follows or (follows_log and world.is_log) else ()


def _only_deletes(world: World, target: str) -> bool:
    steps = [step for place in world.scene.handlers.values() for _, step in walk_steps(place.handler.steps, ())]
    writes = [step for step in steps if isinstance(step, Write) and step.write == target and world.scene.keeps(step)]
    return bool(writes) and all(step.mode == "delete" for step in writes)


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
        if len({name for name, _ in nodes}) > 1 or any(_has_sides(topology, node) for node in nodes[:1]):
            yield Question("conservation", nodes[0][0], nodes[0][1], tuple(nodes[1:]))


def _has_sides(topology: Topology, node: tuple[str, str | None]) -> bool:
    """Whether one operation has several effects on one store."""
    scene = Scene(topology, node)
    scene.complete()
    return any(number.stop > 1 for number in sides.effects_on(scene, node[0]).values())


def _copies(topology: Topology) -> Iterator[Question]:
    for name in topology.stores:
        if copies.has_copies(topology, name):
            for prop in copies.PROPERTIES[copies.has_union(topology, name)]:
                yield Question(prop, name, None, element=f"copies.{name}")


def _readers(topology: Topology) -> Iterator[Question]:
    for number, reader in enumerate(topology.readers):
        if reader.own_writes == "required":
            store = _own_store(reader)
            for target, entity in _targets(topology):
                if target == store and is_same_entity(entity, reader.entity):
                    if record_store(topology, entity or "") in topology.stores:
                        yield Question("read-your-writes", target, entity, element=f"readers.{number}")
                    break


def _late_readers(topology: Topology) -> Iterator[Question]:
    """Readers of copies who decide or store something on what they read and tolerate less than the copy lags."""
    for number, reader in enumerate(topology.readers):
        if reader.decides in (None, "none") and not reader.persisted:
            continue
        for store in (reader.reads,) if isinstance(reader.reads, str) else reader.reads:
            for target, entity in _targets(topology):
                if target == store and is_same_entity(entity, reader.entity):
                    record = record_store(topology, entity or "")
                    if record in topology.stores and record != target and _lags(topology, target, reader):
                        yield Question("fresh-read", target, entity, element=f"readers.{number}")
                    break


def _lags(topology: Topology, target: str, reader: Reader) -> bool:
    """Whether no staleness is tolerated, or less than is known of a replica's lag."""
    if reader.tolerates == "none":
        return True
    tolerated, lag = seconds(reader.tolerates), seconds(topology.stores[target].lag)
    return tolerated is not None and lag is not None and lag > tolerated


def _own_store(reader: Reader) -> str:
    return reader.own_writes_from or (reader.reads if isinstance(reader.reads, str) else reader.reads[0])


def _constraints(topology: Topology) -> Iterator[Question]:
    for constraint in constraints.constraints_of(topology):
        for target in constraints.targets_of(topology, constraint):
            name = constraints.PROPERTY[constraint.kind or ""]
            yield Question(name, target, constraint.entity, element=constraint.name)


def _erasures(topology: Topology) -> Iterator[Question]:
    """A rule that a record must be erased asks of each copy of an entity that is not deleted otherwise."""
    for constraint in topology.constraints:
        if constraint.kind != "erasure" or constraint.entity is None:
            continue
        record = record_store(topology, constraint.entity)
        for target, entity in _targets(topology):
            if target != record and record in topology.stores and is_same_entity(entity, constraint.entity):
                yield Question("no-phantom", target, entity, element=constraint.name)


def _pairs(topology: Topology) -> Iterator[Question]:
    for number, pair in enumerate(topology.causality):
        if causality.path_of(topology, pair.first) and causality.path_of(topology, pair.then):
            yield Question("causal-order", pair.checked_by or pair.then, None, element=f"causality.{number}")


def _of_saga(original: Place, undo: Place) -> Question:
    first, *others = (step.step for step in sagas.steps_of(original, undo))
    also = tuple((step_target(step), step.entity) for step in others)
    element = f"compensation.{original.label}"
    return Question("exactly-once-effect", step_target(first), first.entity, also, element)


def _of_reference(ends: arrivals.Ends) -> Question:
    also = ((ends.parent[1].write, ends.names[1]),)
    return Question("no-dangling", ends.child[1].write, ends.names[0], also, ends.element)


def _of_promotion(capture: promotion.Promoted) -> Question:
    return Question("convergence", capture.target, capture.entity, element=f"promotion.{capture.place.label}")


def _of_mirror(one: mirrors.Way, other: mirrors.Way) -> Question:
    element = f"mirror.{one.place.label}.{other.place.label}"
    return Question("convergence", one.target, one.entity, element=element)

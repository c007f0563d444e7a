"""Facts that a topology can state and that models do not read: named in a verdict, or irrelevant for a reason.

Every field of the topology is read by a mechanism, or stands in one of the two tables here (a test holds that), so that
no stated fact is passed over in silence.
"""

from collections.abc import Iterator

from data_integration_architect.modelcheck.programs import is_tried_until_found
from data_integration_architect.modelcheck.scene import Place, Scene, dead_letter_of
from data_integration_architect.topology import (
    OnChanges,
    OnSchedule,
    Read,
    Write,
    walk_steps,
)

# Class.field -> words for a verdict about a scene in which the fact is stated
NOT_MODELLED = {
    "Store.partition_key": "transactions that would cross its shards",
    "Entity.parts": "parts of a record with owners of their own",
    "Reference.visible_before": "that what it refers to is visible first",
    "Read.missing_source": "records that are gone when they are read again and make the handler give up",
    "Write.missing_source": "records that are gone when they are read again and make the handler give up",
    "Write.lease": "a lease around writes that fill no cache (it is modelled where a constraint is checked)",
    "OnChanges.per_table": "tables read at different times",
    "OnSchedule.consistent": "tables read at different times",
    "Handler.computes": "results over several records",
    "Event.content": "increments of a record that is replaced elsewhere",
    "OnChanges.snapshot": "how its snapshot meets the stream",
}
# Class.field -> why no model depends on it
IRRELEVANT = {
    **dict.fromkeys(
        ("Element.status", "Element.until", "Element.exit_criterion", "Element.evidence", "Element.note"),
        "a review leaves out what is planned before it asks; a check by itself takes plans as built",
    ),
    **dict.fromkeys(
        ("Evidence.at", "Evidence.says", "Topology.system", "Topology.symptoms", "Constraint.class_"), "for people"
    ),
    **dict.fromkeys(
        ("Symptom.in_", "Symptom.entity", "Symptom.kind", "Symptom.heals", "Symptom.often"),
        "what was seen is compared with the verdicts, not put into them",
    ),
    **dict.fromkeys(
        ("Store.region", "Channel.region", "Store.other_traffic", "Entity.rate", "Entity.size",
         "Slot.heartbeat", "Context.growth", "Context.rate", "Reader.access", "Reader.latency"),
        "amounts and durations: every delay and every interleaving is tried",
    ),
    **dict.fromkeys(
        ("Store.lag", "OnChanges.every", "Store.partitions"), "how far or how often does not matter: any lag is tried"
    ),
    **dict.fromkeys(
        ("Store.log_access", "Store.capabilities", "Context.stage", "Context.application", "Context.operators",
         "Context.skills", "Context.freshness_wanted", "Context.audit", "Context.intent", "Context.ownership"),
        "decides what can be built, not how what is built behaves",
    ),
    **dict.fromkeys(
        ("Call.reversible", "Call.kind", "Constraint.deadline",
         "Constraint.compensation", "Entity.personal_data", "PersonalData.erase_within", "PersonalData.key_per_person"),
        "sets how bad a violation is",
    ),
    **dict.fromkeys(
        ("Computation.result", "Computation.exact", "Computation.engine", "Computation.code", "Computation.late",
         "Computation.windows", "Computation.reads_bounded_input", "Computation.replaces_approximate"),
        "named by Handler.computes",
    ),
    **dict.fromkeys(
        ("Event.id",), "one key is modelled; what recognises a repetition is said by guard and dedup",
    ),
    "Write.operation_id": "an id that is stored recognises nothing without a guard or dedup",
    "Store.external": "a system is outside because it is called",
    "Event.schema_compatibility": "changes of schema are not modelled anywhere, which every verdict says",
    "Request.from_": "any caller can send any request",
    "Topology.scope": "what is not listed cannot be modelled; a store that nobody writes gets a writer",
    "Topology.captures": "short form, rewritten to handlers", "Topology.consumers": "short form, rewritten to handlers",
    "Topology.jobs": "short form, rewritten to handlers", "Topology.caches": "short form, rewritten to handlers",
}  # fmt: skip


def unmodelled_facts(scene: Scene) -> set[str]:
    """What the scene says and its model does not, in words with the names of the elements."""
    return {f"{name}: {NOT_MODELLED[key]}" for name, key in _stated(scene)}


def _stated(scene: Scene) -> Iterator[tuple[str, str]]:
    """Elements of the scene with the unmodelled fields that they state."""
    topology = scene.topology
    for name, entity in scene.nodes:
        if (store := topology.stores.get(name)) is not None and store.partition_key is not None:
            yield name, "Store.partition_key"
        channel = topology.channels.get(name)
        if channel is not None and channel.event.content == "delta":
            yield name, "Event.content"
        known = topology.entities.get((entity or "").split(".")[0])
        if known is not None and entity is not None:
            if "." in entity:
                yield entity, "Entity.parts"
            if any(reference.visible_before for reference in known.references):
                yield entity, "Reference.visible_before"
    for place in scene.handlers.values():
        for key in _of_handler(scene, place):
            yield place.label, key


def _is_tried_until_found(scene: Scene, place: Place, step: Read | Write) -> bool:
    return is_tried_until_found(step) and dead_letter_of(scene.topology, place, step) is None


def _of_handler(scene: Scene, place: Place) -> Iterator[str]:
    handler = place.handler
    if handler.computes is not None:
        yield "Handler.computes"
    match handler.trigger:
        case OnChanges() as trigger:
            if trigger.per_table:
                yield "OnChanges.per_table"
            is_told = bool(trigger.snapshot_order) or trigger.snapshot_writes is not None
            if trigger.snapshot in ("interleaved", "before") and not is_told:
                yield "OnChanges.snapshot"
        case OnSchedule(consistent=False):
            yield "OnSchedule.consistent"
    for path, step in walk_steps(handler.steps, ()):
        if isinstance(step, Write) and step.guard == "lease" and "on_miss" not in path and scene.keeps(step):
            yield "Write.lease"
        if not isinstance(step, Read | Write) or step.missing_source != "error" or not scene.keeps(step):
            continue
        if not _is_tried_until_found(scene, place, step):
            yield "Write.missing_source" if isinstance(step, Write) else "Read.missing_source"

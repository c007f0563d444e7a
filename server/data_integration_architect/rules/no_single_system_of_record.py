"""Two stores take original writes of one entity, so that nobody can say which is right when they disagree.

A handler that reads the entity in the one store and writes it to the other copies; it makes no second original.
Cannot see fields that different handlers own unless the entity names them as parts.
"""

from __future__ import annotations

from collections.abc import Iterator

from data_integration_architect.analysis.facts import Facts
from data_integration_architect.analysis.lifecycle import is_planned
from data_integration_architect.analysis.match import Match
from data_integration_architect.analysis.severity import Consequence, Target
from data_integration_architect.analysis.system import Effect, System
from data_integration_architect.analysis.view import View
from data_integration_architect.topology import Write

Site = tuple[str, str, str, tuple[Effect, ...]]


def sites(view: View) -> Iterator[Site]:
    """(entity or part, likelier system of record, rival, original writes to the rival)."""
    system = view.system
    for subject, owner in view.owners.items():
        record = owner.likeliest
        if owner.status != "conflict" or record is None:
            continue
        on_rivals = {name for writer in owner.writers for name in _same_place(system, writer)}
        effects = [e for name in sorted(on_rivals) for e in system.touching(name) if e.subject == subject]
        if not owner.declared and not any(_writes(system, e, subject, record) for e in effects):
            continue
        for rival in owner.writers:
            if system.same_instance(rival, record) or _are_shards(system, rival, record):
                continue
            writes = tuple(e for e in effects if _is_original(system, e, subject, record, rival))
            if writes:
                yield subject, record, rival, writes


def _same_place(system: System, writer: str) -> list[str]:
    """Stores on the instance of a writer, its replicas included."""
    return [name for name in system.topology.stores if system.same_instance(system.primary(name), writer)]


def _are_shards(system: System, one: str, other: str) -> bool:
    first, second = system.store(one), system.store(other)
    return bool(first and second and first.partition_key and first.partition_key == second.partition_key)


def _writes(system: System, effect: Effect, subject: str, store: str) -> bool:
    """Whether an effect of today writes the subject to the database of `store`."""
    return (
        isinstance(effect.step, Write)
        and effect.subject == subject
        and not effect.on_miss
        and system.same_instance(system.primary(effect.target), store)
        and not is_planned(system, effect)
    )


def _is_original(system: System, effect: Effect, subject: str, record: str, rival: str) -> bool:
    step = effect.step
    if not isinstance(step, Write) or not effect.site.is_direct or not _writes(system, effect, subject, rival):
        return False
    if step.mode == "rebuild-and-swap" or step.values == "re-read":
        return False
    # What is also written to the record in the same handler is a dual write; what is read there is copied.
    return not any(
        e is not effect and e.entity in (None, effect.entity) and system.store(e.target)
        and system.database(e.target) == system.database(record)
        for e in effect.site.effects
    )  # fmt: skip


def judge(view: View, site: Site, facts: Facts) -> Match | None:
    subject, record, rival, writes = site
    if not any(_is_said_original(view, effect) for effect in writes) and not _asked_original(writes[0], facts):
        return None
    handlers = sorted({effect.site.id for effect in writes})
    return Match(
        elements=(subject, record, rival),
        at=writes[0].path,
        summary=(
            f"{subject} is written in {record} and, by {', '.join(handlers)}, in {rival} on its own: when the two "
            f"differ, nothing says which one is right, and whoever copies last undoes the other's change"
        ),
        consequence=Consequence("integrity"),
        targets=(Target(rival, writes[0].entity), Target(record, writes[0].entity)),
        shows=frozenset({"stale", "reverted", "missing", "phantom", "wrong-total", "duplicate"}),
    )


def _is_said_original(view: View, effect: Effect) -> bool:
    """A lone write to a search index, cache or warehouse, or by an unknown caller, is as likely a copy."""
    values = effect.step.values if isinstance(effect.step, Write) else None
    likely_copy = view.system.is_typically_derived(effect.target) or effect.site.fired_by == "unknown"
    return values is not None or not likely_copy


def _asked_original(effect: Effect, facts: Facts) -> bool:
    ask = f"Does {effect.site.id} write values of its caller to {effect.target}, or copy them from elsewhere?"
    return bool(facts.ask((*effect.path, "values"), None, ("request", "re-read"), ask) == "request")

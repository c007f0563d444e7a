"""Where each rule over the data is enforced, and whether that place can enforce it."""

from __future__ import annotations

from typing import Literal

from data_integration_architect.analysis.lifecycle import is_planned
from data_integration_architect.analysis.system import Effect, HandlerSite, System
from data_integration_architect.analysis.view import View
from data_integration_architect.results import ConstraintResult
from data_integration_architect.topology import NONE, Append, Constraint, Write
from data_integration_architect.topology.state import Copies

Place = Literal["owner", "elsewhere", "none", "unknown"]


def constraints_of(view: View) -> tuple[ConstraintResult, ...]:
    """Every declared constraint with whether something enforces it where the data is owned; in declared order."""
    status: dict[Place, Literal["enforced", "not-enforced", "unknown"]] = {
        "owner": "enforced", "elsewhere": "not-enforced", "none": "not-enforced", "unknown": "unknown",
    }  # fmt: skip
    return tuple(
        ConstraintResult(
            name=constraint.name,
            class_=constraint.class_,
            enforced_at=constraint.enforced_at,
            status=status[place_of_enforcement(view, constraint, constraint.enforced_at)],
        )
        for constraint in view.topology.constraints
    )


def place_of_enforcement(view: View, constraint: Constraint, enforced_at: str | None) -> Place:
    """Whether `enforced_at` is where the constrained entity is owned."""
    if enforced_at is None:
        return "unknown"
    if enforced_at == NONE:
        return "none"
    system, owner = view.system, owner_of(view, constraint)
    if owner is None:
        return "unknown"
    if system.store(enforced_at):
        return _place_of_store(view, constraint, enforced_at, owner)
    if system.channel(enforced_at):
        # One log per key, read in order, decides as well as a database does.
        return "owner"
    site = system.handlers.get(enforced_at)
    return _place_of_handler(view, constraint, site, owner) if site is not None else "unknown"


def _place_of_store(view: View, constraint: Constraint, store: str, owner: str) -> Place:
    system = view.system
    element = system.store(store)
    if element is not None and element.copies and _are_merged(element.copies):
        # Each copy refuses what it knows of; two copies can accept at the same time.
        return "elsewhere"
    if system.primary(store) != store or system.is_cache(store) or system.is_typically_derived(store):
        return "owner" if store == owner else "elsewhere"
    ownership = view.owners.get((constraint.entity or "").split(".", 1)[0])
    originals = (owner, *(ownership.writers if ownership else ()))
    if system.channel(owner):
        # Where a log is the system of record, the store at its end is the last that can refuse; a copy that is asked
        # before the append does not know what is on its way.
        return "elsewhere" if _is_asked_before_append(system, store, owner) else "owner"
    if any(system.same_instance(store, original) for original in originals):
        return "owner"
    # Once is a matter of the store where the effect happens, not of the store that owns the order for it.
    return "unknown" if constraint.kind == "once" else "elsewhere"


def _are_merged(copies: Copies) -> bool:
    """Whether writes to several copies are brought together afterwards; a merge has no other use."""
    return copies.writable == "all" or (copies.writable is None and copies.merge is not None)


def _is_asked_before_append(system: System, store: str, log: str) -> bool:
    return any(
        append.site.is_direct and any(r.target == store and r.position < append.position for r in append.site.reads)
        for append in system.appends(log)
    )


def _place_of_handler(view: View, constraint: Constraint, site: HandlerSite, owner: str) -> Place:
    """A handler decides at the owner when it changes the owner itself, or takes the records of a key in order."""
    system = view.system
    if any(isinstance(e.step, Write) and system.same_instance(e.target, owner) for e in site.changes):
        return "owner"
    if site.consumed:
        channel = system.channel(site.consumed)
        key = channel.message_key if channel is not None else None
        return "owner" if key is not None and key == system.key_of(constraint.entity) else "unknown"
    appends = any(isinstance(e.step, Append) for e in site.changes)
    return "elsewhere" if appends else "unknown"


def owner_of(view: View, constraint: Constraint) -> str | None:
    """The system of record of the constrained entity."""
    entity = constraint.entity.split(".", 1)[0] if constraint.entity else None
    return view.record_of(constraint.entity) or view.record_of(entity)


def changes_of(system: System, entity: str) -> tuple[Effect, ...]:
    """Writes of an entity by any handler that runs today, cache fills left out."""
    name = entity.split(".", 1)[0]
    changes = (e for e in system.effects_about(name) if isinstance(e.step, Write) and not e.on_miss)
    return tuple(e for e in changes if not is_planned(system, e))

"""A rule that must never be broken is not enforced where the data is owned.

Decides for entities that are changed from a channel or in several databases, and for rules that are checked on a copy
or before a change that is applied later. Cannot see a check inside a statement that no step describes. A rule that
something happens once is left to the anti-patterns of repetition, unless a copy is asked.
"""

from __future__ import annotations

from collections.abc import Iterator

from data_integration_architect.analysis.constraints import changes_of, owner_of, place_of_enforcement
from data_integration_architect.analysis.facts import Facts
from data_integration_architect.analysis.match import Match
from data_integration_architect.analysis.severity import Consequence, Target
from data_integration_architect.analysis.system import Effect, HandlerSite
from data_integration_architect.analysis.view import View
from data_integration_architect.topology import NONE, Append, Constraint, Write

KINDS = {"unique", "non-negative", "sum", "exclusion", "reference", "once"}
Site = tuple[int, Constraint]


def sites(view: View) -> Iterator[Site]:
    for index, constraint in enumerate(view.topology.constraints):
        if constraint.entity is None or constraint.class_ == "soft" or constraint.status == "planned":
            continue
        if constraint.kind is not None and constraint.kind not in KINDS:
            continue
        # Where nobody said it, even the owner may be no place that can decide.
        where = constraint.enforced_at or owner_of(view, constraint)
        wrong = place_of_enforcement(view, constraint, where) == "elsewhere"
        likely = _is_hard_to_hold(view, constraint.entity) or _asked_copy(view, constraint)
        if wrong or (constraint.kind != "once" and likely):
            yield index, constraint


def _is_hard_to_hold(view: View, entity: str) -> bool:
    """Whether the record itself is changed from a channel, or in more than one database."""
    system, owner = view.system, view.record_of(entity.split(".", 1)[0])
    changes = changes_of(system, entity)
    at_owner = [e for e in changes if owner is None or system.channel(owner) or system.same_instance(e.target, owner)]
    if any(e.site.consumed or e.site.captured for e in at_owner):
        return True
    ownership = view.owners.get(entity.split(".", 1)[0])
    # Copies of one store that all take writes have a rule of their own.
    return ownership is not None and ownership.status == "conflict"


def _asked_copy(view: View, constraint: Constraint) -> str | None:
    """A copy that is read before the record is changed, as code does that checks a rule there."""
    looks = [
        read.target
        for change in changes_of(view.system, constraint.entity or "")
        for read in change.site.reads
        if read.entity == change.entity and read.position < change.position and not read.on_miss
    ]
    return next((store for store in looks if place_of_enforcement(view, constraint, store) == "elsewhere"), None)


def judge(view: View, place: Site, facts: Facts) -> Match | None:
    index, constraint = place
    path = ("constraints", index)
    kind = facts.ask(
        (*path, "kind"), constraint.kind, ("non-negative", "other"), f"What kind of rule is {constraint.name}?"
    )
    if kind not in KINDS:
        return None
    hard = facts.ask(
        (*path, "class"), constraint.class_, ("hard", "soft"), f"May {constraint.name} be broken and made good later?"
    )
    if hard == "soft":
        return None
    owner = owner_of(view, constraint)
    # Where one database takes all changes, the likely mistake is that a copy is asked.
    worst = NONE if _is_hard_to_hold(view, constraint.entity or "") else _asked_copy(view, constraint) or NONE
    enforced_at = facts.ask(
        (*path, "enforced_at"),
        constraint.enforced_at,
        (worst, owner) if owner else (NONE, "unknown"),
        f"What refuses a change that would break {constraint.name}?",
    )
    where = place_of_enforcement(view, constraint, enforced_at)
    late = _decided_too_late(view, constraint) if where == "owner" else None
    if where == "unknown" or (where == "owner" and late is None):
        return None
    entity = constraint.entity or ""
    if late is not None:
        why = f"{late.id} sends the other half on before {enforced_at} has accepted this one"
    elif where == "none":
        why = f"changes of {entity} are applied in {owner or 'several places'} without a check"
    else:
        why = (
            f"it is checked at {enforced_at}, which is not where {entity} is changed and may not know the latest change"
        )
    targets = dict.fromkeys(e.target for e in changes_of(view.system, entity))
    return Match(
        elements=tuple(name for name in (constraint.name, entity, owner) if name),
        at=(*path, "enforced_at") if constraint.enforced_at else path,
        summary=f"nothing keeps {constraint.name} at the owner of {entity}: {why}",
        consequence=Consequence("integrity"),
        targets=tuple(Target(store, entity) for store in targets),
        shows=frozenset({"wrong-total", "duplicate", "phantom"}),
    )


def _decided_too_late(view: View, constraint: Constraint) -> HandlerSite | None:
    """The handler that split one operation into several instructions although one of them may be refused.

    A refused debit whose credit is already on its way makes money out of nothing.
    """
    if constraint.kind not in {"non-negative", "sum"} or constraint.compensation not in (None, NONE):
        return None
    entity = constraint.entity or ""
    applied = [e for e in changes_of(view.system, entity) if e.site.consumed and _adds(e)]
    for effect in applied:
        if effect.step.retry is not None and effect.step.retry.then == "compensate":
            return None
    if any(site.handler.compensates for site in view.system.handlers.values()):
        return None
    channels = {e.site.consumed for e in applied}
    for site in view.system.handlers.values():
        sent = [e for e in site.changes if isinstance(e.step, Append) and e.target in channels]
        accepts_first = any(e.entity == entity for e in site.changes if isinstance(e.step, Write))
        if len(sent) > 1 and not accepts_first:
            return site
    return None


def _adds(effect: Effect) -> bool:
    return isinstance(effect.step, Write) and effect.step.mode == "increment"

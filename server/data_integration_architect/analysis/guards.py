"""Whether a store refuses the state of an older record, also after the record was deleted."""

from __future__ import annotations

from typing import Literal

from data_integration_architect.analysis.capture import is_captured_from_log
from data_integration_architect.analysis.facts import Facts
from data_integration_architect.analysis.order import is_guarded, order_matters, passed_on_beside
from data_integration_architect.analysis.system import Effect, HandlerSite, System
from data_integration_architect.analysis.view import View
from data_integration_architect.topology import NONE, OnChanges, Write


def guard_against_old(view: View, effect: Effect) -> Literal["there", "missing", "unknown"]:
    """Whether the store refuses the state of an older record; a guard that forgets deletions is none."""
    step = effect.step
    if not isinstance(step, Write):
        return "missing"
    if step.guard in {"version", "condition", "lease"}:
        forgets = _keeps_deletes(view, step) is False and _meets_deletes(view, effect)
        return "missing" if forgets else "there"
    if step.guard is not None:
        # A unique key makes an upsert; it does not know which record is newer.
        return "missing"
    if step.mode == "delete" and passed_on_beside(view, effect):
        # A store that checks versions checks them for deletions too; the writes beside this one are asked about.
        return "there"
    head = view.system.technology(effect.target)
    return "missing" if head is not None and head.version_check == "none" else "unknown"


def _keeps_deletes(view: View, step: Write) -> bool | None:
    """Whether a guard knows the version of a deleted record: said, or by the nature of the product."""
    if step.guard_keeps_deletes is not None:
        return step.guard_keeps_deletes
    head = view.system.technology(step.write)
    return True if head is not None and head.remembers_deleted == "forever" else None


def _meets_deletes(view: View, effect: Effect) -> bool | None:
    """Whether an old record can arrive after the deletion of its key, when a guard has nothing left to compare with.

    Deletions come by a step of their own, or as records that the same step applies; None where nobody said whether
    the entity has any, or whether its events tell of them.
    """
    step, entity = effect.step, view.system.entity(effect.entity)
    if not isinstance(step, Write) or step.mode == "delete":
        return False
    if any(other.mode == "delete" for other in passed_on_beside(view, effect)):
        return True
    if step.mode not in (None, "replace") or entity is None or entity.deletes in {"soft", "never"}:
        return False
    told = [_told_of_deletes(view.system, site) for site in _beside(view.system, effect)]
    if not told or (None not in told and True not in told):
        return False
    return True if True in told and entity.deletes == "hard" else None


def _beside(system: System, effect: Effect) -> list[HandlerSite]:
    """The handler that passes records on to the store of the effect; of a copy by hand, those that do beside it."""
    if effect.site.consumed or effect.site.captured:
        return [effect.site]
    others = [e.site for e in system.touching(effect.target) if isinstance(e.step, Write) and e.entity == effect.entity]
    return [site for site in others if site.consumed or site.captured]


def _told_of_deletes(system: System, site: HandlerSite) -> bool | None:
    """Whether deletions come as records to a handler; None where that depends on what the events of a channel carry."""
    if site.captured:
        return _sees_deletes(site)
    name = site.consumed or ""
    channel = system.channel(name)
    if channel is None or channel.event.on_delete is not None:
        return channel is not None and channel.event.on_delete != NONE
    sources = [e.site for e in system.appends(name)]
    if any(_sees_deletes(source) for source in sources):
        return True
    return False if sources and all(source.captured for source in sources) else None


def _sees_deletes(site: HandlerSite) -> bool:
    trigger = site.handler.trigger
    if not isinstance(trigger, OnChanges):
        return False
    return trigger.sees_deletes is not False and (is_captured_from_log(site) or trigger.sees_deletes is True)


def refuses_old(view: View, effect: Effect) -> bool:
    """Whether the store is known to refuse the state of an older record, also after a deletion."""
    if guard_against_old(view, effect) != "there":
        return False
    step = effect.step
    keeps = _keeps_deletes(view, step) if isinstance(step, Write) else None
    meets = _meets_deletes(view, effect)
    # What nobody said about deletions matters where the guard is known to forget them, or they are known to happen.
    return bool(keeps) or meets is False or (meets is None and keeps is None and not _says_hard(view, effect))


def _says_hard(view: View, effect: Effect) -> bool:
    entity = view.system.entity(effect.entity)
    return entity is not None and entity.deletes == "hard"


def accepts_old(view: View, effect: Effect, facts: Facts) -> bool:
    """Whether the store takes the state of an older record; asks where nobody said."""
    known = guard_against_old(view, effect)
    if known == "missing" or refuses_old(view, effect):
        return known == "missing"
    if known == "there":
        return _recreates(view, effect, facts)
    subject = effect.entity or "a record"
    ask = f"What makes {effect.target} refuse an older state of {subject} from {effect.site.id}?"
    return bool(facts.ask((*effect.path, "guard"), None, (NONE, "version"), ask) == NONE)


def lets_old_in(view: View, effect: Effect, facts: Facts) -> bool:
    """`accepts_old`, where a guard that nobody mentioned counts as absent."""
    return guard_against_old(view, effect) != "there" or accepts_old(view, effect, facts)


def _recreates(view: View, effect: Effect, facts: Facts) -> bool:
    """Whether an old record creates a deleted one again, because the guard no longer knows its version."""
    subject = effect.entity or "a record"
    if effect.entity and _meets_deletes(view, effect) is None:
        entity = view.system.entity(effect.entity)
        ask = f"Are records of {subject} removed, marked or kept?"
        said = entity.deletes if entity is not None else None
        if facts.ask(("entities", effect.entity, "deletes"), said, ("hard", "soft", "never"), ask) != "hard":
            return False
        told = {site.consumed or "": _told_of_deletes(view.system, site) for site in _beside(view.system, effect)}
        if True not in told.values():
            channel = next(name for name, known in sorted(told.items()) if known is None)
            ask = f"What do events on {channel} carry about a deletion?"
            if facts.ask(("channels", channel, "event", "on_delete"), None, ("key-only", NONE), ask) == NONE:
                return False
    keeps = _keeps_deletes(view, effect.step) if isinstance(effect.step, Write) else None
    head = view.system.technology(effect.target)
    known = head.remembers_deleted if head is not None else None
    by_itself = f" ({head.name} by itself: {known})" if head is not None and known is not None else ""
    ask = f"How long does the guard of {effect.target} know the version of a deleted {subject}{by_itself}: long enough?"
    return not facts.ask((*effect.path, "guard_keeps_deletes"), keeps, (False, True), ask)


def order_sensitive(view: View, effect: Effect) -> bool:
    """Whether reordering two records of a key leaves a wrong result; a guard that nobody mentioned counts as absent."""
    return order_matters(view, effect) and guard_against_old(view, effect) != "there"


def old_wins(view: View, effect: Effect, otherwise: str) -> str:
    """What a late old record does, as the end of a sentence: creates a deleted record again, or `otherwise`."""
    if not is_guarded(effect):
        return otherwise
    subject = effect.entity or "record"
    return (
        f"if the newer one was a deletion, {effect.target} no longer knows the version of the deleted {subject} and "
        "creates it again from the older one"
    )


def told_apart(effect: Effect, elements: tuple[str, ...]) -> tuple[str, ...]:
    """Elements of a finding that, behind a guard, is another one than that of an overwritten state at the same place.

    Whoever says that there is a guard has answered the one, and may be asked about the other.
    """
    if not is_guarded(effect) or effect.entity is None:
        return elements
    without = tuple(element for element in elements if element != effect.entity)
    return without if len(without) < len(elements) else (*elements, effect.entity)

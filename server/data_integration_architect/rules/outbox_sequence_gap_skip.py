"""A relay reads an outbox by sequence or time and passes rows of transactions that commit later.

Decided for readers of table-backed channels under writers whose transactions overlap. A bound by the oldest running
transaction is complete only for a reader that counts transaction ids: of two transactions the one with the lower id may
draw the higher number. Cannot see bounds inside a database function.
"""

from __future__ import annotations

from collections.abc import Iterator

from data_integration_architect.analysis.capture import overlap, repair_of_all, source_effects, trails
from data_integration_architect.analysis.facts import Facts
from data_integration_architect.analysis.match import Match
from data_integration_architect.analysis.severity import Consequence, Target
from data_integration_architect.analysis.system import Effect, HandlerSite, System
from data_integration_architect.analysis.view import View
from data_integration_architect.topology import OnChanges, OnConsume, Write

COUNTED = {"sequence", "offset", "modified-time"}


def sites(view: View) -> Iterator[HandlerSite]:
    system = view.system
    for site in system.handlers.values():
        if site.consumed and system.channel_kind(site.consumed) == "table":
            writers = _writers(system, site.consumed)
            if overlap(writers) or (not writers and not system.is_whole):
                yield site


def _writers(system: System, channel: str) -> list[Effect]:
    """Effects in whose transactions the rows are written: a database trigger runs in that of the write it answers."""
    found: list[Effect] = []
    for append in system.appends(channel):
        trigger = append.site.handler.trigger
        if isinstance(trigger, OnChanges) and trigger.by in (None, "trigger"):
            found += source_effects(system, system.database(trigger.changes), append.entity)
        else:
            found.append(append)
    return found


def _rows_come_with_writes(system: System, channel: str, facts: Facts) -> bool:
    """Whether some rows are written in transactions of their own or by a database trigger, not only by a capture."""
    for append in system.appends(channel):
        trigger = append.site.handler.trigger
        if not isinstance(trigger, OnChanges):
            return True
        path = (*append.site.path, "trigger", "by")
        ask = f"Is {append.site.id} a database trigger on {trigger.changes}?"
        if trigger.by == "trigger" or (
            trigger.by is None and facts.ask(path, None, ("trigger", "log"), ask) == "trigger"
        ):
            return True
    return not system.appends(channel)


def judge(view: View, site: HandlerSite, facts: Facts) -> Match | None:
    system = view.system
    trigger, channel = site.handler.trigger, site.consumed or ""
    if not isinstance(trigger, OnConsume):
        return None
    if trigger.visible_up_to in {"advisory-lock", "commit-order"}:
        return None
    path = (*site.path, "trigger")
    # Readers that claim single rows keep a mark on each row.
    if trigger.cursor is None and trigger.claim == "skip-locked":
        return None
    if not _rows_come_with_writes(system, channel, facts):
        return None
    ask = f"How does {site.id} know which rows of {channel} are new?"
    if facts.ask((*path, "cursor"), trigger.cursor, ("sequence", "commit-order", "row-flag"), ask) not in COUNTED:
        return None
    ends = [t.end for t in trails(system, site)]
    sinks = [e for e in ends if isinstance(e.step, Write) and not system.same_instance(e.target, channel)]
    element = system.channel(channel)
    states = bool(sinks) and all(_replaces(system, e) for e in sinks) and (element and element.event.content) != "delta"
    healing = repair_of_all(system, sinks) if sinks else None
    targets = tuple(Target(e.target, e.entity) for e in sinks) or tuple(Target(e.target, e.entity) for e in ends)
    lost = ", ".join(sorted({e.target for e in sinks or ends})) or "everything behind it"
    return Match(
        elements=(channel, site.id),
        at=(*path, "cursor"),
        summary=(
            f"{site.id} remembers the last number that it saw in {channel}: a row with a smaller number whose "
            f"transaction commits later is skipped and never reaches {lost}"
        ),
        consequence=Consequence("integrity", heals=healing or ("next-write" if states else "never")),
        targets=targets,
        shows=frozenset({"missing", "stale", "wrong-total"}),
    )


def _replaces(system: System, effect: Effect) -> bool:
    entity = system.entity(effect.entity)
    state = entity is None or entity.change in (None, "state")
    return state and isinstance(effect.step, Write) and effect.step.mode in (None, "replace")

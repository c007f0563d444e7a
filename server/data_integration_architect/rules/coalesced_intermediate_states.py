"""Several changes of a record arrive as one, at somebody who needs each of them.

Decided for captures by query and for readers that fold changes of a key into the newest, where what follows counts,
keeps a history, or acts outside for each change. A store that keeps the newest state needs nothing else and is no
place; nor is a poll by sequence, which is after new rows only. Cannot see that a receiver works out the missing steps.
"""

from __future__ import annotations

from collections.abc import Iterator

from data_integration_architect.analysis.capture import Trail, needs_each_change, source_effects, trails
from data_integration_architect.analysis.facts import Facts
from data_integration_architect.analysis.match import Match
from data_integration_architect.analysis.severity import Consequence, Target
from data_integration_architect.analysis.view import View
from data_integration_architect.topology import OnChanges, OnConsume


def sites(view: View) -> Iterator[Trail]:
    for site in view.system.handlers.values():
        trigger = site.handler.trigger
        if isinstance(trigger, OnConsume):
            if trigger.coalesces:
                yield from (t for t in trails(view.system, site) if needs_each_change(view.system, t.end))
        elif isinstance(trigger, OnChanges) and trigger.by in (None, "query") and trigger.cursor != "sequence":
            for trail in trails(view.system, site):
                if not _all_rows_stay(view, trail) and needs_each_change(view.system, trail.end):
                    yield trail


def _all_rows_stay(view: View, trail: Trail) -> bool:
    """Whether the rows in the source are only added, so that all are there when the query runs."""
    system, name = view.system, trail.start.entity
    entity = system.entity(name)
    if entity is None or entity.change not in {"append-only", "commutative"}:
        return False
    written = source_effects(system, system.database(trail.start.site.captured or ""), None)
    # A history that nobody writes in the source is made from the states of another entity there.
    return not written or any(e.entity == name for e in written)


def judge(view: View, trail: Trail, facts: Facts) -> Match | None:
    site = trail.start.site
    trigger = site.handler.trigger
    if isinstance(trigger, OnChanges):
        if trigger.by is None and trigger.cursor is None and trigger.every is None:
            return None
        ask = f"How does {site.id} notice changes?"
        if facts.ask((*site.path, "trigger", "by"), trigger.by, ("query", "log", "trigger"), ask) != "query":
            return None
    source = site.consumed or site.captured or site.id
    subject = trail.start.entity or "a record"
    return Match(
        elements=tuple(dict.fromkeys((source, site.id, trail.end.target))),
        at=(*site.path, "trigger"),
        summary=(
            f"{site.id} sees only the newest of several quick changes of {subject} in {source}, but "
            f"{trail.end.site.id} needs each of them for {trail.end.target}: those between are lost"
        ),
        consequence=Consequence("integrity", heals="never"),
        targets=(Target(trail.end.target, trail.end.entity),),
        shows=frozenset({"missing", "wrong-total"}),
    )

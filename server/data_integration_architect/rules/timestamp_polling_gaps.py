"""A poll by time or sequence passes a row whose transaction commits after the poll, and never comes back to it.

Decided for captures by query and for jobs that read since a cursor, under writers whose transactions overlap; what a
job makes of the rows may be another entity, a message or a call. A relay of an outbox table is
`outbox-sequence-gap-skip`. Cannot see clocks that run backwards, nor a cursor that compares with `>` where many rows
share one time.
"""

from __future__ import annotations

from collections.abc import Iterator

from data_integration_architect.analysis.capture import (
    QueryCopy,
    overlap,
    query_copies,
    query_results,
    repair_of_all,
    source_effects,
)
from data_integration_architect.analysis.facts import Facts
from data_integration_architect.analysis.match import Match
from data_integration_architect.analysis.severity import Consequence
from data_integration_architect.analysis.view import View
from data_integration_architect.topology import NONE, OnChanges, OnSchedule


def sites(view: View) -> Iterator[QueryCopy]:
    for copy in (*query_copies(view), *query_results(view)):
        database = view.system.database(copy.source)
        writers = [w for w in source_effects(view.system, database, copy.entity) if w.site is not copy.site]
        # Writers that nobody listed belong to an application that is not described; applications write concurrently.
        if not writers or overlap(writers):
            yield copy


def judge(view: View, copy: QueryCopy, facts: Facts) -> Match | None:
    trigger = copy.site.handler.trigger
    if not isinstance(trigger, OnChanges | OnSchedule):
        return None
    path = (*copy.site.path, "trigger")
    by_position = trigger.reads == "since-cursor" if isinstance(trigger, OnSchedule) else trigger.by == "query"
    hinted = trigger.cursor in {"modified-time", "sequence"}
    if trigger.cursor == "commit-position" or not (hinted or by_position or trigger.overlap == NONE):
        return None
    if isinstance(trigger, OnSchedule):
        # A run that reads everything finds late rows the next time.
        ask = f"Does each run of {copy.site.id} read everything?"
        if facts.ask((*path, "reads"), trigger.reads, ("since-cursor", "all"), ask) != "since-cursor":
            return None
    elif (
        facts.ask((*path, "by"), trigger.by, ("query", "log", "trigger"), f"How does {copy.site.id} notice changes?")
        != "query"
    ):
        return None
    ask = f"What does {copy.site.id} remember of its last run?"
    if facts.ask((*path, "cursor"), trigger.cursor, ("modified-time", "commit-position"), ask) == "commit-position":
        return None
    # Who looks back behind the position has built that, and says so.
    if trigger.overlap not in {None, NONE}:
        return None
    entity = view.system.entity(copy.entity)
    appended = entity is not None and entity.change == "append-only"
    healing = repair_of_all(view.system, copy.sinks or (copy.copy,))
    counted = "time of change" if trigger.cursor != "sequence" else "sequence number"
    return Match(
        elements=copy.elements,
        at=(*path, "cursor"),
        summary=(
            f"{copy.site.id} takes rows of {copy.entity} by {counted}: a transaction on {copy.source} that commits "
            f"after the poll with a smaller value never reaches {copy.targets[0].store}"
        ),
        consequence=Consequence("integrity", heals=healing or ("never" if appended else "next-write")),
        targets=copy.targets,
        shows=frozenset({"missing", "stale", "wrong-total"}),
    )

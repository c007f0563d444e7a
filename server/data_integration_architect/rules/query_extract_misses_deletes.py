"""Rows that are deleted in the source stay in the copy, because a query sees only rows that are there.

Decided for captures by query and for scheduled jobs that copy rows, or make one record of each, where nothing else
feeds the copy and no step removes what is gone. Cannot see a comparison that the sink makes by itself.
"""

from __future__ import annotations

from collections.abc import Iterator

from data_integration_architect.analysis.capture import QueryCopy, kept_deleted, query_copies, query_results, removes
from data_integration_architect.analysis.facts import Facts
from data_integration_architect.analysis.match import Match
from data_integration_architect.analysis.view import View
from data_integration_architect.topology import NONE, OnChanges


def sites(view: View) -> Iterator[QueryCopy]:
    system = view.system
    for copy in (*query_copies(view), *_one_of_each(view)):
        channel = system.channel(copy.copy.target)
        # A run that compares and sends deletions is said by the event that it sends.
        if channel is not None and channel.event.on_delete not in (None, NONE):
            continue
        if any(removes(system, e.site, e.target, e.entity) for e in (copy.copy, *copy.sinks)):
            continue
        trigger = copy.site.handler.trigger
        if not (isinstance(trigger, OnChanges) and trigger.sees_deletes is True):
            yield copy


def _one_of_each(view: View) -> Iterator[QueryCopy]:
    """Jobs whose result has the key of the rows that it is made of, and lies elsewhere."""
    system = view.system
    for made in query_results(view):
        apart = made.sinks and not any(system.same_instance(made.source, e.target) for e in made.sinks)
        key = system.key_of(made.entity)
        if apart and key is not None and all(system.key_of(e.entity) == key for e in made.sinks):
            yield made


def judge(view: View, copy: QueryCopy, facts: Facts) -> Match | None:
    system = view.system
    entity = system.entity(copy.entity)
    said = entity.deletes if entity else None
    trigger = copy.site.handler.trigger
    if entity is None or (said is None and entity.change == "append-only"):
        return None
    if isinstance(trigger, OnChanges) and trigger.by is None:
        if said != "hard":
            return None
        path = (*copy.site.path, "trigger", "by")
        if facts.ask(path, None, ("query", "log", "trigger"), f"How does {copy.site.id} notice changes?") != "query":
            return None
    path = ("entities", copy.entity, "deletes")
    if (
        facts.ask(path, said, ("hard", "soft", "never"), f"Are rows of {copy.entity} removed, marked or kept?")
        != "hard"
    ):
        return None
    target = ", ".join(sorted({s.target for s in copy.sinks})) or copy.copy.target
    return Match(
        elements=copy.elements,
        at=(*copy.site.path, "trigger"),
        summary=(
            f"{copy.site.id} queries {copy.source} for {copy.entity}: a deleted row is in no result, so {target} "
            "keeps it"
        ),
        consequence=kept_deleted(system, [s.target for s in copy.sinks] or [copy.copy.target], copy.copy.entity),
        targets=copy.targets,
        shows=frozenset({"phantom", "leaked", "wrong-total"}),
    )

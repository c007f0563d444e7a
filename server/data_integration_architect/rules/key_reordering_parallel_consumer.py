"""Several workers of one consumer share a partition, so a later record of a key can finish before an earlier one.

Sees logs and channels of unknown kind; consumers that take turns on a queue are unordered-delivery, relays of a table
outbox-concurrent-relay-reorder. Cannot see threads that a client library starts by itself.
"""

from __future__ import annotations

from collections.abc import Iterator

from data_integration_architect.analysis.delivery import has_many_workers, may_run_in_parallel
from data_integration_architect.analysis.facts import Facts
from data_integration_architect.analysis.guards import accepts_old, old_wins, told_apart
from data_integration_architect.analysis.match import Match
from data_integration_architect.analysis.order import applied_from, overwritten, place, shown_symptoms
from data_integration_architect.analysis.severity import Target
from data_integration_architect.analysis.system import Effect, HandlerSite
from data_integration_architect.analysis.view import View
from data_integration_architect.topology import OnConsume

Site = tuple[HandlerSite, Effect]


def sites(view: View) -> Iterator[Site]:
    for site in view.system.handlers.values():
        kind = view.system.channel_kind(site.consumed) if site.consumed else None
        if kind in {"log", "unknown"} and may_run_in_parallel(site):
            for effect in applied_from(view, site):
                yield site, effect


def judge(view: View, site: Site, facts: Facts) -> Match | None:
    handler, effect = site
    trigger = handler.handler.trigger
    if not isinstance(trigger, OnConsume) or handler.consumed is None:
        return None
    if not has_many_workers(handler, facts):
        return None
    routed = facts.ask(
        (*handler.path, "trigger", "same_key_same_worker"),
        trigger.same_key_same_worker,
        (False, True),
        f"Do records of one key always go to the same worker of {handler.id}?",
    )
    if routed or not accepts_old(view, effect, facts):
        return None
    subject = effect.entity or "a record"
    harm = old_wins(view, effect, f"{effect.target} keeps the older one")
    return Match(
        elements=told_apart(effect, place(handler, effect, handler.consumed)),
        at=(*handler.path, "trigger", "workers"),
        summary=(
            f"{handler.id} hands records of one partition of {handler.consumed} to several workers at once: two "
            f"changes of one {subject} can finish in the wrong order, and {harm}"
        ),
        consequence=overwritten(view, effect),
        targets=(Target(effect.target, effect.entity),),
        shows=shown_symptoms(view, effect),
    )

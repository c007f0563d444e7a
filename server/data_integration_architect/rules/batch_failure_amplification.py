"""One bad record makes a whole batch fail, so good records are repeated, held up or given up with it.

Cannot see bulk interfaces that report errors for each item while the consumer ignores the report.
"""

from __future__ import annotations

from collections.abc import Iterator

from data_integration_architect.analysis.facts import Facts
from data_integration_architect.analysis.loss import effects_behind, lost, targets_of
from data_integration_architect.analysis.match import Match
from data_integration_architect.analysis.order import is_planned
from data_integration_architect.analysis.severity import Consequence
from data_integration_architect.analysis.system import HandlerSite
from data_integration_architect.analysis.view import View
from data_integration_architect.topology import OnConsume


def sites(view: View) -> Iterator[HandlerSite]:
    for site in view.system.handlers.values():
        trigger = site.handler.trigger
        if isinstance(trigger, OnConsume) and _may_take_batches(trigger) and site.changes and not is_planned(site):
            yield site


def _may_take_batches(trigger: OnConsume) -> bool:
    """Whether records are handled together, or nobody said their number but what happens when such a batch fails."""
    return trigger.batch > 1 if trigger.batch is not None else trigger.batch_failure == "whole"


def judge(view: View, site: HandlerSite, facts: Facts) -> Match | None:
    trigger = site.handler.trigger
    if not isinstance(trigger, OnConsume):
        return None
    fails = facts.ask(
        (*site.path, "trigger", "batch_failure"),
        trigger.batch_failure,
        ("whole", "single"),
        f"Does one bad record make a whole batch of {site.id} fail?",
    )
    if fails == "single":
        return None
    ask = f"How many records does {site.id} handle together?"
    if facts.ask((*site.path, "trigger", "batch"), trigger.batch, (100, 1), ask) == 1:
        return None
    ends = {e.step.retry.then for e in site.changes if e.step.retry is not None}
    effects = effects_behind(view, site)
    consequence = Consequence("availability", effect="blocks-own")
    outcome = "is tried again and again while everything behind it waits"
    if "ignore" in ends:
        consequence = lost(view, effects)
        outcome = "is given up, good records included"
    elif "dead-letter" in ends:
        consequence = Consequence("timeliness")
        outcome = "goes to the dead letters, good records included"
    taken = trigger.batch or "several"
    return Match(
        elements=(trigger.consume, site.id),
        at=(*site.path, "trigger", "batch"),
        summary=(
            f"{site.id} takes {taken} records of {trigger.consume} together: one that cannot be handled makes "
            f"all fail, and the batch {outcome}"
        ),
        consequence=consequence,
        targets=targets_of(effects),
        shows=frozenset({"missing", "stale"} if "ignore" in ends else {"blocked", "stale"}),
    )

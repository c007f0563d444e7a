"""A failed record waits in a retry channel while later records of its key go on, and is applied after them.

For state of one entity the old record then overwrites newer ones; where every record stands for itself it is only
late, and the finding is a remark. Cannot see a broker that redelivers out of order without another channel, and a
dead-letter channel that nobody consumes is no retry.
"""

from __future__ import annotations

from collections.abc import Iterator

from data_integration_architect.analysis.facts import Facts
from data_integration_architect.analysis.guards import accepts_old, old_wins, refuses_old, told_apart
from data_integration_architect.analysis.keys import comes_once
from data_integration_architect.analysis.match import Match
from data_integration_architect.analysis.order import (
    is_planned,
    is_retry_channel,
    order_matters,
    overwritten,
    place,
    re_reads,
    retries_through,
    shown_symptoms,
)
from data_integration_architect.analysis.severity import Consequence, Target
from data_integration_architect.analysis.system import Effect
from data_integration_architect.analysis.view import View
from data_integration_architect.topology import Append, Call, Invalidate, OnConsume

Site = tuple[Effect, str]


def sites(view: View) -> Iterator[Site]:
    """(effect that fails, retry channel) of the first consumer; further levels of retry repeat the same defect."""
    for site in view.system.handlers.values():
        if site.consumed is None or is_planned(site) or is_retry_channel(view, site.consumed):
            continue
        for effect in site.changes:
            if not isinstance(effect.step, Append | Invalidate):
                for channel in retries_through(view, site, effect):
                    yield effect, channel


def _putting_back(view: View, retry: str, channel: str) -> tuple[str, ...]:
    """Handlers that put records of a retry channel back to where they came from."""
    return tuple(
        site.id
        for site in view.system.consumers(retry)
        if any(isinstance(e.step, Append) and e.target == channel for e in site.changes)
    )


def judge(view: View, site: Site, facts: Facts) -> Match | None:
    effect, retry = site
    handler = effect.site
    trigger = handler.handler.trigger
    if not isinstance(trigger, OnConsume) or handler.consumed is None:
        return None
    elements = (*place(handler, effect, handler.consumed, retry), *_putting_back(view, retry, handler.consumed))
    targets = (Target(effect.target, effect.entity),)
    subject = effect.entity or "a record"
    if not order_matters(view, effect) or comes_once(view.system, handler, effect.entity):
        if trigger.parks_key or re_reads(view, effect):
            return None
        noun = "call" if isinstance(effect.step, Call) else "record"
        return Match(
            elements=elements,
            at=effect.path,
            summary=(
                f"Records that {handler.id} moves to {retry} are overtaken by later ones; each {noun} for {subject} "
                f"stands for itself, so they are late in {effect.target} and not wrong"
            ),
            # No target: what hangs on the result does not make a late record worse than late.
            consequence=Consequence("timeliness", minor=True),
        )
    if refuses_old(view, effect):
        return None
    if trigger.parks_key or not accepts_old(view, effect, facts):
        return None
    harm = old_wins(view, effect, f"{effect.target} falls back to it")
    return Match(
        elements=told_apart(effect, elements),
        at=effect.path,
        summary=(
            f"When {handler.id} moves a failed change of {subject} to {retry}, later changes of the same key go on; "
            f"the old one is applied after them, and {harm}"
        ),
        consequence=overwritten(view, effect),
        targets=targets,
        shows=shown_symptoms(view, effect),
    )

"""State changes of one key come through a channel that keeps no order between them, and the sink lets the last win.

Sees queues and job brokers with several consumers or without order of their own, and webhooks. A producer that
publishes after its own commit can swap two changes as well: that is a dual write, and reported there. Relays that
compete for the rows of a table are outbox-concurrent-relay-reorder, a log without message keys is missing-message-key.
"""

from __future__ import annotations

from collections.abc import Iterator

from data_integration_architect.analysis.delivery import has_many_instances
from data_integration_architect.analysis.facts import Facts
from data_integration_architect.analysis.guards import accepts_old, old_wins, told_apart
from data_integration_architect.analysis.match import Match
from data_integration_architect.analysis.order import (
    applied_from,
    competes,
    is_retry_channel,
    may_compete,
    order_of,
    overwritten,
    place,
    shown_symptoms,
)
from data_integration_architect.analysis.severity import Consequence, Target
from data_integration_architect.analysis.system import Effect, HandlerSite
from data_integration_architect.analysis.view import View
from data_integration_architect.topology import OnConsume

Site = tuple[HandlerSite, Effect]


def sites(view: View) -> Iterator[Site]:
    for site in view.system.handlers.values():
        # Records in a retry channel have lost their place already: key-reordering-retry-topic.
        if site.consumed and not is_retry_channel(view, site.consumed) and not _keeps_order(view, site, site.consumed):
            for effect in applied_from(view, site):
                yield site, effect


def _keeps_order(view: View, site: HandlerSite, channel: str) -> bool:
    system = view.system
    kind, order = system.channel_kind(channel), order_of(system, channel)
    trigger = site.handler.trigger
    if kind in {"table", "lossy"} or (isinstance(trigger, OnConsume) and trigger.same_key_same_worker):
        return True
    if kind == "log":
        return order == "per-partition" or not may_compete(system, site)
    if kind == "webhook" or order == "none":
        return order not in {None, "none"} or (isinstance(trigger, OnConsume) and _is_alone(site, trigger, kind))
    return not may_compete(system, site)


def _is_alone(site: HandlerSite, trigger: OnConsume, kind: str) -> bool:
    """Whether exactly one worker takes jobs: said, because job brokers start several where nobody says a number."""
    return kind == "queue" and trigger.workers == 1 and site.process.instances == 1


def judge(view: View, site: Site, facts: Facts) -> Match | None:
    handler, effect = site
    system = view.system
    channel = handler.consumed or ""
    element = system.channel(channel)
    kind = system.channel_kind(channel)
    if element is None:
        return None
    if kind in {"webhook", "unknown"}:
        # A sender may wait for each answer, and an unknown product may route by key.
        order = facts.ask(
            ("channels", channel, "order"),
            element.order,
            ("none", "per-partition"),
            f"Do records of one key leave {channel} in the order in which they were sent?",
        )
        if order in {"per-partition", "per-group"} or (kind == "webhook" and order == "total"):
            return None
    turns = kind not in {"log", "queue"} or order_of(system, channel) == "none" or competes(system, handler)
    if not turns and not has_many_instances(handler, facts):
        return None
    if not accepts_old(view, effect, facts):
        return None
    subject = effect.entity or "a record"
    harm = old_wins(view, effect, f"{effect.target} keeps it")
    consequence = overwritten(view, effect)
    if system.is_external(effect.target):
        # What an outside receiver does with an old message is its own affair, and only partly known here.
        consequence = Consequence(consequence.violates, heals=consequence.heals, minor=True)
    return Match(
        elements=told_apart(effect, place(handler, effect, channel)),
        at=(*handler.path, "trigger", "consume"),
        summary=(
            f"{channel} does not keep two changes of one {subject} in order on their way through {handler.id}: the "
            f"older one can arrive last, and {harm}"
        ),
        consequence=consequence,
        targets=(Target(effect.target, effect.entity),),
        shows=shown_symptoms(view, effect),
    )

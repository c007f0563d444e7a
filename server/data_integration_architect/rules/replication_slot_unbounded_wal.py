"""A replication slot on a quiet table holds back the log of a busy server until its disk is full.

Decided for captures from PostgreSQL's log: no limit for what the slot retains, no heartbeat that moves it, and other
writes on the same instance. Cannot see alarms, nor how much disk there is.
"""

from __future__ import annotations

from collections.abc import Iterator

from data_integration_architect.analysis.capture import is_captured_from_log
from data_integration_architect.analysis.facts import Facts
from data_integration_architect.analysis.match import Match
from data_integration_architect.analysis.severity import Consequence, Target
from data_integration_architect.analysis.system import HandlerSite
from data_integration_architect.analysis.view import View
from data_integration_architect.topology import NONE, OnChanges


def sites(view: View) -> Iterator[HandlerSite]:
    for site in view.system.handlers.values():
        trigger = site.handler.trigger
        if not isinstance(trigger, OnChanges) or not is_captured_from_log(site):
            continue
        head = view.system.technology(trigger.changes)
        if head is None or head.id == "postgresql":
            yield site


def judge(view: View, site: HandlerSite, facts: Facts) -> Match | None:
    trigger = site.handler.trigger
    store = view.system.store(site.captured or "")
    if not isinstance(trigger, OnChanges) or store is None:
        return None
    limit = trigger.slot.limit if trigger.slot else None
    heartbeat = trigger.slot.heartbeat if trigger.slot else None
    if limit not in (None, NONE) or not (NONE in (limit, heartbeat) or store.other_traffic == "high"):
        return None
    if limit is None or heartbeat is not None:
        ask = f"How often does {site.id} write a heartbeat to {trigger.changes}?"
        if facts.ask((*site.path, "trigger", "slot", "heartbeat"), heartbeat, (NONE, "10s"), ask) != NONE:
            return None
    if limit == heartbeat == NONE and store.other_traffic is None:
        # Both safeguards are known to be missing: a stopped capture is enough.
        return _match(site, trigger.changes)
    ask = f"How many writes does the instance of {trigger.changes} take for tables that are not captured?"
    path = ("stores", trigger.changes, "other_traffic")
    if facts.ask(path, store.other_traffic, ("high", "low", "none"), ask) != "high":
        return None
    return _match(site, trigger.changes)


def _match(site: HandlerSite, store: str) -> Match:
    return Match(
        elements=(store, site.id),
        at=(*site.path, "trigger"),
        summary=(
            f"The slot of {site.id} moves neither with quiet tables nor while it stands still, and has no limit: "
            f"the log of all other writes piles up on {store} until its disk is full"
        ),
        consequence=Consequence("availability", effect="blocks-others"),
        targets=(Target(store),),
        shows=frozenset({"blocked"}),
    )

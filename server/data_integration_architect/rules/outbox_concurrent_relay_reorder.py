"""Several relays take rows of one outbox in turns, so two changes of a key leave it in the wrong order.

Decided for table-backed channels that are read by many instances or workers without a claim on whole keys, where a
store behind them keeps the state that came last, or a keyed log promises the order onwards. Cannot see a partitioned
assignment of keys to relays unless it is said.
"""

from __future__ import annotations

from collections.abc import Iterator

from data_integration_architect.analysis.capture import repair_of_all, trails
from data_integration_architect.analysis.delivery import may_run_in_parallel, runs_in_parallel
from data_integration_architect.analysis.facts import Facts
from data_integration_architect.analysis.guards import lets_old_in, refuses_old, told_apart
from data_integration_architect.analysis.keys import comes_once
from data_integration_architect.analysis.match import Match
from data_integration_architect.analysis.order import applied_from, is_guarded, shown_symptoms
from data_integration_architect.analysis.severity import Consequence, Target
from data_integration_architect.analysis.system import HandlerSite
from data_integration_architect.analysis.view import View
from data_integration_architect.topology import NONE, Append, OnConsume


def sites(view: View) -> Iterator[HandlerSite]:
    system = view.system
    for site in system.handlers.values():
        trigger = site.handler.trigger
        if not isinstance(trigger, OnConsume) or system.channel_kind(trigger.consume) != "table":
            continue
        # One position is one reader's; rows that are marked one by one can be shared, also within one instance.
        is_shared = trigger.cursor in (None, "row-flag") and trigger.workers is None
        at_once = site.concurrent or site.process.instances is None or is_shared or may_run_in_parallel(site)
        if at_once and trigger.same_key_same_worker is not True:
            yield site


def judge(view: View, site: HandlerSite, facts: Facts) -> Match | None:
    system = view.system
    trigger, channel = site.handler.trigger, site.consumed or ""
    sinks = [e for e in applied_from(view, site) if not refuses_old(view, e)]
    if not isinstance(trigger, OnConsume):
        return None
    onwards = [
        t.end
        for t in trails(system, site)
        if isinstance(t.end.step, Append)
        and _is_stateful(view, t.end.target)
        and not comes_once(system, site, t.start.entity)
    ]
    promised = [] if sinks else [e for e in onwards if _is_keyed(view, e.target, facts)]
    if not (sinks or promised):
        return None
    if site.concurrent:
        # One lock for the whole table lets one relay work at a time; workers inside a relay share it.
        ask = f"How do the instances of {site.id} share the rows of {channel}?"
        claim = facts.ask((*site.path, "trigger", "claim"), trigger.claim, ("skip-locked", "lock"), ask)
        if claim == "lock" and not runs_in_parallel(site):
            return None
    elif not runs_in_parallel(site):
        # Nobody counted them all: a single worker keeps the rows of a key together, as many that share them by key do.
        ask = f"Do rows of one key of {channel} always go to the same worker of {site.id}?"
        path = (*site.path, "trigger", "same_key_same_worker")
        if trigger.claim == "lock" or facts.ask(path, trigger.same_key_same_worker, (False, True), ask):
            return None
    if sinks:
        sinks = sorted((e for e in sinks if lets_old_in(view, e, facts)), key=is_guarded)
        if not sinks:
            return None
    ends = sinks or promised
    healing = repair_of_all(system, sinks) if sinks else None
    return Match(
        elements=told_apart(ends[0], (channel, site.id)),
        at=(*site.path, "trigger", "claim"),
        summary=(
            f"Several relays of {site.id} take rows of {channel} at the same time: of two changes of one key the older "
            f"can arrive last at {', '.join(sorted({e.target for e in ends}))}"
        ),
        consequence=Consequence("integrity", heals=healing or "next-write"),
        targets=tuple(Target(e.target, e.entity) for e in ends),
        shows=frozenset({"stale", "reverted"}).union(*(shown_symptoms(view, e) for e in sinks)),
    )


def _is_stateful(view: View, channel: str) -> bool:
    """Whether a log carries entities whose state is replaced by newer ones."""
    entities = [view.system.entity(name) for name in view.system.carried(channel)]
    return view.system.channel_kind(channel) == "log" and any(
        e is not None and e.change in (None, "state") for e in entities
    )


def _is_keyed(view: View, channel: str, facts: Facts) -> bool:
    """Whether a log without listed consumers is keyed, so that somebody counts on its order."""
    element = view.system.topology.channels[channel]
    key = next((k for name in view.system.carried(channel) if (k := view.system.key_of(name))), None)
    ask = f"Which field is the message key of {channel}?"
    said = facts.ask(("channels", channel, "message_key"), element.message_key, (key or "id", NONE), ask)
    return said not in {NONE, "random"}

"""A handler waits for events of an entity on a channel that nothing writes to, while the entity changes elsewhere.

An entity whose only source is the channel comes from outside and is no finding. Rests on what is not listed, so a
partial topology makes it conditional. Cannot see producers of other organisations that nobody listed.
"""

from __future__ import annotations

from collections.abc import Iterator

from data_integration_architect.analysis.facts import Facts
from data_integration_architect.analysis.match import Match
from data_integration_architect.analysis.order import is_planned
from data_integration_architect.analysis.severity import Consequence, Target
from data_integration_architect.analysis.system import Effect, HandlerSite
from data_integration_architect.analysis.view import View
from data_integration_architect.topology import Call, Write

Site = tuple[HandlerSite, tuple[Effect, ...]]


def sites(view: View) -> Iterator[Site]:
    for name, channel in sorted(view.topology.channels.items()):
        if channel.status != "existing" or view.system.channel_kind(name) in {"table", "webhook"}:
            continue
        if view.system.appends(name) or _is_fed_otherwise(view, name):
            continue
        for site in view.system.consumers(name):
            waiting = tuple(e for e in site.changes if isinstance(e.step, Write | Call) and not e.on_miss)
            starved = tuple(e for e in waiting if _changes_elsewhere(view, name, e))
            if starved and not is_planned(site):
                yield site, starved


def _is_fed_otherwise(view: View, name: str) -> bool:
    """Whether failed records come in, or the channel is the change stream of a store of the same product."""
    topology, head = view.topology, view.system.technology(name)
    failed = any(c.dead_letter == name for c in topology.channels.values())
    failed = failed or bool(view.system.failing_to(name))
    streams = (
        head is not None
        and head.change_feed_kind in {"stream", "log", "notification"}
        and head.kind not in {"log", "queue"}
    )
    return failed or (streams and any(view.system.technology(store) is head for store in topology.stores))


def _changes_elsewhere(view: View, channel: str, effect: Effect) -> bool:
    """Whether the entity has its system of record in sight, and it is neither the channel nor the handler's store."""
    record = view.record_of(effect.entity)
    system = view.system
    carried = system.carried(channel)
    if record is None or record == channel or effect.entity is None or (carried and effect.entity not in carried):
        return False
    if system.store(record) is None or system.database(record) == system.database(effect.target):
        return False
    # Somebody in sight changes it there; otherwise the record is only a name.
    return any(isinstance(e.step, Write) and e.entity == effect.entity for e in system.touching(record))


def judge(view: View, site: Site, facts: Facts) -> Match | None:
    handler, starved = site
    channel = handler.consumed or ""
    if not facts.listed(view.system.is_whole, f"Is every producer of {channel} listed?"):
        return None
    first = starved[0]
    fed = all(_has_another_feed(view, handler, effect) for effect in starved)
    return Match(
        elements=(channel, handler.id),
        at=(*handler.path, "trigger", "consume"),
        summary=(
            f"{handler.id} waits on {channel} for changes of {first.entity} that happen in "
            f"{view.record_of(first.entity)}, but nothing publishes them there: {first.target} never hears of them"
        ),
        # A store that gets the entity on another way too only carries dead code.
        consequence=Consequence("timeliness", minor=True) if fed else Consequence("integrity"),
        targets=tuple(Target(e.target, e.entity) for e in starved),
        shows=frozenset() if fed else frozenset({"missing", "stale"}),
    )


def _has_another_feed(view: View, handler: HandlerSite, effect: Effect) -> bool:
    return any(
        isinstance(other.step, Write) and other.entity == effect.entity and other.site is not handler
        for other in view.system.touching(effect.target)
    )

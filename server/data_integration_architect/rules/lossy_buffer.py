"""Records wait where they can vanish: a buffer that drops when it is full, or one that a restart empties.

The line to its neighbours: here the place where records wait loses them, in at-most-once-accepted the protocol never
tries twice, in failed-events-skipped the consumer gives up, in speed-layer-data-loss a computation over a stream does.
Cannot see limits that nobody states, such as the length of a queue or the eviction policy of a store.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from data_integration_architect.analysis.channel_kinds import is_buffer
from data_integration_architect.analysis.facts import Facts
from data_integration_architect.analysis.loss import effects_behind, is_speed_layer, lost, targets_of
from data_integration_architect.analysis.match import Match
from data_integration_architect.analysis.order import is_planned
from data_integration_architect.analysis.system import Effect
from data_integration_architect.analysis.view import View
from data_integration_architect.files import DocumentPath
from data_integration_architect.topology import Channel, Read, Write


@dataclass(frozen=True)
class Site:
    buffer: str
    handlers: tuple[str, ...]
    """Those that take records out of the buffer."""
    effects: tuple[Effect, ...]
    holder: str | None = None
    """Store in which the records wait; None = the channel itself loses them."""
    dropped: bool = False


def sites(view: View) -> Iterator[Site]:
    for name, channel in sorted(view.topology.channels.items()):
        if channel.status == "planned":
            continue
        consumers = [s for s in view.system.consumers(name) if not is_planned(s) and not is_speed_layer(view, s)]
        effects = tuple(e for site in consumers for e in effects_behind(view, site))
        handlers = tuple(site.id for site in consumers)
        if effects and _loses(channel):
            yield Site(name, handlers, effects, dropped=channel.when_full == "drop")
        elif effects and channel.in_ and _may_forget(view, channel.in_):
            yield Site(name, handlers, effects, channel.in_)
    yield from _written_behind(view)


def _loses(channel: Channel) -> bool:
    return channel.when_full == "drop" or is_buffer(channel)


def _may_forget(view: View, store: str) -> bool:
    """Whether a restart empties the store, or may do so as it is configured."""
    element, head = view.system.store(store), view.system.technology(store)
    unsaid = element is not None and element.durability is None
    return view.system.is_volatile(store) or (unsaid and head is not None and head.durable == "configurable")


def _written_behind(view: View) -> Iterator[Site]:
    """Jobs that carry what requests left in a forgetful store to a lasting one."""
    system = view.system
    for site in system.handlers.values():
        if site.fired_by != "every" or is_planned(site):
            continue
        for read in site.reads:
            if not isinstance(read.step, Read) or not system.store(read.target) or not _may_forget(view, read.target):
                continue
            kept = tuple(e for e in effects_behind(view, site) if not system.same_instance(e.target, read.target))
            if kept and read.entity and _is_only_copy(view, read.target, read.entity):
                yield Site(read.target, (site.id,), kept, read.target)


def _is_only_copy(view: View, store: str, entity: str) -> bool:
    """Whether requests put the entity into `store` and nowhere that lasts."""
    here = [e for e in view.system.touching(store) if isinstance(e.step, Write) and e.entity == entity]
    direct = [e.site for e in here if e.site.is_direct and not e.on_miss]
    return bool(direct) and not any(
        isinstance(e.step, Write) and e.entity == entity and not view.system.same_instance(e.target, store)
        for site in direct
        for e in site.changes
    )


def judge(view: View, site: Site, facts: Facts) -> Match | None:
    at: DocumentPath = ("channels", site.buffer, "when_full" if site.dropped else "technology")
    if site.holder is not None:
        at = ("stores", site.holder, "durability")
        said = "volatile" if view.system.is_volatile(site.holder) else None
        element = view.system.store(site.holder)
        durability = facts.ask(
            at,
            said or (element.durability if element else None),
            ("volatile", "durable"),
            f"Does what {site.holder} has acknowledged survive a restart?",
        )
        if durability == "durable":
            return None
    how = "drops records when it is full" if site.dropped else "forgets what it holds at a restart"
    ends = ", ".join(dict.fromkeys(e.target for e in site.effects))
    return Match(
        elements=(site.buffer, *site.handlers),
        at=at,
        summary=f"{site.buffer} {how}: changes that it had accepted never reach {ends}, and nobody is told",
        consequence=lost(view, site.effects),
        targets=targets_of(site.effects),
        shows=frozenset({"missing", "stale", "wrong-total"}),
    )

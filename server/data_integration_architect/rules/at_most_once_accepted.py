"""A record is tried once and never again: acknowledged before its effect, or pushed without an answer.

Low where what is read is approximate and nobody decides on it, for that is a choice; otherwise the loss is silent and
permanent. All that it rests on has a documented default, so it never depends on an unsaid fact. The line to its
neighbours stands in lossy-buffer. Cannot see loss that a client library hides, such as
acknowledgements that are switched off in a setting nobody reported.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from data_integration_architect.analysis.channel_kinds import is_pushed_once
from data_integration_architect.analysis.delivery import acknowledges
from data_integration_architect.analysis.facts import Facts
from data_integration_architect.analysis.loss import accepts_loss, effects_behind, is_speed_layer, lost, targets_of
from data_integration_architect.analysis.match import Match
from data_integration_architect.analysis.order import is_planned
from data_integration_architect.analysis.system import Effect, HandlerSite
from data_integration_architect.analysis.view import View
from data_integration_architect.files import DocumentPath
from data_integration_architect.topology import Append


@dataclass(frozen=True)
class Site:
    channel: str
    handlers: tuple[HandlerSite, ...]
    at: DocumentPath
    how: str


def sites(view: View) -> Iterator[Site]:
    for name in sorted(view.topology.channels):
        consumers = tuple(
            site
            for site in view.system.consumers(name)
            if not is_planned(site) and not is_speed_layer(view, site) and effects_behind(view, site)
        )
        if not consumers or view.topology.channels[name].status == "planned":
            continue
        pushed = _pushed_once(view, name)
        if pushed is not None:
            yield Site(name, consumers, pushed, f"{name} carries each record at most once")
            continue
        for site in consumers:
            if acknowledges(site) == "before":
                at = (*site.path, "trigger", "acknowledge")
                yield Site(name, (site,), at, f"{site.id} acknowledges a record of {name} before its effect")


def _pushed_once(view: View, name: str) -> DocumentPath | None:
    """Where it stands that records are sent once: at the channel, in its technology, or at a producer."""
    system, channel = view.system, view.topology.channels[name]
    if channel.delivery is not None:
        return ("channels", name, "delivery") if channel.delivery == "at-most-once" else None
    if is_pushed_once(channel, view.catalog):
        return ("channels", name, "technology")
    for append in system.appends(name):
        if isinstance(append.step, Append) and append.step.delivery == "at-most-once" and not is_planned(append.site):
            return (*append.path, "delivery")
    return None


def judge(view: View, site: Site, facts: Facts) -> Match | None:
    effects: tuple[Effect, ...] = tuple(e for handler in site.handlers for e in effects_behind(view, handler))
    ends = ", ".join(dict.fromkeys(e.target for e in effects))
    end = f"what {ends} shows is approximate" if accepts_loss(view, effects) else f"{ends} never gets it"
    return Match(
        elements=(site.channel, *(handler.id for handler in site.handlers)),
        at=site.at,
        summary=f"{site.how}, so one that meets a crash or an absent receiver is gone: {end}",
        consequence=lost(view, effects),
        targets=targets_of(effects),
        shows=frozenset({"missing", "stale", "wrong-total"}),
    )

"""The number of partitions changed while records of the old layout were still unread: keys moved past their own past.

Cannot see a layout that changed long ago and has been read to its end; say so with `drained: true`.
"""

from __future__ import annotations

from collections.abc import Iterator

from data_integration_architect.analysis.facts import Facts
from data_integration_architect.analysis.guards import accepts_old, old_wins, told_apart
from data_integration_architect.analysis.match import Match
from data_integration_architect.analysis.order import applied_from, is_spread, overwritten, place, shown_symptoms
from data_integration_architect.analysis.severity import Target
from data_integration_architect.analysis.system import Effect, HandlerSite
from data_integration_architect.analysis.view import View
from data_integration_architect.topology import Channel

Site = tuple[str, HandlerSite, Effect]


def sites(view: View) -> Iterator[Site]:
    for name, channel in sorted(view.topology.channels.items()):
        if channel.status != "planned" and _moves_keys(channel):
            for site in view.system.consumers(name):
                for effect in applied_from(view, site):
                    # Without a message key there was no order to lose; that is another finding.
                    if not is_spread(view.system, name, effect.entity):
                        yield name, site, effect


def _moves_keys(channel: Channel) -> bool:
    """Whether keys were bound to partitions before and some are bound to others now."""
    change = channel.repartitioned
    return change is not None and (change.from_ is None or change.from_ != change.to)


def judge(view: View, site: Site, facts: Facts) -> Match | None:
    name, handler, effect = site
    channel = view.topology.channels[name]
    drained = facts.ask(
        ("channels", name, "repartitioned", "drained"),
        channel.repartitioned.drained if channel.repartitioned else None,
        (False, True),
        f"Was every record of the old partitions of {name} consumed before the first one of the new layout?",
    )
    if drained or not accepts_old(view, effect, facts):
        return None
    subject = effect.entity or "a record"
    harm = old_wins(view, effect, f"{effect.target} ends with the old one")
    return Match(
        elements=told_apart(effect, place(handler, effect, name)),
        at=("channels", name, "repartitioned"),
        summary=(
            f"{name} got new partitions while the old ones still held unread records: {handler.id} can take "
            f"a newer change of one {subject} before the older one, and {harm}"
        ),
        consequence=overwritten(view, effect),
        targets=(Target(effect.target, effect.entity),),
        shows=shown_symptoms(view, effect),
    )

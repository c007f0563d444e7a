"""Changes of one record are spread over the partitions of a log, so a consumer can apply an older one last.

Decided for logs whose records have no key (or come from a table without one) where some store behind them keeps the
state that came last. A capture from the log keys its records by the table's key unless something else is said.
Cannot see a custom partitioner.
"""

from __future__ import annotations

from collections.abc import Iterator

from data_integration_architect.analysis.capture import is_captured_from_log
from data_integration_architect.analysis.facts import Facts
from data_integration_architect.analysis.match import Match
from data_integration_architect.analysis.order import (
    applied_from,
    is_planned,
    order_sensitive,
    overwritten,
    shown_symptoms,
)
from data_integration_architect.analysis.severity import Target
from data_integration_architect.analysis.system import Effect
from data_integration_architect.analysis.view import View
from data_integration_architect.topology import NONE

Site = tuple[str, Effect]
SPREAD = {NONE, "random"}


def sites(view: View) -> Iterator[Site]:
    system = view.system
    for name, channel in sorted(system.topology.channels.items()):
        unsaid = channel.technology is None and system.channel_kind(name) == "unknown"
        if not (system.channel_kind(name) == "log" or unsaid) or channel.status == "planned":
            continue
        if channel.partitions == 1 or channel.order == "total":
            continue
        for consumer in system.consumers(name):
            if not is_planned(consumer):
                for effect in applied_from(view, consumer):
                    if order_sensitive(view, effect):
                        yield name, effect


def judge(view: View, site: Site, facts: Facts) -> Match | None:
    name, effect = site
    system = view.system
    channel = system.topology.channels[name]
    appends = system.appends(name)
    captured = bool(appends) and all(is_captured_from_log(e.site) for e in appends)
    entity = system.entity(effect.entity)
    keyless = False
    if captured and channel.message_key is None:
        if entity is None or effect.entity is None:
            return None
        ask = f"Which field is the key of the table of {effect.entity}?"
        keyless = facts.ask(("entities", effect.entity, "key"), entity.key, (NONE, "id"), ask) == NONE
        if not keyless:
            return None
    elif system.channel_kind(name) != "log":
        return None
    else:
        key = system.key_of(effect.entity)
        ask = f"Which field is the message key of {name}?"
        if facts.ask(("channels", name, "message_key"), channel.message_key, (NONE, key or "id"), ask) not in SPREAD:
            return None
    subject = effect.entity or "a record"
    why = f"the table of {subject} has no key" if keyless else "its records have no key"
    return Match(
        elements=(name,),
        at=("entities", effect.entity, "key") if keyless and effect.entity else ("channels", name, "message_key"),
        summary=(
            f"Two changes of one {subject} can lie in different partitions of {name}, because {why}: "
            f"{effect.site.id} may apply the older one last, and {effect.target} keeps it"
        ),
        consequence=overwritten(view, effect),
        targets=(Target(effect.target, effect.entity),),
        shows=shown_symptoms(view, effect),
    )

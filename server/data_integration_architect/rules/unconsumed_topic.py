"""Events are published to a channel that nobody takes them from.

Rests on what is not listed, so a partial topology makes it conditional. Cannot see readers of other organisations
that nobody listed. Outbox tables are dead-outbox, webhooks and pushes have their receivers outside.
"""

from __future__ import annotations

from collections.abc import Iterator

from data_integration_architect.analysis.facts import Facts
from data_integration_architect.analysis.match import Match
from data_integration_architect.analysis.order import is_planned
from data_integration_architect.analysis.severity import Consequence
from data_integration_architect.analysis.system import Effect
from data_integration_architect.analysis.view import View

Site = tuple[str, tuple[Effect, ...]]


def sites(view: View) -> Iterator[Site]:
    for name, channel in sorted(view.topology.channels.items()):
        if channel.status != "existing" or view.system.channel_kind(name) in {"table", "webhook", "lossy"}:
            continue
        appends = tuple(e for e in view.system.appends(name) if not is_planned(e.site) and e.step.status != "planned")
        if appends and not view.system.consumers(name) and not _has_another_use(view, name):
            yield name, appends


def _has_another_use(view: View, name: str) -> bool:
    """Whether a channel serves without a consumer: for dead letters, as archive or system of record, or for readers."""
    topology = view.topology
    read = any(name == reader.reads or name in reader.reads for reader in topology.readers)
    failed = any(c.dead_letter == name for c in topology.channels.values())
    failed = failed or bool(view.system.failing_to(name))
    kept = topology.channels[name].retention == "forever"
    return read or failed or kept or any(owner.store == name for owner in view.owners.values())


def judge(view: View, site: Site, facts: Facts) -> Match | None:
    name, appends = site
    if not facts.listed(view.system.is_whole, f"Is every consumer of {name} listed?"):
        return None
    producers = sorted({e.site.id for e in appends})
    return Match(
        elements=(name, *producers),
        at=("channels", name),
        summary=f"{', '.join(producers)} publishes to {name}, and nobody consumes it: what it announces reaches no one",
        consequence=Consequence("timeliness", minor=True),
    )

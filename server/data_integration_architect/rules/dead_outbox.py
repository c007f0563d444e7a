"""An outbox table that is written and never read, or read and never written: events that no one gets.

A log capture of the table's store, or a scheduled job that reads the store and sends something on, counts as a
reader. Cannot see a relay that runs inside the database.
"""

from __future__ import annotations

from collections.abc import Iterator

from data_integration_architect.analysis.enlistment import home_of
from data_integration_architect.analysis.facts import Facts
from data_integration_architect.analysis.lifecycle import is_planned
from data_integration_architect.analysis.match import Match
from data_integration_architect.analysis.severity import Consequence, Target
from data_integration_architect.analysis.system import HandlerSite, System
from data_integration_architect.analysis.view import View
from data_integration_architect.topology import Append, Read


def sites(view: View) -> Iterator[str]:
    """Channels that have writers or readers but not both, and are or may be tables."""
    system = view.system
    for name, channel in view.topology.channels.items():
        written = any(not is_planned(system, e) for e in system.appends(name))
        may_be_table = system.channel_kind(name) == "table" or (written and _may_be_table(system, name))
        if not may_be_table or channel.status == "planned":
            continue
        read = any(_runs(s) for s in system.consumers(name)) or _is_carried_on(system, name)
        if written != read:
            yield name


def _runs(site: HandlerSite) -> bool:
    return "planned" not in {site.handler.status, site.process.status}


def _is_carried_on(system: System, channel: str) -> bool:
    """Whether a capture or a scheduled job on the table's store can take its rows on."""
    home = home_of(system, channel)
    sources = {home} if home else {e.blocks[-1][1].transaction for e in system.appends(channel) if e.blocks}
    databases = {system.database(source) for source in sources if isinstance(source, str)}
    for site in system.handlers.values():
        if not _runs(site):
            continue
        if site.captured and system.database(site.captured) in databases:
            return True
        polls = any(isinstance(e.step, Read) and system.database(e.target) in databases for e in site.reads)
        if (
            site.fired_by == "every"
            and polls
            and any(not system.same_instance(e.target, d) for e in site.changes for d in databases)
        ):
            return True
    return False


def _may_be_table(system: System, name: str) -> bool:
    """Whether a channel of unsaid technology is appended to inside a transaction, as an outbox is."""
    channel = system.channel(name)
    inside = any(isinstance(e.step, Append) and e.blocks for e in system.appends(name))
    return channel is not None and channel.technology is None and system.channel_kind(name) == "unknown" and inside


def judge(view: View, site: str, facts: Facts) -> Match | None:
    system = view.system
    if system.channel_kind(site) != "table":
        ask = f"Is {site} a table in the database, or a broker?"
        if facts.ask(("channels", site, "technology"), None, ("table", "rabbitmq"), ask) != "table":
            return None
    if not facts.listed(system.is_whole, f"Are all writers and readers of {site} listed?"):
        return None
    writers = sorted({e.site.id for e in system.appends(site)})
    readers = sorted(s.id for s in system.consumers(site))
    if writers:
        summary = (
            f"{', '.join(writers)} put rows into {site}, and nothing reads them: the events never leave the database"
        )
    else:
        summary = f"{', '.join(readers)} poll {site}, and nothing puts rows into it: whoever relies on it gets no event"
    return Match(
        elements=(site,),
        at=("channels", site),
        summary=summary,
        consequence=Consequence("integrity", minor=True),
        targets=(Target(site),),
        shows=frozenset({"missing", "stale"}),
    )

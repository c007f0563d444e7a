"""A log forgets records that somebody still needs: after the longest outage, or to compute everything again.

Needed for a consumer that must survive an outage, for an entity whose system of record is the log, and for an exact
result that one stream computes with no batch layer and no archive beside it. Misses: the log of a database behind a
capture, which is judged by replication-slot-unbounded-wal.
"""

from __future__ import annotations

from collections.abc import Iterator

from data_integration_architect.analysis.facts import Facts
from data_integration_architect.analysis.layers import computation, is_decisive, layers_of, results_of
from data_integration_architect.analysis.match import Match
from data_integration_architect.analysis.repair import Healing, healing_of
from data_integration_architect.analysis.severity import Consequence, Target
from data_integration_architect.analysis.system import HandlerSite
from data_integration_architect.analysis.view import View
from data_integration_architect.topology import Write
from data_integration_architect.topology.values import seconds

# Below this, an outage over a long weekend is enough, so the longest outage is worth asking for.
SHORT_RETENTION_SECONDS = 3 * 86400
LATER_THAN_ANY = float("inf")


def sites(view: View) -> Iterator[str]:
    """Channels with consumers whose records are kept for a time."""
    for name, channel in sorted(view.topology.channels.items()):
        consumers = [s for s in view.system.consumers(name) if "planned" not in {s.handler.status, s.process.status}]
        if channel.status != "planned" and consumers and view.system.channel_kind(name) in {"log", "queue", "unknown"}:
            yield name


def judge(view: View, site: str, facts: Facts) -> Match | None:
    channel = view.topology.channels[site]
    kept = seconds(channel.retention)
    # The newest record of each key stays, which is enough to build a state again.
    if channel.cleanup == "compact" and channel.event.content in (None, "full"):
        return None
    whom, is_record = _needs_everything(view, site, kept, facts)
    if whom is not None and view.system.channel_kind(site) in {"log", "unknown"}:
        ask = f"How long does {site} keep its records?"
        kept = seconds(facts.ask(("channels", site, "retention"), channel.retention, ("7d", "forever"), ask))
        if kept != LATER_THAN_ANY:
            return _match(view, site, f"{whom} can be rebuilt only as far back as it reaches", minor=not is_record)
        return None
    outage = view.topology.context.longest_outage
    if outage is None and (kept is None or kept > SHORT_RETENTION_SECONDS):
        return None
    longest = seconds(
        facts.ask(("context", "longest_outage"), outage, ("5d", "30min"), "How long may a consumer be down?")
    )
    if kept is None and longest is not None:
        if view.system.channel_kind(site) != "log":
            return None
        ask = f"How long does {site} keep its records?"
        kept = seconds(facts.ask(("channels", site, "retention"), None, (_half(longest), "forever"), ask))
    if kept is None or longest is None or kept >= longest:
        return None
    return _match(view, site, "a consumer that is down for the longest outage finds its next records gone", minor=False)


def _half(longest: float) -> str:
    return f"{max(int(longest // 2), 1)}s"


def _needs_everything(view: View, channel: str, kept: float | None, facts: Facts) -> tuple[str | None, bool]:
    """What rests on the whole history of a log, and whether the log is its declared system of record; None where
    nothing does, or a copy of the history stands beside it.
    """
    if _is_archived(view, channel) or _only_windows(view, channel):
        return None, False
    for name, entity in sorted(view.topology.entities.items()):
        if entity.system_of_record == channel:
            return name, True
    for result, layers in layers_of(view.system).items():
        for stream in layers.stream:
            if stream.consumed != channel or layers.batch or not results_of(stream):
                continue
            if is_decisive(view.system, stream) or _is_exact(stream, kept, facts):
                return result, False
    return None, False


def _only_windows(view: View, channel: str) -> bool:
    """Whether every consumer computes over windows of time, which need no older record once they are closed."""
    consumers = view.system.consumers(channel)
    return bool(consumers) and all(
        site.handler.computes is not None and site.handler.computes.windows in {"event-time", "processing-time"}
        for site in consumers
    )


def _is_exact(stream: HandlerSite, kept: float | None, facts: Facts) -> bool:
    """Whether the result is meant to be exact; asked only where the log is known to forget."""
    said = computation(stream).exact
    if said is None and kept in (None, LATER_THAN_ANY):
        return False
    ask = f"Is {computation(stream).result} meant to be exact, so that it must be computed again after a bug?"
    return bool(facts.ask((*stream.path, "computes", "exact"), said, (True, False), ask))


def _is_archived(view: View, channel: str) -> bool:
    """Whether a consumer keeps every record: it inserts them without computing, into a store that does not forget."""
    return any(
        isinstance(effect.step, Write)
        and effect.step.mode == "insert"
        and _computes_nothing(site)
        and not view.system.is_volatile(effect.target)
        for site in view.system.consumers(channel)
        for effect in site.changes
    )


def _computes_nothing(site: HandlerSite) -> bool:
    return site.handler.computes is None


def _match(view: View, channel: str, what: str, minor: bool) -> Match:
    system = view.system
    consumers = system.consumers(channel)
    targets = sorted({(e.target, e.entity or "") for s in consumers for e in s.changes if system.store(e.target)})
    healings = [healing_of(system, store, entity or None) for store, entity in targets]
    repaired = [h for h in healings if h is not None]
    heals: Healing | str = (
        max(repaired, key=lambda h: h.within) if healings and len(repaired) == len(healings) else "never"
    )
    kept = view.topology.channels[channel].retention
    return Match(
        elements=(channel,),
        at=("channels", channel, "retention") if kept else ("channels", channel),
        summary=f"{channel} keeps its records for {kept or 'too short a time'}: {what}",
        consequence=Consequence("integrity", heals=heals if isinstance(heals, Healing) else "never", minor=minor),
        targets=tuple(Target(store, entity or None) for store, entity in targets),
        shows=frozenset({"missing", "stale", "wrong-total"}),
    )

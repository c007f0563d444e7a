"""Which stores follow which by a log: captures, outbox relays and consumers, over any number of hops."""

from __future__ import annotations

from data_integration_architect.analysis.lifecycle import is_planned
from data_integration_architect.analysis.system import HandlerSite, System


def follows_log(system: System, source: str, target: str, entity: str | None) -> bool:
    """Whether changes of `entity` in `source` reach `target` by a capture or by an outbox and its consumers."""
    return target in reached_by_log(system, source, entity)


def reached_by_log(system: System, source: str, entity: str | None) -> frozenset[str]:
    """Stores and channels that changes of `entity` in `source` reach by captures and consumers; not jobs."""
    reached: set[str] = {source}
    grew = True
    while grew:
        grew = False
        for site in system.handlers.values():
            if not _takes_from(system, site, reached):
                continue
            for effect in site.changes:
                about = entity is None or effect.entity in (None, entity)
                if about and effect.target not in reached and not is_planned(system, effect):
                    reached.add(effect.target)
                    grew = True
    return frozenset(reached - {source})


def _takes_from(system: System, site: HandlerSite, reached: set[str]) -> bool:
    if site.captured:
        return any(system.store(name) and system.database(name) == system.database(site.captured) for name in reached)
    if site.consumed:
        channel = system.channel(site.consumed)
        in_reached_store = channel is not None and channel.in_ in reached
        return site.consumed in reached or in_reached_store
    return False

"""A batch brings its result more rarely than its readers tolerate.

The period counts, not the running time. A store that is also fed by a log, a request or a stream layer does not wait
for the batch. Misses: a batch that reads a store which is itself late.
"""

from __future__ import annotations

from collections.abc import Iterator

from data_integration_architect.analysis.facts import Facts
from data_integration_architect.analysis.layers import layers_of
from data_integration_architect.analysis.lifecycle import is_planned
from data_integration_architect.analysis.match import Match
from data_integration_architect.analysis.severity import Consequence, Target
from data_integration_architect.analysis.system import Effect
from data_integration_architect.analysis.view import View
from data_integration_architect.topology import NONE, OnSchedule, Write
from data_integration_architect.topology.values import seconds

Site = tuple[Effect, OnSchedule, tuple[int, ...]]

A_MINUTE = 60


def sites(view: View) -> Iterator[Site]:
    """(write, schedule, readers) where the batch is the only feed of what they read."""
    system = view.system
    streamed = {s.id for layers in layers_of(system).values() if layers.stream for s in layers.batch}
    for target in view.topology.stores:
        quickest: dict[str | None, tuple[float, Effect, OnSchedule]] = {}
        for effect in system.touching(target):
            trigger = effect.site.handler.trigger
            brought = bool(effect.site.reads) or effect.site.handler.computes is not None
            if isinstance(effect.step, Write) and isinstance(trigger, OnSchedule) and brought:
                period = seconds(trigger.every) or 0
                known = quickest.get(effect.entity)
                if not is_planned(system, effect) and (known is None or period < known[0]):
                    quickest[effect.entity] = (period, effect, trigger)
        for entity, (_, effect, trigger) in quickest.items():
            readers = system.readers_of(target, entity)
            if readers and effect.site.id not in streamed and not _has_other_feed(view, effect):
                yield effect, trigger, readers


def _has_other_feed(view: View, batch: Effect) -> bool:
    return any(
        other.entity in (None, batch.entity)
        and isinstance(other.step, Write)
        and not isinstance(other.site.handler.trigger, OnSchedule)
        for other in view.system.touching(batch.target)
    )


def judge(view: View, site: Site, facts: Facts) -> Match | None:
    effect, trigger, readers = site
    period = seconds(trigger.every) or 0
    said = [t for i in readers if (t := view.topology.readers[i].tolerates) is not None]
    if not said and (wanted := view.topology.context.freshness_wanted) is not None:
        said = [wanted]
    if not said:
        shorter = "1m" if period > A_MINUTE else NONE
        ask = f"How old may data in {effect.target} be for its readers?"
        said = [facts.ask(("readers", readers[0], "tolerates"), None, (shorter, trigger.every), ask)]
    if not any(t == NONE or (seconds(t) or 0) < period for t in said):
        return None
    return Match(
        elements=(effect.site.id, effect.target),
        at=(*effect.site.path, "trigger", "every"),
        summary=(
            f"{effect.site.id} brings {effect.entity or 'its result'} to {effect.target} every {trigger.every}, which "
            f"is later than its readers tolerate"
        ),
        consequence=Consequence("timeliness", staleness_seconds=period),
        targets=(Target(effect.target, effect.entity),),
        shows=frozenset({"stale", "missing"}),
    )

"""A batch brings its result more rarely than its readers tolerate.

The period counts, not the running time. A store that a log, a request or a stream layer also feeds with the same
result does not wait for the batch, nor does a reader who joins it with another store that has such a feed. A stream
layer that writes elsewhere does not help those who read only here. Misses: a batch that reads a store which is itself
late.
"""

from __future__ import annotations

from collections.abc import Iterator

from data_integration_architect.analysis.facts import Facts
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
            readers = tuple(i for i in system.readers_of(target, entity) if not _is_served_sooner(view, effect, i))
            if readers:
                yield effect, trigger, readers


def _is_served_sooner(view: View, batch: Effect, index: int) -> bool:
    """Whether something that does not wait for a schedule feeds what a reader reads, the stores it joins included."""
    reads = view.topology.readers[index].reads
    joined = (reads,) if isinstance(reads, str) else reads
    return any(_has_other_feed(view, batch, store) for store in {batch.target, *joined})


def _has_other_feed(view: View, batch: Effect, store: str) -> bool:
    """Whether something that does not wait for a schedule brings the same entity or result to a store."""
    return any(
        (other.entity in (None, batch.entity) or _computes_the_same(other, batch))
        and isinstance(other.step, Write)
        and not isinstance(other.site.handler.trigger, OnSchedule)
        and not is_planned(view.system, other)
        for other in view.system.touching(store)
    )


def _computes_the_same(one: Effect, other: Effect) -> bool:
    first, second = one.site.handler.computes, other.site.handler.computes
    return first is not None and second is not None and first.result == second.result


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

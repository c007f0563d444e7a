"""What repairs a derived store: jobs that re-apply everything, expiry, the next write."""

from __future__ import annotations

from dataclasses import dataclass

from data_integration_architect.analysis.memory import remembered
from data_integration_architect.analysis.system import System
from data_integration_architect.topology import NONE, OnSchedule, Read, Write
from data_integration_architect.topology.values import period_seconds, seconds


@dataclass(frozen=True)
class Healing:
    """After how many seconds a wrong record is right again at the latest, and whether that covers deletions."""

    within: float
    covers_deletes: bool


@remembered
def healing_of(system: System, store: str, entity: str | None, deletes: bool = False) -> Healing | None:
    """The quickest repair of `entity` in `store`; None where nothing repairs it without a new write.

    `deletes`: only repairs that also remove what is gone in the source.
    """
    found = [h for h in (*_jobs(system, store, entity), *_expiry(system, store)) if h.covers_deletes or not deletes]
    return min(found, key=lambda h: (h.within, not h.covers_deletes), default=None)


def _expiry(system: System, store: str) -> list[Healing]:
    element = system.store(store)
    within = seconds(element.expiry) if element and element.expiry != NONE else None
    return [Healing(within, True)] if within is not None else []


def _jobs(system: System, store: str, entity: str | None) -> list[Healing]:
    found = []
    for effect in system.touching(store):
        trigger = effect.site.handler.trigger
        if not isinstance(effect.step, Write) or not isinstance(trigger, OnSchedule) or trigger.reads == "since-cursor":
            continue
        if entity is not None and effect.entity not in (None, entity):
            continue
        reads_elsewhere = any(
            isinstance(e.step, Read) and not system.same_instance(e.target, store) for e in effect.site.effects
        )
        within = period_seconds(trigger.every)
        if reads_elsewhere:
            deletes = any(
                isinstance(e.step, Write) and e.target == store and e.step.mode in {"delete", "rebuild-and-swap"}
                for e in effect.site.effects
            )
            found.append(Healing(within, deletes))
    return found

"""Processing layers: handlers that compute the same result, over batches or over a stream."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from data_integration_architect.analysis.memory import remembered
from data_integration_architect.analysis.repair import Healing
from data_integration_architect.analysis.severity import DECISIVE
from data_integration_architect.analysis.system import Effect, HandlerSite, System
from data_integration_architect.topology import OnSchedule, Write
from data_integration_architect.topology.steps import Computation
from data_integration_architect.topology.values import period_seconds


@dataclass(frozen=True)
class Layers:
    """The handlers that compute one result, sorted by id."""

    result: str
    batch: tuple[HandlerSite, ...]
    stream: tuple[HandlerSite, ...]


@remembered
def layers_of(system: System) -> Mapping[str, Layers]:
    """Result → its layers, sorted; what is planned does not count."""
    found: dict[str, list[HandlerSite]] = {}
    for site in system.handlers.values():
        if site.handler.computes and "planned" not in {site.handler.status, site.process.status}:
            found.setdefault(site.handler.computes.result, []).append(site)
    return {
        result: Layers(
            result,
            tuple(s for s in sites if is_batch(system, s)),
            tuple(s for s in sites if not is_batch(system, s)),
        )
        for result, sites in sorted(found.items())
    }


def is_batch(system: System, site: HandlerSite) -> bool:
    """Whether a handler computes over a complete input: by its trigger, its engine, or what it reads."""
    if site.fired_by == "every":
        return True
    if site.fired_by in {"consume", "changes"}:
        return False
    engine = system.catalog.engine(computation(site).engine)
    return engine.kind == "batch" if engine is not None and engine.kind != "unified" else bool(site.reads)


def computation(site: HandlerSite) -> Computation:
    """What the handler computes. Raises: ValueError where it computes nothing."""
    if site.handler.computes is None:
        raise ValueError(f"{site.id} computes nothing")
    return site.handler.computes


def results_of(site: HandlerSite) -> tuple[Effect, ...]:
    """Writes by which a handler puts down what it computed."""
    return tuple(e for e in site.changes if isinstance(e.step, Write) and not e.on_miss)


def corrected_by_batch(layers: Layers) -> Healing | None:
    """The batch layer as repair of the stream's result: only where a result of it is said to replace the approximate
    one. A rerun computes from the input, so it covers deletions too.
    """
    periods = [
        period_seconds(site.handler.trigger.every)
        for site in layers.batch
        if computation(site).replaces_approximate and isinstance(site.handler.trigger, OnSchedule)
    ]
    return Healing(min(periods), True) if periods else None


def is_decisive(system: System, site: HandlerSite) -> bool:
    """Whether somebody decides access, billing, stock or legal matters on what the handler writes."""
    return any(
        system.topology.readers[index].decides in DECISIVE
        for effect in results_of(site)
        for index in system.readers_of(effect.target, effect.entity)
    )

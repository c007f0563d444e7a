"""Events that arrive after their window closed are dropped, so that the result stays too low.

A result that is said not to be exact and on which nothing is decided may drop them. Misses: late data that a batch
over complete files never sees as late.
"""

from __future__ import annotations

from collections.abc import Iterator

from data_integration_architect.analysis.facts import Facts
from data_integration_architect.analysis.layers import (
    Layers,
    computation,
    corrected_by_batch,
    is_decisive,
    layers_of,
    results_of,
)
from data_integration_architect.analysis.match import Match
from data_integration_architect.analysis.severity import Consequence, Target
from data_integration_architect.analysis.system import HandlerSite
from data_integration_architect.analysis.view import View
from data_integration_architect.topology import NONE

Site = tuple[Layers, HandlerSite]


def sites(view: View) -> Iterator[Site]:
    for layers in layers_of(view.system).values():
        yield from ((layers, site) for site in (*layers.batch, *layers.stream))


def judge(view: View, site: Site, facts: Facts) -> Match | None:
    layers, handler = site
    what = computation(handler)
    if what.exact is False and not _is_decided_on(view, handler, facts):
        return None
    if what.late is None and not _can_be_late(view, layers, handler):
        return None
    ask = f"What does {handler.id} do with an event that arrives after its window closed?"
    if facts.ask((*handler.path, "computes", "late"), what.late, ("drop", "correct"), ask) != "drop":
        return None
    results = results_of(handler)
    healing = corrected_by_batch(layers) if handler in layers.stream else None
    return Match(
        elements=(handler.id, *dict.fromkeys(e.target for e in results)),
        at=(*handler.path, "computes"),
        summary=(
            f"{handler.id} drops events that arrive after their window closed, so {layers.result} stays too low "
            + ("until the batch layer replaces it" if healing else "for good")
        ),
        consequence=Consequence("integrity", heals=healing or "never", minor=what.exact is False),
        targets=tuple(Target(e.target, e.entity) for e in results),
        shows=frozenset({"missing", "wrong-total"}),
    )


def _is_decided_on(view: View, handler: HandlerSite, facts: Facts) -> bool:
    """Whether somebody decides on an estimate; asked of one reader where nobody said what is decided."""
    if is_decisive(view.system, handler):
        return True
    for effect in results_of(handler):
        for index in view.system.readers_of(effect.target, effect.entity):
            if view.topology.readers[index].decides is None:
                ask = f"What is decided on {effect.entity or 'what'} that somebody reads in {effect.target}?"
                return bool(facts.ask(("readers", index, "decides"), None, ("billing", NONE), ask) == "billing")
    return False


def _can_be_late(view: View, layers: Layers, handler: HandlerSite) -> bool:
    """Whether windows by event time are said, or a stream whose result counts makes the question worth asking."""
    what = computation(handler)
    if what.windows in {"processing-time", "none"}:
        return False
    if what.windows == "event-time":
        return True
    return handler in layers.stream and (bool(what.exact or layers.batch) or is_decisive(view.system, handler))

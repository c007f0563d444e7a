"""The memory of what was handled is asked at a copy that may not know yet.

Decides for a declared deduplication, and for a handler that looks a record up in a replica and then inserts it in
the primary. Cannot see a client or proxy that sends reads to a replica by itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from data_integration_architect.analysis.facts import Facts
from data_integration_architect.analysis.match import Match
from data_integration_architect.analysis.protection import (
    REFUSING_GUARDS,
    has_dedup,
    is_refused,
    lags_behind,
    request_of,
)
from data_integration_architect.analysis.repetition import Harm, heavy_effects, lasting_consequence
from data_integration_architect.analysis.severity import Target
from data_integration_architect.analysis.system import Effect, HandlerSite
from data_integration_architect.analysis.view import View
from data_integration_architect.topology import Write


@dataclass(frozen=True, eq=False)
class Site:
    handler: HandlerSite
    asked: str
    heavy: tuple[tuple[Effect, Harm], ...]
    record: Effect | None = None
    """Insert of the record that was looked up; None for a declared deduplication."""


def sites(view: View) -> Iterator[Site]:
    system = view.system
    for site in system.handlers.values():
        request = request_of(site)
        heavy = tuple(pair for pair in heavy_effects(system, site) if not is_refused(system, pair[0]))
        if not heavy or (request is not None and request.retries is False):
            continue
        dedup = site.handler.dedup
        if dedup is not None and has_dedup(site):
            asked = dedup.read_from or dedup.in_
            if asked and lags_behind(system, asked, dedup.in_):
                yield Site(site, asked, heavy)
            continue
        for look in site.reads:
            record = _inserted_after(view, site, look)
            if record is not None and any(effect is not record for effect, _ in heavy):
                yield Site(site, look.target, heavy, record)


def _inserted_after(view: View, site: HandlerSite, look: Effect) -> Effect | None:
    """The insert, at the primary, of the record that was looked up in a replica."""
    system = view.system
    element = system.store(look.target)
    if element is None or not element.replica_of or not lags_behind(system, look.target, None):
        return None
    for effect in site.changes:
        if (
            isinstance(effect.step, Write)
            and effect.step.mode == "insert"
            and effect.subject is not None
            and effect.subject == look.subject
            and effect.position > look.position
            and system.same_instance(effect.target, system.primary(look.target))
        ):
            return effect
    return None


def judge(view: View, place: Site, facts: Facts) -> Match | None:
    site, record = place.handler, place.record
    if record is not None and isinstance(record.step, Write):
        guard = facts.ask(
            (*record.path, "guard"),
            record.step.guard,
            ("none", "unique-key"),
            f"Does a unique key of {record.target} refuse the {record.subject} that {site.id} inserts a second time?",
        )
        if guard in REFUSING_GUARDS:
            return None
    targets = tuple(dict.fromkeys(effect.target for effect, _ in place.heavy))
    return Match(
        elements=(site.id, place.asked),
        at=(*site.path, "dedup", "read_from") if record is None else record.path,
        summary=(
            f"{site.id} asks {place.asked} whether it has handled an operation; {place.asked} may not have the record "
            f"of a moment ago, so a quick repetition is applied again to {' and '.join(targets)}"
        ),
        consequence=lasting_consequence(harm for _, harm in place.heavy),
        targets=tuple(Target(effect.target, effect.entity) for effect, _ in place.heavy),
        shows=frozenset({"duplicate", "wrong-total"}),
    )

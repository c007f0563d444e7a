"""A record refers to one that is not there: not yet, not any more, or not since a crash.

Decided for declared references whose two ends lie in different databases, or come into one store on different ways.
Cannot see references that nobody declared, nor a reader that copes with a gap unless it is said
(`visible_before: false`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from data_integration_architect.analysis.facts import Facts
from data_integration_architect.analysis.match import Match
from data_integration_architect.analysis.repair import healing_of
from data_integration_architect.analysis.severity import Consequence, Target
from data_integration_architect.analysis.system import Effect, System
from data_integration_architect.analysis.view import View
from data_integration_architect.files import DocumentPath
from data_integration_architect.topology import OnSchedule, Write


@dataclass(frozen=True, eq=False)
class Site:
    kind: str
    """late = comes into one store on its own way; gone = deleted elsewhere; torn = written after it by one handler."""
    entity: str
    to: str
    path: DocumentPath
    """Path of the reference."""
    referring: Effect
    referred: Effect


def sites(view: View) -> Iterator[Site]:
    system = view.system
    for name, entity in sorted(system.topology.entities.items()):
        for index, reference in enumerate(entity.references):
            if reference.visible_before is False or system.entity(reference.to) is None:
                continue
            path: DocumentPath = ("entities", name, "references", index)
            ones, others = _writes(system, name), _writes(system, reference.to)
            for one in ones:
                for other in others:
                    kind = _kind(view, one, other)
                    if kind is not None:
                        yield Site(kind, name, reference.to, path, one, other)


def _writes(system: System, entity: str) -> list[Effect]:
    return [
        e
        for e in system.effects_about(entity)
        if isinstance(e.step, Write) and not e.on_miss and e.step.status != "planned"
    ]


def _kind(view: View, one: Effect, other: Effect) -> str | None:
    system = view.system
    if one.site.id == other.site.id:
        if system.database(one.target) == system.database(other.target) or not one.site.is_direct:
            return None
        creates = all(isinstance(e.step, Write) and e.step.mode in (None, "insert", "replace") for e in (one, other))
        # What other handlers write as well is likely to be there already.
        creates = creates and all(e.site.id == other.site.id for e in _writes(system, other.entity or ""))
        # A step inside the block of the referring record runs before its commit: nobody sees the record without it.
        inside = system.enlisted(one) is not None and any(b is system.enlisted(one) for _, b in other.blocks)
        return "torn" if creates and one.position < other.position and not inside else None
    if system.same_instance(one.target, other.target):
        both_derived = not one.site.is_direct and not other.site.is_direct
        return "late" if both_derived and _on_their_own_ways(system, one, other) else None
    mode = other.step.mode if isinstance(other.step, Write) else None
    records = view.record_of(one.entity) == one.target and view.record_of(other.entity) == other.target
    return "gone" if records and mode == "delete" and not _told(system, one, other) else None


def _on_their_own_ways(system: System, one: Effect, other: Effect) -> bool:
    """Whether the two come on different channels or captures, so that either can be first."""
    ways = [(e.site.consumed, e.site.captured, e.site.id if e.site.fired_by == "every" else None) for e in (one, other)]
    # Runs of two jobs are ordered by their schedule, which is not said; a rebuild makes both visible in its own time.
    return ways[0] != ways[1] and not all(isinstance(e.site.handler.trigger, OnSchedule) for e in (one, other))


def _told(system: System, one: Effect, other: Effect) -> bool:
    """Whether something brings news of the referred entity to the database that refers to it."""
    database = system.database(one.target)
    return any(
        not e.is_read and system.store(e.target) is not None and system.database(e.target) == database
        for e in system.effects_about(other.entity)
    ) or any(
        site.captured == other.target or (site.consumed is not None and other.entity in system.carried(site.consumed))
        for site in system.handlers.values()
        if any(system.store(e.target) and system.database(e.target) == database for e in site.changes)
    )


def judge(view: View, site: Site, facts: Facts) -> Match | None:
    system = view.system
    reference = system.topology.entities[site.entity].references[site.path[-1]]  # type: ignore[index]
    ask = f"Must {site.to} be there before a reader sees {site.entity}?"
    if not facts.ask((*site.path, "visible_before"), reference.visible_before, (True, False), ask):
        return None
    one, other = site.referring, site.referred
    if site.kind == "gone":
        deletes = system.topology.entities[site.to].deletes
        if deletes in {"soft", "never"}:
            return None
        summary = (
            f"{other.site.id} deletes {site.to} in {other.target}, and nothing tells {one.target}: {site.entity} there "
            "refers to nothing from then on"
        )
        consequence = Consequence("integrity", heals=healing_of(system, one.target, site.entity) or "never")
    elif site.kind == "torn":
        summary = (
            f"{one.site.id} writes {site.entity} to {one.target} before {site.to} to {other.target}: a crash between "
            "leaves a reference to nothing"
        )
        consequence = Consequence("integrity", heals=healing_of(system, other.target, site.to) or "never")
    else:
        summary = (
            f"{site.entity} and {site.to} reach {one.target} on different ways: a reader can see {site.entity} before "
            f"the {site.to} that it refers to"
        )
        consequence = Consequence("timeliness")
    handlers = (other.site.id,) if site.kind == "gone" else dict.fromkeys((one.site.id, other.site.id))
    return Match(
        elements=tuple(dict.fromkeys((site.entity, site.to, one.target, other.target, *handlers))),
        at=site.path,
        summary=summary,
        consequence=consequence,
        targets=(Target(one.target, site.entity),),
        # What refers to a record that is gone is still shown.
        shows=frozenset({"missing", "phantom"} if site.kind == "gone" else {"missing"}),
    )

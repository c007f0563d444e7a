"""Severity from consequence, in one place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from data_integration_architect.analysis.repair import Healing
from data_integration_architect.analysis.system import System
from data_integration_architect.files import DocumentPath
from data_integration_architect.sources import SEVERITIES, Severity
from data_integration_architect.topology import NONE
from data_integration_architect.topology.values import seconds

Violated = Literal["integrity", "timeliness", "availability"]
DECISIVE = {"access", "billing", "stock", "legal"}


@dataclass(frozen=True)
class Consequence:
    """What a defect does: what it violates, what repairs it, and what it does beyond a wrong record.

    `staleness_seconds`: for timeliness, how long a reader may see the old value; None = without bound.
    `effect`: money = moved irreversibly; disclosure = content shown to who must not see it; external = another
    irreversible effect outside; blocks-others and blocks-own = processing stops.
    """

    violates: Violated
    heals: Literal["never", "next-write"] | Healing = "never"
    effect: Literal["none", "money", "disclosure", "external", "blocks-others", "blocks-own"] = "none"
    staleness_seconds: float | None = None
    tolerated: bool = False
    """Whether those who read the result accept exactly this, such as loss in values that are approximate: low."""
    minor: bool = False
    """One step lower: the defect needs a second, independent mishap, or harms convenience only."""
    rare: bool = False
    """Two steps lower: only a crash between two given steps of one handler is left, for which no retry can help."""


@dataclass(frozen=True)
class Target:
    """A store (and entity) whose readers decide how bad a defect is."""

    store: str
    entity: str | None = None


def severity_of(
    system: System, consequence: Consequence, targets: tuple[Target, ...], allowed: tuple[Severity, ...]
) -> tuple[Severity, tuple[DocumentPath, ...]]:
    """Severity within `allowed`, and the unsaid facts about readers that would change it.

    Unknown mitigations and aggravations count as absent.
    """
    readers = sorted({i for t in targets for i in system.readers_of(t.store, t.entity)})
    tolerances = [seconds(system.topology.readers[i].tolerates) for i in readers]
    strict = any(system.topology.readers[i].tolerates == NONE for i in readers)
    unsaid: list[DocumentPath] = []
    level = SEVERITIES.index(_base(consequence, tolerances, strict, system))
    decisive = [i for i in readers if system.topology.readers[i].decides in DECISIVE]
    if consequence.effect not in {"money", "disclosure"}:
        if decisive:
            level += 1
        else:
            unsaid.extend(("readers", i, "decides") for i in readers if system.topology.readers[i].decides is None)
    if isinstance(consequence.heals, Healing) and consequence.violates == "integrity":
        within = _tolerated(consequence.heals.within, tolerances, strict, system)
        if within and consequence.heals.covers_deletes:
            level -= 1
    if consequence.violates == "timeliness":
        unsaid.extend(("readers", i, "tolerates") for i in readers if system.topology.readers[i].tolerates is None)
    level -= 2 if consequence.rare else consequence.minor
    indices = sorted(SEVERITIES.index(word) for word in allowed)
    level = min(max(level, indices[0]), indices[-1])
    return SEVERITIES[level], tuple(sorted(unsaid, key=str))


def _base(consequence: Consequence, tolerances: list[float | None], strict: bool, system: System) -> Severity:
    if consequence.effect in {"money", "disclosure"}:
        return "critical"
    if consequence.tolerated:
        return "low"
    if consequence.effect == "external":
        return "high"
    if consequence.effect == "blocks-others":
        return "high"
    if consequence.effect == "blocks-own" or consequence.violates == "availability":
        return "medium"
    if consequence.violates == "integrity":
        return "medium" if isinstance(consequence.heals, Healing) else "high"
    staleness = consequence.staleness_seconds
    if staleness is None and isinstance(consequence.heals, Healing):
        staleness = consequence.heals.within
    return "low" if staleness is not None and _tolerated(staleness, tolerances, strict, system) else "medium"


def _tolerated(within: float, tolerances: list[float | None], strict: bool, system: System) -> bool:
    """Whether every reader that said a tolerance (else the freshness wanted) accepts `within` seconds."""
    said = [t for t in tolerances if t is not None]
    if strict:
        return False
    if not said:
        wanted = seconds(system.topology.context.freshness_wanted)
        said = [wanted] if wanted is not None else []
    return bool(said) and within <= min(said)

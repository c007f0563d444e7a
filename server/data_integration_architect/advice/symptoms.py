"""Which of the symptoms that were seen a finding explains."""

from __future__ import annotations

from data_integration_architect.analysis.match import Match
from data_integration_architect.analysis.propagation import behind
from data_integration_architect.analysis.severity import Target
from data_integration_architect.analysis.system import System
from data_integration_architect.topology import Symptom

# What is lost, held twice or left over makes totals over it wrong, and what is made from it missing.
OF_A_RESULT = {"wrong-total": {"missing", "duplicate", "phantom", "stale"}, "missing": {"missing"}}


def explained_by(system: System, match: Match) -> tuple[int, ...]:
    """Indices of symptoms of the kinds that the finding shows, where it shows them and in what is made from that."""
    symptoms = enumerate(system.topology.symptoms)
    return tuple(i for i, symptom in symptoms if any(_shows(system, match, symptom, end) for end in match.targets))


def _shows(system: System, match: Match, symptom: Symptom, target: Target) -> bool:
    known_as = _shown_as(system, symptom) & match.shows
    if known_as and _is_at(system, symptom, target.store, target.entity):
        return True
    ends = [e for e in behind(system, target.store, target.entity) if _is_at(system, symptom, *e)]
    in_results = OF_A_RESULT.get(symptom.kind, set()) & match.shows
    return any(known_as or (in_results and entity != target.entity) for _, entity in ends)


def _is_at(system: System, symptom: Symptom, store: str, entity: str | None) -> bool:
    if system.database(store) != system.database(symptom.in_):
        return False
    base = symptom.entity.split(".", 1)[0] if symptom.entity else None
    return entity is None or base is None or entity.split(".", 1)[0] == base


def _shown_as(system: System, symptom: Symptom) -> set[str]:
    """Kinds under which rules know what was seen: an old state leaks what its reader may no longer see."""
    if symptom.kind != "leaked":
        return {symptom.kind}
    grants = any(system.topology.readers[i].decides == "access" for i in system.readers_of(symptom.in_, symptom.entity))
    return {"leaked", "phantom", *(("stale", "reverted") if grants else ())}

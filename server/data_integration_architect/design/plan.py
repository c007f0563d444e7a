"""The way from today to the target, in phases that can each be verified and undone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from data_integration_architect.advice.choice import Advice
from data_integration_architect.analysis.view import View
from data_integration_architect.design.changes import changes
from data_integration_architect.design.phases import Step, shadow_of
from data_integration_architect.design.phases_layers import layer_phases
from data_integration_architect.design.phases_requests import request_phases
from data_integration_architect.design.phases_settings import last_phases, repair_phase, token_phases
from data_integration_architect.design.phases_shadow import shadow_phases
from data_integration_architect.rules import Found
from data_integration_architect.topology import Topology, dump_topology


def _with_shadows_named(before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
    """`before` with the shadow copies that are gone afterwards under the names that they take."""
    names = {shadow_of(store): store for store in after.get("stores", {})}
    taken = {shadow: store for shadow, store in names.items() if shadow in before.get("stores", {})}
    taken = {shadow: store for shadow, store in taken.items() if shadow not in after.get("stores", {})}
    if not taken:
        return before

    def renamed(value: Any) -> Any:
        if isinstance(value, dict):
            return {k: renamed(v) for k, v in value.items()}
        if isinstance(value, list):
            return [renamed(v) for v in value]
        return taken.get(value, value) if isinstance(value, str) else value

    stores = {name: facts for name, facts in before["stores"].items() if name not in taken}
    return {**renamed(before), "stores": stores}


@dataclass(frozen=True)
class Planned:
    """A phase with what it changes against the one before it."""

    step: Step
    changes: tuple[str, ...]


def plan_migration(
    today: View, target: Topology, advice: Sequence[Advice], found: Sequence[Found]
) -> tuple[Planned, ...]:
    """Phases from today's topology to the target; empty where nothing has to change.

    The first kind of change that fits gives the phases: layers that become one, a distributed commit that is taken
    apart, copies that can be filled beside the present ones, a token on events; what is left is done in the last one.
    """
    before, after = dump_topology(today.topology), dump_topology(target)
    if before == after:
        return ()
    steps = (
        layer_phases(today, target)
        or request_phases(today, target, advice)
        or shadow_phases(today, target)
        or token_phases(today, target, advice)
        or last_phases(today, target, advice)
    )
    repair = repair_phase(today, target, found, steps)
    steps = (*steps, repair) if repair else steps
    planned, last = [], before
    for step in steps:
        now = dump_topology(step.topology)
        planned.append(Planned(step, changes(_with_shadows_named(last, now), now)))
        last = now
    return tuple(planned)

"""Everything that is concluded from a topology before a rule looks at it."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from functools import cached_property
from typing import Any

from data_integration_architect.analysis.flows import Flow, dual_pairs, flows_of
from data_integration_architect.analysis.ownership import Ownership, owners_of
from data_integration_architect.analysis.system import Effect, System
from data_integration_architect.catalog import Catalog
from data_integration_architect.topology import Topology


class View:
    """A system with its systems of record, flows and dual writes. Pure; each part is computed once."""

    def __init__(self, topology: Topology, catalog: Catalog) -> None:
        self.system = System(topology, catalog)
        self.topology = topology
        self.catalog = catalog
        self.memory: dict[Hashable, Any] = {}

    @cached_property
    def owners(self) -> Mapping[str, Ownership]:
        return owners_of(self.system)

    @cached_property
    def flows(self) -> tuple[Flow, ...]:
        return flows_of(self.system, self.owners)

    @cached_property
    def dual_writes(self) -> tuple[tuple[Effect, Effect], ...]:
        """(record, copy) effects of handlers on request; consumers are left to the rules, which know about retries."""
        return tuple(
            pair for site in self.system.handlers.values() if site.is_direct for pair in dual_pairs(self.system, site)
        )

    def record_of(self, entity: str | None) -> str | None:
        """The store or channel that is right by definition for an entity."""
        owner = self.owners.get(entity) if entity else None
        return owner.store if owner else None

    def flows_to(self, target: str) -> tuple[Flow, ...]:
        return tuple(flow for flow in self.flows if flow.target == target)

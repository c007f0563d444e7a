"""A second store is written before the transaction around it commits: it keeps the change after a rollback."""

from __future__ import annotations

from collections.abc import Iterator

from data_integration_architect.analysis.facts import Facts
from data_integration_architect.analysis.match import Match
from data_integration_architect.analysis.repair import healing_of
from data_integration_architect.analysis.severity import Consequence, Target
from data_integration_architect.analysis.system import Effect
from data_integration_architect.analysis.view import View
from data_integration_architect.topology import Write

Site = tuple[Effect, Effect]


def sites(view: View) -> Iterator[Site]:
    for record, copy in view.dual_writes:
        if isinstance(copy.step, Write) and view.system.inside_foreign(copy) is not None:
            yield record, copy


def judge(view: View, site: Site, facts: Facts) -> Match | None:
    record, copy = site
    system = view.system
    healing = healing_of(system, copy.target, copy.entity)
    return Match(
        elements=(record.target, copy.target, record.site.id),
        at=copy.path,
        summary=(
            f"{record.site.id} writes {copy.entity or 'the change'} to {copy.target} while the transaction on "
            f"{record.target} is still open: if it rolls back, {copy.target} keeps what never happened"
        ),
        consequence=Consequence("integrity", heals=healing or "never"),
        targets=(Target(copy.target, copy.entity),),
        shows=frozenset({"phantom", "stale", "missing"}),
    )

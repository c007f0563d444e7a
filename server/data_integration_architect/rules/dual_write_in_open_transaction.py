"""A second store is written before the transaction around it commits: it keeps the change after a rollback.

Cannot see a framework that delays a write until after the commit; such a write stands after the block.
"""

from __future__ import annotations

from collections.abc import Iterator

from data_integration_architect.analysis.enlistment import covered_writes, turns_out_enlisted
from data_integration_architect.analysis.facts import Facts
from data_integration_architect.analysis.lifecycle import is_planned, window_of
from data_integration_architect.analysis.match import Match
from data_integration_architect.analysis.repair import healing_of
from data_integration_architect.analysis.severity import Consequence, Target
from data_integration_architect.analysis.system import Effect
from data_integration_architect.analysis.view import View
from data_integration_architect.topology import Write

Site = tuple[Effect, Effect]


def sites(view: View) -> Iterator[Site]:
    system = view.system
    for record, copy in view.dual_writes:
        if is_planned(system, record) or is_planned(system, copy):
            continue
        # The pair is ordered by rank of the stores; either one may stand in the other's transaction.
        for one, other in ((record, copy), (copy, record)):
            is_foreign = isinstance(other.step, Write) and system.inside_foreign(other) is not None
            if is_foreign and one in covered_writes(system, other):
                yield one, other


def judge(view: View, site: Site, facts: Facts) -> Match | None:
    record, copy = site
    system = view.system
    if turns_out_enlisted(system, facts, copy):
        return None
    healing = healing_of(system, copy.target, copy.entity)
    window = window_of(system, copy) or window_of(system, record)
    return Match(
        elements=(record.target, copy.target, record.site.id),
        at=copy.path,
        summary=(
            f"{record.site.id} writes {copy.entity or 'the change'} to {copy.target} while the transaction on "
            f"{record.target} is still open: if it rolls back, {copy.target} keeps what never happened"
        ),
        consequence=Consequence("integrity", heals=healing or "never", minor=window is not None and window.is_bounded),
        targets=(Target(copy.target, copy.entity),),
        shows=frozenset({"phantom", "stale", "missing"}),
    )

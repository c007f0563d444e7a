"""A standby is promoted by itself and nothing stops the old primary: two copies take writes, and one side is lost.

A quorum that confirms writes is as good as a fence. Cannot see a failover that nobody mentioned.
"""

from __future__ import annotations

from collections.abc import Iterator

from data_integration_architect.analysis.copies import fails_over_unfenced, stores_with_failover
from data_integration_architect.analysis.facts import Facts
from data_integration_architect.analysis.match import Match
from data_integration_architect.analysis.repair import healing_of
from data_integration_architect.analysis.severity import Consequence, Target
from data_integration_architect.analysis.view import View
from data_integration_architect.topology import Store

Site = tuple[str, Store]


def sites(view: View) -> Iterator[Site]:
    yield from stores_with_failover(view.system)


def judge(view: View, site: Site, facts: Facts) -> Match | None:
    name, store = site
    if not fails_over_unfenced(view.system, name, store, facts):
        return None
    return Match(
        elements=(name,),
        at=("stores", name, "failover"),
        summary=(
            f"a standby of {name} is promoted automatically while nothing stops the old primary: both take writes, and "
            f"the writes of one side are lost or undone"
        ),
        consequence=Consequence("integrity", heals=healing_of(view.system, name, None) or "never"),
        targets=(Target(name),),
        shows=frozenset({"missing", "reverted", "phantom", "stale", "duplicate", "wrong-total"}),
    )

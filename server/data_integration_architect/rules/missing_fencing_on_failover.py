"""A standby is promoted by itself and nothing stops the old primary: two copies take writes, and one side is lost.

A quorum that confirms writes is as good as a fence. Cannot see a failover that nobody mentioned.
"""

from __future__ import annotations

from collections.abc import Iterator

from data_integration_architect.analysis.facts import Facts
from data_integration_architect.analysis.match import Match
from data_integration_architect.analysis.repair import healing_of
from data_integration_architect.analysis.severity import Consequence, Target
from data_integration_architect.analysis.view import View
from data_integration_architect.topology import Store

Site = tuple[str, Store]

# Products whose election and acknowledgement rest on a majority, unless a topology says otherwise.
QUORUM_BUILT_IN = {"cockroachdb", "mongodb", "elasticsearch", "opensearch", "dynamodb"}


def sites(view: View) -> Iterator[Site]:
    for name, store in sorted(view.topology.stores.items()):
        if store.failover is not None and store.status != "planned" and not store.external:
            yield name, store


def judge(view: View, site: Site, facts: Facts) -> Match | None:
    name, store = site
    failover, head = store.failover, view.system.technology(name)
    path = ("stores", name, "failover")
    if failover is None or failover.quorum or store.replication == "quorum":
        return None
    if failover.fenced is None and failover.quorum is None and head is not None and head.id in QUORUM_BUILT_IN:
        return None
    ask = f"Is a standby of {name} promoted without a person?"
    if not facts.ask((*path, "automatic"), failover.automatic, (True, False), ask):
        return None
    ask = f"Is the old primary of {name} certainly stopped from taking writes when a standby is promoted?"
    if facts.ask((*path, "fenced"), failover.fenced, (False, True), ask):
        return None
    return Match(
        elements=(name,),
        at=path,
        summary=(
            f"a standby of {name} is promoted automatically while nothing stops the old primary: both take writes, and "
            f"the writes of one side are lost or undone"
        ),
        consequence=Consequence("integrity", heals=healing_of(view.system, name, None) or "never"),
        targets=(Target(name),),
        shows=frozenset({"missing", "reverted", "phantom", "stale", "duplicate", "wrong-total"}),
    )

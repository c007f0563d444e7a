"""Two stores get the same change from one handler, and nothing holds the two writes together."""

from __future__ import annotations

from collections.abc import Iterator

from data_integration_architect.analysis.delivery import acknowledges
from data_integration_architect.analysis.facts import Facts
from data_integration_architect.analysis.flows import dual_pairs
from data_integration_architect.analysis.match import Match
from data_integration_architect.analysis.repair import healing_of
from data_integration_architect.analysis.severity import Consequence, Target
from data_integration_architect.analysis.system import Effect, HandlerSite
from data_integration_architect.analysis.view import View
from data_integration_architect.topology import Append

Site = tuple[Effect, Effect]


def sites(view: View) -> Iterator[Site]:
    """Pairs (record, copy): all of handlers on request, of other handlers those whose second half can get lost."""
    yield from view.dual_writes
    for site in view.system.handlers.values():
        if not site.is_direct:
            for first, second in dual_pairs(view.system, site):
                if _second_half_is_not_repeated(view, site, first, second):
                    yield first, second


def _second_half_is_not_repeated(view: View, site: HandlerSite, first: Effect, second: Effect) -> bool:
    """A consumer repeats both halves after a crash, unless it gives up or remembers the record with the first half."""
    later = max((first, second), key=lambda e: e.position)
    if later.step.retry is not None and later.step.retry.then == "ignore":
        return True
    if site.consumed is None:
        return False
    dedup = site.handler.dedup
    remembers_first = (
        dedup is not None
        and dedup.by != "none"
        and dedup.in_ is not None
        and not view.system.same_instance(dedup.in_, later.target)
    )
    return remembers_first or acknowledges(site) == "before"


def judge(view: View, site: Site, facts: Facts) -> Match | None:
    record, copy = site
    system = view.system
    healing = None if isinstance(copy.step, Append) else healing_of(system, copy.target, copy.entity)
    subject = copy.entity or record.entity or "the change"
    order = (record, copy) if record.position < copy.position else (copy, record)
    return Match(
        elements=(record.target, copy.target, record.site.id),
        at=copy.path,
        summary=(
            f"{record.site.id} changes {subject} in {order[0].target} and then in {order[1].target} with no common "
            f"transaction: a crash or error between them, or two runs at once, leaves {copy.target} different from "
            f"{record.target}"
        ),
        consequence=Consequence("integrity", heals=healing or ("never" if isinstance(copy.step, Append) else "next-write")),
        targets=(Target(copy.target, copy.entity),),
        shows=frozenset({"stale", "missing", "phantom", "reverted", "wrong-total"}),
    )

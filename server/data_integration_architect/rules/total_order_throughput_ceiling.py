"""Everything goes through one ordered place at a rate that one place cannot bear, now or after the growth expected.

Cannot see how long one record takes; RECORDS_PER_SECOND is an order of magnitude for a partition and its one consumer.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from data_integration_architect.analysis.facts import Facts
from data_integration_architect.analysis.match import Match
from data_integration_architect.analysis.severity import Consequence, Target
from data_integration_architect.analysis.view import View
from data_integration_architect.topology.values import SECONDS, per_second

# A shard of Kinesis takes 1,000 records a second; one consumer that waits a millisecond for its store does no more.
RECORDS_PER_SECOND = 1000.0
YEARS_AHEAD = 2
MOST_GROWTH = 4.0  # twice as much each year; more is a hope and no forecast
_PERCENT = re.compile(r"(\d+(?:\.\d+)?)\s?%\s?/\s?([a-z]+)\Z")


def sites(view: View) -> Iterator[str]:
    for name, channel in sorted(view.topology.channels.items()):
        if view.system.channel_kind(name) not in {"log", "queue", "unknown"} or channel.status == "planned":
            continue
        if channel.partitions == 1 or channel.order == "total":
            yield name


def judge(view: View, site: str, facts: Facts) -> Match | None:
    rate = _rate(view, site, facts)
    grown = rate * _growth(view, rate, facts)
    if grown < RECORDS_PER_SECOND:
        return None
    when = "today" if rate >= RECORDS_PER_SECOND else f"within {YEARS_AHEAD} years"
    entities = view.system.carried(site)
    handlers = tuple(handler.id for handler in view.system.consumers(site))
    bound = [c.name for c in view.topology.constraints if c.enforced_at in {site, *handlers}]
    order = f"the order that {bound[0]} needs" if bound else "an order that only records of one key need"
    return Match(
        elements=(site, *handlers),
        at=("channels", site, "partitions" if view.topology.channels[site].partitions == 1 else "order"),
        summary=(
            f"All records of {site} pass one after the other for {order}: {when} there are more than "
            f"{RECORDS_PER_SECOND:.0f} in a second, and the backlog grows without end"
        ),
        consequence=Consequence("availability", effect="blocks-own"),
        targets=tuple(
            Target(e.target, e.entity)
            for h in view.system.consumers(site)
            for e in h.changes
            if view.system.store(e.target) and (not entities or e.entity in (None, *entities))
        ),
        shows=frozenset({"stale", "blocked"}),
        fixes=("partition-total-order", "per-key-order-suffices") if bound else (),
    )


def _rate(view: View, channel: str, facts: Facts) -> float:
    """Records per second: of the entities that the channel carries, else of the whole system; asks if nobody said."""
    entities = sorted(view.system.carried(channel))
    said = {e: per_second(element.rate) for e in entities if (element := view.system.entity(e))}
    total = sum(rate for rate in said.values() if rate is not None)
    if total >= RECORDS_PER_SECOND:
        return total
    whole = per_second(view.topology.context.rate)
    if whole is not None:
        return max(total, whole)
    for entity in [e for e in said if said[e] is None]:
        path = ("entities", entity, "rate")
        answer = facts.ask(path, None, ("5000/s", "10/s"), f"How often does {entity} change?")
        total += per_second(answer) or 0.0
        if total >= RECORDS_PER_SECOND:
            return total
    if not entities:
        answer = facts.ask(("context", "rate"), None, ("5000/s", "10/s"), f"How many records pass {channel}?")
        total += per_second(answer) or 0.0
    return total


def _growth(view: View, rate: float, facts: Facts) -> float:
    """By which factor the load grows in the years that a layout should last; asks where growth could decide."""
    said = view.topology.context.growth
    if rate >= RECORDS_PER_SECOND or rate * MOST_GROWTH < RECORDS_PER_SECOND:
        return 1.0
    growth = facts.ask(("context", "growth"), said, ("100%/y", "1%/y"), "How fast does the load grow?")
    match = _PERCENT.match(growth)
    if not match:
        return 1.0
    period = {"day": "d", "week": "w"}.get(match[2], match[2])
    years = SECONDS["y"] / SECONDS.get(period, SECONDS["y"])
    return float(min((1 + float(match[1]) / 100) ** min(years * YEARS_AHEAD, 1000), MOST_GROWTH))

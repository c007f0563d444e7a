"""Two stores get the same change from one handler, and nothing holds the two writes together.

Two records of a sharded store that one handler adds to, each in its own transaction, are two stores as well: a local
transaction covers one shard. In a consumer, redelivery repeats both halves, so only a half that is given up or hidden
by an early acknowledgement or deduplication record is lost. Misses: two requests that a client sends one after the
other.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from data_integration_architect.analysis.delivery import acknowledges
from data_integration_architect.analysis.enlistment import home_of, turns_out_enlisted
from data_integration_architect.analysis.facts import Facts
from data_integration_architect.analysis.flows import dual_pairs
from data_integration_architect.analysis.lifecycle import is_planned, window_of
from data_integration_architect.analysis.match import Match
from data_integration_architect.analysis.propagation import follows_log
from data_integration_architect.analysis.repair import healing_of
from data_integration_architect.analysis.severity import Consequence, Target
from data_integration_architect.analysis.system import Effect, HandlerSite, System
from data_integration_architect.analysis.view import View
from data_integration_architect.topology import NONE, Append, Write

Site = tuple[Effect, Effect]


def sites(view: View) -> Iterator[Site]:
    """Pairs (record, copy): all of handlers on request, of other handlers those that begin at the system of record."""
    system = view.system
    pairs = list(view.dual_writes)
    for site in system.handlers.values():
        if not site.is_direct:
            pairs += [pair for pair in dual_pairs(system, site) if _originates(view, pair[0])]
    for record, copy in pairs:
        if is_planned(system, record) or is_planned(system, copy):
            continue
        # A write-through beside a log of the same change is a preview: the log brings the copy in line.
        if isinstance(copy.step, Write) and follows_log(system, record.target, copy.target, copy.entity):
            continue
        yield record, copy
    for handler in system.handlers.values():
        yield from _two_shards(system, handler)


def _two_shards(system: System, site: HandlerSite) -> Iterator[Site]:
    """What is taken from one record and added to another one, where nothing says that they share a shard.

    Two additions to one entity are about two records; other writes may come back to the same one.
    """
    added = [
        e
        for e in site.changes
        if isinstance(e.step, Write)
        and e.step.mode == "increment"
        and e.entity is not None
        and not is_planned(system, e)
        and (store := system.store(e.target)) is not None
        and store.partition_key is not None
    ]
    for first, later in pairwise(added):
        if (
            first.target == later.target
            and first.subject == later.subject
            and not system.share_transaction(first, later)
        ):
            yield first, later


def _originates(view: View, record: Effect) -> bool:
    """Whether a consumer or job makes the change, and does not fan out one that was made upstream."""
    consumed = record.site.consumed
    # A relay that marks its rows as sent changes nothing but its own position.
    if consumed and view.system.channel_kind(consumed) == "table" and home_of(view.system, consumed) == record.target:
        return False
    owner = view.record_of(record.entity)
    return owner is not None and view.system.same_instance(owner, record.target)


def judge(view: View, site: Site, facts: Facts) -> Match | None:
    record, copy = site
    system = view.system
    if record.target == copy.target:
        return _judge_shards(view, record, copy, facts)
    if turns_out_enlisted(system, facts, copy):
        return None
    first, later = sorted(site, key=lambda effect: effect.position)
    if not record.site.is_direct and not _loses_the_later(view, first, later, facts):
        return None
    appends = isinstance(copy.step, Append)
    healing = None if appends else healing_of(system, copy.target, copy.entity)
    window = window_of(system, copy) or window_of(system, record)
    subject = copy.entity or record.entity or "the change"
    return Match(
        elements=(record.target, copy.target, record.site.id),
        at=copy.path,
        summary=(
            f"{record.site.id} changes {subject} in {first.target} and then in {later.target} with no common "
            f"transaction: a crash or error between them, or two runs at once, leaves {copy.target} different from "
            f"{record.target}"
        ),
        consequence=Consequence(
            "integrity",
            heals=healing or ("never" if appends else "next-write"),
            minor=window is not None and window.is_bounded,
        ),
        targets=(Target(copy.target, copy.entity),),
        shows=frozenset({"stale", "missing", "phantom", "reverted", "wrong-total"}),
    )


def _judge_shards(view: View, first: Effect, later: Effect, facts: Facts) -> Match | None:
    if not first.site.is_direct and not _loses_the_later(view, first, later, facts):
        return None
    store = view.system.store(later.target)
    shards = store.partition_key if store else None
    return Match(
        elements=(later.target, first.site.id),
        at=later.path,
        summary=(
            f"{first.site.id} changes one {later.entity} and then another in transactions of their own, and "
            f"{later.target} is sharded by {shards}: a crash or error between them leaves the first change without the "
            f"second"
        ),
        consequence=Consequence("integrity", heals=healing_of(view.system, later.target, later.entity) or "never"),
        targets=(Target(later.target, later.entity),),
        shows=frozenset({"missing", "phantom", "wrong-total"}),
    )


def _loses_the_later(view: View, first: Effect, later: Effect, facts: Facts) -> bool:
    """Whether a consumer or job can do the first half and never the later one."""
    site = first.site
    if site.consumed is not None and (acknowledges(site) == "before" or _remembers(view, first, later, facts)):
        return True
    said = later.step.retry.then if later.step.retry else None
    ask = f"What does {site.id} do when {later.kind} to {later.target} keeps failing?"
    return bool(facts.ask((*later.path, "retry", "then"), said, ("ignore", "block"), ask) == "ignore")


def _remembers(view: View, first: Effect, later: Effect, facts: Facts) -> bool:
    """Whether the record counts as handled once the first half is done, so that redelivery skips the later one."""
    dedup = first.site.handler.dedup
    if dedup is None or dedup.by == NONE or dedup.atomic is False:
        return False
    path = (*first.site.path, "dedup", "in")
    if dedup.in_ is None and isinstance(later.step, Append):
        return True
    ask = f"Which store remembers what {first.site.id} has handled?"
    return view.system.same_instance(facts.ask(path, dedup.in_, (first.target, later.target), ask), first.target)

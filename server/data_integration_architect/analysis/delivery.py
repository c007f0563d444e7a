"""What a channel and its consumer give: repetition, loss, order per key."""

from __future__ import annotations

from typing import Literal

from data_integration_architect.analysis.facts import Facts
from data_integration_architect.analysis.system import Effect, HandlerSite, System
from data_integration_architect.topology import Append, OnConsume

Delivery = Literal["at-most-once", "at-least-once", "exactly-once"]


def delivery_of(system: System, channel: str) -> Delivery:
    """The delivery guarantee of a channel: said, else that of its technology, else at-least-once."""
    element = system.channel(channel)
    if element is not None and element.delivery:
        return element.delivery
    if system.channel_kind(channel) == "lossy":
        return "at-most-once"
    head = system.technology(channel)
    return head.delivery if head is not None and head.delivery else "at-least-once"


def acknowledges(site: HandlerSite) -> Literal["before", "after", "with-effect"]:
    trigger = site.handler.trigger
    return (trigger.acknowledge if isinstance(trigger, OnConsume) else None) or "after"


def may_repeat(system: System, effect: Effect) -> bool:
    """Whether an effect of a consumer can run again for the same record (crash, redelivery, rebalance).

    A broker's exactly-once covers the broker's own channels only; a position kept in the effect's transaction
    covers the store of that transaction only.
    """
    site = effect.site
    if site.consumed is None:
        return False
    how = acknowledges(site)
    if how == "before":
        return False
    if how == "with-effect":
        return system.enlisted(effect) is None and not _is_first_store(system, effect)
    delivery = delivery_of(system, site.consumed)
    if delivery == "at-most-once":
        return False
    if delivery == "exactly-once":
        own = system.technology(site.consumed)
        same_broker = isinstance(effect.step, Append) and system.technology(effect.target) is own
        return not same_broker
    return True


def _is_first_store(system: System, effect: Effect) -> bool:
    stores = [e.target for e in effect.site.changes if system.store(e.target) and not system.is_external(e.target)]
    return bool(stores) and system.same_instance(stores[0], effect.target)


def runs_in_parallel(site: HandlerSite) -> bool:
    """Whether records of one partition are handled at the same time by several workers of one instance."""
    trigger = site.handler.trigger
    if not isinstance(trigger, OnConsume) or trigger.workers is None:
        return False
    return trigger.workers == "many" or trigger.workers > 1


def may_run_in_parallel(site: HandlerSite) -> bool:
    """Whether that is so, or nobody counted the workers of which it is said that they share the records of a key.

    Where nobody speaks of workers at all, one handles a partition or table: more of them have to be built.
    """
    trigger = site.handler.trigger
    if not isinstance(trigger, OnConsume):
        return False
    return runs_in_parallel(site) or (trigger.workers is None and trigger.same_key_same_worker is False)


def has_many_workers(site: HandlerSite, facts: Facts) -> bool:
    """Whether records of one partition, or rows of one table, are handled at the same time; asked if nobody said."""
    trigger = site.handler.trigger
    if not isinstance(trigger, OnConsume):
        return False
    ask = f"How many workers of {site.id} handle records of one partition at the same time?"
    workers = facts.ask((*site.path, "trigger", "workers"), trigger.workers, ("many", 1), ask)
    return bool(workers == "many" or workers > 1)


def has_many_instances(site: HandlerSite, facts: Facts) -> bool:
    """Whether several runs of a handler overlap; asked if nobody said how many instances there are."""
    if site.concurrent:
        return True
    ask = f"How many instances of {site.process_name} run at the same time?"
    path = ("processes", site.process_name, "instances")
    return bool(facts.ask(path, site.process.instances, ("many", 1), ask) == "many")


def has_competing_consumers(system: System, site: HandlerSite) -> bool:
    """Whether several consumers take turns on a channel that hands each record to any of them (a queue)."""
    if site.consumed is None or system.channel_kind(site.consumed) not in {"queue", "table", "unknown"}:
        return False
    return runs_in_parallel(site) or site.concurrent

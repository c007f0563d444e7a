"""A message, job or outside call leaves before the transaction that it tells of commits.

The receiver can look before the commit, and a rollback leaves a message about something that never happened. In a
consumer the redelivered record repeats the transaction, so there only a receiver that looks the row up is harmed.
Cannot see a framework that holds messages back until after the commit; such an append stands after the block.
"""

from __future__ import annotations

from collections.abc import Iterator

from data_integration_architect.analysis.enlistment import covered_writes, members_of, turns_out_enlisted
from data_integration_architect.analysis.facts import Facts
from data_integration_architect.analysis.lifecycle import is_planned
from data_integration_architect.analysis.match import Match
from data_integration_architect.analysis.severity import Consequence, Target
from data_integration_architect.analysis.system import Effect
from data_integration_architect.analysis.view import View
from data_integration_architect.topology import Append, Call, Write

Site = tuple[Effect, tuple[Effect, ...]]

ORDERS_TO_ACT = {"charge", "payout", "ship", "notify", "grant"}
MONEY = {"charge", "payout"}


def sites(view: View) -> Iterator[Site]:
    """(message, writes of the transaction that is still open around it)."""
    system = view.system
    for effect in system.effects:
        if not isinstance(effect.step, Append | Call) or is_planned(system, effect):
            continue
        if system.inside_foreign(effect) is None:
            continue
        writes = tuple(w for w in covered_writes(system, effect) if not is_planned(system, w))
        if writes and _tells_of(view, effect, writes):
            yield effect, writes


def _tells_of(view: View, message: Effect, writes: tuple[Effect, ...]) -> bool:
    """Whether the message is about the transaction; a counter or metric that changes by itself is not."""
    about = message.entity is None or any(w.entity in (None, message.entity) for w in writes)
    if about or isinstance(message.step, Call):
        return True
    entity = view.system.entity(message.entity)
    return entity is None or entity.change not in {"commutative", "delta"}


def judge(view: View, site: Site, facts: Facts) -> Match | None:
    message, writes = site
    if isinstance(message.step, Call) and not _acts_irrevocably(message, message.step, facts):
        return None
    if turns_out_enlisted(view.system, facts, message):
        return None
    if not message.site.is_direct and not _receiver_looks_up(view, message, writes, facts):
        return None
    block = message.blocks[-1][1]
    stores = tuple(dict.fromkeys(w.target for w in writes if isinstance(w.step, Write))) or members_of(block)
    money = isinstance(message.step, Call) and message.step.kind in MONEY
    verb = "calls" if isinstance(message.step, Call) else "sends to"
    return Match(
        elements=(*stores, message.target, message.site.id),
        at=message.path,
        summary=(
            f"{message.site.id} {verb} {message.target} while its transaction on {', '.join(stores)} is still open: "
            f"the receiver can act before the row is visible, and after a rollback it has acted on what never happened"
        ),
        consequence=Consequence("integrity", effect="money" if money else "none", minor=not message.site.is_direct),
        targets=_seen_at(view, message),
        shows=frozenset({"phantom", "missing"}),
    )


def _acts_irrevocably(message: Effect, call: Call, facts: Facts) -> bool:
    """Whether the call makes something happen that a retry under the same id does not reconcile."""
    if call.reversible:
        return False
    if call.reversible is None or call.kind is not None:
        ask = f"What does {message.site.id} make {call.call} do?"
        if facts.ask((*message.path, "kind"), call.kind, ("notify", "other"), ask) not in ORDERS_TO_ACT:
            return False
    ask = f"Does {call.call} get an id by which it recognises a repetition of the same intent?"
    return bool(facts.ask((*message.path, "operation_id"), call.operation_id, ("none", "passed"), ask) != "passed")


def _receiver_looks_up(view: View, message: Effect, writes: tuple[Effect, ...], facts: Facts) -> bool:
    """Whether a consumer of the message reads the rows of the transaction, which may not be there yet."""
    system = view.system
    databases = {system.database(w.target) for w in writes if system.store(w.target)}
    for consumer in system.consumers(message.target):
        if any(system.database(read.target) in databases for read in consumer.reads):
            return True
        for effect in consumer.changes:
            if isinstance(effect.step, Write):
                ask = f"Does {consumer.id} take the values from the event, or read the row again?"
                if facts.ask((*effect.path, "values"), effect.step.values, ("re-read", "event"), ask) == "re-read":
                    return True
    return False


def _seen_at(view: View, message: Effect) -> tuple[Target, ...]:
    received = [e for site in view.system.consumers(message.target) for e in site.changes]
    return (Target(message.target, message.entity), *(Target(e.target, e.entity) for e in received))

"""One commit over several instances: while the coordinator is away, what is prepared stays locked in all of them.

Stores without `instance` are instances of their own. Misses: commits that a product coordinates inside itself, such
as one between shards; those are one store here.
"""

from __future__ import annotations

from collections.abc import Iterator

from data_integration_architect.analysis.enlistment import members_of
from data_integration_architect.analysis.facts import Facts
from data_integration_architect.analysis.flows import is_distributed
from data_integration_architect.analysis.match import Match
from data_integration_architect.analysis.severity import Consequence, Target
from data_integration_architect.analysis.system import HandlerSite, System
from data_integration_architect.analysis.view import View
from data_integration_architect.files import DocumentPath
from data_integration_architect.topology import Transaction
from data_integration_architect.topology.steps import walk_steps

Site = tuple[HandlerSite, DocumentPath, Transaction]


def sites(view: View) -> Iterator[Site]:
    for site in view.system.handlers.values():
        if "planned" in {site.handler.status, site.process.status}:
            continue
        for path, step in walk_steps(site.handler.steps, (*site.path, "steps")):
            if not isinstance(step, Transaction) or step.status == "planned" or not is_distributed(step):
                continue
            if len({view.system.instance(member) for member in members_of(step)}) > 1:
                yield site, path, step


def judge(view: View, site: Site, facts: Facts) -> Match | None:
    handler, path, block = site
    system = view.system
    members = tuple(dict.fromkeys(members_of(block)))
    if _one_broker(system, members) or _one_server(system, members, facts):
        return None
    coordinator = block.coordinator
    # A decision that is always found again bounds the time in doubt; otherwise locks wait for a person.
    returns = coordinator is not None and coordinator.log == "durable" and coordinator.returns == "always"
    return Match(
        elements=(*members, handler.id),
        at=path,
        summary=(
            f"{handler.id} commits {' and '.join(members)} in one two-phase commit: a coordinator that dies between "
            f"the phases leaves their prepared rows locked for everybody"
        ),
        consequence=Consequence(
            "availability",
            effect="none" if returns else "blocks-others",
            minor=returns and _must_agree_at_once(view, handler),
        ),
        targets=tuple(Target(member) for member in members),
        shows=frozenset({"blocked"}),
    )


def _one_broker(system: System, members: tuple[str, ...]) -> bool:
    """Whether all members are channels of one product: the broker's own transaction covers them."""
    return all(system.channel(m) and system.technology(m) is system.technology(members[0]) for m in members)


def _one_server(system: System, members: tuple[str, ...], facts: Facts) -> bool:
    """Whether a member without `instance` stands on the shared server that others of its product name."""
    named = {store.instance for m in members if (store := system.store(m)) and store.instance not in (None, m)}
    unnamed = [m for m in members if (store := system.store(m)) and not store.instance]
    same_product = len({system.technology(m) for m in members}) == 1 and system.technology(members[0]) is not None
    if len(named) != 1 or len(unnamed) != 1 or not same_product:
        return False
    shared = str(named.pop())
    ask = f"Is {unnamed[0]} on the physical instance {shared}, so that one local transaction covers all of them?"
    return bool(facts.ask(("stores", unnamed[0], "instance"), None, (unnamed[0], shared), ask) == shared)


def _must_agree_at_once(view: View, handler: HandlerSite) -> bool:
    """Whether a hard rule about the written entities allows no moment of disagreement."""
    written = {effect.entity for effect in handler.changes}
    return any(
        rule.class_ == "hard"
        and rule.deadline in (None, "none")
        and rule.entity
        and rule.entity.split(".")[0] in written
        for rule in view.topology.constraints
    )

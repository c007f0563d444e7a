"""A distributed commit whose members share one physical database, which a local transaction would cover.

Cannot see whether one user may be granted rights on all members, or a driver that refuses a join across schemas.
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
    """Distributed commits over stores of one product."""
    system = view.system
    for site in system.handlers.values():
        if "planned" in {site.handler.status, site.process.status}:
            continue
        for path, step in walk_steps(site.handler.steps, (*site.path, "steps")):
            if not isinstance(step, Transaction) or step.status == "planned" or not is_distributed(step):
                continue
            members = members_of(step)
            if all(_may_share(system, member, members[0]) for member in members):
                yield site, path, step


def _may_share(system: System, member: str, first: str) -> bool:
    store = system.store(member)
    # In a sharded store a local transaction covers one shard only.
    if store is None or store.partition_key is not None:
        return False
    return system.same_instance(member, first) or system.technology(member) is system.technology(first) is not None


def judge(view: View, site: Site, facts: Facts) -> Match | None:
    handler, path, block = site
    system = view.system
    members = tuple(dict.fromkeys(members_of(block)))
    instances = [_instance(system, members, member, facts) for member in members]
    if len(set(instances)) != 1:
        return None
    inside = [e.target for e in handler.changes if e.blocks and e.blocks[-1][1] is block]
    if not all(any(system.same_instance(target, member) for member in members) for target in inside):
        return None
    return Match(
        elements=(*members, handler.id),
        at=path,
        summary=(
            f"{handler.id} runs a two-phase commit over {' and '.join(members)} although one database holds "
            f"everything: a crash leaves branches in doubt that a local transaction would not have"
        ),
        consequence=Consequence("availability"),
        targets=tuple(Target(member) for member in members),
        shows=frozenset({"blocked"}),
    )


def _instance(system: System, members: tuple[str, ...], member: str, facts: Facts) -> str:
    """The physical instance of a member; asked where nobody said it and another member may share it."""
    store = system.store(member)
    others = [other for other in members if other != member]
    instances = {other: system.instance(other) for other in others}
    if store is None or store.instance or member in instances.values():
        return system.instance(member)
    # An instance that bears the name of its store is its own; else somebody names a server that may be shared.
    shared = next((instance for other, instance in instances.items() if instance != other), None)
    if shared is None:
        if member == members[0] or any(_is_said(system, other) for other in others):
            return member
        shared = members[0]
    ask = f"Is {member} on the physical instance {shared}, so that one local transaction covers both?"
    return str(facts.ask(("stores", member, "instance"), None, (shared, member), ask))


def _is_said(system: System, name: str) -> bool:
    store = system.store(name)
    return store is not None and store.instance is not None

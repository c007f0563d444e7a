"""Effects inside a transaction that look foreign to it, and what may turn out to join it after all."""

from __future__ import annotations

from data_integration_architect.analysis.facts import Facts
from data_integration_architect.analysis.system import Effect, System
from data_integration_architect.topology import Append, Channel, Transaction, Write

# Stands for any broker in a question: what matters is that it is not the database of the transaction.
A_BROKER = "rabbitmq"


def members_of(block: Transaction) -> tuple[str, ...]:
    """Stores (or channels) that a transaction names."""
    return (block.transaction,) if isinstance(block.transaction, str) else block.transaction


def covered_writes(system: System, effect: Effect) -> tuple[Effect, ...]:
    """Writes and table appends that commit no earlier than a transaction which is open around `effect`.

    A block inside the open one on the same instance is a savepoint of it, or begins after the effect.
    """
    open_blocks = {id(block): block for _, block in effect.blocks}
    return tuple(
        other
        for other in effect.site.changes
        if other is not effect
        and isinstance(other.step, Write | Append)
        and any(
            system.same_instance(member, other.target)
            for _, block in other.blocks
            if id(block) in open_blocks
            for member in members_of(block)
        )
    )


def turns_out_enlisted(system: System, facts: Facts, effect: Effect) -> bool:
    """Whether an effect inside a foreign transaction belongs to it after all, by what is said or is asked here.

    A channel of unsaid technology may be a table of the transaction's store; a store of the same relational
    product without an `instance` may be a schema of the same server.
    """
    foreign = system.inside_foreign(effect)
    if foreign is None:
        return False
    member = members_of(foreign[1])[0]
    if isinstance(effect.step, Append):
        channel = system.channel(effect.target)
        return channel is not None and _is_table_of(system, facts, effect.target, channel, member)
    return isinstance(effect.step, Write) and _is_schema_of(system, facts, effect.target, member)


def _is_table_of(system: System, facts: Facts, name: str, channel: Channel, member: str) -> bool:
    if channel.in_ is not None:
        return False
    kind = system.channel_kind(name)
    if kind == "unknown" and channel.technology is None:
        ask = f"Is {name} a broker or webhook, or a table in {member}?"
        return bool(facts.ask(("channels", name, "technology"), None, (A_BROKER, "table"), ask) == "table")
    if kind != "table":
        return False
    others = [other for other in home_candidates(system) if not system.same_instance(other, member)]
    if not others:
        return True
    return bool(facts.ask(("channels", name, "in"), None, (others[0], member), f"Which store holds {name}?") == member)


def home_candidates(system: System) -> list[str]:
    """Stores that could hold a table: databases of our own that are no replica, search index, cache or warehouse."""
    return [
        name
        for name, store in sorted(system.topology.stores.items())
        if not store.external and not store.replica_of and system.kind(name) in {None, "relational", "document"}
    ]


def home_of(system: System, channel: str) -> str | None:
    """The store that holds a table-backed channel: as said, else the only one that could; None where it is open."""
    element = system.channel(channel)
    if element is None:
        return None
    if element.in_ is not None:
        return element.in_
    candidates = home_candidates(system)
    return candidates[0] if system.channel_kind(channel) == "table" and len(candidates) == 1 else None


def _is_schema_of(system: System, facts: Facts, name: str, member: str) -> bool:
    store, head = system.store(name), system.technology(name)
    if store is None or store.instance is not None or store.replica_of or head is None:
        return False
    if head is not system.technology(member) or head.kind not in {"relational", "document"}:
        return False
    shared = system.instance(member)
    ask = f"Is {name} on the same physical instance as {member}, so that one local transaction covers both?"
    return bool(facts.ask(("stores", name, "instance"), None, (name, shared), ask) == shared)

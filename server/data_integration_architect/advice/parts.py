"""Which systems are in use: what steps 0 (applicability) and 4 (composition) of the method both count."""

from __future__ import annotations

from dataclasses import dataclass

from data_integration_architect.analysis.view import View
from data_integration_architect.topology import Call


@dataclass(frozen=True)
class Parts:
    """Names, sorted. A replica counts as its primary, stores of one instance as one database."""

    databases: tuple[str, ...]
    brokers: tuple[str, ...]
    outside: tuple[str, ...]
    """Systems of others in which a call brings about more than a notice, or from which something is copied."""
    unused: tuple[str, ...]
    """Stores and channels that are described and that nothing reads or writes; empty where more may exist."""

    @property
    def stores(self) -> tuple[str, ...]:
        """What holds or carries data here: databases and brokers."""
        return tuple(sorted({*self.databases, *self.brokers}))

    @property
    def all(self) -> tuple[str, ...]:
        return tuple(sorted({*self.databases, *self.brokers, *self.outside}))


def parts_of(view: View) -> Parts:
    """The parts in use. With `scope: partial` every store that is listed counts, since others may use it;
    so it does where no use of any store is described.
    """
    system, topology = view.system, view.topology
    used = _used(view)
    listed = {n for n, store in topology.stores.items() if not store.external} | set(topology.channels)
    unused = listed - used if system.is_whole and listed & used else set()
    databases = {
        system.database(name)
        for name, store in topology.stores.items()
        if not store.external and name not in unused
    }  # fmt: skip
    brokers = {name for name, kind in system.channel_kinds.items() if kind != "table" and name not in unused}
    outside = {
        effect.target
        for effect in system.effects
        if isinstance(effect.step, Call) and effect.step.kind not in {"notify", None}
    }
    outside |= {
        flow.source for flow in view.flows if flow.source in topology.stores and system.is_external(flow.source)
    }
    return Parts(
        tuple(sorted(databases)), tuple(sorted(brokers)), tuple(sorted(outside - databases)), tuple(sorted(unused))
    )


def _used(view: View) -> set[str]:
    """Stores and channels that a handler, a reader or a declaration names."""
    system, topology = view.system, view.topology
    used = {effect.target for effect in system.effects}
    used |= {effect.step.dead_letter for effect in system.effects if effect.step.dead_letter}
    for site in system.handlers.values():
        used |= {name for name in (site.consumed, site.captured) if name}
        dedup = site.handler.dedup
        inside = getattr(dedup, "in_", None)
        used |= {inside} if inside else set()
    for reader in topology.readers:
        used |= {reader.reads} if isinstance(reader.reads, str) else set(reader.reads)
        used |= {reader.own_writes_from} if reader.own_writes_from else set()
    used |= {entity.system_of_record for entity in topology.entities.values() if entity.system_of_record}
    for name in sorted(used & set(topology.channels)):
        channel = topology.channels[name]
        used |= {inside for inside in (channel.in_, channel.dead_letter) if inside}
    # Replicas and databases of one instance stand and fall together.
    databases = {system.database(name) for name in used if name in topology.stores}
    return used | {name for name in topology.stores if system.database(name) in databases}

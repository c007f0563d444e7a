"""Facts to a draft topology: `scope: partial`, every element with its evidence, in the format's normal form."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from data_integration_architect.redact import clean_name
from data_integration_architect.scanners.config import channels, connectors, entities, handlers, inventory
from data_integration_architect.scanners.config.configfacts import Fact
from data_integration_architect.scanners.config.connect import EMBEDDED, Connections, Link
from data_integration_architect.scanners.config.elements import MOST_EVIDENCE, evidence
from data_integration_architect.scanners.config.inventory import Inventory, Store
from data_integration_architect.scanners.config.names import well_named
from data_integration_architect.scanners.config.technologies import BY_NAME
from data_integration_architect.scanners.facts import CodeFunction


@dataclass(frozen=True)
class Draft:
    """A draft and what the format has no place for.

    `topology` is plain data that the topology reader takes. `links` say which program reaches which store, broker
    or program by its configuration; whether it reads or writes there, only code says. `brokers` maps a broker's
    name to its technology, `libraries` a program to the technologies and roles of its libraries. `problems` are
    files, or parts of files, that could not be read.
    """

    topology: dict[str, Any]
    links: tuple[Link, ...]
    brokers: Mapping[str, str]
    problems: tuple[Fact, ...]
    inventory: Inventory
    libraries: Mapping[str, tuple[str, ...]]


def draft(facts: Iterable[Fact], system: str = "", functions: Sequence[CodeFunction] = ()) -> Draft:
    """The draft topology of a repository's facts; the same facts in another order give the same draft.

    `functions` are what the code readers found; they become handlers. Misses: deployments kept elsewhere.
    """
    ordered = sorted(facts, key=lambda f: (f.path, f.line, f.kind, f.subject))
    problems = tuple(f for f in ordered if f.kind == "problem")
    running = inventory.used(f for f in ordered if f.kind != "problem")
    things = inventory.build(running)
    connections = Connections(things, running)
    links = connections.resolve()
    topology: dict[str, Any] = {"system": clean_name(system)} if system else {}
    topology["scope"] = "partial"
    stores = {s.name: _store(s, things) for s in sorted(things.stores, key=lambda s: s.name) if _is_state(s)}
    tables = entities.collect(running, things, links)
    flows = channels.collect(running, things, links, tables)
    connectors.add(running, things, flows, tables)
    handlers.add(functions, things, links, flows, tables)
    for name in sorted(flows.extra_stores):
        stores.setdefault(name, flows.extra_stores[name])
    for name in flows.captured & set(stores):
        # A capture that reads the log shows that the log may be read.
        stores[name].setdefault("log_access", True)
    processes = _processes(things, links, flows)
    for key, value in (
        ("stores", dict(sorted(stores.items()))),
        ("channels", flows.as_data()),
        ("entities", tables.as_data(flows.entities_used())),
        ("processes", processes),
    ):
        if value:
            topology[key] = value
    if len(topology) > 2:
        # A repository shows what exists; with the mapping there, each answer about the context is one line of its own.
        topology["context"] = {"stage": "existing"}
    brokers = {s.name: s.technology for s in sorted(things.stores, key=lambda s: s.name) if s.is_broker}
    return Draft(well_named(topology), tuple(links), brokers, problems, things, connections.libraries())


def _is_state(store: Store) -> bool:
    """Whether a store holds data of its own; brokers are channels, coordination services hold no entities."""
    return store.category not in {"broker", "coordination"}


def _store(store: Store, things: Inventory) -> dict[str, Any]:
    made: dict[str, Any] = {}
    if store.technology in BY_NAME:
        made["technology"] = store.technology
    replica = next((name for f in store.evidence if (name := f.text("replica-of"))), "")
    primary = things.store_named(replica) if replica else None
    if primary is not None and primary is not store:
        made["replica_of"] = primary.name
    if any(f.attributes.get("log-access") is True for f in store.evidence):
        made["log_access"] = True
    if any(f.attributes.get("volatile") is True for f in store.evidence):
        made["durability"] = "volatile"
    if any(f.attributes.get("failover") is True for f in store.evidence):
        made["failover"] = {"automatic": True}
    notes = []
    if store.inferred:
        notes.append(f"inferred: {store.inferred}")
    if store.technology in EMBEDDED and store.embedded_in:
        notes.append(f"runs inside {store.embedded_in}")
    if len(store.databases) > 1:
        notes.append(f"databases: {', '.join(sorted(store.databases)[:10])}")
    reason = next((f.reason for f in store.evidence if f.reason), "")
    if reason and not store.inferred:
        notes.append(f"inferred: {reason}")
    if notes:
        made["note"] = "; ".join(notes)
    made["evidence"] = evidence(store.evidence)
    return made


def _processes(things: Inventory, links: Sequence[Link], flows: channels.Flows) -> dict[str, Any]:
    reached: dict[str, list[Link]] = {}
    data = {s.name for s in things.stores}
    for link in links:
        if link.target in data:
            reached.setdefault(link.program, []).append(link)
    made: dict[str, Any] = {}
    for program in things.programs:
        own = reached.get(program.name, [])
        handlers = flows.handlers.get(program.name, {})
        if not own and not handlers:
            continue
        entry: dict[str, Any] = {}
        replicas = [f.attributes["replicas"] for f in program.evidence if isinstance(f.attributes.get("replicas"), int)]
        if replicas:
            entry["instances"] = max(int(str(r)) for r in replicas)
        if handlers:
            entry["handlers"] = dict(sorted(handlers.items()))
        if own:
            told = ", ".join(f"{link.target}{' (inferred)' if link.confidence == 'inferred' else ''}" for link in own)
            entry["note"] = f"configured to reach: {told}"
        places = [f.at for f in program.evidence] + [link.at for link in own]
        entry["evidence"] = [{"at": place} for place in list(dict.fromkeys(places))[:MOST_EVIDENCE]]
        made[program.name] = entry
    for name, entry in flows.connectors.items():
        made[_free(name, made)] = entry
    return dict(sorted(made.items()))


def _free(name: str, taken: Mapping[str, Any]) -> str:
    while name in taken:
        name += "-connector"
    return name

"""Topics, queues and outbox tables to channels, and who produces to and consumes from them by configuration."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from data_integration_architect.scanners.config.configfacts import Fact
from data_integration_architect.scanners.config.connect import Link
from data_integration_architect.scanners.config.elements import evidence, milliseconds
from data_integration_architect.scanners.config.entities import Tables
from data_integration_architect.scanners.config.inventory import Inventory, Program
from data_integration_architect.scanners.config.technologies import BY_NAME

MOST_CHANNELS = 400
# Topics that the machinery keeps for itself carry no entities.
_INTERNAL = re.compile(
    r"\A(?:_|connect[-_.]?(?:configs?|offsets?|status)|(?:my[-_])?connect[-_](?:configs?|offsets?|statuses?)|[\w-]*[-_.]?(?:config|offset|status)s?[-_.]storage"
    r"|__?consumer_offsets|docker-connect-\w+|springCloudBus|schema-?changes[\w.-]*|[\w.-]*dbhistory[\w.-]*|[\w.-]*schema-history[\w.-]*)\Z",
    re.IGNORECASE,
)  # fmt: skip


@dataclass
class Channel:
    """One channel under construction."""

    technology: str = ""
    attributes: dict[str, Any] = field(default_factory=dict)
    evidence: list[Fact] = field(default_factory=list)


@dataclass
class Flows:
    """Channels, handlers by program, and connectors as processes; filled in turn by topics, tables and connectors."""

    channels: dict[str, Channel] = field(default_factory=dict)
    handlers: dict[str, dict[str, Any]] = field(default_factory=dict)
    connectors: dict[str, Any] = field(default_factory=dict)
    extra_stores: dict[str, Any] = field(default_factory=dict)
    captured: set[str] = field(default_factory=set)

    def channel(self, name: str, found: Fact, technology: str = "") -> Channel:
        """The channel with this name, made if it is new, with one more piece of evidence."""
        made = self.channels.setdefault(name, Channel())
        made.technology = made.technology or technology
        made.evidence.append(found)
        return made

    def as_data(self) -> dict[str, Any]:
        """Channels in the format, by name."""
        data: dict[str, Any] = {}
        for name in sorted(self.channels)[:MOST_CHANNELS]:
            channel = self.channels[name]
            entry = {"technology": channel.technology} if channel.technology else {}
            data[name] = {**entry, **channel.attributes, "evidence": evidence(channel.evidence)}
        return data

    def entities_used(self) -> set[str]:
        """Entities that handlers and channels name."""
        found: set[str] = set()
        pending: list[Any] = [self.handlers, self.connectors, [c.attributes for c in self.channels.values()]]
        while pending:
            value = pending.pop()
            if isinstance(value, dict):
                if isinstance(value.get("entity"), str):
                    found.add(value["entity"])
                found.update(value.get("carries", ()))
                pending.extend(value.values())
            elif isinstance(value, list):
                pending.extend(value)
        return found


def collect(facts: Sequence[Fact], things: Inventory, links: Sequence[Link], tables: Tables) -> Flows:
    """Channels of topic facts and outbox tables, and a handler for each configured end of one."""
    flows = Flows()
    labels = {f.text("label"): f.subject for f in facts if f.kind == "topic" and f.attributes.get("label")}
    for found in facts:
        if found.kind == "topic" and found.subject and not _INTERNAL.match(found.subject) and "$" not in found.subject:
            _topic(flows, found, things, links, labels)
        elif found.kind in {"produces", "consumes"}:
            _role(flows, found, things, links, labels)
    for entry in tables.outboxes():
        channel = flows.channel(entry.name, entry.evidence[0], "table")
        channel.evidence = list(entry.evidence)
        if entry.store:
            channel.attributes["in"] = entry.store
        if entry.key:
            channel.attributes["event"] = {"id": entry.key[0]}
    _nameless(flows, things, links)
    return flows


def broker_of(program: Program | None, things: Inventory, links: Sequence[Link]) -> str:
    """The technology of the only broker that a program reaches, or of the only one there is."""
    brokers = {s.name: s.technology for s in things.stores if s.is_broker}
    reached = {
        brokers[link.target]
        for link in links
        if program is not None and link.program == program.name and link.target in brokers
    }
    if len(reached) == 1:
        return next(iter(reached))
    technologies = set(brokers.values())
    return next(iter(technologies)) if len(technologies) == 1 and not reached else ""


def _topic(flows: Flows, found: Fact, things: Inventory, links: Sequence[Link], labels: dict[str, str]) -> None:
    owner = things.program_named(found.text("mentioned-by")) or things.program_at(found.path)
    channel = flows.channel(found.subject, found, found.text("technology") or broker_of(owner, things, links))
    partitions = found.attributes.get("partitions")
    if isinstance(partitions, int) and 0 < partitions < 1_000_000:
        channel.attributes.setdefault("partitions", partitions)
    cleanup = found.text("cleanup")
    if "compact" in cleanup:
        channel.attributes.setdefault("cleanup", "compact")
    elif cleanup == "delete":
        channel.attributes.setdefault("cleanup", "delete")
    retention = milliseconds(found.text("retention-ms"))
    seconds = found.attributes.get("retention-seconds")
    if retention is None and isinstance(seconds, int):
        retention = milliseconds(str(seconds * 1000))
    if retention:
        channel.attributes.setdefault("retention", retention)
    if found.attributes.get("message-key"):
        channel.attributes.setdefault("message_key", found.text("message-key"))
    dead_letter = found.text("dead-letter")
    if dead_letter:
        name = labels.get(dead_letter, dead_letter)
        flows.channel(name, found, channel.technology)
        channel.attributes["dead_letter"] = name


def _role(flows: Flows, found: Fact, things: Inventory, links: Sequence[Link], labels: dict[str, str]) -> None:
    topic = labels.get(found.text("topic"), found.text("topic"))
    if not topic or "$" in topic or _INTERNAL.match(topic):
        return
    program = things.program_named(found.subject) if found.subject else None
    program = program or things.program_at(found.path)
    flows.channel(topic, found, broker_of(program, things, links))
    if program is None:
        if not found.subject:
            return
        program = Program(found.subject, {found.subject.lower()}, evidence=[found])
        things.programs.append(program)
    handlers = flows.handlers.setdefault(program.name, {})
    if found.kind == "consumes":
        entry: dict[str, Any] = {"trigger": {"consume": topic}, "evidence": evidence([found])}
        handlers.setdefault(f"consume_{topic}", entry)
    else:
        handlers.setdefault(f"produce_{topic}", {"steps": [{"append": topic}], "evidence": evidence([found])})


def _nameless(flows: Flows, things: Inventory, links: Sequence[Link]) -> None:
    """A broker whose topics no configuration names still is a channel that somebody reaches."""
    named = {channel.technology for channel in flows.channels.values()}
    for store in sorted(things.stores, key=lambda s: s.name):
        if not store.is_broker or store.technology in named:
            continue
        users = sorted(link.program for link in links if link.target == store.name)
        if users and store.technology in BY_NAME:
            name = store.name if store.name not in flows.channels else f"{store.name}-channel"
            made = flows.channel(name, store.evidence[0], store.technology)
            made.evidence = list(store.evidence)
            made.attributes["note"] = f"topics are not named in configuration; reached by {', '.join(users[:12])}"

"""Tables of DDL, migrations and schemas to entities: their keys, and which tables are outboxes."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from data_integration_architect.scanners.config.configfacts import Fact
from data_integration_architect.scanners.config.connect import Link
from data_integration_architect.scanners.config.elements import evidence
from data_integration_architect.scanners.config.inventory import COMPATIBLE, Inventory
from data_integration_architect.scanners.config.places import is_beside

MOST_ENTITIES = 200
_OUTBOX_NAME = re.compile(
    r"outbox|(?:\A|_)(?:event_publication|messages_to_send|pending_events|integration_?event_?logs?)", re.IGNORECASE
)
_OUTBOX_COLUMNS = (
    {"aggregateid", "payload"},
    {"aggregatetype", "payload"},
    {"eventtype", "payload", "publishedat"},
    {"eventtype", "payload", "processed"},
    {"topic", "payload", "published"},
    {"messagetype", "content", "processedon"},
)
# Tables of migration tools are bookkeeping, not entities.
_BOOKKEEPING = re.compile(
    r"flyway_schema_history|databasechangelog(?:lock)?|alembic_version|schema_migrations|__efmigrationshistory|goose_db_version|django_(?:migrations|content_type|session|admin_log)"
    r"|ar_internal_metadata|knex_migrations(?:_lock)?|_prisma_migrations|auth_(?:permission|group|group_permissions|user_groups|user_user_permissions)",
    re.IGNORECASE,
)  # fmt: skip


@dataclass
class TableEntry:
    """One table, put together from all statements about it."""

    name: str
    columns: list[str] = field(default_factory=list)
    key: list[str] = field(default_factory=list)
    keyless: bool = False
    unique: list[str] = field(default_factory=list)
    large: list[str] = field(default_factory=list)
    technology: str = ""
    store: str = ""
    replica_identity: str = ""
    evidence: list[Fact] = field(default_factory=list)

    @property
    def is_outbox(self) -> bool:
        """Whether the table carries messages: by its name, or by the columns that outbox tables have."""
        plain = {re.sub(r"[^a-z]", "", column.lower()) for column in self.columns}
        return bool(_OUTBOX_NAME.search(self.name)) or any(wanted <= plain for wanted in _OUTBOX_COLUMNS)


@dataclass
class Tables:
    """Tables by name, with the publications and slots beside them."""

    entries: dict[str, TableEntry] = field(default_factory=dict)
    publications: list[Fact] = field(default_factory=list)

    def named(self, name: str) -> TableEntry | None:
        """The table that a connector's `schema.table` or a bare name means."""
        last = name.rsplit(".", 1)[-1].strip("\"'`()\\ ").lower()
        return self.entries.get(name.lower()) or self.entries.get(last)

    def outboxes(self) -> list[TableEntry]:
        return [entry for entry in self.entries.values() if entry.is_outbox]

    def as_data(self, used: set[str]) -> dict[str, Any]:
        """Entities in the format, those that flows use first; at most MOST_ENTITIES."""
        plain = [e for e in self.entries.values() if not e.is_outbox]
        chosen = sorted(plain, key=lambda e: (e.name not in used, not e.evidence, e.name))[:MOST_ENTITIES]
        return {entry.name: _entity(entry) for entry in sorted(chosen, key=lambda e: e.name)}


def collect(facts: Sequence[Fact], things: Inventory, links: Sequence[Link]) -> Tables:
    """All tables with what later statements add, each with the store it most likely lies in."""
    tables = Tables()
    amendments: list[Fact] = []
    for found in facts:
        if found.kind == "table" and found.subject and not _BOOKKEEPING.fullmatch(found.subject.rsplit(".", 1)[-1]):
            if found.attributes.get("amends"):
                amendments.append(found)
            elif not found.attributes.get("derived") and not found.attributes.get("source"):
                _take(tables.entries.setdefault(found.subject.lower(), TableEntry(found.subject)), found)
        elif found.kind == "publication":
            tables.publications.append(found)
    for found in amendments:
        # A change to a table that nothing creates here still tells its key.
        _take(tables.entries.setdefault(found.subject.lower(), TableEntry(found.subject)), found)
    for found in facts:
        if found.kind == "replica-identity":
            entry = tables.named(found.subject)
            if entry is not None:
                entry.replica_identity = found.text("mode")
                entry.evidence.append(found)
    for entry in tables.entries.values():
        entry.store = _store_of(entry, things, links)
    return tables


def _take(entry: TableEntry, found: Fact) -> None:
    entry.columns += [c for c in found.texts("columns") if c not in entry.columns]
    entry.key = list(found.texts("key")) or entry.key
    entry.keyless = (entry.keyless or found.attributes.get("keyless") is True) and not entry.key
    if not found.attributes.get("partial"):
        entry.unique += [u for u in found.texts("unique") if u not in entry.unique]
    entry.large += [c for c in found.texts("large-columns") if c not in entry.large]
    entry.technology = entry.technology or found.text("technology")
    entry.evidence.append(found)


def _store_of(entry: TableEntry, things: Inventory, links: Sequence[Link]) -> str:
    """The store of a table: one that its folder's program reaches, else the only one that fits."""
    path = entry.evidence[0].path
    same = COMPATIBLE.get(entry.technology, {entry.technology})
    databases = [
        s
        for s in things.stores
        if s.category in {"database", "warehouse"}
        and s.technology not in {"mongodb", "ldap"}
        and (not entry.technology or s.technology in same)
    ]
    program = things.program_at(path)
    if program is not None:
        reached = [link.target for link in links if link.program == program.name]
        own = [s.name for s in databases if s.name in reached]
        if own:
            return own[0]
    near = [s for s in databases if not is_beside(s.scope, posixpath.dirname(path))]
    return near[0].name if len(near) == 1 else ""


def _entity(entry: TableEntry) -> dict[str, Any]:
    made: dict[str, Any] = {}
    if entry.key:
        made["key"] = entry.key[0] if len(entry.key) == 1 else entry.key
    elif entry.keyless:
        made["key"] = "none"
    natural = next((unique for unique in entry.unique if unique.split("+") != entry.key), "")
    if natural:
        made["natural_key"] = natural.split("+")
    if entry.large:
        made["large_columns"] = True
    if any(re.fullmatch(r"deleted_?at|is_?deleted|deleted", column, re.IGNORECASE) for column in entry.columns):
        made["deletes"] = "soft"
    made["evidence"] = evidence(entry.evidence)
    return made

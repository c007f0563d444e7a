"""Connector facts to processes: captures of stores and consumers of topics, with the options that decide correctness.

Defaults that stand for an unset option are the documented ones: Debezium writes no heartbeats
(heartbeat.interval.ms = 0), Kafka Connect stops a task at its first error (errors.tolerance = none).
Source: Debezium documentation, connector properties; Apache Kafka documentation, Connect configuration.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from data_integration_architect.scanners.config.channels import Flows
from data_integration_architect.scanners.config.configfacts import Fact
from data_integration_architect.scanners.config.elements import evidence, milliseconds
from data_integration_architect.scanners.config.entities import TableEntry, Tables
from data_integration_architect.scanners.config.inventory import COMPATIBLE, Inventory, Store
from data_integration_architect.scanners.config.technologies import BY_NAME

_SNAPSHOTS = {
    **dict.fromkeys(("initial", "initial_only", "always", "when_needed"), "before"),
    **dict.fromkeys(("never", "no_data", "schema_only", "recovery"), "none"),
}
_MODES = {"upsert": "replace", "insert": "insert", "update": "replace"}


def add(facts: Sequence[Fact], things: Inventory, flows: Flows, tables: Tables) -> None:
    """Adds each connector to the flows; one that is written down twice counts once."""
    for found in facts:
        if found.kind != "connector" or found.subject in flows.connectors or found.attributes.get("streaming-sql"):
            continue
        if found.text("role") == "sink":
            _sink(found, things, flows, tables)
        else:
            _source(found, things, flows, tables)


def _store(found: Fact, things: Inventory, flows: Flows) -> str:
    """The store that a connector reads or writes: by host, else the only one that fits, else one of its own."""
    technology = found.text("technology")
    host = found.text("host")
    store: Store | None = things.store_named(host) if host and "$" not in host else None
    if store is None:
        same = COMPATIBLE.get(technology, {technology})
        fitting = [s for s in things.stores if s.technology in same and not s.is_broker and not s.embedded_in]
        store = fitting[0] if len(fitting) == 1 or (fitting and not host) else None
    if store is not None and not store.is_broker:
        return store.name
    name = host.split(".", 1)[0] if host and not re.match(r"[\d$]", host) else technology or f"{found.subject}-target"
    if name in {p.name for p in things.programs} or store is not None:
        name = f"{name}-{technology or 'store'}"
    made: dict[str, Any] = {"technology": technology} if technology in BY_NAME else {}
    flows.extra_stores.setdefault(
        name, {**made, "note": "inferred: only a connector points to it", "evidence": evidence([found])}
    )
    return name


def _list(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _source(found: Fact, things: Inventory, flows: Flows, tables: Tables) -> None:
    if not re.search(r"debezium|jdbcsource|mongo\w*source|cdc", found.text("class"), re.IGNORECASE):
        _other_source(found, flows)
        return
    store = _store(found, things, flows)
    names = _list(
        found.text("table-include-list") or found.text("table-whitelist") or found.text("collection-include-list")
    )
    by_log = "jdbc" not in found.text("class").lower()
    entries = [(name, tables.named(_unescaped(name))) for name in names]
    handler: dict[str, Any] = {"trigger": _capture(found, store, by_log, [e for _, e in entries if e])}
    outboxes = [(n, e) for n, e in entries if e is not None and e.is_outbox] if by_log else []
    plain = [(n, e) for n, e in entries if (n, e) not in outboxes]
    handlers: dict[str, Any] = {}
    if found.attributes.get("outbox-router") or (outboxes and not plain):
        handlers["relay"] = _relay(found, store, outboxes, flows, tables)
    if plain or not handlers:
        steps = []
        for name, entry in plain or [("", None)]:
            topic = _topic(found, _unescaped(name))
            channel = flows.channel(topic, found, "kafka")
            entity = entry.name if entry is not None else _unescaped(name).rsplit(".", 1)[-1]
            if entity:
                channel.attributes.setdefault("carries", []).append(entity)
                tables.entries.setdefault(entity.lower(), TableEntry(entity, evidence=[found]))
            key = _message_key(found, name)
            if key:
                channel.attributes.setdefault("message_key", key)
            steps.append({"append": topic, **({"entity": entity} if entity else {})})
        handler["steps"] = steps
        handler["evidence"] = evidence([found])
        handlers["capture"] = handler
    flows.connectors[found.subject] = {"instances": 1, "handlers": handlers, "evidence": evidence([found])}
    if by_log:
        flows.captured.add(store)


def _unescaped(name: str) -> str:
    return re.sub(r"\\(.)", r"\1", name).strip("()\"'` ")


def _topic(found: Fact, table: str) -> str:
    """The topic that a source writes a table to, router included where it is a plain replacement."""
    if "jdbc" in found.text("class").lower():
        return f"{found.text('topic-prefix')}{table.rsplit('.', 1)[-1]}" or found.subject
    prefix = (
        found.text("topic-prefix") or found.text("database-server-name") or found.text("mongodb-name") or found.subject
    )
    if table and "." not in table and found.text("technology") in {"mysql", "mariadb"}:
        database = (_list(found.text("database-include-list")) or [found.text("database-name")])[0]
        table = f"{database}.{table}" if database else table
    return f"{prefix}.{table}" if table else f"{prefix}.*"


def _message_key(found: Fact, table: str) -> str:
    """The column that message.key.columns sets for a table: `schema.table:column;...`."""
    for part in found.text("message-key-columns").split(";"):
        pattern, sign, columns = part.rpartition(":")
        if (
            sign
            and pattern
            and (
                pattern == table or pattern.rsplit(".", 1)[-1] == table.rsplit(".", 1)[-1] or pattern in {".*", "(.*)"}
            )
        ):
            return columns.split(",")[0].strip()
    fields = _list(found.text("key-fields"))
    return fields[0] if len(fields) == 1 else ""


def _capture(found: Fact, store: str, by_log: bool, entries: list[TableEntry]) -> dict[str, Any]:
    trigger: dict[str, Any] = {"changes": store, "by": "log" if by_log else "query"}
    if not by_log:
        mode = found.text("mode")
        cursor = "sequence" if mode == "incrementing" else "modified-time" if "timestamp" in mode else None
        if cursor:
            trigger["cursor"] = cursor
        trigger["sees_deletes"] = False
        period = milliseconds(found.text("poll-interval-ms"))
        if period:
            trigger["every"] = period
        trigger["per_table"] = True
        return trigger
    trigger["cursor"] = "commit-position"
    skipped = _list(found.text("skipped-operations"))
    trigger["sees_deletes"] = "d" not in skipped
    snapshot = _SNAPSHOTS.get(found.text("snapshot-mode").lower())
    if found.text("signal-data-collection"):
        snapshot = "interleaved"
    if snapshot:
        trigger["snapshot"] = snapshot
    modes = {entry.replica_identity for entry in entries}
    if entries and modes == {"full"}:
        trigger["row_image"] = "full"
    if found.text("technology") in {"postgresql", "yugabytedb", "cockroachdb"}:
        interval = found.text("heartbeat-interval-ms")
        slot: dict[str, Any] = {"heartbeat": "none" if interval in {"", "0"} else milliseconds(interval) or "none"}
        trigger["slot"] = slot
    return trigger


def _relay(
    found: Fact, store: str, outboxes: Sequence[tuple[str, TableEntry]], flows: Flows, tables: Tables
) -> dict[str, Any]:
    """A connector that reads an outbox table from the log and routes its rows to topics."""
    entry = outboxes[0][1] if outboxes else next(iter(tables.outboxes()), None)
    name = entry.name if entry is not None else "outbox"
    source = flows.channel(name, found, "table")
    source.attributes.setdefault("in", store)
    route = found.text("outbox-route-topic-replacement") or "outbox.event.${routedByValue}"
    topic = route.replace("${routedByValue}", "*")
    target = flows.channel(topic, found, "kafka")
    # The router's default key is the column aggregateid; an explicit setting names another.
    target.attributes.setdefault("message_key", found.text("outbox-table-field-event-key") or "aggregateid")
    return {
        "trigger": {"consume": name, "cursor": "commit-order"},
        "steps": [{"append": topic, "operation_id": "passed"}],
        "evidence": evidence([found]),
    }


def _other_source(found: Fact, flows: Flows) -> None:
    """A source that reads no store (files, generators, queues): only its topic is known."""
    topic = found.text("kafka-topic") or found.text("topic") or found.text("topics")
    if not topic:
        return
    flows.channel(topic, found, "kafka")
    handler = {"steps": [{"append": topic}], "evidence": evidence([found])}
    flows.connectors[found.subject] = {"instances": 1, "handlers": {"produce": handler}, "evidence": evidence([found])}


def _sink(found: Fact, things: Inventory, flows: Flows, tables: Tables) -> None:
    topics = _list(found.text("topics")) or ([found.text("topics-regex")] if found.text("topics-regex") else [])
    store = _store(found, things, flows)
    handlers: dict[str, Any] = {}
    for topic in topics:
        flows.channel(topic, found, "kafka")
        name = topic.rsplit(".", 1)[-1]
        entry = tables.named(name)
        carried = flows.channels[topic].attributes.get("carries", [])
        entity = carried[0] if len(carried) == 1 else entry.name if entry is not None and not entry.is_outbox else ""
        handlers[f"consume_{topic}" if len(topics) > 1 else "consume"] = {
            "trigger": {"consume": topic, "cursor": "offset"},
            "steps": _sink_steps(found, store, entity, flows),
            "evidence": evidence([found]),
        }
    flows.connectors[found.subject] = {"instances": 1, "handlers": handlers, "evidence": evidence([found])}


def _sink_steps(found: Fact, store: str, entity: str, flows: Flows) -> list[dict[str, Any]]:
    write: dict[str, Any] = {"write": store, "values": "event"}
    if entity:
        write["entity"] = entity
    mode = _MODES.get(found.text("insert-mode").lower())
    kind = found.text("class").lower()
    if mode is None and "elasticsearch" in kind:
        # With key.ignore (default false) documents get ids of their own, so a redelivery adds a second one.
        mode = (
            "insert"
            if found.text("key-ignore") == "true"
            else "merge"
            if found.text("write-method").lower() == "upsert"
            else "replace"
        )
    if mode is None and "jdbc" in kind:
        mode = "insert"
    if mode:
        write["mode"] = mode
    tolerance = found.text("errors-tolerance") or "none"
    letters = found.text("errors-deadletterqueue-topic-name")
    if tolerance == "all":
        write["retry"] = {"then": "dead-letter" if letters else "ignore"}
        if letters:
            write["dead_letter"] = letters
            flows.channel(letters, found, "kafka")
    else:
        write["retry"] = {"then": "block"}
    steps = [write]
    deletes = (
        found.text("delete-enabled") == "true"
        or found.text("behavior-on-null-values").lower() == "delete"
        or found.text("delete-on-null-values") == "true"
    )
    if deletes:
        removal = {"write": store, "values": "event", "mode": "delete", "retry": dict(write["retry"])}
        if entity:
            removal["entity"] = entity
        if "dead_letter" in write:
            removal["dead_letter"] = write["dead_letter"]
        steps.append(removal)
    return steps

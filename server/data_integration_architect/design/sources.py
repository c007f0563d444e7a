"""What a source needs before its changes can be followed, from the catalog and from the stated facts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from data_integration_architect.analysis.view import View
from data_integration_architect.design.phases import handlers_of
from data_integration_architect.topology import NONE, Topology, dump_topology


def preparations(today: View, target: Topology) -> str:
    """What the captures that the target adds need at their sources, as sentences; empty without such captures."""
    before, after = handlers_of(dump_topology(today.topology)), handlers_of(dump_topology(target))
    found: list[str] = []
    for name, handler in after.items():
        trigger = handler.get("trigger", {})
        if name in before or "changes" not in trigger:
            continue
        found.extend(_of_source(today, target, trigger, handler))
    return " ".join(dict.fromkeys(found))


def _of_source(view: View, target: Topology, trigger: dict[str, Any], handler: dict[str, Any]) -> Iterator[str]:
    source = trigger["changes"]
    head = view.system.technology(source)
    if head is None:
        yield f"What the product of {source} needs for its changes to be followed (it was not said)."
    else:
        needs = view.catalog.stores.entry(head.id).slots["change_feed_needs"].text
        yield f"{source} ({head.name}): {needs}"
    if trigger.get("row_image") == "full" and (head is None or head.id in FULL_BY_IDENTITY):
        entities = dict.fromkeys(s["entity"] for s in handler.get("steps", []) if s.get("entity") in target.entities)
        reasons: dict[str, list[str]] = {}
        for entity in entities:
            reasons.setdefault(_why_full(target, entity), []).append(entity)
        for why, alike in reasons.items():
            yield f"REPLICA IDENTITY FULL on the tables of {', '.join(alike)}: {why}."


# Products whose log holds the whole old row only where the table says so (docs of PostgreSQL, REPLICA IDENTITY).
FULL_BY_IDENTITY = {"postgresql", "pgvector"}


def needs_full_rows(target: dict[str, Any], entity: str) -> bool:
    """Whether the key of the old row is not enough: large columns (or nobody knows), or no key to tell the row by."""
    facts = target.get("entities", {}).get(entity, {})
    return facts.get("large_columns") is not False or facts.get("key") in (None, NONE)


def _why_full(target: Topology, entity: str) -> str:
    facts = target.entities[entity]
    deleted = "; its rows are deleted, and a deletion then carries the whole row" if facts.deletes == "hard" else ""
    if facts.key is None or facts.key == NONE:
        return f"no key is stated, and without one a deletion does not say which row it was{deleted}"
    if facts.large_columns:
        return f"an update leaves out large columns that did not change{deleted}"
    return (
        "whether there are large columns was not said; without them, and with the key as identity, DEFAULT is enough"
        f"{deleted}"
    )

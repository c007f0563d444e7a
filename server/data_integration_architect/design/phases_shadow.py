"""New ways of the data are filled beside the present ones, compared, read, and then left alone."""

from __future__ import annotations

from typing import Any

from data_integration_architect.analysis.view import View
from data_integration_architect.design.draft import Draft, steps_of
from data_integration_architect.design.outbox_rows import with_outbox
from data_integration_architect.design.phases import (
    Step,
    Steps,
    handlers_of,
    outage,
    shadow_of,
    shadow_store,
    switched,
    written,
)
from data_integration_architect.design.sources import preparations
from data_integration_architect.topology import Topology, dump_topology


def shadow_phases(today: View, target: Topology) -> Steps:
    """Shadow, backfill and compare, switch reads, stop the old path; none where a copy of the effects is no copy."""
    before, after = dump_topology(today.topology), dump_topology(target)
    moved = _fed_anew(before, after)
    stores = sorted(moved)
    if any(o.store in moved and o.entity in moved[o.store] for o in today.owners.values() if o.store):
        return ()  # the store has parts of the same records as its own: a second copy of them would fork those
    shadow = _shadow(today.topology, target, stores)
    if shadow is None:
        return ()
    names = ", ".join(stores)
    records = ", ".join(sorted({o.store for o in today.owners.values() if o.store and set(o.derived) & set(stores)}))
    prepared = preparations(today, target)
    is_captured = any("changes" in h.get("trigger", {}) for _, h in Draft(target).handlers())
    slots = "their slots and " if any(h.get("trigger", {}).get("slot") for _, h in Draft(target).handlers()) else ""
    steps = [
        Step(
            "shadow",
            f"Start the new path beside the present one; it writes shadow copies of {names} that nobody reads.",
            prepared or "The new handlers and channels are configured and reviewed, retention is sized.",
            f"The new path runs without an unhandled error {outage(today)}; its lag is what readers accept.",
            "Lag, dead letters" + (" and log retained at the source" if is_captured else "") + " stay within limits.",
            f"Stop the new handlers, drop {slots}the shadow copies. Nothing reads them.",
            shadow,
        ),
        Step(
            "backfill-and-compare",
            f"Fill the shadow copies of {names} from a snapshot while changes flow, then compare row by row.",
            "The shadow path has caught up.",
            "Two comparisons in a row, further apart than the longest lag seen, show no row that differs, is missing "
            "or is left over.",
            f"Compare keys, versions and deletions of the shadow copies with {records or 'the system of record'}, for "
            "rows older than the lag. Provoke a deletion and an update while the backfill runs.",
            "As before: nothing reads the shadow copies.",
            shadow,
        ),
    ]
    reading = _readers_on(before, moved)
    if reading:
        steps.append(_switch(today, shadow, stores, reading))
    steps.append(
        Step(
            "stop-old-path",
            f"Remove the old writes, messages and jobs to {names}, then the copies that they fed; the shadow copies "
            "take their names.",
            "The comparison is clean"
            + (" and readers have been on the new copies for the agreed time" if len(steps) > 2 else "")
            + "; nobody needs the way back.",
            f"No handler of the application writes {names} any more, and a final comparison is clean.",
            "Search the code and the audit of the stores for writes by the application; compare once more.",
            "Deploy the previous version of the writers; compare and repair before switching readers back.",
            target,
        )
    )
    return tuple(steps)


def _readers_on(data: dict[str, Any], moved: dict[str, set[str]]) -> list[int]:
    """Readers of what the new way brings; those that read other records of the same store stay where they are."""
    return [
        index
        for index, reader in enumerate(data.get("readers", []))
        for store in _listed(reader["reads"])
        if store in moved and (str(reader.get("entity", "")).split(".")[0] in {*moved[store], ""})
    ]


def _switch(today: View, shadow: Topology, stores: list[str], reading: list[int]) -> Step:
    topology = switched(shadow, stores, reading)
    draft = Draft(topology)
    for reader in draft.data.get("readers", []):
        record = next(
            (
                o.store
                for o in today.owners.values()
                if o.store and reader.get("entity", "").split(".")[0] in (o.entity, "")
            ),
            None,
        )
        follows = isinstance(reader["reads"], str) and reader["reads"] in {shadow_of(s) for s in stores}
        if follows and reader.get("own_writes") == "required" and "own_writes_from" not in reader and record:
            reader["own_writes_from"] = record
    names = ", ".join(stores)
    return Step(
        "switch-reads",
        f"Readers of {names} move to the copies that the new path feeds; the old writes go on.",
        "The comparison is clean.",
        "Readers run on the new copies for an agreed time; nothing is wrong that was right in the old ones.",
        "Error rates and results of readers, compared with the old copies on a sample.",
        "Point the readers back; the old copies are still written.",
        draft.topology(),
    )


def _listed(value: Any) -> list[str]:
    return value if isinstance(value, list) else [value]


def _fed_anew(before: dict[str, Any], after: dict[str, Any]) -> dict[str, set[str]]:
    """Store → entities that handlers of the target write there and handlers of today do not."""
    found: dict[str, set[str]] = {}
    for store, handler in sorted(written(after) - written(before)):
        entities = {str(s.get("entity", "")) for s in steps_of(handlers_of(after)[handler]) if s.get("write") == store}
        found.setdefault(store, set()).update(e.split(".")[0] for e in entities)
    return found


def _shadow(today: Topology, target: Topology, fed: list[str]) -> Topology | None:
    """Today's system plus the new handlers of the target, writing shadow stores; None where there is no new path."""
    draft, new = Draft(today), Draft(target)
    known = {handler for handler, _ in draft.handlers()}
    fresh = [(h, handler) for h, handler in new.handlers() if h not in known]
    if not fresh or not fed or not all(_can_be_shadowed(handler) for _, handler in fresh):
        return None
    for group in ("channels", "entities"):
        for name, element in new.data.get(group, {}).items():
            draft.group(group).setdefault(name, element)
    for store in fed:
        draft.group("stores")[shadow_of(store)] = shadow_store(new.data["stores"][store])
    for handler_id, handler in fresh:
        process = handler_id.rpartition(".")[0]
        facts = {**handler, "steps": _renamed(handler.get("steps", []), set(fed))}
        dedup = facts.get("dedup")
        if isinstance(dedup, dict) and dedup.get("in") in fed:
            facts["dedup"] = {**dedup, "in": shadow_of(dedup["in"])}
        draft.put_handler(handler_id, facts, new.data["processes"][process])
    _write_outboxes(draft, new)
    return draft.topology()


def _can_be_shadowed(handler: dict[str, Any]) -> bool:
    """Whether a copy of its effects is a copy of the result: full states, not increments or calls."""
    return not any(
        "call" in step or ("write" in step and step.get("mode") in {"increment", "insert"})
        for step in steps_of(handler)
    )


def _write_outboxes(draft: Draft, new: Draft) -> None:
    """Writers of the shadow phase already append to the outbox tables, or the relays would have nothing to send."""
    for handler_id, handler in new.handlers():
        old = draft.handler(handler_id)
        if old is None:
            continue
        for step in [s for s in steps_of(handler) if "append" in s]:
            source = new.data.get("channels", {}).get(step["append"], {}).get("in")
            if source and step["append"] not in {s.get("append") for s in steps_of(old)}:
                old["steps"] = with_outbox(old.get("steps", []), source, str(step.get("entity", "")), step["append"])


def _renamed(steps: list[dict[str, Any]], stores: set[str]) -> list[dict[str, Any]]:
    result = []
    for step in steps:
        changed = dict(step)
        for kind in ("write", "transaction"):
            if isinstance(changed.get(kind), str) and changed[kind] in stores:
                changed[kind] = shadow_of(changed[kind])
        for inner in ("steps", "on_miss"):
            if inner in changed:
                changed[inner] = _renamed(changed[inner], stores)
        result.append(changed)
    return result

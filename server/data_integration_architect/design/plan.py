"""The way from today to the target, in phases that can each be verified and undone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from data_integration_architect.analysis.view import View
from data_integration_architect.design.draft import Draft, fitting, steps_of
from data_integration_architect.topology import Topology, dump_topology


def shadow_of(store: str) -> str:
    """Name of the copy that the new path fills before anybody reads it."""
    return fitting(store) + "_shadow"


@dataclass(frozen=True)
class Step:
    """A phase of the migration; `topology` is the system while it lasts."""

    name: str
    what: str
    entry: str
    exit: str
    verification: str
    rollback: str
    topology: Topology


def plan_migration(today: View, target: Topology) -> tuple[Step, ...]:
    """Phases from today's topology to the target; empty where nothing has to change."""
    before, after = dump_topology(today.topology), dump_topology(target)
    if before == after:
        return ()
    shadow = _shadow(today.topology, target)
    stores = _fed_anew(before, after)
    names = ", ".join(stores) or "the new path"
    phases = []
    if shadow is not None:
        phases.append(
            Step(
                "shadow",
                f"Start the new path beside the present one; it writes shadow copies of {names} that nobody reads.",
                "Captures, relays, channels and consumers are configured and reviewed; slots and retention are sized.",
                "The new path runs for one longest outage without an unhandled error; its lag is tolerated.",
                "Consumer lag, dead letters and retained log stay within their limits.",
                "Stop the new handlers, drop their slots and the shadow copies. Nothing reads them.",
                shadow,
            )
        )
        phases.append(
            Step(
                "backfill-and-compare",
                f"Fill the shadow copies of {names} from a snapshot while changes flow, then compare row by row.",
                "The shadow path has caught up.",
                "Two comparisons in a row, a longest lag apart, show no row that differs, is missing or is left over.",
                "Compare keys, versions and deletions of the shadow copies with the system of record, aware of lag.",
                "As before: nothing reads the shadow copies.",
                shadow,
            )
        )
        switched = _switched(shadow, stores)
        phases.append(
            Step(
                "switch-reads",
                f"Readers of {names} move to the copies that the new path feeds; the old writes go on.",
                "The comparison is clean.",
                "Readers run on the new copies for an agreed time; nothing is wrong that was right in the old ones.",
                "Error rates and results of readers, compared with the old copies on a sample.",
                "Point the readers back; the old copies are still written.",
                switched,
            )
        )
    phases.append(_last_phase(shadow is not None, before, after, target))
    return tuple(phases)


def _last_phase(was_shadowed: bool, before: dict[str, Any], after: dict[str, Any], target: Topology) -> Step:
    if was_shadowed:
        return Step(
            "stop-old-path",
            "Remove the old writes, messages and jobs; only the system of record is written by the application.",
            "Reads are switched and the time for going back has passed.",
            "No handler writes a derived store any more, and a final comparison is clean.",
            "Search the code and the stores' own audit for writes by the application; compare once more.",
            "Deploy the previous version of the writers; compare and repair before switching readers back.",
            target,
        )
    if _handlers(before) == _handlers(after):
        return Step(
            "change-settings",
            "Change the settings, guards and ids that the decisions name; the ways of the data stay.",
            "Each change was tried on a copy of the system, with the failure that it prevents provoked.",
            "The failure that each change prevents no longer occurs, and nothing else got slower or stopped.",
            "Provoke the failure again after the change, and compare the stores as the verification section says.",
            "Set the previous value; each change stands alone.",
            target,
        )
    return Step(
        "cut-over",
        "Deploy the new handlers stopped, then in one release start them and remove the steps that they replace.",
        "The new handlers were tried against a copy; what they consume is retained for longer than the cut-over takes.",
        "The old path has no unhandled record left, and the new one keeps up for one longest outage.",
        "Count what entered the old and the new path around the release; each operation is in exactly one of them.",
        "Stop the new handlers and deploy the previous release; waiting records stay in their channel.",
        target,
    )


def _handlers(data: dict[str, Any]) -> set[str]:
    return {f"{p}.{h}" for p, process in data.get("processes", {}).items() for h in process.get("handlers", {})}


def _fed_anew(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    """Stores that handlers of the target write and handlers of today do not."""
    old = _written(before)
    return sorted({store for store, handler in _written(after) - old})


def _written(data: dict[str, Any]) -> set[tuple[str, str]]:
    draft = Draft.__new__(Draft)
    draft.data = data
    return {(str(s["write"]), h) for h, handler in draft.handlers() for s in steps_of(handler) if "write" in s}


def _shadow(today: Topology, target: Topology) -> Topology | None:
    """Today's system plus the new handlers of the target, writing shadow stores; None where there is no new path."""
    draft, new = Draft(today), Draft(target)
    known = {handler for handler, _ in draft.handlers()}
    fresh = [(h, handler) for h, handler in new.handlers() if h not in known]
    fed = _fed_anew(draft.data, new.data)
    if not fresh or not fed or not all(_can_be_shadowed(handler) for _, handler in fresh):
        return None
    for group in ("channels", "entities"):
        for name, element in new.data.get(group, {}).items():
            draft.group(group).setdefault(name, element)
    for store in fed:
        draft.group("stores")[shadow_of(store)] = {
            **{k: v for k, v in new.data["stores"][store].items() if k not in {"instance", "copies", "failover"}},
            "status": "temporary",
            "exit_criterion": "the comparison is clean and readers have moved",
        }
    for handler_id, handler in fresh:
        process, _, name = handler_id.rpartition(".")
        facts = {**handler, "steps": _renamed(handler.get("steps", []), set(fed))}
        dedup = facts.get("dedup")
        if isinstance(dedup, dict) and dedup.get("in") in fed:
            facts["dedup"] = {**dedup, "in": shadow_of(dedup["in"])}
        draft.add_handler(
            process, name, facts, **{k: v for k, v in new.data["processes"][process].items() if k != "handlers"}
        )
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
        appended = {s["append"] for s in steps_of(handler) if "append" in s}
        if old is None:
            continue
        missing = {
            name
            for name in appended - {s.get("append") for s in steps_of(old)}
            if "in" in new.data.get("channels", {}).get(name, {})
        }
        if missing:
            kept = [s for s in old.get("steps", []) if "append" in s]
            old["steps"] = [*handler["steps"], *kept]


def _renamed(steps: list[dict[str, Any]], stores: set[str]) -> list[dict[str, Any]]:
    result = []
    for step in steps:
        changed = dict(step)
        for kind in ("write", "transaction", "read"):
            if changed.get(kind) in stores and (kind != "read"):
                changed[kind] = shadow_of(changed[kind])
        for inner in ("steps", "on_miss"):
            if inner in changed:
                changed[inner] = _renamed(changed[inner], stores)
        result.append(changed)
    return result


def _switched(shadow: Topology, stores: Sequence[str]) -> Topology:
    draft = Draft(shadow)
    for reader in draft.data.get("readers", []):
        for attribute in ("reads",):
            value = reader[attribute]
            if isinstance(value, list):
                reader[attribute] = [shadow_of(v) if v in stores else v for v in value]
            elif value in stores:
                reader[attribute] = shadow_of(value)
    return draft.topology()

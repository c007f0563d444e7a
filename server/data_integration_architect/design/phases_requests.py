"""A commit over several stores is taken apart: outcomes first, then some requests, then all, then the coordinator."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from data_integration_architect.advice.choice import Advice
from data_integration_architect.analysis.view import View
from data_integration_architect.design.draft import Draft, fitting, steps_of
from data_integration_architect.design.phases import Step, Steps, handlers_of
from data_integration_architect.topology import Topology, dump_topology


def request_phases(today: View, target: Topology, advice: Sequence[Advice]) -> Steps:
    """None where no distributed commit of today is a logged request in the target."""
    before, after = handlers_of(dump_topology(today.topology)), handlers_of(dump_topology(target))
    mechanisms = {a.choice.mechanism for a in advice if a.source in today.topology.processes}
    blocks = {
        name: block
        for name, handler in before.items()
        for block in handler.get("steps", [])
        if isinstance(block.get("transaction"), list) and len(block["transaction"]) > 1
        if not any(isinstance(s.get("transaction"), list) for s in steps_of(after.get(name, {})))
    }
    is_logged = {n for n in blocks if any("append" in s for s in after.get(n, {}).get("steps", []))}
    if not is_logged or "event-sourcing" not in mechanisms:
        return ()
    phases: list[Step] = [_outcomes(today.topology, target, sorted(is_logged), before, after)]
    pilot = _pilot(phases[0].topology, target, sorted(is_logged))
    members = sorted({m for name in is_logged for m in blocks[name]["transaction"]})
    names, stores = ", ".join(sorted(is_logged)), " and ".join(members)
    owner = _owner(after, sorted(is_logged)[0], before)
    phases += [
        Step(
            "pilot",
            f"Some keys go the new way; the others still commit over {stores} together. Which way is decided once for "
            f"each request, before anything is written, and both ways record the request id at {owner}.",
            f"Channels, relay and processors run and have been tried on a copy: a refused request, a crash between "
            f"the commit at {owner} and the relay, a request sent twice, the processors restarted.",
            "Every accepted request of the pilot has exactly one outcome, and each instruction was applied once.",
            f"For closed periods: the sum over {stores}, with the instructions that are not yet applied, is what it "
            "was; no stated constraint is broken; no request id stands in both ways.",
            "Send new requests the old way. Requests that are already logged are finished by the processors; they are "
            "never sent the old way again.",
            pilot,
        ),
        Step(
            "all-requests",
            f"Every request of {names} is logged; the commit over {stores} stays deployed and is not used.",
            "Callers read the outcome by request id, and the pilot has seen refusals as well as acceptances.",
            f"No transaction is left prepared or in doubt in {stores}, and none was started for the agreed time.",
            f"List prepared transactions in {stores}; watch the time from acceptance to outcome, and its age at most.",
            "As in the pilot: route new requests back, let the logged ones finish.",
            pilot,
        ),
        Step(
            "remove-coordinator",
            f"Remove the handler of the commit over {stores}, its coordinator and the coordinator's log; the handler "
            "that logs takes its name.",
            "Nothing is in doubt, and the way back is no longer needed.",
            f"{stores} refuse prepared transactions (their limit is set to none).",
            "Search the code and the settings for the coordinator.",
            "Deploy it again: its log is empty, so nothing has to be recovered.",
            target,
        ),
    ]
    return tuple(phases)


def _pilot(first: Topology, target: Topology, names: list[str]) -> Topology:
    """The commit over all stores as before, and beside each such handler one that logs its requests."""
    draft, new = Draft(first), Draft(target)
    for group in ("channels", "entities"):
        for name, element in new.data.get(group, {}).items():
            draft.group(group).setdefault(name, element)
    for handler_id, handler in new.handlers():
        process, _, name = handler_id.rpartition(".")
        if handler_id in names:
            draft.put_handler(f"{process}.{fitting(name)}_logged", handler, {})
        elif draft.handler(handler_id) is None:
            draft.put_handler(handler_id, handler, new.data["processes"][process])
    return draft.topology()


def _owner(after: dict[str, Any], name: str, before: dict[str, Any]) -> str:
    """Store at which the outcome is kept: what the added request handler reads."""
    process = name.rpartition(".")[0]
    for other, handler in after.items():
        if other.rpartition(".")[0] == process and other not in before:
            for step in steps_of(handler):
                if "read" in step:
                    return str(step["read"])
    return "the owner"


def _outcomes(
    today: Topology, target: Topology, names: list[str], before: dict[str, Any], after: dict[str, Any]
) -> Step:
    """Today's system in which callers already learn the outcome under the id of their request."""
    draft, new = Draft(today), Draft(target)
    owners = []
    for name in names:
        process = name.rpartition(".")[0]
        owner = _owner(after, name, before)
        owners.append(owner)
        for other, handler in after.items():
            if other.rpartition(".")[0] != process or other in before:
                continue
            entity = next((s.get("entity") for s in steps_of(handler) if "read" in s), None)
            if entity is None:
                continue
            draft.group("entities")[entity] = new.data["entities"][entity]
            draft.put_handler(other, handler, {})
            _record(draft.handler(name) or {}, owner, entity)
    where = ", ".join(dict.fromkeys(owners))
    return Step(
        "outcome-by-id",
        f"Callers send an id with each request and can ask for its outcome; {where} keeps it, still inside the commit "
        "over all stores. To the caller nothing else changes yet.",
        "Every caller makes the id itself, before its first attempt, and keeps it over retries.",
        "Callers act on the outcome that they read, no longer on the answer alone; a timeout makes them ask.",
        "For a sample of requests, answered, refused and timed out, the outcome that is read is what the stores show.",
        "Callers act on the answer again; the recorded outcomes harm nobody.",
        draft.topology(),
    )


def _record(handler: dict[str, Any], owner: str, entity: str) -> None:
    row = {
        "write": owner, "entity": entity, "mode": "insert", "guard": "unique-key", "guard_key": ["request_id"],
        "operation_id": "passed",
    }  # fmt: skip
    for block in handler.get("steps", []):
        if isinstance(block.get("transaction"), list):
            block["steps"] = [*block["steps"], row]

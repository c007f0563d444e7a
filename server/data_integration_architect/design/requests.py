"""A commit over several stores becomes one logged request, or an ordinary commit where the stores are one database."""

from __future__ import annotations

from data_integration_architect.advice.choice import Advice
from data_integration_architect.design.draft import Step, steps_of
from data_integration_architect.design.workbench import PARTITIONS, Workbench


def log_requests(bench: Workbench, advice: Advice) -> str:
    """A distributed commit becomes one logged request, validated and split at the owner of the constraint."""
    blocks = [
        (handler_id, block)
        for handler_id, handler in bench.draft.handlers()
        for block in handler.get("steps", [])
        if isinstance(block.get("transaction"), list) and len(block["transaction"]) > 1
    ]
    for handler_id, block in blocks:
        _split_request(bench, handler_id, block)
    if not blocks and not bench.was_split:
        return "kept as it is"
    bench.was_split = True
    return "the operation is logged once under the client's id, validated at its owner, and applied once at each store"


def _split_request(bench: Workbench, handler_id: str, block: Step) -> None:
    draft = bench.draft
    writes = [s for s in block["steps"] if "write" in s]
    first = next((w for w in writes if w.get("guard") == "condition"), writes[0])
    others = [w for w in writes if w is not first]
    name = handler_id.rpartition(".")[2]
    request = draft.free_name(f"{name}_request")
    draft.group("entities")[request] = {
        "key": "request_id",
        "change": "append-only",
        "deletes": "never",
        "status": "planned",
    }
    requests = draft.add_channel(
        f"{request}s", technology="kafka", carries=[request], message_key=draft.key_of(first.get("entity", "")),
        partitions=PARTITIONS, retention=bench.retention(), delivery="at-least-once", when_full="block",
        status="planned", event={"content": "full", "id": "request_id"},
    )  # fmt: skip
    handler = draft.handler(handler_id) or {}
    handler["steps"] = [
        {"append": requests, "entity": request, "operation_id": "passed", "guard": "idempotent-producer"}
        if step is block
        else step
        for step in handler["steps"]
    ]
    handler.pop("dedup", None)
    trigger = handler.setdefault("trigger", {"request": {}})
    if "request" in trigger:
        trigger["request"]["operation_id"] = {"made_by": "client", "survives_retry": True}
    owner = first["write"]
    instruction = draft.free_name(f"{name}_instruction")
    draft.group("entities")[instruction] = {
        "key": "request_id", "change": "append-only", "deletes": "never", "status": "planned",
    }  # fmt: skip
    table = draft.add_channel(
        f"{instruction}_outbox", technology="table", carries=[instruction], status="planned",
        event={"content": "delta", "id": "request_id", "version": "none"}, **{"in": owner},
    )  # fmt: skip
    dedup = {"by": "request_id", "window": "forever", "scope": "per-target", "atomic": True}
    accept = {
        "transaction": owner,
        "steps": [
            {**first, "operation_id": "passed", "guard": "condition"},
            {"append": table, "entity": instruction, "operation_id": "passed"},
        ],
    }
    facts = {
        "trigger": {"consume": requests, "cursor": "offset", "workers": 1, "acknowledge": "after"},
        "dedup": {**dedup, "in": owner},
        "steps": [accept],
        "status": "planned",
    }
    processor = draft.free_name(f"{name}_processor")
    validator = draft.add_handler(processor, "validate", facts, instances=1, status="planned")
    for other in others:
        log = draft.add_channel(
            f"{instruction}s", technology="kafka", carries=[instruction],
            message_key=draft.key_of(other.get("entity", "")), partitions=PARTITIONS,
            retention=bench.retention(), delivery="at-least-once", when_full="block", status="planned",
            event={"content": "delta", "id": "request_id"},
        )  # fmt: skip
        relay = {
            "trigger": {
                "consume": table,
                "cursor": "commit-order",
                "claim": "lock",
                "workers": 1,
                "acknowledge": "after",
            },
            "steps": [{"append": log, "entity": instruction, "operation_id": "passed", "guard": "idempotent-producer"}],
            "status": "planned",
        }
        draft.add_handler(f"{processor}_relay", "relay", relay, instances=1, status="planned")
        store = other["write"]
        apply = {
            "trigger": {"consume": log, "cursor": "offset", "workers": 1, "acknowledge": "after"},
            "dedup": {**dedup, "in": store},
            "steps": [{"transaction": store, "steps": [{**other, "operation_id": "passed", "guard": "unique-key"}]}],
            "status": "planned",
        }
        draft.add_handler(f"{store}_processor", "apply", apply, instances=1, status="planned")
    for constraint in draft.data.get("constraints", []):
        if constraint.get("entity") == first.get("entity"):
            constraint["enforced_at"] = owner if constraint.get("kind") == "non-negative" else validator


def local(bench: Workbench, advice: Advice) -> str:
    system = bench.view.system
    for _, handler in bench.draft.handlers():
        for step in steps_of(handler):
            members = step.get("transaction")
            if isinstance(members, list) and len({system.instance(m) for m in members}) == 1:
                step["transaction"] = members[0]
                step.pop("coordinator", None)
    return "one connection and one ordinary commit over the shared database"

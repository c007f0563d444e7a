"""A commit over several stores becomes one logged request, an outbox at its owner, or an ordinary commit."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from data_integration_architect.advice.choice import Advice
from data_integration_architect.advice.feeds import source_of
from data_integration_architect.design.draft import Step, fitting, steps_of
from data_integration_architect.design.workbench import KEPT, PARTITIONS, Workbench

ONCE = {"window": "forever", "scope": "per-target", "atomic": True}
REQUEST_ID = "request_id"
FACT = {"key": REQUEST_ID, "change": "append-only", "deletes": "never", "status": "planned"}


@dataclass(frozen=True)
class Split:
    """A distributed block in parts: those of the owner, which decides, and those that follow at other places."""

    handler: str
    block: Step
    own: tuple[Step, ...]
    others: tuple[Step, ...]

    @property
    def owner(self) -> str:
        return str(self.own[0]["write"])

    @property
    def name(self) -> str:
        return self.handler.rpartition(".")[2]


def splits(bench: Workbench) -> Iterator[Split]:
    """Every distributed block of the draft that writes at least two places."""
    for handler_id, handler in list(bench.draft.handlers()):
        for block in handler.get("steps", []):
            members = block.get("transaction")
            if isinstance(members, list) and len(members) > 1:
                found = _split(bench, handler_id, block)
                if found is not None:
                    yield found


def _split(bench: Workbench, handler_id: str, block: Step) -> Split | None:
    effects = [s for s in block["steps"] if "write" in s or "append" in s]
    writes = [s for s in effects if "write" in s]
    if not writes:
        return None
    able = [w for w in writes if source_of(bench.view, w["write"]).takes_outbox] or writes
    first = next((w for w in able if w.get("guard") == "condition"), able[0])
    same = bench.view.system.same_instance
    own = [first, *(w for w in writes if w is not first and same(w["write"], first["write"]))]
    others = [s for s in effects if not any(s is part for part in own)]
    return Split(handler_id, block, tuple(own), tuple(others)) if others else None


def log_requests(bench: Workbench, advice: Advice) -> str:
    """A distributed commit becomes one logged request, validated and split at the owner of the constraint."""
    found = [split for split in splits(bench) if split.handler.rpartition(".")[0] == advice.source]
    for split in found:
        _log_and_split(bench, split)
        bench.split_handlers.add(split.handler)
    if not any(handler.rpartition(".")[0] == advice.source for handler in bench.split_handlers):
        return KEPT
    return (
        "the operation is logged once under the client's id, validated at its owner before anything is emitted for "
        "the others, and applied once at each store; the outcome is kept under the id, for the caller to read"
    )


def _narrow(bench: Workbench, advice: Advice) -> str | None:
    """A distributed block that writes one store only becomes an ordinary transaction there; its store, if any."""
    for handler_id, handler in bench.draft.handlers():
        if handler_id.rpartition(".")[0] != advice.source:
            continue
        for step in steps_of(handler):
            written = {str(s["write"]) for s in step.get("steps", []) if "write" in s}
            if isinstance(step.get("transaction"), list) and len(written) == 1 and not _is_nested(step):
                step["transaction"] = written.pop()
                step.pop("coordinator", None)
                return str(step["transaction"])
    return None


def _is_nested(block: Step) -> bool:
    return any("transaction" in s or "append" in s for s in block.get("steps", []))


def commit_at_owner(bench: Workbench, advice: Advice) -> str:
    """A distributed commit over unlike stores becomes a commit at one of them with an outbox row for the others."""
    done = []
    for split in [s for s in splits(bench) if s.handler.rpartition(".")[0] == advice.source]:
        draft = bench.draft
        table, instruction = _instruction_table(bench, split)
        commit = {
            "transaction": split.owner,
            "steps": [*split.own, {"append": table, "entity": instruction, "operation_id": "passed"}],
        }
        handler = draft.handler(split.handler) or {}
        handler["steps"] = [commit if step is split.block else step for step in handler["steps"]]
        _deliver(bench, split, table, instruction, f"{split.name}_relay")
        bench.split_handlers.add(split.handler)
        done.append(split.owner)
    if not done and not any(handler.rpartition(".")[0] == advice.source for handler in bench.split_handlers):
        only = _narrow(bench, advice)
        return f"the block writes {only} alone, so an ordinary commit there is enough" if only else KEPT
    owner = f" at {done[0]}" if done else ""
    return f"one ordinary commit{owner} holds the change and an outbox row; a relay brings the row to the other side"


def _log_and_split(bench: Workbench, split: Split) -> None:
    draft, first = bench.draft, split.own[0]
    request = draft.free_name(f"{split.name}_request")
    draft.group("entities")[request] = dict(FACT)
    requests = draft.add_channel(
        f"{request}s", technology="kafka", carries=[request], message_key=draft.key_of(first.get("entity", "")),
        partitions=PARTITIONS, retention=bench.retention(), delivery="at-least-once", when_full="block",
        status="planned", event={"content": "full", "id": REQUEST_ID},
    )  # fmt: skip
    handler = draft.handler(split.handler) or {}
    logged = {"append": requests, "entity": request, "operation_id": "passed", "guard": "idempotent-producer"}
    handler["steps"] = [logged if step is split.block else step for step in handler["steps"]]
    handler.pop("dedup", None)
    trigger = handler.setdefault("trigger", {"request": {}})
    if "request" in trigger:
        trigger["request"]["operation_id"] = {"made_by": "client", "survives_retry": True}
    table, instruction = _instruction_table(bench, split)
    outcome = draft.free_name(f"{split.name}_outcome")
    draft.group("entities")[outcome] = dict(FACT)
    accept = {
        "transaction": split.owner,
        "steps": [
            {**first, "operation_id": "passed", "guard": "condition"},
            *split.own[1:],
            {"append": table, "entity": instruction, "operation_id": "passed"},
            {
                "write": split.owner, "entity": outcome, "mode": "insert", "guard": "unique-key",
                "guard_key": [REQUEST_ID], "operation_id": "passed",
            },
        ],
    }  # fmt: skip
    facts = {
        "trigger": {"consume": requests, "cursor": "offset", "workers": 1, "acknowledge": "after"},
        "dedup": {"by": REQUEST_ID, **ONCE, "in": split.owner},
        "steps": [accept],
        "status": "planned",
    }
    processor = draft.free_name(f"{split.name}_processor")
    validator = draft.add_handler(processor, "validate", facts, instances=1, status="planned")
    process = split.handler.rpartition(".")[0]
    asked: dict[str, Any] = {"steps": [{"read": split.owner, "entity": outcome}], "status": "planned"}
    if "request" in trigger:
        who = {k: v for k, v in trigger["request"].items() if k == "from"}
        asked["trigger"] = {"request": who}
    draft.put_handler(f"{process}.{fitting(outcome)}", asked, {})
    _deliver(bench, split, table, instruction, f"{processor}_relay")
    for constraint in draft.data.get("constraints", []):
        if constraint.get("entity") == first.get("entity"):
            constraint["enforced_at"] = split.owner if constraint.get("kind") == "non-negative" else validator


def _instruction_table(bench: Workbench, split: Split) -> tuple[str, str]:
    """The outbox at the owner, and the entity whose rows it has: what the other places are told to do."""
    instruction = bench.draft.free_name(f"{split.name}_instruction")
    bench.draft.group("entities")[instruction] = dict(FACT)
    table = bench.draft.add_channel(
        f"{instruction}_outbox", technology="table", carries=[instruction], status="planned",
        event={"content": "delta", "id": REQUEST_ID, "version": "none"}, **{"in": split.owner},
    )  # fmt: skip
    return table, instruction


def _deliver(bench: Workbench, split: Split, table: str, instruction: str, relay: str) -> None:
    """Brings each instruction to its place: into the queue that was a member, or to a consumer that applies it once."""
    draft = bench.draft
    for other in split.others:
        if "append" in other:
            step = {**other, "operation_id": "passed"}
        else:
            log = draft.add_channel(
                f"{instruction}s", technology="kafka", carries=[instruction],
                message_key=draft.key_of(other.get("entity", "")), partitions=PARTITIONS,
                retention=bench.retention(), delivery="at-least-once", when_full="block", status="planned",
                event={"content": "delta", "id": REQUEST_ID},
            )  # fmt: skip
            step = {"append": log, "entity": instruction, "operation_id": "passed", "guard": "idempotent-producer"}
        facts = {
            "trigger": {
                "consume": table, "cursor": "commit-order", "claim": "lock", "workers": 1, "acknowledge": "after",
            },
            "steps": [step],
            "status": "planned",
        }  # fmt: skip
        draft.add_handler(relay, "relay", facts, instances=1, status="planned")
        if "append" in other:
            continue
        store = other["write"]
        guarded = {**other, "operation_id": "passed"}
        if other.get("guard") != "condition":
            guarded["guard"] = "unique-key"
        apply = {
            "trigger": {"consume": log, "cursor": "offset", "workers": 1, "acknowledge": "after"},
            "dedup": {"by": REQUEST_ID, **ONCE, "in": store},
            "steps": [{"transaction": store, "steps": [guarded]}],
            "status": "planned",
        }
        draft.add_handler(f"{fitting(store)}_processor", "apply", apply, instances=1, status="planned")


def local(bench: Workbench, advice: Advice) -> str:
    system = bench.view.system
    for _, handler in bench.draft.handlers():
        for step in steps_of(handler):
            members = step.get("transaction")
            if isinstance(members, list) and len({system.instance(m) for m in members}) == 1:
                step["transaction"] = members[0]
                step.pop("coordinator", None)
    return "one connection and one ordinary commit over the shared database"

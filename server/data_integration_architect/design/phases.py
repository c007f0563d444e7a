"""What phases of several kinds share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from data_integration_architect.analysis.view import View
from data_integration_architect.design.draft import Draft, fitting, steps_of
from data_integration_architect.topology import Topology

Steps = tuple["Step", ...]


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


def shadow_of(store: str) -> str:
    """Name of the copy that the new path fills before anybody reads it."""
    return fitting(store) + "_shadow"


def outage(view: View) -> str:
    """How long something must be seen to work, as a clause; the longest outage where it was said."""
    said = view.topology.context.longest_outage
    if said:
        return f"for {said}, the longest outage that must be survived"
    return "for as long as the longest outage that must be survived (nobody said how long that is)"


def handlers_of(data: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """PROCESS.HANDLER → handler."""
    draft = Draft.__new__(Draft)
    draft.data = data
    return dict(draft.handlers())


def written(data: dict[str, Any]) -> set[tuple[str, str]]:
    """(store, handler) of every write."""
    return {(str(s["write"]), h) for h, handler in handlers_of(data).items() for s in steps_of(handler) if "write" in s}


def shadow_store(facts: dict[str, Any]) -> dict[str, Any]:
    """The facts of a temporary copy of a store."""
    kept = {k: v for k, v in facts.items() if k not in {"instance", "copies", "failover"}}
    return {**kept, "status": "temporary", "exit_criterion": "the comparison is clean and readers have moved"}


def switched(shadow: Topology, stores: list[str], readers: list[int] | None = None) -> Topology:
    """The shadow phase with the readers of `stores`, or those of the given indices, on their shadow copies."""
    draft = Draft(shadow)
    for index, reader in enumerate(draft.data.get("readers", [])):
        if readers is not None and index not in readers:
            continue
        value = reader["reads"]
        if isinstance(value, list):
            reader["reads"] = [shadow_of(v) if v in stores else v for v in value]
        elif value in stores:
            reader["reads"] = shadow_of(value)
    return draft.topology()

"""Copies of one store: leaders, regions, merges, replicas, and stores that are not needed."""

from __future__ import annotations

from data_integration_architect.advice.choice import Advice
from data_integration_architect.design.workbench import KEPT, Workbench
from data_integration_architect.topology import NONE


def single_store(bench: Workbench, advice: Advice) -> str:
    if advice.source == advice.target or advice.target not in bench.draft.data["stores"]:
        return KEPT
    for reader in bench.draft.data.get("readers", []):
        if reader["reads"] == advice.target:
            reader["reads"] = advice.source
    bench.draft.remove_store(advice.target)
    return f"{advice.target} goes; {advice.source} answers its queries"


def one_leader(bench: Workbench, advice: Advice) -> str:
    store = bench.draft.data["stores"][advice.target]
    store["failover"] = {"automatic": True, "fenced": True, "quorum": True}
    if isinstance(store.get("copies"), dict):
        store["copies"]["writable"] = "one"
    return f"{advice.target} has one writable copy; the old one is fenced before another takes over"


def home_region(bench: Workbench, advice: Advice) -> str:
    store = bench.draft.data["stores"][advice.target]
    store.setdefault("copies", {})["writable"] = "one"
    return f"each key of {advice.target} has a home region that alone accepts its writes"


def merge(bench: Workbench, advice: Advice) -> str:
    bench.draft.data["stores"][advice.target].setdefault("copies", {})["merge"] = "crdt"
    return f"copies of {advice.target} are merged by a type whose changes commute"


def read_primary(bench: Workbench, advice: Advice) -> str:
    for reader in bench.draft.data.get("readers", []):
        strict = reader.get("own_writes") == "required" or reader.get("decides", NONE) != NONE
        if reader["reads"] == advice.target and strict:
            reader["own_writes_from"] = advice.source
            reader["reads"] = advice.source
    return f"what must be current is read from {advice.source}"

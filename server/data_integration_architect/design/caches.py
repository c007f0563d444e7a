"""Caches: invalidation by the log, expiry, leases on fills."""

from __future__ import annotations

from data_integration_architect.advice.choice import Advice
from data_integration_architect.design.draft import steps_of
from data_integration_architect.design.workbench import Workbench
from data_integration_architect.topology.values import seconds


def invalidate_by_log(bench: Workbench, advice: Advice) -> str:
    cache, entities = advice.target, set(advice.entities)
    bench.draft.remove_steps(
        bench.direct_handlers(),
        lambda s: (
            (s.get("invalidate") == cache or (s.get("write") == cache and "guard" not in s))
            and str(s.get("entity", "")).split(".")[0] in entities
        ),
    )
    steps = [
        {"invalidate": cache, "entity": entity, "retry": {"attempts": 10, "then": "block"}}
        for entity in bench.entities(advice)
    ]
    trigger = bench.log_trigger(advice.source, snapshot="none")
    facts = {"trigger": trigger, "steps": steps, "status": "planned"}
    bench.draft.add_handler(f"{cache}_invalidator", "drop", facts, instances=1, status="planned")
    _guard_fills(bench, cache, "lease")
    return f"every committed change on {advice.source} drops the entry in {cache}; fills need a lease"


def expire(bench: Workbench, advice: Advice) -> str:
    tolerated = [seconds(bench.view.topology.readers[i].tolerates) for i in bench.view.system.readers_of(advice.target)]
    known = [t for t in tolerated if t]
    expiry = f"{max(1, round(min(known)))}s" if known else "60s"
    bench.draft.data["stores"][advice.target]["expiry"] = expiry
    return f"entries of {advice.target} expire after {expiry}"


def lease(bench: Workbench, advice: Advice) -> str:
    _guard_fills(bench, advice.target, "lease")
    return f"{advice.target} stores a fill only if nothing has outdated it since its read: by a lease or by its version"


def _guard_fills(bench: Workbench, cache: str, guard: str) -> None:
    for _, handler in bench.draft.handlers():
        for step in steps_of(handler):
            for inner in step.get("on_miss", []):
                if inner.get("write") == cache:
                    inner["guard"] = guard

"""Copies that follow a store: change capture, notifications with a second read, and a copy that is rebuilt."""

from __future__ import annotations

from data_integration_architect.advice.choice import Advice
from data_integration_architect.design.workbench import Workbench
from data_integration_architect.topology.values import seconds

# A copy that may be this old twice over is rebuilt once in that time; nobody said: twice a day.
USUAL_PERIOD = "12h"
SHORTEST_PERIOD_SECONDS = 60
SWEEP = "24h"


def _undecided(bench: Workbench, advice: Advice) -> str | None:
    """Why nothing can be built: one of the two ends is no store."""
    if bench.view.system.store(advice.source) is None:
        what = ", ".join(advice.entities) or "it"
        return f"not carried out: first declare the system of record of {what}; {advice.source} is no store"
    if bench.view.system.store(advice.target) is None:
        return f"not carried out: {advice.target} is no store"
    return None


def capture(bench: Workbench, advice: Advice) -> str:
    if (why := _undecided(bench, advice)) is not None:
        return why
    bench.remove_writes(advice)
    for entity in bench.entities(advice):
        bench.sink(bench.change_log(advice.source, entity), advice.target, entity)
    bench.remove_announcements(advice)
    how = "by key and version" if bench.compares_versions(advice.target) else "by key, in the order of each key"
    head = bench.view.system.technology(advice.source)
    log, by = "log", ""
    if head is not None and head.change_log and head.change_connector:
        log, by = head.change_log, f" by the {head.change_connector}"
    return f"changes are captured from the {log} of {advice.source}{by}; {advice.target} applies them {how}"


def refetch(bench: Workbench, advice: Advice) -> str:
    """Notifications name the record; a consumer reads it again, and a sweep finds what no notification brought."""
    if (why := _undecided(bench, advice)) is not None:
        return why
    bench.remove_writes(advice)
    source, target = advice.source, advice.target
    for entity in bench.entities(advice):
        key = (source, entity)
        if key not in bench.change_logs:
            bench.change_logs[key] = bench.outage_safe_channel(f"{entity}_notices", entity, content="id-only")
            trigger = {"changes": source, "by": "trigger", "sees_deletes": True}
            step = {"append": bench.change_logs[key], "entity": entity}
            facts = {"trigger": trigger, "steps": [step], "status": "planned"}
            bench.draft.add_handler(f"{source}_notifications", f"notify_{entity}", facts, instances=1, status="planned")
        write = {
            "write": target, "entity": entity, "mode": "replace", "values": "re-read", "missing_source": "delete",
            "retry": {"attempts": 10, "then": "block"},
        }  # fmt: skip
        facts = {
            "trigger": {"consume": bench.change_logs[key], "cursor": "offset", "workers": 1, "acknowledge": "after"},
            "dedup": {"by": "none"},
            "steps": [{"read": source, "entity": entity}, write],
            "status": "planned",
        }
        bench.draft.add_handler(f"{target}_sink", f"fetch_{entity}", facts, instances=1, status="planned")
        _rebuild(bench, source, target, entity, SWEEP)
    bench.remove_announcements(advice)
    return (
        f"a notification names what changed in {source}; {target} gets what a second read finds, and a sweep every "
        f"{SWEEP} finds what no notification brought"
    )


def rebuild(bench: Workbench, advice: Advice) -> str:
    if (why := _undecided(bench, advice)) is not None:
        return why
    bench.remove_writes(advice)
    period = _period(bench, advice)
    for entity in bench.entities(advice):
        _rebuild(bench, advice.source, advice.target, entity, period or USUAL_PERIOD)
    bench.remove_announcements(advice)
    unsaid = "" if period else f" (how old {advice.target} may be was not said: the period is a proposal)"
    return (
        f"{advice.target} is rebuilt from one consistent snapshot of {advice.source} every {period or USUAL_PERIOD} "
        f"and swapped in{unsaid}"
    )


def _rebuild(bench: Workbench, source: str, target: str, entity: str, period: str) -> None:
    facts = {
        "trigger": {"every": period, "reads": "all", "consistent": True},
        "steps": [
            {"read": source, "entity": entity},
            {"write": target, "entity": entity, "mode": "rebuild-and-swap"},
        ],
        "status": "planned",
    }
    bench.draft.add_handler(f"{target}_rebuild", f"rebuild_{entity}", facts, instances=1, status="planned")


def _period(bench: Workbench, advice: Advice) -> str | None:
    """Half of what the strictest reader, else the context, accepts; None where nobody said."""
    topology = bench.view.topology
    said = [seconds(topology.readers[i].tolerates) for i in bench.view.system.readers_of(advice.target)]
    known = [t for t in said if t] or [t for t in [seconds(topology.context.freshness_wanted)] if t]
    if not known:
        return None
    half = max(SHORTEST_PERIOD_SECONDS, min(known) / 2)
    return f"{round(half / 3600)}h" if half >= 3600 else f"{round(half / 60)}m"

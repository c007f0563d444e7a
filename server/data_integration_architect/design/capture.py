"""Change capture, and a copy that is rebuilt as a whole."""

from __future__ import annotations

from data_integration_architect.advice.choice import Advice
from data_integration_architect.design.workbench import Workbench
from data_integration_architect.topology.values import seconds


def capture(bench: Workbench, advice: Advice) -> str:
    if bench.view.system.store(advice.source) is None or bench.view.system.store(advice.target) is None:
        return "kept as it is"
    bench.remove_writes(advice)
    for entity in bench.entities(advice):
        bench.sink(bench.change_log(advice.source, entity), advice.target, entity)
    bench.remove_announcements(advice)
    return f"changes are captured from the log of {advice.source}; {advice.target} applies them by key and version"


def rebuild(bench: Workbench, advice: Advice) -> str:
    if bench.view.system.store(advice.source) is None or bench.view.system.store(advice.target) is None:
        return "kept as it is"
    bench.remove_writes(advice)
    tolerated = [seconds(bench.view.topology.readers[i].tolerates) for i in bench.view.system.readers_of(advice.target)]
    known = [t for t in tolerated if t]
    hours = max(1, round(min(known) / 7200)) if known else 12
    for entity in bench.entities(advice):
        steps = [
            {"read": advice.source, "entity": entity},
            {"write": advice.target, "entity": entity, "mode": "rebuild-and-swap"},
        ]
        facts = {
            "trigger": {"every": f"{hours}h", "reads": "all", "consistent": True},
            "steps": steps,
            "status": "planned",
        }
        bench.draft.add_handler(f"{advice.target}_rebuild", f"rebuild_{entity}", facts, instances=1, status="planned")
    bench.remove_announcements(advice)
    return f"{advice.target} is rebuilt from one consistent snapshot every {hours}h and swapped in"

"""Two layers that compute one result become one: replay beside them, compare, switch readers, stop both."""

from __future__ import annotations

from typing import Any

from data_integration_architect.analysis.view import View
from data_integration_architect.design.draft import Draft, fitting, steps_of
from data_integration_architect.design.phases import Step, Steps, outage, shadow_of, shadow_store, switched
from data_integration_architect.topology import Topology


def layer_phases(today: View, target: Topology) -> Steps:
    """None where no result that several handlers compute today is computed by one in the target."""
    draft, new = Draft(today.topology), Draft(target)
    old, kept = _computed(draft), _computed(new)
    merged = sorted(result for result, handlers in old.items() if len(handlers) > 1 and len(kept.get(result, ())) == 1)
    if not merged:
        return ()
    archives = sorted(
        {
            s["read"]
            for result in merged
            for handler in old[result]
            for s in steps_of(draft.handler(handler) or {})
            if "read" in s
        }
    )
    shadowed: list[str] = []
    moved: list[str] = []
    for result in merged:
        handler_id = kept[result][0]
        handler = new.handler(handler_id) or {}
        stores = [str(s["write"]) for s in steps_of(handler) if "write" in s]
        process, _, name = handler_id.rpartition(".")
        facts = {**handler, "steps": _onto_shadow(handler.get("steps", [])), "status": "planned"}
        dedup = facts.get("dedup")
        if isinstance(dedup, dict) and dedup.get("in") in stores:
            facts["dedup"] = {**dedup, "in": shadow_of(dedup["in"])}
        draft.put_handler(f"{fitting(process)}_replay.{name}", facts, {"status": "planned"})
        for store in stores:
            draft.group("stores")[shadow_of(store)] = shadow_store(draft.data["stores"][store])
        channel = handler.get("trigger", {}).get("consume")
        if channel in draft.data.get("channels", {}):
            draft.data["channels"][channel]["retention"] = new.data["channels"][channel].get("retention")
        shadowed += stores
        moved += [s["write"] for h in old[result] for s in steps_of(draft.handler(h) or {}) if "write" in s]
    beside = draft.topology()
    return _steps(today, target, beside, merged, archives, sorted(set(shadowed)), sorted(set(moved)))


def _steps(
    today: View, target: Topology, beside: Topology, results: list[str], archives: list[str],
    kept: list[str], moved: list[str],
) -> Steps:  # fmt: skip
    names, copies = ", ".join(results), ", ".join(shadow_of(s) for s in kept)
    archive = f" from {', '.join(archives)}, then" if archives else ""
    first = archives[0] if archives else "the log"
    reading = [(r.decides, {r.reads} if isinstance(r.reads, str) else set(r.reads)) for r in today.topology.readers]
    decides = sorted({str(what) for what, reads in reading if what not in (None, "none") and reads & set(moved)})
    strict = f" For {' and '.join(decides)}, every difference is explained, not only counted." if decides else ""
    readers = _readers_on(beside, moved, kept)
    return (
        Step(
            "replay",
            f"The one job computes {names} again{archive} from the log into {copies}, which nobody reads; both old "
            "layers go on.",
            "The log keeps everything from now on. The position in the log at which "
            f"{first} ends is known, so that the replay neither leaves out nor repeats an event at the seam. Events of "
            "both carry the id by which the job deduplicates.",
            "The replay has reached the end of the log, and its lag is what readers accept.",
            "Count events read from the archive and from the log against the events of each day; late ones included.",
            f"Stop the job and drop {copies}. Nothing reads it.",
            beside,
        ),
        Step(
            "compare",
            f"Compare {copies} with what the batch layer and the stream layer show, for periods that are closed.",
            "The replay has caught up, and the period compared is older than the latest event that is still accepted.",
            f"For two closed periods in a row each difference is explained by a known defect of an old layer.{strict}",
            "Recompute a sample by hand from the events themselves: where the layers differ, neither is the reference.",
            "As before: nothing reads the new result.",
            beside,
        ),
        Step(
            "switch-reads",
            f"Readers of {names} move to {copies}; both old layers go on.",
            "The comparison is clean.",
            f"Readers run on the new result {outage(today)}.",
            "What readers show before and after the switch, on the same keys and periods.",
            "Point the readers back; the old layers still compute.",
            readers,
        ),
        Step(
            "stop-old-layers",
            f"Stop the old layers and drop their results; {copies} takes the place of {', '.join(kept)}.",
            "Readers have been on the new result for the agreed time.",
            "One job computes the result, and a replay from the archive in a test gives the same.",
            "Replay one closed period into a scratch store and compare it with the live result.",
            "Start the old layers again from the archive; keep their code and the archive until the time is over.",
            target,
        ),
    )


def _computed(draft: Draft) -> dict[str, list[str]]:
    """Result → handlers that compute it."""
    found: dict[str, list[str]] = {}
    for handler_id, handler in draft.handlers():
        if handler.get("computes"):
            found.setdefault(handler["computes"]["result"], []).append(handler_id)
    return found


def _onto_shadow(steps: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{**s, "write": shadow_of(s["write"])} if "write" in s else s for s in steps]


def _readers_on(beside: Topology, moved: list[str], kept: list[str]) -> Topology:
    """Readers of any of the old results read the shadow of the one that stays."""
    draft = Draft(beside)
    for reader in draft.data.get("readers", []):
        reads = reader["reads"] if isinstance(reader["reads"], list) else [reader["reads"]]
        rest = [s for s in reads if s not in moved]
        if len(rest) < len(reads):
            left = [*rest, *(s for s in kept if s not in rest)]
            reader["reads"] = left[0] if len(left) == 1 else left
    return switched(draft.topology(), kept)

"""Two layers that compute one result become one."""

from __future__ import annotations

from data_integration_architect.advice.choice import Advice
from data_integration_architect.design.draft import steps_of
from data_integration_architect.design.workbench import KEPT, Workbench


def one_layer(bench: Workbench, advice: Advice) -> str:
    """The stream handler of a result that two layers compute becomes the only one."""
    system = bench.view.system
    streams = [h for h, s in system.handlers.items() if s.handler.computes and s.consumed and h in _ids(bench, advice)]
    if not streams and any(s.handler.computes and s.consumed for s in system.handlers.values()):
        return "its result comes from the stream job; the archive stays, to compute it again before the cut-over"
    stores: list[str] = []
    for handler_id in streams:
        handler = bench.draft.handler(handler_id)
        if handler is None:
            continue
        result = handler["computes"]["result"]
        kept = next((s["write"] for s in steps_of(handler) if "write" in s), None)
        for other_id, other in list(bench.draft.handlers()):
            if other_id != handler_id and other.get("computes", {}).get("result") == result:
                dropped = [s["write"] for s in steps_of(other) if "write" in s]
                bench.draft.remove_handler(other_id)
                _move_readers(bench, dropped, kept)
        handler["computes"].update(
            {
                "exact": True,
                "engine": _engine(bench, handler["computes"].get("engine")),
                "reads_bounded_input": True,
                "windows": "event-time",
                "late": "correct",
            }
        )
        handler["trigger"]["acknowledge"] = "with-effect"
        event = bench.draft.data["channels"][handler["trigger"]["consume"]].get("event", {})
        handler["dedup"] = {
            "by": event.get("id", "event_id"),
            "atomic": True,
            "window": "forever",
            "scope": "global",
        }
        if kept:
            handler["dedup"]["in"] = kept
            stores.append(kept)
        for step in steps_of(handler):
            if "write" in step:
                step["retry"] = {"then": "block"}
        bench.draft.data["channels"][handler["trigger"]["consume"]]["retention"] = "forever"
    if not streams:
        return KEPT
    return f"one stream job computes the result exactly from a log that keeps everything{_durability(bench, stores)}"


def _durability(bench: Workbench, stores: list[str]) -> str:
    """A reminder where the only copy of a result would lie in a store that may forget it."""
    system = bench.view.system
    unsure = [s for s in stores if system.is_cache(s) or system.is_volatile(s) or system.technology(s) is None]
    unsure = [s for s in unsure if (store := system.store(s)) is None or store.durability != "durable"]
    return f"; {', '.join(unsure)} must keep it durably, which was not said" if unsure else ""


def _engine(bench: Workbench, stated: str | None) -> str:
    """The engine that is used, where it can replay, count each record once and window by event time; else Flink."""
    engine = bench.view.catalog.engine(stated)
    able = engine is not None and engine.replay and engine.event_time and engine.exactly_once
    return stated if able and stated else "flink"


def _ids(bench: Workbench, advice: Advice) -> set[str]:
    return {h for flow in bench.view.flows if flow.target == advice.target for h in flow.handlers}


def _move_readers(bench: Workbench, dropped: list[str], kept: str | None) -> None:
    for reader in bench.draft.data.get("readers", []):
        stores = reader["reads"] if isinstance(reader["reads"], list) else [reader["reads"]]
        left = [s for s in stores if s not in dropped] or ([kept] if kept else stores)
        reader["reads"] = left[0] if len(left) == 1 else left
    for store in dropped:
        if store != kept and not any(
            store in s.values() for _, h in bench.draft.handlers() for s in steps_of(h) if "steps" not in s
        ):
            bench.draft.remove_store(store)

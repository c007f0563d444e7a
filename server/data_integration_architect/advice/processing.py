"""One system or a composition, and which processing layers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from data_integration_architect.advice.parts import parts_of
from data_integration_architect.analysis.system import HandlerSite
from data_integration_architect.analysis.view import View
from data_integration_architect.results import Processing
from data_integration_architect.rules import Found
from data_integration_architect.topology.values import seconds

Layer = Literal["none", "lambda", "kappa", "unified"]
Composition = Literal["single-system", "composed", "federated"]


def processing_of(view: View, found: Sequence[Found]) -> Processing:
    composition, why = _composition(view, found)
    today = _today(view)
    layer, because = _wanted(view, today, found)
    return Processing(layer=layer, today=today, composition=composition, reason=f"{why}; {because}")


def _composition(view: View, found: Sequence[Found]) -> tuple[Composition, str]:
    parts = parts_of(view)
    if len(parts.stores) <= 1:
        outside = f"; {', '.join(parts.outside)} belongs to others and is called" if parts.outside else ""
        what = "one database holds everything" if parts.databases else "no second store is in use"
        return "single-system", what + outside
    if any(f.id == "premature-unbundling" and f.is_definite for f in found):
        return "single-system", "one database serves the access patterns at the stated scale"
    if view.flows and all(flow.mechanism == "federated-read" for flow in view.flows):
        return "federated", "independent stores are joined while reading and nothing is copied"
    return "composed", "several stores serve different access patterns or owners"


def _computing(view: View) -> list[HandlerSite]:
    return [site for site in view.system.handlers.values() if site.handler.computes]


def _is_batch(site: HandlerSite) -> bool:
    return site.fired_by == "every"


def _today(view: View) -> Layer:
    sites = _computing(view)
    results: dict[str, list[HandlerSite]] = {}
    for site in sites:
        if site.handler.computes:
            results.setdefault(site.handler.computes.result, []).append(site)
    if not results:
        return "none"
    for layered in results.values():
        if any(_is_batch(s) for s in layered) and any(not _is_batch(s) for s in layered):
            codes = {s.handler.computes.code for s in layered if s.handler.computes}
            return "unified" if len(codes) == 1 and None not in codes else "lambda"
    if any(s.handler.computes and s.handler.computes.reads_bounded_input for s in sites if not _is_batch(s)):
        return "unified"
    # Only what keeps its records can be computed over again from the start.
    logs = {name for name, kind in view.system.channel_kinds.items() if kind in {"log", "table"}}
    return "kappa" if any(not _is_batch(s) and s.consumed in logs for s in sites) else "none"


LAYERS_IN_CONFLICT = {"lambda-duplicate-logic", "speed-layer-data-loss"}


def _wanted(view: View, today: Layer, found: Sequence[Found]) -> tuple[Layer, str]:
    if today == "lambda" and not any(
        f.id in LAYERS_IN_CONFLICT and f.is_definite and f.severity not in {"info", "low"} for f in found
    ):
        return "lambda", "the batch layer corrects what the stream only estimates, and nothing speaks against the two"
    if today != "lambda":
        words = {
            "none": "no derived computation needs a layer of its own",
            "kappa": "one stream job computes from a log",
            "unified": "one code base computes over archive and stream",
        }
        return today, words[today]
    streams = [s for s in _computing(view) if not _is_batch(s)]
    for site in streams:
        computes = site.handler.computes
        engine = view.catalog.engine(computes.engine if computes else None)
        channel = view.system.channel(site.consumed) if site.consumed else None
        retention = seconds(channel.retention) if channel and channel.retention else None
        if engine is not None and not (engine.replay and engine.event_time):
            continue
        if retention == float("inf") or (channel is not None and channel.cleanup == "compact"):
            return "kappa", "the log keeps everything, so one stream job can also recompute"
    return "unified", "one engine with one code base over archive and stream replaces the two layers"

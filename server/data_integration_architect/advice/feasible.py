"""Which fixes the stated facts allow: a fixed application changes no writer, a closed log feeds nothing."""

from __future__ import annotations

from collections.abc import Iterable

from data_integration_architect.analysis.view import View


def feasible(view: View, fixes: Iterable[str], sources: Iterable[str]) -> list[str]:
    """`fixes` without those that a stated fact rules out; `sources` are the stores whose log they would read."""
    closed = {"application"} if view.topology.context.application == "fixed" else set()
    stores = view.topology.stores
    if any(stores[name].log_access is False for name in sources if name in stores):
        closed.add("log")
    shelf = view.catalog.fixes
    return [fix for fix in fixes if not closed or fix not in shelf or not closed & set(shelf.entry(fix).needs)]

"""Fixes that add or move steps, which no list of facts to set can say."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from data_integration_architect.analysis.view import View
from data_integration_architect.design.draft import Draft
from data_integration_architect.design.outbox_rows import with_outbox
from data_integration_architect.rules import Found
from data_integration_architect.topology import Write

Structural = Callable[[Draft, View, Found], bool]


def route_through_outbox(draft: Draft, view: View, found: Found) -> bool:
    """Handlers of a finding append to its outbox, in the transaction of what they write to the outbox's store.

    An append of the same handler to another channel about the same entity goes: the relay sends it now.
    """
    channels = view.topology.channels
    tables = [e for e in found.match.elements if e in channels and view.system.channel_kind(e) == "table"]
    changed = False
    for table in tables:
        for name in found.match.elements:
            handler, site = draft.handler(name), view.system.handlers.get(name)
            home = channels[table].in_
            if handler is None or site is None or home is None:
                continue
            own = [e for e in site.changes if isinstance(e.step, Write) and view.system.same_instance(e.target, home)]
            for entity in dict.fromkeys(e.entity for e in own if e.entity):
                store = next(e.target for e in own if e.entity == entity)
                around = [
                    e.target
                    for e in site.changes
                    if e.kind == "append" and e.entity == entity and e.target in found.match.elements
                ]
                draft.remove_steps([name], lambda s, a=around: s.get("append") in a)  # type: ignore[misc]
                handler["steps"] = with_outbox(handler["steps"], store, entity, table)
                changed = True
    return changed


STRUCTURAL: Mapping[str, Structural] = {"drop-outbox-or-route-through-it": route_through_outbox}

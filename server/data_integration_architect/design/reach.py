"""Where data goes from one place, over every flow on the way."""

from __future__ import annotations

from data_integration_architect.analysis.view import View


def reached(view: View, start: str) -> set[str]:
    """Stores and channels to which flows lead from `start`, itself left out."""
    found, pending = {start}, [start]
    while pending:
        here = pending.pop()
        for flow in view.flows:
            if here in (flow.source, flow.via) and flow.target not in found:
                found.add(flow.target)
                pending.append(flow.target)
    return found - {start}

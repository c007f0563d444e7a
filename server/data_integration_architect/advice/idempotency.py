"""The idempotency of every flow, with what the findings know of it: no row says ok where a finding says otherwise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from data_integration_architect.analysis.idempotency import Currently, idempotency_of
from data_integration_architect.analysis.view import View
from data_integration_architect.results import Idempotency
from data_integration_architect.rules import Found

# What remembers or refuses repetitions is there but does not hold, or was lost on the way, or is missing.
STATES: Mapping[str, Currently] = {
    "dedup-scope-too-narrow": "partial",
    "idempotency-record-stale-read": "partial",
    "dead-letter-replay-unsafe": "partial",
    "operation-id-regenerated-midway": "broken",
    "server-generated-operation-id": "broken",
    "non-idempotent-consumer": "missing",
}


def idempotency_with(view: View, found: Sequence[Found]) -> tuple[Idempotency, ...]:
    """One entry for each flow; one that was ok by itself takes the state of the first finding on its handlers."""
    definite = [f for f in found if f.is_definite and f.id in STATES]
    flows = {flow.id: flow for flow in view.flows}
    result = []
    for row in idempotency_of(view):
        flow = flows[row.flow]
        ends = {flow.target, flow.source, *((flow.via,) if flow.via else ())}
        said = [
            f
            for f in definite
            if set(flow.handlers) & set(f.match.elements) and ends & {t.store for t in f.match.targets}
        ]
        state = STATES[said[0].id] if said and row.currently == "ok" else row.currently
        result.append(row.model_copy(update={"currently": state}))
    return tuple(result)

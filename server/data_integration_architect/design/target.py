"""The target topology: each recommendation carried out on the facts of today."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from data_integration_architect.advice.choice import Advice
from data_integration_architect.analysis.view import View
from data_integration_architect.design import caches, capture, causal, copies, layers, outbox, requests
from data_integration_architect.design.draft import Draft
from data_integration_architect.design.workbench import Workbench

BUILDERS: Mapping[str, Callable[[Workbench, Advice], str]] = {
    "cdc": capture.capture,
    "outbox": outbox.outbox,
    "event-sourcing": requests.log_requests,
    "local-transaction": requests.local,
    "batch-etl": capture.rebuild,
    "cdc-invalidation": caches.invalidate_by_log,
    "cache-aside-with-ttl": caches.expire,
    "lease-or-versioned-fill": caches.lease,
    "log-messaging": layers.one_layer,
    "single-store": copies.single_store,
    "single-leader-with-fencing": copies.one_leader,
    "synchronous-quorum-commit": copies.one_leader,
    "home-region-per-key": copies.home_region,
    "crdt-merge": copies.merge,
    "read-from-primary": copies.read_primary,
    "causal-token": causal.token,
}


@dataclass
class Built:
    """The draft after all recommendations, and what was done for each, in words."""

    draft: Draft
    done: list[tuple[Advice, str]] = field(default_factory=list)


def build_target(view: View, advice: Sequence[Advice]) -> Built:
    """Carries out every advice; one that changes nothing is noted as such."""
    bench = Workbench(view, Draft(view.topology))
    built = Built(bench.draft)
    for one in advice:
        built.done.append((one, _carry_out(bench, one)))
    bench.draft.remove_unused_channels()
    return built


def _carry_out(bench: Workbench, advice: Advice) -> str:
    build = BUILDERS.get(advice.choice.mechanism)
    return build(bench, advice) if build else "kept as it is"

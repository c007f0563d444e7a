"""The target topology: each recommendation carried out on the facts of today."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from data_integration_architect.advice.choice import Advice
from data_integration_architect.advice.legs import contested
from data_integration_architect.analysis.view import View
from data_integration_architect.design import caches, capture, causal, copies, layers, logfirst, outbox, requests
from data_integration_architect.design.draft import Draft
from data_integration_architect.design.workbench import KEPT, Workbench
from data_integration_architect.rules import Found

BUILDERS: Mapping[str, Callable[[Workbench, Advice], str]] = {
    "batch-etl": capture.rebuild,
    "cache-aside-with-ttl": caches.expire,
    "causal-token": causal.token,
    "cdc": capture.capture,
    "cdc-invalidation": caches.invalidate_by_log,
    "crdt-merge": copies.merge,
    "home-region-per-key": copies.home_region,
    "lease-or-versioned-fill": caches.lease,
    "local-transaction": requests.local,
    "outbox": outbox.outbox,
    "read-from-primary": copies.read_primary,
    "refetch-from-source": capture.refetch,
    "single-leader-with-fencing": copies.one_leader,
    "single-store": copies.single_store,
    "synchronous-quorum-commit": copies.one_leader,
}


# Mechanisms that change how a store is written or kept.
OF_STORES = {
    "cache-aside-with-ttl",
    "cdc-invalidation",
    "crdt-merge",
    "home-region-per-key",
    "lease-or-versioned-fill",
    "single-leader-with-fencing",
    "synchronous-quorum-commit",
}
# Mechanisms that need no change.
STAYING = {"keep-current", "federated-read", "single-store", "none"}
# Mechanisms that make one place follow another, which presupposes that it takes no original writes of the same thing.
COPIES = {"batch-etl", "cdc", "outbox", "refetch-from-source"}


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


def done_with(done: str, advice: Advice, applied: Iterable[tuple[Found, str]]) -> str:
    """What was done for an advice, with the fixes that were applied on its way where its mechanism stays."""
    on_the_way = [
        fix
        for found, fix in applied
        if fix in advice.choice.fixes
        or advice.target in {*found.match.elements, *(target.store for target in found.match.targets)}
    ]
    used = list(dict.fromkeys(on_the_way))
    if done == KEPT and used:
        return f"the mechanism stays; changed on it: {', '.join(used)}"
    if done == KEPT and advice.choice.mechanism not in STAYING:
        return _by_hand(advice)
    return done


def _by_hand(advice: Advice) -> str:
    way = " to ".join(dict.fromkeys(advice.key))
    return f"not carried out: nothing on the way from {way} could be changed by itself; do it by hand"


def _carry_out(bench: Workbench, advice: Advice) -> str:
    system, mechanism = bench.view.system, advice.choice.mechanism
    build = BUILDERS.get(mechanism)
    is_distributed = any(
        flow.mechanism == "two-phase-commit" and (flow.source, flow.target) == advice.key for flow in bench.view.flows
    )
    if mechanism == "event-sourcing":
        build = requests.log_requests if is_distributed else logfirst.log_first
    elif mechanism == "outbox" and is_distributed:
        build = requests.commit_at_owner
    elif mechanism == "log-messaging":
        handlers = {h for flow in bench.view.flows if flow.target == advice.target for h in flow.handlers}
        computes = any(system.handlers[h].handler.computes for h in handlers)
        is_pair = advice.source in system.handlers
        build = causal.one_topic if is_pair else layers.one_layer if computes else logfirst.make_durable
    if build is None:
        return KEPT
    if mechanism in OF_STORES and bench.view.system.store(advice.target) is None:
        return f"not carried out: {advice.target} is no store"
    rivals = sorted(contested(bench.view, *advice.key))
    if rivals and mechanism in COPIES:
        return (
            f"not carried out: {advice.source} and {advice.target} both take original writes of {', '.join(rivals)}; "
            "first declare which of them owns it, and let the other send its changes there"
        )
    done = build(bench, advice)
    if done == KEPT and mechanism != "single-store":
        return _by_hand(advice)
    return done

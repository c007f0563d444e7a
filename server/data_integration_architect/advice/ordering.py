"""Which order each flow needs, which it is given, and whether that is enough."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from data_integration_architect.analysis.flows import Flow
from data_integration_architect.analysis.order import (
    adds,
    is_checked,
    is_guarded,
    order_need,
    ordered_ends,
    re_reads,
    reorderings,
    writes_its_source,
)
from data_integration_architect.analysis.system import Effect
from data_integration_architect.analysis.view import View
from data_integration_architect.results import Causal, Ordering
from data_integration_architect.rules import Found

ORDER_BREAKING = {
    "causal-dependency-lost",
    "dead-letter-replay-unsafe",
    "dual-write-in-open-transaction",
    "dual-write-unprotected",
    "enqueue-before-commit",
    "key-reordering-parallel-consumer",
    "key-reordering-repartition",
    "key-reordering-retry-topic",
    "missing-message-key",
    "multi-leader-concurrent-writes",
    "multi-leader-divergence",
    "no-single-system-of-record",
    "outbox-concurrent-relay-reorder",
    "snapshot-overwrites-live",
    "split-topics-break-entity-order",
    "unordered-delivery",
}


def ordering_of(view: View, found: Sequence[Found]) -> tuple[Ordering, ...]:
    """One entry for each flow that moves data and each entity that it moves."""
    result = []
    breaking = _Breaking(view, found)
    for whole in view.flows:
        if whole.mechanism in {"native-replication", "federated-read"}:
            continue
        on_flow = breaking.on(whole)
        for entity in whole.entities or (None,):
            flow = whole.only(entity)
            need, key = order_need(view, flow)
            breaks = [f for f in on_flow if _is_about(view, f, whole, entity)]
            if need == "per-group-causal":
                breaks += [f for f in found if f not in breaks and _breaks_a_pair(view, f, flow)]
            result.append(_entry(view, flow, entity, need, key, breaks))
    return tuple(result)


def _is_about(view: View, found: Found, flow: Flow, entity: str | None) -> bool:
    """Whether a finding on a flow is about one entity of it; one that names no entity of the flow is about each."""
    named = {target.entity.split(".", 1)[0] for target in found.match.targets if target.entity}
    named |= {element for element in found.match.elements if element in view.topology.entities}
    return entity in named or not named & set(flow.entities)


class _Breaking:
    """Findings that break an order, by the handlers that they name."""

    def __init__(self, view: View, found: Sequence[Found]) -> None:
        self.view = view
        self.breaking = [f for f in found if f.id in ORDER_BREAKING]
        self.elements = [frozenset(f.match.elements) for f in self.breaking]
        self.naming: dict[str | None, list[int]] = {}
        self.over: dict[str, set[int]] = {}
        for index, elements in enumerate(self.elements):
            for channel in elements & view.topology.channels.keys():
                self.over.setdefault(channel, set()).add(index)
            for handler in elements & view.system.handlers.keys() or (None,):
                self.naming.setdefault(handler, []).append(index)

    def on(self, flow: Flow) -> list[Found]:
        """Those that lie on the flow: they name what it moves to or through, and if they name anybody, who moves it."""
        ends = {flow.target, *((flow.via,) if flow.via else ())}
        if self.view.system.channel(flow.source):
            ends.add(flow.source)
        near = {index for handler in (None, *flow.handlers) for index in self.naming.get(handler, ())}
        # Records that come late over a retry channel are out of order on that channel, too.
        near |= {index for index in self.over.get(flow.source, ()) if flow.target in self.elements[index]}
        return [self.breaking[index] for index in sorted(near) if self.elements[index] & ends]


def _breaks_a_pair(view: View, found: Found, flow: Flow) -> bool:
    """Whether a finding is about a causal pair that a handler of the flow acts on."""
    return found.id == "causal-dependency-lost" and any(
        {pair.first, pair.then} <= set(found.match.elements)
        for pair in view.topology.causality
        if pair.checked_by in flow.handlers or {pair.first, pair.then} & set(flow.handlers)
    )


def _entry(view: View, flow: Flow, entity: str | None, need: str, key: str | None, breaks: list[Found]) -> Ordering:
    definite = sorted({f.id for f in breaks if f.is_definite})
    possible = sorted({f.id for f in breaks if not f.is_definite})
    given = _given(view, flow, bool(definite), bool(possible))
    satisfied: bool | Literal["partial", "n/a"]
    if need == "none":
        satisfied, reason = "n/a", "changes of different records, or changes that commute, need no order"
    elif definite:
        satisfied, reason = False, f"broken by {', '.join(definite)}"
    elif possible:
        satisfied, reason = "partial", f"depends on unsaid facts ({', '.join(possible)})"
    elif given == "none":
        satisfied, reason = _in_spite_of_disorder(view, flow)
    else:
        satisfied, reason = True, "records of one key stay in order from writer to reader"
    return Ordering(
        flow=flow.id,
        entity=entity,
        need=need,
        key=key,
        given=given,
        satisfied=satisfied,
        reason=reason,
    )


def _in_spite_of_disorder(view: View, flow: Flow) -> tuple[bool | Literal["partial"], str]:
    """What becomes of records that can change places where no finding says that they do harm."""
    if not _is_reordered(view, flow):
        return True, "records can get lost on the way, and those that come keep their order"
    ends = ordered_ends(view, flow)
    if any(adds(e) and is_checked(view, e) for e in ends):
        why = "the sum comes out the same, but the rule on it can refuse another one of them"
        return "partial", f"records can change places: {why}"
    answers = {_answer(view, e) for e in ends} - {None}
    if not answers:
        return True, "nothing that is known lets two records of one key change places with harm"
    return True, f"records can change places, and {', '.join(sorted(str(a) for a in answers))}"


def _answer(view: View, effect: Effect) -> str | None:
    """Why an older record that comes last does no harm at an effect."""
    if adds(effect):
        return "additions give the same sum in any order (no rule that looks at it is known)"
    if re_reads(view, effect):
        return "the target reads the current state again"
    if is_guarded(effect):
        return "the target refuses the older one"
    if writes_its_source(view, effect):
        return "each is an order to change the record itself, not a copy of its state"
    return None


def _given(
    view: View, flow: Flow, broken: bool, unsure: bool
) -> Literal["none", "per-key", "per-group", "total", "unknown"]:
    if broken:
        return "none"
    if unsure:
        return "unknown"
    name = flow.via or flow.source
    channel = view.system.channel(name) or view.system.channel(flow.target)
    if _is_reordered(view, flow):
        return "none"
    if channel is not None and (channel.order == "total" or channel.partitions == 1):
        return "total"
    if channel is not None and view.system.channel_kind(name) == "lossy":
        return "none"
    return "per-key"


def _is_reordered(view: View, flow: Flow) -> bool:
    sites = [view.system.handlers[handler] for handler in flow.handlers]
    entity = flow.entities[0] if len(flow.entities) == 1 else None
    return any(reorderings(view, site, entity) for site in sites if site.consumed)


def causal_of(view: View, found: Sequence[Found]) -> tuple[Causal, ...]:
    """Each causal pair with whether its order survives; judged by the findings on it."""
    result = []
    for pair in view.topology.causality:
        on_pair = [
            f for f in found if f.id == "causal-dependency-lost" and {pair.first, pair.then} <= set(f.match.elements)
        ]
        definite = [f for f in on_pair if f.is_definite]
        status: Literal["kept", "lost", "unknown"]
        status = "lost" if definite else "unknown" if on_pair else "kept"
        reason = (definite or on_pair)[0].match.summary if on_pair else "the later event cannot be acted on too early"
        result.append(Causal(first=pair.first, then=pair.then, per=pair.per, status=status, reason=reason))
    return tuple(result)

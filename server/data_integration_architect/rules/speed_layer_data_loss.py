"""The stream layer of a result loses records, so what it shows until the batch layer has run is too low.

Only where a batch layer computes the same result; a lossy stream alone is judged by lossy-buffer and
at-most-once-accepted. Misses: state that the engine itself loses.
"""

from __future__ import annotations

from collections.abc import Iterator

from data_integration_architect.analysis.delivery import acknowledges, delivery_of
from data_integration_architect.analysis.facts import Facts
from data_integration_architect.analysis.layers import Layers, computation, corrected_by_batch, layers_of, results_of
from data_integration_architect.analysis.match import Match
from data_integration_architect.analysis.severity import Consequence, Target
from data_integration_architect.analysis.system import HandlerSite
from data_integration_architect.analysis.view import View

Site = tuple[Layers, HandlerSite]


def sites(view: View) -> Iterator[Site]:
    for layers in layers_of(view.system).values():
        if layers.batch:
            yield from ((layers, site) for site in layers.stream if site.consumed)


def judge(view: View, site: Site, facts: Facts) -> Match | None:
    layers, stream = site
    how = _said_loss(view, stream) or _asked_loss(view, stream, facts)
    if how is None:
        return None
    approximate = computation(stream).exact is False
    results = results_of(stream)
    return Match(
        elements=tuple(dict.fromkeys((stream.consumed or "", *(e.target for e in results), stream.id))),
        at=stream.path,
        summary=(
            f"{stream.id} computes {layers.result} from {stream.consumed} and loses records ({how}): recent results "
            f"are too low until {layers.batch[0].id} has run"
        ),
        consequence=Consequence("integrity", heals=corrected_by_batch(layers) or "never", minor=approximate),
        targets=tuple(Target(e.target, e.entity) for e in results),
        shows=frozenset({"missing", "wrong-total"}),
    )


def _said_loss(view: View, stream: HandlerSite) -> str | None:
    channel = view.system.channel(stream.consumed or "")
    if acknowledges(stream) == "before":
        return "a record counts as done before its effect"
    if channel is not None and channel.when_full == "drop":
        return f"{stream.consumed} drops records when it is full"
    if delivery_of(view.system, stream.consumed or "") == "at-most-once":
        return f"{stream.consumed} delivers at most once"
    if any(e.step.retry is not None and e.step.retry.then == "ignore" for e in results_of(stream)):
        return "a failed write is ignored"
    return None


def _asked_loss(view: View, stream: HandlerSite, facts: Facts) -> str | None:
    """The one way to lose records that is worth asking for: a retained log blocks, so there it is the failed write."""
    channel = view.system.channel(stream.consumed or "")
    kind = view.system.channel_kind(stream.consumed or "")
    if channel is not None and channel.when_full is None and kind not in {"log", "table"}:
        ask = f"What happens to producers when {stream.consumed} is full?"
        if facts.ask(("channels", str(stream.consumed), "when_full"), None, ("drop", "block"), ask) == "drop":
            return f"{stream.consumed} drops records when it is full"
        return None
    for effect in results_of(stream)[:1]:
        said = effect.step.retry.then if effect.step.retry else None
        ask = f"What does {stream.id} do when a write to {effect.target} keeps failing?"
        if facts.ask((*effect.path, "retry", "then"), said, ("ignore", "block"), ask) == "ignore":
            return "a failed write is ignored"
    return None

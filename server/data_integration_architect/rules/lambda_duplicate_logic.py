"""One result is computed twice, by a batch and by a stream, in two code bases that must be kept equal by hand.

Two layers that run the same code are no defect. Cannot see two code bases behind one name.
"""

from __future__ import annotations

from collections.abc import Iterator

from data_integration_architect.analysis.facts import Facts
from data_integration_architect.analysis.layers import Layers, computation, corrected_by_batch, layers_of, results_of
from data_integration_architect.analysis.match import Match
from data_integration_architect.analysis.severity import Consequence, Target
from data_integration_architect.analysis.system import HandlerSite
from data_integration_architect.analysis.view import View

Site = tuple[Layers, HandlerSite, HandlerSite]


def sites(view: View) -> Iterator[Site]:
    for layers in layers_of(view.system).values():
        for batch in layers.batch:
            for stream in layers.stream:
                yield layers, batch, stream


def judge(view: View, site: Site, facts: Facts) -> Match | None:
    layers, batch, stream = site
    if not _cannot_share(view, batch, stream) and not _differ(batch, stream, facts):
        return None
    approximate = computation(stream).exact is False
    healing = corrected_by_batch(layers)
    return Match(
        elements=(batch.id, stream.id),
        at=(*stream.path, "computes"),
        summary=(
            f"{layers.result} is computed by {batch.id} and again by {stream.id} in another code base: every change is "
            f"made twice, and the two results differ where the two programs do"
        ),
        # A sketch that an exact batch replaces is a choice: the duplication costs work, not correctness.
        consequence=Consequence("integrity", heals=healing or "never", minor=approximate and healing is not None),
        targets=tuple(Target(e.target, e.entity) for s in (batch, stream) for e in results_of(s)),
        shows=frozenset({"wrong-total", "stale", "reverted"}),
    )


def _cannot_share(view: View, batch: HandlerSite, stream: HandlerSite) -> bool:
    """Whether the engines make two code bases certain: an engine for batches only beside one for streams only."""
    first, second = (view.catalog.engine(computation(s).engine) for s in (batch, stream))
    if computation(batch).code is not None and computation(batch).code == computation(stream).code:
        return False
    if first is None or second is None or first is second:
        return False
    return first.kind == "batch" or (second.kind == "stream" and not second.bounded_input)


def _differ(batch: HandlerSite, stream: HandlerSite, facts: Facts) -> bool:
    """Whether the code bases have different names; one that nobody named goes by its handler."""
    ask = f"Do {stream.id} and {batch.id} run the same code?"
    if computation(batch).code is None and computation(stream).code is not None:
        path, said, other = (*batch.path, "computes", "code"), None, str(computation(stream).code)
        return bool(facts.ask(path, said, (batch.id, other), ask) != other)
    other = computation(batch).code or batch.id
    path = (*stream.path, "computes", "code")
    return bool(facts.ask(path, computation(stream).code, (stream.id, other), ask) != other)

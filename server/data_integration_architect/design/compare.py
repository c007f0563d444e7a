"""Which decisions have options that are worth showing side by side."""

from __future__ import annotations

from collections.abc import Sequence

from data_integration_architect.advice.choice import Advice
from data_integration_architect.analysis.flows import is_distributed
from data_integration_architect.analysis.view import View
from data_integration_architect.design.causal_options import compare_causal
from data_integration_architect.design.options import Comparison
from data_integration_architect.design.split_options import Parts, compare_splits, first_of
from data_integration_architect.topology import Write


def compare(view: View, advice: Sequence[Advice]) -> tuple[Comparison, ...]:
    """Comparisons for operations that are logged and split, then for causal pairs."""
    found = [*_splits(view, advice), *(compare_causal(view, one) for one in advice)]
    return tuple(one for one in found if one is not None)


def _splits(view: View, advice: Sequence[Advice]) -> list[Comparison | None]:
    logged = {one.source for one in advice if one.choice.mechanism == "event-sourcing"}
    blocks: dict[str, list[Write]] = {}
    for effect in view.system.effects:
        inside = any(is_distributed(block) for _, block in effect.blocks)
        if inside and isinstance(effect.step, Write) and effect.site.process_name in logged:
            blocks.setdefault(effect.site.id, []).append(effect.step)
    result = []
    for handler, writes in sorted(blocks.items()):
        first = first_of(writes)
        others = tuple(w for w in writes if not view.system.same_instance(w.write, first.write))
        result.append(compare_splits(view, Parts(handler, first, others)) if others else None)
    return result

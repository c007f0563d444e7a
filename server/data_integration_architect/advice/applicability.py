"""Step 0: is there an integration to design at all?"""

from __future__ import annotations

from collections.abc import Sequence

from data_integration_architect.analysis.view import View
from data_integration_architect.results import Applicable
from data_integration_architect.rules import Found
from data_integration_architect.topology import Call

INSTEAD = "oltp-olap-workload-classifier, storage-engine-selector"


def applicability_of(view: View, found: Sequence[Found]) -> Applicable:
    """Applicable with several databases, brokers or outside effects, or where one database has a problem of its own."""
    system = view.system
    stores = {system.database(name) for name, store in view.topology.stores.items() if not store.external}
    brokers = {name for name, kind in system.channel_kinds.items() if kind != "table"}
    effects = {
        effect.target
        for effect in system.effects
        if isinstance(effect.step, Call) and effect.step.kind not in {"notify", None}
    }
    parts = sorted(stores | brokers | effects)
    if not parts:
        return Applicable(verdict="unknown", reason="no store is described", instead=None)
    if len(parts) > 1:
        shown = ", ".join(parts[:6]) + (", …" if len(parts) > 6 else "")
        return Applicable(verdict="applicable", reason=f"{len(parts)} systems must agree: {shown}")
    only = parts[0]
    if any(store.copies and store.copies.writable == "all" for store in view.topology.stores.values()):
        return Applicable(verdict="applicable", reason=f"{only} takes writes in several copies")
    problems = sorted({f.id for f in found if f.is_definite and not _is_only_told(view, f)})
    if problems:
        return Applicable(verdict="applicable", reason=f"{only} alone, but with {', '.join(problems)}")
    if not system.is_whole:
        return Applicable(verdict="unknown", reason=f"only {only} is in sight, and there may be more (scope: partial)")
    reason = (
        f"one database, {only}, covers everything that is described; replicas and views inside it are no second store"
    )
    return Applicable(verdict="not-applicable", reason=reason, instead=INSTEAD)


def _is_only_told(view: View, found: Found) -> bool:
    """Whether a mild finding is about telling somebody outside, which is no integration of stores."""
    outside = any(view.system.is_external(element) for element in found.match.elements)
    return outside and found.severity in {"info", "low"}

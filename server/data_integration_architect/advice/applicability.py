"""Step 0: is there an integration to design at all?"""

from __future__ import annotations

from collections.abc import Sequence

from data_integration_architect.advice.parts import parts_of
from data_integration_architect.analysis.view import View
from data_integration_architect.results import Applicable
from data_integration_architect.rules import Found

INSTEAD = "oltp-olap-workload-classifier, storage-engine-selector"
MOST_NAMED = 6
NO_STORE = (
    "no store is described; write the stores first, then who writes and reads them (`explain topology` tells how)"
)


def applicability_of(view: View, found: Sequence[Found]) -> Applicable:
    """Applicable with several systems in use, or where one database has a problem of its own."""
    parts = parts_of(view)
    unused = f"; nothing reads or writes {', '.join(parts.unused)}" if parts.unused else ""
    if not parts.all:
        return Applicable(verdict="unknown", reason=NO_STORE, instead=None)
    if len(parts.all) > 1:
        shown = ", ".join(parts.all[:MOST_NAMED]) + (", …" if len(parts.all) > MOST_NAMED else "")
        return Applicable(verdict="applicable", reason=f"{len(parts.all)} systems must agree: {shown}{unused}")
    only = parts.all[0]
    if any(store.copies and store.copies.writable == "all" for store in view.topology.stores.values()):
        return Applicable(verdict="applicable", reason=f"{only} takes writes in several copies{unused}")
    problems = sorted({f.id for f in found if f.is_definite and not _is_only_told(view, f)})
    if problems:
        return Applicable(verdict="applicable", reason=f"{only} alone, but with {', '.join(problems)}{unused}")
    if not view.system.is_whole:
        return Applicable(verdict="unknown", reason=f"only {only} is in sight, and there may be more (scope: partial)")
    if not parts.databases:
        kind = "broker" if parts.brokers else "outside system"
        reason = f"one {kind}, {only}, and no store: nothing has to be kept in agreement{unused}"
    else:
        reason = f"one database, {only}, covers everything that is described{unused}"
        reason += "; replicas and views inside it are no second store"
    return Applicable(verdict="not-applicable", reason=reason, instead=INSTEAD)


def _is_only_told(view: View, found: Found) -> bool:
    """Whether a mild finding is about telling somebody outside, which is no integration of stores."""
    outside = any(view.system.is_external(element) for element in found.match.elements)
    return outside and found.severity in {"info", "low"}

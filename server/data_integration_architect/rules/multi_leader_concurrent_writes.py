"""Something that needs one decision is decided in two writable copies at once.

Either a constraint (unique, non-negative, once, exclusive) that each copy checks against its own state only, which no
merge can repair; or the same record, of which last-write-wins keeps one write. Misses: quotas split per region.
"""

from __future__ import annotations

from collections.abc import Iterator

from data_integration_architect.analysis.copies import Copied, all_writable, copied_stores, merge_of
from data_integration_architect.analysis.facts import Facts
from data_integration_architect.analysis.match import Match
from data_integration_architect.analysis.severity import Consequence, Target
from data_integration_architect.analysis.view import View
from data_integration_architect.topology import NONE

NEEDS_ONE_DECISION = {"unique", "non-negative", "exclusion", "once"}

Site = tuple[Copied, int | None]


def sites(view: View) -> Iterator[Site]:
    """(store, index of a constraint that its copies decide apart), or (store, None) for the records themselves."""
    for copied in copied_stores(view.system):
        yield copied, None
        written = {effect.entity for effect in copied.writes}
        for index, rule in enumerate(view.topology.constraints):
            elsewhere = rule.enforced_at not in (None, NONE, copied.name) and not _runs_beside(
                view, rule.enforced_at, copied
            )
            about = rule.entity is None or rule.entity.split(".", 1)[0] in written
            if about and not elsewhere and rule.status != "planned":
                yield copied, index


def _runs_beside(view: View, place: str | None, copied: Copied) -> bool:
    """Whether the place that enforces a rule is a handler that decides on the copied store itself."""
    site = view.system.handlers.get(place or "")
    return site is not None and any(effect.target == copied.name for effect in site.effects)


def judge(view: View, site: Site, facts: Facts) -> Match | None:
    copied, index = site
    if not all_writable(view.system, copied, facts):
        return None
    return _lost_write(view, copied, facts) if index is None else _split_decision(view, copied, index, facts)


def _lost_write(view: View, copied: Copied, facts: Facts) -> Match | None:
    if merge_of(view.system, copied, facts) != "last-write-wins":
        return None
    subject = ", ".join(copied.entities) or "a record"
    return Match(
        elements=(copied.name, *copied.entities),
        at=("stores", copied.name, "copies"),
        summary=(
            f"two copies of {copied.name} take a write of the same {subject} at once: both are acknowledged, and the "
            f"last write wins, so that the other is lost"
        ),
        consequence=Consequence("integrity"),
        targets=tuple(Target(copied.name, entity) for entity in copied.entities) or (Target(copied.name),),
        shows=frozenset({"missing", "reverted", "wrong-total", "stale"}),
    )


def _split_decision(view: View, copied: Copied, index: int, facts: Facts) -> Match | None:
    rule = view.topology.constraints[index]
    ask = f"What kind of rule is {rule.name}?"
    kind = facts.ask(("constraints", index, "kind"), rule.kind, ("non-negative", "other"), ask)
    if kind not in NEEDS_ONE_DECISION:
        return None
    entity = rule.entity.split(".", 1)[0] if rule.entity else None
    compensated = rule.class_ == "soft" and rule.compensation not in (None, NONE)
    return Match(
        elements=(copied.name, rule.name, *((entity,) if entity else ())),
        at=("constraints", index),
        summary=(
            f"{rule.name} is decided in every copy of {copied.name} by its own state: two copies accept at the same "
            f"time what together breaks the rule, and no merge can take it back"
        ),
        consequence=Consequence("integrity", minor=compensated),
        targets=(Target(copied.name, entity),),
        shows=frozenset({"duplicate", "wrong-total", "reverted"}),
    )

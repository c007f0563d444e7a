"""How each derived store should follow its system of record: one advice for each way, with what decided it."""

from __future__ import annotations

from collections.abc import Sequence

from data_integration_architect.advice.choice import Advice, Choice
from data_integration_architect.advice.decision import Decision
from data_integration_architect.advice.elsewhere import for_causality, for_copies, for_replicas
from data_integration_architect.advice.feasible import feasible
from data_integration_architect.advice.legs import Leg, contested, legs_of
from data_integration_architect.analysis.facts import Facts
from data_integration_architect.analysis.view import View
from data_integration_architect.rules import Found
from data_integration_architect.sources import SEVERITIES


def advise(view: View, found: Sequence[Found], applicable: bool) -> tuple[Advice, ...]:
    """One advice for each leg, then those for copies, replicas and causal pairs; sorted by source and target."""
    if not applicable:
        return tuple(_single_store(view))
    placed = [_Placed(view, one) for one in found]
    naming: dict[str, list[int]] = {}
    for index, one in enumerate(placed):
        for element in one.elements:
            naming.setdefault(element, []).append(index)
    result = []
    for leg in legs_of(view):
        near = {i for name in leg.handlers | leg.names | {*leg.entities, *leg.channels} for i in naming.get(name, ())}
        on_it = {i for i in near if placed[i].concerns(leg)}
        beside = {i for name in leg.aside for i in naming.get(name, ()) if leg.target in placed[i].places} - on_it
        result.append(_for_leg(view, leg, _in_order(placed, on_it), _in_order(placed, beside)))
    taken = {advice.key for advice in result}
    for advice in (*for_copies(view, found), *for_replicas(view, found), *for_causality(view, found)):
        if advice.key not in taken:
            taken.add(advice.key)
            result.append(advice)
    return tuple(sorted(result, key=lambda a: a.key))


def _single_store(view: View) -> list[Advice]:
    stores = sorted({view.system.database(s) for s, store in view.topology.stores.items() if not store.external})
    choice = Choice(
        "single-store", "none", "one database covers all access patterns; nothing has to be kept in agreement"
    )
    return [Advice(store, store, tuple(sorted(view.topology.entities)), choice) for store in stores]


class _Placed:
    """A finding with the stores and channels among its elements."""

    def __init__(self, view: View, found: Found) -> None:
        self.found = found
        self.elements = set(found.match.elements)
        self.places = {e for e in self.elements if e in view.topology.stores or e in view.topology.channels}

    def concerns(self, leg: Leg) -> bool:
        """Whether it lies on a leg: its places do, or it names a handler of the leg and no place beside it."""
        places = self.places - {leg.source}
        if places and not places & leg.names:
            return False
        if self.elements & leg.handlers or self.elements <= leg.names | set(leg.entities):
            return True
        # A handler beside the way that spoils what comes through it.
        shown = {target.store for target in self.found.match.targets}
        return leg.target in shown and bool(self.places & set(leg.channels))


def _in_order(placed: Sequence[_Placed], wanted: set[int]) -> list[Found]:
    return [placed[index].found for index in sorted(wanted)]


def _for_leg(view: View, leg: Leg, found: list[Found], beside: list[Found]) -> Advice:
    def decide(facts: Facts) -> Choice:
        return Decision(view, leg, found, facts, beside).choose()

    facts = Facts()
    choice = decide(facts)
    fixes = dict.fromkeys(choice.fixes)
    for one in sorted([*found, *beside], key=lambda f: (-SEVERITIES.index(f.severity), f.id)):
        # What the choice itself carries out needs no alternatives beside it.
        cures = feasible(view, _fixes_of(view, one), [leg.source])
        if one.is_definite and not set(cures) & set(choice.fixes):
            fixes.update(dict.fromkeys(cures[:3]))
    fixes.pop(choice.mechanism, None)
    reason = choice.reason + _rivals(view, leg)
    own = next((e.path for flow in leg.flows for e in flow.effects), None)
    decided = [*([own] if own else []), *sorted(facts.used, key=str)]
    return Advice(
        leg.source,
        leg.target,
        leg.entities,
        Choice(choice.mechanism, choice.runner_up, reason, tuple(fixes)),
        tuple(decided),
        tuple(facts.weighed.values()),
        frozenset(facts.unsaid),
        decide,
    )


def _rivals(view: View, leg: Leg) -> str:
    """What has to be decided before a copy helps: who owns what both ends take original writes of."""
    subjects = sorted(contested(view, leg.source, leg.target))
    if not subjects:
        return ""
    what = ", ".join(subjects)
    return (
        f"; but {leg.source} and {leg.target} both take original writes of {what}: one of them must own it and get the "
        "other's changes, or a faster copy only loses them sooner"
    )


def _fixes_of(view: View, found: Found) -> tuple[str, ...]:
    return found.match.fixes or view.catalog.anti_patterns.heads[found.id].fixes

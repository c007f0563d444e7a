"""A temporary path has no date or no criterion on which it goes, so that it stays.

One finding for each store or channel that temporary paths lead to. Only what is marked as temporary is seen; a
migration that nobody marked is an ordinary dual write.
"""

from __future__ import annotations

from collections.abc import Iterator

from data_integration_architect.analysis.facts import Facts
from data_integration_architect.analysis.lifecycle import Window, has_no_end, is_planned, window_of
from data_integration_architect.analysis.match import Match
from data_integration_architect.analysis.severity import Consequence, Target
from data_integration_architect.analysis.system import Effect
from data_integration_architect.analysis.view import View

Site = tuple[str, tuple[tuple[Effect, Window], ...]]

EXAMPLE_CRITERION = "no difference found for 14 days"
EXAMPLE_DATE = "2027-06-30"


def sites(view: View) -> Iterator[Site]:
    """Target → the temporary effects on it."""
    system = view.system
    found: dict[str, list[tuple[Effect, Window]]] = {}
    for effect in system.effects:
        window = window_of(system, effect)
        if window is not None and not effect.is_read and not is_planned(system, effect):
            found.setdefault(effect.target, []).append((effect, window))
    yield from ((target, tuple(effects)) for target, effects in found.items())


def judge(view: View, site: Site, facts: Facts) -> Match | None:
    target, effects = site
    path = effects[0][1].path
    criterion = next((w.exit_criterion for _, w in effects if w.exit_criterion is not None), None)
    until = next((w.until for _, w in effects if w.until is not None), None)
    ask = f"What must be true before the temporary path to {target} is removed?"
    open_ended = has_no_end(facts.ask((*path, "exit_criterion"), criterion, ("none", EXAMPLE_CRITERION), ask))
    if not open_ended:
        ask = f"On which date does the temporary path to {target} end?"
        open_ended = has_no_end(facts.ask((*path, "until"), until, ("none", EXAMPLE_DATE), ask))
    if not open_ended:
        return None
    handlers = sorted({effect.site.id for effect, _ in effects})
    doubled = {id(effect) for pair in view.dual_writes for effect in pair}
    is_dual = any(id(effect) in doubled for effect, _ in effects)
    return Match(
        elements=(target, *handlers),
        at=path,
        summary=(
            f"the temporary path of {', '.join(handlers)} to {target} has no date and measurable criterion on which it "
            f"is removed, so the two paths stay and drift apart"
        ),
        consequence=Consequence("integrity" if is_dual else "timeliness", minor=True),
        targets=(Target(target, effects[0][0].entity),),
        shows=frozenset({"stale", "missing", "wrong-total", "duplicate"}),
    )

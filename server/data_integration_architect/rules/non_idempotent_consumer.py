"""An effect that can run twice for one intent, does harm when it does, and is not recognised as a repetition.

Decides from what makes a handler run again (redelivery, retried requests, retried calls), from what a second run
does, and from guards, ids and deduplication. Of a request nothing need be said: it may be repeated, and nothing may
recognise it. Where even the caller is unknown that is asked, for increments and outside effects, and nothing concluded.
Cannot see whether a receiver recognises a request by its content.
"""

from __future__ import annotations

from collections.abc import Iterator

from data_integration_architect.analysis.delivery import may_repeat
from data_integration_architect.analysis.facts import Facts
from data_integration_architect.analysis.match import Match
from data_integration_architect.analysis.protection import harm_of, is_refused, protection_of, runs_again
from data_integration_architect.analysis.repetition import consequence_of, rebuilt_beside, weight
from data_integration_architect.analysis.severity import Target
from data_integration_architect.analysis.system import Effect
from data_integration_architect.analysis.view import View
from data_integration_architect.topology import Call, Write

WHAT_HAPPENS = {
    "money": "the money moves twice",
    "external": "it happens twice and cannot be taken back",
    "twice": "it is counted or stored twice",
    "notice": "it is sent twice",
}


def sites(view: View) -> Iterator[Effect]:
    for effect in view.system.effects:
        if not isinstance(effect.step, Write | Call) or weight(view.system, effect) is None:
            continue
        if weight(view.system, effect) == "notice" and not effect.site.consumed:
            # A job marks what it sent, and a person who asks twice is told twice.
            continue
        known = effect.site.fired_by != "unknown"
        if known or isinstance(effect.step, Call) or effect.step.mode == "increment":
            yield effect


def judge(view: View, effect: Effect, facts: Facts) -> Match | None:
    if is_refused(view.system, effect) or not runs_again(view.system, effect, facts):
        return None
    if effect.site.fired_by == "unknown":
        return None
    harm = harm_of(view, effect, facts)
    if harm is None:
        return None
    protection = protection_of(view, effect, facts)
    if protection == "ok":
        return None
    site, subject = effect.site, effect.entity or "what it handles"
    again = {
        "consume": (
            f"a record of {site.consumed} that is delivered again"
            if may_repeat(view.system, effect)
            else f"a record that its producer appended to {site.consumed} twice"
        ),
        "changes": f"a change of {site.captured} that is read again",
        "every": "a run that starts again after a crash",
    }.get(site.fired_by, "a request that is repeated")
    if protection == "none":
        reason = "nothing recognises it"
    else:
        reason = (
            "the id is not remembered in the transaction of the effect, and a crash between the two lets it through"
        )
    rebuilt = rebuilt_beside(view, effect) if isinstance(effect.step, Call) else None
    if rebuilt is not None:
        reason += f"; whoever builds {rebuilt} anew by reading {site.consumed} from its start repeats them all"
    return Match(
        elements=tuple(name for name in (site.consumed, site.id, effect.target) if name),
        at=effect.path,
        summary=(
            f"{again} makes {site.id} apply {subject} to {effect.target} once more: {WHAT_HAPPENS[harm]}, "
            f"because {reason}"
        ),
        consequence=consequence_of(view, effect, harm),
        targets=(Target(effect.target, effect.entity),),
        shows=frozenset({"duplicate", "wrong-total"}),
    )

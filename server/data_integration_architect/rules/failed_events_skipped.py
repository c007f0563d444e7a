"""A consumer that cannot apply a record goes on without it, and nothing brings it back.

Decides from what happens when tries end, and from a source that is read again at a copy which may lag. Cannot see an
exception that is caught and logged in code that no step describes.
"""

from __future__ import annotations

from collections.abc import Iterator

from data_integration_architect.analysis.delivery import delivery_of
from data_integration_architect.analysis.facts import Facts
from data_integration_architect.analysis.lifecycle import is_planned
from data_integration_architect.analysis.match import Match
from data_integration_architect.analysis.repair import healing_of
from data_integration_architect.analysis.severity import Consequence, Target
from data_integration_architect.analysis.system import Effect, HandlerSite
from data_integration_architect.analysis.view import View
from data_integration_architect.topology import NONE, Call, Invalidate, Write

Site = tuple[Effect, ...]


def sites(view: View) -> Iterator[Site]:
    """Single effects, and together those of one handler of which nobody said how their tries end."""
    unsaid: dict[str, list[Effect]] = {}
    for effect in _effects(view):
        if _then(view, effect) is None and _lagging_source(view, effect) is None:
            unsaid.setdefault(effect.site.id, []).append(effect)
        else:
            yield (effect,)
    yield from (tuple(effects) for effects in unsaid.values())


def _effects(view: View) -> Iterator[Effect]:
    system = view.system
    for effect in system.effects:
        site = effect.site
        if effect.is_read or isinstance(effect.step, Invalidate) or effect.on_miss or not _source(effect):
            continue
        if site.consumed and delivery_of(system, site.consumed) == "at-most-once":
            # Loss was accepted before the record came here.
            continue
        if _comes_too_early(view, site):
            continue
        if is_planned(system, effect) or _is_one_of_two_layers(view, site):
            continue
        if effect.step.retry is not None or _lagging_source(view, effect):
            yield effect


def _source(effect: Effect) -> str | None:
    return effect.site.consumed or effect.site.captured


def _comes_too_early(view: View, site: HandlerSite) -> bool:
    """Whether records are sent before the transaction that they tell of commits; then that is what must be mended."""
    appends = view.system.appends(site.consumed) if site.consumed else ()
    early = [view.system.inside_foreign(append) for append in appends]
    return bool(early) and all(early) and bool(site.reads)


def _lagging_source(view: View, effect: Effect) -> str | None:
    """The replica that the handler reads again for a record whose news may arrive before the record does."""
    if not isinstance(effect.step, Write):
        return None
    if effect.step.missing_source is None and effect.step.values != "re-read":
        return None
    for read in effect.site.reads:
        element = view.system.store(read.target)
        if element is not None and element.replica_of and element.replication not in {"sync", "quorum"}:
            return read.target
    return None


def _is_one_of_two_layers(view: View, site: HandlerSite) -> bool:
    """Whether another handler computes the same result: what a speed layer loses is its own anti-pattern."""
    computes = site.handler.computes
    return computes is not None and any(
        other.id != site.id and other.handler.computes is not None and other.handler.computes.result == computes.result
        for other in view.system.handlers.values()
    )


def _then(view: View, effect: Effect) -> str | None:
    """What follows the last try: as said of the step, or because failed records have a place to go to."""
    if effect.step.retry is not None and effect.step.retry.then:
        return effect.step.retry.then
    channel = view.system.channel(effect.site.consumed) if effect.site.consumed else None
    kept = effect.step.dead_letter or (channel.dead_letter if channel is not None else None)
    return "dead-letter" if kept not in (None, NONE) else None


def judge(view: View, group: Site, facts: Facts) -> Match | None:
    effect = group[0]
    site, step = effect.site, effect.step
    replica = _lagging_source(view, effect)
    if replica is not None and isinstance(step, Write) and _skips_missing(effect, step, replica, facts):
        reason = f"{replica} may not have its row yet, and {site.id} takes that for a record that is gone"
    else:
        if step.retry is None:
            # An error that nobody handles goes up, and the record comes again.
            return None
        then = facts.ask(
            (*effect.path, "retry", "then"),
            _then(view, effect),
            ("ignore", "raise", "block"),
            f"What does {site.id} do with a record that it cannot apply to {effect.target} after its last try?",
        )
        if then != "ignore":
            return None
        reason = f"{site.id} ignores the error and goes on"
    others = [e.target for e in group[1:] if e.target != effect.target]
    likewise = f"; nothing is said of its tries at {', '.join(dict.fromkeys(others))} either" if others else ""
    return Match(
        elements=tuple(dict.fromkeys(name for name in (_source(effect), site.id, effect.target, *others) if name)),
        at=effect.path,
        summary=(
            f"a record of {_source(effect)} that cannot be applied to {effect.target} is dropped: {reason}, and "
            f"{effect.entity or 'the record'} stays missing there or old{likewise}"
        ),
        consequence=_consequence(view, effect),
        targets=(Target(effect.target, effect.entity),),
        shows=frozenset({"missing", "stale", "phantom", "wrong-total"}),
    )


def _skips_missing(effect: Effect, step: Write, replica: str, facts: Facts) -> bool:
    answer = facts.ask(
        (*effect.path, "missing_source"),
        step.missing_source,
        ("skip", "error"),
        f"What does {effect.site.id} do when {replica} does not have the record that it was told of?",
    )
    return bool(answer == "skip")


def _consequence(view: View, effect: Effect) -> Consequence:
    step, computes = effect.step, effect.site.handler.computes
    approximate = computes is not None and computes.exact is False
    # A notice that was not sent leaves no wrong state behind.
    if approximate or (isinstance(step, Call) and step.kind == "notify"):
        return Consequence("integrity", tolerated=True)
    healing = healing_of(view.system, effect.target, effect.entity) if view.system.store(effect.target) else None
    return Consequence("integrity", heals=healing or "never")

"""What is missing when a record never arrives, and whether those who read the result accept that."""

from __future__ import annotations

from data_integration_architect.analysis.layers import layers_of
from data_integration_architect.analysis.order import changes_state, is_planned
from data_integration_architect.analysis.repair import Healing, healing_of
from data_integration_architect.analysis.severity import DECISIVE, Consequence, Target
from data_integration_architect.analysis.system import Effect, HandlerSite
from data_integration_architect.analysis.view import View
from data_integration_architect.topology import Append, Call, Write


def effects_behind(view: View, site: HandlerSite, seen: frozenset[str] = frozenset()) -> tuple[Effect, ...]:
    """Writes and calls that a record brings about, in `site` and behind its appends.

    Dropping a cache entry is left out: what a lost one does depends on expiry, which the rules on caches judge.
    """
    if is_planned(site):
        return ()
    found: list[Effect] = []
    seen = seen | {site.consumed or ""}
    for effect in site.changes:
        if isinstance(effect.step, Write | Call) and not effect.on_miss:
            found.append(effect)
        elif isinstance(effect.step, Append) and effect.target not in seen:
            for consumer in view.system.consumers(effect.target):
                found.extend(effects_behind(view, consumer, seen | {effect.target}))
    return tuple(found)


def is_speed_layer(view: View, site: HandlerSite) -> bool:
    """Whether a batch layer computes the same result over again: speed-layer-data-loss then judges what is lost."""
    layers = layers_of(view.system)
    return any(site.id in {one.id for one in found.stream} and found.batch for found in layers.values())


def accepts_loss(view: View, effects: tuple[Effect, ...]) -> bool:
    """Whether every result is approximate by nature or by declaration, and nobody decides anything on it."""
    return bool(effects) and all(_is_approximate(view, effect) for effect in effects)


def _is_approximate(view: View, effect: Effect) -> bool:
    system = view.system
    if isinstance(effect.step, Call):
        return False
    readers = [system.topology.readers[i] for i in system.readers_of(effect.target, effect.entity)]
    if any(reader.decides in DECISIVE for reader in readers):
        return False
    computes = effect.site.handler.computes
    if computes is not None and computes.exact is not None:
        return not computes.exact
    entity = system.entity(effect.entity)
    change = entity.change if entity else None
    if change == "commutative":
        return True
    # Additions are a sample only where somebody said that nothing hangs on them.
    return change == "append-only" and bool(readers) and all(reader.decides is not None for reader in readers)


def lost(view: View, effects: tuple[Effect, ...]) -> Consequence:
    """What a record that never arrives does to the stores behind it."""
    if accepts_loss(view, effects):
        return Consequence("integrity", tolerated=True)
    if effects and all(isinstance(e.step, Call) and e.step.kind == "notify" for e in effects):
        return Consequence("integrity", minor=True)
    # A job cannot repair what never reached it.
    healings = [healing_of(view.system, e.target, e.entity) if e.site.fired_by != "every" else None for e in effects]
    known = [h for h in healings if h is not None]
    if known and len(known) == len(healings):
        return Consequence("integrity", Healing(max(h.within for h in known), all(h.covers_deletes for h in known)))
    replaced = bool(effects) and all(changes_state(view, effect) for effect in effects)
    return Consequence("integrity", "next-write" if replaced else "never")


def targets_of(effects: tuple[Effect, ...]) -> tuple[Target, ...]:
    return tuple(dict.fromkeys(Target(e.target, e.entity) for e in effects if isinstance(e.step, Write)))

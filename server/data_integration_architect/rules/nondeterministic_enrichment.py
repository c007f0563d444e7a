"""While a record is applied, other stores are read as they are now, so that a replay gives another result.

Decides for consumers and captures from what they read beside the source of the record and their own target. Readers
who said how old they may see it are told where a change of what was looked up reaches them by no way of its own, if it
is known to change. Cannot see whether a looked-up value of which nobody says that it changes ever does.
"""

from __future__ import annotations

from collections.abc import Iterator

from data_integration_architect.analysis.facts import Facts
from data_integration_architect.analysis.lifecycle import is_planned
from data_integration_architect.analysis.match import Match
from data_integration_architect.analysis.propagation import behind
from data_integration_architect.analysis.protection import dedup_fields
from data_integration_architect.analysis.repair import healing_of
from data_integration_architect.analysis.severity import DECISIVE, Consequence, Target
from data_integration_architect.analysis.system import Effect
from data_integration_architect.analysis.view import View
from data_integration_architect.topology import Write

Site = tuple[Effect, tuple[Effect, ...]]


def sites(view: View) -> Iterator[Site]:
    # What a causal check looks up decides whether to act; that has a rule of its own.
    checks = {pair.checked_by for pair in view.topology.causality}
    for effect in view.system.effects:
        step = effect.step
        if effect.site.id in checks or is_planned(view.system, effect):
            continue
        if not isinstance(step, Write) or effect.on_miss or not (effect.site.consumed or effect.site.captured):
            continue
        if step.mode in {"delete", "rebuild-and-swap"} or step.values in {"event", "request"}:
            continue
        looked_up = tuple(read for read in effect.site.reads if _is_lookup(view, effect, read))
        if looked_up:
            yield effect, looked_up


def _is_lookup(view: View, effect: Effect, read: Effect) -> bool:
    """Whether a read brings something other than the record itself, the sink's own state, or the memory of ids."""
    system, site = view.system, effect.site
    if read.position > effect.position or read.on_miss:
        return False
    dedup = site.handler.dedup
    if (
        dedup is not None
        and dedup_fields(dedup)
        and dedup.in_
        and system.database(dedup.in_) == system.database(read.target)
    ):
        return False
    if system.database(read.target) == system.database(effect.target):
        return False
    news = {*system.carried(site.consumed or ""), effect.entity}
    if read.entity is None:
        sources = {view.record_of(entity) for entity in news} | {site.captured}
        return system.primary(read.target) not in sources
    if read.entity in news:
        # The record itself, read again at its source, is current state and no enrichment.
        return False
    entity = system.entity(read.entity)
    return entity is None or entity.change != "append-only"


def judge(view: View, place: Site, facts: Facts) -> Match | None:
    effect, looked_up = place
    step, site = effect.step, effect.site
    if not isinstance(step, Write):
        return None
    decides = any(
        view.topology.readers[index].decides in DECISIVE
        for index in view.system.readers_of(effect.target, effect.entity)
    )
    if decides and step.values != "re-read":
        values = facts.ask(
            (*effect.path, "values"),
            step.values,
            ("computed-now", "event"),
            f"Does {site.id} put current values of other stores into {effect.target}, or only those of the record?",
        )
        if values != "computed-now":
            return None
    stores = tuple(dict.fromkeys(read.target for read in looked_up))
    what = " and ".join(sorted({read.entity for read in looked_up if read.entity}))
    unheard = sorted({read.entity for read in looked_up if read.entity and _is_unheard(view, effect, read)})
    if unheard and _is_awaited(view, effect):
        problem = (
            f"a change of {' and '.join(unheard)} alone reaches {effect.target} by no way, and what stands there is "
            f"old until {effect.entity or 'the record'} changes again"
        )
    else:
        problem = "a record that is applied later, or again, gets other values than the first time"
        unheard = []
    return Match(
        elements=(site.id, effect.target, *stores),
        at=looked_up[0].path,
        summary=(
            f"{site.id} looks {what} up in {' and '.join(stores)} while it applies a record to {effect.target}: "
            f"{problem}"
        ),
        # Who only looks at it is served by the newest value as well as by the one of that time, if it comes.
        consequence=Consequence("integrity", tolerated=not decides and not unheard, minor=decides or bool(unheard)),
        targets=(Target(effect.target, effect.entity),),
        shows=frozenset({"stale", "wrong-total"}),
    )


def _is_awaited(view: View, effect: Effect) -> bool:
    """Whether a reader of what is written said how old it may be."""
    readers = (view.topology.readers[index] for index in view.system.readers_of(effect.target, effect.entity))
    return any(reader.tolerates is not None for reader in readers)


def _is_unheard(view: View, effect: Effect, read: Effect) -> bool:
    """Whether the looked-up entity is known to change, and nothing brings a change of it to the target."""
    system, entity = view.system, view.system.entity(read.entity)
    writes = [e for e in system.effects_about(read.entity or "") if isinstance(e.step, Write) and not e.on_miss]
    own = system.database(read.target)
    changes = (entity is not None and entity.rate is not None) or any(system.database(e.target) == own for e in writes)
    if not changes or healing_of(system, effect.target, effect.entity) is not None:
        return False
    return not any(store == effect.target for store, _ in behind(system, read.target, read.entity))

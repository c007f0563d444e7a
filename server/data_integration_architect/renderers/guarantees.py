"""What the flows of a target rest on, in sentences: order, repetition, and who may write what is derived."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from data_integration_architect.analysis.system import Effect
from data_integration_architect.analysis.view import View
from data_integration_architect.renderers.sections import names
from data_integration_architect.results import Review
from data_integration_architect.topology import NONE, Write

UPSERTS = {
    "versioned-upsert": "{} {} by key and refuse{} what is not newer than stored, so redelivery is harmless",
    "natural-upsert": "{} {} by key, so redelivery is harmless as long as the records of one key keep their order",
}


def guarantees(view: View, review: Review, derived: Sequence[str]) -> list[str]:
    """Sentences, each of them true of the stated facts; `derived`: stores that follow a system of record."""
    return [
        *_order(review),
        *_repetition(view, review),
        *_kept_deletions(view, derived),
        *_recorded(view),
        *_read_only(view, derived),
    ]


def _order(review: Review) -> Iterator[str]:
    kept = [one for one in review.ordering if one.satisfied is True]
    if any(one.need == "total" for one in review.ordering):
        return
    keys = list(dict.fromkeys(one.key for one in kept if one.need == "per-key" and one.key))
    groups = list(dict.fromkeys(one.key for one in kept if one.need == "per-group-causal" and one.key))
    groups += [p.per for p in review.causal if p.status == "kept" and p.per and p.per not in groups]
    if keys and not groups:
        yield f"Order per key suffices, by {names(keys)}: nothing described needs more, so total order is not required"
    elif groups:
        rest = f" and order per key, by {names(keys)}," if keys else ""
        suffices = "suffice" if keys else "suffices"
        yield (
            f"Order within each {names(groups)} where one event depends on another{rest} {suffices}: no total order "
            "over all groups is required"
        )


def _repetition(view: View, review: Review) -> Iterator[str]:
    flows = {flow.id: flow for flow in review.flows}
    for mechanism, words in UPSERTS.items():
        found = [i for i in review.idempotency if i.mechanism == mechanism and i.currently == "ok" and i.flow in flows]
        stores = list(dict.fromkeys(flows[i.flow].to for i in found if flows[i.flow].to in view.topology.stores))
        if not stores:
            continue
        one = len(stores) == 1
        text = words.format(names(stores), "upserts" if one else "upsert", "s" if one else "")
        forgetful = [store for store in stores if any(_may_forget(view, e) for e in view.system.touching(store))]
        if mechanism == "versioned-upsert" and forgetful:
            text += (
                f"; whether {names(forgetful)} remembers the version of a deletion was not said: if not, a repeated "
                "older write brings the record back until the deletion is applied again"
            )
        yield text


def _kept_deletions(view: View, derived: Sequence[str]) -> Iterator[str]:
    keeping = [store for store in derived if any(_keeps(view, e) is True for e in view.system.touching(store))]
    if keeping:
        keeps, readers = ("keeps", "its") if len(keeping) == 1 else ("keep", "their")
        yield (
            f"{names(keeping)} {keeps} a deletion as a marked entry with its version, which {readers} readers do not "
            "see (a filtered alias, a condition of the view): an older write that comes late finds it and is refused"
        )


def _may_forget(view: View, effect: Effect) -> bool:
    return _keeps(view, effect) is False


def _keeps(view: View, effect: Effect) -> bool | None:
    """Whether a write by version remembers what was deleted; None where nothing is compared or deleted."""
    step = effect.step
    entity = view.topology.entities.get(effect.entity or "")
    is_deleted = entity is not None and entity.deletes not in ("never", NONE, None)
    if not isinstance(step, Write) or step.guard != "version" or not is_deleted:
        return None
    return bool(step.guard_keeps_deletes)


def _recorded(view: View) -> Iterator[str]:
    for name, site in sorted(view.system.handlers.items()):
        dedup = site.handler.dedup
        if dedup is not None and dedup.atomic and dedup.by not in (None, NONE) and dedup.in_:
            yield (
                f"{name} recognises a repetition by {dedup.by}, recorded at {dedup.in_} in the transaction of "
                "its effect: a replay after a crash is suppressed, which needs a unique constraint on it there"
            )


def _read_only(view: View, derived: Sequence[str]) -> Iterator[str]:
    system = view.system
    fed = [
        store
        for store in derived
        if not system.is_external(store)
        and not any(e.site.is_direct and isinstance(e.step, Write) for e in system.touching(store))
    ]
    if fed:
        are = "is a read-only derived view" if len(fed) == 1 else "are read-only derived views"
        yield f"{names(fed)} {are} for applications: only what applies the changes of the system of record writes there"

"""Repetitions are recognised, but not all of them, or too much is taken for a repetition.

Four ways: ids are forgotten before a record can come again; what one instance or partition remembers another does not
know; one remembered id counts for two targets, so the second is skipped; the id does not tell two intents apart.
Cannot see how long a client goes on repeating a request.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from data_integration_architect.analysis.delivery import has_many_instances
from data_integration_architect.analysis.facts import Facts
from data_integration_architect.analysis.match import Match
from data_integration_architect.analysis.protection import dedup_fields, has_dedup, is_refused, request_of
from data_integration_architect.analysis.repetition import heavy_effects, lasting_consequence
from data_integration_architect.analysis.severity import Consequence, Target
from data_integration_architect.analysis.system import HandlerSite, System
from data_integration_architect.analysis.view import View
from data_integration_architect.topology import NONE, Append
from data_integration_architect.topology.steps import Dedup
from data_integration_architect.topology.values import seconds

# A memory as long as this outlasts the retention that queues and logs have by default (at most two weeks).
LONG_WINDOW = 14 * 86_400
FORGETFUL_KINDS = {"cache", "key-value"}


@dataclass(frozen=True, eq=False)
class Site:
    about: Literal["window", "scope", "key", "shared"]
    handlers: tuple[HandlerSite, ...]
    by: str = ""
    """For `shared`: the field that they remember."""


def sites(view: View) -> Iterator[Site]:
    system = view.system
    for site in system.handlers.values():
        heavy = [effect for effect, _ in heavy_effects(system, site) if not is_refused(system, effect)]
        request = request_of(site)
        hashed = request is not None and request.operation_id is not None
        if heavy and (has_dedup(site) or hashed):
            yield Site("key", (site,))
        if heavy and site.consumed and has_dedup(site):
            yield Site("window", (site,))
            yield Site("scope", (site,))
    yield from _shared(system)


def _shared(system: System) -> Iterator[Site]:
    """Handlers that remember the same id of the same operation in the same store."""
    found: dict[str, list[HandlerSite]] = {}
    for site in system.handlers.values():
        dedup = site.handler.dedup
        if dedup is not None and site.consumed and dedup.in_ and has_dedup(site):
            found.setdefault(system.instance(dedup.in_), []).append(site)
    for _, everyone in sorted(found.items()):
        for by in sorted({name for s in everyone if len(_single_field(s)) == 1 for name in _single_field(s)}):
            group = [s for s in everyone if _single_field(s) in ({by}, set())]
            together = [s for s in group if any(o is not s and _same_operation(system, s, o, by) for o in group)]
            if len(together) > 1:
                yield Site("shared", tuple(together), by)


def _single_field(site: HandlerSite) -> set[str]:
    """The field by which a handler recognises repetitions; empty where it is unsaid, several where they are several."""
    dedup = site.handler.dedup
    return dedup_fields(dedup) if dedup is not None else set()


def _same_operation(system: System, one: HandlerSite, other: HandlerSite, by: str) -> bool:
    """Whether both handlers see the same value of `by` for one operation."""
    if one.consumed == other.consumed:
        return True
    first = {e.site.id: e for e in system.appends(one.consumed or "")}
    for append in system.appends(other.consumed or ""):
        beside = first.get(append.site.id)
        if beside is None or not isinstance(append.step, Append) or not isinstance(beside.step, Append):
            continue
        if "new" in {append.step.operation_id, beside.step.operation_id}:
            continue
        if by in _ids_of(system, append.site):
            return True
        own = {e.event.id for e in map(system.channel, (one.consumed or "", other.consumed or "")) if e}
        if append.step.operation_id == beside.step.operation_id == "passed" and by not in own:
            return True
    return False


def _ids_of(system: System, site: HandlerSite) -> set[str]:
    """Names of the fields that identify what a splitting handler got."""
    if site.consumed is None:
        return set()
    element = system.channel(site.consumed)
    names = {element.event.id if element else None, *map(system.key_of, system.carried(site.consumed))}
    return {name for name in names if name and name != NONE}


def judge(view: View, place: Site, facts: Facts) -> Match | None:
    site = place.handlers[0]
    if place.about == "shared":
        return _judge_shared(view, place, facts)
    if place.about == "key":
        return _judge_key(view, site)
    dedup = site.handler.dedup
    if dedup is None:
        return None
    reason = _window(view, site, dedup, facts) if place.about == "window" else _scope(view, site, dedup, facts)
    if reason is None:
        return None
    heavy = heavy_effects(view.system, site)
    return Match(
        elements=tuple(name for name in (site.consumed, site.id, dedup.in_) if name),
        at=(*site.path, "dedup"),
        summary=(
            f"{site.id} {reason}, so a record of {site.consumed} that comes again is applied again to "
            f"{' and '.join(dict.fromkeys(e.target for e, _ in heavy))}"
        ),
        consequence=lasting_consequence(harm for _, harm in heavy),
        targets=tuple(Target(e.target, e.entity) for e, _ in heavy),
        shows=frozenset({"duplicate", "wrong-total"}),
        fixes=("longer-dedup-window",) if place.about == "window" else (),
    )


def _window(view: View, site: HandlerSite, dedup: Dedup, facts: Facts) -> str | None:
    """Why ids are forgotten too early; None where they are not."""
    system, context = view.system, view.topology.context
    store = system.store(dedup.in_) if dedup.in_ else None
    channel = system.channel(site.consumed or "")
    retention = seconds(channel.retention) if channel else None
    kept = retention if retention is not None and retention != float("inf") else None
    needed = seconds(context.longest_outage) or kept
    window = dedup.window or (store.expiry if store and store.expiry not in (None, NONE) else None)
    if window is None:
        durable = dedup.in_ is not None and system.kind(dedup.in_) not in FORGETFUL_KINDS
        if needed is None or (durable and not system.is_volatile(dedup.in_ or "")):
            # Rows of a database stay until somebody deletes them.
            return None
        window = facts.ask(
            (*site.path, "dedup", "window"),
            None,
            ("1h" if needed > 3600 else "1s", "forever"),
            f"How long does {site.id} remember what it has handled?",
        )
    length = seconds(window)
    if length is None:
        return None
    if needed is None:
        if length >= LONG_WINDOW:
            return None
        outage = facts.ask(
            ("context", "longest_outage"),
            None,
            (f"{int(length * 2) + 1}s", "1s"),
            "What is the longest outage of a consumer that must be survived?",
        )
        needed = seconds(outage) or 0
    if length >= needed:
        return None
    what = "an outage may last longer" if context.longest_outage or kept is None else "records are kept longer"
    return f"forgets what it handled after {window} although {what}"


def _scope(view: View, site: HandlerSite, dedup: Dedup, facts: Facts) -> str | None:
    """Why another instance or partition does not know what was handled; None where it does."""
    channel = view.system.channel(site.consumed or "")
    moved = channel.repartitioned if channel else None
    scope = dedup.scope
    if scope is None and (dedup.in_ is None or moved is not None) and (site.concurrent or moved is not None):
        scope = facts.ask(
            (*site.path, "dedup", "scope"),
            None,
            ("per-partition" if moved is not None else "per-instance", "global"),
            f"Do all instances of {site.id} know what one of them has handled?",
        )
    if scope == "per-instance":
        return "remembers in each instance what that one handled" if has_many_instances(site, facts) else None
    if scope != "per-partition" or channel is None or channel.partitions == 1:
        return None
    if moved is not None:
        drained = facts.ask(
            ("channels", site.consumed or "", "repartitioned", "drained"),
            moved.drained,
            (False, True),
            f"Was every record of the old layout of {site.consumed} consumed before the first of the new one?",
        )
        return None if drained else f"remembers by partition, and the partitions of {site.consumed} changed"
    key = facts.ask(
        ("channels", site.consumed or "", "message_key"),
        channel.message_key,
        (NONE, "id"),
        f"Which field decides the partition of a record of {site.consumed}?",
    )
    return f"remembers by partition, and {site.consumed} has no key" if key in {NONE, "random"} else None


def _judge_key(view: View, site: HandlerSite) -> Match | None:
    request, dedup = request_of(site), site.handler.dedup
    made = request.operation_id if request is not None else None
    hashed = made is not None and made.built_from == "content-hash"
    if not hashed and (dedup is None or dedup.distinguishes is not False):
        return None
    heavy = heavy_effects(view.system, site)
    return Match(
        elements=tuple(name for name in (site.id, dedup.in_ if dedup else None) if name),
        at=(*site.path, "trigger", "request", "operation_id", "built_from") if hashed else (*site.path, "dedup"),
        summary=(
            f"two operations that are both meant get the same id at {site.id}, so the second is taken for a "
            f"repetition and never applied to {' and '.join(dict.fromkeys(e.target for e, _ in heavy))}"
        ),
        consequence=Consequence("integrity"),
        targets=tuple(Target(e.target, e.entity) for e, _ in heavy),
        shows=frozenset({"missing", "wrong-total"}),
        fixes=("client-generated-operation-id",) if hashed else ("composite-dedup-key",),
    )


def _judge_shared(view: View, place: Site, facts: Facts) -> Match | None:
    undivided = []
    for site in place.handlers:
        dedup = site.handler.dedup
        by = facts.ask(
            (*site.path, "dedup", "by"),
            dedup.by if dedup else None,
            (place.by, f"{place.by}_and_target"),
            f"By which field does {site.id} recognise what it has handled before?",
        )
        if by not in (place.by, (place.by,)):
            continue
        scope = facts.ask(
            (*site.path, "dedup", "scope"),
            dedup.scope if dedup else None,
            ("global", "per-target"),
            f"Does an id that {site.id} remembers count for it alone, or for every handler that shares the memory?",
        )
        if scope == "global":
            undivided.append(site)
    if len(undivided) < 2:
        return None
    memory = sorted({dedup.in_ for s in undivided if (dedup := s.handler.dedup) and dedup.in_})
    return Match(
        elements=(*(site.id for site in undivided), *memory),
        at=(*undivided[0].path, "dedup"),
        summary=(
            f"{' and '.join(site.id for site in undivided)} remember {place.by} in one place for all of them: "
            "whichever comes second finds the id there and skips its own effect"
        ),
        consequence=Consequence("integrity"),
        targets=tuple(Target(e.target, e.entity) for site in undivided for e in site.changes),
        shows=frozenset({"missing", "wrong-total"}),
        fixes=("composite-dedup-key",),
    )

"""The later of two dependent events can be acted on as if the earlier one had not happened.

Kept are pairs whose events share an ordered stream by their group, whose check reads the place of the first event
itself, or whose later event carries a position that is fresh and judged as of itself. Cannot see dependencies that
nobody declared, or two services that publish to the shared stream after their own commits (a dual write).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from data_integration_architect.analysis.facts import Facts
from data_integration_architect.analysis.match import Match
from data_integration_architect.analysis.severity import Consequence, Target
from data_integration_architect.analysis.system import Effect, HandlerSite
from data_integration_architect.analysis.view import View
from data_integration_architect.topology import NONE, Append, Call, CausalPair, Write


@dataclass(frozen=True)
class Publication:
    """How an event of a handler gets into a channel: `by` its own append, or a relay or capture."""

    channel: str
    by: str
    append: Effect


def sites(view: View) -> Iterator[int]:
    for index, pair in enumerate(view.topology.causality):
        if pair.status != "planned":
            yield index


def judge(view: View, site: int, facts: Facts) -> Match | None:
    pair = view.topology.causality[site]
    firsts, thens = _published(view, pair.first), _published(view, pair.then)
    if _reads_origin(view, pair) or _in_one_place(view, pair, firsts, thens):
        return None
    if _together(view, pair, firsts, thens, facts):
        return None
    path = ("causality", site)
    token = facts.ask(
        (*path, "token"),
        # Who says where a token comes from or how it is judged says that there is one.
        pair.token or ("carried" if pair.token_from or pair.judged_by else None),
        (NONE, "carried"),
        f"Does the event of {pair.then} carry the position of the event of {pair.first} that its author knew?",
    )
    channels = sorted({p.channel for p in (*firsts, *thens)})
    if token == NONE:
        streams = f"their events travel in {' and '.join(channels)}" if channels else "nothing orders the two"
        why = f"{streams}, and the later one does not say what its author knew"
        return _match(view, site, pair, why, (pair.first, pair.then, *channels))
    if (*path, "token") in facts.assumed:
        return None
    origin = facts.ask(
        (*path, "token_from"),
        pair.token_from,
        ("stale-read", "read", "acknowledged-write"),
        f"Where does {pair.then} take the position of the event of {pair.first} from?",
    )
    if origin == "stale-read":
        why = "the position that the later one carries comes from a read that may not know the earlier one yet"
        return _match(view, site, pair, why, (pair.first, pair.then))
    if pair.token_from is None and pair.judged_by is None:
        return None
    judged = facts.ask(
        (*path, "judged_by"),
        pair.judged_by,
        ("current-view", "token"),
        f"Does the check use the state as of the position that the event of {pair.then} carries?",
    )
    if judged == "token":
        return None
    why = "the check asks its current view, in which a later change of mind has already replaced the state of that time"
    return _match(view, site, pair, why, (pair.first, pair.then, pair.checked_by or ""))


def _match(view: View, index: int, pair: CausalPair, why: str, elements: tuple[str, ...]) -> Match:
    checker = view.system.handlers.get(pair.checked_by or "")
    effects = checker.changes if checker else ()
    calls = any(isinstance(e.step, Call) for e in effects)
    actor = pair.checked_by or pair.then
    return Match(
        elements=tuple(dict.fromkeys(e for e in elements if e)),
        at=("causality", index),
        summary=f"{actor} can act on {pair.then} as if {pair.first}, which came before it, had not happened: {why}",
        consequence=Consequence("integrity", effect="external" if calls else "none"),
        targets=tuple(Target(e.target, e.entity) for e in effects if isinstance(e.step, Write)),
        shows=frozenset({"leaked", "phantom", "stale"}),
    )


def _published(view: View, handler: str) -> tuple[Publication, ...]:
    """Channels that the events of a handler reach: by its own appends, through an outbox, or through a capture."""
    site = view.system.handlers.get(handler)
    if site is None:
        return ()
    found: list[Publication] = []
    for effect in site.changes:
        if isinstance(effect.step, Append) and view.system.channel_kind(effect.target) != "table":
            found.append(Publication(effect.target, site.id, effect))
        elif isinstance(effect.step, Append):
            relays = view.system.consumers(effect.target)
            stores = [c.in_] if (c := view.system.channel(effect.target)) and c.in_ else []
            captures = tuple(r for store in stores for r in view.system.captures(store))
            found.extend(_forwarded(relays, None))
            found.extend(_forwarded(captures, effect.entity))
        elif isinstance(effect.step, Write):
            found.extend(_forwarded(view.system.captures(effect.target), effect.entity))
    return tuple(found)


def _forwarded(relays: tuple[HandlerSite, ...], entity: str | None) -> Iterator[Publication]:
    for relay in relays:
        for effect in relay.changes:
            if isinstance(effect.step, Append) and (entity is None or effect.entity in (None, entity)):
                yield Publication(effect.target, relay.id, effect)


def _reads_origin(view: View, pair: CausalPair) -> bool:
    """Whether the check reads the store that the first handler itself wrote, not a copy of it."""
    first, checker = view.system.handlers.get(pair.first), view.system.handlers.get(pair.checked_by or "")
    if first is None or checker is None:
        return False
    written = {view.system.instance(e.target) for e in first.changes if isinstance(e.step, Write)}
    return any(view.system.instance(read.target) in written for read in checker.reads)


def _in_one_place(
    view: View, pair: CausalPair, firsts: tuple[Publication, ...], thens: tuple[Publication, ...]
) -> bool:
    """Whether both events are commits of one database and nobody looks at them through separate streams."""
    first, then = view.system.handlers.get(pair.first), view.system.handlers.get(pair.then)
    checker = view.system.handlers.get(pair.checked_by or "")
    if first is None or then is None or firsts or thens or (checker and checker.reads):
        return False
    stores = [{view.system.instance(e.target) for e in s.changes if isinstance(e.step, Write)} for s in (first, then)]
    return bool(stores[0] & stores[1])


def _together(
    view: View,
    pair: CausalPair,
    firsts: tuple[Publication, ...],
    thens: tuple[Publication, ...],
    facts: Facts,
) -> bool:
    """Whether both events stand in one channel, in one partition for their group, the earlier one first."""
    for one in firsts:
        for other in thens:
            if one.channel == other.channel and _arrives_first(one, other) and _same_partition(view, one, pair, facts):
                return True
    return False


def _arrives_first(one: Publication, other: Publication) -> bool:
    """Whether the author of the second event can only know of the first once that stands in the channel."""
    if one.by == other.by:
        return True
    relayed = not one.append.site.is_direct
    return not relayed and one.append.step.wait is not False


def _same_partition(view: View, one: Publication, pair: CausalPair, facts: Facts) -> bool:
    channel = view.system.channel(one.channel)
    if channel is None or channel.partitions == 1 or channel.order == "total":
        return True
    group = pair.per
    key = facts.ask(
        ("channels", one.channel, "message_key"),
        channel.message_key,
        (NONE, group or "the field that both events share"),
        f"Which field decides the partition of a record in {one.channel}?",
    )
    if key in {NONE, "random"}:
        return False
    return group is None or _fields(key) == _fields(group)


def _fields(key: str) -> set[str]:
    return {part.strip() for part in key.replace(",", "+").split("+")}

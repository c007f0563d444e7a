"""A log keeps a person's data longer than the deadline for erasing it, and single records cannot be taken out.

Decided for logs, and for table-backed channels that are the system of record, whose events carry more than an id,
where no key per person makes the data unreadable. A compacted log whose deletions have an event forgets the person.
A history, that is a store to which a stream of changes only adds, keeps the person as a log does.
Cannot see backups, nor a purge of a history that no handler describes.
"""

from __future__ import annotations

from collections.abc import Iterator

from data_integration_architect.analysis.capture import erasure_deadline, is_personal
from data_integration_architect.analysis.facts import Facts
from data_integration_architect.analysis.lifecycle import is_planned
from data_integration_architect.analysis.match import Match
from data_integration_architect.analysis.repair import Healing
from data_integration_architect.analysis.severity import Consequence, Target
from data_integration_architect.analysis.system import Effect
from data_integration_architect.analysis.view import View
from data_integration_architect.topology import NONE, Write
from data_integration_architect.topology.values import seconds

Site = tuple[str, str]
A_MONTH = 30 * 86400


def sites(view: View) -> Iterator[Site]:
    system = view.system
    for name, channel in sorted(system.topology.channels.items()):
        if channel.event.content == "id-only" or channel.retention == "until-acknowledged":
            continue
        kind = system.channel_kind(name)
        for entity in sorted(set(system.carried(name))):
            if kind == "log" or (kind == "table" and view.record_of(entity) == name):
                yield name, entity
    for name in sorted(system.topology.stores):
        for entity in sorted({e.entity for e in system.touching(name) if e.entity and not e.is_read}):
            if _is_history(view, name, entity):
                yield name, entity


def _is_history(view: View, store: str, entity: str) -> bool:
    """Whether streams of changes add every state of an entity to a copy, and nothing takes any out."""
    system, element = view.system, view.system.entity(entity)
    changes = [e for e in system.touching(store) if not e.is_read and e.entity in (None, entity)]
    added = all(
        isinstance(e.step, Write)
        and e.step.mode == "insert"
        and e.step.guard in (None, NONE)
        and not is_planned(system, e)
        for e in changes
    )
    streamed = all(e.site.captured or (e.site.consumed and _is_told_of_deletions(view, e)) for e in changes)
    replaced = element is not None and element.change in (None, "state") and element.deletes != "never"
    return bool(changes) and added and streamed and replaced and view.record_of(entity) != store


def _is_told_of_deletions(view: View, effect: Effect) -> bool:
    """Whether the channel carries the changes of a store, so that each is one state of a record among several."""
    return any(append.site.captured for append in view.system.appends(effect.site.consumed or ""))


def _judge_history(view: View, name: str, entity: str, facts: Facts) -> Match | None:
    said = erasure_deadline(view.system, entity)
    ask = f"Within which time must data of a person in {entity} be erased?"
    deadline = seconds(facts.ask(("entities", entity, "personal_data", "erase_within"), said, ("30d", NONE), ask))
    store = view.system.topology.stores[name]
    kept = seconds(store.expiry) if store.expiry not in (None, NONE) else float("inf")
    if deadline is None or kept is None or kept <= deadline:
        return None
    return Match(
        elements=(name, entity),
        at=("stores", name),
        summary=(
            f"{name} adds every change of {entity} and takes none out: what must be erased within {said or '30d'} "
            f"stays there, also after {entity} is deleted"
        ),
        consequence=Consequence("integrity", heals="never" if kept == float("inf") else Healing(kept, True)),
        targets=(Target(name, entity),),
        shows=frozenset({"leaked", "phantom"}),
    )


def judge(view: View, site: Site, facts: Facts) -> Match | None:
    name, entity = site
    system = view.system
    if name in system.topology.stores:
        element = system.entity(entity)
        unsaid = element is None or element.personal_data is None
        return _judge_history(view, name, entity, facts) if unsaid or is_personal(system, entity) else None
    channel, element = system.topology.channels[name], system.entity(entity)
    if element is None or not (element.personal_data is None or is_personal(system, entity)):
        return None
    if channel.cleanup == "compact" and channel.event.on_delete != NONE and element.deletes != "never":
        return None
    said = erasure_deadline(system, entity)
    kept = seconds(channel.retention)
    if said is None and (kept is None or kept <= A_MONTH):
        return None
    ask = f"Within which time must data of a person in {entity} be erased?"
    deadline = seconds(facts.ask(("entities", entity, "personal_data", "erase_within"), said, ("30d", NONE), ask))
    if deadline is None:
        return None
    ask = f"How long can records of {name} be read?"
    retention = facts.ask(("channels", name, "retention"), channel.retention, ("forever", "1h"), ask)
    kept = seconds(retention)
    if kept is None or kept <= deadline:
        return None
    forever = kept == float("inf")
    return Match(
        elements=(name, entity),
        at=("channels", name, "retention"),
        summary=(
            f"{name} keeps events about {entity} {'for ever' if forever else 'for ' + str(retention)}, but "
            f"personal data in them must be erased within {said or '30d'}, and a log cannot drop single records"
        ),
        consequence=Consequence("integrity", heals="never" if forever else Healing(kept, True)),
        targets=(Target(name, entity),),
        shows=frozenset({"leaked"}),
    )

"""A log keeps a person's data longer than the deadline for erasing it, and single records cannot be taken out.

Decided for logs, and for table-backed channels that are the system of record, whose events carry more than an id,
where no key per person makes the data unreadable. A compacted log whose deletions have an event forgets the person.
Cannot see backups of the log.
"""

from __future__ import annotations

from collections.abc import Iterator

from data_integration_architect.analysis.capture import erasure_deadline, is_personal
from data_integration_architect.analysis.facts import Facts
from data_integration_architect.analysis.match import Match
from data_integration_architect.analysis.repair import Healing
from data_integration_architect.analysis.severity import Consequence, Target
from data_integration_architect.analysis.view import View
from data_integration_architect.topology import NONE
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


def judge(view: View, site: Site, facts: Facts) -> Match | None:
    name, entity = site
    system = view.system
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

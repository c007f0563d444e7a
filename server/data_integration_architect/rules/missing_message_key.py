"""Changes of one record are spread over the partitions of a log, so a consumer can apply an older one last.

Decided for logs where some store behind them keeps the state that came last: records without a key (or from a table
without one), and records whose message key is a field that can differ between two changes of one record, such as the
key of another entity. A capture from the log keys its records by the table's key unless something else is said.
Cannot see a custom partitioner.
"""

from __future__ import annotations

from collections.abc import Iterator

from data_integration_architect.analysis.capture import is_captured_from_log
from data_integration_architect.analysis.facts import Facts
from data_integration_architect.analysis.guards import lets_old_in, old_wins, refuses_old, told_apart
from data_integration_architect.analysis.keys import is_immutable, key_fields
from data_integration_architect.analysis.match import Match
from data_integration_architect.analysis.order import applied_from, is_planned, order_of, overwritten, shown_symptoms
from data_integration_architect.analysis.severity import Target
from data_integration_architect.analysis.system import Effect
from data_integration_architect.analysis.view import View
from data_integration_architect.topology import NONE

Site = tuple[str, Effect, str | None]
SPREAD = {NONE, "random"}


def sites(view: View) -> Iterator[Site]:
    system = view.system
    for name, channel in sorted(system.topology.channels.items()):
        unsaid = channel.technology is None and system.channel_kind(name) == "unknown"
        if not (system.channel_kind(name) == "log" or unsaid) or channel.status == "planned":
            continue
        if channel.partitions == 1 or channel.order == "total":
            continue
        # Who shares a log without partitions is `unordered-delivery`.
        if system.technology(name) is not None and order_of(system, name) != "per-partition":
            continue
        for consumer in system.consumers(name):
            if not is_planned(consumer):
                for effect in applied_from(view, consumer):
                    if not refuses_old(view, effect):
                        yield name, effect, None
                        for field in _foreign_fields(view, name, effect):
                            yield name, effect, field


def _foreign_fields(view: View, name: str, effect: Effect) -> tuple[str, ...]:
    """Fields of the message key by which two changes of one record of the effect's entity could be parted."""
    system = view.system
    carried = system.carried(name)
    if system.channel_kind(name) != "log" or (carried and effect.entity not in carried):
        return ()
    return key_fields(system, name, effect.entity)


def judge(view: View, site: Site, facts: Facts) -> Match | None:
    name, effect, field = site
    if field is not None:
        return _judge_field(view, name, effect, field, facts)
    system = view.system
    channel = system.topology.channels[name]
    appends = system.appends(name)
    captured = bool(appends) and all(is_captured_from_log(e.site) for e in appends)
    entity = system.entity(effect.entity)
    keyless = False
    if captured and channel.message_key is None:
        if entity is None or effect.entity is None:
            return None
        ask = f"Which field is the key of the table of {effect.entity}?"
        keyless = facts.ask(("entities", effect.entity, "key"), entity.key, (NONE, "id"), ask) == NONE
        if not keyless:
            return None
    elif system.channel_kind(name) != "log":
        return None
    else:
        key = system.key_of(effect.entity)
        ask = f"Which field is the message key of {name}?"
        if facts.ask(("channels", name, "message_key"), channel.message_key, (NONE, key or "id"), ask) not in SPREAD:
            return None
    if not lets_old_in(view, effect, facts):
        return None
    subject = effect.entity or "a record"
    why = f"the table of {subject} has no key" if keyless else "its records have no key"
    return Match(
        elements=told_apart(effect, (name,)),
        at=("entities", effect.entity, "key") if keyless and effect.entity else ("channels", name, "message_key"),
        summary=(
            f"Two changes of one {subject} can lie in different partitions of {name}, because {why}: "
            f"{effect.site.id} may apply the older one last, and {old_wins(view, effect, f'{effect.target} keeps it')}"
        ),
        consequence=overwritten(view, effect),
        targets=(Target(effect.target, effect.entity),),
        shows=shown_symptoms(view, effect),
    )


def _judge_field(view: View, name: str, effect: Effect, field: str, facts: Facts) -> Match | None:
    system, entity = view.system, str(effect.entity)
    path = ("entities", entity, "immutable", field)
    ask = f"Does {field} of one {entity} keep its value for life, so that all its changes share a partition of {name}?"
    if facts.ask(path, is_immutable(system, entity, field), (False, True), ask) or not lets_old_in(view, effect, facts):
        return None
    several = len(key_fields(system, name, entity)) > 1
    return Match(
        elements=told_apart(effect, (name, entity, field) if several else (name, entity)),
        at=("channels", name, "message_key"),
        summary=(
            f"{name} is keyed by {field}, which can differ between two changes of one {entity}: they then lie in "
            f"different partitions, {effect.site.id} may apply the older one last, and "
            f"{old_wins(view, effect, f'{effect.target} keeps it')}"
        ),
        consequence=overwritten(view, effect),
        targets=(Target(effect.target, effect.entity),),
        shows=shown_symptoms(view, effect),
    )

"""A sink replaces whole records with events that do not hold the whole row.

Decided for captures from the log whose row image leaves out large columns (or everything that did not change), and
for events that carry changed fields only. One finding for each sink. Cannot see a transform that fills the gaps.
"""

from __future__ import annotations

from collections.abc import Iterator

from data_integration_architect.analysis.capture import Trail, is_captured_from_log, repair_of_all, trails
from data_integration_architect.analysis.facts import Facts
from data_integration_architect.analysis.match import Match
from data_integration_architect.analysis.order import re_reads
from data_integration_architect.analysis.severity import Consequence, Target
from data_integration_architect.analysis.view import View
from data_integration_architect.topology import Event, OnChanges, Write

# Products whose log leaves out values stored out of line unless told otherwise.
LEAVES_OUT_LARGE_VALUES = {"postgresql"}


def sites(view: View) -> Iterator[Trail]:
    for site in view.system.handlers.values():
        if site.consumed:
            continue
        for trail in trails(view.system, site):
            step = trail.end.step
            if not isinstance(step, Write) or step.mode in {"increment", "delete", "rebuild-and-swap"}:
                continue
            if step.placeholder in {"skipped", "restored"} or re_reads(view, trail.end):
                continue
            if is_captured_from_log(site) or (trail.channels and trail.start is not trail.end):
                yield trail


def judge(view: View, trail: Trail, facts: Facts) -> Match | None:
    events = [view.system.channel(c).event for c in trail.channels if view.system.channel(c)]  # type: ignore[union-attr]
    captured = is_captured_from_log(trail.start.site)
    missing = _large_values(view, trail, events, facts) if captured else None
    if missing is None:
        missing = _unchanged_fields(trail, events, facts)
    if missing is None:
        return None
    sink = trail.end
    source = trail.start.site.captured or trail.start.site.id
    return Match(
        elements=tuple(dict.fromkeys((source, *trail.channels, sink.target, sink.site.id))),
        at=sink.path,
        summary=(
            f"Events about {trail.start.entity or 'rows'} from {source} do not hold {missing}, and {sink.site.id} "
            f"writes them to {sink.target} as if they were whole: the value there is lost until it changes again"
        ),
        consequence=Consequence("integrity", heals=repair_of_all(view.system, [sink]) or "next-write"),
        targets=(Target(sink.target, sink.entity),),
        shows=frozenset({"missing", "stale", "reverted", "wrong-total"}),
    )


def _large_values(view: View, trail: Trail, events: list[Event], facts: Facts) -> str | None:
    """What the event lacks of a captured row, None where it is whole or the sink leaves the gap alone."""
    system, site, step = view.system, trail.start.site, trail.end.step
    trigger = site.handler.trigger
    entity = system.entity(trail.start.entity or trail.end.entity)
    name = trail.start.entity or trail.end.entity
    if not isinstance(trigger, OnChanges) or not isinstance(step, Write) or entity is None or name is None:
        return None
    if trigger.row_image == "full":
        return None
    marks = {e.unchanged_large_values for e in events} - {None}
    if "included" in marks:
        return None
    replaces = step.mode in (None, "replace", "insert")
    if trigger.row_image == "changed" and "placeholder" not in marks:
        return "columns that did not change" if replaces else None
    if not replaces and not marks and step.placeholder == "stored" and trail.channels:
        # That a marker is stored says that there is one, where nobody says what the log leaves out.
        path = ("channels", trail.channels[-1], "event", "unchanged_large_values")
        ask = f"What stands for a large value that did not change in events of {trail.channels[-1]}?"
        marks = {facts.ask(path, None, ("placeholder", "omitted"), ask)}
    if not replaces and "placeholder" not in marks:
        return None
    if not marks and trigger.row_image is None:
        head = system.technology(trigger.changes)
        if entity.large_columns is not True or head is None or head.id not in LEAVES_OUT_LARGE_VALUES:
            return None
        ask = f"Does the log of {trigger.changes} hold the full row of {name} (replica identity)?"
        if facts.ask((*site.path, "trigger", "row_image"), None, ("key", "full"), ask) == "full":
            return None
    ask = f"Does {name} have values over about 2 kB, which the database stores out of line?"
    if not facts.ask(("entities", name, "large_columns"), entity.large_columns, (True, False), ask):
        return None
    if not replaces:
        # A merge stores the marker too, unless it knows it.
        ask = f"What does {trail.end.site.id} do with the marker for an unchanged large value?"
        if facts.ask((*trail.end.path, "placeholder"), step.placeholder, ("stored", "skipped"), ask) != "stored":
            return None
    return "a large column that did not change"


def _unchanged_fields(trail: Trail, events: list[Event], facts: Facts) -> str | None:
    """The same for events that an application composes."""
    step = trail.end.step
    if not isinstance(step, Write) or step.mode not in (None, "replace") or not events:
        return None
    if trail.start.entity != trail.end.entity or trail.start.entity is None:
        return None
    said = events[-1].content
    updates = any(
        isinstance(e.step, Write) and e.step.mode == "merge" and e.entity == trail.start.entity
        for e in trail.start.site.changes
    )
    if said is None and not updates:
        return None
    path = ("channels", trail.channels[-1], "event", "content")
    ask = f"What do events of {trail.channels[-1]} carry: the whole state or the changed fields?"
    carried = facts.ask(path, said, ("changed-fields", "full"), ask)
    return "fields that did not change" if carried == "changed-fields" else None

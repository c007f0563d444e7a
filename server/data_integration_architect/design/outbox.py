"""Events that carry intent: an outbox row in the transaction of the write, and a relay."""

from __future__ import annotations

from data_integration_architect.advice.choice import Advice
from data_integration_architect.advice.feeds import source_of
from data_integration_architect.advice.legs import legs_of
from data_integration_architect.analysis.system import Effect, HandlerSite
from data_integration_architect.design.draft import fitting, steps_of
from data_integration_architect.design.outbox_rows import (
    BY_COMMIT,
    follow_outbox,
    idle_table,
    idle_tables,
    table_of,
    with_outbox,
)
from data_integration_architect.design.workbench import Workbench
from data_integration_architect.topology import Append, Write


def outbox(bench: Workbench, advice: Advice) -> str:
    is_far = bench.view.system.store(advice.source) is None or _announces_far(bench, advice)
    if is_far and (done := _relay_announcements(bench, advice)):
        return done
    source, target = _home(bench, advice), advice.target
    if source is None:
        what = ", ".join(advice.entities) or "it"
        return f"not carried out: first declare the system of record of {what}; {advice.source} writes no store beside"
    entities = bench.entities(advice) if source == advice.source else _written_at(bench, advice, source)
    channels, consumers = bench.old_ways(advice)
    if bench.view.system.store(target) and not bench.view.system.is_external(target) and not channels:
        bench.remove_writes(advice)
    told = {e.entity for channel in channels for e in bench.view.system.appends(channel)}
    if (taker := _only_taker(bench, channels, consumers)) and not idle_tables(bench, source, entities):
        return _take_from_table(bench, advice, source, [e for e in entities if e in told] or entities, channels, taker)
    for entity in [e for e in entities if e in told] or entities:
        log = outbox_log(bench, source, entity, _ordered_by(bench, entity, target, consumers))
        for consumer in sorted(consumers):
            handler = bench.draft.handler(consumer)
            if handler is not None and handler.get("trigger", {}).get("consume") in channels:
                follow_outbox(bench, handler, log, target)
        if not any(h.get("trigger", {}).get("consume") == log for _, h in bench.draft.handlers()):
            if bench.view.system.is_external(target):
                _call_from_log(bench, log, advice, entity)
            elif bench.view.system.store(target):
                bench.sink(log, target, entity)
    bench.remove_announcements(advice)
    if idle := idle_tables(bench, source, entities):
        return (
            f"a relay sends the committed rows of {idle[0]} in commit order, from those that are written after it "
            "starts: older rows are older states, and are removed unsent"
        )
    done = f"an outbox row is written in the transaction on {source}; a relay sends committed rows in commit order"
    return done + _why_anew(bench, source, entities, channels)


def _only_taker(bench: Workbench, channels: set[str], consumers: set[str]) -> str | None:
    """The one handler that takes what a queue announces, where the system has no log that could carry the rows.

    One consumer needs no broker between itself and the table; several, or a log that is there, make a relay worth it.
    """
    system = bench.view.system
    if any(system.channel_kind(name) == "log" for name in bench.view.topology.channels):
        return None
    takers = {site.id for name in channels for site in system.consumers(name)}
    if len(takers) != 1 or not takers <= consumers or any(system.channel_kind(c) == "table" for c in channels):
        return None
    (taker,) = takers
    asked = [e for e in system.handlers[taker].changes if not isinstance(e.step, Append)]
    return taker if asked else None


def _take_from_table(
    bench: Workbench, advice: Advice, source: str, entities: list[str], channels: set[str], taker: str
) -> str:
    """Lets the present consumer take committed rows of the outbox itself."""
    table = table_of(bench, source)
    for entity in entities:
        for handler_id in bench.direct_handlers():
            writer = bench.draft.handler(handler_id)
            if writer is not None:
                writer["steps"] = with_outbox(writer.get("steps", []), source, entity, table)
    handler = bench.draft.handler(taker)
    if handler is not None:
        follow_outbox(bench, handler, table, advice.target)
        handler["trigger"] = {**BY_COMMIT, "consume": table}
    bench.remove_announcements(advice)
    done = (
        f"an outbox row is written in the transaction on {source}, and {taker} takes committed rows from that table in "
        "commit order, one at a time: no relay and no other broker is needed for one consumer"
    )
    return done + _why_anew(bench, source, entities, channels)


def _why_anew(bench: Workbench, source: str, entities: list[str], channels: set[str]) -> str:
    """Why present channels do not carry the rows, and why a table of the entity is no outbox by itself."""
    system, said = bench.view.system, []
    for name in sorted(channels):
        kind, order = system.channel_kind(name), bench.view.topology.channels[name].order
        if kind == "log":
            continue
        lacks = "keeps no order of a key" if order == "none" else "is not said to keep the order of a key"
        said.append(f"{name} is not used for it, because it {lacks} and gives no record a second time")
    for entity in entities:
        if any(e.entity == entity and system.enlisted(e) and e.target == source for e in _told_beside(bench, channels)):
            said.append(
                f"{entity} itself becomes the outbox, and no second table is needed, if it has one row for each event "
                "that is never changed, in an order that follows the commits; nobody said that it does"
            )
    return "".join(f"; {words}" for words in said)


def _told_beside(bench: Workbench, channels: set[str]) -> list[Effect]:
    """Inserts that handlers make beside what they send to the channels."""
    system = bench.view.system
    sites = {e.site.id: e.site for name in channels for e in system.appends(name)}
    return [e for s in sites.values() for e in s.changes if isinstance(e.step, Write) and e.step.mode == "insert"]


def _relay_announcements(bench: Workbench, advice: Advice) -> str | None:
    """Takes appends that stand beside a write on the way to the target through an outbox of that write's store."""
    system = bench.view.system
    done = []
    for leg in legs_of(bench.view):
        if (leg.source, leg.target) != advice.key:
            continue
        for handler_id in sorted(leg.handlers):
            site = system.handlers[handler_id]
            own = [e for e in site.changes if isinstance(e.step, Write) and not system.is_external(e.target)]
            own = [e for e in own if source_of(bench.view, e.target).takes_outbox and e.entity]
            told = [e for e in site.changes if isinstance(e.step, Append) and e.target in leg.names]
            told = [e for e in told if system.channel_kind(e.target) != "table"]
            if own and told:
                _relay(bench, handler_id, own[0], told[0])
                done.append((own[0].target, told[0].target))
    if not done:
        return None
    home, channel = done[0]
    return f"what {channel} gets is written in the transaction on {home} with the change itself, and a relay sends it"


def _announces_far(bench: Workbench, advice: Advice) -> bool:
    """Whether what the writer tells reaches the target only over further channels, which stay as they are."""
    system = bench.view.system
    for leg in legs_of(bench.view):
        if (leg.source, leg.target) == advice.key and system.channel(leg.first.target):
            takers = system.consumers(leg.first.target)
            return not any(e.target == leg.target for taker in takers for e in taker.changes)
    return False


def _relay(bench: Workbench, handler_id: str, own: Effect, told: Effect) -> None:
    handler = bench.draft.handler(handler_id)
    step = next((s for s in steps_of(handler or {}) if s.get("append") == told.target), None)
    if handler is None or step is None:
        return
    table = table_of(bench, own.target)
    row = {"append": table, **{k: v for k, v in step.items() if k in {"entity", "operation_id"}}}
    bench.draft.remove_steps([handler_id], lambda s: s.get("append") == told.target)
    handler["steps"] = with_outbox(handler["steps"], own.target, str(own.entity), table, row)
    sent = {**step, "operation_id": "passed", "guard": "idempotent-producer"}
    facts = {"trigger": {**BY_COMMIT, "consume": table}, "steps": [sent], "status": "planned"}
    bench.draft.add_handler(f"{own.target}_relay", f"relay_{told.target}", facts, instances=1, status="planned")


def _home(bench: Workbench, advice: Advice) -> str | None:
    """The store whose transaction takes the outbox row: the source, or what the caller writes beside its call."""
    system = bench.view.system
    if system.store(advice.source) is not None:
        return advice.source
    for site in _sites(bench, advice):
        for effect in site.changes:
            is_own = effect.target != advice.target and not system.is_external(effect.target)
            if isinstance(effect.step, Write) and is_own:
                return effect.target
    return None


def _sites(bench: Workbench, advice: Advice) -> list[HandlerSite]:
    handlers = {h for f in bench.view.flows if (f.source, f.target) == advice.key for h in f.handlers}
    return [bench.view.system.handlers[h] for h in sorted(handlers)]


def _written_at(bench: Workbench, advice: Advice, store: str) -> list[str]:
    """The entity that the calling handlers write first at the store of the outbox: its change announces the call."""
    found = [
        effect.entity
        for site in _sites(bench, advice)
        for effect in site.changes
        if isinstance(effect.step, Write) and effect.target == store and effect.entity
    ]
    return list(dict.fromkeys(found))[:1]


def _ordered_by(bench: Workbench, entity: str, target: str, consumers: set[str]) -> str | None:
    """Key within which records must stay in order: that of the entity that the consumers change at the target."""
    changed = [
        effect.entity
        for consumer in sorted(consumers)
        for effect in bench.view.system.handlers[consumer].changes
        if effect.target == target and effect.entity
    ]
    return bench.draft.key_of(changed[0] if changed else entity)


def outbox_log(bench: Workbench, source: str, entity: str, message_key: str | None) -> str:
    key = (source, entity)
    if key in bench.change_logs:
        return bench.change_logs[key]
    table = idle_table(bench, source, entity) or table_of(bench, source)
    log = bench.outage_safe_channel(
        f"{entity}_events", entity, id="event_id", version="commit-position", on_delete="full"
    )
    if message_key is not None:
        bench.draft.data["channels"][log]["message_key"] = message_key
    bench.change_logs[key] = log
    for handler_id in bench.direct_handlers():
        handler = bench.draft.handler(handler_id)
        if handler is not None:
            handler["steps"] = with_outbox(handler.get("steps", []), source, entity, table)
    relay = bench.draft.handler(f"{fitting(f'{source}_relay')}.{fitting(f'relay_{entity}')}")
    if relay is None:
        step = {"append": log, "entity": entity, "operation_id": "passed", "guard": "idempotent-producer"}
        facts = {"trigger": {**BY_COMMIT, "consume": table}, "steps": [step], "status": "planned"}
        bench.draft.add_handler(f"{source}_relay", f"relay_{entity}", facts, instances=1, status="planned")
    return log


def _call_from_log(bench: Workbench, log: str, advice: Advice, entity: str) -> None:
    for handler_id in bench.direct_handlers():
        handler = bench.draft.handler(handler_id)
        moved = [s for s in steps_of(handler or {}) if s.get("call") == advice.target]
        if moved:
            bench.draft.remove_steps([handler_id], lambda s: s.get("call") == advice.target)
            step = {
                "entity": entity,
                **moved[0],
                "operation_id": "passed",
                "retry": {"attempts": 10, "then": "block"},
            }
            trigger = {"consume": log, "cursor": "offset", "workers": 1, "acknowledge": "after"}
            facts = {"trigger": trigger, "steps": [step], "status": "planned"}
            bench.draft.add_handler(f"{advice.target}_caller", f"call_{entity}", facts, instances=1, status="planned")
            return

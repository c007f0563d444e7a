"""The target topology: each recommendation carried out on the facts of today."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from data_integration_architect.advice.recommendation import Advice
from data_integration_architect.analysis.view import View
from data_integration_architect.design.draft import Draft, Step, fitting, steps_of
from data_integration_architect.topology import NONE
from data_integration_architect.topology.values import seconds

RETENTION_DAYS = 7
PARTITIONS = 12
HEARTBEAT, SLOT_LIMIT = "10s", "50GiB"


@dataclass
class Built:
    """The draft after all recommendations, and what was done for each, in words."""

    draft: Draft
    done: list[tuple[Advice, str]] = field(default_factory=list)


def build_target(view: View, advice: Sequence[Advice]) -> Built:
    """Carries out every advice; one that changes nothing is noted as such."""
    builder = _Builder(view, Draft(view.topology))
    built = Built(builder.draft)
    for one in advice:
        built.done.append((one, builder.carry_out(one)))
    builder.draft.remove_unused_channels()
    return built


class _Builder:
    def __init__(self, view: View, draft: Draft) -> None:
        self.view, self.draft = view, draft
        self.was_split = False
        self.change_logs: dict[tuple[str, str], str] = {}
        """(system of record, entity) → channel that carries its changes in the target."""

    def carry_out(self, advice: Advice) -> str:
        table: dict[str, Callable[[Advice], str]] = {
            "cdc": self.capture,
            "outbox": self.outbox,
            "event-sourcing": self.log_requests,
            "local-transaction": self.local,
            "batch-etl": self.rebuild,
            "cdc-invalidation": self.invalidate_by_log,
            "cache-aside-with-ttl": self.expire,
            "lease-or-versioned-fill": self.lease,
            "log-messaging": self.one_layer,
            "single-store": self.single_store,
            "single-leader-with-fencing": self.one_leader,
            "synchronous-quorum-commit": self.one_leader,
            "home-region-per-key": self.home_region,
            "crdt-merge": self.merge,
            "read-from-primary": self.read_primary,
            "causal-token": self.token,
        }
        build = table.get(advice.choice.mechanism)
        return build(advice) if build else "kept as it is"

    # What several mechanisms share

    def retention(self) -> str:
        outage = seconds(self.view.topology.context.longest_outage) or 0
        return f"{max(RETENTION_DAYS, round(2 * outage / 86400))}d"

    def outage_safe_channel(self, name: str, entity: str, **event: Any) -> str:
        return self.draft.add_channel(
            name,
            technology="kafka",
            carries=[entity],
            message_key=self.draft.key_of(entity),
            partitions=PARTITIONS,
            retention=self.retention(),
            delivery="at-least-once",
            when_full="block",
            event={"content": "full", "schema_compatibility": "backward", **event},
            status="planned",
        )

    def entities(self, advice: Advice) -> list[str]:
        return [e for e in advice.entities if e in self.draft.data.get("entities", {})]

    def direct_handlers(self) -> list[str]:
        return [h for h, site in self.view.system.handlers.items() if site.is_direct]

    def old_ways(self, advice: Advice) -> tuple[set[str], set[str]]:
        """Channels and handlers by which the target is fed today."""
        handlers: set[str] = set()
        channels: set[str] = set()
        for flow in self.view.flows:
            if flow.target == advice.target and set(flow.entities) & set(advice.entities):
                handlers |= set(flow.handlers)
                if self.view.system.channel(flow.source):
                    channels.add(flow.source)
        return channels, handlers

    def remove_writes(self, advice: Advice) -> None:
        """Takes every present write of the entities to the target out, and the jobs that repaired it."""
        target, entities = advice.target, set(advice.entities)
        _, handlers = self.old_ways(advice)
        feeding = {h for h in handlers if not self.view.system.handlers[h].reads_cache(target)}

        def unwanted(step: Step) -> bool:
            return step.get("write") == target and str(step.get("entity", "")).split(".")[0] in entities

        self.draft.remove_steps(sorted(feeding), unwanted)

    def remove_announcements(self, advice: Advice) -> None:
        """Takes messages that announced changes of the entities out, where nobody else needs them."""
        channels, _ = self.old_ways(advice)
        for channel in channels:
            if not any(h.get("trigger", {}).get("consume") == channel for _, h in self.draft.handlers()):
                self.draft.remove_steps(self.direct_handlers(), lambda s, c=channel: s.get("append") == c)  # type: ignore[misc]

    def change_log(self, source: str, entity: str) -> str:
        """The channel with the changes of an entity, captured from the log of its system of record."""
        key = (source, entity)
        if key not in self.change_logs:
            large = "included"
            channel = self.outage_safe_channel(
                f"{entity}_changes", entity, version="commit-position", clock="database", on_delete="full",
                unchanged_large_values=large,
            )  # fmt: skip
            self.change_logs[key] = channel
            process = f"{source}_capture"
            handler = self.draft.handler(f"{fitting(process)}.capture")
            if handler is None:
                trigger = {
                    "changes": source, "by": "log", "cursor": "commit-position", "sees_deletes": True,
                    "row_image": "full", "snapshot": "interleaved", "snapshot_writes": "only-missing",
                    "slot": {"heartbeat": HEARTBEAT, "limit": SLOT_LIMIT},
                }  # fmt: skip
                handler = {"trigger": trigger, "steps": [], "status": "planned"}
                self.draft.add_handler(process, "capture", handler, instances=1, status="planned")
            handler["steps"].append({"append": channel, "entity": entity, "guard": "idempotent-producer"})
        return self.change_logs[key]

    def sink(self, channel: str, target: str, entity: str) -> None:
        """A consumer that applies full states by key and refuses older versions.

        Search engines forget the version of a deletion soon, so nothing is promised of deletions there.
        """
        step: Step = {
            "write": target, "entity": entity, "mode": "replace", "guard": "version",
            **({} if self.view.system.kind(target) == "search" else {"guard_keeps_deletes": True}),
            "values": "event", "missing_source": "delete", "retry": {"attempts": 10, "then": "block"},
        }  # fmt: skip
        trigger = {"consume": channel, "cursor": "offset", "workers": 1, "acknowledge": "after"}
        handler = {"trigger": trigger, "dedup": {"by": NONE}, "steps": [step], "status": "planned"}
        self.draft.add_handler(f"{target}_sink", f"apply_{entity}", handler, instances=1, status="planned")

    # Mechanisms

    def capture(self, advice: Advice) -> str:
        if self.view.system.store(advice.source) is None or self.view.system.store(advice.target) is None:
            return "kept as it is"
        self.remove_writes(advice)
        for entity in self.entities(advice):
            self.sink(self.change_log(advice.source, entity), advice.target, entity)
        self.remove_announcements(advice)
        return f"changes are captured from the log of {advice.source}; {advice.target} applies them by key and version"

    def outbox(self, advice: Advice) -> str:
        source, target = advice.source, advice.target
        if self.view.system.store(source) is None:
            return "kept as it is"
        entities = self.entities(advice)
        channels, consumers = self.old_ways(advice)
        if self.view.system.store(target) and not self.view.system.is_external(target) and not channels:
            self.remove_writes(advice)
        told = {e.entity for channel in channels for e in self.view.system.appends(channel)}
        for entity in [e for e in entities if e in told] or entities:
            log = self.outbox_log(source, entity, self._ordered_by(entity, target, consumers))
            for consumer in sorted(consumers):
                handler = self.draft.handler(consumer)
                if handler is not None and handler.get("trigger", {}).get("consume") in channels:
                    self._follow_outbox(handler, log, target)
            if not any(h.get("trigger", {}).get("consume") == log for _, h in self.draft.handlers()):
                if self.view.system.is_external(target):
                    self._call_from_log(log, advice, entity)
                elif self.view.system.store(target):
                    self.sink(log, target, entity)
        self.remove_announcements(advice)
        return f"an outbox row is written in the transaction on {source}; a relay sends committed rows in commit order"

    def _ordered_by(self, entity: str, target: str, consumers: set[str]) -> str | None:
        """Key within which records must stay in order: that of the entity that the consumers change at the target."""
        changed = [
            effect.entity
            for consumer in sorted(consumers)
            for effect in self.view.system.handlers[consumer].changes
            if effect.target == target and effect.entity
        ]
        return self.draft.key_of(changed[0] if changed else entity)

    def outbox_log(self, source: str, entity: str, message_key: str | None) -> str:
        key = (source, entity)
        if key in self.change_logs:
            return self.change_logs[key]
        table = fitting(f"{source}_outbox")
        if table not in self.draft.group("channels"):
            self.draft.add_channel(
                table, technology="table", status="planned", **{"in": source},
                event={"content": "full", "id": "event_id", "version": "commit-position", "on_delete": "full"},
            )  # fmt: skip
        log = self.outage_safe_channel(
            f"{entity}_events", entity, id="event_id", version="commit-position", on_delete="full"
        )
        if message_key is not None:
            self.draft.data["channels"][log]["message_key"] = message_key
        self.change_logs[key] = log
        for handler_id in self.direct_handlers():
            handler = self.draft.handler(handler_id)
            if handler is not None:
                handler["steps"] = _with_outbox(handler.get("steps", []), source, entity, table)
        relay = self.draft.handler(f"{fitting(f'{source}_relay')}.{fitting(f'relay_{entity}')}")
        if relay is None:
            step = {"append": log, "entity": entity, "operation_id": "passed", "guard": "idempotent-producer"}
            trigger = {
                "consume": table,
                "cursor": "commit-order",
                "claim": "lock",
                "workers": 1,
                "acknowledge": "after",
            }
            facts = {"trigger": trigger, "steps": [step], "status": "planned"}
            self.draft.add_handler(f"{source}_relay", f"relay_{entity}", facts, instances=1, status="planned")
        return log

    def _follow_outbox(self, handler: dict[str, Any], log: str, target: str) -> None:
        handler["trigger"] = {"consume": log, "cursor": "offset", "workers": 1, "acknowledge": "after"}
        for step in steps_of(handler):
            if step.get("call") == target:
                step["operation_id"] = "passed"
            if step.get("write") == target and step.get("mode", "replace") in {"replace", "merge", "delete"}:
                step.update({"guard": "version", "values": "event", "retry": {"attempts": 10, "then": "block"}})
            step.pop("retry", None) if "read" in step else None

    def _call_from_log(self, log: str, advice: Advice, entity: str) -> None:
        for handler_id in self.direct_handlers():
            handler = self.draft.handler(handler_id)
            moved = [s for s in steps_of(handler or {}) if s.get("call") == advice.target]
            if moved:
                self.draft.remove_steps([handler_id], lambda s: s.get("call") == advice.target)
                step = {
                    **moved[0],
                    "operation_id": "passed",
                    "entity": entity,
                    "retry": {"attempts": 10, "then": "block"},
                }
                trigger = {"consume": log, "cursor": "offset", "workers": 1, "acknowledge": "after"}
                facts = {"trigger": trigger, "steps": [step], "status": "planned"}
                self.draft.add_handler(
                    f"{advice.target}_caller", f"call_{entity}", facts, instances=1, status="planned"
                )
                return

    def log_requests(self, advice: Advice) -> str:
        """A distributed commit becomes one logged request, validated and split at the owner of the constraint."""
        blocks = [
            (handler_id, block)
            for handler_id, handler in self.draft.handlers()
            for block in handler.get("steps", [])
            if isinstance(block.get("transaction"), list) and len(block["transaction"]) > 1
        ]
        for handler_id, block in blocks:
            self._split_request(handler_id, block)
        if not blocks and not self.was_split:
            return "kept as it is"
        self.was_split = True
        return (
            "the operation is logged once under the client's id, validated at its owner, and applied once at each store"
        )

    def _split_request(self, handler_id: str, block: Step) -> None:
        draft = self.draft
        writes = [s for s in block["steps"] if "write" in s]
        first = next((w for w in writes if w.get("guard") == "condition"), writes[0])
        others = [w for w in writes if w is not first]
        name = handler_id.rpartition(".")[2]
        request = draft.free_name(f"{name}_request")
        draft.group("entities")[request] = {
            "key": "request_id",
            "change": "append-only",
            "deletes": "never",
            "status": "planned",
        }
        requests = draft.add_channel(
            f"{request}s", technology="kafka", carries=[request], message_key=draft.key_of(first.get("entity", "")),
            partitions=PARTITIONS, retention=self.retention(), delivery="at-least-once", when_full="block",
            status="planned", event={"content": "full", "id": "request_id"},
        )  # fmt: skip
        handler = draft.handler(handler_id) or {}
        handler["steps"] = [
            {"append": requests, "entity": request, "operation_id": "passed", "guard": "idempotent-producer"}
            if step is block
            else step
            for step in handler["steps"]
        ]
        handler.pop("dedup", None)
        trigger = handler.setdefault("trigger", {"request": {}})
        if "request" in trigger:
            trigger["request"]["operation_id"] = {"made_by": "client", "survives_retry": True}
        owner = first["write"]
        instruction = draft.free_name(f"{name}_instruction")
        draft.group("entities")[instruction] = {
            "key": "request_id", "change": "append-only", "deletes": "never", "status": "planned",
        }  # fmt: skip
        table = draft.add_channel(
            f"{instruction}_outbox", technology="table", carries=[instruction], status="planned",
            event={"content": "delta", "id": "request_id", "version": "none"}, **{"in": owner},
        )  # fmt: skip
        dedup = {"by": "request_id", "window": "forever", "scope": "per-target", "atomic": True}
        accept = {
            "transaction": owner,
            "steps": [
                {**first, "operation_id": "passed", "guard": "condition"},
                {"append": table, "entity": instruction, "operation_id": "passed"},
            ],
        }
        facts = {
            "trigger": {"consume": requests, "cursor": "offset", "workers": 1, "acknowledge": "after"},
            "dedup": {**dedup, "in": owner},
            "steps": [accept],
            "status": "planned",
        }
        processor = draft.free_name(f"{name}_processor")
        validator = draft.add_handler(processor, "validate", facts, instances=1, status="planned")
        for other in others:
            log = draft.add_channel(
                f"{instruction}s", technology="kafka", carries=[instruction],
                message_key=draft.key_of(other.get("entity", "")), partitions=PARTITIONS,
                retention=self.retention(), delivery="at-least-once", when_full="block", status="planned",
                event={"content": "delta", "id": "request_id"},
            )  # fmt: skip
            relay = {
                "trigger": {
                    "consume": table,
                    "cursor": "commit-order",
                    "claim": "lock",
                    "workers": 1,
                    "acknowledge": "after",
                },
                "steps": [
                    {"append": log, "entity": instruction, "operation_id": "passed", "guard": "idempotent-producer"}
                ],
                "status": "planned",
            }
            draft.add_handler(f"{processor}_relay", "relay", relay, instances=1, status="planned")
            store = other["write"]
            apply = {
                "trigger": {"consume": log, "cursor": "offset", "workers": 1, "acknowledge": "after"},
                "dedup": {**dedup, "in": store},
                "steps": [
                    {"transaction": store, "steps": [{**other, "operation_id": "passed", "guard": "unique-key"}]}
                ],
                "status": "planned",
            }
            draft.add_handler(f"{store}_processor", "apply", apply, instances=1, status="planned")
        for constraint in draft.data.get("constraints", []):
            if constraint.get("entity") == first.get("entity"):
                constraint["enforced_at"] = owner if constraint.get("kind") == "non-negative" else validator

    def local(self, advice: Advice) -> str:
        system = self.view.system
        for _, handler in self.draft.handlers():
            for step in steps_of(handler):
                members = step.get("transaction")
                if isinstance(members, list) and len({system.instance(m) for m in members}) == 1:
                    step["transaction"] = members[0]
                    step.pop("coordinator", None)
        return "one connection and one ordinary commit over the shared database"

    def rebuild(self, advice: Advice) -> str:
        if self.view.system.store(advice.source) is None or self.view.system.store(advice.target) is None:
            return "kept as it is"
        self.remove_writes(advice)
        tolerated = [
            seconds(self.view.topology.readers[i].tolerates) for i in self.view.system.readers_of(advice.target)
        ]
        known = [t for t in tolerated if t]
        hours = max(1, round(min(known) / 7200)) if known else 12
        for entity in self.entities(advice):
            steps = [
                {"read": advice.source, "entity": entity},
                {"write": advice.target, "entity": entity, "mode": "rebuild-and-swap"},
            ]
            facts = {
                "trigger": {"every": f"{hours}h", "reads": "all", "consistent": True},
                "steps": steps,
                "status": "planned",
            }
            self.draft.add_handler(
                f"{advice.target}_rebuild", f"rebuild_{entity}", facts, instances=1, status="planned"
            )
        self.remove_announcements(advice)
        return f"{advice.target} is rebuilt from one consistent snapshot every {hours}h and swapped in"

    def invalidate_by_log(self, advice: Advice) -> str:
        cache, entities = advice.target, set(advice.entities)
        self.draft.remove_steps(
            self.direct_handlers(),
            lambda s: (
                (s.get("invalidate") == cache or (s.get("write") == cache and "guard" not in s))
                and str(s.get("entity", "")).split(".")[0] in entities
            ),
        )
        for entity in self.entities(advice):
            step = {"invalidate": cache, "entity": entity, "retry": {"attempts": 10, "then": "block"}}
            trigger = {
                "changes": advice.source, "by": "log", "cursor": "commit-position", "sees_deletes": True,
                "row_image": "full", "snapshot": "none", "slot": {"heartbeat": HEARTBEAT, "limit": SLOT_LIMIT},
            }  # fmt: skip
            facts = {"trigger": trigger, "steps": [step], "status": "planned"}
            self.draft.add_handler(f"{cache}_invalidator", f"drop_{entity}", facts, instances=1, status="planned")
        self._guard_fills(cache, "lease")
        return f"every committed change on {advice.source} drops the entry in {cache}; fills need a lease"

    def _guard_fills(self, cache: str, guard: str) -> None:
        for _, handler in self.draft.handlers():
            for step in steps_of(handler):
                for inner in step.get("on_miss", []):
                    if inner.get("write") == cache:
                        inner["guard"] = guard

    def expire(self, advice: Advice) -> str:
        tolerated = [
            seconds(self.view.topology.readers[i].tolerates) for i in self.view.system.readers_of(advice.target)
        ]
        known = [t for t in tolerated if t]
        expiry = f"{max(1, round(min(known)))}s" if known else "60s"
        self.draft.data["stores"][advice.target]["expiry"] = expiry
        return f"entries of {advice.target} expire after {expiry}"

    def lease(self, advice: Advice) -> str:
        self._guard_fills(advice.target, "lease")
        return f"a fill of {advice.target} is stored only under a lease that an invalidation revokes"

    def one_layer(self, advice: Advice) -> str:
        """The stream handler of a result that two layers compute becomes the only one."""
        system = self.view.system
        streams = [
            h for h, s in system.handlers.items() if s.handler.computes and s.consumed and h in self._ids(advice)
        ]
        if not streams and any(s.handler.computes and s.consumed for s in system.handlers.values()):
            return "its result comes from the stream job; the archive stays, to compute it again before the cut-over"
        for handler_id in streams:
            handler = self.draft.handler(handler_id)
            if handler is None:
                continue
            result = handler["computes"]["result"]
            kept = next((s["write"] for s in steps_of(handler) if "write" in s), None)
            for other_id, other in list(self.draft.handlers()):
                if other_id != handler_id and other.get("computes", {}).get("result") == result:
                    dropped = [s["write"] for s in steps_of(other) if "write" in s]
                    self.draft.remove_handler(other_id)
                    self._move_readers(dropped, kept)
            handler["computes"].update(
                {
                    "exact": True,
                    "engine": "flink",
                    "reads_bounded_input": True,
                    "windows": "event-time",
                    "late": "correct",
                }
            )
            handler["trigger"]["acknowledge"] = "with-effect"
            event = self.draft.data["channels"][handler["trigger"]["consume"]].get("event", {})
            handler["dedup"] = {
                "by": event.get("id", "event_id"),
                "atomic": True,
                "window": "forever",
                "scope": "global",
            }
            if kept:
                handler["dedup"]["in"] = kept
            for step in steps_of(handler):
                if "write" in step:
                    step["retry"] = {"then": "block"}
            self.draft.data["channels"][handler["trigger"]["consume"]]["retention"] = "forever"
        return (
            "one stream job computes the result exactly from a log that keeps everything"
            if streams
            else "kept as it is"
        )

    def _ids(self, advice: Advice) -> set[str]:
        return {h for flow in self.view.flows if flow.target == advice.target for h in flow.handlers}

    def _move_readers(self, dropped: list[str], kept: str | None) -> None:
        for reader in self.draft.data.get("readers", []):
            stores = reader["reads"] if isinstance(reader["reads"], list) else [reader["reads"]]
            left = [s for s in stores if s not in dropped] or ([kept] if kept else stores)
            reader["reads"] = left[0] if len(left) == 1 else left
        for store in dropped:
            if store != kept and not any(
                store in s.values() for _, h in self.draft.handlers() for s in steps_of(h) if "steps" not in s
            ):
                self.draft.remove_store(store)

    def single_store(self, advice: Advice) -> str:
        if advice.source == advice.target or advice.target not in self.draft.data["stores"]:
            return "kept as it is"
        for reader in self.draft.data.get("readers", []):
            if reader["reads"] == advice.target:
                reader["reads"] = advice.source
        self.draft.remove_store(advice.target)
        return f"{advice.target} goes; {advice.source} answers its queries"

    def one_leader(self, advice: Advice) -> str:
        store = self.draft.data["stores"][advice.target]
        store["failover"] = {"automatic": True, "fenced": True, "quorum": True}
        if isinstance(store.get("copies"), dict):
            store["copies"]["writable"] = "one"
        return f"{advice.target} has one writable copy; the old one is fenced before another takes over"

    def home_region(self, advice: Advice) -> str:
        store = self.draft.data["stores"][advice.target]
        store.setdefault("copies", {})["writable"] = "one"
        return f"each key of {advice.target} has a home region that alone accepts its writes"

    def merge(self, advice: Advice) -> str:
        self.draft.data["stores"][advice.target].setdefault("copies", {})["merge"] = "crdt"
        return f"copies of {advice.target} are merged by a type whose changes commute"

    def read_primary(self, advice: Advice) -> str:
        for reader in self.draft.data.get("readers", []):
            strict = reader.get("own_writes") == "required" or reader.get("decides", NONE) != NONE
            if reader["reads"] == advice.target and strict:
                reader["own_writes_from"] = advice.source
                reader["reads"] = advice.source
        return f"what must be current is read from {advice.source}"

    def token(self, advice: Advice) -> str:
        for pair in self.draft.data.get("causality", []):
            if {pair["first"], pair["then"]} & {advice.source, advice.target}:
                pair.update({"token": "carried", "token_from": "acknowledged-write", "judged_by": "token"})
        return "the later event carries the position of the earlier one, and the check waits for it"


def _with_outbox(steps: list[Step], source: str, entity: str, table: str) -> list[Step]:
    """Steps with an outbox row in the transaction of each write of `entity` to `source`."""
    row: Step = {"append": table, "entity": entity, "operation_id": "passed"}

    def writes(step: Step) -> bool:
        return step.get("write") == source and str(step.get("entity", "")).split(".")[0] == entity

    result: list[Step] = []
    for step in steps:
        if step.get("transaction") == source:
            inner = list(step.get("steps", []))
            if any(writes(s) for s in inner) and not any(
                s.get("append") == table and s.get("entity") == entity for s in inner
            ):
                inner.append(dict(row))
            result.append({**step, "steps": inner})
        elif writes(step):
            result.append({"transaction": source, "steps": [step, dict(row)]})
        else:
            result.append(step)
    return result

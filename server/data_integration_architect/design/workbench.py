"""What several mechanisms share when a recommendation is carried out on a draft."""

from __future__ import annotations

from typing import Any

from data_integration_architect.advice.choice import Advice
from data_integration_architect.analysis.view import View
from data_integration_architect.design.draft import Draft, Step, fitting
from data_integration_architect.design.sources import FULL_BY_IDENTITY, needs_full_rows
from data_integration_architect.topology import NONE
from data_integration_architect.topology.values import seconds

RETENTION_DAYS = 7
PARTITIONS = 12
HEARTBEAT, SLOT_LIMIT = "10s", "50GiB"
KEPT = "kept as it is"
# Products whose log is kept for a reader by a replication slot; of an unsaid product nobody knows.
WITH_SLOTS = {"postgresql", "pgvector", None}


class Workbench:
    """A view of today, the draft of the target, and the helpers that add and remove ways of the data."""

    def __init__(self, view: View, draft: Draft) -> None:
        self.view, self.draft = view, draft
        self.split_handlers: set[str] = set()
        """Handlers whose distributed commit has been taken apart."""
        self.change_logs: dict[tuple[str, str], str] = {}
        """(system of record, entity) → channel that carries its changes in the target."""

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
            subject = str(step.get("entity", ""))
            owner = self.view.owners.get(subject)
            is_original = owner is not None and owner.store == target
            return step.get("write") == target and subject.split(".")[0] in entities and not is_original

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
            channel = self.outage_safe_channel(
                f"{entity}_changes", entity, version="commit-position", clock="database", on_delete="full",
                unchanged_large_values="included",
            )  # fmt: skip
            self.change_logs[key] = channel
            process = f"{source}_capture"
            handler = self.draft.handler(f"{fitting(process)}.capture")
            if handler is None:
                trigger = self.log_trigger(source, snapshot="interleaved", snapshot_writes="only-missing")
                handler = {"trigger": trigger, "steps": [], "status": "planned"}
                self.draft.add_handler(process, "capture", handler, instances=1, status="planned")
            handler["steps"].append({"append": channel, "entity": entity, "guard": "idempotent-producer"})
            self._fit_row_image(source, handler)
        return self.change_logs[key]

    def _fit_row_image(self, source: str, handler: dict[str, Any]) -> None:
        """Whole old rows only where the key does not do; in most products they are what the log holds anyway."""
        head = self.view.system.technology(source)
        if head is None or head.id not in FULL_BY_IDENTITY:
            return
        full = any(needs_full_rows(self.draft.data, step["entity"]) for step in handler["steps"])
        handler["trigger"]["row_image"] = "full" if full else "key"
        for step in handler["steps"]:
            self.draft.data["channels"][step["append"]]["event"]["on_delete"] = "full" if full else "key-only"

    def log_trigger(self, source: str, **snapshot: str) -> dict[str, Any]:
        """A capture of full rows from the log of a store; a slot only where the product has one."""
        trigger: dict[str, Any] = {
            "changes": source, "by": "log", "cursor": "commit-position", "sees_deletes": True,
            "row_image": "full", **snapshot,
        }  # fmt: skip
        if getattr(self.view.system.technology(source), "id", None) in WITH_SLOTS:
            trigger["slot"] = {"heartbeat": HEARTBEAT, "limit": SLOT_LIMIT, "after_loss": "rebuild"}
        return trigger

    def compares_versions(self, store: str) -> bool:
        """Whether the product can refuse an older version; assumed where the product was not said."""
        head = self.view.system.technology(store)
        return head is None or head.version_check != NONE

    def sink(self, channel: str, target: str, entity: str) -> None:
        """A consumer that applies full states by key and refuses older versions, where the product can.

        A deletion stays as an entry that is marked, with its version: search engines forget the version of a document
        that is really gone.
        """
        guard: Step = {"guard": "version", "guard_keeps_deletes": True} if self.compares_versions(target) else {}
        for subject in self.copied(target, entity):
            mode = "merge" if "." in subject else "replace"
            self._apply(channel, target, subject, f"apply_{entity}", {"mode": mode, **guard})

    def copied(self, target: str, entity: str) -> list[str]:
        """The entity, or those of its parts that the target has as copies where other parts are its own."""
        owners = self.view.owners
        own = [s for s, o in owners.items() if o.entity == entity and o.store == target]
        if not own:
            return [entity]
        return [s for s, o in owners.items() if o.entity == entity and s != entity and target in o.derived] or [entity]

    def _apply(self, channel: str, target: str, subject: str, name: str, how: Step) -> None:
        step: Step = {
            "write": target, "entity": subject, **how,
            "values": "event", "missing_source": "delete", "retry": {"attempts": 10, "then": "block"},
        }  # fmt: skip
        trigger = {"consume": channel, "cursor": "offset", "workers": 1, "acknowledge": "after"}
        handler = {"trigger": trigger, "dedup": {"by": NONE}, "steps": [step], "status": "planned"}
        self.draft.add_handler(f"{target}_sink", name, handler, instances=1, status="planned")

"""A topology under construction: plain data with the edits that a design needs."""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from data_integration_architect.topology import NONE, STEP_KINDS, Topology, dump_topology, load_document

Step = dict[str, Any]
# A name has at most 200 characters; what a design adds to one has fewer than 40.
MOST_LETTERS = 150


class Draft:
    """Edits plain topology data in normal form; names that are taken get a number."""

    def __init__(self, topology: Topology) -> None:
        self.data: dict[str, Any] = copy.deepcopy(dump_topology(topology))

    def topology(self) -> Topology:
        """The edited topology. Raises: InputError if an edit left something dangling."""
        return load_document(self.data, "target")

    def copy(self) -> Draft:
        other = Draft.__new__(Draft)
        other.data = copy.deepcopy(self.data)
        return other

    def group(self, name: str) -> dict[str, Any]:
        group: dict[str, Any] = self.data.setdefault(name, {})
        return group

    def free_name(self, wanted: str) -> str:
        """`wanted`, cut to what a name may be long, with a number where it is taken."""
        wanted = fitting(wanted)
        taken = {n for g in ("stores", "channels", "processes", "entities") for n in self.data.get(g, {})}
        number, name = 1, wanted
        while name in taken:
            number += 1
            name = f"{wanted}_{number}"
        return name

    def key_of(self, entity: str) -> str | None:
        key = self.data.get("entities", {}).get(entity, {}).get("key")
        if isinstance(key, list):
            return "+".join(key)
        return None if key == NONE else key

    def add_channel(self, wanted: str, **facts: Any) -> str:
        name = self.free_name(wanted)
        self.group("channels")[name] = {k: v for k, v in facts.items() if v is not None}
        return name

    def add_handler(self, process: str, handler: str, facts: dict[str, Any], **process_facts: Any) -> str:
        """Adds a handler to a process that this design made, or to a new one; its id."""
        process, handler = fitting(process), fitting(handler)
        element = self.group("processes").setdefault(process, {**process_facts, "handlers": {}})
        number, name = 1, handler
        while name in element["handlers"]:
            number += 1
            name = f"{handler}_{number}"
        element["handlers"][name] = facts
        return f"{process}.{name}"

    def put_handler(self, handler_id: str, facts: dict[str, Any], process_facts: dict[str, Any]) -> None:
        """Puts a handler under its own name, over one that is there; for copies from another draft."""
        process, _, name = handler_id.rpartition(".")
        kept = {k: v for k, v in process_facts.items() if k != "handlers"}
        element = self.group("processes").setdefault(process, {**kept, "handlers": {}})
        element["handlers"][name] = facts

    def handler(self, handler_id: str) -> dict[str, Any] | None:
        process, _, name = handler_id.rpartition(".")
        found: dict[str, Any] | None = self.data.get("processes", {}).get(process, {}).get("handlers", {}).get(name)
        return found

    def handlers(self) -> Iterator[tuple[str, dict[str, Any]]]:
        for process, element in self.data.get("processes", {}).items():
            for name, handler in element.get("handlers", {}).items():
                yield f"{process}.{name}", handler

    def remove_steps(self, handler_ids: Iterable[str], unwanted: Callable[[Step], bool]) -> None:
        """Removes steps from handlers; handlers without an effect and processes without handlers go too."""
        for handler_id in handler_ids:
            handler = self.handler(handler_id)
            if handler is None:
                continue
            handler["steps"] = _without(handler.get("steps", []), unwanted)
            if not _has_effect(handler):
                self.remove_handler(handler_id)

    def remove_handler(self, handler_id: str) -> None:
        process, _, name = handler_id.rpartition(".")
        element = self.data["processes"][process]
        element["handlers"].pop(name, None)
        if not element["handlers"]:
            del self.data["processes"][process]
        self.data["causality"] = [
            pair for pair in self.data.get("causality", []) if handler_id not in (pair["first"], pair["then"])
        ]
        for pair in self.data["causality"]:
            if pair.get("checked_by") == handler_id:
                del pair["checked_by"]
        if not self.data["causality"]:
            del self.data["causality"]
        for constraint in self.data.get("constraints", []):
            if constraint.get("enforced_at") in (handler_id, process) and not self.handler(handler_id):
                constraint["enforced_at"] = NONE

    def remove_unused_channels(self) -> None:
        """Channels that nobody appends to and nobody consumes any more."""
        for _ in range(len(self.data.get("channels", {})) + 1):
            used = {step.get("append") for _, h in self.handlers() for step in steps_of(h)}
            used |= {h.get("trigger", {}).get("consume") for _, h in self.handlers()}
            used |= {s.get("dead_letter") for _, h in self.handlers() for s in steps_of(h)}
            gone = [name for name in self.data.get("channels", {}) if name not in used]
            if not gone:
                return
            for name in gone:
                del self.data["channels"][name]
                self._forget(name)

    def remove_store(self, store: str) -> None:
        """Takes a store out of the system with everything that touches it."""
        touches = [h for h, handler in self.handlers() if handler.get("trigger", {}).get("changes") == store]
        for handler_id in touches:
            self.remove_handler(handler_id)
        self.remove_steps(
            [h for h, _ in list(self.handlers())],
            lambda s: any(s.get(kind) == store for kind in ("write", "read", "invalidate", "call")),
        )
        self.data["stores"].pop(store, None)
        self._forget(store)

    def _forget(self, name: str) -> None:
        """Mentions of a store or channel that is gone."""
        self.data["symptoms"] = [s for s in self.data.get("symptoms", []) if s["in"] != name]
        if not self.data["symptoms"]:
            del self.data["symptoms"]
        self.data["readers"] = [
            r for r in self.data.get("readers", []) if name not in (r["reads"], *_listed(r["reads"]))
        ]
        if not self.data["readers"]:
            del self.data["readers"]
        for entity in self.data.get("entities", {}).values():
            if entity.get("system_of_record") == name:
                del entity["system_of_record"]
        for constraint in self.data.get("constraints", []):
            if constraint.get("enforced_at") == name:
                constraint["enforced_at"] = NONE
        for channel in self.data.get("channels", {}).values():
            if channel.get("dead_letter") == name:
                del channel["dead_letter"]


def _listed(value: Any) -> list[str]:
    return value if isinstance(value, list) else []


def as_built(topology: Topology) -> Topology:
    """`topology` once its planned elements exist: a plan is judged by what it will be, not excused for being one."""

    def built(value: Any) -> Any:
        if isinstance(value, dict):
            return {k: built(v) for k, v in value.items() if not (k == "status" and v == "planned")}
        return [built(item) for item in value] if isinstance(value, list) else value

    return load_document(built(dump_topology(topology)), "target")


def fitting(name: str) -> str:
    """`name` short enough to be extended; what is cut away is told by a few digits, so that names stay apart."""
    if len(name) <= MOST_LETTERS:
        return name
    digest = hashlib.sha256(name.encode()).hexdigest()[:8]
    return f"{name[:MOST_LETTERS]}_{digest}"


def steps_of(handler: dict[str, Any]) -> Iterator[Step]:
    """Every step of a handler, blocks and their content included."""
    pending = list(handler.get("steps", []))
    while pending:
        step = pending.pop(0)
        yield step
        pending = [*step.get("steps", []), *step.get("on_miss", []), *pending]


def _without(steps: list[Step], unwanted: Callable[[Step], bool]) -> list[Step]:
    result = []
    for step in steps:
        if unwanted(step):
            continue
        kept = dict(step)
        for inner in ("steps", "on_miss"):
            if inner in kept:
                kept[inner] = _without(kept[inner], unwanted)
        if "transaction" in kept and not kept["steps"]:
            continue
        result.append(kept)
    return result


def _has_effect(handler: dict[str, Any]) -> bool:
    """Whether a handler still does something: a request may only read, a consumer or job may not."""
    kinds = set(STEP_KINDS) - {"transaction", "read"}
    if any(kind in step for step in steps_of(handler) for kind in kinds):
        return True
    moves_data = {"consume", "changes", "every"} & set(handler.get("trigger", {}))
    return not moves_data and bool(handler["steps"])

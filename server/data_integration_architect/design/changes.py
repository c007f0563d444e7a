"""What differs between two topologies, in lines that an engineer can work through."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from data_integration_architect.design.draft import Step, steps_of

KINDS = ("write", "append", "call", "invalidate", "read")
SHOWN = {
    "stores": ("technology", "status", "exit_criterion"),
    "channels": ("technology", "in", "message_key", "partitions", "retention"),
    "entities": ("key", "change"),
}


def changes(before: dict[str, Any], after: dict[str, Any]) -> tuple[str, ...]:
    """Elements that come and go, steps that are added and removed, and settings that change; in document order."""
    return tuple(dict.fromkeys(_all(before, after)))


def _all(before: dict[str, Any], after: dict[str, Any]) -> Iterator[str]:
    for group in ("stores", "channels", "entities"):
        old, new = before.get(group, {}), after.get(group, {})
        for name, element in new.items():
            if name not in old:
                facts = [f"{k} {element[k]}" for k in SHOWN[group] if k in element and element[k] != "planned"]
                yield f"new {_singular(group)} {name}" + (f": {', '.join(facts)}" if facts else "")
            else:
                yield from _settings(name, old[name], element)
        for name in old:
            if name not in new:
                yield f"{_singular(group)} {name} goes"
    yield from _handlers(before, after)
    for group in ("readers", "causality", "constraints"):
        yield from _listed(group, before.get(group, []), after.get(group, []))


def _singular(group: str) -> str:
    return {"entities": "entity"}.get(group, group[:-1])


def _handlers(before: dict[str, Any], after: dict[str, Any]) -> Iterator[str]:
    old, new = _named(before), _named(after)
    for name, handler in new.items():
        if name not in old:
            yield f"new handler {name}: {_what(handler)}"
        elif handler != old[name]:
            yield from _handler(name, old[name], handler)
    for name in old:
        if name not in new:
            yield f"handler {name} goes"


def _named(data: dict[str, Any]) -> dict[str, Any]:
    return {
        f"{process}.{name}": handler
        for process, element in data.get("processes", {}).items()
        for name, handler in element.get("handlers", {}).items()
    }


def _what(handler: dict[str, Any]) -> str:
    trigger = handler.get("trigger", {})
    words = {"consume": "consumes", "changes": "captures", "every": "every"}
    fired = next((f"{word} {trigger[k]}" for k, word in words.items() if k in trigger), "on request")
    return ", ".join([fired, *dict.fromkeys(_step(step) for step in steps_of(handler) if _kind(step))])


def _kind(step: Step) -> str | None:
    return next((k for k in KINDS if k in step), None)


def _step(step: Step) -> str:
    kind = _kind(step) or "transaction"
    verb = {"write": "writes", "append": "appends to", "call": "calls", "invalidate": "drops", "read": "reads"}
    how = f" ({step['mode']})" if kind == "write" and "mode" in step else ""
    entity = f"{step['entity']} " if step.get("entity") and kind in {"write", "read", "invalidate"} else ""
    preposition = {"write": "to ", "read": "from ", "invalidate": "from "}.get(kind, "") if entity else ""
    return f"{verb.get(kind, kind)} {entity}{preposition}{step.get(kind)}{how}"


def _handler(name: str, old: dict[str, Any], new: dict[str, Any]) -> Iterator[str]:
    was, now = _effects(old), _effects(new)
    came = {key[:2]: key for key in now if key not in was}
    gone = {key[:2]: key for key in was if key not in now}
    for key, step in was.items():
        if gone.get(key[:2]) == key and key[:2] not in came:
            yield f"{name} no longer {_step(step)}"
    for key, step in now.items():
        if came.get(key[:2]) == key:
            into = f" inside the transaction on {key[2]}" if key[2] else ""
            out_of = gone.get(key[:2], ("", "", ""))[2]
            yield f"{name} now {_step(step)}{into}" + (f", not inside the one on {out_of}" if out_of else "")
    for key, step in now.items():
        if key in was:
            yield from _settings(f"{name}, {_step(step)}", _flat(was[key]), _flat(step))
    yield from _settings(name, _without_steps(old), _without_steps(new))


def _effects(handler: dict[str, Any]) -> dict[tuple[str, str, str], Step]:
    """(kind and place, entity, transaction) → step; repeated ones are told apart by nothing, as they read the same."""
    found: dict[tuple[str, str, str], Step] = {}

    def walk(steps: list[Step], inside: str) -> None:
        for step in steps:
            members = step.get("transaction")
            if members is not None:
                walk(step.get("steps", []), members if isinstance(members, str) else " and ".join(members))
                continue
            kind = _kind(step)
            if kind:
                found[(f"{kind} {step[kind]} {step.get('mode', '')}", str(step.get("entity", "")), inside)] = step
            walk(step.get("on_miss", []), inside)

    walk(handler.get("steps", []), "")
    return found


def _flat(step: Step) -> Step:
    return {k: v for k, v in step.items() if k not in {"on_miss", "note", "evidence"}}


def _without_steps(handler: dict[str, Any]) -> dict[str, Any]:
    return {k: v for k, v in handler.items() if k not in {"steps", "status"}}


def _settings(name: str, old: Any, new: Any, path: str = "") -> Iterator[str]:
    if isinstance(old, dict) and isinstance(new, dict):
        for key in dict.fromkeys((*new, *old)):
            yield from _settings(name, old.get(key), new.get(key), f"{path}.{key}" if path else str(key))
    elif isinstance(new, dict) and old is None:
        for key, value in new.items():
            yield from _settings(name, None, value, f"{path}.{key}" if path else str(key))
    elif isinstance(old, dict) and new is None:
        yield f"{name}: {path} goes"
    elif old != new and path != "status":
        yield f"{name}: {path} {_value(new)}" + (f" instead of {_value(old)}" if old is not None else "")


def _value(value: Any) -> str:
    if value is None:
        return "unsaid"
    if isinstance(value, bool):
        return "true" if value else "false"
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _listed(group: str, before: list[Any], after: list[Any]) -> Iterator[str]:
    """Changed entries of a list whose entries keep their order."""
    for index, new in enumerate(after):
        old = before[index] if index < len(before) and len(before) == len(after) else None
        if old is not None and old != new:
            yield from _settings(_entry(group, old), old, new)


def _entry(group: str, entry: dict[str, Any]) -> str:
    if group == "readers":
        reads = entry["reads"]
        return f"readers of {', '.join(reads) if isinstance(reads, list) else reads}"
    if group == "causality":
        return f"{entry['first']} before {entry['then']}"
    return f"constraint {entry['name']}"

"""Applies fixes to what the rules still find in a target, and keeps only changes that help."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from data_integration_architect.advice.feasible import feasible
from data_integration_architect.analysis.view import View
from data_integration_architect.catalog import Change
from data_integration_architect.design.draft import Draft, steps_of
from data_integration_architect.design.structural import STRUCTURAL
from data_integration_architect.errors import ArchitectError
from data_integration_architect.files import DocumentPath
from data_integration_architect.rules import Found
from data_integration_architect.sources import SEVERITIES
from data_integration_architect.topology import NONE, Topology
from data_integration_architect.topology.edit import set_fact
from data_integration_architect.topology.values import seconds

Judge = Callable[[Topology], tuple[View, Sequence[Found]]]
# Each round judges once for each fix that is tried; a target with more defects than this has a wrong recommendation.
MOST_ROUNDS = 12
LEAST_SEVERITY = SEVERITIES.index("low")


def settle(draft: Draft, judge: Judge) -> tuple[Draft, list[tuple[Found, str]]]:
    """The draft with every fix that removed a definite finding without adding another; (finding, fix) pairs."""
    applied: list[tuple[Found, str]] = []
    for _ in range(MOST_ROUNDS):
        view, found = judge(draft.topology())
        before = _weight(found)
        for finding in _definite(found):
            better = _first_that_helps(draft, view, finding, before, judge)
            if better is not None:
                draft, fix = better
                applied.append((finding, fix))
                break
        else:
            return draft, applied
    return draft, applied


def _definite(found: Sequence[Found]) -> list[Found]:
    wanted = [f for f in found if f.is_definite and SEVERITIES.index(f.severity) >= LEAST_SEVERITY]
    return sorted(wanted, key=lambda f: (-SEVERITIES.index(f.severity), f.id, f.match.elements))


def _weight(found: Sequence[Found]) -> int:
    """Definite findings, the more severe ones counting more."""
    return sum(10 ** SEVERITIES.index(f.severity) for f in found if f.is_definite)


def _first_that_helps(draft: Draft, view: View, finding: Found, before: int, judge: Judge) -> tuple[Draft, str] | None:
    shelf = view.catalog.fixes
    fixes = finding.match.fixes or view.catalog.anti_patterns.heads[finding.id].fixes
    for fix in feasible(view, fixes, sorted(finding.match.elements)):
        if fix not in shelf:
            continue
        for candidate in _candidates(draft, view, finding, fix):
            if view.topology.context.application == "fixed" and _writers(candidate) != _writers(draft):
                continue
            try:
                _, found = judge(candidate.topology())
            except ArchitectError:
                continue
            still = any(f.fingerprint == finding.fingerprint and f.is_definite for f in found)
            if not still and _weight(found) < before:
                return candidate, fix
    return None


def _writers(draft: Draft) -> dict[str, Any]:
    """Handlers of the writing application: those that answer requests, or whose trigger was not said."""
    return {name: h for name, h in draft.handlers() if "trigger" not in h or "request" in h["trigger"]}


def _candidates(draft: Draft, view: View, finding: Found, fix: str) -> Iterator[Draft]:
    """The draft with a fix carried out: by a change of steps, at the step of the finding, at all steps like it."""
    build = STRUCTURAL.get(fix)
    if build is not None:
        candidate = draft.copy()
        if build(candidate, view, finding):
            yield candidate
    changes = view.catalog.fixes.entry(fix).changes
    for widely in (False, True):
        candidate = draft.copy()
        if changes and _apply(candidate, view, finding, changes, widely):
            yield candidate


def _apply(draft: Draft, view: View, finding: Found, changes: Sequence[Change], widely: bool) -> bool:
    """Carries out declarative changes on the elements of a finding; whether anything could be changed."""
    changed = False
    for change in changes:
        for path in _places(draft, view, finding, change.element, widely):
            for attribute, value in sorted(change.set.items()):
                resolved = _resolve(draft, view, finding, value)
                if resolved is None:
                    continue
                full = (*path, *attribute.split("."))
                if attribute == "every" and _said(draft, full) not in (None, "unknown"):
                    continue
                if _fits(draft, full):
                    draft.data = set_fact(draft.data, full, resolved)
                    changed = True
                if full[-2:] == ("trigger", "reads") and resolved == "all":
                    (_said(draft, full[:-1]) or {}).pop("cursor", None)
    return changed


def _said(draft: Draft, path: DocumentPath) -> Any:
    """The value at a path of the draft; None where there is none."""
    value: Any = draft.data
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def _fits(draft: Draft, path: DocumentPath) -> bool:
    """Whether an attribute belongs to the kind of trigger that is there, and can be had of what the handler does."""
    if path[-2:] == ("dedup", "atomic"):
        # No transaction spans a call to somebody else and the record of it.
        return not any("call" in step for step in steps_of(draft.handler(f"{path[1]}.{path[3]}") or {}))
    if "trigger" not in path:
        return True
    at = path.index("trigger") + 1
    trigger: Any = draft.data
    for key in path[:at]:
        trigger = trigger.get(key, {})
    attribute = path[at]
    kinds = {
        "consume": {
            "workers",
            "same_key_same_worker",
            "acknowledge",
            "claim",
            "cursor",
            "batch",
            "coalesces",
            "parks_key",
        },
        "changes": {"cursor", "by", "sees_deletes", "row_image", "slot", "snapshot", "overlap"},
        "every": {"reads", "overlap", "cursor", "consistent", "every", "live_writes", "position_after_swap"},
        "request": {"request"},
    }  # fmt: skip
    return any(kind in trigger and attribute in allowed for kind, allowed in kinds.items())


def _places(draft: Draft, view: View, finding: Found, element: str, widely: bool) -> Iterator[DocumentPath]:
    elements = sorted(finding.match.elements)
    data = draft.data
    if element in {"store", "failover"}:
        for name in elements:
            if name in data.get("stores", {}):
                yield ("stores", name, "failover") if element == "failover" else ("stores", name)
    elif element in {"channel", "event"}:
        for name in elements:
            if name in data.get("channels", {}):
                yield ("channels", name, "event") if element == "event" else ("channels", name)
    elif element == "entity":
        entities = {t.entity for t in finding.match.targets if t.entity} | set(elements)
        yield from (("entities", name) for name in sorted(entities) if name in data.get("entities", {}))
    elif element in {"handler", "trigger", "process"}:
        for name in elements:
            if draft.handler(name) is not None:
                process, _, handler = name.rpartition(".")
                whole: DocumentPath = ("processes", process, "handlers", handler)
                yield whole if element == "handler" else (*whole, "trigger") if element == "trigger" else whole[:2]
    elif element == "step":
        yield from _steps(view, finding, elements, widely)
    elif element in {"reader", "causality", "constraint"}:
        group = {"reader": "readers", "causality": "causality", "constraint": "constraints"}[element]
        if finding.match.at[0] == group:
            yield finding.match.at[:2]
        elif element == "constraint":
            for index, constraint in enumerate(data.get("constraints", [])):
                if constraint["name"] in elements:
                    yield ("constraints", index)


def _steps(view: View, finding: Found, elements: list[str], widely: bool) -> Iterator[DocumentPath]:
    """The step that the finding points to, else (or `widely`) the effects of its handlers on its places."""
    pointed = [e.path for e in view.system.effects if e.path == finding.match.at[: len(e.path)]]
    if pointed and not widely:
        yield pointed[-1]
        return
    for effect in view.system.effects:
        if effect.site.id in elements and not effect.is_read and effect.target in elements:
            yield effect.path


def _resolve(draft: Draft, view: View, finding: Found, value: Any) -> Any:
    """The value of a change; words in angle brackets stand for facts of this system. None = cannot be filled in."""
    if not isinstance(value, str) or not value.startswith("<"):
        return value
    named = set(finding.match.elements) & set(view.topology.entities)
    entities = sorted({t.entity for t in finding.match.targets if t.entity} | named)
    stores = [e for e in sorted(finding.match.elements) if e in view.topology.stores]
    key = draft.key_of(entities[0]) if entities else None
    record = view.record_of(entities[0]) if entities else None
    outage = seconds(view.topology.context.longest_outage) or 0
    days = max(14, round(4 * outage / 86400))
    deadline = None
    if entities:
        rules = view.topology.entities[entities[0]].personal_data
        deadline = seconds(rules.erase_within) if rules and rules.erase_within != NONE else None
    table: dict[str, Any] = {
        "<entity key>": key,
        "<store>": record,
        "<system of record>": record,
        "<owner of the state>": record,
        "<primary>": view.system.primary(stores[0]) if stores else None,
        "<store of the effect>": next((t.store for t in finding.match.targets), None),
        "<operation id>": "operation_id",
        "<longer than the longest outage>": f"{days}d",
        "<longer than retention and longest outage>": f"{2 * days}d",
        "<shorter than the erasure deadline>": f"{max(1, round(deadline / 86400 / 2))}d" if deadline else None,
        "<at most the tolerated staleness>": _tolerated(view, finding),
        "<wanted freshness>": _tolerated(view, finding),
    }
    return table.get(value)


def _tolerated(view: View, finding: Found) -> str | None:
    known = [
        value
        for target in finding.match.targets
        for index in view.system.readers_of(target.store, target.entity)
        if (value := seconds(view.topology.readers[index].tolerates)) is not None
    ]
    return f"{max(1, round(min(known)))}s" if known else None

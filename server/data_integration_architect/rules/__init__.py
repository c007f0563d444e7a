"""Discovers rule modules and runs them in the order of their ids.

A rule module is named after its anti-pattern (`dual_write_unprotected` ↔ `dual-write-unprotected`) and has two
functions: `sites(view)` yields the places worth a look, `judge(view, site, facts)` returns a Match or None for one
place. `judge` asks unsaid facts through `facts.ask`, so the engine can say under which answer a finding holds.
"""

from __future__ import annotations

import hashlib
import importlib
import pkgutil
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cache
from types import ModuleType
from typing import Any

from data_integration_architect.analysis.facts import Facts, Outcome, Question, explore
from data_integration_architect.analysis.match import Match
from data_integration_architect.analysis.severity import severity_of
from data_integration_architect.analysis.view import View
from data_integration_architect.catalog import AntiPatternHead
from data_integration_architect.files import DocumentPath
from data_integration_architect.sources import SEVERITIES, Severity


@dataclass(frozen=True)
class Found:
    """A match with what the catalog and the severity function add; conditions and places in normal-form paths."""

    id: str
    match: Match
    severity: Severity
    severity_depends_on: tuple[DocumentPath, ...]
    condition: tuple[tuple[DocumentPath, Any], ...]
    also: tuple[str, ...] = ()

    @property
    def fingerprint(self) -> str:
        """Twelve hexadecimal digits of id and elements: stable under reordering and unrelated edits."""
        text = "\n".join((self.id, *sorted(self.match.elements)))
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    @property
    def is_definite(self) -> bool:
        return not self.condition


@dataclass(frozen=True)
class Judgement:
    found: tuple[Found, ...]
    questions: tuple[Question, ...] = field(default=())


@cache
def rule_modules() -> dict[str, ModuleType]:
    """Anti-pattern id → its module, in the order of ids."""
    names = sorted(name for _, name, _ in pkgutil.iter_modules(__path__))
    return {name.replace("_", "-"): importlib.import_module(f"{__name__}.{name}") for name in names}


def judge_topology(view: View) -> Judgement:
    """Every finding of every rule, definite and conditional, most specific first; and what the rules asked."""
    found: dict[tuple[str, tuple[str, ...]], Found] = {}
    questions: dict[DocumentPath, Question] = {}
    for rule_id, module in rule_modules().items():
        head = view.catalog.anti_patterns.heads[rule_id]
        for site in module.sites(view):
            exploration = explore(_judge(module, view, site))
            for question in exploration.questions:
                questions.setdefault(question.path, question)
            for outcome in exploration.outcomes:
                candidate = _found(view, rule_id, head, outcome)
                key = (rule_id, tuple(sorted(candidate.match.elements)))
                known = found.get(key)
                if known is None or _precedence(candidate) < _precedence(known):
                    found[key] = candidate
    kept = tuple(_one_for_each_fact(_without_subsumed(list(found.values()), view)))
    return Judgement(kept, tuple(questions.values()))


def _judge(module: ModuleType, view: View, site: Any) -> Any:
    def run(facts: Facts) -> Match | None:
        result: Match | None = module.judge(view, site, facts)
        return result

    return run


def _found(view: View, rule_id: str, head: AntiPatternHead, outcome: Outcome[Match]) -> Found:
    match = outcome.result
    severity, depends = severity_of(view.system, match.consequence, match.targets, head.severity)
    return Found(rule_id, match, severity, depends, tuple(sorted(outcome.condition, key=str)))


def _precedence(found: Found) -> tuple[int, int, str]:
    """Definite before conditional, then the more severe, then a fixed order."""
    return len(found.condition), -SEVERITIES.index(found.severity), str(found.condition) + found.match.summary


def _without_subsumed(found: list[Found], view: View) -> Iterator[Found]:
    """The most specific findings on the same elements; the more general ones stand in their `also`."""
    heads = view.catalog.anti_patterns.heads
    by_rule: dict[str, list[Found]] = {}
    for one in found:
        by_rule.setdefault(one.id, []).append(one)
    covers: dict[int, set[str]] = {}
    dropped: set[int] = set()
    for rule_id, specifics in by_rule.items():
        generals = [one for wider in _all_subsumed(rule_id, heads) for one in by_rule.get(wider, ())]
        for specific in specifics:
            for general in generals:
                if _same_place(specific, general) and _at_least_as_sure(specific, general):
                    covers.setdefault(id(specific), set()).add(general.id)
                    dropped.add(id(general))
    for one in sorted(found, key=lambda f: (f.id, tuple(sorted(f.match.elements)))):
        if id(one) not in dropped:
            also = tuple(sorted(covers.get(id(one), ())))
            yield Found(one.id, one.match, one.severity, one.severity_depends_on, one.condition, also)


def _one_for_each_fact(found: Iterator[Found]) -> Iterator[Found]:
    """Conditional findings of one rule that the same unsaid facts decide as one, at all their places."""
    alike: dict[Any, list[Found]] = {}
    for number, one in enumerate(found):
        alike.setdefault((one.id, str(one.condition)) if one.condition else number, []).append(one)
    for group in alike.values():
        yield group[0] if len(group) == 1 else _together(group)


def _together(group: list[Found]) -> Found:
    """One finding for several; it reads as the most severe of them and names the places of the others."""
    first = max(group, key=lambda f: SEVERITIES.index(f.severity))
    matches = [first.match, *(f.match for f in group if f is not first)]
    more = dict.fromkeys(e for match in matches for e in match.elements if e not in first.match.elements)
    match = replace(
        first.match,
        elements=(*first.match.elements, *more),
        summary=first.match.summary + (f"; the same fact decides this for {', '.join(more)}" if more else ""),
        targets=tuple(dict.fromkeys(t for m in matches for t in m.targets)),
        shows=frozenset().union(*(m.shows for m in matches)),
    )
    depends = tuple(dict.fromkeys(path for f in group for path in f.severity_depends_on))
    also = tuple(sorted({wider for f in group for wider in f.also}))
    return replace(first, match=match, severity_depends_on=depends, also=also)


def _all_subsumed(rule_id: str, heads: Any) -> set[str]:
    found: set[str] = set()
    pending = [rule_id]
    while pending:
        for wider in heads[pending.pop()].subsumes:
            if wider not in found and wider in heads:
                found.add(wider)
                pending.append(wider)
    return found


def _same_place(one: Found, other: Found) -> bool:
    first, second = set(one.match.elements), set(other.match.elements)
    return first <= second or second <= first


def _at_least_as_sure(specific: Found, general: Found) -> bool:
    return not specific.condition or set(specific.condition) == set(general.condition)

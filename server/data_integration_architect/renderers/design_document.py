"""The design document: what is wrong, component map, ways of writing and reading, correctness, decisions, migration."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from data_integration_architect.analysis.view import View
from data_integration_architect.design.options import Comparison
from data_integration_architect.design.plan import Planned
from data_integration_architect.design.reach import reached
from data_integration_architect.design.result import Decision, Phase
from data_integration_architect.files import packaged_text
from data_integration_architect.renderers import mermaid
from data_integration_architect.renderers.checks import bounds_words, subject_words, verdict_words
from data_integration_architect.renderers.guarantees import guarantees
from data_integration_architect.renderers.markdown import cell, code, fenced
from data_integration_architect.renderers.sections import plain_value
from data_integration_architect.results import DesignCheck, Finding, Ordering, Review, SafeguardSets
from data_integration_architect.rules import Found
from data_integration_architect.topology import OnChanges

if TYPE_CHECKING:
    from jinja2 import Template


@dataclass(frozen=True)
class DesignParts:
    """What a document is made from; without decisions and phases where there is nothing to design."""

    today: Review
    target: Review
    today_view: View
    target_view: View
    decisions: Sequence[Decision] = ()
    applied: Sequence[tuple[Found, str]] = ()
    phases: Sequence[Phase] = ()
    planned: Sequence[Planned] = ()
    options: Sequence[Comparison] = ()
    checks: Sequence[DesignCheck] = ()


def design_document(parts: DesignParts) -> str:
    """The document in Markdown with Mermaid diagrams; every name from the topology is escaped."""
    target, view = parts.target, parts.target_view
    entities = [o for o in target.systems_of_record if "." not in o.entity and o.store]
    return (
        _template()
        .render(
            today=parts.today,
            target=target,
            decisions=_decisions(parts),
            fixes=_fixes(parts),
            phases=list(zip(parts.phases, (one.changes for one in parts.planned), strict=True)),
            options=parts.options,
            undecided=any(decision.done.startswith("not carried out") for decision in parts.decisions),
            records=[_record(view, owner) for owner in entities],
            entities=entities,
            today_map=mermaid.component_map(parts.today_view.topology),
            target_map=mermaid.component_map(view.topology),
            write_paths={o.entity: mermaid.write_path(view.topology, o.entity) for o in entities},
            read_paths={o.entity: mermaid.read_path(view.topology, o.entity) for o in entities},
            flows=_flows(target),
            guarantees=guarantees(
                view, target, list(dict.fromkeys(s for owner in entities for s in _record(view, owner)["derived"]))
            ),
            integrity=_of(target, "integrity"),
            timeliness=_of(target, "timeliness"),
            availability=_of(target, "availability"),
            broken={kind: _left(parts.checks, True, kind) for kind in ("integrity", "timeliness", "availability")},
            unsure=_left(parts.checks, False),
            undecided_checks=list(
                dict.fromkeys(
                    subject_words(one.target) for one in parts.checks if one.target and one.target.verdict == "unknown"
                )
            ),
            loses_log=sorted(
                handler.trigger.changes
                for process in view.topology.processes.values()
                for handler in process.handlers.values()
                if isinstance(handler.trigger, OnChanges)
                and handler.trigger.slot
                and handler.trigger.slot.after_loss == "rebuild"
            ),
            violated_in={phase.name: _violated_in(parts.checks, phase.name) for phase in parts.phases},
            checks=_checks(parts.checks),
            bounds=bounds_words(parts.checks[0].today) if parts.checks else "",
            not_covered=_not_covered(parts.checks),
            conditional=[f for f in target.findings if not f.is_definite],
        )
        .strip()
        + "\n"
    )


def _checks(checks: Sequence[DesignCheck]) -> list[dict[str, Any]]:
    """Every property, with the diagram of each run once: where it breaks another property too, its place is named."""
    shown: dict[str, str] = {}
    result = []
    for check in checks:
        one = _checked(check)
        for when, words in (("today", "today"), ("target", "in the target")):
            run = one[f"{when}_run"]
            if run in shown:
                one[f"{when}_run"], one[f"{when}_same"] = "", shown[run]
            elif run:
                shown[run] = f"{one['about']}, {words}"
        result.append(one)
    return result


def _checked(check: DesignCheck) -> dict[str, Any]:
    """One property: its verdict today, in the target with what it rests on, and in each phase."""
    phases: dict[str, list[str]] = {}
    for one in check.phases:
        phases.setdefault(one.phase, []).append(f"{one.target} {one.verdict}")
    return {
        "about": subject_words(check.today),
        "today": verdict_words(check.today),
        "target": verdict_words(check.target) if check.target is not None else "nothing of which it could be asked",
        "phases": [f"{name}: {', '.join(verdicts)}" for name, verdicts in phases.items()],
        "rests_on": _rests_on(check.safeguards),
        "today_same": "",
        "target_same": "",
        "today_run": mermaid.run_mermaid(check.today.trace) if check.today.trace else "",
        "target_run": mermaid.run_mermaid(check.target.trace) if check.target and check.target.trace else "",
    }


def _rests_on(found: SafeguardSets | None) -> list[str]:
    """What a property that holds in the target rests on, in sentences."""
    if found is None:
        return []
    lines = [f"Violated without {one}" for one in found.needed]
    lines += [f"Violated without both {one} and {other}" for one, other in found.pairs]
    if found.in_depth:
        lines.append(f"Defence in depth (it holds without any one or two of these): {', '.join(found.in_depth)}")
    if found.unsure:
        lines.append(f"Not decided: {', '.join(found.unsure)}")
    if lines:
        faults = found.bounds.faults
        within = f"at most {found.bounds.writes} writes and {faults} fault{'s' * (faults != 1)} in a run"
        lines = [f"{line} ({within})" for line in lines[:1]] + lines[1:]
    return lines


def _left(checks: Sequence[DesignCheck], is_definite: bool, violates: str | None = None) -> list[str]:
    """Verdicts on what is violated in the target: as stated, or only under facts that nobody said."""
    found = [one for check in checks if (one := check.left(is_definite))]
    return list(dict.fromkeys(verdict_words(one) for one in found if violates in (None, one.violates)))


def _violated_in(checks: Sequence[DesignCheck], phase: str) -> list[str]:
    """`no-phantom of search (product)` for all that is violated as stated while a phase lasts, copies included."""
    found = [(check.today, store) for check in checks for store in check.violated_in(phase)]
    words = (f"{one.property} of {store}" + (f" ({one.entity})" if one.entity else "") for one, store in found)
    return list(dict.fromkeys(words))


def _not_covered(checks: Sequence[DesignCheck]) -> list[str]:
    seen = (words for check in checks for one in (check.today, check.target) if one for words in one.not_modelled)
    return list(dict.fromkeys(seen))


def _of(review: Review, violated: str) -> list[Finding]:
    return [f for f in review.definite if f.violates == violated]


def _record(view: View, owner: Any) -> dict[str, Any]:
    """An entity with the stores that hold it: shards of the record, copies that a flow feeds, and others."""
    stores = view.topology.stores
    writers = view.owners[owner.entity].writers
    key = stores[owner.store].partition_key if owner.store in stores else None
    shards = [w for w in writers if w in stores and key and stores[w].partition_key == key]
    fed = reached(view, owner.store)
    others = [name for name in owner.derived if name not in fed]
    return {
        "entity": owner.entity,
        "stores": sorted(shards) if len(shards) > 1 else [owner.store],
        "shard_key": key if len(shards) > 1 else None,
        "derived": [name for name in owner.derived if name in fed],
        "others": others,
    }


def _decisions(parts: DesignParts) -> list[dict[str, Any]]:
    """Decisions that differ in their target alone as one; each with when its runner-up fits, from the catalog."""
    alike: dict[tuple[object, ...], list[Decision]] = {}
    for decision in parts.decisions:
        r = decision.recommendation
        flips = tuple((flip.mechanism, str(flip.value), flip.path) for flip in r.would_flip)
        alike.setdefault((r.from_, r.mechanism, r.runner_up, r.reason, decision.done, flips), []).append(decision)
    return [_decision(parts, group) for group in alike.values()]


def _decision(parts: DesignParts, group: list[Decision]) -> dict[str, Any]:
    shelf = parts.today_view.catalog.mechanisms
    decision = group[0]
    runner = decision.recommendation.runner_up
    when = shelf.entry(runner).use_when.rstrip(".") if runner in shelf else ""
    when = when[:1].lower() + when[1:]
    return {
        "decision": decision,
        "targets": [one.recommendation.to for one in group],
        "decided_by": list(dict.fromkeys(path for one in group for path in one.recommendation.decided_by)),
        "runner_up_when": when,
    }


def _fixes(parts: DesignParts) -> list[dict[str, Any]]:
    """Fixes that were applied to what the mechanisms left: what each is, and the finding that it removed."""
    shelf = parts.today_view.catalog.fixes
    return [
        {"fix": fix, "summary": shelf.entry(fix).summary, "id": found.id, "finding": found.match.summary}
        for found, fix in parts.applied
    ]


def _flows(review: Review) -> list[dict[str, Any]]:
    """One row for each flow of the target and each entity on it: order and repetition."""
    ordering: dict[str, list[Ordering | None]] = {}
    for entry in review.ordering:
        ordering.setdefault(entry.flow, []).append(entry)
    idempotency = {entry.flow: entry for entry in review.idempotency}
    return [
        {"flow": flow, "ordering": entry, "idempotency": idempotency.get(flow.id)}
        for flow in review.flows
        for entry in ordering.get(flow.id, [None])
    ]


@cache
def _template() -> Template:
    from jinja2 import Environment, StrictUndefined

    environment = Environment(undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, autoescape=False)
    environment.filters["plain"] = plain_value
    environment.filters["md"] = cell
    environment.filters["code"] = code
    environment.filters["fenced"] = fenced
    return environment.from_string(packaged_text("prompts/design-document.md.j2"))

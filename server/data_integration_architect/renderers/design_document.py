"""The design document: component map, ways of writing and reading, correctness of each flow, decisions, migration."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from data_integration_architect.analysis.view import View
from data_integration_architect.design.result import AppliedFix, Decision, Phase
from data_integration_architect.files import packaged_text
from data_integration_architect.renderers import mermaid
from data_integration_architect.renderers.markdown import cell, code
from data_integration_architect.renderers.sections import plain_value
from data_integration_architect.results import Finding, Review

if TYPE_CHECKING:
    from jinja2 import Template


def design_document(
    today: Review,
    target: Review,
    today_view: View,
    target_view: View,
    decisions: Sequence[Decision],
    fixes: Sequence[AppliedFix],
    phases: Sequence[Phase],
) -> str:
    """The document in Markdown with Mermaid diagrams; every name from the topology is escaped."""
    entities = [o for o in target.systems_of_record if "." not in o.entity and o.store]
    return (
        _template()
        .render(
            today=today,
            target=target,
            decisions=decisions,
            fixes=fixes,
            phases=phases,
            entities=entities,
            today_map=mermaid.component_map(today_view.topology),
            target_map=mermaid.component_map(target_view.topology),
            write_paths={o.entity: mermaid.write_path(target_view.topology, o.entity) for o in entities},
            read_paths={o.entity: mermaid.read_path(target_view.topology, o.entity) for o in entities},
            flows=_flows(target),
            integrity=_of(target, "integrity"),
            timeliness=_of(target, "timeliness"),
            availability=_of(target, "availability"),
        )
        .strip()
        + "\n"
    )


def _of(review: Review, violated: str) -> list[Finding]:
    return [f for f in review.definite if f.violates == violated]


def _flows(review: Review) -> list[dict[str, Any]]:
    """One row for each flow of the target: order, repetition and what is left on it."""
    ordering = {entry.flow: entry for entry in review.ordering}
    idempotency = {entry.flow: entry for entry in review.idempotency}
    return [
        {"flow": flow, "ordering": ordering.get(flow.id), "idempotency": idempotency.get(flow.id)}
        for flow in review.flows
    ]


@cache
def _template() -> Template:
    from jinja2 import Environment, StrictUndefined

    environment = Environment(undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, autoescape=False)
    environment.filters["plain"] = plain_value
    environment.filters["md"] = cell
    environment.filters["code"] = code
    return environment.from_string(packaged_text("prompts/design-document.md.j2"))

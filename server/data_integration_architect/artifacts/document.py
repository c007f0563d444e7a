"""Documents of a design folder: guide, architecture in Markdown and HTML, decision records, migration plan."""

from __future__ import annotations

from collections.abc import Mapping

from data_integration_architect.artifacts.page import page
from data_integration_architect.artifacts.plan import Plan
from data_integration_architect.artifacts.render import render
from data_integration_architect.artifacts.sinks import ran_on
from data_integration_architect.catalog import load_catalog
from data_integration_architect.design.result import DesignResult
from data_integration_architect.topology import Topology


def document_files(design: DesignResult, target: Topology, plan: Plan, files: Mapping[str, str]) -> dict[str, str]:
    """Everything that is read by people; `files` are those that it tells of."""
    made = {"integration-architecture.md": design.document}
    made["integration-architecture.html"] = page(design.document, target, design.checks)
    if not design.applicable:
        return made
    shelf = load_catalog().mechanisms
    for number, decision in enumerate(design.decisions, start=1):
        r = decision.recommendation
        slug = f"{plan.names.plain(r.from_)}-to-{plan.names.plain(r.to)}".replace("_", "-")
        made[f"adr/{number:04d}-{slug}.md"] = render(
            "adr.md", number=number, decision=decision, r=r,
            chosen=shelf.entry(r.mechanism) if r.mechanism in shelf else None,
            runner=shelf.entry(r.runner_up) if r.runner_up in shelf else None,
        )  # fmt: skip
    if design.phases:
        made["migration/plan.md"] = render("migration.md", phases=design.phases, plan=plan)
        for number, phase in enumerate(design.phases, start=1):
            made[f"migration/{number}-{phase.name}.yaml"] = phase.topology
    known = sorted([*files, *made])
    made["README.md"] = render(
        "folder-readme.md", plan=plan, files=known, renamed=plan.names.renamed(), ran=ran_on(plan)
    )
    return made

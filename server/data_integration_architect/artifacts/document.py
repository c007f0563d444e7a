"""Documents of a design folder: guide, architecture in Markdown and HTML, decision records, migration plan."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping

from data_integration_architect.artifacts.plan import Plan
from data_integration_architect.artifacts.render import render
from data_integration_architect.artifacts.svg import flowchart_svg
from data_integration_architect.design.result import DesignResult
from data_integration_architect.modelcheck.cases import questions
from data_integration_architect.modelcheck.check import decide
from data_integration_architect.modelcheck.expressions import NotModelledError
from data_integration_architect.modelcheck.verdict import Verdict
from data_integration_architect.modelcheck.world import Bounds
from data_integration_architect.topology import Topology

# One run is shown; looking for it must not take longer than making the design.
MOST_QUESTIONS, MOST_STATES = 4, 2_000


def document_files(
    design: DesignResult, today: Topology, target: Topology, plan: Plan, files: Mapping[str, str]
) -> dict[str, str]:
    """Everything that is read by people; `files` are those that it tells of."""
    made = {"integration-architecture.md": design.document}
    run = shortest_run(today) if design.applicable else None
    made["integration-architecture.html"] = page(design.document, run, target)
    if not design.applicable:
        return made
    for number, decision in enumerate(design.decisions, start=1):
        r = decision.recommendation
        slug = f"{plan.names.plain(r.from_)}-to-{plan.names.plain(r.to)}".replace("_", "-")
        made[f"adr/{number:04d}-{slug}.md"] = render("adr.md", number=number, decision=decision, r=r)
    if design.phases:
        made["migration/plan.md"] = render("migration.md", phases=design.phases, plan=plan)
        for number, phase in enumerate(design.phases, start=1):
            made[f"migration/{number}-{phase.name}.yaml"] = phase.topology
    known = sorted([*files, *made])
    made["README.md"] = render("folder-readme.md", plan=plan, files=known, renamed=plan.names.renamed())
    return made


def shortest_run(today: Topology) -> Verdict | None:
    """The first definite violation that the checker finds quickly; None where there is none."""
    for question in questions(today)[:MOST_QUESTIONS]:
        try:
            verdict = decide(today, question, Bounds(states=MOST_STATES))
        except NotModelledError:
            continue
        if verdict.verdict == "violated" and not verdict.conditions:
            return verdict
    return None


def page(document: str, run: Verdict | None, target: Topology) -> str:
    """The document as one HTML page that needs nothing else; diagrams are drawn into it."""
    from markdown_it import MarkdownIt

    diagrams: list[str] = []

    def drawn(block: re.Match[str]) -> str:
        diagrams.append(flowchart_svg(block[1], "Data flow"))
        return f"\n\nDIAGRAM-{len(diagrams) - 1}-HERE\n\n"

    text = re.sub(r"```mermaid\n(.*?)```", drawn, document, flags=re.DOTALL)
    body = MarkdownIt("commonmark", {"html": False}).enable("table").render(text)
    for number, diagram in enumerate(diagrams):
        body = body.replace(f"<p>DIAGRAM-{number}-HERE</p>", f"<figure>{diagram}</figure>")
    title = html.escape(target.system or "Integration architecture")
    return (
        f"<!doctype html>\n<html lang='en'><head><meta charset='utf-8'><title>{title}</title><style>"
        "body{font:16px/1.55 system-ui,sans-serif;max-width:76rem;margin:2rem auto;padding:0 1rem;color:#222}"
        "table{border-collapse:collapse}td,th{border:1px solid #bbb;padding:.3rem .6rem;text-align:left}"
        "figure{margin:1rem 0;overflow-x:auto}code{background:#f2f2f2;padding:0 .2rem}"
        ".beside{display:flex;gap:2rem;flex-wrap:wrap}.beside>div{flex:1;min-width:22rem}.fault{color:#a00}"
        f"</style></head><body>\n{body}{_run_html(run, target) if run else ''}</body></html>\n"
    )


def _run_html(run: Verdict, target: Topology) -> str:
    """The failing run of today beside the same writes on the target, where other stores follow the log."""
    today = "".join(
        f"<li{' class=fault' if step.is_fault else ''}>{html.escape(step.actor)}"
        + (f" → {html.escape(step.target)}" if step.target != step.actor else "")
        + f": {html.escape(step.text)}</li>"
        for step in run.trace
    )
    kept = {name for name, store in target.stores.items() if name != run.target and not store.external}
    steps = [s for s in run.trace if s.target in kept or s.is_fault]
    after = "".join(f"<li>{html.escape(s.actor)}: {html.escape(s.text)}</li>" for s in steps if s.target != run.target)
    return (
        "<h2>Today's shortest failing run, and the same writes on the target</h2>"
        f"<p>{html.escape(run.summary)}</p><div class='beside'><div><h3>Today</h3><ol>{today}</ol></div>"
        f"<div><h3>Target</h3><ol>{after}<li>{html.escape(run.target)} applies what its system of record committed, in "
        "the order of the log, and refuses older versions</li></ol><p>`lab DIR replay` shows both on real engines.</p>"
        "</div></div>\n"
    )

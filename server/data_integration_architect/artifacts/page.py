"""The design document as one HTML page that needs nothing else, with the failing runs of today beside the target."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Sequence

from data_integration_architect.artifacts.render import packaged_code
from data_integration_architect.artifacts.svg import diagram_svg
from data_integration_architect.modelcheck import Bounds, Followed, Question, Step, follow, questions
from data_integration_architect.renderers.checks import subject_words, verdict_words
from data_integration_architect.results import Check, DesignCheck
from data_integration_architect.topology import Topology

MOST_RUNS = 6
_Questions = dict[tuple[str, str, str | None], Question]
"""What can be asked of the target: property, target and entity → the question."""


def page(document: str, target: Topology, checks: Sequence[DesignCheck]) -> str:
    """`document` (Markdown with diagrams as `renderers.mermaid` writes them) as a page, diagrams drawn into it."""
    from markdown_it import MarkdownIt

    diagrams: list[str] = []

    def drawn(block: re.Match[str]) -> str:
        name = "Run, step by step" if block[1].startswith("sequenceDiagram") else "Data flow"
        diagrams.append(diagram_svg(block[1], name))
        return f"\n\nDIAGRAM-{len(diagrams) - 1}-HERE\n\n"

    text = re.sub(r"```mermaid\n(.*?)```", drawn, document, flags=re.DOTALL)
    body = MarkdownIt("commonmark", {"html": False}).enable("table").render(text)
    body = body.replace("<table>", '<div class="table"><table>').replace("</table>", "</table></div>")
    for number, diagram in enumerate(diagrams):
        body = body.replace(f"<p>DIAGRAM-{number}-HERE</p>", f"<figure>{diagram}</figure>")
    runs = _runs(target, checks)
    if runs:
        second = body.find("<h2>", body.find("<h2>") + 1)
        body = body[:second] + runs + body[second:]
    body, contents = _with_contents(body)
    title = html.escape(target.system or "Integration architecture")
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{title}</title><style>\n{packaged_code('templates/page.css')}</style></head><body>\n"
        f"<nav>{contents}</nav><main>{body}</main></body></html>\n"
    )


def _with_contents(body: str) -> tuple[str, str]:
    links: list[str] = []

    def numbered(heading: re.Match[str]) -> str:
        links.append(f'<a href="#section-{len(links) + 1}">{heading[1]}</a>')
        return f'<h2 id="section-{len(links)}">{heading[1]}</h2>'

    return re.sub(r"<h2>(.*?)</h2>", numbered, body), "".join(links)


def _runs(target: Topology, checks: Sequence[DesignCheck]) -> str:
    """Each failing run of today once, definite ones first, beside what its schedule leads to on the target."""
    by_run: dict[object, list[DesignCheck]] = {}
    for check in sorted(checks, key=lambda one: bool(one.today.assumed)):
        if check.today.trace:
            by_run.setdefault(check.today.trace, []).append(check)
    first = list(by_run.values())[:MOST_RUNS]
    known = {(one.property, one.target, one.entity): one for one in reversed(questions(target))} if first else {}
    parts = [_run(target, known, same, is_open=number == 0) for number, same in enumerate(first)]
    if not parts:
        return ""
    more = len(by_run) - len(parts)
    left = f"<p>{more} further runs stand under “What was checked”.</p>" if more else ""
    return (
        "<h2>Today’s shortest failing runs beside the same schedule on the target</h2>"
        "<p>Left: the shortest run of the model of today that breaks the property. Right: the model of the target with "
        "the same requests and faults in the same order, as far as it has such steps, and then on by itself until "
        "nothing is left to do; facts that nobody stated are taken at their worst. One schedule is one run: what the "
        "target keeps in all runs within the bounds stands under “What was checked”.</p>"
        f"{''.join(parts)}{left}"
    )


def _run(target: Topology, known: _Questions, same: Sequence[DesignCheck], is_open: bool) -> str:
    first = same[0].today
    schedule = [Step(step.actor, "", step.to, step.text, step.fault) for step in first.trace]
    runs = [(check.today, _followed(target, known, check.today, schedule)) for check in same]
    followed = next((run for _, run in runs if run is not None), None)
    left = [_step(number, step.actor, step.to, step.text, step.fault, step.changes)
            for number, step in enumerate(first.trace, 1)]  # fmt: skip
    beside = _beside(followed) if followed else [[] for _ in left]
    rows = "".join(
        f'<div class="today">{one}</div><div class="target">{"".join(there) or _NO_STEP}</div>'
        for one, there in zip(left, beside, strict=True)
    )
    if followed is not None and len(followed.steps) > _last(followed):
        after = "".join(_of(followed, n) for n in range(_last(followed), len(followed.steps)))
        rows += f'<div class="today"></div><div class="target">{after}</div>'
    ends = [_end(check, run) for check, run in runs]
    css = "good" if all(run and run.holds for _, run in runs) else "bad" if any(run for _, run in runs) else ""
    about = ", ".join(dict.fromkeys(subject_words(check) for check, _ in runs))
    return (
        f"<details{' open' if is_open else ''}><summary>{html.escape(about)}</summary>"
        f'<div class="beside"><div class="title">Today</div><div class="title target">Target</div>{rows}'
        f'<div class="end bad">{_sentences(verdict_words(check) for check, _ in runs)}</div>'
        f'<div class="target end {css}">{_sentences(dict.fromkeys(ends))}</div></div></details>'
    )


_NO_STEP = '<p class="none">no such step</p>'


def _end(check: Check, followed: Followed | None) -> str:
    about = subject_words(check)
    if followed is None:
        return f"{about}: the target has nothing of which it could be asked, or no model of it"
    return f"{about} {'holds' if followed.holds else 'is violated here too: see what remains'}"


def _sentences(lines: Iterable[str]) -> str:
    return "".join(f"<p>{html.escape(line)}.</p>" for line in lines)


def _followed(target: Topology, known: _Questions, check: Check, schedule: Sequence[Step]) -> Followed | None:
    asked = known.get((check.property, check.target, check.entity))
    b = check.bounds
    bounds = Bounds(b.writes, b.keys, b.partitions, b.instances, b.retries, b.faults, b.states)
    return follow(target, asked, schedule, bounds) if asked else None


def _beside(followed: Followed) -> list[list[str]]:
    """For each step of the schedule the steps of the target up to its counterpart."""
    shown, result = 0, []
    for place in followed.counterparts:
        until = shown if place is None else place + 1
        result.append([_of(followed, n) for n in range(shown, until)])
        shown = max(shown, until)
    return result


def _last(followed: Followed) -> int:
    """Where the steps begin that stand beside none of the schedule."""
    return max((place + 1 for place in followed.counterparts if place is not None), default=0)


def _of(followed: Followed, number: int) -> str:
    step = followed.steps[number]
    changes = tuple(f"{c.what}: {c.before} -> {c.after}" for c in step.changes)
    return _step(number + 1, step.actor, step.target, step.text, step.is_fault, changes)


def _step(number: int, actor: str, to: str, text: str, is_fault: bool, changes: Sequence[str]) -> str:
    where = f" → {html.escape(to)}" if to and to != actor else ""
    said = "".join(f"<small>{html.escape(change.replace('->', '→'))}</small>" for change in changes)
    css = ' class="fault"' if is_fault else ""
    return f"<p{css}><b>{number}</b> {html.escape(actor)}{where}: {html.escape(text)}{said}</p>"

"""Reviews and explanations as GitHub-flavoured Markdown; the only module that knows its headings."""

from __future__ import annotations

import re
from collections.abc import Sequence

from data_integration_architect.renderers import sections
from data_integration_architect.renderers.checks import verdict_words
from data_integration_architect.renderers.mermaid import run_mermaid
from data_integration_architect.renderers.sections import ALL, Build, Entry, Section, Table, flat
from data_integration_architect.results import Check, CheckReport, Explanation, Review
from data_integration_architect.sources import Source


def review_markdown(review: Review, source: str, diagram: str = "", builds: Sequence[Build] = ALL) -> str:
    """The sections of a review; `diagram` is Mermaid text that follows the judgement."""
    lines = [f"# {escape(review.system or source)}"]
    for build in builds:
        lines += _section(build(review, source))
        if build is sections.judgement and diagram:
            lines += ["", "```mermaid", diagram.rstrip(), "```"]
    if sections.findings in builds:
        for finding in review.findings:
            if finding.check is not None and finding.check.trace:
                lines += ["", f"## Run: {finding.id} {finding.fingerprint}", *diagram_of(finding.check)]
    lines += ["", f"**{escape(sections.closing(review))}**"]
    return "\n".join(lines) + "\n"


def checks_markdown(report: CheckReport, source: str) -> str:
    """Verdicts, each violation with its run as a sequence diagram, the sweep, and what is not covered."""
    lines = [f"# {escape(report.system or source)}"]
    for check in report.checks:
        lines += ["", f"- **{check.verdict}** {escape(verdict_words(check))}"]
        lines += diagram_of(check)
    for section in (sections.sweep_table(report), sections.not_covered(report)):
        lines += _section(section)
    return "\n".join([*lines, "", f"**{escape(sections.checks_closing(report))}**"]) + "\n"


def diagram_of(check: Check | None) -> list[str]:
    """The run of a violation as a fenced diagram."""
    return ["", "```mermaid", run_mermaid(check.trace).rstrip(), "```"] if check is not None and check.trace else []


def explanation_markdown(explanation: Explanation) -> str:
    """An explanation with its parts, sources and what to read next."""
    lines = [f"# {prose(explanation.title)}"]
    for part in explanation.parts:
        lines += ["", f"## {prose(part.heading)}"]
        lines += [line for text in part.text.splitlines() for line in ("", prose(text))]
        if part.items:
            lines.append("")
            lines += [f"- {_term(term)}{prose(text)}" for term, text in part.items]
        if part.code:
            fence = _fence(part.code, least=3)
            lines += ["", f"{fence}yaml", part.code.rstrip(), fence]
    if explanation.sources:
        lines += ["", "## Sources", "", *(f"- {_source(one)}" for one in explanation.sources)]
    if explanation.see_also:
        lines += ["", f"See also: {', '.join(map(code, explanation.see_also))}"]
    return "\n".join(lines) + "\n"


def _section(section: Section) -> list[str]:
    if section.is_empty and not section.when_empty:
        return []
    lines = ["", f"## {section.title}"] if section.title else []
    if section.is_empty:
        return [*lines, "", section.when_empty]
    if isinstance(section.content, Table):
        return [*lines, *_table(section.content)]
    return [*lines, *(line for entry in section.content for line in _entry(entry, bool(section.title)))]


def _table(table: Table) -> list[str]:
    def row(cells: Sequence[str]) -> str:
        return f"| {' | '.join(cells)} |"

    body = (row([code(first).replace("|", "\\|"), *map(cell, rest)]) for first, *rest in table.rows)
    return ["", row(table.columns), row(["---"] * len(table.columns)), *body]


def _entry(entry: Entry, is_listed: bool) -> list[str]:
    """One entry as a list item with its notes below it; alone on the page, as a paragraph."""
    lead = f"**{escape(entry.lead)}**"
    notes = [f"{escape(label)}: {_note(label, value)}" for label, value in entry.notes]
    notes += [f"sources: {', '.join(map(_source, entry.sources))}"] if entry.sources else []
    if not is_listed:
        return ["", f"{lead}: {escape(entry.text)}", *(f"({note})" for note in notes)]
    return ["", f"- {lead} {escape(entry.text)}", *(f"  - {note}" for note in notes)]


def _note(label: str, value: str) -> str:
    return code(value) if label in {"at", "if", "fact", "say", "fingerprint", "decided by"} else escape(value)


def _term(term: str) -> str:
    return f"{code(term)}: " if term else ""


def _source(source: Source) -> str:
    where = f", {escape(source.locator)}" if source.locator else ""
    target = source.url.replace("<", "%3C").replace(">", "%3E")
    return f"[{escape(source.title)}](<{flat(target)}>){where} ({escape(source.checked)})"


# Everything that can open markup in the middle of a line, and what makes a block of a line that starts with it.
_ACTIVE = re.compile(r"[\\`*\[\]<>&~$@#]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])|:(?=//)|(?<=[Ww]{3})\.")
_BLOCK = re.compile(r"^(\d*)([-+=.)])")
_SPAN = re.compile(r"(`[^`\n]+`)")


def escape(text: str) -> str:
    """`text` as literal text in Markdown, also at the start of a line."""
    return _BLOCK.sub(r"\1\\\2", _ACTIVE.sub(r"\\\g<0>", flat(text)))


def cell(text: str) -> str:
    """`text` as literal text in a cell of a table."""
    return escape(text).replace("|", "\\|")


def prose(text: str) -> str:
    """Our own texts: literal, except for `code spans`."""
    parts = _SPAN.split(flat(text))
    return "".join(part if index % 2 else _ACTIVE.sub(r"\\\g<0>", part) for index, part in enumerate(parts))


def code(text: str) -> str:
    """`text` as a code span that its own backticks cannot close."""
    shown = flat(text)
    fence = _fence(shown, least=1)
    pad = " " if shown.startswith("`") or shown.endswith("`") or not shown else ""
    return f"{fence}{pad}{shown}{pad}{fence}"


def fenced(text: str) -> str:
    """`text` as a block of literal lines that its own backticks cannot close."""
    lines = "\n".join(flat(line) for line in text.splitlines())
    fence = _fence(lines, least=3)
    return f"{fence}text\n{lines}\n{fence}"


def _fence(text: str, least: int) -> str:
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    return "`" * max(least, longest + 1)

"""Reviews and explanations for terminals, and short ones for the context of a model."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence

from data_integration_architect.renderers import discovered, sections
from data_integration_architect.renderers.pages import grouped
from data_integration_architect.renderers.sections import ALL, Build, Entry, Section, Table, flat
from data_integration_architect.results import CheckReport, Discovery, Explanation, Review

WIDTH = 100
NARROWEST, WIDEST = 80, 120
LAST_COLUMN = 30  # columns that a long last cell needs at least to be wrapped legibly

# Select graphic rendition: the numbers of ECMA-48 that every terminal knows.
_TONES = {
    "critical": "1;35", "high": "1;31", "medium": "1;33", "low": "1;36", "info": "1;34",
    "good": "1;32", "bad": "1;31", "plain": "1", "dim": "2", "title": "1;4",
}  # fmt: skip


def review_text(
    review: Review, source: str, width: int = WIDTH, colour: bool = False, builds: Sequence[Build] = ALL
) -> str:
    """The sections of a review, wrapped to `width`; `source` is the file's name in places."""
    page = _Page(width, colour)
    page.paragraph(review.system or source, tone="plain")
    for build in builds:
        page.section(build(review, source))
    page.gap()
    page.paragraph(sections.closing(review), tone="plain")
    return page.text()


def checks_text(report: CheckReport, source: str, width: int = WIDTH, colour: bool = False) -> str:
    """Verdicts with their runs, the sweep, and what is not covered."""
    page = _Page(width, colour)
    page.paragraph(report.system or source, tone="plain")
    for section in (sections.check_entries(report), sections.sweep_table(report), sections.not_covered(report)):
        page.section(section)
    page.gap()
    page.paragraph(sections.checks_closing(report), tone="plain")
    return page.text()


def discovery_text(discovery: Discovery, source: str, width: int = WIDTH, colour: bool = False) -> str:
    """What a repository holds, wrapped to `width`; `source` is its name."""
    page = _Page(width, colour)
    page.paragraph(source, tone="plain")
    for section in discovered.sections_of(discovery):
        page.section(section)
    page.gap()
    page.paragraph(discovered.closing(discovery), tone="plain")
    return page.text()


def short_discovery(discovery: Discovery) -> str:
    """The same in at most about 1,000 tokens, for the context of a model."""
    shares = dict(zip(discovered.TITLES, (20, 28, 12, 15, 10, 7, 8), strict=True))
    text = [_cut(discovered.closing(discovery))]
    for section in discovered.sections_of(discovery):
        lines = _short_lines(section)
        if lines:
            room = SHORT_BYTES * shares[section.title] // 100
            text += _filled(section.title, lines, room, "the structured result")
    return "\n".join(text)


def explanation_text(explanation: Explanation, width: int = WIDTH, colour: bool = False) -> str:
    """An explanation with its parts, sources and what to read next."""
    page = _Page(width, colour)
    page.paragraph(explanation.title, tone="plain")
    for part in explanation.parts:
        page.heading(part.heading)
        for paragraph in part.text.splitlines():
            page.paragraph(paragraph, indent=2)
        for term, text in part.items:
            page.paragraph(text, lead=f"{term}:" if term and text else term, indent=2, hanging=4)
        page.verbatim(part.code, indent=4)
    if explanation.sources:
        page.heading("Sources")
        for one in explanation.sources:
            locator = f", {one.locator}" if one.locator else ""
            page.paragraph(f"{one.title}{locator} ({one.checked})", indent=2, hanging=4)
            page.paragraph(one.url, indent=4, tone="dim")
    if explanation.see_also:
        page.heading("See also")
        page.paragraph(sections.names(explanation.see_also), indent=2)
    return page.text()


class _Page:
    """Lines of at most `width` columns, unless one word alone is longer; colour never changes where a line breaks."""

    def __init__(self, width: int, colour: bool) -> None:
        self.width = min(max(width, NARROWEST), WIDEST)
        self.colour = colour
        self.lines: list[str] = []

    def text(self) -> str:
        return "\n".join(self.lines) + "\n"

    def gap(self) -> None:
        if self.lines and self.lines[-1]:
            self.lines.append("")

    def heading(self, title: str) -> None:
        self.gap()
        if title:
            self.paragraph(title, tone="title")

    def paragraph(self, text: str, lead: str = "", indent: int = 0, hanging: int | None = None, tone: str = "") -> None:
        """`lead` in its tone, then `text`; without a lead the whole text has the tone."""
        lead, whole = flat(lead), flat(f"{lead} {text}")
        after = " " * (indent if hanging is None else hanging)
        lines = textwrap.wrap(
            whole,
            self.width,
            initial_indent=" " * indent,
            subsequent_indent=after,
            break_long_words=False,
            break_on_hyphens=False,
        )
        left = len(lead)
        for line in lines:
            body = line.lstrip()
            margin = line[: len(line) - len(body)]
            painted = len(body) if not lead else min(left, len(body))
            # The blank at which the lead was broken is gone from the next line.
            left = max(0, left - len(body) - 1)
            self.lines.append(margin + self.paint(body[:painted], tone or "plain" if lead else tone) + body[painted:])

    def verbatim(self, text: str, indent: int) -> None:
        if text:
            self.gap()
            for line in text.rstrip().splitlines():
                shown = "".join(c if c.isprintable() else " " for c in line)
                self.lines.append((" " * indent + shown).rstrip())

    def paint(self, text: str, tone: str) -> str:
        return f"\x1b[{_TONES[tone]}m{text}\x1b[0m" if self.colour and tone and text else text

    def section(self, section: Section) -> None:
        if section.is_empty and not section.when_empty:
            return
        self.heading(section.title)
        if section.is_empty:
            self.paragraph(section.when_empty, indent=2)
        elif isinstance(section.content, Table):
            self.table(section.content)
        else:
            for index, entry in enumerate(section.content):
                if index and entry.notes:
                    self.gap()
                self.entry(entry)

    def entry(self, entry: Entry) -> None:
        lead = entry.lead if entry.lead.endswith(".") else f"{entry.lead}:"
        self.paragraph(entry.text, lead, hanging=4, tone=entry.tone)
        for label, value in entry.notes:
            if label == "at":
                self.paragraph(value, "-->", indent=2, hanging=6, tone="dim")
            else:
                self.paragraph(value, f"= {label}:", indent=4, hanging=8, tone="dim")

    def table(self, table: Table) -> None:
        """Aligned columns, the last one wrapped; where the others leave it no room, a list instead."""
        rows = [tuple(flat(cell) for cell in row) for row in table.rows]
        widths = [max(len(row[i]) for row in [table.columns, *rows]) for i in range(len(table.columns) - 1)]
        start = 2 + sum(width + 2 for width in widths)
        longest = max(len(row[-1]) for row in [table.columns, *rows])
        if start + min(longest, LAST_COLUMN) > self.width:
            for row in rows:
                said = (f"{column}: {cell}" for column, cell in zip(table.columns[1:], row[1:], strict=True))
                self.entry(Entry(row[0], "; ".join(said)))
            return
        for number, row in enumerate([table.columns, *rows]):
            cells = [cell.ljust(width) for cell, width in zip(row[:-1], widths, strict=True)]
            last = textwrap.wrap(row[-1], self.width - start, break_long_words=False, break_on_hyphens=False) or [""]
            for index, part in enumerate(last):
                before = "  ".join(cells) + "  " if index == 0 else " " * (start - 2)
                line = ("  " + before + part).rstrip()
                self.lines.append(self.paint(line, "dim") if number == 0 else line)


# A model pays for each word, and the structured result beside it has everything: these texts say the judgement only.
# English with ids in it has about four bytes to a token.
SHORT_BYTES = 3_600
_LINE_BYTES = 400
_RUN_BYTES = 640
_FIRST_NOTES = ("fingerprint", "if")
_LAST_NOTES = ("at", "seen at", "fix", "runner-up", "would flip", "fact", "per", "processing layer")


def short_review(review: Review) -> str:
    """The whole judgement in at most about 1,000 tokens; findings and questions have most of the room."""
    return _short(
        review,
        (
            (sections.judgement, 3, "the structured result"),
            (sections.notes, 3, "the structured result"),
            (sections.findings, 53, "detect_antipatterns"),
            (sections.conditional_findings, 9, "detect_antipatterns"),
            (sections.unnamed, 4, "the structured result"),
            (sections.symptoms, 3, "detect_antipatterns"),
            (sections.systems_of_record, 4, "classify_topology"),
            (sections.recommendations, 11, "recommend_propagation"),
            (sections.causal, 3, "check_ordering"),
            (sections.questions, 11, "the structured result"),
        ),
    )


def short_classification(review: Review, whole: Review | None = None) -> str:
    """Flows, systems of record, applicability: of one page; counts are of the whole review, here and below."""
    return _detail(review, whole, sections.CLASSIFICATION)


def short_antipatterns(review: Review, whole: Review | None = None) -> str:
    """Findings, symptoms, questions."""
    return _detail(review, whole, sections.ANTIPATTERNS)


def short_propagation(review: Review, whole: Review | None = None) -> str:
    """Recommendations with what decided them."""
    return _detail(review, whole, sections.PROPAGATION)


def short_order_check(review: Review, whole: Review | None = None) -> str:
    """Ordering, idempotency, causal pairs, constraints."""
    return _detail(review, whole, sections.ORDER_CHECK)


def short_explanation(explanation: Explanation) -> str:
    """The whole explanation in few words: nothing is left out, because a client may show its model the text only."""
    lines = [explanation.title]
    for part in explanation.parts:
        lines.append(f"{part.heading}: {flat(part.text)}".rstrip())
        lines += [flat(f"- {term}: {text}" if term else f"- {text}") for term, text in part.items]
        lines += [part.code.rstrip()] if part.code else []
    for one in explanation.sources:
        lines.append(f"Source: {one.title}, {one.locator} ({one.checked}) {one.url}")
    if explanation.see_also:
        lines.append(f"See also: {sections.names(explanation.see_also)}")
    return "\n".join(lines)


def explanation_pages(explanation: Explanation) -> list[Explanation]:
    """The explanation in pages of whole parts."""
    sizes = (
        len(short_explanation(Explanation(topic="", kind="guide", title="", parts=(p,)))) for p in explanation.parts
    )
    pages = grouped(sizes)
    if len(pages) == 1:
        return [explanation]
    return [explanation.model_copy(update={"parts": tuple(explanation.parts[i] for i in page)}) for page in pages]


def _detail(review: Review, whole: Review | None, builds: Sequence[Build]) -> str:
    return _short(review, [(build, 100 // len(builds), "the structured result") for build in builds], whole)


def _short(review: Review, builds: Iterable[tuple[Build, int, str]], whole: Review | None = None) -> str:
    """One line an entry. A section may take its percentage of the room, and then, in order, what others left over."""
    shown = [(build(review, ""), share, more) for build, share, more in builds]
    lines = [_short_lines(section) for section, _, _ in shown]
    wanted = [sum(map(_cost, one)) for one in lines]
    rooms = [min(want, SHORT_BYTES * share // 100) for want, (_, share, _) in zip(wanted, shown, strict=True)]
    left = SHORT_BYTES - sum(rooms)
    text = [_cut(sections.closing(whole or review))]
    for (section, _, more), entries, want, room in zip(shown, lines, wanted, rooms, strict=True):
        extra = min(left, want - room)
        left -= extra
        text += _filled(section.title, entries, room + extra, more)
    return "\n".join([*text, *_changes(review)])


def _filled(title: str, entries: list[str], room: int, more: str) -> list[str]:
    """Title and entries as far as they fit in `room`, then how many are missing and where they are."""
    taken: list[str] = []
    for entry in entries:
        room -= _cost(entry)
        if room < 0:
            break
        taken.append(entry)
    missing = len(entries) - len(taken)
    if missing:
        taken.append(f"- … {missing} {'more ' if taken else ''}in {more}")
    return [f"{title}:", *taken] if title and taken else taken


def _changes(review: Review) -> list[str]:
    if review.changes is None:
        return []
    changed = review.changes
    parts = (("new", changed.new), ("gone", changed.gone), ("other severity", changed.severity))
    shown = "; ".join(f"{word}: {sections.names(fingerprints[:8])}" for word, fingerprints in parts if fingerprints)
    return [f"Since the earlier review: {shown or 'nothing changed'}"]


def _short_lines(section: Section) -> list[str]:
    if isinstance(section.content, Table):
        labels = section.content.columns[1:]
        return [
            _cut(f"- {row[0]}: {'; '.join(f'{k} {v}' for k, v in zip(labels, row[1:], strict=True) if v != '–')}")
            for row in section.content.rows
        ]
    lines = []
    for entry in section.content:
        notes = dict(entry.notes)
        first = "".join(f" {label} {notes[label]}" for label in _FIRST_NOTES if label in notes)
        # `if VALUE` is an answer to a question, which is the point of asking.
        last = "; ".join(f"{k} {v}" for k, v in entry.notes if k in _LAST_NOTES or k.startswith("if "))
        said = f"- {entry.lead.rstrip('.')}{first}: {entry.text}"
        run = f" Run: {entry.brief}." if entry.brief else ""
        # The run is what convinces; a long summary gives way to it, as its beginning says what the finding is.
        if run:
            said = _cut(said, max(_LINE_BYTES // 2, _LINE_BYTES - _cost(run)))
        lines.append(_cut(f"{said}{run}" + (f" [{last}]" if last else ""), _RUN_BYTES if run else _LINE_BYTES))
    return lines


def _cut(line: str, room: int = _LINE_BYTES) -> str:
    line = flat(line)
    if _cost(line) <= room:
        return line
    for index, char in enumerate(line):
        room -= _cost(char)
        if room < 0:
            return line[:index] + "…"
    return line


def _cost(text: str) -> int:
    """Bytes, with what is not ASCII counted thrice: that is nearer to tokens."""
    return (
        len(text) if text.isascii() else sum(1 if c.isascii() else 3 * len(c.encode("utf-8", "replace")) for c in text)
    )

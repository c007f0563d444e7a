"""A discovery as sections: what the repository holds, what is written twice, what was not read."""

from __future__ import annotations

from data_integration_architect.renderers.sections import Entry, Section, Table, counted, names, plain_value, said_by
from data_integration_architect.results import CodeFinding, Discovery

TITLES = (
    "Stores and brokers",
    "Two systems written in one function",
    "Observations",
    "Links",
    "Questions",
    "Problems",
    "Changes",
)
MOST_SHOWN = 200


def sections_of(discovery: Discovery) -> tuple[Section, ...]:
    """The sections of a discovery in the order of `TITLES`."""
    stores = tuple(
        (one.name, one.technology or "unknown", one.role, one.confidence, names(one.evidence))
        for one in discovery.stores[:MOST_SHOWN]
    )
    links = tuple(
        (one.program, one.target, one.confidence, names(one.evidence)) for one in discovery.links[:MOST_SHOWN]
    )
    questions = tuple(
        Entry(
            f"{number}.",
            one.ask,
            (
                *said_by(one, discovery.written is not None),
                *((f"if {plain_value(answer.value)}", answer.effect) for answer in one.answers),
            ),
        )
        for number, one in enumerate(discovery.questions, 1)
    )
    contents: tuple[Table | tuple[Entry, ...], ...] = (
        Table(("name", "technology", "role", "confidence", "at"), stores),
        tuple(_dual_write(one) for one in discovery.dual_writes[:MOST_SHOWN]),
        tuple(_observation(one) for one in discovery.observations[:MOST_SHOWN]),
        Table(("program", "reaches", "confidence", "at"), links),
        questions,
        tuple(_split(one, "bad") for one in discovery.problems[:MOST_SHOWN]),
        tuple(_split(change) for change in discovery.changes[:MOST_SHOWN]),
    )
    return tuple(Section(title, content) for title, content in zip(TITLES, contents, strict=True))


def _dual_write(one: CodeFinding) -> Entry:
    word = "cache invalidation" if one.class_ == "cache_invalidation" else one.order.replace("-", " ")
    return Entry(
        one.at,
        f"{one.function}: {'; '.join(one.effects)}",
        (("order", word), ("confidence", f"{one.confidence}: {one.reason}")),
    )


def _observation(one: CodeFinding) -> Entry:
    return Entry(one.at, one.effects[0], (("shows", one.id), ("confidence", f"{one.confidence}: {one.reason}")))


def _split(said: str, tone: str = "plain") -> Entry:
    """`place: what` as an entry."""
    lead, _, text = said.partition(": ")
    return Entry(lead, text, tone=tone)


def closing(discovery: Discovery) -> str:
    """One line that counts: stores, dual writes, findings of the draft, files read and not read by reason."""
    brokers = sum(one.role == "broker" for one in discovery.stores)
    files = discovery.files
    parts = [
        counted(len(discovery.stores) - brokers, "store"),
        counted(brokers, "broker"),
        counted(sum(one.class_ == "dual_write" for one in discovery.dual_writes), "dual write"),
        f"{counted(discovery.findings, 'finding')} in the draft",
        f"{counted(files.read, 'file')} read ({files.lines} lines of code)",
    ]
    if files.skipped:
        parts.append("not read: " + names(f"{count} {reason}" for reason, count in files.skipped.items()))
    if discovery.problems:
        parts.append(f"{counted(len(discovery.problems), 'file')} with problems")
    if discovery.written:
        parts.append(f"draft in {discovery.written}")
    left_out = names(f"{count} of {name.replace('_', ' ')}" for name, count in sorted(discovery.omitted.items()))
    return "; ".join(parts) + (f"; not shown: {left_out}" if left_out else "")

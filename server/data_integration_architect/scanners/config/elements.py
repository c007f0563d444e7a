"""Parts of elements of the topology format that several builders write."""

from __future__ import annotations

import re
from collections.abc import Iterable

from data_integration_architect.scanners.config.configfacts import Fact

MOST_EVIDENCE = 6


def evidence(facts: Iterable[Fact]) -> list[dict[str, str]]:
    """The places of facts, each once, the first few in order."""
    places = dict.fromkeys(f.at for f in facts)
    return [{"at": place} for place in list(places)[:MOST_EVIDENCE]]


def dotless(name: str) -> str:
    """`name` as the name of a process, handler or entity, in which a dot would set off a part."""
    return name.replace(".", "-")


def milliseconds(text: str) -> str | None:
    """A count of milliseconds as a duration of the format; None for anything else, `forever` for -1."""
    if text == "-1":
        return "forever"
    if not re.fullmatch(r"\d{1,15}", text):
        return None
    count = int(text)
    for size, unit in ((86_400_000, "d"), (3_600_000, "h"), (60_000, "m"), (1_000, "s")):
        if count and count % size == 0:
            return f"{count // size}{unit}"
    return f"{count}ms"

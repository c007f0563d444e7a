"""What a rule yields; the engine adds id, severity, text and sources."""

from __future__ import annotations

from dataclasses import dataclass, field

from data_integration_architect.analysis.severity import Consequence, Target
from data_integration_architect.files import DocumentPath


@dataclass(frozen=True)
class Match:
    """One place where an anti-pattern holds.

    `elements`: names of stores, channels, processes' handlers (PROCESS.HANDLER), entities or constraints that
    take part. `at`: path of the fact that a person would change. `summary`: one sentence in the user's names.
    `targets`: where wrong data is seen, for severity and symptoms. `shows`: kinds of symptoms that it explains.
    `fixes`: ids, the best first; empty = those of the catalog entry.
    """

    elements: tuple[str, ...]
    at: DocumentPath
    summary: str
    consequence: Consequence
    targets: tuple[Target, ...] = ()
    shows: frozenset[str] = field(default_factory=frozenset)
    fixes: tuple[str, ...] = ()
    inferred: bool = False
    """Whether a guess about the meaning of what was said is in it."""

"""Reads the options of mechanisms from a topology: known facts, unknown ones, and those set to their ideal on purpose.

Every option of a mechanism has a safe end (its ideal value) and an unsafe end. Mechanisms ask here and nowhere else,
so that the same model can be built with a defect idealised, and with unknown facts at either end.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeVar

End = Literal["safe", "unsafe", "known"]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class OptionUse:
    """One option that a model depends on: its path in the topology, its known value, and its two ends.

    `is_ordered` is false where neither end is safer: a client's retry finishes what a crash cut off, and repeats what
    was done.
    """

    path: str
    known: object
    safe: object
    unsafe: object
    is_ordered: bool = True


@dataclass(frozen=True, slots=True)
class Assumptions:
    """How options are answered: unknown ones at `unknown`, those in `ends` at the end given there, known or not.

    `every="safe"` idealises all options; one that `ends` gives as `known` keeps what the topology says. The pair that
    belongs to a finding is: every option safe but the finding's own `known` (violated), and every option safe (holds).
    """

    unknown: End = "unsafe"
    ends: Mapping[str, End] = field(default_factory=dict)
    every: End | None = None


class Options:
    """Answers options under assumptions and remembers which were asked; `values` has the answer for each path."""

    def __init__(self, assumptions: Assumptions) -> None:
        self._assumptions = assumptions
        self._used: dict[str, OptionUse] = {}
        self.values: dict[str, object] = {}

    def get(self, path: str, known: T | None, *, safe: T, unsafe: T, is_ordered: bool = True) -> T:
        """The value of an option in this model; `known` is None where the topology does not say it."""
        self._used[path] = OptionUse(path, known, safe, unsafe, is_ordered)
        self.values[path] = answer = self._answer(path, known, safe, unsafe)
        return answer

    def peek(self, path: str, known: T | None, *, safe: T, unsafe: T) -> T:
        """The value that an option has if it is asked."""
        return self._answer(path, known, safe, unsafe)

    def _answer(self, path: str, known: T | None, safe: T, unsafe: T) -> T:
        end = self._assumptions.ends.get(path, self._assumptions.every)
        if end in (None, "known"):
            if known is not None:
                return known
            end = self._assumptions.unknown
        return safe if end == "safe" else unsafe

    @property
    def used(self) -> tuple[OptionUse, ...]:
        """Options that were asked, by path."""
        return tuple(self._used[path] for path in sorted(self._used))

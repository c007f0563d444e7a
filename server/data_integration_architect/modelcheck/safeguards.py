"""Which stated safeguards a property rests on: minimal sets of at most two without which it is violated.

A safeguard is a stated option at another value than its unsafe end. One that is in no such set is defence in depth: the
property holds without it, and without it and any other one. Removing never repairs (see `decide`).
"""

from dataclasses import dataclass

from data_integration_architect.modelcheck.cases import Question
from data_integration_architect.modelcheck.check import Known, answer
from data_integration_architect.modelcheck.expressions import NotModelledError
from data_integration_architect.modelcheck.facts import Assumptions, End, OptionUse
from data_integration_architect.modelcheck.world import Bounds
from data_integration_architect.topology import Topology


@dataclass(frozen=True, slots=True)
class Safeguards:
    """`bounds`: of each search. `needed`: without one of them the property is violated; `pairs`: without both;
    `in_depth`: in no such set. `unsure`: what the models or the bound on states leave open.
    """

    bounds: Bounds
    needed: tuple[OptionUse, ...] = ()
    pairs: tuple[tuple[OptionUse, OptionUse], ...] = ()
    in_depth: tuple[OptionUse, ...] = ()
    unsure: tuple[OptionUse, ...] = ()


def safeguards_of(topology: Topology, question: Question, bounds: Bounds, known: Known) -> Safeguards | None:
    """The safeguards of a property that holds; None where it does not.

    Raises: NotModelledError; SpentError, where too few states are left.
    """
    whole = answer(topology, question, bounds, Assumptions("unsafe"), known=known)
    if whole.result.outcome != "holds":
        return None
    values = whole.case.options.values
    stated = [
        use
        for use in whole.case.options.used
        if use.known is not None and use.is_ordered and values[use.path] != use.unsafe
    ]
    return _Sets(topology, question, bounds, known, stated).found()


class _Sets:
    """Finds the sets by halves: where a property holds without a whole group, it does without any part of it."""

    def __init__(
        self, topology: Topology, question: Question, bounds: Bounds, known: Known, stated: list[OptionUse]
    ) -> None:
        self.topology, self.question, self.bounds, self.known = topology, question, bounds, known
        self.stated = stated
        self.unsure: set[str] = set()

    def found(self) -> Safeguards:
        needed = self.alone(self.stated)
        others = [use for use in self.stated if use not in needed and use.path not in self.unsure]
        pairs = self.among(others)
        named = {use.path for use in (*needed, *(use for pair in pairs for use in pair))}
        left = [use for use in self.stated if use.path not in named]
        return Safeguards(
            self.bounds,
            tuple(needed),
            tuple(pairs),
            tuple(use for use in left if use.path not in self.unsure),
            tuple(use for use in left if use.path in self.unsure),
        )

    def without(self, uses: list[OptionUse]) -> str:
        ends: dict[str, End] = {use.path: "unsafe" for use in uses}
        try:
            found = answer(self.topology, self.question, self.bounds, Assumptions("unsafe", ends), known=self.known)
        except NotModelledError:
            return "unknown"
        return found.result.outcome

    def alone(self, group: list[OptionUse]) -> list[OptionUse]:
        """Those of a group without which alone the property is violated."""
        outcome = self.without(group) if group else "holds"
        if outcome == "holds":
            return []
        if len(group) > 1:
            middle = len(group) // 2
            return [*self.alone(group[:middle]), *self.alone(group[middle:])]
        if outcome != "violated":
            self.unsure.add(group[0].path)
            return []
        return group

    def among(self, group: list[OptionUse]) -> list[tuple[OptionUse, OptionUse]]:
        """Pairs within a group."""
        if len(group) < 2 or self.without(group) == "holds":
            return []
        one, other = group[: len(group) // 2], group[len(group) // 2 :]
        return [*self.among(one), *self.among(other), *self.across(one, other)]

    def across(self, one: list[OptionUse], other: list[OptionUse]) -> list[tuple[OptionUse, OptionUse]]:
        """Pairs with a part in each of two groups."""
        outcome = self.without([*one, *other])
        if outcome == "holds":
            return []
        if len(one) == len(other) == 1:
            if outcome == "violated":
                return [(one[0], other[0])]
            self.unsure |= {one[0].path, other[0].path}
            return []
        if len(one) >= len(other):
            middle = len(one) // 2
            return [*self.across(one[:middle], other), *self.across(one[middle:], other)]
        middle = len(other) // 2
        return [*self.across(one, other[:middle]), *self.across(one, other[middle:])]

"""How much is checked: bounds by name. Budgets count states, so a verdict is the same on every machine."""

from typing import Literal

from data_integration_architect.modelcheck import Bounds

Effort = Literal["none", "default", "deep"]
EFFORTS: tuple[Effort, ...] = ("none", "default", "deep")

DEFAULT = Bounds()
DEEP = Bounds(writes=4, states=600_000)


def bounds_of(effort: Effort) -> Bounds:
    """The bounds of an effort that checks at all."""
    return DEEP if effort == "deep" else DEFAULT

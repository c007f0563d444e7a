"""How much is checked: bounds by name. Budgets count states, so a verdict is the same on every machine."""

from typing import Literal

from data_integration_architect.modelcheck import Bounds

Effort = Literal["none", "default", "deep"]
EFFORTS: tuple[Effort, ...] = ("none", "default", "deep")

DEFAULT = Bounds()
DEEP = Bounds(writes=4, states=600_000)


# A design is a dozen properties on each of its phases, with a snapshot that runs while records are written: two writes
# and one fault took a quarter of the time of three and two on the retailer, and no budget of states ran out.
DESIGN = Bounds(writes=2, faults=1, states=20_000)


def design_bounds(effort: Effort) -> Bounds:
    """The bounds within which a design is checked."""
    return DEFAULT if effort == "deep" else DESIGN


def bounds_of(effort: Effort) -> Bounds:
    """The bounds of an effort that checks at all."""
    return DEEP if effort == "deep" else DEFAULT

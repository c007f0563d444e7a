"""How many states several searches may see together, so that a review of any system ends."""

from dataclasses import dataclass

# What costs time without a search is counted in the states that a search sees meanwhile (measured on one core, about
# ten microseconds a state): building and compiling one model, and judging one element of a topology again.
MODEL_STATES = 300
ELEMENT_STATES = 15


class SpentError(Exception):
    """The states that were allowed are spent: what was asked stays open, and that is no verdict."""


@dataclass(slots=True)
class Budget:
    """States that are left; None for as many as each search may see by itself. `seen`: those counted so far."""

    left: int | None = None
    seen: int = 0

    def limit(self, states: int) -> int:
        """How many of `states` a search may see. Raises: SpentError, if there are none left."""
        if self.left is None:
            return states
        if self.left <= 0:
            raise SpentError
        return min(states, self.left)

    def take(self, states: int) -> None:
        """Counts states. Raises: SpentError, if they were not left."""
        self.seen += states
        if self.left is not None:
            self.left -= states
            if self.left < 0:
                raise SpentError

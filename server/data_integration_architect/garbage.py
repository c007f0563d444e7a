"""How often this process looks for garbage."""

from __future__ import annotations

import gc

# Objects made between two looks. What an answer makes lives until it is given, and hardly any of it is in circles: with
# Python's default of 700, a review of 1,000 elements takes 4 % more instructions to look through what is in use.
BETWEEN_LOOKS = 50_000


def collect_rarely() -> None:
    """For processes that give answers. What is there already, the code and the knowledge, stays and is passed over."""
    gc.freeze()
    gc.set_threshold(BETWEEN_LOOKS)

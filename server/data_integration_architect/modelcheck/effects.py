"""One atomic effect of a handler."""

from dataclasses import dataclass

from data_integration_architect.modelcheck.world import Branch


@dataclass(frozen=True, slots=True)
class Effect:
    """Branches exclude each other or are a free choice; `touches` names the stores and channels that it changes.

    `may_be_lost`: words for a failure after which the handler simply goes on; empty where a failure ends it.
    """

    text: str
    target: str
    branches: tuple[Branch, ...]
    atomic: str
    may_be_lost: str = ""
    touches: frozenset[str] = frozenset()

"""One atomic effect of a handler."""

from dataclasses import dataclass

from data_integration_architect.modelcheck.world import Branch


@dataclass(frozen=True, slots=True)
class Effect:
    """Branches exclude each other or are a free choice; `touches` names the stores and channels that it changes.

    `may_be_lost`: words for a failure after which the handler simply goes on; empty where a failure ends it.
    `repeats`: the handler repeats it by itself when the answer is lost. `waits`: false where the handler goes on at
    once. `outlives`: the call can take effect after its caller saw a timeout, by one of the `late` branches; the
    handler then goes `after_timeout` steps further (0 = it repeats the call, none = it fails).
    """

    text: str
    target: str
    branches: tuple[Branch, ...]
    atomic: str
    may_be_lost: str = ""
    touches: frozenset[str] = frozenset()
    waits: bool = True
    repeats: bool = False
    outlives: bool = False
    after_timeout: int | None = None
    late: tuple[Branch, ...] = ()

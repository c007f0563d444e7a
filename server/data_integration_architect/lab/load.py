"""The load on a design: transactions on its entities, requests of its operations, and what became of them."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Protocol

from data_integration_architect.lab.compare import Comparison, compare, compare_outbox, waiting_records
from data_integration_architect.lab.stack import Stack
from data_integration_architect.lab.transfers import TransferCheck, Transfers
from data_integration_architect.lab.workload import Counts, Workload


class Result(Protocol):
    """A comparison of rows, or of both sides of an operation."""

    @property
    def is_equal(self) -> bool: ...

    def to_data(self) -> dict[str, Any]: ...


class Load:
    """A seeded load; a second run under the same seed goes on where the first ended."""

    def __init__(self, stack: Stack, seed: int) -> None:
        self.stack, self.seed = stack, seed
        self.workload = Workload(stack, seed)
        for transfer in stack.plan["transfers"]:
            Transfers(stack, transfer).open_accounts()

    @property
    def counts(self) -> Counts:
        return self.workload.counts

    def run(self, transactions: int) -> None:
        """Each client does this many transactions, and each operation gets as many requests. Raises: LabError."""
        start = self.stack.loads.get(str(self.seed), 0)
        self.stack.loads[str(self.seed)] = start + transactions
        self.stack.unanswered.setdefault(str(self.seed), start)
        send_unanswered(self.stack)
        self.counts.committed += transactions * len(self.stack.plan["transfers"])
        if self.workload.has_work:
            self.workload.run(start, transactions)

    def settle(self, seconds: float) -> list[Result]:
        return settle(self.stack, seconds)


def send_unanswered(stack: Stack) -> None:
    """Sends the requests that no broker has confirmed; after an interrupt those come again under their ids, as from a
    client that got no answer. Raises: LabError.
    """
    for seed, start in sorted(stack.unanswered.items()):
        for transfer in stack.plan["transfers"]:
            Transfers(stack, transfer).send(seed, start, stack.loads[seed] - start)
        del stack.unanswered[seed]


def settle(stack: Stack, seconds: float) -> list[Result]:
    """Looks until everything is equal and every record is consumed, at most for `seconds`.

    A lag is no divergence; a difference that is still there at the end is one that waiting did not repair.
    """
    send_unanswered(stack)
    deadline = time.monotonic() + seconds
    pause = 0.05
    while True:
        results = _looked(stack)
        is_equal = all(result.is_equal for result in results)
        if is_equal and waiting_records(stack) == 0:
            # Records that were on their way at the first look may have spoilt what was equal.
            results = _looked(stack)
            if all(result.is_equal for result in results):
                return results
        if time.monotonic() > deadline:
            return results
        stack.restart_failed()
        time.sleep(pause)
        pause = min(0.5, pause * 1.5)


def _looked(stack: Stack) -> list[Result]:
    results: list[Result] = []
    for comparison in stack.plan["compare"]:
        source, target = comparison["source"], comparison["target"]
        results.append(
            _answered(
                lambda c=comparison: compare(stack, c),  # type: ignore[misc]
                lambda why, c=comparison, s=source, t=target: Comparison(c["name"], s, t, 0, [why]),  # type: ignore[misc]
            )
        )
    for transfer in stack.plan["transfers"]:
        results.append(
            _answered(
                lambda t=transfer: Transfers(stack, t).check(),  # type: ignore[misc]
                lambda why, t=transfer: TransferCheck(t["name"], 0, lost=[why]),  # type: ignore[misc]
            )
        )
    for outbox in stack.plan.get("outboxes", ()):
        results.append(
            _answered(
                lambda o=outbox: compare_outbox(stack, o),  # type: ignore[misc]
                lambda why, o=outbox: Comparison(o["table"], o["store"], "topics", 0, [why]),  # type: ignore[misc]
            )
        )
    return results


def _answered(look: Callable[[], Result], unread: Callable[[str], Result]) -> Result:
    try:
        return look()
    except Exception as error:  # a store that a fault stopped does not answer yet
        return unread(f"not readable: {error}"[:200])

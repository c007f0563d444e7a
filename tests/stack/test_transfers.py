"""Transfers over two databases on real engines: each applied exactly once, balances never negative."""

from __future__ import annotations

from typing import Any

import pytest

from data_integration_architect.lab.load import Load, settle
from data_integration_architect.lab.stack import Stack
from stack_support import assert_clean, assert_equal, every

pytestmark = pytest.mark.stack


def test_transfers_survive_faults(transfer: Stack) -> None:
    Load(transfer, seed=1).run(150)
    assert_equal(transfer)
    answer: dict[str, Any] = settle(transfer, 5)[0].to_data()
    assert answer["accepted"] > 50 and answer["rejected"] > 5
    consumers = sorted(transfer.consumers)
    faults = every(consumers, "kill", range(0, 20, 2)) + every(["accounts_a", "accounts_b"], "kill", range(0, 20, 2))
    faults += every(["kafka", "connect"], "kill", [10])
    faults += every(["accounts_a", "accounts_b", "kafka"], "cut", [4, 12])
    faults += every(consumers, "duplicate", [5, 15]) + every(consumers, "pause", [8])
    assert_clean(transfer, faults, 13)

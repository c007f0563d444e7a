"""The retailer with MariaDB as system of record and a Redis cache, on real engines."""

from __future__ import annotations

import pytest

from data_integration_architect.lab.load import Load
from data_integration_architect.lab.stack import Stack
from stack_support import (
    assert_accepted,
    assert_clean,
    assert_equal,
    every,
    is_rejected,
    new_column_and_backfill,
    recorded,
    update_beside_a_large_value,
    without_guard,
)

pytestmark = pytest.mark.stack


def test_rows_arrive(retailer_on_mariadb: Stack) -> None:
    Load(retailer_on_mariadb, seed=1).run(100)
    assert_equal(retailer_on_mariadb)


def test_a_new_column_and_a_backfill_while_writing(retailer_on_mariadb: Stack) -> None:
    new_column_and_backfill(retailer_on_mariadb, "maria", "maria")


def test_a_large_value_that_an_update_leaves_alone_stays(retailer_on_mariadb: Stack) -> None:
    update_beside_a_large_value(retailer_on_mariadb, "maria")


def test_the_model_admits_what_these_engines_did(retailer_on_mariadb: Stack) -> None:
    cache = [(name, kind, name if kind else "") for name in ("cache_product",) for kind in ("", "kill", "duplicate")]
    recordings = recorded(retailer_on_mariadb, cache)
    assert_accepted(recordings)
    assert is_rejected(retailer_on_mariadb, recordings[-1], without_guard)


def test_the_retailer_on_mariadb_survives_faults(retailer_on_mariadb: Stack) -> None:
    stack = retailer_on_mariadb
    consumers = sorted(stack.consumers)
    faults = every(consumers, "kill", [0, 4, 8, 12]) + every(["maria", "cache"], "kill", range(0, 20, 5))
    faults += every(["connect", "search", "kafka"], "kill", [10]) + every(
        ["maria", "cache", "search", "kafka"], "cut", [8]
    )
    faults += every(consumers, "duplicate", [5, 15]) + every(consumers, "reorder", [5, 15])
    assert_clean(stack, faults, 12)

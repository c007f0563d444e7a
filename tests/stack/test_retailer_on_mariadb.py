"""The retailer with MariaDB as system of record and a Redis cache, on real engines."""

from __future__ import annotations

import pytest
from shop_tests import ShopTests

from data_integration_architect.lab.faults import Fault
from data_integration_architect.lab.stack import Stack
from stack_support import every

pytestmark = pytest.mark.stack
SHOP = "mariadb"


def recorded_of(stack: Stack) -> list[tuple[str, str, str]]:
    name = "cache_product"
    return [(name, "", ""), (name, "kill", name), (name, "duplicate", name)]


def faults_of(stack: Stack) -> list[Fault]:
    consumers, stores = sorted(stack.consumers), ["maria", "cache"]
    found = every(consumers, "kill", [0, 4, 8, 12]) + every(stores, "kill", range(0, 20, 5))
    found += every(["connect", "search", "kafka"], "kill", [10]) + every([*stores, "search", "kafka"], "cut", [8])
    return found + every(consumers, "duplicate", [5, 15]) + every(consumers, "reorder", [5, 15])


class TestRetailerOnMariadb(ShopTests):
    pass

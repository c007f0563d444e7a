"""Tests on real engines: skipped with a reason unless `make stack-test` asks for them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from shop_tests import SHOPS, Shop

from data_integration_architect.lab.faults import Fault
from data_integration_architect.lab.recording import Recording
from data_integration_architect.lab.stack import Stack, stack_of
from stack_support import Engines, design_folder, fresh_engines, recorded

# Those that take longest come first, so that two workers end together.
ORDER = ("test_retailer.py", "test_retailer_on_mariadb.py", "test_transfers.py", "test_acceptance.py", "test_replay.py")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if "stack" in str(config.getoption("-m")).replace("not stack", ""):
        place = {name: number for number, name in enumerate(ORDER)}
        items.sort(key=lambda item: place.get(item.path.name, len(ORDER)))
        return
    reason = pytest.mark.skip(reason="needs Java and database servers; `make stack-test` runs it")
    for item in items:
        if item.get_closest_marker("stack"):
            item.add_marker(reason)


@pytest.fixture(scope="module")
def engines() -> Iterator[Engines]:
    """One server of each kind."""
    with fresh_engines() as found:
        yield found


@pytest.fixture(scope="module")
def shop(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    store, schema, changed = SHOPS[request.module.SHOP]
    folder = design_folder("online-retailer", tmp_path_factory.mktemp(request.module.SHOP), changed)
    with stack_of(folder, print) as stack:
        yield Shop(stack, store, schema)


@pytest.fixture(scope="module")
def recordings(request: pytest.FixtureRequest, shop: Shop) -> list[Recording]:
    return recorded(shop.stack, request.module.recorded_of(shop.stack))


@pytest.fixture(scope="module")
def faults(request: pytest.FixtureRequest, shop: Shop) -> list[Fault]:
    return list(request.module.faults_of(shop.stack))


@pytest.fixture(scope="module")
def transfer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with stack_of(design_folder("money-transfer", tmp_path_factory.mktemp("transfer")), print) as stack:
        yield stack

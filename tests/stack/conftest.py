"""Tests on real engines: skipped with a reason unless `make stack-test` asks for them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from data_integration_architect.lab.stack import Stack, stack_of
from stack_support import Engines, design_folder, fresh_engines

# Those that take longest come first, so that two workers end together.
ORDER = ("test_retailer.py", "test_transfers.py", "test_retailer_on_mariadb.py", "test_acceptance.py", "test_replay.py")


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
def retailer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    folder = design_folder("online-retailer", tmp_path_factory.mktemp("retailer"))
    with stack_of(folder, print) as stack:
        yield stack


@pytest.fixture(scope="module")
def retailer_on_mariadb(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The retailer with MariaDB as system of record and a Redis cache in place of the warehouse."""
    changed: list[tuple[str, str]] = [
        ("technology: postgresql", "technology: mariadb"), ("postgres", "maria"),
        ("technology: snowflake", "technology: redis"), ("warehouse", "cache"),
    ]  # fmt: skip
    folder: Path = design_folder("online-retailer", tmp_path_factory.mktemp("mariadb"), changed)
    with stack_of(folder, print) as stack:
        yield stack


@pytest.fixture(scope="module")
def transfer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with stack_of(design_folder("money-transfer", tmp_path_factory.mktemp("transfer")), print) as stack:
        yield stack

"""Tests on real engines: skipped with a reason unless `make stack-test` asks for them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from data_integration_architect.lab.stack import Stack, stack_of
from stack_support import Engines, design_folder, fresh_engines

# Those that take longest come first, so that two workers end together.
ORDER = ("postgresql", "mariadb-and-redis", "test_transfers.py", "test_acceptance.py", "test_replay.py")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if "stack" in str(config.getoption("-m")).replace("not stack", ""):
        for item in items:
            item.add_marker(pytest.mark.xdist_group(system_of(item)))
        items.sort(key=lambda item: ORDER.index(system_of(item)) if system_of(item) in ORDER else len(ORDER))
        return
    reason = pytest.mark.skip(reason="needs Java and database servers; `make stack-test` runs it")
    for item in items:
        if item.get_closest_marker("stack"):
            item.add_marker(reason)


def system_of(item: pytest.Item) -> str:
    """What a test needs running: those of one system go to one worker."""
    call = getattr(item, "callspec", None)
    return call.id if call is not None and "shop" in call.params else item.path.name


@pytest.fixture(scope="module")
def engines() -> Iterator[Engines]:
    """One server of each kind."""
    with fresh_engines() as found:
        yield found


@pytest.fixture(scope="module")
def transfer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with stack_of(design_folder("money-transfer", tmp_path_factory.mktemp("transfer")), print) as stack:
        yield stack

"""Readers that crash, hang or raise: the file is a problem, all others are read, in the order of the files."""

import os
import time

import pytest

from data_integration_architect.scanners import isolated
from data_integration_architect.scanners.config import lost_file
from data_integration_architect.scanners.config.configfacts import Fact, fact
from data_integration_architect.scanners.isolated import read_isolated


def unruly(path: str, text: str) -> list[Fact]:
    """A reader that does what the text says."""
    if text == "crash":
        os._exit(3)
    if text == "raise":
        raise ValueError("a bug")
    if text == "exhaust":
        raise MemoryError
    while text == "hang":
        time.sleep(0.1)
    return [fact("service", text, path, 1)]


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("size", [1, 3, 100])
def test_one_bad_file_costs_no_other(workers: int, size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(isolated, "BATCH_FILES", size)
    texts = ["a", "crash", "b", "exhaust", "raise", "c", "crash"]
    files = [(f"{number}.yaml", text) for number, text in enumerate(texts)]
    told: list[tuple[int, int]] = []
    found = read_isolated(files, unruly, lost_file, workers, lambda done, total: told.append((done, total)))
    assert [f.kind for (f,) in found] == ["service", "problem", "service", "problem", "problem", "service", "problem"]
    assert [f.path for (f,) in found] == [path for path, _ in files]
    assert told[-1] == (7, 7)


def test_a_reader_that_hangs_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(isolated, "FILE_SECONDS", 2.0)
    found = read_isolated([("a", "x"), ("b", "hang"), ("c", "y")], unruly, lost_file, 1)
    assert [(f.kind, f.text("what")) for (f,) in found] == [
        ("service", ""), ("problem", "takes too long to read"), ("service", ""),
    ]  # fmt: skip


def test_nothing_to_read() -> None:
    assert read_isolated([], unruly, lost_file, 2) == []

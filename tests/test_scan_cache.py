"""What a scan found is kept: an unchanged tree is not parsed again, anything else is, and a bad entry is none."""

import shutil
from pathlib import Path

import pytest

from data_integration_architect import discovery, scan_cache
from data_integration_architect.discovery import discover
from data_integration_architect.scan_cache import ScanCache, user_cache
from support import ROOT


@pytest.fixture
def orders(tmp_path):
    folder = tmp_path / "orders"
    shutil.copytree(ROOT / "tests" / "scanner_repos" / "orders", folder)
    return folder


@pytest.fixture
def parsed(monkeypatch):
    """How often files were parsed."""
    calls = []
    real = discovery.scan_sources
    monkeypatch.setattr(discovery, "scan_sources", lambda *given: calls.append(1) or real(*given))
    return calls


def entries(orders) -> list[Path]:
    folder = user_cache(orders).folder
    return sorted(folder.iterdir()) if folder.exists() else []


def test_an_unchanged_tree_is_not_parsed_again(orders, parsed):
    first = discover(orders, workers=0, cached=True)
    assert discover(orders, workers=0, cached=True) == first == discover(orders, workers=0)
    assert len(parsed) == 2 and len(entries(orders)) == 1


def test_a_changed_file_and_a_renamed_one_are(orders, parsed):
    discover(orders, workers=0, cached=True)
    with (orders / "orders" / "app.py").open("a", encoding="utf-8") as file:
        file.write("\n# more\n")
    discover(orders, workers=0, cached=True)
    (orders / "orders" / "app.py").rename(orders / "orders" / "main.py")
    discover(orders, workers=0, cached=True)
    assert len(parsed) == 3


def test_another_version_parses_again(orders, parsed, monkeypatch):
    discover(orders, workers=0, cached=True)
    monkeypatch.setattr(discovery, "scanner_version", lambda names: "other")
    discover(orders, workers=0, cached=True)
    assert len(parsed) == 2


@pytest.mark.parametrize("spoil", [
    lambda content: b"", lambda content: content[:-1], lambda content: content[:40] + b"x" + content[41:],
    lambda content: b"junk" * 100,
])  # fmt: skip
def test_a_spoilt_entry_is_none(orders, parsed, spoil):
    first = discover(orders, workers=0, cached=True)
    (entry,) = entries(orders)
    entry.write_bytes(spoil(entry.read_bytes()))
    assert discover(orders, workers=0, cached=True) == first and len(parsed) == 2


def test_an_entry_of_another_shape_is_none(orders, parsed):
    discover(orders, workers=0, cached=True)
    (entry,) = entries(orders)
    user_cache(orders).store(entry.name, b'{"facts": 1}')
    discover(orders, workers=0, cached=True)
    assert len(parsed) == 2


def test_nothing_is_kept_below_the_scanned_root(orders, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(orders / "cache"))
    assert user_cache(orders) is None
    discover(orders, workers=0, cached=True)
    assert not (orders / "cache").exists()


def test_without_a_place_to_write_it_is_only_slower(orders, monkeypatch, tmp_path):
    (tmp_path / "file").write_text("", encoding="utf-8")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert discover(orders, workers=0, cached=True).dual_writes


def test_the_oldest_entries_go(tmp_path, monkeypatch):
    cache = ScanCache(tmp_path / "c")
    monkeypatch.setattr(scan_cache, "MOST_BYTES", 300)
    for number in range(8):
        cache.store(f"k{number}", bytes(range(60)))
    kept = sorted(path.name for path in (tmp_path / "c").iterdir())
    assert 0 < len(kept) < 8 and kept[-1] == "k7" and cache.load("k7") == bytes(range(60))
    assert sum(path.stat().st_size for path in (tmp_path / "c").iterdir()) <= 300

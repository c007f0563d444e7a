"""Arbitrary text never raises, never hangs, and never makes a fact that breaks the boundary."""

from __future__ import annotations

import random
import unicodedata
from collections.abc import Callable

import pytest
from config_samples import SAMPLES
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from data_integration_architect.scanners.config.configfacts import Fact
from data_integration_architect.scanners.config.draft import draft
from data_integration_architect.scanners.config.located import Malformed
from data_integration_architect.scanners.config.registry import READERS, read_config, readers_for

PATHS = sorted(SAMPLES)
FRAGMENTS = (
    *"{}[]():\n\t\"'`@=;,\\\x00\ufeff\u202e\ud800é𝕏#%~\r?",
    *("- ", "$${", "${A:-", "{{", "}}", "*a", "&a ", "<<: *a", "!!x ", "---\n", "://", "\r\n", "|\n", ">-\n", "? "),
    *("<!--", "]]>", "<a b='", "CREATE TABLE ", "$$", "/*", "--", "//", "connector.class", "EOF", "<<EOF\n"),
    *("0" * 40, "a" * 300, "1e999", "    " * 30, "null", "true"),
)


def check(facts: list[Fact]) -> None:
    """Every text of a fact is short and printable."""
    for found in facts:
        texts = [found.subject] if found.kind != "problem" else []
        for value in found.attributes.values():
            texts += [value] if isinstance(value, str) else list(value) if isinstance(value, tuple) else []
        for text in texts:
            assert len(text) <= 200
            assert not any(unicodedata.category(c) in {"Cc", "Cf", "Cs"} for c in text)
        assert found.line >= 1


def run(read: Callable[[str, str], list[Fact]], path: str, text: str) -> None:
    try:
        facts = read(path, text)
    except Malformed as error:
        assert error.line >= 1
        return
    check(facts)
    draft(facts)


def mutate(text: str, seed: int) -> str:
    """A sample with a few places cut, doubled, or replaced by characters that formats care about."""
    chance = random.Random(seed)
    for _ in range(chance.randint(1, 6)):
        start = chance.randrange(len(text) + 1)
        end = min(len(text), start + chance.choice((0, 1, 3, 12, 60)))
        middle = chance.choice(
            (chance.choice(FRAGMENTS), text[start:end] * 2, chance.choice(FRAGMENTS) * chance.randint(1, 9), "")
        )
        text = text[:start] + middle + text[end:]
    return text[:20_000]


def test_every_reader_has_a_sample() -> None:
    taken = {reader.name for path, text in SAMPLES.items() for reader in readers_for(path, text)}
    assert {reader.name for reader in READERS} - taken == set()


def test_samples_give_facts_and_no_problem() -> None:
    for path in PATHS:
        facts = read_config(path, SAMPLES[path])
        assert facts, path
        assert not [f for f in facts if f.kind == "problem"], path
        assert all(1 <= f.line <= SAMPLES[path].count("\n") + 1 for f in facts), path


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.sampled_from(READERS), st.text(max_size=400))
def test_arbitrary_text_never_raises(reader: object, text: str) -> None:
    run(reader.read, "a/b/x.yml", text)  # type: ignore[attr-defined]


@settings(max_examples=250, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.sampled_from(PATHS), st.integers(0, 2**32))
def test_mutated_samples_never_raise(path: str, seed: int) -> None:
    text = mutate(SAMPLES[path], seed)
    for reader in readers_for(path, SAMPLES[path]):
        run(reader.read, path, text)
    check(read_config(path, text))


@pytest.mark.soak
@settings(max_examples=5_000, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(st.sampled_from(PATHS), st.integers(0, 2**64))
def test_many_mutated_samples_never_raise(path: str, seed: int) -> None:
    text = mutate(SAMPLES[path], seed)
    for reader in readers_for(path, SAMPLES[path]):
        run(reader.read, path, text)


@pytest.mark.soak
@settings(max_examples=5_000, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(st.sampled_from(READERS), st.text(max_size=2_000))
def test_much_arbitrary_text_never_raises(reader: object, text: str) -> None:
    run(reader.read, "a/b/x.yml", text)  # type: ignore[attr-defined]

"""Fuzzed files through every reader, of configuration and of code: no exception, no hang, no unbounded memory."""

from __future__ import annotations

import random
import resource
import signal
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import pytest
import yaml

sys.path[:0] = [str(Path(__file__).parent / name) for name in ("code", "config")]

from code_samples import clients  # noqa: E402
from config_samples import SAMPLES  # noqa: E402

from data_integration_architect.scanners.code import scan_sources  # noqa: E402
from data_integration_architect.scanners.code.languages import LANGUAGES  # noqa: E402
from data_integration_architect.scanners.config import draft  # noqa: E402
from data_integration_architect.scanners.config.located import Malformed  # noqa: E402
from data_integration_architect.scanners.config.registry import READERS, read_config  # noqa: E402

QUICK, MANY, BLOCK = 700, 100_000, 25_000
SOAK_MEGABYTES = 300
# Of one input, on the processor: a slow one takes tens of milliseconds.
MOST_SECONDS = 10.0
MOST_CHARACTERS = 6_000
PIECES = (
    *"{}[]()<>:;,.=\n\t\"'`@#$%&*|\\/~?!-+\x00\ufeff\u202e\ud800é𝕏",
    *(
        "- ",
        "${A:-",
        "{{",
        "}}",
        "*a",
        "&a ",
        "<<: *a",
        "---\n",
        "://",
        "\r\n",
        ">-\n",
        "<!--",
        "]]>",
        "$$",
        "/*",
        "*/",
    ),
    *("#if X\n", "#endif\n", "async ", "await ", "class A extends A {", "import a from './a';", "from . import *\n"),
    *(
        "func (s *S) ",
        "ch <- ",
        "=> ",
        "->",
        "<?php ",
        "?>",
        "namespace A;",
        "using var ",
        "fun A.a() = ",
        "@A(b = @C)",
    ),
    *("INSERT INTO t ", "sql`${", "def f(*a, **k):\n", "lambda: ", "0" * 40, "a" * 300, "    " * 30, "(" * 50),
)


def sources() -> list[tuple[str, str]]:
    """Files of the idioms, as seeds of every language."""
    folder = Path(__file__).parent / "code" / "idioms"
    cases = [case for path in sorted(folder.glob("*.yaml")) for case in yaml.safe_load(path.read_text("utf-8"))]
    return [(path, text) for case in cases for path, text in case["files"].items()]


SEEDS = (*sources(), *sorted(SAMPLES.items()))


def fuzzed(seed: int) -> tuple[str, str]:
    """A seed file cut, doubled, and spliced with others; now and then under another's name."""
    chance = random.Random(seed)
    path, text = chance.choice(SEEDS)
    for _ in range(chance.randint(1, 8)):
        start = chance.randrange(len(text) + 1)
        end = min(len(text), start + chance.choice((0, 1, 3, 12, 60, 400)))
        other = chance.choice(SEEDS)[1]
        at = chance.randrange(len(other) + 1)
        piece = chance.choice(
            (chance.choice(PIECES), chance.choice(PIECES) * chance.randint(2, 40), text[start:end] * 2,
             other[at : at + chance.choice((5, 40, 300))], "")
        )  # fmt: skip
        text = text[:start] + piece + text[end:]
    if chance.random() < 0.1:
        path = chance.choice((chance.choice(SEEDS)[0], "a" + chance.choice(sorted(LANGUAGES))))
    return path, text[:MOST_CHARACTERS]


@contextmanager
def on_time() -> Iterator[None]:
    """Ends what runs on the processor for too long with an error."""

    def ring(number: int, frame: FrameType | None) -> None:
        raise TimeoutError

    before = signal.signal(signal.SIGVTALRM, ring)
    signal.setitimer(signal.ITIMER_VIRTUAL, MOST_SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


def run(numbers: range) -> Counter[str]:
    """Every input through the readers of its name, one configuration reader of any format, and the code scan."""
    ran: Counter[str] = Counter()
    known = clients()
    for number in numbers:
        path, text = fuzzed(number)
        with on_time():
            if path.endswith(tuple(LANGUAGES)):
                scan_sources([(path, text.encode("utf-8", "surrogatepass"))], known, workers=0)
                ran["code"] += 1
            else:
                draft(read_config(path, text))
                ran["configuration"] += 1
            if number % 8 == 0:
                try:
                    READERS[number // 8 % len(READERS)].read(path, text)
                except (Malformed, RecursionError):  # what `read_config` turns into a problem
                    ran["refused"] += 1
    return ran


def megabytes() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def test_fuzzed_files() -> None:
    ran = run(range(QUICK))
    assert ran["code"] > QUICK // 3 and ran["configuration"] > QUICK // 10


@pytest.mark.soak
@pytest.mark.parametrize("start", range(0, MANY, BLOCK))
def test_a_hundred_thousand_fuzzed_files(start: int, capsys: pytest.CaptureFixture[str]) -> None:
    ran = run(range(start, start + BLOCK // 25))
    before = megabytes()
    ran += run(range(start + BLOCK // 25, start + BLOCK))
    grown = megabytes() - before
    with capsys.disabled():
        print(
            f"\n{BLOCK} fuzzed files: {ran['code']} of code, {ran['configuration']} of configuration; {grown} MB more"
        )
    assert ran["code"] + ran["configuration"] == BLOCK
    assert grown < SOAK_MEGABYTES

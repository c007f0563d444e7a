"""Each library's own idioms: a write through it beside another store is found, with the right systems."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from code_samples import found, scan_files

FOLDER = Path(__file__).parent / "idioms"
CASES = [
    pytest.param(case, id=f"{path.stem}: {case['name']}")
    for path in sorted(FOLDER.glob("*.yaml"))
    for case in yaml.safe_load(path.read_text(encoding="utf-8"))
]


@pytest.mark.parametrize("case", CASES)
def test_idiom(case: dict[str, Any]) -> None:
    findings = found(scan_files(case["files"]))
    assert [f"{name}: {', '.join(sorted(systems))} ({class_})" for name, systems, class_, _ in findings] == case[
        "found"
    ]

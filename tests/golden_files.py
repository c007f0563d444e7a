"""Golden files: `REWRITE_GOLDEN=1 pytest …` writes them anew; read the diff before committing it."""

import os

from support import ROOT

FOLDER = ROOT / "tests" / "golden"


def assert_golden(name: str, text: str) -> None:
    path = FOLDER / name
    if os.environ.get("REWRITE_GOLDEN"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="\n")
    assert path.is_file(), f"no golden file {name}; run with REWRITE_GOLDEN=1"
    assert text == path.read_text(encoding="utf-8"), f"{name} changed; run with REWRITE_GOLDEN=1 and read the diff"

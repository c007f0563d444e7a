"""Seconds and memory of a discovery: the first run, the second on the unchanged tree, and semgrep on plain rules.

usage: speed.py FOLDER [--semgrep PROGRAM]
FOLDER is scanned as it is; a tree of one million lines shows the bar. The rules are beside this file. Without
PROGRAM semgrep is looked for on the path; a line says so where it is absent.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
RUN = """
import json, resource, sys
from pathlib import Path
from data_integration_architect.discovery import discover
if __name__ == "__main__":
    found = discover(Path(sys.argv[1]), cached=True)
    peak = max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    print(json.dumps({"lines": found.files.lines, "dual_writes": len(found.dual_writes), "megabytes": peak // 1024}))
"""


def timed(command: list[str], environment: dict[str, str]) -> tuple[float, float, str]:
    """Seconds on the clock, seconds of all processors, and what the command printed."""
    before, begin = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    answer = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    seconds, after = time.perf_counter() - begin, resource.getrusage(resource.RUSAGE_CHILDREN)
    if answer.returncode not in (0, 1):
        raise SystemExit(answer.stderr[-2000:])
    return seconds, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, answer.stdout


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--semgrep")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        program = Path(scratch) / "run.py"
        program.write_text(RUN, encoding="utf-8")
        environment = {**os.environ, "XDG_CACHE_HOME": scratch, "PYTHONPATH": str(ROOT / "server")}
        command = [sys.executable, str(program), str(options.folder)]
        rows = []
        for name in ("first run", "second run"):
            seconds, processors, printed = timed(command, environment)
            rows.append((name, seconds, processors, json.loads(printed)))
        print(f"{rows[0][3]['lines']} lines, {rows[0][3]['dual_writes']} findings")
        for name, seconds, processors, found in rows:
            print(f"{name:<12} {seconds:7.1f} s  {processors:7.1f} s of processors  {found['megabytes']:5} MB")
        print(f"first / second: {rows[0][1] / rows[1][1]:.1f} (bar: 5)")
        semgrep = options.semgrep or shutil.which("semgrep")
        if semgrep is None:
            print("semgrep      absent: not compared (bar: 5 times as fast)")
        else:
            rules = str(HERE / "semgrep-rules.yaml")
            flags = ["scan", "--config", rules, "--json", "--metrics=off", "--disable-version-check", "-j", "2", "-q"]
            seconds, processors, printed = timed([semgrep, *flags, str(options.folder)], environment)
            matches = len(json.loads(printed)["results"])
            print(f"semgrep      {seconds:7.1f} s  {processors:7.1f} s of processors  {matches} matches")
            print(f"semgrep / first: {seconds / rows[0][1]:.1f} (bar: 5)")


if __name__ == "__main__":
    main()

"""Scan a folder of checkouts (`owner+name`) and score the dual writes against labels.

usage: score_corpus.py CHECKOUTS OUT [--score score.py] [--labels labels.yaml] [--only name,...] [--workers N]
Writes OUT/findings.jsonl and OUT/stores.jsonl, and runs the score script on them where one is given.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path[:0] = [str(ROOT / "server"), str(HERE)]

from walk import client_documents, read_tree  # noqa: E402

from data_integration_architect.scanners.code import load_clients, scan_sources  # noqa: E402


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("checkouts", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--score", type=Path)
    parser.add_argument("--labels", type=Path)
    parser.add_argument("--only", default="")
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    clients = load_clients(client_documents(ROOT / "knowledge" / "clients"))
    options.out.mkdir(parents=True, exist_ok=True)
    findings, stores = options.out / "findings.jsonl", options.out / "stores.jsonl"
    lines = 0
    started = time.perf_counter()
    with findings.open("w", encoding="utf-8") as found, stores.open("w", encoding="utf-8") as used:
        for folder in sorted(path for path in options.checkouts.iterdir() if path.is_dir()):
            if options.only and not any(word in folder.name for word in options.only.split(",")):
                continue
            repo = folder.name.replace("+", "/", 1)
            at = time.perf_counter()
            scan = scan_sources(read_tree(folder), clients, workers=options.workers)
            lines += scan.lines
            for write in scan.dual_writes:
                row = {
                    "repo": repo,
                    "path": write.path,
                    "function": write.function,
                    "line": write.line,
                    "end_line": write.end_line,
                    "systems": list(write.systems),
                    "class": write.class_,
                    "kind": write.kind,
                    "order": write.order,
                    "confidence": write.confidence,
                    "reason": write.reason,
                }
                found.write(json.dumps(row) + "\n")
            used.write(json.dumps({"repo": repo, "stores": [store.technology for store in scan.stores]}) + "\n")
            took = time.perf_counter() - at
            print(
                f"{repo:55} {scan.files:5} files {scan.lines:7} lines {len(scan.dual_writes):4} findings "
                f"{took:6.1f} s {scan.skipped}"
            )
    took = time.perf_counter() - started
    print(f"{lines} lines in {took:.1f} s")
    if options.score:
        labels = ["--labels", str(options.labels)] if options.labels else []
        command = [sys.executable, str(options.score), str(findings), "--inventory", str(stores), "--list", *labels]
        sys.exit(subprocess.run(command, check=False).returncode)


if __name__ == "__main__":
    main()

"""Ends what a lab started when the command that started it is gone: `python guard.py FOLDER`, commands on stdin.

The pipe ends with the command, however that ends. `keep` before the end means that the lab goes on without it.
Stands alone: it must start fast and run with nothing installed.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
import time
from pathlib import Path

MARK = "LAB_FOLDER"
END_SECONDS = 15.0


def processes_of(folder: Path, name: str = "environ") -> list[int]:
    """Ids of the processes that a lab in this folder started, by the mark in their environment (`environ`), or those
    that work below the folder (`cwd`)."""
    found = []
    wanted = os.fsencode(folder)
    for entry in Path("/proc").iterdir():
        if not entry.name.isdecimal() or int(entry.name) == os.getpid():
            continue
        try:
            if name == "cwd":
                marks = [os.fsencode(os.readlink(entry / "cwd"))]
            else:
                parts = (entry / "environ").read_bytes().split(b"\0")
                marks = [p.partition(b"=")[2] for p in parts if p.startswith(MARK.encode() + b"=")]
        except OSError:
            # Gone meanwhile, or another account's.
            continue
        if any(mark == wanted or mark.startswith(wanted + b"/") for mark in marks):
            found.append(int(entry.name))
    return sorted(found)


def end_all(folder: Path) -> list[int]:
    """Kills every process of a lab and removes its folder; ids of processes that are still there after all.

    A server's own children end when they see that it is gone; they are waited for, since their mark may be overwritten
    by the title that they give themselves.
    """
    deadline = time.monotonic() + END_SECONDS
    while left := {*processes_of(folder), *processes_of(folder, "cwd")}:
        for process_id in processes_of(folder):
            try:
                os.kill(process_id, signal.SIGKILL)
            except OSError:
                continue
        if time.monotonic() > deadline:
            break
        time.sleep(0.05)
    shutil.rmtree(folder, ignore_errors=True)
    return sorted(left)


def main(folder: str) -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    if sys.stdin.buffer.read().strip() != b"keep":
        end_all(Path(folder))


if __name__ == "__main__":
    main(sys.argv[1])

"""A process that answers tools, one call after the other, and that may be ended in the middle of one.

Both sides of its pipe speak plain data. In: (name, arguments). Out, for each: ("progress", share, words) any number of
times, share from 0 to 1 and growing; then ("done", answer), ("refused", message) for our own errors, or
("failed", traceback).

The engines are imported by the process, and not by the server that starts it.
"""

from __future__ import annotations

import os
import signal
import traceback
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from multiprocessing.connection import Connection
from typing import Any

from data_integration_architect.errors import ArchitectError
from data_integration_architect.garbage import collect_rarely

Tell = Callable[[float, str], None]

# At which share of the whole each phase of a discovery begins.
PHASES = {"listing files": 0.0, "reading configuration": 0.1, "reading code": 0.3, "judging": 0.9}
# How much of what is left one round of searches takes; those that need more states come again.
ROUND = 0.7


def serve_answers(pipe: Connection) -> None:
    """Answers calls until the other side closes the pipe; searches that it has begun then end without an answer."""
    from data_integration_architect.workers import Stopped

    _step_aside()
    collect_rarely()
    while True:
        try:
            name, arguments = pipe.recv()
        except EOFError:
            return
        try:
            told = _told(pipe, name, arguments)
            pipe.send(told)
        except (BrokenPipeError, Stopped):
            return


def _step_aside() -> None:
    """Out of the way of the server: Ctrl-C is for it alone, and so are its standard input and output."""
    with suppress(AttributeError, OSError):
        os.setpgid(0, 0)  # searches belong to the group, and are ended with it
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)
    os.dup2(nothing, 1)
    os.close(nothing)


def _told(pipe: Connection, name: str, arguments: tuple[Any, ...]) -> tuple[str, Any]:
    from data_integration_architect import answers
    from data_integration_architect.workers import Stopped, run_jobs

    def tell(share: float, words: str) -> None:
        pipe.send(("progress", share, words))

    try:
        function: Callable[..., answers.Answer] = getattr(answers, name)
        if name == "answer_discovery":
            return "done", function(*arguments, tell=_phases(tell))
        if name not in CHECKING:
            return "done", function(*arguments)
        # Nothing is sent while an answer is awaited: what can be read then is the end of the pipe.
        run = partial(run_jobs, progress=_rounds(tell), is_cancelled=pipe.poll)
        return "done", function(*arguments, run=run)
    except ArchitectError as error:
        return "refused", str(error)
    except (BrokenPipeError, Stopped):
        raise
    except Exception:
        return "failed", traceback.format_exc()


CHECKING = frozenset({"answer_review", "answer_view", "answer_design"})


def _rounds(tell: Tell) -> Callable[[int, int], None]:
    """Progress of several rounds of searches, of which nobody knows how many come."""
    begin = 0.0

    def progress(done: int, total: int) -> None:
        nonlocal begin
        share = begin + (1 - begin) * ROUND * done / total
        tell(share, f"checked {done} of {total}")
        begin = share if done == total else begin

    return progress


def _phases(tell: Tell) -> Callable[[str, int, int], None]:
    def progress(phase: str, done: int, total: int) -> None:
        start = PHASES[phase]
        end = min((other for other in PHASES.values() if other > start), default=1.0)
        count = f" {done}/{total} files" if total else f" {done} files" if done else ""
        tell(start + ((end - start) * done / total if total else 0), phase + count)

    return progress

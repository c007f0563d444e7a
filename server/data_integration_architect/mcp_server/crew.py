"""Worker processes that compute answers beside the event loop. A cancellation ends the process at once.

A process is kept when it has answered, since it has what it computed: the views of one topology are asked in turn.
"""

from __future__ import annotations

import atexit
import multiprocessing
import multiprocessing.util  # its own clean-up at exit waits for processes; ours, which ends them, has to run before
import os
import signal
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import cache
from typing import Any

import anyio.to_thread

from data_integration_architect.answer_process import serve_answers

# Calls at once: those that may take long (searches, repositories, large topologies), and all others.
MOST_LONG = 2
MOST_SHORT = 2
POLL_SECONDS = 0.2
LOST = "the answer was lost: its process ran out of memory or was ended from outside; try a smaller topology"

Answer = tuple[dict[str, Any], str]
Tell = Callable[[float, str], Awaitable[None]]


class Refused(Exception):
    """One of our own errors, with its message for the caller."""


_idle: list[_Worker] = []


async def computed(name: str, arguments: tuple[Any, ...], tell: Tell) -> Answer:
    """The answer of the function `name` of `answers`; `tell` is told the share that is done and words for it.

    Raises: Refused; RuntimeError for what is a bug.
    """
    worker = _free_worker()
    if worker is None:
        # In a thread, because the first one waits until what it is forked from has imported the engines.
        worker = await anyio.to_thread.run_sync(_Worker)
    is_sound = False
    try:
        answer = await worker.answer(name, arguments, tell)
        is_sound = True
    except Refused:
        is_sound = True
        raise
    except EOFError:
        raise Refused(LOST) from None
    finally:
        if is_sound:
            _idle.append(worker)
        else:
            worker.end()
    return answer


def _free_worker() -> _Worker | None:
    while _idle:
        worker = _idle.pop()  # the last one: it has most likely judged the same topology
        if worker.process.is_alive():
            return worker
        worker.end()
    return None


@atexit.register
def _end_all() -> None:
    while _idle:
        _idle.pop().end()


class _Worker:
    def __init__(self) -> None:
        context = _context()
        self.pipe, other = context.Pipe()
        # No daemon: searches and parsers are processes of its own.
        self.process = context.Process(target=serve_answers, args=(other,))
        self.process.start()
        other.close()

    async def answer(self, name: str, arguments: tuple[Any, ...], tell: Tell) -> Answer:
        with suppress(BrokenPipeError):
            await anyio.to_thread.run_sync(self.pipe.send, (name, arguments))
        while True:
            told = await anyio.to_thread.run_sync(self._told)
            if told is None:
                continue
            kind, *rest = told
            if kind == "progress":
                await tell(*rest)
            elif kind == "refused":
                raise Refused(rest[0])
            elif kind == "done":
                answer: Answer = rest[0]
                return answer
            else:
                raise RuntimeError(rest[0])

    def _told(self) -> tuple[Any, ...] | None:
        """The next message, or None after a short wait: a thread that waits cannot be cancelled."""
        try:
            told: tuple[Any, ...] | None = self.pipe.recv() if self.pipe.poll(POLL_SECONDS) else None
        except ConnectionResetError:
            raise EOFError from None
        return told

    def end(self) -> None:
        """Ends the process and all that it has started."""
        if self.process.pid is not None and hasattr(os, "killpg"):
            with suppress(ProcessLookupError, PermissionError):  # it may not lead a group yet, or no longer be there
                os.killpg(self.process.pid, signal.SIGKILL)
        self.process.kill()
        self.process.join()
        self.pipe.close()


@cache
def _context() -> Any:
    """From a server of forks that has the knowledge already, where there is one."""
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["data_integration_architect.warm"])
    return context

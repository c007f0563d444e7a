"""Searches in worker processes: one for each core, each with a limit of memory, all ended by a cancellation."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection, wait
from typing import Any

from data_integration_architect.checking import Described, Job, Outcome, alike, run_job, shared
from data_integration_architect.garbage import collect_rarely
from data_integration_architect.modelcheck.search import Elsewhere
from data_integration_architect.topology import Topology

# A search keeps at most about 140 bytes a state; this is for a thousand times the default budget and a topology.
MEMORY_BYTES = 1024**3
POLL_SECONDS = 0.05
LOST = "the search ended without an answer: out of memory, or ended from outside"

Progress = Callable[[int, int], None]


class Stopped(Exception):
    """Somebody cancelled; there is no answer."""


def _never() -> bool:
    return False


def run_jobs(
    topology: Topology,
    jobs: Sequence[Job],
    *,
    progress: Progress | None = None,
    is_cancelled: Callable[[], bool] = _never,
    most: int | None = None,
) -> list[Outcome]:
    """Outcomes in the order of the jobs; `progress` is told (done, all).

    Raises: Stopped, once `is_cancelled` says so; no worker outlives the call.
    """
    found: dict[int, Outcome] = {}
    waiting = alike(jobs)
    crew: dict[Connection, _Worker] = {}
    try:
        for _ in range(min(most or os.cpu_count() or 1, len(waiting))):
            worker = _Worker(topology)
            crew[worker.pipe] = worker
            worker.take(waiting.pop(0), jobs)
        while crew:
            if is_cancelled():
                raise Stopped("the check was cancelled")
            for pipe in wait(list(crew), POLL_SECONDS):
                assert isinstance(pipe, Connection)  # noqa: S101 - only pipes were given
                worker = crew[pipe]
                outcome = worker.answer()
                found[worker.numbers.pop(0)] = outcome or Outcome(None, LOST)
                if progress is not None:
                    progress(len(found), len(jobs))
                if outcome is None:
                    waiting = [worker.numbers, *waiting] if worker.numbers else waiting
                    worker.numbers = []
                if worker.numbers:
                    continue
                if outcome is None or not waiting:
                    worker.end()
                    del crew[pipe]
                if outcome is None and waiting:
                    worker = _Worker(topology)
                    crew[worker.pipe] = worker
                if waiting:
                    worker.take(waiting.pop(0), jobs)
    finally:
        for worker in crew.values():
            worker.end()
    return [found[number] for number in range(len(jobs))]


class _Worker:
    """A process that answers one job after the other."""

    def __init__(self, topology: Topology) -> None:
        context = _context()
        self.pipe, other = context.Pipe()
        self.numbers: list[int] = []
        self.process = context.Process(target=_work, args=(other, topology), daemon=True)
        with _interrupts_held():
            self.process.start()
        other.close()

    def take(self, numbers: list[int], jobs: Sequence[Job]) -> None:
        """Gives the process jobs that share searches; it answers them one by one."""
        self.numbers = list(numbers)
        with suppress(BrokenPipeError):
            self.pipe.send([jobs[number] for number in numbers])

    def answer(self) -> Outcome | None:
        """What came out of the last job; None where the process is gone. Raises: what the job raised."""
        try:
            kind, told = self.pipe.recv()
        except (EOFError, ConnectionResetError):
            return None
        if kind == "failed":
            raise told
        outcome: Outcome | None = told
        return outcome

    def end(self) -> None:
        self.process.kill()
        self.process.join()
        self.pipe.close()


@contextmanager
def _interrupts_held() -> Iterator[None]:
    """An interrupt waits until a process is started: in the middle of a fork both sides would go on as this one. The
    other side begins with interrupts held, so that none reaches it before it ignores them.
    """
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _context() -> Any:
    """How processes start: a fork where nothing else runs in this one, else from a server that has no threads."""
    known = multiprocessing.get_all_start_methods()
    if "fork" in known and threading.active_count() == 1:
        return multiprocessing.get_context("fork")
    if "forkserver" not in known:
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["data_integration_architect.workers"])
    return context


def _work(pipe: Connection, topology: Topology) -> None:
    """Answers jobs until the other side closes; whoever closes it in the middle of a search stops the search."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    collect_rarely()
    _limit_memory()
    described, elsewhere = Described(topology), Elsewhere()
    while True:
        try:
            jobs: list[Job] = pipe.recv()
        except EOFError:
            return
        known = shared(jobs, elsewhere)
        for job in jobs:
            answer: tuple[str, Any]
            try:
                answer = ("done", run_job(topology, job, pipe.poll, known, described))
            except MemoryError:
                answer = ("done", Outcome(None, LOST))
            except Exception as error:  # shown by the process that asked
                answer = ("failed", error)
            try:
                pipe.send(answer)
            except BrokenPipeError:
                return


def _limit_memory() -> None:
    try:
        import resource
    except ImportError:  # not a POSIX system; the budget of states is the only limit there
        return
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    limit = MEMORY_BYTES if hard == resource.RLIM_INFINITY else min(MEMORY_BYTES, hard)
    resource.setrlimit(resource.RLIMIT_AS, (limit, hard))

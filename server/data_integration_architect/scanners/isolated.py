"""Files read in worker processes: one that crashes, hangs or exhausts its worker is lost alone, not the scan."""

from __future__ import annotations

import multiprocessing
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from multiprocessing.connection import Connection, wait
from typing import Generic, TypeAlias, TypeVar

# A worker's limits; they stand in the table of SECURITY.md as well.
FILE_SECONDS = 20.0
# A process starts slowly on a busy machine; that is no fault of the first file.
START_SECONDS = 120.0
MEMORY_BYTES = 2 * 1024**3
BATCH_CHARACTERS = 400_000
BATCH_FILES = 100
# Deep nesting is refused by the readers; this only keeps their recursion from ending before that.
RECURSION = 6_000

CRASHED, TOO_SLOW, TOO_MUCH_MEMORY = "crashed", "too-slow", "too-much-memory"

T = TypeVar("T")
File: TypeAlias = "tuple[str, str]"


def read_isolated(
    files: Sequence[File],
    read: Callable[[str, str], T],
    lost: Callable[[str, str], T],
    workers: int = 2,
    progress: Callable[[int, int], None] | None = None,
) -> list[T]:
    """What `read(path, text)` gives for each file, in the order of the files.

    `lost(path, reason)` speaks for a file that its worker was lost to: crashed, too-slow or too-much-memory. `read`
    is a function that another process can import; `workers=0` calls it in this process. Paths are distinct.
    Raises: RuntimeError if no worker can start.
    """
    if workers <= 0:
        before = sys.getrecursionlimit()
        sys.setrecursionlimit(max(before, RECURSION))
        try:
            return [read(path, text) for path, text in files]
        finally:
            sys.setrecursionlimit(before)
    found: dict[str, T] = {}
    pool = _Pool(list(batches(files)), workers, read, lost)
    try:
        for batch, results in pool.run():
            for (path, _), own in zip(batch, results, strict=True):
                found[path] = own
            if progress is not None:
                progress(len(found), len(files))
    finally:
        pool.close()
    return [found[path] for path, _ in files]


def batches(files: Sequence[File]) -> Iterator[list[File]]:
    """Files in groups of about BATCH_CHARACTERS, at most BATCH_FILES."""
    batch: list[File] = []
    size = 0
    for path, text in files:
        batch.append((path, text))
        size += len(text)
        if size > BATCH_CHARACTERS or len(batch) >= BATCH_FILES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


class _Worker(Generic[T]):
    """One process; it answers for one file after the other, so that it is known which one it was lost to."""

    def __init__(self, read: Callable[[str, str], T]) -> None:
        context = multiprocessing.get_context("spawn")
        self.pipe, other = context.Pipe()
        self.process = context.Process(target=_serve, args=(other, read), daemon=True)
        self.process.start()
        other.close()
        self.has_started = False
        self.batch: list[File] = []
        self.results: list[T] = []

    def give(self, batch: list[File]) -> None:
        self.batch, self.results = batch, []
        with suppress(OSError):  # A process that is gone shows when its answer is read.
            self.pipe.send(batch)

    def stop(self) -> None:
        self.process.kill()
        self.process.join()
        self.pipe.close()


class _Pool(Generic[T]):
    def __init__(
        self, work: list[list[File]], size: int, read: Callable[[str, str], T], lost: Callable[[str, str], T]
    ) -> None:
        self.waiting = work[::-1]
        self.read, self.lost = read, lost
        self.workers = [_Worker(read) for _ in range(min(size, len(work)))]

    def run(self) -> Iterator[tuple[list[File], list[T]]]:
        """(batch, result of each file) as they finish."""
        busy = [worker for worker in self.workers if self.next_batch(worker)]
        while busy:
            # Every worker answers at least once in FILE_SECONDS; if none has, all of them hang.
            patience = FILE_SECONDS if all(worker.has_started for worker in busy) else START_SECONDS
            ready = wait([worker.pipe for worker in busy], timeout=patience)
            for worker in [w for w in busy if w.pipe in ready] if ready else list(busy):
                reason = "" if ready else TOO_SLOW
                if not reason:
                    try:
                        is_first, answer = worker.pipe.recv()
                        if is_first:
                            worker.has_started = True
                        else:
                            worker.results.append(self.lost(*answer) if isinstance(answer, _Lost) else answer)
                    except (EOFError, OSError):
                        reason = CRASHED
                if reason:
                    busy.remove(worker)
                    worker = self.replaced(worker, reason)
                    busy.append(worker)
                if len(worker.results) == len(worker.batch):
                    yield worker.batch, worker.results
                    if not self.next_batch(worker):
                        busy.remove(worker)

    def next_batch(self, worker: _Worker[T]) -> bool:
        if not self.waiting:
            return False
        worker.give(self.waiting.pop())
        return True

    def replaced(self, worker: _Worker[T], reason: str) -> _Worker[T]:
        """A new worker that goes on behind the file that the old one was lost to."""
        if not worker.has_started:
            raise RuntimeError("no worker process starts; a script that scans needs `if __name__ == '__main__':`")
        worker.stop()
        made = _Worker(self.read)
        self.workers[self.workers.index(worker)] = made
        results = [*worker.results, self.lost(worker.batch[len(worker.results)][0], reason)]
        made.give(worker.batch[len(results) :])
        made.batch, made.results = worker.batch, results
        return made

    def close(self) -> None:
        for worker in self.workers:
            worker.stop()


class _Lost(tuple[str, str]):
    """(path, reason) in place of a result."""


def _serve(pipe: Connection, read: Callable[[str, str], T]) -> None:
    """Runs in the worker until the other side is gone."""
    # An interrupt reaches the whole group of processes; the one that asks decides and ends this one.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _limit_memory()
    sys.setrecursionlimit(RECURSION)
    with suppress(BrokenPipeError):
        pipe.send((True, None))
    while True:
        try:
            batch: list[File] = pipe.recv()
        except (EOFError, OSError):
            return
        for path, text in batch:
            try:
                result: T | _Lost = read(path, text)
            except MemoryError:
                result = _Lost((path, TOO_MUCH_MEMORY))
            with suppress(BrokenPipeError):
                pipe.send((False, result))


def _limit_memory() -> None:
    try:
        import resource
    except ImportError:  # Not every system can.
        return
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))

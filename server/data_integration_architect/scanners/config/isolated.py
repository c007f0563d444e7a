"""Configuration files read in worker processes: one that crashes, hangs or exhausts its worker is only a problem."""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from multiprocessing.connection import Connection, wait
from typing import TypeAlias

from data_integration_architect.scanners.config.configfacts import Fact, problem
from data_integration_architect.scanners.config.registry import read_config

# A worker's limits; they stand in the table of SECURITY.md as well.
FILE_SECONDS = 20.0
# A process starts slowly on a busy machine; that is no fault of the first file.
START_SECONDS = 120.0
MEMORY_BYTES = 2 * 1024**3
BATCH_CHARACTERS = 400_000
BATCH_FILES = 100

File: TypeAlias = "tuple[str, str]"
Read: TypeAlias = "Callable[[str, str], list[Fact]]"


def read_isolated(
    files: Sequence[File],
    workers: int = 2,
    progress: Callable[[int, int], None] | None = None,
    read: Read = read_config,
) -> list[Fact]:
    """Facts of all files, given as (path, text), in the order of the files; `workers=0` reads in this process.

    `read` is a function that another process can import.
    """
    if workers <= 0:
        return [fact for path, text in files for fact in read(path, text)]
    found: dict[str, list[Fact]] = {}
    pool = _Pool(list(_batches(files)), workers, read)
    try:
        for batch, facts in pool.run():
            for (path, _), own in zip(batch, facts, strict=True):
                found[path] = own
            if progress is not None:
                progress(len(found), len(files))
    finally:
        pool.close()
    return [fact for path, _ in files for fact in found[path]]


def _batches(files: Sequence[File]) -> Iterator[list[File]]:
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


class _Worker:
    """One process; it answers for one file after the other, so that it is known which one it was lost to."""

    def __init__(self, read: Read) -> None:
        context = multiprocessing.get_context("spawn")
        self.pipe, other = context.Pipe()
        self.process = context.Process(target=_serve, args=(other, read), daemon=True)
        self.process.start()
        other.close()
        self.has_started = False
        self.batch: list[File] = []
        self.facts: list[list[Fact]] = []

    def give(self, batch: list[File]) -> None:
        self.batch, self.facts = batch, []
        with suppress(OSError):  # A process that is gone shows when its answer is read.
            self.pipe.send(batch)

    def stop(self) -> None:
        self.process.kill()
        self.process.join()
        self.pipe.close()


class _Pool:
    def __init__(self, work: list[list[File]], size: int, read: Read) -> None:
        self.waiting = work[::-1]
        self.read = read
        self.workers = [_Worker(read) for _ in range(min(size, len(work)))]

    def run(self) -> Iterator[tuple[list[File], list[list[Fact]]]]:
        """(batch, facts of each file) as they finish."""
        busy = [worker for worker in self.workers if self.next_batch(worker)]
        while busy:
            # Every worker answers at least once in FILE_SECONDS; if none has, all of them hang.
            patience = FILE_SECONDS if all(worker.has_started for worker in busy) else START_SECONDS
            ready = wait([worker.pipe for worker in busy], timeout=patience)
            for worker in [w for w in busy if w.pipe in ready] if ready else list(busy):
                lost = "" if ready else "takes too long to read"
                if not lost:
                    try:
                        answer = worker.pipe.recv()
                        if answer is None:
                            worker.has_started = True
                        else:
                            worker.facts.append(answer)
                    except (EOFError, OSError):
                        lost = "cannot be read: it breaks its reader"
                if lost:
                    busy.remove(worker)
                    worker = self.replaced(worker, lost)
                    busy.append(worker)
                if len(worker.facts) == len(worker.batch):
                    yield worker.batch, worker.facts
                    if not self.next_batch(worker):
                        busy.remove(worker)

    def next_batch(self, worker: _Worker) -> bool:
        if not self.waiting:
            return False
        worker.give(self.waiting.pop())
        return True

    def replaced(self, worker: _Worker, what: str) -> _Worker:
        """A new worker that goes on behind the file that the old one was lost to."""
        worker.stop()
        made = _Worker(self.read)
        self.workers[self.workers.index(worker)] = made
        path = worker.batch[len(worker.facts)][0]
        facts = [*worker.facts, [problem(path, 1, what)]]
        made.give(worker.batch[len(facts) :])
        made.batch, made.facts = worker.batch, facts
        return made

    def close(self) -> None:
        for worker in self.workers:
            worker.stop()


def _serve(pipe: Connection, read: Read) -> None:
    """Runs in the worker until the other side is gone."""
    # An interrupt reaches the whole group of processes; the one that asks decides and ends this one.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _limit_memory()
    pipe.send(None)
    while True:
        try:
            batch: list[File] = pipe.recv()
        except (EOFError, OSError):
            return
        for path, text in batch:
            try:
                facts = read(path, text)
            except MemoryError:
                facts = [problem(path, 1, "takes too much memory to read")]
            with suppress(BrokenPipeError):
                pipe.send(facts)


def _limit_memory() -> None:
    try:
        import resource
    except ImportError:  # Not every system can.
        return
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))

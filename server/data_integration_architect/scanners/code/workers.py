"""Parsing in worker processes: a file that crashes, hangs or exhausts its worker is skipped, not the scan."""

from __future__ import annotations

import multiprocessing
import sys
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from multiprocessing.connection import Connection
from typing import TypeAlias

from .ir import Module
from .parse import parse_source

Batch: TypeAlias = "list[tuple[str, str]]"
Parsed: TypeAlias = "list[Module | str]"

BATCH_CHARS = 400_000
FILE_SECONDS = 10.0
BATCH_SECONDS = 60.0
MEMORY_BYTES = 2 * 1024**3
RECURSION = 6_000


def parse_all(
    files: Sequence[tuple[str, str]], workers: int, progress: Callable[[int, int], None] | None = None
) -> list[tuple[str, Module | str]]:
    """Modules or reasons in the order of the files; `workers=0` parses in this process."""
    if workers <= 0:
        before = sys.getrecursionlimit()
        sys.setrecursionlimit(max(before, RECURSION))
        try:
            return [(path, parse_source(path, text)) for path, text in files]
        finally:
            sys.setrecursionlimit(before)
    found: dict[str, Module | str] = {}
    pool = Pool(workers)
    try:
        for batch, result in pool.run(list(batches(files))):
            for (path, _), module in zip(batch, result, strict=True):
                found[path] = module
            if progress is not None:
                progress(len(found), len(files))
    finally:
        pool.close()
    return [(path, found[path]) for path, _ in files]


def batches(files: Iterable[tuple[str, str]]) -> Iterable[Batch]:
    """Files in groups of about `BATCH_CHARS`."""
    batch: Batch = []
    size = 0
    for path, text in files:
        batch.append((path, text))
        size += len(text) + 200
        if size > BATCH_CHARS:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


class Worker:
    """One process and its pipe."""

    def __init__(self) -> None:
        context = multiprocessing.get_context("spawn")
        self.pipe, other = context.Pipe()
        self.process = context.Process(target=serve, args=(other,), daemon=True)
        self.process.start()
        other.close()
        self.batch: Batch = []

    def give(self, batch: Batch) -> None:
        """Send a batch; a process that is gone shows when the answer is read."""
        self.batch = batch
        with suppress(OSError):
            self.pipe.send(batch)

    def stop(self) -> None:
        self.process.kill()
        self.process.join()
        self.pipe.close()


class Pool:
    """Hands batches to workers; after a failure the batch is repeated file by file."""

    def __init__(self, size: int) -> None:
        self.workers = [Worker() for _ in range(size)]

    def run(self, work: list[Batch]) -> Iterable[tuple[Batch, Parsed]]:
        """(batch, result) as they finish."""
        waiting = work[::-1]
        busy: list[Worker] = []
        idle = list(self.workers)
        while waiting or busy:
            while waiting and idle:
                worker = idle.pop()
                worker.give(waiting.pop())
                busy.append(worker)
            ready = multiprocessing.connection.wait([w.pipe for w in busy], timeout=BATCH_SECONDS)
            if not ready:
                for worker in busy:
                    idle.append(self.replace(worker))
                    yield from self.one_by_one(worker.batch)
                busy = []
            for worker in [w for w in busy if w.pipe in ready]:
                busy.remove(worker)
                try:
                    result: Parsed = worker.pipe.recv()
                except (EOFError, OSError):
                    idle.append(self.replace(worker))
                    yield from self.one_by_one(worker.batch)
                    continue
                idle.append(worker)
                yield worker.batch, result

    def one_by_one(self, batch: Batch) -> Iterable[tuple[Batch, Parsed]]:
        """The files of a failed batch, each in a worker that may be lost to it."""
        worker = Worker()
        for item in batch:
            worker.give([item])
            result: Parsed = ["crashed-parser"]
            if worker.pipe.poll(FILE_SECONDS):
                try:
                    result = worker.pipe.recv()
                except (EOFError, OSError):
                    worker.stop()
                    worker = Worker()
            else:
                result = ["parser-timeout"]
                worker.stop()
                worker = Worker()
            yield [item], result
        worker.stop()

    def replace(self, worker: Worker) -> Worker:
        worker.stop()
        made = Worker()
        self.workers[self.workers.index(worker)] = made
        return made

    def close(self) -> None:
        for worker in self.workers:
            worker.stop()


def serve(pipe: Connection) -> None:
    """Parse batches until the pipe closes."""
    limit_memory()
    sys.setrecursionlimit(RECURSION)
    while True:
        try:
            batch = pipe.recv()
        except (EOFError, OSError):
            return
        pipe.send([parse_source(path, text) for path, text in batch])


def limit_memory() -> None:
    """Bound this process; not every system can."""
    try:
        import resource
    except ImportError:
        return
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))

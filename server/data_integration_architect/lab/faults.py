"""Faults, one schedule or a sweep: something breaks at a step of a load, is mended, and every row is compared."""

from __future__ import annotations

import json
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

from data_integration_architect.lab.load import Load, Result
from data_integration_architect.lab.packages import LabError
from data_integration_architect.lab.stack import Progress, Stack, silent

KINDS = ("kill", "pause", "cut", "duplicate", "reorder", "lag")
TRANSACTIONS = 30
PAUSE_SECONDS = 1.0
LAG_SECONDS = 4.0
# Waiting costs nothing where everything is well; a slow machine needs it.
SETTLE_SECONDS = 240.0
LOAD_SECONDS = 300.0
MOST_REPLAYED = 500


@dataclass(frozen=True)
class Fault:
    """Kind, what it hits, and after how many transactions of each client it comes."""

    kind: str
    target: str
    step: int

    def __str__(self) -> str:
        return f"{self.kind} {self.target} at {self.step}"


@dataclass
class Run:
    """One fault under load and what the rows looked like at rest."""

    fault: Fault
    seconds: float
    committed: int
    failed: int
    results: list[Result]

    @property
    def is_clean(self) -> bool:
        return all(result.is_equal for result in self.results)

    def to_data(self) -> dict[str, Any]:
        return {
            "fault": str(self.fault),
            "seconds": round(self.seconds, 2),
            "committed": self.committed,
            "failed": self.failed,
            "is_clean": self.is_clean,
            "differing": [result.to_data() for result in self.results if not result.is_equal],
        }


def targets_of(stack: Stack, kind: str) -> list[str]:
    """What a fault of this kind can hit, sorted."""
    if kind in {"duplicate", "reorder", "lag"}:
        return sorted(stack.consumers)
    if kind == "cut":
        return sorted(name for name, server in stack.servers.items() if server.relay is not None)
    return sorted(stack.programs)


def sweep_of(stack: Stack, kinds: Sequence[str], steps: Sequence[int], targets: Sequence[str] = ()) -> list[Fault]:
    """Every kind on every target that it can hit, at every step. Raises: LabError where none can hit a named one."""
    known = {target for kind in kinds for target in targets_of(stack, kind)}
    for target in targets:
        if target not in known:
            raise LabError(f"{', '.join(kinds)} {target}: no such target; there are {', '.join(sorted(known))}")
    return [
        Fault(kind, target, step)
        for kind in kinds
        for target in targets_of(stack, kind)
        if not targets or target in targets
        for step in steps
    ]


def run_sweep(
    stack: Stack, faults: Sequence[Fault], seed: int, transactions: int = TRANSACTIONS, progress: Progress = silent
) -> Iterator[Run]:
    """Runs the faults one after the other on the same system; rows are compared after each."""
    load = Load(stack, seed)
    for number, fault in enumerate(faults, start=1):
        done = run_fault(stack, load, fault, transactions)
        progress(f"{number}/{len(faults)} {fault}: {'clean' if done.is_clean else 'DIFFERS'}, {done.seconds:.1f} s")
        yield done
        if not done.is_clean:
            for result in done.results:
                if not result.is_equal:
                    progress(json.dumps(result.to_data(), ensure_ascii=False))
            for program in stack.consumers.values():
                progress(f"the end of the log of {program.name}:\n{program.tail()}")
            return


def run_fault(stack: Stack, load: Load, fault: Fault, transactions: int = TRANSACTIONS) -> Run:
    """Loads, breaks at the fault's step, mends, loads on, waits for rest and compares. Raises: LabError."""
    begun = time.monotonic()
    counts = load.counts
    before = (counts.committed, counts.failed)
    step = min(fault.step, transactions)
    load.run(step)
    rest = threading.Thread(target=load.run, args=(transactions - step,), daemon=True)
    with broken(stack, fault, load.seed):
        rest.start()
        time.sleep({"lag": LAG_SECONDS, "pause": PAUSE_SECONDS, "cut": PAUSE_SECONDS}.get(fault.kind, 0.0))
    rest.join(LOAD_SECONDS)
    if rest.is_alive():
        raise LabError(f"{fault}: the load did not end within {LOAD_SECONDS:.0f} s")
    results = load.settle(SETTLE_SECONDS)
    return Run(fault, time.monotonic() - begun, counts.committed - before[0], counts.failed - before[1], results)


class broken:
    """Breaks on entry, mends on exit; everything answers again afterwards."""

    def __init__(self, stack: Stack, fault: Fault, seed: int) -> None:
        self.stack, self.fault, self.seed = stack, fault, seed
        known = targets_of(stack, fault.kind)
        if fault.target not in known:
            raise LabError(f"{fault.kind} {fault.target}: no such target; there are {', '.join(known)}")
        self.server = stack.servers.get(fault.target)
        self.program = self.server.program if self.server else stack.consumers[fault.target]

    def __enter__(self) -> None:
        breaks: dict[str, Callable[[], None]] = {
            "kill": self.program.kill,
            "pause": lambda: self.program.send(signal.SIGSTOP),
            "lag": lambda: self.program.send(signal.SIGSTOP),
            "cut": lambda: self.server.cut() if self.server else None,
            "duplicate": self._duplicate,
            "reorder": self._reorder,
        }
        try:
            breaks[self.fault.kind]()
        except BaseException:
            # Also on an interrupt: nothing stays broken.
            self.__exit__()
            raise

    def __exit__(self, *_: object) -> None:
        if self.fault.kind == "kill":
            self.server.start() if self.server else self.program.start()
        elif self.fault.kind in {"pause", "lag"}:
            self.program.send(signal.SIGCONT)
        elif self.fault.kind == "cut" and self.server:
            self.server.mend()
        for program in self.stack.consumers.values():
            # A supervisor starts what ended by itself.
            program.start()
        self.stack.save()

    def _topic(self) -> tuple[str, str, int]:
        _, topic, partitions = self.stack.group_readers()[self.fault.target]
        settings = json.loads((self.stack.design / "consumers" / f"{self.fault.target}.json").read_text("utf-8"))
        return settings["group"], topic, partitions

    def _duplicate(self) -> None:
        """Every record is consumed again from the beginning: the position of the group goes back."""
        from confluent_kafka import Consumer, TopicPartition

        group, topic, partitions = self._topic()
        self.program.stop()
        # Only a member may move the position of a group that has members: this one takes the stopped one's place.
        member = Consumer(
            {"bootstrap.servers": self.stack.servers_address, "group.id": group, "enable.auto.commit": False,
             "group.instance.id": f"{group}-{self.program.environment['INSTANCE']}", "session.timeout.ms": 6000,
             "log_level": 0}
        )  # fmt: skip
        member.subscribe([topic])
        deadline = time.monotonic() + 30
        while not member.assignment() and time.monotonic() < deadline:
            member.poll(0.1)
        member.commit(offsets=[TopicPartition(topic, p, 0) for p in range(partitions)], asynchronous=False)
        member.close()
        self.program.start()

    def _reorder(self) -> None:
        """Old records come once more at the end of their partition, shuffled: each is older than what is stored."""
        from confluent_kafka import Consumer, Producer, TopicPartition

        _, topic, partitions = self._topic()
        reader = Consumer(
            {"bootstrap.servers": self.stack.servers_address, "group.id": "lab-reorder", "enable.auto.commit": False,
             "log_level": 0}
        )  # fmt: skip
        assigned: list[TopicPartition] = []
        for partition in range(partitions):
            _, end = reader.get_watermark_offsets(TopicPartition(topic, partition), timeout=10, cached=False)
            assigned.append(TopicPartition(topic, partition, max(0, end - MOST_REPLAYED // partitions)))
        reader.assign(assigned)
        records = []
        while True:
            found = reader.consume(MOST_REPLAYED, 0.5)
            records += [r for r in found if not r.error()]
            if not found or len(records) >= MOST_REPLAYED:
                break
        reader.close()
        Random(f"{self.seed}:{self.fault}").shuffle(records)
        producer = Producer({"bootstrap.servers": self.stack.servers_address, "log_level": 0})
        for record in records:
            producer.produce(
                topic, record.value(), record.key(), partition=record.partition() or 0, headers=record.headers()
            )
        if producer.flush(30):
            raise LabError(f"{topic}: the broker did not take the records of a reorder fault")


def read_schedule(path: Path) -> list[Fault]:
    """Faults of a file: a JSON list of {kind, target, step}. Raises: LabError."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        faults = [Fault(str(f["kind"]), str(f["target"]), int(f["step"])) for f in found]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise LabError(f"{path}: a schedule is a JSON list of kind, target, step ({type(error).__name__})") from None
    unknown = sorted({f.kind for f in faults} - set(KINDS))
    if unknown:
        raise LabError(f"{path}: unknown kinds {', '.join(unknown)}; there are {', '.join(KINDS)}")
    if not faults:
        raise LabError(f"{path}: no fault in it; each is one of kind, target, step")
    return faults

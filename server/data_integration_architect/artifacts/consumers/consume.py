"""Applies one topic to one derived store: `python -m consumers.consume consumers/NAME.json`.

The position is committed after the effect. After a crash records come again, and the store refuses what it has: each
state is applied, in order, at least once, and an older one never replaces a newer one. A store that does not answer
stops this topic, not others: the consumer tries again until it answers.
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import sys
import time
from collections.abc import Mapping
from typing import Any, Protocol

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, Producer

from .change import Change, NotReadable, newest, read_change

BATCH, WAIT_SECONDS = 200, 0.5
LONGEST_PAUSE_SECONDS = 30.0


class Target(Protocol):
    def apply(self, changes: list[Change]) -> None: ...


def main(path: str) -> None:
    with open(path, encoding="utf-8") as file:
        settings: dict[str, Any] = json.load(file)
    module_name, _, class_name = settings["target"]["class"].rpartition(".")
    target: Target = getattr(importlib.import_module(f".{module_name}", __package__), class_name)(settings["target"])
    running = _Running()
    servers = os.environ["KAFKA_BOOTSTRAP_SERVERS"]
    options: dict[str, Any] = {
        "bootstrap.servers": servers,
        "group.id": settings["group"],
        "enable.auto.commit": False,
        "auto.offset.reset": "earliest",
        "isolation.level": "read_committed",
        "session.timeout.ms": int(os.environ.get("SESSION_TIMEOUT_MS", "45000")),
    }
    if os.environ.get("INSTANCE"):
        # A member that comes back under its name has its partitions at once, without a rebalance.
        options["group.instance.id"] = f"{settings['group']}-{os.environ['INSTANCE']}"
    consumer = Consumer(options)
    consumer.subscribe([settings["topic"]])
    try:
        while running:
            messages = consumer.consume(1, WAIT_SECONDS)
            if messages:
                # What has arrived meanwhile is applied with it; nothing waits for a batch to fill.
                messages += consumer.consume(BATCH, 0)
            for message in messages:
                error = message.error()
                if error and _is_last(error):
                    # Whoever watches this process starts it anew.
                    raise KafkaException(error)
                if error:
                    print(f"broker: {error}", flush=True)
            records = [message for message in messages if not message.error()]
            if records and _handled(records, settings, target, running):
                _commit(consumer)
    finally:
        consumer.close()


class _Running:
    """True until somebody asks the process to end."""

    def __init__(self) -> None:
        self.is_wanted = True
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._end)

    def _end(self, number: int, frame: object) -> None:
        self.is_wanted = False

    def __bool__(self) -> bool:
        return self.is_wanted


def _handled(records: list[Message], settings: Mapping[str, Any], target: Target, running: _Running) -> bool:
    """Applies a batch; tries again while the store does not take it. False where the process shall end before."""
    changes = [c for c in (_read(record, settings) for record in records) if c is not None]
    pause, tries = 0.2, 0
    while running:
        try:
            if changes:
                target.apply(changes if settings["version_from"] == "none" else newest(changes))
            return True
        except Exception as error:
            tries += 1
            word = "blocked" if tries >= settings["attempts"] else "trying again"
            print(f"{settings['topic']}: {word} after {tries} tries: {type(error).__name__}: {error}", flush=True)
            time.sleep(pause)
            pause = min(2 * pause, float(os.environ.get("LONGEST_PAUSE_SECONDS", LONGEST_PAUSE_SECONDS)))
    return False


def _read(record: Message, settings: Mapping[str, Any]) -> Change | None:
    try:
        headers: dict[str, Any] = dict(record.headers() or [])
        return read_change(record.key(), record.value(), headers, settings["version_from"])
    except NotReadable as problem:
        where = f"{record.topic()} {record.partition()} {record.offset()}"
        if not settings["dead_letter"]:
            # Skipping it would lose a change without a word.
            raise NotReadable(f"{where}: {problem}") from None
        print(f"{where}: put aside: {problem}", flush=True)
        _put_aside(record, settings["dead_letter"], str(problem))
        return None


def _put_aside(record: Message, topic: str, why: str) -> None:
    producer = Producer({"bootstrap.servers": os.environ["KAFKA_BOOTSTRAP_SERVERS"], "enable.idempotence": True})
    origin = {"topic": record.topic(), "partition": record.partition(), "offset": record.offset(), "problem": why}
    producer.produce(topic, record.value(), record.key(), headers=[("origin", json.dumps(origin).encode())])
    if producer.flush(60):
        raise OSError(f"{topic}: no acknowledgement of a dead letter")


def _is_last(error: KafkaError) -> bool:
    """Whether nothing comes after it, as where another member took this one's name."""
    # Errors among the records, and those of a commit, have the code without the mark.
    return bool(error.fatal()) or error.code() == KafkaError._FATAL


def _commit(consumer: Consumer) -> None:
    try:
        consumer.commit(asynchronous=False)
    except KafkaException as error:
        if _is_last(error.args[0]):
            raise
        # Another member has the partition by now; it starts from the older position and repeats.
        print(f"commit: {error}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1])

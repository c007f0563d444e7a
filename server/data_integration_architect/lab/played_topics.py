"""The topics of a replayed run on a real broker."""

from __future__ import annotations

from typing import Any

from data_integration_architect.lab.places import NOTHING
from data_integration_architect.lab.played import NotReplayable, Played
from data_integration_architect.lab.process import wait_until


class Topics:
    """One topic for each channel that a step names; records of one key, appended where the model says."""

    def __init__(self, run: Played) -> None:
        self.run = run
        self.known: dict[str, str] = {}
        """Channel → topic."""
        self.read: dict[str, int] = {}
        """Channel → how many of its records a reader of a causal run has read."""

    def _options(self) -> dict[str, Any]:
        return {"bootstrap.servers": f"127.0.0.1:{self.run.port('kafka')[0]}", "log_level": 0}

    def topic(self, channel: str) -> str:
        """Raises: NotReplayable."""
        from confluent_kafka.admin import AdminClient
        from confluent_kafka.cimpl import NewTopic

        if channel not in self.known:
            name = f"r_{self.run.name}_{channel}"
            client = AdminClient(self._options())
            grows = any(s.target == channel and s.text.startswith("gets more") for s in self.run.verdict.trace)
            new = NewTopic(name, num_partitions=1 if grows else 2, replication_factor=1)
            for made in client.create_topics([new]).values():
                made.result(20)
            self.known[channel] = name
        return self.known[channel]

    def append(self, channel: str, content: str, partition: int = 0) -> None:
        """Raises: NotReplayable."""
        from confluent_kafka import Producer

        producer = Producer(self._options())
        producer.produce(self.topic(channel), content.encode(), b"k1", partition=partition)
        if producer.flush(20):
            raise NotReplayable("the broker did not take a record")

    def grow(self, channel: str) -> None:
        """The topic really gets a second partition."""
        from confluent_kafka.admin import AdminClient
        from confluent_kafka.cimpl import NewPartitions

        topic = self.topic(channel)
        client = AdminClient(self._options())
        for made in client.create_partitions([NewPartitions(topic, 2)]).values():
            made.result(20)
        wait_until(
            lambda: len(client.list_topics(topic, timeout=5).topics[topic].partitions) == 2, 20, f"{topic} grown"
        )

    def next_of(self, channel: str) -> str:
        """The next record of a channel for the reader of a causal run."""
        from confluent_kafka import Consumer, TopicPartition

        reader = Consumer({**self._options(), "group.id": "replay", "enable.auto.commit": False})
        position = self.read.get(channel, 0)
        reader.assign([TopicPartition(self.topic(channel), 0, position)])
        found = reader.consume(1, 20.0)
        reader.close()
        self.read[channel] = position + 1
        return (found[0].value() or b"").decode() if found else NOTHING

    def length(self, channel: str, partition: int) -> int:
        from confluent_kafka import Consumer, TopicPartition

        reader = Consumer({**self._options(), "group.id": "replay"})
        _, end = reader.get_watermark_offsets(TopicPartition(self.topic(channel), partition), timeout=10, cached=False)
        reader.close()
        return int(end)

"""Kinds of channels, by the words for their technology."""

from __future__ import annotations

from typing import Literal

from data_integration_architect.catalog import Catalog
from data_integration_architect.topology import Channel

ChannelKind = Literal["log", "queue", "table", "webhook", "lossy", "unknown"]
WEBHOOKS = {"http", "https", "webhook", "webhooks", "grpc", "rest"}
IN_MEMORY = {"memory", "in-memory", "in-process"}
LOSSY = IN_MEMORY | {"udp", "statsd", "syslog", "websocket", "redis-pubsub", "pubsub-redis"}
QUEUES = {
    "queue", "task-queue", "job-queue", "message-queue", "bullmq", "bull", "rq", "resque", "dramatiq", "hangfire",
    "asynq", "huey", "beanstalkd", "gearman", "jms", "ibm-mq", "amqp", "delayed-job", "activejob", "mq", "msmq",
}  # fmt: skip
LOGS = {"log", "event-log", "event-store", "stream", "redis-streams", "redis-stream", "eventstore", "eventstoredb"}
TABLES = {"table", "outbox", "outbox-table", "database-table"}
CHANNEL_WORDS = WEBHOOKS | LOSSY | QUEUES | LOGS | TABLES


def channel_word(technology: str) -> str:
    """A channel's technology as it stands among the words above."""
    return "-".join(technology.lower().split())


def kind_of(channel: Channel, catalog: Catalog) -> ChannelKind:
    """What a channel is by its technology: a log, a queue, rows of a table, a call, or a push that nobody answers."""
    word = channel_word(channel.technology or "")
    if channel.in_ or word in TABLES:
        return "table"
    if word in WEBHOOKS:
        return "webhook"
    if word in LOSSY:
        return "lossy"
    if word in LOGS:
        return "log"
    if word in QUEUES:
        return "queue"
    head = catalog.technology(channel.technology)
    if head is None:
        logged = channel.partitions or channel.cleanup or channel.message_key
        return "log" if logged and channel.technology is None else "unknown"
    if head.kind == "relational" or head.kind == "document":
        return "table"
    if head.keeps_history:
        return "log"
    return "lossy" if head.kind == "pubsub" and head.delivery == "at-most-once" else "queue"


def is_buffer(channel: Channel) -> bool:
    """Whether records wait in the memory of a process, which a restart empties."""
    return channel_word(channel.technology or "") in IN_MEMORY and channel.in_ is None


def is_pushed_once(channel: Channel, catalog: Catalog) -> bool:
    """Whether the technology sends each record once, to whoever listens just then."""
    return kind_of(channel, catalog) == "lossy" and not is_buffer(channel)

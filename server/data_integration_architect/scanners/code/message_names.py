"""Names of packages and classes that carry messages, where nothing else is known of them."""

from __future__ import annotations

import re
from functools import lru_cache

# Words in the name of a package or class that carry messages, with the technology that they name.
WORDS = (
    ("kafka", "kafka"),
    ("rabbit", "rabbitmq"),
    ("amqp", "rabbitmq"),
    ("mqtt", "mqtt"),
    ("jetstream", "nats"),
    ("sqs", "sqs"),
    ("kinesis", "kinesis"),
    ("servicebus", "azure-service-bus"),
)
BROKER = re.compile(
    r"pub_?sub|message_?(?:bus|broker|queue|publisher|producer)|messaging|event_?(?:bus|publisher|producer|broker)|job_?queue"
)
# Messages of other kinds, and push services.
OTHER = re.compile(r"firebase|push|flash|toast|sms|mail|slack|window|browser|chrome|frontend")
SENDING = re.compile(
    r"(?:basic_?)?publish\w*|produce\w*|send(?:_and_wait|_message\w*|Message\w*|ToQueue|_event\w*|Event\w*)?|enqueue\w*|add_?[jJ]ob",
)
STRICT = re.compile(r"(?:basic_?)?publish|produce|sendToQueue|send_and_wait|enqueue", re.IGNORECASE)


@lru_cache(maxsize=50_000)
def message_technology(name: str) -> str:
    """The technology that a package or class is named after, `broker` if it only tells its purpose, else empty."""
    plain = re.sub(r"[^a-z0-9]+", "_", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower())
    if OTHER.search(plain):
        return ""
    for word, technology in WORDS:
        if word in plain.replace("_", ""):
            return technology
    return "broker" if BROKER.search(plain) else ""

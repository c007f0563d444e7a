"""What a call on a library without knowledge does, told by names alone: a company's own client of a known store.

Only where the name of the type or of its package says the technology and the method says that something is sent or
stored. Such an effect is inferred, never seen.
"""

from __future__ import annotations

import re
from functools import lru_cache

WORDS = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+")
BROKERS = {
    "kafka": "kafka",
    "rabbitmq": "rabbitmq",
    "rabbit": "rabbitmq",
    "amqp": "rabbitmq",
    "nats": "nats",
    "jetstream": "nats",
    "sqs": "sqs",
    "sns": "sns",
    "pubsub": "pubsub",
    "pulsar": "pulsar",
    "servicebus": "servicebus",
}
SENDERS = frozenset(["publisher", "producer", "bus", "sender"])
DOCUMENTS = {"mongo": "mongodb", "mongodb": "mongodb"}
INDEXES = {"elasticsearch": "elasticsearch", "opensearch": "opensearch"}
SENDING = re.compile(r"(?:publish|produce|send|emit|enqueue)(?!.*(?:error|mail|log|metric|health|ack))", re.I)
STORING = re.compile(r"(?:insert|update|upsert|delete|replace|remove|bulkwrite|findoneand)", re.I)
# What a type called a repository or a store does besides.
KEEPING = re.compile(r"(?:add|save|create|store|put)(?!.*(?:handler|listener|filter|index))", re.I)
KEEPERS = frozenset(["repository", "store", "dao"])
INDEXING = re.compile(r"(?:index|update|delete|bulk)(?:document|many|async|$)", re.I)
# Last words of types that hold or receive something, and send nothing.
PASSIVE_WORDS = """
option options config configuration settings builder message messages event record consumer listener reader header
headers admin exception error mock test context result response request handler properties factory metadata codec
serializer deserializer schema types type constants
"""
PASSIVE = frozenset(PASSIVE_WORDS.split())
# Methods of a client that give the part of it on which the calls are made.
PARTS = re.compile(
    r"(?:get)?(?:collection|database|db|channels?|producer|publisher|topic|client|index|bus|must|with\w*)$", re.I
)


@lru_cache(maxsize=50_000)
def told(qualified: str, method: str) -> tuple[str, str] | None:
    """(effect kind, technology) of a method of an unknown type given by its qualified name, `None` if not told."""
    technology = technology_of(qualified)
    if technology is None:
        return None
    kind, name = technology
    verbs = {"publish": SENDING, "write": STORING, "index": INDEXING}[kind]
    if verbs.match(method) or (kind == "write" and last_word(qualified) in KEEPERS and KEEPING.match(method)):
        return ("write" if kind == "index" else kind, name)
    return None


def last_word(qualified: str) -> str:
    """The last word of the type's own name: `repository` of `IMongoRepository`."""
    words = WORDS.findall(qualified.replace("#", ".").rpartition(".")[2])
    return str(words[-1]).lower() if words else ""


def sends(name: str) -> bool:
    """Whether an interface is called as one that sends messages: its package may say by which broker."""
    return last_word(name) in SENDERS


def parts(qualified: str, method: str) -> bool:
    """Whether a method of an unknown client gives a part of that client: `connection.Collection("orders")`."""
    return PARTS.match(method) is not None and technology_of(qualified) is not None


@lru_cache(maxsize=50_000)
def technology_of(qualified: str) -> tuple[str, str] | None:
    """(kind of its effects, technology) of a type or package by the words of its name."""
    path, _, last = qualified.replace("#", ".").rpartition(".")
    own = [word.lower() for word in WORDS.findall(last)]
    if own and own[-1] in PASSIVE:
        return None
    words = [word.lower() for word in WORDS.findall(path.rpartition("github.com/")[2])] + own
    for word in reversed(words):
        for kind, names in (("publish", BROKERS), ("write", DOCUMENTS), ("index", INDEXES)):
            if word in names:
                return kind, names[word]
    return None

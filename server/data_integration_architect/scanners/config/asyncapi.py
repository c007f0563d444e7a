"""AsyncAPI 2 and 3 documents: channels, and who sends and receives on them."""

from __future__ import annotations

import re

from data_integration_architect.scanners.config import jsontext
from data_integration_architect.scanners.config.configfacts import Fact, fact
from data_integration_architect.scanners.config.located import Node, Table, at, table, text
from data_integration_architect.scanners.config.technologies import technology_named
from data_integration_architect.scanners.config.yamltext import load_all


def read_yaml(path: str, source: str) -> list[Fact]:
    """Facts of an AsyncAPI document in YAML."""
    return [f for document in load_all(source) for f in _document(document, path)]


def read_json(path: str, source: str) -> list[Fact]:
    """Facts of an AsyncAPI document in JSON."""
    return _document(jsontext.load(source), path)


def _document(node: Node, path: str) -> list[Fact]:
    """Shape: topic facts with message key and partitions; produces and consumes facts of the described application.

    Misses: references into other files.
    """
    root = table(node)
    version = text(root.get("asyncapi"))
    if not version:
        return []
    # The title is the application's name for people; the file's program is told by its module.
    title = text(at(root, "info", "title"))
    protocol = _protocol(root)
    channels = table(root.get("channels"))
    facts: list[Fact] = []
    for name, entry in channels.items():
        channel = table(_follow(root, entry))
        address = text(channel.get("address")) or name
        facts.append(_topic(address, channel, protocol, root, path, channels.key_line(name)))
    if version.startswith("2"):
        facts += _operations_2(channels, root, title, path)
    else:
        facts += _operations_3(root, channels, title, path)
    return facts


def _protocol(root: Table) -> str:
    for entry in table(root.get("servers")).values():
        protocol = text(at(_follow(root, entry), "protocol"))
        known = technology_named(re.sub(r"-secure\Z|s\Z", "", protocol)) or technology_named(protocol)
        if known:
            return known.name
    return ""


def _follow(root: Table, node: Node | None) -> Node | None:
    """The target of a local reference; what points elsewhere or in a circle stays as it is."""
    for _ in range(8):
        target = text(at(node, "$ref")) if isinstance(node, Table) else ""
        if not target.startswith("#/"):
            return node
        parts = [part.replace("~1", "/").replace("~0", "~") for part in target[2:].split("/")]
        found = at(root, *parts)
        if found is None:
            return node
        node = found
    return node


def _topic(name: str, channel: Table, protocol: str, root: Table, path: str, line: int) -> Fact:
    kafka = table(at(channel, "bindings", "kafka"))
    configuration = table(kafka.get("topicConfiguration"))
    partitions = text(kafka.get("partitions"))
    cleanup = configuration.get("cleanup.policy")
    return fact(
        "topic",
        text(kafka.get("topic")) or name,
        path,
        line,
        technology=protocol,
        partitions=int(partitions) if partitions.isdigit() and len(partitions) < 7 else None,
        cleanup=",".join(str(item) for item in cleanup) if isinstance(cleanup, list) else text(cleanup),
        retention_ms=text(configuration.get("retention.ms")),
        message_key=_key(channel, root),
        declared_by="asyncapi",
    )


def _key(channel: Table, root: Table) -> str:
    """What the message binding says of the key: its description's type, or its field where it names one."""
    messages = [_follow(root, message) for message in table(channel.get("messages")).values()]
    for operation in ("publish", "subscribe"):
        message = _follow(root, at(channel, operation, "message"))
        if message is not None:
            messages.append(message)
    for message in messages:
        key = table(_follow(root, at(message, "bindings", "kafka", "key")))
        if key:
            return next(iter(table(key.get("properties"))), "") or text(key.get("description"))[:80]
    return ""


def _operations_2(channels: Table, root: Table, title: str, path: str) -> list[Fact]:
    """In version 2 `publish` is what others may send, so the described application consumes it."""
    facts = []
    for name, entry in channels.items():
        channel = table(_follow(root, entry))
        for word, kind in (("publish", "consumes"), ("subscribe", "produces")):
            if word in channel:
                topic = text(at(channel, "bindings", "kafka", "topic")) or name
                facts.append(fact(kind, title, path, channel.key_line(word), topic=topic, via=f"asyncapi {word}"))
    return facts


def _operations_3(root: Table, channels: Table, title: str, path: str) -> list[Fact]:
    facts = []
    operations = table(root.get("operations"))
    for name, entry in operations.items():
        operation = table(_follow(root, entry))
        action = text(operation.get("action"))
        target = text(at(operation, "channel", "$ref")).rsplit("/", 1)[-1].replace("~1", "/").replace("~0", "~")
        channel = table(_follow(root, channels.get(target)))
        topic = text(at(channel, "bindings", "kafka", "topic")) or text(channel.get("address")) or target
        if topic and action in {"send", "receive"}:
            kind = "produces" if action == "send" else "consumes"
            facts.append(fact(kind, title, path, operations.key_line(name), topic=topic, via=f"asyncapi {action}"))
    return facts

"""One process of a topology as an AsyncAPI 3.0 document: its channels, and what it sends and receives there.

Payloads are not known, so messages have names only. A server needs an address, which a topology does not hold: it is
a variable. Source: https://www.asyncapi.com/docs/reference/specification/v3.0.0
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from data_integration_architect.errors import UnknownName
from data_integration_architect.files import dump_yaml
from data_integration_architect.renderers.edges import edges_of
from data_integration_architect.renderers.sections import flat
from data_integration_architect.topology import Channel, Topology, normalize
from data_integration_architect.topology.values import seconds

VERSION = "3.0.0"
PROTOCOLS = {"rabbitmq": "amqp", "activemq": "jms", "kafka": "kafka", "nats": "nats", "pulsar": "pulsar", "sqs": "sqs",
             "sns": "sns", "redis": "redis", "mqtt": "mqtt", "pubsub": "googlepubsub", "http": "http"}  # fmt: skip
# Places of one instance are steps of a transaction there, not messages.
NO_PROTOCOL = frozenset({"table", "udp"})
_ACTIONS = {"append": "send", "dead letter": "send", "consume": "receive"}
_KEY = re.compile(r"[^\w.-]+")


def speakers(topology: Topology) -> tuple[str, ...]:
    """Processes that send to or receive from a channel that has a protocol, sorted."""
    return tuple(sorted({process for process, _, _, _ in _messages(normalize(topology).topology)}))


def asyncapi(topology: Topology, process: str) -> str:
    """The document of one process as YAML. Raises: UnknownName for one that sends and receives nothing."""
    topology = normalize(topology).topology
    known = speakers(topology)
    if process not in known:
        raise UnknownName("process with messages", process, known)
    own = [one for one in _messages(topology) if one[0] == process]
    used = dict.fromkeys(channel for _, channel, _, _ in own)
    servers: dict[str, Any] = {}
    channels: dict[str, Any] = {}
    for name in used:
        channel = topology.channels[name]
        protocol = PROTOCOLS.get(channel.technology or "", channel.technology or "unknown")
        servers.setdefault(_key(protocol), _server(protocol))
        entities = dict.fromkeys((*channel.carries, *(e for _, at, _, carried in own if at == name for e in carried)))
        channels[_key(name)] = _channel(name, channel, protocol, tuple(entities))
    operations: dict[str, Any] = {}
    for _, name, action, sent in own:
        entry = operations.setdefault(
            f"{action}.{_key(name)}", {"action": action, "channel": {"$ref": f"#/channels/{_key(name)}"}}
        )
        for entity in sent:
            link = {"$ref": f"#/channels/{_key(name)}/messages/{_key(entity)}"}
            if link not in entry.setdefault("messages", []):
                entry["messages"].append(link)
    info = {"title": flat(process), "version": "0.0.0"}
    if topology.system:
        info["description"] = f"Part of {flat(topology.system)}"
    return dump_yaml(
        {"asyncapi": VERSION, "info": info, "servers": servers, "channels": channels, "operations": operations}
    )


def _messages(topology: Topology) -> Iterator[tuple[str, str, str, tuple[str, ...]]]:
    """(process, channel, action, entities) of every step and trigger on a channel with a protocol."""
    for edge in edges_of(topology):
        action = _ACTIONS.get(edge.kind)
        ends = dict((edge.source, edge.target))
        process, place = ends.get("process"), ends.get("place")
        channel = topology.channels.get(place) if place else None
        if action and process and place and channel is not None and channel.technology not in NO_PROTOCOL:
            yield process, place, action, edge.entities if action == "send" else channel.carries


def _server(protocol: str) -> dict[str, Any]:
    return {"host": "{host}", "protocol": protocol, "variables": {"host": {"description": "not known to the topology"}}}


def _channel(name: str, channel: Channel, protocol: str, entities: tuple[str, ...]) -> dict[str, Any]:
    made: dict[str, Any] = {"address": name, "servers": [{"$ref": f"#/servers/{_key(protocol)}"}]}
    if entities:
        made["messages"] = {_key(entity): _message(entity, channel) for entity in entities}
    if channel.technology == "kafka":
        bound: dict[str, Any] = {}
        if channel.partitions:
            bound["partitions"] = channel.partitions
        settings: dict[str, Any] = {}
        if channel.cleanup:
            settings["cleanup.policy"] = channel.cleanup.split(",")
        kept = seconds(channel.retention)
        if kept is not None and kept != float("inf"):
            settings["retention.ms"] = round(kept * 1000)
        if settings:
            bound["topicConfiguration"] = settings
        if bound:
            made["bindings"] = {"kafka": bound}
    return made


def _message(entity: str, channel: Channel) -> dict[str, Any]:
    made: dict[str, Any] = {"name": entity}
    key = channel.message_key
    if channel.technology == "kafka" and key and key not in {"none", "random"}:
        made["bindings"] = {"kafka": {"key": {"type": "object", "properties": {key: {}}}}}
    return made


def _key(name: str) -> str:
    """A name as a key of the document: letters, digits, `_`, `.` and `-`."""
    return _KEY.sub("_", name)

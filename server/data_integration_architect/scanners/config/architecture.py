"""Architecture descriptions: Backstage catalogs, FINOS CALM models and OpenLineage events."""

from __future__ import annotations

from data_integration_architect.scanners.config import jsontext
from data_integration_architect.scanners.config.asyncapi import read_yaml as read_asyncapi
from data_integration_architect.scanners.config.configfacts import Fact, fact
from data_integration_architect.scanners.config.located import (
    Listing,
    Malformed,
    Node,
    Table,
    Text,
    at,
    listing,
    table,
    tables,
    text,
    texts,
)
from data_integration_architect.scanners.config.technologies import technology_named
from data_integration_architect.scanners.config.yamltext import load_all

MOST_EVENTS = 20_000


def read_backstage(path: str, source: str) -> list[Fact]:
    """Components and resources of a catalog file, with what they depend on."""
    facts: list[Fact] = []
    for document in load_all(source):
        root = table(document)
        if not text(root.get("apiVersion")).startswith("backstage.io/"):
            continue
        kind, spec = text(root.get("kind")), table(root.get("spec"))
        name, line = text(at(root, "metadata", "name")), root.key_line("kind")
        depends = [_reference(str(item)) for item in texts(spec.get("dependsOn"))]
        if kind == "Component" and text(spec.get("type")) not in {"library", "documentation"}:
            facts.append(fact("service", name, path, line, origin="backstage", depends_on=depends))
            facts += [
                fact("link", name, path, spec.key_line("dependsOn"), host=target, via="dependsOn") for target in depends
            ]
        elif kind == "Resource":
            words = f"{text(spec.get('type'))} {name} {' '.join(texts(at(root, 'metadata', 'tags')))}"
            known = technology_named(words)
            category = known.category if known else "database" if "database" in words else ""
            if category:
                facts.append(
                    fact(
                        "broker" if category == "broker" else "store",
                        name,
                        path,
                        line,
                        technology=known.name if known else "",
                        category=category,
                        aliases=[name],
                        origin="backstage",
                        inferred="technology from the resource's words",
                    )
                )
        elif kind == "API" and text(spec.get("type")) == "asyncapi":
            facts += _definition(spec, path)
    return facts


def _definition(spec: Table, path: str) -> list[Fact]:
    value = spec.get("definition")
    if not isinstance(value, Text) or "\n" not in value:
        return []
    try:
        found = read_asyncapi(path, str(value))
    except Malformed:
        return []
    return [
        Fact(f.kind, f.subject, path, f.line + value.line, f.attributes, None, f.confidence, f.reason) for f in found
    ]


def _reference(word: str) -> str:
    """The name in `resource:default/orders-db`."""
    return word.rsplit("/", 1)[-1].rsplit(":", 1)[-1]


def read_calm(path: str, source: str) -> list[Fact]:
    """Nodes and connections of a CALM architecture."""
    root = table(jsontext.load(source))
    facts: list[Fact] = []
    names: dict[str, str] = {}
    topics: set[str] = set()
    for node in tables(root.get("nodes")):
        identifier, kind = text(node.get("unique-id")), text(node.get("node-type"))
        name = text(node.get("name")) or identifier
        names[identifier] = name
        said = text(at(node, "metadata", "technology"))
        known = technology_named(said or f"{name} {text(node.get('description'))[:300]}")
        if kind == "topic":
            topics.add(identifier)
            facts.append(
                fact("topic", name, path, node.line, technology=known.name if known else "", declared_by="calm")
            )
            continue
        if kind in {"database", "data-asset"} or (
            known and kind in {"queue", "message-broker", "system", "network"} and known.category == "broker"
        ):
            category = known.category if known else "database"
            facts.append(
                fact(
                    "broker" if category == "broker" else "store",
                    name,
                    path,
                    node.line,
                    technology=known.name if known else "",
                    category=category,
                    aliases=[name, identifier],
                    origin="calm",
                    inferred="technology from the node's name and description" if known else "",
                )
            )
        elif kind in {"service", "system", "webclient"}:
            facts.append(fact("service", name, path, node.line, origin="calm", aliases=[name, identifier]))
    for relationship in tables(root.get("relationships")):
        for connects in _connections(relationship):
            source_name, target = text(at(connects, "source", "node")), text(at(connects, "destination", "node"))
            if target in topics and source_name:
                kind = "consumes" if text(at(relationship, "metadata", "move")) == "consume" else "produces"
                service, topic = names.get(source_name, source_name), names[target]
                facts.append(fact(kind, service, path, relationship.line, topic=topic, via="calm"))
            elif source_name and target:
                facts.append(
                    fact(
                        "link",
                        names.get(source_name, source_name),
                        path,
                        relationship.line,
                        host=target,
                        via=f"calm {text(relationship.get('protocol'))}".strip(),
                    )
                )
    return facts


def _connections(relationship: Table) -> list[Node]:
    kind = relationship.get("relationship-type")
    if isinstance(kind, Table):
        found = kind.get("connects")
        return [found] if found is not None else []
    parties = relationship.get("parties")
    return [parties] if parties is not None and text(kind) == "connects" else []


def read_openlineage(path: str, source: str) -> list[Fact]:
    """Jobs with their inputs and outputs, from one event, a list, or one event a line. Each job once."""
    seen: dict[str, tuple[set[str], set[str], int]] = {}
    for event in _events(source):
        job = ".".join(part for part in (text(at(event, "job", "namespace")), text(at(event, "job", "name"))) if part)
        if not job:
            continue
        inputs, outputs, _ = seen.setdefault(job, (set(), set(), event.line))
        inputs.update(_dataset(item) for item in tables(event.get("inputs")))
        outputs.update(_dataset(item) for item in tables(event.get("outputs")))
    facts = []
    for job, (inputs, outputs, line) in seen.items():
        for output in sorted(outputs) or [""]:
            facts.append(fact("lineage", output or job, path, line, inputs=sorted(inputs), job=job, tool="openlineage"))
    return facts


def _events(source: str) -> list[Table]:
    try:
        whole = jsontext.load(source)
    except Malformed as whole_error:
        events: list[Table] = []
        for number, line in enumerate(source.splitlines()[:MOST_EVENTS], start=1):
            if line.strip():
                try:
                    node = jsontext.load(line, number)
                except Malformed:
                    raise whole_error from None
                events.append(table(node))
        return events
    return (
        [whole]
        if isinstance(whole, Table)
        else [table(item) for item in listing(whole) if not isinstance(item, Listing)]
    )


def _dataset(item: Table) -> str:
    """A dataset as `technology:name`, where its namespace is an address."""
    namespace, name = text(item.get("namespace")), text(item.get("name"))
    known = technology_named(namespace.split("://", 1)[0]) if "://" in namespace else None
    return f"{known.name}:{name}" if known else name

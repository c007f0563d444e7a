"""Docker Compose files: services, the stores and brokers among them, and what their environment points to."""

from __future__ import annotations

import posixpath
import re

from data_integration_architect.scanners.config.addresses import substitute
from data_integration_architect.scanners.config.configfacts import Fact, fact, fact_of
from data_integration_architect.scanners.config.embedded import connectors_in_strings
from data_integration_architect.scanners.config.kafka_connect import connector_facts
from data_integration_architect.scanners.config.located import Node, Table, Text, at, listing, table, text, texts
from data_integration_architect.scanners.config.scripts import facts_of_commands
from data_integration_architect.scanners.config.settings import Setting, facts_of_settings
from data_integration_architect.scanners.config.technologies import Technology, image_reference, technology_of_image
from data_integration_architect.scanners.config.yamltext import load_all

_DATABASE_VARIABLES = (
    "POSTGRES_DB",
    "POSTGRESQL_DATABASE",
    "POSTGRES_MULTIPLE_DATABASES",
    "MYSQL_DATABASE",
    "MARIADB_DATABASE",
    "MONGO_INITDB_DATABASE",
    "CLICKHOUSE_DB",
    "COUCHDB_DATABASE",
    "INFLUXDB_DB",
)
_SERVICE_KEYS = frozenset({"image", "build", "extends", "environment", "env_file", "command", "depends_on", "ports"})
_LOGICAL = re.compile(r"wal_level[ =]+logical|--log[-_]bin|binlog[-_]format[ =]+row|--replSet", re.IGNORECASE)


def read(path: str, source: str) -> list[Fact]:
    """Facts of every service in a Compose file, whatever its profile; profiles stand in the facts.

    Misses: values of variables without a default that no file in the repository gives.
    """
    facts: list[Fact] = []
    for document in load_all(source):
        root = table(document)
        services = root.get("services")
        # Files of the first version have the services at the top.
        entries = table(services) if isinstance(services, Table) else root
        for name, entry in entries.items():
            if isinstance(entry, Table) and _SERVICE_KEYS & set(entry):
                facts += _service(name, entry, path, entries.key_line(name))
    return facts


def _service(name: str, entry: Table, path: str, line: int) -> list[Fact]:
    settings = environment(entry.get("environment"))
    image = substitute(text(entry.get("image")))
    context = _build_folder(entry.get("build"), path)
    known = technology_of_image(image) if image else None
    command = " ".join(texts(entry.get("command"))) + " " + " ".join(texts(entry.get("entrypoint")))
    shared: dict[str, object] = {
        "image": image_reference(image),
        "build": context,
        "aliases": _aliases(name, entry),
        "ports": _ports(entry),
        "profiles": [str(item) for item in texts(entry.get("profiles"))],
        "depends_on": _depends(entry),
        "log_driver": _log_driver(entry),
        "linked": [item.split(":", 1)[0] for item in texts(entry.get("links"))],
        "origin": "compose",
        "env_files": _env_files(entry, path),
        "extends": _extends(entry, path),
    }
    facts: list[Fact] = []
    if known:
        facts.append(_store(name, known, entry, settings, command, shared, path, line))
        if known.category == "broker":
            facts += _created_topics(settings, path)
            facts += [f for f in facts_of_settings(settings, path, name) if f.text("technology") == "zookeeper"]
    else:
        facts.append(fact_of("service", name, path, line, shared))
        facts += facts_of_settings(settings, path, name)
        facts += _debezium_environment(settings, path, line)
    facts += connectors_in_strings(entry, path)
    for key in ("command", "entrypoint"):
        for part in texts(entry.get(key)):
            if "topic" in part:
                # Connectors in the same text were read above, with those of the environment.
                facts += [f for f in facts_of_commands(str(part), path, part.line) if f.kind == "topic"]
    return facts


def _store(
    name: str,
    known: Technology,
    entry: Table,
    settings: list[Setting],
    command: str,
    shared: dict[str, object],
    path: str,
    line: int,
) -> Fact:
    databases = [d.strip() for s in settings if s.key in _DATABASE_VARIABLES for d in substitute(s.value).split(",")]
    logical = _LOGICAL.search(command) or "debezium/" in text(entry.get("image"))
    kind = "broker" if known.category == "broker" else "store"
    creates = next((s.value for s in settings if s.key == "KAFKA_AUTO_CREATE_TOPICS_ENABLE"), "")
    attributes = {
        "technology": known.name,
        "category": known.category,
        "databases": databases,
        "log_access": True if logical else None,
        "volatile": True if entry.get("tmpfs") else None,
        "auto_create_topics": creates.lower() == "true" if creates else None,
        **shared,
    }
    return fact_of(kind, name, path, line, attributes)


def environment(node: Node | None) -> list[Setting]:
    """Environment of a service as settings, from a mapping or a list of `NAME=value`."""
    if isinstance(node, Table):
        return [Setting(key, str(value), node.key_line(key)) for key, value in node.items() if isinstance(value, Text)]
    found = []
    for item in texts(node):
        key, sign, value = item.partition("=")
        if sign:
            found.append(Setting(key.strip(), value, item.line))
    return found


def _build_folder(node: Node | None, path: str) -> str:
    """The folder that an image is built from, `.` for the repository's root; empty where there is none."""
    context = text(node) or text(at(node, "context"))
    if not context or "://" in context or context.startswith("git@"):
        return ""
    dockerfile = text(at(node, "dockerfile"))
    folder = posixpath.normpath(posixpath.join(posixpath.dirname(path), substitute(context)))
    if dockerfile and "/" in dockerfile and not dockerfile.startswith(("/", "$")):
        # One context for many images: the Dockerfile's folder tells them apart.
        folder = posixpath.normpath(posixpath.join(folder, posixpath.dirname(dockerfile)))
    return "" if folder.startswith(("..", "/")) else folder


def _aliases(name: str, entry: Table) -> list[str]:
    found = [name, text(entry.get("container_name")), text(entry.get("hostname"))]
    for network in table(entry.get("networks")).values():
        found += [str(alias) for alias in texts(at(network, "aliases"))]
    return sorted({substitute(alias) for alias in found if alias})


def _ports(entry: Table) -> list[str]:
    """Published ports as `outside:inside`."""
    found = []
    for item in listing(entry.get("ports")):
        if isinstance(item, Table):
            found.append(f"{text(item.get('published'))}:{text(item.get('target'))}")
        elif isinstance(item, Text):
            parts = substitute(str(item)).split("/", 1)[0].rsplit(":", 2)
            found.append(":".join(parts[-2:]) if len(parts) > 1 else f":{parts[0]}")
    return found


def _depends(entry: Table) -> list[str]:
    node = entry.get("depends_on")
    names = list(node) if isinstance(node, Table) else [str(item) for item in texts(node)]
    names += [item.split(":", 1)[0] for item in texts(entry.get("links"))]
    return sorted(set(names))


def _env_files(entry: Table, path: str) -> list[str]:
    found = []
    for item in listing(entry.get("env_file")) or [entry.get("env_file")]:
        name = text(at(item, "path")) if isinstance(item, Table) else text(item)
        folder = posixpath.normpath(posixpath.join(posixpath.dirname(path), name)) if name else ""
        if folder and not folder.startswith(".."):
            found.append(folder)
    return found


def _log_driver(entry: Table) -> str:
    """The driver that sends the container's log elsewhere; empty for those that keep it on the machine."""
    driver = text(at(entry, "logging", "driver")) or text(entry.get("log_driver"))
    return driver if driver not in {"json-file", "local", "none", "journald"} else ""


def _extends(entry: Table, path: str) -> str:
    """The service that this one extends, as `file#service`."""
    file, service = (
        text(at(entry, "extends", "file")),
        text(at(entry, "extends", "service")) or text(entry.get("extends")),
    )
    where = posixpath.normpath(posixpath.join(posixpath.dirname(path), file)) if file else path
    return f"{where}#{service}" if service else ""


def _created_topics(settings: list[Setting], path: str) -> list[Fact]:
    """Topics of KAFKA_CREATE_TOPICS: `name:partitions:replicas[:policy]`, separated by commas."""
    facts = []
    for setting in settings:
        if setting.key == "KAFKA_CREATE_TOPICS":
            for part in re.split(r"[,\s]+", setting.value.strip()):
                name, *rest = part.split(":")
                if name:
                    partitions = int(rest[0]) if rest and rest[0].isdigit() and len(rest[0]) < 7 else None
                    facts.append(
                        fact(
                            "topic",
                            name,
                            path,
                            setting.line,
                            technology="kafka",
                            partitions=partitions,
                            cleanup=rest[2] if len(rest) > 2 else None,
                            created=True,
                        )
                    )
    return facts


def _debezium_environment(settings: list[Setting], path: str, line: int) -> list[Fact]:
    """Debezium Server configured by environment: `DEBEZIUM_SOURCE_CONNECTOR_CLASS` and the like."""
    prefix = "DEBEZIUM_SOURCE_"
    config = {
        s.key.removeprefix(prefix).lower().replace("_", "."): Text(s.value, s.line)
        for s in settings
        if s.key.startswith(prefix)
    }
    return connector_facts("debezium-server", config, path, line) if "connector.class" in config else []

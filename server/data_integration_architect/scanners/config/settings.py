"""Settings of a program, whatever file they stand in, to facts: which stores, brokers and services it points to."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from data_integration_architect.redact import is_secret_key
from data_integration_architect.scanners.config.addresses import Address, addresses, host_of, substitute
from data_integration_architect.scanners.config.configfacts import Fact, fact
from data_integration_architect.scanners.config.technologies import (
    BY_NAME,
    technology_named,
    technology_of_port,
    technology_of_word,
)

MOST_SETTINGS = 5_000


@dataclass(frozen=True)
class Setting:
    """One key with its value and line."""

    key: str
    value: str
    line: int


_TARGET_ROLES = {
    "host",
    "hosts",
    "hostname",
    "server",
    "servers",
    "url",
    "uri",
    "urls",
    "uris",
    "address",
    "addresses",
    "addr",
    "endpoint",
    "endpoints",
    "broker",
    "brokers",
    "bootstrap",
    "node",
    "nodes",
    "seeds",
    "contactpoints",
    "points",
    "dsn",
    "connection",
    "connectionstring",
    "string",
    "location",
    "advertised",
    "sentinels",
    "path",
    "link",
    "name",
    "service",
    "fqdn",
    "hostport",
}
_DRIVER_ROLES = {
    "connection",
    "client",
    "driver",
    "dialect",
    "type",
    "engine",
    "adapter",
    "provider",
    "vendor",
    "class",
}
_DATABASE_ROLES = {"database", "db", "name", "dbname", "schema", "catalog", "keyspace", "databasename"}
_STORE_WORDS = {
    "db": "database",
    "database": "database",
    "datasource": "database",
    "sql": "database",
    "jdbc": "database",
    "typeorm": "database",
    "cache": "cache",
    "broker": "broker",
    "queue": "broker",
    "mq": "broker",
    "search": "search",
    "connectionstrings": "database",
    "r2dbc": "database",
}
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
# Keys that speak of a technology without connecting to it.
_NOT_A_LINK = re.compile(
    r"advertised|listener|exporter|replication|process_roles|inter_broker|image|version|volume|path$|timeout|"
    r"schema[._-]?registry|allowed|cors|jaas|truststore|keystore|user(?:name)?$|pool|dashboard|management|healthcheck",
    re.IGNORECASE,
)


def words_of(key: str) -> list[str]:
    """The words of a key in any spelling: `SPRING_DATA_REDIS_HOST`, `spring.data.redis.host`, `redisHost`."""
    return [word.lower() for word in _WORD.findall(key[:300])]


def facts_of_settings(
    settings: Iterable[Setting], path: str, subject: str = "", variables: Mapping[str, str] | None = None
) -> list[Fact]:
    """Links and topics that the settings of `subject` name; an empty subject is the program the file belongs to.

    Misses: targets put together from parts in code, and hosts under keys that name neither store nor address.
    """
    usable: list[Setting] = []
    for setting in settings:
        if len(usable) >= MOST_SETTINGS:
            break
        if setting.value and not is_secret_key(setting.key):
            usable.append(Setting(setting.key, substitute(setting.value, variables), setting.line))
    groups = _groups(usable)
    facts: list[Fact] = []
    for setting in usable:
        facts += _links(setting, groups, path, subject)
        facts += _topics(setting, path, subject)
    return facts


@dataclass
class _Group:
    driver: str = ""
    database: str = ""
    port: int = 0


def _groups(settings: Iterable[Setting]) -> dict[str, _Group]:
    """What the keys with one prefix say together: `DB_HOST`, `DB_PORT`, `DB_CONNECTION` are one target."""
    groups: dict[str, _Group] = {}
    for setting in settings:
        words = words_of(setting.key)
        if len(words) < 2:
            continue
        group = groups.setdefault(" ".join(words[:-1]), _Group())
        if words[-1] in _DRIVER_ROLES:
            known = technology_named(setting.value)
            group.driver = known.name if known else group.driver
        if words[-1] in _DATABASE_ROLES and re.fullmatch(r"[\w.-]{1,100}", setting.value):
            group.database = setting.value
        if words[-1] == "port" and setting.value.isdigit() and len(setting.value) <= 5:
            group.port = int(setting.value)
    return groups


def _links(setting: Setting, groups: Mapping[str, _Group], path: str, subject: str) -> list[Fact]:
    words = words_of(setting.key)
    if words[-2:] == ["host", "name"]:
        words[-2:] = ["hostname"]
    if not words or _NOT_A_LINK.search(setting.key):
        return []
    named = _technology_in(words)
    category = next((_STORE_WORDS[word] for word in reversed(words) if word in _STORE_WORDS), "")
    targets = addresses(setting.value)
    group = groups.get(" ".join(words[:-1]), _Group())
    if not targets and words[-1] in _TARGET_ROLES and words[-1] not in {"path", "name", "string", "connection"}:
        host = host_of(setting.value)
        hinted = named or category or words[-1] in {"host", "hostname", "addr", "address", "fqdn"}
        if (
            host
            and hinted
            and not host.isdigit()
            and host.lower() not in {"true", "false", "none", "null", "default", "prefer"}
        ):
            known_port = group.port
            targets = [Address("", host, known_port, "", "")]
    facts = []
    for target in targets:
        technology = target.technology
        if target.scheme in {"", "http", "https", "tcp", "ws", "keywords"}:
            # A name in the key says more than a port: many programs listen on another's standard port.
            technology = named or (technology if not target.scheme.startswith("ws") else "") or group.driver
            by_port = technology_of_port(group.port) if group.port and not target.scheme and category else None
            technology = technology or (by_port.name if by_port else "")
        if (
            target.scheme in {"http", "https"}
            and not named
            and technology
            and BY_NAME[technology].category not in {"search", "warehouse"}
        ):
            technology = ""
        if not target.host and not technology:
            continue
        facts.append(
            fact(
                "link",
                subject,
                path,
                setting.line,
                technology=technology,
                host=target.host,
                port=target.port or group.port or None,
                database=target.database or (group.database if target.scheme == "" else ""),
                category="" if technology else category,
                scheme=target.scheme,
                via=setting.key,
            )
        )
    return facts


def _technology_in(words: list[str]) -> str:
    """The technology that a key's words name; the last one wins, as in `CELERY_REDIS_URL`."""
    for size in (2, 1):
        for start in range(len(words) - size, -1, -1):
            known = technology_of_word("".join(words[start : start + size]))
            if known and not (known.name in {"oracle", "minio"} and "cloud" in words):
                return known.name
    return ""


_TOPIC_VALUE = re.compile(r"[A-Za-z0-9_][\w.{}$-]{0,150}\Z")


def _topics(setting: Setting, path: str, subject: str) -> list[Fact]:
    words = words_of(setting.key)
    if not {"topic", "topics", "queue", "queues", "exchange", "stream"} & set(words[-3:]):
        return []
    kind = "topic" if {"topic", "topics"} & set(words) else "queue"
    if kind == "queue" and words[-1] not in {"queue", "queues", "name", "exchange"}:
        return []
    if words[-1] not in {
        "topic",
        "topics",
        "name",
        "names",
        "queue",
        "queues",
        "id",
        "exchange",
        "in",
        "out",
        "output",
        "input",
    } and (words[-2:-1] not in (["topic"], ["topics"])):
        return []
    role = ""
    if {"producer", "produce", "output", "out", "publish", "sink", "target"} & set(words):
        role = "produces"
    elif {"consumer", "consume", "input", "in", "subscribe", "source", "listener"} & set(words):
        role = "consumes"
    found = []
    for name in setting.value.split(",")[:50]:
        name = name.strip()
        if _TOPIC_VALUE.match(name) and not name.isdigit() and name.lower() not in {"true", "false"}:
            found.append(
                fact(
                    role or "topic",
                    name if not role else subject,
                    path,
                    setting.line,
                    topic=name if role else None,
                    kind=kind,
                    via=setting.key,
                    mentioned_by=None if role else subject,
                )
            )
    return found

"""ASP.NET Core settings: connection strings, addresses and topics of appsettings files."""

from __future__ import annotations

import re

from data_integration_architect.scanners.config.addresses import addresses
from data_integration_architect.scanners.config.configfacts import Fact, fact
from data_integration_architect.scanners.config.jsontext import load
from data_integration_architect.scanners.config.located import Text, at, flatten, table
from data_integration_architect.scanners.config.settings import Setting, facts_of_settings
from data_integration_architect.scanners.config.technologies import technology_of_word


def read(path: str, source: str) -> list[Fact]:
    """Links of one settings file. The environment in the file's name stands in each fact as its profile."""
    root = load(source)
    facts: list[Fact] = []
    strings = table(at(root, "ConnectionStrings"))
    for name, value in strings.items():
        if isinstance(value, Text):
            facts += _connection(name, str(value), path, strings.key_line(name))
    settings = [
        Setting(key, str(value), line)
        for key, value, line in flatten(root, separator=":")
        if not key.startswith("ConnectionStrings:") and not key.startswith("Logging:")
    ]
    facts += facts_of_settings(settings, path)
    profile = re.search(r"appsettings\.([\w-]+)\.json\Z", path, re.IGNORECASE)
    if not profile:
        return facts
    return [
        Fact(
            f.kind,
            f.subject,
            f.path,
            f.line,
            {**f.attributes, "profile": profile[1]},
            f.end_line,
            f.confidence,
            f.reason,
        )
        for f in facts
    ]


def _connection(name: str, value: str, path: str, line: int) -> list[Fact]:
    named = next(
        (
            known.name
            for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", name)
            if (known := technology_of_word(word))
        ),
        "",
    )
    facts = []
    # StackExchange.Redis takes `host:port,option=value`.
    value = value.split(",", 1)[0] if re.match(r"[\w.-]{1,200}:\d{2,5},\w{1,30}=", value) else value
    for target in addresses(value):
        technology = target.technology or named
        inferred = ""
        if not technology and target.scheme == "keywords":
            # Without any word of another database's, Server= and Database= are SQL Server's by custom.
            technology, inferred = "sqlserver", "a connection string without a word that tells its database"
        facts.append(
            fact(
                "link",
                "",
                path,
                line,
                technology=technology,
                host=target.host,
                port=target.port or None,
                database=target.database,
                via=f"ConnectionStrings:{name}",
                inferred=inferred,
            )
        )
    if not facts and named:
        facts.append(
            fact(
                "link",
                "",
                path,
                line,
                technology=named,
                host=value if re.fullmatch(r"[\w.-]{1,100}", value) else "",
                via=f"ConnectionStrings:{name}",
            )
        )
    return facts

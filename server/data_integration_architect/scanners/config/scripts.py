"""Shell scripts and the commands of containers: topics they create, connectors they post, SQL they run."""

from __future__ import annotations

import bisect
import re

from data_integration_architect.scanners.config.addresses import substitute
from data_integration_architect.scanners.config.configfacts import Fact, fact
from data_integration_architect.scanners.config.embedded import embedded_connectors

MOST_CHARACTERS = 1024 * 1024
_CONTINUED = re.compile(r"\\\n")
_CREATE_TOPIC = re.compile(r"kafka-topics(?:\.sh)?\b[^\n;|&]{0,600}", re.IGNORECASE)
_RPK_TOPIC = re.compile(r"\brpk\s[^\n;|&]{0,80}?\btopic\s+create\s+(?P<rest>[^\n;|&]{1,600})")
_NAME = re.compile(r"[\w.{}$-]{1,200}")
_ASSIGNMENT = re.compile(
    r"^[ \t]*(?:export[ \t]+)?(?P<name>[A-Za-z_]\w{0,60})=[\"']?(?P<value>[\w.:/,-]{1,200})[\"']?[ \t]*$", re.MULTILINE
)


def read(path: str, source: str) -> list[Fact]:
    """Facts of a shell script, Makefile or similar text. Misses: what loops and functions put together."""
    return facts_of_commands(source[:MOST_CHARACTERS], path, 1)


def facts_of_commands(source: str, path: str, first_line: int) -> list[Fact]:
    """Topics and connectors in text with commands; `first_line` is the line of its first character."""
    facts = embedded_connectors(source, path, first_line) if "connector.class" in source else []
    if "topic" not in source:
        return facts
    known = {match["name"]: match["value"] for match in _ASSIGNMENT.finditer(source)}
    # Same length, so that positions still give lines.
    joined = _CONTINUED.sub("  ", source)
    lines = _Lines(source)
    for match in _CREATE_TOPIC.finditer(joined):
        command = match[0]
        if "--create" not in command:
            continue
        name = _option(command, "topic")
        if name:
            facts.append(
                _topic(substitute(_braced(name), known), command, path, first_line + lines.before(match.start()))
            )
    for match in _RPK_TOPIC.finditer(joined):
        line = first_line + lines.before(match.start())
        partitions = re.search(r"(?:-p|--partitions)[ =](\d{1,6})", match["rest"])
        for word in re.sub(r"\s-{1,2}[\w-]+[ =]\S+", " ", " " + match["rest"]).split():
            if _NAME.fullmatch(word) and not word.startswith("-"):
                facts.append(
                    fact(
                        "topic",
                        substitute(_braced(word), known),
                        path,
                        line,
                        technology="kafka",
                        partitions=int(partitions[1]) if partitions else None,
                        created=True,
                    )
                )
    return facts


def _braced(name: str) -> str:
    return re.sub(r"\$([A-Za-z_]\w*)", r"${\1}", name)


def _option(command: str, name: str) -> str:
    found = re.search(rf"--{name}[ =]+[\"']?([\w.{{}}$-]{{1,200}})", command)
    return found[1] if found else ""


def _topic(name: str, command: str, path: str, line: int) -> Fact:
    partitions = _option(command, "partitions")
    configs = dict(re.findall(r"(cleanup\.policy|retention\.ms|min\.insync\.replicas)=[\"']?([\w,-]{1,40})", command))
    return fact(
        "topic",
        name,
        path,
        line,
        technology="kafka",
        created=True,
        partitions=int(partitions) if partitions.isdigit() and len(partitions) < 7 else None,
        cleanup=configs.get("cleanup.policy"),
        retention_ms=configs.get("retention.ms"),
    )


class _Lines:
    def __init__(self, source: str) -> None:
        self.starts = [match.start() for match in re.finditer("\n", source)]

    def before(self, position: int) -> int:
        return bisect.bisect_left(self.starts, position)

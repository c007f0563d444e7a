"""Flows between services, for the benchmark only: registries, configuration servers, gateways and calls by name.

The product reads who moves data between stores; the dataset also has every flow between services. They are read here
from the same facts (libraries, links) and from Java's annotations and literals. Conventions of the dataset are kept:
a person uses each gateway and web server, and a configuration server reads from its repository.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from data_integration_architect.scanners.config.configfacts import Fact
from data_integration_architect.scanners.config.draft import Draft
from data_integration_architect.scanners.config.places import is_test, plain

ANNOTATIONS = {
    "EnableEurekaServer": "registry",
    "EnableConfigServer": "config-server",
    "EnableZuulProxy": "gateway",
    "EnableAdminServer": "admin-server",
    "EnableHystrixDashboard": "circuit-dashboard",
    "EnableTurbine": "circuit-aggregator",
    "EnableTurbineStream": "circuit-aggregator",
    "EnableZipkinServer": "tracing-server",
    "EnableZipkinStreamServer": "tracing-server",
    "EnableDiscoveryClient": "registry-client",
    "EnableEurekaClient": "registry-client",
    "EnableCircuitBreaker": "circuit-breaker",
    "EnableHystrix": "circuit-breaker",
    "EnableAuthorizationServer": "auth-server",
    "EnableResourceServer": "resource-server",
}
IMAGES = {
    "zipkin": "tracing-server",
    "prometheus": "metrics-server",
    "grafana": "metrics-dashboard",
    "logstash": "log-server",
    "nginx": "web-server",
    "httpd": "web-server",
    "apache": "web-server",
    "elk": "log-server",
    "weaveworks/scope": "container-monitor",
}
# Each client of the first is in a flow with each server of the second.
ROLE_PAIRS = (
    ("registry-client", "registry"),
    ("config-client", "config-server"),
    ("tracing-client", "tracing-server"),
    ("admin-client", "admin-server"),
    ("circuit-dashboard", "circuit-aggregator"),
    ("metrics-source", "metrics-server"),
    ("metrics-dashboard", "metrics-server"),
    ("log-source", "log-server"),
    ("log-shipper", "log-server"),
    ("resource-server", "auth-server"),
)
SUPPORT = {
    "registry",
    "config-server",
    "tracing-server",
    "admin-server",
    "circuit-dashboard",
    "circuit-aggregator",
    "gateway",
    "log-server",
}
CALL = re.compile(
    r"@FeignClient\((?:[^)\"]{0,80}?(?:name|value|serviceId)\s*=\s*)?\"([\w-]+)\""
    r"|\"(?:https?|lb)://([A-Za-z][\w-]+)(?=[/:\"%])|\$\{[\w.]+\.host:([\w-]+)\}"
)
PROXY = re.compile(
    r"^\s*(?:(?:ProxyPass|proxy_pass)\s+(?:\S+\s+)?\"?https?://|server\s+)([A-Za-z][\w.-]+)(?::(\d+))?", re.MULTILINE
)
OUTSIDE = re.compile(r"\"https://api\.[\w.-]+")
COMMENT = re.compile(r"/\*.*?\*/|//[^\n\"]*$", re.DOTALL | re.MULTILINE)


def landscape(made: Draft, facts: Iterable[Fact], root: Path, names: dict[str, str]) -> set[Any]:
    """Unordered pairs of node names."""
    facts = list(facts)
    deploys = any(p.deployed and p.folders for p in made.inventory.programs)
    # Modules that are not deployed are libraries, where the repository deploys its programs.
    programs = [p for p in made.inventory.programs if p.deployed or p.named or not deploys]
    roles = {names[p.name]: set(made.libraries.get(p.name, ())) for p in programs}
    for program in programs:
        image = program.fact_text("image").lower()
        roles[names[program.name]] |= {
            role for word, role in IMAGES.items() if word in image or word in plain(program.name)
        }
        if any(f.text("log-driver") for f in program.evidence):
            roles[names[program.name]].add("log-source")
    calls = _calls(made, facts, root, names, roles)
    found = set(calls)
    for client, server in ROLE_PAIRS:
        found |= _pairs(roles, client, server)
    linked = {frozenset((names.get(link.program, ""), names.get(link.target, ""))) for link in made.links}
    found |= _gateways(roles, linked)
    brokers = {names[name] for name in made.brokers}
    for aggregator in (name for name, own in roles.items() if "circuit-aggregator" in own):
        # Without a broker between them, the aggregator reads each circuit breaker's stream.
        if not any(aggregator in pair and pair & brokers for pair in linked):
            found |= {frozenset((aggregator, name)) for name, own in roles.items() if "circuit-breaker" in own}
    found |= _outside(made, facts, names)
    for fact in facts:
        if fact.kind == "link" and fact.text("technology") == "git":
            owner = made.inventory.program_at(fact.path)
            found.add(frozenset((names[owner.name] if owner else "", "githubrepository")))
    for name, own in roles.items():
        if "container-monitor" in own:
            # It asks the container engine, and so sees every container, stores included.
            found |= {frozenset((name, other)) for other in (*roles, *(names[s.name] for s in made.inventory.stores))}
        if own & {"gateway", "web-server"}:
            found.add(frozenset((name, "user")))
    return {pair for pair in found if len(pair) == 2 and "" not in pair}


def _outside(made: Draft, facts: list[Fact], names: dict[str, str]) -> set[Any]:
    """Flows with web sites and mail servers of others, by the dataset's names for them."""
    found: set[Any] = set()
    for fact in facts:
        host = fact.text("host")
        if fact.kind != "link" or host.count(".") < 2 or fact.text("technology") or "git" in host:
            continue
        owner = made.inventory.program_named(fact.subject) if fact.subject else made.inventory.program_at(fact.path)
        other = (
            "mailserver" if "mail" in fact.text("via") else "externalwebsite" if fact.text("scheme") == "https" else ""
        )
        found.add(frozenset((names[owner.name] if owner else "", other)))
    return found


def _pairs(roles: dict[str, set[str]], one: str, other: str) -> set[Any]:
    return {frozenset((a, b)) for a in roles if one in roles[a] for b in roles if other in roles[b]}


def _calls(made: Draft, facts: list[Fact], root: Path, names: dict[str, str], roles: dict[str, set[str]]) -> set[Any]:
    found: set[Any] = set()

    def owner_of(path: Path) -> str:
        program = made.inventory.program_at(path.relative_to(root).as_posix())
        return names[program.name] if program else ""

    for path in _files(root, (".java", ".kt")):
        owner = owner_of(path)
        text = COMMENT.sub("", path.read_text(encoding="utf-8", errors="replace"))
        roles.setdefault(owner, set()).update(
            ANNOTATIONS[word] for word in re.findall(r"@(Enable\w+)", text) if word in ANNOTATIONS
        )
        if OUTSIDE.search(text):
            found.add(frozenset((owner, "externalwebsite")))
        for match in CALL.finditer(text):
            target = made.inventory.program_named(match[1] or match[2] or match[3])
            if target is not None:
                found.add(frozenset((owner, names[target.name])))
    for path in _files(root, (".yml",)):
        if path.name == "filebeat.yml":
            roles.setdefault(owner_of(path), set()).add("log-source")
    found |= _proxies(made, facts, root, names, roles, owner_of)
    return found


def _proxies(
    made: Draft,
    facts: list[Fact],
    root: Path,
    names: dict[str, str],
    roles: dict[str, set[str]],
    owner_of: Callable[[Path], str],
) -> set[Any]:
    """Web servers and what they pass requests on to, by name or by the port that a service listens on."""
    found: set[Any] = set()
    ports = {fact.attributes.get("number"): fact for fact in facts if fact.kind == "port"}
    for path in _files(root, (".conf", ".template")):
        targets = []
        for match in PROXY.finditer(path.read_text(encoding="utf-8", errors="replace")):
            program = made.inventory.program_named(match[1])
            if program is None and match[2] and int(match[2]) in ports:
                program = made.inventory.program_at(ports[int(match[2])].path)
            if program is not None:
                targets.append(names[program.name])
        if targets:
            owner = owner_of(path) or next((n for n, own in roles.items() if "web-server" in own), "apacheserver")
            roles.setdefault(owner, set()).add("web-server")
            found |= {frozenset((owner, target)) for target in targets}
    return found


def _gateways(roles: dict[str, set[str]], linked: set[Any]) -> set[Any]:
    """A gateway without routes of its own serves every registered service."""
    found: set[Any] = set()
    services = {name for name, own in roles.items() if "registry-client" in own and not own & SUPPORT}
    for gateway in (name for name, own in roles.items() if "gateway" in own):
        if not any(gateway in pair and pair & services for pair in linked):
            found |= {frozenset((gateway, service)) for service in services}
    return found


def _files(root: Path, endings: tuple[str, ...]) -> list[Path]:
    return [
        path
        for path in sorted(root.rglob("*"))
        if path.suffix in endings
        and path.is_file()
        and not path.is_symlink()
        and not is_test(path.relative_to(root).as_posix())
    ]

"""Spring Boot settings: application and bootstrap files in YAML and properties, and those of a config server."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable

from data_integration_architect.redact import is_secret_key
from data_integration_architect.scanners.config.addresses import substitute
from data_integration_architect.scanners.config.configfacts import Fact, fact
from data_integration_architect.scanners.config.kafka_connect import properties
from data_integration_architect.scanners.config.located import flatten
from data_integration_architect.scanners.config.settings import Setting, facts_of_settings
from data_integration_architect.scanners.config.yamltext import load_all

# Settings that decide how the program treats its stores and channels; copied by name.
_NOTABLE = re.compile(
    r"spring\.jpa\.hibernate\.ddl-auto|spring\.kafka\.(?:producer|consumer|listener)\.(?:acks|retries|group-id|auto-offset-reset"
    r"|enable-auto-commit|isolation-level|ack-mode|concurrency|transaction-id-prefix)"
    r"|spring\.kafka\.(?:producer|consumer)?\.?properties\.(?:enable\.idempotence|isolation\.level|max\.in\.flight\.requests\.per\.connection)"
    r"|spring\.rabbitmq\.(?:publisher-confirm-type|listener\.\w+\.(?:acknowledge-mode|retry\.enabled|default-requeue-rejected))"
    r"|spring\.cache\.type|spring\.jta\.enabled|spring\.(?:data\.)?redis\.cluster\.nodes|spring\.modulith\.events\.[\w.-]+"
    r"|debezium\.(?:offset|snapshot)[\w.-]*|eureka\.client\.(?:enabled|register-with-eureka|fetch-registry|registerWithEureka|fetchRegistry)"
)
_BINDING = re.compile(r"spring\.cloud\.stream\.bindings\.(?P<name>[\w-]+)\.(?P<part>destination|group)\Z")
_DIRECTION = re.compile(r"spring\.cloud\.function\.definition\Z")
_SMALLRYE = re.compile(
    r"mp\.messaging\.(?P<way>incoming|outgoing)\.(?P<name>[\w-]+)\.(?P<part>topic|connector|address|queue\.name|exchange\.name)\Z"
)
_GATEWAY = re.compile(
    r"(?:zuul\.routes\.(?P<zuul>[\w.-]+?)(?:\.(?P<zuulpart>serviceId|service-id|url|path))?"
    r"|spring\.cloud\.gateway\.(?:server\.web\w+\.)?(?:routes\[\d+\]\.uri|default-filters\[\d+\]))\Z"
)
_FILE = re.compile(r"(?P<stem>[\w.-]+?)\.(?:ya?ml|properties)\Z")
_OWN = re.compile(r"(?:application|bootstrap|microprofile-config|default)(?:-(?P<profile>[\w.-]+))?\Z")


def read_yaml(path: str, source: str) -> list[Fact]:
    """Facts of a Spring or Quarkus settings file in YAML, all of its documents."""
    facts: list[Fact] = []
    for document in load_all(source):
        pairs = [Setting(key, str(value), line) for key, value, line in flatten(document)]
        facts += facts_of_spring(pairs, path)
    return facts


def read_properties(path: str, source: str) -> list[Fact]:
    """Facts of a Spring, Quarkus or plain Java settings file in properties form."""
    return facts_of_spring([Setting(key, str(value), value.line) for key, value in properties(source).items()], path)


def subject_of(path: str) -> str:
    """The application that a settings file speaks for: by its name on a config server, else empty for its module."""
    match = _FILE.match(posixpath.basename(path))
    if not match or _OWN.match(match["stem"]):
        return ""
    return match["stem"]


def profile_of(path: str) -> str:
    """The profile in a settings file's name, empty for the default one."""
    match = _FILE.match(posixpath.basename(path))
    own = _OWN.match(match["stem"]) if match else None
    return (own["profile"] or "") if own else ""


def facts_of_spring(settings: Iterable[Setting], path: str) -> list[Fact]:
    """Facts of flat settings. Misses: profiles switched on from outside; the profile stands in each fact."""
    usable = [s for s in settings if s.value]
    known = {s.key: s.value for s in usable if not is_secret_key(s.key)}
    subject = subject_of(path)
    profile = profile_of(path)
    rest: list[Setting] = []
    facts: list[Fact] = []
    groups: dict[str, str] = {}
    for setting in usable:
        binding = _BINDING.match(setting.key)
        if binding and binding["part"] == "group":
            groups[binding["name"]] = setting.value
    for setting in usable:
        special = None if is_secret_key(setting.key) else _special(setting, known, groups, path, subject)
        if special is None:
            rest.append(setting)
        else:
            facts += special
    facts += facts_of_settings(rest, path, subject, known)
    if not profile:
        return facts
    return [_with_profile(f, profile) for f in facts]


def _with_profile(found: Fact, profile: str) -> Fact:
    return Fact(
        found.kind,
        found.subject,
        found.path,
        found.line,
        {**found.attributes, "profile": profile[:60]},
        found.end_line,
        found.confidence,
        found.reason,
    )


def _special(
    setting: Setting, known: dict[str, str], groups: dict[str, str], path: str, subject: str
) -> list[Fact] | None:
    """Facts of a key with a meaning of its own; None if it has none."""
    key, value, line = setting.key, substitute(setting.value, known), setting.line
    if key in {"spring.application.name", "quarkus.application.name", "micronaut.application.name"}:
        # On a config server the file's own name is the application's, and the module is another one.
        return [] if subject else [fact("service", value, path, line, origin="application", module_name=True)]
    if key in {"server.port", "quarkus.http.port"}:
        return [fact("port", subject, path, line, number=int(value))] if value.isdigit() and len(value) < 6 else []
    if key == "spring.cloud.config.server.git.uri":
        return [fact("link", subject, path, line, technology="git", via=key)]
    binding = _BINDING.match(key)
    if binding:
        return _bound(binding["name"], binding["part"], value, groups, path, line, subject)
    message = _SMALLRYE.match(key)
    if message:
        kind = "consumes" if message["way"] == "incoming" else "produces"
        if message["part"] == "connector":
            # The channel's own name is the topic unless another setting gives one.
            prefix = key.removesuffix(".connector")
            if any(f"{prefix}.{part}" in known for part in ("topic", "address", "queue.name", "exchange.name")):
                return []
            value = message["name"]
        return [fact(kind, subject, path, line, topic=value, via=key)]
    route = _GATEWAY.match(key)
    if route:
        return _route(route, value, key, path, line, subject)
    if _NOTABLE.match(key):
        return [fact("setting", key, path, line, value=value, program=subject)]
    return None


def _bound(name: str, part: str, value: str, groups: dict[str, str], path: str, line: int, subject: str) -> list[Fact]:
    if part == "group":
        return []
    # Spring Cloud Stream's functional names end in -in-0 and -out-0; older ones are input and output.
    inward = (
        bool(re.search(r"-in-\d+\Z|input|-in\Z|^in\Z|consume|receive|sink|inbound", name, re.IGNORECASE))
        or name in groups
    )
    outward = bool(
        re.search(r"-out-\d+\Z|output|-out\Z|^out\Z|produce|publish|send|source|outbound", name, re.IGNORECASE)
    )
    if inward == outward and not name.endswith(("-in-0", "-out-0")):
        return [fact("topic", value, path, line, via=f"binding {name}", mentioned_by=subject)]
    kind = "consumes" if inward else "produces"
    return [fact(kind, subject, path, line, topic=value, group=groups.get(name), via=f"binding {name}")]


def _route(route: re.Match[str], value: str, key: str, path: str, line: int, subject: str) -> list[Fact]:
    """A gateway's route as a link to the service behind it."""
    if route["zuul"] is None:
        match = re.match(r"(?:lb|https?|ws)://([\w.-]{1,200})", value)
        return [fact("link", subject, path, line, host=match[1], scheme="http", via=key)] if match else []
    name = route["zuul"]
    if route["zuulpart"] in {"serviceId", "service-id"}:
        name = value
    elif route["zuulpart"] == "url":
        match = re.match(r"https?://([\w.-]{1,200})", value)
        if not match:
            return []
        name = match[1]
    elif name.endswith(("sensitiveHeaders", "stripPrefix", "strip-prefix", "retryable")):
        return []
    # A route without a service id goes to the service of its own name.
    return [fact("link", subject, path, line, host=name, scheme="http", via=key)]

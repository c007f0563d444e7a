"""Environment samples, Dockerfiles and Node configuration: small files of settings."""

from __future__ import annotations

import io
import re

from ast_grep_py import SgNode, SgRoot
from dotenv.parser import parse_stream

from data_integration_architect.redact import is_secret_key
from data_integration_architect.scanners.config import jsontext
from data_integration_architect.scanners.config.addresses import addresses, substitute
from data_integration_architect.scanners.config.configfacts import Fact, fact, problem
from data_integration_architect.scanners.config.located import Malformed, flatten
from data_integration_architect.scanners.config.settings import Setting, facts_of_settings, words_of
from data_integration_architect.scanners.config.technologies import technology_named, technology_of_image

MOST_CHARACTERS = 512 * 1024
_PLAIN = re.compile(r"[\w.:/,-]{1,150}\Z")


def read_dotenv(path: str, source: str) -> list[Fact]:
    """Links of an environment file, and its plain values as `variable` facts for the files that use them."""
    if len(source) > MOST_CHARACTERS:
        raise Malformed(1, "larger than the limit for environment files")
    settings: list[Setting] = []
    facts: list[Fact] = []
    for binding in parse_stream(io.StringIO(source)):
        original = binding.original.string
        line = binding.original.line + original[: len(original) - len(original.lstrip())].count("\n")
        if binding.error and not any(f.kind == "problem" for f in facts):
            facts.append(problem(path, line, "a line that is no assignment"))
        if binding.key and binding.value:
            settings.append(Setting(binding.key, binding.value, line))
    known = {s.key: s.value for s in settings if not is_secret_key(s.key)}
    for setting in settings:
        value = _reusable(setting.key, substitute(setting.value, known))
        if value:
            facts.append(fact("variable", setting.key, path, setting.line, value=value))
    return facts + facts_of_settings(settings, path, "", known)


_REUSED = {
    "host",
    "hostname",
    "server",
    "servers",
    "url",
    "uri",
    "address",
    "addr",
    "endpoint",
    "brokers",
    "port",
    "database",
    "db",
}


def _reusable(key: str, value: str) -> str:
    """What other files may take from a variable: a host, a port, a database, an address without its credentials."""
    if is_secret_key(key) or not _REUSED & set(words_of(key)[-1:]):
        return ""
    if "://" not in value:
        return value if _PLAIN.match(value) else ""
    targets = addresses(value)
    if not targets or not targets[0].host:
        return ""
    first = targets[0]
    port = f":{first.port}" if first.port else ""
    return f"{first.scheme or first.technology}://{first.host}{port}/{first.database}"


_INSTRUCTION = re.compile(
    r"^[ \t]*(?P<word>FROM|ENV|CMD|ENTRYPOINT|EXPOSE)[ \t]+(?P<rest>[^\n]{1,1000})", re.IGNORECASE | re.MULTILINE
)


def read_dockerfile(path: str, source: str) -> list[Fact]:
    """The last base image of a Dockerfile and what its environment points to. Misses: arguments without defaults."""
    facts: list[Fact] = []
    settings: list[Setting] = []
    base: tuple[str, int] | None = None
    stages: set[str] = set()
    source = source[:MOST_CHARACTERS]
    for match in _INSTRUCTION.finditer(source):
        line = source.count("\n", 0, match.start()) + 1
        word, rest = match["word"].upper(), match["rest"].strip()
        if word == "FROM":
            parts = [part for part in rest.split() if not part.startswith("--")]
            if parts and parts[0] not in stages:
                base = (substitute(parts[0]), line)
            if len(parts) > 2:
                stages.add(parts[2])
        elif word == "ENV":
            settings += [
                Setting(m[1], m[2] or m[3] or "", line)
                for m in re.finditer(r"([A-Za-z_]\w*)[= ](?:\"([^\"]*)\"|(\S+))", rest)
            ]
    if base:
        known = technology_of_image(base[0])
        facts.append(
            fact(
                "base-image",
                base[0],
                path,
                base[1],
                technology=known.name if known else "",
                category=known.category if known else "",
            )
        )
    return facts + facts_of_settings(settings, path)


def read_node_json(path: str, source: str) -> list[Fact]:
    """Links of a JSON settings file as node-config, Sequelize and NestJS projects have them."""
    root = jsontext.load(source)
    return _with_dialects([Setting(key, str(value), line) for key, value, line in flatten(root)], path)


def _with_dialects(settings: list[Setting], path: str) -> list[Fact]:
    """Links, with the `dialect` or `client` beside a `host` as its technology."""
    dialects = {
        s.key.rpartition(".")[0]: s
        for s in settings
        if s.key.rpartition(".")[2].lower() in {"dialect", "client", "type", "provider"}
    }
    facts = facts_of_settings(settings, path)
    linked = {f.text("via").rpartition(".")[0] for f in facts if f.kind == "link"}
    for prefix, setting in dialects.items():
        known = technology_named(setting.value) if re.fullmatch(r"[\w-]{2,40}", setting.value) else None
        if (
            not known
            or known.category not in {"database", "warehouse"}
            or prefix in linked
            or prefix.removesuffix(".connection") in linked
        ):
            continue
        near = {s.key.rpartition(".")[2].lower(): s.value for s in settings if s.key.startswith(f"{prefix}.")}
        host = near.get("host") or near.get("hostname") or near.get("storage") or ""
        if "host" in near or known.name == "sqlite" or "database" in near:
            name = near.get("database", "")
            facts.append(
                fact(
                    "link",
                    "",
                    path,
                    setting.line,
                    technology=known.name,
                    host=substitute(host) if re.fullmatch(r"[\w.${}:-]{1,200}", host) else "",
                    database=name if re.fullmatch(r"[\w.-]{1,100}", name) else "",
                    via=setting.key,
                )
            )
    return facts


def read_node_script(path: str, source: str) -> list[Fact]:
    """Links of a settings module in JavaScript or TypeScript: literals of its objects, defaults of `process.env`.

    Misses: values that functions compute.
    """
    if len(source) > MOST_CHARACTERS:
        raise Malformed(1, "larger than the limit for settings")
    try:
        root = SgRoot(source, "typescript").root()
        settings = _script_settings(root)
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException:  # The binding's panics are no subclass of Exception.
        raise Malformed(1, "not valid JavaScript") from None
    return _with_dialects(settings, path)


def _script_settings(root: SgNode) -> list[Setting]:
    found: list[Setting] = []
    pending: list[tuple[SgNode, str, int]] = [(root, "", 0)]
    while pending:
        node, prefix, depth = pending.pop()
        kind = node.kind()
        if depth > 120:
            continue
        if kind in {"pair", "variable_declarator"}:
            sides = [child for child in node.children() if child.kind() not in {":", "=", "comment", "type_annotation"}]
            if len(sides) >= 2:
                name = sides[0].text().strip("'\"`")[:80]
                key = f"{prefix}.{name}" if prefix else name
                value = _literal(sides[-1])
                if value:
                    found.append(Setting(key, value, node.range().start.line + 1))
                pending.append(
                    (sides[-1], key if kind == "pair" or sides[-1].kind() == "object" else prefix, depth + 1)
                )
            continue
        pending.extend((child, prefix, depth + 1) for child in reversed(node.children()))
    return found


def _literal(node: SgNode) -> str:
    """The text of a literal, or of an expression's fallback: `process.env.X || "y"`; `${X}` where it has none."""
    kind = node.kind()
    if kind == "string":
        return "".join(child.text() for child in node.children() if child.kind() == "string_fragment")
    if kind == "number":
        return node.text()
    if kind in {"binary_expression", "as_expression", "non_null_expression", "parenthesized_expression"}:
        return next((value for value in map(_literal, reversed(node.children())) if value), "")
    if kind == "member_expression":
        match = re.fullmatch(r"process\.env\.([A-Z]\w{1,80})", node.text())
        return f"${{{match[1]}}}" if match else ""
    if kind == "template_string":
        return re.sub(r"\$\{process\.env\.(\w+)[^}]{0,100}\}", r"${\1}", node.text().strip("`"))[:1000]
    if kind == "array":
        return ",".join(value for value in map(_literal, node.children()[:20]) if value)
    return ""

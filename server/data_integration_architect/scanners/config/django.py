"""Django and other Python settings modules: databases, caches, brokers, by their assignments; nothing is run."""

from __future__ import annotations

import ast
import re

from data_integration_architect.redact import is_secret_key
from data_integration_architect.scanners.config.addresses import addresses
from data_integration_architect.scanners.config.configfacts import Fact, fact
from data_integration_architect.scanners.config.pythontext import syntax_tree
from data_integration_architect.scanners.config.settings import Setting, facts_of_settings
from data_integration_architect.scanners.config.technologies import technology_named


def read(path: str, source: str) -> list[Fact]:
    """Links of a settings module. Misses: values that functions other than environment look-ups compute."""
    tree = syntax_tree(source, "settings")
    facts: list[Fact] = []
    settings: list[Setting] = []
    for name, value in _assignments(tree):
        if name in {"DATABASES", "CACHES", "HAYSTACK_CONNECTIONS", "CHANNEL_LAYERS"} and isinstance(value, ast.Dict):
            facts += _connections(name, value, path)
        elif name in {"ELASTICSEARCH_DSL", "MONGODB_DATABASES", "RQ_QUEUES", "OPENSEARCH_DSL"} and isinstance(
            value, ast.Dict
        ):
            facts += _nested(name, value, path)
        else:
            found = _value(value)
            if found:
                settings.append(Setting(name, found, value.lineno))
    return facts + facts_of_settings(settings, path)


def _assignments(tree: ast.Module) -> list[tuple[str, ast.expr]]:
    found: list[tuple[str, ast.expr]] = []
    pending: list[ast.AST] = list(reversed(tree.body))
    while pending:
        node = pending.pop()
        if isinstance(node, ast.Assign) and len(node.targets) == 1:
            target = node.targets[0]
            if isinstance(target, ast.Name):
                found.append((target.id, node.value))
            elif isinstance(target, ast.Attribute):
                found.append((target.attr, node.value))
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value is not None:
            found.append((node.target.id, node.value))
        elif isinstance(node, ast.If | ast.ClassDef | ast.Try | ast.With):
            pending.extend(reversed(node.body))
            if isinstance(node, ast.If):
                pending.extend(reversed(node.orelse))
    return found


_LOOKUPS = {"get", "getenv", "config", "env", "str", "environ", "db", "url", "get_env_value", "cache", "Field", "list"}


def _value(node: ast.expr | None) -> str:
    """The text of a constant, or of an environment look-up's default; `${NAME}` where it has none."""
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else str(node.value) if isinstance(node.value, int) else ""
    if isinstance(node, ast.Call):
        function = node.func
        name = (
            function.attr
            if isinstance(function, ast.Attribute)
            else function.id
            if isinstance(function, ast.Name)
            else ""
        )
        if name in {"replace", "strip", "format", "split"} and isinstance(function, ast.Attribute):
            return _value(function.value)
        if name not in _LOOKUPS or not node.args:
            return ""
        key = _value(node.args[0])
        default = (
            _value(node.args[1])
            if len(node.args) > 1
            else _value(next((k.value for k in node.keywords if k.arg == "default"), None))
        )
        return default or (f"${{{key}}}" if re.fullmatch(r"\w{1,80}", key) else "")
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        # What is put together with a path or a look-up still shows its scheme.
        return _value(node.left) + _value(node.right)
    if isinstance(node, ast.Subscript):
        key = _value(node.slice)
        return f"${{{key}}}" if re.fullmatch(r"[A-Z]\w{1,80}", key) else ""
    if isinstance(node, ast.BoolOp):
        return next((found for found in map(_value, reversed(node.values)) if found), "")
    if isinstance(node, ast.JoinedStr):
        parts = [_value(p) if isinstance(p, ast.Constant) else _formatted(p) for p in node.values[:40]]
        return "".join(parts)
    return ""


def _formatted(node: ast.expr) -> str:
    """A part of an f-string: a name becomes a placeholder, so that it is never taken for a host."""
    if isinstance(node, ast.FormattedValue) and isinstance(node.value, ast.Name | ast.Attribute):
        name = node.value.id if isinstance(node.value, ast.Name) else node.value.attr
        return "x" if is_secret_key(name) else f"${{{name}}}"
    return "x"


def _pairs(node: ast.expr) -> dict[str, ast.expr]:
    if not isinstance(node, ast.Dict):
        return {}
    return {
        k.value: v
        for k, v in zip(node.keys, node.values, strict=True)
        if isinstance(k, ast.Constant) and isinstance(k.value, str)
    }


def _connections(setting: str, node: ast.Dict, path: str) -> list[Fact]:
    facts: list[Fact] = []
    for alias, value in _pairs(node).items():
        entry = _pairs(value)
        if not entry:
            # dj_database_url and environ build the entry from a URL.
            found = [a for text in [_url_of(value)] if text for a in addresses(text)]
            facts += [
                fact(
                    "link",
                    "",
                    path,
                    value.lineno,
                    technology=a.technology,
                    host=a.host,
                    port=a.port or None,
                    database=a.database,
                    via=f"{setting}.{alias}",
                )
                for a in found
            ]
            if not found and setting == "DATABASES":
                facts.append(
                    fact(
                        "link",
                        "",
                        path,
                        value.lineno,
                        host=_url_of(value) or "${DATABASE_URL}",
                        category="database",
                        via=f"{setting}.{alias}",
                    )
                )
            continue
        engine = _value(entry.get("ENGINE") or entry.get("BACKEND"))
        known = technology_named(engine)
        config = _pairs(entry["CONFIG"]) if "CONFIG" in entry else {}
        location = _value(entry.get("HOST") or entry.get("LOCATION") or entry.get("URL")) or _first_host(
            config.get("hosts")
        )
        targets = addresses(location)
        if not known and not targets:
            continue
        replica = _value(_pairs(entry.get("TEST", ast.Dict([], []))).get("MIRROR"))
        database = _value(entry.get("NAME"))
        host = targets[0].host if targets else location if re.fullmatch(r"[\w.${}-]{1,200}", location) else ""
        technology = known.name if known else targets[0].technology
        facts.append(
            fact(
                "link",
                "",
                path,
                value.lineno,
                technology=technology,
                host=host,
                port=(targets[0].port if targets else 0) or None,
                database=database if re.fullmatch(r"[\w.-]{1,100}", database) else "",
                via=f"{setting}.{alias}",
                replica=bool(replica) or None,
                scheme="embedded" if technology == "sqlite" else "",
            )
        )
    return facts


def _url_of(node: ast.expr) -> str:
    if isinstance(node, ast.Call):
        default = next((k.value for k in node.keywords if k.arg == "default"), None)
        return _value(default) or _value(node)
    return _value(node)


def _first_host(node: ast.expr | None) -> str:
    if isinstance(node, ast.List | ast.Tuple) and node.elts:
        first = node.elts[0]
        return _value(first.elts[0]) if isinstance(first, ast.Tuple) and first.elts else _value(first)
    return ""


def _nested(setting: str, node: ast.Dict, path: str) -> list[Fact]:
    settings = []
    for alias, value in _pairs(node).items():
        for key, inner in _pairs(value).items():
            found = _value(inner) or _first_host(inner)
            if found:
                settings.append(Setting(f"{setting}_{alias}_{key}", found, inner.lineno))
    return facts_of_settings(settings, path)

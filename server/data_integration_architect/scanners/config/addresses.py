"""Where a setting points: the technology, host, port and database of a URL or connection string.

Only these parts are ever returned. User names, passwords, query parameters and all else stay in the file.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from data_integration_architect.redact import is_secret_key
from data_integration_architect.scanners.config.technologies import technology_of_port, technology_of_scheme

LONGEST_VALUE = 4_000
MOST_ADDRESSES = 12


@dataclass(frozen=True)
class Address:
    """One target. `host` may be a placeholder `${NAME}`; `scheme` is http for plain web addresses."""

    technology: str = ""
    host: str = ""
    port: int = 0
    database: str = ""
    scheme: str = ""


_URL = re.compile(
    r"\A(?:jdbc:|r2dbc:|p6spy:|secret:|pool:)*(?P<scheme>[A-Za-z][A-Za-z0-9+.-]{0,40}):(?P<rest>.*)\Z", re.DOTALL
)
_HOST = (
    r"(?:\$\{[\w.:-]{1,80}\}|\$[A-Za-z_]\w{0,60}|\[[0-9A-Fa-f:.]{2,45}\]"
    r"|[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,250}[A-Za-z0-9_])?)"
)
_HOST_PORT = re.compile(rf"\A(?P<host>{_HOST})(?::(?P<port>\d{{1,5}}|\$\{{[\w.:-]{{1,80}}\}}))?\Z")
_NAME = re.compile(r"\A[\w$ .{}-]{1,120}\Z")
_WEB = frozenset(
    {"http", "https", "ws", "wss", "grpc", "grpcs", "tcp", "lb", "dns", "static", "discovery", "ssl", "tls"}
)
_FILES = frozenset({"sqlite", "h2", "hsqldb", "derby", "duckdb"})


def substitute(value: str, variables: Mapping[str, str] | None = None) -> str:
    """`value` with `${A:-b}`, `${A-b}`, `${A:b}` and `${A}` replaced by what is known or the default.

    What stays unknown is left as `${A}`. Placeholders inside defaults are resolved too, to a bounded depth.
    """
    known = variables or {}
    value = value[:LONGEST_VALUE]
    for _ in range(6):
        replaced = _PLACEHOLDER.sub(lambda m: _resolve(m, known), value)
        if replaced == value:
            break
        value = replaced[:LONGEST_VALUE]
    return value


_PLACEHOLDER = re.compile(
    r"\$\{(?P<name>[\w.-]{1,120}?)(?:(?P<sign>:-|:\?|:\+|-|\?|:)(?P<default>[^${}]{0,500}))?\}"
    r"|\{\{\s?env\.(?P<env>\w{1,80})\s?\}\}"
)


def _resolve(match: re.Match[str], known: Mapping[str, str]) -> str:
    name = match["name"] or match["env"]
    if name in known:
        return known[name]
    if match["sign"] in {":-", "-", ":"} and match["default"] is not None and not is_secret_key(name):
        return match["default"]
    return f"${{{name}}}"


def addresses(value: str) -> list[Address]:
    """The targets of a URL, JDBC URL, connection string or list of `host:port`. Empty for anything else."""
    value = value.strip().strip("\"'")[:LONGEST_VALUE]
    if not value or "\n" in value:
        return []
    pairs = _keyword_address(value)
    if pairs:
        return [pairs]
    match = _URL.match(value)
    if match and (match["rest"].startswith("//") or _is_opaque(match["scheme"], match["rest"])):
        return _from_url(match["scheme"].lower(), match["rest"])
    return _host_list(value)


def _is_opaque(scheme: str, rest: str) -> bool:
    """Whether `scheme:rest` is a database URL without slashes (`h2:mem:x`), and not `host:port`."""
    return technology_of_scheme(scheme) is not None and not re.match(r"\d{1,5}(?:,|/|\Z)", rest)


def _from_url(scheme: str, rest: str) -> list[Address]:
    known = technology_of_scheme(scheme)
    if not known and scheme not in _WEB:
        return []
    technology = known.name if known else ""
    if technology in _FILES:
        return [_embedded(technology, rest)]
    if technology == "oracle" or scheme == "oracle":
        return [_oracle(rest)]
    if technology == "sqlserver" and ";" in rest:
        return [_sqlserver(rest)]
    if not rest.startswith("//"):
        return []
    # The last `@` ends the user info, whatever characters a password holds.
    body = rest[2:].rsplit("@", 1)[-1]
    authority, _, path = body.partition("/")
    authority = authority.split("?", 1)[0].split(";", 1)[0]
    database = re.split(r"[?#;/]", path, maxsplit=1)[0]
    if scheme in _WEB:
        database = ""
    if technology in {"kafka", "nats", "rabbitmq", "redis", "valkey", "memcached", "s3", "gcs"}:
        database = database if technology in {"redis", "valkey"} and database.isdigit() else ""
    if technology in {"s3", "gcs"}:
        return [Address(technology, "", 0, authority if _NAME.match(authority) else "", scheme)]
    found = []
    for part in authority.split(",")[:MOST_ADDRESSES]:
        target = _HOST_PORT.match(part.strip())
        if target:
            found.append(_made(target, technology, database, scheme))
    return found


def _made(target: re.Match[str], technology: str, database: str, scheme: str) -> Address:
    port = int(target["port"]) if target["port"] and target["port"].isdigit() else 0
    if not technology and port and scheme not in {"https", "wss"}:
        known = technology_of_port(port)
        technology = known.name if known else ""
    if not _NAME.match(database):
        database = ""
    return Address(technology, target["host"], port, database, scheme)


def _embedded(technology: str, rest: str) -> Address:
    path = re.split(r"[;?]", rest, maxsplit=1)[0]
    name = re.split(r"[/\\:]", path)[-1]
    return Address(technology, "", 0, name if _NAME.match(name) else "", "embedded")


def _oracle(rest: str) -> Address:
    body = rest.rsplit("@", 1)[-1].removeprefix("thin:").lstrip("/")
    described = re.search(r"HOST\s?=\s?([\w.-]{1,200})", body, re.IGNORECASE)
    if described:
        return Address("oracle", described[1])
    match = re.match(r"([\w.${}-]{1,200})(?::(\d{1,5}))?(?:[:/]([\w.$-]{1,120}))?", body)
    if not match:
        return Address("oracle")
    return Address("oracle", match[1], int(match[2] or 0), match[3] or "")


def _sqlserver(rest: str) -> Address:
    head, _, options = rest.removeprefix("//").partition(";")
    target = _HOST_PORT.match(head.rsplit("@", 1)[-1].split("\\", 1)[0])
    named = re.search(r"(?:\A|;)\s?(?:databaseName|database)\s?=\s?([\w .${}-]{1,120})", options, re.IGNORECASE)
    made = Address("sqlserver", database=named[1].strip() if named else "")
    if target:
        made = replace(made, host=target["host"], port=int(target["port"]) if (target["port"] or "").isdigit() else 0)
    return made


_KEYWORD = re.compile(r"\A\s*[A-Za-z][\w ]{0,40}=")
_KEYWORD_PAIR = re.compile(r"(?P<key>[A-Za-z][\w ]{0,40}?)\s?=\s?(?P<value>\"[^\"]*\"|'[^']*'|[^;]*)(?:;|\Z)")
_LIBPQ_PAIR = re.compile(r"(?P<key>[a-z_]{2,30})=(?P<value>'[^']*'|\S*)")
_SERVER_KEYS = ("server", "data source", "host", "address", "addr", "endpoint", "datasource", "hostname")
_DATABASE_KEYS = ("database", "initial catalog", "dbname", "db")


def _keyword_address(value: str) -> Address | None:
    """The target of `Server=..;Database=..;` (ADO.NET) or `host=.. dbname=..` (libpq)."""
    if not _KEYWORD.match(value) or "://" in value.split("=", 1)[0]:
        return None
    pattern = _KEYWORD_PAIR if ";" in value else _LIBPQ_PAIR
    pairs = {m["key"].strip().lower(): m["value"].strip("'\" ") for m in pattern.finditer(value)}
    server = next((pairs[key] for key in _SERVER_KEYS if pairs.get(key)), "")
    if not server:
        return None
    database = next((pairs[key] for key in _DATABASE_KEYS if pairs.get(key)), "")
    if server.startswith("sb://"):
        return Address("servicebus", server[5:].strip("/").split("/", 1)[0][:200])
    if re.search(r"\.(?:db|sqlite3?|sdf|mdf)\Z", server, re.IGNORECASE) or server == ":memory:":
        return Address("sqlite", database=re.split(r"[/\\]", server)[-1], scheme="embedded")
    body = re.sub(r"\A(?:tcp|np|lpc):", "", server)
    head = re.split(r"[\\/,]", body, maxsplit=1)[0]
    target = _HOST_PORT.match(head) or _HOST_PORT.match({".": "localhost", "(localdb)": "localhost"}.get(head, ""))
    if not target:
        return None
    port_text = pairs.get("port", "") or (body.split(",", 1)[1] if "," in body else "") or (target["port"] or "")
    port = int(port_text) if port_text.isdigit() and len(port_text) <= 5 else 0
    return Address(_dialect(pairs, port), target["host"], port, database if _NAME.match(database) else "", "keywords")


def _dialect(pairs: Mapping[str, str], port: int) -> str:
    """The technology that the keywords of a connection string betray, empty if they fit several."""
    keys = set(pairs)
    if keys & {
        "initial catalog",
        "trustservercertificate",
        "multipleactiveresultsets",
        "integrated security",
        "trusted_connection",
        "attachdbfilename",
        "encrypt",
    }:
        return "sqlserver"
    if keys & {"sslmode", "search path", "dbname", "sslrootcert"} and "charset" not in keys:
        return "postgresql"
    known = technology_of_port(port) if port else None
    if known:
        return known.name
    if "host" in keys and "username" in keys:
        return "postgresql"
    if keys & {"uid", "allowpublickeyretrieval", "convertzerodatetime"} or "charset" in keys:
        return "mysql"
    return ""


def _host_list(value: str) -> list[Address]:
    """`a:9092,b:9092`: a list needs a port at each part, so that ordinary words are no hosts."""
    found = []
    for part in value.split(",")[:MOST_ADDRESSES]:
        name = part.strip().removeprefix("tcp://")
        if "://" in name:
            url = _URL.match(name)
            found.extend(
                _from_url(url["scheme"].lower(), url["rest"])[:1] if url and url["rest"].startswith("//") else []
            )
            continue
        target = _HOST_PORT.match(name)
        if not target or not target["port"]:
            return []
        found.append(_made(target, "", "", ""))
    return found


def host_of(value: str) -> str:
    """`value` as a lone host name, with or without a port; empty if it is anything else."""
    target = _HOST_PORT.match(value.strip().strip("\"'"))
    return target["host"] if target else ""

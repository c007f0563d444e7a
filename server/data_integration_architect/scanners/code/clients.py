"""What the calls of client libraries mean: the typed form of `knowledge/clients/`.

A library file names its import prefixes, its packages in dependency manifests, and types. A type has the names by which
it is constructed or annotated, and for each effect the methods that have it; `save*` is a prefix. Methods that are not
listed return the same type, because most clients are fluent.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from data_integration_architect.errors import KnowledgeError

KINDS = (
    "write",
    "read",
    "publish",
    "enqueue",
    "cache_set",
    "invalidate",
    "outbox",
    "lock",
    "ignore",
    "sql_write",
    "sql_read",
    "begin",
    "commit",
    "rollback",
    "transaction",
    "after_commit",
    "dispatch",
    "listen",
    "hook",
    "flush",
    "raise",
    "release",
    "consume",
    "route",
    "step",
    "notify",
    "answer",
)
ROLES = (
    "transaction",
    "listener",
    "after_commit_listener",
    "hook",
    "entity",
    "cache_set",
    "invalidate",
    "cache_fill",
    "outbox",
    "entry",
    "publish",
    "command_handler",
    "event_handler",
    "observed_by",
    "mirrored",
    "consumer",
    "sql_write",
    "sql_read",
    "bound_function",
    "advice",
    "pointcut",
)


@dataclass(frozen=True, slots=True)
class ClientType:
    """One type of a library: methods -> effect kind."""

    id: str
    library: str
    technology: str
    methods: Mapping[str, str]
    prefixes: tuple[tuple[str, str], ...]
    returns: Mapping[str, str]
    receivers: frozenset[str]
    ends: frozenset[str]
    managed: bool
    # methods that write past the ORM's hooks: always, and when called on the class
    unhooked: frozenset[str]
    unhooked_static: frozenset[str]
    # methods that act on another technology than the type: one client for state and for messages
    technologies: Mapping[str, str]
    # method -> text of an argument -> type that it returns: one factory for the clients of many services
    selects: Mapping[str, Mapping[str, str]]
    # a class of the repository that inherits the type is kept there too whenever its own ORM writes it
    mirrors: bool
    # scheme of an endpoint's address -> kind and technology of a step of a route that leads there
    schemes: Mapping[str, tuple[str, str]]
    # counts only where the settings bind an output of the program
    bound: bool

    def kind_of(self, method: str) -> str | None:
        """The effect of a method, `None` if it has none or is unknown."""
        kind = self.methods.get(method)
        if kind is None:
            for prefix, prefix_kind in self.prefixes:
                if method.startswith(prefix):
                    return prefix_kind
        return kind


@dataclass(slots=True)
class Clients:
    """All libraries, indexed for look-up by qualified name, by receiver name and by package."""

    types: dict[str, ClientType] = field(default_factory=dict)
    by_name: dict[str, list[tuple[str, tuple[str, ...], str]]] = field(default_factory=dict)
    modules: dict[str, list[tuple[str, str]]] = field(default_factory=dict)
    decorators: dict[str, list[tuple[str, tuple[str, ...], str, str]]] = field(default_factory=dict)
    receivers: dict[str, list[tuple[str, str]]] = field(default_factory=dict)
    globals: dict[str, list[tuple[str, str]]] = field(default_factory=dict)
    packages: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    imports: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    textual: list[tuple[str, str, str]] = field(default_factory=list)
    technology: dict[str, str] = field(default_factory=dict)
    families: dict[str, str] = field(default_factory=dict)
    backing: dict[str, str] = field(default_factory=dict)
    services: dict[str, str] = field(default_factory=dict)
    handlers: dict[str, set[str]] = field(default_factory=dict)
    # names so telling that they count wherever they are imported from: clients generated into the repository
    anywhere: dict[str, tuple[str, str]] = field(default_factory=dict)
    known: dict[tuple[str, str], str | None] = field(default_factory=dict)

    def type_of(self, languages: str, qualified: str) -> str | None:
        """The type id of a qualified name such as `redis.Redis` or `ioredis#default`; memoised."""
        key = (languages, qualified)
        if key not in self.known:
            self.known[key] = self.find_type(languages, qualified)
        return self.known[key]

    def find_type(self, languages: str, qualified: str) -> str | None:
        for language, prefixes, type_id in self.by_name.get(last_name(qualified), ()):
            if language in ("", languages) or languages in language.split(","):
                for prefix in prefixes:
                    if under(qualified, prefix):
                        return type_id
        found = self.anywhere.get(last_name(qualified))
        if found is not None and languages in found[0].split(","):
            return found[1]
        for language, prefixes, type_id in self.by_name.get("default", ()):
            if qualified in prefixes and languages in language.split(","):
                return type_id
        return None

    def importers(self, language: str, name: str) -> list[str]:
        """Libraries that an imported name belongs to."""
        found = list(self.imports.get((language, name), ()))
        for at, char in enumerate(name):
            if char in "./#":
                found += self.imports.get((language, name[:at]), ())
        found += [library for wanted, prefix, library in self.textual if wanted == language and name.startswith(prefix)]
        return found

    def role_of(
        self, language: str, name: str, qualified: str | None, packages: frozenset[str]
    ) -> tuple[str, str] | None:
        """Role and library of an annotation; an unresolved one counts if its library is in use."""
        for languages, prefixes, role, library in self.decorators.get(name, ()):
            if languages and language not in languages.split(","):
                continue
            if qualified is not None and any(under(qualified, prefix) for prefix in prefixes):
                return role, library
            if (qualified is None or language in ("csharp", "typescript", "php")) and library in packages:
                return role, library
        return None


def last_name(qualified: str) -> str:
    """The part after the last separator."""
    return qualified[max(qualified.rfind(mark) for mark in "#./") + 1 :]


def under(qualified: str, prefix: str) -> bool:
    """Whether a name lies at or below an import prefix; one ending in `*` is textual, `*/x` is any package called x."""
    if prefix.endswith("*"):
        return qualified.startswith(prefix[:-1])
    if prefix.startswith("*/"):
        return f"/{qualified.rpartition('.')[0]}".endswith(prefix[1:])
    return qualified == prefix or (qualified.startswith(prefix) and qualified[len(prefix)] in "./#")


def normal(name: str) -> str:
    """A receiver's name without case and underscores."""
    return name.lstrip("_$").replace("_", "").lower()


def load_clients(documents: Mapping[str, Any]) -> Clients:
    """Clients from parsed files (name -> document); raises `KnowledgeError` with all problems of all files."""
    clients, problems = Clients(), []
    for name in sorted(documents):
        document = documents[name]
        if not isinstance(document, dict):
            problems.append(f"{name}: a mapping is needed")
            continue
        clients.families.update(document.get("families", {}))
        clients.backing.update(document.get("backing", {}))
        clients.services.update(document.get("services", {}))
        for language, names in document.get("handlers", {}).items():
            clients.handlers.setdefault(language, set()).update(names)
        for library in document.get("libraries", [document] if "id" in document else []):
            problems += add_library(clients, name, library)
    if problems:
        raise KnowledgeError("; ".join(problems))
    return clients


def add_library(clients: Clients, file: str, document: Mapping[str, Any]) -> list[str]:
    """Enter one library; the problems found."""
    allowed = {
        "id",
        "title",
        "sources",
        "languages",
        "packages",
        "imports",
        "technology",
        "types",
        "decorators",
        "note",
        "families",
        "backing",
        "handlers",
    }
    problems = [f"{file}: unknown key {key!r}" for key in document if key not in allowed]
    library = str(document.get("id", file))
    languages = ",".join(document.get("languages", []))
    technology = str(document.get("technology", ""))
    clients.technology[library] = technology
    prefixes = tuple(document.get("imports", []))
    for language in document.get("languages", [""]):
        for package in document.get("packages", []):
            clients.packages.setdefault((ecosystem(language), package.lower()), []).append(library)
        for prefix in prefixes:
            if prefix.endswith("*"):
                clients.textual.append((language, prefix[:-1], library))
            else:
                clients.imports.setdefault((language, prefix), []).append(library)
    for short, entry in (document.get("types") or {}).items():
        problems += add_type(clients, file, library, languages, technology, prefixes, short, entry)
    for name, role in (document.get("decorators") or {}).items():
        if role not in ROLES and not role.startswith("type:"):
            problems.append(f"{file}: unknown role {role!r} of {name}")
        value = f"type:{library}/{role[5:]}" if role.startswith("type:") else role
        clients.decorators.setdefault(name, []).append((languages, prefixes, value, library))
    return problems


def add_type(
    clients: Clients,
    file: str,
    library: str,
    languages: str,
    technology: str,
    prefixes: tuple[str, ...],
    short: str,
    entry: Mapping[str, Any],
) -> list[str]:
    """Enter one type; the problems found."""
    known = {
        *KINDS,
        "names",
        "receivers",
        "returns",
        "technology",
        "module",
        "globals",
        "like",
        "imports",
        "ends",
        "managed",
        "unhooked",
        "unhooked_static",
        "anywhere",
        "technologies",
        "mirrors",
        "schemes",
        "bound",
    }
    problems = [f"{file}: {short}: unknown key {key!r}" for key in entry if key not in known]
    type_id = f"{library}/{short}"
    methods: dict[str, str] = {}
    starts: list[tuple[str, str]] = []
    returns: dict[str, str] = {}
    like = str(entry.get("like", ""))
    base_id = like if "/" in like or not like else f"{library}/{like}"
    if like:
        base = clients.types.get(base_id)
        if base is None:
            return [*problems, f"{file}: {short}: like {like!r} is not defined before it"]
        methods.update(base.methods)
        starts += base.prefixes
        returns.update(base.returns)
    for kind in KINDS:
        for method in entry.get(kind, []):
            if method.endswith("*"):
                starts.append((method[:-1], kind))
            else:
                methods[method] = kind
    schemes = dict(clients.types[base_id].schemes) if base_id else {}
    schemes |= {scheme: (kind, technology) for scheme, (kind, technology) in entry.get("schemes", {}).items()}
    starts.sort(key=lambda item: -len(item[0]))
    selects: dict[str, Mapping[str, str]] = dict(clients.types[base_id].selects) if base_id else {}
    for method, target in entry.get("returns", {}).items():
        if isinstance(target, Mapping):
            selects[method] = {text: one if "/" in one else f"{library}/{one}" for text, one in target.items()}
            continue
        returns[method] = target if "/" in target or target in ("entity", "none", "argument") else f"{library}/{target}"
    receivers = frozenset(normal(name) for name in entry.get("receivers", []))
    own = str(entry.get("technology", technology))
    made = ClientType(
        type_id,
        library,
        own,
        methods,
        tuple(starts),
        returns,
        receivers,
        frozenset(entry.get("ends", [])),
        bool(entry.get("managed")),
        frozenset(entry.get("unhooked", [])),
        frozenset(entry.get("unhooked_static", [])),
        dict(entry.get("technologies", {})),
        selects,
        bool(entry.get("mirrors")),
        schemes,
        bool(entry.get("bound")),
    )
    clients.types[type_id] = made
    places = tuple(entry.get("imports", prefixes))
    for name in entry.get("names", []):
        clients.by_name.setdefault(name, []).append((languages, places, type_id))
    for name in entry.get("anywhere", []):
        clients.anywhere[name] = (languages, type_id)
    for receiver in receivers:
        clients.receivers.setdefault(receiver, []).append((languages, type_id))
    for name in entry.get("globals", []):
        clients.globals.setdefault(name, []).append((languages, type_id))
    if entry.get("module"):
        for prefix in places:
            clients.modules.setdefault(prefix, []).append((languages, type_id))
    return problems


def ecosystem(language: str) -> str:
    """The package ecosystem of a language."""
    return {
        "typescript": "npm",
        "javascript": "npm",
        "java": "maven",
        "kotlin": "maven",
        "python": "pypi",
        "go": "go",
        "csharp": "nuget",
        "php": "composer",
    }.get(language, "")


def libraries_of(clients: Clients, imported: Iterable[tuple[str, str]]) -> frozenset[str]:
    """Libraries among imports given as (language, qualified name)."""
    return frozenset(library for language, name in set(imported) for library in clients.importers(language, name))

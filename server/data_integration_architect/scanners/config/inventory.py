"""From facts to things: programs, stores and brokers of a repository, each once, whatever names it has."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from data_integration_architect.scanners.config.configfacts import Fact
from data_integration_architect.scanners.config.places import (
    folders_of,
    is_beside,
    is_test,
    is_test_profile,
    is_within,
    plain,
)


@dataclass
class Program:
    """One service, worker or application; `folders` are where its sources lie."""

    name: str
    aliases: set[str] = field(default_factory=set)
    folders: set[str] = field(default_factory=set)
    evidence: list[Fact] = field(default_factory=list)
    scope: str = ""
    deployed: bool = False
    named: bool = False

    def fact_text(self, key: str) -> str:
        return next((text for found in self.evidence if (text := found.text(key))), "")


@dataclass
class Store:
    """One store or broker; `scope` is the folder of the deployment that declares it."""

    name: str
    technology: str
    category: str
    aliases: set[str] = field(default_factory=set)
    ports: set[str] = field(default_factory=set)
    databases: set[str] = field(default_factory=set)
    evidence: list[Fact] = field(default_factory=list)
    scope: str = ""
    inferred: str = ""
    embedded_in: str = ""

    @property
    def is_broker(self) -> bool:
        return self.category == "broker"


@dataclass
class Inventory:
    """All programs and stores of a repository, with look-ups by name and folder."""

    programs: list[Program]
    stores: list[Store]
    projects: dict[str, str] = field(default_factory=dict)

    def scope_of(self, found: Fact) -> str:
        """The folder of the project that a deployment file belongs to."""
        folder = posixpath.dirname(found.path)
        return self.projects.get(folder, folder)

    def program_named(self, name: str, near: str = "") -> Program | None:
        """The program with this name or alias; of several, the one that is deployed nearest to `near`."""
        key = plain(name)
        if not key:
            return None
        found = [program for program in self.programs if key in program.aliases]
        return _nearest(found, near)

    def program_at(self, path: str) -> Program | None:
        """The program whose folder holds `path` most closely."""
        for folder in folders_of(path):
            owners = [program for program in self.programs if folder in program.folders]
            if owners:
                return owners[0] if folder or len(owners) == 1 else None
        return None

    def store_named(self, name: str, near: str = "") -> Store | None:
        """The store with this name, alias or reference; a cluster-internal suffix is passed over."""
        host = name.lower()
        for candidate in (host, host.split(".", 1)[0] if ".svc" in host or re.match(r"[\w-]+\.[\w-]+\Z", host) else ""):
            key = plain(candidate)
            found = [store for store in self.stores if key and key in store.aliases]
            if found:
                return _nearest(found, near)
        return None

    def stores_of(self, technology: str, near: str = "") -> list[Store]:
        """Stores of a technology (compatible ones included) that are not beside `near`."""
        same = COMPATIBLE.get(technology, {technology})
        return [s for s in self.stores if s.technology in same and not s.embedded_in and not is_beside(s.scope, near)]


# What speaks the same protocol: a client of the first works with a server of the others.
COMPATIBLE: dict[str, set[str]] = {
    "kafka": {"kafka", "redpanda", "eventhubs"},
    "redis": {"redis", "valkey"},
    "mysql": {"mysql", "mariadb", "tidb"},
    "mariadb": {"mariadb", "mysql"},
    "postgresql": {"postgresql", "cockroachdb", "yugabytedb"},
    "elasticsearch": {"elasticsearch", "opensearch"},
    "mongodb": {"mongodb", "cosmosdb"},
    "cassandra": {"cassandra", "scylladb"},
    "s3": {"s3", "minio"},
    "sql": {"postgresql", "mysql", "mariadb", "sqlserver"},
}


_Thing = TypeVar("_Thing", Program, Store)


def _nearest(found: Sequence[_Thing], near: str) -> _Thing | None:
    if len(found) < 2:
        return found[0] if found else None
    own = [thing for thing in found if thing.scope == near]
    around = own or [thing for thing in found if not is_beside(thing.scope, near)]
    return (around or list(found))[0]


def used(facts: Iterable[Fact]) -> list[Fact]:
    """Facts that say something of the running system: not those of tests."""
    return [f for f in facts if not is_test(f.path) and not is_test_profile(f.text("profile"))]


def build(facts: Sequence[Fact]) -> Inventory:
    """The inventory of facts without those of tests. Stores that only settings point to are added by `connect`."""
    inventory = Inventory([], [], _projects(facts))
    images = {posixpath.dirname(f.path): f for f in facts if f.kind == "base-image" and f.text("technology")}
    modules = [f for f in facts if f.kind == "module"]
    module_folders = {posixpath.dirname(f.path) for f in modules}
    deployed: list[Fact] = []
    for found in facts:
        if found.kind in {"store", "broker"} and found.attributes.get("category"):
            _add_store(inventory, found, found.text("technology"), found.text("category"))
        elif found.kind == "service" and found.text("origin") != "application":
            folder = _built_in(found)
            base = images.get(folder) if folder is not None else None
            if base is not None and folder not in module_folders:
                # An image of one's own on a store's base is the store with settings of one's own.
                _add_store(inventory, found, base.text("technology"), base.text("category"))
            else:
                deployed.append(found)
    # Services that others extend come first.
    for found in sorted(deployed, key=lambda f: "extends" in f.attributes):
        scope = inventory.scope_of(found)
        store = inventory.store_named(found.subject, scope)
        if store is not None and not found.text("image") and not is_beside(store.scope, scope):
            # An override file repeats a store's service without its image.
            store.ports |= set(found.texts("ports"))
            store.evidence.append(found)
        else:
            _add_deployed(inventory, found)
    _add_modules(inventory, facts, modules)
    _add_aliases(inventory, facts)
    return inventory


def _projects(facts: Sequence[Fact]) -> dict[str, str]:
    """Folders with Compose files to their project: variants of one deployment often lie side by side.

    Two folders are one project if most services of the smaller one are in the other with the same image.
    """
    services: dict[str, set[tuple[str, str]]] = {}
    for found in facts:
        if found.kind == "service" and found.text("origin") == "compose" and found.text("image"):
            image = found.text("image").rsplit("/", 1)[-1].split(":", 1)[0]
            services.setdefault(posixpath.dirname(found.path), set()).add((plain(found.subject), image))
    projects: dict[str, str] = {}
    folders = sorted(services)
    for index, one in enumerate(folders):
        for other in folders[index + 1 :]:
            shared = len(services[one] & services[other])
            if shared >= 2 and 2 * shared > min(len(services[one]), len(services[other])):
                root = posixpath.commonpath([one, other]) if one else ""
                projects[one] = projects[other] = root
    return projects


def _add_store(inventory: Inventory, found: Fact, technology: str, category: str) -> None:
    scope = inventory.scope_of(found)
    aliases = {plain(alias) for alias in (found.subject, *found.texts("aliases"))} - {""}
    for store in inventory.stores:
        same = store.technology == technology or not technology or not store.technology or technology == "sql"
        separate = found.text("origin") == "compose" and any(f.text("origin") == "compose" for f in store.evidence)
        if same and plain(found.subject) in store.aliases and not (separate and is_beside(store.scope, scope)):
            break
    else:
        store = Store(
            _free_name(inventory, found.subject, scope),
            technology,
            category,
            scope=scope if found.text("origin") == "compose" else "",
        )
        inventory.stores.append(store)
    if is_within(store.scope, scope):
        store.scope = scope if found.text("origin") == "compose" else ""
    store.technology = store.technology or technology
    store.aliases |= aliases
    store.ports |= set(found.texts("ports"))
    store.databases |= set(found.texts("databases"))
    store.evidence.append(found)


def _free_name(inventory: Inventory, name: str, scope: str) -> str:
    taken = {store.name for store in inventory.stores} | {program.name for program in inventory.programs}
    if name not in taken:
        return name
    longer = f"{posixpath.basename(scope) or 'root'}-{name}"
    while longer in taken:
        longer += "-2"
    return longer


def _add_deployed(inventory: Inventory, found: Fact) -> None:
    scope = inventory.scope_of(found)
    file, sign, service = found.text("extends").partition("#")
    for other in inventory.programs if sign else ():
        if any(e.path == file and e.subject == service for e in other.evidence):
            other.aliases.add(plain(found.subject))
            other.evidence.append(found)
            return
    # Workloads are often named for their kind.
    name = re.sub(r"-(?:depl|deploy|deployment)\Z", "", found.subject)
    key = plain(name)
    folder = _built_in(found)
    composed = found.text("origin") == "compose"
    program = next(
        (
            p
            for p in inventory.programs
            if key in p.aliases and not (composed and is_beside(p.scope, scope) and folder not in p.folders)
        ),
        None,
    )  # fmt: skip
    if program is None:
        program = Program(_free_name(inventory, name, scope), scope=scope if composed else "", deployed=True)
        inventory.programs.append(program)
    program.aliases |= {plain(alias) for alias in (found.subject, *found.texts("aliases"))} - {""}
    if folder is not None:
        program.folders.add(folder)
    if is_within(program.scope, scope):
        program.scope = scope if composed else ""
    program.evidence.append(found)


def _built_in(found: Fact) -> str | None:
    """The folder of a service's build, empty for the repository's root; None where it is not built here."""
    folder = found.text("build")
    return "" if folder == "." else folder or None


def _add_modules(inventory: Inventory, facts: Sequence[Fact], modules: Sequence[Fact]) -> None:
    """Source folders, joined with what is deployed by folder, name or image; the rest are programs of their own."""
    names: dict[str, list[Fact]] = {}
    for found in modules:
        names.setdefault(posixpath.dirname(found.path), []).append(found)
    parents = {posixpath.dirname(f.path) for f in modules if f.attributes.get("parent-of")}
    running = {folder for f in facts if f.kind in {"base-image", "port"} for folder in [posixpath.dirname(f.path)]}
    applications: dict[str, list[Fact]] = {}
    for found in facts:
        if found.kind == "service" and found.text("origin") == "application":
            folder = next((f for f in folders_of(found.path) if f in names), posixpath.dirname(found.path))
            applications.setdefault(folder, []).append(found)
    used_folders = {folder for p in inventory.programs for folder in p.folders}
    for folder in sorted({*names, *applications, *(running & used_folders)}):
        own = [*applications.get(folder, ()), *names.get(folder, ())]
        labels = [found.subject for found in own]
        if folder:
            labels.append(posixpath.basename(folder))
        program = _deployed_for(inventory, folder, labels)
        if program is None:
            uses = any(f.kind in {"dependency", "link"} and posixpath.dirname(f.path) == folder for f in facts)
            if folder in parents and folder not in applications and not uses:
                continue
            program = Program(
                _free_name(inventory, next((label for label in labels if label), "app"), folder), scope=folder
            )
            inventory.programs.append(program)
        program.named = program.named or bool(applications.get(folder))
        program.folders.add(folder)
        program.aliases |= {plain(label) for label in labels} - {""}
        program.evidence += own


def _deployed_for(inventory: Inventory, folder: str, labels: Sequence[str]) -> Program | None:
    for program in inventory.programs:
        if folder in program.folders and (folder or len(inventory.programs) == 1):
            return program
    keys = [key for label in labels if (key := plain(label))]
    free = [p for p in inventory.programs if p.deployed and not p.folders]
    named = [p for p in free if any(key in p.aliases for key in keys)]
    imaged = [p for p in free if any(len(key) > 3 and _image_name(p).endswith(key) for key in keys)]
    for fitting in (named, imaged):
        near = [p for p in fitting if not is_beside(p.scope, folder)]
        # A deployment kept in a folder of its own speaks of modules beside it, where the name is unmistakable.
        if near or len(fitting) == 1:
            return (near or fitting)[0]
    # An image may be built one folder above or below the manifest (a context with many Dockerfiles).
    inside = [
        p
        for p in inventory.programs
        if any(f and (folder.startswith(f"{f}/") or f.startswith(f"{folder}/")) for f in p.folders)
    ]
    return inside[0] if len(inside) == 1 and folder else None


def _image_name(program: Program) -> str:
    return plain(program.fact_text("image").rsplit("/", 1)[-1].split(":", 1)[0])


def _add_aliases(inventory: Inventory, facts: Sequence[Fact]) -> None:
    """Kubernetes services: other names of the workloads that their selector matches."""
    for found in facts:
        if found.kind != "alias":
            continue
        wanted = set(found.texts("selector"))
        things: list[Program | Store] = [*inventory.programs, *inventory.stores]
        for thing in things:
            if wanted and any(wanted <= set(evidence.texts("labels")) for evidence in thing.evidence):
                thing.aliases.add(plain(found.subject))

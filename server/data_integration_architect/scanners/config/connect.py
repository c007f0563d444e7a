"""Which program reaches which store, broker or program: link facts resolved against the inventory.

Targets that are written out are resolved first; `localhost` and unknown hosts then fall to what fits, and say so.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from data_integration_architect.scanners.config.configfacts import Confidence, Fact
from data_integration_architect.scanners.config.inventory import COMPATIBLE, Inventory, Program, Store
from data_integration_architect.scanners.config.places import is_beside, plain
from data_integration_architect.scanners.config.technologies import BY_NAME, technology_of_port
from data_integration_architect.scanners.config.usage import dependencies_of, variables_of

EMBEDDED = frozenset({"sqlite", "h2", "hsqldb", "derby", "duckdb"})
_HERE = frozenset(
    {"localhost", "127.0.0.1", "0.0.0.0", "host.docker.internal", "::1", "[::1]", "docker.for.mac.localhost", ""}
)


@dataclass(frozen=True, order=True)
class Link:
    """One program that reaches one store, broker or program; whether it reads or writes, configuration does not say."""

    program: str
    target: str
    technology: str
    at: str
    via: str = ""
    confidence: Confidence = "seen"
    reason: str = ""


class Connections:
    """Links of an inventory; resolving may add stores that only settings point to."""

    def __init__(self, inventory: Inventory, facts: Sequence[Fact]) -> None:
        self.inventory = inventory
        self.facts = facts
        self.links: dict[tuple[str, str], Link] = {}
        # Program and target to the files (with profile) that say so: two stores of one file are two stores.
        self.sites: dict[tuple[str, str], set[tuple[str, str]]] = {}
        self.variables = variables_of(facts)
        self.dependencies = dependencies_of(facts, inventory)

    def resolve(self) -> list[Link]:
        """All links, each pair once with its best evidence; sorted."""
        later: list[tuple[Program, Fact, str]] = []
        for found in self.facts:
            if found.kind != "link":
                continue
            host = self._host(found)
            for program in self._programs_of(found):
                if not self._by_name(program, found, host):
                    later.append((program, found, host))
        for program, found, host in later:
            if found.text("technology") not in EMBEDDED:
                self._by_fit(program, found, host)
        self._stores_without_program()
        for program, found, _ in later:
            if found.text("technology") in EMBEDDED:
                self._embedded(program, found)
        self._from_dependencies()
        self._from_start_order()
        self._merge_alternatives()
        return sorted(self.links.values())

    def _add(self, program: Program, target: str, technology: str, found: Fact, reason: str = "") -> None:
        if target == program.name:
            return
        self.sites.setdefault((program.name, target), set()).add((found.path, found.text("profile")))
        confidence: Confidence = "inferred" if reason else found.confidence
        link = Link(program.name, target, technology, found.at, found.text("via"), confidence, reason or found.reason)
        known = self.links.get((program.name, target))
        if known is None or (known.confidence == "inferred" and confidence == "seen"):
            self.links[program.name, target] = link

    def _host(self, found: Fact) -> str:
        """The host of a link with the variables of environment files filled in."""
        host = found.text("host")
        match = re.fullmatch(r"\$\{?(\w+)\}?", host)
        if not match:
            return host
        near = posixpath.dirname(found.path)
        for scope, value in self.variables.get(match[1], ()):
            if not is_beside(scope, near):
                return (
                    re.sub(r"\A\w+://|[:/].*\Z", "", value)
                    if "://" not in value
                    else value.split("://", 1)[1].split("/")[0].split(":")[0]
                )
        return ""

    def _programs_of(self, found: Fact) -> list[Program]:
        near = posixpath.dirname(found.path)
        if found.subject.startswith("configmap:"):
            name = found.subject.removeprefix("configmap:")
            users = [p for p in self.inventory.programs if any(name in e.texts("config-maps") for e in p.evidence)]
            return users or [p for p in [self.inventory.program_named(name.removesuffix("-config"), near)] if p]
        if found.subject:
            program = self.inventory.program_named(found.subject, near) or self._similar(found.subject)
            if (
                program is None
                and not self._is_stray(found)
                and self.inventory.store_named(found.subject, near) is None
            ):
                program = Program(found.subject, {plain(found.subject)}, evidence=[found])
                self.inventory.programs.append(program)
            return [program] if program else []
        sample = re.sub(r"[._-](?:example|sample|template|dist|default)\Z", "", found.path)
        listed = [
            p
            for p in self.inventory.programs
            if any({found.path, sample} & set(e.texts("env-files")) for e in p.evidence)
        ]
        if listed:
            return listed
        shared = self._config_clients(found)
        if shared:
            return shared
        owner = self.inventory.program_at(found.path)
        return [owner] if owner else []

    def _is_stray(self, found: Fact) -> bool:
        """Whether a settings file only looks as if it were named for a program: a chart's values, a tool's settings."""
        stem = posixpath.basename(found.path).rsplit(".", 1)[0]
        if stem.startswith("values"):
            return True
        server = self.inventory.program_at(found.path)
        return stem == found.subject and (server is None or not self.uses(server, "config-server"))

    def _similar(self, name: str) -> Program | None:
        """The only program whose name begins with `name`, or the other way round: `mailer` is `mail-service`."""
        key = plain(name)
        found = [
            p for p in self.inventory.programs
            if any(len(a) > 3 and len(key) > 3 and (a.startswith(key) or key.startswith(a)) for a in p.aliases)
        ]  # fmt: skip
        if len(found) != 1:
            return None
        found[0].aliases.add(key)
        return found[0]

    def _config_clients(self, found: Fact) -> list[Program]:
        """The programs that a config server hands `application.yml` to; empty if the file is a program's own."""
        stem = posixpath.basename(found.path)
        folder = posixpath.dirname(found.path)
        if not re.match(r"application(?:-[\w.-]+)?\.(?:ya?ml|properties)\Z", stem) or folder.endswith(
            "src/main/resources"
        ):
            return []
        server = self.inventory.program_at(found.path)
        beside = [
            f for f in self.facts if posixpath.dirname(f.path) == folder and f.kind in {"link", "port"} and f.subject
        ]
        if server is not None and not self.uses(server, "config-server") and not beside:
            return []
        clients = [p for p in self.inventory.programs if self.uses(p, "config-client")]
        technology = found.text("technology")
        if technology and technology in BY_NAME:
            clients = [p for p in clients if self.uses(p, technology) or self.uses(p, f"bus-{technology}")]
        return clients

    def libraries(self) -> dict[str, tuple[str, ...]]:
        """Program to the technologies and roles of its libraries, sorted."""
        return {name: tuple(sorted(words)) for name, words in sorted(self.dependencies.items()) if words}

    def uses(self, program: Program, word: str) -> bool:
        """Whether a program depends on a library of this technology or role."""
        return word in self.dependencies.get(program.name, {})

    def _by_name(self, program: Program, found: Fact, host: str) -> bool:
        """Resolves a link whose host is a name that the repository gives; false if it is none."""
        near = program.scope
        if host.lower() in _HERE:
            return False
        store = self.inventory.store_named(host, near)
        if store is not None and _fits(store, found.text("technology")):
            if found.text("database"):
                store.databases.add(found.text("database"))
            self._add(program, store.name, store.technology, found)
            return True
        other = self.inventory.program_named(host, near) or self.inventory.program_named(host.split(".", 1)[0], near)
        if other is not None and (
            not found.text("technology") or found.text("technology") not in BY_NAME or not _is_data(found)
        ):
            self._add(program, other.name, "http", found)
            return True
        return False

    def _by_fit(self, program: Program, found: Fact, host: str) -> None:
        """Resolves `localhost`, variables and outside hosts by technology and port, or adds the store they point to."""
        technology = found.text("technology") or self._technology_by_category(program, found)
        here = host.lower() in _HERE
        port = found.attributes.get("port")
        if here and isinstance(port, int):
            by_port = self._published(port, program)
            if by_port is not None:
                self._add(program, by_port, technology or "http", found)
                return
        if not technology or technology not in BY_NAME or BY_NAME[technology].name == "ldap":
            return
        linked = [s for s in self._linked(program) if _fits(s, technology)]
        if linked and not here and "." not in host and not port:
            return  # A bare word beside a resolved address names a queue or a database more often than a host.
        if here and len(linked) == 1:
            linked[0].aliases.add(plain(host))
            return
        candidates = self.inventory.stores_of(technology, program.scope)
        if here and candidates:
            store = _best(candidates, program, found.text("database"))
            self._add(
                program,
                store.name,
                store.technology,
                found,
                "" if len(candidates) == 1 else "several stores of this technology; taken by name",
            )
            return
        self._add(program, self._outside(technology, host, found, program).name, technology, found)

    def _technology_by_category(self, program: Program, found: Fact) -> str:
        """What the program's libraries say where a setting speaks of a database only."""
        category = found.text("category")
        names = sorted(
            t
            for t in self.dependencies.get(program.name, {})
            if t in BY_NAME and BY_NAME[t].category == category and t not in EMBEDDED
        )
        return names[0] if category and len(names) == 1 else ""

    def _published(self, port: int, program: Program) -> str | None:
        """The store or program that publishes this port on the machine."""
        ending = f"{port}:"
        for store in self.inventory.stores:
            if not is_beside(store.scope, program.scope) and any(p.startswith(ending) for p in store.ports):
                return store.name
        for other in self.inventory.programs:
            if not is_beside(other.scope, program.scope) and any(
                p.startswith(ending) for e in other.evidence for p in e.texts("ports")
            ):
                return other.name
        if technology_of_port(port) is None:
            for found in self.facts:
                if found.kind == "port" and found.attributes.get("number") == port:
                    owners = self._programs_of(found)
                    if len(owners) == 1:
                        return owners[0].name
        return None

    def _linked(self, program: Program) -> list[Store]:
        return [s for s in self.inventory.stores if (program.name, s.name) in self.links]

    def _outside(self, technology: str, host: str, found: Fact, program: Program) -> Store:
        """The store that a setting points to and no deployment declares; one per technology and host."""
        label = host.split(".", 1)[0] if host.lower() not in _HERE and "$" not in host else ""
        if re.fullmatch(r"[\d.]+", host):
            label = ""
        name = label or technology
        database = found.text("database")
        for store in self.inventory.stores:
            if not store.inferred or not _fits(store, technology):
                continue
            if store.name == name or not label or plain(host) in store.aliases - {""}:
                store.databases |= {database} - {""}
                return store
        shorter = re.sub(
            r"-(?:service|svc|primary|master|headless|rw|leader|postgresql|mysql|redis|mongodb|kafka|rabbitmq)\Z",
            "",
            host.split(".", 1)[0],
        )
        declared = self.inventory.store_named(shorter, program.scope) if label and shorter != label else None
        if declared is not None and _fits(declared, technology):
            declared.aliases.add(plain(host))
            return declared
        taken = {store.name for store in self.inventory.stores} | {p.name for p in self.inventory.programs}
        if name in taken:
            name = f"{name}-{technology}" if label else f"{technology}-store"
            while name in taken:
                name += "-2"
        known = BY_NAME[technology]
        store = Store(
            name, technology, known.category, {plain(name), plain(host)} - {""}, set(), {database} - {""}, [found]
        )
        store.inferred = "only settings point to it"
        self.inventory.stores.append(store)
        return store

    def _stores_without_program(self) -> None:
        """Links whose program is not known still show that a store exists."""
        for found in self.facts:
            if found.kind == "link" and found.text("technology") in BY_NAME and not self._programs_of(found):
                technology, host = found.text("technology"), self._host(found)
                named = self.inventory.store_named(host) if host.lower() not in _HERE else None
                if named is None and technology not in EMBEDDED and not self.inventory.stores_of(technology):
                    self._outside(technology, host, found, Program("", scope=""))

    def _embedded(self, program: Program, found: Fact) -> None:
        """A database inside the program; left out where the program also has a server for its data."""
        technology = found.text("technology")
        if any(BY_NAME[s.technology].category == "database" for s in self._linked(program) if s.technology in BY_NAME):
            return
        name = f"{program.name}-{technology}"
        store = next((s for s in self.inventory.stores if s.name == name), None)
        if store is None:
            store = Store(
                name,
                technology,
                BY_NAME[technology].category,
                {plain(name)},
                set(),
                set(),
                [found],
                embedded_in=program.name,
            )
            self.inventory.stores.append(store)
        store.databases |= {found.text("database")} - {""}
        self._add(program, store.name, technology, found)

    def _from_dependencies(self) -> None:
        """A client library without any address: the store that fits, else one that nothing else tells of."""
        # Where programs are deployed from their folders, a module that is not deployed is a library of theirs.
        deploys = any(p.deployed and p.folders for p in self.inventory.programs)
        for program in list(self.inventory.programs):
            if deploys and not program.deployed and not program.named:
                continue
            used = self.dependencies.get(program.name, {})
            linked = {s.technology for s in self._linked(program)}
            for technology, found in sorted(used.items()):
                if technology not in BY_NAME or BY_NAME[technology].category == "coordination":
                    continue
                if technology == "ldap":
                    continue  # A directory of people for logging in, not a store that the program keeps.
                if linked & COMPATIBLE.get(technology, {technology}):
                    continue
                if technology in EMBEDDED:
                    self._embedded_by_library(program, found, technology)
                    continue
                candidates = self.inventory.stores_of(technology, program.scope)
                reason = "the client library is a dependency; no setting gives an address"
                if candidates:
                    store = _best(candidates, program, "")
                    self._add(program, store.name, store.technology, found, reason)
                elif not self._alternative(program, technology, used):
                    self._add(program, self._outside(technology, "", found, program).name, technology, found, reason)

    def _from_start_order(self) -> None:
        """A container that is linked to a store's container, or waits for it, most likely uses it."""
        for program in list(self.inventory.programs):
            linked = {s.technology for s in self._linked(program)}
            for found in program.evidence:
                for name in found.texts("depends-on"):
                    store = self.inventory.store_named(name, program.scope)
                    if store is None or store.technology in linked or store.category == "coordination":
                        continue
                    known = self.dependencies.get(program.name, {})
                    # A program whose libraries are known and do not speak to the store only waits for it.
                    speaks = COMPATIBLE.get(store.technology, {store.technology}) & set(known)
                    if not known or speaks or name in found.texts("linked"):
                        self._add(
                            program,
                            store.name,
                            store.technology,
                            found,
                            "its container is linked to it or waits for it",
                        )

    def _embedded_by_library(self, program: Program, found: Fact, technology: str) -> None:
        """An embedded database's library means a store only where no other database is linked or usable."""
        servers = [
            t
            for t in self.dependencies.get(program.name, {})
            if t in BY_NAME and BY_NAME[t].category == "database" and t not in EMBEDDED
        ]
        if not servers:
            self._embedded(program, found)

    def _merge_alternatives(self) -> None:
        """Joins stores that are one store deployed in several ways, or reached by another name in another profile."""
        stores = self.inventory.stores
        for store in list(stores):
            for other in list(stores):
                if other is not store and store in stores and other in stores and self._is_alternative(store, other):
                    self._merge(store, other)

    def _is_alternative(self, store: Store, other: Store) -> bool:
        """Whether `other` is `store` in another form: declared otherwise, and used by the same programs or by none."""
        if store.embedded_in or other.embedded_in or store.inferred or not _fits(store, other.technology):
            return False
        if _origins(store) & _origins(other):
            return False
        users = {program for program, target in self.links if target == store.name}
        others = {program for program, target in self.links if target == other.name}
        if any(self.sites[p, store.name] & self.sites[p, other.name] for p in users & others):
            return False
        rivals = [
            s for s in self.inventory.stores if s is not other and _fits(s, other.technology) and not s.embedded_in
        ]
        return bool(users & others) or (not others and len(rivals) == 1)

    def _merge(self, store: Store, other: Store) -> None:
        self.inventory.stores.remove(other)
        store.aliases |= other.aliases
        store.databases |= other.databases
        store.ports |= other.ports
        store.evidence += other.evidence
        for program, target in list(self.links):
            if target == other.name:
                link = self.links.pop((program, target))
                self.links.setdefault((program, store.name), replace(link, target=store.name))
                self.sites.setdefault((program, store.name), set()).update(self.sites.pop((program, target)))

    def _alternative(self, program: Program, technology: str, used: Mapping[str, Fact]) -> bool:
        """Whether a driver lies beside others of its kind, so that a setting outside the repository decides."""
        category = BY_NAME[technology].category
        linked = any(
            BY_NAME[s.technology].category == category for s in self._linked(program) if s.technology in BY_NAME
        )
        rivals = [t for t in used if t != technology and t in BY_NAME and BY_NAME[t].category == category]
        return category == "database" and (linked or bool(rivals))


def _origins(store: Store) -> set[str]:
    """How a store is declared: compose, kubernetes, terraform, or by settings only."""
    return {"settings"} if store.inferred else {origin for f in store.evidence if (origin := f.text("origin"))}


def _is_data(found: Fact) -> bool:
    return found.text("scheme") not in {"http", "https", ""} or BY_NAME[found.text("technology")].category in {
        "database",
        "broker",
    }


def _fits(store: Store, technology: str) -> bool:
    if not technology or not store.technology or technology not in BY_NAME:
        return True
    return store.technology in COMPATIBLE.get(technology, {technology}) or store.technology == "sql"


def _best(candidates: Sequence[Store], program: Program, database: str) -> Store:
    """The candidate that the program's or database's name points to, else the first."""
    for store in candidates:
        if database and database in store.databases:
            return store
    words = {plain(word) for word in re.split(r"[-_.\s]", program.name) if len(word) > 2} - {
        "service",
        "server",
        "app",
        "api",
    }
    for store in candidates:
        if any(word in plain(store.name) for word in words):
            return store
    return candidates[0]

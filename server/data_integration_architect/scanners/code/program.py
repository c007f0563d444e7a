"""All modules of a repository together: what a name in a file stands for.

Values are tuples: ("I", class) an instance, ("K", class) a class itself, ("F", function, self value), ("L", type id,
entity class or None) something of a client library, ("X", qualified name) something external, ("M", module) a module,
("P", folder) a Go package, ("S", text), ("D", ((key, value), ...)), ("C", function, frame) a closure,
("T", module, text) a name for a type. Classes and functions are global indices. `None` is unknown.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from .clients import Clients, libraries_of
from .imports import Imports, Value
from .ir import Expr, Function, Module
from .languages.go import VERSION
from .manifests import Manifest, folder_of
from .telling import sends, technology_of
from .typetext import WRAPPERS, parse_type

# A union inside brackets or quotes is no choice between whole types.
UNION_OPENS = re.compile(r"[<\[({\"'][^>\])}]*\|")
# Interfaces of C# by their name, and the packages whose interfaces say nothing about stores.
OUTSIDE = re.compile(r"I[A-Z]\w+")
PLATFORM = (
    "java.",
    "javax.",
    "jakarta.",
    "kotlin.",
    "kotlinx.",
    "org.springframework.",
    "org.slf4j.",
    "System.",
    "Microsoft.",
)
# An interface from outside with more implementers than this is a common one, such as that of a handler.
OUTSIDE_LIMIT = 4
NAMED_PACKAGES = ("java", "kotlin", "csharp", "php")


def dotted(expression: Expr) -> str:
    """`a.b.c` as text, empty for anything that is no name."""
    if expression[0] == "n":
        return str(expression[1])
    head = dotted(expression[1]) if expression[0] == "a" else ""
    return f"{head}.{expression[2]}" if head else ""


def arguments(expression: Expr) -> tuple[Expr, ...]:
    """The arguments of a call or of an annotation, none where it is only named."""
    return tuple(expression[2]) if expression[0] == "c" else ()


class Program(Imports):
    """Symbol tables over modules; every look-up is memoised and tolerates cycles."""

    def __init__(self, modules: Sequence[Module], manifests: Sequence[Manifest], clients: Clients) -> None:
        super().__init__(modules, manifests, clients)
        self.functions: list[Function] = []
        self.function_module: list[int] = []
        self.class_base: list[int] = []
        self.function_base: list[int] = []
        self.owner: dict[int, int] = {}
        self._names: dict[tuple[int, str], Value] = {}
        self._bases: dict[int, list[tuple[Any, ...]]] = {}
        self._types: dict[tuple[int, str], Value] = {}
        self._implementers: dict[int, list[int]] | None = None
        self._usings: list[str] = []
        self._outside: dict[str, list[int]] | None = None
        self._declared: dict[int, dict[str, tuple[Any, ...]]] = {}
        # qualified name of an interface -> method -> `write` or `read`, by mapper files
        self.mapped: Mapping[str, Mapping[str, str]] = {}
        # functions whose result the settings bind to a topic
        self.bound_outputs: frozenset[str] = frozenset()
        for module in modules:
            self.add(module)
        self.attach_receivers()
        # functions that extend a type by name of the function, and only those
        self.extensions: dict[str, list[int]] = defaultdict(list)
        for number, function in enumerate(self.functions):
            if function.extends:
                self.extensions[function.name].append(number)
        imported = [(m.language, q) for m in modules for q in (*m.imports.values(), *m.wildcards)]
        spaces = (w.removeprefix("global ") for m in modules for w in m.wildcards if w.startswith("global "))
        self._usings = list(dict.fromkeys(spaces))
        self.by_manifest = sorted(manifests, key=lambda m: (-m.folder.count("/"), -len(m.folder), m.path))
        declared = {lib for m in manifests for p in m.packages for lib in self.package_libraries(m.ecosystem, p)}
        self.libraries = libraries_of(clients, imported) | declared
        self._near: dict[str, frozenset[str]] = {}

    def add(self, module: Module) -> None:
        """Enter one module into the tables."""
        index = len(self.top)
        self.by_path[module.path] = index
        self.class_base.append(len(self.classes))
        self.function_base.append(len(self.functions))
        top: dict[str, tuple[Any, ...]] = {}
        for at, item in enumerate(module.classes):
            number = len(self.classes)
            self.classes.append(item)
            self.class_module.append(index)
            self.methods.append({k: [self.function_base[index] + i for i in v] for k, v in item.methods.items()})
            self.class_names[item.name].append(number)
            top.setdefault(item.name, ("K", self.class_base[index] + at))
        for function in module.functions:
            number = len(self.functions)
            self.functions.append(function)
            self.function_module.append(index)
            if function.owner is not None:
                self.owner[number] = self.class_base[index] + function.owner
        if module.functions:
            self.declare(module.functions[0].body, index, top)
        self.top.append(top)
        plain = module.path.rpartition(".")[0]
        self.by_tail[plain.rsplit("/", 1)[-1]].append(index)
        if plain.endswith(("/__init__", "/index")):
            self.by_tail[folder_of(plain).rsplit("/", 1)[-1]].append(index)
        self.by_folder[folder_of(module.path)].append(index)

    def declare(self, block: Sequence[tuple[Any, ...]], module: int, top: dict[str, tuple[Any, ...]]) -> None:
        """Names bound at the top level of a module."""
        for stmt in block:
            tag = stmt[0]
            if tag == "def":
                top[stmt[1]] = ("F", self.function_base[module] + stmt[2], None)
                self.package_functions[self.modules[module].package, stmt[1]].append(
                    self.function_base[module] + stmt[2]
                )
            elif tag == "=":
                for at, target in enumerate(stmt[1]):
                    if target and target[0] == "n" and (stmt[2] is not None or stmt[3]):
                        top.setdefault(target[1], ("=", stmt[2], stmt[3], target, len(stmt[1]) > 1 and at))
            elif tag == "b":
                for arm in stmt[2]:
                    self.declare(arm, module, top)
            elif tag == "y":
                for part in (stmt[1], *stmt[2]):
                    self.declare(part, module, top)
            elif tag == "u":
                self.declare(stmt[2], module, top)

    def attach_receivers(self) -> None:
        """Go methods belong to the type of the same package that their receiver names."""
        for number, function in enumerate(self.functions):
            if function.receiver:
                name, folder = function.receiver.split(" ")[1], folder_of(self.path_of(number))
                for owner in self.class_names.get(name, ()):
                    if folder_of(self.modules[self.class_module[owner]].path) == folder:
                        self.methods[owner].setdefault(function.name, []).append(number)
                        self.owner[number] = owner

    # -- places

    def path_of(self, function: int) -> str:
        return self.modules[self.function_module[function]].path

    def language_of(self, module: int) -> str:
        return self.modules[module].language

    def package_libraries(self, ecosystem: str, package: str) -> list[str]:
        """Libraries that a package belongs to; a Go module is matched by prefix."""
        exact = self.clients.packages.get((ecosystem, package.lower()))
        if exact:
            return exact
        if ecosystem == "go":
            return self.clients.packages.get((ecosystem, VERSION.sub("", package.lower())), [])
        return []

    def near_libraries(self, path: str) -> frozenset[str]:
        """Libraries of the manifests in the folder of a path or above it, innermost manifest with any first."""
        folder = folder_of(path)
        found = self._near.get(folder)
        if found is None:
            out: set[str] = set()
            for manifest in self.by_manifest:
                if folder == manifest.folder or folder.startswith(manifest.folder + "/") or not manifest.folder:
                    out |= {lib for p in manifest.packages for lib in self.package_libraries(manifest.ecosystem, p)}
            found = self._near[folder] = frozenset(out)
        return found

    def mapped_kind(self, function: int) -> str | None:
        """`write` or `read` for a method of an interface that a mapper file implements."""
        owner = self.owner.get(function)
        if owner is None or not self.mapped:
            return None
        package = self.modules[self.class_module[owner]].package
        methods = self.mapped.get(f"{package}.{self.classes[owner].name}", {})
        return methods.get(self.functions[function].name)

    # -- names

    def name(self, module: int, name: str) -> Value:
        """What a name at the top level of a module stands for; an assigned one comes as ("=", module, ...)."""
        key = (module, name)
        if key in self._names:
            return self._names[key]
        self._names[key] = None
        self._names[key] = result = self._name(module, name)
        return result

    def _name(self, module: int, name: str) -> Value:
        here = self.modules[module]
        found = self.top[module].get(name)
        if found is not None and found[0] == "=":
            other = found[1]
            if other is not None and other[0] == "n" and other[1] != name and not found[2] and len(found[3]) < 3:
                return self.name(module, other[1])
            if other is not None and other[0] == "n" and other[1].startswith("require:") and len(found[3]) > 2:
                source = self.name(module, other[1])  # `const { Base } = require('./base')`
                taken = self.member(source, found[3][2]) if source is not None and source[0] == "M" else None
                if taken is not None:
                    return taken
            return ("=", module, *found[1:])
        if found is not None:
            return found
        if name.startswith("require:"):
            return self.required(self.script_module(module, name[8:]))
        qualified = here.imports.get(name)
        if qualified is not None:
            return self.imported(module, qualified)
        if "." in name:
            head, _, rest = name.partition(".")
            value = self.name(module, head)
            for part in rest.split("."):
                value = self.member(value, part)
            return value
        if name in here.aliases:
            return ("T", module, here.aliases[name])
        return self.implied(module, name)

    def required(self, value: Value) -> Value:
        """What `require` gives: the one thing that `module.exports` is set to, else the module."""
        if value is None or value[0] != "M":
            return value
        exports = self.modules[value[1]].exports
        if set(exports) == {"default"} or (not exports and "default" in self.top[value[1]]):
            return self.module_member(value[1], "default") or value
        return value

    def implied(self, module: int, name: str) -> Value:
        """A name that no import of the file mentions: same package, wildcard, namespace in use."""
        here = self.modules[module]
        language = here.language
        if language == "go":
            for other in self.by_folder[folder_of(here.path)]:
                found = self.top[other].get(name) if self.modules[other].language == "go" else None
                if found is not None:
                    return ("=", other, *found[1:]) if found[0] == "=" else found
            return self.declared_packages(module).get(name)
        if language in NAMED_PACKAGES:
            candidates = [
                c for c in self.class_names.get(name, ()) if self.family(self.class_module[c]) == self.family(module)
            ]
            if candidates:
                used = {here.package, *(w.removeprefix("global ") for w in here.wildcards), *self._usings}
                fitting = [
                    c for c in candidates if self.visible(self.modules[self.class_module[c]].package, used, language)
                ]
                if fitting or language in ("csharp", "php"):
                    return ("K", self.nearest(fitting or candidates, module))
            functions = self.package_functions.get((here.package, name)) if language == "kotlin" else None
            if functions:
                return ("F", functions[0], None)
            return self.by_usings(module, name)
        for source in here.wildcards:
            target = self.imported(module, source)
            if target is not None and target[0] == "M":
                value = self.member(target, name)
                if value is not None:
                    return value
            elif target is not None and target[0] == "X":
                qualified = f"{target[1]}.{name}"
                if self.clients.type_of(language, qualified):
                    return ("X", qualified)
        return None

    def declared_packages(self, module: int) -> dict[str, tuple[Any, ...]]:
        """Imported Go packages by the name that they declare, which may differ from that of their folder."""
        if module not in self._declared:
            found: dict[str, tuple[Any, ...]] = {}
            for local, path in self.modules[module].imports.items():
                target = self.go_import(module, path) if path.rstrip("/").endswith(local) else None
                if target is not None and target[0] == "P":
                    for other in self.by_folder[target[1]]:
                        if self.modules[other].package:
                            found.setdefault(self.modules[other].package, target)
            self._declared[module] = found
        return self._declared[module]

    def family(self, module: int) -> str:
        """Java and Kotlin share their classes."""
        language = self.modules[module].language
        return "jvm" if language in ("java", "kotlin") else language

    @staticmethod
    def visible(package: str, used: set[str], language: str) -> bool:
        if language == "csharp":
            return any(package == u or package.startswith(u + ".") or u.startswith(package + ".") for u in used if u)
        return package in used

    def by_usings(self, module: int, name: str) -> Value:
        """A simple name of a library: by wildcard import, namespace in use, or a package of the manifest."""
        here = self.modules[module]
        for space in here.wildcards:
            for languages, type_id in self.clients.modules.get(space, ()):
                client = self.clients.types[type_id]
                if here.language in languages.split(",") and (client.kind_of(name) or name in client.returns):
                    return ("X", f"{space}.{name}")
        if name not in self.clients.by_name and name not in self.clients.anywhere:
            return None
        spaces = [w.removeprefix("global ") for w in here.wildcards] + self._usings
        for space in spaces:
            if self.clients.type_of(here.language, f"{space}.{name}"):
                return ("X", f"{space}.{name}")
        for languages, prefixes, type_id in self.clients.by_name.get(name, ()):
            library = type_id.split("/", maxsplit=1)[0]
            if here.language not in languages.split(",") or here.language not in ("csharp", "php"):
                continue
            parts = set(spaces)
            if library in self.near_libraries(here.path) or any(
                p == u or u.startswith(p + ".") for p in prefixes for u in parts
            ):
                return ("L", type_id, None)
        return None

    # -- classes

    def type(self, module: int, text: str) -> Value:
        """The value that something annotated with a type has."""
        if not text or len(text) > 400:
            return None
        key = (module, text)
        if key not in self._types:
            self._types[key] = None
            self._types[key] = self._type(module, text)
        return self._types[key]

    def _type(self, module: int, text: str) -> Value:
        parts = text.split("|") if "|" in text and not UNION_OPENS.search(text) else []
        if len(parts) > 1:
            found = [value for value in (self.type(module, part.strip()) for part in parts) if value is not None]
            # What a library knows says more than an interface of the repository beside it.
            return next((value for value in found if value[0] == "L"), found[0] if found else None)
        outer = text.partition("<")[0].strip()
        if outer in WRAPPERS and outer != text:
            # `Queue<Job>` is a container of jobs unless the file imports a library's Queue
            value = self.name(module, outer)
            kind = self.clients.type_of(self.modules[module].language, value[1]) if value and value[0] == "X" else None
            if kind is not None:
                return ("L", kind, None)
        parsed = parse_type(text)
        if parsed is None:
            return None
        name, arguments = parsed
        value = self.name(module, name)
        if value is None and "." in name and self.modules[module].language in ("csharp", "java", "kotlin"):
            whole = self.imported(module, name)
            exact = whole is not None and whole[0] == "K"
            value = whole if exact else self.name(module, name.rsplit(".", 1)[-1]) or ("X", name)
        if value is None and self.modules[module].language == "csharp" and technology_of(name) is not None:
            return self.outside(module, name, None) or ("X", name)
        if value is None and self.modules[module].language == "csharp" and sends(name):
            found_here = self.outside(module, name, None)
            if found_here is not None:
                return found_here
            for space in self.modules[module].wildcards:
                told = technology_of(f"{space}.")
                if told is not None and told[0] == "publish" and not self.clients.importers("csharp", space):
                    return ("X", f"{space}.{name}")
        if value is not None and value[0] == "=" and self.modules[value[1]].language == "python":
            return self.alias_of(value[1], value[2], 0)
        if value is not None and value[0] == "T":
            return self.type(value[1], value[2])
        found_value = self.instance(module, value, arguments)
        if found_value is None or found_value[0] == "X":
            return self.outside(module, name, found_value) or found_value
        return found_value

    def outside(self, module: int, name: str, value: Value) -> Value:
        """The class that stands in for an interface which a shared library declares: its nearest implementer here."""
        language, short = self.modules[module].language, name.rsplit(".", 1)[-1]
        if language not in ("csharp", "java", "kotlin") or (value is not None and value[1].startswith(PLATFORM)):
            return None
        if language == "csharp" and not OUTSIDE.fullmatch(short):
            return None
        if self._outside is None:
            self._outside = defaultdict(list)
            for number, made in enumerate(self.classes):
                for base in made.bases if made.kind == "class" else ():
                    self._outside[base.partition("<")[0].partition("(")[0].strip().rsplit(".", 1)[-1]].append(number)
        found = [c for c in self._outside.get(short, ()) if self.family(self.class_module[c]) == self.family(module)]
        return ("I", self.nearest(found, module)) if 0 < len(found) <= OUTSIDE_LIMIT else None

    def alias_of(self, module: int, expression: Expr | None, depth: int) -> Value:
        """What an alias of a type stands for: `SessionDep = Annotated[Session, Depends(open_session)]`."""
        if expression is None or depth > 5:
            return None
        if expression[0] == "i":
            inner = expression[2]
            if inner is None or expression[1][-1] not in WRAPPERS:
                return self.alias_of(module, expression[1], depth + 1)
            return self.alias_of(module, inner[1][0] if inner[0] == "o" and inner[1] else inner, depth + 1)
        if expression[0] == "s":
            return self.type(module, expression[1])
        text = dotted(expression)
        if not text:
            return None
        value = self.name(module, text)
        if value is not None and value[0] == "=":
            return self.alias_of(value[1], value[2], depth + 1)
        return self.instance(module, value)

    def instance(self, module: int, value: Value, arguments: Sequence[str] = ()) -> Value:
        """An instance of a class or of an external type, a library's type where it is known."""
        if value is None:
            return None
        if value[0] == "K":
            return ("I", value[1])
        if value[0] == "X":
            found = self.clients.type_of(self.modules[module].language, value[1])
            return ("L", found, self.entity(module, arguments)) if found else value
        if value[0] == "L":
            return ("L", value[1], self.entity(module, arguments))
        return value if value[0] in ("L", "I") else None

    def entity(self, module: int, arguments: Sequence[str]) -> int | None:
        """The class that the first argument of a generic type names."""
        for argument in arguments[:1]:
            value = self.type(module, argument)
            if value is not None and value[0] == "I":
                return int(value[1])
        return None

    def bases(self, number: int) -> list[tuple[Any, ...]]:
        """Direct bases as values: ("I", class), ("L", type, entity) or ("X", name)."""
        if number not in self._bases:
            self._bases[number] = []
            module = self.class_module[number]
            out = []
            for text in self.classes[number].bases:
                value = self.base(module, number, text)
                if value is not None and value != ("I", number):
                    out.append(value)
            self._bases[number] = out
        return self._bases[number]

    def base(self, module: int, number: int, text: str) -> Value:
        """A base as text may be a call: `mixin(Base)`, `Model<User>(...)`."""
        parsed = parse_type(text)
        if parsed is None:
            return None
        name, arguments = parsed
        value = self.name(module, name)
        if value is not None and value[0] == "=":
            return ("B", module, name)
        if value is None:
            head = self.name(module, name.split(".", maxsplit=1)[0]) if "." in name else None
            if head is not None and head[0] in ("=", "M"):
                return ("B", module, name)
            if "." in name:
                value = self.name(module, name.rsplit(".", 1)[-1])
            if value is None:
                value = ("X", name)
        return self.instance(module, value, arguments)

    def implementers(self, number: int) -> list[int]:
        """Classes that implement or extend a class, itself excluded; Go's and protocols by the set of method names."""
        if self._implementers is None:
            direct: dict[int, list[int]] = defaultdict(list)
            for sub in range(len(self.classes)):
                for value in self.bases(sub):
                    if value[0] == "I":
                        direct[value[1]].append(sub)
            self._implementers = direct
            self.go_interfaces(direct)
            self.protocols(direct)
        out: list[int] = []
        queue = list(self._implementers.get(number, ()))
        while queue and len(out) < 40:
            current = queue.pop(0)
            if current not in out and current != number:
                out.append(current)
                queue += self._implementers.get(current, ())
        return out

    def go_interfaces(self, direct: dict[int, list[int]]) -> None:
        by_method: dict[str, set[int]] = defaultdict(set)
        for number, methods in enumerate(self.methods):
            if self.classes[number].kind in ("struct", "named") and self.language_of(self.class_module[number]) == "go":
                for name in methods:
                    by_method[name].add(number)
        for number, item in enumerate(self.classes):
            if item.kind == "interface" and self.language_of(self.class_module[number]) == "go":
                names = self.interface_methods(number, 0)
                if names:
                    sets = sorted((by_method.get(name, set()) for name in names), key=len)
                    found = set.intersection(*sets)
                    direct[number] += sorted(c for c in found if self.same_signatures(number, c))

    def protocols(self, direct: dict[int, list[int]]) -> None:
        """Classes of Python that have all methods of a protocol implement it without saying so."""
        wanted = [
            number
            for number, item in enumerate(self.classes)
            if any(base.partition("[")[0].rpartition(".")[2] == "Protocol" for base in item.bases)
            and self.language_of(self.class_module[number]) == "python"
            and self.methods[number]
        ]
        if not wanted:
            return
        by_method: dict[str, set[int]] = defaultdict(set)
        for number, methods in enumerate(self.methods):
            if self.language_of(self.class_module[number]) == "python":
                for name in methods:
                    by_method[name].add(number)
        for number in wanted:
            names = [name for name in self.methods[number] if name != "__init__"]
            found = set.intersection(*(by_method[name] for name in names)) if names else set()
            direct[number] += sorted(found.difference(wanted, direct[number]))

    def same_signatures(self, interface: int, candidate: int) -> bool:
        """Whether parameter types that are known on both sides agree: services of one repository repeat names."""
        for name, wanted in self.methods[interface].items():
            one, other = self.functions[wanted[0]], self.functions[self.methods[candidate][name][0]]
            if len(one.params) != len(other.params):
                return False
            for a, b in zip(one.params, other.params, strict=True):
                left = self.type(self.class_module[interface], a.type)
                right = self.type(self.function_module[self.methods[candidate][name][0]], b.type)
                if left and right and left[0] == right[0] == "I" and left[1] != right[1]:
                    return False
        return True

    def interface_methods(self, number: int, depth: int) -> set[str]:
        names = set(self.methods[number])
        for value in self.bases(number) if depth < 5 else []:
            if value[0] == "I":
                names |= self.interface_methods(value[1], depth + 1)
        return names

    def lineage(self, number: int) -> list[tuple[Any, ...]]:
        """The class and all its bases, breadth first."""
        out: list[tuple[Any, ...]] = [("I", number)]
        at = 0
        while at < len(out) and len(out) < 40:
            if out[at][0] == "I":
                out += [value for value in self.bases(out[at][1]) if value not in out]
            at += 1
        return out

    def library_base(self, number: int) -> tuple[Any, ...] | None:
        """The library type that a class inherits from."""
        for value in self.lineage(number):
            if value[0] == "L":
                return value
            if value[0] == "X":
                found = self.clients.type_of(self.language_of(self.class_module[number]), value[1])
                if found:
                    return ("L", found, None)
        return None

    def extension(self, module: int, value: Value, name: str) -> int | None:
        """The function that extends the type of a value by a method; of an unknown one the one imported here."""
        for number in self.extensions.get(name, ()):
            function, home = self.functions[number], self.function_module[number]
            if self.family(home) != self.family(module):
                continue
            if function.is_abstract:
                continue
            wanted = self.type(home, function.extends)
            if value is None or value[0] in ("X", "S"):
                here = self.name(module, name)
                if here is not None and here[:2] == ("F", number):
                    return number
                continue
            if (
                wanted is not None
                and wanted[0] == "I"
                and value[0] in ("I", "K")
                and self.inherits(value[1], wanted[1])
            ):
                return number
            own = self.library_base(value[1]) if value[0] in ("I", "K") else value
            if wanted is None or own is None or wanted[0] != "L" or own[0] != "L":
                continue
            if self.clients.types[wanted[1]].library == self.clients.types[own[1]].library:
                return number
        return None

    def queued_by(self, number: int) -> str | None:
        """The type among the bases of a class that says that its instances are queued."""
        found = (value[1] for value in self.lineage(number) if value[0] == "L" and value[1].endswith("/queued"))
        return next(found, None)

    def find_method(self, number: int, name: str) -> list[int]:
        """Functions of a method in the class or its nearest base; overloads together."""
        for value in self.lineage(number):
            if value[0] == "I":
                found = self.methods[value[1]].get(name)
                if found:
                    return list(found)
        return []

    def inherits(self, number: int, base: int) -> bool:
        """Whether a class is or extends another."""
        return number == base or any(v == ("I", base) for v in self.lineage(number))

    def named_like(self, name: str, module: int) -> int | None:
        """The class that a parameter or field is called after: `orderRepository`, `order_repository`."""
        plain = name.lstrip("_").replace("_", "").lower()
        if len(plain) < 6:
            return None
        if not hasattr(self, "_folded"):
            self._folded: dict[str, list[int]] = defaultdict(list)
            for title, numbers in self.class_names.items():
                self._folded[title.lower()] += numbers
        found = [c for c in self._folded.get(plain, ()) if self.family(self.class_module[c]) == self.family(module)]
        return self.nearest(found, module) if found else None

    def decorator_name(self, expression: Expr) -> str:
        """The last name of a decorator."""
        while expression[0] in ("c", "w"):
            expression = expression[1]
        return str(expression[2] if expression[0] == "a" else expression[1]) if expression[0] in ("a", "n") else ""

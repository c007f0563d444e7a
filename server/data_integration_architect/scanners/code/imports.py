"""Where imports lead: to modules of the repository by the rules of each language, or outside."""

from __future__ import annotations

from abc import abstractmethod
from collections import defaultdict
from collections.abc import Sequence
from typing import Any, TypeAlias

from .clients import Clients
from .ir import Class, Module
from .manifests import Manifest, folder_of

Value: TypeAlias = "tuple[Any, ...] | None"

SCRIPT_ENDINGS = ("", ".ts", ".tsx", ".js", ".jsx", ".mjs", "/index.ts", "/index.tsx", "/index.js")


class Imports:
    """Resolution of imports over the tables that `Program` fills."""

    def __init__(self, modules: Sequence[Module], manifests: Sequence[Manifest], clients: Clients) -> None:
        self.modules, self.manifests, self.clients = modules, manifests, clients
        self.aliasing = sorted((m for m in manifests if m.aliases), key=lambda m: (-len(m.folder), m.path))
        self.classes: list[Class] = []
        self.class_module: list[int] = []
        self.methods: list[dict[str, list[int]]] = []
        self.class_names: dict[str, list[int]] = defaultdict(list)
        self.top: list[dict[str, tuple[Any, ...]]] = []
        self.by_path: dict[str, int] = {}
        self.by_tail: dict[str, list[int]] = defaultdict(list)
        self.by_folder: dict[str, list[int]] = defaultdict(list)
        self.package_functions: dict[tuple[str, str], list[int]] = defaultdict(list)
        self._members: dict[tuple[int, str], Value] = {}

    @abstractmethod
    def name(self, module: int, name: str) -> Value: ...

    def nearest(self, candidates: Sequence[int], module: int) -> int:
        """The candidate class whose file shares the longest folder path with a module."""
        here = self.modules[module].path.split("/")

        def shared(number: int) -> int:
            there = self.modules[self.class_module[number]].path.split("/")
            count = 0
            for a, b in zip(here, there, strict=False):
                if a != b:
                    break
                count += 1
            return count

        return max(candidates, key=lambda number: (shared(number), -number)) if len(candidates) > 1 else candidates[0]

    def nearest_module(self, candidates: Sequence[int], module: int) -> int:
        here = self.modules[module].path.split("/")

        def shared(number: int) -> int:
            count = 0
            for a, b in zip(here, self.modules[number].path.split("/"), strict=False):
                if a != b:
                    break
                count += 1
            return count

        return max(candidates, key=lambda number: (shared(number), -number)) if len(candidates) > 1 else candidates[0]

    def imported(self, module: int, qualified: str) -> Value:
        """The target of an import."""
        language = self.modules[module].language
        if language == "python":
            return self.python_import(module, qualified)
        if language in ("typescript", "javascript"):
            return self.script_import(module, qualified)
        if language == "go":
            return self.go_import(module, qualified)
        if self.clients.type_of(language, qualified):
            return ("X", qualified)
        short, package = qualified.rsplit(".", 1)[-1], qualified.rpartition(".")[0]
        candidates = [c for c in self.class_names.get(short, ()) if self.in_package(c, package)]
        if candidates:
            return ("K", self.nearest(candidates, module))
        functions = self.package_functions.get((package, short))
        if functions:
            return ("F", functions[0], None)
        holder, _, owner = package.removesuffix(".Companion").rpartition(".")
        for number in self.class_names.get(owner, ()) if language in ("java", "kotlin") else ():
            if self.in_package(number, holder) and short in self.methods[number]:
                return ("F", self.methods[number][short][0], ("K", number))
        return ("X", qualified)

    def in_package(self, number: int, package: str) -> bool:
        own = self.modules[self.class_module[number]].package
        return own == package or package.startswith(own + ".")

    def python_import(self, module: int, qualified: str) -> Value:
        base = folder_of(self.modules[module].path)
        if qualified.startswith("."):
            dots = len(qualified) - len(qualified.lstrip("."))
            for _ in range(dots - 1):
                base = folder_of(base)
            return self.python_path(module, qualified.lstrip("."), base + "/" if base else "")
        found = self.python_path(module, qualified, None)
        return found if found is not None else ("X", qualified)

    def python_path(self, module: int, dotted: str, base: str | None) -> Value:
        """A module or a member of one; `base` is a folder for a relative import, else the nearest fitting path."""
        parts = [part for part in dotted.split(".") if part]
        for cut in range(len(parts), -1 if base is not None else 0, -1):
            path = "/".join(parts[:cut])
            target: int | None = None
            if base is not None:
                for ending in (".py", "/__init__.py"):
                    joined = (base + path).rstrip("/") + ending
                    target = self.by_path.get(joined, target)
            elif cut:
                fitting = []
                for number in self.by_tail.get(parts[cut - 1], ()):
                    plain = self.modules[number].path.removesuffix(".py").removesuffix("/__init__")
                    if plain == path or plain.endswith("/" + path):
                        fitting.append(number)
                fitting = [n for n in fitting if self.modules[n].language == "python"]
                target = self.nearest_module(fitting, module) if fitting else None
                if target == module and cut == 1 and len(parts) == 1:
                    target = None
            if target is not None:
                value: Value = ("M", target)
                for part in parts[cut:]:
                    value = self.member(value, part)
                return value
        return None

    def script_import(self, module: int, qualified: str) -> Value:
        source, _, name = qualified.partition("#")
        target = self.script_module(module, source)
        if target is None or target[0] == "X":
            return ("X", qualified)
        return self.member(target, name) if name else target

    def script_module(self, module: int, source: str) -> Value:
        """A module by its specifier: relative, of a workspace package, or by an alias that keeps the path's end."""
        if source.startswith("."):
            base = folder_of(self.modules[module].path)
            for part in source.split("/"):
                if part == "..":
                    base = folder_of(base)
                elif part not in (".", ""):
                    base = f"{base}/{part}" if base else part
            return self.script_path(base, module) or ("X", source)
        for manifest in self.manifests:
            if (
                manifest.name
                and manifest.ecosystem == "npm"
                and (source == manifest.name or source.startswith(manifest.name + "/"))
            ):
                rest = source[len(manifest.name) :]
                for inner in (rest, "/src" + rest, "/lib" + rest, "/src/index"):
                    found = self.script_path((manifest.folder + inner).lstrip("/"), module)
                    if found is not None:
                        return found
        mapped = self.aliased(module, source)
        if mapped is not None:
            return mapped
        parts = source.split("/")
        if len(parts) > 1 and not self.clients.importers("typescript", source):
            for cut in (0, 1, 2) if parts[0].startswith("@") and len(parts) > 3 else (0, 1):
                tail = "/".join(parts[cut:])
                fitting = self.by_suffix(tail) if tail else []
                if fitting:
                    return ("M", self.nearest_module(fitting, module))
        return ("X", source)

    def aliased(self, module: int, source: str) -> Value:
        """The module that a compiler's path mapping leads to, that of the nearest configuration first."""
        path = self.modules[module].path
        for manifest in self.aliasing:
            if manifest.folder and not path.startswith(manifest.folder + "/"):
                continue
            for specifier, target in manifest.aliases:
                stem = specifier.removesuffix("*")
                if source == specifier or (stem != specifier and source.startswith(stem)):
                    found = self.script_path(target.replace("*", source[len(stem) :]).rstrip("/"), module)
                    if found is not None:
                        return found
        return None

    def script_path(self, base: str, module: int) -> Value:
        base = base.lstrip("/")
        for ending in SCRIPT_ENDINGS:
            number = self.by_path.get(base + ending)
            if number is not None:
                return ("M", number)
        if base.endswith(".js"):
            return self.script_path(base.removesuffix(".js"), module)
        return None

    def by_suffix(self, tail: str) -> list[int]:
        last = tail.rsplit("/", 1)[-1]
        out = []
        for number in self.by_tail.get(last, ()):
            plain = self.modules[number].path.rpartition(".")[0]
            if self.modules[number].language not in ("typescript", "javascript"):
                continue
            if plain.endswith("/" + tail) or plain.removesuffix("/index").endswith("/" + tail) or plain == tail:
                out.append(number)
        return out

    def go_import(self, module: int, path: str) -> Value:
        for manifest in self.manifests:
            if (
                manifest.ecosystem == "go"
                and manifest.name
                and (path == manifest.name or path.startswith(manifest.name + "/"))
            ):
                folder = (manifest.folder + path[len(manifest.name) :]).strip("/")
                if folder in self.by_folder:
                    return ("P", folder)
        parts = path.split("/")
        if "." in parts[0]:
            for cut in range(3, len(parts)):
                folder = "/".join(parts[cut:])
                if folder in self.by_folder and not any(m.name for m in self.manifests if m.ecosystem == "go"):
                    return ("P", folder)
            if path.split("/")[-1] in self.by_folder and len(parts) > 3:
                return ("P", parts[-1])
        return ("X", path)

    def member(self, value: Value, name: str) -> Value:
        """A member of a module, package or external namespace."""
        if value is None:
            return None
        tag = value[0]
        if tag == "X":
            return ("X", f"{value[1]}.{name}")
        if tag == "P":
            for other in self.by_folder.get(value[1], ()):
                found = self.top[other].get(name)
                if found is not None and self.modules[other].language == "go":
                    return ("=", other, *found[1:]) if found[0] == "=" else found
            # what a library's generator wrote into the package, which is not read
            generated = f"{value[1]}.{name}"
            return ("X", generated) if self.clients.type_of("go", generated) else None
        if tag == "M":
            return self.module_member(value[1], name)
        return None

    def module_member(self, module: int, name: str) -> Value:
        """An exported name of a module; re-exports may form cycles."""
        key = (module, name)
        if key not in self._members:
            self._members[key] = None
            self._members[key] = self._module_member(module, name)
        return self._members[key]

    def _module_member(self, module: int, name: str) -> Value:
        here = self.modules[module]
        if here.language in ("typescript", "javascript"):
            exported = here.exports.get(name)
            if exported is not None and exported != name:
                return self.script_import(module, exported) if "#" in exported else self.name(module, exported)
            value = self.name(module, name)
            if value is None:
                for source in here.wildcards:
                    target = self.script_module(module, source)
                    if target is not None and target[0] == "M" and target[1] != module:
                        value = self.module_member(target[1], name)
                        if value is not None:
                            return value
                if name == "default" and "default" not in here.exports:
                    return ("M", module)
            return value
        value = self.name(module, name)
        if value is None and here.language == "python" and here.path.endswith("__init__.py"):
            return self.python_path(module, name, folder_of(here.path) + "/") if folder_of(here.path) else None
        return value

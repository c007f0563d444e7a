"""Dependency manifests: which packages each folder of a repository depends on."""

from __future__ import annotations

import json
import re
import tomllib
from dataclasses import dataclass
from posixpath import normpath

ARTIFACT = re.compile(r"<artifactId>\s*([\w.\-]+)\s*</artifactId>")
GRADLE = re.compile(r"""["'(]([\w.\-]+):([\w.\-]+)(?::[^"')]*)?["')]""")
GRADLE_MODULE = re.compile(r"""name\s*=\s*["']([\w.\-]+)["']""")
GO_REQUIRE = re.compile(r"^\s*(?:require\s+)?([\w.\-]+\.[\w.\-]+/[\w./\-]+)\s+v", re.MULTILINE)
GO_MODULE = re.compile(r"^module\s+(\S+)", re.MULTILINE)
NUGET = re.compile(r"""<Package(?:Reference|Version)\s+(?:Include|Update)\s*=\s*["']([\w.\-]+)["']""")
SCRIPT_CONFIG = re.compile(r"^[tj]sconfig[\w.\-]*\.json$")
COMMENT = re.compile(r'"(?:\\.|[^"\\])*"|//[^\n]*|/\*.*?\*/', re.DOTALL)
TRAILING_COMMA = re.compile(r",(?=\s*[}\]])")
PYTHON_LINE = re.compile(r"^\s*([A-Za-z0-9][\w.\-]*)(\[[\w,\s\-]*\])?\s*(?:[=<>~!;@].*)?$", re.MULTILINE)
PYTHON_QUOTED = re.compile(r"""["']([A-Za-z0-9][\w.\-]*)(\[[\w,\s\-]*\])?\s*(?:[=<>~!;@][^"']*)?["']""")


@dataclass(frozen=True, slots=True)
class Manifest:
    """Packages named in one manifest; `name` is what the folder itself is imported as."""

    path: str
    folder: str
    ecosystem: str
    packages: frozenset[str]
    name: str = ""
    # (specifier, folder or file of the repository) of a compiler's path mapping; both may end in `*`
    aliases: tuple[tuple[str, str], ...] = ()


def folder_of(path: str) -> str:
    """The folder of a path, empty for the root."""
    return path.rpartition("/")[0]


def is_manifest(path: str) -> bool:
    """Whether a path is a dependency manifest that is read."""
    name = path.rpartition("/")[2]
    return (
        name
        in (
            "package.json",
            "composer.json",
            "go.mod",
            "pom.xml",
            "build.gradle",
            "build.gradle.kts",
            "libs.versions.toml",
            "pyproject.toml",
            "Pipfile",
            "setup.py",
            "setup.cfg",
            "Directory.Packages.props",
            "Directory.Build.props",
        )
        or name.endswith((".csproj", ".gradle", ".gradle.kts"))
        or SCRIPT_CONFIG.match(name) is not None
        or (name.endswith((".txt", ".in")) and ("requirements" in name or folder_of(path).endswith("requirements")))
    )


def read_manifest(path: str, text: str) -> Manifest | None:
    """The packages of one manifest; `None` if it cannot be read. Misses: version ranges, profiles."""
    name, folder, own = path.rpartition("/")[2], folder_of(path), ""
    aliases: tuple[tuple[str, str], ...] = ()
    try:
        if name in ("package.json", "composer.json"):
            system = "npm" if name == "package.json" else "composer"
            packages, own = json_packages(text)
        elif SCRIPT_CONFIG.match(name):
            system, packages, aliases = "", set(), path_aliases(text, folder)
            if not aliases:
                return None
        elif name == "go.mod":
            system, packages = "go", set(GO_REQUIRE.findall(text))
            found = GO_MODULE.search(text)
            own = found.group(1) if found else ""
        elif name == "pom.xml":
            system, packages = "maven", set(ARTIFACT.findall(text))
        elif name.endswith((".gradle", ".gradle.kts")) or name == "libs.versions.toml":
            system, packages = "maven", {artifact for _, artifact in GRADLE.findall(text)}
            packages |= set(GRADLE_MODULE.findall(text)) if name == "libs.versions.toml" else set()
            folder = folder_of(folder) if folder.endswith("gradle") else folder
        elif name.endswith((".csproj", ".props")):
            system, packages = "nuget", set(NUGET.findall(text))
        else:
            system, packages = "pypi", python_packages(name, text)
            folder = folder_of(folder) if folder.endswith("requirements") else folder
    except (ValueError, RecursionError, AttributeError, TypeError):
        return None
    return Manifest(path, folder, system, frozenset(package.lower() for package in packages), own, aliases)


def path_aliases(text: str, folder: str) -> tuple[tuple[str, str], ...]:
    """The path mapping of a compiler configuration, which is JSON with comments; longer specifiers first."""
    plain = COMMENT.sub(lambda found: found.group() if found.group().startswith('"') else "", text)
    options = json.loads(TRAILING_COMMA.sub("", plain)).get("compilerOptions", {})
    base = options.get("baseUrl", ".")
    out = []
    for specifier, targets in options.get("paths", {}).items():
        for target in targets:
            joined = normpath("/".join((folder, base, target))).lstrip("/")
            if not joined.startswith(".."):
                out.append((str(specifier), joined))
    return tuple(sorted(out, key=lambda alias: (-len(alias[0]), alias)))


def json_packages(text: str) -> tuple[set[str], str]:
    document = json.loads(text)
    found: set[str] = set()
    for key in (
        "dependencies",
        "devDependencies",
        "peerDependencies",
        "optionalDependencies",
        "require",
        "require-dev",
    ):
        section = document.get(key)
        if isinstance(section, dict):
            found |= {str(name) for name in section}
    name = document.get("name", "")
    return found, name if isinstance(name, str) else ""


def python_packages(name: str, text: str) -> set[str]:
    if name in ("pyproject.toml", "Pipfile"):
        document = tomllib.loads(text)
        found: set[str] = set()
        collect(document, found, 0)
        return found
    pattern = PYTHON_QUOTED if name == "setup.py" else PYTHON_LINE
    return {part for package, extra in pattern.findall(text) for part in with_extras(package, extra)}


def with_extras(package: str, extra: str) -> list[str]:
    """`celery[redis]` is both `celery` and `celery[redis]`."""
    plain = package.replace("_", "-")
    return [plain, *(f"{plain}[{part.strip()}]" for part in extra.strip("[]").split(",") if part.strip())]


def collect(node: object, found: set[str], depth: int) -> None:
    """Requirement strings of lists and keys of poetry-like tables anywhere in the document."""
    if depth > 8:
        return
    if isinstance(node, dict):
        for key, value in node.items():
            named = "dependencies" in key or key in ("packages", "dev-packages")
            if named and isinstance(value, dict):
                found |= {str(name).replace("_", "-") for name in value}
            collect(value, found, depth + 1)
    elif isinstance(node, list):
        for item in node:
            if isinstance(item, str):
                matched = PYTHON_LINE.match(item)
                if matched is not None:
                    found |= set(with_extras(matched.group(1), matched.group(2) or ""))
            else:
                collect(item, found, depth + 1)

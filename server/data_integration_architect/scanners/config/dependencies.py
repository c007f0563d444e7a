"""Dependency manifests of each ecosystem: which program uses which client library, and what the program is called."""

from __future__ import annotations

import bisect
import posixpath
import re
import tomllib
from collections.abc import Callable, Iterable
from typing import Any

from packaging.requirements import InvalidRequirement, Requirement

from data_integration_architect.scanners.config import jsontext, xmltext
from data_integration_architect.scanners.config.configfacts import Fact, fact
from data_integration_architect.scanners.config.libraries import library_of
from data_integration_architect.scanners.config.located import Malformed, table, text

MOST_CHARACTERS = 1024 * 1024


def _used(ecosystem: str, names: Iterable[tuple[str, int, bool]], path: str) -> list[Fact]:
    """Dependency facts of (name, line, only for tests or development); packages that say nothing are left out."""
    facts = []
    for name, line, aside in names:
        technology, role = library_of(ecosystem, name)
        if technology or role:
            facts.append(
                fact(
                    "dependency",
                    name,
                    path,
                    line,
                    ecosystem=ecosystem,
                    technology=technology,
                    role=role,
                    development=aside or None,
                )
            )
    return facts


def _program(name: str, path: str, line: int, ecosystem: str, requires: Iterable[str] = ()) -> Fact:
    """The manifest's own name: another name of the program in its folder.

    `requires` are the packages it uses, by which modules of one repository find each other.
    """
    label = name or posixpath.basename(posixpath.dirname(path))
    return fact("module", label, path, line, ecosystem=ecosystem, requires=list(requires))


def _cut(source: str) -> str:
    if len(source) > MOST_CHARACTERS:
        raise Malformed(1, "larger than the limit for manifests")
    return source


def read_package_json(path: str, source: str) -> list[Fact]:
    """npm: dependencies; those for development are marked."""
    root = table(jsontext.load(_cut(source)))
    names: list[tuple[str, int, bool]] = []
    for key in ("dependencies", "peerDependencies", "optionalDependencies", "devDependencies"):
        group = table(root.get(key))
        names += [(name, group.key_line(name), key == "devDependencies") for name in group]
    requires = [name.rsplit("/", 1)[-1] for name, _, aside in names if not aside]
    made = _program(text(root.get("name")).rsplit("/", 1)[-1], path, root.line, "npm", requires)
    return [made, *_used("npm", names, path)]


def read_composer_json(path: str, source: str) -> list[Fact]:
    """PHP's composer."""
    root = table(jsontext.load(_cut(source)))
    names: list[tuple[str, int, bool]] = []
    for key in ("require", "require-dev"):
        group = table(root.get(key))
        names += [(name, group.key_line(name), key == "require-dev") for name in group]
    return [
        _program(text(root.get("name")).rsplit("/", 1)[-1], path, root.line, "composer"),
        *_used("composer", names, path),
    ]


def read_pom(path: str, source: str) -> list[Fact]:
    """Maven. What only `dependencyManagement` names is no use. Misses: what a parent outside the repository adds."""
    root = xmltext.load(_cut(source))
    names: list[tuple[str, int, bool]] = []
    managed = {
        id(e)
        for section in root.walk()
        if section.name in {"dependencyManagement", "pluginManagement", "plugins"}
        for e in section.walk()
    }
    for element in root.walk():
        if element.name == "dependency" and id(element) not in managed:
            name = f"{element.value('groupId')}:{element.value('artifactId')}"
            names.append((name, element.line, element.value("scope") == "test"))
    modules = [child.text.strip() for element in root.walk() if element.name == "modules" for child in element.children]
    requires = [name.split(":", 1)[1] for name, _, aside in names if not aside]
    made = _program(root.value("artifactId"), path, root.line, "maven", requires)
    if modules:
        folder = posixpath.dirname(path)
        made = fact(
            "module",
            made.subject,
            path,
            made.line,
            ecosystem="maven",
            parent_of=[posixpath.normpath(posixpath.join(folder, m)) for m in modules],
        )
    return [made, *_used("maven", names, path)]


_GRADLE = re.compile(
    r"^[ \t]*(?P<scope>[A-Za-z]\w{2,60})[ \t(]+(?:platform\(|enforcedPlatform\()?[ \t]*"
    r"(?:[\"'](?P<gav>[\w.-]+:[\w.-]+)[:\"'@]"
    r"|group\s*[:=]\s*[\"'](?P<group>[\w.-]+)[\"']\s*,\s*name\s*[:=]\s*[\"'](?P<name>[\w.-]+)[\"']"
    r"|libs\.(?P<alias>[\w.]+))",
    re.MULTILINE,
)
_GRADLE_ITEM = re.compile(
    r"^[ \t]*[\"'](?P<gav>[\w.-]+:[\w.-]+)(?::[\w.$\{\}-]*)?[\"'][ \t]*,?[ \t]*\)?[ \t]*$", re.MULTILINE
)


def read_gradle(path: str, source: str) -> list[Fact]:
    """Gradle in Groovy or Kotlin: lines that name a dependency. Misses: names put together from variables."""
    source = re.sub(r"//[^\n]*", "", _cut(source))
    lines = _line_numbers(source)
    names: list[tuple[str, int, bool]] = []
    facts: list[Fact] = []
    for match in _GRADLE.finditer(source):
        aside = match["scope"].lower().startswith(("test", "androidtest", "integrationtest"))
        line = lines(match.start("scope"))
        if match["alias"]:
            # A version catalog's alias ends in the artifact's own name by custom.
            facts.append(fact("library-alias", match["alias"].replace(".", "-"), path, line, development=aside or None))
            continue
        names.append((match["gav"] or f"{match['group']}:{match['name']}", line, aside))
    names += [(match["gav"], lines(match.start("gav")), False) for match in _GRADLE_ITEM.finditer(source)]
    requires = [
        part.rsplit(":", 1)[-1] for part in re.findall(r"project\(\s*(?:path\s*[:=]\s*)?[\"']([\w:.-]{1,120})", source)
    ]
    return [_program("", path, 1, "maven", requires), *_used("maven", names, path), *facts]


def _line_numbers(source: str) -> Callable[[int], int]:
    starts = [match.start() for match in re.finditer("\n", source)]
    return lambda position: bisect.bisect_left(starts, position) + 1


def read_gradle_settings(path: str, source: str) -> list[Fact]:
    """The root project's name and its modules."""
    name = re.search(r"rootProject\.name\s*=\s*[\"']([\w. -]{1,100})[\"']", _cut(source))
    parts = [
        part.strip(":").replace(":", "/")
        for line in re.findall(r"^\s*include\b([^\n]{1,600})", source, re.MULTILINE)
        for part in re.findall(r"[\"']([\w:./-]{1,100})[\"']", line)
    ]
    folder = posixpath.dirname(path)
    return [
        fact(
            "module",
            name[1] if name else "",
            path,
            1,
            ecosystem="maven",
            parent_of=[posixpath.normpath(posixpath.join(folder, p)) for p in parts],
        )
    ]


def read_go_mod(path: str, source: str) -> list[Fact]:
    """Go modules that the program requires itself; indirect ones are left out."""
    names: list[tuple[str, int, bool]] = []
    module = ""
    for number, line in enumerate(_cut(source).splitlines(), start=1):
        body, _, comment = line.partition("//")
        if body.startswith("module "):
            module = body.split()[1] if len(body.split()) > 1 else ""
        match = re.match(r"\s*(?:require\s+)?([\w.-]+\.[\w.-]+/[\w./~-]{1,200})\s+v\d", body)
        if match and "indirect" not in comment:
            names.append((match[1], number, False))
    return [_program(re.sub(r"/v\d+\Z", "", module).rsplit("/", 1)[-1], path, 1, "go"), *_used("go", names, path)]


def read_requirements(path: str, source: str) -> list[Fact]:
    """pip's requirement files; options, addresses and included files are passed over."""
    aside = bool(re.search(r"(?:test|dev|lint|docs?)[\w.-]*\.(?:txt|in)\Z", path))
    names = []
    for number, line in enumerate(_cut(source).splitlines(), start=1):
        name = _requirement(line.split(" #", 1)[0].split(" --", 1)[0])
        if name:
            names.append((name, number, aside))
    return [_program("", path, 1, "pypi"), *_used("pypi", names, path)]


def _requirement(line: str) -> str:
    line = line.strip().rstrip("\\").strip()
    if not line or line[0] in "#-" or len(line) > 500:
        return ""
    try:
        return re.sub(r"[-_.]+", "-", Requirement(line).name).lower()
    except InvalidRequirement:
        return ""


def _toml(source: str) -> dict[str, Any]:
    try:
        return tomllib.loads(_cut(source))
    except tomllib.TOMLDecodeError as error:
        found = re.search(r"line (\d+)", str(error))
        raise Malformed(int(found[1]) if found else 1, "not valid TOML") from None
    except (ValueError, RecursionError):
        raise Malformed(1, "not valid TOML") from None


def _line_of(source: str, word: str) -> int:
    """The first line with the whole word: TOML libraries keep no places."""
    match = re.search(rf"(?<![\w-]){re.escape(word)}(?![\w-])", source, re.IGNORECASE)
    return source.count("\n", 0, match.start()) + 1 if match else 1


def read_pyproject(path: str, source: str) -> list[Fact]:
    """pyproject.toml of any builder, and Pipfile."""
    root = _toml(source)
    plain: list[tuple[str, bool]] = []
    project = _dict(root.get("project"))
    plain += [(item, False) for item in _list(project.get("dependencies"))]
    for group in _dict(project.get("optional-dependencies")).values():
        plain += [(item, False) for item in _list(group)]
    for group in _dict(root.get("dependency-groups")).values():
        plain += [(item, True) for item in _list(group)]
    names = [(_requirement(item), aside) for item, aside in plain]
    poetry = _dict(_dict(root.get("tool")).get("poetry"))
    names += [(name, False) for name in _dict(poetry.get("dependencies"))]
    for group_name, group in _dict(poetry.get("group")).items():
        names += [
            (name, group_name in {"dev", "test", "docs", "lint"}) for name in _dict(_dict(group).get("dependencies"))
        ]
    names += [(name, False) for name in _dict(root.get("packages"))]
    located = [(re.sub(r"[-_.]+", "-", name).lower(), _line_of(source, name), aside) for name, aside in names if name]
    name = project.get("name") or poetry.get("name")
    return [_program(name if isinstance(name, str) else "", path, 1, "pypi"), *_used("pypi", located, path)]


def read_cargo(path: str, source: str) -> list[Fact]:
    """Rust's Cargo.toml."""
    root = _toml(source)
    located = [
        (name, _line_of(source, name), key != "dependencies")
        for key in ("dependencies", "dev-dependencies")
        for name in _dict(root.get(key))
    ]
    name = _dict(root.get("package")).get("name")
    return [_program(name if isinstance(name, str) else "", path, 1, "cargo"), *_used("cargo", located, path)]


def read_version_catalog(path: str, source: str) -> list[Fact]:
    """Gradle's libs.versions.toml: what its aliases stand for. An alias alone is no use of a library."""
    facts = []
    for alias, entry in _dict(_toml(source).get("libraries")).items():
        given = _dict(entry)
        module = given.get("module") or f"{given.get('group', '')}:{given.get('name', '')}"
        if isinstance(entry, str):
            module = ":".join(entry.split(":")[:2])
        technology, role = library_of("maven", str(module))
        if technology or role:
            facts.append(
                fact(
                    "library-alias",
                    re.sub(r"[._]", "-", alias),
                    path,
                    _line_of(source, alias),
                    technology=technology,
                    role=role,
                    defines=True,
                )
            )
    return facts


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[str]:
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []


def read_msbuild(path: str, source: str) -> list[Fact]:
    """.NET project files and central package versions, and old packages.config files."""
    root = xmltext.load(_cut(source))
    names = []
    for element in root.walk():
        if element.name == "PackageReference":
            names.append(
                (element.attributes.get("Include", "") or element.attributes.get("Update", ""), element.line, False)
            )
        elif element.name == "package" and root.name == "packages":
            names.append((element.attributes.get("id", ""), element.line, False))
    stem = posixpath.basename(path).rsplit(".", 1)[0]
    # References stand with the separators of Windows.
    others = [e.attributes.get("Include", "") for e in root.walk() if e.name == "ProjectReference"]
    requires = [re.split(r"[/\\]", other)[-1].rsplit(".", 1)[0] for other in others]
    made = [_program(stem, path, root.line, "nuget", requires)] if path.endswith("proj") else []
    return [*made, *_used("nuget", [entry for entry in names if entry[0]], path)]


_GEM = re.compile(
    r"^[ \t]*(?:gem|\w{1,10}\.add_(?:runtime_)?dependency)[ \t(]+[\"'](?P<name>[\w-]{1,80})[\"']", re.MULTILINE
)


def read_gemfile(path: str, source: str) -> list[Fact]:
    """Ruby's Gemfile and gemspec: lines that name a gem; nothing is run."""
    lines = _line_numbers(_cut(source))
    names = [(match["name"], lines(match.start("name")), False) for match in _GEM.finditer(source)]
    return [_program("", path, 1, "rubygems"), *_used("rubygems", names, path)]

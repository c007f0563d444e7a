"""What the programs of a repository use: their libraries, and the variables that environment files give."""

from __future__ import annotations

import posixpath
from collections.abc import Sequence

from data_integration_architect.scanners.config.configfacts import Fact
from data_integration_architect.scanners.config.inventory import Inventory
from data_integration_architect.scanners.config.places import folders_of, is_within, plain


def variables_of(facts: Sequence[Fact]) -> dict[str, list[tuple[str, str]]]:
    """Variable to the folders of the files that give it, with its value there."""
    found: dict[str, list[tuple[str, str]]] = {}
    for fact_ in facts:
        if fact_.kind == "variable":
            found.setdefault(fact_.subject, []).append((posixpath.dirname(fact_.path), fact_.text("value")))
    return found


def dependencies_of(facts: Sequence[Fact], inventory: Inventory) -> dict[str, dict[str, Fact]]:
    """Program to technology or role to the dependency that shows it; a parent's dependencies count for its modules."""
    aliases = {
        f.subject: (f.text("technology"), f.text("role"))
        for f in facts
        if f.kind == "library-alias" and f.attributes.get("defines")
    }
    by_folder: dict[str, list[tuple[str, Fact]]] = {}
    for found in facts:
        if (
            found.kind not in {"dependency", "library-alias"}
            or found.attributes.get("development")
            or found.attributes.get("defines")
        ):
            continue
        words = (
            aliases.get(found.subject, ("", ""))
            if found.kind == "library-alias"
            else (found.text("technology"), found.text("role"))
        )
        for word in words:
            if word:
                by_folder.setdefault(posixpath.dirname(found.path), []).append((word, found))
    parents = {
        posixpath.dirname(f.path): f.texts("parent-of")
        for f in facts
        if f.kind == "module" and f.attributes.get("parent-of")
    }
    modules = {plain(f.subject): posixpath.dirname(f.path) for f in facts if f.kind == "module"}
    requires: dict[str, list[str]] = {}
    for found in facts:
        if found.kind == "module":
            others = [modules[plain(name)] for name in found.texts("requires") if plain(name) in modules]
            requires.setdefault(posixpath.dirname(found.path), []).extend(others)
    result: dict[str, dict[str, Fact]] = {}
    for program in inventory.programs:
        own = result.setdefault(program.name, {})
        pending, done = sorted(program.folders), set(program.folders)
        while pending:
            folder = pending.pop(0)
            for word, found in by_folder.get(folder, ()):
                own.setdefault(word, found)
            for above in folders_of(f"{folder}/x"):
                if above != folder and any(is_within(folder, child) for child in parents.get(above, ())):
                    for word, found in by_folder.get(above, ()):
                        own.setdefault(word, found)
            # A library of the repository brings its own libraries along.
            for other in requires.get(folder, ()):
                if other not in done:
                    done.add(other)
                    pending.append(other)
    return result

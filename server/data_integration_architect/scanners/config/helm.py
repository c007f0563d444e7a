"""Helm: the values and the dependencies of a chart. Templates are not rendered."""

from __future__ import annotations

import posixpath

from data_integration_architect.scanners.config.configfacts import Fact, fact
from data_integration_architect.scanners.config.located import Listing, Table, Text, at, flatten, table, tables, text
from data_integration_architect.scanners.config.settings import Setting, facts_of_settings
from data_integration_architect.scanners.config.technologies import technology_of_image
from data_integration_architect.scanners.config.yamltext import load_all


def read_chart(path: str, source: str) -> list[Fact]:
    """Stores and brokers that a chart depends on; one that a condition switches is inferred."""
    facts: list[Fact] = []
    for document in load_all(source):
        chart = table(document)
        for entry in tables(chart.get("dependencies")):
            name = text(entry.get("name"))
            known = technology_of_image(name)
            if known:
                condition = text(entry.get("condition"))
                alias = text(entry.get("alias")) or name
                facts.append(
                    fact(
                        "broker" if known.category == "broker" else "store",
                        alias,
                        path,
                        entry.line,
                        technology=known.name,
                        category=known.category,
                        aliases=[alias, name],
                        origin="helm",
                        condition=condition,
                        inferred="the chart's condition decides whether it is installed" if condition else "",
                    )
                )
    return facts


def read_values(path: str, source: str) -> list[Fact]:
    """Images and addresses in a chart's values. The chart is the folder of the file."""
    chart = posixpath.basename(posixpath.dirname(path))
    facts: list[Fact] = []
    for document in load_all(source):
        root = table(document)
        facts += _images(root, path)
        pairs = [
            Setting(key, str(value), line)
            for key, value, line in flatten(root)
            if ".image." not in key and not key.endswith(("].value", "].name"))
        ]
        facts += facts_of_settings([*pairs, *_named_values(root)], path, chart if chart else "")
    return facts


def _images(root: Table, path: str) -> list[Fact]:
    facts = []
    for name, entry in root.items():
        image = text(at(entry, "image", "repository")) or text(at(entry, "image"))
        known = technology_of_image(image or name) if image or isinstance(entry, Table) else None
        if known and isinstance(entry, Table) and (image or "enabled" in entry):
            off = text(entry.get("enabled")).lower() == "false"
            if not off:
                facts.append(
                    fact(
                        "broker" if known.category == "broker" else "store",
                        name,
                        path,
                        root.key_line(name),
                        technology=known.name,
                        category=known.category,
                        aliases=[name],
                        image=image,
                        origin="helm",
                    )
                )
    return facts


def _named_values(root: Table) -> list[Setting]:
    """`- name: X` with `value: Y` anywhere below `env` as one setting."""
    found = []
    stack: list[Table | Listing] = [root]
    while stack:
        node = stack.pop()
        children = list(node.values()) if isinstance(node, Table) else list(node)
        for child in children:
            if isinstance(child, Table):
                name, value = child.get("name"), child.get("value")
                if isinstance(node, Listing) and isinstance(name, Text) and isinstance(value, Text):
                    found.append(Setting(str(name), str(value), child.key_line("value")))
            if isinstance(child, Table | Listing):
                stack.append(child)
    return found

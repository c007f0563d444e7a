"""dbt: sources, models and snapshots of schema files, and the lineage of manifest.json."""

from __future__ import annotations

from data_integration_architect.scanners.config import jsontext
from data_integration_architect.scanners.config.configfacts import Fact, fact
from data_integration_architect.scanners.config.located import Table, at, table, tables, text, texts
from data_integration_architect.scanners.config.technologies import technology_named
from data_integration_architect.scanners.config.yamltext import load_all

MOST_MODELS = 3_000


def read_manifest(path: str, source: str) -> list[Fact]:
    """Lineage of a manifest: one `lineage` fact per model, snapshot and seed with what it depends on."""
    root = table(jsontext.load(source))
    metadata = table(root.get("metadata"))
    known = technology_named(text(metadata.get("adapter_type")))
    technology = known.name if known else ""
    facts: list[Fact] = []
    if technology:
        facts.append(fact("link", "dbt", path, metadata.line, technology=technology, via="dbt adapter"))
    for node in table(root.get("sources")).values():
        entry = table(node)
        facts.append(
            fact(
                "table",
                _relation(entry),
                path,
                entry.line,
                source=True,
                technology=technology,
                freshness=_freshness(entry),
            )
        )
    for node in list(table(root.get("nodes")).values())[:MOST_MODELS]:
        entry = table(node)
        kind = text(entry.get("resource_type"))
        if kind not in {"model", "snapshot", "seed"}:
            continue
        inputs = [str(item).split(".", 2)[-1] for item in texts(at(entry, "depends_on", "nodes"))]
        config = table(entry.get("config"))
        facts.append(
            fact(
                "lineage",
                _relation(entry),
                path,
                entry.line,
                inputs=inputs,
                tool="dbt",
                resource=kind,
                technology=technology,
                materialized=text(config.get("materialized")),
                strategy=text(config.get("incremental_strategy")) or text(config.get("strategy")),
                key=[str(item) for item in texts(config.get("unique_key"))],
            )
        )
    return facts


def _relation(entry: Table) -> str:
    parts = [
        text(entry.get("schema")),
        text(entry.get("identifier")) or text(entry.get("alias")) or text(entry.get("name")),
    ]
    return ".".join(part for part in parts if part)


def _freshness(entry: Table) -> str:
    error = table(at(entry, "freshness", "error_after"))
    count, period = text(error.get("count")), text(error.get("period"))
    return f"{count}{period[:1]}" if count.isdigit() and period else ""


def read_schema(path: str, source: str) -> list[Fact]:
    """Sources and tested keys of a schema file. Misses: models, which are SQL with templates."""
    facts: list[Fact] = []
    for document in load_all(source):
        for entry in tables(at(document, "sources")):
            schema = text(entry.get("schema")) or text(entry.get("name"))
            for item in tables(entry.get("tables")):
                name = text(item.get("identifier")) or text(item.get("name"))
                facts.append(
                    fact(
                        "table",
                        f"{schema}.{name}",
                        path,
                        item.line,
                        source=True,
                        key=_tested_key(item),
                        loaded_by=text(entry.get("loader")),
                        freshness=_freshness(item) or _freshness(entry),
                    )
                )
        for kind in ("models", "snapshots"):
            for item in tables(at(document, kind)):
                key = _tested_key(item)
                if key:
                    facts.append(fact("table", text(item.get("name")), path, item.line, key=key, derived="dbt"))
    return facts


def _tested_key(item: Table) -> list[str]:
    """Columns that are tested to be unique: what dbt has in place of a declared key."""
    return [
        text(column.get("name"))
        for column in tables(item.get("columns"))
        if any(str(test) == "unique" for key in ("tests", "data_tests") for test in texts(column.get(key)))
    ]


def read_profiles(path: str, source: str) -> list[Fact]:
    """The warehouse of a profiles file."""
    facts: list[Fact] = []
    for document in load_all(source):
        for name, profile in table(document).items():
            for output in table(at(profile, "outputs")).values():
                known = technology_named(text(at(output, "type")))
                if known:
                    entry = table(output)
                    facts.append(
                        fact(
                            "link",
                            "dbt",
                            path,
                            entry.line,
                            technology=known.name,
                            host=text(entry.get("host")) or text(entry.get("account")),
                            database=text(entry.get("dbname")) or text(entry.get("database")),
                            via=f"dbt profile {name}",
                        )
                    )
    return facts

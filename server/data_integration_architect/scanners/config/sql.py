"""SQL DDL and migrations: tables with keys, publications, replica identity, triggers, slots, change tables."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from data_integration_architect.scanners.config.configfacts import Fact, fact, fact_of
from data_integration_architect.scanners.config.embedded import embedded_connectors
from data_integration_architect.scanners.config.sqlscan import END, Scan, column_names, split
from data_integration_architect.scanners.config.sqltokens import Statement, Word, dialect_of, statements

_LARGE = {
    "BYTEA",
    "JSON",
    "JSONB",
    "XML",
    "BLOB",
    "MEDIUMBLOB",
    "LONGBLOB",
    "MEDIUMTEXT",
    "LONGTEXT",
    "CLOB",
    "NCLOB",
    "VARBINARY",
    "VECTOR",
}
_STOP = {
    "CONSTRAINT",
    "PRIMARY",
    "UNIQUE",
    "FOREIGN",
    "CHECK",
    "EXCLUDE",
    "KEY",
    "INDEX",
    "LIKE",
    "FULLTEXT",
    "SPATIAL",
    "PERIOD",
}


def read(path: str, source: str) -> list[Fact]:
    """Facts of a script's statements; a file that undoes a migration has none.

    Misses: statements that procedures put together at run time, and the dialect where no word tells it.
    """
    if re.search(
        r"(?:\.down|_down|\.undo|\.rollback)\.sql\Z|(?:\A|/)(?:U\d[\w.]*__|undo/|rollback/|down/)", path, re.IGNORECASE
    ):
        return []
    technology, tokenizer = dialect_of(source)
    facts = [f for s in statements(source, tokenizer) for f in facts_of_statement(s, path, technology)]
    if "connector.class" in source:
        facts += [f for f in embedded_connectors(source, path, 1) if f.kind == "connector"]
    return facts


def facts_of_statement(statement: Statement, path: str, technology: str) -> list[Fact]:
    """Facts of one statement of a script in `technology`'s dialect."""
    scan = Scan(statement)
    for opening, reader in _READERS.items():
        if scan.at(opening):
            return reader(scan, path, technology)
    return _calls(scan, path, technology)


def _create(scan: Scan, path: str, technology: str) -> list[Fact]:
    line = scan.peek().line
    scan.position += 1
    scan.skip("OR", "REPLACE")
    external = False
    while scan.peek().key in {
        "GLOBAL",
        "LOCAL",
        "TEMP",
        "TEMPORARY",
        "UNLOGGED",
        "FOREIGN",
        "EXTERNAL",
        "TRANSIENT",
        "DEFINER",
        "UNIQUE",
        "CLUSTERED",
        "NONCLUSTERED",
        "MATERIALIZED",
        "CONSTRAINT",
        "EVENT",
    }:
        word = scan.peek().key
        if word in {"TEMP", "TEMPORARY"}:
            return []
        external = external or word in {"FOREIGN", "EXTERNAL"}
        if word == "UNIQUE":
            return _unique_index(scan, path)
        if word == "MATERIALIZED" and scan.peek(1).key == "VIEW":
            scan.position += 2
            scan.skip("IF", "NOT", "EXISTS")
            return [fact("table", scan.name(), path, line, derived="materialized-view", technology=technology)]
        scan.position += 1
    if scan.skip("TABLE"):
        return _create_table(scan, path, technology, line, external)
    if scan.skip("PUBLICATION"):
        return _publication(scan, path, line)
    if scan.skip("TRIGGER"):
        return _trigger(scan, path, line)
    if scan.skip("SUBSCRIPTION"):
        name = scan.name()
        publication = scan.name() if scan.find("PUBLICATION") else ""
        return [fact("subscription", name, path, line, publication=publication)]
    for kind in ("SOURCE", "SINK", "STREAM", "CHANGEFEED"):
        if scan.skip(kind):
            return _stream(scan, path, line, kind.lower())
    return _calls(scan, path, technology)


def _create_table(scan: Scan, path: str, technology: str, line: int, external: bool) -> list[Fact]:
    scan.skip("IF", "NOT", "EXISTS")
    name = scan.name()
    if not name or scan.peek().key == "PARTITION":
        return []
    body = scan.group()
    tail = scan.rest()
    end = (body or [scan.peek(-1) if scan.position else END])[-1].line
    attributes = _table_body(body)
    tail_keys = [word.key or word.text.upper() for word in tail]
    engine = tail[tail_keys.index("ENGINE") + 1 :] if "ENGINE" in tail_keys else []
    engine_name = next((word.text for word in engine if re.match(r"\w", word.text)), "")
    if "AS" in tail_keys and "SELECT" in tail_keys:
        attributes["derived"] = "query"
    if technology == "clickhouse" and "ORDER" in tail_keys:
        order = Scan(tail)
        if order.find("ORDER", "BY"):
            attributes["key"] = column_names(order.group()) or [order.name()]
    return [
        fact_of(
            "table",
            name,
            path,
            line,
            {**attributes, "technology": technology, "external": external or None, "engine": engine_name},
            end_line=end if end > line else None,
        )
    ]


def _table_body(body: list[Word]) -> dict[str, object]:
    columns: list[str] = []
    types: list[str] = []
    key: list[str] = []
    unique: list[str] = []
    references: list[str] = []
    large: list[str] = []
    for part in split(body):
        scan = Scan(part)
        if scan.skip("CONSTRAINT"):
            scan.name()
        first = scan.peek().key
        if first in _STOP and not (first in {"KEY", "INDEX", "PERIOD"} and scan.peek(1).text != "(" and len(part) < 3):
            if scan.skip("PRIMARY", "KEY"):
                _past_words(scan)
                key = column_names(scan.group())
            elif scan.skip("UNIQUE"):
                _past_words(scan)
                unique.append("+".join(column_names(scan.group())))
            elif scan.find("REFERENCES"):
                references.append(scan.name())
            continue
        column = scan.name()
        if not column:
            continue
        columns.append(column)
        kind = scan.peek().key
        types.append(kind)
        if kind in _LARGE:
            large.append(column)
        rest = Scan(scan.rest())
        if rest.find("PRIMARY", "KEY"):
            key = [column]
        if Scan(scan.rest()).find("UNIQUE"):
            unique.append(column)
        rest = Scan(scan.rest())
        if rest.find("REFERENCES"):
            references.append(rest.name())
    return {
        "columns": columns,
        "key": key,
        "unique": [u for u in unique if u],
        "references": references,
        "large_columns": large,
        "keyless": True if columns and not key else None,
    }


def _past_words(scan: Scan) -> None:
    """Moves to the next parenthesis: an index name, CLUSTERED, KEY, USING BTREE may stand before it."""
    for _ in range(6):
        if scan.peek().text in {"(", ""}:
            return
        scan.position += 1


def _unique_index(scan: Scan, path: str) -> list[Fact]:
    line = scan.peek().line
    if not scan.find("ON"):
        return []
    scan.skip("ONLY")
    table = scan.name()
    _past_words(scan)
    columns = column_names(scan.group())
    partial = Scan(scan.rest()).find("WHERE")
    return (
        [fact("table", table, path, line, unique=["+".join(columns)], partial=True if partial else None, amends=True)]
        if table and columns
        else []
    )


def _publication(scan: Scan, path: str, line: int) -> list[Fact]:
    name = scan.name()
    if scan.find("FOR", "ALL", "TABLES"):
        return [fact("publication", name, path, line, all_tables=True)]
    tables: list[str] = []
    if scan.find("FOR", "TABLE"):
        for part in split(scan.rest()):
            inner = Scan(part)
            inner.skip("TABLE")
            inner.skip("ONLY")
            if inner.peek().key == "WITH":
                break
            tables.append(inner.name())
    return [fact("publication", name, path, line, tables=tables)]


def _trigger(scan: Scan, path: str, line: int) -> list[Fact]:
    scan.skip("IF", "NOT", "EXISTS")
    name = scan.name()
    events = [word.key for word in scan.words if word.key in {"INSERT", "UPDATE", "DELETE", "TRUNCATE"}]
    timing = next((word.key for word in scan.words if word.key in {"BEFORE", "AFTER", "INSTEAD"}), "")
    table = scan.name() if scan.find("ON") else ""
    calls = ""
    if scan.find("EXECUTE", "FUNCTION") or scan.find("EXECUTE", "PROCEDURE"):
        calls = scan.name()
    return [
        fact(
            "trigger",
            name,
            path,
            line,
            table=table,
            events=sorted({e.lower() for e in events}),
            timing=timing.lower(),
            calls=calls,
        )
    ]


def _stream(scan: Scan, path: str, line: int, kind: str) -> list[Fact]:
    """A source or sink of a streaming database, or a change feed."""
    scan.skip("IF", "NOT", "EXISTS")
    name = scan.name()
    texts = [word.text for word in scan.words if word.is_string]
    options = " ".join(word.text for word in scan.words)[:4000]
    topic = re.search(r"topic\s?=\s?([\w.-]{1,150})", options, re.IGNORECASE)
    connector = re.search(r"connector\s?=\s?([\w-]{1,60})", options, re.IGNORECASE)
    target = scan.name() if scan.find("FROM") else ""
    return [
        fact(
            "connector",
            name,
            path,
            line,
            role=kind,
            topics=topic[1] if topic else "",
            reads=target,
            streaming_sql=True,
            technology=(connector[1] if connector else "").split("-")[0],
            literal_count=len(texts) or None,
        )
    ]


def _alter(scan: Scan, path: str, technology: str) -> list[Fact]:
    line = scan.peek().line
    scan.position += 1
    if scan.skip("PUBLICATION"):
        name = scan.name()
        return (
            [fact("publication", name, path, line, tables=[scan.name()], amends=True)]
            if scan.find("ADD", "TABLE")
            else []
        )
    if scan.skip("SYSTEM"):
        logical = any(w.text == "logical" for w in scan.words) and any(
            w.text.lower() == "wal_level" for w in scan.words
        )
        return [fact("setting", "wal_level", path, line, value="logical")] if logical else []
    if not scan.skip("TABLE"):
        return []
    scan.skip("IF", "EXISTS")
    scan.skip("ONLY")
    name = scan.name()
    start = scan.position
    facts: list[Fact] = []
    if scan.find("REPLICA", "IDENTITY"):
        mode = scan.peek().key.lower()
        facts.append(fact("replica-identity", name, path, line, mode="index" if mode == "using" else mode))
    scan.position = start
    for part in split(scan.rest()):
        inner = Scan(part)
        if not (inner.skip("ADD") or inner.find("ADD")):
            continue
        attributes = _table_body(inner.rest() if inner.peek().key != "COLUMN" else inner.rest()[1:])
        attributes.pop("keyless", None)
        if any(attributes.get(key) for key in ("key", "unique", "references", "columns")):
            facts.append(fact_of("table", name, path, line, {**attributes, "amends": True, "technology": technology}))
    return facts


_SLOT = re.compile(r"pg_create_logical_replication_slot", re.IGNORECASE)


def _calls(scan: Scan, path: str, technology: str) -> list[Fact]:
    """Slots, change tables and notifications that statements of any kind create."""
    facts: list[Fact] = []
    for index, word in enumerate(scan.words):
        lowered = word.text.lower() if not word.is_string else ""
        following = [w.text for w in scan.words[index + 1 : index + 40] if w.is_string]
        if lowered == "pg_create_logical_replication_slot" and following:
            facts.append(fact("slot", following[0], path, word.line, plugin=following[1] if len(following) > 1 else ""))
        elif lowered == "sp_cdc_enable_table":
            pairs = _named_strings(scan.words[index:])
            facts.append(
                fact(
                    "change-table",
                    pairs.get("@source_name", ""),
                    path,
                    word.line,
                    instance=pairs.get("@capture_instance", ""),
                )
            )
        elif word.is_string and "pg_notify" in word.text:
            channel = re.search(r"pg_notify\s*\(\s*'([\w.-]{1,100})'", word.text)
            facts.append(
                fact(
                    "notify",
                    channel[1] if channel else "",
                    path,
                    word.line + word.text.count("\n", 0, channel.start() if channel else 0),
                )
            )
        elif word.is_string and _SLOT.search(word.text):
            name = re.search(r"pg_create_logical_replication_slot\s*\(\s*'([\w]{1,80})'", word.text)
            if name:
                facts.append(fact("slot", name[1], path, word.line))
    return facts


def _named_strings(words: list[Word]) -> dict[str, str]:
    found: dict[str, str] = {}
    for index, word in enumerate(words[:-2]):
        name = (
            f"@{words[index + 1].text.lower()}"
            if word.text == "@"
            else word.text.lower()
            if word.text[:1] == "@"
            else ""
        )
        if name:
            value = next((w.text for w in words[index + 1 : index + 5] if w.is_string), "")
            found.setdefault(name, value)
    return found


_READERS: Mapping[str, Callable[[Scan, str, str], list[Fact]]] = {"CREATE": _create, "ALTER": _alter}

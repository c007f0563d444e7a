"""Migrations that are no SQL files: Liquibase change logs, Alembic and Django migrations, Prisma schemas."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from data_integration_architect.scanners.config import jsontext, xmltext
from data_integration_architect.scanners.config.configfacts import Fact, fact, fact_of
from data_integration_architect.scanners.config.located import (
    Malformed,
    Node,
    Table,
    Text,
    table,
    tables,
    text,
    walk_tables,
)
from data_integration_architect.scanners.config.pythontext import MOST_CHARACTERS, syntax_tree
from data_integration_architect.scanners.config.sql import facts_of_statement
from data_integration_architect.scanners.config.sqlscan import bare
from data_integration_architect.scanners.config.sqltokens import dialect_of, statements
from data_integration_architect.scanners.config.technologies import technology_named
from data_integration_architect.scanners.config.xmltext import Element
from data_integration_architect.scanners.config.yamltext import load_all


def read_liquibase_xml(path: str, source: str) -> list[Fact]:
    """Tables, keys and unique constraints of a change log in XML. Misses: rollbacks, preconditions, loaded data."""
    facts: list[Fact] = []
    for element in xmltext.load(source).walk():
        given = element.attributes
        if element.name == "createTable":
            columns = [child for child in element.children if child.name == "column"]
            facts.append(
                _liquibase_table(
                    given.get("tableName", ""), [_xml_column(column) for column in columns], path, element.line
                )
            )
        elif element.name in {"addPrimaryKey", "addUniqueConstraint", "addForeignKeyConstraint"}:
            facts += _liquibase_change(element.name, given, path, element.line)
        elif element.name == "createIndex" and given.get("unique") == "true":
            names = [child.attributes.get("name", "") for child in element.children if child.name == "column"]
            facts.append(
                fact(
                    "table", bare(given.get("tableName", "")), path, element.line, unique=["+".join(names)], amends=True
                )
            )
        elif element.name == "sql":
            facts += _sql_inside(element.text, path, element.line)
    return facts


def _xml_column(column: Element) -> dict[str, str]:
    constraints = column.child("constraints")
    return {**column.attributes, **(constraints.attributes if constraints else {})}


def read_liquibase_yaml(path: str, source: str) -> list[Fact]:
    """The same from a change log in YAML."""
    return [f for document in load_all(source) for f in _liquibase_data(document, path)]


def read_liquibase_json(path: str, source: str) -> list[Fact]:
    """The same from a change log in JSON."""
    return _liquibase_data(jsontext.load(source), path)


def _liquibase_data(document: Node, path: str) -> list[Fact]:
    facts: list[Fact] = []
    for change in walk_tables(document):
        for kind, body in change.items():
            if not isinstance(body, Table):
                continue
            line = change.key_line(kind)
            given = {key: str(value) for key, value in body.items() if isinstance(value, Text)}
            if kind == "createTable":
                facts.append(_liquibase_table(given.get("tableName", ""), list(_data_columns(body)), path, line))
            elif kind in {"addPrimaryKey", "addUniqueConstraint", "addForeignKeyConstraint"}:
                facts += _liquibase_change(kind, given, path, line)
            elif kind == "createIndex" and given.get("unique") == "true":
                names = [column.get("name", "") for column in _data_columns(body)]
                facts.append(
                    fact("table", bare(given.get("tableName", "")), path, line, unique=["+".join(names)], amends=True)
                )
            elif kind == "sql" and given.get("sql"):
                facts += _sql_inside(given["sql"], path, line)
    return facts


def _data_columns(body: Table) -> Iterator[dict[str, str]]:
    for entry in tables(body.get("columns")):
        column = table(entry.get("column"))
        merged = {key: str(value) for key, value in column.items() if isinstance(value, Text)}
        merged.update({key: text(value) for key, value in table(column.get("constraints")).items()})
        yield merged


def _liquibase_table(name: str, columns: list[dict[str, str]], path: str, line: int) -> Fact:
    names = [column.get("name", "") for column in columns]
    key = [column.get("name", "") for column in columns if column.get("primaryKey", "").lower() == "true"]
    unique = [column.get("name", "") for column in columns if column.get("unique", "").lower() == "true"]
    references = [column["references"].split("(")[0] for column in columns if column.get("references")]
    return fact(
        "table",
        bare(name),
        path,
        line,
        columns=names,
        key=key,
        unique=unique,
        references=references,
        keyless=True if names and not key else None,
    )


def _liquibase_change(kind: str, given: dict[str, str], path: str, line: int) -> list[Fact]:
    if kind == "addForeignKeyConstraint":
        return [
            fact(
                "table",
                bare(given.get("baseTableName", "")),
                path,
                line,
                references=[given.get("referencedTableName", "")],
                amends=True,
            )
        ]
    names = [name.strip() for name in given.get("columnNames", "").split(",") if name.strip()]
    table_name = bare(given.get("tableName", ""))
    if kind == "addPrimaryKey":
        return [fact("table", table_name, path, line, key=names, amends=True)]
    return [fact("table", table_name, path, line, unique=["+".join(names)], amends=True)]


def _sql_inside(source: str, path: str, line: int) -> list[Fact]:
    technology, tokenizer = dialect_of(source)
    try:
        return [f for s in statements(source, tokenizer, line) for f in facts_of_statement(s, path, technology)]
    except Malformed:
        return []


def read_python(path: str, source: str) -> list[Fact]:
    """Tables of an Alembic or Django migration, read as a syntax tree; nothing is run.

    Misses: tables made in loops or by helper functions, and downgrades on purpose.
    """
    tree = syntax_tree(source, "migrations")
    facts: list[Fact] = []
    for node in _calls(tree):
        name = _called(node)
        if name == "op.create_table":
            facts += _alembic_table(node, path)
        elif name in {"op.create_primary_key", "op.create_unique_constraint"}:
            facts += _alembic_constraint(node, name, path)
        elif name == "op.create_index" and _keyword_true(node, "unique") and len(node.args) > 2:
            facts.append(
                fact(
                    "table",
                    _constant(node.args[1]),
                    path,
                    node.lineno,
                    unique=["+".join(_constants(node.args[2]))],
                    amends=True,
                )
            )
        elif name in {"op.execute", "migrations.RunSQL"} and node.args:
            argument = (
                node.args[0].args[0] if isinstance(node.args[0], ast.Call) and node.args[0].args else node.args[0]
            )
            for piece in [argument] if isinstance(argument, ast.Constant) else list(ast.iter_child_nodes(argument)):
                if isinstance(piece, ast.Constant) and isinstance(piece.value, str):
                    facts += _sql_inside(piece.value, path, piece.lineno)
        elif name == "migrations.CreateModel":
            facts += _django_model(node, path)
    return facts


def _calls(tree: ast.Module) -> Iterator[ast.Call]:
    """Calls in the tree in source order, without those of downgrade functions."""
    pending: list[ast.AST] = [tree]
    while pending:
        node = pending.pop()
        if isinstance(node, ast.FunctionDef) and node.name in {"downgrade", "reverse", "backwards"}:
            continue
        if isinstance(node, ast.Call):
            yield node
        pending.extend(reversed(list(ast.iter_child_nodes(node))))


def _called(node: ast.Call) -> str:
    function = node.func
    if isinstance(function, ast.Attribute) and isinstance(function.value, ast.Name):
        return f"{function.value.id}.{function.attr}"
    return (
        function.id if isinstance(function, ast.Name) else function.attr if isinstance(function, ast.Attribute) else ""
    )


def _constant(node: ast.AST) -> str:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def _constants(node: ast.AST) -> list[str]:
    items = node.elts if isinstance(node, ast.List | ast.Tuple | ast.Set) else [node]
    return [value for value in map(_constant, items) if value]


def _keyword(node: ast.Call, name: str) -> ast.expr | None:
    return next((keyword.value for keyword in node.keywords if keyword.arg == name), None)


def _keyword_true(node: ast.Call, name: str) -> bool:
    value = _keyword(node, name)
    return isinstance(value, ast.Constant) and value.value is True


def _alembic_table(node: ast.Call, path: str) -> list[Fact]:
    name = _constant(node.args[0]) if node.args else ""
    columns: list[str] = []
    key: list[str] = []
    unique: list[str] = []
    references: list[str] = []
    large: list[str] = []
    for part in node.args[1:]:
        if not isinstance(part, ast.Call):
            continue
        kind = _called(part).split(".")[-1]
        if kind == "Column" and part.args:
            column = _constant(part.args[0])
            columns.append(column)
            if _keyword_true(part, "primary_key"):
                key.append(column)
            if _keyword_true(part, "unique"):
                unique.append(column)
            inner = [_called(argument).split(".")[-1] for argument in part.args[1:] if isinstance(argument, ast.Call)]
            if set(inner) & {"JSON", "JSONB", "LargeBinary", "BYTEA"}:
                large.append(column)
            for argument in part.args[1:]:
                if isinstance(argument, ast.Call) and _called(argument).endswith("ForeignKey") and argument.args:
                    references.append(_constant(argument.args[0]).split(".")[0])
        elif kind == "PrimaryKeyConstraint":
            key = [value for argument in part.args for value in _constants(argument)]
        elif kind == "UniqueConstraint":
            unique.append("+".join(value for argument in part.args for value in _constants(argument)))
        elif kind == "ForeignKeyConstraint" and len(part.args) > 1:
            references += [target.split(".")[0] for target in _constants(part.args[1])[:1]]
    if not name:
        return []
    return [
        fact(
            "table",
            bare(name),
            path,
            node.lineno,
            end_line=node.end_lineno,
            columns=columns,
            key=key,
            unique=unique,
            references=references,
            large_columns=large,
            keyless=True if columns and not key else None,
        )
    ]


def _alembic_constraint(node: ast.Call, name: str, path: str) -> list[Fact]:
    if len(node.args) < 3:
        return []
    columns = _constants(node.args[2])
    attributes: dict[str, object] = (
        {"key": columns} if name.endswith("primary_key") else {"unique": ["+".join(columns)]}
    )
    return [fact_of("table", bare(_constant(node.args[1])), path, node.lineno, {**attributes, "amends": True})]


def _django_model(node: ast.Call, path: str) -> list[Fact]:
    model = _constant(_keyword(node, "name") or (node.args[0] if node.args else node))
    fields = _keyword(node, "fields")
    options = _keyword(node, "options")
    app = re.search(r"(?:\A|/)([^/]+)/migrations/", path)
    name = f"{app[1]}_{model.lower()}" if app else model.lower()
    key: list[str] = []
    columns: list[str] = []
    unique: list[str] = []
    references: list[str] = []
    large: list[str] = []
    for pair in fields.elts if isinstance(fields, ast.List | ast.Tuple) else []:
        if not isinstance(pair, ast.Tuple) or len(pair.elts) != 2 or not isinstance(pair.elts[1], ast.Call):
            continue
        column, kind = _constant(pair.elts[0]), pair.elts[1]
        columns.append(column)
        if _keyword_true(kind, "primary_key"):
            key.append(column)
        if _keyword_true(kind, "unique"):
            unique.append(column)
        called = _called(kind).split(".")[-1]
        if called in {"JSONField", "BinaryField", "JSONBField"}:
            large.append(column)
        target = _constant(_keyword(kind, "to") or kind)
        if called in {"ForeignKey", "OneToOneField"} and target:
            references.append(target.split(".")[-1])
    given = options if isinstance(options, ast.Dict) else ast.Dict([], [])
    for option, value in zip(given.keys, given.values, strict=True):
        if option is not None and _constant(option) == "db_table" and _constant(value):
            name = _constant(value)
        if (
            option is not None
            and _constant(option) == "unique_together"
            and isinstance(value, ast.Set | ast.List | ast.Tuple)
        ):
            unique += ["+".join(_constants(group)) for group in value.elts]
    if not model:
        return []
    # Django adds a key named id where a model has none.
    return [
        fact(
            "table",
            name,
            path,
            node.lineno,
            end_line=node.end_lineno,
            columns=columns,
            key=key or ["id"],
            unique=unique,
            references=references,
            large_columns=large,
            model=model,
        )
    ]


_BLOCK = re.compile(r"^(?P<kind>model|datasource)\s+(?P<name>\w{1,100})\s*\{(?P<body>[^}]*)\}", re.MULTILINE)


def read_prisma(path: str, source: str) -> list[Fact]:
    """Models and the data source of a Prisma schema; the format has no library for Python, its blocks are lines."""
    facts: list[Fact] = []
    for block in _BLOCK.finditer(source[:MOST_CHARACTERS]):
        line = source.count("\n", 0, block.start()) + 1
        lines = [entry.split("//", 1)[0].strip() for entry in block["body"].splitlines()]
        if block["kind"] == "datasource":
            provider = re.search(r'provider\s*=\s*"(\w{1,40})"', block["body"])
            variable = re.search(r'\burl\s*=\s*env\("(\w{1,80})"\)', block["body"])
            known = technology_named(provider[1]) if provider else None
            if known:
                facts.append(
                    fact(
                        "link",
                        "",
                        path,
                        line,
                        technology=known.name,
                        host=f"${{{variable[1]}}}" if variable else "",
                        via="prisma datasource",
                    )
                )
            continue
        facts.append(_prisma_model(block["name"], lines, path, line))
    return facts


def _prisma_model(name: str, lines: list[str], path: str, line: int) -> Fact:
    columns: list[str] = []
    key: list[str] = []
    unique: list[str] = []
    for entry in lines:
        words = entry.split()
        if not words:
            continue
        if words[0].startswith("@@"):
            listed = re.search(r"\[([^\]]{0,300})\]", entry)
            names = [part.strip().split("(")[0] for part in listed[1].split(",")] if listed else []
            if words[0].startswith("@@id"):
                key = names
            elif words[0].startswith("@@unique"):
                unique.append("+".join(names))
            elif words[0].startswith("@@map"):
                mapped = re.search(r'"([^"]{1,100})"', entry)
                name = mapped[1] if mapped else name
            continue
        columns.append(words[0])
        if re.search(r"@id\b", entry):
            key = [words[0]]
        if re.search(r"@unique\b", entry):
            unique.append(words[0])
    return fact(
        "table",
        name,
        path,
        line,
        columns=columns,
        key=key,
        unique=unique,
        keyless=True if columns and not key else None,
    )

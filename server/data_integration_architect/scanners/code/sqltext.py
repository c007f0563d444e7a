"""What an SQL text does: enough to tell a read from a write and to name the table."""

from __future__ import annotations

import re

LEADING = re.compile(r"\A(?:\s|--[^\n]*\n|/\*.*?\*/|\()*([A-Za-z]+)", re.DOTALL)
INNER = re.compile(r"\b(insert\s+into|update\s+\S+\s+set|delete\s+from|merge\s+into)\b", re.IGNORECASE)
TABLE = re.compile(
    r"\b(?:insert\s+(?:ignore\s+)?into|update|delete\s+from|merge\s+into|replace\s+into|from|table)\s+[\"`\[]?([\w.]{1,80})",
    re.IGNORECASE,
)
WRITES = frozenset(
    {"insert", "update", "delete", "merge", "replace", "upsert", "truncate", "copy", "call", "exec", "execute"}
)
READS = frozenset({"select", "show", "explain", "describe", "values", "pragma", "table"})
NEITHER = frozenset(
    {
        "create",
        "alter",
        "drop",
        "set",
        "begin",
        "commit",
        "rollback",
        "grant",
        "listen",
        "lock",
        "use",
        "start",
        "savepoint",
        "vacuum",
        "comment",
        "notify",
    }
)
# What a script in the dialect of a database begins with, and what it defines.
SCRIPTS = frozenset({"if", "do", "declare", "begin"})
DEFINING = re.compile(r"\b(?:create|alter|drop)\s+(?:table|schema|index|type|sequence|view|database)\b", re.IGNORECASE)


def sql_kind(text: str) -> str | None:
    """`write`, `read`, `ignore` (definitions, session control), or `None` if the text is no SQL."""
    found = LEADING.match(text)
    if found is None:
        return None
    word = found.group(1).lower()
    if word == "with":
        return "write" if INNER.search(text) else "read"
    if word in WRITES:
        return "write"
    if word in READS:
        return "read"
    if word in SCRIPTS and (INNER.search(text) or DEFINING.search(text)):
        return "write" if INNER.search(text) else "ignore"
    return "ignore" if word in NEITHER else None


def sql_table(text: str) -> str:
    """The first table that a text names, empty if none is seen."""
    found = TABLE.search(text)
    return found.group(1) if found else ""

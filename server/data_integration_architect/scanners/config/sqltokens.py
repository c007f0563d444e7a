"""SQL text to statements of words, by sqlglot's tokenizers: they know each dialect's strings, comments and quotes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import sqlglot
from sqlglot.errors import SqlglotError
from sqlglot.tokenizer_core import TokenType

from data_integration_architect.scanners.config.located import Malformed

MOST_CHARACTERS = 2 * 1024 * 1024
_TEXT_TOKENS = frozenset(
    {
        TokenType.STRING,
        TokenType.HEREDOC_STRING,
        TokenType.NATIONAL_STRING,
        TokenType.RAW_STRING,
        TokenType.UNICODE_STRING,
    }
)


@dataclass(frozen=True)
class Word:
    """One word or sign. `key` is its upper-case form, empty for strings and quoted names."""

    text: str
    key: str
    line: int
    is_string: bool = False


Statement = list[Word]

_DIALECTS = (
    (
        "postgresql",
        "postgres",
        re.compile(
            r"\b(?:big|small)?serial\b|\bjsonb\b|timestamptz|\bbytea\b|\$\$|\bplpgsql\b|::\w|\buuid_generate|gen_random_uuid"
            r"|with(?:out)? time zone|character varying|replica identity|create (?:extension|publication)|\btext\[\]"
            r"|generated (?:always|by default) as identity|owner to",
            re.IGNORECASE,
        ),
    ),
    (
        "mysql",
        "mysql",
        re.compile(
            r"`|auto_increment|engine\s?=\s?innodb|\bunsigned\b|\bdatetime\(\d\)|\bmediumtext\b|\blongtext\b|tinyint\(1\)",
            re.IGNORECASE,
        ),
    ),
    (
        "sqlserver",
        "tsql",
        re.compile(
            r"\bnvarchar\b|identity\s?\(\s?\d|\[dbo\]|\bdbo\.|uniqueidentifier|datetime2|^\s{0,20}go\s{0,20}$|\[\w+\]\s+\[\w+\]",
            re.IGNORECASE | re.MULTILINE,
        ),
    ),
    ("oracle", "oracle", re.compile(r"\bvarchar2\b|\bnumber\(\d|\bsysdate\b", re.IGNORECASE)),
    (
        "clickhouse",
        "clickhouse",
        re.compile(
            r"engine\s?=\s?\w{0,30}(?:mergetree|kafka|materialized\w+|distributed)|lowcardinality|datetime64",
            re.IGNORECASE,
        ),
    ),
    (
        "snowflake",
        "snowflake",
        re.compile(
            r"\bvariant\b|\bcreate (?:or replace )?(?:stream|stage|warehouse|task|pipe)\b|timestamp_ntz|timestamp_ltz",
            re.IGNORECASE,
        ),
    ),
    ("sqlite", "sqlite", re.compile(r"\bautoincrement\b|\bpragma\b|without rowid", re.IGNORECASE)),
)


def dialect_of(source: str) -> tuple[str, str]:
    """The technology that a script's words point to and the tokenizer for it; ("", "postgres") where nothing does."""
    sample = source[:200_000]
    counted = [(len(pattern.findall(sample)), -index) for index, (_, _, pattern) in enumerate(_DIALECTS)]
    best, index = max(counted)
    if not best:
        return "", "postgres"
    technology, tokenizer, _ = _DIALECTS[-index]
    return technology, tokenizer


_DATA = re.compile(r"^[ \t]*(?:INSERT|\().*$", re.IGNORECASE | re.MULTILINE)
_COPY = re.compile(r"^COPY [^\n]{1,600} FROM stdin;\n(?:[^\n]*\n)*?\\\.$", re.MULTILINE)
_DOWN = re.compile(
    r"^\s*--\s*(?:\+goose\s+down|\+migrate\s+down|migrate:down|//@undo|rollback\b).*", re.IGNORECASE | re.MULTILINE
)
_PARAMETER = re.compile(r"\$\{[\w.:-]{1,80}\}")


def statements(source: str, tokenizer: str, first_line: int = 1) -> Iterator[Statement]:
    """The statements of a script, split at semicolons and at GO. Sections that undo a migration are left out.

    Raises: Malformed for unfinished strings or comments, and for text beyond the limits.
    """
    if len(source) > MOST_CHARACTERS:
        raise Malformed(first_line, "larger than the limit for SQL")
    undo = _DOWN.search(source)
    if undo:
        source = source[: undo.start()]
    if len(source) > 100_000:
        # Rows of a dump say nothing about the structure, and tokenizing them costs most of the time.
        source = _COPY.sub(lambda m: "\n" * m[0].count("\n"), source)
        source = _DATA.sub(
            lambda m: "" if m[0].lstrip()[0] != "(" or m[0].rstrip().endswith(("),", ");")) else m[0], source
        )
    source = _PARAMETER.sub(lambda m: "p" * len(m[0]), source)
    try:
        tokens = sqlglot.tokenize(source, read=tokenizer)
    except (SqlglotError, ValueError, RecursionError, IndexError):
        raise Malformed(first_line, "SQL text with an unfinished string or comment") from None
    current: Statement = []
    depth = 0
    for token in tokens:
        if token.token_type == TokenType.SEMICOLON and depth <= 0:
            if current:
                yield current
            current, depth = [], 0
            continue
        depth += (token.token_type == TokenType.L_PAREN) - (token.token_type == TokenType.R_PAREN)
        line = first_line + token.line - 1
        if token.token_type in _TEXT_TOKENS:
            current.append(Word(token.text, "", line - token.text.count("\n"), True))
        elif token.token_type == TokenType.IDENTIFIER:
            current.append(Word(token.text, "", line))
        else:
            parts = token.text.split()
            if parts == ["GO"] or parts == ["go"]:
                if current:
                    yield current
                current, depth = [], 0
                continue
            current.extend(Word(part, part.upper(), line) for part in parts)
    if current:
        yield current

"""MyBatis mapper files: which methods of an interface write and which read.

Source: https://mybatis.org/mybatis-3/sqlmap-xml.html: the id of a statement is the method, the namespace its interface.
"""

from __future__ import annotations

import re

HEAD_CHARACTERS = 4_000
_MAPPER = re.compile(r"<mapper\b[^>]{0,400}?\bnamespace\s*=\s*[\"']([\w.$]{1,300})[\"']")
_STATEMENT = re.compile(r"<(insert|update|delete|select)\b[^>]{0,600}?\bid\s*=\s*[\"'](\w{1,120})[\"']")
_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)


def read_mapper(text: str) -> tuple[str, dict[str, str]] | None:
    """Qualified name of the interface, and method -> `write` or `read`; None if the text is no mapper."""
    found = _MAPPER.search(text[:HEAD_CHARACTERS])
    if found is None:
        return None
    statements = _STATEMENT.findall(_COMMENT.sub("", text) if text.count("<!--") < 1_000 else text)
    return found[1], {name: "read" if kind == "select" else "write" for kind, name in statements}

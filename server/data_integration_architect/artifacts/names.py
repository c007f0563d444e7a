"""Names for targets: plain identifiers that are safe everywhere, and the quoting of each target."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Collection

LONGEST = 40


class Names:
    """Plain identifiers for names of the topology; different names get different identifiers.

    An identifier has lower-case letters, digits and underscores: it is the same in SQL, topics, files, URLs and shells.
    """

    def __init__(self) -> None:
        self._by_name: dict[str, str] = {}

    def plain(self, name: str, taken: Collection[str] = ()) -> str:
        """The identifier of `name`: always the same for the same name, and none of `taken` where it is new."""
        if name not in self._by_name:
            words = re.sub(r"[^a-z0-9]+", "_", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()).strip("_")
            plain = words if words[:1].isalpha() else f"n_{words}".rstrip("_")
            if plain in taken:
                plain = f"{plain}_data"
            if len(plain) > LONGEST or plain in self._by_name.values():
                digest = hashlib.sha256(name.encode()).hexdigest()[:8]
                plain = f"{plain[: LONGEST - 9].rstrip('_')}_{digest}"
            self._by_name[name] = plain
        return self._by_name[name]

    def renamed(self) -> dict[str, str]:
        """Names of the topology that are written otherwise in the files."""
        return {name: plain for name, plain in sorted(self._by_name.items()) if name != plain}


def sql_name(name: str, dialect: str) -> str:
    """A quoted SQL identifier."""
    if dialect in {"mysql", "mariadb", "bigquery", "clickhouse"}:
        return "`" + name.replace("\\", "\\\\").replace("`", "``") + "`"
    if dialect == "sqlserver":
        return "[" + name.replace("]", "]]") + "]"
    if dialect == "oracle":
        # As it keeps names that were written without quotes, which a reserved word cannot be.
        return '"' + name.upper().replace('"', '""') + '"'
    return '"' + name.replace('"', '""') + '"'


def sql_text(text: str) -> str:
    """A quoted SQL literal for text without backslashes of its own meaning."""
    return (
        "'" + text.replace("\\", "\\\\").replace("'", "''") + "'"
        if "\\" in text
        else "'" + text.replace("'", "''") + "'"
    )


def comment(text: str) -> str:
    """Text for a comment of one line: nothing ends it early, in SQL, YAML, shells or Python."""
    flat = "".join(c if c.isprintable() else " " for c in text)
    return flat.replace("*/", "* /").replace("-->", "-- >").replace("\\", "/")[:200]


def shell_word(text: str) -> str:
    """A word that a POSIX shell reads as it is."""
    return "'" + text.replace("'", "'\\''") + "'"


def json_text(text: str) -> str:
    """A quoted text of JSON and JavaScript."""
    return json.dumps(text)


def as_json(value: object) -> str:
    """JSON text with a final newline; keys keep their order."""
    return json.dumps(value, ensure_ascii=False, indent=2) + "\n"


def variable(*parts: str) -> str:
    """Name of an environment variable."""
    return "_".join(part.upper() for part in parts)

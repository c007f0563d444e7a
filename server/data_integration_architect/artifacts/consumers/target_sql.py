"""Tables of another database or a warehouse, by the guarded statement in the file that is named.

A warehouse merges a batch in one statement, for each takes it seconds: what stands between the two marks of the file is
said once for each row. Elsewhere the statement runs once for each row.
"""

from __future__ import annotations

import importlib
import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from .change import Change, whole

MARKED = re.compile(r"^-- each row[^\n]*\n(.*?)^-- end of the rows\n", re.MULTILINE | re.DOTALL)
# Snowflake's driver writes the values into the text, of which the server takes 1 MB; BigQuery takes 10,000 parameters.
MOST_ROWS, MOST_CHARACTERS = 500, 300_000


class SqlTarget:
    def __init__(self, settings: Mapping[str, Any]) -> None:
        here = Path(__file__).parent.parent
        self.statement = (here / settings["statement"]).read_text(encoding="utf-8")
        self.stored = settings["stored"]
        self.driver = importlib.import_module(os.environ.get(settings["driver_from"]) or settings["driver"])
        self.arguments = json.loads(os.environ[settings["connection_from"]])
        self.connection: Any = None

    def apply(self, changes: Sequence[Change]) -> None:
        """Merges all rows in one transaction. Raises: the driver's Error."""
        try:
            if self.connection is None:
                self.connection = self.driver.connect(**self.arguments)
            cursor = self.connection.cursor()
            rows = [self._values(cursor, change) for change in changes]
            for statement, values in statements(self.statement, rows):
                cursor.execute(statement, values)
            self.connection.commit()
            cursor.close()
        except Exception:
            broken, self.connection = self.connection, None
            if broken is not None:
                _close(broken)
            raise

    def _values(self, cursor: Any, change: Change) -> dict[str, Any]:
        row = None
        if change.document is not None:
            row = json.dumps(whole(change, self._stored(cursor, change) if change.unchanged else {}))
        return {"key": change.key, "version": change.version, "deleted": row is None, "row": row}

    def _stored(self, cursor: Any, change: Change) -> dict[str, Any]:
        cursor.execute(self.stored, {"key": change.key})
        found = cursor.fetchone()
        return dict(json.loads(found[0])) if found and found[0] else {}


def statements(text: str, rows: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Statements with their values, which together say all rows; `text` has marks where it takes many at once."""
    marked = MARKED.search(text)
    if marked is None:
        yield from ((text, dict(row)) for row in rows)
        return
    for batch in _batches(rows):
        parts = [re.sub(r"%\((\w+)", rf"%(\g<1>_{number}", marked[1]) for number in range(len(batch))]
        values = {f"{name}_{number}": value for number, row in enumerate(batch) for name, value in row.items()}
        yield text[: marked.start()] + "UNION ALL\n".join(parts) + text[marked.end() :], values


def _batches(rows: Sequence[Mapping[str, Any]]) -> Iterator[list[Mapping[str, Any]]]:
    batch: list[Mapping[str, Any]] = []
    size = 0
    for row in rows:
        length = len(row["row"] or "") + len(row["key"])
        if batch and (len(batch) == MOST_ROWS or size + length > MOST_CHARACTERS):
            yield batch
            batch, size = [], 0
        batch.append(row)
        size += length
    if batch:
        yield batch


def _close(connection: Any) -> None:
    """A connection that broke may refuse even to be closed; its transaction is rolled back by the server."""
    try:
        connection.close()
    except Exception as error:
        print(f"closing a broken connection: {error}", flush=True)

"""Tables of another database or a warehouse: one guarded statement per row, the one in the file that is named."""

from __future__ import annotations

import importlib
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from .change import Change, whole


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
            for change in changes:
                row = None
                if change.document is not None:
                    row = json.dumps(whole(change, self._stored(cursor, change) if change.unchanged else {}))
                values = {"key": change.key, "version": change.version, "deleted": row is None, "row": row}
                cursor.execute(self.statement, values)
            self.connection.commit()
            cursor.close()
        except Exception:
            broken, self.connection = self.connection, None
            if broken is not None:
                _close(broken)
            raise

    def _stored(self, cursor: Any, change: Change) -> dict[str, Any]:
        cursor.execute(self.stored, {"key": change.key})
        found = cursor.fetchone()
        return dict(json.loads(found[0])) if found and found[0] else {}


def _close(connection: Any) -> None:
    """A connection that broke may refuse even to be closed; its transaction is rolled back by the server."""
    try:
        connection.close()
    except Exception as error:
        print(f"closing a broken connection: {error}", flush=True)

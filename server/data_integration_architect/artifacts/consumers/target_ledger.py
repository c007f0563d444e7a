"""One side of an operation on amounts, exactly once: remember the request, change the amount, tell the next side.

All in one transaction of the database that owns the amount. A repeated request finds itself remembered and changes
nothing; a crash before the commit leaves nothing, and the record comes again.
"""

from __future__ import annotations

import importlib
import json
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from .change import Change, NotReadable


class LedgerTarget:
    def __init__(self, settings: Mapping[str, Any]) -> None:
        here = Path(__file__).parent.parent
        self.statements = named_statements((here / settings["statements"]).read_text(encoding="utf-8"))
        self.driver = importlib.import_module(os.environ.get(settings["driver_from"]) or settings["driver"])
        self.arguments = json.loads(os.environ[settings["connection_from"]])
        self.connection: Any = None

    def apply(self, changes: Sequence[Change]) -> None:
        """Handles each request in a transaction of its own, in order. Raises: the driver's Error, NotReadable."""
        for change in changes:
            self.handle(request_of(change.document))

    def handle(self, request: Mapping[str, Any]) -> str:
        """What became of one request: `accepted`, `rejected`, or `repeated`. Raises: the driver's Error."""
        try:
            if self.connection is None:
                self.connection = self.driver.connect(**self.arguments)
            cursor = self.connection.cursor()
            outcome = self._in_transaction(cursor, request)
            self.connection.commit()
            cursor.close()
            return outcome
        except Exception:
            self.close()
            raise

    def close(self) -> None:
        """Ends the connection; what it had not committed is undone by the database."""
        connection, self.connection = self.connection, None
        if connection is not None:
            try:
                connection.close()
            except Exception as error:
                print(f"closing a broken connection: {error}", flush=True)

    def _in_transaction(self, cursor: Any, request: Mapping[str, Any]) -> str:
        cursor.execute(self.statements["remember"], request)
        if cursor.rowcount == 0:
            return "repeated"
        cursor.execute(self.statements["change"], request)
        if cursor.rowcount == 0:
            cursor.execute(self.statements["reject"], request)
            return "rejected"
        if "tell" in self.statements:
            cursor.execute(self.statements["tell"], {**request, "payload": json.dumps(dict(request))})
        return "accepted"


def request_of(document: Mapping[str, Any] | None) -> dict[str, Any]:
    """The fields of a request. Raises: NotReadable."""
    try:
        found = {name: document[name] for name in ("request_id", "from", "to", "amount")}  # type: ignore[index]
    except (KeyError, TypeError) as error:
        raise NotReadable(f"a request without {error}") from None
    if not isinstance(found["amount"], int) or found["amount"] <= 0:
        raise NotReadable("a request whose amount is no positive whole number")
    return found


def named_statements(text: str) -> dict[str, str]:
    """Statements after lines `-- name: NAME`."""
    parts = re.split(r"^-- name: (\w+)\n", text, flags=re.MULTILINE)
    return {name: statement.strip().rstrip(";") for name, statement in zip(parts[1::2], parts[2::2], strict=True)}

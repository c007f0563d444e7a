"""Elasticsearch and OpenSearch: one document per row under external versions.

A deletion leaves a document with its version and a mark, and the alias that readers use filters it out: the engine
itself forgets the version of a deleted document after a minute, and would then accept an older one.
"""

from __future__ import annotations

import base64
import hashlib
import http.client
import json
import os
import urllib.parse
from collections.abc import Mapping, Sequence
from typing import Any

from .change import Change, whole

LONGEST_ID_BYTES = 512
OLDER = 409


class SearchTarget:
    def __init__(self, settings: Mapping[str, Any]) -> None:
        self.index = settings["index"]
        address = urllib.parse.urlsplit(os.environ[settings["url_from"]])
        self.connection_class = http.client.HTTPSConnection if address.scheme == "https" else http.client.HTTPConnection
        self.host, self.port = address.hostname or "localhost", address.port or 9200
        self.headers = {"Content-Type": "application/x-ndjson"}
        password = os.environ.get(settings["password_from"], "")
        if password:
            token = base64.b64encode(f"{os.environ.get(settings['user_from'], '')}:{password}".encode()).decode()
            self.headers["Authorization"] = f"Basic {token}"

    def apply(self, changes: Sequence[Change]) -> None:
        """Indexes all changes; older ones are refused by the engine. Raises: OSError, RuntimeError."""
        lines: list[str] = []
        for change in changes:
            row = None if change.document is None else whole(change, self._stored(change) if change.unchanged else {})
            action = {"_index": self.index, "_id": document_id(change.key), "version": change.version}
            lines.append(json.dumps({"index": {**action, "version_type": "external"}}))
            lines.append(json.dumps({"key": change.key, "deleted": row is None, "row": row}))
        answer = self.request("POST", "/_bulk", "\n".join(lines) + "\n")
        refused = [item["index"] for item in answer["items"] if item["index"]["status"] not in {200, 201, OLDER}]
        if refused:
            raise RuntimeError(f"{len(refused)} of {len(changes)} documents refused: {refused[0]['error']}")

    def _stored(self, change: Change) -> dict[str, Any]:
        found = self.request("GET", f"/{self.index}/_doc/{urllib.parse.quote(document_id(change.key), safe='')}")
        return dict((found.get("_source") or {}).get("row") or {})

    def request(self, method: str, path: str, body: str | None = None) -> Any:
        connection = self.connection_class(self.host, self.port, timeout=30)
        try:
            connection.request(method, path, None if body is None else body.encode(), self.headers)
            response = connection.getresponse()
            text = response.read()
            if response.status >= 400 and response.status != 404:
                raise RuntimeError(f"{method} {path}: {response.status} {text[:300]!r}")
            return json.loads(text)
        except http.client.HTTPException as error:
            raise OSError(str(error)) from error
        finally:
            connection.close()


def document_id(key: str) -> str:
    """The key itself, or its digest where the engine would refuse so long an id."""
    return key if len(key.encode()) <= LONGEST_ID_BYTES else hashlib.sha256(key.encode()).hexdigest()

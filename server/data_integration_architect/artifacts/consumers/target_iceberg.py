"""An Iceberg table with one row per key: a batch is merged in one commit, in which only newer versions replace.

A deletion leaves a row that is marked, so that an older record finds its version. Each commit makes files: the larger
the batches, the fewer. Run the table's maintenance (expire snapshots, rewrite data files) on a schedule.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa
from pyiceberg.catalog import load_catalog
from pyiceberg.exceptions import CommitFailedException
from pyiceberg.expressions import In

from .change import Change, whole

ROWS = pa.schema(
    [
        pa.field("row_key", pa.string(), nullable=False),
        pa.field("version", pa.int64(), nullable=False),
        pa.field("deleted", pa.bool_(), nullable=False),
        pa.field("row_data", pa.string()),
    ]
)
MOST_TRIES = 10


class IcebergTarget:
    def __init__(self, settings: Mapping[str, Any]) -> None:
        self.catalog = load_catalog(settings["catalog"], **json.loads(os.environ[settings["catalog_from"]]))
        self.catalog.create_namespace_if_not_exists(settings["namespace"])
        self.name = (settings["namespace"], settings["table"])
        self.catalog.create_table_if_not_exists(self.name, ROWS)

    def apply(self, changes: Sequence[Change]) -> None:
        """Merges what is newer than the table has. Raises: pyiceberg's exceptions, OSError."""
        for _ in range(MOST_TRIES):
            # Loaded anew: what is compared below is the snapshot that the commit is made upon.
            table = self.catalog.load_table(self.name)
            stored = {
                row["row_key"]: row
                for row in table.scan(row_filter=In("row_key", {c.key for c in changes})).to_arrow().to_pylist()
            }
            rows = [
                _row(change, stored.get(change.key))
                for change in changes
                if change.key not in stored or stored[change.key]["version"] < change.version
            ]
            if not rows:
                return
            try:
                table.upsert(pa.Table.from_pylist(rows, schema=ROWS), join_cols=["row_key"])
                return
            except CommitFailedException:
                continue  # another writer committed first
        raise OSError(f"{self.name[1]}: another writer was faster {MOST_TRIES} times")


def _row(change: Change, stored: Mapping[str, Any] | None) -> dict[str, Any]:
    row = None
    if change.document is not None:
        row = whole(change, json.loads((stored or {}).get("row_data") or "{}") if change.unchanged else {})
    data = None if row is None else json.dumps(row)
    return {"row_key": change.key, "version": change.version, "deleted": row is None, "row_data": data}

"""What one record says of one row: its key, the version of its state, and the state or that it is gone."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

# What Debezium writes in place of a large value that an update did not change.
UNAVAILABLE = "__debezium_unavailable_value"
# Smaller than the position of any change.
FROM_SNAPSHOT = 1


class NotReadable(Exception):
    """A record that cannot become a change: the topic holds something else than the schema says."""


@dataclass(frozen=True)
class Change:
    key: str
    version: int
    """Larger means newer for the same key."""
    document: Mapping[str, Any] | None
    """The whole row; None where it was deleted."""
    unchanged: tuple[str, ...] = ()
    """Columns whose value is not in the record because it did not change."""


def read_change(
    key: bytes | None, value: bytes | None, headers: Mapping[str, bytes], version_from: str
) -> Change | None:
    """The change in a record; None for records that change nothing. Raises: NotReadable.

    `version_from` tells where the version stands: `lsn` (PostgreSQL), `binlog` (MySQL, MariaDB), `lsn-pair` (SQL
    Server), `scn` (Oracle), `order` (MongoDB), `header` (the outbox row's own sequence number), or `none` (requests:
    each stands for itself).
    """
    if value is None:
        # A tombstone follows the deletion that it stands for; that one has the version.
        return None
    try:
        record = json.loads(value)
        if version_from == "none":
            return Change((key or b"").decode(), 0, record)
        fields = json.loads(key or b"null")
        if version_from == "order":
            fields = {"_id": plain(json.loads(fields["id"]))}
        name = key_of(fields.values() if isinstance(fields, dict) else [fields])
        if version_from == "header":
            kind = headers.get("change", b"upsert")
            return Change(name, int(headers["version"]), None if kind == b"delete" else record)
        if record["op"] not in {"c", "u", "d", "r"}:
            return None
        # A row of a snapshot was read before changes whose position may be smaller than that of the reading: it fills
        # in what is missing, and never replaces what the stream brought.
        version = FROM_SNAPSHOT if record["op"] == "r" else _version(record["source"], version_from)
        after = record["after"]
        if isinstance(after, str):
            after = plain(json.loads(after))
        if record["op"] == "d" or after is None:
            return Change(name, version, None)
        unchanged = tuple(sorted(column for column, content in after.items() if content == UNAVAILABLE))
        return Change(name, version, {c: v for c, v in after.items() if c not in unchanged}, unchanged)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise NotReadable(f"{type(error).__name__}: {error}") from None


def key_of(fields: Iterable[Any]) -> str:
    """One text for a key of one or more fields; different keys have different texts."""
    values = list(fields)
    if len(values) == 1 and isinstance(values[0], str | int):
        return str(values[0])
    return json.dumps(values, ensure_ascii=False, separators=(",", ":"))


def plain(value: Any) -> Any:
    """A value of MongoDB's extended JSON as JSON alone: ids and decimals are texts, long numbers are numbers."""
    if isinstance(value, list):
        return [plain(one) for one in value]
    if not isinstance(value, dict):
        return value
    if len(value) == 1:
        kind, content = next(iter(value.items()))
        if kind == "$numberLong":
            return int(content)
        if kind in {"$oid", "$numberDecimal"}:
            return str(content)
    return {name: plain(one) for name, one in value.items()}


def _version(source: Mapping[str, Any], version_from: str) -> int:
    if version_from == "lsn":
        return int(source["lsn"])
    if version_from == "binlog":
        # Files are numbered and positions start anew in each: 32 bits hold the longest file.
        return int(str(source["file"]).rpartition(".")[2]) << 32 | int(source["pos"])
    if version_from == "lsn-pair":
        # 00000025:00000d98:0003 is file, block of 512 bytes and row of the block: files to 8 GiB, in 63 bits together.
        first, second, third = (int(part, 16) for part in str(source["change_lsn"] or source["commit_lsn"]).split(":"))
        if second >= 1 << 24 or third >= 1 << 12:
            raise ValueError(f"position {source['change_lsn']}: too large to be a version")
        return first << 36 | second << 12 | third
    if version_from == "scn":
        return int(source["scn"])
    if version_from == "order":
        return int(source["ts_ms"]) // 1000 << 24 | int(source["ord"])
    raise ValueError(f"version_from {version_from}: unknown")


def newest(changes: Sequence[Change]) -> list[Change]:
    """One change for each key, the newest; columns that it leaves out are taken from the one before."""
    result: dict[str, Change] = {}
    for change in changes:
        before = result.get(change.key)
        if before is not None and before.version >= change.version:
            continue
        if before is not None and change.unchanged and before.document is not None and change.document is not None:
            known = {c: before.document[c] for c in change.unchanged if c in before.document}
            left = tuple(c for c in change.unchanged if c not in known)
            change = Change(change.key, change.version, {**known, **change.document}, left)
        result[change.key] = change
    return list(result.values())


def whole(change: Change, stored: Mapping[str, Any]) -> dict[str, Any]:
    """The row of a change; columns that the record leaves out are those that are stored."""
    known = {column: stored[column] for column in change.unchanged if column in stored}
    return {**(change.document or {}), **known}

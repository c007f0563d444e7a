"""The word of the format that somebody meant."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping

from data_integration_architect.topology.base import NONE

# Words that people use for words of the format: the first one that is allowed at a place is meant there.
MEANT: Mapping[str, tuple[str, ...]] = {
    # attributes
    "store": ("stores", "reads", "in", "system_of_record"), "database": ("stores",), "databases": ("stores",),
    "systems": ("stores",),
    "db": ("technology",), "type": ("technology", "kind"), "product": ("technology",), "engine": ("technology",),
    "services": ("processes",), "service": ("processes",), "workers": ("instances",), "replicas": ("instances",),
    "topics": ("channels",), "queues": ("channels",), "topic": ("append", "consume", "channels"),
    "queue": ("append", "consume", "channels"), "entity": ("carries",), "entities": ("carries", "entity"),
    "primary_key": ("key",), "id": ("key",), "pk": ("key",), "owner": ("system_of_record",),
    "source_of_truth": ("system_of_record",), "source": ("from", "changes"), "target": ("to",), "sink": ("to",),
    "changes": ("from",), "consume": ("from",), "schedule": ("every",), "cron": ("every",), "interval": ("every",),
    "period": ("every",), "cdc": ("log", "changes"), "http": ("request", "call"), "subscribe": ("consume",),
    "publish": ("append",), "send": ("append",), "emit": ("append",), "produce": ("append",), "enqueue": ("append",),
    "insert": ("write",), "update": ("replace", "write"), "upsert": ("replace", "write"), "save": ("write",),
    "select": ("read",), "query": ("read",), "get": ("read",), "tx": ("transaction",), "begin": ("transaction",),
    "ttl": ("expiry",), "partition_key": ("message_key",), "max_staleness": ("tolerates",),
    # values
    "money": ("billing",), "payment": ("billing",), "payments": ("billing",), "price": ("billing",),
    "permission": ("access",), "permissions": ("access",), "inventory": ("stock",), "asynchronous": ("async",),
    "synchronous": ("sync",), "search": ("full-text",), "lookup": ("point",), "wal": ("log",), "binlog": ("log",),
    "slow": ("stale",), "lag": ("stale",), "lost": ("missing",), "duplicated": ("duplicate",), "lww":
    ("last-write-wins",), "production": ("existing",), "prod": ("existing",), "new": ("greenfield",), "email":
    ("notify",), "refund": ("payout",), "whole": ("full",), "key": ("id-only", "message_key"), "several": ("many",),
    "commit_position": ("commit-order",), "commit_order": ("commit-position",),
    "multiple": ("many",), "never": (NONE,), "no": (NONE, "never"),
}  # fmt: skip
MOST_COMPARED = 500


def nearest(word: str, allowed: Iterable[str]) -> str | None:
    """The allowed word that `word` is a spelling, another name or a misspelling of; None where nothing is near."""
    names = sorted(set(allowed))
    plain = _plain(word)
    same = [name for name in names if _plain(name) == plain]
    meant = [name for name in MEANT.get(plain.replace("-", "_"), ()) if name in names]
    if same or meant:
        return (same or meant)[0]
    # Comparing costs time per pair; among very many names nobody is helped by the nearest.
    near = difflib.get_close_matches(plain[:80], names[:MOST_COMPARED], n=1, cutoff=0.6)
    # To say that something is known not to be is another fact, not another spelling.
    if near and near[0] == NONE and difflib.SequenceMatcher(None, plain, NONE).ratio() < 0.75:
        return None
    return near[0] if near else None


def is_another_name(word: str, name: str) -> bool:
    """Whether people say `word` where the format says `name`."""
    return name in MEANT.get(_plain(word).replace("-", "_"), ())


def _plain(word: str) -> str:
    return "-".join(word.lower().replace("_", " ").replace("-", " ").split())

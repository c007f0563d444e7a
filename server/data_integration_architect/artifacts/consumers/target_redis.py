"""Redis: one hash per row with its version; a script compares and sets in one step."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from typing import Any

import redis

from .change import Change, whole

# Versions have 20 digits, so that comparing texts compares numbers: Lua's own numbers lose digits above 2^53.
SET_IF_NEWER = """
local stored = redis.call('HGET', KEYS[1], 'version')
if stored and stored >= ARGV[1] then return 0 end
if ARGV[2] == '' then
  redis.call('HDEL', KEYS[1], 'row')
  redis.call('HSET', KEYS[1], 'version', ARGV[1], 'deleted', '1')
  redis.call('PEXPIRE', KEYS[1], ARGV[3])
else
  redis.call('HDEL', KEYS[1], 'deleted')
  redis.call('HSET', KEYS[1], 'version', ARGV[1], 'row', ARGV[2])
  if ARGV[4] == '0' then redis.call('PERSIST', KEYS[1]) else redis.call('PEXPIRE', KEYS[1], ARGV[4]) end
end
return 1
"""


class RedisTarget:
    def __init__(self, settings: Mapping[str, Any]) -> None:
        self.prefix = settings["prefix"]
        self.tombstone_ms = int(settings["tombstone_ms"])
        self.expiry_ms = int(settings["expiry_ms"])
        self.client = redis.Redis.from_url(
            os.environ[settings["url_from"]], socket_timeout=10, socket_connect_timeout=5, decode_responses=True
        )
        self.script = self.client.register_script(SET_IF_NEWER)

    def apply(self, changes: Sequence[Change]) -> None:
        """Sets all rows that are newer than what is stored. Raises: redis.RedisError."""
        for change in changes:
            row = ""
            if change.document is not None:
                row = json.dumps(whole(change, self._stored(change) if change.unchanged else {}), ensure_ascii=False)
            arguments: list[str | int] = [f"{change.version:020d}", row, self.tombstone_ms, self.expiry_ms]
            self.script(keys=[self.prefix + change.key], args=arguments)

    def _stored(self, change: Change) -> dict[str, Any]:
        return dict(json.loads(str(self.client.hget(self.prefix + change.key, "row") or "{}")))

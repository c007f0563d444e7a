"""A delivered consumer that writes down what it was handed, record by record: `python watched.py SETTINGS RECORD`.

The consumer's code runs as it is delivered, with batches of one record. Each line of the record file is one record: its
key, its version, and when handling it began; a second line says when it had ended.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import time
from collections.abc import Mapping
from typing import Any

# The observer looks at the store in between.
PAUSE_SECONDS = 0.1


def watch(consume: Any, place: str) -> None:
    """Puts the notes around the function that handles a batch."""
    handle = consume._handled
    watched = os.environ["WATCHED_KEYS"]
    file = os.open(place, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

    def note(**content: Any) -> None:
        os.write(file, (json.dumps(content) + "\n").encode())

    def handled(records: list[Any], settings: Mapping[str, Any], *rest: Any) -> bool:
        for record in records:
            change = consume._read(record, settings)
            is_watched = change is not None and change.key.startswith(watched)
            if is_watched:
                note(key=change.key, version=change.version, begun=time.monotonic_ns())
            if not handle([record], settings, *rest):
                return False
            if is_watched:
                note(key=change.key, version=change.version, ended=time.monotonic_ns())
                time.sleep(PAUSE_SECONDS)
        return True

    consume._handled = handled


if __name__ == "__main__":
    sys.path.insert(0, os.getcwd())
    delivered = importlib.import_module("consumers.consume")
    watch(delivered, sys.argv[2])
    delivered.main(sys.argv[1])

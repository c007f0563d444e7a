"""An entry of a cache that is a lock copies nothing, whatever call makes it."""

from __future__ import annotations

import pytest
from code_samples import found, scan_files

CODE = """\
    import psycopg2
    import redis

    db = psycopg2.connect("")
    cache = redis.Redis()

    def {name}(key, who):
        cache.set(key, who)

    def edit(order):
        {name}("edit", order)
        db.cursor().execute("UPDATE orders SET state = 'x'")
        db.commit()
    """


@pytest.mark.parametrize(("name", "dual"), [("_document_lock", False), ("take_lock", False), ("rate_limit", False),
                                            ("remember", True), ("set_clock", True), ("block_user", True)])  # fmt: skip
def test_what_is_called_a_lock_is_one(name: str, dual: bool) -> None:
    result = scan_files({"requirements.txt": "psycopg2\nredis\n", "app.py": CODE.format(name=name)})
    assert bool(found(result)) is dual

"""What must hold on either retailer: as shipped, and with MariaDB as system of record and a Redis cache."""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from data_integration_architect.lab.faults import Fault
from data_integration_architect.lab.load import Load, settle
from data_integration_architect.lab.process import wait_until
from data_integration_architect.lab.recording import Recording
from data_integration_architect.lab.sql import Sql
from data_integration_architect.lab.stack import Stack
from stack_support import assert_accepted, assert_clean, assert_equal, is_rejected, source, without_guard


@dataclass(frozen=True)
class Shop:
    """A running retailer, and the store and schema of its system of record."""

    stack: Stack
    store: str
    schema: str


# Store, schema, and the words of the example that are others.
SHOPS: dict[str, tuple[str, str, list[tuple[str, str]]]] = {
    "postgresql": ("postgres", "public", []),
    "mariadb": (
        "maria",
        "maria",
        [
            ("technology: postgresql", "technology: mariadb"), ("postgres", "maria"),
            ("technology: snowflake", "technology: redis"), ("warehouse", "cache"),
        ],
    ),
}  # fmt: skip


def of_fault(recordings: Sequence[Recording], word: str) -> list[Recording]:
    return [one for one in recordings if word in one.fault]


def _beats(sql: Sql) -> list[tuple[object, ...]]:
    found = sql.execute("SELECT beat_at FROM capture_heartbeat")
    sql.commit()
    return found


class ShopTests:
    """A module says which shop (`SHOP`), what is recorded there (`recorded_of`) and its faults (`faults_of`)."""

    def test_inserts_updates_deletes_and_large_values_arrive(self, shop: Shop) -> None:
        load = Load(shop.stack, seed=1)
        load.run(150)
        assert load.counts.committed > 200 and load.counts.rolled_back > 5
        assert_equal(shop.stack)
        rows = {r.to_data()["name"]: r.to_data()["rows"] for r in settle(shop.stack, 5)}
        assert len(rows) >= 3 and all(count > 10 for count in rows.values()), rows

    def test_the_connector_beats(self, shop: Shop) -> None:
        """Its own row is written and no beat failed: each that fails ends the connector, which then starts anew."""
        sql = source(shop.stack, shop.store)
        wait_until(lambda: bool(_beats(sql)), 60, "a heartbeat in its table")
        sql.close()
        log = shop.stack.servers["connect"].program.log.read_text(encoding="utf-8", errors="replace")
        assert "Could not execute heartbeat" not in log

    def test_a_new_column_and_a_backfill_while_writing(self, shop: Shop) -> None:
        """A column is added and all tables are sent again while clients write: rows that nobody writes since have the
        column only from the backfill."""
        sql = source(shop.stack, shop.store)
        sql.execute("ALTER TABLE product ADD COLUMN IF NOT EXISTS colour varchar(20) DEFAULT 'blue'")
        sql.commit()
        load = Load(shop.stack, seed=2)
        writing = threading.Thread(target=load.run, args=(150,))
        writing.start()
        collections = [f"{shop.schema}.{table}" for table in ("product", "inventory", "order")]
        order = json.dumps({"type": "incremental", "data-collections": collections})
        ask = "INSERT INTO capture_signal (id, type, data) VALUES ('backfill-1', 'execute-snapshot', %s)"
        sql.execute(ask, (order,))
        sql.commit()
        writing.join(120)
        assert not writing.is_alive()
        assert_equal(shop.stack, 90)
        sql.close()

    def test_a_large_value_that_an_update_leaves_alone_stays(self, shop: Shop) -> None:
        """A value large enough to be stored apart, then an update of another column, which brings no such value."""
        sql = source(shop.stack, shop.store)
        large = "".join(Random(5).choices("abcdefgh", k=20_000))
        for row in ({"body": large, "revision": 1}, {"amount": 7, "revision": 2}, {"amount": 8, "revision": 3}):
            sql.upsert("product", ["product_id"], {"product_id": "large", **row})
            sql.commit()
            assert_equal(shop.stack)
        assert sql.execute("SELECT body, amount FROM product WHERE product_id = 'large'") == [(large, 8)]
        sql.close()

    def test_the_model_admits_what_the_engines_did(self, recordings: list[Recording]) -> None:
        assert_accepted(recordings)

    def test_a_model_without_the_version_guard_is_rejected(self, shop: Shop, recordings: list[Recording]) -> None:
        repeated = of_fault(recordings, "duplicate")
        assert repeated and all(is_rejected(shop.stack, one, without_guard) for one in repeated)

    def test_the_retailer_survives_faults(self, shop: Shop, faults: list[Fault]) -> None:
        assert_clean(shop.stack, faults, 11)

"""Whole designs on real engines: rows arrive, damage is seen, and faults leave no difference."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from data_integration_architect.lab.engines import get_json
from data_integration_architect.lab.faults import Fault
from data_integration_architect.lab.load import Load, settle
from data_integration_architect.lab.sql import Sql
from data_integration_architect.lab.stack import Stack
from stack_support import assert_clean

pytestmark = pytest.mark.stack

RECORD = Path(os.environ.get("STACK_TEST_RECORD", os.devnull))


def source(stack: Stack, store: str) -> Sql:
    server = stack.server_of(store)
    return Sql(server.engine, server.port, store)


def assert_equal(stack: Stack, seconds: float = 60) -> None:
    results = settle(stack, seconds)
    assert all(r.is_equal for r in results), [r.to_data() for r in results if not r.is_equal]


def every(targets: list[str], kind: str, steps: range | list[int]) -> list[Fault]:
    return [Fault(kind, target, step) for target in targets for step in steps]


# The retailer


def test_inserts_updates_deletes_and_large_values_arrive(retailer: Stack) -> None:
    load = Load(retailer, seed=1)
    load.run(150)
    assert load.counts.committed > 200 and load.counts.rolled_back > 5
    assert_equal(retailer)
    rows = {r.to_data()["name"]: r.to_data()["rows"] for r in settle(retailer, 5)}
    assert all(rows[name] > 10 for name in ("search_product", "search_inventory", "warehouse_order"))


def test_records_match_their_schemas(retailer: Stack) -> None:
    from confluent_kafka import Consumer

    topics = [p.name.removesuffix(".value.json") for p in (retailer.design / "schemas").glob("*.value.json")]
    schemas = {
        (topic, part): json.loads((retailer.design / "schemas" / f"{topic}.{part}.json").read_text(encoding="utf-8"))
        for topic in topics
        for part in ("key", "value")
    }
    reader = Consumer(
        {"bootstrap.servers": retailer.servers_address, "group.id": "schemas", "auto.offset.reset": "earliest"}
    )
    reader.subscribe(topics)
    seen = 0
    while True:
        records = reader.consume(500, 3.0)
        if not records:
            break
        for record in records:
            jsonschema.validate(json.loads(record.value()), schemas[record.topic(), "value"])
            jsonschema.validate(json.loads(record.key()), schemas[record.topic(), "key"])
            seen += 1
    reader.close()
    assert seen > 200


def test_damage_is_seen_with_its_keys(retailer: Stack) -> None:
    """The comparison can fail: one row of each kind is damaged behind the design's back, seen, and mended."""
    warehouse, shop = source(retailer, "warehouse"), source(retailer, "postgres")
    keys = [k for (k,) in warehouse.execute("SELECT row_key FROM product WHERE NOT deleted ORDER BY row_key LIMIT 3")]
    before = warehouse.execute(
        "SELECT row_key, version, deleted, row_data FROM product WHERE row_key = ANY(%s)", (keys,)
    )
    older = json.loads(next(r[3] for r in before if r[0] == keys[1]))
    older["revision"] = 0
    other = {**json.loads(next(r[3] for r in before if r[0] == keys[2])), "body": "otherwise", "amount": -1}
    warehouse.execute("DELETE FROM product WHERE row_key = %s", (keys[0],))
    warehouse.execute("UPDATE product SET row_data = %s WHERE row_key = %s", (json.dumps(older), keys[1]))
    warehouse.execute("UPDATE product SET row_data = %s WHERE row_key = %s", (json.dumps(other), keys[2]))
    warehouse.execute("INSERT INTO product VALUES ('nobody', 1, false, '{}')")
    warehouse.commit()
    found = {r.to_data()["name"]: r.to_data() for r in settle(retailer, 2)}["warehouse_product"]
    assert [found[k]["keys"] for k in ("lost", "reverted", "diverged", "left_over")] == [
        [keys[0]], [keys[1]], [keys[2]], ["nobody"],
    ]  # fmt: skip
    answer = reconcile(retailer, "warehouse_product")
    assert answer.returncode == 1 and keys[0] in answer.stdout and "nobody" in answer.stdout
    warehouse.execute("DELETE FROM product WHERE row_key = ANY(%s)", ([*keys, "nobody"],))
    for row in before:
        warehouse.execute("INSERT INTO product VALUES (%s, %s, %s, %s)", row)
    warehouse.commit()
    assert_equal(retailer)
    assert reconcile(retailer).returncode == 0
    warehouse.close()
    shop.close()


def reconcile(stack: Stack, *sinks: str) -> subprocess.CompletedProcess[str]:
    """The delivered script, with the addresses of the lab."""
    server = stack.server_of("postgres")
    there = {"host": "127.0.0.1", "port": server.port, "user": "postgres", "dbname": "postgres"}
    environment = {**os.environ, **stack.environment, "POSTGRES_CONNECTION": json.dumps(there), "LAG_SECONDS": "1"}
    return subprocess.run(
        [sys.executable, str(stack.design / "operate" / "reconcile.py"), *sinks], env=environment, capture_output=True,
        text=True, timeout=60, check=False,
    )  # fmt: skip


def test_a_new_column_and_a_backfill_while_writing(retailer: Stack) -> None:
    shop = source(retailer, "postgres")
    shop.execute("ALTER TABLE product ADD COLUMN IF NOT EXISTS colour text")
    shop.commit()
    load = Load(retailer, seed=2)
    writing = threading.Thread(target=load.run, args=(150,))
    writing.start()
    shop.execute(
        "INSERT INTO capture_signal (id, type, data) VALUES ('backfill-1', 'execute-snapshot', %s)",
        (
            json.dumps(
                {"type": "incremental", "data-collections": ["public.product", "public.inventory", "public.order"]}
            ),
        ),
    )
    shop.commit()
    writing.join()
    # Rows that were not written since have the new column only from the backfill.
    assert_equal(retailer, 90)
    shop.close()


def test_the_connector_restarts_under_the_configuration_that_is_there(retailer: Stack) -> None:
    answer = get_json(retailer.servers["connect"].port, "/connectors/postgres/config")
    assert answer["database.password"].startswith("${env:"), "the worker keeps the placeholder, not the secret"


def test_the_retailer_survives_faults(retailer: Stack) -> None:
    consumers = sorted(retailer.consumers)
    faults = every(consumers, "kill", range(0, 20, 2))
    faults += every(["postgres", "warehouse"], "kill", range(0, 20, 4))
    faults += every(["search", "kafka", "connect"], "kill", [4, 14])
    faults += every(["postgres", "warehouse", "search", "kafka"], "cut", [3, 9, 15])
    faults += every(consumers, "pause", [5]) + every(["postgres", "connect", "kafka"], "pause", [10])
    faults += every(consumers, "duplicate", [2, 6, 10, 14]) + every(consumers, "reorder", [2, 6, 10, 14])
    faults += every(consumers[:1], "lag", [5])
    assert_clean(retailer, faults, 11, RECORD)


# MariaDB and Redis


def test_the_retailer_on_mariadb_survives_faults(retailer_on_mariadb: Stack) -> None:
    stack = retailer_on_mariadb
    Load(stack, seed=1).run(100)
    assert_equal(stack)
    consumers = sorted(stack.consumers)
    faults = every(consumers, "kill", [0, 4, 8, 12]) + every(["maria", "cache"], "kill", range(0, 20, 5))
    faults += every(["connect", "search", "kafka"], "kill", [10]) + every(
        ["maria", "cache", "search", "kafka"], "cut", [8]
    )
    faults += every(consumers, "duplicate", [5, 15]) + every(consumers, "reorder", [5, 15])
    assert_clean(stack, faults, 12, RECORD)


# Transfers


def test_transfers_survive_faults(transfer: Stack) -> None:
    Load(transfer, seed=1).run(150)
    assert_equal(transfer)
    answer: dict[str, Any] = settle(transfer, 5)[0].to_data()
    assert answer["accepted"] > 50 and answer["rejected"] > 5
    consumers = sorted(transfer.consumers)
    faults = every(consumers, "kill", range(0, 20, 2)) + every(["accounts_a", "accounts_b"], "kill", range(0, 20, 2))
    faults += every(["connect", "kafka"], "kill", [10])
    faults += every(["accounts_a", "accounts_b", "kafka"], "cut", [4, 12])
    faults += every(consumers, "duplicate", [5, 15]) + every(consumers, "pause", [8])
    assert_clean(transfer, faults, 13, RECORD)

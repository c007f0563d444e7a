"""The retailer on real engines: rows arrive, damage is seen, faults leave no difference, the model admits it all."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

import jsonschema
import pytest

from data_integration_architect.lab.engines import get_json
from data_integration_architect.lab.faults import Fault
from data_integration_architect.lab.load import Load, settle
from data_integration_architect.lab.recording import Recording
from data_integration_architect.lab.replay import play_on_design, replay_today, schedule_of
from data_integration_architect.lab.stack import Stack, stack_of
from stack_support import (
    assert_accepted,
    assert_clean,
    assert_equal,
    design_folder,
    every,
    is_rejected,
    note,
    older_replaces_newer,
    recorded,
    source,
    without_deletions,
    without_guard,
    without_repetition,
)

pytestmark = pytest.mark.stack


@dataclass(frozen=True)
class Shop:
    """A running retailer, and the store and schema of its system of record."""

    stack: Stack
    store: str
    schema: str


ON_MARIADB = [
    ("technology: postgresql", "technology: mariadb"), ("postgres", "maria"),
    ("technology: snowflake", "technology: redis"), ("warehouse", "cache"),
]  # fmt: skip
SHOPS = {"postgresql": ("postgres", "public", []), "mariadb-and-redis": ("maria", "maria", ON_MARIADB)}


@pytest.fixture(scope="module", params=list(SHOPS))
def shop(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """The retailer as shipped, and with MariaDB as system of record and a Redis cache in place of the warehouse."""
    store, schema, changed = SHOPS[request.param]
    folder = design_folder("online-retailer", tmp_path_factory.mktemp(request.param), changed)
    with stack_of(folder, print) as stack:
        yield Shop(stack, store, schema)


@pytest.fixture(scope="module")
def retailer(shop: Shop) -> Stack:
    return shop.stack


as_shipped = pytest.mark.parametrize("shop", ["postgresql"], indirect=True, scope="module")


def test_inserts_updates_deletes_and_large_values_arrive(retailer: Stack) -> None:
    load = Load(retailer, seed=1)
    load.run(150)
    assert load.counts.committed > 200 and load.counts.rolled_back > 5
    assert_equal(retailer)
    rows = {r.to_data()["name"]: r.to_data()["rows"] for r in settle(retailer, 5)}
    assert len(rows) >= 3 and all(count > 10 for count in rows.values()), rows


@as_shipped
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


@as_shipped
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


def test_a_new_column_and_a_backfill_while_writing(shop: Shop) -> None:
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
    sql.execute("INSERT INTO capture_signal (id, type, data) VALUES ('backfill-1', 'execute-snapshot', %s)", (order,))
    sql.commit()
    writing.join(120)
    assert not writing.is_alive()
    assert_equal(shop.stack, 90)
    sql.close()


def test_a_large_value_that_an_update_leaves_alone_stays(shop: Shop) -> None:
    """A value large enough to be stored apart, then an update of another column, which brings no such value."""
    sql = source(shop.stack, shop.store)
    large = "".join(Random(5).choices("abcdefgh", k=20_000))
    for row in ({"body": large, "revision": 1}, {"amount": 7, "revision": 2}, {"amount": 8, "revision": 3}):
        sql.upsert("product", ["product_id"], {"product_id": "large", **row})
        sql.commit()
        assert_equal(shop.stack)
    assert sql.execute("SELECT body, amount FROM product WHERE product_id = 'large'") == [(large, 8)]
    sql.close()


# The model meets the real pipeline


@pytest.fixture(scope="module")
def recordings(shop: Shop) -> list[Recording]:
    if shop.store == "maria":
        return recorded(
            shop.stack, [("cache_product", kind, kind and "cache_product") for kind in ("", "kill", "duplicate")]
        )
    wanted = [(c["name"], "", "") for c in shop.stack.plan["compare"]]
    wanted += [(name, kind, name) for name in ("search_product", "warehouse_product") for kind in ("kill", "duplicate")]
    wanted += [("search_product", "kill", "connect"), ("warehouse_product", "cut", "warehouse")]
    return recorded(shop.stack, wanted)


def test_the_model_admits_what_the_engines_did(recordings: list[Recording]) -> None:
    assert_accepted(recordings)


def of_fault(recordings: list[Recording], word: str) -> list[Recording]:
    return [one for one in recordings if word in one.fault]


def test_a_model_without_the_version_guard_is_rejected(retailer: Stack, recordings: list[Recording]) -> None:
    repeated = of_fault(recordings, "duplicate")
    assert repeated and all(is_rejected(retailer, one, without_guard) for one in repeated)


@as_shipped
def test_a_model_that_loses_deletions_is_rejected(retailer: Stack, recordings: list[Recording]) -> None:
    deleted = [one for one in recordings if "product" in one.name]
    assert len(deleted) == 8 and all(is_rejected(retailer, one, without_deletions) for one in deleted)


@as_shipped
def test_a_model_in_which_nothing_comes_twice_is_rejected(retailer: Stack, recordings: list[Recording]) -> None:
    repeated = of_fault(recordings, "duplicate")
    assert len(repeated) == 2 and all(is_rejected(retailer, one, without_repetition) for one in repeated)


@as_shipped
def test_a_model_whose_guard_keeps_the_older_state_is_rejected(retailer: Stack, recordings: list[Recording]) -> None:
    assert all(is_rejected(retailer, one, older_replaces_newer) for one in recordings)


@as_shipped
def test_todays_runs_show_and_the_same_schedule_leaves_the_design_equal(retailer: Stack) -> None:
    """The shortest runs of the dual write, lost updates and phantoms among them, and then the design under them."""
    runs = list(replay_today(retailer))
    properties = {verdict.property for verdict, _ in runs}
    assert {"convergence", "no-phantom", "no-stale-overwrite"} <= properties
    assert all(done.is_confirmed for _, done in runs), [done.verdict for _, done in runs if not done.is_confirmed]
    note(f"{len(runs)} runs of today's retailer seen on the engines")
    played = 0
    for number, (verdict, _) in enumerate(runs):
        for table in retailer.plan["tables"]:
            if table["entity"] == (verdict.entity or "").split(".")[0]:
                states = schedule_of(verdict, retailer.plan["stores"][table["store"]]["store"])
                play_on_design(retailer, table, states, f"today-{number}")
                played += len(states)
    assert played >= len(runs)
    assert_equal(retailer)


@as_shipped
def test_the_connector_restarts_under_the_configuration_that_is_there(retailer: Stack) -> None:
    answer = get_json(retailer.servers["connect"].port, "/connectors/postgres/config")
    assert answer["database.password"].startswith("${env:"), "the worker keeps the placeholder, not the secret"


@as_shipped
def test_a_consumer_whose_name_another_takes_ends_and_goes_on_when_started_anew(retailer: Stack) -> None:
    """The broker fences it, as it may after a cut that is longer than the session; then nothing comes any more."""
    from confluent_kafka import Consumer

    consumer = retailer.consumers["search_inventory"]
    place = retailer.design / "consumers" / "search_inventory.json"
    settings = json.loads(place.read_text(encoding="utf-8"))
    other = Consumer(
        {"bootstrap.servers": retailer.servers_address, "group.id": settings["group"], "enable.auto.commit": False,
         "group.instance.id": f"{settings['group']}-1", "session.timeout.ms": 6000, "log_level": 0}
    )  # fmt: skip
    other.subscribe([settings["topic"]])
    assert consumer.is_running
    deadline = time.monotonic() + 60
    while consumer.is_running and time.monotonic() < deadline:
        other.poll(0.1)
    other.close()
    assert not consumer.is_running and "fenced" in consumer.tail(40)
    Load(retailer, seed=3).run(20)
    assert_equal(retailer)


def faults_of(shop: Shop) -> list[Fault]:
    consumers = sorted(shop.stack.consumers)
    if shop.store == "maria":
        stores = ["maria", "cache"]
        found = every(consumers, "kill", [0, 4, 8, 12]) + every(stores, "kill", range(0, 20, 5))
        found += every(["connect", "search", "kafka"], "kill", [10]) + every([*stores, "search", "kafka"], "cut", [8])
        return found + every(consumers, "duplicate", [5, 15]) + every(consumers, "reorder", [5, 15])
    stores = ["postgres", "warehouse"]
    found = every(consumers, "kill", range(0, 20, 2)) + every(stores, "kill", range(0, 20, 4))
    found += every(["search", "kafka", "connect"], "kill", [4, 14])
    found += every([*stores, "search", "kafka"], "cut", [3, 9, 15])
    found += every(consumers, "pause", [5]) + every(["postgres", "connect", "kafka"], "pause", [10])
    found += every(consumers, "duplicate", [2, 6, 10, 14]) + every(consumers, "reorder", [2, 6, 10, 14])
    return found + every(consumers[:1], "lag", [5])


def test_the_retailer_survives_faults(shop: Shop) -> None:
    assert_clean(shop.stack, faults_of(shop), 11)

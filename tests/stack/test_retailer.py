"""The retailer on real engines: rows arrive, damage is seen, faults leave no difference, the model admits it all."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time

import jsonschema
import pytest
from shop_tests import Shop, ShopTests, of_fault

from data_integration_architect.lab.engines import get_json
from data_integration_architect.lab.faults import Fault
from data_integration_architect.lab.load import Load, settle
from data_integration_architect.lab.recording import Recording
from data_integration_architect.lab.replay import play_on_design, replay_today, schedule_of
from data_integration_architect.lab.stack import Stack
from stack_support import (
    assert_equal,
    every,
    is_rejected,
    note,
    older_replaces_newer,
    source,
    without_deletions,
    without_repetition,
)

pytestmark = pytest.mark.stack


SHOP = "postgresql"


def recorded_of(stack: Stack) -> list[tuple[str, str, str]]:
    wanted = [(c["name"], "", "") for c in stack.plan["compare"]]
    wanted += [(name, kind, name) for name in ("search_product", "warehouse_product") for kind in ("kill", "duplicate")]
    return [*wanted, ("search_product", "kill", "connect"), ("warehouse_product", "cut", "warehouse")]


def faults_of(stack: Stack) -> list[Fault]:
    consumers, stores = sorted(stack.consumers), ["postgres", "warehouse"]
    found = every(consumers, "kill", range(0, 20, 2)) + every(stores, "kill", range(0, 20, 4))
    found += every(["search", "kafka", "connect"], "kill", [4, 14])
    found += every([*stores, "search", "kafka"], "cut", [3, 9, 15])
    found += every(consumers, "pause", [5]) + every(["postgres", "connect", "kafka"], "pause", [10])
    found += every(consumers, "duplicate", [2, 6, 10, 14]) + every(consumers, "reorder", [2, 6, 10, 14])
    return found + every(consumers[:1], "lag", [5])


@pytest.fixture(scope="module")
def retailer(shop: Shop) -> Stack:
    return shop.stack


class TestRetailer(ShopTests):
    pass


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


def test_a_model_that_loses_deletions_is_rejected(retailer: Stack, recordings: list[Recording]) -> None:
    deleted = [one for one in recordings if "product" in one.name]
    assert len(deleted) == 8 and all(is_rejected(retailer, one, without_deletions) for one in deleted)


def test_a_model_in_which_nothing_comes_twice_is_rejected(retailer: Stack, recordings: list[Recording]) -> None:
    repeated = of_fault(recordings, "duplicate")
    assert len(repeated) == 2 and all(is_rejected(retailer, one, without_repetition) for one in repeated)


def test_a_model_whose_guard_keeps_the_older_state_is_rejected(retailer: Stack, recordings: list[Recording]) -> None:
    assert all(is_rejected(retailer, one, older_replaces_newer) for one in recordings)


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


def test_the_connector_restarts_under_the_configuration_that_is_there(retailer: Stack) -> None:
    answer = get_json(retailer.servers["connect"].port, "/connectors/postgres/config")
    assert answer["database.password"].startswith("${env:"), "the worker keeps the placeholder, not the secret"


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

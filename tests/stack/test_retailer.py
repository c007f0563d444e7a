"""The retailer on real engines: rows arrive, damage is seen, faults leave no difference, the model admits it all."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import jsonschema
import pytest

from data_integration_architect.lab.engines import get_json
from data_integration_architect.lab.load import Load, settle
from data_integration_architect.lab.recording import Recording
from data_integration_architect.lab.replay import play_on_design, replay_today, schedule_of
from data_integration_architect.lab.stack import Stack
from stack_support import (
    assert_accepted,
    assert_clean,
    assert_equal,
    every,
    is_rejected,
    new_column_and_backfill,
    note,
    older_replaces_newer,
    recorded,
    source,
    update_beside_a_large_value,
    without_deletions,
    without_guard,
    without_repetition,
)

pytestmark = pytest.mark.stack


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
    new_column_and_backfill(retailer, "postgres", "public")


def test_a_large_value_that_an_update_leaves_alone_stays(retailer: Stack) -> None:
    update_beside_a_large_value(retailer, "postgres")


# The model meets the real pipeline


@pytest.fixture(scope="module")
def recordings(retailer: Stack) -> list[Recording]:
    wanted = [(c["name"], "", "") for c in retailer.plan["compare"]]
    wanted += [(name, kind, name) for name in ("search_product", "warehouse_product") for kind in ("kill", "duplicate")]
    wanted += [("search_product", "kill", "connect"), ("warehouse_product", "cut", "warehouse")]
    return recorded(retailer, wanted)


def test_the_model_admits_what_the_engines_did(recordings: list[Recording]) -> None:
    assert_accepted(recordings)


def of_fault(recordings: list[Recording], word: str) -> list[Recording]:
    return [one for one in recordings if word in one.fault]


def test_a_model_without_the_version_guard_is_rejected(retailer: Stack, recordings: list[Recording]) -> None:
    repeated = of_fault(recordings, "duplicate")
    assert len(repeated) == 2 and all(is_rejected(retailer, one, without_guard) for one in repeated)


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


def test_the_retailer_survives_faults(retailer: Stack) -> None:
    consumers = sorted(retailer.consumers)
    faults = every(consumers, "kill", range(0, 20, 2))
    faults += every(["postgres", "warehouse"], "kill", range(0, 20, 4))
    faults += every(["search", "kafka", "connect"], "kill", [4, 14])
    faults += every(["postgres", "warehouse", "search", "kafka"], "cut", [3, 9, 15])
    faults += every(consumers, "pause", [5]) + every(["postgres", "connect", "kafka"], "pause", [10])
    faults += every(consumers, "duplicate", [2, 6, 10, 14]) + every(consumers, "reorder", [2, 6, 10, 14])
    faults += every(consumers[:1], "lag", [5])
    assert_clean(retailer, faults, 11)

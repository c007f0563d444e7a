"""Functions that the code readers found, as handlers of the draft."""

from __future__ import annotations

from typing import Any

from data_integration_architect.files import Document
from data_integration_architect.scanners.config.draft import draft
from data_integration_architect.scanners.config.registry import read_config
from data_integration_architect.scanners.facts import CodeEffect, CodeFunction
from data_integration_architect.topology import load_topology

FILES = {
    "docker-compose.yml": "services:\n  db: {image: postgres}\n  cache: {image: redis}\n  k: {image: apache/kafka}\n"
    "  shop:\n    build: ./shop\n    environment: {DB_HOST: db, REDIS_HOST: cache, KAFKA_BROKERS: 'k:9092'}\n",
    "db/init.sql": "CREATE TABLE orders (id int PRIMARY KEY);\n"
    "CREATE TABLE outbox (id int PRIMARY KEY, payload text);\n",
}


BESIDE = {"note": "inferred: the entity that is changed beside it"}


def effect(kind: str, technology: str, line: int, **given: Any) -> CodeEffect:
    known: dict[str, Any] = {"name": "", "entity": "", "path": "shop/app.py", "at": line, "transaction": 0, "via": ()}
    known |= dict.fromkeys(("in_loop", "in_branch", "parallel", "on_error"), False)
    known |= {"awaited": True, "confidence": "seen", "kind": kind, "technology": technology, "line": line}
    return CodeEffect(**(known | given))


def function(
    name: str, line: int, *effects: CodeEffect, is_test: bool = False, path: str = "shop/app.py"
) -> CodeFunction:
    return CodeFunction(path, name, line, line + 9, is_test, effects)


def handlers(*functions: CodeFunction) -> dict[str, Any]:
    facts = [f for path, text in FILES.items() for f in read_config(path, text)]
    made = draft(facts, "", functions).topology
    load_topology(Document(made, "draft"))
    found: dict[str, Any] = made["processes"]["shop"].get("handlers", {})
    return found


def short(step: dict[str, Any]) -> dict[str, Any]:
    return {
        key: [short(s) for s in value] if key == "steps" else value for key, value in step.items() if key != "evidence"
    }


def test_steps_in_program_order_with_their_lines() -> None:
    made = handlers(
        function(
            "place",
            3,
            effect("write", "sql", 5, entity="Orders", transaction=1),
            effect("publish", "kafka", 6, name="orders.placed", entity="", transaction=1),
            effect("cache_set", "redis", 8),
            effect("invalidate", "redis", 9, parallel=True, confidence="inferred"),
            effect("publish", "http", 10),
        )
    )
    assert [short(step) for step in made["place"]["steps"]] == [
        {
            "transaction": "db",
            "steps": [{"write": "db", "entity": "orders"}, {"append": "orders.placed", "entity": "orders", **BESIDE}],
        },
        {"write": "cache", "entity": "orders", **BESIDE},
        {"invalidate": "cache", "entity": "orders", "wait": False, "note": "inferred: concluded from a name"},
    ]
    assert made["place"]["evidence"] == [{"at": "shop/app.py:3"}]
    assert made["place"]["steps"][1]["evidence"] == [{"at": "shop/app.py:8"}]


def test_an_outbox_append_names_the_outbox_table() -> None:
    made = handlers(
        function("place", 3, effect("write", "sql", 5, transaction=1), effect("outbox", "sql", 6, transaction=1))
    )
    assert short(made["place"]["steps"][0]) == {"transaction": "db", "steps": [{"write": "db"}, {"append": "outbox"}]}


def test_helpers_tests_and_readers_give_no_handler() -> None:
    write, publish = effect("write", "sql", 5), effect("publish", "kafka", 6, name="t")
    made = handlers(
        function("save", 4, write),
        function("place", 20, write, publish),
        function(
            "caller", 40, effect("write", "sql", 5), effect("publish", "kafka", 6, name="t"), path="shop/other.py"
        ),
        function("test_place", 60, effect("write", "sql", 61), is_test=True),
        function("show", 80, effect("read", "sql", 81)),
    )
    assert list(made) == ["place"]


def test_a_store_that_only_code_shows() -> None:
    facts = [f for path, text in FILES.items() for f in read_config(path, text)]
    made = draft(facts, "", [function("index", 3, effect("write", "elasticsearch", 4))]).topology
    assert made["stores"]["elasticsearch"]["note"] == "inferred: only code shows it"


def test_a_commit_is_a_write_only_where_nothing_else_is() -> None:
    alone = handlers(function("a", 3, effect("flush", "sql", 4)))
    both = handlers(function("a", 3, effect("write", "sql", 4), effect("flush", "sql", 5)))
    assert [short(s) for s in alone["a"]["steps"]] == [short(s) for s in both["a"]["steps"]] == [{"write": "db"}]


def test_raw_sql_on_the_outbox_is_an_append_and_its_reader_is_the_relay() -> None:
    made = handlers(
        function(
            "place",
            3,
            effect("write", "postgresql", 5, name="orders", transaction=1),
            effect("write", "postgresql", 6, name="outbox", transaction=1),
        ),
        function(
            "relay",
            13,
            effect("read", "postgresql", 15, name="outbox"),
            effect("publish", "kafka", 16, name="orders.placed"),
            effect("write", "postgresql", 17, name="outbox"),
        ),
        function("clean", 23, effect("write", "postgresql", 25, name="outbox")),
    )
    inside = made["place"]["steps"][0]["steps"]
    assert [short(step) for step in inside] == [
        {"write": "db", "entity": "orders"},
        {"append": "outbox", "entity": "orders", **BESIDE},
    ]
    assert made["relay"]["trigger"] == {"consume": "outbox"}
    assert [short(step) for step in made["relay"]["steps"]] == [{"append": "orders.placed"}]


def test_names_have_no_dots_and_a_channel_no_name_of_a_store() -> None:
    made = handlers(
        function("Orders.place", 3, effect("write", "sql", 5, entity="a.b"), effect("enqueue", "rq", 6, name="cache"))
    )
    assert [short(step) for step in made["Orders-place"]["steps"]] == [
        {"write": "db", "entity": "a-b"},
        {"append": "cache-channel", "entity": "a-b", **BESIDE},
    ]

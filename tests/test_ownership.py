"""Who is right by definition, where records pass through queues, webhooks or tables of jobs, and in shards."""

import pytest

from data_integration_architect.analysis.view import View
from data_integration_architect.catalog import load_catalog
from data_integration_architect.topology import normalize
from support import load

STORES = {
    "db": {"technology": "postgresql"},
    "other": {"technology": "mongodb"},
    "index": {"technology": "elasticsearch"},
    "gateway": {"external": True},
}


def owner_of(channel, *written, calls=()):
    """The ownership of `payment`, which comes by `channel` into the stores `written`."""
    asking = [{"append": "channel", "entity": "payment"}, *({"call": name, "entity": "payment"} for name in calls)]
    topology = {
        "stores": STORES,
        "channels": {"channel": channel},
        "entities": {"payment": {"key": "payment_id"}},
        "processes": {
            "shop": {"handlers": {"ask": {"trigger": {"request": {}}, "steps": asking}}},
            "worker": {
                "handlers": {
                    f"into_{name}": {
                        "trigger": {"consume": "channel"},
                        "steps": [{"write": name, "entity": "payment"}],
                    }
                    for name in written
                }
            },
        },
    }
    return View(normalize(load(topology)).topology, load_catalog()).owners["payment"]


@pytest.mark.parametrize("technology", ["rabbitmq", "sidekiq", "sqs"])
def test_a_queue_is_no_record_what_it_brings_is_kept_where_it_arrives(technology):
    owner = owner_of({"technology": technology}, "db")
    assert (owner.status, owner.store, owner.derived) == ("owned", "db", ())


def test_a_database_before_an_index_that_follows_the_same_queue():
    owner = owner_of({"technology": "rabbitmq"}, "db", "index")
    assert (owner.store, owner.derived) == ("db", ("index",))


def test_rows_of_a_table_of_jobs_become_the_record_where_a_worker_writes_it():
    assert owner_of({"technology": "table", "in": "other"}, "db").store == "db"
    # Where only an index is built from them, the rows themselves are all there is.
    assert owner_of({"technology": "table", "in": "other"}, "index").store == "channel"


def test_an_outside_system_keeps_what_it_is_called_about_and_reports_by_webhook():
    assert owner_of({"technology": "http"}, "db", calls=["gateway"]).store == "gateway"
    assert owner_of({"technology": "http"}, "db").store == "db"


def test_a_log_stays_the_record_of_what_is_only_appended():
    assert owner_of({"technology": "kafka"}, "db").store == "channel"


def test_shards_hold_a_record_together():
    steps = [{"write": name, "entity": "account", "mode": "increment"} for name in ("west", "east")]
    topology = {
        "stores": {name: {"technology": "postgresql", "partition_key": "account_id"} for name in ("west", "east")},
        "entities": {"account": {"key": "account_id"}},
        "processes": {"bank": {"handlers": {"move": {"trigger": {"request": {}}, "steps": steps}}}},
    }
    owner = View(normalize(load(topology)).topology, load_catalog()).owners["account"]
    assert (owner.status, owner.shards, owner.derived) == ("owned", ("east", "west"), ())


def test_what_nobody_is_described_to_write_lies_in_the_only_store_there_is():
    stores = {"db": {"technology": "sqlite"}, "backup": {"replica_of": "db"}}

    def owner(**more):
        topology = {"stores": {**stores, **more}, "entities": {"title": {}}}
        found = View(normalize(load(topology)).topology, load_catalog()).owners["title"]
        return found.status, found.store

    assert owner() == ("owned", "db")
    assert owner(other={}) == ("unknown", None)


def test_a_capture_sends_what_its_channel_is_said_to_carry():
    topology = {
        "stores": {"db": {"technology": "postgresql"}, "index": {"technology": "elasticsearch"}},
        "channels": {"changes": {"technology": "kafka", "carries": ["payment"]}},
        "entities": {"payment": {"key": "payment_id"}},
        "captures": {"relay": {"from": "db", "to": "changes", "by": "log"}},
        "consumers": {"sink": {"from": "changes", "to": "index"}},
    }
    found = View(normalize(load(topology)).topology, load_catalog()).owners["payment"]
    assert (found.status, found.store, found.derived) == ("owned", "db", ("index",))

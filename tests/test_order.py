"""What flows need in order and what is known to reorder them; the rules on order have their own cases."""

import pytest

from data_integration_architect.advice.ordering import ordering_of
from data_integration_architect.analysis.idempotency import idempotency_of
from data_integration_architect.analysis.order import order_need, reorderings
from data_integration_architect.analysis.view import View
from data_integration_architect.catalog import load_catalog
from data_integration_architect.rules import judge_topology
from data_integration_architect.topology import normalize
from support import ROOT, load, read_yaml


def view_of(channel=None, trigger=None, step=None, entity=None, processes=None, causality=()):
    topology = {
        "stores": {"db": {"technology": "postgresql"}, "index": {"technology": "elasticsearch"}},
        "channels": {"changes": {"technology": "kafka", "carries": ["product"], **(channel or {})}, "retries": {}},
        "entities": {"product": {"key": "product_id", **(entity or {})}},
        "processes": {
            "shop": {"handlers": {"save": {"steps": [{"append": "changes", "entity": "product"}]}}},
            "indexer": {
                "handlers": {
                    "apply": {
                        "trigger": {"consume": "changes", **(trigger or {})},
                        "steps": [{"write": "index", "entity": "product", **(step or {})}],
                    }
                }
            },
            **(processes or {}),
        },
        "causality": list(causality),
    }
    return View(normalize(load(topology)).topology, load_catalog())


def need(view, target):
    return {order_need(view, flow) for flow in view.flows if flow.target == target}


def test_state_needs_order_per_key_and_a_guard_does_not_end_the_need():
    assert need(view_of(), "index") == {("per-key", "product_id")}
    assert need(view_of(step={"guard": "version"}), "index") == {("per-key", "product_id")}


def test_a_channel_needs_the_order_of_the_state_behind_it():
    assert need(view_of(), "changes") == {("per-key", "product_id")}
    assert need(view_of(entity={"change": "append-only"}), "changes") == {("none", None)}


@pytest.mark.parametrize("step", [{"mode": "increment"}, {"mode": "insert"}, {"mode": "rebuild-and-swap"}])
def test_additions_and_rebuilds_need_no_order(step):
    assert need(view_of(step=step), "index") == {("none", None)}


def test_a_causal_pair_needs_order_within_its_group():
    pair = {"first": "shop.save", "then": "shop.save", "per": "group_id", "checked_by": "indexer.apply"}
    assert need(view_of(causality=[pair]), "index") == {("per-group-causal", "group_id")}


def kinds(view):
    return {found.kind for found in reorderings(view, view.system.handlers["indexer.apply"])}


def test_nothing_reorders_a_keyed_log_with_one_worker():
    assert kinds(view_of({"message_key": "product_id"})) == set()


@pytest.mark.parametrize(
    ("channel", "trigger", "expected"),
    [
        ({"message_key": "none"}, {}, "spread"),
        ({"message_key": "product_id"}, {"workers": 4}, "workers"),
        ({"technology": "sidekiq"}, {}, "unordered"),
        ({"technology": "rabbitmq"}, {"workers": "many"}, "competing"),
        ({"repartitioned": {"from": 3, "to": 6, "drained": False}}, {}, "repartition"),
    ],
)
def test_what_reorders_is_named(channel, trigger, expected):
    assert kinds(view_of(channel, trigger)) == {expected}


def test_routing_by_key_and_a_single_partition_keep_order():
    assert kinds(view_of({"message_key": "product_id"}, {"workers": 4, "same_key_same_worker": True})) == set()
    assert kinds(view_of({"message_key": "none", "partitions": 1})) == set()


def test_a_retry_channel_reorders_unless_the_key_is_parked():
    steps = [{"write": "index", "entity": "product"}]
    again = {"retrier": {"handlers": {"again": {"trigger": {"consume": "retries"}, "steps": steps}}}}
    failing = {"retry": {"then": "dead-letter"}, "dead_letter": "retries"}
    assert kinds(view_of(step=failing, processes=again)) == {"retry"}
    assert kinds(view_of(trigger={"parks_key": True}, step=failing, processes=again)) == set()


@pytest.mark.parametrize(
    ("job", "expected"),
    [
        ({"every": "5m", "reads": "since-cursor"}, {("per-key", "product_id")}),
        ({"changes": "db", "by": "query"}, {("per-key", "product_id")}),
        ({"every": "24h", "reads": "all"}, {("none", None)}),
        ({"every": "24h"}, {("none", None)}),
    ],
)
def test_a_batch_needs_order_where_its_runs_bring_changes(job, expected):
    steps = [{"write": "index", "entity": "product"}]
    if "changes" not in job:
        steps.insert(0, {"read": "db", "entity": "product"})
    copier = {"handlers": {"run": {"trigger": job, "steps": steps}}}
    view = view_of(processes={"indexer": copier})
    assert need(view, "index") == expected


def idempotency(view):
    return {(one.mechanism, one.currently) for one in idempotency_of(view) if "index" in one.flow}


def test_a_repetition_that_can_come_after_a_newer_record_is_only_partly_harmless():
    assert idempotency(view_of(channel={"message_key": "product_id"})) == {("natural-upsert", "ok")}
    spread = {"message_key": "none"}
    assert idempotency(view_of(channel=spread)) == {("natural-upsert", "partial")}
    assert idempotency(view_of(channel=spread, step={"guard": "version"})) == {("versioned-upsert", "ok")}


@pytest.mark.parametrize(
    ("trigger", "expected"),
    [({"claim": "skip-locked"}, "partial"), ({"claim": "lock"}, "ok"), ({"same_key_same_worker": True}, "ok")],
)
def test_relays_that_share_a_table_can_repeat_an_old_row_after_a_newer_one(trigger, expected):
    relay = {"trigger": {"consume": "changes", **trigger}, "steps": [{"append": "log", "entity": "product"}]}
    sink = {"trigger": {"consume": "log"}, "steps": [{"write": "index", "entity": "product"}]}
    topology = {
        "stores": {"db": {"technology": "postgresql"}, "index": {"technology": "elasticsearch"}},
        "channels": {
            "changes": {"technology": "table", "in": "db"},
            "log": {"technology": "kafka", "message_key": "product_id"},
        },
        "entities": {"product": {"key": "product_id"}},
        "processes": {
            "shop": {"handlers": {"save": {"steps": [{"append": "changes", "entity": "product"}]}}},
            "relay": {"instances": "many", "handlers": {"run": relay}},
            "indexer": {"handlers": {"apply": sink}},
        },
    }
    view = View(normalize(load(topology)).topology, load_catalog())
    (found,) = [one for one in idempotency_of(view) if one.flow.startswith("db -> log")]
    assert (found.mechanism, found.currently) == ("natural-upsert", expected)


def ordering(view):
    found = judge_topology(view).found
    (one,) = [o for o in ordering_of(view, found) if o.flow.startswith("changes -> index")]
    return one.need, one.given, one.satisfied, one.reason


@pytest.mark.parametrize(
    ("step", "entity", "expected", "words"),
    [
        ({"mode": "increment"}, {"change": "delta"}, True, "same sum in any order"),
        ({"mode": "increment", "guard": "condition"}, {"change": "delta"}, "partial", "can refuse"),
        ({"guard": "version", "guard_keeps_deletes": True}, {}, True, "the target refuses the older one"),
        ({"values": "re-read", "missing_source": "delete"}, {}, True, "the target reads the current state again"),
    ],
)
def test_the_reason_says_why_records_that_change_places_do_no_harm(step, entity, expected, words):
    view = view_of({"message_key": "product_id"}, {"workers": 4}, step, {"deletes": "never", **entity})
    need, given, satisfied, reason = ordering(view)
    assert (need, given, satisfied) == ("per-key", "none", expected)
    assert words in reason
    others = {"same sum", "can refuse", "refuses the older", "current state again"} - {words}
    assert not any(other in reason for other in others if other not in words)


def two_entities(channel=None, step=None):
    """Products and orders through one log; `step` changes the write of orders only."""
    apply = [{"write": "index", "entity": "product", "mode": "replace", "guard": "none"}]
    apply.append({"write": "index", "entity": "order", "mode": "replace", "guard": "none", **(step or {})})
    topology = {
        "scope": "whole",
        "stores": {"db": {"technology": "postgresql"}, "index": {"technology": "elasticsearch"}},
        "channels": {"changes": {"technology": "kafka", "partitions": 6, **(channel or {})}},
        "entities": {
            "product": {"key": "product_id", "deletes": "never", "immutable": {"tenant_id": True}},
            "order": {"key": "order_id", "deletes": "never", "immutable": {"tenant_id": False}},
        },
        "processes": {
            "capture": {
                "instances": 1,
                "handlers": {
                    "run": {
                        "trigger": {"changes": "db", "by": "log"},
                        "steps": [{"append": "changes", "entity": e} for e in ("product", "order")],
                    }
                },
            },
            "indexer": {"instances": 1, "handlers": {"apply": {"trigger": {"consume": "changes"}, "steps": apply}}},
        },
    }
    return View(normalize(load(topology)).topology, load_catalog())


def rows(view):
    found = judge_topology(view).found
    listed = [o for o in ordering_of(view, found) if o.flow.startswith("changes -> index")]
    return {o.entity: (o.need, o.key, o.given, o.satisfied) for o in listed}, len(listed)


def test_each_entity_of_a_flow_has_its_own_need_and_key():
    by_entity, count = rows(two_entities({"partitions": 1}, {"mode": "insert"}))
    assert count == 2
    assert by_entity == {"product": ("per-key", "product_id", "total", True), "order": ("none", None, "total", "n/a")}


def test_a_message_key_that_keeps_one_entity_together_and_spreads_another_is_said_of_each():
    by_entity, _ = rows(two_entities({"message_key": "tenant_id"}))
    assert by_entity["product"][2:] == ("per-key", True)
    assert by_entity["order"][2:] == ("none", False)


def test_a_finding_about_one_entity_breaks_the_order_of_no_other():
    view = View(normalize(load(read_yaml(ROOT / "examples" / "online-retailer.yaml"))).topology, load_catalog())
    found = judge_topology(view).found
    rows = {(o.entity, o.reason) for o in ordering_of(view, found) if o.flow == "shop -> warehouse (dual-write)"}
    assert rows == {
        ("order", "broken by dual-write-in-open-transaction"),
        ("product", "broken by dual-write-unprotected"),
    }


def test_what_comes_back_over_a_dead_letter_queue_is_out_of_order_on_that_queue_too():
    door = {
        "apply": {
            "trigger": {"consume": "changes", "parks_key": False},
            "steps": [{"write": "index", "entity": "product", "guard": "none", "dead_letter": "retries"}],
        },
        "replay": {
            "trigger": {"consume": "retries"},
            "steps": [{"write": "index", "entity": "product", "guard": "none"}],
        },
    }
    view = view_of({"message_key": "product_id"}, processes={"indexer": {"instances": 1, "handlers": door}})
    found = judge_topology(view).found
    rows = {o.flow: (o.given, o.satisfied) for o in ordering_of(view, found) if "-> index" in o.flow}
    assert set(rows.values()) == {("none", False)} and len(rows) == 2

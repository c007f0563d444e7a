"""The design: options with their runs, phases that fit the system, what is carried out, what is left unsaid."""

import json
import re
from functools import cache
from typing import Any

import pytest

from data_integration_architect.advice.judged import judge
from data_integration_architect.design.changes import changes
from data_integration_architect.design.result import DesignResult
from data_integration_architect.renderers.mermaid import write_path
from data_integration_architect.topology import dump_topology, load_topology, normalize
from data_integration_architect.use_cases import Given, generate_design
from generated import random_topology
from support import ROOT, load, parse_text, read_yaml

EXAMPLES = sorted(p.stem for p in (ROOT / "examples").glob("*.yaml") if not p.stem.endswith(".evidence"))


def design_of(data: dict[str, Any]) -> DesignResult:
    return generate_design(Given(json.dumps(data), "test"))


@cache
def example(name: str) -> DesignResult:
    return generate_design(Given((ROOT / "examples" / f"{name}.yaml").read_text(encoding="utf-8"), name))


def target_of(design: DesignResult) -> dict[str, Any]:
    return parse_text(design.topology, "target").data


def handlers_of(data: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {f"{p}.{h}": handler for p, e in data["processes"].items() for h, handler in e["handlers"].items()}


def phase(design: DesignResult, name: str):
    return next(p for p in design.phases if p.name == name)


def process(handler: str, *steps: Any, **trigger: Any) -> dict[str, Any]:
    """A process with one handler."""
    fired = {"trigger": trigger} if trigger else {}
    return {"handlers": {handler: {**fired, "steps": list(steps)}}}


def saving(entity: str, *stores: str) -> dict[str, Any]:
    """One handler that writes an entity to one store after the other."""
    return {"app": {"handlers": {"save": {"steps": [{"write": store, "entity": entity} for store in stores]}}}}


# Money transfer


def test_the_textbook_split_is_refuted_by_runs_in_the_users_names():
    document = example("money-transfer").document
    made = document.index("money_is_conserved, where accounts_a refuses: is violated")
    negative = document.index("balance_not_negative, where accounts_a applies everything: is violated")
    chosen = document.index("(chosen)")
    assert made < negative < chosen
    run = document[made : document.index("```", document.index("```text", made) + 3)]
    assert "refuses 2 for request 1: the balance is 1" in run
    assert "accounts_b: adds 2 for request 1" in run
    assert document.index("money_is_conserved, where accounts_a refuses: holds") > chosen
    assert "balance_not_negative: holds" in document[chosen:]


def test_the_options_follow_the_facts_of_a_transfer():
    data = read_yaml(ROOT / "examples" / "money-transfer.yaml")
    renamed = json.loads(json.dumps(data).replace("accounts_a", "purse").replace("accounts_b", "savings"))
    assert "purse: refuses 2 for request 1" in design_of(renamed).document
    no_floor = data | {"constraints": [c for c in data["constraints"] if c["kind"] != "non-negative"]}
    assert "applies everything" not in design_of(no_floor).document
    assert "Ways to split" not in design_of(data | {"constraints": []}).document


def test_a_second_condition_asks_for_a_way_back():
    data = read_yaml(ROOT / "examples" / "money-transfer.yaml")
    data["processes"]["bank"]["handlers"]["transfer"]["steps"][0]["steps"][1]["guard"] = "condition"
    assert "it can refuse what the source has given" in design_of(data).document
    assert "Nothing that was stated lets accounts_b refuse" in example("money-transfer").document


def test_a_split_transfer_keeps_its_outcome_for_the_caller():
    design = example("money-transfer")
    handlers = handlers_of(target_of(design))
    accept = handlers["transfer_processor.validate"]["steps"][0]
    assert accept["transaction"] == "accounts_a"
    assert [next(iter(s.values())) for s in accept["steps"]] == [
        "accounts_a",
        "transfer_instruction_outbox",
        "accounts_a",
    ]
    assert accept["steps"][2]["entity"] == "transfer_outcome"
    assert handlers["bank.transfer_outcome"]["steps"] == [{"read": "accounts_a", "entity": "transfer_outcome"}]
    assert "it says that the request was accepted" in design.document


def test_the_phases_of_a_transfer_lead_from_the_commit_to_the_log():
    design = example("money-transfer")
    assert [p.name for p in design.phases] == ["outcome-by-id", "pilot", "all-requests", "remove-coordinator"]
    first, pilot = (handlers_of(parse_text(p.topology, p.name).data) for p in design.phases[:2])
    assert "bank.transfer_outcome" in first and "transfer_processor.validate" not in first
    assert isinstance(pilot["bank.transfer"]["steps"][0]["transaction"], list)
    assert "append" in pilot["bank.transfer_logged"]["steps"][0]
    assert not any(p.new for p in design.phases)
    assert design.phases[-1].findings == ()


def test_a_commit_over_unlike_stores_becomes_an_outbox():
    data = {
        "scope": "whole",
        "stores": {"db": {"technology": "oracle"}, "docs": {"technology": "mongodb"}},
        "entities": {"order": {"key": "id"}, "paper": {"key": "id"}},
        "processes": {
            "app": {
                "handlers": {
                    "save": {
                        "steps": [
                            {
                                "transaction": ["db", "docs"],
                                "steps": [{"write": "db", "entity": "order"}, {"write": "docs", "entity": "paper"}],
                            }
                        ]
                    }
                }
            }
        },
    }
    handlers = handlers_of(target_of(design_of(data)))
    commit = handlers["app.save"]["steps"][0]
    assert commit["transaction"] == "db"
    assert any("append" in s for s in commit["steps"])
    assert handlers["docs_processor.apply"]["steps"][0]["transaction"] == "docs"


# Friendship and messages


def test_both_ways_of_keeping_a_pair_are_shown_with_what_breaks_them():
    document = example("friendship-messages").document
    token, shared = document.index("**Causal token"), document.index("**One topic keyed by pair_id**")
    assert "(chosen)" in document[token : token + 60] and "(runner-up)" in document[shared : shared + 60]
    assert "with the position of an acknowledged write: holds" in document[token:shared]
    assert "with a position from a read that may be stale: is violated" in document[token:shared]
    assert "with an append before the answer: holds" in document[shared:]
    assert "with an append after an own commit that has already been answered: is violated" in document[shared:]
    assert "message_service.send" in document[document.index("```text", token) : shared]


def test_a_token_from_a_stale_read_turns_the_choice():
    data = read_yaml(ROOT / "examples" / "friendship-messages.yaml")
    chosen = next(d for d in example("friendship-messages").decisions if d.recommendation.mechanism == "causal-token")
    assert [(f.value, f.mechanism) for f in chosen.recommendation.would_flip] == [("stale-read", "log-messaging")]
    data["causality"][0].update({"token": "carried", "token_from": "stale-read"})
    design = design_of(data)
    pair = next(d for d in design.decisions if d.recommendation.from_ == "friendship_service.unfriend")
    assert (pair.recommendation.mechanism, pair.recommendation.runner_up) == ("log-messaging", "causal-token")
    target = target_of(design)
    appended = {
        handlers_of(target)[name]["steps"][0]["append"]
        for name in ("friendship_service.unfriend", "message_service.send")
    }
    assert appended == {"friendship_events"}
    assert target["channels"]["friendship_events"]["message_key"] == "pair_id"


def test_a_token_is_carried_and_observed_before_it_decides():
    design = example("friendship-messages")
    assert [p.name for p in design.phases][:3] == ["carry-token", "observe", "defer"]
    assert not any(p.new for p in design.phases)
    assert phase(design, "defer").findings == ()


# Layers


def test_one_layer_replays_and_compares_before_readers_move():
    design = example("engagement-counts-two-pipelines")
    assert [p.name for p in design.phases] == ["replay", "compare", "switch-reads", "stop-old-layers"]
    replay = parse_text(phase(design, "replay").topology, "replay").data
    assert {"batch.aggregate", "topology.aggregate", "topology_replay.aggregate"} <= set(handlers_of(replay))
    assert handlers_of(replay)["topology_replay.aggregate"]["steps"][0]["write"] == "realtime_cache_shadow"
    assert replay["channels"]["kafka"]["retention"] == "forever"
    assert "hadoop_logs" in phase(design, "replay").what
    assert "For billing" in phase(design, "compare").exit
    readers = parse_text(phase(design, "switch-reads").topology, "switch").data["readers"]
    assert readers[0]["reads"] == "realtime_cache_shadow"


# Phases in general


def test_an_unsaid_outage_is_not_given_a_length():
    shadow = phase(example("online-retailer"), "shadow")
    assert "nobody said how long that is" in shadow.exit
    data = read_yaml(ROOT / "examples" / "online-retailer.yaml") | {"context": {"longest_outage": "3d"}}
    assert "for 3d, the longest outage" in phase(design_of(data), "shadow").exit


def test_a_capture_names_what_its_product_needs():
    assert (
        "REPLICA IDENTITY FULL on the tables of inventory, order" in phase(example("online-retailer"), "shadow").entry
    )
    entry = phase(example("catalog-search-dual-write"), "shadow").entry
    assert "binlog_row_image=FULL" in entry and "REPLICA IDENTITY" not in entry
    assert "slots" not in phase(example("catalog-search-dual-write"), "shadow").rollback


def test_whole_rows_are_asked_for_only_where_the_key_is_not_enough():
    data = read_yaml(ROOT / "examples" / "online-retailer.yaml")
    for entity in data["entities"].values():
        entity["large_columns"] = False
    design = design_of(data)
    assert "REPLICA IDENTITY FULL on" not in design.document
    assert handlers_of(target_of(design))["postgres_capture.capture"]["trigger"]["row_image"] == "key"
    assert design.remaining == ()


def test_old_writes_go_on_while_the_new_way_is_a_shadow():
    """Also where the new way begins with an outbox in the transaction of the old write."""
    data = read_yaml(ROOT / "examples" / "online-retailer.yaml")
    data["stores"]["postgres"]["log_access"] = False
    shadow = parse_text(phase(design_of(data), "shadow").topology, "shadow").data
    steps = handlers_of(shadow)["shop.save_product"]["steps"]
    assert {"search", "warehouse"} <= {s.get("write") for s in steps}
    assert any("append" in inner for s in steps for inner in s.get("steps", []))


def test_new_consumers_wait_until_the_old_channel_is_empty():
    design = example("task-before-commit")
    assert [p.name for p in design.phases] == ["switch-writers", "start-consumers"]
    switching = handlers_of(parse_text(design.phases[0].topology, "x").data)
    assert switching["workers.deliver"]["trigger"]["consume"] == "celery_broker"
    assert "celery_broker is empty" in design.phases[1].entry


def test_damage_that_no_phase_fills_anew_is_repaired():
    assert [p.name for p in example("unchanged-large-column").phases] == ["change-settings", "repair"]
    assert "elasticsearch, warehouse with postgres" in phase(example("unchanged-large-column"), "repair").verification
    assert "repair" not in [p.name for p in example("online-retailer").phases]


@pytest.mark.parametrize("name", EXAMPLES)
def test_documents_claim_nothing_that_was_not_said(name):
    design = example(name)
    assert "one longest outage" not in design.document
    for decision in design.decisions:
        reason = decision.recommendation.reason
        assert "recognises is enough" not in reason
        assert "the mechanism is right" not in reason
        assert (decision.done == "kept as it is") <= (decision.recommendation.mechanism == "keep-current")


@pytest.mark.parametrize("name", EXAMPLES)
def test_changes_of_the_phases_lead_from_today_to_the_target(name):
    """A phase lists changes where its system differs from the one before, and none where it does not."""
    design = example(name)
    last = dump_topology(
        normalize(
            load_topology(parse_text((ROOT / "examples" / f"{name}.yaml").read_text(encoding="utf-8"), name))
        ).topology
    )
    for one in design.phases:
        now = parse_text(one.topology, one.name).data
        assert bool(changes(last, now)) == (last != now), one.name
        last = now
    if design.phases:
        assert last == target_of(design)


def test_shards_of_one_record_are_no_copies_of_each_other():
    document = example("money-transfer").document
    assert "| account | accounts_a and accounts_b (each its own keys, by account_id) | – |" in document
    assert "Compare ledger_debit with ledger_credit" not in example("server-made-operation-id").document


# Seeds 397, 509 and 1215 recommend a cache mechanism for what turns out to be a channel.
@pytest.mark.parametrize("seed", [*range(100), 397, 509, 1215])
def test_a_decision_is_carried_out_or_says_why_not(seed):
    data = random_topology(seed)
    design = design_of(data)
    for decision in design.decisions:
        if decision.done == "kept as it is":
            assert decision.recommendation.mechanism in {"keep-current", "federated-read", "single-store", "none"}


def test_a_source_without_log_is_read_again_after_a_notification():
    data = {
        "scope": "whole",
        "stores": {"bucket": {"technology": "s3"}, "index": {"technology": "opensearch"}},
        "entities": {"image": {"key": "path", "system_of_record": "bucket"}},
        "processes": {
            "app": {
                "handlers": {
                    "save": {"steps": [{"write": "bucket", "entity": "image"}, {"write": "index", "entity": "image"}]}
                }
            }
        },
    }
    design = design_of(data)
    handlers = handlers_of(target_of(design))
    assert handlers["bucket_notifications.notify_image"]["trigger"]["by"] == "trigger"
    assert {"read": "bucket", "entity": "image"} in handlers["index_sink.fetch_image"]["steps"]
    assert "index_rebuild.rebuild_image" in handlers
    assert not any(h["trigger"].get("by") == "log" for h in handlers.values() if "trigger" in h)


def test_a_log_that_comes_first_feeds_both_stores():
    data = {
        "scope": "whole",
        "stores": {"found": {"technology": "solr"}, "index": {"technology": "opensearch"}},
        "entities": {"page": {"key": "id", "system_of_record": "found"}},
        "processes": {
            "app": {
                "handlers": {
                    "save": {"steps": [{"write": "found", "entity": "page"}, {"write": "index", "entity": "page"}]}
                }
            }
        },
        "context": {"freshness_wanted": "2s"},
    }
    target = target_of(design_of(data))
    handlers = handlers_of(target)
    assert handlers["app.save"]["steps"][0]["append"] == "page_log"
    assert {"found_sink.apply_page", "index_sink.apply_page"} <= set(handlers)
    assert judge(load(target)).view.record_of("page") == "page_log"


def test_two_writers_of_one_thing_are_decided_before_one_becomes_a_copy():
    data = {
        "scope": "whole",
        "stores": {"hotel": {"technology": "postgresql"}, "club": {"technology": "sqlserver"}},
        "entities": {"guest": {"key": "id", "parts": {"email": ["email"], "stay": ["room"]}}},
        "processes": {
            "desk": {
                "handlers": {
                    "mail": {"trigger": {"request": {}}, "steps": [{"write": "hotel", "entity": "guest.email"}]},
                    "stay": {"steps": [{"write": "hotel", "entity": "guest.stay"}]},
                }
            },
            "app": process("mail", {"write": "club", "entity": "guest.email"}, request={}),
        },
        "jobs": {"copy": {"from": "club", "to": "hotel", "entity": "guest.email", "every": "24h"}},
    }
    design = design_of(data)
    decision = next(d for d in design.decisions if d.recommendation.to == "hotel")
    assert decision.done.startswith("not carried out: club and hotel both take original writes of guest.email")
    assert "one of them must own it" in decision.recommendation.reason
    assert "Nothing is planned yet" in design.document
    data["processes"]["desk"]["handlers"].pop("mail")
    owned = design_of(data)
    sink = handlers_of(target_of(owned))["hotel_sink.apply_guest"]["steps"][0]
    assert (sink["entity"], sink["mode"]) == ("guest.email", "merge")
    assert not any("shadow" in p.topology for p in owned.phases)


def test_readers_of_other_records_stay_where_they_are():
    data = read_yaml(ROOT / "examples" / "online-retailer.yaml")
    data["entities"]["note"] = {"key": "note_id"}
    data["processes"]["shop"]["handlers"]["jot"] = {"steps": [{"write": "search", "entity": "note"}]}
    data["readers"].append({"reads": "search", "entity": "note", "tolerates": "5s"})
    switched = parse_text(phase(design_of(data), "switch-reads").topology, "x").data
    assert {r.get("entity"): r["reads"] for r in switched["readers"]} == {
        "inventory": "search_shadow", "order": "warehouse_shadow", "note": "search",
    }  # fmt: skip


def announcing(**steps: Any) -> dict[str, Any]:
    """A consumer that writes a fine and tells a queue, from which letters are printed."""
    fine = {"transaction": "fines", "steps": [{"write": "fines", "entity": "fine", "mode": "insert"}]}
    return {
        "scope": "whole",
        "stores": {"fines": {"technology": "mysql"}, "printer": {"external": True}},
        "channels": {
            "seen": {"technology": "kafka", "event": {"id": "seen_id"}},
            "letters": {"technology": "sqs", "event": {"content": "id-only", "id": "seen_id"}},
        },
        "entities": {"seen": {"key": "seen_id"}, "fine": {"key": "seen_id"}, "letter": {"key": "seen_id"}},
        "processes": {
            "camera": {"handlers": {"report": {"steps": [{"append": "seen", "entity": "seen"}]}}},
            "office": {
                "handlers": {
                    "fine": {
                        "trigger": {"consume": "seen"},
                        "dedup": {"by": "seen_id", "in": "fines", "atomic": True},
                        "steps": [fine, {"append": "letters", "entity": "letter", "operation_id": "passed"}],
                    }
                }
            },
            "press": {
                "handlers": {
                    "print": {
                        "trigger": {"consume": "letters"},
                        "steps": [
                            {"call": "printer", "entity": "letter", "kind": "notify", "operation_id": "passed"},
                        ],
                    }
                }
            },
        },
    }


def test_a_consumer_tells_the_next_channel_through_an_outbox_beside_its_write():
    design = design_of(announcing())
    handlers = handlers_of(target_of(design))
    commit = handlers["office.fine"]["steps"][0]
    assert [s.get("write") or s.get("append") for s in commit["steps"]] == ["fines", "fines_outbox"]
    assert len(handlers["office.fine"]["steps"]) == 1
    assert handlers["fines_relay.relay_letters"]["steps"][0]["append"] == "letters"
    kept = next(d for d in design.decisions if d.recommendation.to == "fines")
    assert kept.recommendation.mechanism == "keep-current"
    assert "decided for letters" in kept.recommendation.reason


def test_an_outbox_that_nobody_reads_gets_its_relay_and_no_second_table():
    row = {"append": "outbox", "entity": "route"}
    change = {"transaction": "db", "steps": [{"write": "db", "entity": "route"}, row]}
    data = {
        "scope": "whole",
        "stores": {"db": {"technology": "mysql"}, "copy": {"technology": "postgresql"}},
        "channels": {"outbox": {"technology": "table", "in": "db"}, "routes": {"technology": "rabbitmq"}},
        "entities": {"route": {"key": "route_id"}},
        "processes": {
            "planner": {"handlers": {"save": {"steps": [change, {"append": "routes", "entity": "route"}]}}},
            "reader": {
                "handlers": {
                    "apply": {
                        "trigger": {"consume": "routes"},
                        "steps": [{"write": "copy", "entity": "route", "mode": "replace"}],
                    }
                }
            },
        },
    }
    design = design_of(data)
    target = target_of(design)
    assert [n for n, c in target["channels"].items() if "in" in c] == ["outbox"]
    assert handlers_of(target)["db_relay.relay_route"]["trigger"]["consume"] == "outbox"
    assert "removed unsent" in design.decisions[0].done


def test_a_writer_around_an_outbox_is_routed_through_it():
    row = {"append": "outbox", "entity": "invoice"}
    data = {
        "scope": "whole",
        "stores": {"db": {"technology": "oracle"}, "books": {"technology": "postgresql"}},
        "channels": {
            "outbox": {"technology": "table", "in": "db", "carries": ["invoice"]},
            "invoices": {"technology": "kafka", "message_key": "id", "event": {"version": "sequence"}},
        },
        "entities": {"invoice": {"key": "id", "deletes": "never"}},
        "processes": {
            "app": process("issue", {"transaction": "db", "steps": [{"write": "db", "entity": "invoice"}, row]}),
            "night": process("write_off", {"write": "db", "entity": "invoice"}, every="24h"),
        },
        "consumers": {
            "relay": {"from": "outbox", "to": "invoices", "cursor": "commit-order", "instances": 1},
            "load": {"from": "invoices", "to": "books", "mode": "replace", "guard": "version"},
        },
    }
    design = design_of(data)
    assert [f.fix for f in design.fixes] == ["drop-outbox-or-route-through-it"]
    assert handlers_of(target_of(design))["night.write_off"]["steps"][0]["steps"][1]["append"] == "outbox"


def test_no_transaction_is_promised_over_a_call_and_its_record():
    data = {
        "scope": "whole",
        "stores": {
            "db": {"technology": "postgresql"},
            "replica": {"technology": "postgresql", "replica_of": "db", "replication": "async"},
            "grid": {"external": True},
        },
        "channels": {"orders": {"technology": "rabbitmq", "carries": ["order"], "event": {"id": "order_id"}}},
        "entities": {"order": {"key": "order_id"}},
        "processes": {
            "kiosk": process("buy", {"append": "orders", "entity": "order", "operation_id": "passed"}),
            "worker": {
                "handlers": {
                    "issue": {
                        "trigger": {"consume": "orders", "acknowledge": "after"},
                        "dedup": {"by": "order_id", "in": "db", "read_from": "replica", "atomic": False},
                        "steps": [{"call": "grid", "entity": "order", "kind": "grant", "operation_id": "none"}],
                    }
                }
            },
        },
    }
    issue = handlers_of(target_of(design_of(data)))["worker.issue"]
    assert issue["dedup"]["atomic"] is False
    assert issue["steps"][0]["operation_id"] == "passed"


def test_every_step_of_a_handler_is_mended_where_one_is_not_enough():
    write = {"write": "copy", "entity": "item", "retry": {"attempts": 3, "then": "ignore"}}
    data = {
        "scope": "whole",
        "stores": {"db": {"technology": "postgresql"}, "copy": {"technology": "mongodb"}},
        "channels": {"log": {"technology": "kafka", "carries": ["item"], "message_key": "id"}},
        "entities": {"item": {"key": "id", "system_of_record": "db"}},
        "processes": {
            "app": {"handlers": {"save": {"steps": [{"write": "db", "entity": "item"}]}}},
            "sink": {
                "handlers": {
                    "apply": {
                        "trigger": {"consume": "log", "workers": 1, "acknowledge": "after"},
                        "steps": [{**write, "mode": "replace"}, {**write, "mode": "delete"}],
                    }
                }
            },
        },
        "captures": {"connector": {"from": "db", "to": "log", "entity": "item", "by": "log", "row_image": "full"}},
    }
    steps = handlers_of(target_of(design_of(data)))["sink.apply"]["steps"]
    assert [s["retry"]["then"] for s in steps] == ["block", "block"]


def test_a_store_that_is_not_needed_is_left_by_its_readers_before_it_goes():
    data = {
        "scope": "whole",
        "stores": {"db": {"technology": "postgresql"}, "search": {"technology": "elasticsearch"}},
        "entities": {"work": {"key": "id", "rate": "10/d", "deletes": "never"}},
        "processes": {"app": process("save", {"write": "db", "entity": "work"})},
        "jobs": {"index": {"from": "db", "to": "search", "entity": "work", "every": "1h", "mode": "rebuild-and-swap"}},
        "readers": [{"reads": "search", "entity": "work", "access": "full-text", "latency": "1s", "tolerates": "1d"}],
        "context": {"operators": 1, "rate": "1/s"},
    }
    design = design_of(data)
    assert [d.recommendation.mechanism for d in design.decisions] == ["single-store"]
    assert [p.name for p in design.phases] == ["read-from-record", "remove-store"]
    first = parse_text(design.phases[0].topology, "x").data
    assert first["readers"][0]["reads"] == "db" and "search" in first["stores"]


@cache
def checked(name: str) -> DesignResult:
    text = (ROOT / "examples" / f"{name}.yaml").read_text(encoding="utf-8")
    return generate_design(Given(text, name), "default")


def section_of(document: str, start: str, end: str) -> str:
    return document[document.index(start) : document.index(end, document.index(start))]


def test_what_the_checker_still_breaks_remains_and_counts_in_each_phase():
    """`What remains` never says less than `What was checked` of the same document."""
    data = {
        "scope": "whole",
        "stores": {
            "pg": {"technology": "postgresql", "log_access": True},
            "index": {"technology": "opensearch"},
            "sheet": {"technology": "mysql"},
        },
        "channels": {"changes": {"technology": "kafka", "message_key": "id"}},
        "entities": {"member": {"key": "id", "deletes": "hard"}},
        "captures": {
            "relay": {
                "from": "pg", "to": "changes", "by": "log", "row_image": "full",
                "slot": {"heartbeat": "10s", "limit": "10GiB", "after_loss": "snapshot"},
            }
        },
        "processes": {
            **saving("member", "pg", "sheet"),
            "sink": process(
                "apply", {"write": "index", "entity": "member", "guard": "version", "guard_keeps_deletes": True},
                consume="changes",
            ),
        },
    }  # fmt: skip
    design = generate_design(Given(json.dumps(data), "test"), "default")
    left = {(one.property, one.target) for check in design.checks if (one := check.left(True))}
    assert ("no-phantom", "index") in left
    remains = section_of(design.document, "### Integrity: what remains", "### Timeliness")
    assert "no-phantom of index (member) violated" in remains
    assert "Nothing definite" not in remains
    last = section_of(design.document, "stop-old-path", "## What was checked")
    assert "no-phantom of index (member)" in last
    assert f"Violated in the model of the target: {len(left)}:" in design.short_text()
    assert "- no-phantom of index (member)" in design.short_text()


def test_a_design_rebuilds_the_copies_after_a_lost_log_and_keeps_deletions_as_marked_entries():
    design = checked("deleted-account-stays-searchable")
    assert not any(check.left(True) for check in design.checks)
    assert "the copies are then built anew, compared and exchanged" in design.document
    assert "A person does that: `operate/runbooks/slot-loss.md`" in design.document
    assert "keeps a deletion as a marked entry with its version" in design.document
    assert "Violated in the model of the target: 0" in design.short_text()


def test_what_breaks_only_under_unsaid_facts_is_told_apart():
    design = checked("task-before-commit")
    assert not any(check.left(True) for check in design.checks)
    unsure = [check for check in design.checks if check.left(False)]
    assert unsure
    apart = section_of(design.document, "### Not known", "## Decisions")
    assert apart.count("Resting on unsaid facts: ") == len(unsure)
    assert "Nothing definite" in section_of(design.document, "### Integrity: what remains", "### Timeliness")


def nightly(**context: Any) -> dict[str, Any]:
    """A job that copies what is newer than its cursor from a store whose log is closed and whose rows are deleted."""
    return {
        "scope": "whole",
        "stores": {"erp": {"technology": "sqlserver", "log_access": False}, "dwh": {"technology": "snowflake"}},
        "entities": {"supplier": {"key": "supplier_id", "deletes": "hard"}},
        "processes": {"erp_app": process("save", {"write": "erp", "entity": "supplier"}, request={"retries": False})},
        "jobs": {
            "extract": {
                "from": "erp", "to": "dwh", "entity": "supplier", "every": "8h", "reads": "since-cursor",
                "cursor": "modified-time", "mode": "merge",
            }
        },
        "readers": [{"reads": "dwh", "entity": "supplier", "tolerates": "2d"}],
        "context": context,
    }  # fmt: skip


def test_a_fixed_application_and_a_closed_log_leave_a_full_extract():
    design = design_of(nightly(application="fixed"))
    chosen = design.decisions[0].recommendation
    assert (chosen.mechanism, chosen.fixes) == ("keep-current", ("reconciliation-sweep",))
    assert [f.fix for f in design.fixes] == ["reconciliation-sweep"]
    target = target_of(design)
    assert target["entities"]["supplier"]["deletes"] == "hard"
    run = handlers_of(target)["extract.run"]
    assert run["trigger"] == {"every": "8h", "reads": "all"}
    assert [s["mode"] for s in run["steps"] if "write" in s] == ["rebuild-and-swap"]
    assert design.remaining == ()
    assert "repair" not in [p.name for p in design.phases]


def test_an_application_that_may_change_gives_other_fixes():
    chosen = design_of(nightly(application="changeable")).decisions[0].recommendation
    assert chosen.mechanism == "outbox"
    opened = nightly(application="fixed")
    opened["stores"]["erp"]["log_access"] = True
    assert design_of(opened).decisions[0].recommendation.mechanism == "cdc"


def parts_of_diagram(diagram: str) -> list[set[str]]:
    """Nodes of a flowchart that hang together."""
    groups = [{node} for node in re.findall(r"^  (n\d+)[\[(]", diagram, re.MULTILINE)]
    for one, other in re.findall(r"^  (n\d+) \S+\|.*\| (n\d+)$", diagram, re.MULTILINE):
        joined = [g for g in groups if {one, other} & g]
        groups = [g for g in groups if g not in joined] + [set().union(*joined)]
    return groups


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_write_path_is_one_path_from_the_caller_to_the_last_store(name):
    design = example(name)
    topology = normalize(load_topology(parse_text(design.topology, "target"))).topology
    for entity in topology.entities:
        diagram = write_path(topology, entity)
        assert len(parts_of_diagram(diagram)) <= 1, f"{entity}\n{diagram}"


def test_a_write_path_leads_over_channels_and_relays():
    topology = normalize(load_topology(parse_text(example("money-transfer").topology, "target"))).topology
    diagram = write_path(topology, "account")
    for name in ("app", "bank", "transfer_requests", "transfer_instruction_outbox", "transfer_instructions"):
        assert f'"{name}' in diagram
    extract = normalize(load_topology(parse_text(json.dumps(nightly()), "nightly"))).topology
    assert len(parts_of_diagram(write_path(extract, "supplier"))) == 1
    assert '"read supplier"' in write_path(extract, "supplier")


def test_the_document_says_what_order_repetition_and_writers_rest_on():
    retailer, transfer, friends = (
        example(name).document for name in ("online-retailer", "money-transfer", "friendship-messages")
    )
    assert "write-ahead log (WAL) of postgres by the Debezium connector for PostgreSQL" in retailer
    assert "Order per key suffices, by product_id, order_id" in retailer and "total order is not required" in retailer
    assert "search, warehouse upsert by key" in retailer and "so redelivery is harmless" in retailer
    assert "search, warehouse keep a deletion as a marked entry" in retailer
    assert "search, warehouse are read-only derived views" in retailer
    for store, handler in (("accounts_a", "transfer_processor.validate"), ("accounts_b", "accounts_b_processor.apply")):
        assert f"{handler} recognises a repetition by request_id, recorded at {store}" in transfer
    assert "which needs a unique constraint" in transfer
    assert "Order within each pair_id" in friends and "no total order over all groups" in friends


def test_what_a_document_rests_on_follows_the_facts():
    data = read_yaml(ROOT / "examples" / "online-retailer.yaml")
    data["stores"]["postgres"]["technology"] = "mysql"
    data["entities"]["product"]["deletes"] = "never"
    document = design_of(data).document
    assert "binary log (binlog) of postgres by the Debezium connector for MySQL" in document
    assert "WAL" not in document and "remembers the version" not in document
    data["stores"]["postgres"].pop("technology")
    assert "Debezium" not in section_of(design_of(data).document, "## Decisions", "## Migration")


def test_an_outbox_says_why_neither_the_present_channel_nor_the_present_table_is_it():
    done = example("task-before-commit").decisions[0].done
    assert "celery_broker is not used for it, because it " in done
    assert "event_delivery itself becomes the outbox" in done and "nobody said that it does" in done
    assert "becomes the outbox" not in target_done(announcing(), "letters")


def target_done(data: dict[str, Any], to: str) -> str:
    return " ".join(d.done for d in design_of(data).decisions if d.recommendation.to == to)


def test_one_consumer_of_a_queue_takes_the_rows_from_the_table_without_relay_or_broker():
    target = target_of(example("task-before-commit"))
    assert {name: c["technology"] for name, c in target["channels"].items()} == {"postgres_outbox": "table"}
    assert set(target["processes"]) == {"shop", "workers"}
    trigger = handlers_of(target)["workers.deliver"]["trigger"]
    assert (trigger["consume"], trigger["cursor"], trigger["claim"]) == ("postgres_outbox", "commit-order", "lock")


def test_two_consumers_of_a_queue_or_a_log_that_is_there_get_the_rows_over_a_log():
    data = read_yaml(ROOT / "examples" / "task-before-commit.yaml")
    data["channels"]["audit"] = {"technology": "kafka"}
    logged = target_of(design_of(data))
    assert any(c["technology"] == "kafka" and n != "audit" for n, c in logged["channels"].items())
    data["channels"].pop("audit")
    deliver = data["processes"]["workers"]["handlers"]["deliver"]
    data["processes"]["archive"] = {"handlers": {"keep": deliver}}
    shared = target_of(design_of(data))
    assert "kafka" in {c["technology"] for c in shared["channels"].values()}


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_broker_comes_only_with_changes_that_several_may_read_or_with_a_log_of_requests(name):
    """The only mechanisms of the examples that need a log which today's system does not have."""
    design = example(name)
    added = set(target_of(design).get("channels", {})) - set(
        read_yaml(ROOT / "examples" / f"{name}.yaml").get("channels", {})
    )
    logs = {c for c in added if target_of(design)["channels"][c]["technology"] == "kafka"}
    chosen = {d.recommendation.mechanism for d in design.decisions}
    assert bool(logs) == bool(chosen & {"cdc", "event-sourcing"})

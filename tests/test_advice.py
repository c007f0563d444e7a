"""Recommendations and applicability: what a product offers, reasons from facts, and the parts that are in use."""

from typing import Any

import pytest

from data_integration_architect.advice.judged import judge
from data_integration_architect.advice.parts import parts_of
from data_integration_architect.catalog import load_catalog
from data_integration_architect.files import Document
from data_integration_architect.results import Recommendation, Review
from data_integration_architect.topology import normalize
from data_integration_architect.use_cases import review_document
from generated import random_topology
from support import load, parse_text


def dual_write(technology: str | None, **context: Any) -> dict[str, Any]:
    """One handler that writes `document` to a store of a technology and to a search index."""
    return {
        "scope": "whole",
        "stores": {
            "source": {"technology": technology} if technology else {},
            "index": {"technology": "elasticsearch"},
        },
        "entities": {"document": {"key": "id", "system_of_record": "source"}},
        "processes": {
            "app": {
                "handlers": {
                    "save": {
                        "steps": [{"write": "source", "entity": "document"}, {"write": "index", "entity": "document"}]
                    }
                }
            }
        },
        "context": context,
    }


def review(data: dict[str, Any]) -> Review:
    return review_document(Document(data))


def advised(data: dict[str, Any], target: str = "index") -> Recommendation:
    return next(r for r in review(data).recommendations if r.to == target)


@pytest.mark.parametrize(
    ("technology", "mechanism"),
    [
        ("postgresql", "cdc"),
        ("dynamodb", "cdc"),
        (None, "cdc"),
        ("s3", "refetch-from-source"),
        ("sqlite", "outbox"),
        ("redis", "outbox"),
        ("snowflake", "batch-etl"),
        ("redshift", "batch-etl"),
        ("solr", "batch-etl"),
    ],
)
def test_a_log_is_followed_only_where_the_product_has_one(technology, mechanism):
    found = advised(dual_write(technology))
    assert found.mechanism == mechanism
    has_log = mechanism == "cdc"
    assert (found.runner_up != "cdc") or has_log
    if not has_log:
        assert "stores.source.technology" in found.decided_by
        assert "log of source may be read" not in found.reason
        assert not any(flip.mechanism == "cdc" for flip in found.would_flip)


def test_a_store_without_log_that_must_be_fresh_follows_a_log_too():
    found = advised(dual_write("solr", freshness_wanted="2s"))
    assert (found.mechanism, found.runner_up) == ("event-sourcing", "batch-etl")
    assert advised(dual_write("solr", freshness_wanted="2s", application="fixed")).mechanism == "batch-etl"


def test_access_to_a_log_is_not_assumed_of_somebody_elses_store():
    data = dual_write("postgresql", application="fixed")
    data["stores"]["source"]["external"] = True
    assert "nobody said" in advised(data).reason
    data["stores"]["source"]["log_access"] = True
    assert advised(data).mechanism == "cdc"


def test_an_unsaid_log_access_is_told_as_unsaid():
    assert "not said" in advised(dual_write("postgresql")).reason
    data = dual_write("postgresql")
    data["stores"]["source"]["log_access"] = True
    assert "the log of source may be read" in advised(data).reason


def caller(**step: Any) -> dict[str, Any]:
    return {
        "scope": "whole",
        "stores": {"db": {"technology": "postgresql"}, "gateway": {"external": True}},
        "entities": {"payment": {"key": "id"}},
        "processes": {
            "app": {
                "handlers": {
                    "pay": {"trigger": {"request": {}}, "steps": [{"call": "gateway", "entity": "payment", **step}]}
                }
            },
            "other": {"handlers": {"note": {"steps": [{"write": "db", "entity": "payment"}]}}},
        },
    }


@pytest.mark.parametrize(
    ("step", "says"),
    [
        ({"operation_id": "passed", "kind": "charge"}, "carries the operation id"),
        ({"operation_id": "none", "kind": "charge"}, "carry no operation id"),
        ({"kind": "charge"}, "nobody described"),
    ],
)
def test_a_kept_call_claims_no_operation_id_that_was_not_said(step, says):
    found = advised(caller(**step), "gateway")
    assert found.mechanism == "keep-current"
    assert says in found.reason
    assert "recognises" not in found.reason


def test_a_kept_batch_names_its_period_and_tolerance():
    data = {
        "scope": "whole",
        "stores": {"db": {"technology": "postgresql"}, "copy": {"technology": "snowflake"}},
        "entities": {"sale": {"key": "id", "deletes": "never", "change": "append-only"}},
        "processes": {"app": {"handlers": {"sell": {"steps": [{"write": "db", "entity": "sale"}]}}}},
        "jobs": {"nightly": {"from": "db", "to": "copy", "entity": "sale", "every": "24h", "mode": "rebuild-and-swap"}},
        "readers": [{"reads": "copy", "entity": "sale", "tolerates": "2d"}],
    }
    found = advised(data, "copy")
    assert found.mechanism == "keep-current"
    assert all(part in found.reason for part in ("2d", "24h", "as a whole"))


def test_a_store_that_nothing_uses_is_not_counted_and_is_named():
    data = dual_write("postgresql")
    data["stores"]["forgotten"] = {"technology": "mysql"}
    found = review(data).applicable
    assert "2 systems must agree: index, source" in found.reason
    assert "nothing reads or writes forgotten" in found.reason


def test_with_a_partial_scope_every_listed_store_counts():
    data = dual_write("postgresql") | {"scope": "partial"}
    data["stores"]["other"] = {"technology": "mysql"}
    assert "3 systems must agree" in review(data).applicable.reason


def test_one_database_and_an_unused_second_is_one_system():
    data = {
        "scope": "whole",
        "stores": {"db": {"technology": "postgresql"}, "old": {"technology": "mysql"}},
        "entities": {"order": {"key": "id"}},
        "processes": {"app": {"handlers": {"save": {"steps": [{"write": "db", "entity": "order"}]}}}},
    }
    found = review(data)
    assert (found.applicable.verdict, found.processing.composition) == ("not-applicable", "single-system")
    assert "old" in found.applicable.reason


@pytest.mark.parametrize("seed", range(120))
def test_applicability_and_composition_count_the_same_parts(seed):
    data = random_topology(seed)
    normal = normalize(load(data)).topology
    judged, found = judge(normal), review(data)
    parts = parts_of(judged.view)
    verdict, composition = found.applicable.verdict, found.processing.composition
    if verdict == "not-applicable":
        assert composition == "single-system"
        assert len(parts.all) == 1
        assert {r.mechanism for r in found.recommendations} <= {"single-store"}
    if composition in {"composed", "federated"}:
        assert verdict == "applicable"
        assert len(parts.stores) > 1
    if len(parts.stores) > 1:
        assert verdict == "applicable"


@pytest.mark.parametrize("seed", range(0, 120, 3))
def test_a_store_that_nothing_touches_changes_no_verdict(seed):
    data = random_topology(seed) | {"scope": "whole"}
    more = data | {"stores": {**data["stores"], "zz_forgotten": {"technology": "postgresql"}}}
    before, after = review(data), review(more)
    assert after.applicable.verdict == before.applicable.verdict
    assert after.processing == before.processing


def test_every_source_in_the_catalog_gets_a_way_that_its_product_offers():
    for name, head in sorted(load_catalog().stores.heads.items()):
        if head.kind in {"log", "queue", "pubsub"}:
            continue
        found = advised(dual_write(name))
        assert found.mechanism != "cdc" or head.change_feed_kind in {"log", "stream"}, name
        assert found.runner_up != "cdc" or head.change_feed_kind in {"log", "stream"}, name


TOPICS = """
stores: {db: {technology: mysql, log_access: true}, index: {technology: elasticsearch}}
channels:
  patients: {technology: kafka, carries: [patient], message_key: patient_id, retention: forever, event: {content: full}}
  visits: {technology: kafka, carries: [visit], message_key: visit_id, retention: forever, event: {content: full}}
entities:
  patient: {key: patient_id, personal_data: {erase_within: 30d, key_per_person: false}}
  visit: {key: visit_id, personal_data: none}
captures: {a: {from: db, to: patients, entity: patient, by: log}, b: {from: db, to: visits, entity: visit, by: log}}
consumers: {c: {from: patients, to: index, mode: replace}, d: {from: visits, to: index, mode: replace}}
"""


def test_a_way_over_several_topics_knows_the_findings_on_each():
    (one,) = [found for found in review_document(parse_text(TOPICS)).recommendations if found.to == "index"]
    assert "crypto-shredding" in one.fixes
    assert "nothing of medium severity" not in one.reason


RELOADED = """
stores: {pg: {technology: postgresql}, es: {technology: elasticsearch}}
entities: {item: {key: id}}
processes: {app: {handlers: {save: {steps: [{write: pg, entity: item}]}}}}
captures: {cdc: {from: pg, to: es, entity: item, by: log}}
jobs:
  reload: {from: pg, to: es, entity: item, every: once, mode: rebuild-and-swap, live_writes: LIVE}
"""


@pytest.mark.parametrize("live, is_named", [("old-copy", True), ("paused", False)])
def test_a_way_that_may_stay_names_what_a_job_beside_it_spoils(live: str, is_named: bool):
    text = RELOADED.replace("LIVE", f"{live}, position_after_swap: kept")
    (one,) = [found for found in review_document(parse_text(text)).recommendations if found.to == "es"]
    assert one.mechanism == "keep-current"
    assert ("reload.run" in one.reason) is is_named
    assert ("pause-stream-during-rebuild" in one.fixes) is is_named


ARCHIVE = """
stores: {archive: {technology: s3}, features: {technology: cassandra}}
channels: {clicks: {technology: kafka, carries: [click], retention: 30d, event: {id: event_id}}}
entities: {click: {key: event_id, change: append-only}, feature: {key: item_id}}
processes:
  connector: {handlers: {keep: {trigger: {consume: clicks}, steps: [{write: archive, entity: click, mode: replace}]}}}
  job:
    handlers:
      compute:
        trigger: {every: 24h, reads: all}
        computes: {result: feature, exact: true}
        steps: [{read: archive, entity: click}, {write: features, entity: feature, mode: rebuild-and-swap}]
readers: [{reads: features, entity: feature, tolerates: TOLERATES, decides: none}]
"""


@pytest.mark.parametrize(("tolerates", "mechanism"), [("30m", "log-consumer"), ("2d", "keep-current")])
def test_what_is_computed_from_an_archive_can_follow_the_log_behind_it(tolerates: str, mechanism: str):
    found = review_document(parse_text(ARCHIVE.replace("TOLERATES", tolerates))).recommendations
    assert [one.mechanism for one in found if one.to == "features"] == [mechanism]


def test_a_second_write_with_an_announced_end_that_harms_nobody_may_stay():
    data = dual_write("mysql")
    second = data["processes"]["app"]["handlers"]["save"]["steps"][1]
    second.update(status="temporary", retry={"then": "ignore"}, until="2031-01-31", exit_criterion="no differences")
    data["jobs"] = {"compare": {"from": "source", "to": "index", "entity": "document", "every": "24h", "reads": "all"}}
    data["jobs"]["compare"]["mode"] = "rebuild-and-swap"
    data["readers"] = [{"reads": "source", "entity": "document"}]
    (found,) = review(data).recommendations
    assert (found.mechanism, found.runner_up) == ("keep-current", "cdc")
    assert "2031-01-31" in found.reason
    del second["exit_criterion"]
    assert [one.mechanism for one in review(data).recommendations] != ["keep-current"]


def test_entries_that_are_filled_on_a_miss_are_mended_as_a_cache_however_their_invalidation_travels():
    data = dual_write("mariadb")
    data["stores"]["index"] = {"durability": "volatile", "expiry": "none"}
    data["channels"] = {"drops": {"delivery": "at-most-once", "event": {"content": "id-only"}}}
    data["processes"]["app"]["handlers"]["save"]["steps"][1] = {"append": "drops", "entity": "document"}
    fill = [{"read": "source", "entity": "document"}, {"write": "index", "entity": "document"}]
    data["processes"]["gate"] = {
        "handlers": {
            "check": {"steps": [{"read": "index", "entity": "document", "on_miss": fill}]},
            "drop": {"trigger": {"consume": "drops"}, "steps": [{"invalidate": "index", "entity": "document"}]},
        }
    }
    assert {one.mechanism for one in review(data).recommendations} <= {"cdc-invalidation", "cache-aside-with-ttl"}


def test_the_order_between_two_systems_that_both_take_changes_is_given_by_nobody():
    jobs = {
        f"{a}_to_{b}": {"from": a, "to": b, "entity": "customer", "every": "10m", "reads": "since-cursor"}
        for a, b in (("crm", "erp"), ("erp", "crm"))
    }
    editing = {
        name: {"handlers": {"edit": {"steps": [{"write": name, "entity": "customer"}]}}} for name in ("crm", "erp")
    }
    data = {
        "stores": {"crm": {}, "erp": {}},
        "entities": {"customer": {"key": "no"}},
        "jobs": jobs,
        "processes": {f"{name}_users": process for name, process in editing.items()},
    }
    found = review(data)
    assert {one.id for one in found.findings} & {"no-single-system-of-record", "multi-leader-concurrent-writes"}
    assert True not in {one.satisfied for one in found.ordering if one.need == "per-key"}


@pytest.mark.parametrize(
    ("merge", "mechanism"), [("crdt", "keep-current"), ("last-write-wins", "crdt-merge"), (None, None)]
)
def test_copies_whose_merge_drops_nothing_may_stay(merge, mechanism):
    copies = {"regions": ["eu", "us"], "writable": "all", **({"merge": merge} if merge else {})}
    found = review(
        {
            "stores": {"redis": {"technology": "redis", "copies": copies}},
            "entities": {"basket": {"key": "basket_id", "change": "commutative"}},
            "processes": {
                "shop": {"handlers": {"put": {"steps": [{"write": "redis", "entity": "basket", "mode": "merge"}]}}}
            },
        }
    )
    assert [one.mechanism for one in found.recommendations] == ([mechanism] if mechanism else [])

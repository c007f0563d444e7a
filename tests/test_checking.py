"""Findings and their checks: pairs of runs, what is left once every named defect is mended, workers, cancellation."""

import pytest

from data_integration_architect.advice.judged import judge
from data_integration_architect.checking import bounds_of, check_findings, in_this_process, jobs_of, run_job, subject_of
from data_integration_architect.checking.jobs import BUG
from data_integration_architect.given import Given
from data_integration_architect.renderers import sections
from data_integration_architect.results import Review
from data_integration_architect.topology import normalize
from data_integration_architect.use_cases import checked_review, generate_design
from data_integration_architect.workers import Stopped, run_jobs
from support import ROOT, load, parse_text

EXAMPLES = sorted(p.stem for p in (ROOT / "examples").glob("*.yaml") if not p.stem.endswith(".evidence"))
# What the checker cannot show of the examples: a finding of an effect that only changes its order.
NOT_SHOWN = {
    ("retry-topics-and-charges", "key-reordering-retry-topic"),
    ("task-before-commit", "unordered-delivery"),
    ("engagement-counts-two-pipelines", "lambda-duplicate-logic"),
    ("engagement-counts-two-pipelines", "late-events-dropped"),
    ("online-retailer", "sink-coupled-to-write-path"),
}


def reviewed(name: str) -> Review:
    text = (ROOT / "examples" / f"{name}.yaml").read_text(encoding="utf-8")
    return checked_review(Given(text, name), "default")


@pytest.mark.parametrize("name", EXAMPLES)
def test_each_finding_of_an_example_is_a_pair(name):
    for finding in reviewed(name).findings:
        assert finding.check is not None
        if (name, finding.id) in NOT_SHOWN:
            assert finding.check.verdict == "not-modelled" and finding.check.not_modelled, finding
        else:
            assert (finding.check.verdict, finding.check.idealised) == ("violated", "holds"), finding
            assert finding.check.trace and all(step.text for step in finding.check.trace)


@pytest.mark.parametrize("name", EXAMPLES)
def test_findings_name_all_that_breaks_an_example(name):
    review = reviewed(name)
    assert not review.unnamed
    assert not [c for c in review.checked if any(reason.startswith(BUG) for reason in c.not_modelled)]


def test_the_retailer_has_the_lost_update_and_the_phantom():
    runs = {f.fingerprint: [step.text for step in f.check.trace] for f in reviewed("online-retailer").definite}
    assert runs["52b4f3e8c46e"] == ["write product write 1", "write product write 2"] * 1 + [
        "write product write 2",
        "write product write 1",
    ]
    assert runs["9fbee38e27ab"] == ["write order write 1", "shop.place_order crashes before its next step"]


def test_steps_have_their_place_in_the_document():
    finding = reviewed("online-retailer").definite[0]
    assert finding.check.trace[0].path == "processes.shop.handlers.place_order"
    assert finding.check.trace[0].line == 14


def test_confidence_and_violates_follow_the_check():
    confidences = {f.fingerprint: f.confidence for f in reviewed("online-retailer").findings}
    assert confidences["52b4f3e8c46e"] == "checked" and confidences["304055362d32"] == "derived"
    cached = reviewed("delete-after-commit-with-ttl").findings
    assert {f.violates for f in cached} == {"timeliness"}  # an entry expires


TWO_TOGETHER = """
stores: {pg: {technology: postgresql, log_access: true}, es: {technology: elasticsearch}}
channels: {changes: {technology: kafka, carries: [product], message_key: id, partitions: 4,
  retention: 7d, event: {content: full}}}
entities: {product: {key: id, deletes: never}}
processes: {web: {handlers: {save: {trigger: {request: {retries: false}}, steps: [{write: pg, entity: product}]}}}}
captures: {cdc: {from: pg, to: changes, by: log, cursor: commit-position, row_image: full}}
consumers: {indexer: {from: changes, to: es, entity: product, mode: replace, guard: none, workers: 4,
  same_key_same_worker: false}}
"""


def test_a_finding_that_is_mended_elsewhere_holds():
    normal = normalize(load(parse_text(TWO_TOGETHER).data))
    (found,) = [f for f in judge(normal.topology).found if f.id == "key-reordering-parallel-consumer"]
    job = jobs_of(normal.topology, [subject_of(found, normal.topology)], bounds_of("default"))[0]
    outcome = run_job(normal.topology, job)
    assert (outcome.verdict.verdict, outcome.idealised) == ("violated", "holds")


DELETED_IN_THE_TRANSACTION = """
scope: whole
stores: {db: {technology: mysql}, cache: {technology: redis, expiry: none}}
entities: {price: {key: sku, deletes: never}}
processes:
  web:
    instances: many
    handlers:
      get:
        trigger: {request: {from: browser, retries: false}}
        steps:
          - read: cache
            entity: price
            on_miss: [{read: db, entity: price}, {write: cache, entity: price, guard: none}]
      set:
        trigger: {request: {from: admin, retries: false}}
        steps: [{transaction: db, steps: [{write: db, entity: price}, {invalidate: cache, entity: price}]}]
readers: [{reads: cache, entity: price, access: point, tolerates: 10s}]
"""
NIGHTLY = """
scope: whole
stores: {erp: {technology: sqlserver}, dwh: {technology: snowflake}}
entities: {customer: {key: customer_id, deletes: hard}}
processes:
  app:
    instances: many
    handlers: {save: {trigger: {request: {from: staff, retries: false}}, steps: [{write: erp, entity: customer}]}}
jobs: {extract: {from: erp, to: dwh, entity: customer, every: 24h, reads: since-cursor, cursor: modified-time,
  overlap: 10m, mode: merge}}
"""
SEVERAL_RELAYS = """
scope: whole
stores: {db: {technology: oracle}, crm: {technology: mongo}}
channels:
  outbox: {technology: table, in: db, carries: [contact], event: {content: full, version: none, id: event_id}}
  contacts: {technology: kafka, message_key: contact_id, partitions: 6, carries: [contact], event: {content: full}}
entities: {contact: {key: contact_id, deletes: hard}}
processes:
  app:
    instances: many
    handlers:
      save:
        trigger: {request: {from: staff, retries: false}}
        steps: [{transaction: db, steps: [{write: db, entity: contact}, {append: outbox, entity: contact}]}]
      remove:
        trigger: {request: {from: staff, retries: false}}
        steps: [{write: db, entity: contact, mode: delete}]
  relay:
    instances: many
    handlers:
      poll:
        trigger: {consume: outbox, cursor: row-flag, claim: skip-locked, workers: 4}
        steps: [{append: contacts, entity: contact}]
  sync:
    instances: 1
    handlers:
      apply:
        trigger: {consume: contacts, acknowledge: after}
        steps: [{write: crm, entity: contact, mode: replace, guard: none}]
"""
CHARGES = """
scope: whole
stores: {psp: {technology: stripe, external: true}}
channels: {payments: {technology: kafka, message_key: payment_id, delivery: at-least-once,
  event: {content: full, id: event_id}}}
entities: {payment: {key: payment_id, change: append-only, deletes: never}}
processes:
  api:
    instances: many
    handlers:
      pay:
        trigger: {request: {from: app, retries: true, operation_id: none}}
        steps: [{append: payments, entity: payment}]
  worker:
    instances: 1
    handlers:
      apply:
        trigger: {consume: payments, acknowledge: after}
        dedup: none
        steps: [{call: psp, kind: charge, operation_id: none, reversible: false}]
"""


def checked(text: str) -> Review:
    return checked_review(Given(text, "x"), "default")


@pytest.mark.parametrize("text", [DELETED_IN_THE_TRANSACTION, NIGHTLY, SEVERAL_RELAYS, CHARGES])
def test_what_a_finding_stands_at_is_no_unnamed_violation(text):
    review = checked(text)
    assert review.checked and not review.unnamed
    for finding in review.definite:
        assert (finding.check.verdict, finding.check.idealised) == ("violated", "holds"), finding


def test_what_remains_of_a_finding_that_no_option_mends_depends_on_it():
    review = checked(DELETED_IN_THE_TRANSACTION)
    (race,) = review.definite
    (remaining,) = [one for one in review.checked if one.verdict == "violated"]
    assert race.id == "stale-cache-fill-race" and remaining.together_with == (race.fingerprint,)
    assert any(f"depends on {race.fingerprint}" in row[-1] for row in sections.checked(review, "x").content.rows)


def test_a_violation_is_unnamed_where_no_finding_stands():
    normal = normalize(load(parse_text(DELETED_IN_THE_TRANSACTION).data))
    left = [run_job(normal.topology, job) for job in jobs_of(normal.topology, [], bounds_of("default"))]
    assert [(one.verdict.verdict, one.together) for one in left].count(("violated", ())) == 1


def test_a_finding_that_the_model_mends_names_nothing_else():
    normal = normalize(load(parse_text(SEVERAL_RELAYS).data))
    (relays,) = [f for f in judge(normal.topology).found if f.id == "outbox-concurrent-relay-reorder"]
    alone = jobs_of(normal.topology, [subject_of(relays, normal.topology)], bounds_of("default"))
    left = [run_job(normal.topology, job) for job in alone if job.subject is None]
    assert ("violated", ()) in [(one.verdict.verdict, one.together) for one in left]


def test_the_run_of_a_finding_needs_that_finding():
    runs = {f.id: [step.text for step in f.check.trace] for f in checked(CHARGES).definite}
    assert "response lost, retry" in runs["server-generated-operation-id"]
    assert any("crashes" in text for text in runs["non-idempotent-consumer"])
    relays = {f.id: [step.actor for step in f.check.trace] for f in checked(SEVERAL_RELAYS).definite}
    assert {"relay.poll worker 1", "relay.poll worker 2"} <= {*relays["outbox-concurrent-relay-reorder"]}


def test_none_checks_nothing():
    review = checked_review(Given((ROOT / "examples" / "online-retailer.yaml").read_text(), "x"), "none")
    assert not review.checked and all(f.check is None for f in review.findings)


def workload():
    document = parse_text((ROOT / "examples" / "online-retailer.yaml").read_text(encoding="utf-8"))
    normal = normalize(load(document.data))
    return document, normal, judge(normal.topology).found


def test_workers_find_what_this_process_finds():
    document, normal, found = workload()
    here = check_findings(normal, document, found, "default", in_this_process)
    assert here == check_findings(normal, document, found, "default", run_jobs)


def test_progress_counts_every_job_and_a_cancellation_ends_the_workers():
    import multiprocessing

    _, normal, found = workload()
    jobs = jobs_of(normal.topology, [subject_of(one, normal.topology) for one in found], bounds_of("default"))
    seen = []
    run_jobs(normal.topology, jobs, progress=lambda done, all_: seen.append((done, all_)), most=2)
    assert seen == [(number, len(jobs)) for number in range(1, len(jobs) + 1)]
    with pytest.raises(Stopped):
        run_jobs(normal.topology, jobs, is_cancelled=lambda: True)
    assert not multiprocessing.active_children()


def test_a_worker_that_dies_costs_its_own_answer_only(monkeypatch):
    import os

    from data_integration_architect import workers

    _, normal, found = workload()
    jobs = jobs_of(normal.topology, [subject_of(one, normal.topology) for one in found], bounds_of("default"))

    def dying(topology, job, stop, known, described):
        if job.subject is None:
            os._exit(1)
        return run_job(topology, job, stop, known)

    monkeypatch.setattr(workers, "run_job", dying)
    outcomes = workers.run_jobs(normal.topology, jobs, most=1)
    assert [o.reason == workers.LOST for o in outcomes] == [job.subject is None for job in jobs]


def design_of(name: str):
    text = (ROOT / "examples" / f"{name}.yaml").read_text(encoding="utf-8")
    return generate_design(Given(text, name), "default")


def test_a_design_is_checked_for_what_fails_today():
    design = design_of("money-transfer")
    targets = {check.today.property: check.target for check in design.checks}
    assert targets["no-in-doubt"] is None  # nothing is prepared any more
    assert targets["conservation"].verdict == targets["exactly-once-effect"].verdict == "holds"
    assert all(check.today.verdict == "violated" for check in design.checks)
    assert {one.phase for check in design.checks for one in check.phases} == {phase.name for phase in design.phases}


def test_a_design_document_says_what_was_checked_within_which_bounds():
    design = design_of("friendship-messages")
    section = design.document.split("## What was checked")[1].split("\n## ")[0]
    assert "2 writes on 2 keys" in section and "clocks that disagree" in section
    assert section.count("sequenceDiagram") >= len(design.checks)
    assert "Checked in the target: of 2 properties" in design.short_text()


def test_a_design_without_checks_says_nothing_of_them():
    text = (ROOT / "examples" / "money-transfer.yaml").read_text(encoding="utf-8")
    design = generate_design(Given(text, "x"))
    assert not design.checks and "What was checked" not in design.document

"""Findings and their checks: pairs of runs, what is left once every named defect is mended, workers, cancellation."""

import pytest

from data_integration_architect.checking import bounds_of, check_findings, in_this_process, jobs_of, run_job, subject_of
from data_integration_architect.checking.jobs import BUG
from data_integration_architect.given import Given
from data_integration_architect.results import Review
from data_integration_architect.topology import normalize
from data_integration_architect.use_cases import checked_review, generate_design, judge
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

    def dying(topology, job, stop, known):
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

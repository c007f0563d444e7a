"""Findings and properties put to the model checker; running the jobs in processes is the caller's part."""

from data_integration_architect.checking.designs import check_design
from data_integration_architect.checking.effort import EFFORTS, Effort, bounds_of
from data_integration_architect.checking.jobs import Job, Outcome, alike, jobs_of, run_job
from data_integration_architect.checking.report import (
    Checks,
    RunJobs,
    check_findings,
    check_of,
    in_this_process,
    with_check,
)
from data_integration_architect.checking.subjects import Subject, subject_of

__all__ = [
    "EFFORTS",
    "Checks",
    "Effort",
    "Job",
    "Outcome",
    "RunJobs",
    "Subject",
    "alike",
    "bounds_of",
    "check_design",
    "check_findings",
    "check_of",
    "in_this_process",
    "jobs_of",
    "run_job",
    "subject_of",
    "with_check",
]

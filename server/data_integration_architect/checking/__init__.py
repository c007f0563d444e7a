"""Findings and properties put to the model checker; running the jobs in processes is the caller's part."""

from data_integration_architect.checking.designs import check_design
from data_integration_architect.checking.effort import EFFORTS, Effort, bounds_of
from data_integration_architect.checking.jobs import Described, Job, Outcome, alike, jobs_of, run_job, shared
from data_integration_architect.checking.report import (
    Checks,
    check_findings,
    check_of,
    in_this_process,
    with_check,
)
from data_integration_architect.checking.subjects import Subject, subject_of
from data_integration_architect.checking.within import RunJobs, run_within, states_of_all

__all__ = [
    "EFFORTS",
    "Checks",
    "Described",
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
    "run_within",
    "shared",
    "states_of_all",
    "subject_of",
    "with_check",
]

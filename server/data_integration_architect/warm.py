"""Imported by the process that all answering processes are forked from: they begin with the code and the knowledge."""

from data_integration_architect import answers, workers
from data_integration_architect.catalog import load_catalog
from data_integration_architect.garbage import collect_rarely

__all__ = ["answers", "workers"]

load_catalog()
collect_rarely()

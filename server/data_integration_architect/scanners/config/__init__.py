"""Configuration readers: text of a file to facts, and facts of a repository to a draft topology."""

from data_integration_architect.scanners.config.configfacts import Fact
from data_integration_architect.scanners.config.connect import Link
from data_integration_architect.scanners.config.draft import Draft, draft
from data_integration_architect.scanners.config.isolated import read_isolated
from data_integration_architect.scanners.config.registry import READERS, Reader, is_candidate, read_config, readers_for

__all__ = [
    "READERS",
    "Draft",
    "Fact",
    "Link",
    "Reader",
    "draft",
    "is_candidate",
    "read_config",
    "read_isolated",
    "readers_for",
]

"""Configuration readers: text of a file to facts, and facts of a repository to a draft topology."""

from collections.abc import Callable, Sequence

from data_integration_architect.scanners.config.configfacts import Fact, problem
from data_integration_architect.scanners.config.connect import Link
from data_integration_architect.scanners.config.draft import Draft, draft
from data_integration_architect.scanners.config.registry import READERS, Reader, is_candidate, read_config, readers_for
from data_integration_architect.scanners.isolated import CRASHED, TOO_MUCH_MEMORY, TOO_SLOW, File, read_isolated

__all__ = [
    "READERS",
    "Draft",
    "Fact",
    "Link",
    "Reader",
    "draft",
    "is_candidate",
    "lost_file",
    "read_config",
    "read_configuration",
    "readers_for",
]

_LOST = {
    CRASHED: "cannot be read: it breaks its reader",
    TOO_SLOW: "takes too long to read",
    TOO_MUCH_MEMORY: "takes too much memory to read",
}


def read_configuration(
    files: Sequence[File], workers: int = 2, progress: Callable[[int, int], None] | None = None
) -> list[Fact]:
    """Facts of configuration files, given as (path, text), in the order of the files; a lost one is a problem."""
    found = read_isolated(files, read_config, lost_file, workers, progress)
    return [fact for facts in found for fact in facts]


def lost_file(path: str, reason: str) -> list[Fact]:
    """What is said of a file that its reader was lost to."""
    return [problem(path, 1, _LOST[reason])]

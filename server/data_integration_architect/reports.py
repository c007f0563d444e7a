"""What the verbs of the command judge and print: a file, standard input or a folder, in every format.

As in the command itself, each function imports what it needs.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from data_integration_architect.terminal import emit, has_colour, say, width

if TYPE_CHECKING:
    from pydantic import BaseModel

    from data_integration_architect.checking import Effort, Job, Outcome
    from data_integration_architect.discovery import Survey
    from data_integration_architect.given import Given
    from data_integration_architect.results import Explanation, Review
    from data_integration_architect.topology import Topology

FOUND = 1
THRESHOLDS = ("info", "low", "medium", "high", "critical", "never")
STANDARD_INPUT = "<stdin>"


def surveyed(
    folder: str, write: str | None = None, replace: bool = False, cached: bool = True, keep_files: bool = False
) -> Survey:
    """What the repository at `folder` holds; a terminal sees how far the reading is."""
    from data_integration_architect.discovery import survey
    from data_integration_architect.files import check_folder

    shown = sys.stderr.isatty()

    def progress(phase: str, done: int, total: int) -> None:
        count = f" {done}/{total} files" if total else f" {done} files" if done else ""
        sys.stderr.write(f"\r\x1b[K{phase}{count}")
        sys.stderr.flush()

    try:
        path = Path(write) if write is not None else None
        if path is not None:
            check_folder(path, f"--write {write}")
        return survey(
            Path(folder), progress if shown else None, path, write or "", replace, cached=cached, keep_files=keep_files
        )
    finally:
        if shown:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()


def report(
    verb: str,
    file: str,
    form: str,
    output: str | None,
    force: bool,
    fail_on: str = "never",
    effort: Effort = "none",
    scope: Mapping[str, str | None] | None = None,
    cached: bool = True,
) -> int:
    """Judges `file`, prints the part that `verb` shows, and returns the exit code."""
    from data_integration_architect.sources import SEVERITIES
    from data_integration_architect.use_cases import checked_review

    changed = bool(scope and scope["since"])
    survey = (
        surveyed(file, cached=cached, keep_files=changed)
        if verb == "review" and file != "-" and os.path.isdir(file)
        else None
    )
    given = given_at(file) if survey is None else draft_of(survey)
    found = checked_review(given, effort, run_with_progress)
    if (scope and any(scope.values())) or (survey is not None and survey.comments):
        from data_integration_architect.scoping import Scope, scope_review

        found, said = scope_review(found, Scope(Path(file) if survey is not None else None, **(scope or {})), survey)
        say(said.notes)
    emit(rendered(verb, given, found, form, output), output, force)
    failing = SEVERITIES[THRESHOLDS.index(fail_on) :]
    return FOUND if any(finding.severity in failing for finding in found.definite) else 0


def run_with_progress(topology: Topology, jobs: Sequence[Job]) -> list[Outcome]:
    """Searches in worker processes; a terminal sees how many are done."""
    from data_integration_architect.workers import run_jobs

    shown = sys.stderr.isatty()

    def progress(done: int, total: int) -> None:
        sys.stderr.write(f"\r\x1b[Kchecking {done}/{total}")
        sys.stderr.flush()

    try:
        return run_jobs(topology, jobs, progress=progress if shown else None)
    finally:
        if shown:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()


def rendered(verb: str, given: Given, found: Review, form: str, output: str | None) -> str:
    if form == "json":
        return as_json(_view(verb, found))
    if form == "sarif":
        from data_integration_architect.renderers.sarif import review_sarif

        return review_sarif(found, given.source)
    from data_integration_architect.renderers.sections import VIEWS

    if form in {"markdown", "html"}:
        from data_integration_architect.renderers.markdown import review_markdown
        from data_integration_architect.renderers.mermaid import component_map
        from data_integration_architect.topology import load_topology

        topology = load_topology(given.document())
        text = review_markdown(found, given.source, component_map(topology), VIEWS[verb])
        if form == "markdown":
            return text
        from data_integration_architect.artifacts.page import page

        return page(text, topology, ())
    from data_integration_architect.renderers.text import review_text

    return review_text(found, given.source, width(output), has_colour(output), VIEWS[verb])


def _view(verb: str, found: Review) -> BaseModel:
    """The part of the review that a verb answers with; the models are those of the tools."""
    from data_integration_architect import results

    models: dict[str, type[BaseModel]] = {
        "classify-topology": results.Classification,
        "detect-antipatterns": results.AntiPatterns,
        "recommend-propagation": results.Propagation,
        "check-ordering": results.OrderCheck,
    }
    if verb not in models:
        return found
    return models[verb].model_validate({name: getattr(found, name) for name in models[verb].model_fields})


def print_explanation(explanation: Explanation, form: str, output: str | None, force: bool) -> int:
    if form == "json":
        text = as_json(explanation)
    elif form == "markdown":
        from data_integration_architect.renderers.markdown import explanation_markdown

        text = explanation_markdown(explanation)
    else:
        from data_integration_architect.renderers.text import explanation_text

        text = explanation_text(explanation, width(output), has_colour(output))
    emit(text, output, force)
    return 0


def as_json(model: BaseModel) -> str:
    return model.model_dump_json(by_alias=True, indent=2) + "\n"


def draft_of(survey: Survey) -> Given:
    """The draft of a folder, which has no file name of its own."""
    from data_integration_architect.given import Given

    return Given(survey.discovery.topology, "")


def given_at(file: str) -> Given:
    """Text of a file, or of standard input for `-`."""
    from data_integration_architect import files
    from data_integration_architect.given import Given

    if file != "-":
        return Given(files.read_text(Path(file), file), file)
    raw = sys.stdin.buffer.read(files.MOST_BYTES + 1)
    return Given(files.decode(raw, STANDARD_INPUT), STANDARD_INPUT)

"""What each tool of the server answers: structured content and a short text, as plain data.

Pure functions of the given topology, so that an answer can be computed in another process and kept.
"""

from __future__ import annotations

from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from data_integration_architect import results, use_cases
from data_integration_architect.checking import Effort, RunJobs, in_this_process
from data_integration_architect.errors import ArchitectError, InputError, Problem
from data_integration_architect.explain import explain
from data_integration_architect.given import Given
from data_integration_architect.renderers import text

Answer = tuple[dict[str, Any], str]

_VIEWS: dict[str, tuple[type[BaseModel], Any]] = {
    "classify_topology": (results.Classification, text.short_classification),
    "detect_antipatterns": (results.AntiPatterns, text.short_antipatterns),
    "recommend_propagation": (results.Propagation, text.short_propagation),
    "check_ordering": (results.OrderCheck, text.short_order_check),
}


def answer_review(
    given: Given,
    since: str | None,
    section: str | None,
    page: int,
    effort: Effort,
    run: RunJobs = in_this_process,
) -> Answer:
    """The review, or one page of one of its lists; `since` is an earlier review as JSON."""
    review = use_cases.checked_review(given, effort, run)
    if since is not None:
        review = review.model_copy(update={"changes": use_cases.changes_since(review, _earlier(since))})
    return _plain(use_cases.page_of(review, section, page)), text.short_review(review)


def answer_view(given: Given, tool: str, effort: Effort, run: RunJobs = in_this_process) -> Answer:
    """One of the detail views of the review."""
    model, render = _VIEWS[tool]
    whole = use_cases.checked_review(given, effort, run)
    shown = use_cases.page_of(whole)
    return _plain(model.model_validate({name: getattr(shown, name) for name in model.model_fields})), render(whole)


def answer_design(given: Given, section: str | None, effort: Effort, run: RunJobs = in_this_process) -> Answer:
    """The design, or one of its long parts."""
    design = use_cases.generate_design(given, effort, run)
    # Not every client shows structured content to its model: who asks for a part gets it as text.
    parts = {"document": design.document, "topology": design.topology, "phases": design.phases_text()}
    return _plain(design.section(section)), parts[section] if section in parts else design.short_text()


def answer_explanation(given: Given | None, topic: str) -> Answer:
    """The explanation of one topic, with a topology also of its findings."""
    explanation = explain(topic, use_cases.review(given) if given is not None else None)
    return _plain(explanation), text.short_explanation(explanation)


def answer_discovery(pipe: Connection, root: Path, write: Path | None, written_as: str) -> None:
    """Discovers the repository at `root`, in a process of its own that the other side of `pipe` may end.

    Sends ("progress", phase, done, total) any number of times, then ("done", answer) or ("refused", message).
    """
    from data_integration_architect.discovery import discover, shortened

    try:
        found = discover(root, lambda *told: pipe.send(("progress", *told)), write, written_as, cached=True)
        pipe.send(("done", (_plain(shortened(found)), text.short_discovery(found))))
    except ArchitectError as error:
        pipe.send(("refused", str(error)))
    except BrokenPipeError:
        return


def _plain(result: BaseModel) -> dict[str, Any]:
    return result.model_dump(mode="json", by_alias=True)


def _earlier(since: str) -> results.Review:
    try:
        return results.Review.model_validate_json(since)
    except ValueError:
        problem = Problem(None, None, "", "not a review; pass the structured result of an earlier review_topology call")
        raise InputError("since", [problem]) from None

"""What each tool of the server answers: structured content and a short text, as plain data.

Pure functions of the given topology, so that an answer can be computed in another process and kept.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from data_integration_architect import results, use_cases
from data_integration_architect.checking import Effort, RunJobs, in_this_process
from data_integration_architect.design.result import FILES, SECTIONS, DesignResult
from data_integration_architect.errors import InputError, Problem, UnknownName, clip
from data_integration_architect.explain import explain
from data_integration_architect.given import Given
from data_integration_architect.renderers import text
from data_integration_architect.renderers.pages import chosen, page_words, pages_of

Answer = tuple[dict[str, Any], str]
Progress = Callable[[str, int, int], None]

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
    shown = use_cases.page_of(review, section, page)
    return _plain(shown), text.short_review(review) + _rest_of(shown, section, page)


def _rest_of(shown: results.Review, section: str | None, page: int) -> str:
    """Which part of the review the structured result has, if not all of it."""
    if section is not None:
        first, count = use_cases.PAGE * (page - 1) + 1, len(getattr(shown, section))
        total = count + shown.omitted.get(section, 0)
        entries = f"entries {first} to {first + count - 1} of {total}" if count else "none"
        return f"\nStructured result: {section}, {entries}."
    if not shown.omitted:
        return ""
    missing = ", ".join(f"{count} of {name}" for name, count in sorted(shown.omitted.items()))
    return f"\nNot in the structured result: {missing}; call again with section and page 2."


def answer_view(given: Given, tool: str, effort: Effort, page: int, run: RunJobs = in_this_process) -> Answer:
    """One page of one of the detail views of the review; the text is of the same page."""
    model, render = _VIEWS[tool]
    whole = use_cases.checked_review(given, effort, run)
    shown, count = use_cases.view_page(whole, model.model_fields, page)
    structured = _plain(model.model_validate({name: getattr(shown, name) for name in model.model_fields}))
    if count == 1:
        return structured, render(whole)
    totals = ", ".join(f"{len(getattr(whole, name))} {name.replace('_', ' ')}" for name in sorted(shown.omitted))
    return structured, f"{render(shown, whole)}\n{_upper(page_words(page, count))} ({totals} in all)."


def answer_design(
    given: Given,
    section: str | None,
    effort: Effort,
    page: int,
    out: Path | None = None,
    written_as: str = "",
    run: RunJobs = in_this_process,
) -> Answer:
    """The design, or a page of one of its long parts or files; with `out` its folder is written first."""
    design = use_cases.generate_design(given, effort, run)
    if out is not None or section == FILES or (section is not None and section not in SECTIONS):
        return _answer_folder(design, given, section, page, out, written_as)
    shown = design.section(section)
    # Not every client shows structured content to its model: who asks for a part gets it as text.
    parts = {"document": design.document, "topology": design.topology, "phases": design.phases_text()}
    if section is None:
        if page > 1:
            message = f"pages are of one section: give section as well, one of {', '.join(parts)}"
            raise InputError("arguments", [Problem(None, None, "page", message)])
        return _plain(shown), design.short_text()
    pages = pages_of(parts[section])
    part = pages[chosen(pages, page, section)]
    if section == "document":
        shown = shown.model_copy(update={"document": part})
    words = page_words(page, len(pages))
    return _plain(shown), part.rstrip() + f"\n\n({_upper(words)})" if words else part


def _answer_folder(
    design: DesignResult, given: Given, section: str | None, page: int, out: Path | None, written_as: str
) -> Answer:
    """The files of a design: written, listed, or a page of one."""
    from data_integration_architect.artifacts.build import build_folder
    from data_integration_architect.artifacts.files import write_folder

    files = {artifact.path: artifact for artifact in build_folder(design, given)}
    shown = design.section(FILES).model_copy(update={"files": tuple(files)})
    if out is not None:
        words = write_folder(out, files.values(), name=written_as).text(written_as, "")
        return _plain(shown.model_copy(update={"text": words})), f"{words}{design.short_text()}"
    if section is None or section == FILES:
        return _plain(shown), "\n".join(files)
    if section not in files:
        raise UnknownName("section", section, files, first=(*SECTIONS, FILES))
    pages = pages_of(files[section].text)
    part = pages[chosen(pages, page, section)]
    words = page_words(page, len(pages))
    structured = _plain(shown.model_copy(update={"files": (section,), "text": part}))
    return structured, part.rstrip() + f"\n\n({_upper(words)})" if words else part


def answer_explanation(given: Given | None, topic: str, page: int) -> Answer:
    """A page of the explanation of one topic, with a topology also of its findings."""
    explanation = explain(topic, use_cases.review(given) if given is not None else None)
    pages = text.explanation_pages(explanation)
    shown = pages[chosen(pages, page, clip(topic))]
    if len(pages) > 1:
        shown = shown.model_copy(update={"title": f"{shown.title} ({page_words(page, len(pages))})"})
    return _plain(shown), text.short_explanation(shown)


def answer_discovery(root: Path, write: Path | None, written_as: str, tell: Progress | None = None) -> Answer:
    """The draft of the repository at `root`; `tell` is told the phase and how much of it is done."""
    from data_integration_architect.discovery import discover, shortened

    found = discover(root, tell, write, written_as, cached=True)
    return _plain(shortened(found)), text.short_discovery(found)


def _upper(words: str) -> str:
    return words[:1].upper() + words[1:]


def _plain(result: BaseModel) -> dict[str, Any]:
    return result.model_dump(mode="json", by_alias=True)


def _earlier(since: str) -> results.Review:
    try:
        return results.Review.model_validate_json(since)
    except ValueError:
        problem = Problem(None, None, "", "not a review; pass the structured result of an earlier review_topology call")
        raise InputError("since", [problem]) from None

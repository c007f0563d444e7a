"""The findings of a review or a discovery that a run shows, by its options: baseline, last day, changed lines."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from data_integration_architect.discovery import Survey
from data_integration_architect.errors import InputError, Problem, RefusedPath
from data_integration_architect.files import parse_text, read_existing, read_text, write_text
from data_integration_architect.results import Discovery, Review
from data_integration_architect.revision import changed_lines, newest_day
from data_integration_architect.triage import Found, baseline_text, day, read_baseline, touched, triage

T = TypeVar("T", bound=Found)


@dataclass(frozen=True)
class Scope:
    """The options; `root` is the folder that was scanned, None for a topology file."""

    root: Path | None = None
    baseline: str | None = None
    write_baseline: str | None = None
    reason: str | None = None
    today: str | None = None
    since: str | None = None


@dataclass(frozen=True)
class Scoped:
    """What is said beside the findings, a sentence each."""

    notes: tuple[str, ...]


def scope_review(found: Review, scope: Scope, survey: Survey | None) -> tuple[Review, Scoped]:
    """`found` with the findings that are shown. Raises: InputError for the baseline, RefusedPath for a revision."""
    kept, notes = _shown("review", [(one, one.evidence) for one in found.findings], scope, survey)
    return found.model_copy(update={"findings": tuple(kept)}), Scoped(notes)


def scope_discovery(found: Discovery, scope: Scope, survey: Survey) -> tuple[Discovery, Scoped]:
    """`found` with the dual writes and observations that are shown; raises as `scope_review` does."""
    both = [(one, one.places) for one in (*found.dual_writes, *found.observations)]
    kept, notes = _shown("discover", both, scope, survey)
    shown = {id(one) for one in kept}
    parts = {
        name: tuple(one for one in getattr(found, name) if id(one) in shown) for name in ("dual_writes", "observations")
    }
    return found.model_copy(update=parts), Scoped(notes)


def _shown(
    verb: str, findings: Iterable[tuple[T, Sequence[str]]], scope: Scope, survey: Survey | None
) -> tuple[list[T], tuple[str, ...]]:
    listed = [(one, _with_functions(places, survey)) for one, places in findings]
    if scope.write_baseline is not None:
        _accept_all(verb, [one for one, _ in listed], scope)
    baseline = None
    if scope.baseline is not None:
        document = parse_text(read_text(Path(scope.baseline), scope.baseline), scope.baseline)
        baseline = scope.baseline, read_baseline(document, verb)
    comments = survey.comments if survey is not None else ()
    outcome = triage(listed, baseline, _today(scope), comments)
    kept = list(outcome.kept)
    notes = list(outcome.notes)
    if outcome.accepted:
        notes.append(f"{outcome.accepted} accepted, not shown")
    if scope.since is not None:
        if survey is None or scope.root is None:
            raise RefusedPath("--changed-since needs a folder, a topology file has no changed lines in code")
        changed = changed_lines(scope.root, scope.since, survey.files)
        places = {id(one): own for one, own in listed}
        before = len(kept)
        kept = [one for one in kept if touched(places[id(one)], changed, survey.spans)]
        notes.append(f"{before - len(kept)} outside what changed since {scope.since}, not shown")
    return kept, tuple(notes)


def _with_functions(places: Sequence[str], survey: Survey | None) -> tuple[str, ...]:
    """`places` and the first lines of the functions around them, where a comment may stand as well."""
    found = list(places)
    for place in places if survey is not None else ():
        path, _, number = place.rpartition(":")
        for first, last in survey.spans.get(path, ()) if survey is not None and number.isdecimal() else ():
            if first <= int(number) <= last:
                found.append(f"{path}:{first}")
    return tuple(dict.fromkeys(found))


def _today(scope: Scope) -> datetime.date | None:
    """The day that was given, else that of the newest commit: no clock is read."""
    if scope.today is not None:
        given = day(scope.today)
        if given is None:
            raise InputError("--today", [Problem(None, None, scope.today, "a day is written YYYY-MM-DD")])
        return given
    return newest_day(scope.root) if scope.root is not None else None


def _accept_all(verb: str, findings: Sequence[Found], scope: Scope) -> None:
    name = scope.write_baseline or ""
    if not scope.reason or not scope.reason.strip():
        raise InputError("--write-baseline", [Problem(None, None, "", "say why with --reason TEXT")])
    earlier = read_existing(Path(name), name)
    document = parse_text(earlier, name) if earlier is not None else None
    if document is not None:
        for one in ("review", "discover"):
            read_baseline(document, one)
    write_text(Path(name), baseline_text(verb, findings, scope.reason, document), name)

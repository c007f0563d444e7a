"""Findings as SARIF 2.1.0, for code scanning."""

from __future__ import annotations

import json
from pathlib import PurePath
from typing import Any
from urllib.parse import quote

from data_integration_architect import __version__
from data_integration_architect.catalog import AntiPattern, load_catalog
from data_integration_architect.renderers.checks import step_with_changes, verdict_words
from data_integration_architect.renderers.sections import flat, names, plain_value
from data_integration_architect.results import CODE_CLASSES, CodeFinding, Discovery, Finding, Review, RunStep

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
LEVELS = {"critical": "error", "high": "error", "medium": "warning", "low": "note", "info": "note"}
# Places in source are relative to the folder that was scanned.
ROOT = "%SRCROOT%"
OBSERVATIONS = {
    "topic-names-nearly-match": "A topic that is produced and one that is consumed differ by little in their names",
    "one-database-two-names": "One database is reached under two names",
}
FINGERPRINT = "dataIntegrationArchitect/v1"


def review_sarif(review: Review, source: str) -> str:
    """One run with a rule for each anti-pattern that was found; `source` is the topology file, as it was
    given, empty for a repository."""
    ids = sorted({finding.id for finding in review.findings})
    shelf = load_catalog().anti_patterns
    results = [_result(finding, ids.index(finding.id), source) for finding in review.findings]
    return _log([_rule(shelf.entry(one)) for one in ids], results, is_repository=not source)


def discovery_sarif(discovery: Discovery) -> str:
    """One run of what the code of a repository shows: dual writes and observations, each at its first line."""
    found = (*discovery.dual_writes, *discovery.observations)
    ids = sorted({one.id for one in found})
    shelf = load_catalog().anti_patterns
    known = set(shelf)
    rules = [_rule(shelf.entry(one)) if one in known else _plain_rule(one) for one in ids]
    return _log(rules, [_code_result(one, ids.index(one.id)) for one in found], is_repository=True)


def _log(rules: list[dict[str, Any]], results: list[dict[str, Any]], is_repository: bool) -> str:
    run: dict[str, Any] = {
        "tool": {
            "driver": {"name": "data-integration-architect", "semanticVersion": __version__, "rules": rules},
        },
        "columnKind": "unicodeCodePoints",
        "results": results,
    }
    if is_repository:
        run["originalUriBaseIds"] = {ROOT: {"description": {"text": "The scanned folder."}}}
    log = {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}
    return json.dumps(log, ensure_ascii=False, indent=2) + "\n"


def _plain_rule(id_: str) -> dict[str, Any]:
    return {
        "id": id_,
        "shortDescription": {"text": message(OBSERVATIONS.get(id_, id_))},
        "defaultConfiguration": {"level": "note"},
    }


def _code_result(one: CodeFinding, rule_index: int) -> dict[str, Any]:
    if one.class_ in CODE_CLASSES:
        verb = "deletes a cached value" if one.class_ == "cache_invalidation" else "writes two systems"
        text = f"{one.function} {verb}: {'; '.join(one.effects)}"
    else:
        text = one.effects[0] if one.effects else one.function
    sure = one.class_ == "dual_write" and one.confidence == "seen"
    places = [_place(place) for place in one.places]
    return {
        "ruleId": one.id,
        "ruleIndex": rule_index,
        "level": "warning" if sure else "note",
        "message": {"text": message(f"{text}. Confidence: {one.confidence}, {one.reason}.")},
        "locations": [
            {"physicalLocation": places[0], "logicalLocations": [{"name": flat(one.function), "kind": "function"}]}
        ],
        **({"relatedLocations": [{"physicalLocation": place} for place in places[1:]]} if places[1:] else {}),
        "partialFingerprints": {FINGERPRINT: one.fingerprint},
        "properties": {
            "class": one.class_,
            "confidence": one.confidence,
            "systems": list(one.systems),
            "order": one.order,
        },
    }


def _rule(entry: AntiPattern) -> dict[str, Any]:
    known = "".join(f"\nNot seen: {problem}" for problem in entry.known_problems)
    return {
        "id": entry.id,
        "shortDescription": {"text": message(entry.title)},
        "fullDescription": {"text": message(entry.summary)},
        "help": {"text": f"{message(entry.why)}\n\nInstead: {message(entry.use_instead)}\n{message(known)}".rstrip()},
        "helpUri": quote(entry.sources[0].url, safe=_URI_SAFE),
        "defaultConfiguration": {"level": LEVELS[entry.severity[-1]]},
        "properties": {"tags": [entry.group, *entry.violates]},
    }


def _result(finding: Finding, rule_index: int, source: str) -> dict[str, Any]:
    text = finding.summary
    if finding.condition:
        said = " and ".join(f"{c.path} = {plain_value(c.value)}" for c in finding.condition)
        text = f"If {said}: {text}"
    logical = {"logicalLocations": [{"fullyQualifiedName": flat(finding.at.path)}]}
    seen = [{"physicalLocation": _place(place)} for place in finding.evidence]
    if source:
        physical: dict[str, Any] = {"artifactLocation": {"uri": uri(source)}}
        if finding.at.line is not None:
            physical["region"] = {"startLine": finding.at.line}
        location, related = {"physicalLocation": physical, **logical}, seen
    else:
        # A repository was judged: the places are those in its source, of which the first one leads.
        location, related = {**(seen[0] if seen else {}), **logical}, seen[1:]
    return {
        "ruleId": finding.id,
        "ruleIndex": rule_index,
        # A result that a person must judge has no level of its own (section 3.27.10 of the standard).
        "kind": "fail" if finding.is_definite else "review",
        "level": LEVELS[finding.severity] if finding.is_definite else "none",
        "message": {"text": message(f"{text}. Fix: {names(finding.fixes)}." if finding.fixes else f"{text}.")},
        "locations": [location],
        **({"relatedLocations": related} if related else {}),
        **_code_flows(finding, source),
        "partialFingerprints": {FINGERPRINT: finding.fingerprint},
        "properties": {
            "severity": finding.severity,
            "violates": finding.violates,
            "confidence": finding.confidence,
            **({"check": message(verdict_words(finding.check))} if finding.check is not None else {}),
            "elements": [flat(name) for name in finding.elements],
            "also": list(finding.also),
            "fixes": list(finding.fixes),
        },
    }


def _code_flows(finding: Finding, source: str) -> dict[str, Any]:
    """The shortest failing run, one location for each step."""
    if finding.check is None or not finding.check.trace:
        return {}
    steps = [_flow_step(step, source) for step in finding.check.trace]
    text = message(verdict_words(finding.check))
    return {"codeFlows": [{"message": {"text": text}, "threadFlows": [{"locations": steps}]}]}


def _flow_step(step: RunStep, source: str) -> dict[str, Any]:
    location: dict[str, Any] = {"message": {"text": message(step_with_changes(step))}}
    if step.path is not None:
        location["logicalLocations"] = [{"fullyQualifiedName": flat(step.path)}]
    if source and step.line is not None:
        location["physicalLocation"] = {"artifactLocation": {"uri": uri(source)}, "region": {"startLine": step.line}}
    return {"location": location, "importance": "essential" if step.fault else "important"}


def _place(place: str) -> dict[str, Any]:
    """`path:line` as a physical location."""
    path, _, line = place.rpartition(":")
    if not path or not line.isdecimal():
        return {"artifactLocation": {"uri": uri(place), "uriBaseId": ROOT}}
    return {"artifactLocation": {"uri": uri(path), "uriBaseId": ROOT}, "region": {"startLine": max(1, int(line))}}


_URI_SAFE = "/:?#[]@!$&'()*+,;=%~-._"


def uri(source: str) -> str:
    """The file as a URI reference: relative as it was given, absolute ones with their scheme."""
    path = PurePath(source)
    return path.as_uri() if path.is_absolute() else quote(path.as_posix())


def message(text: str) -> str:
    """`text` as a literal plain-text message: braces are placeholders there, `[text](target)` a link."""
    return flat(text).replace("{", "{{").replace("}", "}}").replace("](", "] (")

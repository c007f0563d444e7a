"""Findings as SARIF 2.1.0, for code scanning."""

from __future__ import annotations

import json
from pathlib import PurePath
from typing import Any
from urllib.parse import quote

from data_integration_architect import __version__
from data_integration_architect.catalog import AntiPattern, load_catalog
from data_integration_architect.renderers.sections import flat, names, plain_value
from data_integration_architect.results import Finding, Review

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
LEVELS = {"critical": "error", "high": "error", "medium": "warning", "low": "note", "info": "note"}
FINGERPRINT = "dataIntegrationArchitect/v1"


def review_sarif(review: Review, source: str) -> str:
    """One run with a rule for each anti-pattern that was found; `source` is the topology file, as it was
    given, empty for a repository."""
    ids = sorted({finding.id for finding in review.findings})
    shelf = load_catalog().anti_patterns
    log = {
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "data-integration-architect",
                        "semanticVersion": __version__,
                        "rules": [_rule(shelf.entry(one)) for one in ids],
                    }
                },
                "columnKind": "unicodeCodePoints",
                "results": [_result(finding, ids.index(finding.id), source) for finding in review.findings],
            }
        ],
    }
    return json.dumps(log, ensure_ascii=False, indent=2) + "\n"


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
        "partialFingerprints": {FINGERPRINT: finding.fingerprint},
        "properties": {
            "severity": finding.severity,
            "violates": finding.violates,
            "confidence": finding.confidence,
            "elements": [flat(name) for name in finding.elements],
            "also": list(finding.also),
            "fixes": list(finding.fixes),
        },
    }


def _place(place: str) -> dict[str, Any]:
    """`path:line` as a physical location."""
    path, _, line = place.rpartition(":")
    if not path or not line.isdecimal():
        return {"artifactLocation": {"uri": uri(place)}}
    return {"artifactLocation": {"uri": uri(path)}, "region": {"startLine": max(1, int(line))}}


_URI_SAFE = "/:?#[]@!$&'()*+,;=%~-._"


def uri(source: str) -> str:
    """The file as a URI reference: relative as it was given, absolute ones with their scheme."""
    path = PurePath(source)
    return path.as_uri() if path.is_absolute() else quote(path.as_posix())


def message(text: str) -> str:
    """`text` as a literal plain-text message: braces are placeholders there, `[text](target)` a link."""
    return flat(text).replace("{", "{{").replace("}", "}}").replace("](", "] (")

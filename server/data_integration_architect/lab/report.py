"""What the lab found, as text, JSON and one HTML page."""

from __future__ import annotations

import html
import json
from collections.abc import Mapping
from typing import Any

KINDS = ("lost", "left_over", "duplicated", "reverted", "diverged", "negative")
MEANINGS = {
    "lost": "in the system of record and not in the derived store, or taken and not given",
    "left_over": "in the derived store and no longer in the system of record",
    "duplicated": "applied more than once",
    "reverted": "an older state than that of the system of record",
    "diverged": "another content",
    "negative": "an amount below zero",
}


def report_text(report: Mapping[str, Any]) -> str:
    """The report for a person at a terminal."""
    lines = [f"{report['what']}: {'clean' if report['is_clean'] else 'DIFFERENCES'}"]
    if "load" in report:
        load = report["load"]
        lines.append(
            f"load with seed {load['seed']}: {load['committed']} committed, {load['rolled_back']} rolled back, "
            f"{load['failed']} ended by a fault"
        )
    for result in report.get("results", ()):
        lines.append(_result_line(result))
    runs = report.get("runs", ())
    for run in runs:
        lines.append(f"{'clean  ' if run['is_clean'] else 'DIFFERS'} {run['fault']} ({run['seconds']} s)")
        lines += [f"  {_result_line(result)}" for result in run["differing"]]
    if runs:
        clean = sum(run["is_clean"] for run in runs)
        lines.append(f"{len(runs)} runs, {clean} clean; {_sum(runs)}")
    for replay in report.get("replays", ()):
        lines.append(f"{replay['run']}: {replay['verdict']}")
        lines += [f"  {number}. {step}" for number, step in enumerate(replay["steps"], start=1)]
    for one in report.get("recordings", ()):
        lines.append(f"recorded: {one['summary']}")
        if not one["is_accepted"]:
            lines += [f"  {number}. {event}" for number, event in enumerate(one["events"], start=1)]
            lines += [f"  the model has no step for: {event}" for event in one["next"]]
    lines += [f"note: {note}" for note in report.get("notes", ())]
    return "\n".join(lines) + "\n"


def _sum(runs: Any) -> str:
    counts = dict.fromkeys(("lost", "duplicated", "reverted", "diverged"), 0)
    for run in runs:
        for result in run["differing"]:
            for kind in counts:
                counts[kind] += _count(result.get(kind))
    return ", ".join(f"{number} {kind}" for kind, number in counts.items())


def _count(value: Any) -> int:
    if isinstance(value, Mapping):
        return int(value["count"])
    return len(value) if isinstance(value, list) else 0


def _keys(value: Any) -> list[str]:
    return list(value["keys"]) if isinstance(value, Mapping) else list(value or ())


def _result_line(result: Mapping[str, Any]) -> str:
    wrong = [f"{_count(result[k])} {k} ({', '.join(_keys(result[k]))})" for k in KINDS if _count(result.get(k))]
    if "rows" in result:
        head = f"{result['source']} and {result['target']}: {result['rows']} rows"
    else:
        head = f"{result['name']}: {result['sent']} sent, {result['accepted']} accepted, {result['rejected']} rejected"
    return f"{head}, {'; '.join(wrong) if wrong else 'equal'}"


def report_json(report: Mapping[str, Any]) -> str:
    return json.dumps(report, ensure_ascii=False, indent=2) + "\n"


def report_html(report: Mapping[str, Any]) -> str:
    """One page without scripts; everything that came from a design or a database is escaped."""
    parts = [f"<h1>{html.escape(report['what'])}: {'clean' if report['is_clean'] else 'differences'}</h1>"]
    if report.get("results"):
        parts.append("<table><tr><th>Compared</th><th>Result</th></tr>")
        for result in report["results"]:
            parts.append(f"<tr><td>{html.escape(result['name'])}</td><td>{html.escape(_result_line(result))}</td></tr>")
        parts.append("</table>")
    if report.get("runs"):
        parts.append("<table><tr><th>Fault</th><th>Seconds</th><th>Committed</th><th>Result</th></tr>")
        for run in report["runs"]:
            differing = "; ".join(_result_line(result) for result in run["differing"])
            cells = (run["fault"], run["seconds"], run["committed"], "clean" if run["is_clean"] else differing)
            row = "".join(f"<td>{html.escape(str(cell))}</td>" for cell in cells)
            parts.append(f"<tr class='{'clean' if run['is_clean'] else 'differs'}'>{row}</tr>")
        parts.append("</table>")
    for replay in report.get("replays", ()):
        steps = "".join(f"<li>{html.escape(step)}</li>" for step in replay["steps"])
        parts.append(f"<h2>{html.escape(replay['run'])}</h2><ol>{steps}</ol><p>{html.escape(replay['verdict'])}</p>")
    if report.get("recordings"):
        parts.append("<h2>Recorded runs of the design</h2>")
    for one in report.get("recordings", ()):
        steps = "".join(f"<li>{html.escape(event)}</li>" for event in one["events"])
        shown = f"<details><summary>{html.escape(one['summary'])}</summary><ol>{steps}</ol></details>"
        parts.append(shown)
    parts += [f"<p>{html.escape(note)}</p>" for note in report.get("notes", ())]
    meanings = "".join(f"<dt>{kind}</dt><dd>{html.escape(text)}</dd>" for kind, text in MEANINGS.items())
    return (
        "<!doctype html><html lang='en'><head><meta charset='utf-8'><title>Lab report</title><style>"
        "body{font:16px/1.5 system-ui,sans-serif;max-width:70rem;margin:2rem auto;padding:0 1rem}"
        "table{border-collapse:collapse;width:100%}td,th{border:1px solid #999;padding:.3rem .6rem;text-align:left}"
        f".differs td{{background:#fdd}}</style></head><body>{''.join(parts)}<dl>{meanings}</dl></body></html>\n"
    )

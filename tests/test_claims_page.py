"""docs/claims.md is what the checker says of examples/claims; `REWRITE_GOLDEN=1 pytest` writes it anew."""

import os

import yaml

from data_integration_architect.modelcheck import Assumptions, Bounds, decide, questions
from data_integration_architect.topology import Topology, normalize
from support import ROOT

PAGE = ROOT / "docs" / "claims.md"
JUDGEMENT = {"true": "True", "false": "False", "conditional": "True under conditions only"}
HEAD = """# Claims, checked

Statements that are often repeated about these patterns, each put to the model checker. Every variant is a topology in
[examples/claims](../examples/claims); the verdicts and runs below are what the checker prints for it, and a test holds
this page to them. A verdict holds within these bounds: {writes} writes, {keys} keys, {partitions} partitions,
{instances} instances of a process marked many, {retries} client retry, at most {faults} faults. Facts that nobody
states stand at their unsafe end. `[fault]` marks a step that nobody wanted.
"""


def variant_lines(variant: dict) -> list[str]:
    topology = normalize(Topology.model_validate(variant["topology"])).topology
    wanted = variant["expect"]
    question = next(
        one
        for one in questions(topology)
        if (one.property, one.target, one.entity) == (wanted["property"], wanted["target"], wanted.get("entity"))
    )
    found = decide(topology, question, Bounds(), assumptions=Assumptions("unsafe"))
    about = f"{found.property} of {found.target}" + (f" ({found.entity})" if found.entity else "")
    if found.verdict != "violated":
        return ["", f"**{variant['when']}**: {about} {found.verdict}; {found.states:,} states."]
    counts = f"{len(found.trace)} steps, {found.faults_needed} faults, {found.writes_needed} writes"
    lines = ["", f"**{variant['when']}**: {about} violated ({found.violates}); {counts}.", ""]
    for number, step in enumerate(found.trace, start=1):
        where = f" to {step.target}" if step.target and step.target != step.actor else ""
        lines.append(f"{number}. {step.actor}{where}: {step.text}{' `[fault]`' if step.is_fault else ''}")
    return lines


def page() -> str:
    bounds = Bounds()
    fields = ("writes", "keys", "partitions", "instances", "retries", "faults")
    lines = [HEAD.format(**{name: getattr(bounds, name) for name in fields}).rstrip()]
    for path in sorted((ROOT / "examples" / "claims").glob("*.yaml")):
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
        lines += ["", f"## {document['claim']}", ""]
        lines += [f"{JUDGEMENT[document['judgement']]} ([{path.stem}](../examples/claims/{path.name}))."]
        for variant in document["variants"]:
            lines += variant_lines(variant)
    return "\n".join(lines) + "\n"


def test_the_page_of_claims_is_what_the_checker_says():
    text = page()
    if os.environ.get("REWRITE_GOLDEN"):
        PAGE.write_text(text, encoding="utf-8", newline="\n")
    assert PAGE.read_text(encoding="utf-8") == text

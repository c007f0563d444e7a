"""Protocols that differ by one fact: the verdict and the exact shortest run of each variant.

Each file has a `base` topology and `pairs`; a variant sets facts by dotted path (`null` unsays one). The runs were
derived by hand from the protocol, then written in the checker's words.
"""

import copy
import random
from pathlib import Path
from typing import Any

import pytest
import yaml
from test_export import compare, needs_spin

from data_integration_architect.modelcheck import Assumptions, Bounds, Question, Verdict, decide, questions
from data_integration_architect.modelcheck.check import answer
from data_integration_architect.modelcheck.expressions import NotModelledError
from data_integration_architect.modelcheck.ir import Property
from data_integration_architect.modelcheck.slices import slice_for
from data_integration_architect.topology import Topology, normalize

FILES = sorted((Path(__file__).parent / "pairs").glob("*.yaml"))


def with_facts(base: dict[str, Any], *changes: dict[str, Any]) -> dict[str, Any]:
    """The document with facts set by dotted path; numbers index lists, `null` removes."""
    found = copy.deepcopy(base)
    for change in changes:
        for path, value in change.items():
            *parents, last = [int(part) if part.isdigit() else part for part in path.split(".")]
            place: Any = found
            for part in parents:
                place = place[part] if isinstance(part, int) else place.setdefault(part, {})
            if value is None and isinstance(place, dict):
                place.pop(last, None)
            else:
                place[last] = copy.deepcopy(value)
    return found


def variants() -> list[Any]:
    found = []
    for file in FILES:
        document = yaml.safe_load(file.read_text(encoding="utf-8"))
        for pair in document["pairs"]:
            for variant in pair["variants"]:
                given = with_facts(document["base"], pair.get("set", {}), variant.get("set", {}))
                ask = {**document.get("ask", {}), **pair.get("ask", {}), **variant.get("ask", {})}
                found.append(pytest.param(given, ask, variant, id=f"{file.stem}: {pair['pair']}: {variant['when']}"))
    return found


def asked(given: dict[str, Any], ask: dict[str, str]) -> tuple[Topology, Question]:
    """The normal form and the one question that is meant; a question about a store has no element."""
    topology = normalize(Topology.model_validate(given)).topology
    found = [
        q for q in questions(topology) if all(getattr(q, n) == value for n, value in {"element": "", **ask}.items())
    ]
    assert len(found) == 1, (ask, questions(topology))
    return topology, found[0]


def verdict_on(given: dict[str, Any], ask: dict[str, str], assumptions: Assumptions) -> Verdict:
    topology, question = asked(given, ask)
    return decide(topology, question, Bounds(), assumptions=assumptions)


def run_of(found: Verdict) -> list[str]:
    return [
        f"{step.actor}{f' -> {step.target}' if step.target not in ('', step.actor) else ''}: {step.text}"
        for step in found.trace
    ]


@pytest.mark.parametrize(("given", "ask", "variant"), variants())
def test_verdict_and_shortest_run(given: dict[str, Any], ask: dict[str, str], variant: dict[str, Any]):
    found = verdict_on(given, ask, Assumptions("unsafe"))
    assert found.verdict == variant["verdict"], run_of(found)
    if found.verdict == "violated":
        assert run_of(found) == variant["run"]
        seen = (found.violates, found.faults_needed, found.writes_needed)
        assert seen == (variant["violates"], variant["faults"], variant["writes"])
        assert found.is_shortest
    if found.verdict == "holds":
        assert not found.never_enabled or set(found.never_enabled) == set(variant.get("never", ()))
    assert not set(variant.get("not_modelled", ())) - set(found.not_modelled)


SMALL = Bounds(writes=2, faults=1)


def laws_hold(given: dict[str, Any], ask: dict[str, str], draw: random.Random) -> None:
    """A larger bound keeps a violation, and giving up a safeguard never repairs a property."""
    topology, question = asked(given, ask)

    def found(ends: dict[str, Any], bounds: Bounds = SMALL) -> Any:
        return answer(topology, question, bounds, Assumptions("unsafe" if not ends else "safe", ends))

    base = found({})
    if base.result.outcome == "violated":
        assert found({}, Bounds(writes=3)).result.outcome == "violated"
    used = [use for use in base.case.options.used if use.safe != use.unsafe]
    ordered = [use.path for use in used if use.is_ordered]
    if not ordered:
        return
    ends = {use.path: draw.choice(("safe", "unsafe")) for use in used}
    path = draw.choice(ordered)
    try:
        safe, unsafe = found({**ends, path: "safe"}), found({**ends, path: "unsafe"})
    except NotModelledError:
        return  # with these facts the shape is another one, which a verdict says
    # whether an option has a safer end may depend on the others
    said = [use for use in (*safe.case.options.used, *unsafe.case.options.used) if use.path == path]
    if all(use.is_ordered for use in said):
        assert not (safe.result.outcome == "violated" and unsafe.result.outcome == "holds"), (path, ends)


@pytest.mark.parametrize(("given", "ask", "variant"), variants()[::6])
def test_laws(given: dict[str, Any], ask: dict[str, str], variant: dict[str, Any]):
    laws_hold(given, ask, random.Random(variant["when"]))


@pytest.mark.soak
@pytest.mark.parametrize(("given", "ask", "variant"), variants())
def test_laws_on_all_pairs(given: dict[str, Any], ask: dict[str, str], variant: dict[str, Any]):
    for seed in range(12):
        laws_hold(given, ask, random.Random(seed))


def spin_agrees(given: dict[str, Any], ask: dict[str, str], folder: Path) -> None:
    case = answer(*asked(given, ask), SMALL, Assumptions("unsafe")).case
    forms = case.forms
    kind, parts = ("at_rest", forms.at_rest) if forms.at_rest else ("invariant", forms.always)
    prop = Property(forms.name, kind, parts[:1])  # type: ignore[arg-type]
    compare(slice_for(case.model, prop, prop.parts[0]), prop, folder)


@needs_spin
@pytest.mark.parametrize(("given", "ask", "variant"), variants()[3::16])
def test_spin_agrees(given: dict[str, Any], ask: dict[str, str], variant: dict[str, Any], tmp_path: Path):
    spin_agrees(given, ask, tmp_path)


@needs_spin
@pytest.mark.soak
@pytest.mark.parametrize(("given", "ask", "variant"), variants())
def test_spin_agrees_on_all_pairs(given: dict[str, Any], ask: dict[str, str], variant: dict[str, Any], tmp_path: Path):
    spin_agrees(given, ask, tmp_path)


@pytest.mark.parametrize(("given", "ask", "variant"), variants())
def test_each_step_says_why_it_is_one(given: dict[str, Any], ask: dict[str, str], variant: dict[str, Any]):
    case = answer(*asked(given, ask), Bounds(writes=1, faults=0), Assumptions("unsafe")).case
    assert not {action.name for action in case.model.actions if action.kind != "fault" and not action.atomic}


def test_each_pair_has_both_verdicts():
    for file in FILES:
        for pair in yaml.safe_load(file.read_text(encoding="utf-8"))["pairs"]:
            verdicts = {variant["verdict"] for variant in pair["variants"]}
            runs = {tuple(variant.get("run", ())) for variant in pair["variants"]}
            assert len(verdicts) > 1 or len(runs) > 1, (file.stem, pair["pair"])

"""The operations behind the verb `check`: verdicts on a topology as it is described, sweeps over bounds, exports."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from data_integration_architect.checking import Job, RunJobs, check_of, in_this_process, run_within
from data_integration_architect.errors import DoesNotApply, UnknownName
from data_integration_architect.given import Given
from data_integration_architect.modelcheck import PROPERTIES, Assumptions, Bounds, Question, questions
from data_integration_architect.modelcheck.cases import build_case
from data_integration_architect.modelcheck.export.promela import to_promela
from data_integration_architect.modelcheck.export.tla import tla_configuration, to_tla
from data_integration_architect.modelcheck.expressions import NotModelledError
from data_integration_architect.modelcheck.ir import Property
from data_integration_architect.results import CheckReport, ExportedModel, SweepCell, SweepRow
from data_integration_architect.topology import NormalForm, load_topology, normalize


def check_topology(
    given: Given,
    property: str | None = None,
    target: str | None = None,
    bounds: Bounds | None = None,
    *,
    sweep: bool = False,
    run: RunJobs = in_this_process,
) -> CheckReport:
    """Every property that applies, or those asked for, with all facts as stated.

    `sweep` adds a verdict for each smaller number of faults and writes. Raises: InputError, UnknownName.
    """
    document = given.document()
    normal = normalize(load_topology(document))
    limits = bounds or Bounds()
    asked = _asked(normal, property, target)
    jobs = [Job(limits, (), question=question, is_plain=True) for question in asked]
    outcomes = run_within(normal.topology, jobs, limits, run)
    checks = [check_of(outcome, job, normal, document) for job, outcome in zip(jobs, outcomes, strict=True)]
    rows = _sweep(normal, asked, limits, run) if sweep else ()
    return CheckReport(system=normal.topology.system, checks=tuple(checks), sweep=rows)


def _asked(normal: NormalForm, property: str | None, target: str | None) -> list[Question]:
    if property is not None and property not in PROPERTIES:
        raise UnknownName("property", property, PROPERTIES)
    every = questions(normal.topology)
    about = [question for question in every if property in (None, question.property)]
    if property is not None and every and not about:
        # whoever waits for this verdict, as a gate does, must not take its absence for a good one
        raise DoesNotApply("property", property, (question.property for question in every))
    if target is not None and target not in {question.target for question in about}:
        raise UnknownName("target", target, sorted({question.target for question in about}))
    return [question for question in about if target in (None, question.target)]


def _sweep(normal: NormalForm, asked: Sequence[Question], bounds: Bounds, run: RunJobs) -> tuple[SweepRow, ...]:
    grid = [(faults, writes) for faults in range(bounds.faults + 1) for writes in range(1, bounds.writes + 1)]
    jobs = [
        Job(replace(bounds, faults=faults, writes=writes), (), question=question, is_plain=True)
        for question in asked
        for faults, writes in grid
    ]
    outcomes = iter(run_within(normal.topology, jobs, bounds, run))
    rows = []
    for question in asked:
        cells = []
        for faults, writes in grid:
            verdict = next(outcomes).verdict
            word = verdict.verdict if verdict is not None and verdict.states else "not-modelled"
            states = verdict.states if verdict is not None else 0
            cells.append(SweepCell(faults=faults, writes=writes, verdict=word, states=states))
        rows.append(
            SweepRow(property=question.property, target=question.target, entity=question.entity, cells=tuple(cells))
        )
    return tuple(rows)


def export_models(
    given: Given, language: str, property: str | None = None, target: str | None = None, bounds: Bounds | None = None
) -> list[ExportedModel]:
    """The models of the properties asked for, as Promela or TLA+; unknown facts stand at their unsafe end.

    A property that is judged at rest and in between gives two. Raises: InputError, UnknownName.
    """
    normal = normalize(load_topology(given.document()))
    found = []
    for question in _asked(normal, property, target):
        try:
            case = build_case(normal.topology, question, bounds or Bounds(), Assumptions("unsafe"))
        except NotModelledError:
            continue
        forms = [
            Property(case.forms.name, "at_rest", case.forms.at_rest),
            Property(case.forms.name, "invariant", case.forms.always),
        ]
        for form in forms:
            if form.parts:
                exported = (to_promela if language == "promela" else to_tla)(case.model, form)
                found.append(
                    ExportedModel(
                        language="promela" if language == "promela" else "tla",
                        property=question.property,
                        target=question.target,
                        entity=question.entity,
                        form="at-rest" if form.kind == "at_rest" else "always",
                        text=exported.text,
                        configuration="" if language == "promela" else tla_configuration(),
                        names=dict(exported.names),
                    )
                )
    return found

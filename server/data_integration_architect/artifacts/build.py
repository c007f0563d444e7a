"""All files of a design folder."""

from __future__ import annotations

from data_integration_architect.artifacts.connect import connector_files
from data_integration_architect.artifacts.databases import database_files
from data_integration_architect.artifacts.files import Artifact
from data_integration_architect.artifacts.labplan import lab_plan
from data_integration_architect.artifacts.log import log_files
from data_integration_architect.artifacts.names import as_json
from data_integration_architect.artifacts.operations import operation_files
from data_integration_architect.artifacts.plan import plan_of
from data_integration_architect.artifacts.sinks import sink_files
from data_integration_architect.design.result import DesignResult
from data_integration_architect.files import parse_text
from data_integration_architect.topology import load_topology, normalize


def build_folder(design: DesignResult) -> tuple[Artifact, ...]:
    """Every file that the design's target topology needs, sorted by path; the same bytes for the same design."""
    topology = normalize(load_topology(parse_text(design.topology, "topology.yaml"))).topology
    files = {"topology.yaml": design.topology, "integration-architecture.md": design.document}
    if design.applicable:
        plan = plan_of(topology)
        for made in (connector_files, database_files, log_files, operation_files, sink_files):
            files |= made(plan)
        files["lab.json"] = as_json(lab_plan(plan, topology, files))
    return tuple(sorted(Artifact(path, text) for path, text in files.items()))

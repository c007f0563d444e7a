"""The schemas of a folder against those that its consumers were made for."""

from __future__ import annotations

import json
from pathlib import Path

from data_integration_architect.artifacts.compatibility import breaking_changes, mode_of, refused
from data_integration_architect.artifacts.log import schemas
from data_integration_architect.artifacts.plan import plan_of
from data_integration_architect.files import parse_text
from data_integration_architect.lab.packages import LabError
from data_integration_architect.topology import Topology, load_topology, normalize

TOPOLOGY = "topology.yaml"


def design_topology(design: Path) -> Topology:
    """The topology that a folder's design was made for. Raises: LabError, InputError."""
    place = design / TOPOLOGY
    if not place.is_file():
        raise LabError(f"{place} is missing: without it there is no model of this design")
    return normalize(load_topology(parse_text(place.read_text(encoding="utf-8"), TOPOLOGY))).topology


def refuse_broken_schemas(design: Path) -> None:
    """Passes where every schema that was changed by hand is one that readers bear: what the delivered consumers need
    stays, whatever the mode, and the mode's own promise holds. Raises: LabError with every break.
    """
    if not (design / TOPOLOGY).is_file():
        return
    broken: list[str] = []
    for path, made in schemas(plan_of(design_topology(design))).items():
        place = design / path
        if not place.is_file():
            continue
        try:
            changed = json.loads(place.read_text(encoding="utf-8"))
        except ValueError:
            raise LabError(f"{place}: not JSON") from None
        lost = {f"the consumers here: {why}" for why in refused(made, changed)}
        if mode_of(made) in {"backward", "full"}:
            lost |= set(breaking_changes(made, changed, "backward"))
        broken += [f"{path}: {why}" for why in sorted(lost)]
    if broken:
        raise LabError(f"a changed schema breaks readers: {'; '.join(broken)}")

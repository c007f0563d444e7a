"""Causal pairs."""

from __future__ import annotations

from data_integration_architect.advice.choice import Advice
from data_integration_architect.design.workbench import Workbench


def token(bench: Workbench, advice: Advice) -> str:
    for pair in bench.draft.data.get("causality", []):
        if {pair["first"], pair["then"]} & {advice.source, advice.target}:
            pair.update({"token": "carried", "token_from": "acknowledged-write", "judged_by": "token"})
    return "the later event carries the position of the earlier one, and the check waits for it"

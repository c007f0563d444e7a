"""Causal pairs: a token on the later event, or one topic for both."""

from __future__ import annotations

from data_integration_architect.advice.choice import Advice
from data_integration_architect.design.causal_options import TOKEN, share_topic
from data_integration_architect.design.workbench import Workbench


def token(bench: Workbench, advice: Advice) -> str:
    for pair in bench.draft.data.get("causality", []):
        if (pair["first"], pair["then"]) == (advice.source, advice.target):
            pair.update(TOKEN)
    return (
        f"each event of {advice.target} carries the position of the last event of {advice.source} that its author "
        "knew; the check waits until its view has passed that position"
    )


def one_topic(bench: Workbench, advice: Advice) -> str:
    for pair in bench.draft.data.get("causality", []):
        if (pair["first"], pair["then"]) == (advice.source, advice.target):
            channel = share_topic(bench.draft, pair)
            if channel is not None:
                group = pair.get("per") or "the group"
                return f"both events go to {channel}, keyed by {group}, before their authors are answered"
    return f"not carried out: {advice.source} or {advice.target} appends to no channel"

"""A causal pair: the token on the later event, or one topic keyed by the group, each with what breaks it.

Every variant is the user's own topology with that one thing changed, judged by the checker (property causal-order).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from data_integration_architect.advice.choice import Advice
from data_integration_architect.analysis.view import View
from data_integration_architect.design.draft import Draft, Step, steps_of
from data_integration_architect.design.options import Comparison, Option, Shown, judged, plain
from data_integration_architect.modelcheck import Bounds, Question, decide
from data_integration_architect.topology import CausalPair

TOKEN = {"token": "carried", "token_from": "acknowledged-write", "judged_by": "token"}


@dataclass(frozen=True)
class _Pair:
    index: int
    pair: CausalPair

    @property
    def judge(self) -> str:
        return self.pair.checked_by or self.pair.then


def pair_of(view: View, advice: Advice) -> int | None:
    """Index of the causal pair that an advice is about."""
    for index, pair in enumerate(view.topology.causality):
        if (pair.first, pair.then) == (advice.source, advice.target):
            return index
    return None


def compare_causal(view: View, advice: Advice) -> Comparison | None:
    """Today, the token and the shared topic for one pair; None where the advice is about no pair."""
    index = pair_of(view, advice)
    if index is None:
        return None
    one = _Pair(index, view.topology.causality[index])
    first, then, judge = plain(one.pair.first), plain(one.pair.then), plain(one.judge)
    group = plain(one.pair.per or "group")
    is_token = advice.choice.mechanism == "causal-token"
    today = Option(
        "Today", "today", "The two events take their own ways.", (_judged(Draft(view.topology), one, "order"),)
    )
    token = Option(
        "Causal token with deferral",
        "chosen" if is_token else "runner-up",
        f"Each event of {then} carries the position of the last event of {first} that its author knew; {judge} waits "
        "until its view has passed that position, and decides by the state at that position.",
        (
            _judged(_with_token(view, one, "acknowledged-write"), one, "with the position of an acknowledged write"),
            _judged(_with_token(view, one, "stale-read"), one, "with a position from a read that may be stale"),
        ),
        (
            f"Holds only if the token comes from the author's acknowledged {first}, or from a read that is as fresh.",
            f"An event of {then} waits as long as the view of {judge} lags; it needs a limit and an alarm.",
            f"Better where {first} and {then} belong to services that keep their own topics.",
        ),
    )
    shared = Option(
        f"One topic keyed by {group}",
        "runner-up" if is_token else "chosen",
        f"{first} and {then} append to one topic with {group} as message key, so that {judge} reads the events of one "
        "group in the order in which they were appended.",
        _shared_claims(view, one),
        (
            f"Holds only if {first} is acknowledged to its author after its append. A handler that commits to its own "
            "store first and appends afterwards breaks it; an outbox does not mend that by itself.",
            f"Both kinds of events need {group} on them; an event of several groups is appended once for each.",
            "Better where one team owns both events, or where the only source of a token is a read that may be stale.",
        ),
    )
    options = (today, token, shared) if is_token else (today, shared, token)
    scope = (
        "Each claim is about the order of the pair alone, checked on this topology with that one thing changed. "
        "Neither needs an order over all groups."
    )
    return Comparison(f"Ways to keep {first} before {then}", scope, options)


def _judged(draft: Draft | None, one: _Pair, claim: str) -> Shown:
    if draft is None:
        return Shown(claim, "was not checked: one of the two handlers appends to no channel")
    question = Question("causal-order", one.judge, None, element=f"causality.{one.index}")
    return judged(claim, decide(draft.topology(), question, Bounds()))


def _with_token(view: View, one: _Pair, source: str) -> Draft:
    draft = Draft(view.topology)
    draft.data["causality"][one.index].update({**TOKEN, "token_from": source})
    return draft


def share_topic(draft: Draft, pair: dict[str, Any]) -> str | None:
    """Lets both handlers of a pair append to the channel of the first, keyed by the group; its name."""
    first, then = draft.handler(pair["first"]), draft.handler(pair["then"])
    channel, other = _appended(first), _appended(then)
    if channel is None or other is None:
        return None
    element = draft.group("channels")[channel]
    moved = draft.data["channels"].get(other, {}).get("carries", [])
    element["message_key"] = pair.get("per") or "group"
    element["carries"] = list(dict.fromkeys([*element.get("carries", []), *moved]))
    if "event" in draft.data["channels"].get(other, {}):
        element["event"] = {**draft.data["channels"][other]["event"], **element.get("event", {})}
    for step in steps_of(then or {}):
        if step.get("append") == other:
            step["append"] = channel
    for handler in [h for _, h in draft.handlers() if h.get("trigger", {}).get("consume") == other]:
        handler["trigger"]["consume"] = channel
    draft.remove_unused_channels()
    return channel


def _appended(handler: Step | None) -> str | None:
    return next((s["append"] for s in steps_of(handler or {}) if "append" in s), None)


def _shared_claims(view: View, one: _Pair) -> tuple[Shown, ...]:
    shared, late = _with_shared(view, one, late=False), _with_shared(view, one, late=True)
    return (
        _judged(shared, one, "with an append before the answer"),
        _judged(late, one, "with an append after an own commit that has already been answered"),
    )


def _with_shared(view: View, one: _Pair, *, late: bool) -> Draft | None:
    """The shared topic; `late`: the first handler commits to a store of its own and appends after its answer."""
    draft = Draft(view.topology)
    pair = draft.data["causality"][one.index]
    if share_topic(draft, pair) is None:
        return None
    handler = draft.handler(pair["first"]) or {}
    pending = [s for s in steps_of(handler) if "append" in s]
    if late:
        store = next(iter(sorted(draft.data.get("stores", {}))), None)
        if store is None:
            return None
        own = {"write": store, "entity": pending[0].get("entity")}
        handler["steps"] = [{k: v for k, v in own.items() if v}, {**pending[0], "wait": False}]
    else:
        handler["steps"] = [{k: v for k, v in pending[0].items() if k != "wait"}]
    return draft

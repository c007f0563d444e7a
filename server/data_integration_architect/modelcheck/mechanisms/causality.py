"""Causal pairs: a second event that depends on a first one that its author knew of, on two paths to one judge.

The first event (say, an unfriending) and a later one that undoes it form the history of a group; the second event (a
message) is sent by somebody who knows the first. The judge must not act on the message as if the first had not
happened. The truth is what had happened when the message was sent, never the judge's own view.

ATOMIC: a commit, an append, and the handling of one record each take effect as a whole.

Source: Kleppmann, "Designing Data-Intensive Applications", chapter 11, "Ordering events to capture causality".
"""

from dataclasses import dataclass
from functools import partial

from data_integration_architect.modelcheck.builder import ModelBuilder
from data_integration_architect.modelcheck.facts import Options
from data_integration_architect.modelcheck.scene import Place, is_same_entity, places
from data_integration_architect.modelcheck.world import Bounds
from data_integration_architect.topology import Append, CausalPair, OnChanges, Read, Topology, Write, walk_steps

ATOMIC = "a commit, an append and the handling of one record each take effect as a whole"
HISTORY = 2  # the first event, and one that undoes it


@dataclass(frozen=True, slots=True)
class Path:
    """How the events of one handler travel.

    `at_once`: the event itself is the append. `is_acknowledged_late`: the author is answered only after the append.
    """

    place: Place
    channel: str
    at_once: bool
    is_acknowledged_late: bool
    relay: str


def path_of(topology: Topology, label: str) -> Path | None:
    """The path of the events of a handler; None where there is no such handler."""
    place = next((p for p in places(topology) if label in (p.label, f"{p.process}.{p.name}")), None)
    if place is None:
        return None
    steps = list(walk_steps(place.handler.steps, ()))
    stores = [step.write for _, step in steps if isinstance(step, Write)]
    for path, step in steps:
        if isinstance(step, Append):
            is_outbox = "steps" in path
            direct = not is_outbox and step.wait is not False
            relay = place.label if direct else f"relay of {step.append}"
            return Path(place, step.append, not stores and direct, direct, relay)
    for capture in places(topology):
        trigger = capture.handler.trigger
        if isinstance(trigger, OnChanges) and trigger.changes in stores:
            for _, step in walk_steps(capture.handler.steps, ()):
                if isinstance(step, Append):
                    return Path(place, step.append, False, False, capture.label)
    return Path(place, f"changes of {place.label}", True, True, place.label)


def build(
    topology: Topology, pair: CausalPair, number: int, options: Options, bounds: Bounds
) -> tuple[ModelBuilder, str]:
    """The model, and the condition that must always hold. Raises: ValueError, where the pair names no handler."""
    first, then = path_of(topology, pair.first), path_of(topology, pair.then)
    if first is None or then is None:
        raise ValueError(f"causality.{number}: {pair.first!r} or {pair.then!r} is no handler")
    where = f"causality.{number}"
    carries = options.get(f"{where}.token", pair.token, safe="carried", unsafe="none") == "carried"
    token_from, judged = "acknowledged-write", "token"
    if carries:
        token_from = options.get(f"{where}.token_from", pair.token_from, safe="acknowledged-write", unsafe="stale-read")
        judged = options.get(f"{where}.judged_by", pair.judged_by, safe="token", unsafe="current-view")
    judge = pair.checked_by or "reader"
    asks = _asks_first_store(topology, judge, first.place)
    m = ModelBuilder(faults=bounds.faults, workload=0)
    for name in ("happened", "published", "known", "view", "truth", "token", "ahead"):
        m.var(name, HISTORY)
    m.var("message", 3)  # 0 none, 1 written, 2 appended, 3 judged
    m.var("bad", 1)
    is_shared = first.channel == then.channel and _keeps_order(topology, first.channel, pair, options)
    is_undone = not asks or _is_changed_by_others(topology, first.place)
    _add_history(m, pair.first, first, judge, is_shared=is_shared, is_undone=is_undone)
    _add_message(m, pair.then, then, token_from=token_from if carries else "")
    ready = "message == 2" + (" and view >= ahead" if is_shared else "") + (" and view >= token" if carries else "")
    # the first event forbids what the second one wants, the event that undoes it allows it again; a judge that asks
    # the store of the first event sees each of its commits
    state = "token" if carries and judged == "token" else "happened" if asks else "view"
    act = partial(m.act, actor=judge, source=then.channel, target=judge, atomic=ATOMIC)
    act(
        "accept",
        f"{ready} and not {state} == 1",
        "message = 3; bad = 1 if truth == 1 else bad",
        text=f"accepts {pair.then}",
    )
    act("refuse", f"{ready} and {state} == 1", "message = 3", text=f"refuses {pair.then}")
    return m, "bad == 0"


def _keeps_order(topology: Topology, channel: str, pair: CausalPair, options: Options) -> bool:
    """Whether one channel brings the events of a group in the order in which they were appended."""
    declared = topology.channels.get(channel)
    if declared is None:
        return True
    if declared.partitions == 1 or declared.order == "total":
        return True
    group = pair.per or "group"
    return options.get(f"channels.{channel}.message_key", declared.message_key, safe=group, unsafe="none") == group


def _asks_first_store(topology: Topology, judge: str, first: Place) -> bool:
    """Whether the judge reads the store that the first event is committed in, itself and not a replica of it."""
    place = next((p for p in places(topology) if judge in (p.label, f"{p.process}.{p.name}")), None)
    read = [step for _, step in walk_steps(place.handler.steps, ()) if isinstance(step, Read)] if place else []
    return any(
        step.read == write.write and is_same_entity(step.entity, write.entity)
        for step in read
        for write in _writes_of(first)
    )


def _is_changed_by_others(topology: Topology, first: Place) -> bool:
    """Whether another handler changes the state that the first event sets, so that it can be taken back."""
    return any(
        step.write == write.write and is_same_entity(step.entity, write.entity)
        for place in places(topology)
        if place.label != first.label
        for step in _writes_of(place)
        for write in _writes_of(first)
    )


def _writes_of(place: Place) -> list[Write]:
    return [step for _, step in walk_steps(place.handler.steps, ()) if isinstance(step, Write)]


def _add_history(m: ModelBuilder, name: str, first: Path, judge: str, *, is_shared: bool, is_undone: bool) -> None:
    """The author does event 1, then perhaps event 2; each is known once it is acknowledged, and reaches the judge."""
    author = first.place.label
    for event, words in ((1, name), (2, f"{name}, taken back"))[: 1 + is_undone]:
        updates = [f"happened = {event}"]
        if first.at_once:
            updates.append(f"published = {event}")
        if first.at_once or not first.is_acknowledged_late:
            updates.append(f"known = {event}")
        m.act(
            f"first_{event}",
            f"happened == {event - 1} and known == {event - 1}",
            "; ".join(updates),
            actor=author,
            source=author,
            target=first.channel if first.at_once else author,
            text=words,
            kind="progress" if event == 1 else "optional",
            atomic=ATOMIC,
        )
        if not first.at_once:
            late = f"; known = {event}" if first.is_acknowledged_late else ""
            m.act(
                f"publish_{event}",
                f"happened >= {event} and published == {event - 1}",
                f"published = {event}{late}",
                actor=first.relay,
                source=author,
                target=first.channel,
                text=f"append: {words}",
                atomic=ATOMIC,
            )
        behind = f" and (message < 2 or message == 3 or ahead >= {event})" if is_shared else ""
        m.act(
            f"view_{event}",
            f"published >= {event} and view == {event - 1}{behind}",
            f"view = {event}",
            actor=judge,
            source=first.channel,
            target=judge,
            text=f"sees: {words}",
            atomic=ATOMIC,
        )


def _add_message(m: ModelBuilder, name: str, then: Path, *, token_from: str) -> None:
    """The second event, by somebody who knows the first: its truth is what had been acknowledged when it was sent.

    `token_from` is empty where no token is carried. The newest position of the first event's channel lacks what its
    author was told before it was appended.
    """
    author = then.place.label
    sent = "message = 2; ahead = published" if then.at_once else "message = 1"
    tokens = [("known", "")] if token_from else [("0", "")]
    if token_from == "published-position":
        tokens = [("published", " with the newest position of the channel as its token")]
    if token_from == "stale-read":
        tokens.append(("0", ", with a token from a read that did not show the first event yet"))
    for number, (token, note) in enumerate(tokens):
        m.act(
            f"send_{number}",
            "message == 0 and known > 0",
            f"{sent}; truth = known; token = {token}",
            actor=author,
            source=author,
            target=then.channel if then.at_once else author,
            text=f"{name}{note}",
            atomic=ATOMIC,
        )
    if not then.at_once:
        m.act(
            "append",
            "message == 1",
            "message = 2; ahead = published",
            actor=then.relay,
            source=author,
            target=then.channel,
            text=f"append: {name}",
            atomic=ATOMIC,
        )

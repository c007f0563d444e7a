"""One operation over several stores: the ways to split it, and what becomes of money when a part is refused.

The model: one store with a balance of one unit, and up to two requests for one or two units each, whose parts are
applied in any order. Each part is applied at most once, as the deduplication by operation id has it, and a step
takes effect as a whole. Source: Kleppmann, "Designing Data-Intensive Applications", chapter 12, "Multi-partition
request processing", which leaves open what a refused part does.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from data_integration_architect.analysis.view import View
from data_integration_architect.design.options import Comparison, Option, Shown, plain, searched
from data_integration_architect.modelcheck.builder import ModelBuilder
from data_integration_architect.topology import Constraint, Write

REQUESTS = 2
AMOUNTS = (1, 2)
Way = Literal["both-at-once", "source-first"]


@dataclass(frozen=True)
class Parts:
    """The parts of one distributed commit; `first` may be refused, `others` follow it."""

    handler: str
    first: Write
    others: tuple[Write, ...]

    @property
    def can_be_refused(self) -> bool:
        """Whether a part other than the first has a condition of its own."""
        return any(other.guard == "condition" for other in self.others)


def first_of(writes: list[Write]) -> Write:
    """The part that decides: the one with a condition, else the one that comes first."""
    return next((w for w in writes if w.guard == "condition"), writes[0])


def compare_splits(view: View, parts: Parts) -> Comparison | None:
    """The textbook split, the split after validation, and the outbox at the source; None where nothing is summed."""
    entity = parts.first.entity
    rules = [c for c in view.topology.constraints if c.entity in (entity, None)]
    floor = next((c for c in rules if c.kind == "non-negative"), None)
    total = next((c for c in rules if c.kind == "sum"), None)
    if parts.first.mode != "increment" or not (floor or total):
        return None
    names = _Names(parts, entity or "record", view.system.key_of(entity) or "key", floor, total)
    source, target = names.source, names.target
    textbook = Option(
        f"{names.operation}: both instructions at once",
        "rejected",
        f"A processor reads the request and emits the instruction for {source} and the one for {target} together; "
        "each store deduplicates by the request id. Repetitions are harmless, a refusal is not.",
        _claims(names, "both-at-once"),
    )
    validated = Option(
        f"{names.operation}: validated at {source} before anything is emitted for {target}",
        "chosen",
        f"The request is logged under the client's id and keyed by the {names.key} of the source. One transaction at "
        f"{source} checks {names.what}, applies its part, and writes the instruction for {target} and the outcome; "
        f"a refusal writes the outcome alone. Then {target} applies the instruction once.",
        _claims(names, "source-first"),
        (
            "The answer to the caller is no longer the result: it says that the request was accepted. The outcome is "
            "read under the request id, or sent when it is known; a repeated request gets the outcome of the first.",
            _second_refusal(parts, target),
            "Between the two parts the sum over both stores lacks what is on its way; whoever adds them up must count "
            "the instructions that are not yet applied.",
        ),
    )
    outbox = Option(
        f"{names.operation}: outbox at {source} in the request",
        "runner-up",
        f"The request handler itself commits its part at {source} with the instruction for {target} in an outbox "
        "table; a relay sends it. The model is the one above from the check onward.",
        (),
        (
            "Better where the caller must learn at once whether it was accepted, for the check is part of the request.",
            f"Then {source} must be reachable to accept a request, and requests are ordered by its locks, not by a log "
            "that can be read again.",
        ),
    )
    scope = (
        "Bounded models of the ways, built from the stated writes and rules: a balance of one unit, up to two "
        "requests for one or two units, parts applied in any order and once each. Crashes and repetitions are left "
        "out, since every part is deduplicated by the request id."
    )
    return Comparison(f"Ways to split {names.operation}", scope, (textbook, validated, outbox))


def _second_refusal(parts: Parts, target: str) -> str:
    if parts.can_be_refused:
        return (
            f"The part at {target} has a condition too, so it can refuse what the source has given: reserve at both "
            "and confirm, or send the amount back as an operation of its own with an id derived from the request's."
        )
    return (
        f"Nothing that was stated lets {target} refuse its part. If it can (a closed account, a limit), the amount "
        "goes back as an operation of its own with an id derived from the request's."
    )


class _Names:
    def __init__(self, parts: Parts, entity: str, key: str, floor: Constraint | None, total: Constraint | None) -> None:
        self.operation = plain(parts.handler.rpartition(".")[2])
        self.source, self.target = plain(parts.first.write), plain(parts.others[0].write)
        self.what = plain(floor.name) if floor else "the condition of its write"
        self.key = plain(key)
        self.entity = plain(entity)
        self.refuses = parts.first.guard == "condition" or floor is not None
        self.floor, self.total = floor, total


def _claims(names: _Names, way: Way) -> tuple[Shown, ...]:
    found = []
    if names.refuses:
        claim = f"{plain(names.total.name) if names.total else 'what leaves one store arrives in the other'}"
        found.append(
            searched(
                _model(names, way, refuses=True),
                f"{claim}, where {names.source} refuses",
                "at_rest",
                ["left == arrived"],
            )
        )
    if names.floor:
        claim = plain(names.floor.name)
        if way == "both-at-once":
            model = _model(names, way, refuses=False)
            found.append(
                searched(model, f"{claim}, where {names.source} applies everything", "invariant", ["balance > -1"])
            )
        else:
            found.append(searched(_model(names, way, refuses=True), claim, "invariant", ["balance > -1"]))
    return tuple(found)


def _model(names: _Names, way: Way, *, refuses: bool) -> ModelBuilder:
    most = REQUESTS * max(AMOUNTS)
    m = ModelBuilder(faults=0, workload=0)
    m.var("balance", 1, 1, low=-most)
    m.var("left", most)
    m.var("arrived", most)
    for i in range(1, REQUESTS + 1):
        m.var(f"amount{i}", max(AMOUNTS))
        m.var(f"source{i}", 2)  # 0 nothing, 1 instructed, 2 done
        m.var(f"target{i}", 2)
        _add_request(m, names, i, way, refuses=refuses)
    return m


def _add_request(m: ModelBuilder, names: _Names, i: int, way: Way, *, refuses: bool) -> None:
    both = way == "both-at-once"
    processor, source, target = f"{names.operation} processor", names.source, names.target
    for amount in AMOUNTS:
        m.act(
            f"request{i}_{amount}",
            f"amount{i} == 0" + (f" and amount{i - 1} > 0" if i > 1 else ""),
            f"amount{i} = {amount}; source{i} = 1" + (f"; target{i} = 1" if both else ""),
            actor=processor,
            kind="progress" if i == 1 else "optional",
            source=processor,
            target=source,
            text=f"request {i} for {amount}: "
            + (f"emits the instructions for {source} and {target}" if both else "logged"),
        )
    enough = f"balance - amount{i} > -1"
    follows = "" if both else f"; target{i} = 1"
    m.act(
        f"apply{i}",
        f"source{i} == 1" + (f" and {enough}" if refuses else ""),
        f"source{i} = 2; balance -= amount{i}; left += amount{i}{follows}",
        actor=source,
        source=source,
        target=source,
        text=f"takes {{n:amount{i}}} for request {i} from a balance of {{n:balance}}"
        + ("" if both else f" and emits the instruction for {target}"),
    )
    if refuses:
        m.act(
            f"refuse{i}",
            f"source{i} == 1 and not {enough}",
            f"source{i} = 2",
            actor=source,
            source=source,
            target=source,
            text=f"refuses {{n:amount{i}}} for request {i}: the balance is {{n:balance}}",
        )
    m.act(
        f"arrive{i}",
        f"target{i} == 1",
        f"target{i} = 2; arrived += amount{i}",
        actor=target,
        source=target,
        target=target,
        text=f"adds {{n:amount{i}}} for request {i}",
    )

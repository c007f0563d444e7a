"""Whether a model admits what was recorded of a real run: trace validation.

A recording is a partial order: what happened at one place came one after the other, and an event that ended before
another began came before it. It is accepted if the model has a run whose visible steps are exactly those events in some
order that the recording allows, with everything that was seen holding at its moment, and that ends at rest. Visible are
appends to logs and records handed to a store; all else, crashes among it, may happen in between. A rejected recording
shows that the model lacks something that the engines do.

Source: Cirstea, Kuppe, Loillier, Merz, "Validating Traces of Distributed Programs Against TLA+ Specifications" (2024).
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from data_integration_architect.modelcheck.explain import Words
from data_integration_architect.modelcheck.interpret import Interpreter, State
from data_integration_architect.modelcheck.ir import Action, Log, Model

Kind = Literal["append", "hand", "see"]
_RECORD = re.compile(r"\{w:(\w+)\[\w+\]\}")


@dataclass(frozen=True, slots=True)
class Observed:
    """One event: a record that was appended to a log, or handed on from a log to a store, or a state that was seen.

    `place`: the label of the log, `LOG -> STORE`, or the store. `begun` and `ended` are times of one clock.
    `is_certain` is false for what a crash may have prevented.
    """

    kind: Kind
    place: str
    record: str
    begun: int
    ended: int
    is_certain: bool = True


@dataclass(frozen=True, slots=True)
class Acceptance:
    """`outcome`: accepted, rejected, or unknown where the budget of states ended. `explained`: the most events that a
    run of the model explains; `next_events` those of which none can come after them."""

    outcome: Literal["accepted", "rejected", "unknown"]
    events: int
    explained: int
    next_events: tuple[Observed, ...]
    states: int


def visible_places(model: Model) -> dict[str, str]:
    """Label of each log that records are appended to -> its name in the model."""
    return {
        model.labels[declaration.name]: declaration.name
        for declaration in model.declarations
        if isinstance(declaration, Log) and declaration.name in model.labels
    }


def handing(model: Model) -> frozenset[str]:
    """`LOG -> STORE` for each store that records of a log reach in one step."""
    logs = {name: label for label, name in visible_places(model).items()}
    found = (place for action in model.actions if (place := _handed_on(action, logs)) is not None)
    return frozenset(found)


def _handed_on(action: Action, logs: dict[str, str]) -> str | None:
    found = _RECORD.search(action.text)
    if action.kind == "progress" and found and logs.get(found[1]) == action.source:
        return f"{action.source} -> {action.target}"
    return None


def accepts(
    model: Model, words: Words, events: Sequence[Observed], *, faults: int, workload: int, limit: int = 60_000
) -> Acceptance:
    """Searches a run of the model that explains the events; `faults` and `workload` are those of the recording."""
    return _Search(model, words, events).run(faults, workload, limit)


Position = tuple[int, ...]


class _Search:
    def __init__(self, model: Model, words: Words, events: Sequence[Observed]) -> None:
        self.machine, self.words, self.model = Interpreter(model), words, model
        names = list(dict.fromkeys((event.kind, event.place) for event in events))
        self.places = [
            sorted((e for e in events if (e.kind, e.place) == name), key=lambda e: e.begun) for name in names
        ]
        self.number = {name: number for number, name in enumerate(names)}
        self.needed = [[self._before(event) for event in place] for place in self.places]
        self.index = {declaration.name: place for place, declaration in enumerate(model.declarations)}
        self.logs = {name: label for label, name in visible_places(model).items()}
        self.cells = {label: name for name, label in model.labels.items() if name not in self.logs}

    def _before(self, event: Observed) -> Position:
        """How many events of each place came before this one."""
        return tuple(sum(other.ended < event.begun for other in place) for place in self.places)

    def run(self, faults: int, workload: int, limit: int) -> Acceptance:
        first = (self.machine.initial(faults, workload), (0,) * len(self.places))
        seen, waiting, best = {first}, [first], first[1]
        total = tuple(len(place) for place in self.places)
        while waiting:
            state, position = waiting.pop()
            if sum(position) > sum(best):
                best = position
            if position == total and self.machine.is_at_rest(state):
                return Acceptance("accepted", sum(total), sum(total), (), len(seen))
            for following in self._next(state, position):
                if following not in seen:
                    if len(seen) >= limit:
                        return Acceptance("unknown", sum(total), sum(best), self._due(best), len(seen))
                    seen.add(following)
                    waiting.append(following)
        return Acceptance("rejected", sum(total), sum(best), self._due(best), len(seen))

    def _due(self, position: Position) -> tuple[Observed, ...]:
        due = (self._event(place, position) for place in range(len(self.places)))
        return tuple(event for event in due if event is not None)

    def _event(self, place: int, position: Position) -> Observed | None:
        """The next event of a place, where nothing that came before it is still to come."""
        if position[place] == len(self.places[place]):
            return None
        needed = self.needed[place][position[place]]
        if any(have < want for have, want in zip(position, needed, strict=True)):
            return None
        return self.places[place][position[place]]

    def _next(self, state: State, position: Position) -> Iterator[tuple[State, Position]]:
        for action, following in self.machine.successors(state):
            moved = self._moved(action, state, following, position)
            if moved is not None:
                yield following, moved
        for place in range(len(self.places)):
            event = self._event(place, position)
            if event is None:
                continue
            if event.kind == "see" and self.record_in(state, event.place) == event.record:
                # Looking changes nothing, and what holds now is explained at once; a later moment is tried too.
                yield state, _advanced(position, place)
            elif not event.is_certain:
                yield state, _advanced(position, place)

    def record_in(self, state: State, store: str) -> str | None:
        name = self.cells.get(store)
        value = state.values[self.index[name]] if name is not None else None
        return self.words.record(value) if isinstance(value, int) else None

    def _moved(self, action: Action, state: State, following: State, position: Position) -> Position | None:
        """The position after a step of the model; None where it does visibly what was not recorded."""
        for kind, place, record in self._visible(action, state, following):
            number = self.number.get((kind, place))
            event = self._event(number, position) if number is not None else None
            if number is None or event is None or event.record != record:
                return None
            position = _advanced(position, number)
        return position

    def _visible(self, action: Action, state: State, following: State) -> Iterator[tuple[Kind, str, str]]:
        for name, label in self.logs.items():
            before, after = state.values[self.index[name]], following.values[self.index[name]]
            if isinstance(before, tuple) and isinstance(after, tuple) and len(after) > len(before):
                yield "append", label, self.words.record(after[-1])
        found, place = _RECORD.search(action.text), _handed_on(action, self.logs)
        if found is not None and place is not None:
            yield "hand", place, self.words.record(self.machine.value(found[0][3:-1], state))


def _advanced(position: Position, place: int) -> Position:
    return (*position[:place], position[place] + 1, *position[place + 1 :])

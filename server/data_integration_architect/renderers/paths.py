"""The write path of one entity: from whoever asks for a change to the last store, over channels and relays."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from data_integration_architect.topology import (
    Append,
    Call,
    Handler,
    Invalidate,
    OnChanges,
    OnConsume,
    OnSchedule,
    Read,
    Topology,
    Transaction,
    Write,
    walk_steps,
)

Move = Read | Write | Append | Call | Invalidate
Named = tuple[str, Handler]


@dataclass(frozen=True)
class Part:
    """A handler on the path, with those of its steps that belong to it; the id is PROCESS.HANDLER."""

    process: str
    handler: Handler
    steps: tuple[Move, ...]


def path_of(topology: Topology, entity: str) -> list[Part]:
    """Handlers that change `entity`, what brings its changes to them, and what takes them further; document order."""
    every = {
        f"{p}.{h}": (p, handler) for p, process in topology.processes.items() for h, handler in process.handlers.items()
    }
    chosen: dict[str, dict[int, Move]] = {}

    def take(name: str, steps: list[Move]) -> bool:
        known = chosen.setdefault(name, {})
        before = len(known)
        known.update((id(step), step) for step in steps)
        return len(known) > before

    for name, (_, handler) in every.items():
        own = [s for s in _effects(handler) if _is_about(s, entity)]
        if own:
            take(name, own)
    pending = list(chosen)
    while pending:
        name = pending.pop(0)
        handler = every[name][1]
        for other, steps in [*_before(every, handler, entity), *_after(every, list(chosen[name].values()), entity)]:
            is_new = other not in chosen
            if take(other, steps) or is_new:
                pending.append(other)
    return [
        Part(process, handler, tuple(s for s in _steps(handler) if id(s) in chosen[name] or _brings(handler, s)))
        for name, (process, handler) in every.items()
        if name in chosen
    ]


def _before(every: dict[str, Named], handler: Handler, entity: str) -> Iterator[tuple[str, list[Move]]]:
    """What fires a handler: appends to the channel that it consumes, writes to the store that it captures or reads."""
    trigger = handler.trigger
    if isinstance(trigger, OnConsume):
        for name, (_, other) in every.items():
            sent = [s for s in _effects(other) if trigger.consume in _sent_to(s)]
            about = [s for s in sent if _is_about(s, entity)]
            if sent:
                yield name, about or sent
    else:
        places = {trigger.changes} if isinstance(trigger, OnChanges) else _read_by(handler)
        for name, (_, other) in every.items():
            written: list[Move] = [s for s in _effects(other) if isinstance(s, Write) and s.write in places]
            if other is not handler and (about := [s for s in written if _is_about(s, entity)]):
                yield name, about


def _after(every: dict[str, Named], steps: list[Move], entity: str) -> Iterator[tuple[str, list[Move]]]:
    """What takes the records of chosen steps from the channels to which they go."""
    channels = {channel for step in steps for channel in _sent_to(step) if _is_about(step, entity)}
    for name, (_, other) in every.items():
        if isinstance(other.trigger, OnConsume) and other.trigger.consume in channels:
            effects = _effects(other)
            yield name, [s for s in effects if _is_about(s, entity)] or effects


def _read_by(handler: Handler) -> set[str]:
    return {s.read for s in _steps(handler) if isinstance(s, Read) and _brings(handler, s)}


def _brings(handler: Handler, step: Move) -> bool:
    """Whether a read brings the data of a scheduled run; other reads only look."""
    return isinstance(handler.trigger, OnSchedule) and isinstance(step, Read)


def _steps(handler: Handler) -> list[Move]:
    return [step for _, step in walk_steps(handler.steps, ()) if not isinstance(step, Transaction)]


def _effects(handler: Handler) -> list[Move]:
    return [step for step in _steps(handler) if not isinstance(step, Read)]


def _sent_to(step: Move) -> set[str]:
    """Channels that get the record of a step: what it appends to, and where it goes when it fails."""
    aside = getattr(step, "dead_letter", None)
    return {*({step.append} if isinstance(step, Append) else ()), *({aside} if aside else ())}


def _is_about(step: Move, entity: str) -> bool:
    if isinstance(step, Invalidate) and step.entity is None:
        return False
    name = getattr(step, "entity", None)
    return name is not None and f"{name}.".startswith(f"{entity}.")

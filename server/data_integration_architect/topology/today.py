"""What of a topology happens today: steps that are planned, left out."""

from __future__ import annotations

from data_integration_architect.topology.model import Topology
from data_integration_architect.topology.steps import (
    Handler,
    Process,
    Read,
    Step,
    Transaction,
    step_target,
)
from data_integration_architect.topology.triggers import OnChanges, OnConsume


def today(topology: Topology) -> Topology:
    """The topology (normal form) with an empty block for each step that is planned, that stands in a planned handler or
    process, or that touches a planned store or channel; every name and every position stays what it was.
    """
    gone = {
        *(name for name, store in topology.stores.items() if store.status == "planned"),
        *(name for name, channel in topology.channels.items() if channel.status == "planned"),
    }
    processes = {name: _process(one, gone) for name, one in topology.processes.items()}
    return topology if processes == topology.processes else topology.model_copy(update={"processes": processes})


def _process(process: Process, gone: set[str]) -> Process:
    handlers = {}
    for name, handler in process.handlers.items():
        none = "planned" in (process.status, handler.status) or _source(handler) in gone
        steps = tuple(_empty(step) if none else _step(step, gone) for step in handler.steps)
        handlers[name] = handler if steps == handler.steps else handler.model_copy(update={"steps": steps})
    return process if handlers == process.handlers else process.model_copy(update={"handlers": handlers})


def _source(handler: Handler) -> str:
    """The channel or store that the handler waits for; empty for none."""
    match handler.trigger:
        case OnConsume(consume=name) | OnChanges(changes=name):
            return name
    return ""


def _step(step: Step, gone: set[str]) -> Step:
    if step.status == "planned" or (not isinstance(step, Transaction) and step_target(step) in gone):
        return _empty(step)
    match step:
        case Transaction():
            return step.model_copy(update={"steps": tuple(_step(inner, gone) for inner in step.steps)})
        case Read():
            return step.model_copy(update={"on_miss": tuple(_step(inner, gone) for inner in step.on_miss)})
    return step


def _empty(step: Step) -> Transaction:
    place = step.transaction if isinstance(step, Transaction) else step_target(step)
    return Transaction(transaction=place, steps=())

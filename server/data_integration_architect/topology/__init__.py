"""The topology model, its reader and its normal form."""

from data_integration_architect.topology.base import NONE
from data_integration_architect.topology.load import dump_topology, load_document, load_topology
from data_integration_architect.topology.model import CausalPair, Constraint, Context, Reader, Symptom, Topology
from data_integration_architect.topology.normal import NormalForm, normalize
from data_integration_architect.topology.state import Channel, Entity, Event, Store
from data_integration_architect.topology.steps import (
    STEPS as STEP_KINDS,
)
from data_integration_architect.topology.steps import (
    Append,
    Call,
    Handler,
    Invalidate,
    Process,
    Read,
    Step,
    Transaction,
    Write,
    step_kind,
    step_target,
    walk_steps,
)
from data_integration_architect.topology.today import today
from data_integration_architect.topology.triggers import OnChanges, OnConsume, OnRequest, OnSchedule, Trigger

__all__ = [
    "NONE",
    "STEP_KINDS",
    "Append",
    "Call",
    "CausalPair",
    "Channel",
    "Constraint",
    "Context",
    "Entity",
    "Event",
    "Handler",
    "Invalidate",
    "NormalForm",
    "OnChanges",
    "OnConsume",
    "OnRequest",
    "OnSchedule",
    "Process",
    "Read",
    "Reader",
    "Step",
    "Store",
    "Symptom",
    "Topology",
    "Transaction",
    "Trigger",
    "Write",
    "dump_topology",
    "load_document",
    "load_topology",
    "normalize",
    "step_kind",
    "step_target",
    "today",
    "walk_steps",
]

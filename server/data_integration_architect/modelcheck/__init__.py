"""The bounded model checker: `check` a topology, read the `Verdict`s, print their traces."""

from data_integration_architect.modelcheck.cases import Question, questions
from data_integration_architect.modelcheck.check import Known, check, decide
from data_integration_architect.modelcheck.facts import Assumptions, OptionUse
from data_integration_architect.modelcheck.follow import Followed, follow
from data_integration_architect.modelcheck.properties import PROPERTIES
from data_integration_architect.modelcheck.verdict import Change, Step, Verdict, trace_mermaid, trace_text
from data_integration_architect.modelcheck.world import Bounds

__all__ = [
    "PROPERTIES",
    "Assumptions",
    "Bounds",
    "Change",
    "Followed",
    "Known",
    "OptionUse",
    "Question",
    "Step",
    "Verdict",
    "check",
    "decide",
    "follow",
    "questions",
    "trace_mermaid",
    "trace_text",
]

"""What the checker says about one property of one target: the verdict, its bounds, and the run that shows it."""

import builtins
from dataclasses import asdict, dataclass
from typing import Any, Literal

from data_integration_architect.modelcheck.facts import End
from data_integration_architect.modelcheck.search import Outcome
from data_integration_architect.modelcheck.world import Bounds

Violates = Literal["integrity", "timeliness", "availability"]

NOT_MODELLED: tuple[str, ...] = (
    "log truncated before it was read",
    "clocks that disagree",
    "changes of schema",
    "damage by hand",
)


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that a step changed, in words."""

    what: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a run, in the names of the topology."""

    actor: str
    source: str
    target: str
    text: str
    is_fault: bool = False
    changes: tuple[Change, ...] = ()


@dataclass(frozen=True, slots=True)
class Condition:
    """An unknown fact on which the verdict rests, and the value that it was taken to have."""

    path: str
    value: object
    end: End


@dataclass(frozen=True, slots=True)
class Verdict:
    """The answer for one property of one target.

    `faults_needed` and `writes_needed` are the least with which the violation shows. `states` counts the largest
    bounds searched; `at_rest_states` of them had no progress enabled. `conditions` is empty for a definite verdict.
    `healed_by`: a job, or an entry's expiry, that repairs the violation later. `is_shortest` is false where a search
    with fewer faults exceeded its budget of states.
    """

    property: str
    target: str
    entity: str | None
    elements: tuple[str, ...]
    verdict: Outcome
    violates: Violates | None
    bounds: Bounds
    faults: tuple[str, ...]
    not_modelled: tuple[str, ...]
    states: int
    at_rest_states: int
    trace: tuple[Step, ...] = ()
    faults_needed: int = 0
    writes_needed: int = 0
    healed_by: str = ""
    conditions: tuple[Condition, ...] = ()
    is_livelock: bool = False
    is_shortest: bool = True
    never_enabled: tuple[str, ...] = ()

    @builtins.property  # `property` is a field here
    def summary(self) -> str:
        """One sentence: what was found, and within which bounds."""
        about = f"{self.property} of {self.target}" + (f" ({self.entity})" if self.entity else "")
        match self.verdict:
            case "holds":
                return f"{about} holds for {_within(self)}; all {self.states:,} states seen."
            case "violated":
                kind = "livelock" if self.is_livelock else self.violates
                steps = f"{len(self.trace)} steps, {self.faults_needed} faults, {self.writes_needed} writes"
                return f"{about} is violated ({kind}): {steps}."
            case "unknown":
                return f"{about} is unknown: no violation in {self.states:,} states, then the budget ended."
            case _:
                return f"{about}: stopped."

    def as_json(self) -> dict[str, Any]:
        """The verdict as plain data."""
        return asdict(self) | {"summary": self.summary}


def _within(verdict: Verdict) -> str:
    bounds = verdict.bounds
    kinds = f" of {{{', '.join(verdict.faults)}}}" if verdict.faults else ""
    return (
        f"up to {bounds.writes} writes on {bounds.keys} keys, {bounds.partitions} partitions, "
        f"{bounds.instances} instances, {bounds.retries} client retry, at most {bounds.faults} faults{kinds}"
    )


def trace_text(trace: tuple[Step, ...]) -> str:
    """The run as numbered lines, with what each step changed."""
    lines = []
    for number, step in enumerate(trace, start=1):
        mark = " [fault]" if step.is_fault else ""
        where = f" -> {step.target}" if step.target and step.target != step.actor else ""
        lines.append(f"{number}. {step.actor}{where}: {step.text}{mark}")
        lines += [f"     {change.what}: {change.before} -> {change.after}" for change in step.changes]
    return "\n".join(lines)


def trace_mermaid(trace: tuple[Step, ...]) -> str:
    """The run as a Mermaid sequence diagram; names are quoted as entities, so none can end or start a statement."""
    names: dict[str, str] = {}
    for step in trace:
        for name in (step.actor, step.target or step.actor):
            names.setdefault(name, f"p{len(names)}")
    lines = ["sequenceDiagram"]
    lines += [f"    participant {index} as {mermaid_text(name)}" for name, index in names.items()]
    for step in trace:
        actor, target = names[step.actor], names[step.target or step.actor]
        if step.is_fault:
            lines.append(f"    note over {actor}: {mermaid_text(step.text)}")
        else:
            lines.append(f"    {actor}->>{target}: {mermaid_text(step.text)}")
    return "\n".join(lines) + "\n"


def mermaid_text(text: str) -> str:
    """Text for a Mermaid label: everything but plain words becomes a character entity (`#59;`)."""
    flat = " ".join(text.split())[:200]
    return "".join(c if c.isalnum() or c in " .,_-()/'" else f"#{ord(c)};" for c in flat if c.isprintable())

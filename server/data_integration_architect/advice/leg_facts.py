"""What is asked about one leg before a mechanism is chosen, each fact through `facts`, and how the answer reads."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from data_integration_architect.advice.feeds import Source, source_of
from data_integration_architect.advice.legs import Leg
from data_integration_architect.analysis.facts import Facts
from data_integration_architect.analysis.view import View
from data_integration_architect.rules import Found
from data_integration_architect.sources import SEVERITIES, Severity
from data_integration_architect.topology import NONE
from data_integration_architect.topology.values import seconds


@dataclass
class LegFacts:
    """One leg, the findings on it, and the facts that may turn a choice.

    Findings `beside` it, on other ways between the same places, turn no choice and are named where a mechanism stays.
    """

    view: View
    leg: Leg
    found: list[Found]
    facts: Facts
    beside: list[Found]

    def ids(self, least: Severity) -> set[str]:
        """Definite findings on the leg of at least a severity."""
        floor = SEVERITIES.index(least)
        return {f.id for f in self.found if f.is_definite and SEVERITIES.index(f.severity) >= floor}

    @cached_property
    def source(self) -> Source:
        return source_of(self.view, self.leg.source)

    def freshness(self) -> float:
        """Seconds within which the target must follow; the tightest reader, else what the context wants, else 5 s."""
        view = self.view
        tightest: tuple[float, int] | None = None
        for index in view.system.readers_of(self.leg.target):
            reader = view.topology.readers[index]
            value = 0.0 if reader.tolerates == NONE else seconds(reader.tolerates)
            if value is not None and (tightest is None or value < tightest[0]):
                tightest = value, index
        ask = f"How old may what {self.leg.target} shows be?"
        if tightest is not None:
            index = tightest[1]
            said = view.topology.readers[index].tolerates
            answer = self.facts.weigh(("readers", index, "tolerates"), said, ("5s", "24h"), said, ask)
        else:
            said = view.topology.context.freshness_wanted
            answer = self.facts.weigh(("context", "freshness_wanted"), said, ("5s", "24h"), "5s", ask)
        return 0.0 if answer == NONE else seconds(answer) or 0.0

    def age(self) -> str:
        """How old the target may be, as it was said."""
        paths = [path for path in self.facts.weighed if path[-1] in {"tolerates", "freshness_wanted"}]
        said = next((self.facts.used[path] for path in paths if path in self.facts.used), None)
        if said is None:
            return f"how old {self.leg.target} may be was not said"
        return f"{self.leg.target} must be current" if said == NONE else f"{self.leg.target} may be {said} old"

    def can_be_rebuilt(self) -> bool:
        """Whether the target is of a kind that is made to be loaded as a whole; a service's own database is not."""
        head = self.view.system.technology(self.leg.target)
        return head is None or head.typical_role in {"derived", "either"}

    def log_readable(self) -> bool:
        name = self.leg.source
        store = self.view.system.store(name)
        if store is None:
            return False
        if not self.source.has_log:
            self.facts.used[("stores", name, "technology")] = store.technology
            return False
        ask = f"May the change log of {name} be read?"
        path = ("stores", name, "log_access")
        return bool(self.facts.weigh(path, store.log_access, (True, False), not store.external, ask))

    def changeable(self) -> bool:
        said = self.view.topology.context.application
        ask = "May the writing application be changed?"
        return bool(
            self.facts.weigh(("context", "application"), said, ("changeable", "fixed"), "changeable", ask)
            == "changeable"
        )

    def wants_intent(self) -> bool:
        said = self.view.topology.context.intent
        ask = "Do receivers need to know why something changed, not only what?"
        return bool(self.facts.weigh(("context", "intent"), said, (True, False), False, ask))

    def wants_history(self) -> bool:
        """Greenfield with audit or replay as a goal: the log can be the system of record from the start."""
        context = self.view.topology.context
        return context.stage == "greenfield" and bool(
            self.facts.weigh(("context", "audit"), context.audit, (True, False), False, "Is the full history needed?")
        )

    def log_words(self) -> str:
        name = self.leg.source
        if ("stores", name, "log_access") not in self.facts.unsaid:
            return f"the log of {name} may be read"
        product, store = self.source.product, self.view.system.store(name)
        if product:
            return f"{product} has a change log (whether it may be read was not said)"
        if store is not None and store.technology:
            return f"whether {store.technology} ({name}) has a change log is not known here, one is assumed"
        return f"the product of {name} was not said, its log is assumed"

    def no_log_words(self) -> str:
        name = self.leg.source
        if self.view.system.store(name) is None:
            return f"no store is concluded to be right for {', '.join(self.leg.entities) or 'it'}: declare one first"
        if not self.source.has_log:
            return self.source.without
        if ("stores", name, "log_access") in self.facts.unsaid:
            return f"{name} is run by another organisation, and nobody said that its log may be read"
        return f"the log of {name} may not be read"

"""Why a mechanism may stay as it is: clauses made from stated facts; what nobody said is called unsaid."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from data_integration_architect.advice.legs import Leg
from data_integration_architect.analysis.loss import accepts_loss
from data_integration_architect.analysis.view import View
from data_integration_architect.rules import Found
from data_integration_architect.sources import SEVERITIES
from data_integration_architect.topology import NONE, Call, OnRequest, OnSchedule
from data_integration_architect.topology.values import seconds

DECIDED_APART = "causal-dependency-lost"
LOUD = SEVERITIES.index("medium")


@dataclass(frozen=True)
class Keeping:
    """Reasons for leaving the mechanism of one leg; `found` are the findings on it, `beside` those on other ways."""

    view: View
    leg: Leg
    found: Sequence[Found]
    beside: Sequence[Found]

    def way(self) -> str:
        """For a mechanism that has no alternative worth a migration."""
        loud = [f for f in self.found if f.is_definite and SEVERITIES.index(f.severity) >= LOUD]
        wrong = sorted({f.id for f in loud if not self._elsewhere(f)})
        other = sorted({(place, f.id) for f in loud for place in self._elsewhere(f) if f.id != DECIDED_APART})
        if other and not wrong:
            places = ", ".join(dict.fromkeys(place for place, _ in other))
            ids = ", ".join(dict.fromkeys(name for _, name in other))
            return f"nothing is wrong on this way by itself; {ids} is decided for {places}"
        if any(f.id == DECIDED_APART for f in loud):
            wrong = [name for name in wrong if name != DECIDED_APART]
            if not wrong:
                return f"nothing is wrong on this way by itself; {DECIDED_APART} is decided for the pair of events"
        if wrong:
            return f"the way of the data is not the cause of {', '.join(wrong)}: settings on it are"
        spoiling = [f for f in self.beside if f.is_definite and SEVERITIES.index(f.severity) >= LOUD]
        if spoiling:
            ids = ", ".join(sorted({f.id for f in spoiling}))
            handlers = ", ".join(sorted({e for f in spoiling for e in f.match.elements if e in self.leg.aside}))
            return f"nothing is wrong on this way by itself; {ids} is a matter of {handlers} beside it"
        unsure = sorted({f.id for f in (*self.found, *self.beside) if not f.is_definite})
        if unsure:
            return f"nothing definite is wrong on this way; {', '.join(unsure)} would be, with facts that nobody said"
        return "nothing of medium severity or above is wrong on this way"

    def _elsewhere(self, found: Found) -> list[str]:
        """Stores and channels of a finding that do not lie on this way."""
        topology = self.view.topology
        places = [e for e in found.match.elements if e in topology.stores or e in topology.channels]
        return sorted(place for place in places if place not in {*self.leg.names, self.leg.source})

    def tolerance(self) -> float:
        """Seconds that the strictest reader of the target accepts; -1 where nobody said."""
        readers = self.view.system.readers_of(self.leg.target)
        said = [seconds(self.view.topology.readers[i].tolerates) for i in readers]
        known = [s for s in said if s is not None]
        wanted = seconds(self.view.topology.context.freshness_wanted)
        return min(known) if known else wanted if wanted is not None else -1.0

    def cache(self) -> str:
        name = self.leg.target
        store = self.view.system.store(name)
        expiry = store.expiry if store else None
        bound = seconds(expiry) if expiry else None
        if bound is None or self.tolerance() < bound:
            return self.way()
        readers = self.view.system.readers_of(name)
        tolerated = next(
            (t for i in readers if seconds(t := self.view.topology.readers[i].tolerates) == self.tolerance()),
            self.view.topology.context.freshness_wanted,
        )
        return f"entries of {name} expire after {expiry}, within the {tolerated} that its readers accept"

    def batch(self, age: str) -> str:
        """For a periodic copy: how old it may be (`age`), how often it runs, and whether a run repairs the last."""
        sites = [self.view.system.handlers[h] for h in self.leg.last.handlers]
        periods = sorted({t.every for s in sites if isinstance(t := s.handler.trigger, OnSchedule)})
        swapped = [getattr(e.step, "mode", None) == "rebuild-and-swap" for e in self.leg.last.effects]
        runs = f"it is copied every {' and '.join(periods)}" if periods else "how often it is copied was not said"
        whole = ", as a whole, so that a run repairs the one before" if swapped and all(swapped) else ""
        return f"{age}; {runs}{whole}"

    def push(self) -> str:
        effects = tuple(e for flow in self.leg.all_flows for e in flow.effects)
        if accepts_loss(self.view, effects):
            return f"what {self.leg.target} shows is approximate and nobody decides on it"
        return self.way()

    def call(self) -> str:
        """For a call to another organisation or service: what was said of repetitions and of the operation id."""
        calls = [e for flow in self.leg.all_flows for e in flow.effects if isinstance(e.step, Call)]
        ids = {e.step.operation_id for e in calls if isinstance(e.step, Call)}
        sites = [e.site for e in calls]
        requests = [s.handler.trigger.request for s in sites if isinstance(s.handler.trigger, OnRequest)]
        repeats = any(r.retries for r in requests) or any(e.step.retry for e in calls)
        repeats = repeats or any(s.consumed for s in sites)
        if not calls:
            return self.way()
        if ids == {"passed"}:
            return f"each call carries the operation id, by which {self.leg.target} can recognise a repetition"
        what = "no operation id" if ids <= {NONE, "new"} else "an operation id that nobody described"
        if not repeats:
            return f"the calls carry {what}, and nothing that was described repeats one"
        return f"{self.way()}; the calls carry {what}, and they can be repeated"

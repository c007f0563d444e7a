"""How each derived store should follow its system of record: the choice, the runner-up, and what decided it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from data_integration_architect.advice.legs import Leg, legs_of
from data_integration_architect.analysis.facts import Facts, Question
from data_integration_architect.analysis.flows import is_distributed
from data_integration_architect.analysis.view import View
from data_integration_architect.catalog import SEVERITIES, Severity
from data_integration_architect.files import DocumentPath
from data_integration_architect.rules import Found
from data_integration_architect.topology import NONE, Write
from data_integration_architect.topology.values import seconds

# Below this a derived store must follow a log; from the second on a rebuilt batch is fresh enough and simpler.
LOG_BELOW_SECONDS = 60
BATCH_FROM_SECONDS = 3600


@dataclass(frozen=True)
class Choice:
    mechanism: str
    runner_up: str
    reason: str
    fixes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Advice:
    """A choice for one leg; `weighed` are the facts that could turn it, `decided_by` those that were said."""

    source: str
    target: str
    entities: tuple[str, ...]
    choice: Choice
    decided_by: tuple[DocumentPath, ...] = ()
    weighed: tuple[Question, ...] = ()
    unsaid: frozenset[DocumentPath] = frozenset()
    decide: Callable[[Facts], Choice] | None = field(default=None, compare=False)

    @property
    def key(self) -> tuple[str, str]:
        return self.source, self.target

    def candidates(self) -> list[tuple[DocumentPath, Any, str]]:
        """(path, value, mechanism) of single facts that would lead to another choice."""
        found = []
        for question in self.weighed:
            for answer in question.answers:
                choice = self.decide(Facts({question.path: answer})) if self.decide else self.choice
                if choice.mechanism != self.choice.mechanism:
                    found.append((question.path, answer, choice.mechanism))
        return found


def advise(view: View, found: Sequence[Found], applicable: bool) -> tuple[Advice, ...]:
    """One advice for each leg, then those for copies, replicas and causal pairs; sorted by source and target."""
    if not applicable:
        return tuple(_single_store(view))
    placed = [_Placed(view, one) for one in found]
    result = [_for_leg(view, leg, [p.found for p in placed if p.concerns(leg)]) for leg in legs_of(view)]
    taken = {advice.key for advice in result}
    for advice in (*_for_copies(view, found), *_for_replicas(view, found), *_for_causality(found)):
        if advice.key not in taken:
            taken.add(advice.key)
            result.append(advice)
    return tuple(sorted(result, key=lambda a: a.key))


def _single_store(view: View) -> list[Advice]:
    stores = sorted({view.system.database(s) for s, store in view.topology.stores.items() if not store.external})
    choice = Choice(
        "single-store", "none", "one database covers all access patterns; nothing has to be kept in agreement"
    )
    return [Advice(store, store, tuple(sorted(view.topology.entities)), choice) for store in stores]


class _Placed:
    """A finding with the stores and channels among its elements."""

    def __init__(self, view: View, found: Found) -> None:
        self.found = found
        self.elements = set(found.match.elements)
        self.places = {e for e in self.elements if e in view.topology.stores or e in view.topology.channels}

    def concerns(self, leg: Leg) -> bool:
        """Whether it lies on a leg: its places do, or it names a handler of the leg and no place beside it."""
        places = self.places - {leg.source}
        if places and not places & leg.names:
            return False
        return bool(self.elements & leg.handlers) or self.elements <= leg.names | set(leg.entities)


def _for_leg(view: View, leg: Leg, found: list[Found]) -> Advice:
    def decide(facts: Facts) -> Choice:
        return _Decision(view, leg, found, facts).choose()

    facts = Facts()
    choice = decide(facts)
    fixes = dict.fromkeys(choice.fixes)
    for one in sorted(found, key=lambda f: (-SEVERITIES.index(f.severity), f.id)):
        if one.is_definite:
            fixes.update(dict.fromkeys(_fixes_of(view, one)[:3]))
    fixes.pop(choice.mechanism, None)
    own = next((e.path for flow in leg.flows for e in flow.effects), None)
    decided = [*([own] if own else []), *sorted(facts.used, key=str)]
    return Advice(
        leg.source,
        leg.target,
        leg.entities,
        Choice(choice.mechanism, choice.runner_up, choice.reason, tuple(fixes)),
        tuple(decided),
        tuple(facts.weighed.values()),
        frozenset(facts.unsaid),
        decide,
    )


def _fixes_of(view: View, found: Found) -> tuple[str, ...]:
    return found.match.fixes or view.catalog.anti_patterns.heads[found.id].fixes


@dataclass
class _Decision:
    """The choice for one leg; every fact that may turn it is asked through `facts`."""

    view: View
    leg: Leg
    found: list[Found]
    facts: Facts

    def choose(self) -> Choice:
        mechanism = self.leg.mechanism
        ids = self.ids("medium")
        if "premature-unbundling" in self.ids("info"):
            return Choice("single-store", "cdc", "the system of record serves this access pattern at the stated scale")
        if {"lambda-duplicate-logic", "speed-layer-data-loss"} & ids:
            return Choice(
                "log-messaging",
                "batch-etl",
                "one replayable log feeding one exact engine replaces two code bases and their merge",
                ("one-engine-for-both-layers",),
            )
        table: dict[str, Callable[[], Choice]] = {
            "two-phase-commit": self.distributed,
            "dual-write": self.dual,
            "cache-aside": self.cached,
            "batch-etl": self.batch,
            "rpc": self.called,
            "webhook": self.called,
            "trigger": self.triggered,
            "at-most-once-push": self.pushed,
            "federated-read": self.federated,
            "none": self.unfed,
        }
        return table.get(mechanism, self.kept)()

    def ids(self, least: Severity) -> set[str]:
        """Definite findings on the leg of at least a severity."""
        floor = SEVERITIES.index(least)
        return {f.id for f in self.found if f.is_definite and SEVERITIES.index(f.severity) >= floor}

    # Facts

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

    def unfed(self) -> Choice:
        """A store that somebody reads and nothing feeds yet."""
        leg = self.leg
        if self.wants_history():
            return Choice("event-sourcing", "outbox", "a new system that needs its history can start from the log")
        if self.can_be_rebuilt() and self.freshness() >= BATCH_FROM_SECONDS:
            return Choice(
                "batch-etl", "cdc", f"{leg.target} may be that old, and a rebuilt copy also repairs deletions"
            )
        return self.follow(f"nothing feeds {leg.target} yet")

    def can_be_rebuilt(self) -> bool:
        """Whether the target is of a kind that is made to be loaded as a whole; a service's own database is not."""
        head = self.view.system.technology(self.leg.target)
        return head is None or head.typical_role in {"derived", "either"}

    def log_readable(self) -> bool:
        source = self.leg.source
        store = self.view.system.store(source)
        if store is None:
            return False
        head = self.view.system.technology(source)
        default = head is None or head.change_feed_kind in {"log", "stream"}
        ask = f"May the change log of {source} be read?"
        return bool(self.facts.weigh(("stores", source, "log_access"), store.log_access, (True, False), default, ask))

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

    # Choices

    def follow(self, because: str, intent: bool = False) -> Choice:
        """Log-based propagation out of a database: capture, or an outbox where events carry intent."""
        leg = self.leg
        readable, changeable = self.log_readable(), self.changeable()
        if changeable and (intent or self.wants_intent()):
            runner = "cdc" if readable else "batch-etl"
            return Choice(
                "outbox",
                runner,
                f"{because}; events carry intent and the application may change",
                ("relay-committed-rows",),
            )
        if readable:
            runner = "outbox" if changeable else "batch-etl"
            unsaid = ("stores", leg.source, "log_access") in self.facts.unsaid
            readable_log = "the product has a change log" if unsaid else f"the log of {leg.source} may be read"
            return Choice("cdc", runner, f"{because}; {readable_log}, and writers need no change")
        if changeable:
            return Choice(
                "outbox", "batch-etl", f"{because}; the log of {leg.source} may not be read", ("relay-committed-rows",)
            )
        return Choice("batch-etl", "trigger", f"{because}; neither the log of {leg.source} nor its writers are open")

    def dual(self) -> Choice:
        leg, system = self.leg, self.view.system
        because = f"{leg.target} then follows {leg.source} and a failure only delays it"
        if system.channel(leg.first.target):
            return self.announced(because)
        if system.kind(leg.target) == "cache" or system.is_cache(leg.target):
            if self.log_readable():
                return Choice("cdc-invalidation", "cache-aside-with-ttl", "the log of the database says what to drop")
            return Choice("cache-aside-with-ttl", "lease-or-versioned-fill", "entries are filled on a miss and expire")
        if self.wants_history():
            return Choice("event-sourcing", "outbox", "a new system that needs its history can start from the log")
        if self.can_be_rebuilt() and self.freshness() >= BATCH_FROM_SECONDS:
            return Choice(
                "batch-etl", "cdc", f"{leg.target} may be that old, and a rebuilt copy also repairs deletions"
            )
        return self.follow(because)

    def announced(self, because: str) -> Choice:
        """A job or message beside a database write."""
        leg, system = self.leg, self.view.system
        effects = [e for flow in leg.flows[1:] for e in flow.effects]
        channel = system.channel(leg.first.target)
        names_only = channel is not None and channel.event.content == "id-only"
        rereads = bool(effects) and all(
            isinstance(e.step, Write) and (names_only or e.step.values == "re-read" or self.reads_source(e))
            for e in effects
        )
        if rereads:
            return self.follow(because)
        if self.wants_history():
            return Choice("event-sourcing", "outbox", "a new system that needs its history can start from the log")
        hook = "enqueue-before-commit" in self.ids("info") or system.is_external(leg.target)
        if not self.changeable():
            return self.follow(because)
        runner = "post-commit-hook" if hook else "cdc"
        why = "a row in the same transaction and a relay over committed rows remove both the phantom and the loss"
        return Choice("outbox", runner, why, ("relay-committed-rows",))

    def reads_source(self, effect: Any) -> bool:
        system = self.view.system
        return any(system.database(r.target) == system.database(self.leg.source) for r in effect.site.reads)

    def distributed(self) -> Choice:
        leg, system = self.leg, self.view.system
        members = sorted(
            {
                member
                for flow in leg.flows
                for e in flow.effects
                for _, block in e.blocks
                if is_distributed(block)
                for member in block.transaction
            }
        )
        instances = {system.instance(member) for member in members}
        if len(instances) <= 1:
            why = "the members share one physical database, so one connection and one ordinary commit suffice"
            return Choice("local-transaction", "keep-current", why)
        technologies = {getattr(system.technology(m), "id", m) for m in members}
        if len(technologies) == 1 and not any(system.channel(m) for m in members):
            why = "the operation becomes one logged request, split deterministically and deduplicated at each partition"
            fixes = ("log-request-and-split", "client-generated-operation-id", "validate-at-owner")
            return Choice("event-sourcing", "outbox", why, fixes)
        return Choice("outbox", "cdc", "the second store follows committed rows, and no coordinator can block both")

    def cached(self) -> Choice:
        leg, system = self.leg, self.view.system
        bad = self.ids("medium")
        store = system.store(leg.target)
        said = store.expiry if store else None
        ask = f"After which time do entries of {leg.target} expire?"
        expiry = self.facts.weigh(("stores", leg.target, "expiry"), said, ("60s", NONE), NONE, ask)
        bounded = seconds(expiry) if expiry != NONE else None
        if not bad or (bounded is not None and bounded <= self.tolerance()):
            return Choice("keep-current", "cdc", "what is wrong in it is within what readers tolerate", ())
        if "stale-cache-fill-race" in bad and "cache-invalidation-lost" not in bad:
            return Choice("lease-or-versioned-fill", "cache-aside-with-ttl", "a slow fill must not store an old value")
        if self.log_readable():
            return Choice("cdc-invalidation", "cache-aside-with-ttl", "an entry is dropped for every committed change")
        return Choice("cache-aside-with-ttl", "lease-or-versioned-fill", "expiry bounds what a lost deletion leaves")

    def tolerance(self) -> float:
        readers = self.view.system.readers_of(self.leg.target)
        said = [seconds(self.view.topology.readers[i].tolerates) for i in readers]
        known = [s for s in said if s is not None]
        wanted = seconds(self.view.topology.context.freshness_wanted)
        return min(known) if known else wanted if wanted is not None else -1.0

    def batch(self) -> Choice:
        wrong = self.ids("medium")
        if wrong or self.freshness() < LOG_BELOW_SECONDS:
            choice = self.follow("periodic reads are too old or miss changes")
            if choice.mechanism != "batch-etl":
                return Choice(choice.mechanism, "batch-etl", choice.reason, choice.fixes)
            return Choice("keep-current", "trigger", choice.reason)
        return Choice("keep-current", "cdc", "a periodic copy is fresh enough, and a full one repairs itself")

    def called(self) -> Choice:
        leg = self.leg
        beside = [
            e
            for flow in leg.flows
            for effect in flow.effects
            for e in effect.site.changes
            if isinstance(e.step, Write) and e.target != leg.target
        ]
        if beside and self.ids("medium") and self.changeable():
            why = "the request is committed with the local change and a relay repeats it until it is confirmed"
            return Choice("outbox", "keep-current", why, ("relay-committed-rows",))
        return Choice("keep-current", "outbox", "one call with an operation id that the receiver recognises is enough")

    def triggered(self) -> Choice:
        if self.log_readable():
            return Choice("cdc", "keep-current", "the log carries the same changes without slowing the writers")
        return Choice("keep-current", "outbox", "the log may not be read")

    def pushed(self) -> Choice:
        if self.ids("medium"):
            return Choice("log-messaging", "keep-current", "a durable log keeps what a push may lose")
        return Choice("keep-current", "log-messaging", "losing some is accepted")

    def federated(self) -> Choice:
        return Choice("federated-read", "batch-etl", "joined while reading, nothing is copied and nothing can diverge")

    def kept(self) -> Choice:
        mechanism = self.leg.mechanism
        wrong = self.ids("medium")
        if mechanism == "cdc" and "coalesced-intermediate-states" in wrong and self.changeable():
            return Choice("outbox", "cdc", "each change must arrive as an event of its own", ("carry-intent-events",))
        if wrong & {"dual-write-unprotected", "enqueue-before-commit"} and self.changeable():
            why = "what a handler announces is committed with what it writes, and a relay sends it"
            return Choice("outbox", "cdc", why, ("relay-committed-rows",))
        if wrong & {"lossy-buffer"} and mechanism != "cdc":
            return Choice("log-messaging", "outbox", "a durable log keeps what the buffer drops")
        runner = {
            "cdc": "outbox",
            "outbox": "cdc",
            "event-sourcing": "log-messaging",
            "queue-consumer": "log-messaging",
        }
        why = "the mechanism is right; what is wrong is a setting" if wrong else "the mechanism is right"
        return Choice("keep-current", runner.get(mechanism, "outbox"), why)


def _for_copies(view: View, found: Sequence[Found]) -> list[Advice]:
    """Stores with several writable copies, or with an unsafe failover."""
    result = []
    for name, store in sorted(view.topology.stores.items()):
        mine = {f.id: f for f in found if f.is_definite and name in f.match.elements}
        entities = tuple(sorted(o.entity for o in view.owners.values() if o.store == name and "." not in o.subject))
        if {"multi-leader-divergence", "multi-leader-concurrent-writes"} & set(mine):
            choice = _copies_choice(view, entities)
        elif "missing-fencing-on-failover" in mine:
            why = "the old primary must be stopped from accepting writes before the new one starts"
            choice = Choice("single-leader-with-fencing", "synchronous-quorum-commit", why, ("fencing-token",))
        else:
            continue
        path: DocumentPath = ("stores", name, "copies" if store.copies else "failover")
        result.append(Advice(name, name, entities, choice, (path,)))
    return result


def _copies_choice(view: View, entities: tuple[str, ...]) -> Choice:
    elements = [view.topology.entities[e] for e in entities]
    hard = [c for c in view.topology.constraints if c.class_ != "soft" and (c.entity in entities or c.entity is None)]
    if hard:
        why = f"{hard[0].name} can be kept only where one place decides for each key"
        return Choice("home-region-per-key", "single-leader-with-fencing", why, ("home-region",))
    if elements and all(e.change in {"commutative", "delta", "append-only"} for e in elements):
        return Choice(
            "crdt-merge", "home-region-per-key", "changes that commute can be merged without loss", ("mergeable-type",)
        )
    why = "concurrent changes of one record are decided in one place, so none is dropped in a merge"
    return Choice("home-region-per-key", "crdt-merge", why, ("home-region",))


def _for_replicas(view: View, found: Sequence[Found]) -> list[Advice]:
    result = []
    for name, store in sorted(view.topology.stores.items()):
        stale = [f for f in found if f.id == "stale-read-window" and f.is_definite and name in f.match.elements]
        if store.replica_of and stale:
            choice = Choice("read-from-primary", "causal-token", "what must be current is read where it is written")
            entities = tuple(sorted({t.entity for f in stale for t in f.match.targets if t.entity}))
            result.append(Advice(store.replica_of, name, entities, choice, (("stores", name, "replica_of"),)))
    return result


def _for_causality(found: Sequence[Found]) -> list[Advice]:
    result = []
    for one in found:
        if one.id == "causal-dependency-lost" and one.is_definite:
            handlers = [e for e in one.match.elements if "." in e]
            why = "the later event says which earlier one its author knew; no total order is needed"
            choice = Choice("causal-token", "log-messaging", why, ("causal-token-on-event", "pair-partitioned-topic"))
            result.append(Advice(handlers[0], handlers[-1], (), choice, (one.match.at,)))
    return result

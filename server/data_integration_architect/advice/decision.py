"""The choice for one leg: which mechanism, which runner-up, and the stated facts that decided."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any

from data_integration_architect.advice.choice import Choice
from data_integration_architect.advice.keeping import Keeping
from data_integration_architect.advice.leg_facts import LegFacts
from data_integration_architect.analysis.flows import is_distributed
from data_integration_architect.analysis.lifecycle import window_of
from data_integration_architect.topology import NONE, Write
from data_integration_architect.topology.values import seconds

# Below this a derived store must follow a log; from the second on a rebuilt batch is fresh enough and simpler.
LOG_BELOW_SECONDS = 60
BATCH_FROM_SECONDS = 3600
ANNOUNCED_APART = {"dual-write-unprotected", "enqueue-before-commit"}
MILD = {"info", "low"}
# What a periodic read can be set to, so that another way of the data would not be the cure.
SETTINGS_OF_A_BATCH = {"late-events-dropped", "personal-data-in-immutable-log", "batch-failure-amplification"}
MISSES_DELETES = {"query-extract-misses-deletes", "delete-not-propagated"}
FROM_THE_LOG = "a new system that needs its history can start from the log"


class Decision(LegFacts):
    """The choice for one leg."""

    def choose(self) -> Choice:
        mechanism = self.leg.mechanism
        ids = self.ids("medium")
        if "premature-unbundling" in self.ids("info"):
            return Choice("single-store", "cdc", "the system of record serves this access pattern at the stated scale")
        if {"lambda-duplicate-logic", "speed-layer-data-loss"} & ids:
            why = "one replayable log feeding one exact engine replaces two code bases and their merge"
            return Choice("log-messaging", "batch-etl", why, ("one-engine-for-both-layers",))
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

    @cached_property
    def keeping(self) -> Keeping:
        return Keeping(self.view, self.leg, self.found, self.beside)

    def follow(self, because: str) -> Choice:
        """Log-based propagation out of a database where its product has a log; else what the product does offer."""
        readable, changeable = self.log_readable(), self.changeable()
        takes_outbox = changeable and self.source.takes_outbox
        if takes_outbox and self.wants_intent():
            runner = "cdc" if readable else "batch-etl"
            why = f"{because}; events carry intent and the application may change"
            return Choice("outbox", runner, why, ("relay-committed-rows",))
        if readable:
            runner = "outbox" if takes_outbox else "batch-etl"
            return Choice("cdc", runner, f"{because}; {self.log_words()}, and writers need no change")
        if takes_outbox:
            return Choice("outbox", "batch-etl", f"{because}; {self.no_log_words()}", ("relay-committed-rows",))
        if self.source.has_log:
            return Choice(
                "batch-etl", "trigger", f"{because}; {self.no_log_words()}, and its writers cannot be changed"
            )
        return self.without_log(because, changeable)

    def without_log(self, because: str, changeable: bool) -> Choice:
        """A source whose product has no log to follow and no transaction for an outbox row."""
        why = f"{because}; {self.no_log_words()}"
        if self.source.feed == "notification":
            how = "so a consumer reads the object again, and a periodic listing finds what no notification brought"
            return Choice("refetch-from-source", "batch-etl", f"{why}, {how}", ("reconciliation-sweep",))
        is_urgent = self.freshness() < LOG_BELOW_SECONDS
        if changeable and is_urgent and ("context", "freshness_wanted") not in self.facts.unsaid:
            how = f"{self.age()}, so the application appends to a log first and {self.leg.source} follows it too"
            return Choice("event-sourcing", "batch-etl", f"{why}; {how}", ("derive-instead-of-write",))
        how = f"so it is read as a whole, or by a sequence that its writers set; {self.age()}"
        if is_urgent:
            how += ", and a periodic read is as old as its period"
        return Choice("batch-etl", "event-sourcing" if changeable else "trigger", f"{why}, {how}")

    def unfed(self) -> Choice:
        """A store that somebody reads and nothing feeds yet."""
        return self._rebuilt_or(lambda: self.follow(f"nothing feeds {self.leg.target} yet"))

    def _rebuilt_or(self, otherwise: Callable[[], Choice]) -> Choice:
        if self.wants_history():
            return Choice("event-sourcing", "outbox", FROM_THE_LOG)
        if self.can_be_rebuilt() and self.freshness() >= BATCH_FROM_SECONDS:
            runner = "cdc" if self.source.has_log else "event-sourcing"
            return Choice("batch-etl", runner, f"{self.age()}, and a rebuilt copy also repairs deletions")
        return otherwise()

    def dual(self) -> Choice:
        leg, system = self.leg, self.view.system
        because = f"{leg.target} then follows {leg.source} and a failure only delays it"
        if (window := self.window()) is not None:
            return Choice("keep-current", "cdc" if self.source.has_log else "outbox", window)
        if system.store(leg.target) and system.is_cache(leg.target):
            return self.cached()
        if system.channel(leg.first.target):
            return self.announced(because)
        if system.store(leg.target) and (system.kind(leg.target) == "cache" or system.is_cache(leg.target)):
            if self.log_readable():
                return Choice("cdc-invalidation", "cache-aside-with-ttl", "the log of the database says what to drop")
            return Choice("cache-aside-with-ttl", "lease-or-versioned-fill", "entries are filled on a miss and expire")
        return self._rebuilt_or(lambda: self.follow(because))

    def window(self) -> str | None:
        """Why a second write may stay until its announced end; None where it has none, or harms somebody until then."""
        writes = [e for flow in self.leg.flows for e in flow.effects if e.target == self.leg.target]
        windows = [window_of(self.view.system, effect) for effect in writes]
        ends = [one.until for one in windows if one is not None and one.is_bounded]
        if not windows or len(ends) < len(windows) or self.ids("medium"):
            return None
        return f"the second write belongs to a migration that ends by {ends[0]}, with a criterion for it"

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
            return Choice("event-sourcing", "outbox", FROM_THE_LOG)
        hook = "enqueue-before-commit" in self.ids("info") or system.is_external(leg.target)
        if not (self.changeable() and self.source.takes_outbox):
            return self.follow(because)
        runner = "post-commit-hook" if hook or not self.source.has_log else "cdc"
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
        if not bad or (bounded is not None and bounded <= self.keeping.tolerance()):
            return Choice(
                "keep-current", "cdc" if self.source.has_log else "cache-aside-with-ttl", self.keeping.cache()
            )
        if "stale-cache-fill-race" in bad and "cache-invalidation-lost" not in bad:
            return Choice("lease-or-versioned-fill", "cache-aside-with-ttl", "a slow fill must not store an old value")
        if self.log_readable():
            return Choice("cdc-invalidation", "cache-aside-with-ttl", "an entry is dropped for every committed change")
        return Choice("cache-aside-with-ttl", "lease-or-versioned-fill", "expiry bounds what a lost deletion leaves")

    def batch(self) -> Choice:
        wrong = self.ids("medium")
        is_late = self.freshness() < LOG_BELOW_SECONDS and not self.sums_up_periods()
        if wrong and not is_late and wrong <= SETTINGS_OF_A_BATCH:
            return Choice("keep-current", "cdc" if self.source.has_log else "event-sourcing", self.keeping.way())
        if wrong or is_late:
            because = f"{self.age()}, which a periodic read does not give"
            if wrong:
                because = f"the periodic read has {', '.join(sorted(wrong))}"
            elif ("context", "freshness_wanted") in self.facts.unsaid:
                because = f"{self.age()}; seconds are assumed, which a periodic read does not give"
            if (log := self.log_before()) is not None:
                return Choice("log-consumer", "batch-etl", f"{because}; {self.leg.source} itself follows {log}")
            choice = self.follow(because)
            if choice.mechanism != "batch-etl":
                return Choice(choice.mechanism, "batch-etl", choice.reason, choice.fixes)
            swept = ("reconciliation-sweep",) if wrong & MISSES_DELETES else ()
            how = "; so each run reads everything and swaps the new copy in, which also drops what was deleted"
            return Choice("keep-current", choice.runner_up, choice.reason + (how if swept else ""), swept)
        runner = "cdc" if self.source.has_log else "event-sourcing"
        return Choice("keep-current", runner, self.keeping.batch(self.age()))

    def sums_up_periods(self) -> bool:
        """Whether a batch computes a result over periods, and nobody said that it must be fresher than these."""
        said = {path for path in self.facts.used if path[-1] in {"tolerates", "freshness_wanted"}} - self.facts.unsaid
        sites = [self.view.system.handlers[name] for name in self.leg.last.handlers]
        return not said and any(site.handler.computes is not None for site in sites)

    def log_before(self) -> str | None:
        """The log that the source of a leg is a copy of, so that what is computed from the copy can follow it too."""
        system = self.view.system
        before = sorted(flow.source for flow in self.view.flows if flow.target == self.leg.source)
        return next((name for name in before if system.channel_kind(name) == "log"), None)

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
        # An organisation whose messages come in cannot be given an outbox; it can be asked for what it has.
        runner = "batch-etl" if self.starts_outside() else "outbox"
        return Choice("keep-current", runner, self.keeping.call())

    def triggered(self) -> Choice:
        if self.log_readable():
            return Choice(
                "cdc", "keep-current", f"{self.log_words()}, and carries the same changes without slowing writers"
            )
        return Choice("keep-current", "outbox", self.no_log_words())

    def pushed(self) -> Choice:
        if self.ids("medium"):
            return Choice("log-messaging", "keep-current", "a durable log keeps what a push may lose")
        return Choice("keep-current", "log-messaging", self.keeping.push())

    def federated(self) -> Choice:
        return Choice("federated-read", "batch-etl", "joined while reading, nothing is copied and nothing can diverge")

    def announces_apart(self) -> bool:
        """Whether a handler writes a store and tells a channel of the way, with nothing that binds the two."""
        system = self.view.system
        apart = [f for f in self.found if f.is_definite and f.id in ANNOUNCED_APART and f.severity not in MILD]
        for one in apart:
            channels = {e for e in one.match.elements if system.channel(e)}
            if not channels or channels & self.leg.names:
                return True
        return False

    def kept(self) -> Choice:
        mechanism = self.leg.mechanism
        wrong = self.ids("medium")
        if mechanism == "cdc" and "coalesced-intermediate-states" in wrong and self.changeable():
            return Choice("outbox", "cdc", "each change must arrive as an event of its own", ("carry-intent-events",))
        if self.announces_apart() and self.changeable():
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
        return Choice("keep-current", runner.get(mechanism, "outbox"), self.keeping.way())

    def starts_outside(self) -> bool:
        """Whether the way begins at a channel that nothing in sight fills from a store, so that no outbox can."""
        channel = self.view.system.channel(self.leg.source)
        return channel is not None and channel.in_ is None

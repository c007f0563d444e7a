"""Advice beside the legs: copies of one store, replicas, causal pairs."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from data_integration_architect.advice.choice import Advice, Choice
from data_integration_architect.analysis.facts import Facts
from data_integration_architect.analysis.view import View
from data_integration_architect.files import DocumentPath
from data_integration_architect.rules import Found
from data_integration_architect.topology import CausalPair, Store


def for_copies(view: View, found: Sequence[Found]) -> list[Advice]:
    """Stores with several writable copies, or with an unsafe failover."""
    result = []
    naming: dict[str, list[Found]] = {}
    for one in found:
        for element in one.match.elements:
            naming.setdefault(element, []).append(one)
    for name, store in sorted(view.topology.stores.items()):
        mine = {f.id for f in naming.get(name, ()) if f.is_definite}
        entities = tuple(sorted(o.entity for o in view.owners.values() if o.store == name and "." not in o.subject))
        if {"multi-leader-divergence", "multi-leader-concurrent-writes"} & mine:
            choice = _copies_choice(view, entities)
        elif "missing-fencing-on-failover" in mine:
            why = "the old primary must be stopped from accepting writes before the new one starts"
            choice = Choice("single-leader-with-fencing", "synchronous-quorum-commit", why, ("fencing-token",))
        elif _drops_no_write(store) and name not in naming:
            why = "the merge drops no write that a copy took, and nothing that is stated needs one place for each key"
            choice = Choice("keep-current", "home-region-per-key", why)
        else:
            continue
        path: DocumentPath = ("stores", name, "copies" if store.copies else "failover")
        result.append(Advice(name, name, entities, choice, (path,)))
    return result


def _drops_no_write(store: Store) -> bool:
    copies = store.copies
    return copies is not None and copies.writable == "all" and copies.merge in {"crdt", "version-vector", "union"}


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


def for_replicas(view: View, found: Sequence[Found]) -> list[Advice]:
    result = []
    stale_reads = [f for f in found if f.id == "stale-read-window" and f.is_definite]
    for name, store in sorted(view.topology.stores.items()):
        stale = [f for f in stale_reads if name in f.match.elements]
        if store.replica_of and stale:
            choice = Choice("read-from-primary", "causal-token", "what must be current is read where it is written")
            entities = tuple(sorted({t.entity for f in stale for t in f.match.targets if t.entity}))
            result.append(Advice(store.replica_of, name, entities, choice, (("stores", name, "replica_of"),)))
    return result


def for_causality(view: View, found: Sequence[Found]) -> list[Advice]:
    """A token on the later event, or one topic for both where its author can only learn of the first too late."""
    result = []
    for index, pair in enumerate(view.topology.causality):
        path: DocumentPath = ("causality", index)
        lost = [f for f in found if f.id == "causal-dependency-lost" and f.match.at[:2] == path]
        if any(f.is_definite for f in lost):
            facts = Facts()
            decide = partial(_keep_pair, path, pair)
            choice = decide(facts)
            weighed, unsaid = tuple(facts.weighed.values()), frozenset(facts.unsaid)
            said = tuple(sorted(facts.used, key=str))
            result.append(Advice(pair.first, pair.then, (), choice, (path, *said), weighed, unsaid, decide))
    return result


def _keep_pair(path: DocumentPath, pair: CausalPair, facts: Facts) -> Choice:
    ask = f"Where can {pair.then} take the position of the event of {pair.first} from?"
    origins = ("acknowledged-write", "stale-read")
    origin = facts.weigh((*path, "token_from"), pair.token_from, origins, "acknowledged-write", ask)
    if origin == "stale-read":
        why = (
            f"a read that may be stale gives no safe token, and one topic keyed by {pair.per or 'the group'} needs none"
        )
        return Choice("log-messaging", "causal-token", why, ("pair-partitioned-topic",))
    why = "the later event says which earlier one its author knew; no total order is needed"
    return Choice("causal-token", "log-messaging", why, ("causal-token-on-event", "pair-partitioned-topic"))

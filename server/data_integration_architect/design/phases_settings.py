"""Changes without a new way of the data, a cut-over of handlers, tokens on events, and the repair of old damage."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from data_integration_architect.advice.choice import Advice
from data_integration_architect.analysis.view import View
from data_integration_architect.design.draft import Draft, steps_of
from data_integration_architect.design.phases import Step, Steps, handlers_of, outage
from data_integration_architect.design.reach import reached
from data_integration_architect.rules import Found
from data_integration_architect.sources import SEVERITIES
from data_integration_architect.topology import Topology, dump_topology

TRIED = "Each change was tried on a copy of the system, with the failure that it prevents provoked."
# What has to stand before a setting is changed, and how to see that it works, for mechanisms without new handlers.
FIRST = {
    "crdt-merge": "Every operation is expressed as a change that commutes; none sets a value that it has read.",
    "home-region-per-key": "Each key has a home that every region can look up, requests that arrive elsewhere are "
    "forwarded, and keys that were written in two regions have been decided.",
    "single-leader-with-fencing": "Clients learn of a new leader from the same authority that fences the old one.",
}
TRIALS = {
    "cache-aside-with-ttl": "Lose an invalidation on purpose: the entry is right again when it has expired.",
    "crdt-merge": "Cut the regions off from each other, change one record in both, and join them: neither is lost.",
    "home-region-per-key": "Write one key in two regions at once: one forwards, and only one is accepted. Cut off the "
    "home: the others refuse the key.",
    "lease-or-versioned-fill": "Hold a fill between its read and its write while the record changes: it is refused.",
    "local-transaction": "Kill the process between the two writes: neither is there.",
    "read-from-primary": "Stop the replication: what must be current is still read as it was written.",
    "single-leader-with-fencing": "Freeze the leader, let another take over, wake the old one: it accepts no write.",
    "synchronous-quorum-commit": "Kill the leader after it has acknowledged a write: the new one has it.",
}
# What was acted on wrongly once is found in no comparison of stores.
BEYOND_COMPARISON = {"causal-dependency-lost"}
LOUD = SEVERITIES.index("medium")


def last_phases(today: View, target: Topology, advice: Sequence[Advice]) -> Steps:
    """Settings where the handlers stay; else a cut-over, with the old channels drained before new consumers start."""
    before, after = dump_topology(today.topology), dump_topology(target)
    if set(handlers_of(before)) == set(handlers_of(after)) and set(before.get("channels", {})) == set(
        after.get("channels", {})
    ):
        trials = [TRIALS[m] for m in sorted({one.choice.mechanism for one in advice}) if m in TRIALS]
        first = [FIRST[m] for m in sorted({one.choice.mechanism for one in advice}) if m in FIRST]
        in_doubt = _distributed(before) and not _distributed(after)
        return (
            Step(
                "change-settings",
                "Change the settings, guards and ids that are listed, one after the other; the ways of the data stay.",
                " ".join([TRIED, *first]),
                "The failure that each change prevents no longer occurs, and nothing else got slower or stopped."
                + (" No transaction is left prepared or in doubt." if in_doubt else ""),
                " ".join(["Provoke each failure again after its change.", *trials]),
                "Set the previous value again.",
                target,
            ),
        )
    dropped = sorted(set(before.get("stores", {})) - set(after.get("stores", {})))
    if dropped and set(handlers_of(after)) <= set(handlers_of(before)):
        return _drop_stores(today, target, dropped)
    removed = sorted(set(before.get("channels", {})) - set(after.get("channels", {})))
    if removed and (draining := _draining(before, target, removed)) is not None:
        return _drain_first(today, target, draining, removed)
    return (
        Step(
            "cut-over",
            "Deploy the new handlers stopped, then in one release start them and remove the steps that they replace.",
            "The new handlers were tried against a copy; what they consume is retained for longer than the cut-over.",
            f"The old path has no unhandled record left, and the new one keeps up {outage(today)}.",
            "Count what entered the old and the new path around the release; each operation is in exactly one of them.",
            "Stop the new handlers and deploy the previous release; waiting records stay in their channel.",
            target,
        ),
    )


def _drop_stores(today: View, target: Topology, dropped: list[str]) -> Steps:
    """Readers ask the record while the store is still fed; then the store goes with all that feeds it."""
    reading = Draft(today.topology)
    for old, new in zip(reading.data.get("readers", []), dump_topology(target).get("readers", []), strict=False):
        if old["reads"] in dropped:
            old["reads"] = new["reads"]
    names = ", ".join(dropped)
    return (
        Step(
            "read-from-record",
            f"The record gets the indexes that the queries of {names} need, answers them beside it, and then instead "
            f"of it; {names} is still fed.",
            "The same queries give the same results in both, apart from what is wrong today, on a copy with real data.",
            "Readers run on the record for an agreed time within the latency that they need.",
            "Latency and load of the record at the busiest hour, with the new queries.",
            f"Point the readers back: {names} is still fed.",
            reading.topology(),
        ),
        Step(
            "remove-store",
            f"Remove {names} with every handler, job and message that fed it.",
            f"Nobody has read {names} since the switch.",
            f"No code and no setting names {names} any more.",
            f"Search the code; watch for refused connections to {names} after it is stopped and before it is deleted.",
            f"Start {names} again and rebuild it from the record.",
            target,
        ),
    )


def _distributed(data: dict[str, Any]) -> bool:
    return any(isinstance(s.get("transaction"), list) for h in handlers_of(data).values() for s in steps_of(h))


def _draining(before: dict[str, Any], target: Topology, removed: list[str]) -> Topology | None:
    """The new writers and relays with the old consumers, which empty the channels that go; None without any."""
    old = {n: h for n, h in handlers_of(before).items() if h.get("trigger", {}).get("consume") in removed}
    if not old:
        return None
    draft = Draft(target)
    for name in removed:
        draft.group("channels")[name] = {**before["channels"][name], "status": "temporary"}
    fresh = [
        name
        for name, channel in draft.data["channels"].items()
        if name not in before.get("channels", {}) and "in" not in channel
    ]
    for name, handler in list(draft.handlers()):
        if handler.get("trigger", {}).get("consume") in fresh:
            draft.remove_handler(name)
    for name, handler in old.items():
        draft.put_handler(name, handler, before["processes"][name.rpartition(".")[0]])
    return draft.topology()


def _drain_first(today: View, target: Topology, draining: Topology, removed: list[str]) -> Steps:
    names = ", ".join(removed)
    return (
        Step(
            "switch-writers",
            f"One release makes the writers use the new way; the relay runs, the new consumers are deployed and "
            f"stopped, and the old ones empty {names}.",
            "Tables and channels exist, and the new consumers were tried against a copy; what they consume is retained "
            "for longer than the old channels need to be emptied.",
            f"{names} is empty, retries included, and nothing has been appended to it since the release.",
            "Count what entered the old and the new way around the release; each operation is in exactly one of them.",
            f"Deploy the previous release of the writers before the new consumers start; send what waits in the new "
            f"channels through {names}.",
            draining,
        ),
        Step(
            "start-consumers",
            f"Start the new consumers and remove {names} with its consumers. Until then what waits is only late.",
            f"{names} is empty: a consumer that starts earlier could overtake what still waits there.",
            f"The new consumers have caught up and keep up {outage(today)}.",
            "Compare the effects with the operations of the time between the release and the start.",
            "Stop the new consumers; records wait in their channels.",
            target,
        ),
    )


def token_phases(today: View, target: Topology, advice: Sequence[Advice]) -> Steps:
    """Events carry the token, the check says what it would have done, then it waits."""
    pairs = [
        (index, one)
        for one in advice
        for index, pair in enumerate(today.topology.causality)
        if one.choice.mechanism == "causal-token" and (pair.first, pair.then) == (one.source, one.target)
    ]
    if not pairs:
        return ()
    one = today.topology.causality[pairs[0][0]]
    judge = one.checked_by or "the check"
    # Nothing decides by the position before the last phase, so until then the system is that of today.
    topology = today.topology
    return (
        Step(
            "carry-token",
            f"{one.then} puts the position of the last event of {one.first} that its author knew on each event; "
            f"{judge} stores it and decides as before.",
            f"{one.first} returns the position of its event to the author, and the author sends it on; old clients "
            "without a position are counted.",
            "The share of events without a position is small enough, and the rule for them is decided.",
            "Positions of one group never go back; each is one that the stream of the first event really has.",
            f"Leave the position out; {judge} does not read it yet.",
            topology,
        ),
        Step(
            "observe",
            f"{judge} works out for each event whether it would wait, and for how long, and writes that down only.",
            "Events carry positions.",
            "The waits seen are within what receivers accept; a limit and what happens after it are decided.",
            "Delay the view on purpose: events that would have been accepted wrongly are among those that would wait.",
            "Stop writing it down.",
            topology,
        ),
        Step(
            "defer",
            f"{judge} waits until its view has passed the position, and decides by the state at that position.",
            "Waits and the limit are known; events that wait are kept durably, and other groups go on.",
            "No event is decided before its position was passed, and none waits past the limit unnoticed.",
            f"Repeat the run of today with the view delayed: {one.then} is refused or waits.",
            f"{judge} decides at once again; the positions stay on the events.",
            target,
        ),
    )


def repair_phase(today: View, target: Topology, found: Sequence[Found], steps: Steps) -> Step | None:
    """What today's defects have already left wrong in stores that no phase fills anew; None where there is none.

    A store that each run swaps anew is mended by its first run.
    """
    fresh = {s.name for s in steps} & {"shadow", "replay"}
    swapped = {
        (str(s["write"]), s.get("entity"))
        for handler in handlers_of(dump_topology(target)).values()
        for s in steps_of(handler)
        if s.get("mode") == "rebuild-and-swap"
    }
    damaged = sorted(
        {
            t.store
            for f in found
            for t in f.match.targets
            if f.is_definite
            and SEVERITIES.index(f.severity) >= LOUD
            and f.match.consequence.violates == "integrity"
            and f.id not in BEYOND_COMPARISON
            and t.store in target.stores
            and not today.system.is_external(t.store)
            and (t.store, t.entity) not in swapped
        }
    )
    if fresh or not damaged:
        return None
    owners = {o.store for o in today.owners.values() if o.store} - set(damaged)
    records = sorted(owner for owner in owners if reached(today, owner) & set(damaged))
    source = f"with {', '.join(records)}" if records else "with the log or the records of the operations"
    return Step(
        "repair",
        f"Mend what is already wrong in {', '.join(damaged)}: no change above mends an older record.",
        "The defects no longer occur, or the repair would have to be repeated.",
        "A second comparison finds nothing that is older than the change.",
        f"Compare {', '.join(damaged)} {source}, by key; write down what differs before it is mended.",
        "Keep what was there before each correction; put it back.",
        target,
    )

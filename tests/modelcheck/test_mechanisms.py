"""Each mechanism with its options: the verdict, and how many steps, faults and writes the shortest run needs."""

import pytest
import topologies as t
from topologies import topology, verdict

SAFE = "{by: request_id, in: %s, window: forever, atomic: %s, scope: %s}"


def dedup(store: str = "memory", *, atomic: bool = True, scope: str = "per-target") -> str:
    return SAFE % (store, str(atomic).lower(), scope)


def capture(**values: object) -> object:
    return topology(
        t.CAPTURE,
        **{
            "key": "id",
            "deletes": "never",
            "trigger": "workers: 1",
            "instances": 1,
            "moved": "",
            "write": "guard: none",
            **values,
        },
    )


def transfer(**values: object) -> object:
    plain = {"retries": "true", "survives": "true", "built": "random", "debit": dedup(), "credit": dedup()}
    return topology(t.TRANSFER, **{**plain, **values})


def cache(**values: object) -> object:
    plain = {"expiry": "none", "guard": "none", "retries": "false"}
    steps = "[{write: main, entity: profile}, {invalidate: cache, entity: profile}]"
    return topology(t.CACHE, **{**plain, "steps": steps, **values})


def dual(first: str, second: str, instances: object = "many") -> object:
    steps = f"[{{write: {first}, entity: product}}, {{write: {second}, entity: product}}]"
    return topology(t.DUAL_WRITE, instances=instances, steps=steps)


def inside(first: str, second: str) -> object:
    steps = f"[{{transaction: pg, steps: [{{write: {first}, entity: product}}, {{write: {second}, entity: product}}]}}]"
    return topology(t.DUAL_WRITE, instances="many", steps=steps)


def outbox(trigger: str, instances: object = 1) -> object:
    return topology(t.OUTBOX, trigger=trigger, instances=instances)


EXPIRING = cache(expiry="5m")
WORKERS = "workers: 4, same_key_same_worker: false"
GUARDED = "guard: version, guard_keeps_deletes: %s"

# (what, topology, property, target, entity) -> violates (None = holds), steps, faults, writes
CASES = [
    ("two writers interleave", dual("pg", "es"), "convergence", "es", "product", ("integrity", 4, 0, 2)),
    ("one writer dies between", dual("pg", "es", 1), "convergence", "es", "product", ("integrity", 2, 1, 1)),
    ("index first, then death", dual("es", "pg", 1), "no-phantom", "es", "product", ("integrity", 2, 1, 1)),
    (
        "inside the open transaction the row lock orders writers",
        inside("pg", "es"),
        "no-stale-overwrite",
        "es",
        "product",
        None,
    ),
    (
        "inside the open transaction a rollback leaves a phantom",
        inside("pg", "es"),
        "no-phantom",
        "es",
        "product",
        ("integrity", 2, 1, 1),
    ),
    (
        "before the lock nothing orders writers",
        inside("es", "pg"),
        "convergence",
        "es",
        "product",
        ("integrity", 4, 0, 2),
    ),
    ("capture in order", capture(), "convergence", "es", "product", None),
    ("capture replays old values", capture(), "monotonic-view", "es", "product", ("timeliness", 8, 1, 2)),
    ("version guard keeps the view", capture(write="guard: version"), "monotonic-view", "es", "product", None),
    (
        "no key spreads one record's changes",
        capture(key="none"),
        "convergence",
        "es",
        "product",
        ("integrity", 6, 0, 2),
    ),
    ("parallel workers reorder", capture(trigger=WORKERS), "convergence", "es", "product", ("integrity", 8, 0, 2)),
    (
        "parallel workers raise the dead",
        capture(trigger=WORKERS, deletes="hard"),
        "no-phantom",
        "es",
        "product",
        ("integrity", 8, 0, 2),
    ),
    (
        "a guard that forgets deletions",
        capture(trigger=WORKERS, write=GUARDED % "false", deletes="hard"),
        "no-phantom",
        "es",
        "product",
        ("integrity", 8, 0, 2),
    ),
    (
        "a guard that keeps deletions",
        capture(trigger=WORKERS, write=GUARDED % "true", deletes="hard"),
        "no-phantom",
        "es",
        "product",
        None,
    ),
    (
        "acknowledged before the effect",
        capture(trigger="acknowledge: before"),
        "convergence",
        "es",
        "product",
        ("integrity", 4, 1, 1),
    ),
    (
        "position stored with the effect",
        capture(trigger="acknowledge: with-effect"),
        "convergence",
        "es",
        "product",
        None,
    ),
    (
        "failed records are skipped",
        capture(write="guard: none, retry: {attempts: 3, then: ignore}"),
        "convergence",
        "es",
        "product",
        ("integrity", 3, 1, 1),
    ),
    ("outbox by sequence skips", outbox("cursor: sequence"), "convergence", "views", "invoice", ("integrity", 5, 0, 2)),
    (
        "outbox by sequence, held back",
        outbox("cursor: sequence, visible_up_to: advisory-lock"),
        "convergence",
        "views",
        "invoice",
        None,
    ),
    ("outbox in commit order", outbox("cursor: commit-order"), "convergence", "views", "invoice", None),
    (
        "two relays that skip locked rows",
        outbox("cursor: row-flag, claim: skip-locked", "many"),
        "convergence",
        "views",
        "invoice",
        ("integrity", 6, 0, 2),
    ),
    ("two relays that lock", outbox("cursor: row-flag, claim: lock", "many"), "convergence", "views", "invoice", None),
    (
        "two relays without a claim",
        outbox("cursor: row-flag, claim: none", "many"),
        "convergence",
        "views",
        "invoice",
        ("integrity", 8, 0, 2),
    ),
    ("stale fill", cache(), "convergence", "cache", "profile", ("integrity", 4, 0, 1)),
    (
        "a lease refuses the stale fill",
        cache(
            guard="lease",
            steps="[{write: main, entity: profile}, {invalidate: cache, "
            "entity: profile, retry: {attempts: 9, then: block}}]",
        ),
        "convergence",
        "cache",
        "profile",
        ("integrity", 4, 1, 1),
    ),
    ("an entry that expires heals", EXPIRING, "convergence", "cache", "profile", ("timeliness", 4, 0, 1)),
    ("transfer with deduplication", transfer(), "conservation", "a", "account", None),
    (
        "transfer without",
        transfer(debit="none", credit="none"),
        "exactly-once-effect",
        "a",
        "account",
        ("integrity", 5, 1, 1),
    ),
    (
        "one memory for both sides",
        transfer(debit=dedup(scope="global"), credit=dedup(scope="global")),
        "conservation",
        "a",
        "account",
        ("integrity", 5, 0, 1),
    ),
    (
        "check and effect apart",
        transfer(debit=dedup(atomic=False)),
        "exactly-once-effect",
        "a",
        "account",
        ("integrity", 8, 1, 1),
    ),
    (
        "a new id for the retry",
        transfer(survives="false"),
        "exactly-once-effect",
        "a",
        "account",
        ("integrity", 7, 1, 1),
    ),
    ("a hash as id", transfer(built="content-hash"), "exactly-once-effect", "a", "account", ("integrity", 6, 0, 2)),
    (
        "coordinator never returns",
        topology(t.TWO_PHASE, log="durable", returns="never"),
        "no-in-doubt",
        "a",
        "account",
        ("availability", 2, 1, 1),
    ),
    (
        "coordinator returns",
        topology(t.TWO_PHASE, log="durable", returns="always"),
        "no-in-doubt",
        "a",
        "account",
        None,
    ),
    (
        "coordinator forgets",
        topology(t.TWO_PHASE, log="none", returns="always"),
        "convergence",
        "b",
        "account",
        ("integrity", 6, 1, 1),
    ),
    (
        "a replica converges",
        topology(t.REPLICA, replication="async", source="pg"),
        "convergence",
        "standby",
        "profile",
        None,
    ),
    (
        "an instance goes on after it lost its partition",
        capture(instances="many", trigger="stops_on_rebalance: false"),
        "convergence",
        "es",
        "product",
        ("integrity", 8, 1, 2),
    ),
    (
        "an instance that lost its partition is fenced",
        capture(instances="many", trigger="stops_on_rebalance: true"),
        "convergence",
        "es",
        "product",
        None,
    ),
    (
        "a retry topic lets a record fall behind",
        topology(t.RETRY_TOPIC, trigger="workers: 1"),
        "convergence",
        "es",
        "product",
        ("integrity", 7, 1, 2),
    ),
    (
        "later records wait, but the retry repeats itself",
        topology(t.RETRY_TOPIC, trigger="parks_key: true, parked_in: pg"),
        "convergence",
        "es",
        "product",
        ("integrity", 9, 2, 2),
    ),
    (
        "a query by time skips late commits",
        topology(t.QUERY, deletes="never", capture="overlap: none"),
        "convergence",
        "wh",
        "order",
        ("integrity", 5, 0, 2),
    ),
    (
        "a query that looks back",
        topology(t.QUERY, deletes="never", capture="overlap: 1h"),
        "convergence",
        "wh",
        "order",
        None,
    ),
    (
        "a query sees no deletions",
        topology(t.QUERY, deletes="hard", capture="overlap: 1h, sees_deletes: false"),
        "no-phantom",
        "wh",
        "order",
        ("integrity", 2, 0, 1),
    ),
    (
        "a query that sees deletions",
        topology(t.QUERY, deletes="hard", capture="overlap: 1h, sees_deletes: true"),
        "no-phantom",
        "wh",
        "order",
        None,
    ),
    ("a merge keeps what is gone", topology(t.JOB, mode="merge"), "no-phantom", "wh", "order", ("integrity", 1, 0, 1)),
    ("a rebuild drops what is gone", topology(t.JOB, mode="rebuild-and-swap"), "convergence", "wh", "order", None),
    ("re-reading deletes what is gone", topology(t.RE_READ, missing="delete"), "convergence", "es", "product", None),
    (
        "re-reading skips what is gone",
        topology(t.RE_READ, missing="skip"),
        "no-phantom",
        "es",
        "product",
        ("integrity", 3, 0, 1),
    ),
    (
        "more partitions while records wait",
        capture(moved=", repartitioned: {from: 12, to: 24, drained: false}"),
        "convergence",
        "es",
        "product",
        ("integrity", 7, 0, 2),
    ),
    (
        "more partitions after draining",
        capture(moved=", repartitioned: {from: 12, to: 24, drained: true}"),
        "convergence",
        "es",
        "product",
        None,
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case[0])
def test_shortest_run(case):
    _, given, name, target, entity, expected = case
    also = ()
    if name == "conservation":
        also = (("b", entity),)
    if name == "no-in-doubt":
        also = (("b", entity),)
    found = verdict(given, (name, target, entity), also=also)
    assert not found.conditions
    if expected is None:
        assert found.verdict == "holds", found.trace
        assert found.at_rest_states > 0
        assert not found.never_enabled
    else:
        seen = (found.violates, len(found.trace), found.faults_needed, found.writes_needed)
        assert (found.verdict, *seen) == ("violated", *expected), found.trace

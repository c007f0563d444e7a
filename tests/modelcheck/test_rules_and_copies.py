"""Mechanisms that are models of their own: constraints, causal pairs, writable copies; and what clients read back."""

import pytest
import topologies as t
from topologies import topology

from data_integration_architect.modelcheck.check import check
from data_integration_architect.modelcheck.facts import Assumptions
from data_integration_architect.topology import Topology

CLAIM = """
stores: {pg: {technology: %(technology)s}}
entities: {%(entity)s: {key: id}}
processes:
  shop: {handlers: {take: {trigger: {request: {}}, steps: %(steps)s}}}
constraints: [{name: rule, kind: %(kind)s, entity: %(entity)s, enforced_at: %(at)s}]
"""

CAUSAL = """
stores: {friends: {}, mail: {}}
channels: {friendships: {technology: kafka, message_key: pair}, messages: {technology: kafka, message_key: pair}}
entities: {friendship: {key: pair}, message: {key: id}}
processes:
  a: {handlers: {unfriend: {trigger: {request: {}}, steps: %(first)s}}}
  b: {handlers: {send: {trigger: {request: {}}, steps: %(then)s}}}
  notifier: {instances: 1, handlers: {notify: {trigger: {consume: messages}, steps: []}}}
causality: [{first: a.unfriend, then: b.send, per: pair, checked_by: notifier.notify, %(token)s}]
"""

COPIES = """
stores: {db: {%(db)s}}
entities: {cart: {key: id}}
processes: {web: {handlers: {save: {trigger: {request: {retries: false}}, steps: [{write: db, entity: cart}]}}}}
"""


def claim(kind: str, steps: str, at: str = "none", technology: str = "postgresql") -> Topology:
    return topology(CLAIM, kind=kind, steps=steps, at=at, technology=technology, entity="account")


def causal(token: str, first: str = "[{append: friendships, entity: friendship}]", then: str = "") -> Topology:
    return topology(CAUSAL, token=token, first=first, then=then or "[{append: messages, entity: message}]")


def copies(db: str) -> Topology:
    return topology(COPIES, db=db)


APART = "[{read: pg, entity: account}, {write: pg, entity: account}]"
IN_BLOCK = "[{transaction: pg, isolation: %s, steps: [{read: pg, entity: account}, {write: pg, entity: account}]}]"
LOCKING = "[{transaction: pg, steps: [{read: pg, entity: account, locking: true}, {write: pg, entity: account}]}]"
ONE_TOPIC = "[{append: messages, entity: friendship}]"
COMMIT_THEN_PUBLISH = "[{write: friends, entity: friendship}, {append: messages, entity: friendship, wait: %s}]"
OWN_COMMITS = COMMIT_THEN_PUBLISH % "false"

CASES = [
    ("check, then write", claim("non-negative", APART), "non-negative", ("integrity", 4, 0, 2)),
    ("never checked", claim("non-negative", "[{write: pg, entity: account}]"), "non-negative", ("integrity", 2, 0, 2)),
    ("read committed", claim("non-negative", IN_BLOCK % "read-committed"), "non-negative", ("integrity", 4, 0, 2)),
    ("snapshot on one row", claim("non-negative", IN_BLOCK % "repeatable-read"), "non-negative", None),
    (
        "repeatable read of another kind",
        claim("non-negative", IN_BLOCK % "repeatable-read", technology="mysql"),
        "non-negative",
        ("integrity", 4, 0, 2),
    ),
    ("locking read", claim("non-negative", LOCKING), "non-negative", None),
    ("a locking read of what is missing", claim("unique", LOCKING), "uniqueness", ("integrity", 4, 0, 2)),
    ("snapshot and two inserts", claim("unique", IN_BLOCK % "snapshot"), "uniqueness", ("integrity", 4, 0, 2)),
    ("serializable", claim("unique", IN_BLOCK % "serializable"), "uniqueness", None),
    ("a unique key", claim("unique", "[{write: pg, entity: account, guard: unique-key}]"), "uniqueness", None),
    ("the store refuses", claim("unique", "[{write: pg, entity: account}]", at="pg"), "uniqueness", None),
    ("two streams", causal("token: none"), "causal-order", ("integrity", 3, 0, 0)),
    (
        "a token of the author's own write",
        causal("token: carried, token_from: acknowledged-write, judged_by: token"),
        "causal-order",
        None,
    ),
    (
        "a token from a stale read",
        causal("token: carried, token_from: stale-read, judged_by: token"),
        "causal-order",
        ("integrity", 3, 0, 0),
    ),
    (
        "judged by the current view",
        causal("token: carried, token_from: read, judged_by: current-view"),
        "causal-order",
        ("integrity", 6, 0, 0),
    ),
    ("one topic by pair", causal("token: none", ONE_TOPIC), "causal-order", None),
    (
        "one topic, published after an own commit",
        causal("token: none", OWN_COMMITS),
        "causal-order",
        ("integrity", 3, 0, 0),
    ),
    (
        "one topic, acknowledged after the append",
        causal("token: none", COMMIT_THEN_PUBLISH % "true"),
        "causal-order",
        None,
    ),
    (
        "last write wins",
        copies("copies: {regions: [us, eu], writable: all, merge: last-write-wins}"),
        "exactly-once-effect",
        ("integrity", 3, 0, 2),
    ),
    (
        "last write wins converges",
        copies("copies: {regions: [us, eu], writable: all, merge: last-write-wins}"),
        "convergence",
        None,
    ),
    (
        "nothing merges",
        copies("copies: {regions: [us, eu], writable: all, merge: none}"),
        "convergence",
        ("integrity", 4, 0, 2),
    ),
    (
        "a merge that keeps both",
        copies("copies: {regions: [us, eu], writable: all, merge: crdt}"),
        "exactly-once-effect",
        None,
    ),
    (
        "two primaries",
        copies("failover: {automatic: true, fenced: false, quorum: false}"),
        "convergence",
        ("integrity", 2, 1, 1),
    ),
    (
        "fenced, but the tail is lost",
        copies("failover: {automatic: true, fenced: true, quorum: false}"),
        "exactly-once-effect",
        ("integrity", 3, 1, 1),
    ),
    (
        "a quorum acknowledges",
        copies("failover: {automatic: true, fenced: true, quorum: true}"),
        "exactly-once-effect",
        None,
    ),
    (
        "own write, read from a replica",
        topology(t.REPLICA, replication="async", source="standby"),
        "read-your-writes",
        ("timeliness", 2, 0, 1),
    ),
    (
        "own write, read from a synchronous replica",
        topology(t.REPLICA, replication="sync", source="standby"),
        "read-your-writes",
        None,
    ),
    (
        "own write, read from the primary",
        topology(t.REPLICA, replication="async", source="pg"),
        "read-your-writes",
        None,
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case[0])
def test_shortest_run(case):
    _, given, name, expected = case
    found = check(given, name, assumptions=Assumptions("unsafe"))[-1]
    if expected is None:
        assert found.verdict == "holds", found.trace
        assert found.at_rest_states > 0
    else:
        seen = (found.violates, len(found.trace), found.faults_needed, found.writes_needed)
        assert (found.verdict, *seen) == ("violated", *expected), found.trace

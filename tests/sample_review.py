"""A review made by hand that has something in every section; `name` stands wherever a file's own words can stand."""

from data_integration_architect.results import Review
from data_integration_architect.sources import Source
from data_integration_architect.topology import Topology
from support import load

SOURCE = Source(
    url="https://example.com/book_(2017)", title="A book [second]", locator="chapter 11", checked="unchecked"
)


def sample_review(name: str = "search") -> Review:
    flow = f"shop -> {name} (dual-write)"
    step = "processes.shop.handlers.save.steps[1]"
    return Review.model_validate(
        {
            "system": f"Shop with {name}",
            "applicable": {"verdict": "applicable", "reason": f"2 systems must agree: postgres, {name}"},
            "flows": [{"id": flow, "from": "shop", "to": name, "entities": ["product"], "mechanism": "dual-write"}],
            "systems_of_record": [
                {"entity": "product", "status": "owned", "store": "postgres", "derived": [name]},
                {"entity": "price", "status": "conflict", "store": None, "derived": []},
                {"entity": "stock", "status": "owned", "store": "shard", "instance": "postgres", "derived": []},
            ],
            "findings": [
                {
                    "id": "dual-write-unprotected",
                    "fingerprint": "52b4f3e8c46e",
                    "severity": "critical",
                    "severity_depends_on": ["readers[0].decides"],
                    "violates": "integrity",
                    "confidence": "derived",
                    "elements": ["postgres", name, "shop.save"],
                    "at": {"path": step, "line": 14},
                    "summary": f"shop.save changes product in postgres and then in {name} with no common transaction",
                    "explains": [0],
                    "also": ["dual-write"],
                    "fixes": ["derive-instead-of-write", "relay-committed-rows"],
                    "sources": [SOURCE],
                },
                {
                    "id": "dual-write-in-open-transaction",
                    "fingerprint": "9fbee38e27ab",
                    "severity": "medium",
                    "violates": "timeliness",
                    "confidence": "inferred",
                    "elements": [name],
                    "at": {"path": f"stores.{name}"},
                    "summary": f"{name} keeps what was rolled back",
                    "fixes": [],
                    "sources": [SOURCE],
                },
                {
                    "id": "dual-write-unprotected",
                    "fingerprint": "c53adda8db72",
                    "severity": "high",
                    "violates": "integrity",
                    "confidence": "derived",
                    "condition": [{"path": f"stores.{name}.expiry", "value": "none"}, {"path": "scope", "value": True}],
                    "elements": [name, "web.view"],
                    "at": {"path": "processes.web", "line": 20},
                    "summary": f"a slow fill of {name} stores an old value",
                    "fixes": ["lease-on-fill"],
                    "sources": [SOURCE],
                },
            ],
            "recommendations": [
                {
                    "from": "postgres",
                    "to": name,
                    "entities": ["product"],
                    "mechanism": "cdc",
                    "runner_up": "outbox",
                    "decided_by": [step, "stores.postgres.log_access"],
                    "would_flip": [{"path": "stores.postgres.log_access", "value": False, "mechanism": "outbox"}],
                    "fixes": ["derive-instead-of-write"],
                    "reason": f"{name} then follows postgres and a failure only delays it",
                }
            ],
            "processing": {
                "layer": "unified",
                "today": "lambda",
                "composition": "composed",
                "reason": "one engine is enough",
            },
            "ordering": [
                {
                    "flow": flow,
                    "entity": "product",
                    "need": "per-key",
                    "key": "product_id",
                    "given": "none",
                    "satisfied": False,
                    "reason": "broken by dual-write-unprotected",
                }
            ],
            "idempotency": [
                {"flow": flow, "mechanism": "natural-upsert", "currently": "partial", "operation_id_origin": "unknown"}
            ],
            "causal": [
                {
                    "first": "a.unfriend",
                    "then": f"b.{name}",
                    "per": "pair",
                    "status": "lost",
                    "reason": "no token is carried",
                }
            ],
            "constraints": [{"name": name, "class": "hard", "enforced_at": None, "status": "not-enforced"}],
            "symptoms": [
                {"in": name, "entity": "product", "kind": "stale", "explained_by": ["52b4f3e8c46e"]},
                {"in": "postgres", "entity": None, "kind": "blocked", "explained_by": []},
            ],
            "unexplained_symptoms": [1],
            "questions": [
                {
                    "path": f"stores.{name}.expiry",
                    "ask": f"After which time do entries of {name} expire?",
                    "answers": [
                        {"value": "none", "effect": "confirms stale-cache-fill-race (high)"},
                        {"value": "60s", "effect": "changes nothing"},
                    ],
                }
            ],
        }
    )


def sample_topology(name: str = "search") -> Topology:
    return load(
        {
            "system": "Shop",
            "stores": {
                "postgres": {"technology": "postgresql"},
                name: {"technology": name},
                "replica": {"replica_of": "postgres"},
            },
            "channels": {"changes": {"technology": "kafka"}},
            "entities": {"product": {"key": "id"}, "price": {"key": "id"}},
            # A process may have the name of a store; it has no dot, which sets off its handlers.
            "processes": {
                name.replace(".", ""): {
                    "handlers": {
                        "save": {
                            "trigger": {"request": {"from": "browser"}},
                            "steps": [
                                {"transaction": "postgres", "steps": [{"write": "postgres", "entity": "product"}]},
                                {"invalidate": name, "entity": "product"},
                                {"write": "postgres", "entity": "price"},
                            ],
                        },
                        "view": {"steps": [{"read": name, "entity": "product"}]},
                    }
                }
            },
            "captures": {"connector": {"from": "postgres", "to": "changes", "by": "log", "entity": "product"}},
            "consumers": {"indexer": {"from": "changes", "to": name, "entity": "product"}},
            "readers": [
                {"reads": name, "entity": "product", "access": "full-text", "own_writes_from": "replica"},
                {"reads": ["replica"]},
            ],
        }
    )

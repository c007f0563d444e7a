"""Random topologies and broken documents, each a function of its seed."""

import itertools
import random
from typing import Any

from support import ROOT

TECHNOLOGIES = ["postgresql", "mysql", "redis", "elasticsearch", "snowflake", "mongodb", "oracle", "nonesuch", None]
CHANNELS = ["kafka", "rabbitmq", "sqs", "celery", "http", "udp", None]
DURATIONS = ["250ms", "5s", "15m", "24h", "30d"]


class Generator:
    """Draws one topology; every reference points to something that exists, every attribute is sometimes unsaid."""

    def __init__(self, seed: int, size: int = 3) -> None:
        self.random = random.Random(seed)
        self.size = size

    def maybe(self, *values: Any) -> Any:
        """One of `values`, or None for unsaid."""
        return self.random.choice([None, *values])

    def some(self, **facts: Any) -> dict[str, Any]:
        return {key.rstrip("_"): value for key, value in facts.items() if value is not None}

    def topology(self) -> dict[str, Any]:
        pick = self.random
        self.stores = [f"store{i}" for i in range(pick.randint(1, self.size + 1))]
        self.entities = [f"entity{i}" for i in range(pick.randint(1, self.size))]
        self.channels = [f"channel{i}" for i in range(pick.randint(0, self.size))]
        self.handlers: list[str] = []
        processes = {f"process{i}": self.process(f"process{i}") for i in range(pick.randint(1, self.size))}
        data: dict[str, Any] = {
            "stores": {name: self.store(i) for i, name in enumerate(self.stores)},
            "channels": {name: self.channel() for name in self.channels},
            "entities": {name: self.entity(i) for i, name in enumerate(self.entities)},
            "processes": processes,
            "readers": [self.reader() for _ in range(pick.randint(0, self.size))],
            "symptoms": [
                {"in": pick.choice(self.stores), "kind": pick.choice(["stale", "missing", "duplicate", "phantom"])}
                for _ in range(pick.randint(0, 2))
            ],
            "constraints": [
                self.some(
                    name=f"rule{i}",
                    kind=self.maybe("unique", "non-negative", "once", "sum"),
                    entity=pick.choice(self.entities),
                    class_=self.maybe("hard", "soft"),
                    enforced_at=self.maybe("none", pick.choice(self.stores)),
                )
                for i in range(pick.randint(0, 2))
            ],
            "context": self.some(
                application=self.maybe("changeable", "fixed"),
                freshness_wanted=self.maybe(*DURATIONS),
                stage=self.maybe("existing", "greenfield"),
            ),
            "scope": pick.choice(["whole", "whole", "partial"]),
        }
        if len(self.handlers) > 1 and pick.random() < 0.3:
            first, then = pick.sample(self.handlers, 2)
            pair = self.some(first=first, then=then, per="group", token=self.maybe("none", "carried"))
            data["causality"] = [pair]
        self.short_forms(data)
        return data

    def store(self, index: int) -> dict[str, Any]:
        pick = self.random
        shared = pick.random() < 0.15
        return self.some(
            technology="postgresql" if shared else pick.choice(TECHNOLOGIES),
            instance="shared" if shared else None,
            replica_of=self.stores[0] if index and pick.random() < 0.15 else None,
            expiry=self.maybe(None, "none", *DURATIONS),
            log_access=self.maybe(True, False),
            external=True if index and pick.random() < 0.1 else None,
            copies=self.some(writable="all", merge=self.maybe("last-write-wins", "crdt"))
            if pick.random() < 0.1
            else None,
            failover=self.some(automatic=self.maybe(True, False), fenced=self.maybe(True, False))
            if pick.random() < 0.15
            else None,
        )

    def channel(self) -> dict[str, Any]:
        pick = self.random
        inside = pick.random() < 0.25
        return self.some(
            technology="table" if inside else pick.choice(CHANNELS),
            in_=pick.choice(self.stores) if inside else None,
            message_key=self.maybe("none", "key"),
            partitions=self.maybe(1, 12),
            retention=self.maybe("7d", "forever"),
            delivery=self.maybe("at-most-once", "at-least-once", "exactly-once"),
            when_full=self.maybe("block", "drop"),
            repartitioned=self.some(from_=6, to=12, drained=self.maybe(True, False)) if pick.random() < 0.1 else None,
            event=self.some(
                content=self.maybe("full", "changed-fields", "delta", "id-only"),
                version=self.maybe("none", "sequence", "commit-position", "timestamp"),
                on_delete=self.maybe("none", "key-only", "full"),
            ),
        )

    def entity(self, index: int) -> dict[str, Any]:
        return self.some(
            key=self.maybe("key", "none"),
            change=self.maybe("state", "delta", "append-only", "commutative"),
            deletes=self.maybe("hard", "soft", "never"),
            large_columns=self.maybe(True, False),
            personal_data=self.maybe(None, "none", {"erase_within": "30d"}),
            references=[{"to": self.entities[index - 1]}] if index and self.random.random() < 0.2 else None,
        )

    def process(self, name: str) -> dict[str, Any]:
        handlers = {}
        for i in range(self.random.randint(1, self.size)):
            handlers[f"handler{i}"] = self.handler()
            self.handlers.append(f"{name}.handler{i}")
        return self.some(instances=self.maybe(1, 3, "many"), handlers=handlers)

    def handler(self) -> dict[str, Any]:
        pick = self.random
        dedup = self.some(
            by="id", in_=pick.choice(self.stores), atomic=self.maybe(True, False), window=self.maybe("7d")
        )
        return self.some(
            trigger=self.trigger(),
            dedup=self.maybe(None, None, "none", dedup),
            computes={"result": "total", "exact": True} if pick.random() < 0.1 else None,
            steps=[self.step(2) for _ in range(pick.randint(1, self.size))],
        )

    def trigger(self) -> Any:
        pick = self.random
        kind = pick.choice(["none", "request", "consume", "changes", "every"])
        if kind == "consume" and self.channels:
            return self.some(
                consume=pick.choice(self.channels),
                cursor=self.maybe("offset", "sequence", "commit-order", "row-flag"),
                workers=self.maybe(1, 4, "many"),
                same_key_same_worker=self.maybe(True, False),
                acknowledge=self.maybe("before", "after", "with-effect"),
                batch=self.maybe(1, 50),
            )
        if kind == "changes":
            return self.some(
                changes=pick.choice(self.stores),
                by=self.maybe("log", "query", "trigger"),
                sees_deletes=self.maybe(True, False),
                row_image=self.maybe("full", "key"),
                snapshot=self.maybe("interleaved", "before", "none"),
            )
        if kind == "every":
            return self.some(every=pick.choice(DURATIONS), reads=self.maybe("all", "since-cursor"))
        if kind == "request":
            made = self.some(made_by=self.maybe("client", "server"), survives_retry=self.maybe(True, False))
            return {"request": self.some(retries=self.maybe(True, False), operation_id=self.maybe("none", made))}
        return None

    def step(self, depth: int) -> dict[str, Any]:
        pick = self.random
        kind = pick.choice(["write", "write", "write", "read", "append", "call", "invalidate", "transaction"])
        entity = self.maybe(*self.entities)
        common = {
            "wait": self.maybe(True, False),
            "retry": self.some(attempts=self.maybe(0, 3), then=self.maybe("raise", "ignore", "block")) or None,
        }
        if kind == "transaction" and depth:
            members: Any = pick.choice(self.stores)
            if pick.random() < 0.3 and len(self.stores) > 1:
                members = pick.sample(self.stores, 2)
            return {"transaction": members, "steps": [self.step(depth - 1) for _ in range(pick.randint(1, 3))]}
        if kind == "read":
            miss = [self.step(0) for _ in range(2)] if depth and pick.random() < 0.5 else None
            return self.some(read=pick.choice(self.stores), entity=entity, on_miss=miss)
        if kind == "append" and self.channels:
            return self.some(
                append=pick.choice(self.channels),
                entity=entity,
                operation_id=self.maybe("passed", "new", "none"),
                **common,
            )
        if kind == "call":
            return self.some(
                call=pick.choice(self.stores), entity=entity, kind=self.maybe("charge", "notify", "ship"),
                operation_id=self.maybe("passed", "none"), **common,
            )  # fmt: skip
        if kind == "invalidate":
            return self.some(invalidate=pick.choice(self.stores), entity=entity, **common)
        return self.some(
            write=pick.choice(self.stores), entity=entity,
            mode=self.maybe("insert", "replace", "merge", "increment", "delete", "rebuild-and-swap"),
            guard=self.maybe("none", "version", "unique-key", "condition"),
            values=self.maybe("event", "re-read"), missing_source=self.maybe("delete", "skip"), **common,
        )  # fmt: skip

    def reader(self) -> dict[str, Any]:
        pick = self.random
        return self.some(
            reads=pick.choice(self.stores),
            entity=self.maybe(*self.entities),
            access=self.maybe("point", "full-text", "aggregate"),
            tolerates=self.maybe("none", *DURATIONS),
            decides=self.maybe("none", "billing", "stock"),
            own_writes=self.maybe("required", "not-required"),
        )

    def short_forms(self, data: dict[str, Any]) -> None:
        pick = self.random
        if self.channels and pick.random() < 0.3:
            data["captures"] = {
                "capture": {"from": pick.choice(self.stores), "to": pick.choice(self.channels), "by": "log"}
            }
        if self.channels and pick.random() < 0.3:
            data["consumers"] = {"consumer": {"from": pick.choice(self.channels), "to": pick.choice(self.stores)}}
        if len(self.stores) > 1 and pick.random() < 0.3:
            source, target = pick.sample(self.stores, 2)
            data["jobs"] = {"job": {"from": source, "to": target, "every": "24h"}}
        if len(self.stores) > 1 and pick.random() < 0.3:
            source, target = pick.sample(self.stores, 2)
            data["caches"] = {
                "cache": {"of": source, "in": target, "invalidate": pick.choice(["after-commit", "none"])}
            }


def random_topology(seed: int, size: int = 3) -> dict[str, Any]:
    return Generator(seed, size).topology()


def random_relays(seed: int) -> dict[str, Any]:
    """An outbox and some hops of relays and channels to a sink, with whatever repeats, splits or parks records."""
    made = Generator(seed)
    pick, maybe, some = made.random, made.maybe, made.some
    mode, hops = pick.choice(["replace", "replace", "increment", "insert"]), pick.randint(1, 3)
    names = ["box", *(f"events{hop}" for hop in range(hops))]

    def step(**target: str) -> dict[str, Any]:
        retry = maybe(None, None, {"attempts": 3}, {"then": "ignore"}, {"then": "dead-letter"})
        return some(entity="one", wait=maybe(None, None, False), retry=retry, **target)

    def channel() -> dict[str, Any]:
        moved = some(
            from_=6, to=12, drained=maybe(True, False), switch=maybe("rolling", "paused"),
            per_producer=maybe(True, False),
        )  # fmt: skip
        return some(
            technology=pick.choice(["kafka", "kafka", "rabbitmq", "sqs"]), message_key=maybe("id", "none"),
            repartitioned=maybe(None, moved), order=maybe(None, "none"), dead_letter=maybe(None, "failed"),
            delivery=maybe(None, None, "at-most-once"),
        )  # fmt: skip

    def consumer(source: str, steps: list[Any], dedup: Any = None) -> dict[str, Any]:
        trigger = some(
            consume=source, cursor=maybe("offset", "row-flag", "commit-order", "sequence"), workers=maybe(1, 4),
            claim=maybe("none", "none", "skip-locked", "lock"), same_key_same_worker=maybe(True, False),
            stops_on_rebalance=maybe(True, False), acknowledge=maybe("before", "after", "with-effect"),
            offset_update=maybe("conditional", "unconditional"), batch=maybe(None, 50), parks_key=maybe(None, True),
            batch_failure=maybe("whole", "single"), coalesces=maybe(None, True),
        )  # fmt: skip
        handler = some(trigger=trigger, steps=steps, dedup=dedup)
        return some(instances=maybe(1, 2, "many"), handlers={"run": handler})

    def save() -> dict[str, Any]:
        write = {"write": "pg", "entity": "one", "mode": mode}
        block = {"transaction": "pg", "steps": [write, {"append": "box", "entity": "one"}]}
        more = [step(append="box")] if pick.random() < 0.3 else []
        request = {"request": some(retries=maybe(True, False))}
        return {"trigger": request, "steps": [pick.choice([block, write]), *more]}

    handlers = {f"save{number}": save() for number in range(pick.randint(1, 2))}
    processes = {"api": some(instances=maybe(1, 2, "many"), handlers=handlers)}
    for source, target in itertools.pairwise(names):
        for number in range(pick.choice([1, 1, 2])):
            steps = [step(append=target) for _ in range(pick.choice([1, 1, 2]))]
            if pick.random() < 0.3:
                steps.append(step(write="side", mode=mode))
            processes[f"relay of {source} {number}"] = consumer(source, steps)
    remembered = some(by="event_id", in_=pick.choice(["es", "pg"]), atomic=maybe(True, False))
    processes["sink"] = consumer(names[-1], [step(write="es", mode=mode)], maybe(None, remembered))
    if pick.random() < 0.5:
        processes["again"] = consumer("failed", [step(write="es", mode=mode)])
    if pick.random() < 0.4:
        trigger = some(changes="es", by="log", snapshot=maybe("interleaved", "before", "none"))
        processes["follow"] = {"handlers": {"run": {"trigger": trigger, "steps": [step(write="mart", mode=mode)]}}}
    return {
        "stores": {"pg": {"technology": "postgresql"}, "es": {}, "side": {}, "mart": {}},
        "channels": {
            "box": {"technology": "table", "in": "pg"},
            **{name: channel() for name in names[1:]},
            "failed": {"technology": "kafka", "message_key": "id"},
        },
        "entities": {"one": some(key="id", change=maybe("state", "delta"), deletes=pick.choice(["never", "hard"]))},
        "processes": processes,
    }


EXAMPLES = [path.read_text(encoding="utf-8") for path in sorted((ROOT / "examples").glob("*.yaml"))]
FRAGMENTS = ["{", "}", "[", "]", ": ", "- ", "\n", "  ", "&a ", "*a", "!!x ", '"', "'", "\x00", "\x07", "\u202e", "# ",
             "unknown", "none", "9" * 40, "\t", "---\n", "%", "é", "𝔘"]  # fmt: skip


def broken_document(seed: int) -> str:
    """An example with a few random cuts, copies and insertions."""
    pick = random.Random(seed)
    text = pick.choice(EXAMPLES)
    for _ in range(pick.randint(1, 6)):
        at, until = sorted(pick.sample(range(len(text) + 1), 2))
        until = min(until, at + 40)
        action = pick.choice(["cut", "copy", "insert", "swap"])
        if action == "cut":
            text = text[:at] + text[until:]
        elif action == "copy":
            text = text[:until] + text[at:until] + text[until:]
        elif action == "insert":
            text = text[:at] + pick.choice(FRAGMENTS) + text[at:]
        else:
            text = text[:at] + text[at:until][::-1] + text[until:]
    return text

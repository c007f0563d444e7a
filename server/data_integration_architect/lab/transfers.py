"""Operations over two databases: requests under load, and whether each was applied exactly once at each side."""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass, field
from random import Random
from typing import Any

from data_integration_architect.lab.packages import LabError
from data_integration_architect.lab.sql import Sql
from data_integration_architect.lab.stack import Stack

ACCOUNTS, OPENING, LARGEST = 12, 8_000, 500
# Every fourth account has too little for most requests.
POOR = 300
REPEATED = 0.3


@dataclass
class TransferCheck:
    """What the two sides hold for the requests that were sent."""

    name: str
    sent: int
    accepted: int = 0
    rejected: int = 0
    lost: list[str] = field(default_factory=list)
    """Taken and not given, or sent and never decided."""
    duplicated: list[str] = field(default_factory=list)
    """Accounts whose amount shows a request more than once."""
    diverged: list[str] = field(default_factory=list)
    """Accounts whose amount is not that of the accepted requests."""
    negative: list[str] = field(default_factory=list)

    @property
    def is_equal(self) -> bool:
        return not (self.lost or self.duplicated or self.diverged or self.negative)

    def to_data(self) -> dict[str, Any]:
        return {"name": self.name, "sent": self.sent, "accepted": self.accepted, "rejected": self.rejected,
                "lost": sorted(self.lost), "duplicated": sorted(self.duplicated), "diverged": sorted(self.diverged),
                "negative": sorted(self.negative)}  # fmt: skip


def request_of(seed: str, number: int) -> dict[str, Any]:
    """The request with this number of a load: always the same."""
    random = Random(f"{seed}:{number}")
    return {
        "request_id": str(uuid.uuid5(uuid.NAMESPACE_OID, f"{seed}:{number}")),
        "from": f"from-{random.randrange(ACCOUNTS)}",
        "to": f"to-{random.randrange(ACCOUNTS)}",
        "amount": random.randrange(1, LARGEST),
    }


def opening_of(number: int) -> int:
    return POOR if number % 4 == 0 else OPENING


class Transfers:
    """Requests of one operation over two databases."""

    def __init__(self, stack: Stack, transfer: dict[str, Any]) -> None:
        self.stack, self.transfer = stack, transfer

    def open_accounts(self) -> None:
        """Accounts with money at the owner; an account that is there keeps what it has."""
        sql = self._sql(self.transfer["owner"])
        for number in range(ACCOUNTS):
            key = self.transfer["key"]
            there = sql.execute(
                f"SELECT 1 FROM {sql.name(self.transfer['table'])} WHERE {sql.name(key)} = %s", (f"from-{number}",)
            )
            if not there:
                sql.upsert(self.transfer["table"], [key], {key: f"from-{number}", "amount": opening_of(number)})
        sql.commit()
        sql.close()

    @property
    def requests(self) -> dict[str, dict[str, Any]]:
        """All requests of all loads so far, by id."""
        sent = (request_of(seed, number) for seed, count in self.stack.loads.items() for number in range(count))
        return {request["request_id"]: request for request in sent}

    def send(self, seed: str, start: int, count: int) -> None:
        """Appends requests; some twice, as a client does that got no answer. Raises: LabError."""
        from confluent_kafka import Producer

        producer = Producer(
            {"bootstrap.servers": self.stack.servers_address, "enable.idempotence": True, "log_level": 0,
             "delivery.timeout.ms": 120_000}
        )  # fmt: skip
        for number in range(start, start + count):
            request = request_of(seed, number)
            for _ in range(2 if Random(f"again:{seed}:{number}").random() < REPEATED else 1):
                producer.produce(self.transfer["request_topic"], json.dumps(request).encode(), request["from"].encode())
        if producer.flush(120):
            raise LabError("the broker did not take all requests")

    def check(self) -> TransferCheck:
        """Both sides as they are now. Raises: errors of the drivers where one does not answer."""
        requests = self.requests
        found = TransferCheck(self.transfer["name"], len(requests))
        debits, credits = self._applied("owner", "debit"), self._applied("other", "credit")
        taken, given = self._amounts("owner"), self._amounts("other")
        expected_from = {f"from-{n}": opening_of(n) for n in range(ACCOUNTS)}
        expected_to: dict[str, int] = {}
        for request_id, request in requests.items():
            outcome = debits.get(request_id)
            if outcome == "accepted":
                found.accepted += 1
                expected_from[request["from"]] -= request["amount"]
                expected_to[request["to"]] = expected_to.get(request["to"], 0) + request["amount"]
            elif outcome == "rejected":
                found.rejected += 1
            if outcome is None or (outcome == "accepted" and request_id not in credits):
                found.lost.append(request_id)
            if outcome == "rejected" and request_id in credits:
                found.diverged.append(request_id)
        for account, amount in (*expected_from.items(), *expected_to.items()):
            side = taken if account in expected_from else given
            if side.get(account) == amount:
                continue
            more = side.get(account, 0) - amount
            is_repeated = more < 0 if account in expected_from else more > 0
            (found.duplicated if is_repeated else found.diverged).append(account)
        found.negative = [account for account, amount in (*taken.items(), *given.items()) if amount < 0]
        return found

    def _sql(self, store: str) -> Sql:
        server = self.stack.server_of(store)
        return Sql(server.engine, server.port, store)

    def _applied(self, role: str, side: str) -> dict[str, str]:
        sql = self._sql(self.transfer[role])
        try:
            table = sql.name(f"{self.transfer['name']}_applied")
            rows = sql.execute(f"SELECT request_id, outcome FROM {table} WHERE side = %s", (side,))
        finally:
            sql.close()
        return {str(request_id): str(outcome) for request_id, outcome in rows}

    def _amounts(self, role: str) -> dict[str, int]:
        sql = self._sql(self.transfer[role])
        try:
            key, table = sql.name(self.transfer["key"]), sql.name(self.transfer["table"])
            rows = sql.execute(f"SELECT {key}, amount FROM {table}")
        finally:
            sql.close()
        return {str(key): int(amount) for key, amount in rows}

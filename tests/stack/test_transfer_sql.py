"""The transfer's SQL as it is delivered: repeated, concurrent, crashed between its statements; on both databases."""

from __future__ import annotations

import json
import threading
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from data_integration_architect.artifacts.consumers.target_ledger import LedgerTarget
from data_integration_architect.lab.packages import binary
from data_integration_architect.lab.process import run
from data_integration_architect.lab.sql import Sql
from stack_support import Engines, design_folder

pytestmark = pytest.mark.stack


@pytest.fixture(scope="module", params=["postgresql", "mariadb"])
def ledger(request: pytest.FixtureRequest, engines: Engines, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Both sides in one database of the engine: settings of the consumers, and a connection to look with."""
    engine = request.param
    changed = [] if engine == "postgresql" else [("technology: postgresql", "technology: mariadb")]
    folder = design_folder("money-transfer", tmp_path_factory.mktemp(engine), changed)
    port, database = engines.port(engine), "accounts_a"
    files = sorted(folder.glob("lab/*.sql")) + sorted(folder.glob("databases/*/*.sql"))
    if engine == "postgresql":
        base = [binary("psql"), "-X", "-q", "-h", "127.0.0.1", "-p", str(port), "-U", "postgres"]
        run([*base, "-d", "postgres", "-c", f"CREATE DATABASE {database}"], folder)
        for file in files * 2:  # each can be run again
            run([*base, "-d", database, "-v", "ON_ERROR_STOP=1", "-v", "capture_password=x", "-f", str(file)], folder)
        arguments: dict[str, Any] = {"host": "127.0.0.1", "port": port, "user": "postgres", "dbname": database}
    else:
        base = [binary("mariadb"), "--no-defaults", "-h", "127.0.0.1", "-P", str(port), "-u", "root"]
        run([*base, "-e", f"CREATE DATABASE {database}"], folder)
        for file in files * 2:
            setting = "--init-command=SET @capture_password = 'x'"
            run([*base, setting, database], folder, text=file.read_text(encoding="utf-8"))
        arguments = {"host": "127.0.0.1", "port": port, "user": "root", "database": database}
    look = Sql(engine, port, database)
    yield folder, engine, arguments, look
    look.close()


@pytest.fixture
def target(ledger: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., LedgerTarget]]:
    """Makes the delivered code for one side; what it opened is closed at the end."""
    folder, engine, arguments, _ = ledger
    made: list[LedgerTarget] = []

    def make(side: str, kind: type[LedgerTarget] = LedgerTarget) -> LedgerTarget:
        place = folder / "consumers" / f"transfer_requests_{side}.json"
        settings = json.loads(place.read_text(encoding="utf-8"))["target"]
        monkeypatch.setenv(settings["connection_from"], json.dumps(arguments))
        monkeypatch.setenv(settings["driver_from"], {"postgresql": "psycopg", "mariadb": "pymysql"}[engine])
        made.append(kind({**settings, "statements": str(Path(folder) / settings["statements"])}))
        return made[-1]

    yield make
    for one in made:
        one.close()


def opened(ledger: Any, amount: int) -> str:
    account = f"a-{uuid.uuid4()}"
    look: Sql = ledger[3]
    look.upsert("account", ["account_id"], {"account_id": account, "amount": amount})
    look.commit()
    return account


def amount_of(ledger: Any, account: str) -> int:
    look: Sql = ledger[3]
    rows = look.execute("SELECT amount FROM account WHERE account_id = %s", (account,))
    look.commit()
    return int(rows[0][0]) if rows else 0


def told(ledger: Any, request: dict[str, Any]) -> int:
    look: Sql = ledger[3]
    found = look.execute(
        "SELECT count(*) FROM transfer_instruction_outbox WHERE event_id = %s", (request["request_id"],)
    )
    look.commit()
    return int(found[0][0])


def request_for(source: str, to: str, amount: int) -> dict[str, Any]:
    return {"request_id": str(uuid.uuid4()), "from": source, "to": to, "amount": amount}


def test_a_repeated_request_moves_money_once(ledger: Any, target: Callable[..., LedgerTarget]) -> None:
    source, to = opened(ledger, 100), f"b-{uuid.uuid4()}"
    request = request_for(source, to, 30)
    debit, credit = target("debit"), target("credit")
    assert [debit.handle(request) for _ in range(3)] == ["accepted", "repeated", "repeated"]
    assert [credit.handle(request) for _ in range(3)] == ["accepted", "repeated", "repeated"]
    assert (amount_of(ledger, source), amount_of(ledger, to), told(ledger, request)) == (70, 30, 1)


def test_what_does_not_suffice_is_rejected_and_nobody_is_told(ledger: Any, target: Callable[..., LedgerTarget]) -> None:
    source = opened(ledger, 20)
    request = request_for(source, "x", 30)
    debit = target("debit")
    assert [debit.handle(request), debit.handle(request)] == ["rejected", "repeated"]
    assert (amount_of(ledger, source), told(ledger, request)) == (20, 0)


def test_concurrent_requests_never_overdraw_and_each_counts_once(
    ledger: Any, target: Callable[..., LedgerTarget]
) -> None:
    source = opened(ledger, 100)
    requests = [request_for(source, "y", 30) for _ in range(6)]
    outcomes: list[str] = []
    lock = threading.Lock()

    def work(number: int) -> None:
        mine = target("debit")
        for request in requests[number:] + requests[:number]:
            while True:
                try:
                    outcome = mine.handle(request)
                    break
                except Exception as error:  # a deadlock or a serialisation failure: the consumer tries again
                    assert "eadlock" in str(error) or "serializ" in str(error), error
            with lock:
                outcomes.append(outcome)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert outcomes.count("accepted") == 3 and outcomes.count("rejected") == 3 and len(outcomes) == 36
    assert amount_of(ledger, source) == 10
    assert sum(told(ledger, request) for request in requests) == 3


@pytest.mark.parametrize("crash_after", ["remember", "change", "tell"])
def test_a_crash_between_statements_leaves_nothing_behind(
    ledger: Any, crash_after: str, target: Callable[..., LedgerTarget]
) -> None:
    source = opened(ledger, 100)
    request = request_for(source, "z", 30)

    class Crashed(Exception):
        pass

    class Fragile(LedgerTarget):
        """Loses its connection, without rollback or commit, after a statement."""

        def _in_transaction(self, cursor: Any, given: Any) -> str:
            for name in ("remember", "change", "tell"):
                cursor.execute(self.statements[name], {**given, "payload": json.dumps(dict(given))})
                if name == crash_after:
                    raise Crashed
            raise AssertionError

    with pytest.raises(Crashed):
        target("debit", Fragile).handle(request)
    assert (amount_of(ledger, source), told(ledger, request)) == (100, 0)
    assert target("debit").handle(request) == "accepted"
    assert (amount_of(ledger, source), told(ledger, request)) == (70, 1)


def test_the_widely_copied_statement_moves_money_twice(ledger: Any) -> None:
    """The test would see it: the pattern with WHERE EXISTS applies a retry again."""
    _, engine, _, look = ledger
    source, identity = opened(ledger, 100), str(uuid.uuid4())
    for _ in range(2):
        ignore = "INSERT IGNORE INTO" if engine == "mariadb" else "INSERT INTO"
        tail = "" if engine == "mariadb" else " ON CONFLICT DO NOTHING"
        look.execute(
            f"{ignore} transfer_requests_applied (request_id, side, amount) VALUES (%s, 'debit', 30){tail}", (identity,)
        )
        look.execute(
            "UPDATE account SET amount = amount - 30 WHERE account_id = %s AND EXISTS "
            "(SELECT 1 FROM transfer_requests_applied WHERE request_id = %s)",
            (source, identity),
        )
        look.commit()
    assert amount_of(ledger, source) == 40

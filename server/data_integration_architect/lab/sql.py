"""The two SQL engines of the lab behind one small face: statements with %s, quoted names, upserts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from data_integration_architect.artifacts.names import sql_name
from data_integration_architect.lab.engines import ADMINISTRATOR


@dataclass(frozen=True)
class Column:
    name: str
    type: str


class Sql:
    """A connection to one database. Errors are those of the driver, all below `Exception`."""

    def __init__(self, engine: str, port: int, database: str) -> None:
        self.engine, self.port, self.database = engine, port, database
        self.connection: Any = None

    def open(self) -> Any:
        if self.connection is None:
            if self.engine == "postgresql":
                import psycopg

                self.connection = psycopg.connect(
                    host="127.0.0.1", port=self.port, user=ADMINISTRATOR, dbname=self.database, connect_timeout=3,
                    options="-c statement_timeout=15000",
                )  # fmt: skip
            else:
                import pymysql

                self.connection = pymysql.connect(
                    host="127.0.0.1", port=self.port, user="root", database=self.database, connect_timeout=3,
                    read_timeout=15, write_timeout=15, autocommit=False,
                )  # fmt: skip
        return self.connection

    def close(self) -> None:
        connection, self.connection = self.connection, None
        if connection is not None:
            try:
                connection.close()
            except Exception:  # a broken connection is as good as closed
                return

    def execute(self, statement: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Rows of one statement in the open transaction."""
        cursor = self.open().cursor()
        cursor.execute(statement, tuple(values) or None)
        rows = list(cursor.fetchall()) if cursor.description else []
        cursor.close()
        return rows

    def commit(self) -> None:
        self.open().commit()

    def rollback(self) -> None:
        self.open().rollback()

    def name(self, name: str) -> str:
        return sql_name(name, self.engine)

    def columns(self, table: str) -> list[Column]:
        schema = "public" if self.engine == "postgresql" else self.database
        rows = self.execute(
            "SELECT column_name, data_type FROM information_schema.columns WHERE table_schema = %s AND table_name = %s "
            "ORDER BY ordinal_position",
            (schema, table),
        )
        self.rollback()
        return [Column(str(name), str(kind).lower()) for name, kind in rows]

    def row(self, table: str, key: dict[str, Any], *, locked: bool = False) -> dict[str, Any] | None:
        """The row as the open transaction sees it; `locked` waits for others and keeps them from it."""
        cursor = self.open().cursor()
        ending = " FOR UPDATE" if locked else ""
        cursor.execute(f"SELECT * FROM {self.name(table)} WHERE {self._where(key)}{ending}", tuple(key.values()))
        found = cursor.fetchone()
        names = [column[0] for column in cursor.description]
        cursor.close()
        return dict(zip(names, found, strict=True)) if found is not None else None

    def delete(self, table: str, key: dict[str, Any]) -> None:
        self.execute(f"DELETE FROM {self.name(table)} WHERE {self._where(key)}", list(key.values()))

    def _where(self, key: dict[str, Any]) -> str:
        return " AND ".join(f"{self.name(column)} = %s" for column in key)

    def upsert(self, table: str, key: Sequence[str], row: dict[str, Any], added: Sequence[str] = ()) -> None:
        """Inserts a row or sets its columns; those in `added` grow by the value instead."""
        columns = ", ".join(self.name(c) for c in row)
        marks = ", ".join(["%s"] * len(row))
        others = [c for c in row if c not in key]
        stored = f"{self.name(table)}." if self.engine == "postgresql" else ""
        new = "excluded.{}" if self.engine == "postgresql" else "VALUES({})"
        sets = [
            f"{self.name(c)} = " + (f"{stored}{self.name(c)} + " if c in added else "") + new.format(self.name(c))
            for c in others
        ]
        insert = f"INSERT INTO {self.name(table)} ({columns}) VALUES ({marks})"
        if self.engine == "postgresql":
            keys = ", ".join(self.name(c) for c in key)
            tail = f"ON CONFLICT ({keys}) DO " + (f"UPDATE SET {', '.join(sets)}" if sets else "NOTHING")
        else:
            tail = "ON DUPLICATE KEY UPDATE " + (", ".join(sets) or f"{self.name(key[0])} = {self.name(key[0])}")
        self.execute(f"{insert} {tail}", list(row.values()))

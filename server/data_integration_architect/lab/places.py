"""One record in a real store, for replays: set with or without a version guard, counted up, looked at."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

from data_integration_architect.artifacts.consumers.target_redis import SET_IF_NEWER
from data_integration_architect.lab.engines import get_json
from data_integration_architect.lab.sql import Sql

KEY = "k1"
NOTHING = "nothing"


class Place(ABC):
    """The copy of one record of an entity that one store holds."""

    @abstractmethod
    def set(self, state: str, version: int, is_guarded: bool) -> None:
        """Writes a state; `nothing` deletes. A guarded write is refused by the engine unless its version is larger."""

    @abstractmethod
    def state(self) -> str:
        """What is stored now, or `nothing`."""

    def add(self, operation: str) -> None:
        """Applies an increment and notes which operation it was."""
        raise NotImplementedError

    def total(self) -> int:
        raise NotImplementedError

    def close(self) -> None:
        return


class SqlPlace(Place):
    def __init__(self, engine: str, port: int, database: str, table: str) -> None:
        self.sql, self.table = Sql(engine, port, database), table
        text = "text" if engine == "postgresql" else "varchar(200)"
        identity = "varchar(64)"
        self.sql.execute(f"DROP TABLE IF EXISTS {self.sql.name(table)}")
        self.sql.execute(
            f"CREATE TABLE {self.sql.name(table)} (id {identity} PRIMARY KEY, state {text}, version bigint NOT NULL, "
            "amount bigint NOT NULL DEFAULT 0)"
        )
        self.sql.commit()

    def set(self, state: str, version: int, is_guarded: bool) -> None:
        name = self.sql.name(self.table)
        content = None if state == NOTHING else state
        found = self.sql.execute(f"SELECT version FROM {name} WHERE id = %s FOR UPDATE", (KEY,))
        if not found:
            self.sql.execute(f"INSERT INTO {name} (id, state, version) VALUES (%s, %s, %s)", (KEY, content, version))
        else:
            guard = " AND version < %s" if is_guarded else ""
            values = (content, version, KEY, *((version,) if is_guarded else ()))
            self.sql.execute(f"UPDATE {name} SET state = %s, version = %s WHERE id = %s{guard}", values)
        self.sql.commit()

    def add(self, operation: str) -> None:
        self.sql.upsert(self.table, ["id"], {"id": KEY, "state": operation, "version": 0, "amount": 1}, ["amount"])
        self.sql.commit()

    def rows(self, statement: str, values: tuple[Any, ...]) -> list[tuple[Any, ...]]:
        found = self.sql.execute(statement, values)
        self.sql.commit()
        return found

    def total(self) -> int:
        rows = self.sql.execute(f"SELECT amount FROM {self.sql.name(self.table)} WHERE id = %s", (KEY,))
        self.sql.commit()
        return int(rows[0][0]) if rows else 0

    def state(self) -> str:
        rows = self.sql.execute(f"SELECT state FROM {self.sql.name(self.table)} WHERE id = %s", (KEY,))
        self.sql.commit()
        return str(rows[0][0]) if rows and rows[0][0] is not None else NOTHING

    def close(self) -> None:
        self.sql.execute(f"DROP TABLE IF EXISTS {self.sql.name(self.table)}")
        self.sql.commit()
        self.sql.close()


class SearchPlace(Place):
    def __init__(self, port: int, index: str) -> None:
        self.port, self.index = port, index
        get_json(port, f"/{index}", "PUT", {"settings": {"number_of_shards": 1, "number_of_replicas": 0}})

    def set(self, state: str, version: int, is_guarded: bool) -> None:
        tail = f"?version={version}&version_type=external" if is_guarded else ""
        method, body = ("DELETE", None) if state == NOTHING else ("PUT", {"state": state})
        try:
            get_json(self.port, f"/{self.index}/_doc/{KEY}{tail}", method, body)
        except RuntimeError as error:
            if not any(f": {status} " in str(error) for status in (404, 409)):
                raise

    def state(self) -> str:
        try:
            return str(get_json(self.port, f"/{self.index}/_doc/{KEY}")["_source"]["state"])
        except RuntimeError:
            return NOTHING

    def close(self) -> None:
        get_json(self.port, f"/{self.index}", "DELETE")


class RedisPlace(Place):
    def __init__(self, port: int, prefix: str) -> None:
        import redis

        self.key = f"{prefix}:{KEY}"
        self.client = redis.Redis(port=port, decode_responses=True)
        self.script = self.client.register_script(SET_IF_NEWER)
        self.client.delete(self.key)

    def set(self, state: str, version: int, is_guarded: bool) -> None:
        row = "" if state == NOTHING else json.dumps(state)
        if is_guarded:
            self.script(keys=[self.key], args=[f"{version:020d}", row, 60_000, 0])
        elif row:
            self.client.hset(self.key, mapping={"version": f"{version:020d}", "row": row})
        else:
            self.client.delete(self.key)

    def state(self) -> str:
        row = self.client.hget(self.key, "row")
        return NOTHING if row is None else str(json.loads(str(row)))

    def close(self) -> None:
        self.client.delete(self.key)
        self.client.close()


def place_for(technology: str | None, ports: Mapping[str, tuple[int, str]], name: str, is_cache: bool = False) -> Place:
    """A place in the engine for a technology; PostgreSQL where it is unsaid. `ports`: engine → port, database.

    Raises: KeyError where that engine does not run.
    """
    engine = {
        "elasticsearch": "opensearch", "opensearch": "opensearch", "redis": "redis", "mysql": "mariadb",
        "mariadb": "mariadb",
    }.get(technology or "", "redis" if is_cache else "postgresql")  # fmt: skip
    port, database = ports[engine]
    made: dict[str, Any] = {
        "opensearch": lambda: SearchPlace(port, name),
        "redis": lambda: RedisPlace(port, name),
    }
    place: Place = made[engine]() if engine in made else SqlPlace(engine, port, database, name)
    return place

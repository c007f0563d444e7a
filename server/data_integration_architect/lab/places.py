"""One record in a real store, for replays: set with or without a version guard, counted up, looked at."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, Literal

from data_integration_architect.artifacts.consumers.target_redis import SET_IF_NEWER
from data_integration_architect.lab.engines import get_json
from data_integration_architect.lab.sql import Sql

KEY = "k1"
NOTHING = "nothing"
Guard = Literal["newer", "not older"] | None


class Place(ABC):
    """The copy of one record of an entity that one store holds."""

    @abstractmethod
    def set(self, state: str, version: int, guard: Guard = None, part: str | None = None) -> None:
        """Writes a state; `nothing` deletes. A guarded write is refused by the engine unless its version is larger, or
        equal where that is said. `part`: the record's large value; None leaves what is there."""

    @abstractmethod
    def state(self) -> str:
        """What is stored now, or `nothing`."""

    @abstractmethod
    def part(self) -> str:
        """The large value that is stored now, or `nothing`."""

    @abstractmethod
    def take_over(self, other: Any) -> None:
        """What the other place of the same engine holds is what readers of this one see from now on, in one step."""

    @abstractmethod
    def add(self, operation: str) -> None:
        """Applies an effect that adds up, with nothing that would refuse a repetition."""

    @abstractmethod
    def total(self) -> int:
        """How many effects there are."""

    def close(self) -> None:
        return


class SqlPlace(Place):
    def __init__(self, engine: str, port: int, database: str, table: str) -> None:
        self.sql, self.table = Sql(engine, port, database), table
        text = "text" if engine == "postgresql" else "varchar(200)"
        identity = "varchar(64)"
        self.sql.execute(f"DROP TABLE IF EXISTS {self.sql.name(table)}")
        self.sql.execute(
            f"CREATE TABLE {self.sql.name(table)} (id {identity} PRIMARY KEY, state {text}, part {text}, "
            "version bigint NOT NULL, amount bigint NOT NULL DEFAULT 0)"
        )
        self.sql.commit()

    def set(self, state: str, version: int, guard: Guard = None, part: str | None = None) -> None:
        name = self.sql.name(self.table)
        content = None if state == NOTHING else state
        found = self.sql.execute(f"SELECT part FROM {name} WHERE id = %s FOR UPDATE", (KEY,))
        if not found:
            values: tuple[Any, ...] = (KEY, content, part, version)
            self.sql.execute(f"INSERT INTO {name} (id, state, part, version) VALUES (%s, %s, %s, %s)", values)
        else:
            refuses = {None: "", "newer": " AND version < %s", "not older": " AND version <= %s"}[guard]
            kept = None if content is None else part if part is not None else found[0][0]
            values = (content, kept, version, KEY, *((version,) if guard else ()))
            self.sql.execute(f"UPDATE {name} SET state = %s, part = %s, version = %s WHERE id = %s{refuses}", values)
        self.sql.commit()

    def take_over(self, other: Any) -> None:
        here, there, old = (self.sql.name(n) for n in (self.table, other.table, f"{self.table}_old"))
        other.sql.close()
        if self.sql.engine == "mariadb":
            self.sql.execute(f"RENAME TABLE {here} TO {old}, {there} TO {here}")
        else:
            self.sql.execute(f"ALTER TABLE {here} RENAME TO {old}")
            self.sql.execute(f"ALTER TABLE {there} RENAME TO {here}")
        self.sql.commit()
        self.sql.execute(f"DROP TABLE {old}")
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
        return self._column("state")

    def part(self) -> str:
        return self._column("part")

    def _column(self, column: str) -> str:
        rows = self.sql.execute(f"SELECT {column} FROM {self.sql.name(self.table)} WHERE id = %s", (KEY,))
        self.sql.commit()
        return str(rows[0][0]) if rows and rows[0][0] is not None else NOTHING

    def close(self) -> None:
        self.sql.execute(f"DROP TABLE IF EXISTS {self.sql.name(self.table)}")
        self.sql.commit()
        self.sql.close()


class SearchPlace(Place):
    """A document behind an alias, so that another index can take its place."""

    def __init__(self, port: int, index: str) -> None:
        self.port, self.alias, self.index = port, index, f"{index}_1"
        settings = {"number_of_shards": 1, "number_of_replicas": 0}
        get_json(port, f"/{self.index}", "PUT", {"settings": settings, "aliases": {index: {}}})

    def set(self, state: str, version: int, guard: Guard = None, part: str | None = None) -> None:
        kind = {"newer": "external", "not older": "external_gte"}
        tail = f"?version={version}&version_type={kind[guard]}" if guard else ""
        kept = part if part is not None else self.part()
        method, body = ("DELETE", None) if state == NOTHING else ("PUT", {"state": state, "part": kept})
        try:
            get_json(self.port, f"/{self.alias}/_doc/{KEY}{tail}", method, body)
        except RuntimeError as error:
            if not any(f": {status} " in str(error) for status in (404, 409)):
                raise

    def take_over(self, other: Any) -> None:
        actions = [
            {"remove": {"index": self.index, "alias": self.alias}},
            {"add": {"index": other.index, "alias": self.alias}},
        ]
        get_json(self.port, "/_aliases", "POST", {"actions": actions})
        get_json(self.port, f"/{self.index}", "DELETE")
        self.index = other.index

    def add(self, operation: str) -> None:
        # A document without an id of the writer's: the engine gives each a new one.
        get_json(self.port, f"/{self.alias}/_doc", "POST", {"operation": operation})

    def total(self) -> int:
        get_json(self.port, f"/{self.alias}/_refresh", "POST")
        return int(get_json(self.port, f"/{self.alias}/_count?q=_exists_:operation")["count"])

    def state(self) -> str:
        return self._field("state")

    def part(self) -> str:
        return self._field("part")

    def _field(self, name: str) -> str:
        try:
            return str(get_json(self.port, f"/{self.alias}/_doc/{KEY}")["_source"][name])
        except RuntimeError as error:
            if ": 404 " not in str(error):
                raise
            return NOTHING

    def close(self) -> None:
        get_json(self.port, f"/{self.index}", "DELETE")


class RedisPlace(Place):
    def __init__(self, port: int, prefix: str) -> None:
        import redis

        self.key = f"{prefix}:{KEY}"
        self.client = redis.Redis(port=port, decode_responses=True, socket_timeout=15)
        self.script = self.client.register_script(SET_IF_NEWER)
        self.client.delete(self.key)

    def set(self, state: str, version: int, guard: Guard = None, part: str | None = None) -> None:
        kept = part if part is not None else self.part()
        row = "" if state == NOTHING else json.dumps([state, kept])
        stored = self.client.hget(self.key, "version")
        if guard == "newer" or (guard == "not older" and str(stored) != f"{version:020d}"):
            self.script(keys=[self.key], args=[f"{version:020d}", row, 60_000, 0])
        elif row:
            self.client.hset(self.key, mapping={"version": f"{version:020d}", "row": row})
        else:
            self.client.delete(self.key)

    def take_over(self, other: Any) -> None:
        self.client.rename(other.key, self.key)

    def state(self) -> str:
        return self._row()[0]

    def part(self) -> str:
        return self._row()[1]

    def _row(self) -> list[str]:
        row = self.client.hget(self.key, "row")
        return [NOTHING, NOTHING] if row is None else list(json.loads(str(row)))

    def add(self, operation: str) -> None:
        self.client.hincrby(self.key, "amount", 1)

    def total(self) -> int:
        return int(str(self.client.hget(self.key, "amount") or 0))

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

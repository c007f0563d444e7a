"""The running system of a design folder: servers, relays, connectors, consumers; kept in a file between commands."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from data_integration_architect.files import write_text
from data_integration_architect.lab import engines
from data_integration_architect.lab.guard import end_all
from data_integration_architect.lab.packages import LabError, binary, fetch
from data_integration_architect.lab.process import START_SECONDS, Program, free_port, guarded, run, wait_until
from data_integration_architect.lab.schemas import refuse_broken_schemas

STATE = ".lab/state.json"
PLAN = "lab.json"
PLUGINS = {
    "PostgresConnector": "postgres",
    "MySqlConnector": "mysql",
    "MariaDbConnector": "mariadb",
}
CONNECTOR_SECONDS = 60.0
Progress = Callable[[str], None]


@contextmanager
def _threads() -> Iterator[ThreadPoolExecutor]:
    """Threads that an interrupt does not wait for: what they started is ended by `down`."""
    pool = ThreadPoolExecutor(max_workers=8)
    try:
        yield pool
    except BaseException:
        pool.shutdown(wait=False, cancel_futures=True)
        raise
    pool.shutdown()


def silent(message: str) -> None:
    """Progress for whoever does not want any."""


@dataclass
class Server:
    """An engine with the relay that clients reach it by."""

    name: str
    engine: str
    port: int
    relay_port: int
    program: Program
    relay: Program | None = None

    @property
    def is_ready(self) -> bool:
        return self.program.is_running and engines.is_ready(self.engine, self.port)

    def start(self) -> None:
        """Starts it and waits until it answers. Raises: LabError with the end of its log."""
        deadline = time.monotonic() + START_SECONDS
        while not self.is_ready:
            # After a crash a database waits for its children's memory and may give up once.
            self.program.start()
            if time.monotonic() > deadline:
                raise LabError(f"{self.name} does not answer; the end of its log:\n{self.program.tail()}")
            time.sleep(0.1)

    def cut(self) -> None:
        if self.relay is not None:
            self.relay.send(signal.SIGUSR1)

    def mend(self) -> None:
        if self.relay is not None:
            self.relay.send(signal.SIGUSR2)


@dataclass
class Stack:
    """Everything that runs for one design folder."""

    design: Path
    plan: dict[str, Any]
    base: Path
    servers: dict[str, Server] = field(default_factory=dict)
    consumers: dict[str, Program] = field(default_factory=dict)
    environment: dict[str, str] = field(default_factory=dict)
    loads: dict[str, int] = field(default_factory=dict)
    """Seed → transactions that each client did under it."""
    unanswered: dict[str, int] = field(default_factory=dict)
    """Seed → the first request that no broker has confirmed yet."""
    _readers: dict[str, tuple[Any, str, int]] = field(default_factory=dict)

    # Starting

    def up(self, progress: Progress = silent) -> None:
        """Starts engines, applies every file of the design, and starts connectors and consumers. Raises: LabError."""
        refuse_broken_schemas(self.design)
        kinds = {store["engine"] for store in self.plan["stores"].values()} | (
            {"kafka"} if self.plan["topics"] else set()
        )
        fetch(sorted(kinds), self._plugins(), progress)
        progress("preparing engines")
        self._prepare()
        self.save()
        progress("starting " + ", ".join(self.servers))
        with _threads() as pool:
            for server in self.servers.values():
                if server.relay is not None:
                    server.relay.start()
            first = [s for s in self.servers.values() if s.engine != "connect"]
            if "connect" in self.servers:
                # It takes longest and waits for the broker by itself.
                pool.submit(self.servers["connect"].program.start)
            list(pool.map(Server.start, first))
        self.save()
        progress("running the design's files")
        for name in self.plan["stores"]:
            self._run_files(name)
        if self.plan["topics"]:
            self._create_topics()
        if "connect" in self.servers:
            self.servers["connect"].start()
            self.save()
            for path in self.plan["connectors"]:
                progress(f"starting connector {Path(path).stem}")
                self.put_connector(path)
            for path in self.plan["connectors"]:
                self.wait_for_connector(Path(path).stem)
        for path in self.plan["consumers"]:
            self.consumers[Path(path).stem].start()
        self.save()
        progress("up")

    def _prepare(self) -> None:
        jobs: list[Callable[[], Server]] = []
        instances: dict[str, str] = {}
        for name, store in self.plan["stores"].items():
            instances.setdefault(store["instance"], name)
        for instance, name in instances.items():
            jobs.append(self._maker(instance, self.plan["stores"][name]["engine"]))
        if self.plan["topics"]:
            jobs.append(self._maker("kafka", "kafka"))
        with _threads() as pool:
            for server in pool.map(lambda job: job(), jobs):
                self.servers[server.name] = server
        self._set_environment()
        if self.plan["connectors"]:
            port, plugins = free_port(), self._plugins()
            program = engines.connect(self.base, "connect", port, self.servers_address, plugins, self.environment)
            self.servers["connect"] = Server("connect", "connect", port, port, program)
        for path in self.plan["consumers"]:
            name = Path(path).stem
            folder = engines.new_folder(self.base, f"consumer_{name}")
            for code in sorted((self.design / "consumers").iterdir()):
                if code.is_file():
                    (folder / "consumers").mkdir(exist_ok=True)
                    shutil.copy(code, folder / "consumers")
            for part in ("sinks", "operations"):
                if (self.design / part).is_dir():
                    shutil.copytree(self.design / part, folder / part)
            command = [sys.executable, "-m", "consumers.consume", path]
            self.consumers[name] = Program(name, command, str(folder), dict(self.environment))

    def _plugins(self) -> list[str]:
        classes = (str(self.connector_settings(path)["connector.class"]) for path in self.plan["connectors"])
        return sorted({PLUGINS[name.rpartition(".")[2]] for name in classes})

    def _maker(self, name: str, engine: str) -> Callable[[], Server]:
        def make() -> Server:
            port, relay_port = free_port(), free_port()
            if engine == "opensearch":
                program = engines.opensearch(self.base, name, port, free_port())
            elif engine == "kafka":
                program = engines.kafka(self.base, name, port, free_port(), relay_port)
            else:
                make_one = {"postgresql": engines.postgresql, "mariadb": engines.mariadb, "redis": engines.redis}
                program = make_one[engine](self.base, name, port)
            return Server(name, engine, port, relay_port, program, engines.relay(self.base, name, relay_port, port))

        return make

    def server_of(self, store: str) -> Server:
        return self.servers[self.plan["stores"][store]["instance"]]

    @property
    def servers_address(self) -> str:
        return f"127.0.0.1:{self.servers['kafka'].relay_port}"

    def _set_environment(self) -> None:
        found: dict[str, str] = {"SESSION_TIMEOUT_MS": "6000", "LONGEST_PAUSE_SECONDS": "1", "INSTANCE": "1"}
        if "kafka" in self.servers:
            found["KAFKA_BOOTSTRAP_SERVERS"] = self.servers_address
        for name, store in self.plan["stores"].items():
            server, prefix = self.server_of(name), store["variable"]
            found |= {
                f"{prefix}HOST": "127.0.0.1",
                f"{prefix}PORT": str(server.relay_port),
                f"{prefix}CAPTURE_PASSWORD": secrets.token_hex(12),
            }
            if server.engine in {"opensearch", "redis"}:
                scheme = "http" if server.engine == "opensearch" else "redis"
                found[f"{prefix}URL"] = f"{scheme}://127.0.0.1:{server.relay_port}"
            elif server.engine == "postgresql":
                found[f"{prefix}DRIVER"] = "psycopg"
                found[f"{prefix}CONNECTION"] = json.dumps(
                    {"host": "127.0.0.1", "port": server.relay_port, "user": engines.ADMINISTRATOR, "dbname": name,
                     "connect_timeout": 5}
                )  # fmt: skip
            else:
                found[f"{prefix}DRIVER"] = "pymysql"
                found[f"{prefix}CONNECTION"] = json.dumps(
                    {"host": "127.0.0.1", "port": server.relay_port, "user": "root", "database": name,
                     "connect_timeout": 5, "read_timeout": 10}
                )  # fmt: skip
        self.environment = found

    # The design's files

    def _run_files(self, name: str) -> None:
        store, server = self.plan["stores"][name], self.server_of(name)
        for path in store["files"]:
            if not (self.design / path).is_file():
                raise LabError(f"{path} is missing; lab.json names it")
        if server.engine == "postgresql":
            base = [binary("psql"), "-X", "-q", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1", "-p", str(server.port),
                    "-U", engines.ADMINISTRATOR]  # fmt: skip
            if name != "postgres":
                exists = run([*base, "-d", "postgres", "-Atc", f"SELECT 1 FROM pg_database WHERE datname = '{name}'"],
                             self.base)  # fmt: skip
                if not exists.strip():
                    run([*base, "-d", "postgres", "-c", f'CREATE DATABASE "{name}"'], self.base)
            password = self.environment[f"{store['variable']}CAPTURE_PASSWORD"]
            for path in store["files"]:
                run([*base, "-d", name, "-v", f"capture_password={password}", "-f", str(self.design / path)], self.base)
        elif server.engine == "mariadb":
            base = [binary("mariadb"), "--no-defaults", "-h", "127.0.0.1", "-P", str(server.port), "-u", "root"]
            run([*base, "-e", f"CREATE DATABASE IF NOT EXISTS `{name}`"], self.base)
            password = self.environment[f"{store['variable']}CAPTURE_PASSWORD"]
            for path in store["files"]:
                text = (self.design / path).read_text(encoding="utf-8")
                setting = f"--init-command=SET @capture_password = '{password}'"
                run([*base, setting, name], self.base, text=text)
        elif server.engine == "opensearch":
            for path in store["files"]:
                body = json.loads((self.design / path).read_text(encoding="utf-8"))
                # One node holds no replicas.
                body["settings"]["number_of_replicas"] = 0
                with suppress(RuntimeError):
                    engines.get_json(server.port, f"/{Path(path).stem}_v1")
                    continue
                engines.get_json(server.port, f"/{Path(path).stem}_v1", "PUT", body)

    def _create_topics(self) -> None:
        from confluent_kafka.admin import AdminClient
        from confluent_kafka.cimpl import NewTopic

        client = AdminClient({"bootstrap.servers": self.servers_address, "log_level": 0})
        topics = json.loads((self.design / self.plan["topics"]).read_text(encoding="utf-8"))
        wanted = [
            NewTopic(t["name"], num_partitions=t["partitions"], replication_factor=1,
                     config={**t["config"], "min.insync.replicas": "1"})
            for t in topics
        ]  # fmt: skip
        known = client.list_topics(timeout=20).topics
        made = client.create_topics([t for t in wanted if t.topic not in known]) if wanted else {}
        for name, done in made.items():
            try:
                done.result(30)
            except Exception as error:
                raise LabError(f"topic {name}: {error}") from None

    # Connectors

    def connector_settings(self, path: str) -> dict[str, Any]:
        """Settings of a connector file; a MySQL database is played by MariaDB, with the connector of that."""
        settings: dict[str, Any] = json.loads((self.design / path).read_text(encoding="utf-8"))
        if str(settings["connector.class"]).endswith("MySqlConnector"):
            settings["connector.class"] = "io.debezium.connector.mariadb.MariaDbConnector"
        return settings

    def put_connector(self, path: str) -> None:
        port, settings = self.servers["connect"].port, self.connector_settings(path)
        try:
            engines.get_json(port, f"/connectors/{Path(path).stem}/config", "PUT", settings, 60)
        except RuntimeError as error:
            raise LabError(f"{path} was refused by Kafka Connect: {error}") from None

    def wait_for_connector(self, name: str, seconds: float = CONNECTOR_SECONDS) -> None:
        wait_until(lambda: self.connector_state(name) == "RUNNING", seconds, f"connector {name}", 0.2)

    def connector_state(self, name: str) -> str:
        """RUNNING, FAILED, UNASSIGNED, … of the connector's task."""
        try:
            found = engines.get_json(self.servers["connect"].port, f"/connectors/{name}/status")
        except (OSError, RuntimeError, ValueError):
            return "UNKNOWN"
        tasks = found.get("tasks") or []
        return str(tasks[0]["state"]) if tasks else "UNASSIGNED"

    def restart_failed(self) -> None:
        """Restarts tasks that gave up and consumers that ended: what a supervisor of them does."""
        ended = [program for program in self.consumers.values() if not program.is_running]
        for program in ended:
            program.start()
        if ended:
            self.save()
        for path in self.plan["connectors"]:
            if self.connector_state(Path(path).stem) == "FAILED":
                with suppress(OSError, RuntimeError):
                    engines.get_json(
                        self.servers["connect"].port,
                        f"/connectors/{Path(path).stem}/restart?includeTasks=true&onlyFailed=true", "POST",
                    )  # fmt: skip

    def group_readers(self) -> dict[str, tuple[Any, str, int]]:
        """Consumer name → a client that can ask for the group's positions, its topic, and the number of partitions."""
        from confluent_kafka import Consumer

        # A design without a log has no consumers, and no file of topics either.
        if self.plan["consumers"] and not self._readers:
            topics = {t["name"]: t["partitions"] for t in json.loads((self.design / "kafka/topics.json").read_text())}
            for path in self.plan["consumers"]:
                settings = json.loads((self.design / path).read_text(encoding="utf-8"))
                options = {"bootstrap.servers": self.servers_address, "group.id": settings["group"], "log_level": 0}
                reader = Consumer({**options, "enable.auto.commit": False})
                self._readers[Path(path).stem] = (reader, settings["topic"], topics[settings["topic"]])
        return self._readers

    # Keeping it between commands

    def save(self) -> None:
        data = {
            "base": str(self.base),
            "environment": self.environment,
            "loads": self.loads,
            "unanswered": self.unanswered,
            "servers": {
                n: {"engine": s.engine, "port": s.port, "relay_port": s.relay_port, "program": s.program.to_data(),
                    "relay": s.relay.to_data() if s.relay else None}
                for n, s in self.servers.items()
            },
            "consumers": {n: p.to_data() for n, p in self.consumers.items()},
        }  # fmt: skip
        place = self.design / STATE
        write_text(place, json.dumps(data, indent=1), STATE)
        os.chmod(place, 0o600)

    @property
    def notes(self) -> list[str]:
        """What the lab does otherwise than the design says."""
        found = [
            f"{store['store']} ({store['technology']}) is played by {store['engine']}"
            for store in self.plan["stores"].values()
            if store["technology"] != store["engine"]
        ]
        found += [f"left out: {e['element']}: {e['reason']}" for e in self.plan.get("left_out", ())]
        return found

    @property
    def programs(self) -> dict[str, Program]:
        """Every engine and consumer by its name."""
        return {**{name: server.program for name, server in self.servers.items()}, **self.consumers}

    def down(self) -> None:
        """Ends every process that this stack started, and removes its folder."""
        for program in self.consumers.values():
            program.kill()
        order = sorted(self.servers.values(), key=lambda s: s.engine != "connect")
        for server in order:
            server.program.kill()
            if server.relay is not None:
                server.relay.kill()
        left = end_all(self.base)
        (self.design / STATE).unlink(missing_ok=True)
        with suppress(OSError):
            (self.design / STATE).parent.rmdir()
        if left:
            raise LabError(f"processes {', '.join(map(str, left))} work below {self.base} and do not end")


def read_plan(design: Path) -> dict[str, Any]:
    """lab.json of a design folder. Raises: LabError."""
    place = design / PLAN
    try:
        found: dict[str, Any] = json.loads(place.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise LabError(f"{design}: no {PLAN}; make the folder with `generate-design TOPOLOGY --out {design}`") from None
    except (OSError, ValueError) as error:
        raise LabError(f"{place}: cannot be read ({type(error).__name__})") from None
    missing = [k for k in ("stores", "topics", "connectors", "consumers", "compare", "operations") if k not in found]
    if missing:
        raise LabError(f"{place}: {', '.join(missing)} missing; make the folder anew")
    return found


def new_stack(design: Path) -> Stack:
    """A stack that nothing of runs yet. Raises: LabError where one runs already."""
    # Programs run in folders of their own.
    design = design.resolve()
    if (design / STATE).exists():
        raise LabError(f"{design}: a lab is up already; `lab {design} down` ends it")
    plan = read_plan(design)
    if not plan["stores"]:
        raise LabError(f"{design}: nothing here runs on an engine of the lab")
    base = Path(tempfile.mkdtemp(prefix="lab-"))
    # Servers that run as another account must reach their folders.
    base.chmod(0o755)
    return Stack(design, plan, base)


def running_stack(design: Path) -> Stack:
    """The stack that `up` left. Raises: LabError where none is up."""
    design = design.resolve()
    place = design / STATE
    if not place.is_file():
        raise LabError(f"{design}: no lab is up; `lab {design} up` starts it")
    data = json.loads(place.read_text(encoding="utf-8"))
    stack = Stack(
        design, read_plan(design), Path(data["base"]), environment=data["environment"], loads=data["loads"],
        unanswered=data["unanswered"],
    )  # fmt: skip
    for name, s in data["servers"].items():
        relay = Program(**s["relay"]) if s["relay"] else None
        stack.servers[name] = Server(name, s["engine"], s["port"], s["relay_port"], Program(**s["program"]), relay)
    stack.consumers = {name: Program(**p) for name, p in data["consumers"].items()}
    return stack


@contextmanager
def stack_of(design: Path, progress: Progress = silent) -> Iterator[Stack]:
    """A stack that is up inside the block and gone after it, also on an interrupt."""
    stack = new_stack(design)
    with guarded(stack.base):
        try:
            stack.up(progress)
            yield stack
        finally:
            stack.down()

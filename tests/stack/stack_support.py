"""What the tests on real engines share: design folders, one server of each kind, counted fault runs."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from data_integration_architect.artifacts.build import build_folder
from data_integration_architect.artifacts.files import write_folder
from data_integration_architect.given import Given
from data_integration_architect.lab import engines as makers
from data_integration_architect.lab.faults import Fault, run_sweep
from data_integration_architect.lab.process import free_port
from data_integration_architect.lab.stack import Server, Stack
from data_integration_architect.use_cases import generate_design
from support import ROOT

EXAMPLES = sorted(p for p in (ROOT / "examples").glob("*.yaml") if ".evidence." not in p.name)


def design_folder(example: str, folder: Path, changed: Sequence[tuple[str, str]] = ()) -> Path:
    """A design folder of an example, some words of which may be changed before."""
    text = (ROOT / "examples" / f"{example}.yaml").read_text(encoding="utf-8")
    for before, after in changed:
        text = text.replace(before, after)
    given = Given(text, f"{example}.yaml")
    write_folder(folder / "design", build_folder(generate_design(given), given))
    return folder / "design"


@dataclass
class Engines:
    """Servers by engine, without relays."""

    base: Path
    servers: dict[str, Server]

    def port(self, engine: str) -> int:
        return self.servers[engine].port


@contextmanager
def fresh_engines() -> Iterator[Engines]:
    base = Path(tempfile.mkdtemp(prefix="lab-"))
    base.chmod(0o755)
    found = Engines(base, {})
    try:
        for engine, make in (("postgresql", makers.postgresql), ("mariadb", makers.mariadb), ("redis", makers.redis)):
            port = free_port()
            found.servers[engine] = Server(engine, engine, port, port, make(base, engine, port))
        port = free_port()
        found.servers["opensearch"] = Server(
            "opensearch", "opensearch", port, port, makers.opensearch(base, "opensearch", port, free_port())
        )
        port = free_port()
        broker = makers.kafka(base, "kafka", port, free_port(), port)
        found.servers["kafka"] = Server("kafka", "kafka", port, port, broker)
        port = free_port()
        plugins = ["postgres", "mysql", "mariadb", "mongodb", "sqlserver", "oracle"]
        worker = makers.connect(base, "connect", port, f"127.0.0.1:{found.port('kafka')}", plugins, {})
        found.servers["connect"] = Server("connect", "connect", port, port, worker)
        for server in found.servers.values():
            server.program.start()
        for server in found.servers.values():
            server.start()
        yield found
    finally:
        for server in found.servers.values():
            server.program.kill()
        time.sleep(0.5)
        shutil.rmtree(base, ignore_errors=True)


def assert_clean(stack: Stack, faults: Sequence[Fault], seed: int, record: Path) -> None:
    """Runs the faults, writes how many ran, and fails at the first difference with the rows."""
    runs = list(run_sweep(stack, faults, seed, transactions=20, progress=print))
    dirty = [run.to_data() for run in runs if not run.is_clean]
    with record.open("a", encoding="utf-8") as file:
        file.write(f"{stack.design.parent.name}: {len(runs)} fault runs, {len(runs) - len(dirty)} clean\n")
    assert not dirty, dirty
    assert len(runs) == len(faults)
    assert sum(run.committed for run in runs) > len(runs), "a load that commits nothing shows nothing"

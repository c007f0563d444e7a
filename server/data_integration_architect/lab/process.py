"""Processes of the lab: started in groups of their own, known by id and start time, so that no other one is ended."""

from __future__ import annotations

import os
import pwd
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from data_integration_architect.lab.guard import MARK
from data_integration_architect.lab.packages import LabError

START_SECONDS = 90.0
STOP_SECONDS = 20.0
UNPRIVILEGED = "nobody"


# Below the ports of outgoing connections, one of which could take a port before its server starts.
PORTS = range(12_000, 32_000)
_CLAIMS: dict[int, socket.socket] = {}


def free_port() -> int:
    """A loopback port that nobody listens on, and that neither this process nor another lab was given before."""
    while True:
        port = secrets.choice(PORTS)
        # A name in the kernel, gone with this process: by then a server has the port.
        claim = socket.socket(socket.AF_UNIX)
        try:
            claim.bind(f"\0data-integration-architect-lab-{port}")
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", port))
        except OSError:
            claim.close()
            continue
        _CLAIMS[port] = claim
        return port


def is_listening(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def wait_until(ready: Callable[[], bool], seconds: float, what: str, pause: float = 0.1) -> None:
    """Returns once `ready` holds. Raises: LabError after `seconds`."""
    deadline = time.monotonic() + seconds
    while not ready():
        if time.monotonic() > deadline:
            raise LabError(f"{what}: not there after {seconds:.0f} s")
        time.sleep(pause)


@dataclass
class Program:
    """A command line with what it needs, and the process that runs it; plain data, so that it outlives a command."""

    name: str
    command: list[str]
    folder: str
    environment: dict[str, str] = field(default_factory=dict)
    user: str | None = None
    process_id: int | None = None
    started: str | None = None
    """Start time of the process as the kernel counts it: an id alone may belong to another process by now."""

    def to_data(self) -> dict[str, Any]:
        return asdict(self)

    @property
    def log(self) -> Path:
        return Path(self.folder) / f"{self.name}.log"

    def start(self) -> None:
        if self.is_running:
            return
        account: dict[str, Any] = {}
        if self.user is not None and os.geteuid() == 0:
            entry = pwd.getpwnam(self.user)
            account = {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
        with self.log.open("ab") as log:
            process = subprocess.Popen(
                self.command, cwd=self.folder, env={**_plain_environment(self.folder), **self.environment},
                stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, start_new_session=True, **account,
            )  # fmt: skip
        self.process_id = process.pid
        self.started = start_time(process.pid)
        _STARTED[process.pid] = process

    @property
    def is_running(self) -> bool:
        if self.process_id is None:
            return False
        mine = _STARTED.get(self.process_id)
        if mine is not None and mine.poll() is not None:
            return False
        return self.started is not None and start_time(self.process_id) == self.started

    def send(self, number: int) -> None:
        """Sends a signal to the process and all that it started."""
        if self.is_running and self.process_id is not None:
            try:
                os.killpg(self.process_id, number)
            except ProcessLookupError:
                return

    def kill(self) -> None:
        """Ends it without warning, as a crash does."""
        self.send(signal.SIGKILL)
        self._wait(STOP_SECONDS)

    def stop(self, number: int = signal.SIGTERM) -> None:
        """Asks it to end, and ends it where that does not help."""
        self.send(signal.SIGCONT)
        self.send(number)
        if not self._wait(STOP_SECONDS):
            self.kill()

    def _wait(self, seconds: float) -> bool:
        deadline = time.monotonic() + seconds
        while self.is_running:
            if time.monotonic() > deadline:
                return False
            time.sleep(0.02)
        return True

    def tail(self, lines: int = 15) -> str:
        if not self.log.exists():
            return ""
        return "\n".join(self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:])


_STARTED: dict[int, subprocess.Popen[bytes]] = {}


def _plain_environment(folder: str | Path) -> Mapping[str, str]:
    kept = ("PATH", "HOME", "LANG", "JAVA_HOME", "PYTHONPATH")
    return {name: os.environ[name] for name in kept if name in os.environ} | {MARK: str(folder)}


@contextmanager
def guarded(folder: Path) -> Iterator[Callable[[], None]]:
    """Everything that is started below the folder ends with this process, even if that is killed; what is yielded
    takes the guard away."""
    script = Path(__file__).with_name("guard.py")
    guard = subprocess.Popen(
        [sys.executable, "-I", "-S", str(script), str(folder)], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL, start_new_session=True, cwd="/",
    )  # fmt: skip
    stdin = guard.stdin
    if stdin is None:
        raise LabError("the guard has no pipe")

    def release() -> None:
        if not stdin.closed:
            stdin.write(b"keep")
            stdin.close()

    try:
        yield release
    finally:
        stdin.close()
        guard.wait()


def start_time(process_id: int) -> str | None:
    """Field 22 of /proc/ID/stat; None where there is no such process, or only its remains."""
    try:
        text = Path(f"/proc/{process_id}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    fields = text.rpartition(")")[2].split()
    return None if fields[0] == "Z" else fields[19]


def give_to_user(folder: Path, user: str) -> None:
    """Hands a folder to the account that a server runs as; servers refuse to run as root."""
    if os.geteuid() != 0:
        return
    entry = pwd.getpwnam(user)
    for place in (folder, *folder.rglob("*")):
        os.chown(place, entry.pw_uid, entry.pw_gid, follow_symlinks=False)


def run(command: Sequence[str], folder: Path, environment: Mapping[str, str] | None = None, seconds: float = 120,
        text: str | None = None, user: str | None = None) -> str:  # fmt: skip
    """Output of a command that ends by itself. Raises: LabError with the end of its output."""
    account: dict[str, Any] = {}
    if user is not None and os.geteuid() == 0:
        entry = pwd.getpwnam(user)
        account = {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
    try:
        done = subprocess.run(
            list(command), check=False, cwd=folder, env={**_plain_environment(folder), **(environment or {})},
            input=text, stdin=subprocess.DEVNULL if text is None else None, capture_output=True, text=True,
            timeout=seconds, **account,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise LabError(f"{Path(command[0]).name} did not end within {seconds:.0f} s") from None
    if done.returncode != 0:
        output = (done.stderr or done.stdout).strip()[-600:]
        raise LabError(f"{Path(command[0]).name} failed with {done.returncode}: {output}")
    return str(done.stdout)

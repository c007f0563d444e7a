"""The work behind the tools: in processes of its own, with progress, ended by a cancellation, beside other requests."""

import json
import multiprocessing
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import anyio
import pytest
from mcp import Client

from data_integration_architect.files import Root
from data_integration_architect.mcp_server import create_server, crew
from support import ROOT
from test_check_verb import SLOW, members
from test_mcp_server import MODES, serving

RETAILER = (ROOT / "examples" / "online-retailer.yaml").read_text(encoding="utf-8")
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT / "server")}
HELLO = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "test", "version": "0"}}
posix = pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="reads /proc")


def cpu_seconds(session):
    """Of all processes of the session that are alive."""
    ticks = 0
    for pid in members(session):
        try:
            fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rsplit(")", 1)[1].split()
        except FileNotFoundError:
            continue
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def is_idle(session):
    before = cpu_seconds(session)
    time.sleep(0.5)
    return cpu_seconds(session) - before < 0.1


class Server:
    """A server over stdio in a session of its own, spoken to line by line."""

    def __init__(self):
        program = "from data_integration_architect.cli import main; main()"
        self.process = subprocess.Popen(
            [sys.executable, "-c", program, "serve", "--root", str(ROOT / "examples")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=ENVIRONMENT,
            encoding="utf-8",
            start_new_session=True,
        )
        self.ask(0, "initialize", HELLO)
        self.send(method="notifications/initialized")

    def send(self, **message):
        self.process.stdin.write(json.dumps({"jsonrpc": "2.0", **message}) + "\n")
        self.process.stdin.flush()

    def call(self, number, name, **arguments):
        params = {"name": name, "arguments": arguments, "_meta": {"progressToken": number}}
        self.send(id=number, method="tools/call", params=params)

    def until(self, wanted):
        """The first message that is `wanted`; others are dropped."""
        while True:
            message = json.loads(self.process.stdout.readline())
            if wanted(message):
                return message

    def ask(self, number, method, params):
        self.send(id=number, method=method, params=params)
        return self.until(lambda message: message.get("id") == number)

    def cpu_seconds(self):
        return cpu_seconds(self.process.pid)

    def is_idle(self):
        return is_idle(self.process.pid)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.stdout.close()
        try:
            self.process.wait(20)
        finally:
            self.process.kill()


def wait_until(holds, seconds=15):
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it does not become so"


@posix
@pytest.mark.parametrize("tool", ["review_topology", "generate_design"])
def test_a_cancelled_search_stops_and_others_go_on_meanwhile(tool):
    with Server() as server:
        server.call(1, tool, topology=SLOW, check="deep")
        server.until(lambda message: message.get("params", {}).get("progress", 0) == 0 and "id" not in message)
        wait_until(lambda: not server.is_idle())
        begin = time.monotonic()
        server.call(2, "review_topology", topology=RETAILER, check="none")
        assert not server.until(lambda message: message.get("id") == 2)["result"].get("isError")
        assert time.monotonic() - begin < 10
        assert not server.is_idle(), "the search is over"
        server.send(method="notifications/cancelled", params={"requestId": 1})
        wait_until(server.is_idle)
        server.call(3, "review_topology", topology=RETAILER, check="default")
        assert not server.until(lambda message: message.get("id") == 3)["result"].get("isError")


@posix
def test_judging_without_searches_is_ended_too():
    many = "".join(
        f"  p{n}: {{handlers: {{h: {{trigger: {{request: true}}, steps: [{{write: a, entity: e{n}}}, "
        f"{{write: b, entity: e{n}}}]}}}}}}\n"
        for n in range(1600)
    )
    entities = "".join(f"  e{n}: {{key: id}}\n" for n in range(1600))
    stores = "stores: {a: {technology: postgresql}, b: {technology: elasticsearch}}\n"
    with Server() as server:
        server.call(1, "explain", topic="cdc")
        server.until(lambda message: message.get("id") == 1)
        server.call(2, "review_topology", topology=f"{stores}entities:\n{entities}processes:\n{many}", check="none")
        time.sleep(0.3)
        server.send(method="notifications/cancelled", params={"requestId": 2})
        before = server.cpu_seconds()
        wait_until(server.is_idle, 10)
        assert server.cpu_seconds() - before < 1


@posix
def test_nothing_is_left_when_the_client_goes_in_the_middle_of_a_search():
    with Server() as server:
        server.call(1, "review_topology", topology=SLOW, check="deep")
        wait_until(lambda: len(members(server.process.pid)) > 3)
    wait_until(lambda: not members(server.process.pid))


@posix
@pytest.mark.parametrize("mode", MODES)
def test_a_search_over_http_stops_when_its_client_no_longer_waits(mode):
    async def leave(url, session):
        async with Client(url, mode=mode) as client, anyio.create_task_group() as tasks:
            arguments = {"topology": SLOW, "check": "deep"}
            tasks.start_soon(client.call_tool, "review_topology", arguments)
            await anyio.to_thread.run_sync(wait_until, lambda: cpu_seconds(session) > before + 1)
            tasks.cancel_scope.cancel()

    with serving() as (process, url):
        before = cpu_seconds(process.pid)
        anyio.run(leave, url, process.pid)
        wait_until(lambda: is_idle(process.pid))
        assert process.poll() is None


def named(name):
    """The retailer under another name: the answer is not one that is kept."""
    return re.sub("^system: .*", f"system: {name}", RETAILER, flags=re.M)


def in_memory(work):
    async def main():
        async with Client(create_server(Root(ROOT / "examples"))) as client:
            return await work(client)

    return anyio.run(main)


def test_progress_grows_to_the_end_and_counts_the_searches():
    seen = []

    async def note(progress, total, message):
        seen.append((progress, total, message))

    arguments = {"topology": named("progress")}
    assert not in_memory(lambda c: c.call_tool("review_topology", arguments, progress_callback=note)).is_error
    shares = [progress for progress, _, _ in seen]
    assert shares == sorted(set(shares)) and shares[0] == 0 and shares[-1] == 100
    assert {total for _, total, _ in seen} == {100}
    assert seen[0][2] == "judging" and seen[-1][2] == "done"
    assert sum(message.startswith("checked ") for _, _, message in seen) > 2


def test_a_process_that_is_lost_is_an_error_that_says_so_and_the_next_call_is_answered():
    async def work(client):
        known = {process.pid for process in multiprocessing.active_children()}

        async def kill():
            with anyio.fail_after(30):
                while not (new := [p for p in multiprocessing.active_children() if p.pid not in known]):
                    await anyio.sleep(0.02)
            new[0].kill()

        crew._end_all()
        known.clear()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(kill)
            lost = await client.call_tool("review_topology", {"topology": SLOW, "check": "deep"})
        return lost, await client.call_tool("review_topology", {"topology": RETAILER, "check": "none"})

    lost, next_one = in_memory(work)
    assert lost.is_error and "ended from outside" in lost.content[0].text
    assert not next_one.is_error


def test_many_calls_at_once_are_all_answered():
    answers = {}

    async def work(client):
        async def ask(number):
            arguments = {"topology": named(f"number {number}"), "check": "none"}
            answers[number] = await client.call_tool("review_topology", arguments)

        async with anyio.create_task_group() as tasks:
            for number in range(24):
                tasks.start_soon(ask, number)

    in_memory(work)
    assert {number: one.structured_content["system"] for number, one in answers.items()} == {
        number: f"number {number}" for number in range(24)
    }

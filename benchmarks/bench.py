"""Measures the bars of speed and size, each as a ratio against a reference in the same run. Prints a table.

Nothing here is a test: times vary from machine to machine, ratios less so. Run with `make bench`.
"""

from __future__ import annotations

import asyncio
import json
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT / "tests")]

RETAILER = (ROOT / "examples" / "online-retailer.yaml").read_text(encoding="utf-8")
BARE = """
from mcp.server.mcpserver import MCPServer
server = MCPServer("bare", version="0", log_level="WARNING")
@server.tool()
def echo(text: str) -> str:
    return text
server.run("stdio")
"""
TOOLS = ("review_topology", "classify_topology", "detect_antipatterns", "recommend_propagation", "check_ordering",
         "generate_design", "explain")  # fmt: skip
CHECKING = ("review_topology", "detect_antipatterns", "generate_design")


def parameters(code: str | None) -> Any:
    from mcp import StdioServerParameters

    if code is not None:
        return StdioServerParameters(command=sys.executable, args=["-c", code])
    script = "from data_integration_architect.cli import main; main()"
    return StdioServerParameters(command=sys.executable, args=["-c", script, "serve", "--root", str(ROOT)])


async def start_seconds(code: str | None) -> float:
    """Spawn to the answer of tools/list."""
    from mcp import Client

    begin = time.perf_counter()
    async with Client(parameters(code)) as client:
        await client.list_tools()
        return time.perf_counter() - begin


def alternate(first: Callable[[], float], second: Callable[[], float], times: int) -> tuple[float, float]:
    """Medians of two measurements made in turn, so that both see the same machine."""
    pairs = [(first(), second()) for _ in range(times)]
    return statistics.median(a for a, _ in pairs), statistics.median(b for _, b in pairs)


WITH_ECHO = """
import sys
from pathlib import Path
from data_integration_architect.files import Root
from data_integration_architect.mcp_server import create_server
server = create_server(Root(Path(sys.argv[1])))
@server.tool()
def echo(topology: str) -> str:
    return topology
server.run("stdio")
"""


def call_seconds(rounds: int = 60) -> dict[str, float]:
    """Median seconds from a request line to its answer line over stdio: each tool on the retailer, and an echo tool.

    The lines are written and read here, because a client's own validation of an answer is not the server's time.
    """
    process = subprocess.Popen(
        [sys.executable, "-c", WITH_ECHO, str(ROOT)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, encoding="utf-8"
    )
    if process.stdin is None or process.stdout is None:
        raise SystemExit("the server has no pipes")

    def send(message: dict[str, Any]) -> None:
        process.stdin.write(json.dumps({"jsonrpc": "2.0", **message}) + "\n")
        process.stdin.flush()

    def ask(number: int, method: str, params: dict[str, Any]) -> dict[str, Any]:
        send({"id": number, "method": method, "params": params})
        while True:
            answer = json.loads(process.stdout.readline())
            if answer.get("id") == number:
                return answer

    hello = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "bench", "version": "0"}}
    ask(0, "initialize", hello)
    send({"method": "notifications/initialized"})
    seconds: dict[str, list[float]] = {name: [] for name in (*TOOLS, "echo")}
    number = 0
    for _ in range(rounds):
        for name, times in seconds.items():
            number += 1
            arguments = {"topic": "cdc"} if name == "explain" else {"topology": RETAILER}
            arguments |= {"check": "none"} if name in CHECKING else {}
            begin = time.perf_counter()
            answer = ask(number, "tools/call", {"name": name, "arguments": arguments})
            times.append(time.perf_counter() - begin)
            if "error" in answer or answer["result"].get("isError"):
                raise SystemExit(f"{name}: {answer}")
    process.terminate()
    process.wait()
    return {name: statistics.median(times) for name, times in seconds.items()}


async def sizes() -> dict[str, int]:
    """Tokens (o200k) of what a model sees of tools/list, bytes of the whole answer, tokens of each tool's text."""
    import bpe_openai
    from mcp import Client

    from data_integration_architect.files import Root
    from data_integration_architect.mcp_server import create_server

    encode = bpe_openai.get_encoding("o200k_base").encode
    result: dict[str, int] = {}
    async with Client(create_server(Root(ROOT))) as client:
        tools = await client.list_tools()
        whole = tools.model_dump(mode="json", by_alias=True, exclude_none=True)
        seen = [{k: t[k] for k in ("name", "description", "inputSchema")} for t in whole["tools"]]
        result["tools/list seen by a model, tokens"] = len(encode(json.dumps(seen, separators=(",", ":"))))
        result["tools/list, bytes"] = len(json.dumps(whole, separators=(",", ":"), ensure_ascii=False).encode())
        for name in TOOLS:
            arguments = {"topic": "dual-write-unprotected"} if name == "explain" else {"topology": RETAILER}
            answer = await client.call_tool(name, arguments)
            result[f"text of {name}, tokens"] = len(encode(answer.content[0].text))
    return result


def large_topology(elements: int) -> dict[str, Any]:
    """Generated subsystems side by side, until they have `elements` elements and steps together."""
    from data_integration_architect.advice.judged import judge
    from data_integration_architect.files import Document
    from data_integration_architect.topology import load_topology, normalize
    from generated import random_topology
    from landscapes import together

    systems: list[dict[str, Any]] = []
    count = 0
    while count < elements:
        systems.append(random_topology(len(systems)))
        count += judge(normalize(load_topology(Document(systems[-1]))).topology).view.system.size
    return together(*systems)


def large_review() -> None:
    """Run in a process of its own: seconds and peak memory of a review of about 1,000 elements."""
    from data_integration_architect.files import dump_yaml, parse_text
    from data_integration_architect.garbage import collect_rarely
    from data_integration_architect.use_cases import review_document

    text = dump_yaml(large_topology(1000))
    review_document(parse_text(RETAILER))
    collect_rarely()  # as the command and the processes of the server do
    begin = time.perf_counter()
    review_document(parse_text(text))
    seconds = time.perf_counter() - begin
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"elements": 1000, "seconds": seconds, "megabytes": peak}))


def row(what: str, value: str, bar: str) -> None:
    print(f"{what:<52} {value:>14}   {bar}")


def main() -> None:
    if sys.argv[1:] == ["large-review"]:
        large_review()
        return
    ours, bare = alternate(lambda: asyncio.run(start_seconds(None)), lambda: asyncio.run(start_seconds(BARE)), 7)
    row(
        "server start / bare SDK server with one tool",
        f"{ours / bare:.2f}",
        f"at most 1.3 ({ours * 1e3:.0f} ms / {bare * 1e3:.0f} ms)",
    )
    calls = call_seconds()
    for name in TOOLS:
        row(f"{name} / echo", f"{calls[name] / calls['echo']:.2f}", f"at most 3 ({calls[name] * 1e3:.1f} ms)")
    large = json.loads(
        subprocess.run([sys.executable, __file__, "large-review"], capture_output=True, check=True, text=True).stdout
    )
    row(f"review of {large['elements']} elements, seconds", f"{large['seconds']:.2f}", "under 1")
    row("  its peak memory, MB", f"{large['megabytes']:.0f}", "under 200")
    bars = {"tools/list seen by a model, tokens": "at most 1,500", "tools/list, bytes": "at most 24,576"}
    for what, count in asyncio.run(sizes()).items():
        row(what, f"{count:,}", bars.get(what, "at most 1,000"))


if __name__ == "__main__":
    main()

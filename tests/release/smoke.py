"""Run by an environment that holds only the built wheel: one example over the command and over stdio."""

import asyncio
import json
import subprocess
import sys
from pathlib import Path

from mcp import Client, StdioServerParameters

COMMAND = Path(sys.executable).with_name("data-integration-architect")
RETAILER = Path(__file__).parents[2] / "examples" / "online-retailer.yaml"


def over_the_command() -> dict:
    done = subprocess.run(
        [COMMAND, "review", RETAILER, "--format", "json"], capture_output=True, text=True, check=False, encoding="utf-8"
    )
    assert done.returncode == 1, done.stderr
    return json.loads(done.stdout)


async def over_stdio() -> dict:
    parameters = StdioServerParameters(command=str(COMMAND), args=["serve", "--root", str(RETAILER.parent)])
    async with Client(parameters) as client:
        answer = await client.call_tool("review_topology", {"path": RETAILER.name})
        assert not answer.is_error, answer.content
        return answer.structured_content


def main() -> None:
    command, server = over_the_command(), asyncio.run(over_stdio())
    found = [finding["fingerprint"] for finding in command["findings"]]
    assert found and found == [finding["fingerprint"] for finding in server["findings"]]
    print(f"the wheel reviews the retailer: {len(found)} findings, the same over the command and over stdio")


if __name__ == "__main__":
    main()

"""Answers of the tools: computed in worker processes, within limits, with progress; the last ones are kept."""

from __future__ import annotations

from collections import OrderedDict
from pathlib import Path
from typing import Any

import anyio
from mcp.server.mcpserver import Context
from mcp.server.mcpserver.exceptions import ToolError
from mcp.types import CallToolResult, TextContent

from data_integration_architect.given import Given
from data_integration_architect.mcp_server.crew import MOST_LONG, MOST_SHORT, Answer, Refused, computed

# Reviews of longer topologies are work that may take long.
LONG_TEXT = 16_000
MOST_ANSWERS_KEPT = 64
CHECKING = ("default", "deep")
DISCOVERY = "answer_discovery"


class Answers:
    """Computes answers, and keeps the last ones: the views of one topology are asked in turn."""

    def __init__(self) -> None:
        self.kept: OrderedDict[tuple[Any, ...], Answer] = OrderedDict()
        self.long = anyio.CapacityLimiter(MOST_LONG)
        self.short = anyio.CapacityLimiter(MOST_SHORT)

    async def of(self, name: str, *arguments: Any, ctx: Context[Any, Any]) -> CallToolResult:
        """The result of `answers.NAME(*arguments)`; our own errors become tool errors, others stay on the server."""
        key = (name, *arguments)
        answer = self.kept.get(key)
        if answer is None:
            answer = await self._computed(name, arguments, ctx)
            # What reads or writes files is done again when it is asked for again.
            if not any(isinstance(part, Path) for part in arguments):
                self.kept[key] = answer
            if len(self.kept) > MOST_ANSWERS_KEPT:
                self.kept.popitem(last=False)
        structured, text = answer
        return CallToolResult(content=[TextContent(type="text", text=text)], structured_content=structured)

    async def _computed(self, name: str, arguments: tuple[Any, ...], ctx: Context[Any, Any]) -> Answer:
        told = 0

        async def tell(share: float, words: str) -> None:
            nonlocal told
            percent = min(99, int(100 * share))
            if percent > told:  # progress may only grow
                told = percent
                await ctx.report_progress(percent, 100, words)

        begun = "listing files" if name == DISCOVERY else "judging"
        try:
            async with self.long if _may_take_long(name, arguments) else self.short:
                await ctx.report_progress(0, 100, begun)
                answer = await computed(name, arguments, tell)
        except Refused as error:
            raise ToolError(str(error)) from None
        await ctx.report_progress(100, 100, "done")
        return answer


def _may_take_long(name: str, arguments: tuple[Any, ...]) -> bool:
    return (
        name == DISCOVERY
        or any(effort in arguments for effort in CHECKING)
        or any(isinstance(part, Given) and len(part.text) > LONG_TEXT for part in arguments)
    )

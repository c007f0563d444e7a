"""The MCP server: tools, resources and prompts over the use cases of the command."""

from __future__ import annotations

from typing import Any

from mcp.server.caching import CacheHint
from mcp.server.mcpserver import MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from pydantic import ValidationError

from data_integration_architect import __version__
from data_integration_architect.errors import clip, suggestion
from data_integration_architect.files import Root, default_root
from data_integration_architect.mcp_server.prompts import add_prompts, prompt_errors
from data_integration_architect.mcp_server.resources import add_resources
from data_integration_architect.mcp_server.tools import add_tools

NAME = "data-integration-architect"
INSTRUCTIONS = (
    "Reviews and designs how several data stores are kept in agreement. discover_topology drafts a topology from a "
    "repository. Call review_topology with a topology (facts as YAML; explain topic 'topology' tells how to write "
    "one); ask its questions; the other tools show details."
)


class ArchitectServer(MCPServer[Any]):
    """The SDK's server with our words for wrong arguments; unknown ones are refused instead of ignored."""

    async def call_tool(self, name: str, arguments: dict[str, Any], context: Any = None) -> Any:
        tools = {tool.name: tool for tool in self._tool_manager.list_tools()}
        tool = tools.get(name)
        if tool is None:
            raise ToolError(f"unknown tool {clip(name)}; {suggestion(name, tools)}")
        allowed = tool.parameters.get("properties", {})
        for argument in sorted(set(arguments) - set(allowed)):
            raise ToolError(f"{name}: unknown argument {clip(argument)}; {suggestion(argument, allowed)}")
        try:
            return await super().call_tool(name, arguments, context)
        except ToolError as error:
            if isinstance(error.__cause__, ValidationError):
                raise ToolError(f"{name}: {_argument_problems(error.__cause__)}") from None
            raise


def _argument_problems(error: ValidationError) -> str:
    """What is wrong with arguments, without the rejected values."""
    from data_integration_architect.topology.complaints import allowed_words

    parts: dict[str, list[str]] = {}
    for detail in error.errors(include_url=False, include_input=False):
        words = _ARGUMENT_WORDS.get(detail["type"], "a value of another kind is needed")
        name = str(detail["loc"][0]) if detail["loc"] else "arguments"
        if detail["type"] == "literal_error":
            words = f"allowed: {', '.join(allowed_words(detail))}"
        # Where several kinds are allowed, each of them is tried and complains.
        if words not in parts.setdefault(name, []):
            parts[name].append(words)
    return "; ".join(f"{name}: {', or '.join(words)}" for name, words in sorted(parts.items()))


_ARGUMENT_WORDS = {
    "missing": "is required", "string_type": "text is needed", "dict_type": "an object is needed",
    "int_type": "a whole number is needed", "int_parsing": "a whole number is needed",
    "int_from_float": "a whole number is needed", "int_parsing_size": "a smaller number is needed",
    "greater_than_equal": "a whole number from 1 on is needed",
}  # fmt: skip


def create_server(root: Root | None = None, **settings: Any) -> MCPServer[Any]:
    """A server whose `path` arguments are confined to `root` (default: the working directory if it is a project)."""
    server = ArchitectServer(
        NAME,
        title="Data Integration Architect",
        version=__version__,
        instructions=INSTRUCTIONS,
        log_level="WARNING",
        subscriptions=False,
        cache_hints={
            method: CacheHint(ttl_ms=600_000, scope="public")
            for method in ("tools/list", "resources/list", "resources/templates/list", "prompts/list")
        },
        **settings,
    )
    confined = root or default_root()
    add_tools(server, confined)
    add_resources(server)
    add_prompts(server, confined)
    server.middleware.append(prompt_errors)
    return server

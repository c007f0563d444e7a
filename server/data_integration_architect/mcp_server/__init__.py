"""The MCP server, on stdio and streamable HTTP."""

from data_integration_architect.mcp_server.server import create_server
from data_integration_architect.mcp_server.transport import serve_http, serve_stdio

__all__ = ["create_server", "serve_http", "serve_stdio"]

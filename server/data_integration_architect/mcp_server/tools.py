"""The tools: one thin function for each."""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

from mcp.server.mcpserver import Context, MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp.types import CallToolResult, ToolAnnotations
from pydantic import Field

from data_integration_architect import results
from data_integration_architect.design.result import DesignResult
from data_integration_architect.errors import ArchitectError
from data_integration_architect.files import Root
from data_integration_architect.given import Given, read_topology
from data_integration_architect.mcp_server.answering import DISCOVERY, Answers
from data_integration_architect.mcp_server.schemas import slim, terse, without

TopologyArgument = Annotated[str | dict[str, Any] | None, Field(description="YAML or JSON text, or an object")]
CheckArgument = Annotated[Literal["none", "default", "deep"], Field(description="Effort of the model checker")]
PageArgument = Annotated[int, Field(ge=1)]
PathArgument = Annotated[str | None, Field(description="File below the root instead")]

# Parts whose schema the first tool has; the others only say that there is an object.
SAID_BEFORE = {
    "review_topology": ("CheckBounds",),
    "detect_antipatterns": ("Check", "Question"),
    "discover_topology": ("Question",),
    "generate_design": ("DesignCheck", "Finding", "Recommendation"),
}


def add_tools(server: MCPServer[Any], root: Root) -> None:
    answers = Answers()

    def given(topology: Any, path: str | None) -> Given:
        try:
            return read_topology(topology, path, root)
        except ArchitectError as error:
            raise ToolError(str(error)) from None

    async def review_topology(
        ctx: Context[Any, Any],
        topology: TopologyArgument = None,
        path: PathArgument = None,
        since: Annotated[dict[str, Any] | None, Field(description="Earlier review, to see what changed")] = None,
        section: Annotated[str | None, Field(description="One list of the review, for paging")] = None,
        page: PageArgument = 1,
        check: CheckArgument = "default",
    ) -> Annotated[CallToolResult, results.Review]:
        """First tool: the whole judgement of a topology. Findings, systems of record, recommendations, questions."""
        earlier = json.dumps(since, sort_keys=True) if since is not None else None
        return await answers.of("answer_review", given(topology, path), earlier, section, page, check, ctx=ctx)

    async def classify_topology(
        ctx: Context[Any, Any],
        topology: TopologyArgument = None,
        path: PathArgument = None,
        page: PageArgument = 1,
    ) -> Annotated[CallToolResult, results.Classification]:
        """How data moves: applicability, mechanism of each flow, system of record of each entity, layers."""
        return await answers.of("answer_view", given(topology, path), "classify_topology", "none", page, ctx=ctx)

    async def detect_antipatterns(
        ctx: Context[Any, Any],
        topology: TopologyArgument = None,
        path: PathArgument = None,
        page: PageArgument = 1,
        check: CheckArgument = "default",
    ) -> Annotated[CallToolResult, results.AntiPatterns]:
        """What can go wrong: findings with severity, place, condition, fixes; symptoms that nothing explains."""
        return await answers.of("answer_view", given(topology, path), "detect_antipatterns", check, page, ctx=ctx)

    async def recommend_propagation(
        ctx: Context[Any, Any],
        topology: TopologyArgument = None,
        path: PathArgument = None,
        page: PageArgument = 1,
    ) -> Annotated[CallToolResult, results.Propagation]:
        """How each derived store should follow its system of record, with runner-up and what would flip it."""
        return await answers.of("answer_view", given(topology, path), "recommend_propagation", "none", page, ctx=ctx)

    async def check_ordering(
        ctx: Context[Any, Any],
        topology: TopologyArgument = None,
        path: PathArgument = None,
        page: PageArgument = 1,
    ) -> Annotated[CallToolResult, results.OrderCheck]:
        """Order needed and given on each flow, idempotency, causal pairs, constraints."""
        return await answers.of("answer_view", given(topology, path), "check_ordering", "none", page, ctx=ctx)

    async def generate_design(
        ctx: Context[Any, Any],
        topology: TopologyArgument = None,
        path: PathArgument = None,
        section: Annotated[
            str | None, Field(description="topology, document, phases, files, or a file by path")
        ] = None,
        page: PageArgument = 1,
        check: CheckArgument = "default",
        out: Annotated[str | None, Field(description="Folder below the root to write the files to")] = None,
    ) -> Annotated[CallToolResult, DesignResult]:
        """Target topology, document, decisions, migration plan, judged again; files to deploy and operate it."""
        try:
            folder = root.resolve_folder(out) if out is not None else None
        except ArchitectError as error:
            raise ToolError(str(error)) from None
        about = given(topology, path)
        return await answers.of("answer_design", about, section, check, page, folder, out or "", ctx=ctx)

    async def explain(
        topic: Annotated[str, Field(description="Id, fingerprint, store, engine, 'topology' or 'vocabulary'")],
        ctx: Context[Any, Any],
        topology: TopologyArgument = None,
        path: PathArgument = None,
        page: PageArgument = 1,
    ) -> Annotated[CallToolResult, results.Explanation]:
        """Explains one finding, anti-pattern, mechanism, fix or store with sources, or how to write a topology."""
        about = given(topology, path) if topology is not None or path is not None else None
        return await answers.of("answer_explanation", about, topic, page, ctx=ctx)

    async def discover_topology(
        ctx: Context[Any, Any],
        path: Annotated[str, Field(description="Folder below the root; . is the root")],
        write: Annotated[str | None, Field(description="YAML file below the root; edits there are kept")] = None,
    ) -> Annotated[CallToolResult, results.Discovery]:
        """Draft topology of a repository, each fact with file:line; dual writes, stores, questions."""

        try:
            target = root.resolve_draft(write) if write is not None else None
            folder = root.resolve(path)
        except ArchitectError as error:
            raise ToolError(str(error)) from None
        return await answers.of(DISCOVERY, folder, target, write or "", ctx=ctx)

    hints = ToolAnnotations(read_only_hint=True, idempotent_hint=True, open_world_hint=False, destructive_hint=False)
    tools = (review_topology, classify_topology, detect_antipatterns, recommend_propagation, check_ordering,
             explain)  # fmt: skip
    for function in tools:
        server.add_tool(function, annotations=hints)
    writing = hints.model_copy(update={"read_only_hint": False})
    server.add_tool(generate_design, annotations=writing)
    server.add_tool(discover_topology, annotations=writing)
    for tool in server._tool_manager.list_tools():
        tool.parameters = slim(tool.parameters)
        metadata = tool.fn_metadata
        schema = without(metadata.output_schema, SAID_BEFORE.get(tool.name, ()))
        metadata.output_schema = terse(slim(schema, keep_descriptions=False))
        # What is dumped from a model needs no second validation against it on each call.
        metadata.output_model = None

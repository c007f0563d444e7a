"""The MCP server: one thin function for each tool over one use case, on stdio and streamable HTTP."""

from __future__ import annotations

import hmac
import json
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, Any, TypeVar

import anyio
import anyio.to_process
import anyio.to_thread
from mcp.server.caching import CacheHint
from mcp.server.mcpserver import Context, MCPServer, UserMessage
from mcp.server.mcpserver.exceptions import ResourceNotFoundError, ToolError
from mcp.shared.exceptions import MCPError
from mcp.types import (
    INVALID_PARAMS,
    CallToolResult,
    Completion,
    CompletionArgument,
    CompletionContext,
    PromptReference,
    ResourceTemplateReference,
    TextContent,
    ToolAnnotations,
)
from pydantic import BaseModel, Field, ValidationError

from data_integration_architect import __version__, results
from data_integration_architect.design.result import DesignResult
from data_integration_architect.errors import ArchitectError, clip, suggestion
from data_integration_architect.files import Root, default_root, packaged_names, packaged_text
from data_integration_architect.results import Review

NAME = "data-integration-architect"
INSTRUCTIONS = (
    "Reviews and designs how several data stores are kept in agreement. discover_topology drafts a topology from a "
    "repository. Call review_topology with a topology (facts as YAML; explain topic 'topology' tells how to write "
    "one); ask its questions; the other tools show details."
)
# Small topologies are judged in a thread; larger ones in a worker process that a cancellation can end.
LARGE_TEXT = 16_000
MOST_WORKERS = 2
POLL_SECONDS = 0.2

R = TypeVar("R")
TopologyArgument = Annotated[
    str | dict[str, Any] | None, Field(description="Topology as YAML or JSON text, or as an object")
]
PathArgument = Annotated[str | None, Field(description="Topology file below the root, instead of topology")]


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
    parts: dict[str, str] = {}
    for detail in error.errors(include_url=False, include_input=False, include_context=False):
        parts.setdefault(str(detail["loc"][0]) if detail["loc"] else "arguments", detail["msg"])
    return "; ".join(f"{name}: {message}" for name, message in sorted(parts.items()))


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
    _add_tools(server, root or default_root())
    _add_resources(server)
    _add_prompts(server)
    server.middleware.append(_prompt_errors)
    return server


async def _run(function: Callable[..., R], given: Any, *rest: Any, ctx: Context[Any, Any]) -> R:
    """`function(given, …)` beside the event loop: in a thread if small, else in a process that a cancel ends."""
    await ctx.report_progress(0, 1, "judging")
    if len(given.text) > LARGE_TEXT:
        result = await anyio.to_process.run_sync(function, given, *rest, cancellable=True, limiter=_limiter())
    else:
        result = await anyio.to_thread.run_sync(function, given, *rest)
    await ctx.report_progress(1, 1, "done")
    return result


# Where each phase of a discovery begins, as a part of the whole.
PHASES = {"listing files": 0.0, "reading configuration": 0.1, "reading code": 0.3, "judging": 0.9, "done": 1.0}


async def _discover(folder: Path, write: Path | None, written_as: str, ctx: Context[Any, Any]) -> results.Discovery:
    """A discovery in a process of its own, with progress; a cancellation ends the process."""
    import multiprocessing

    from data_integration_architect.discovery import serve_discovery

    context = multiprocessing.get_context("spawn")
    async with _limiter():
        pipe, other = context.Pipe()
        # No daemon: it has worker processes of its own, which end when their pipe closes.
        process = context.Process(target=serve_discovery, args=(other, folder, write, written_as))
        process.start()
        other.close()
        try:
            while True:
                if not await anyio.to_thread.run_sync(pipe.poll, POLL_SECONDS):
                    continue
                try:
                    kind, *told = pipe.recv()
                except EOFError:
                    raise RuntimeError("the discovery ended without an answer") from None
                if kind == "done":
                    await ctx.report_progress(1, 1, "done")
                    found: results.Discovery = told[0]
                    return found
                if kind == "refused":
                    raise ArchitectError(told[0])
                await _report_phase(ctx, *told)
        finally:
            process.kill()
            process.join()
            pipe.close()


async def _report_phase(ctx: Context[Any, Any], phase: str, done: int, total: int) -> None:
    starts = sorted(PHASES.values())
    start = PHASES[phase]
    end = next((other for other in starts if other > start), 1.0)
    count = f" {done}/{total} files" if total else f" {done} files" if done else ""
    await ctx.report_progress(start + (end - start) * (done / total if total else 0), 1, phase + count)


_limiters: dict[int, anyio.CapacityLimiter] = {}


def _limiter() -> anyio.CapacityLimiter:
    # A limiter belongs to one event loop; tests run several.
    token = id(anyio.lowlevel.current_token())
    return _limiters.setdefault(token, anyio.CapacityLimiter(MOST_WORKERS))


async def _answered(work: Callable[[], Awaitable[tuple[BaseModel, str]]]) -> CallToolResult:
    """The result of a tool; our own errors become tool errors, all others stay on the server."""
    try:
        result, text = await work()
    except ArchitectError as error:
        raise ToolError(str(error)) from None
    structured = result.model_dump(mode="json", by_alias=True)
    return CallToolResult(content=[TextContent(type="text", text=text)], structured_content=structured)


def _add_tools(server: ArchitectServer, root: Root) -> None:
    async def reviewed(topology: Any, path: str | None, ctx: Context[Any, Any]) -> Review:
        from data_integration_architect import use_cases

        return await _run(use_cases.review, use_cases.read_topology(topology, path, root), ctx=ctx)

    async def detail(
        topology: Any, path: str | None, ctx: Context[Any, Any], model: type[BaseModel], render: str
    ) -> CallToolResult:
        async def work() -> tuple[BaseModel, str]:
            from data_integration_architect import use_cases
            from data_integration_architect.renderers import text

            whole = await reviewed(topology, path, ctx)
            review = use_cases.page_of(whole)
            shown = model.model_validate({name: getattr(review, name) for name in model.model_fields})
            return shown, getattr(text, render)(whole)

        return await _answered(work)

    async def review_topology(
        ctx: Context[Any, Any],
        topology: TopologyArgument = None,
        path: PathArgument = None,
        since: Annotated[dict[str, Any] | None, Field(description="Earlier review, to see what changed")] = None,
        section: Annotated[str | None, Field(description="One list of the review, for paging")] = None,
        page: Annotated[int, Field(ge=1)] = 1,
    ) -> Annotated[CallToolResult, results.Review]:
        """First tool: the whole judgement of a topology. Findings, systems of record, recommendations, questions."""

        async def work() -> tuple[BaseModel, str]:
            from data_integration_architect import use_cases
            from data_integration_architect.renderers import text

            review = await reviewed(topology, path, ctx)
            if since is not None:
                review = review.model_copy(update={"changes": use_cases.changes_since(review, _earlier(since))})
            return use_cases.page_of(review, section, page), text.short_review(review)

        return await _answered(work)

    async def classify_topology(
        ctx: Context[Any, Any], topology: TopologyArgument = None, path: PathArgument = None
    ) -> Annotated[CallToolResult, results.Classification]:
        """How data moves: applicability, mechanism of each flow, system of record of each entity, layers."""
        return await detail(topology, path, ctx, results.Classification, "short_classification")

    async def detect_antipatterns(
        ctx: Context[Any, Any], topology: TopologyArgument = None, path: PathArgument = None
    ) -> Annotated[CallToolResult, results.AntiPatterns]:
        """What can go wrong: findings with severity, place, condition, fixes; symptoms that nothing explains."""
        return await detail(topology, path, ctx, results.AntiPatterns, "short_antipatterns")

    async def recommend_propagation(
        ctx: Context[Any, Any], topology: TopologyArgument = None, path: PathArgument = None
    ) -> Annotated[CallToolResult, results.Propagation]:
        """How each derived store should follow its system of record, with runner-up and what would flip it."""
        return await detail(topology, path, ctx, results.Propagation, "short_propagation")

    async def check_ordering(
        ctx: Context[Any, Any], topology: TopologyArgument = None, path: PathArgument = None
    ) -> Annotated[CallToolResult, results.OrderCheck]:
        """Order needed and given on each flow, idempotency, causal pairs, constraints."""
        return await detail(topology, path, ctx, results.OrderCheck, "short_order_check")

    async def generate_design(
        ctx: Context[Any, Any],
        topology: TopologyArgument = None,
        path: PathArgument = None,
        section: Annotated[str | None, Field(description="topology, document or phases; default: all")] = None,
    ) -> Annotated[CallToolResult, DesignResult]:
        """Target topology, design document, decisions and migration plan, judged again by the same engines."""

        async def work() -> tuple[BaseModel, str]:
            from data_integration_architect import use_cases

            given = use_cases.read_topology(topology, path, root)
            design = await _run(use_cases.generate_design, given, ctx=ctx)
            return design.section(section), design.short_text()

        return await _answered(work)

    async def explain(
        topic: Annotated[str, Field(description="Id, fingerprint, store, engine, 'topology' or 'vocabulary'")],
        ctx: Context[Any, Any],
        topology: TopologyArgument = None,
        path: PathArgument = None,
    ) -> Annotated[CallToolResult, results.Explanation]:
        """Explains one finding, anti-pattern, mechanism, fix or store with sources, or how to write a topology."""

        async def work() -> tuple[BaseModel, str]:
            from data_integration_architect.explain import explain as explained

            review = await reviewed(topology, path, ctx) if topology is not None or path is not None else None
            from data_integration_architect.renderers.text import short_explanation

            explanation = explained(topic, review)
            return explanation, short_explanation(explanation)

        return await _answered(work)

    async def discover_topology(
        ctx: Context[Any, Any],
        path: Annotated[str, Field(description="Folder below the root; . is the root")],
        write: Annotated[str | None, Field(description="YAML file below the root; edits there are kept")] = None,
    ) -> Annotated[CallToolResult, results.Discovery]:
        """Draft topology of a repository, each fact with file:line; dual writes, stores, questions."""

        async def work() -> tuple[BaseModel, str]:
            from data_integration_architect.discovery import shortened
            from data_integration_architect.renderers import text

            target = root.resolve_draft(write) if write is not None else None
            found = await _discover(root.resolve(path), target, write or "", ctx)
            return shortened(found), text.short_discovery(found)

        return await _answered(work)

    hints = ToolAnnotations(read_only_hint=True, idempotent_hint=True, open_world_hint=False, destructive_hint=False)
    tools = (review_topology, classify_topology, detect_antipatterns, recommend_propagation, check_ordering,
             generate_design, explain)  # fmt: skip
    for function in tools:
        server.add_tool(function, annotations=hints)
    server.add_tool(discover_topology, annotations=hints.model_copy(update={"read_only_hint": False}))
    for tool in server._tool_manager.list_tools():
        # Titles repeat the names, and clients pay for each word in context.
        tool.parameters = _slim(tool.parameters)
        tool.fn_metadata.output_schema = _terse(_slim(tool.fn_metadata.output_schema, keep_descriptions=False))


def _slim(schema: Any, keep_descriptions: bool = True) -> Any:
    if isinstance(schema, list):
        return [_slim(item, keep_descriptions) for item in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        key: _slim(value, keep_descriptions)
        for key, value in schema.items()
        if not (key == "title" and isinstance(value, str))
        and not (key == "default" and value is None)  # What is not required may be left out.
        and not (key == "additionalProperties" and value is True)  # The rule of JSON Schema anyway.
        and not (key == "description" and isinstance(value, str) and not keep_descriptions)
    }


def _terse(schema: Any) -> Any:
    """An output schema that accepts the same in fewer bytes: no defaults, one `type` for a choice of types, none beside
    the words of an `enum`.
    """
    if isinstance(schema, list):
        return [_terse(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    choices = schema.get("anyOf")
    if isinstance(choices, list) and all(set(choice) == {"type"} for choice in choices):
        schema = {"type": [choice["type"] for choice in choices], **schema}
        del schema["anyOf"]
    return {
        key: {name: _terse(one) for name, one in value.items()} if key in {"properties", "$defs"} else _terse(value)
        for key, value in schema.items()
        if key != "default" and not (key == "type" and "enum" in schema)
    }


def _earlier(data: dict[str, Any]) -> Review:
    from data_integration_architect.errors import InputError, Problem

    try:
        return Review.model_validate(data)
    except ValidationError:
        problem = Problem(None, None, "", "not a review; pass the structured result of an earlier review_topology call")
        raise InputError("since", [problem]) from None


SHELVES = {
    "store": "stores", "mechanism": "mechanisms", "anti-pattern": "anti-patterns", "fix": "fixes", "engine": "engines",
}  # fmt: skip


def _add_resources(server: ArchitectServer) -> None:
    @server.resource("architect://schema/topology", name="topology-schema", mime_type="application/schema+json")
    def topology_schema() -> str:
        """JSON Schema of the topology."""
        from data_integration_architect.explain import topology_schema

        return json.dumps(topology_schema(), ensure_ascii=False, indent=1)

    @server.resource("architect://knowledge/{kind}/{id}", name="knowledge", mime_type="application/yaml")
    def knowledge(kind: str, id: str) -> str:
        """One knowledge entry: store, mechanism, anti-pattern, fix or engine."""
        folder = SHELVES.get(kind)
        if folder is None or id not in packaged_names(f"knowledge/{folder}", ".yaml"):
            raise ResourceNotFoundError(f"no {clip(kind)} {clip(id)}; kinds: {', '.join(sorted(SHELVES))}")
        return packaged_text(f"knowledge/{folder}/{id}.yaml")

    @server.resource("architect://examples/{name}", name="example", mime_type="application/yaml")
    def example(name: str) -> str:
        """One example topology."""
        if name not in example_names():
            raise ResourceNotFoundError(f"no example {clip(name)}; {suggestion(name, example_names())}")
        return packaged_text(f"examples/{name}.yaml")


def example_names() -> list[str]:
    return [name for name in packaged_names("examples", ".yaml") if not name.endswith(".evidence")]


def _add_prompts(server: ArchitectServer) -> None:
    def message(template: str, **values: str) -> list[UserMessage]:
        from data_integration_architect.renderers.prompts import render_prompt

        return [UserMessage(render_prompt(template, **values))]

    @server.prompt(name="design-review", title="Guided design review")
    def design_review(system: str = "") -> list[UserMessage]:
        """Leads from an interview over the topology and its review to a design."""
        return message("design-review", system=system)

    @server.prompt(name="explain-finding", title="Explain a finding")
    def explain_finding(id: str, audience: str = "engineer") -> list[UserMessage]:
        """Explains one anti-pattern to a person."""
        from data_integration_architect.catalog import load_catalog

        load_catalog().anti_patterns.entry(id)
        return message("explain-finding", id=id, audience=audience)

    @server.prompt(name="interview", title="Interview for missing facts")
    def interview(topology: str = "") -> list[UserMessage]:
        """Asks a person for the facts that would change the judgement."""
        return message("interview", topology=topology)

    @server.completion()  # type: ignore[no-untyped-call, untyped-decorator, unused-ignore]
    async def complete(
        ref: PromptReference | ResourceTemplateReference,
        argument: CompletionArgument,
        context: CompletionContext | None,
    ) -> Completion | None:
        words = _completions(ref, argument.name, context)
        if words is None:
            return None
        fitting = [word for word in words if word.startswith(argument.value)]
        return Completion(values=fitting[:100], total=len(fitting), has_more=len(fitting) > 100)


def _completions(
    ref: PromptReference | ResourceTemplateReference, argument: str, context: CompletionContext | None
) -> list[str] | None:
    if isinstance(ref, PromptReference):
        if ref.name == "explain-finding" and argument == "id":
            return packaged_names("knowledge/anti-patterns", ".yaml")
        return ["engineer", "manager", "newcomer"] if argument == "audience" else None
    if argument == "name":
        return example_names()
    if argument == "kind":
        return sorted(SHELVES)
    kind = (context.arguments or {}).get("kind", "") if context else ""
    return packaged_names(f"knowledge/{SHELVES[kind]}", ".yaml") if kind in SHELVES else None


async def _prompt_errors(ctx: Any, call_next: Callable[[Any], Awaitable[Any]]) -> Any:
    """Wrong prompt arguments as a protocol error with its reason, not as an internal error."""
    try:
        return await call_next(ctx)
    except MCPError:
        raise
    except (ValueError, ArchitectError) as error:
        if ctx.method == "prompts/get":
            raise MCPError(code=INVALID_PARAMS, message=_own_reason(error)) from error
        raise


def _own_reason(error: BaseException) -> str:
    """The text of our own error inside what the SDK wraps around it, else that of the outermost one."""
    inner: BaseException | None = error
    while inner is not None:
        if isinstance(inner, ArchitectError):
            return str(inner)
        inner = inner.__cause__ or inner.__context__
    return str(error)


def serve_stdio(root: Root | None) -> None:
    """Serves on standard input and output until the client closes them."""
    create_server(root).run("stdio")


def serve_http(
    root: Root | None,
    host: str,
    port: int,
    token_variable: str | None = None,
    allowed_hosts: tuple[str, ...] = (),
    allowed_origins: tuple[str, ...] = (),
) -> None:
    """Serves stateless streamable HTTP at /mcp: any number of replicas can stand behind a load balancer.

    Host and Origin are checked on every binding. `token_variable`: environment variable that holds a bearer token.
    """
    from mcp.server.transport_security import TransportSecuritySettings

    hosts = list(allowed_hosts) or [f"{host}:{port}", f"localhost:{port}", f"127.0.0.1:{port}", f"[::1]:{port}"]
    security = TransportSecuritySettings(
        enable_dns_rebinding_protection=True, allowed_hosts=hosts, allowed_origins=list(allowed_origins)
    )
    # Over HTTP the caller is somebody else: the working directory is no root that they may read.
    confined = root or Root(None, "over HTTP paths need --root FOLDER")
    settings = _bearer(token_variable, f"http://{host}:{port}/mcp") if token_variable else {}
    create_server(confined, **settings).run(
        "streamable-http", host=host, port=port, stateless_http=True, transport_security=security
    )


def _bearer(variable: str, url: str) -> dict[str, Any]:
    from mcp.server.auth.provider import AccessToken
    from mcp.server.auth.settings import AuthSettings

    secret = os.environ.get(variable, "")
    if len(secret) < 16:
        from data_integration_architect.errors import RefusedPath

        raise RefusedPath(f"environment variable {variable} must hold a token of at least 16 characters")

    class Verifier:
        async def verify_token(self, token: str) -> AccessToken | None:
            if not hmac.compare_digest(token.encode(), secret.encode()):
                return None
            return AccessToken(token=token, client_id="static", scopes=["mcp"], resource=url)

    auth = AuthSettings(
        issuer_url=url,
        resource_server_url=url,
        required_scopes=["mcp"],
        validate_token_resource=True,
    )
    return {"token_verifier": Verifier(), "auth": auth}

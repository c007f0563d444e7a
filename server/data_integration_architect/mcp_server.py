"""The MCP server: one thin function for each tool over one use case, on stdio and streamable HTTP."""

from __future__ import annotations

import hmac
import json
import os
import re
import threading
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import anyio
import anyio.from_thread
import anyio.to_process
import anyio.to_thread
from mcp.server.caching import CacheHint
from mcp.server.mcpserver import Context, MCPServer, UserMessage
from mcp.server.mcpserver.exceptions import ResourceNotFoundError, ToolError
from mcp.server.mcpserver.resources import FunctionResource
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
from pydantic import Field, ValidationError

from data_integration_architect import __version__, results
from data_integration_architect.design.result import DesignResult
from data_integration_architect.errors import ArchitectError, clip, suggestion
from data_integration_architect.files import Root, default_root, packaged_names, packaged_text
from data_integration_architect.given import Given, read_topology

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

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
MOST_ANSWERS_KEPT = 64
CHECKING = ("default", "deep")

Answer = tuple[dict[str, Any], str]

TopologyArgument = Annotated[str | dict[str, Any] | None, Field(description="YAML or JSON text, or an object")]
CheckArgument = Annotated[Literal["none", "default", "deep"], Field(description="Effort of the model checker")]
PageArgument = Annotated[int, Field(ge=1)]
PathArgument = Annotated[str | None, Field(description="File below the root instead")]


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
    _add_tools(server, root or default_root())
    _add_resources(server)
    _add_prompts(server)
    server.middleware.append(_prompt_errors)
    return server


class _Answers:
    """Computes answers beside the event loop and keeps the last ones: the views of one topology are asked in turn."""

    def __init__(self) -> None:
        self.kept: OrderedDict[tuple[Any, ...], Answer] = OrderedDict()
        self.limiter = anyio.CapacityLimiter(MOST_WORKERS)

    async def of(self, name: str, given: Given | None, *rest: Any, ctx: Context[Any, Any]) -> CallToolResult:
        """The result of `answers.NAME(given, …)`; our own errors become tool errors, others stay on the server."""
        key = (name, given, *rest)
        answer = self.kept.get(key)
        if answer is None:
            checks = any(effort in rest for effort in CHECKING)
            computed = self._checked if checks else self._computed
            answer = await computed(name, given, rest, ctx)
            # What wrote files is done again when it is asked for again.
            if not any(isinstance(part, Path) for part in rest):
                self.kept[key] = answer
            if len(self.kept) > MOST_ANSWERS_KEPT:
                self.kept.popitem(last=False)
        structured, text = answer
        return CallToolResult(content=[TextContent(type="text", text=text)], structured_content=structured)

    async def _computed(self, name: str, given: Given | None, rest: tuple[Any, ...], ctx: Context[Any, Any]) -> Answer:
        from data_integration_architect import answers

        function: Callable[..., Answer] = getattr(answers, name)
        await ctx.report_progress(0, 1, "judging")
        try:
            if given is not None and len(given.text) > LARGE_TEXT:
                # A process of its own: a cancellation ends it, and other requests go on.
                answer = await anyio.to_process.run_sync(function, given, *rest, cancellable=True, limiter=self.limiter)
            else:
                answer = await anyio.to_thread.run_sync(function, given, *rest)
        except ArchitectError as error:
            raise ToolError(str(error)) from None
        await ctx.report_progress(1, 1, "done")
        return answer

    async def _checked(self, name: str, given: Given | None, rest: tuple[Any, ...], ctx: Context[Any, Any]) -> Answer:
        """An answer with searches in worker processes, which tell how far they are and end with a cancellation."""
        from data_integration_architect import answers
        from data_integration_architect.workers import run_jobs

        function: Callable[..., Answer] = getattr(answers, name)
        cancelled = threading.Event()
        before = 0

        def progress(done: int, total: int) -> None:
            nonlocal before
            if not cancelled.is_set():
                checked, all_ = before + done, before + total
                anyio.from_thread.run(ctx.report_progress, checked, all_, f"checked {checked} of {all_}")
            before += done if done == total else 0  # jobs that need more states come again

        run = partial(run_jobs, progress=progress, is_cancelled=cancelled.is_set)
        await ctx.report_progress(0, None, "judging")
        try:
            # The thread is left alone by a cancellation; its workers are ended, and so it ends.
            answer = await anyio.to_thread.run_sync(
                partial(function, given, *rest, run=run), abandon_on_cancel=True, limiter=self.limiter
            )
            await ctx.report_progress(1, 1, "done")
            return answer
        except ArchitectError as error:
            raise ToolError(str(error)) from None
        finally:
            cancelled.set()

    async def discovery(
        self, folder: Path, write: Path | None, written_as: str, ctx: Context[Any, Any]
    ) -> CallToolResult:
        """The draft of a repository, made in a process of its own; a cancellation ends it. Never kept: files change."""
        import multiprocessing

        from data_integration_architect.answers import answer_discovery

        context = multiprocessing.get_context("spawn")
        async with self.limiter:
            pipe, other = context.Pipe()
            # No daemon: it has worker processes of its own, which end when their pipe closes.
            process = context.Process(target=answer_discovery, args=(other, folder, write, written_as))
            process.start()
            other.close()
            try:
                structured, text = await _followed(pipe, ctx)
            finally:
                process.kill()
                process.join()
                pipe.close()
        await ctx.report_progress(100, 100, "done")
        return CallToolResult(content=[TextContent(type="text", text=text)], structured_content=structured)


# At which percentage of the whole each phase of a discovery begins.
PHASES = {"listing files": 0, "reading configuration": 10, "reading code": 30, "judging": 90}


async def _followed(pipe: Connection, ctx: Context[Any, Any]) -> Answer:
    """The answer that comes out of `pipe`, with the progress before it."""
    while True:
        # In short waits, because a thread that waits cannot be cancelled.
        if not await anyio.to_thread.run_sync(pipe.poll, POLL_SECONDS):
            continue
        try:
            kind, *told = pipe.recv()
        except EOFError:
            raise RuntimeError("the discovery ended without an answer") from None
        if kind == "done":
            answer: Answer = told[0]
            return answer
        if kind == "refused":
            raise ToolError(told[0])
        phase, done, total = told
        start = PHASES[phase]
        end = min((other for other in PHASES.values() if other > start), default=100)
        count = f" {done}/{total} files" if total else f" {done} files" if done else ""
        await ctx.report_progress(start + ((end - start) * done // total if total else 0), 100, phase + count)


def _add_tools(server: ArchitectServer, root: Root) -> None:
    answers = _Answers()

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
            return await answers.discovery(root.resolve(path), target, write or "", ctx)
        except ArchitectError as error:
            raise ToolError(str(error)) from None

    hints = ToolAnnotations(read_only_hint=True, idempotent_hint=True, open_world_hint=False, destructive_hint=False)
    tools = (review_topology, classify_topology, detect_antipatterns, recommend_propagation, check_ordering,
             explain)  # fmt: skip
    for function in tools:
        server.add_tool(function, annotations=hints)
    writing = hints.model_copy(update={"read_only_hint": False})
    server.add_tool(generate_design, annotations=writing)
    server.add_tool(discover_topology, annotations=writing)
    for tool in server._tool_manager.list_tools():
        # Titles repeat the names, and clients pay for each word in context.
        tool.parameters = _slim(tool.parameters)
        metadata = tool.fn_metadata
        schema = _without(metadata.output_schema, SAID_BEFORE.get(tool.name, ()))
        metadata.output_schema = _terse(_slim(schema, keep_descriptions=False))
        # What is dumped from a model needs no second validation against it on each call.
        metadata.output_model = None


# Parts whose schema the first tool has; the others only say that there is an object.
SAID_BEFORE = {
    "review_topology": ("CheckBounds",),
    "detect_antipatterns": ("Check", "Question"),
    "discover_topology": ("Question",),
    "generate_design": ("DesignCheck", "Finding", "Recommendation"),
}


def _without(schema: Any, names: tuple[str, ...]) -> Any:
    """An output schema with definitions that say no more than `object`, and without those that nothing then uses."""
    known = {name: {"type": "object"} if name in names else part for name, part in schema.get("$defs", {}).items()}
    root = {key: value for key, value in schema.items() if key != "$defs"}
    used: set[str] = set()
    pending = [json.dumps(root)]
    while pending:
        for name in REFERENCE.findall(pending.pop()):
            if name not in used:
                used.add(name)
                pending.append(json.dumps(known[name]))
    return {**root, "$defs": {name: part for name, part in known.items() if name in used}}


REFERENCE = re.compile(r'"#/\$defs/(\w+)"')


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


SHELVES = {
    "store": "stores", "mechanism": "mechanisms", "anti-pattern": "anti-patterns", "fix": "fixes", "engine": "engines",
}  # fmt: skip


def _add_resources(server: ArchitectServer) -> None:
    @server.resource("architect://schema/topology", name="topology-schema", mime_type="application/schema+json")
    def topology_schema() -> str:
        """JSON Schema of the topology."""
        from data_integration_architect.explain import topology_schema

        return json.dumps(topology_schema(), ensure_ascii=False, indent=1)

    @server.resource("architect://knowledge", name="knowledge-index", mime_type="application/json")
    def knowledge_index() -> str:
        """Ids of the knowledge by kind; each is read at architect://knowledge/KIND/ID."""
        shelves = {kind: packaged_names(f"knowledge/{folder}", ".yaml") for kind, folder in SHELVES.items()}
        return json.dumps(shelves, indent=1)

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

    for name in example_names():
        server.add_resource(
            FunctionResource(
                uri=f"architect://examples/{name}",
                name=name,
                description="Example topology.",
                mime_type="application/yaml",
                fn=partial(example, name),
            )
        )


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

"""Prompts, completion of their arguments, and their errors."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import anyio.to_thread
from mcp.server.mcpserver import MCPServer, UserMessage
from mcp.shared.exceptions import MCPError
from mcp.types import (
    INVALID_PARAMS,
    Completion,
    CompletionArgument,
    CompletionContext,
    PromptReference,
    ResourceTemplateReference,
)

from data_integration_architect.errors import ArchitectError, UnknownName
from data_integration_architect.files import Root, packaged_names
from data_integration_architect.mcp_server.resources import EXAMPLES, SHELVES, example_names

AUDIENCES = ["engineer", "manager", "newcomer"]
MOST_VALUES = 100


def add_prompts(server: MCPServer[Any], root: Root) -> None:
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
        known = packaged_names("knowledge/anti-patterns", ".yaml")
        if id not in known:
            raise UnknownName("anti-pattern", id, known)
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
        if isinstance(ref, PromptReference):
            words = await anyio.to_thread.run_sync(_prompt_words, ref.name, argument, root)
        else:
            words = _resource_words(argument.name, context)
        if words is None:
            return None
        fitting = [word for word in words if word.startswith(argument.value)]
        return Completion(values=fitting[:MOST_VALUES], total=len(fitting), has_more=len(fitting) > MOST_VALUES)


def _prompt_words(prompt: str, argument: CompletionArgument, root: Root) -> list[str] | None:
    match prompt, argument.name:
        case "explain-finding", "id":
            return packaged_names("knowledge/anti-patterns", ".yaml")
        case "explain-finding", "audience":
            return AUDIENCES
        case ("design-review", "system") | ("interview", "topology"):
            # Either takes text; what can be completed is where a topology lies.
            return root.topologies(argument.value) + [EXAMPLES + name for name in example_names()]
    return None


def _resource_words(argument: str, context: CompletionContext | None) -> list[str] | None:
    if argument == "name":
        return example_names()
    if argument == "kind":
        return sorted(SHELVES)
    kind = (context.arguments or {}).get("kind", "") if context else ""
    return packaged_names(f"knowledge/{SHELVES[kind]}", ".yaml") if kind in SHELVES else None


async def prompt_errors(ctx: Any, call_next: Callable[[Any], Awaitable[Any]]) -> Any:
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

"""Resources: the schema, the knowledge, the examples."""

from __future__ import annotations

import json
from functools import partial
from typing import Any

from mcp.server.mcpserver import MCPServer
from mcp.server.mcpserver.exceptions import ResourceNotFoundError
from mcp.server.mcpserver.resources import FunctionResource

from data_integration_architect.errors import clip, suggestion
from data_integration_architect.files import packaged_names, packaged_text

EXAMPLES = "architect://examples/"
SHELVES = {
    "store": "stores", "mechanism": "mechanisms", "anti-pattern": "anti-patterns", "fix": "fixes", "engine": "engines",
}  # fmt: skip


def add_resources(server: MCPServer[Any]) -> None:
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

    @server.resource(EXAMPLES + "{name}", name="example", mime_type="application/yaml")
    def example(name: str) -> str:
        """One example topology."""
        if name not in example_names():
            raise ResourceNotFoundError(f"no example {clip(name)}; {suggestion(name, example_names())}")
        return packaged_text(f"examples/{name}.yaml")

    for name in example_names():
        server.add_resource(
            FunctionResource(
                uri=EXAMPLES + name,
                name=name,
                description="Example topology.",
                mime_type="application/yaml",
                fn=partial(example, name),
            )
        )


def example_names() -> list[str]:
    return [name for name in packaged_names("examples", ".yaml") if not name.endswith(".evidence")]

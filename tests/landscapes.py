"""Several systems side by side in one document."""

from typing import Any

from data_integration_architect.topology.parts import NAMED
from support import ROOT, read_yaml


def example(name: str) -> dict[str, Any]:
    return read_yaml(ROOT / "examples" / f"{name}.yaml")


def renamed(value: Any, prefix: str) -> Any:
    """A system with other names of its elements."""
    groups = (*NAMED, "captures", "consumers", "jobs", "caches")
    names = {name for group in groups for name in value.get(group, {})}
    names |= {store["instance"] for store in value.get("stores", {}).values() if store and store.get("instance")}

    def one(item: Any) -> Any:
        if isinstance(item, dict):
            return {one(key) if key in names else key: one(inner) for key, inner in item.items()}
        if isinstance(item, list):
            return [one(inner) for inner in item]
        if isinstance(item, str) and item.split(".")[0] in names:
            return prefix + item
        return item

    return one(value)


def together(*systems: dict[str, Any]) -> dict[str, Any]:
    """Several systems in one document."""
    whole: dict[str, Any] = {"scope": "whole"}
    for number, system in enumerate(systems):
        for group, content in renamed(system, f"s{number}_").items():
            if isinstance(content, dict) and group != "context":
                whole.setdefault(group, {}).update(content)
            elif isinstance(content, list):
                whole.setdefault(group, []).extend(content)
    return whole

"""Names of a draft as the topology format takes them.

A dot there reads as ENTITY.PART or PROCESS.HANDLER, and a store and a channel never share a name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from data_integration_architect.scanners.config.elements import dotless


def well_named(topology: dict[str, Any]) -> dict[str, Any]:
    """The same draft with names that the format takes, references included."""
    stores = topology.get("stores", {})
    names = _Names(
        entities=_renamed(topology.get("entities", {}), dotless),
        channels=_renamed(topology.get("channels", {}), lambda name: f"{name}-channel" if name in stores else name),
    )
    processes = _renamed(topology.get("processes", {}), dotless)
    result = dict(topology)
    if "entities" in topology:
        result["entities"] = {names.entities[name]: entity for name, entity in topology["entities"].items()}
    if "channels" in topology:
        result["channels"] = {
            names.channels[name]: names.channel(channel) for name, channel in topology["channels"].items()
        }
    if "processes" in topology:
        result["processes"] = {processes[name]: names.process(one) for name, one in topology["processes"].items()}
    return result


def _renamed(names: Iterable[str], rule: Callable[[str], str]) -> dict[str, str]:
    """Old to new names; two names never become one."""
    given = list(names)
    result = {name: name for name in given if rule(name) == name}
    taken = set(result)
    for name in given:
        if name not in result:
            new = rule(name)
            while new in taken:
                new += "'"
            taken.add(new)
            result[name] = new
    return result


@dataclass(frozen=True)
class _Names:
    """Old to new names of what steps and channels refer to."""

    entities: Mapping[str, str]
    channels: Mapping[str, str]

    def channel(self, given: Mapping[str, Any]) -> dict[str, Any]:
        made = dict(given)
        if "carries" in made:
            made["carries"] = [self.entities.get(name, name) for name in made["carries"]]
        if "dead_letter" in made:
            made["dead_letter"] = self.channels.get(made["dead_letter"], made["dead_letter"])
        return made

    def process(self, given: Mapping[str, Any]) -> dict[str, Any]:
        made = dict(given)
        if "handlers" in made:
            new = _renamed(made["handlers"], dotless)
            made["handlers"] = {new[name]: self.handler(handler) for name, handler in made["handlers"].items()}
        return made

    def handler(self, given: Mapping[str, Any]) -> dict[str, Any]:
        made = dict(given)
        trigger = made.get("trigger")
        if isinstance(trigger, Mapping) and "consume" in trigger:
            made["trigger"] = {**trigger, "consume": self.channels.get(trigger["consume"], trigger["consume"])}
        if "steps" in made:
            made["steps"] = [self.step(step) for step in made["steps"]]
        return made

    def step(self, given: Mapping[str, Any]) -> dict[str, Any]:
        made = dict(given)
        for key, new in (("entity", self.entities), ("append", self.channels), ("dead_letter", self.channels)):
            if key in made:
                made[key] = new.get(made[key], made[key])
        for inner in ("steps", "on_miss"):
            if inner in made:
                made[inner] = [self.step(one) for one in made[inner]]
        return made

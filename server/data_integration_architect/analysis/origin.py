"""Who makes the id of an operation."""

from __future__ import annotations

from functools import lru_cache
from typing import Literal

from data_integration_architect.analysis.flows import Flow
from data_integration_architect.analysis.protection import request_of
from data_integration_architect.analysis.system import HandlerSite, System
from data_integration_architect.topology import (
    NONE,
    Append,
)

Origin = Literal["client", "server", "event", "none", "unknown"]
# Whoever is named first makes the ids that are least to be trusted.
_ORIGINS: tuple[Origin, ...] = ("server", "none", "client", "event", "unknown")


def origin_of_flow(system: System, flow: Flow) -> Origin:
    found = {_origin(system, effect.site) for effect in flow.effects}
    return next(origin for origin in _ORIGINS if origin in found)


def _origin(system: System, site: HandlerSite) -> Origin:
    """Who makes the id of the operation that a handler works on."""
    request = request_of(site)
    if request is not None:
        made = request.operation_id
        return made.made_by if made is not None and made.made_by else "unknown"
    if site.captured:
        return "event"
    return _channel_origin(system, site.consumed) if site.consumed else "unknown"


@lru_cache(maxsize=1024)
def _channel_origin(system: System, channel: str) -> Origin:
    """Who made the ids of the records of a channel, found upstream over hops that pass them on."""
    found: set[Origin] = set()
    seen: set[str] = set()
    pending = [channel]
    while pending:
        name = pending.pop()
        if name in seen:
            continue
        seen.add(name)
        element = system.channel(name)
        own = element.event.id if element is not None else None
        if own == NONE:
            found.add("none")
            continue
        keyed = own is not None or any(system.key_of(entity) for entity in system.carried(name))
        appends = system.appends(name)
        if not appends:
            # Events that come in from outside with an id got it from whoever sent them.
            webhook = system.channel_kind(name) == "webhook"
            found.add("client" if own and not webhook else "event" if keyed else "unknown")
        for append in appends:
            operation_id = append.step.operation_id if isinstance(append.step, Append) else None
            if operation_id in {"new", NONE}:
                found.add("server" if operation_id == "new" else "none")
            elif append.site.consumed:
                pending.append(append.site.consumed)
            else:
                before = _origin(system, append.site)
                found.add("event" if before == "unknown" and keyed else before)
    return next((origin for origin in _ORIGINS if origin in found), "unknown")

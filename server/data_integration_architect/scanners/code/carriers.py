"""Objects that a framework carries around, and the calls that put something on them or into a container."""

from __future__ import annotations

from .ir import Expr

# Calls that enter something under a name or a class: containers of Pyramid, awilix, tsyringe, inversify, Fastify,
# Express, Laravel and their like.
REGISTERING_WORDS = """
register registerSingleton registerInstance registerFactory registerService registerClass registerValue
register_service register_service_factory add_request_method decorate decorateRequest bind singleton scoped instance
provide set add_instance add_singleton define_service
"""
REGISTERING = frozenset(REGISTERING_WORDS.split())
# Those of them whose name no other call has.
ENTERING = (
    "register_service_factory",
    "add_request_method",
    "decorate",
    "decorateRequest",
    "registerSingleton",
    "registerInstance",
)
# Objects that a framework carries around, on which code keeps its clients.
CARRIERS_WORDS = """
app application request req res ctx context c g current_app fastify server state locals info global globalThis
extensions container services deps dependencies cradle di ioc
"""
CARRIERS = frozenset(CARRIERS_WORDS.split())


def carrier(e: Expr) -> bool:
    """Whether an expression is an object that a framework carries around, by its last name."""
    while e[0] in ("c", "i", "w", "as"):
        e = e[1]
    return (e[0] == "a" and e[2] in CARRIERS) or (e[0] == "n" and e[1] in CARRIERS)

"""What a version guard compares: the place in commit order, or a number or time that writers draw.

A number that is drawn while its writer holds the row's lock follows the commit order of that row. One that is drawn
before the lock does not: a writer can draw, wait, and commit last. A clock may stand still between two commits
(equal versions), and clocks of several writers may disagree (a later commit with an earlier time).

ATOMIC: drawing under the lock and committing are one step, because no other writer of the row comes between.
Sources: PostgreSQL documentation, 9.9.5 "Current Date/Time" (`now()` is the start of the transaction); Kleppmann,
"Designing Data-Intensive Applications", chapter 8, "Timestamps for ordering events".
"""

from dataclasses import dataclass

from data_integration_architect.modelcheck.effects import Effect
from data_integration_architect.modelcheck.facts import Options
from data_integration_architect.modelcheck.scene import Scene
from data_integration_architect.modelcheck.world import Branch, Value, World
from data_integration_architect.topology import OnRequest, Write, walk_steps
from data_integration_architect.topology.values import seconds

ATOMIC = "reading a clock or a counter is one step"
SEVERAL_CLOCKS = ("producer", "client")
TIE_FROM = 0.001  # seconds: two commits of one row are further apart than a clock finer than this can miss


@dataclass(frozen=True, slots=True)
class Stamps:
    """How drawn versions differ from commit order; `is_early`: drawn before the lock on the record."""

    has_ties: bool = False
    is_skewed: bool = False
    is_early: bool = False


def stamps_of(scene: Scene, options: Options) -> Stamps | None:
    """How the versions in the scene's events are drawn; None where guards compare the commit order itself."""
    if not any(
        _may_guard(step) for place in scene.handlers.values() for _, step in walk_steps(place.handler.steps, ())
    ):
        return None
    found: set[Stamps] = set()
    for name, _ in scene.nodes:
        channel = scene.topology.channels.get(name)
        if channel is None or channel.event.version not in ("timestamp", "sequence"):
            continue
        event, path = channel.event, f"channels.{name}.event"
        get = options.get
        kind = get(f"{path}.version", event.version, safe="commit-position", unsafe=event.version)
        if kind == "commit-position":
            continue
        taken = get(
            f"{path}.version_taken", event.version_taken or "under-lock", safe="under-lock", unsafe="before-lock"
        )
        ties = skewed = False
        if kind == "timestamp":
            clock = get(f"{path}.clock", event.clock, safe="logical", unsafe="producer")
            fine = get(f"{path}.resolution", event.resolution, safe="0.001ms", unsafe="1s")
            ties = clock != "logical" and (seconds(fine) or 0) >= TIE_FROM
            if clock in SEVERAL_CLOCKS and _has_several_writers(scene):
                skewed = get(f"{path}.skew", event.skew, safe="none", unsafe="1s") != "none"
        found.add(Stamps(ties, skewed, taken == "before-lock"))
    if not found:
        return None
    joined = Stamps(
        any(one.has_ties for one in found), any(one.is_skewed for one in found), any(one.is_early for one in found)
    )
    return joined if joined != Stamps() else None


def _may_guard(step: object) -> bool:
    return isinstance(step, Write) and step.guard in (None, "version")


def _has_several_writers(scene: Scene) -> bool:
    writers = [place for place in scene.handlers.values() if isinstance(place.handler.trigger, OnRequest | None)]
    return len(writers) > 1 or any(place.instances > 1 for place in writers)


def declare(world: World, most: int) -> None:
    """Adds the versions that intents draw: even numbers by a right clock, odd ones by a clock that is behind."""
    if world.stamps is None:
        return
    high = 2 * (most + world.writes + 1)
    earlier = 2 if world.has_earlier else 0
    world.m.var("newest_stamp", high, earlier)
    world.m.array("stamp", world.ids + 1, high, last=earlier)


def compared(world: World, intent: str) -> str:
    """What a guard compares for an intent."""
    return f"stamp[{intent}]" if world.stamps is not None else f"version[{intent}]"


def most_compared(world: World, most: int) -> int:
    """The largest value that a guard can store."""
    return 2 * (most + world.writes + 1) if world.stamps is not None else most


def drawn(world: World, value: Value) -> list[Branch]:
    """Ways in which a version is drawn, each with its updates."""
    stamps = world.stamps
    if stamps is None:
        return [Branch()]
    stamp = f"stamp[{value.intent}]"
    found = [Branch("True", (f"{stamp} = newest_stamp + 2", "newest_stamp += 2"), "version {n:newest_stamp + 2}")]
    if stamps.has_ties:
        found.append(Branch("newest_stamp > 0", (f"{stamp} = newest_stamp",), "version {n:newest_stamp}, the same"))
    if stamps.is_skewed:
        behind = (f"{stamp} = newest_stamp - 1",)
        found.append(Branch("newest_stamp > 0", behind, "version {n:newest_stamp - 1}, by a clock that is behind"))
    return found


def at_commit(world: World, value: Value) -> list[Branch]:
    """What a commit of the record adds: the version, unless it was drawn before the lock."""
    if world.stamps is None or (world.stamps.is_early and value.request):
        return [Branch()]
    return drawn(world, value)


def drawn_early(world: World, effects: list[Effect], value: Value) -> list[Effect]:
    """The effects of a request with the version drawn in a step of its own before the one that commits the record."""
    if world.stamps is None or not world.stamps.is_early:
        return effects
    for place, effect in enumerate(effects):
        if world.record in effect.touches:
            draw = Effect("begin, draw a version", effect.target, tuple(drawn(world, value)), ATOMIC)
            return [*effects[:place], draw, *effects[place:]]
    return effects

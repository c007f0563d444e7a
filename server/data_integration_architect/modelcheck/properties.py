"""The named properties, defined once, as conditions on the states of a world.

A property is integrity where it is still violated at rest, and timeliness where it is violated only in between; the
checker decides which by checking both forms. `at_rest` is the form that decides integrity; `always`, where there is
one, is the form that finds what a reader may see in between.
"""

from dataclasses import dataclass

from data_integration_architect.modelcheck.expressions import NotModelledError
from data_integration_architect.modelcheck.mechanisms.commits import in_doubt
from data_integration_architect.modelcheck.mechanisms.partial_rows import part_of
from data_integration_architect.modelcheck.mechanisms.stores import ghost
from data_integration_architect.modelcheck.world import StoreState, World

Parts = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PropertyForms:
    """One property of one target; a form that is empty does not apply.

    `is_permanent`: once `always` is violated it stays so in every extension, so it decides integrity alone.
    `follows_convergence`: the form at rest holds where convergence does, because a store that has what the record has
    holds its newest committed version, or nothing.
    """

    name: str
    at_rest: Parts = ()
    always: Parts = ()
    is_permanent: bool = False
    follows_convergence: bool = False


def record_of(world: World) -> StoreState:
    """The system of record of a model. Raises: NotModelledError, where none is known."""
    if world.record not in world.stores:
        raise NotModelledError(f"no store is known to be right about what {world.scene.target[0]} has")
    return world.stores[world.record]


def convergence(world: World, target: StoreState, *, is_partial: bool) -> PropertyForms:
    """At rest the derived store has what the system of record has; a cache may lack the entry."""
    record = record_of(world)
    same = f"{target.cell} == {record.cell}"
    parts = (f"{part_of(target)} == {part_of(record)}",) if world.has_parts else ()
    return PropertyForms("convergence", (f"{target.cell} == 0 or {same}" if is_partial else same, *parts))


def no_phantom(world: World, target: StoreState) -> PropertyForms:
    """Always: what the derived store has was in the record at some time. At rest: and the record has the key now."""
    present = f"{target.cell} == 0 or {record_of(world).cell} > 0"
    if world.counts:
        return PropertyForms("no-phantom", (present,), (present,))
    known = f"{target.cell} == 0 or version[{target.cell}] > 0"
    return PropertyForms("no-phantom", (known, present), (known,), follows_convergence=True)


def exactly_once(world: World, target: StoreState) -> PropertyForms:
    """At rest an accepted intent has had exactly one effect on the target, and no intent more than one.

    Accepted: the record has it, or, for the record itself and where there is none, its request has been answered.
    """
    is_accepted = world.finished[0]
    if world.record in world.stores and not target.is_record:
        is_accepted = f"{world.stores[world.record].cell} > 0"
    cells = (target.cell, *target.more)
    return PropertyForms(
        "exactly-once-effect", tuple(f"{cell} < 2 and (not ({is_accepted}) or {cell} > 0)" for cell in cells)
    )


def conservation(world: World, targets: list[StoreState]) -> PropertyForms:
    """At rest an intent has had each of its effects on all targets equally often: what left one arrived in the other.

    Per intent, not as a sum over intents: a sum would hide two errors that compensate each other.
    """
    first, *others = (cell for target in targets for cell in (target.cell, *target.more))
    return PropertyForms("conservation", tuple(f"{first} == {other}" for other in others))


def monotonic_view(world: World, target: StoreState) -> PropertyForms:
    """The derived store never shows a version older than one that it has shown: a latch set by such a write."""
    back = f"{ghost(target, 'back')} == 0"
    return PropertyForms("monotonic-view", _newest(world, target), (back,), follows_convergence=True)


def no_stale_overwrite(world: World, target: StoreState) -> PropertyForms:
    """At rest the derived store does not hold a version older than the newest that it ever held."""
    return PropertyForms("no-stale-overwrite", _newest(world, target), follows_convergence=True)


def _newest(world: World, target: StoreState) -> Parts:
    return (f"{target.cell} == 0 or version[{target.cell}] >= {ghost(target, 'top')}",)


def no_in_doubt(world: World) -> PropertyForms:
    """At rest no participant is prepared without knowing the decision."""
    return PropertyForms("no-in-doubt", tuple(f"{variable} == 0" for variable in in_doubt(world)))


STATE_PROPERTIES: tuple[str, ...] = ("convergence", "no-phantom", "no-stale-overwrite", "monotonic-view")
EFFECT_PROPERTIES: tuple[str, ...] = ("exactly-once-effect", "no-phantom")
PROPERTIES: tuple[str, ...] = (
    "convergence", "no-phantom", "exactly-once-effect", "conservation", "no-stale-overwrite", "monotonic-view",
    "causal-order", "uniqueness", "non-negative", "no-dangling", "no-in-doubt", "read-your-writes",
    "fresh-read",
)  # fmt: skip

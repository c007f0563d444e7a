"""How a consumer takes records: the options of its trigger, answered once."""

from dataclasses import dataclass

from data_integration_architect.analysis.channel_kinds import is_pushed_once
from data_integration_architect.catalog import load_catalog
from data_integration_architect.modelcheck.mechanisms.deduplication import is_by_position
from data_integration_architect.modelcheck.scene import Place, dead_letter_of
from data_integration_architect.modelcheck.world import World
from data_integration_architect.topology import Append, OnConsume, walk_steps


@dataclass(frozen=True, slots=True)
class Delivery:
    """How a consumer takes records, after all options are answered."""

    acknowledge: str
    workers: int
    is_exclusive: bool
    has_zombies: bool
    dead_letter: str | None
    fails: str
    parks: bool
    forgets_parked: bool = False
    is_conditional: bool = False


def delivery_of(world: World, place: Place, *, is_queue: bool) -> Delivery:
    """The options of a consuming handler."""
    trigger = place.handler.trigger
    if not isinstance(trigger, OnConsume):
        return Delivery("after", 1, True, False, None, "", False)
    path = f"{place.path}.trigger"
    get = world.options.get
    channel = world.topology.channels[trigger.consume]
    dedup = place.handler.dedup
    is_one_step = is_transactional(world, place)
    if dedup is not None and is_by_position(place):
        is_one_step = get(f"{place.path}.dedup.atomic", dedup.atomic, safe=True, unsafe=False)
    acknowledge: str = get(
        f"{path}.acknowledge",
        trigger.acknowledge or ("with-effect" if is_one_step else None),
        safe="after",
        unsafe="after",
    )
    sent = channel.delivery or ("at-most-once" if is_pushed_once(channel, load_catalog()) else None)
    sent = get(f"channels.{trigger.consume}.delivery", sent, safe="at-least-once", unsafe="at-least-once")
    if sent == "at-most-once":
        acknowledge = "before"
    workers = trigger.workers if trigger.workers != "many" else 2
    if workers is None and channel.order is None and _is_job_broker(channel.technology):
        workers = 2  # its workers start several jobs at once unless told otherwise
    # rows that are locked one by one, and keys that go to several workers, tell of workers that nobody counted
    is_shared = workers is None and (trigger.claim == "skip-locked" or trigger.same_key_same_worker is False)
    is_several = is_shared or (workers or 1) > 1
    takes_turns = is_queue and place.instances > 1 and trigger.cursor in (None, "offset")
    routed = trigger.same_key_same_worker
    if routed is None and takes_turns:
        routed = False  # a queue hands each record to whoever is free unless somebody routes by key
    same_worker = get(f"{path}.same_key_same_worker", routed, safe=True, unsafe=not is_several)
    same_worker = same_worker or channel.order == "per-group"  # such a broker gives a group to one consumer at a time
    parallel = is_several and not same_worker
    is_exclusive = True
    has_zombies = False
    if place.instances > 1:
        if trigger.cursor is not None and trigger.cursor != "offset":
            claim = get(f"{path}.claim", trigger.claim, safe="lock", unsafe="none")
            parallel = parallel or claim != "lock"
            is_exclusive = claim != "none"
        elif is_queue:
            parallel = parallel or not same_worker
        elif not get(f"{path}.stops_on_rebalance", trigger.stops_on_rebalance, safe=True, unsafe=False):
            has_zombies = True
    is_conditional = False
    if has_zombies and acknowledge == "with-effect":
        update = get(f"{path}.offset_update", trigger.offset_update, safe="conditional", unsafe="unconditional")
        is_conditional = update == "conditional"
    fails, dead_letter = _failure(world, place)
    # who lets the later records of a key wait says so; a plain retry topic does not
    known = trigger.parks_key or False
    parks = dead_letter is not None and get(parks_path(place), known, safe=True, unsafe=False)
    return Delivery(
        acknowledge,
        min(2, world.bounds.instances) if parallel else 1,
        is_exclusive,
        has_zombies,
        dead_letter,
        fails,
        parks,
        parks and trigger.parked_in is None,
        is_conditional,
    )


def parks_path(place: Place) -> str:
    """The option by which the later records of a key follow one that failed."""
    return f"{place.path}.trigger.parks_key"


def may_share_records(place: Place) -> bool:
    """Whether instances without a claim may each take the same record."""
    trigger = place.handler.trigger
    if not isinstance(trigger, OnConsume) or trigger.cursor in (None, "offset"):
        return False
    return place.instances > 1 and trigger.claim in (None, "none")


def _is_job_broker(technology: str | None) -> bool:
    """Whether the product hands out jobs without any order."""
    head = load_catalog().technology(technology)
    return head is not None and head.ordering == "none"


def is_transactional(world: World, place: Place) -> bool:
    """Whether the handler appends all its results and its position in one transaction of the broker.

    Source: Apache Kafka documentation, "Message delivery semantics", on transactions of read, process and write.
    """
    steps = [step for _, step in walk_steps(place.handler.steps, ()) if world.scene.keeps(step)]
    return bool(steps) and all(isinstance(step, Append) and step.guard == "transaction" for step in steps)


def _failure(world: World, place: Place) -> tuple[str, str | None]:
    """What happens to a record that cannot be handled: words (empty = the handler waits), and where the record goes."""
    for path, step in walk_steps(place.handler.steps, ()):
        if not world.scene.keeps(step):
            continue
        retry = step.retry.then if step.retry is not None else None
        channel = dead_letter_of(world.topology, place, step)
        if channel is not None and retry is None:
            retry = "dead-letter"
        if retry is None:
            continue
        where = f"{place.path}.steps.{'.'.join(map(str, path))}.retry.then"
        then = world.options.get(where, retry, safe="block", unsafe=retry)
        if then == "dead-letter":
            # what becomes of a record that waits in a dead letter which no handler reads is unsaid
            if channel not in world.channels and world.options.get(
                f"{where}.handled_by_people", None, safe=True, unsafe=False
            ):
                return "", None
            return "fails, goes to the dead-letter channel", channel if channel in world.channels else "?"
        if then == "ignore":
            return "fails and is skipped", None
    return "", None

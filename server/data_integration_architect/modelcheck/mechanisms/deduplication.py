"""Deduplication: a set of remembered operation ids in front of a handler's effects.

With `atomic: true`, check, effect and remembering are one transaction; without it the check comes first and the id is
remembered after the effect, so a crash between repeats the effect. An id is a record code: two operations share one
where the id is a hash of their content. A replica that is asked, or the memory of another instance, may not know an id;
neither does the memory of another partition, nor a memory whose keys also name the side of the operation.
"""

from dataclasses import replace

from data_integration_architect.modelcheck.effects import Effect
from data_integration_architect.modelcheck.facts import Options
from data_integration_architect.modelcheck.mechanisms import identities
from data_integration_architect.modelcheck.mechanisms.replicas import is_fresh
from data_integration_architect.modelcheck.scene import Place, Scene, dead_letters_of
from data_integration_architect.modelcheck.world import Branch, Value, World
from data_integration_architect.topology import Call, OnConsume, OnRequest, Write, walk_steps
from data_integration_architect.topology.values import seconds

COORDINATOR = "coordinator"
ATOMIC = "check, effect and remembering the id are one transaction"


class Deduplication:
    """The memory in front of one handler."""

    def __init__(self, world: World, place: Place, log: str = "") -> None:
        self.world = world
        self.place = place
        self.seen: str | None = None
        dedup = place.handler.dedup
        get = world.options.get
        path = f"{place.path}.dedup"
        # what stands for "recognised" is the presence of an id; state that is replaced needs none
        known = None if dedup is None else str(dedup.by) if dedup.by is not None else None
        steps = [step for _, step in walk_steps(place.handler.steps, ()) if world.scene.keeps(step)]
        has_effects = any(isinstance(step, Write | Call) for step in steps)
        if (not has_effects or _is_request(place)) and dedup is None:
            known = "none"  # who neither counts nor claims to remember is not asked
        # where ids can be equal, remembering them swallows what was meant: then neither end is safer
        self.is_ambiguous = has_equal_ids(world.scene, world.options)
        by = get(f"{path}.by", known, safe="operation id", unsafe="none", is_ordered=not self.is_ambiguous)
        if not world.counts or by == "none" or is_by_position(place):
            return
        self.is_atomic = get(f"{path}.atomic", dedup.atomic if dedup else None, safe=True, unsafe=False)
        shared = _shares_memory(world, place)
        # a key of several fields tells the sides of one operation apart
        is_composite = dedup is not None and isinstance(dedup.by, tuple) and len(dedup.by) > 1
        unsafe = "global" if shared and not is_composite else "per-target"
        scope = get(f"{path}.scope", dedup.scope if dedup else None, safe="per-target", unsafe=unsafe)
        replica = get(f"{path}.read_from", dedup.read_from if dedup else None, safe="", unsafe="")
        is_elsewhere = bool(replica) and replica != (dedup.in_ if dedup else None)
        self.may_not_know = scope == "per-instance" or (is_elsewhere and not is_fresh(world, replica))
        store = dedup.in_ if dedup is not None and dedup.in_ is not None else place.label
        consumed = place.handler.trigger.consume if isinstance(place.handler.trigger, OnConsume) else ""
        tells_apart = (is_composite and not self.is_ambiguous) or identities.has_own_ids(
            world, consumed, dedup.by if dedup is not None else None
        )
        key = f"seen:{store}" if scope == "global" and not tells_apart else f"seen:{store}:{place.label}"
        key += f":{log}" if scope == "per-partition" else ""
        self.by_content = dedup is not None and _is_by_content(world, place, dedup.by)
        if key not in world.shared:
            world.shared[key] = world.m.array(world.fresh("seen"), world.code_high + 1, 1)
            self._add_forgetting(world.shared[key])
        self.seen = world.shared[key]

    def _add_forgetting(self, seen: str) -> None:
        """An id that is remembered for a shorter time than its record can come again is forgotten in between."""
        world, place = self.world, self.place
        dedup, trigger = place.handler.dedup, place.handler.trigger
        window = seconds(dedup.window) if dedup is not None else None
        memory = world.topology.stores.get(dedup.in_ or "") if dedup is not None else None
        if memory is not None and memory.durability == "volatile":
            path = f"stores.{dedup.in_ if dedup is not None else ''}.durability"
            if world.options.get(path, memory.durability, safe="durable", unsafe="volatile") == "volatile":
                self._forget(
                    seen, f"{dedup.in_ if dedup is not None else ''} restarts and has forgotten the id of {{w:1}}"
                )
        if window is None or window == float("inf"):
            return
        source = trigger.consume if isinstance(trigger, OnConsume) else None
        channel = world.topology.channels.get(source or "")
        kept = seconds(channel.retention) if channel is not None else None
        # who is away for so long asks for its last records again when it is back
        kept = seconds(world.topology.context.longest_outage) if kept is None and channel is not None else kept
        letters = self._waiting_longer(source, window)
        if kept is None and not letters:
            world.not_modelled.add(f"{place.label}: ids that it forgets")
        if (kept or 0) <= window and not letters:
            return
        path = f"{place.path}.dedup.window"
        known = dedup.window if dedup is not None else None
        if world.options.get(path, known, safe="forever", unsafe="1h") == "forever":
            return
        if (kept or 0) > window:
            self._forget(seen, "the id of {w:1} is forgotten, while its record can still come again")
        for name in letters:
            waits = " or ".join(f"len({log}) > 0" for log in world.channels[name].logs)
            self._forget(seen, f"the id of {{w:1}} is forgotten, while its record waits in {name}", waits)

    def _waiting_longer(self, source: str | None, window: float) -> list[str]:
        """Dead-letter channels of the handler's own that are replayed and keep records for longer than it knows ids:
        nobody fails where a record waits there for as long as it may.
        """
        scene, topology = self.world.scene, self.world.topology
        if source is None or source not in topology.channels:
            return []
        read = {p.handler.trigger.consume for p in scene.handlers.values() if isinstance(p.handler.trigger, OnConsume)}
        letters = sorted(dead_letters_of(topology, source) & read & set(self.world.channels))
        return [name for name in letters if (seconds(topology.channels[name].retention) or 0) > window]

    def _forget(self, seen: str, words: str, waits: str = "True") -> None:
        """A step that loses the id; an outage, unless the record waits on its own account."""
        self.world.act(
            "forget",
            [f"{seen}[1] == 1", waits],
            [f"{seen}[1] = 0"],
            actor=self.place.label,
            kind="fault" if waits == "True" else "optional",
            source=self.place.process,
            text=words,
            atomic="the memory deletes an old id in one statement",
        )

    def _memory_of(self, value: Value) -> tuple[str, str]:
        """Whether the id of a record is known, and the update that remembers it."""
        ids = self.world.ids
        code = f"({value.code} if {value.code} <= {ids} else {value.code} - {ids})"
        index = "1" if self.is_ambiguous else code if self.by_content else value.code
        known = f"{self.seen}[{index}]"
        if self.is_ambiguous:
            return known, f"{known} = 1"
        # ids of other intents are not remembered: nobody counts their effects
        if value.is_tracked == "False":
            return known, f"{known} = 0"
        return known, f"{known} = 1 if {value.is_tracked} else {known}"

    def _own_participant(self, effects: list[Effect]) -> Effect | None:
        """The commit of a distributed transaction in the store that remembers ids; None where there is no such one."""
        dedup = self.place.handler.dedup
        store = dedup.in_ if dedup is not None else None
        if not any(effect.target == COORDINATOR for effect in effects):
            return None
        return next((effect for effect in reversed(effects) if effect.target == store), None)

    def remembering(self, effect: Effect, value: Value) -> Effect:
        """The effect with the id remembered in the same transaction, where it takes effect in the store of ids."""
        dedup = self.place.handler.dedup
        if self.seen is None or not self.is_atomic or dedup is None or effect.target != dedup.in_:
            return effect
        _, remember = self._memory_of(value)
        branches = tuple(Branch("True", (remember,)).merged(branch) for branch in effect.branches)
        return replace(effect, branches=branches, atomic=ATOMIC)

    def around(self, effects: list[Effect], value: Value) -> list[Effect]:
        """The effects behind the check."""
        if self.seen is None or not effects:
            return effects
        known, remember = self._memory_of(value)
        skip = Branch(f"{known} == 1", (), "id already handled", skips=len(effects) - 1)
        passing = "True" if self.may_not_know else f"{known} == 0"
        if self.is_atomic and len(effects) == 1:
            first = effects[0]
            done = [Branch(passing, (remember,)).merged(branch) for branch in first.branches]
            return [Effect(first.text, first.target, (*done, skip), ATOMIC)]
        check = Effect(
            f"look up the id of {value.label}",
            self.place.process,
            (
                Branch(passing, (), "not known"),
                Branch(f"{known} == 1", (), "already handled", skips=len(effects) + 1),
            ),
            "one read",
        )
        mark = Effect(
            f"remember the id of {value.label}", self.place.process, (Branch("True", (remember,)),), "one write"
        )
        if self.is_atomic and (own := self._own_participant(effects)) is not None:
            # the id is a row of the participant that keeps it, committed with that participant's part
            return [check, *(self.remembering(effect, value) if effect is own else effect for effect in effects)]
        if self.is_atomic:
            return [
                check,
                *(_remembering(effect, len(effects) - place, remember) for place, effect in enumerate(effects)),
            ]
        return [check, *effects, mark]


def _remembering(effect: Effect, left: int, remember: str) -> Effect:
    """The effect with the id remembered by every branch that ends the handler; `left` counts it and those after it."""
    end = Branch("True", (remember,))
    branches = [end.merged(branch) if 1 + branch.skips >= left else branch for branch in effect.branches]
    if branches == list(effect.branches):
        return effect
    return replace(effect, branches=tuple(branches), atomic=ATOMIC)


def _is_by_content(world: World, place: Place, by: object) -> bool:
    """Whether what is remembered is the key of the record, so that ids which handlers make do not matter."""
    trigger = place.handler.trigger
    if world.retry_ids or not world.new_ids or not isinstance(trigger, OnConsume):
        return False
    fields = set(_fields(by))
    known = [world.topology.entities.get((entity or "").split(".")[0]) for _, entity in world.scene.nodes]
    keys = {field for entity in known if entity is not None for field in (*_fields(entity.key), *entity.natural_key)}
    return bool(fields) and fields <= keys and world.topology.channels[trigger.consume].event.id not in fields


def _fields(key: object) -> tuple[str, ...]:
    return (key,) if isinstance(key, str) else key if isinstance(key, tuple) else ()


def is_by_position(place: Place) -> bool:
    """Whether what is remembered is the position of the record: it knows redeliveries, not records appended twice."""
    dedup = place.handler.dedup
    return dedup is not None and dedup.by in ("offset", "position")


def _is_request(place: Place) -> bool:
    return place.handler.trigger is None or isinstance(place.handler.trigger, OnRequest)


def _shares_memory(world: World, place: Place) -> bool:
    """Whether another handler of the scene remembers ids in the same store."""
    own = place.handler.dedup
    others = [other.handler.dedup for other in world.scene.handlers.values() if other.label != place.label]
    return own is not None and any(dedup is not None and dedup.in_ == own.in_ is not None for dedup in others)


def has_equal_ids(scene: Scene, options: Options) -> bool:
    """Whether two different intents may carry the same id, as with a hash of their content."""
    found = False
    for place in scene.handlers.values():
        dedup = place.handler.dedup
        if dedup is not None:
            path = f"{place.path}.dedup.distinguishes"
            known = True if dedup.distinguishes is None else dedup.distinguishes
            found |= not options.get(path, known, safe=True, unsafe=False)
        trigger = place.handler.trigger
        if isinstance(trigger, OnRequest) and trigger.request.operation_id is not None:
            built = trigger.request.operation_id.built_from or "random"
            path = f"{place.path}.trigger.request.operation_id.built_from"
            found |= options.get(path, built, safe="random", unsafe="content-hash") == "content-hash"
    return found

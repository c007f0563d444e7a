"""Dual writes: which functions own a path on which two systems are written."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

from ..facts import CodeEffect, Confidence, DualWrite, safe_name
from .effects import STATEFUL, Effect, compatible
from .ir import Function
from .manifests import folder_of
from .program import Program
from .technologies import Technologies

RELAY = re.compile(r"out_?box|relay|event_?log|event_?publication|unpublished|pending_?events", re.IGNORECASE)
# Classes of rows that are messages to be sent: `OrderEventEntity`, `StoredMessage`.
MESSAGE_ROW = re.compile(r"(?:Event|Message|Notification)(?:s|Entity|Record|Row|Model|Document|Entry|Po|Do)?$")
# Types of what a relay is handed row by row, told from the repository or service that keeps the rows.
STORED_ROW = re.compile(r"(?:Entry|Message|Event|Record|Row|Entity|Model|Document|Item|Box|Log|Publication)s?$")
TYPE_WORD = re.compile(r"\w+")
SENDS = frozenset({"publish", "enqueue"})
# What puts the messages of a request into the database until it commits, and the library of what sends them so.
# Source: https://masstransit.io/documentation/configuration/middleware/outbox
BUS_OUTBOX = "UseBusOutbox"
SCOPED_BUS = "masstransit-scoped"
MARKS = frozenset({"write", "flush", "outbox"})
# A function that starts a program calls everything in turn; its callees are the paths.
STARTERS = frozenset({"main", "Main", "<module>", "bootstrap", "run_server", "start_server", "createApp", "create_app"})
# How far below the function the nearer of the two effects may lie.
NEAR = 3


@lru_cache(maxsize=100_000)
def speaks_of_relay(word: str) -> bool:
    """Whether a name is that of an outbox or of what empties one."""
    return RELAY.search(word) is not None


def taken(function: Function) -> list[str]:
    """Names of what a function is given and of what its loops take one by one."""
    loops = [stmt for stmt in function.body if stmt[0] == "l"]
    inner = [stmt for outer in function.body if outer[0] in ("y", "u") for stmt in outer[1] if stmt and stmt[0] == "l"]
    targets = [target for stmt in (*loops, *inner) for target in stmt[1]]
    rows = [word for p in function.params for word in TYPE_WORD.findall(p.type) if STORED_ROW.search(word)]
    return [p.name for p in function.params] + [t[1] for t in targets if t and t[0] == "n"] + rows


class Conclusions:
    """Turns the effects of one function into findings."""

    def __init__(self, program: Program, technologies: Technologies, alternatives: set[int]) -> None:
        self.program = program
        self.technologies = technologies
        self.alternatives = alternatives
        self._outboxes: list[str] | None = None

    def bus_outboxes(self) -> list[str]:
        """Beginnings of the paths of services whose bus keeps messages in the database until the commit.

        A project is `Ordering.API`, the others of its service are `Ordering.*` beside it.
        """
        if self._outboxes is None:
            folders = {m.folder for m in self.program.by_manifest if m.ecosystem == "nuget"}
            found: set[str] = set()
            for number, function in enumerate(self.program.functions):
                if BUS_OUTBOX in function.calls:
                    project = folder_of(self.program.path_of(number))
                    while project and project not in folders:
                        project = folder_of(project)
                    parent, _, title = project.rpartition("/")
                    stem = title.rpartition(".")[0]
                    found.add(f"{parent}/{stem}".lstrip("/") if stem else f"{parent}/".lstrip("/"))
            self._outboxes = sorted(found)
        return self._outboxes

    def boxed(self, number: int, effect: Effect) -> bool:
        """Whether a message goes to the outbox of the bus: by what is made for one request, not by the bus itself."""
        if effect.kind not in SENDS or effect.library != SCOPED_BUS:
            return False
        path = self.program.path_of(number)
        return any(path.startswith(beginning) for beginning in self.bus_outboxes())

    def technology(self, effect: Effect) -> str:
        return self.technologies.resolve(effect.technology, self.program.path_of(effect.function))

    def system(self, effect: Effect) -> str:
        """What counts as one system: relational stores of one service, a queue and the store that backs it."""
        return self.technologies.system(effect.technology, self.program.path_of(effect.function))

    def dual_write(self, number: int, name: str, effects: Sequence[Effect]) -> DualWrite | None:
        """The finding of a function, `None` if it has none of its own."""
        acting = [e for e in effects if (e.kind in STATEFUL or e.kind == "invalidate") and "fill" not in e.flags]
        acting = [e for e in acting if not self.boxed(number, e)]
        systems = [self.system(e) for e in acting]
        if len(set(systems) - {""}) < 2:
            return None
        chosen: dict[int, Effect] = {}
        low: dict[int, Effect] = {}
        starter = name.rsplit(".", 1)[-1] in STARTERS
        whole = self.whole_callees(acting, systems)
        carried = self.carried(acting, systems)
        for i, one in enumerate(acting):
            for j in range(i + 1, len(acting)):
                other = acting[j]
                if systems[i] == systems[j] or not systems[i] or not systems[j] or not compatible(one, other):
                    continue
                if self.one_service(systems[i], systems[j]):
                    continue
                if not self.owned(one, other, starter, whole) or self.configured(one, other, acting, systems):
                    continue
                if systems[j] in carried.get(i, ()) or systems[i] in carried.get(j, ()):
                    continue
                evicts = {one.kind, other.kind} & {"invalidate"}
                if evicts and one.kind == other.kind:
                    continue
                if not evicts and (
                    self.relays(number, one, other, acting) or self.empties(acting, effects, one, other)
                ):
                    continue
                target = low if evicts else chosen
                target[i], target[j] = one, other
        picked = chosen or low
        if not picked:
            return None
        return self.finding(
            number, name, [picked[at] for at in sorted(picked)], "dual_write" if chosen else "cache_invalidation"
        )

    def carried(self, effects: Sequence[Effect], systems: Sequence[str]) -> dict[int, set[str]]:
        """Sends of rows that were stored before, by a callee that marks them, and the systems that hold the rows.

        What is written beside such a row has its outbox, even where the row is sent on at once.
        """
        rows = [at for at, e in enumerate(effects) if e.kind in ("write", "outbox") and self.marks_rows(e)]
        found: dict[int, set[str]] = {}
        for at, send in enumerate(effects) if rows else ():
            if send.kind in SENDS and send.origin >= 0:
                before = [
                    r for r in rows if r < at and effects[r].origin != send.origin and compatible(effects[r], send)
                ]
                marked = {effects[r].entity for r in rows if effects[r].origin == send.origin}
                found[at] = {systems[r] for r in before if effects[r].entity in marked}
        return found

    def one_service(self, one: str, other: str) -> bool:
        """Whether two systems are parts of one messaging service."""
        services = self.program.clients.services
        return one in services and services[one] == services.get(other)

    @staticmethod
    def whole_callees(effects: Sequence[Effect], systems: Sequence[str]) -> set[tuple[int, frozenset[str]]]:
        """Callees with the pairs of systems that they write themselves, hooks left out: they have own findings."""
        found: set[tuple[int, frozenset[str]]] = set()
        acting = [
            (effect, system)
            for effect, system in zip(effects, systems, strict=True)
            if effect.origin >= 0 and system and effect.kind != "invalidate" and "hook" not in effect.flags
        ]
        for i, (one, system) in enumerate(acting):
            for other, second in acting[i + 1 :]:
                if one.origin == other.origin and system != second and compatible(one, other):
                    found.add((one.origin, frozenset((system, second))))
        return found

    def owned(self, one: Effect, other: Effect, starter: bool, whole: set[tuple[int, frozenset[str]]]) -> bool:
        """Whether the two meet in this function, not already in a callee that has both."""
        if one.origin >= 0 and other.origin >= 0 and whole:
            pair = frozenset((self.system(one), self.system(other)))
            if (one.origin, pair) in whole and (other.origin, pair) in whole:
                return False
        if one.origin >= 0 and one.origin == other.origin:
            return False
        if starter and one.origin >= 0 and other.origin >= 0:
            return False
        return min(one.depth, other.depth) <= NEAR

    def configured(self, one: Effect, other: Effect, effects: Sequence[Effect], systems: Sequence[str]) -> bool:
        """Whether another implementer of the same call would write the system of the first effect as well.

        Then the pair is a choice of configuration: a deployment takes the implementer that fits its store.
        """
        for here, there in ((one, other), (other, one)):
            own, kept = self.system(there), self.system(here)
            for node, arm in here.context:
                if node in self.alternatives:
                    written: dict[object, set[str]] = {}
                    for effect, system in zip(effects, systems, strict=True):
                        for n, a in effect.context:
                            if n == node and a != arm:
                                written.setdefault(a, set()).add(system)
                    # an implementer that writes both wraps another one: a repository with a cache
                    if any(own in found and kept not in found for found in written.values()):
                        return True
        return False

    def relays(self, number: int, one: Effect, other: Effect, effects: Sequence[Effect]) -> bool:
        """Whether this is the relay of an outbox: it publishes stored rows and marks them."""
        sends = [e for e in (one, other) if e.kind in SENDS]
        marks = [e for e in (one, other) if e.kind in MARKS]
        if not sends or not marks:
            return False
        if self.is_relay(number) or any(self.sends_rows(e) for e in sends):
            return True
        mark = marks[0]
        return self.marks_rows(mark) or (mark.kind == "flush" and self.saves_rows(mark, effects))

    def saves_rows(self, flush: Effect, effects: Sequence[Effect]) -> bool:
        """Whether all that a flush saves are rows of an outbox."""
        saved = [e for e in effects if e.kind == "write" and e.origin == flush.origin and compatible(e, flush)]
        return bool(saved) and all(self.marks_rows(e) for e in saved)

    def empties(self, acting: Sequence[Effect], effects: Sequence[Effect], one: Effect, other: Effect) -> bool:
        """Whether rows that stand for messages are read, sent one by one, and then marked: an outbox by any name."""
        send, mark = (one, other) if one.kind in SENDS else (other, one)
        if send.kind not in SENDS or mark.kind not in MARKS or mark.entity is None or "loop" not in mark.flags:
            return False
        if MESSAGE_ROW.search(self.program.classes[mark.entity].name) is None or "loop" not in send.flags:
            return False
        reads = any(e.kind == "read" and e.entity == mark.entity for e in effects)
        return reads and acting.index(send) < acting.index(mark)

    def is_relay(self, number: int) -> bool:
        """Whether a function or its class is called after an outbox."""
        owner, function = self.program.owner.get(number), self.program.functions[number]
        title = self.program.classes[owner].name if owner is not None else ""
        return any(speaks_of_relay(word) for word in (title, function.name, *taken(function)))

    def marks_rows(self, mark: Effect) -> bool:
        """Whether what is written, or the class that keeps it, is called after an outbox."""
        entity = self.program.classes[mark.entity].name if mark.entity is not None else ""
        keeper = self.program.owner.get(mark.function)
        store = self.program.classes[keeper].name if keeper is not None else ""
        return any(speaks_of_relay(word) for word in (mark.name, entity, store))

    def sends_rows(self, send: Effect) -> bool:
        """Whether a helper on the way is: `processOutbox` sends the row that its caller then marks."""
        functions = self.program.functions
        return any(speaks_of_relay(functions[at].name) for at in (send.origin, send.function) if at >= 0)

    def relayed(self, number: int, effects: Sequence[Effect]) -> list[Effect]:
        """`effects` with those sends flagged that carry on rows that are stored already."""
        marks = [(mark, self.marks_rows(mark)) for mark in effects if mark.kind in MARKS]
        relay = self.is_relay(number)
        made = []
        for effect in effects:
            if marks and effect.kind in SENDS:
                telling = relay or self.sends_rows(effect)
                if any((telling or tells) and compatible(effect, mark) for mark, tells in marks):
                    effect = effect._replace(flags=effect.flags | {"relay"})
            made.append(effect)
        return made

    def hooked(self, number: int, name: str, library: str, effects: Sequence[Effect], after: bool) -> DualWrite | None:
        """The finding of a function that runs whenever a library writes; that write is the first half."""
        technology = self.program.clients.technology.get(library, "")
        line = self.program.functions[number].line
        flags = frozenset({"hook"} | ({"after_commit"} if after else set()))
        cause = Effect("write", technology, "", None, number, line, line, (), 0, flags, 0, -1, True, library)
        others = [
            e
            for e in effects
            if e.kind in STATEFUL
            and "fill" not in e.flags
            and self.system(e) not in ("", self.system(cause))
            and e.depth <= NEAR
        ]
        return self.finding(number, name, [cause, *others], "dual_write") if others else None

    def finding(self, number: int, name: str, effects: Sequence[Effect], class_: str) -> DualWrite:
        function = self.program.functions[number]
        facts = tuple(self.effect(e) for e in effects)
        systems = tuple(dict.fromkeys(f.technology for f in facts))
        confidence: Confidence = "seen" if all(e.seen for e in effects) else "inferred"
        return DualWrite(
            self.program.path_of(number),
            name,
            function.line,
            max(function.line, *(e.at for e in effects)),
            systems,
            class_,
            kind_of(effects),
            order_of(effects),
            confidence,
            facts,
            reason_of(facts),
        )

    def effect(self, effect: Effect) -> CodeEffect:
        """An internal effect as a fact."""
        entity = self.program.classes[effect.entity].name if effect.entity is not None else ""
        via = tuple(sorted(effect.flags & {"helper", "interface", "hook", "event", "after_commit", "guessed", "relay"}))
        return CodeEffect(
            effect.kind,
            self.technology(effect),
            safe_name(effect.name),
            safe_name(entity),
            self.program.path_of(effect.function),
            effect.line,
            effect.at,
            effect.transaction,
            "loop" in effect.flags,
            bool(effect.context),
            "awaited" in effect.flags,
            "parallel" in effect.flags,
            "on_error" in effect.flags,
            via,
            "seen" if effect.seen else "inferred",
        )


def reason_of(facts: Sequence[CodeEffect]) -> str:
    """Why a finding is as sure as it is: how its effects were recognised and how the function reaches them."""
    guessed = [fact for fact in facts if fact.confidence == "inferred"]
    ways = {
        "interface": "an implementation of the interface that is called",
        "hook": "a hook that the framework runs",
        "event": "a listener of an event that is sent",
        "after_commit": "what runs after the commit",
    }
    reached = [text for way, text in ways.items() if any(way in fact.via for fact in facts)]
    through = f"; reached through {', '.join(reached)}" if reached else ""
    if not guessed:
        return f"each is the call of a client library of a known type{through}"
    names = ", ".join(dict.fromkeys(f"{fact.technology} at {fact.path}:{fact.line}" for fact in guessed))
    return f"recognised by the name of the receiver only: {names}{through}"


def kind_of(effects: Sequence[Effect]) -> str:
    """How the second write comes about, the least visible way first."""
    flags = frozenset().union(*(e.flags for e in effects))
    for flag, kind in (
        ("after_commit", "post_commit"),
        ("hook", "hook"),
        ("event", "hook"),
        ("interface", "interface"),
    ):
        if flag in flags:
            return kind
    return "helper" if any(e.depth for e in effects) else "direct"


def order_of(effects: Sequence[Effect]) -> str:
    """Position of the last write of another system to the transaction of a store's write."""
    stores = [e for e in effects if e.kind in ("write", "flush", "outbox")]
    others = [e for e in effects if e.kind in ("publish", "enqueue", "cache_set", "invalidate")] or stores[1:]
    if any("after_commit" in e.flags for e in others):
        return "after-commit"
    open_ones = {e.transaction for e in stores if e.transaction}
    if any(e.transaction in open_ones for e in others if e.transaction):
        return "inside-transaction"
    if not stores or not others:
        return "no-transaction"
    flushed = [effects.index(e) for e in stores if e.kind == "flush"]
    if flushed and effects.index(others[-1]) < max(flushed):
        return "before-commit"
    if open_ones or flushed:
        return "after-commit" if effects.index(others[-1]) > effects.index(stores[0]) else "before-commit"
    return "no-transaction"

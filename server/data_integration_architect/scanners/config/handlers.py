"""Effects of source code to handlers: what each function does, in program order, on the stores of the inventory."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from data_integration_architect.redact import clean_name
from data_integration_architect.scanners.config.channels import Flows, broker_of
from data_integration_architect.scanners.config.configfacts import fact
from data_integration_architect.scanners.config.connect import Link
from data_integration_architect.scanners.config.entities import TableEntry, Tables
from data_integration_architect.scanners.config.inventory import COMPATIBLE, Inventory, Program
from data_integration_architect.scanners.config.places import is_test, plain
from data_integration_architect.scanners.config.technologies import BY_NAME, technology_named
from data_integration_architect.scanners.facts import CodeEffect, CodeFunction

MOST_HANDLERS = 300
MOST_STEPS = 100
# Effects without state of their own; the code readers report them, the topology has no place for them.
_STATELESS = frozenset({"http", "email", "metrics", "local-cache", "in-process"})
COMPUTED = re.compile(r"[${}%<>]")
_CHANGING = frozenset({"write", "flush", "publish", "enqueue", "cache_set", "invalidate", "outbox"})


def add(
    functions: Sequence[CodeFunction], things: Inventory, links: Sequence[Link], flows: Flows, tables: Tables
) -> None:
    """Adds a handler for each function that changes something and is not only a part of another one.

    Misses: what starts the function (its trigger stays unknown), functions beyond MOST_HANDLERS and steps
    beyond MOST_STEPS.
    """
    acting = [
        f for f in functions if not f.is_test and not is_test(f.path) and any(e.kind in _CHANGING for e in f.effects)
    ]
    builder = _Builder(things, links, flows, tables)
    for function in _outermost(acting)[:MOST_HANDLERS]:
        builder.add(function)


def _outermost(functions: Sequence[CodeFunction]) -> list[CodeFunction]:
    """Functions whose effects are not all among those of another: a helper's effects appear in its callers too."""
    places = {id(f): {(e.path, e.line, e.kind) for e in f.effects if e.kind in _CHANGING} for f in functions}
    holders: dict[tuple[str, int, str], list[CodeFunction]] = {}
    for function in functions:
        for place in places[id(function)]:
            holders.setdefault(place, []).append(function)
    kept = []
    done: set[frozenset[tuple[str, int, str]]] = set()
    # Of functions with the same effects, the one that holds most of them itself speaks for all.
    for function in sorted(
        functions, key=lambda f: (-sum(e.path == f.path for e in f.effects), f.path, f.line, f.name)
    ):
        own = places[id(function)]
        if frozenset(own) in done:
            continue
        done.add(frozenset(own))
        rivals = holders[min(own)]
        if not any(other is not function and own < places[id(other)] for other in rivals):
            kept.append(function)
    return sorted(kept, key=lambda f: (f.path, f.line, f.name))


def _name_entities(steps: Sequence[dict[str, Any]]) -> None:
    """Gives a change whose entity code does not show that of the change before it, else after it.

    What one function writes to a store and then sends to another one is the same thing far more often than not; the
    note says that it is concluded.
    """
    changes = [step for step in _flat(steps) if step.keys() & {"write", "append", "invalidate"}]
    named = [step.get("entity") for step in changes]
    for index, step in enumerate(changes):
        near = [name for name in (*named[:index][::-1], *named[index + 1 :]) if name]
        if named[index] is None and near:
            step["entity"] = near[0]
            step.setdefault("note", "inferred: the entity that is changed beside it")
            step["evidence"] = step.pop("evidence")


def _flat(steps: Sequence[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for step in steps:
        if "transaction" in step:
            yield from _flat(step["steps"])
        else:
            yield step


class _Builder:
    def __init__(self, things: Inventory, links: Sequence[Link], flows: Flows, tables: Tables) -> None:
        self.things, self.links, self.flows, self.tables = things, links, flows, tables

    def add(self, function: CodeFunction) -> None:
        program = self.things.program_at(function.path)
        if program is None:
            name = function.path.split("/", 1)[0] if "/" in function.path else "application"
            program = self.things.program_named(name)
            if program is None:
                program = Program(clean_name(name) or "application", {plain(name)})
                self.things.programs.append(program)
        steps = self.steps(function, program)
        if not steps:
            return
        handlers = self.flows.handlers.setdefault(program.name, {})
        name = clean_name(function.name) or "handler"
        if name in handlers:
            name = clean_name(f"{function.path.rsplit('/', 1)[-1].split('.', 1)[0]}.{name}")
        while name in handlers:
            name += "'"
        made: dict[str, Any] = {"steps": steps, "evidence": [{"at": f"{clean_name(function.path)}:{function.line}"}]}
        trigger = self.trigger(function, program)
        handlers[name] = {"trigger": trigger, **made} if trigger else made

    def trigger(self, function: CodeFunction, program: Program) -> dict[str, Any]:
        """What starts a function, where code shows it: rows of an outbox, messages of a topic."""
        relayed = self.relayed(function)
        if relayed is not None:
            return {"consume": self.outbox(relayed, program)}
        topic = next(
            (e for e in function.effects if e.kind == "consume" and e.name and not COMPUTED.search(e.name)), None
        )
        return {"consume": self.channel(topic, program)} if topic is not None else {}

    def relayed(self, function: CodeFunction) -> CodeEffect | None:
        """The read of an outbox table by a function that sends what it read: the relay."""
        if not any(e.kind in {"publish", "enqueue"} for e in function.effects):
            return None
        return next((e for e in function.effects if e.kind == "read" and self.outbox_of(e) is not None), None)

    def outbox_of(self, effect: CodeEffect) -> TableEntry | None:
        """The outbox table that an effect is about, by what migrations say of its columns or by its name."""
        name = clean_name(effect.entity or effect.name)
        if not name or (effect.kind in {"publish", "enqueue"} and not effect.entity):
            return None
        entry = self.tables.named(name)
        if entry is None and TableEntry(name).is_outbox:
            entry = TableEntry(name, evidence=[fact("table", name, effect.path, effect.line)])
            self.tables.entries[name.lower()] = entry
        return entry if entry is not None and entry.is_outbox else None

    def steps(self, function: CodeFunction, program: Program) -> list[dict[str, Any]]:
        """Steps in program order; effects of one transaction that follow each other are one block."""
        made: list[dict[str, Any]] = []
        block: dict[str, Any] | None = None
        block_id = 0
        relays = self.relayed(function) is not None
        # The same call reached again (a loop, a decorator that may wrap any handler) adds no fact.
        seen: set[str] = set()
        for effect in function.effects:
            if relays and self.outbox_of(effect) is not None:
                continue  # Reading and marking rows is what its trigger does.
            step = self.step(effect, function, program)
            if step is None or repr(step) in seen:
                continue
            if len(seen) >= MOST_STEPS:
                break
            seen.add(repr(step))
            if not effect.transaction:
                made.append(step)
                block, block_id = None, 0
                continue
            if block is None or effect.transaction != block_id:
                store = self.transaction_store(effect.transaction, function, program)
                if not store:
                    made.append(step)
                    continue
                block, block_id = {"transaction": store, "steps": []}, effect.transaction
                made.append(block)
            block["steps"].append(step)
        _name_entities(made)
        return made

    def transaction_store(self, number: int, function: CodeFunction, program: Program) -> str:
        """The database whose transaction it is: that of the first write inside it."""
        for effect in function.effects:
            if effect.transaction == number and effect.kind in {"write", "flush", "outbox", "read"}:
                store = self.store(effect, program)
                if store:
                    return store
        return ""

    def step(self, effect: CodeEffect, function: CodeFunction, program: Program) -> dict[str, Any] | None:
        if effect.technology in _STATELESS:
            return None
        places = dict.fromkeys((f"{function.path}:{effect.at}", f"{effect.path}:{effect.line}"))
        evidence = [{"at": clean_name(place)} for place in places]
        entity = clean_name(self.subject(effect))
        made: dict[str, Any]
        if effect.kind == "consume":
            return None
        if "relay" in effect.via and self.relayed(function) is None:
            return None  # It sends on what an outbox holds; the row is the handler's effect, not the message.
        if effect.kind in {"publish", "enqueue"}:
            made = {"append": self.channel(effect, program)}
        elif effect.kind == "outbox" or (effect.kind == "write" and self.outbox_of(effect) is not None):
            made = {"append": self.outbox(effect, program)}
        else:
            store = self.store(effect, program)
            if not store:
                return None
            if effect.kind in {"write", "cache_set"}:
                made = {"write": store}
            elif effect.kind == "invalidate":
                made = {"invalidate": store}
            elif effect.kind == "read":
                made = {"read": store}
            else:
                # A commit of a unit of work is no effect of its own beside the writes that it commits.
                written = any(e.kind == "write" and e.technology == effect.technology for e in function.effects)
                if effect.kind != "flush" or written:
                    return None
                made = {"write": store}
        if entity and self.outbox_of(effect) is None and effect.kind != "outbox":
            made["entity"] = self.entity(entity, effect)
        if effect.parallel:
            made["wait"] = False
        if effect.confidence == "inferred":
            made["note"] = "inferred: concluded from a name"
        made["evidence"] = evidence
        return made

    def subject(self, effect: CodeEffect) -> str:
        """What an effect is about: its model, else the table, or an index that is called like a table."""
        if effect.entity or effect.kind in {"publish", "enqueue"} or not effect.name:
            return effect.entity
        known = technology_named(effect.technology)
        in_database = effect.technology == "sql" or (known is not None and known.category == "database")
        return effect.name if in_database or self.tables.named(effect.name) is not None else ""

    def entity(self, name: str, effect: CodeEffect) -> str:
        known = self.tables.named(name) or self.tables.named(re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name))
        if known is not None and not known.is_outbox:
            return known.name
        seen = fact("table", name, effect.path, effect.line)
        self.tables.entries.setdefault(name.lower(), TableEntry(name, evidence=[seen]))
        return self.tables.entries[name.lower()].name

    def store(self, effect: CodeEffect, program: Program) -> str:
        """The store of an effect: one that the program reaches, the only one that fits, or one that only code shows."""
        known = technology_named(effect.technology)
        technology = known.name if known else ""
        data = {s.name: s for s in self.things.stores if not s.is_broker and s.category != "coordination"}
        reached = [data[link.target] for link in self.links if link.program == program.name and link.target in data]
        for candidates in (reached, list(data.values())):
            same = COMPATIBLE.get(technology, {technology})
            fitting = (
                [s for s in candidates if s.technology in same]
                if technology
                else [s for s in candidates if s.category == "database"]
            )
            if len(fitting) == 1 or (fitting and candidates is reached):
                return fitting[0].name
        name = clean_name(technology or effect.technology)
        if not name:
            return ""
        taken = {p.name for p in self.things.programs} | {s.name for s in self.things.stores}
        name = f"{name}-store" if name in taken else name
        entry: dict[str, Any] = {"technology": technology} if technology in BY_NAME else {}
        place = [{"at": f"{clean_name(effect.path)}:{effect.line}"}]
        self.flows.extra_stores.setdefault(name, {**entry, "note": "inferred: only code shows it", "evidence": place})
        return name

    def channel(self, effect: CodeEffect, program: Program) -> str:
        """The channel of a message: the topic where code names it, else the broker as a whole."""
        known = technology_named(effect.technology)
        technology = known.name if known else effect.technology
        seen = fact("topic", effect.name, effect.path, effect.line)
        brokers = [s.name for s in self.things.stores if s.is_broker and (not known or s.technology == technology)]
        name = seen.subject or (brokers[0] if len(brokers) == 1 else "") or technology or "messages"
        self.flows.channel(name, seen, technology or broker_of(program, self.things, self.links))
        return name

    def outbox(self, effect: CodeEffect, program: Program) -> str:
        entry = self.tables.named(effect.entity) if effect.entity else None
        entry = entry if entry is not None and entry.is_outbox else next(iter(self.tables.outboxes()), None)
        name = entry.name if entry is not None else clean_name(effect.entity) or "outbox"
        channel = self.flows.channel(name, fact("table", name, effect.path, effect.line), "table")
        store = self.store(effect, program)
        if store:
            channel.attributes.setdefault("in", store)
        return name

"""Calls of client libraries: their effects, and the hooks and listeners that those set off."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from .carriers import REGISTERING
from .clients import ClientType, normal
from .containers import LOCATING, Containers
from .effects import Effect, Frame
from .hooks import moment_of
from .imports import Value
from .ir import Expr
from .message_names import SENDING, STRICT, message_technology
from .mutating import Mutations
from .program import Program
from .sqltext import sql_kind, sql_table

# Types of libraries whose subclasses are entities themselves.
ENTITY_TYPES = ("/model", "/document", "/entity", "/node", "/dao", "/searchable", "/table")
# Types of libraries whose subclasses name the entity that they read and write in an inner class.
DESCRIBED_TYPES = ("/serializer", "/form")
# Types of libraries whose subclasses name in a field what they show and change.
VIEW_TYPES = ("/view", "/generic_view")
VIEW_FIELDS = ("queryset", "model")
# Types of libraries whose subclasses are events that send themselves.
EVENT_TYPES = ("/dispatchable",)
# Languages in which types are often left out.
BY_NAME = frozenset(["python", "javascript", "typescript", "php"])
TASK_TYPES = ("/task", "/actor")
MUTATORS = ("set", "add", "remove", "update", "change", "activate", "deactivate", "mark")
LISTENER_LIMIT = 12
# What hands a message to its handlers in the same program, by its name and by that of its method.
DISPATCHERS = re.compile(r"(?:mediator|dispatcher|bus|publisher|sender|handlers?)$")
DISPATCHES = re.compile(r"(?:publish|send|dispatch|raise|execute|handle|emit|notify)", re.IGNORECASE)
LOCKING = re.compile(
    r"(?:^|_)(?:un)?lock(?:ed|ing)?(?:_|$)|(?:^l|[a-z]L)ock(?:ed|ing)?(?=[A-Z_]|$)|[mM]utex|[sS]emaphore|[tT]hrottl|[rR]ate_?[lL]imit"
)
MESSAGES = frozenset({"publish", "enqueue", "consume"})
# Keys of options objects that name where a message goes or comes from, the most telling first.
TOPIC_KEYS = ("topic", "topics", "queue", "queues", "subject", "channel", "routingkey", "routing_key", "queueurl",
              "queue_url", "topicarn", "topic_arn", "name")  # fmt: skip


def topics_of(args: Sequence[Expr], values: Sequence[Value]) -> list[str]:
    """Names of topics or queues among arguments: what a keyword or an options object says, else the first text."""
    named = {arg[1].lower(): value for arg, value in zip(args, values, strict=False) if arg[0] == "k"}
    plain = [value for arg, value in zip(args, values, strict=False) if arg[0] != "k"]
    for value in (*(named[key] for key in TOPIC_KEYS if key in named), *plain):
        found = texts_of(value)
        if found:
            return found
    return []


def texts_of(value: Value) -> list[str]:
    """The texts that a value names topics with: itself, the entries of a list, or the telling key of an object."""
    if value is None or value[0] not in ("S", "D"):
        return []
    if value[0] == "S":
        return [value[1]] if value[1] else []
    keys = [str(key).lower() for key, _ in value[1]]
    if not any(keys):
        return [text for _, item in value[1] for text in texts_of(item)]
    for wanted in TOPIC_KEYS:
        if wanted in keys:
            return texts_of(value[1][keys.index(wanted)][1])
    return []


@lru_cache(maxsize=100_000)
def speaks_of_lock(name: str) -> bool:
    """Whether a function is called as one that takes a lock or counts requests: its cache entry copies nothing."""
    return LOCKING.search(name) is not None


class ClientCalls(Containers):
    """The part of the evaluator that knows client libraries."""

    def __init__(self, program: Program) -> None:
        super().__init__(program)
        self.mutations = Mutations(program)
        self._sole: dict[str, int | None] = {}
        self._task_types = [(i, client) for i, client in program.clients.types.items() if i.endswith(TASK_TYPES)]
        self._notifying = {
            language: {name for c in types for name, kind in c.methods.items() if kind == "notify"}
            for language, types in self.by_language(program).items()
        }
        self._library_bases: dict[int, tuple[Any, ...] | None] = {}
        self._mirrors: dict[int, tuple[tuple[str, str], ...]] = {}
        self._documents: dict[int, set[tuple[str, str]]] | None = None

    @staticmethod
    def by_language(program: Program) -> dict[str, list[ClientType]]:
        """The types that have a method which sends what it is given by a queue, if its class says so."""
        found: dict[str, list[ClientType]] = {}
        for entries in program.clients.by_name.values():
            for languages, _, type_id in entries:
                client = program.clients.types[type_id]
                for language in languages.split(",") if "notify" in client.methods.values() else ():
                    found.setdefault(language, []).append(client)
        return found

    def library_base(self, number: int) -> tuple[Any, ...] | None:
        """The library type that a class inherits from, base expressions evaluated."""
        if number in self._library_bases:
            return self._library_bases[number]
        self._library_bases[number] = None
        found = self.program.library_base(number)
        if found is None:
            for value in self.program.lineage(number):
                if value[0] == "B":
                    head, *rest = value[2].split(".")
                    current = self.resolved(self.program.name(value[1], head))
                    for part in rest:
                        current = self.attribute(None, current, part)
                    if current is not None and current[0] == "X":
                        language = self.program.language_of(value[1])
                        known = self.program.clients.type_of(language, current[1])
                        current = ("L", known) if known is not None else None
                    if current is not None and current[0] == "L":
                        found = ("L", current[1], None)
        if found is None and self.program.classes[number].kind == "interface":
            types = sorted(role[5:] for role in self.class_roles(number) if role.startswith("type:"))
            found = ("L", types[0], None) if types else None
        if found is not None and found[2] is None and found[1].endswith(DESCRIBED_TYPES):
            found = ("L", found[1], self.described(number))
        if found is not None and found[2] is None and found[1].endswith(VIEW_TYPES):
            found = ("L", found[1], self.viewed(number))
        self._library_bases[number] = found
        return found

    def mirrors(self, number: int) -> tuple[tuple[str, str], ...]:
        """(technology, library) that a library keeps a class in besides its own store: search indexes."""
        if number not in self._mirrors:
            found: set[tuple[str, str]] = set()
            types = self.program.clients.types
            for value in self.program.lineage(number):
                if value[0] == "L" and types[value[1]].mirrors:
                    found.add((types[value[1]].technology, types[value[1]].library))
                elif value[0] == "I":
                    made, module = self.program.classes[value[1]], self.program.class_module[value[1]]
                    roles = (self.role_of(module, expression) for expression in made.decorators)
                    libraries = [library for role, library in filter(None, roles) if role == "mirrored"]
                    found |= {(self.program.clients.technology.get(library, ""), library) for library in libraries}
                    found |= self.documented().get(value[1], set())
            self._mirrors[number] = tuple(sorted(found))
        return self._mirrors[number]

    def documented(self) -> dict[int, set[tuple[str, str]]]:
        """Models by the documents that name them in an inner class `Django`, which follow their signals."""
        if self._documents is None:
            self._documents = {}
            for number, made in enumerate(self.program.classes):
                if made.name == "Document" or self.program.language_of(self.program.class_module[number]) != "python":
                    continue
                model = self.described(number, "Django")
                base = self.library_base(number) if model is not None else None
                if base is not None and model is not None:
                    client = self.program.clients.types[base[1]]
                    self._documents.setdefault(model, set()).add((client.technology, client.library))
        return self._documents

    def viewed(self, number: int) -> int | None:
        """The class that a view names in a field, itself or by the query for its rows."""
        for name in VIEW_FIELDS:
            value = self.attribute(None, ("I", number), name) if self.has_field(number, name) else None
            if value is not None and value[0] == "K":
                return int(value[1])
            if value is not None and value[0] == "L" and value[2] is not None:
                return int(value[2])
        return None

    def described(self, number: int, name: str = "Meta") -> int | None:
        """The class that the inner class `name` names as `model`."""
        outer, module = self.program.classes[number], self.program.class_module[number]
        for inner in self.program.modules[module].classes:
            if inner.name == name and outer.line < inner.line <= outer.end_line and "model" in inner.fields:
                for _, init in inner.fields["model"].inits:
                    value = self.resolved(self.program.name(module, init[1])) if init[0] == "n" else None
                    if value is not None and value[0] == "K":
                        return int(value[1])
        return None

    def begins(self, frame: Frame, item: Expr) -> bool:
        """Whether a `with`/`using` item opens a transaction."""
        inner = item[1] if item[0] == "w" else item
        if inner[0] != "c":
            return False
        callee = inner[1]
        if callee[0] == "a":
            target, name = self.quiet(frame, callee[1]), callee[2]
        else:
            target, name = (self.lookup(frame, callee[1]), "") if callee[0] == "n" else (None, "")
            if target is not None and target[0] == "X":
                head, _, name = target[1].rpartition(".")
                target = ("X", head)
        if target is None:
            return False
        if target[0] == "X":
            language = self.program.language_of(frame.module)
            for languages, type_id in self.program.clients.modules.get(target[1], ()):
                if language in languages.split(","):
                    return self.program.clients.types[type_id].kind_of(name) in ("transaction", "begin")
            return False
        if target[0] in ("I", "K"):
            base = self.library_base(target[1])
            target = ("L", *base[1:]) if base else target
        return target[0] == "L" and self.program.clients.types[target[1]].kind_of(name) in ("transaction", "begin")

    def client(
        self,
        frame: Frame,
        type_id: str,
        entity: int | None,
        name: str,
        args: Sequence[Expr],
        line: int,
        seen: bool,
        topic: str = "",
        static: bool = False,
    ) -> Value:
        """A call on a client library's type; `static` if it is made on a class."""
        client = self.program.clients.types[type_id]
        kind = client.kind_of(name)
        result: Value = ("L", type_id, entity)
        target = client.returns.get(name)
        if target is not None and target in self.program.clients.types:
            result = ("L", target, entity)
        if type_id.endswith(ENTITY_TYPES) and entity is not None and target is None:
            result = ("I", entity)
        if kind is None and target is None and "*" in client.returns:
            target = client.returns["*"]
            result = ("L", target, entity) if target in self.program.clients.types else result
        if kind == "transaction":
            before = frame.transaction
            frame.transaction = before or next(self.ids)
            self.arguments(frame, args, inline=True, bound=result)
            frame.transaction = before
            return result
        if kind == "after_commit":
            flags, before = frame.flags, frame.transaction
            frame.flags, frame.transaction = flags | {"after_commit"}, 0
            for value in self.arguments(frame, args, inline=True):
                for method in self.program.find_method(value[1], "afterCommit") if value and value[0] == "I" else ():
                    self.enter_function(frame, method, value, (), line)
            frame.flags, frame.transaction = flags, before
            return result
        if kind in ("listen", "hook"):
            self.runs(frame, name, args) if kind == "listen" else None
            values = self.arguments(frame, args, inline=False)
            self.listen(kind, type_id, entity, name, values)
            if kind == "listen" and client.technology not in ("", "in-process"):
                for number in [v[1] for v in values if v is not None and v[0] in ("F", "C")]:
                    for topic in topics_of(args, values) or [""]:
                        self.consumed.setdefault(number, []).append((client.technology, topic, client.library))
            return result
        if kind == "answer":
            for value in self.arguments(frame, args, inline=False):
                if value is not None and value[0] in ("F", "C"):
                    self.answering[value[1]] = (client.technology, client.library)
            return result
        if client.bound and not self.program.bound_outputs:
            kind = None  # a sink that no binding empties stays in the program
        inline = kind is None and name not in self.program.clients.handlers.get("any", ())
        values = self.arguments(frame, args, inline=inline, bound=result)
        if target == "entity" and entity is None and values and values[0] is not None:
            whose = values[0]
            entity = whose[1] if whose[0] in ("I", "K") else whose[2] if whose[0] == "L" else None
        if name in client.selects:
            chosen = (client.selects[name].get(v[1]) for v in values if v is not None and v[0] == "S")
            found_type = next((one for one in chosen if one is not None), None)
            return ("L", found_type, None) if found_type is not None else None
        if target == "argument":
            given = values[0] if values else None
            return self.program.instance(frame.module, given) if given and given[0] in ("K", "X") else given
        if kind is None:
            return self.ended(result, target, entity, "")
        if kind in ("step", "route"):
            self.step(frame, client, args, values, line) if kind == "step" else self.start_route(frame, line)
            return result
        if kind == "notify":
            self.queue_given(frame, values, line)
            return result
        if kind == "dispatch":
            return self.dispatch(frame, (("K", entity),) if static and entity is not None else values, line)
        if kind == "raise":
            for value in values[:1]:
                if value is not None and value[0] in ("I", "K"):
                    self.emit(frame, "raise", "in-process", "", value[1], line)
            return result
        if kind == "release":
            self.release(frame, line)
            return result
        if kind == "begin":
            frame.transaction = frame.transaction or next(self.ids)
            return result
        if kind in ("commit", "rollback"):
            frame.transaction = 0
            return result
        kind, place = self.decide(frame, kind, args, values)
        if kind == "ignore":
            return self.ended(result, target, entity, "")
        subject = entity
        if subject is None:
            subject = next((v[1] for v in values if v is not None and v[0] in ("I", "K")), None)
        flags = frozenset() if seen else frozenset({"guessed"})
        technology = client.technologies.get(name, client.technology)
        if entity is not None and type_id.endswith("/repository"):
            technology = self.kept_in(entity, client.library) or technology
        self.emit(frame, kind, technology, topic or place, subject, line, flags, client.library, seen)
        if kind == "flush":
            frame.transaction = 0
        hookless = name in client.unhooked or (static and name in client.unhooked_static)
        if not hookless:
            self.trigger(frame, kind, client.library, subject, line, moment_of(name) or "save")
        return self.ended(result, target, entity, kind)

    def kept_in(self, entity: int, library: str) -> str:
        """The store that an entity's annotation names where its repository's interface is common to many stores."""
        made, module = self.program.classes[entity], self.program.class_module[entity]
        roles = [role for role in (self.role_of(module, expression) for expression in made.decorators) if role]
        libraries = [found for role, found in roles if role == "entity"]
        if not libraries or library in libraries:
            return ""
        return self.program.clients.technology.get(libraries[0], "")

    def ended(self, result: Value, target: str | None, entity: int | None, kind: str) -> Value:
        """What a call returns where the library says that its client ends there."""
        if target == "none" or result is None:
            return None
        if result[0] != "L":
            return result
        client = self.program.clients.types[result[1]]
        if target == "entity" or (kind and kind in client.ends):
            if entity is None:
                return None
            return ("I", entity, "managed") if client.managed and kind == "read" else ("I", entity)
        return result

    def decide(self, frame: Frame, kind: str, args: Sequence[Expr], values: Sequence[Value]) -> tuple[str, str]:
        """The kind of a call whose text decides it, and the name of what it touches."""
        texts = [v[1] for v in values if v is not None and v[0] == "S"]
        if kind in ("sql_write", "sql_read"):
            for text in texts:
                found = sql_kind(text)
                if found is not None:
                    return found, sql_table(text)
            return kind[4:], ""
        if kind in ("cache_set", "invalidate") and speaks_of_lock(self.program.functions[frame.function].name):
            return "lock", ""
        if kind == "cache_set" and ("NX" in texts or any(a[0] == "k" and a[1].lower() == "nx" for a in args)):
            return "lock", ""
        return kind, next(iter(topics_of(args, values)), "")[:120] if kind in MESSAGES else ""

    def emit(
        self,
        frame: Frame,
        kind: str,
        technology: str,
        name: str,
        entity: int | None,
        line: int,
        flags: frozenset[str] = frozenset(),
        library: str = "",
        seen: bool = True,
    ) -> None:
        frame.add(
            Effect(
                kind,
                technology,
                name,
                entity,
                frame.function,
                line,
                line,
                frame.context,
                frame.transaction,
                frame.flags | flags,
                0,
                -1,
                seen,
                library,
            )
        )

    def mutate(self, frame: Frame, target: Value, name: str, line: int, method: int | None = None) -> None:
        """A change of a managed entity inside a transaction is written by dirty checking."""
        if target is None or target[0] != "I" or len(target) < 3 or not frame.transaction:
            return
        changing = method is not None and self.mutations.changes(method, target[1])
        if name.startswith(MUTATORS) or line < 0 or changing:
            self.emit(frame, "write", "sql", "", target[1], line, frozenset({"hook"}), "jpa", seen=False)

    def task_type(self, frame: Frame, name: str) -> str | None:
        """The queue library in use whose tasks are enqueued by a method called on a function."""
        near: frozenset[str] | None = None
        for type_id, client in self._task_types:
            if client.kind_of(name) == "enqueue":
                if near is None:
                    near = self.program.near_libraries(self.program.modules[frame.module].path)
                if client.library in near:
                    return type_id
        return None

    def queue_given(self, frame: Frame, values: Sequence[Value], line: int) -> bool:
        """Enqueue the messages among the arguments whose class says that they are queued; whether there are any."""
        found = False
        for value in values:
            job = self.program.queued_by(value[1]) if value is not None and value[0] == "I" else None
            if value is not None and job is not None:
                client = self.program.clients.types[job]
                self.emit(frame, "enqueue", client.technology, "", value[1], line, library=client.library)
                found = True
        return found

    # -- what a write or an event sets off

    def listen(self, kind: str, type_id: str, entity: int | None, name: str, values: Sequence[Value]) -> None:
        """Note a hook or listener that is registered by a call."""
        functions = [v[1] for v in values if v is not None and v[0] in ("F", "C")]
        senders = [v[1] for v in values if v is not None and v[0] in ("K", "I")]
        texts = [v[1] for v in values if v is not None and v[0] == "S"]
        names = [] if texts else [name]
        if kind == "hook" and not functions and entity is not None:
            for sender in senders:
                self.observe(sender, entity, type_id.split("/", maxsplit=1)[0])
        for number in functions:
            if kind == "listen":
                for text in texts[:1]:
                    if (number, "listener") not in self.hooks.by_text[text]:
                        self.hooks.by_text[text].append((number, "listener"))
                continue
            owner = self.program.owner.get(number)
            library = type_id.split("/", maxsplit=1)[0]
            self.hooks.library.setdefault(number, library)
            self.note_moment(number, texts + names)
            targets = senders or ([entity] if entity is not None else []) or ([owner] if owner is not None else [])
            for target in targets:
                if number not in self.hooks.on_write[target]:
                    self.hooks.on_write[target].append(number)
            if not targets and number not in self.hooks.on_flush[library]:
                self.hooks.on_flush[library].append(number)

    def trigger(self, frame: Frame, kind: str, library: str, entity: int | None, line: int, moment: str) -> None:
        """Run the hooks of a write; `moment` is save or delete."""
        if kind == "flush" or (kind == "write" and library not in self.flushing):
            self.release(frame, line)
        if kind not in ("write", "flush"):
            return
        if kind == "write" and library in self.flushing:
            return
        entities: set[int | None] = {entity} if entity is not None else set()
        if kind == "flush":
            entities |= {e.entity for e in frame.effects if e.library == library and e.kind == "write"}
        flags = frame.flags
        frame.flags = flags | {"hook"}
        chosen = list(self.hooks.on_flush.get(library, ()))
        for target, functions in self.hooks.on_write.items():
            if any(e is not None and self.program.inherits(e, target) for e in entities):
                chosen += functions
        for number in dict.fromkeys(chosen):
            if kind == "write" and self.hooks.moment.get(number) not in (None, "", moment):
                continue
            owner = self.program.owner.get(number)
            for effect in self.summary(number, ("I", owner) if owner is not None else None).effects:
                self.compose(frame, effect, number, line)
        for written in sorted(e for e in entities if e is not None):
            for technology, mirror in self.mirrors(written):
                if mirror != library:
                    self.emit(frame, "write", technology, "", written, line, library=mirror, seen=False)
        frame.flags = flags

    def release(self, frame: Frame, line: int) -> None:
        """Run the listeners of the events that were noted on entities before."""
        raised = [e.entity for e in frame.effects if e.kind == "raise" and e.entity is not None]
        for event in dict.fromkeys(raised):
            self.dispatch(frame, (("I", event),), line)

    def dispatch(self, frame: Frame, values: Sequence[Value], line: int) -> Value:
        """Run the listeners of an in-process event or command."""
        found: list[tuple[int, str]] = []
        for value in values[:2]:
            if value is not None and value[0] in ("I", "K"):
                for base in self.program.lineage(value[1]):
                    found += self.hooks.by_class.get(base[1], []) if base[0] == "I" else []
                if not found:
                    found += self.hooks.by_argument.get(value[1], [])
                if not found:
                    for event in self.program.implementers(value[1]):
                        found += self.hooks.by_class.get(event, [])
            elif value is not None and value[0] == "S":
                found += self.hooks.by_text.get(value[1], [])
        if not found and not any(v is not None and v[0] in ("I", "K", "S") for v in values[:2]):
            self.release(frame, line)  # one of the events that were noted before
        result: Value = None
        flags = frame.flags
        for number, role in list(dict.fromkeys(found))[:LISTENER_LIMIT]:
            frame.flags = flags | {"event"} | ({"after_commit"} if role == "after_commit_listener" else set())
            owner = self.program.owner.get(number)
            if role == "queued":
                job = self.program.queued_by(owner) if owner is not None else None
                client = self.program.clients.types[job] if job is not None else None
                technology, library = (client.technology, client.library) if client is not None else ("queue", "")
                self.emit(frame, "enqueue", technology, "", owner, line, library=library)
                continue
            summary = self.summary(number, ("I", owner) if owner is not None else None)
            for effect in summary.effects:
                self.compose(frame, effect, number, line)
            result = result or summary.value
        frame.flags = flags
        return result

    def unknown(
        self, frame: Frame, name: str, args: Sequence[Expr], line: int, receiver: Expr, title: str = ""
    ) -> Value:
        """A method of something whose type was not found: the receiver's name decides, with less confidence."""
        plain = normal(title or self.last(receiver))
        if self.hooks.by_argument and DISPATCHERS.search(plain) and DISPATCHES.match(name):
            given = [self.quiet(frame, arg) for arg in args]
            if any(value is not None and value[0] == "I" and value[1] in self.hooks.by_argument for value in given):
                return self.dispatch(frame, given, line)
        if args and DISPATCHES.match(name) and self.hooks.by_class:
            given = [self.quiet(frame, arg) for arg in args[:2]]
            if any(value is not None and value[0] == "I" and value[1] in self.hooks.by_class for value in given):
                flags = frame.flags
                frame.flags = flags | {"after_commit"} if "after_commit" in name or "AfterCommit" in name else flags
                value = self.dispatch(frame, given, line)
                frame.flags = flags
                return value
        module = self.program.modules[frame.module]
        if args and not title and (name in LOCATING or name in REGISTERING) and module.language in BY_NAME:
            found = self.contained(frame, name, args)
            if found is not None:
                return found
        clients = self.program.clients
        near = self.program.near_libraries(module.path)
        for start in range(len(plain) - 1) if plain else ():
            for languages, type_id in clients.receivers.get(plain[start:], ()):
                if module.language not in languages.split(",") or (start and len(plain) - start < 4):
                    continue
                client = clients.types[type_id]
                if client.library in near and client.kind_of(name) is not None:
                    return self.client(frame, type_id, None, name, args, line, seen=False)
        if name in self._notifying.get(module.language, ()) and not title:
            given = self.arguments(frame, args, inline=False)
            if self.queue_given(frame, given, line):
                return None
        sole = self.sole_method(name, module.language) if not title else None
        if sole is not None:
            flags = frame.flags
            frame.flags = flags | {"guessed"}
            owner = self.program.owner.get(sole)
            value = self.enter_function(frame, sole, ("I", owner), args, line)
            frame.flags = flags
            return value
        if self.sends_by_name(frame, name, args, line, receiver):
            return None
        self.arguments(frame, args, inline=self.runs(frame, name, args))
        value = self.eval(frame, receiver) if receiver[0] == "n" else None
        return value if value is not None and value[0] == "X" else None

    def contained(self, frame: Frame, name: str, args: Sequence[Expr]) -> Value:
        """What a container gives; what it is given is noted."""
        values = [self.quiet(frame, arg) for arg in args]
        if name in REGISTERING:
            self.enters(frame, name, args, values)
        return self.located_value(frame, args, values) if name in LOCATING else None

    def sends_by_name(self, frame: Frame, name: str, args: Sequence[Expr], line: int, receiver: Expr) -> bool:
        """Emit a message where a package that is not known here is called after one that carries messages, or a class
        of the repository that wraps such a client is."""
        if SENDING.fullmatch(name) is None:
            return False
        value = self.quiet(frame, receiver)
        if value is not None and value[0] == "X":
            technology = message_technology(value[1])
        else:
            owner = self.program.owner.get(self.root(frame.function)) if value is None else None
            wraps = owner is not None and STRICT.fullmatch(name) is not None
            technology = message_technology(self.program.classes[owner].name) if wraps and owner is not None else ""
        if not technology:
            return False
        values = self.arguments(frame, args, inline=False)
        topic = next(iter(topics_of(args, values)), "")[:120]
        self.emit(frame, "publish", technology, topic, None, line, frozenset({"guessed"}), seen=False)
        return True

    def sole_method(self, name: str, language: str) -> int | None:
        """The only method of that name in the repository, where types are not declared and the name is telling."""
        if language not in ("python", "javascript", "php") or len(name) < 9:
            return None
        if not self._sole:
            self._sole[""] = None
            for number, methods in enumerate(self.program.methods):
                if self.program.class_module[number] in self.tests:
                    continue
                for title, found in methods.items():
                    self._sole[title] = None if title in self._sole or len(found) > 1 else found[0]
        return self._sole.get(name)

    def last(self, receiver: Expr) -> str:
        """The last name of a receiver expression."""
        while receiver[0] in ("c", "i", "w", "as"):
            receiver = receiver[1]
        if receiver[0] == "a":
            return str(receiver[2])
        return str(receiver[1]) if receiver[0] == "n" and receiver[1] != "self" else ""

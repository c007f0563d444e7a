"""Code that runs because something else happened: ORM hooks, signals, in-process events, decorators."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

from .advice import advised, literals
from .constants import text_of
from .ir import Expr
from .program import Program, arguments
from .sqltext import sql_kind

# Laravel registers every class of this folder by the type of its handler's first parameter.
# Source: https://laravel.com/docs/events, "Event Discovery".
LISTENER_FOLDERS = ("Listeners",)
# Arguments of an annotation that name the class that a function listens to.
SENDER_KEYS = ("sender", "classes", "value")
LISTENING = ("listener", "after_commit_listener")
# An interface for what handles one message type, as repositories and lesser libraries declare it.
HANDLER = re.compile(r"(?:\w+\.)*\w*(?:Handler|Listener|Subscriber|Consumer|Observer)\w*<([\w.]+)(?:,.*)?>")
# Methods of a class that handles one message type.
HANDLING = ("handle", "Handle", "execute", "__invoke", "onApplicationEvent", "HandleAsync")


@dataclass(slots=True)
class Role:
    """What the decorators of a function say."""

    transaction: bool = False
    effects: list[tuple[str, str, str]] = field(default_factory=list)
    roles: set[str] = field(default_factory=set)
    type_id: str | None = None
    # library whose settings bind the function that a method gives to topics
    binder: str = ""


@dataclass(slots=True)
class Hooks:
    """Functions by what triggers them."""

    # class -> functions that run when an instance is written; None: on every flush of the library's session
    on_write: dict[int, list[int]] = field(default_factory=lambda: defaultdict(list))
    on_flush: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    by_class: dict[int, list[tuple[int, str]]] = field(default_factory=lambda: defaultdict(list))
    by_text: dict[str, list[tuple[int, str]]] = field(default_factory=lambda: defaultdict(list))
    # handlers of a message class by the type argument of an interface that no library here is known for
    by_argument: dict[int, list[tuple[int, str]]] = field(default_factory=lambda: defaultdict(list))
    # hook function -> "save" or "delete", absent if it may be either
    moment: dict[int, str] = field(default_factory=dict)
    # hook function -> library whose write sets it off
    library: dict[int, str] = field(default_factory=dict)
    outbox_classes: set[int] = field(default_factory=set)
    # name of an annotation -> advice that runs with what carries it
    advice: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))


class Decorated:
    """Roles of functions and classes, memoised."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.hooks = Hooks()
        self._roles: dict[int, Role] = {}
        self._class_roles: dict[int, set[str]] = {}

    def roles(self, number: int) -> Role:
        """The role of a function, its class's transaction included."""
        found = self._roles.get(number)
        if found is None:
            found = self._roles[number] = Role()
            function, module = self.program.functions[number], self.program.function_module[number]
            for expression in function.decorators:
                self.read(found, module, expression)
            kind = self.program.mapped_kind(number)
            if kind is not None and not found.effects:
                found.effects.append((kind, "sql", "mybatis"))
            owner = self.program.owner.get(number)
            if owner is not None and function.outer is None and "transaction" in self.class_roles(owner):
                found.transaction = True
        return found

    def read(self, role: Role, module: int, expression: Expr) -> None:
        value = self.role_of(module, expression)
        if value is None:
            for inner in nested(expression):
                self.read(role, module, inner)
            return
        name, library = value
        technology = self.program.clients.technology.get(library, "")
        if name == "transaction":
            role.transaction = True
        elif name in ("cache_set", "invalidate", "publish"):
            role.effects.append((name, technology, library))
        elif name in ("sql_write", "sql_read"):
            kinds = [kind for text in texts_in(expression) for kind in (sql_kind(text),) if kind is not None]
            role.effects.append((kinds[0] if kinds else name[4:], technology, library))
        elif name == "bound_function":
            role.binder = library
        elif name.startswith("type:"):
            role.type_id = name[5:]
        role.roles.add(name)

    def role_of(self, module: int, expression: Expr) -> tuple[str, str] | None:
        """Role and library of one decorator."""
        name = self.program.decorator_name(expression)
        if name not in self.program.clients.decorators:
            return None
        here = self.program.modules[module]
        qualified = here.imports.get(name)
        inner: Any = expression
        while inner[0] in ("c", "w"):
            inner = inner[1]
        if inner[0] == "a":
            inner = inner[1]
            path = []
            while inner[0] == "a":
                path.append(inner[2])
                inner = inner[1]
            head = here.imports.get(inner[1]) if inner[0] == "n" else None
            qualified = ".".join([head, *reversed(path), name]) if head and not head.startswith(".") else None
        elif qualified is None:
            for space in here.wildcards:
                if self.program.clients.role_of(here.language, name, f"{space}.{name}", frozenset()):
                    qualified = f"{space}.{name}"
        if qualified is not None and self.in_repository(module, inner, name):
            qualified = None
        return self.program.clients.role_of(here.language, name, qualified, self.program.near_libraries(here.path))

    def in_repository(self, module: int, head: Any, name: str) -> bool:
        """Whether a decorator is defined or re-exported by the repository: only its name tells then."""
        value = self.program.name(module, str(head[1]) if head[0] == "n" else name)
        return value is not None and value[0] in ("=", "F", "M", "K")

    def class_roles(self, number: int) -> set[str]:
        """Role names of the decorators of a class and of its repository bases."""
        found = self._class_roles.get(number)
        if found is None:
            found = self._class_roles[number] = set()
            for value in self.program.lineage(number):
                if value[0] != "I":
                    continue
                module = self.program.class_module[value[1]]
                for expression in self.program.classes[value[1]].decorators:
                    role = self.role_of(module, expression)
                    if role is not None:
                        found.add(role[0])
        return found

    def implemented_by_library(self, number: int) -> list[tuple[str, str, str]]:
        """What every method of an interface does whose annotation makes a library implement it: `@KafkaClient`."""
        made = self.program.classes[number]
        if made.kind != "interface":
            return []
        found = (self.role_of(self.program.class_module[number], expression) for expression in made.decorators)
        technology = self.program.clients.technology
        return [
            (role, technology.get(library, ""), library) for role, library in filter(None, found) if role == "publish"
        ]

    def signal_of(self, module: int, expression: Expr) -> tuple[str, list[int]] | None:
        """Library and senders of a decorator that is given a signal: `@receiver_like(post_save, Order)`."""
        if expression[0] != "c":
            return None
        library, senders = None, []
        for given in expression[2]:
            argument = given[2] if given[0] == "k" else given
            value = self.program.name(module, argument[1]) if argument[0] == "n" else None
            if value is not None and value[0] == "K":
                senders.append(value[1])
            elif value is not None and value[0] == "X":
                found = self.program.clients.type_of(self.program.language_of(module), value[1])
                if found is not None and "hook" in self.program.clients.types[found].methods.values():
                    library = self.program.clients.types[found].library
        return (library, senders) if library is not None else None

    def collect(self) -> None:
        """Find listeners and hooks that are declared by decorator or by base class."""
        program = self.program
        for number, function in enumerate(program.functions):
            if not function.decorators:
                continue
            for expression in function.decorators:
                signal = self.signal_of(program.function_module[number], expression)
                if signal is not None:
                    self.hooks.library[number] = signal[0]
                    self.note_moment(number, [self.program.decorator_name(a) for a in expression[2]])
                    for sender in signal[1]:
                        self.hooks.on_write[sender].append(number)
            role = self.roles(number)
            if "advice" in role.roles:
                texts = [text for d in function.decorators for text in literals(d)]
                for name in sorted(advised(program, number, texts)):
                    self.hooks.advice[name].append(number)
            if number in self.hooks.library:
                continue
            for name in role.roles & {"listener", "after_commit_listener", "hook", "event_handler", "command_handler"}:
                self.note_listener(number, name, function.decorators)
        for number, function in enumerate(program.functions):
            if any(param.decorators for param in function.params):
                self.observing(number)
        for number in range(len(program.classes)):
            if "listen" in program.classes[number].fields:
                self.listened(number)
            roles = self.class_roles(number) if program.classes[number].decorators else set()
            if "outbox" in roles:
                self.hooks.outbox_classes.add(number)
            self.handlers_of(number, roles)

    def observing(self, number: int) -> None:
        """Enter a function that listens by the annotation of a parameter: `@Observes OrderPlaced event`."""
        module = self.program.function_module[number]
        for param in self.program.functions[number].params:
            for expression in param.decorators:
                role = self.role_of(module, expression)
                value = self.program.type(module, param.type) if role is not None and role[0] in LISTENING else None
                if role is not None and value is not None and value[0] == "I":
                    late = any("AFTER" in repr(given) for given in arguments(expression))
                    self.hooks.by_class[value[1]].append((number, "after_commit_listener" if late else role[0]))

    def hooked(self, number: int) -> None:
        """Enter the methods of a model that its library calls by name, given its own session: `AfterCreate(tx)`."""
        clients = self.program.clients
        for client in [client for type_id, client in clients.types.items() if type_id.endswith("/hooked")]:
            for name in self.program.methods[number].keys() & client.methods.keys():
                for function in self.program.methods[number][name]:
                    params = self.program.functions[function].params
                    module = self.program.function_module[function]
                    given = self.program.type(module, params[0].type) if params else None
                    if given is not None and given[0] == "L" and clients.types[given[1]].library == client.library:
                        self.hooks.library[function] = client.library
                        self.note_moment(function, [name])
                        self.hooks.on_write[number].append(function)

    def intercepting(self, number: int) -> None:
        """Enter the methods of a class that a library calls whenever it writes: `SaveChangesInterceptor`."""
        for value in self.program.bases(number):
            if value[0] == "L" and value[1].endswith("/interceptor"):
                client = self.program.clients.types[value[1]]
                for name, functions in self.program.methods[number].items():
                    if client.kind_of(name) == "hook":
                        self.hooks.library.update(dict.fromkeys(functions, client.library))
                        self.hooks.on_flush[client.library] += functions

    def observe(self, observer: int, entity: int, library: str) -> None:
        """Note the methods of an observer class, which are called after what happens to the entity."""
        for name, functions in self.program.methods[observer].items():
            own = any("hook" in self.roles(function).roles for function in functions)
            if moment_of(name) or own:
                for function in functions:
                    self.hooks.library.setdefault(function, library)
                    self.note_moment(function, [name])
                    if function not in self.hooks.on_write[entity]:
                        self.hooks.on_write[entity].append(function)

    def discovered_listener(self, number: int) -> None:
        """A class in the folder that the framework searches: its handler runs, or is queued, for its parameter."""
        path = self.program.modules[self.program.class_module[number]].path
        if not any(f"/{folder}/" in f"/{path}" for folder in LISTENER_FOLDERS) or not path.endswith(".php"):
            return
        role = "queued" if self.program.queued_by(number) is not None else "listener"
        for name, functions in self.program.methods[number].items():
            for function in functions if name.startswith("handle") or name == "__invoke" else ():
                params = self.program.functions[function].params
                value = self.program.type(self.program.class_module[number], params[0].type) if params else None
                if value is not None and value[0] == "I":
                    self.hooks.by_class[value[1]].append((function, role))

    def listened(self, number: int) -> None:
        """The map of events to listeners that a Laravel provider keeps. Source: https://laravel.com/docs/10.x/events."""
        program, module = self.program, self.program.class_module[number]
        if program.language_of(module) != "php":
            return
        for _, init in program.classes[number].fields["listen"].inits:
            for key, given in init[1] if init[0] == "d" else ():
                event = program.name(module, key.removesuffix("::class").rpartition("\\")[2])
                for _, part in given[1] if given[0] == "d" else (("", given),):
                    listener = program.name(module, part[1]) if part[0] == "n" else None
                    if event is None or event[0] != "K" or listener is None or listener[0] != "K":
                        continue
                    role = "queued" if program.queued_by(listener[1]) is not None else "listener"
                    for name in ("handle", "__invoke"):
                        functions = program.find_method(listener[1], name)
                        self.hooks.by_class[event[1]] += [(function, role) for function in functions]

    def handlers_of(self, number: int, roles: set[str]) -> None:
        """Classes that handle one message type: `IRequestHandler<X>`, `@CommandHandler(X)`."""
        program, module = self.program, self.program.class_module[number]
        if "observed_by" in roles:
            for expression in program.classes[number].decorators:
                found = self.role_of(module, expression)
                for argument in arguments(expression) if found and found[0] == "observed_by" else ():
                    parts = [part for _, part in argument[1]] if argument[0] == "d" else [argument]
                    for part in parts:
                        target = program.name(module, part[1]) if part[0] == "n" else None
                        if found is not None and target is not None and target[0] == "K":
                            self.observe(target[1], number, found[1])
        self.intercepting(number)
        if self.program.classes[number].kind == "struct":
            self.hooked(number)
        self.discovered_listener(number)
        names = [name for m in HANDLING for name in program.methods[number].get(m, ())]
        if not names:
            return
        for text in program.classes[number].bases:
            handled = HANDLER.fullmatch(text.replace(" ", ""))
            message = program.type(module, handled[1]) if handled is not None else None
            if message is not None and message[0] == "I":
                fitting = [name for name in names if self.takes(name, message[1])]
                self.hooks.by_argument[message[1]] += [(name, "listener") for name in fitting[:1]]
        for value in program.bases(number):
            if value[0] == "L" and value[1].endswith("/handler") and value[2] is not None:
                fitting = [name for name in names if self.takes(name, value[2])]
                self.hooks.by_class[value[2]] += [(name, "listener") for name in (fitting or names)[:1]]
        if roles & {"command_handler", "event_handler"}:
            for expression in program.classes[number].decorators:
                for argument in arguments(expression):
                    target = program.name(module, argument[1]) if argument[0] == "n" else None
                    if target is not None and target[0] == "K":
                        self.hooks.by_class[target[1]] += [(name, "listener") for name in names[:1]]

    def note_moment(self, number: int, words: list[str]) -> None:
        """Note whether a hook runs on saves or on deletes, from the words of its registration."""
        found = {moment for word in words for moment in (moment_of(word),) if moment}
        if len(found) == 1 and self.hooks.moment.get(number) in (None, *found):
            self.hooks.moment[number] = found.pop()
        elif found:
            self.hooks.moment[number] = ""

    def takes(self, number: int, message: int) -> bool:
        """Whether the first parameter of a function has a class as its type."""
        params = self.program.functions[number].params
        value = self.program.type(self.program.function_module[number], params[0].type) if params else None
        return value is not None and value[:2] == ("I", message)

    def note_listener(self, number: int, role: str, decorators: tuple[Expr, ...]) -> None:
        """Enter one decorated function under what it listens to."""
        program, module = self.program, self.program.function_module[number]
        function = program.functions[number]
        owner = program.owner.get(number)
        senders: list[int] = []
        texts: list[str] = []
        for expression in decorators:
            for argument in arguments(expression):
                value = argument[2] if argument[0] == "k" and argument[1] in SENDER_KEYS else argument
                for part in value[1] if value[0] == "o" else (value,):
                    if not part:
                        continue
                    target = program.name(module, part[1]) if part[0] == "n" else None
                    text = text_of(program, module, part)
                    if target is not None and target[0] == "K":
                        senders.append(target[1])
                    elif text is not None:
                        texts.append(text)
        if role == "hook":
            targets = senders or ([owner] if owner is not None and program.language_of(module) != "python" else [])
            for written in targets:
                self.hooks.on_write[written].append(number)
            found = next((r for r in (self.role_of(module, d) for d in decorators) if r and r[0] == "hook"), None)
            if found is not None:
                self.hooks.library[number] = found[1]
                self.note_moment(number, [program.decorator_name(d) for d in decorators] + texts)
            return
        for text in texts:
            self.hooks.by_text[text].append((number, role))
        for param in function.params[:1]:
            value = program.type(module, param.type) if param.type else None
            if value is not None and value[0] == "I":
                self.hooks.by_class[value[1]].append((number, role))
        for sent in senders:
            self.hooks.by_class[sent].append((number, role))


def nested(expression: Expr) -> list[Expr]:
    """Annotations inside the arguments of an annotation: `@Caching(put = [CachePut(...)])`."""
    out: list[Expr] = []
    for argument in arguments(expression):
        inner = argument[2] if argument[0] == "k" else argument
        parts = inner[1] if inner[0] == "o" else (inner,)
        out += [part for part in parts if part and part[0] == "c" and part[1][0] == "n"]
    return out


def texts_in(expression: Expr) -> list[str]:
    """The texts among the arguments of an annotation."""
    out: list[str] = []
    for argument in arguments(expression):
        inner = argument[2] if argument[0] == "k" else argument
        out += [part[1] for part in (inner[1] if inner[0] == "o" else (inner,)) if part and part[0] == "s"]
    return out


def moment_of(word: str) -> str:
    """`save` or `delete` if a hook's or method's name tells which."""
    plain = word.lower()
    if any(part in plain for part in ("delete", "destroy", "remove")):
        return "delete"
    return "save" if any(part in plain for part in ("save", "create", "update", "insert", "persist", "upsert")) else ""

"""What a call does: a client library's effect, a function of the repository, or nothing known."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from .client_calls import BY_NAME, ENTITY_TYPES, EVENT_TYPES
from .construct import Construction
from .containers import LOCATING, MAKERS
from .effects import CARRIED, Effect, Frame
from .imports import Value
from .ir import Expr
from .message_names import SENDING
from .program import Program
from .telling import parts, told

# Calls that run a function given to them at once or soon, on behalf of the caller.
RUNNERS_WORDS = """
map forEach then catch finally submit execute run invoke transaction Transaction atomic run_in_executor
to_thread gather create_task ensure_future setTimeout setImmediate nextTick Thread start flatMap filter
reduce partial with runInTransaction WithTransaction withTransaction RunInTx WithTx runTransaction
supplyAsync runAsync Run call doOnNext doOnSuccess doOnEach delayUntil concatMap switchMap flatMapMany tap peek
thenAccept thenApply thenCompose thenRun thenAcceptAsync thenApplyAsync thenComposeAsync whenComplete ifPresent
ifPresentOrElse orElseGet chain transformToUni andThen record recordCallable observe observeChecked executeSupplier
executeCallable executeRunnable executeCheckedSupplier Execute ExecuteAsync InvokeAsync RunAsync Do Retry retry
"""
RUNNERS = frozenset(RUNNERS_WORDS.split())
# Kotlin functions whose value is that of the lambda they are given.
YIELDING_WORDS = """
lazy run with runCatching runBlocking withContext withTimeout coroutineScope supervisorScope synchronized
"""
YIELDING = frozenset(YIELDING_WORDS.split())
# Methods of a text whose value is that text, as far as what it says in SQL goes.
TEXTUAL = frozenset(
    ["format", "formatted", "concat", "trim", "join", "strip", "trimIndent", "trimMargin", "stripIndent", "dedent"]
)
# Kotlin functions that run a lambda on a value: it is the lambda's `this`, or its argument; the third are those whose
# value is the value itself. Source: https://kotlinlang.org/docs/scope-functions.html, and kotlin.io.use.
ON_THIS = frozenset(["apply", "run", "with"])
SCOPES = frozenset(["let", "also", "use", "takeIf", "takeUnless"]) | ON_THIS
KEEPING = frozenset(["apply", "also", "takeIf", "takeUnless"])
IMPLEMENTER_LIMIT = 8
# Languages in which an unknown type has a name.
TYPED = ("java", "kotlin", "csharp", "go")
# Methods of containers that give the service of their type argument.
LOCATORS_WORDS = """
GetService GetRequiredService GetServices GetKeyedService GetRequiredKeyedService Resolve ResolveKeyed ResolveOptional
GetInstance CreateInstance GetServiceOrCreateInstance
"""
LOCATORS = frozenset(LOCATORS_WORDS.split())
PARTIAL = "functools.partial"
# Values that a bound function keeps: those that can be part of a memoised call.
BOUND = ("L", "I", "K", "F", "M", "S")
# Methods that make an instance of their last type argument from something else.
MAPPINGS = frozenset(["Map", "Adapt", "Deserialize", "DeserializeObject", "DeserializeAsync"])
# A field that holds more functions than this is a table of handlers.
HELD_LIMIT = 3
RAISING = re.compile(
    r"^(?:(?:add|raise|register|record|apply|push|queue|append)\w*(?:event|notification)s?|raise|record|register|occurred)$",
    re.IGNORECASE,
)


@lru_cache(maxsize=100_000)
def raises_by_name(name: str) -> bool:
    """Whether a function is called as one that notes an event on an entity."""
    return RAISING.search(name) is not None


class Calls(Construction):
    """The part of the evaluator that follows calls through the repository."""

    def __init__(self, program: Program) -> None:
        super().__init__(program)
        self._duck_types: dict[int, str | None] = {}
        self._go_types = frozenset(
            type_id
            for entries in program.clients.by_name.values()
            for languages, _, type_id in entries
            if "go" in languages.split(",")
        )

    # -- dispatch

    def call(self, frame: Frame, e: Expr) -> Value:
        """A call expression."""
        callee, line = e[1], e[3]
        frame.line = line
        if callee[0] == "f":
            number = self.program.function_base[frame.module] + callee[1]
            return self.run_closure(frame, ("C", number, frame), ())
        if callee[0] == "a":
            if (
                callee[1] == ("c", ("n", "super"), (), line)
                or callee[1] == ("n", "super")
                or (callee[1][0] == "c" and callee[1][1] == ("n", "super"))
            ):
                return self.call_super(frame, callee[2], e[2], line)
            target = self.eval(frame, callee[1])
            return self.invoke(frame, target, callee[2], e[2], line, callee[1])
        if callee[0] == "n":
            if callee[1] == "super":
                return self.call_super(frame, "constructor", e[2], line)
            return self.call_name(frame, callee[1], e[2], line)
        return self.call_value(frame, self.eval(frame, callee), e[2], line)

    def call_name(self, frame: Frame, name: str, args: Sequence[Expr], line: int) -> Value:
        """A call by plain name: a local, a method of the implied receiver, a function or class of the module."""
        value = self.lookup(frame, name)
        language = self.program.language_of(frame.module)
        if value is None or (value[0] == "K" and language == "java"):
            for this in self.receivers(frame) if language in ("java", "kotlin", "csharp") else ():
                if self.answers(frame, this, name):
                    return self.invoke(frame, this, name, args, line, ("n", "self"))
        if value is None and language == "kotlin" and name in YIELDING and args:
            return self.yielded(frame, args)
        if value is None:
            for languages, type_id in self.program.clients.globals.get(name, ()):
                library = type_id.split("/", maxsplit=1)[0]
                if language in languages.split(",") and library in self.program.near_libraries(
                    self.program.modules[frame.module].path
                ):
                    return self.client(frame, type_id, None, name, args, line, seen=True)
        return self.call_value(frame, value, args, line, name)

    def answers(self, frame: Frame, this: tuple[Any, ...], name: str) -> bool:
        """Whether a name without receiver may be a method of this one."""
        if this[0] in ("I", "K") and self.has_method(this[1], name):
            return True
        if this[0] == "L" and self.program.clients.types[this[1]].kind_of(name) is not None:
            return True
        return self.program.extension(frame.module, this, name) is not None

    def yielded(self, frame: Frame, args: Sequence[Expr]) -> Value:
        """The value of the lambda that comes last, which runs in place."""
        given = self.arguments(frame, args[:-1], inline=True)
        value = self.eval(frame, args[-1])
        if given and value is not None and value[0] == "C":
            return self.run_closure(frame, value, (), this=given[0])
        return self.run_closure(frame, value, ()) if value is not None and value[0] == "C" else None

    def has_method(self, number: int, name: str) -> bool:
        return bool(self.program.find_method(number, name)) or self.library_base(number) is not None

    def call_super(self, frame: Frame, name: str, args: Sequence[Expr], line: int) -> Value:
        this = self.receiver(frame)
        owner = None
        scope: Frame | None = frame
        while scope is not None and owner is None:
            owner = self.program.owner.get(scope.function)
            scope = scope.outer
        for arg in args:
            self.eval(frame, arg)
        if owner is None:
            return this
        if name == "constructor":
            for base in self.program.bases(owner):
                if base[0] == "I":
                    self.constructed.setdefault(base[1], tuple(self.eval(frame, arg) for arg in args))
            return this
        whole = owner
        lineage = self.program.lineage(owner)
        if this is not None and this[0] in ("I", "K") and self.program.language_of(frame.module) == "python":
            around = self.program.lineage(this[1])
            if ("I", owner) in around:  # the next class in the order of the object's own bases, as of a mixin
                whole, lineage = this[1], around[around.index(("I", owner)) :]
        found = self.library_base(whole)
        entity = found[2] if found is not None and found[2] is not None else whole
        for base in lineage[1:]:
            if base[0] == "I" and name in self.program.methods[base[1]]:
                return self.enter_function(frame, self.program.methods[base[1]][name][0], this, args, line)
            if base[0] == "L":
                return self.client(frame, base[1], entity, name, args, line, seen=True)
        return self.client(frame, found[1], entity, name, args, line, seen=True) if found else this

    def invoke(self, frame: Frame, target: Value, name: str, args: Sequence[Expr], line: int, receiver: Expr) -> Value:
        """A method call."""
        if name in SCOPES and args and args[-1][0] == "f" and self.program.language_of(frame.module) == "kotlin":
            own = target is not None and target[0] == "I" and self.program.find_method(target[1], name)
            if not own:
                return self.scoped(frame, target, name, args)
        given = self.given_lambda(frame, name) if target is not None and not self.has_own(target, name) else None
        if given is not None:
            return self.run_closure(frame, given, args, this=target)
        if self.program.extensions and not self.has_own(target, name):
            extending = self.program.extension(frame.module, target, name)
            if extending is None and (target is None or target[0] in ("X", "S", "I")):
                extending = self.member_extension(frame, name)
            if extending is not None:
                return self.extended(frame, extending, target, args, line)
        located = self.located(frame, name, args) if target is None or target[0] == "X" else None
        if located is not None:
            return located
        if target is None:
            return self.unknown(frame, name, args, line, receiver)
        tag = target[0]
        if tag in ("I", "K"):
            return self.invoke_class(frame, target, name, args, line, receiver)
        if tag == "L":
            found = self.program.clients.types[target[1]]
            unlisted = found.kind_of(name) is None and name not in found.returns
            if unlisted and target[2] is not None and self.program.find_method(target[2], name):
                # a method of the entity that a query gave
                return self.invoke_class(frame, ("I", target[2], "managed"), name, args, line, receiver)
            return self.client(frame, target[1], target[2], name, args, line, seen=True)
        if tag == "H":
            return self.call_value(frame, target, args, line)
        if tag in ("F", "C"):
            role = self.roles(target[1])
            if role.type_id is not None:
                return self.client(
                    frame, role.type_id, None, name, args, line, seen=True, topic=self.program.functions[target[1]].name
                )
            found_type = self.task_type(frame, name)
            if found_type is not None:
                title = self.program.functions[target[1]].name
                return self.client(frame, found_type, None, name, args, line, seen=False, topic=title)
            if name in ("call", "apply", "bind", "invoke", "accept", "get", "run", "Invoke", "s", "partial"):
                return self.call_value(frame, target, args, line)
            return self.unknown(frame, name, args, line, receiver)
        if tag in ("X", "M", "P"):
            return self.invoke_namespace(frame, target, name, args, line, receiver)
        if tag == "D":
            return self.call_value(frame, self.attribute(frame, target, name), args, line)
        self.arguments(frame, args, inline=True)
        return target if name in TEXTUAL else None

    def given_lambda(self, frame: Frame, name: str) -> tuple[Any, ...] | None:
        """A Kotlin lambda with receiver that the function was given: `body` of `Transaction(connection).body()`."""
        if self.program.language_of(frame.module) != "kotlin":
            return None
        scope: Frame | None = frame
        while scope is not None:
            value = scope.names.get(name)
            if value is not None:
                return tuple(value) if value[0] == "C" else None
            scope = scope.outer
        return None

    def located(self, frame: Frame, name: str, args: Sequence[Expr]) -> Value:
        """What a container of services gives for a type: `provider.GetRequiredService<IOrders>()`."""
        wanted = args[-1] if args and (name in LOCATORS or name in MAPPINGS) else None
        if wanted is None or wanted[0] != "k" or wanted[1] != "<>":
            return None
        text = wanted[2][1]
        return self.program.type(frame.module, text.rpartition(",")[2].strip() if name in MAPPINGS else text)

    def member_extension(self, frame: Frame, name: str) -> int | None:
        """The extension function of that name that a class around the call declares for its own use."""
        if name not in self.program.extensions or self.program.language_of(frame.module) != "kotlin":
            return None
        for this in self.receivers(frame):
            for number in self.program.find_method(this[1], name) if this[0] in ("I", "K") else ():
                function = self.program.functions[number]
                if function.extends and not function.is_abstract:
                    return number
        return None

    def has_own(self, target: Value, name: str) -> bool:
        """Whether a value's own type has a method, which goes before an extension."""
        if target is not None and target[0] in ("I", "K"):
            return bool(self.program.find_method(target[1], name))
        return (
            target is not None and target[0] == "L" and self.program.clients.types[target[1]].kind_of(name) is not None
        )

    def extended(self, frame: Frame, number: int, target: Value, args: Sequence[Expr], line: int) -> Value:
        """A call of an extension function: its `this`, or in C# its first argument, is the value."""
        values = self.arguments(frame, args, inline=False)
        if self.program.language_of(self.program.function_module[number]) == "csharp":
            owner = self.program.owner.get(number)
            self_value = ("K", owner) if owner is not None else None
            return self.enter_with(frame, number, self_value, [target, *values], line)
        function, module = self.program.functions[number], self.program.function_module[number]
        self.mutate(frame, target, "", line, number)
        self_value = target if target is not None and target[0] in ("I", "L") else None
        self_value = self_value or self.program.type(module, function.extends)
        return self.enter_with(frame, number, self_value, self.by_position(number, args, values), line)

    def scoped(self, frame: Frame, target: Value, name: str, args: Sequence[Expr]) -> Value:
        """`value.let { }` and its like: the lambda runs in place."""
        closure = self.eval(frame, args[-1])
        if closure is None or closure[0] != "C":
            return target
        this = target if name in ON_THIS else None
        value = self.run_closure(frame, closure, (), bound=target, this=this)
        return target if name in KEEPING else value

    def invoke_namespace(
        self, frame: Frame, target: tuple[Any, ...], name: str, args: Sequence[Expr], line: int, receiver: Expr
    ) -> Value:
        language = self.program.language_of(frame.module)
        clients = self.program.clients
        if target[0] == "X":
            qualified = f"{target[1]}.{name}"
            if qualified == PARTIAL and args:
                return self.bind(frame, args)
            constructed = clients.type_of(language, qualified)
            if constructed is not None:
                self.arguments(frame, args, inline=False)
                return ("L", constructed, self.entity_of(frame, args))
            base = clients.type_of(language, target[1])
            if base is not None:
                return self.client(frame, base, None, name, args, line, seen=True)
            for languages, type_id in clients.modules.get(target[1], ()):
                if language in languages.split(","):
                    return self.client(frame, type_id, None, name, args, line, seen=True)
            if language in TYPED and not clients.importers(language, target[1]):
                effect = told(target[1], name)
                if effect is not None:
                    self.arguments(frame, args, inline=False)
                    self.emit(frame, effect[0], effect[1], "", None, line, frozenset({"guessed"}), seen=False)
                    return target
                if parts(target[1], name):
                    self.arguments(frame, args, inline=False)
                    return target
            return self.unknown(frame, name, args, line, receiver)
        value = self.resolved(self.program.member(target, name))
        if value is None:
            return self.unknown(frame, name, args, line, receiver)
        return self.call_value(frame, value, args, line)

    def invoke_class(
        self, frame: Frame, target: tuple[Any, ...], name: str, args: Sequence[Expr], line: int, receiver: Expr
    ) -> Value:
        """A method of a repository class: its own, an implementer's, its library base's, or unknown."""
        number = target[1]
        methods = self.program.find_method(number, name)
        if methods:
            concrete = [m for m in methods if not self.program.functions[m].is_abstract]
            filled = self.overridden(number, name) if concrete and self.is_blank(concrete[0]) else []
            if filled:
                return self.alternatives(frame, filled, args, line)
            if concrete:
                chosen = self.pick(frame, concrete, args)
                self.mutate(frame, target, name, line, chosen)
                return self.enter_function(frame, chosen, target, args, line)
            found = self.implementations(number, name) or self.delegated(number, methods[0], name)
            duck = (
                self.duck_type(number)
                if all(self.program.class_module[sub] in self.tests for sub, _ in found)
                else None
            )
            if duck is not None and self.program.clients.types[duck].kind_of(name) is not None:
                return self.client(frame, duck, None, name, args, line, seen=True)
            if found:
                return self.alternatives(frame, found, args, line)
            if self.roles(methods[0]).effects or self.implemented_by_library(number):
                return self.generated(frame, methods[0], args, line)
        if len(target) > 2 and not methods:
            self.mutate(frame, target, name, line)
        base = self.library_base(number)
        if base is not None and base[1].endswith("/facade"):
            behind = self.behind_facade(number)
            if behind is not None and behind != ("I", number):
                return self.invoke(frame, behind, name, args, line, receiver)
        if base is not None:
            own = number if base[1].endswith((*ENTITY_TYPES, *EVENT_TYPES)) else None
            if target[0] == "K" and name == "as_manager":
                return ("I", number)
            entity = base[2] if base[2] is not None else own if own is not None else self.kept_by.get(number)
            return self.client(frame, base[1], entity, name, args, line, seen=True, static=target[0] == "K")
        value = self.attribute(frame, target, name) if not methods else None
        if value is not None and value[0] in ("C", "F", "K", "L", "X"):
            return self.call_value(frame, value, args, line, name)
        held = self.held.get((number, name), ()) if not methods else ()
        if 0 < len(held) <= HELD_LIMIT:
            return self.run_held(frame, held, args)
        if name in ("new", "builder", "create") and target[0] == "K" and not methods:
            self.arguments(frame, args, inline=True)
            return ("I", number)
        found = self.implementations(number, name) if not methods else []
        if found:
            return self.alternatives(frame, found, args, line)
        for sub in self.program.implementers(number) if not methods else ():
            inherited = self.library_base(sub)
            if inherited is not None and self.program.clients.types[inherited[1]].kind_of(name) is not None:
                return self.client(frame, inherited[1], inherited[2], name, args, line, seen=True)
        if methods:
            library = self.duck_type(number)
            if library is not None and self.program.clients.types[library].kind_of(name) is not None:
                return self.client(frame, library, None, name, args, line, seen=True)
            returned = self.program.functions[methods[0]].returns
            title = self.program.classes[number].name
            value = self.unknown(frame, name, args, line, receiver, title)
            return value or self.program.type(self.program.class_module[number], returned)
        if self.sends_through_base(frame, number, name, args, line):
            return None
        # an unlisted method of an entity or a container of it keeps the type: getters, builders, map, filter
        self.arguments(frame, args, inline=True, bound=target)
        if name == "get" and self.program.language_of(frame.module) in ("java", "kotlin"):
            return target  # of an Optional, a Map, a List or a Supplier: the class has no such method
        return target if name not in ("get", "value", "id") or len(target) > 2 else None

    def sends_through_base(self, frame: Frame, number: int, name: str, args: Sequence[Expr], line: int) -> bool:
        """Emit a message for a method of a base class that is not in the repository, if an instance is made with the
        client of a broker: `new OrderCreatedPublisher(producer).publish(order)`."""
        program = self.program
        if SENDING.fullmatch(name) is None or all(base[0] != "X" for base in program.lineage(number)):
            return False
        given = list(self.constructed.get(number, ()))
        for method in program.find_method(number, "constructor") or program.find_method(number, "__init__"):
            module = program.function_module[method]
            given += [program.type(module, param.type) for param in program.functions[method].params if param.type]
        for value in given:
            client = program.clients.types[value[1]] if value is not None and value[0] == "L" else None
            if client is not None and any(kind == "publish" for kind in client.methods.values()):
                self.arguments(frame, args, inline=False)
                self.emit(frame, "publish", client.technology, "", None, line, library=client.library, seen=False)
                return True
        return False

    def is_blank(self, number: int) -> bool:
        """Whether a method does nothing: a place that subclasses fill."""
        function = self.program.functions[number]
        return not function.calls and len(function.body) <= 1 and function.name != "constructor"

    def overridden(self, number: int, name: str) -> list[tuple[int, int]]:
        """The methods of subclasses that fill a blank one."""
        if self.program.classes[number].kind != "class":
            return []
        found = [pair for pair in self.implementations(number, name) if not self.is_blank(pair[1])]
        return [(sub, method) for sub, method in found if self.program.class_module[sub] not in self.tests]

    def generated(self, frame: Frame, number: int, args: Sequence[Expr], line: int) -> Value:
        """A method without a body that a library implements by its annotations."""
        values = self.arguments(frame, args, inline=False)
        entity = next((v[1] for v in values if v is not None and v[0] == "I"), None)
        owner = self.program.owner.get(number)
        effects = self.roles(number).effects or (self.implemented_by_library(owner) if owner is not None else [])
        for kind, technology, library in effects:
            self.emit(frame, kind, technology, "", entity, line, library=library)
        function = self.program.functions[number]
        value = self.program.type(self.program.function_module[number], function.returns) if function.returns else None
        base = self.library_base(owner) if owner is not None else None
        if value is not None and value[0] == "I" and base is not None and self.program.clients.types[base[1]].managed:
            return ("I", value[1], "managed")
        return value

    def duck_type(self, number: int) -> str | None:
        """The library type that a Go interface without implementers was written for: it has the same methods."""
        if self.program.language_of(self.program.class_module[number]) != "go":
            return None
        if number not in self._duck_types:
            names = set(self.program.methods[number])
            clients = self.program.clients
            home = self.program.modules[self.program.class_module[number]]
            beside = {lib for path in home.imports.values() for lib in clients.importers("go", path)}
            fitting = [
                (sum(client.kind_of(name) is not None for name in names), type_id)
                for type_id, client in clients.types.items()
                if client.library in self.program.libraries and type_id in self._go_types
            ]
            enough = [
                (clients.types[type_id].library not in beside, -count, type_id)
                for count, type_id in fitting
                if 2 * count >= len(names) and (count >= 2 or (count and clients.types[type_id].library in beside))
            ]
            self._duck_types[number] = min(enough)[2] if enough else None
        return self._duck_types[number]

    def behind_facade(self, number: int) -> Value:
        """What the static calls of a facade class reach: the class or the container's name that it gives."""
        accessors = self.program.find_method(number, "getFacadeAccessor")
        value = self.summary(accessors[0], ("I", number)).value if accessors else None
        if value is not None and value[0] == "K":
            return ("I", value[1])
        if value is None or value[0] != "S":
            return None
        last = re.split(r"[\\\\./]", value[1])[-1]
        named = [c for c in self.program.class_names.get(last, ()) if c != number]
        return ("I", named[0]) if len(named) == 1 else None

    def implementations(self, number: int, name: str) -> list[tuple[int, int]]:
        """(class, function) of the implementers of a method; test doubles only if there is nothing else."""
        out = []
        for sub in self.program.implementers(number):
            for method in self.program.methods[sub].get(name, ()):
                if not self.program.functions[method].is_abstract:
                    out.append((sub, method))
        for sub in self.program.implementers(number) if not out else ():  # what they inherit from a common base
            for method in self.program.find_method(sub, name):
                if not self.program.functions[method].is_abstract:
                    out.append((sub, method))
        real = [pair for pair in out if self.program.class_module[pair[0]] not in self.tests]
        return real or out

    def delegated(self, number: int, method: int, name: str) -> list[tuple[int, int]]:
        """Where a class or a wider interface leaves a method to another object: `class A(b: B) : B by b`, a Go struct
        of embedded interfaces."""
        declaring = self.program.owner.get(method)
        if declaring is None or declaring == number:
            return []
        return [pair for pair in self.implementations(declaring, name) if pair[0] != number]

    def alternatives(self, frame: Frame, found: list[tuple[int, int]], args: Sequence[Expr], line: int) -> Value:
        """Several implementers are arms of one branch: only one of them runs."""
        context, flags, value = frame.context, frame.flags, None
        frame.flags = flags | {"interface"}
        found = self.fitting(frame, found, args)[:IMPLEMENTER_LIMIT]
        node = next(self.ids)
        self.alternative_nodes.add(node)
        for at, (owner, method) in enumerate(found):
            if len(found) > 1:
                frame.context = (*context, (node, at))
            value = self.enter_function(frame, method, ("I", owner), args, line) or value
        frame.context, frame.flags = context, flags
        return value

    def fitting(self, frame: Frame, found: list[tuple[int, int]], args: Sequence[Expr]) -> list[tuple[int, int]]:
        """The implementers that can take the arguments: one of the handlers of many messages."""
        if len(found) < 2 or not args:
            return found
        given = [self.quiet(frame, arg) if arg[0] in ("n", "a") else None for arg in args]
        if not any(value is not None and value[0] == "I" for value in given):
            return found
        kept = []
        for owner, method in found:
            module, params = self.program.function_module[method], self.program.functions[method].params
            for param, value in zip(params, given, strict=False):
                wanted = self.program.type(module, param.type) if value is not None and value[0] == "I" else None
                if value is None or wanted is None or wanted[0] != "I":
                    continue
                if not self.program.inherits(value[1], wanted[1]) and not self.program.inherits(wanted[1], value[1]):
                    break
            else:
                kept.append((owner, method))
        return kept or found

    def run_held(self, frame: Frame, held: Sequence[Value], args: Sequence[Expr]) -> Value:
        """The functions that a field is known to hold are arms of one branch."""
        context, value, node = frame.context, None, next(self.ids)
        for at, function in enumerate(held):
            if len(held) > 1:
                frame.context = (*context, (node, at))
            value = self.call_value(frame, function, args, frame.line) or value
        frame.context = context
        return value

    def pick(self, frame: Frame, methods: list[int], args: Sequence[Expr]) -> int:
        """The overload that fits the arguments best."""
        if len(methods) == 1:
            return methods[0]
        positional = [arg for arg in args if arg[0] != "k" or arg[1] != "<>"]
        best, best_score = methods[0], -1
        for method in methods:
            function = self.program.functions[method]
            score = 4 if len(function.params) == len(positional) else 0
            for param, arg in zip(function.params, positional, strict=False):
                value = self.lookup(frame, arg[1]) if arg[0] == "n" else None
                wanted = self.program.type(self.program.function_module[method], param.type)
                if value is not None and wanted is not None and value[:2] == wanted[:2]:
                    score += 2
            if score > best_score:
                best, best_score = method, score
        return best

    def call_value(self, frame: Frame, value: Value, args: Sequence[Expr], line: int, name: str = "") -> Value:
        """A call of something held in a variable."""
        if value is None:
            if args and name in LOCATING and self.program.language_of(frame.module) in BY_NAME:
                given = self.contained(frame, name, args)
                if given is not None:
                    return given
            self.arguments(frame, args, inline=self.runs(frame, name, args))
            return None
        tag = value[0]
        if tag == "F":
            function, home = self.program.functions[value[1]], self.program.owner.get(value[1])
            behind = self.implementations(home, function.name) if function.is_abstract and home is not None else []
            if behind:  # the method of an interface, taken as a value
                return self.alternatives(frame, behind, args, line)
            called = self.roles(value[1]).type_id
            if called is not None and self.program.clients.types[called].kind_of("()") is not None:
                # a task that a call puts into its queue
                title = self.program.functions[value[1]].name
                return self.client(frame, called, None, "()", args, line, seen=True, topic=title)
            if len(value) > 3:
                return self.enter_bound(frame, value, args, line)
            return self.enter_function(frame, value[1], value[2], args, line)
        if tag == "C":
            return self.run_closure(frame, value, args)
        if tag == "H":
            held = self.held[value[1], value[2]]
            return self.run_held(frame, held if len(held) <= HELD_LIMIT else (), args)
        if tag == "K":
            return self.make(frame, value, args)
        if tag == "X":
            language = self.program.language_of(frame.module)
            found = self.program.clients.type_of(language, value[1])
            if found is not None:
                client = self.program.clients.types[found]
                if client.kind_of("()") is not None:
                    return self.client(frame, found, None, "()", args, line, seen=True)
                self.arguments(frame, args, inline=False)
                return ("L", found, self.entity_of(frame, args))
            if value[1] == PARTIAL and args:
                return self.bind(frame, args)
            head, _, last = value[1].rpartition("#" if "#" in value[1] else ".")
            if last in MAKERS and args:
                return self.arguments(frame, args, inline=False)[0]
            owner = self.program.clients.type_of(language, head) if head and language in ("java", "kotlin") else None
            if owner is not None and self.program.clients.types[owner].kind_of(last) is not None:
                return self.client(frame, owner, None, last, args, line, seen=True)
            for languages, type_id in self.program.clients.modules.get(head, ()):
                if language in languages.split(","):
                    return self.client(frame, type_id, None, last, args, line, seen=True)
            self.arguments(frame, args, inline=self.runs(frame, last or name, args))
            return ("X", value[1])
        if tag == "L":
            return self.client(frame, value[1], value[2], "()", args, line, seen=True)
        if tag == "I":
            for method in ("__call__", "invoke", "__invoke"):
                found_methods = self.program.find_method(value[1], method)
                if found_methods:
                    return self.enter_function(frame, found_methods[0], value, args, line)
        self.arguments(frame, args, inline=True)
        return None

    # -- functions of the repository

    def bind(self, frame: Frame, args: Sequence[Expr]) -> Value:
        """`partial(function, ...)`: the function with what is already given, by position or by name."""
        values = self.arguments(frame, args, inline=False)
        function = values[0]
        if function is None or function[0] != "F":
            if function is not None and function[0] == "C":
                return function
            if args[0][0] == "a":  # `partial(task.delay, id)` is as good as the call
                self.call(frame, ("c", args[0], tuple(args[1:]), frame.line))
            return None
        given = tuple(
            (arg[1] if arg[0] == "k" else "", value if value is not None and value[0] in BOUND else None)
            for arg, value in zip(args[1:], values[1:], strict=True)
        )
        return ("F", function[1], function[2], (*(function[3] if len(function) > 3 else ()), *given))

    def enter_bound(self, frame: Frame, function: tuple[Any, ...], args: Sequence[Expr], line: int) -> Value:
        """A call of a function that was bound to some of its arguments before."""
        values = self.arguments(frame, args, inline=False)
        names = [param.name for param in self.program.functions[function[1]].params]
        placed = dict(
            zip(names, [*(v for name, v in function[3] if not name), *self.unnamed(args, values)], strict=False)
        )
        placed |= {name: value for name, value in function[3] if name}
        placed |= {arg[1]: value for arg, value in zip(args, values, strict=True) if arg[0] == "k"}
        return self.enter_with(frame, function[1], function[2], [placed.get(name) for name in names], line)

    @staticmethod
    def unnamed(args: Sequence[Expr], values: Sequence[Value]) -> list[Value]:
        return [value for arg, value in zip(args, values, strict=True) if arg[0] != "k"]

    def enter_function(self, frame: Frame, number: int, self_value: Value, args: Sequence[Expr], line: int) -> Value:
        """Inline the summary of a function at a call."""
        values = self.arguments(frame, args, inline=False)
        return self.enter_with(frame, number, self_value, self.by_position(number, args, values), line)

    def enter_with(self, frame: Frame, number: int, self_value: Value, values: list[Value], line: int) -> Value:
        """The same with arguments that were evaluated."""
        owner = self.program.owner.get(number)
        around = self.anonymous.get(owner) if owner is not None else None
        found = self.summary(number, self_value, tuple(values), around)
        raised = self.raises(number, values)
        if raised is not None:
            self.emit(frame, "raise", "in-process", "", raised, line)
        flushed = False
        changing = {effect.technology for effect in found.effects if effect.kind in CARRIED}
        alone = len(changing) == 1 and self.overrides(number)
        for effect in found.effects:
            flushed = flushed or effect.kind == "flush"
            self.compose(frame, effect, number, line, own=alone and effect.kind == "write" and effect.depth == 0)
        if flushed:
            self.release(frame, line)
        self.inlined.add(number)
        value: Value = found.value
        return value

    def overrides(self, number: int) -> bool:
        """Whether a method stands for a write of the library that its class inherits: a model's own `save`."""
        owner = self.program.owner.get(number)
        base = self.library_base(owner) if owner is not None else None
        if base is None or not base[1].endswith(ENTITY_TYPES):
            return False
        return self.program.clients.types[base[1]].kind_of(self.program.functions[number].name) == "write"

    def raises(self, number: int, values: Sequence[Value]) -> int | None:
        """The event class that a call notes on an entity: it is published when the entity is flushed."""
        if not self.hooks.by_class or not raises_by_name(self.program.functions[number].name):
            return None
        for value in values[:1]:
            if value is not None and value[0] == "I" and value[1] in self.hooks.by_class:
                return int(value[1])
        return None

    def compose(self, frame: Frame, effect: Effect, number: int, line: int, own: bool = False) -> None:
        """A callee's effect as one of the caller's; `own` if the callee is no more than the effect itself."""
        if effect.kind not in CARRIED and (effect.depth > 1 or "hook" in frame.flags):
            return
        after = "after_commit" in effect.flags or "after_commit" in frame.flags
        here = effect.home >= 0 and effect.home == self.root(frame.function)
        # in a closure of a function that waits further up: what runs it owns nothing of it
        own = own or here or (effect.home >= 0 and any(key[0] == effect.home for key in self.running))
        frame.add(
            effect._replace(
                at=line,
                context=(frame.context + effect.context)[:14],
                transaction=0 if after else frame.transaction or effect.transaction,
                flags=effect.flags | frame.flags | {"helper"},
                depth=effect.depth if own else effect.depth + 1,
                origin=effect.origin if own else number,
                home=-1 if here else effect.home,
            )
        )

    def root(self, number: int) -> int:
        """The named function around a closure."""
        base = self.program.function_base[self.program.function_module[number]]
        while self.program.functions[number].name.startswith("<") and self.program.functions[number].outer is not None:
            number = base + self.program.functions[number].outer  # type: ignore[operator]
        return number

    def run_closure(
        self, frame: Frame, closure: tuple[Any, ...], args: Sequence[Expr], bound: Value = None, this: Value = None
    ) -> Value:
        """Run a closure in place: its effects are those of the function that runs it; `this` if it is given one."""
        number, outer = closure[1], closure[2]
        values = self.arguments(frame, args, inline=False)
        key = ("C", number)
        if key in self.running or len(self.running) > 60:
            return None
        self.running.add(key)
        self.inlined.add(number)
        function = self.program.functions[number]
        inner = Frame(self.program.function_module[number], number, this, outer)
        inner.context, inner.transaction, inner.flags = frame.context, frame.transaction, frame.flags
        inner.effects, inner.seen = frame.effects, frame.seen
        for at, param in enumerate(function.params):
            value = values[at] if at < len(values) else bound if at == 0 else None
            declared = self.program.type(inner.module, param.type) if param.type else None
            if declared is not None and (value is None or value[0] == "X"):
                value = declared
            if param.name.startswith("{"):
                for name in param.name.strip("{}").split(","):
                    inner.names[name] = (
                        self.attribute(frame, value, name) if value is not None else self.guess(name, inner.module)
                    )
                continue
            inner.names[param.name] = value
        before = len(frame.effects)
        try:
            self.block(inner, function.body)
        finally:
            self.running.discard(key)
        home = self.root(number)
        if home != self.root(frame.function):
            for at in range(before, len(frame.effects)):
                if frame.effects[at].home < 0:
                    frame.effects[at] = frame.effects[at]._replace(home=home)
        frame.transaction = (
            inner.transaction
            if outer is frame and function.name.startswith("<") and frame.transaction
            else frame.transaction
        )
        return inner.returned  # type: ignore[no-any-return]

    def arguments(self, frame: Frame, args: Sequence[Expr], inline: bool, bound: Value = None) -> list[Value]:
        """Evaluate arguments; functions among them run in place if `inline`."""
        out: list[Value] = []
        for arg in args:
            value = self.eval(frame, arg)
            out.append(value)
            if inline and value is not None:
                self.run_argument(frame, value, bound)
            if inline and arg[0] == "a" and (value is None or value[0] == "L"):
                self.run_reference(frame, arg)
        return out

    def run_reference(self, frame: Frame, arg: Expr) -> None:
        """`repository::save` given as a function."""
        target = self.quiet(frame, arg[1])
        if target is not None and target[0] == "I":
            base = self.library_base(target[1])
            target = base if base is not None else target
        if (
            target is not None
            and target[0] == "L"
            and self.program.clients.types[target[1]].kind_of(arg[2]) is not None
        ):
            self.client(frame, target[1], target[2], arg[2], (), frame.line or self.line_of(arg), seen=True)

    def line_of(self, e: Expr) -> int:
        """The line of the innermost call or function in an expression, 0 if it has none."""
        while e[0] in ("a", "i", "w", "as"):
            e = e[1]
        return int(e[3]) if e[0] in ("c", "new") else 0

    def run_argument(self, frame: Frame, value: Value, bound: Value) -> None:
        if value is None:
            return
        if value[0] == "C":
            self.run_closure(frame, value, (), bound)
        elif value[0] == "I" and value[1] in self.anonymous:
            for methods in self.program.methods[value[1]].values():
                self.enter_with(frame, methods[0], value, [bound] if bound is not None else [], frame.line)
        elif value[0] == "F" and frame.function not in (value[1],):
            found = self.summary(value[1], value[2], (bound,) if bound is not None else ())
            for effect in found.effects:
                self.compose(frame, effect, value[1], self.program.functions[value[1]].line)
        elif value[0] == "D":
            for _, item in value[1]:
                if item is not None and item[0] == "C":
                    self.run_closure(frame, item, (), bound)

    def runs(self, frame: Frame, name: str, args: Sequence[Expr]) -> bool:
        """Whether an unknown callee runs functions given to it; handlers are registered instead."""
        language = self.program.language_of(frame.module)
        if name in self.program.clients.handlers.get("any", ()) or name in self.program.clients.handlers.get(
            language, ()
        ):
            label = next((arg[1] for arg in args if arg[0] == "s"), "")
            for arg in args:
                inner = arg[2] if arg[0] == "k" else arg
                if inner[0] == "f":
                    number = self.program.function_base[frame.module] + inner[1]
                    self.registered.setdefault(number, (frame, f"{name.upper()} {label}".strip()))
                elif inner[0] == "c":
                    for part in inner[2]:
                        if part[0] == "f":
                            number = self.program.function_base[frame.module] + part[1]
                            self.registered.setdefault(number, (frame, f"{name.upper()} {label}".strip()))
            return False
        if any(arg[0] == "n" or (arg[0] == "a") for arg in args) and name not in RUNNERS:
            return any(arg[0] == "f" for arg in args) and not any(
                arg[0] in ("n", "a") and self.is_function(frame, arg) for arg in args
            )
        return True

    def is_function(self, frame: Frame, arg: Expr) -> bool:
        value = self.quiet(frame, arg)
        return value is not None and value[0] == "F"

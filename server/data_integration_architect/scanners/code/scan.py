"""The scan of source code: files in, effects, stores and dual writes out. No disk, no clock, no network."""

from __future__ import annotations

import gc
import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from ..facts import CodeFunction, CodeScan, DualWrite, StoreUse
from ..isolated import read_isolated
from .carriers import ENTERING
from .client_calls import TOPIC_KEYS, texts_of
from .clients import Clients
from .conclude import Conclusions
from .effects import EMPTY, Effect, Frame, Summary
from .evaluate import Evaluator
from .ir import HOLDS, PASSED, Expr, Module
from .manifests import Manifest, is_manifest, read_manifest
from .mappers import read_mapper
from .parse import TEXT_LIMIT, language_ending, parse_source
from .paths import is_generated, is_test, is_vendored
from .program import Program, arguments
from .technologies import TELLING, Technologies, addresses, providers

# Technologies that say no more than what they are for, or that keep nothing.
UNNAMED = frozenset({"sql", "cache", "broker", "queue", "http", "email", "metrics", "local-cache", "in-process"})
# Methods of consumer classes that get the message.
MESSAGE_METHODS = frozenset({"Consume", "Handle", "HandleAsync", "ConsumeAsync", "handle", "consume"})
# The setting that binds the result of a function to a topic.
BOUND_OUTPUT = re.compile(r"\b([A-Za-z_]\w*)-out-\d")
# Fewer make too few objects for their collection to matter.
FEW_MODULES = 50
CONFIG_ENDINGS = (
    ".yml",
    ".yaml",
    ".properties",
    ".env",
    ".toml",
    ".json",
    ".cfg",
    ".ini",
    ".conf",
    ".xml",
    ".sample",
    ".example",
    ".prisma",
)


@dataclass(slots=True)
class Given:
    """The files of a repository as far as they are read: sources, and what the other files say of them."""

    sources: list[tuple[str, str]] = field(default_factory=list)
    manifests: list[Manifest] = field(default_factory=list)
    # path -> technologies whose connection addresses occur there
    addressed: dict[str, Counter[str]] = field(default_factory=dict)
    # qualified name of an interface -> method -> `write` or `read`, by mapper files
    mapped: dict[str, dict[str, str]] = field(default_factory=dict)
    bound_outputs: set[str] = field(default_factory=set)


def scan_sources(
    files: Iterable[tuple[str, bytes]],
    clients: Clients,
    workers: int = 2,
    progress: Callable[[int, int], None] | None = None,
) -> CodeScan:
    """Effects and dual writes of a repository given as (path with `/`, content) pairs.

    Paths are relative to the repository. `workers` processes parse; 0 parses in this process, for tests. Misses: code
    reached by reflection, generated clients, stored procedures, calls between services.
    """
    skipped: Counter[str] = Counter()
    given = sort_files(files, skipped)
    modules: list[Module] = []
    for found in read_isolated(given.sources, parse_source, lambda _path, reason: reason, workers, progress):
        if isinstance(found, str):
            skipped[found] += 1
        else:
            modules.append(found)
    given.sources.clear()
    if len(modules) < FEW_MODULES:
        return analyse(modules, given, clients, dict(skipped))
    gc.freeze()  # a million lines are tens of millions of objects that no collection need look at again
    try:
        return analyse(modules, given, clients, dict(skipped))
    finally:
        gc.unfreeze()
        modules.clear()
        # What was frozen counts as old, and a server would keep the cycles of one scan until long after the next.
        gc.collect()


def sort_files(files: Iterable[tuple[str, bytes]], skipped: Counter[str]) -> Given:
    """The files by what they are read for; what is skipped is counted by reason."""
    given = Given()
    known: set[str] = set()
    for path, content in files:
        ending = language_ending(path)
        config = ending is None and (path.endswith(CONFIG_ENDINGS) or ".env" in path)
        if ending is None and not config and not is_manifest(path):
            continue
        if path in known:
            continue
        known.add(path)
        if is_vendored(path):
            skipped["vendored"] += 1
            continue
        if len(content) > TEXT_LIMIT:
            skipped["too-large"] += 1
            continue
        if b"\0" in content[:4096]:
            skipped["binary"] += 1
            continue
        text = content.decode("utf-8", "replace")
        if is_manifest(path):
            manifest = read_manifest(path, text)
            if manifest is not None and not is_test(path):
                given.manifests.append(manifest)
        if not is_test(path) and (path.endswith(".prisma") or any(word in text for word in TELLING)):
            found = providers(text) if path.endswith(".prisma") else addresses(text)
            if found:
                given.addressed[path] = found
        if config and "-out-" in text and not is_test(path):
            given.bound_outputs.update(BOUND_OUTPUT.findall(text))
        if path.endswith(".xml") and "<mapper" in text:
            mapper = read_mapper(text)
            if mapper is not None:
                given.mapped.setdefault(mapper[0], {}).update(mapper[1])
        if ending is None:
            continue
        if is_generated(path, text[:600]):
            skipped["generated"] += 1
            continue
        given.sources.append((path, text))
    given.sources.sort()
    given.manifests.sort(key=lambda m: m.path)
    return given


def analyse(modules: Sequence[Module], given: Given, clients: Clients, skipped: dict[str, int]) -> CodeScan:
    """The scan of parsed modules."""
    program = Program(modules, given.manifests, clients)
    program.mapped, program.bound_outputs = given.mapped, frozenset(given.bound_outputs)
    evaluator = Evaluator(program)
    evaluator.tests = frozenset(i for i, module in enumerate(modules) if is_test(module.path))
    technologies = Technologies(program, clients, given.addressed)
    conclusions = Conclusions(program, technologies, evaluator.alternative_nodes)
    evaluator.collect()
    registered_hooks(evaluator)
    found: dict[int, tuple[str, Summary]] = {}
    for number, function in enumerate(program.functions):
        named = not function.name.startswith("<") and not function.outer
        if named or function.name == "<module>":
            found[number] = (title(program, number), standalone(evaluator, number))
    for number in range(len(program.functions)):
        if number in found or number in evaluator.inlined:
            continue
        frame, label = evaluator.registered.get(number, (evaluator.closures.get(number), ""))
        found[number] = (label or title(program, number), closure(evaluator, number, frame))
    functions: list[CodeFunction] = []
    writes: list[DualWrite] = []
    for number, (name, summary) in sorted(found.items()):
        consumed = consumptions(evaluator, number)
        if not summary.effects and not consumed:
            continue
        function, path = program.functions[number], program.path_of(number)
        test = program.function_module[number] in evaluator.tests
        effects = tuple(
            conclusions.effect(e)
            for e in (*consumed, *conclusions.relayed(number, summary.effects))
            if e.kind != "raise"
        )
        functions.append(CodeFunction(path, name, function.line, function.end_line, test, effects))
        if not test and function.name != "<module>":
            finding = conclusions.dual_write(number, name, summary.effects)
            library = evaluator.hooks.library.get(number)
            if finding is None and library is not None:
                finding = conclusions.hooked(number, name, library, summary.effects, "commit" in function.name)
            if finding is not None:
                writes.append(finding)
    functions.sort(key=lambda f: (f.path, f.line, f.name))
    writes.sort(key=lambda w: (w.path, w.line, w.function))
    stores = stores_used(program, technologies, functions, given.addressed)
    return CodeScan(
        tuple(functions),
        stores,
        tuple(writes),
        len(modules),
        sum(m.lines for m in modules),
        dict(sorted(skipped.items())),
    )


def registered_hooks(evaluator: Evaluator) -> None:
    """Run the functions that register hooks or fill fields with functions; forget what was summarised before."""
    words: set[str] = {HOLDS, *ENTERING}
    for client in evaluator.program.clients.types.values():
        words |= {name for name, kind in client.methods.items() if kind in ("hook", "listen", "answer")}
    words |= {function.name for function in evaluator.program.functions if PASSED in function.calls}
    for number, function in enumerate(evaluator.program.functions):
        if function.calls & words and evaluator.program.function_module[number] not in evaluator.tests:
            standalone(evaluator, number)
    evaluator.memo.clear()
    evaluator.forget_unknown()  # what a container gives is known only now
    evaluator.variants.clear()
    evaluator.registered.clear()
    evaluator.inlined.clear()
    evaluator.closures.clear()


def consumptions(evaluator: Evaluator, number: int) -> list[Effect]:
    """What starts a function: messages of the topics that its registration or annotations name."""
    program = evaluator.program
    module, function = program.function_module[number], program.functions[number]
    found = list(evaluator.consumed.get(number, ()))
    owner = program.owner.get(number)
    for expression in function.decorators:
        role = evaluator.role_of(module, expression)
        if role is not None and role[0] == "consumer":
            frame = Frame(module, number, ("I", owner) if owner is not None else None, None)
            technology = program.clients.technology.get(role[1], "")
            for topic in annotated_topics(evaluator, frame, expression) or [""]:
                found.append((technology, topic, role[1]))
    for base in program.bases(owner) if owner is not None else ():
        if base[0] == "L" and base[1].endswith("/consumer") and function.name in MESSAGE_METHODS:
            topic = program.classes[base[2]].name if base[2] is not None else ""
            client = program.clients.types[base[1]]
            found.append((client.technology, topic, client.library))
    flags: frozenset[str] = frozenset()
    line = function.line
    return [
        Effect("consume", technology, topic[:120], None, number, line, line, (), 0, flags, 0, -1, True, library)
        for technology, topic, library in dict.fromkeys(found)
    ]


def annotated_topics(evaluator: Evaluator, frame: Frame, expression: Expr) -> list[str]:
    """Topics that an annotation names, constants followed; lists give each of their entries."""
    spread: list[Expr] = []
    for arg in arguments(expression):
        name, inner = (arg[1], arg[2]) if arg[0] == "k" else ("value", arg)
        spread += [("k", name, part) for part in (inner[1] if inner[0] == "o" else (inner,))]
    wanted = [a for key in (*TOPIC_KEYS, "destination", "value") for a in spread if a[1].lower() == key]
    named = [a for a in wanted if a[1] == wanted[0][1]]
    return [text for a in named for text in texts_of(evaluator.quiet(frame, a[2]))]


def standalone(evaluator: Evaluator, number: int) -> Summary:
    """A function as called from outside."""
    if evaluator.program.functions[number].is_abstract:
        return EMPTY
    owner = evaluator.program.owner.get(number)
    return evaluator.summary(number, ("I", owner) if owner is not None else None)


def closure(evaluator: Evaluator, number: int, frame: Frame | None) -> Summary:
    """A function value that nothing seen runs: a handler."""
    owner = evaluator.program.owner.get(number)
    if frame is None:
        return evaluator.summary(number, ("I", owner) if owner is not None else None)
    return evaluator.summary(number, None, (), frame)


def title(program: Program, number: int) -> str:
    """Class and name of a function; an anonymous one takes the name around it."""
    function, owner = program.functions[number], program.owner.get(number)
    if function.name.startswith("<") and function.outer:
        base = program.function_base[program.function_module[number]]
        return f"{title(program, base + function.outer)}.{function.name}"
    return f"{program.classes[owner].name}.{function.name}" if owner is not None else function.name


def stores_used(
    program: Program, technologies: Technologies, functions: Sequence[CodeFunction], addressed: dict[str, Counter[str]]
) -> tuple[StoreUse, ...]:
    """Technologies in use, best evidence first: a call, an import, a manifest, an address."""
    clients = program.clients
    found: dict[str, StoreUse] = {}

    def note(technology: str, evidence: str, path: str, line: int) -> None:
        if technology and technology not in UNNAMED:
            found.setdefault(technology, StoreUse(technology, evidence, path, line))

    for function in functions:
        if not function.is_test:
            for effect in function.effects:
                note(effect.technology, "call", effect.path, effect.line)
    known: dict[tuple[str, str], list[str]] = {}
    for module in program.modules:
        if not is_test(module.path):
            for name in (*module.imports.values(), *module.wildcards):
                key = (module.language, name)
                if key not in known:
                    known[key] = clients.importers(*key)
                for library in known[key]:
                    note(
                        technologies.resolve(clients.technology.get(library, ""), module.path), "import", module.path, 1
                    )
    for manifest in program.manifests:
        for package in sorted(manifest.packages):
            for library in program.package_libraries(manifest.ecosystem, package):
                note(
                    technologies.resolve(clients.technology.get(library, ""), manifest.path),
                    "manifest",
                    manifest.path,
                    1,
                )
    for path in sorted(addressed):
        for technology in sorted(addressed[path]):
            note(technology.removeprefix("queue:"), "address", path, 1)
    return tuple(found[name] for name in sorted(found))

"""Type annotations as text to (name, arguments)."""

from __future__ import annotations

import re
from functools import lru_cache

# Containers and wrappers whose content is what calls are made on; a container of T is read as T.
WRAPPERS_WORDS = """
List Set Collection Iterable Iterator Sequence Array ReadonlyArray Optional Promise Observable Task ValueTask
IEnumerable ICollection IList IReadOnlyList IReadOnlyCollection IQueryable IAsyncEnumerable HashSet Queue
Stack Mono Flux Single Maybe CompletableFuture CompletionStage Future Stream Page Slice ObjectProvider
Provider Lazy IOptions Ref Final ClassVar Annotated Awaitable Coroutine AsyncIterator AsyncGenerator
Generator Type type list tuple set frozenset deque Iter Seq MutableList MutableSet LinkedList ArrayList
Inject Depends Union Pointer Atomic IServiceProvider Partial Readonly Required NonNullable Awaited
WeakReference Result Either Flow StateFlow Deferred ResponseEntity ActionResult ApiResponse ConcurrentBag
Mapped Dynamic HydratedDocument InstanceType
"""
WRAPPERS = frozenset(WRAPPERS_WORDS.split())
MAPS_WORDS = """
Map Dict dict Mapping Record HashMap ConcurrentHashMap ConcurrentDictionary Dictionary IDictionary MutableMap
"""
MAPS = frozenset(MAPS_WORDS.split())
NOTHING = frozenset(["None", "null", "undefined", "void", "Unit", "nil", "Void"])

NAME = re.compile(r"[\w.$#\\]+")


@lru_cache(maxsize=20_000)
def parse_type(text: str) -> tuple[str, tuple[str, ...]] | None:
    """(name, argument texts) of the type that calls are made on; `None` for functions, literals and nothing."""
    if len(text) > 300:
        return None
    text = text.strip().lstrip("*&").strip().strip("\"'")
    for word in (
        "readonly ",
        "const ",
        "final ",
        "in ",
        "out ",
        "ref ",
        "params ",
        "typeof ",
        "keyof ",
        "this ",
        "suspend ",
    ):
        text = text.removeprefix(word).strip()
    while text.startswith(("[]", "*", "...", "chan ", "<-chan ")):
        text = text.removeprefix("<-chan ").removeprefix("chan ").removeprefix("...").lstrip("[]*").strip()
    if text.startswith("map["):
        end = matching(text, 3)
        return parse_type(text[end + 1 :])
    if not text or text.startswith(("(", "{", "func", "new ", "interface{", "struct{")):
        return None
    for part in split_union(text):
        if part not in NOTHING:
            text = part
            break
    while text.endswith(("?", "[]", "!")):
        text = text.removesuffix("?").removesuffix("[]").removesuffix("!")
    found = NAME.match(text)
    if found is None:
        return None
    name, rest = found.group(), text[found.end() :].strip()
    arguments: tuple[str, ...] = ()
    if rest[:1] in ("<", "["):
        end = matching(rest, 0)
        arguments = tuple(split_arguments(rest[1:end]))
    short = name.rsplit(".", 1)[-1]
    if short in MAPS and len(arguments) > 1:
        return parse_type(arguments[1])
    if short in WRAPPERS and arguments:
        return parse_type(arguments[0])
    return name, arguments


def matching(text: str, start: int) -> int:
    """Position of the bracket that closes the one at `start`, the end of the text if there is none."""
    depth = 0
    for at in range(start, len(text)):
        if text[at] in "<[(":
            depth += 1
        elif text[at] in ">])":
            depth -= 1
            if depth == 0:
                return at
    return len(text)


def split_arguments(text: str, mark: str = ",") -> list[str]:
    """Parts at the top level."""
    parts, depth, start = [], 0, 0
    for at, char in enumerate(text):
        if char in "<[({":
            depth += 1
        elif char in ">])}":
            depth -= 1
        elif char == mark and depth == 0:
            parts.append(text[start:at].strip())
            start = at + 1
    parts.append(text[start:].strip())
    return [part for part in parts if part]


def split_union(text: str) -> list[str]:
    return [part for half in split_arguments(text, "|") for part in split_arguments(half, "&")]

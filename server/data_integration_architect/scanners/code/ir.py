"""What every language is reduced to before effects are looked for: modules, classes, functions, statements.

Expressions and statements are plain tuples whose first item is a tag. They cross process borders by the hundred
thousand, and a tuple pickles several times faster than an object.

Expressions
    ("n", name)                            a name; `this` and `self` read "self"
    ("a", expression, name)                attribute
    ("c", callee, arguments, line)         call
    ("new", type text, arguments, line)    construction
    ("s", text)                            string literal, cut to `STRING_LIMIT`
    ("f", index)                           function value: index into `Module.functions`
    ("i", expression, index expression)    subscript
    ("w", expression)                      awaited
    ("v", expression)                      yielded by a generator
    ("t", condition, then, otherwise)      conditional expression
    ("as", expression, type text)          cast
    ("d", ((key, expression), ...))        object or dictionary literal
    ("k", name, expression)                named argument
    ("o", expressions)                     anything else, operands in order of evaluation

Statements
    ("e", expression)
    ("=", targets, expression, type text, line)    targets: expressions; `None` for one that is ignored
    ("b", condition, arms, exhaustive)             arms: blocks of which one runs
    ("l", targets, iterable, body)                 loop
    ("y", body, handlers, final)                   try
    ("u", items, body)                             with/using; items: (expression, target or None)
    ("r", expression or None)                      return
    ("x", expression or None)                      raise, break or continue: leaves the block
    ("g", expression)                              runs at once, in parallel (goroutine)
    ("q", expression)                              runs when the function ends (defer)
    ("def", name, index)                           nested function
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, TypeAlias

Expr: TypeAlias = "tuple[Any, ...]"
Block: TypeAlias = "tuple[tuple[Any, ...], ...]"

STRING_LIMIT = 400
# Among the calls of a function: it puts a function into a field of a value that it makes.
HOLDS = "{holds}"
# And: that function was given to it, so its callers know which one it is.
PASSED = "{passed}"


@dataclass(slots=True)
class Param:
    """One parameter; `type` is source text, empty if unsaid."""

    name: str
    type: str = ""
    decorators: tuple[Expr, ...] = ()
    default: Expr | None = None


@dataclass(slots=True)
class Function:
    """A function, method, lambda or the top level of a module (name `<module>`); lines are 1-based."""

    name: str
    line: int
    end_line: int
    params: tuple[Param, ...] = ()
    returns: str = ""
    decorators: tuple[Expr, ...] = ()
    body: Block = ()
    owner: int | None = None
    outer: int | None = None
    receiver: str = ""
    is_abstract: bool = False
    is_static: bool = False
    # type text of what an extension function is called on
    extends: str = ""
    calls: set[str] | frozenset[str] = field(default_factory=set)


@dataclass(slots=True)
class Field:
    """A field or property of a class; `inits` are (function index or None, expression) seen assigned to it."""

    name: str
    type: str = ""
    decorators: tuple[Expr, ...] = ()
    inits: list[tuple[int | None, Expr]] = field(default_factory=list)


@dataclass(slots=True)
class Class:
    """A class, interface, struct or object; `bases` are source text of types."""

    name: str
    line: int
    end_line: int
    kind: str = "class"
    bases: tuple[str, ...] = ()
    decorators: tuple[Expr, ...] = ()
    fields: dict[str, Field] = field(default_factory=dict)
    methods: dict[str, list[int]] = field(default_factory=dict)
    body: Block = ()


@dataclass(slots=True)
class Module:
    """One file. `imports`: local name -> qualified name; `wildcards`: packages imported as a whole."""

    path: str
    language: str
    package: str = ""
    imports: dict[str, str] = field(default_factory=dict)
    wildcards: list[str] = field(default_factory=list)
    exports: dict[str, str] = field(default_factory=dict)
    classes: list[Class] = field(default_factory=list)
    functions: list[Function] = field(default_factory=list)
    lines: int = 0
    # name of a type that stands for another -> text of that type
    aliases: dict[str, str] = field(default_factory=dict)

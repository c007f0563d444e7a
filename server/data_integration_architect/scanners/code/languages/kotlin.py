"""Kotlin source to the common form."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from ..ir import HOLDS, Block, Expr, Function, Param
from .reader import Node, Reader

TYPE_KINDS = ("user_type", "nullable_type", "function_type", "parenthesized_type")


class KotlinReader(Reader):
    """Reads by position: the grammar names few fields. What a compiler plugin generates is missed."""

    language = "kotlin"
    strings = frozenset({"string_literal"})
    silent: ClassVar[frozenset[str]] = Reader.silent | {
        "integer_literal",
        "boolean_literal",
        "null_literal",
        "long_literal",
        "real_literal",
        "character_literal",
        "user_type",
        "nullable_type",
        "type_arguments",
        "modifiers",
        "wildcard_import",
        "shebang_line",
        "multiline_comment",
    }
    expressions: ClassVar[dict[str, str]] = {
        "simple_identifier": "name",
        "this_expression": "this",
        "super_expression": "super_",
        "navigation_expression": "navigation",
        "directly_assignable_expression": "navigation",
        "call_expression": "call",
        "lambda_literal": "lambda_",
        "anonymous_function": "lambda_",
        "if_expression": "branch_value",
        "when_expression": "branch_value",
        "try_expression": "branch_value",
        "as_expression": "cast",
        "callable_reference": "reference",
        "indexing_expression": "first_of_index",
        "annotation": "annotation",
        "object_literal": "object_literal",
        "elvis_expression": "elvis",
        "jump_expression": "jump_value",
        "string_literal": "string_template",
    }
    statements: ClassVar[dict[str, str]] = {
        "package_header": "package",
        "import_list": "inline_block",
        "import_header": "import_",
        "class_declaration": "class_",
        "object_declaration": "class_",
        "companion_object": "class_",
        "function_declaration": "function_declaration",
        "property_declaration": "property_",
        "assignment": "assignment",
        "statements": "inline_block",
        "control_structure_body": "inline_block",
        "if_expression": "if_",
        "when_expression": "when",
        "for_statement": "for_",
        "while_statement": "while_",
        "do_while_statement": "while_",
        "try_expression": "try_",
        "jump_expression": "jump",
        "type_alias": "ignored",
    }

    def this(self, node: Node) -> Expr:
        return ("n", "self")

    def super_(self, node: Node) -> Expr:
        return ("n", "super")

    def navigation(self, node: Node) -> Expr | None:
        value: Expr | None = None
        for child in self.named(node):
            if child.kind() == "navigation_suffix":
                names = self.named(child)
                value = ("a", value or ("o", ()), self.text(names[-1]) if names else "")
            elif value is None:
                value = self.expr(child)
        return value

    def call(self, node: Node) -> Expr:
        children = self.named(node)
        callee = self.expr(children[0]) or ("o", ())
        args: list[Expr] = []
        generic = ""
        for suffix in children[1:]:
            for part in self.named(suffix):
                kind = part.kind()
                if kind == "value_arguments":
                    args += self.arguments(part)
                elif kind == "annotated_lambda":
                    args.append(self.inner(part) or ("o", ()))
                elif kind == "type_arguments":
                    generic = self.text(part).strip("<>")
        if generic:
            args.append(("k", "<>", ("s", generic)))
        made = callee[1] if callee[0] == "n" else callee[2] if callee[0] == "a" else ""
        given = any((arg[2] if arg[0] == "k" else arg)[0] == "f" for arg in args)
        if given and made[:1].isupper() and self.functions:
            self.module.functions[self.functions[-1]].calls |= {HOLDS}  # an instance that keeps a function
        return self.called(callee, tuple(args), node)

    def arguments(self, node: Node | None) -> list[Expr]:
        out: list[Expr] = []
        for item in self.all_of(node, "value_argument") if node is not None else []:
            parts = self.named(item)
            value = self.expr(parts[-1]) or ("o", ()) if parts else ("o", ())
            if len(parts) > 1 and parts[0].kind() == "simple_identifier":
                out.append(("k", self.text(parts[0]), value))
            else:
                out.append(value)
        return out

    def string_template(self, node: Node) -> Expr | None:
        parts = [self.inner(child) for child in self.all_of(node, "interpolated_expression")]
        acting = tuple(p for p in parts if p is not None and p[0] != "n")
        literal = self.string(node) or ("o", ())
        return ("t", ("o", acting), literal, None) if acting else literal

    def lambda_(self, node: Node) -> Expr:
        given = self.of_kind(node, "lambda_parameters")
        params = []
        for child in self.all_of(given, "variable_declaration") if given is not None else []:
            params.append(Param(self.text(self.of_kind(child, "simple_identifier")), self.type_of(child)))
        if given is None:
            params = [Param("it")]
        body = self.of_kind(node, "statements", "function_body")
        return ("f", self.function(node, "<lambda>", tuple(params), lambda: self.value_block(body)))

    is_value = False
    context: tuple[Param, ...] = ()

    def arm_reader(self) -> Callable[[Node | None], Block]:
        """How the arms of the branch at hand are read: as values only where the branch itself is one."""
        value, self.is_value = self.is_value, False
        return self.value_block if value else self.block

    def value_block(self, node: Node | None) -> Block:
        """A block whose last expression is its value."""
        block = self.block(node)
        if block and block[-1][0] == "e":
            return (*block[:-1], ("r", block[-1][1]))
        return block

    def branch_value(self, node: Node) -> Expr:
        """`if`, `when` and `try` are values: read as a function that runs in place."""

        def content() -> Block:
            out: list[Any] = []
            self.is_value = True
            self.statement(node, out)
            return tuple(out)

        return ("c", ("f", self.function(node, "<branch>", (), content)), (), self.line(node))

    def elvis(self, node: Node) -> Expr | None:
        parts = [self.expr(child) for child in self.named(node)]
        return ("t", None, parts[0], parts[-1]) if parts else None

    def jump_value(self, node: Node) -> Expr | None:
        return self.inner(node)

    def cast(self, node: Node) -> Expr | None:
        parts = self.named(node)
        value = self.expr(parts[0]) if parts else None
        return None if value is None else ("as", value, self.text(parts[-1]))

    def reference(self, node: Node) -> Expr:
        parts = self.named(node)
        name = self.text(parts[-1]) if parts else ""
        return ("a", ("n", self.text(parts[0])), name) if len(parts) > 1 else ("n", name)

    def first_of_index(self, node: Node) -> Expr:
        return ("i", self.first(node) or ("o", ()), None)

    def annotation(self, node: Node) -> Expr:
        made = self.of_kind(node, "constructor_invocation")
        name: Expr = ("n", self.text(self.of_kind(made if made is not None else node, "user_type")).rsplit(".", 1)[-1])
        if made is None:
            return name
        return ("c", name, tuple(self.arguments(self.of_kind(made, "value_arguments"))), self.line(node))

    def decorators(self, node: Node) -> tuple[Expr, ...]:
        found = self.of_kind(node, "modifiers")
        return tuple(self.annotation(child) for child in self.all_of(found, "annotation")) if found is not None else ()

    def object_literal(self, node: Node) -> Expr:
        name = f"<anonymous:{self.line(node)}>"
        self.open_class(node, name, "class", self.bases(node))
        self.members(self.of_kind(node, "class_body"))
        self.classes.pop()
        return ("new", name, (), self.line(node))

    def type_of(self, node: Node) -> str:
        text = self.text(self.of_kind(node, *TYPE_KINDS))
        return self.bounds.get(text, text)

    def package(self, node: Node) -> None:
        self.module.package = self.text(self.of_kind(node, "identifier"))

    def import_(self, node: Node) -> None:
        target = self.text(self.of_kind(node, "identifier"))
        alias = self.of_kind(node, "import_alias")
        if self.of_kind(node, "wildcard_import") is not None:
            self.module.wildcards.append(target)
        else:
            name = self.text(self.named(alias)[0]) if alias is not None else target.rsplit(".", 1)[-1]
            self.module.imports[name] = target

    def bases(self, node: Node) -> tuple[str, ...]:
        out = []
        for spec in self.all_of(node, "delegation_specifier"):
            made = self.of_kind(spec, "constructor_invocation", "explicit_delegation")
            out.append(self.type_of(made if made is not None else spec))
        return tuple(base for base in out if base)

    def class_(self, node: Node) -> None:
        if node.kind() == "companion_object":
            self.members(self.of_kind(node, "class_body"), static=True)
            return
        name = self.text(self.of_kind(node, "type_identifier", "simple_identifier"))
        is_interface = any(child.kind() == "interface" for child in node.children())
        made = self.open_class(node, name, "interface" if is_interface else "class", self.bases(node))
        made.decorators = self.decorators(node)
        outer = self.bounds
        self.bounds = {**outer, **self.type_bounds(self.of_kind(node, "type_parameters"))}
        given = self.of_kind(node, "primary_constructor")
        for param in self.all_of(given, "class_parameter") if given is not None else []:
            self.add_field(self.text(self.of_kind(param, "simple_identifier")), self.type_of(param))
        self.members(self.of_kind(node, "class_body", "enum_class_body"), static=node.kind() == "object_declaration")
        self.classes.pop()
        self.bounds = outer

    def type_bounds(self, node: Node | None) -> dict[str, str]:
        """What the type variables of a class extend: `R : JpaRepository<T, Long>`."""
        found: dict[str, str] = {}
        for child in self.all_of(node, "type_parameter") if node is not None else []:
            name, colon, bound = self.text(child).partition(":")
            if colon and bound.strip() != "Any":
                found[name.removeprefix("reified").strip()] = bound.strip()
        return found

    def members(self, body: Node | None, static: bool = False) -> None:
        for child in self.named(body) if body is not None else []:
            kind = child.kind()
            if kind == "function_declaration":
                self.member_function(child, static)
            elif kind == "property_declaration" and self.is_context(child):
                self.context = self.context_params(child)
            elif kind == "property_declaration":
                variable = self.of_kind(child, "variable_declaration")
                name = self.text(self.of_kind(variable, "simple_identifier")) if variable is not None else ""
                self.add_field(name, self.type_of(variable) if variable is not None else "", self.value_of(child))
                self.module.classes[self.classes[-1]].fields[name].decorators = self.decorators(child)
            elif kind in ("class_declaration", "object_declaration", "companion_object"):
                self.class_(child)
            elif kind == "anonymous_initializer":
                self.initializer(child, self.of_kind(child, "statements"))

    def initializer(self, node: Node, body: Node | None) -> None:
        self.method(node, "<init>", (), lambda: self.block(body))

    def value_of(self, node: Node) -> Expr | None:
        """The initial value or delegate of a property."""
        seen = False
        for child in node.children():
            kind = child.kind()
            if kind == "=":
                seen = True
            elif kind == "property_delegate" or (seen and child.is_named()):
                return self.expr(child)
        return None

    def returned(self, node: Node) -> str:
        """The declared return type: the type that follows the parameters."""
        seen = False
        for child in node.children():
            if seen and child.kind() in TYPE_KINDS:
                return self.text(child)
            seen = seen or child.kind() == "function_value_parameters"
        return ""

    @staticmethod
    def is_context(node: Node) -> bool:
        """Whether this is `context(name: Type)` before a function, which the grammar reads as a property."""
        return any(child.kind() == "receiver_type" and child.text() == "context" for child in node.children())

    def context_params(self, node: Node) -> tuple[Param, ...]:
        names = self.of_kind(node, "multi_variable_declaration")
        found = self.all_of(names, "variable_declaration") if names is not None else []
        return tuple(Param(self.text(self.of_kind(v, "simple_identifier")), self.type_of(v)) for v in found)

    def finish(self, made: Function, node: Node, context: tuple[Param, ...]) -> None:
        """What a function says beside its body; parameters of a context that precedes it come last."""
        made.returns, made.decorators = self.returned(node), self.decorators(node)
        made.extends = self.text(self.of_kind(node, "receiver_type"))
        made.params += context

    def params(self, node: Node | None) -> tuple[Param, ...]:
        out = []
        for child in self.all_of(node, "parameter") if node is not None else []:
            out.append(Param(self.text(self.of_kind(child, "simple_identifier")), self.type_of(child)))
        return tuple(out)

    def function_body(self, node: Node | None) -> Block:
        body = self.of_kind(node, "statements") if node is not None else None
        if node is not None and body is None:
            return self.value_block(node)
        return self.block(body)

    def member_function(self, node: Node, static: bool = False) -> None:
        body = self.of_kind(node, "function_body")
        name = self.text(self.of_kind(node, "simple_identifier"))
        params = self.params(self.of_kind(node, "function_value_parameters"))
        context, self.context = self.context, ()
        made = self.method(node, name, params, lambda: self.function_body(body))
        made.is_abstract, made.is_static = body is None, static
        self.finish(made, node, context)

    def function_declaration(self, node: Node) -> Any:
        body, name = self.of_kind(node, "function_body"), self.text(self.of_kind(node, "simple_identifier"))
        params = self.params(self.of_kind(node, "function_value_parameters"))
        context, self.context = self.context, ()
        index = self.function(node, name, params, lambda: self.function_body(body))
        self.finish(self.module.functions[index], node, context)
        return ("def", name, index)

    def property_(self, node: Node) -> Any:
        if self.is_context(node):
            self.context = self.context_params(node)
            return None
        variable = self.of_kind(node, "variable_declaration", "multi_variable_declaration")
        if variable is None:
            return None
        value = self.value_of(node)
        name: Expr = ("n", self.text(self.of_kind(variable, "simple_identifier")))
        return ("=", (name,), value, self.type_of(variable), self.line(node))

    def assignment(self, node: Node) -> Any:
        parts = self.named(node)
        target, value = self.expr(parts[0]), self.expr(parts[-1])
        if target is not None and target[0] == "n" and self.classes:
            fields = self.module.classes[self.classes[-1]].fields
            if target[1] in fields:
                self.assigned(("a", ("n", "self"), target[1]), value)
        self.assigned(target, value)
        return ("=", (target,), value, "", self.line(node))

    def if_(self, node: Node) -> Any:
        parts, arm = self.named(node), self.arm_reader()
        bodies = [part for part in parts if part.kind() == "control_structure_body"]
        condition = self.expr(parts[0]) if parts and parts[0].kind() != "control_structure_body" else None
        return ("b", condition, tuple(arm(body) for body in bodies), len(bodies) > 1)

    def when(self, node: Node) -> Any:
        entries, arm = self.all_of(node, "when_entry"), self.arm_reader()
        arms = tuple(arm(self.of_kind(entry, "control_structure_body")) for entry in entries)
        exhaustive = any(self.of_kind(entry, "when_condition") is None for entry in entries)
        subject = self.of_kind(node, "when_subject")
        return ("b", self.inner(subject) if subject is not None else None, arms, exhaustive)

    def for_(self, node: Node) -> Any:
        parts = self.named(node)
        target = self.of_kind(node, "variable_declaration")
        name = (("n", self.text(self.of_kind(target, "simple_identifier"))),) if target is not None else ()
        iterable = self.expr(parts[-2]) if len(parts) > 2 else None
        return ("l", name, iterable, self.block(self.of_kind(node, "control_structure_body")))

    def while_(self, node: Node) -> Any:
        body = self.of_kind(node, "control_structure_body")
        conditions = [part for part in self.named(node) if part.kind() != "control_structure_body"]
        return ("l", (), self.other(conditions), self.block(body))

    def try_(self, node: Node) -> Any:
        arm = self.arm_reader()
        handlers = tuple(arm(self.of_kind(c, "statements")) for c in self.all_of(node, "catch_block"))
        last = self.of_kind(node, "finally_block")
        final = self.block(self.of_kind(last, "statements")) if last is not None else ()
        return ("y", arm(self.of_kind(node, "statements")), handlers, final)

    def jump(self, node: Node) -> Any:
        word = node.children()[0].kind() if node.children() else ""
        return ("r" if word.startswith("return") else "x", self.inner(node))

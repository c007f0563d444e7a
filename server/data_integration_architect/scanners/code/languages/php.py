"""PHP source to the common form."""

from __future__ import annotations

from typing import Any, ClassVar

from ..ir import Block, Expr, Param
from .reader import Node, Reader

TYPE_KINDS = ("named_type", "optional_type", "union_type", "primitive_type")
BLOCKS = ("compound_statement", "colon_block")


class PhpReader(Reader):
    """Reads classes, closures, facades and attributes; calls by computed names are missed."""

    language = "php"
    strings = frozenset({"string", "encapsed_string", "heredoc", "nowdoc"})
    silent: ClassVar[frozenset[str]] = Reader.silent | {
        "integer",
        "boolean",
        "null",
        "float",
        "php_tag",
        "text",
        "text_interpolation",
        "visibility_modifier",
    }
    expressions: ClassVar[dict[str, str]] = {
        "name": "name",
        "qualified_name": "qualified",
        "variable_name": "variable",
        "relative_scope": "scope",
        "member_access_expression": "member",
        "nullsafe_member_access_expression": "member",
        "scoped_property_access_expression": "scoped_member",
        "class_constant_access_expression": "constant",
        "member_call_expression": "member_call",
        "nullsafe_member_call_expression": "member_call",
        "scoped_call_expression": "scoped_call",
        "function_call_expression": "call",
        "object_creation_expression": "creation",
        "anonymous_function": "closure",
        "anonymous_function_creation_expression": "closure",
        "arrow_function": "closure",
        "argument": "argument",
        "array_creation_expression": "array",
        "subscript_expression": "subscript",
        "conditional_expression": "ternary",
        "match_expression": "match_",
        "assignment_expression": "assign_value",
    }
    statements: ClassVar[dict[str, str]] = {
        "namespace_definition": "namespace",
        "namespace_use_declaration": "use_",
        "class_declaration": "class_",
        "interface_declaration": "class_",
        "trait_declaration": "class_",
        "enum_declaration": "ignored",
        "function_definition": "function_definition",
        "expression_statement": "expression_statement",
        "compound_statement": "inline_block",
        "if_statement": "if_",
        "foreach_statement": "for_each",
        "for_statement": "loop",
        "while_statement": "loop",
        "do_statement": "loop",
        "try_statement": "try_",
        "switch_statement": "switch",
        "return_statement": "returns",
        "break_statement": "leaves",
        "continue_statement": "leaves",
    }

    def qualified(self, node: Node) -> Expr:
        text = self.text(node).strip("\\")
        short = text.rsplit("\\", 1)[-1]
        self.module.imports.setdefault(short, text.replace("\\", "."))
        return ("n", short)

    def variable(self, node: Node) -> Expr:
        text = self.text(node).lstrip("$")
        return ("n", "self" if text == "this" else text)

    def scope(self, node: Node) -> Expr:
        return ("n", "super" if self.text(node) == "parent" else "self")

    def member(self, node: Node) -> Expr:
        return ("a", self.expr(node.field("object")) or ("o", ()), self.text(node.field("name")))

    def scoped_member(self, node: Node) -> Expr:
        return ("a", self.expr(node.field("scope")) or ("o", ()), self.text(node.field("name")).lstrip("$"))

    def constant(self, node: Node) -> Expr | None:
        return self.first(node)

    def arguments(self, node: Node | None) -> tuple[Expr, ...]:
        return self.exprs(self.named(node)) if node is not None else ()

    def argument(self, node: Node) -> Expr | None:
        name, children = node.field("name"), self.named(node)
        value = self.expr(children[-1]) if children else None
        return ("k", self.text(name), value) if name is not None and value is not None else value

    def member_call(self, node: Node) -> Expr:
        return self.called(self.member(node), self.arguments(node.field("arguments")), node)

    def scoped_call(self, node: Node) -> Expr:
        callee: Expr = ("a", self.expr(node.field("scope")) or ("o", ()), self.text(node.field("name")))
        return self.called(callee, self.arguments(node.field("arguments")), node)

    def call(self, node: Node) -> Expr:
        callee = self.expr(node.field("function")) or ("o", ())
        return self.called(callee, self.arguments(node.field("arguments")), node)

    def creation(self, node: Node) -> Expr:
        name = self.of_kind(node, "name", "qualified_name")
        target = self.expr(name) if name is not None else None
        given = node.field("arguments")
        args = self.arguments(given if given is not None else self.of_kind(node, "arguments"))
        return ("new", target[1] if target is not None else "", args, self.line(node))

    def closure(self, node: Node) -> Expr:
        body = node.field("body")

        def content() -> Block:
            if body is not None and body.kind() in BLOCKS:
                return self.block(body)
            value = self.expr(body)
            return (("r", value),) if value is not None else ()

        return ("f", self.function(node, "<lambda>", self.params(node.field("parameters")), content))

    def array(self, node: Node) -> Expr | None:
        pairs = []
        for item in self.named(node):
            parts = self.named(item)
            if parts:
                key = self.text(parts[0]).strip("\"'")[:80] if len(parts) > 1 else ""
                pairs.append((key, self.expr(parts[-1]) or ("o", ())))
        return ("d", tuple(pairs))

    def subscript(self, node: Node) -> Expr:
        return ("i", self.first(node) or ("o", ()), None)

    def ternary(self, node: Node) -> Expr:
        return ("t", *(self.expr(node.field(n)) for n in ("condition", "body", "alternative")))

    def match_(self, node: Node) -> Expr:
        def content() -> Block:
            body = node.field("body")
            found = self.all_of(body, "match_conditional_expression", "match_default_expression") if body else []
            arms = tuple((("r", self.expr(arm.field("return_expression")) or self.inner(arm)),) for arm in found)
            return (("b", self.expr(node.field("condition")), arms, True),)

        return ("c", ("f", self.function(node, "<match>", (), content)), (), self.line(node))

    def assign_value(self, node: Node) -> Expr | None:
        return self.expr(node.field("right"))

    def decorators(self, node: Node) -> tuple[Expr, ...]:
        out: list[Expr] = []
        found = self.of_kind(node, "attribute_list")
        for group in self.all_of(found, "attribute_group") if found is not None else []:
            for item in self.all_of(group, "attribute"):
                name = self.expr(self.named(item)[0]) or ("o", ())
                given = self.of_kind(item, "arguments")
                args = self.arguments(given)
                out.append(("c", name, args, self.line(item)) if args else name)
        return tuple(out)

    def params(self, node: Node | None) -> tuple[Param, ...]:
        out = []
        kinds = ("simple_parameter", "property_promotion_parameter", "variadic_parameter")
        for child in self.all_of(node, *kinds) if node is not None else []:
            name = self.text(child.field("name")).lstrip("$")
            type_text = self.text(child.field("type")).lstrip("?\\")
            out.append(Param(name, type_text.rsplit("\\", 1)[-1]))
            if child.kind() == "property_promotion_parameter" and self.classes:
                self.add_field(name, out[-1].type)
        return tuple(out)

    def namespace(self, node: Node) -> Any:
        self.module.package = self.text(node.field("name")).replace("\\", ".")
        body = node.field("body")
        return list(self.block(body)) if body is not None else None

    def use_(self, node: Node) -> None:
        prefix = self.text(self.of_kind(node, "namespace_name"))
        group = self.of_kind(node, "namespace_use_group")
        for clause in self.all_of(
            group if group is not None else node, "namespace_use_clause", "namespace_use_group_clause"
        ):
            parts = self.named(clause)
            if not parts:
                continue
            target = self.text(parts[0])
            full = f"{prefix}\\{target}" if group is not None else target
            alias = self.text(parts[-1]) if len(parts) > 1 else target.rsplit("\\", 1)[-1]
            self.module.imports[alias] = full.strip("\\").replace("\\", ".")

    def class_(self, node: Node) -> None:
        bases: list[str] = []
        for clause in self.all_of(node, "base_clause", "class_interface_clause"):
            bases += [self.text(child).rsplit("\\", 1)[-1] for child in self.named(clause)]
        kind = "interface" if node.kind() == "interface_declaration" else "class"
        body = node.field("body")
        for used in self.all_of(body, "use_declaration") if body is not None else []:
            bases += [self.text(child).rsplit("\\", 1)[-1] for child in self.all_of(used, "name", "qualified_name")]
        made = self.open_class(node, self.text(node.field("name")), kind, tuple(bases))
        made.decorators = self.decorators(node)
        for child in self.named(body) if body is not None else []:
            if child.kind() == "property_declaration":
                type_text = self.text(child.field("type")).lstrip("?\\").rsplit("\\", 1)[-1]
                for item in self.all_of(child, "property_element"):
                    parts = self.named(item)
                    value = self.expr(parts[-1]) if len(parts) > 1 else None
                    self.add_field(self.text(parts[0]).lstrip("$"), type_text, value)
            elif child.kind() == "method_declaration":
                self.member_function(child)
        self.classes.pop()

    def member_function(self, node: Node) -> None:
        body, name = node.field("body"), self.text(node.field("name"))
        name = "constructor" if name == "__construct" else name
        made = self.method(node, name, self.params(node.field("parameters")), lambda: self.block(body))
        made.decorators, made.is_abstract = self.decorators(node), body is None
        made.returns = self.text(node.field("return_type")).lstrip("?\\").rsplit("\\", 1)[-1]
        made.is_static = self.of_kind(node, "static_modifier") is not None

    def function_definition(self, node: Node) -> Any:
        body, name = node.field("body"), self.text(node.field("name"))
        return ("def", name, self.function(node, name, self.params(node.field("parameters")), lambda: self.block(body)))

    def expression_statement(self, node: Node) -> Any:
        children = self.named(node)
        if children and children[0].kind() == "assignment_expression":
            target, value = self.expr(children[0].field("left")), self.expr(children[0].field("right"))
            self.assigned(target, value)
            return ("=", (target,), value, "", self.line(node))
        if children and children[0].kind() == "throw_expression":
            return ("x", self.inner(children[0]))
        value = self.inner(node)
        return ("e", value) if value is not None else None

    def if_(self, node: Node) -> Any:
        arms, exhaustive = [self.one(node.field("body"))], False
        conditions = [self.expr(node.field("condition"))]
        for child in self.all_of(node, "else_if_clause", "else_clause"):
            exhaustive = exhaustive or child.kind() == "else_clause"
            conditions.append(self.expr(child.field("condition")))
            arms.append(self.one(child.field("body")))
        return ("b", ("o", tuple(c for c in conditions if c is not None)), tuple(arms), exhaustive)

    def for_each(self, node: Node) -> Any:
        parts, body = self.named(node), node.field("body")
        target = parts[1] if len(parts) > 2 else None
        if target is not None and target.kind() == "pair":
            target = self.named(target)[-1]
        return ("l", (self.expr(target),), self.expr(parts[0]) if parts else None, self.one(body))

    def loop(self, node: Node) -> Any:
        return ("l", (), self.expr(node.field("condition")), self.one(node.field("body")))

    def try_(self, node: Node) -> Any:
        handlers = tuple(self.block(child.field("body")) for child in self.all_of(node, "catch_clause"))
        last = self.of_kind(node, "finally_clause")
        final = self.block(last.field("body")) if last is not None else ()
        return ("y", self.block(node.field("body")), handlers, final)

    def switch(self, node: Node) -> Any:
        body = node.field("body")
        cases = self.all_of(body, "case_statement", "default_statement") if body is not None else []
        arms = tuple(tuple(s for s in self.block(case) if s != ("x", None)) for case in cases)
        exhaustive = any(case.kind() == "default_statement" for case in cases)
        return ("b", self.expr(node.field("condition")), arms, exhaustive)

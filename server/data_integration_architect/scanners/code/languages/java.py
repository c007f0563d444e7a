"""Java source to the common form."""

from __future__ import annotations

from typing import Any, ClassVar

from ..ir import Block, Expr, Param
from .reader import Node, Reader
from .script import split_top


class JavaReader(Reader):
    """Reads classes, records, lambdas and annotations; what an annotation processor generates is missed."""

    language = "java"
    strings = frozenset({"string_literal", "text_block"})
    silent: ClassVar[frozenset[str]] = Reader.silent | {
        "decimal_integer_literal",
        "true",
        "false",
        "null_literal",
        "character_literal",
        "decimal_floating_point_literal",
        "generic_type",
        "dimensions",
        "type_arguments",
        "integral_type",
        "boolean_type",
        "void_type",
        "modifiers",
    }
    expressions: ClassVar[dict[str, str]] = {
        "identifier": "name",
        "type_identifier": "name",
        "this": "name",
        "super": "name",
        "field_access": "field_access",
        "method_invocation": "invocation",
        "object_creation_expression": "creation",
        "lambda_expression": "lambda_",
        "method_reference": "reference",
        "cast_expression": "cast",
        "ternary_expression": "ternary",
        "assignment_expression": "assign_expression",
        "array_access": "access",
        "class_literal": "first",
        "switch_expression": "switch_value",
        "marker_annotation": "annotation",
        "annotation": "annotation",
        "element_value_pair": "pair",
    }
    statements: ClassVar[dict[str, str]] = {
        "package_declaration": "package",
        "import_declaration": "import_",
        "class_declaration": "class_",
        "record_declaration": "class_",
        "enum_declaration": "class_",
        "interface_declaration": "class_",
        "annotation_type_declaration": "ignored",
        "local_variable_declaration": "local",
        "expression_statement": "expression_statement",
        "block": "inline_block",
        "if_statement": "if_",
        "for_statement": "for_",
        "enhanced_for_statement": "for_each",
        "while_statement": "while_",
        "do_statement": "while_",
        "try_statement": "try_",
        "try_with_resources_statement": "try_",
        "switch_expression": "switch",
        "switch_statement": "switch",
        "return_statement": "returns",
        "throw_statement": "leaves",
        "break_statement": "leaves",
        "continue_statement": "leaves",
        "synchronized_statement": "synchronized",
        "labeled_statement": "labeled",
    }

    def field_access(self, node: Node) -> Expr:
        return ("a", self.expr(node.field("object")) or ("o", ()), self.text(node.field("field")))

    def arguments(self, node: Node | None) -> tuple[Expr, ...]:
        return self.exprs(self.named(node)) if node is not None else ()

    def invocation(self, node: Node) -> Expr:
        name, target = self.text(node.field("name")), node.field("object")
        callee: Expr = ("n", name) if target is None else ("a", self.expr(target) or ("o", ()), name)
        return self.called(callee, self.arguments(node.field("arguments")), node)

    def creation(self, node: Node) -> Expr:
        args = self.arguments(node.field("arguments"))
        type_text = self.text(node.field("type"))
        body = self.of_kind(node, "class_body")
        if body is not None:
            name = f"<anonymous:{self.line(node)}>"
            self.open_class(node, name, "class", (type_text,))
            self.members(body)
            self.classes.pop()
            type_text = name
        return ("new", type_text, args, self.line(node))

    def lambda_(self, node: Node) -> Expr:
        given, body = node.field("parameters"), node.field("body")
        params: tuple[Param, ...] = ()
        if given is not None:
            if given.kind() == "identifier":
                params = (Param(self.text(given)),)
            elif given.kind() == "inferred_parameters":
                params = tuple(Param(self.text(child)) for child in self.named(given))
            else:
                params = self.params(given)

        def content() -> Block:
            if body is not None and body.kind() == "block":
                return self.block(body)
            value = self.expr(body)
            return (("r", value),) if value is not None else ()

        return ("f", self.function(node, "<lambda>", params, content))

    def reference(self, node: Node) -> Expr:
        parts = self.named(node)
        target = self.expr(parts[0]) or ("o", ()) if parts else ("o", ())
        return ("a", target, self.text(parts[-1]) if len(parts) > 1 else "new")

    def cast(self, node: Node) -> Expr | None:
        value = self.expr(node.field("value"))
        return None if value is None else ("as", value, self.text(node.field("type")))

    def ternary(self, node: Node) -> Expr:
        return ("t", *(self.expr(node.field(n)) for n in ("condition", "consequence", "alternative")))

    def assign_expression(self, node: Node) -> Expr | None:
        return self.expr(node.field("right"))

    def access(self, node: Node) -> Expr:
        return ("i", self.expr(node.field("array")) or ("o", ()), self.expr(node.field("index")))

    def annotation(self, node: Node) -> Expr:
        name: Expr = ("n", self.text(node.field("name")).rsplit(".", 1)[-1])
        given = node.field("arguments")
        return name if given is None else ("c", name, self.arguments(given), self.line(node))

    def pair(self, node: Node) -> Expr:
        return ("k", self.text(node.field("key")), self.expr(node.field("value")) or ("o", ()))

    def decorators(self, node: Node) -> tuple[Expr, ...]:
        found = self.of_kind(node, "modifiers")
        if found is None:
            return ()
        return tuple(self.annotation(child) for child in self.all_of(found, "marker_annotation", "annotation"))

    def params(self, node: Node | None) -> tuple[Param, ...]:
        out: list[Param] = []
        for child in self.all_of(node, "formal_parameter", "spread_parameter") if node is not None else []:
            name = self.text(child.field("name"))
            type_text = self.text(child.field("type"))
            out.append(Param(name, self.bounds.get(type_text, type_text), self.decorators(child)))
        return tuple(out)

    def package(self, node: Node) -> None:
        children = self.named(node)
        self.module.package = self.text(children[-1]) if children else ""

    def import_(self, node: Node) -> None:
        children = self.named(node)
        target = self.text(children[0]) if children else ""
        if self.of_kind(node, "asterisk") is not None:
            self.module.wildcards.append(target)
        else:
            self.module.imports[target.rsplit(".", 1)[-1]] = target

    def class_(self, node: Node) -> None:
        bases: list[str] = []
        for clause in self.all_of(node, "superclass", "super_interfaces", "extends_interfaces"):
            text = self.text(clause)
            for word in ("extends", "implements"):
                text = text.removeprefix(word).strip()
            bases += split_top(text)
        kind = "interface" if node.kind() == "interface_declaration" else "class"
        made = self.open_class(node, self.text(node.field("name")), kind, tuple(bases))
        made.decorators = self.decorators(node)
        outer = self.bounds
        self.bounds = {**outer, **self.type_bounds(node.field("type_parameters"))}
        if node.kind() == "record_declaration":
            for param in self.params(node.field("parameters")):
                self.add_field(param.name, param.type)
        body = node.field("body")
        if body is not None:
            self.members(body)
        self.classes.pop()
        self.bounds = outer

    def type_bounds(self, node: Node | None) -> dict[str, str]:
        """What the type variables of a class extend: `R extends JpaRepository<T, Long>`."""
        found: dict[str, str] = {}
        for child in self.all_of(node, "type_parameter") if node is not None else []:
            bound = self.of_kind(child, "type_bound")
            if bound is not None:
                found[self.text(self.named(child)[0])] = self.text(bound).removeprefix("extends").strip()
        return found

    def members(self, body: Node) -> None:
        for child in self.named(body):
            kind = child.kind()
            if kind == "field_declaration":
                type_text, decorators = self.text(child.field("type")), self.decorators(child)
                type_text = self.bounds.get(type_text, type_text)
                for item in self.all_of(child, "variable_declarator"):
                    name = self.text(item.field("name"))
                    self.add_field(name, type_text, self.expr(item.field("value")), self.functions[-1])
                    self.module.classes[self.classes[-1]].fields[name].decorators = decorators
            elif kind in ("method_declaration", "constructor_declaration", "compact_constructor_declaration"):
                self.member_function(child)
            elif kind == "enum_body_declarations":
                self.members(child)
            elif kind in self._stmt and kind.endswith("_declaration"):
                self.class_(child)
            elif kind in ("static_initializer", "block"):
                self.initializer(child, self.of_kind(child, "block") or child)

    def initializer(self, node: Node, body: Node) -> None:
        self.method(node, "<init>", (), lambda: self.block(body))

    def member_function(self, node: Node) -> None:
        body = node.field("body")
        is_ctor = node.kind() != "method_declaration"
        name = "constructor" if is_ctor else self.text(node.field("name"))
        made = self.method(node, name, self.params(node.field("parameters")), lambda: self.block(body))
        made.decorators, made.returns = self.decorators(node), self.text(node.field("type"))
        made.is_abstract = body is None
        modifiers = self.of_kind(node, "modifiers")
        made.is_static = modifiers is not None and self.of_kind(modifiers, "static") is not None

    def local(self, node: Node) -> Any:
        type_text = self.text(node.field("type"))
        type_text = "" if type_text == "var" else type_text
        out = []
        for item in self.all_of(node, "variable_declarator"):
            value = self.expr(item.field("value"))
            out.append(("=", (("n", self.text(item.field("name"))),), value, type_text, self.line(item)))
        return out

    def expression_statement(self, node: Node) -> Any:
        children = self.named(node)
        if children and children[0].kind() == "assignment_expression":
            target, value = self.expr(children[0].field("left")), self.expr(children[0].field("right"))
            self.assigned(target, value)
            return ("=", (target,), value, "", self.line(node))
        value = self.inner(node)
        return ("e", value) if value is not None else None

    def if_(self, node: Node) -> Any:
        arms = [self.one(node.field("consequence"))]
        other = node.field("alternative")
        if other is not None:
            arms.append(self.one(other))
        return ("b", self.expr(node.field("condition")), tuple(arms), other is not None)

    def for_(self, node: Node) -> Any:
        return ("l", (), self.expr(node.field("condition")), self.one(node.field("body")))

    def for_each(self, node: Node) -> Any:
        type_text = self.text(node.field("type"))
        name: Expr = ("n", self.text(node.field("name")))
        head: Block = (("=", (name,), None, type_text, self.line(node)),) if type_text not in ("", "var") else ()
        return ("l", (name,), self.expr(node.field("value")), head + self.one(node.field("body")))

    def while_(self, node: Node) -> Any:
        return ("l", (), self.expr(node.field("condition")), self.one(node.field("body")))

    def try_(self, node: Node) -> Any:
        head: list[Any] = []
        resources = node.field("resources")
        for item in self.all_of(resources, "resource") if resources is not None else []:
            name = item.field("name")
            value = self.expr(item.field("value"))
            type_text = self.text(item.field("type"))
            head.append(
                ("=", (("n", self.text(name)),), value, "" if type_text == "var" else type_text, self.line(item))
            )
        handlers = tuple(self.block(child.field("body")) for child in self.all_of(node, "catch_clause"))
        last = self.of_kind(node, "finally_clause")
        final = self.block(self.of_kind(last, "block")) if last is not None else ()
        return ("y", tuple(head) + self.block(node.field("body")), handlers, final)

    def switch_arms(self, node: Node) -> tuple[tuple[Block, ...], bool]:
        body = node.field("body")
        groups = self.all_of(body, "switch_block_statement_group", "switch_rule") if body is not None else []
        arms = tuple(tuple(s for s in self.block(group) if s != ("x", None)) for group in groups)
        return arms, any("default" in self.text(self.of_kind(group, "switch_label")) for group in groups)

    def switch(self, node: Node) -> Any:
        arms, exhaustive = self.switch_arms(node)
        return ("b", self.expr(node.field("condition")), arms, exhaustive)

    def switch_value(self, node: Node) -> Expr:
        return ("c", ("f", self.function(node, "<switch>", (), lambda: (self.switch(node),))), (), self.line(node))

    def synchronized(self, node: Node) -> Any:
        return self.inline_block(node.field("body")) if node.field("body") is not None else None

    def labeled(self, node: Node) -> Any:
        return list(self.one(self.named(node)[-1]))

"""C# source to the common form."""

from __future__ import annotations

from typing import Any, ClassVar

from ..ir import HOLDS, Block, Expr, Param
from .reader import Node, Reader
from .script import split_top

TYPES = {
    "class_declaration": "class",
    "record_declaration": "class",
    "struct_declaration": "class",
    "record_struct_declaration": "class",
    "interface_declaration": "interface",
}


class CSharpReader(Reader):
    """Reads classes, primary constructors, lambdas, LINQ method chains; source generators are missed."""

    language = "csharp"
    strings = frozenset(
        {"string_literal", "verbatim_string_literal", "raw_string_literal", "interpolated_string_expression"}
    )
    silent: ClassVar[frozenset[str]] = Reader.silent | {
        "integer_literal",
        "boolean_literal",
        "null_literal",
        "real_literal",
        "character_literal",
        "predefined_type",
        "modifier",
        "type_argument_list",
        "preproc_region",
        "preproc_endregion",
        "attribute_list",
        "implicit_type",
    }
    expressions: ClassVar[dict[str, str]] = {
        "identifier": "name",
        "this": "name",
        "this_expression": "name",
        "base_expression": "base",
        "base": "base",
        "generic_name": "generic",
        "member_access_expression": "member",
        "conditional_access_expression": "conditional_access",
        "member_binding_expression": "binding",
        "invocation_expression": "invocation",
        "object_creation_expression": "creation",
        "implicit_object_creation_expression": "creation",
        "await_expression": "await_",
        "lambda_expression": "lambda_",
        "anonymous_method_expression": "lambda_",
        "cast_expression": "cast",
        "as_expression": "cast_as",
        "conditional_expression": "ternary",
        "assignment_expression": "assign_expression",
        "element_access_expression": "element",
        "argument": "argument",
        "interpolated_string_expression": "interpolated",
        "switch_expression": "switch_value",
    }
    statements: ClassVar[dict[str, str]] = {
        "using_directive": "using",
        "namespace_declaration": "namespace",
        "file_scoped_namespace_declaration": "namespace",
        "class_declaration": "class_",
        "record_declaration": "class_",
        "struct_declaration": "class_",
        "record_struct_declaration": "class_",
        "interface_declaration": "class_",
        "enum_declaration": "ignored",
        "delegate_declaration": "ignored",
        "global_statement": "inline_block",
        "local_declaration_statement": "local",
        "local_function_statement": "local_function",
        "expression_statement": "expression_statement",
        "block": "inline_block",
        "if_statement": "if_",
        "for_statement": "for_",
        "foreach_statement": "for_each",
        "while_statement": "while_",
        "do_statement": "while_",
        "try_statement": "try_",
        "using_statement": "using_statement",
        "switch_statement": "switch",
        "return_statement": "returns",
        "throw_statement": "leaves",
        "break_statement": "leaves",
        "continue_statement": "leaves",
        "declaration_list": "inline_block",
    }

    binding_target: Expr = ("o", ())

    def base(self, node: Node) -> Expr:
        return ("n", "super")

    def generic(self, node: Node) -> Expr:
        return ("n", self.text(self.of_kind(node, "identifier")))

    def member(self, node: Node) -> Expr:
        name = node.field("name")
        plain = self.text(name).split("<", maxsplit=1)[0]
        return ("a", self.expr(node.field("expression")) or ("o", ()), plain)

    def conditional_access(self, node: Node) -> Expr | None:
        parts = self.named(node)
        previous, self.binding_target = self.binding_target, self.expr(parts[0]) or ("o", ())
        result = self.expr(parts[-1]) if len(parts) > 1 else self.binding_target
        self.binding_target = previous
        return result

    def binding(self, node: Node) -> Expr:
        return ("a", self.binding_target, self.text(node.field("name")).split("<", maxsplit=1)[0])

    def invocation(self, node: Node) -> Expr:
        function = node.field("function")
        callee = self.expr(function) or ("o", ())
        args = self.arguments(node.field("arguments"))
        text = self.text(
            function.field("name") if function is not None and function.field("name") is not None else function
        )
        if text.endswith(">") and "<" in text:
            args = (*args, ("k", "<>", ("s", text[text.index("<") + 1 : -1])))
        return self.called(callee, args, node)

    def arguments(self, node: Node | None) -> tuple[Expr, ...]:
        return self.exprs(self.named(node)) if node is not None else ()

    def argument(self, node: Node) -> Expr | None:
        name, children = node.field("name"), self.named(node)
        value = self.expr(children[-1]) if children else None
        if name is not None and value is not None and len(children) > 1:
            return ("k", self.text(name).rstrip(":"), value)
        return value

    def creation(self, node: Node) -> Expr:
        args = list(self.arguments(node.field("arguments")))
        initial = node.field("initializer")
        for child in self.named(initial) if initial is not None else []:
            if child.kind() == "assignment_expression":
                args.append(("k", self.text(child.field("left")), self.expr(child.field("right")) or ("o", ())))
            else:
                args.append(self.expr(child) or ("o", ()))
        return ("new", self.text(node.field("type")), tuple(args), self.line(node))

    def lambda_(self, node: Node) -> Expr:
        given, body = node.field("parameters"), node.field("body")
        params: tuple[Param, ...] = ()
        if given is not None:
            params = self.params(given) if given.kind() == "parameter_list" else (Param(self.text(given)),)

        def content() -> Block:
            block = body if body is not None else self.of_kind(node, "block")
            if block is not None and block.kind() == "block":
                return self.block(block)
            value = self.expr(block)
            return (("r", value),) if value is not None else ()

        return ("f", self.function(node, "<lambda>", params, content))

    def cast(self, node: Node) -> Expr | None:
        value = self.expr(node.field("value"))
        return None if value is None else ("as", value, self.text(node.field("type")))

    def cast_as(self, node: Node) -> Expr | None:
        value = self.expr(node.field("left"))
        return None if value is None else ("as", value, self.text(node.field("right")))

    def ternary(self, node: Node) -> Expr:
        return ("t", *(self.expr(node.field(n)) for n in ("condition", "consequence", "alternative")))

    def assign_expression(self, node: Node) -> Expr | None:
        return self.expr(node.field("right"))

    def element(self, node: Node) -> Expr:
        return ("i", self.expr(node.field("expression")) or ("o", ()), None)

    def interpolated(self, node: Node) -> Expr | None:
        parts = [self.inner(child) for child in self.all_of(node, "interpolation")]
        acting = tuple(p for p in parts if p is not None and p[0] != "n")
        literal: Expr = ("s", self.text(node)[:300].lstrip('$@"').rstrip('"'))
        return ("t", ("o", acting), literal, None) if acting else literal

    def decorators(self, node: Node) -> tuple[Expr, ...]:
        out: list[Expr] = []
        for group in self.all_of(node, "attribute_list"):
            for item in self.all_of(group, "attribute"):
                name: Expr = ("n", self.text(item.field("name")).split("<", maxsplit=1)[0])
                given = self.of_kind(item, "attribute_argument_list")
                args = self.exprs(self.named(given)) if given is not None else ()
                out.append(("c", name, args, self.line(item)) if args else name)
        return tuple(out)

    def params(self, node: Node | None) -> tuple[Param, ...]:
        out: list[Param] = []
        for child in self.all_of(node, "parameter") if node is not None else []:
            out.append(Param(self.text(child.field("name")), self.text(child.field("type")), self.decorators(child)))
        return tuple(out)

    def using(self, node: Node) -> None:
        children = self.named(node)
        if not children:
            return
        target = self.text(children[-1])
        if len(children) > 1 and "=" in self.text(node):
            self.module.imports[self.text(children[0])] = target
            return
        self.module.wildcards.append(("global " if "global" in self.text(node)[:7] else "") + target)

    def namespace(self, node: Node) -> Any:
        self.module.package = self.text(node.field("name"))
        body = node.field("body")
        return list(self.block(body)) if body is not None else [s for c in self.named(node)[1:] for s in self.one(c)]

    def class_(self, node: Node) -> None:
        given = self.of_kind(node, "base_list")
        bases = split_top(self.text(given).lstrip(": ")) if given is not None else []
        name = self.text(node.field("name"))
        plain = tuple(b.split("(", maxsplit=1)[0].strip() for b in bases)
        made = self.open_class(node, name, TYPES.get(node.kind(), "class"), plain)
        made.decorators = self.decorators(node)
        for param in self.params(self.of_kind(node, "parameter_list")):
            self.add_field(param.name, param.type)
        body = node.field("body")
        for child in self.named(body) if body is not None else []:
            self.member_declaration(child)
        self.classes.pop()

    def member_declaration(self, node: Node) -> None:
        kind = node.kind()
        if kind in ("field_declaration", "event_field_declaration"):
            inner = self.of_kind(node, "variable_declaration")
            if inner is not None:
                for name, value in self.declarators(inner):
                    self.add_field(name, self.text(inner.field("type")), value, self.functions[-1])
        elif kind == "property_declaration":
            name = self.text(node.field("name"))
            value = node.field("value")
            self.add_field(name, self.text(node.field("type")), self.inner(value) if value is not None else None)
        elif kind in ("method_declaration", "constructor_declaration"):
            self.member_function(node)
        elif kind in TYPES:
            self.class_(node)

    def member_function(self, node: Node) -> None:
        body = node.field("body") or self.of_kind(node, "arrow_expression_clause")
        is_ctor = node.kind() == "constructor_declaration"
        name = "constructor" if is_ctor else self.text(node.field("name"))
        params = self.params(node.field("parameters"))
        made = self.method(node, name, params, lambda: self.body(body))
        made.decorators = self.decorators(node)
        made.returns = self.text(node.field("returns") or node.field("type"))
        made.is_abstract = body is None
        made.is_static = any(self.text(m) == "static" for m in self.all_of(node, "modifier"))
        first = self.of_kind(node.field("parameters"), "parameter") if node.field("parameters") is not None else None
        if first is not None and self.text(first).startswith("this "):
            made.extends = self.text(first.field("type"))

    def body(self, node: Node | None) -> Block:
        if node is not None and node.kind() == "arrow_expression_clause":
            value = self.inner(node)
            return (("r", value),) if value is not None else ()
        return self.block(node)

    def declarators(self, node: Node) -> list[tuple[str, Expr | None]]:
        out = []
        for item in self.all_of(node, "variable_declarator"):
            parts = self.named(item)
            value = self.expr(parts[-1]) if len(parts) > 1 else None
            out.append((self.text(parts[0]) if parts else "", value))
        return out

    def local(self, node: Node) -> Any:
        inner = self.of_kind(node, "variable_declaration")
        if inner is None:
            return None
        type_text = self.text(inner.field("type"))
        type_text = "" if type_text == "var" else type_text
        line = self.line(node)
        scoped = node.children()[0].kind() in ("using", "await")
        out: list[Any] = []
        for name, value in self.declarators(inner):
            if scoped and value is not None:
                out.append(("u", ((value, ("n", name)),), ()))
            out.append(("=", (("n", name),), value, type_text, line))
        return out

    def local_function(self, node: Node) -> Any:
        name = self.text(node.field("name"))
        body = node.field("body") or self.of_kind(node, "arrow_expression_clause")
        index = self.function(node, name, self.params(node.field("parameters")), lambda: self.body(body))
        return ("def", name, index)

    def expression_statement(self, node: Node) -> Any:
        children = self.named(node)
        if children and children[0].kind() == "assignment_expression":
            target, value = self.expr(children[0].field("left")), self.expr(children[0].field("right"))
            if target is not None and target[0] == "n" and self.classes:
                fields = self.module.classes[self.classes[-1]].fields
                if target[1] in fields and value is not None:
                    self.assigned(("a", ("n", "self"), target[1]), value)
            self.assigned(target, value)
            if "+=" in self.text(children[0])[:200] and target is not None and target[0] in ("a", "n"):
                self.module.functions[self.functions[-1]].calls |= {HOLDS}  # a listener of an event
            return ("=", (target,), value, "", self.line(node))
        value = self.inner(node)
        return ("e", value) if value is not None else None

    def if_(self, node: Node) -> Any:
        other = node.field("alternative")
        arms = [self.one(node.field("consequence"))] + ([self.one(other)] if other is not None else [])
        return ("b", self.expr(node.field("condition")), tuple(arms), other is not None)

    def for_(self, node: Node) -> Any:
        return ("l", (), self.expr(node.field("condition")), self.one(node.field("body")))

    def for_each(self, node: Node) -> Any:
        type_text, target = self.text(node.field("type")), self.expr(node.field("left"))
        head: Block = (("=", (target,), None, type_text, self.line(node)),) if type_text not in ("", "var") else ()
        return ("l", (target,), self.expr(node.field("right")), head + self.one(node.field("body")))

    def while_(self, node: Node) -> Any:
        return ("l", (), self.expr(node.field("condition")), self.one(node.field("body")))

    def try_(self, node: Node) -> Any:
        handlers = tuple(self.block(child.field("body")) for child in self.all_of(node, "catch_clause"))
        last = self.of_kind(node, "finally_clause")
        final = self.block(self.of_kind(last, "block")) if last is not None else ()
        return ("y", self.block(node.field("body")), handlers, final)

    def using_statement(self, node: Node) -> Any:
        body = node.field("body")
        items: list[tuple[Expr, Expr | None]] = []
        inner = self.of_kind(node, "variable_declaration")
        if inner is not None:
            items = [(value, ("n", name)) for name, value in self.declarators(inner) if value is not None]
        else:
            for child in self.named(node):
                if body is None or child.range().start.index != body.range().start.index:
                    items.append((self.expr(child) or ("o", ()), None))
        return ("u", tuple(items), self.one(body))

    def sections(self, node: Node) -> tuple[tuple[Block, ...], bool]:
        body = node.field("body")
        found = self.all_of(body, "switch_section") if body is not None else []
        arms = tuple(tuple(s for s in self.block(section) if s != ("x", None)) for section in found)
        return arms, any(self.text(section).startswith("default") for section in found)

    def switch(self, node: Node) -> Any:
        arms, exhaustive = self.sections(node)
        return ("b", self.expr(node.field("value")), arms, exhaustive)

    def switch_value(self, node: Node) -> Expr:
        def content() -> Block:
            arms = tuple((("r", self.inner(arm)),) for arm in self.all_of(node, "switch_expression_arm"))
            return (("b", self.first(node), arms, True),)

        return ("c", ("f", self.function(node, "<switch>", (), content)), (), self.line(node))

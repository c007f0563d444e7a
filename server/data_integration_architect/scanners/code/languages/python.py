"""Python source to the common form."""

from __future__ import annotations

from typing import Any, ClassVar

from ..ir import Block, Expr, Param
from .reader import Node, Reader


class PythonReader(Reader):
    """Reads functions, classes, `with`, decorators and imports; a name bound by `exec` or `globals()` is missed."""

    language = "python"
    strings = frozenset({"string", "concatenated_string"})
    silent: ClassVar[frozenset[str]] = Reader.silent | {"integer", "float", "true", "false", "none", "ellipsis"}
    expressions: ClassVar[dict[str, str]] = {
        "identifier": "name",
        "attribute": "attribute",
        "call": "call",
        "await": "await_",
        "lambda": "lambda_",
        "keyword_argument": "keyword",
        "subscript": "subscript",
        "conditional_expression": "conditional",
        "dictionary": "dictionary",
        "list_comprehension": "comprehension",
        "set_comprehension": "comprehension",
        "generator_expression": "comprehension",
        "dictionary_comprehension": "comprehension",
        "named_expression": "walrus",
        "yield": "yielded",
    }
    statements: ClassVar[dict[str, str]] = {
        "function_definition": "definition",
        "class_definition": "class_",
        "decorated_definition": "decorated",
        "expression_statement": "expression_statement",
        "if_statement": "if_",
        "for_statement": "for_",
        "while_statement": "while_",
        "try_statement": "try_",
        "with_statement": "with_",
        "return_statement": "returns",
        "raise_statement": "leaves",
        "break_statement": "leaves",
        "continue_statement": "leaves",
        "match_statement": "match_",
        "import_statement": "import_",
        "import_from_statement": "import_from",
        "block": "inline_block",
    }

    def attribute(self, node: Node) -> Expr | None:
        return ("a", self.expr(node.field("object")) or ("o", ()), self.text(node.field("attribute")))

    def call(self, node: Node) -> Expr:
        arguments = node.field("arguments")
        args = self.exprs(self.named(arguments)) if arguments is not None else ()
        return self.called(self.expr(node.field("function")) or ("o", ()), args, node)

    def keyword(self, node: Node) -> Expr:
        return ("k", self.text(node.field("name")), self.expr(node.field("value")) or ("o", ()))

    def subscript(self, node: Node) -> Expr:
        value = self.expr(node.field("value")) or ("o", ())
        return ("i", value, self.expr(node.field("subscript")))

    def conditional(self, node: Node) -> Expr:
        parts = [self.expr(part) for part in self.named(node)] + [None, None, None]
        return ("t", parts[1], parts[0], parts[2])

    def dictionary(self, node: Node) -> Expr:
        pairs = []
        for pair in self.named(node):
            if pair.kind() == "pair":
                key = self.text(pair.field("key")).strip("\"'")[:80]
                pairs.append((key, self.expr(pair.field("value")) or ("o", ())))
        return ("d", tuple(pairs))

    def comprehension(self, node: Node) -> Expr:
        """The clauses come first: they bind the names of the body. Read as a function so that it is a loop."""
        clauses = self.all_of(node, "for_in_clause")
        body = node.field("body")

        def content() -> Block:
            inner: tuple[Any, ...] = tuple(("e", e) for e in [self.expr(body)] if e is not None)
            for clause in reversed(clauses):
                targets = self.targets(clause.field("left"))
                inner = (("l", targets, self.expr(clause.field("right")), inner),)
            return inner

        return ("c", ("f", self.function(node, "<comprehension>", (), content)), (), self.line(node))

    def yielded(self, node: Node) -> Expr | None:
        inner = self.other(self.named(node))
        return None if inner is None else ("v", inner)

    def walrus(self, node: Node) -> Expr | None:
        return self.expr(node.field("value"))

    def lambda_(self, node: Node) -> Expr:
        params = self.params(node.field("parameters"))
        body = node.field("body")

        def content() -> Block:
            value = self.expr(body)
            return (("r", value),) if value is not None else ()

        return ("f", self.function(node, "<lambda>", params, content))

    def params(self, node: Node | None) -> tuple[Param, ...]:
        out: list[Param] = []
        for child in self.named(node) if node is not None else []:
            kind = child.kind()
            if kind == "identifier":
                out.append(Param(self.text(child)))
            elif kind == "typed_parameter":
                out.append(Param(self.text(self.named(child)[0]), self.text(child.field("type"))))
            elif kind in ("default_parameter", "typed_default_parameter"):
                default = self.expr(child.field("value"))
                out.append(Param(self.text(child.field("name")), self.text(child.field("type")), default=default))
        return tuple(out)

    def definition(self, node: Node, decorators: tuple[Expr, ...] = (), first: Node | None = None) -> Any:
        name = self.text(node.field("name"))
        params = self.params(node.field("parameters"))
        body = node.field("body")
        in_class = bool(self.classes) and self.scope_is_class
        previous, self.scope_is_class = self.scope_is_class, False
        whole = first if first is not None else node
        if in_class:
            static = any(d == ("n", "staticmethod") for d in decorators)
            made = self.method(node, name, params if static else params[1:], lambda: self.block(body))
            made.is_abstract = self.is_empty(body)
            made.is_static = static or any(d == ("n", "classmethod") for d in decorators)
        else:
            made = self.module.functions[self.function(node, name, params, lambda: self.block(body))]
        self.scope_is_class = previous
        made.line, made.decorators, made.returns = self.line(whole), decorators, self.text(node.field("return_type"))
        if in_class:
            if any(d in (("n", "property"), ("n", "cached_property")) for d in decorators):
                self.add_field(name, made.returns, ("c", ("a", ("n", "self"), name), (), made.line))
            return None
        return ("def", name, self.module.functions.index(made))

    def is_empty(self, body: Node | None) -> bool:
        """Whether a method does nothing but say that a subclass does it."""
        for child in self.named(body) if body is not None else []:
            text = self.text(child)
            if child.kind() == "raise_statement" and text.startswith("raise NotImplemented"):
                continue
            said = child.kind() == "expression_statement" and (text == "..." or text[:1] in "\"'rR")
            if child.kind() not in ("pass_statement", "comment") and not (said and self.is_text(child)):
                return False
        return True

    def is_text(self, node: Node) -> bool:
        return all(part.kind() in ("string", "ellipsis", "concatenated_string") for part in self.named(node))

    scope_is_class = False

    def decorated(self, node: Node) -> Any:
        decorators = tuple(d for d in (self.inner(child) for child in self.all_of(node, "decorator")) if d is not None)
        target = node.field("definition")
        if target is None:
            return None
        if target.kind() == "class_definition":
            return self.class_(target, decorators)
        return self.definition(target, decorators, node)

    def class_(self, node: Node, decorators: tuple[Expr, ...] = ()) -> Any:
        supers = node.field("superclasses")
        bases = [self.text(child) for child in (self.named(supers) if supers is not None else [])]
        plain = tuple(base for base in bases if "=" not in base)
        made = self.open_class(node, self.text(node.field("name")), "class", plain)
        made.decorators = decorators
        previous, self.scope_is_class = self.scope_is_class, True
        body: list[Any] = []
        for child in self.named(node.field("body")) if node.field("body") is not None else []:
            self.statement(child, body)
        for stmt in body:
            if stmt[0] == "=" and len(stmt[1]) == 1 and stmt[1][0] and stmt[1][0][0] == "n":
                self.add_field(stmt[1][0][1], stmt[3], stmt[2], self.functions[-1])
        made.body = tuple(stmt for stmt in body if stmt[0] == "e")
        self.scope_is_class = previous
        self.classes.pop()
        return None

    def expression_statement(self, node: Node) -> Any:
        out: list[Any] = []
        for child in self.named(node):
            if child.kind() in ("assignment", "augmented_assignment"):
                out.append(self.assignment(child))
            else:
                value = self.expr(child)
                if value is not None:
                    out.append(("e", value))
        return out

    def assignment(self, node: Node) -> Any:
        right = node.field("right")
        if right is not None and right.kind() == "assignment":
            inner = self.assignment(right)
            value = inner[2]
        else:
            value = self.expr(right)
        targets = self.targets(node.field("left"))
        if not self.scope_is_class:
            for target in targets:
                self.assigned(target, value)
            kind = node.field("type")
            if kind is not None and targets[:1] and targets[0] and targets[0][0] == "a" and self.classes:
                self.add_field(targets[0][2], self.text(kind))
        return ("=", targets, value, self.text(node.field("type")), self.line(node))

    def targets(self, node: Node | None) -> tuple[Expr | None, ...]:
        if node is None:
            return ()
        if node.kind() in ("pattern_list", "tuple_pattern", "list_pattern"):
            return tuple(self.expr(child) for child in self.named(node))
        return (self.expr(node),)

    def if_(self, node: Node) -> Any:
        arms = [self.block(node.field("consequence"))]
        exhaustive = False
        conditions = [self.expr(node.field("condition"))]
        for child in self.all_of(node, "elif_clause", "else_clause"):
            if child.kind() == "elif_clause":
                conditions.append(self.expr(child.field("condition")))
                arms.append(self.block(child.field("consequence")))
            else:
                exhaustive = True
                arms.append(self.block(child.field("body")))
        known = tuple(c for c in conditions if c is not None)
        return ("b", ("o", known) if known else None, tuple(arms), exhaustive)

    def for_(self, node: Node) -> Any:
        body = self.block(node.field("body"))
        return ("l", self.targets(node.field("left")), self.expr(node.field("right")), body)

    def while_(self, node: Node) -> Any:
        return ("l", (), self.expr(node.field("condition")), self.block(node.field("body")))

    def try_(self, node: Node) -> Any:
        handlers: list[Block] = []
        final: Block = ()
        body = self.block(node.field("body"))
        for child in self.named(node):
            kind = child.kind()
            if kind in ("except_clause", "except_group_clause"):
                handlers.append(self.block(self.of_kind(child, "block")))
            elif kind == "finally_clause":
                final = self.block(self.of_kind(child, "block"))
            elif kind == "else_clause":
                body += self.block(child.field("body"))
        return ("y", body, tuple(handlers), final)

    def with_(self, node: Node) -> Any:
        items: list[tuple[Expr, Expr | None]] = []
        clause = self.of_kind(node, "with_clause")
        for item in self.all_of(clause, "with_item") if clause is not None else []:
            value = item.field("value")
            if value is not None and value.kind() == "as_pattern":
                alias = value.field("alias")
                items.append((self.first(value) or ("o", ()), self.inner(alias) if alias is not None else None))
            else:
                items.append((self.expr(value) or ("o", ()), None))
        return ("u", tuple(items), self.block(node.field("body")))

    def match_(self, node: Node) -> Any:
        body = node.field("body") or node
        arms = tuple(self.block(case.field("consequence")) for case in self.all_of(body, "case_clause"))
        return ("b", self.expr(node.field("subject")), arms, False)

    def import_(self, node: Node) -> None:
        for child in self.named(node):
            if child.kind() == "aliased_import":
                self.module.imports[self.text(child.field("alias"))] = self.text(child.field("name"))
            else:
                name = self.text(child)
                self.module.imports.setdefault(name.split(".", maxsplit=1)[0], name.split(".", maxsplit=1)[0])

    def import_from(self, node: Node) -> None:
        source = self.text(node.field("module_name"))
        head = True
        for child in self.named(node):
            if head:
                head = False
                continue
            if child.kind() == "wildcard_import":
                self.module.wildcards.append(source)
            elif child.kind() == "aliased_import":
                self.module.imports[self.text(child.field("alias"))] = join(source, self.text(child.field("name")))
            else:
                self.module.imports[self.text(child)] = join(source, self.text(child))


def join(source: str, name: str) -> str:
    """`from . import x` has a source that ends in dots."""
    return source + name if source.endswith(".") else f"{source}.{name}"

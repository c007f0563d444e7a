"""TypeScript and JavaScript source to the common form."""

from __future__ import annotations

from typing import Any, ClassVar

from ..ir import Block, Expr, Module, Param
from .reader import Node, Reader

# Longer types that have a name are unions of texts and the like.
ALIAS_LIMIT = 200
MODULE_EXPORTS: Expr = ("a", ("n", "module"), "exports")


class ScriptReader(Reader):
    """Reads ES modules and CommonJS; dynamic `import()` of a computed name is missed."""

    language = "typescript"
    strings = frozenset({"string", "template_string"})
    silent: ClassVar[frozenset[str]] = (
        Reader.silent
        | {"number", "true", "false", "null", "undefined", "regex"}
        | {
            "type_annotation",
            "type_arguments",
            "type_parameters",
            "jsx_text",
            "ambient_declaration",
        }
    )
    expressions: ClassVar[dict[str, str]] = {
        "identifier": "name",
        "this": "name",
        "super": "name",
        "shorthand_property_identifier": "name",
        "member_expression": "member",
        "subscript_expression": "subscript",
        "call_expression": "call",
        "new_expression": "new",
        "await_expression": "await_",
        "arrow_function": "arrow",
        "function_expression": "arrow",
        "generator_function": "arrow",
        "function": "arrow",
        "object": "object_",
        "ternary_expression": "ternary",
        "as_expression": "cast",
        "satisfies_expression": "first",
        "non_null_expression": "first",
        "assignment_expression": "assign_expression",
        "class": "class_expression",
    }
    statements: ClassVar[dict[str, str]] = {
        "import_statement": "import_",
        "export_statement": "export",
        "lexical_declaration": "declaration",
        "variable_declaration": "declaration",
        "function_declaration": "function_declaration",
        "generator_function_declaration": "function_declaration",
        "class_declaration": "class_",
        "abstract_class_declaration": "class_",
        "interface_declaration": "interface",
        "type_alias_declaration": "type_alias",
        "enum_declaration": "enum",
        "expression_statement": "expression_statement",
        "statement_block": "inline_block",
        "if_statement": "if_",
        "for_statement": "for_",
        "for_in_statement": "for_in",
        "while_statement": "while_",
        "do_statement": "while_",
        "try_statement": "try_",
        "switch_statement": "switch",
        "return_statement": "returns",
        "throw_statement": "leaves",
        "break_statement": "leaves",
        "continue_statement": "leaves",
    }

    def string(self, node: Node) -> Expr | None:
        if node.kind() == "template_string":
            literal, *acting = self.template(node)
            return ("t", ("o", tuple(acting)), literal, None) if acting else literal
        return super().string(node)

    def template(self, node: Node) -> tuple[Expr, ...]:
        """The text of a template, then the expressions in it that do something."""
        parts = [self.inner(child) for child in self.all_of(node, "template_substitution")]
        return (super().string(node) or ("s", ""), *(p for p in parts if p is not None and p[0] != "n"))

    def member(self, node: Node) -> Expr:
        return ("a", self.expr(node.field("object")) or ("o", ()), self.text(node.field("property")))

    def subscript(self, node: Node) -> Expr:
        return ("i", self.expr(node.field("object")) or ("o", ()), self.expr(node.field("index")))

    def call(self, node: Node) -> Expr:
        arguments = node.field("arguments")
        if arguments is not None and arguments.kind() == "template_string":
            args = self.template(arguments)
        else:
            args = self.exprs(self.named(arguments)) if arguments is not None else ()
        callee = self.expr(node.field("function")) or ("o", ())
        if callee == ("n", "require") and args and args[0][0] == "s":
            return ("n", "require:" + args[0][1])
        generic = node.field("type_arguments")
        if generic is not None:
            args = (*args, ("k", "<>", ("s", self.text(generic).strip("<>"))))
            if callee[0] == "w":  # the grammar reads `await f<T>()` as a call of `await f`
                return ("w", self.called(callee[1], args, node))
        return self.called(callee, args, node)

    def new(self, node: Node) -> Expr:
        arguments = node.field("arguments")
        args = self.exprs(self.named(arguments)) if arguments is not None else ()
        target = node.field("constructor")
        generic = node.field("type_arguments")
        return ("new", self.text(target) + self.text(generic), args, self.line(node))

    def cast(self, node: Node) -> Expr | None:
        children = self.named(node)
        value = self.expr(children[0]) if children else None
        if value is None or len(children) < 2:
            return value
        return ("as", value, self.text(children[1]))

    def ternary(self, node: Node) -> Expr:
        parts = [self.expr(node.field(name)) for name in ("condition", "consequence", "alternative")]
        return ("t", *parts)

    def object_(self, node: Node) -> Expr:
        pairs: list[tuple[str, Expr]] = []
        for child in self.named(node):
            kind = child.kind()
            if kind == "pair":
                key = self.text(child.field("key")).strip("\"'")[:80]
                pairs.append((key, self.expr(child.field("value")) or ("o", ())))
            elif kind == "shorthand_property_identifier":
                pairs.append((self.text(child), ("n", self.text(child))))
            elif kind == "method_definition":
                pairs.append(
                    (self.text(child.field("name")), ("f", self.callable(child, self.text(child.field("name")))))
                )
            elif kind == "spread_element":
                pairs.append(("...", self.inner(child) or ("o", ())))
        return ("d", tuple(pairs))

    def arrow(self, node: Node) -> Expr:
        return ("f", self.callable(node, self.text(node.field("name")) or "<lambda>"))

    def callable(self, node: Node, name: str) -> int:
        single = node.field("parameter")
        params = (Param(self.text(single)),) if single is not None else self.params(node.field("parameters"))
        body = node.field("body")

        def content() -> Block:
            if body is None:
                return ()
            if body.kind() == "statement_block":
                return self.block(body)
            value = self.expr(body)
            return (("r", value),) if value is not None else ()

        index = self.function(node, name, params, content)
        self.module.functions[index].returns = annotation(self.text(node.field("return_type")))
        return index

    def params(self, node: Node | None) -> tuple[Param, ...]:
        """A destructured parameter becomes one parameter per name, its type unknown."""
        out: list[Param] = []
        for child in self.named(node) if node is not None else []:
            kind = child.kind()
            pattern = child.field("pattern") or child.field("left") or child
            decorators = tuple(d for d in (self.inner(x) for x in self.all_of(child, "decorator")) if d is not None)
            type_text = annotation(self.text(child.field("type")))
            if kind in self.silent:
                continue
            if pattern.kind() == "object_pattern":
                names = [target[1] for target in self.pattern(pattern) if target]
                out.append(Param("{" + ",".join(names) + "}", type_text, decorators))
            else:
                default = self.expr(child.field("value") or child.field("right"))
                out.append(Param(self.text(pattern).lstrip("."), type_text, decorators, default))
        return tuple(out)

    def pattern(self, node: Node | None) -> tuple[Expr | None, ...]:
        """Names bound by a pattern; an object pattern's are marked with the property they come from."""
        if node is None:
            return ()
        kind = node.kind()
        if kind == "object_pattern":
            out: list[Expr | None] = []
            for child in self.named(node):
                if child.kind() == "shorthand_property_identifier_pattern":
                    out.append(("n", self.text(child), self.text(child)))
                elif child.kind() == "pair_pattern":
                    out.append(("n", self.text(child.field("value")), self.text(child.field("key"))))
                elif child.kind() == "object_assignment_pattern":
                    left = self.text(child.field("left"))
                    out.append(("n", left, left))
            return tuple(out)
        if kind == "array_pattern":
            return tuple(self.expr(child) for child in self.named(node))
        return (self.expr(node),)

    def import_(self, node: Node) -> None:
        source = self.text(node.field("source")).strip("\"'`")
        clause = self.of_kind(node, "import_clause")
        if clause is None:
            self.module.imports.setdefault("import:" + source, source)
            return
        for child in self.named(clause):
            kind = child.kind()
            if kind == "identifier":
                self.module.imports[self.text(child)] = source + "#default"
            elif kind == "namespace_import":
                self.module.imports[self.text(self.named(child)[0])] = source
            elif kind == "named_imports":
                for spec in self.all_of(child, "import_specifier"):
                    name = self.text(spec.field("name"))
                    self.module.imports[self.text(spec.field("alias")) or name] = f"{source}#{name}"

    def export(self, node: Node) -> Any:
        out: list[Any] = []
        source = node.field("source")
        if source is not None:
            origin = self.text(source).strip("\"'`")
            clause = self.of_kind(node, "export_clause")
            if clause is None:
                self.module.wildcards.append(origin)
            for spec in self.all_of(clause, "export_specifier") if clause is not None else []:
                name = self.text(spec.field("name"))
                self.module.exports[self.text(spec.field("alias")) or name] = f"{origin}#{name}"
            return None
        decorators = tuple(d for d in (self.inner(x) for x in self.all_of(node, "decorator")) if d is not None)
        is_default = any(child.kind() == "default" for child in node.children())
        for child in self.named(node):
            kind = child.kind()
            if kind in ("class_declaration", "abstract_class_declaration"):
                self.class_(child, decorators)
                if is_default:
                    self.module.exports["default"] = self.text(child.field("name"))
            elif kind == "export_clause":
                for spec in self.all_of(child, "export_specifier"):
                    name = self.text(spec.field("name"))
                    self.module.exports[self.text(spec.field("alias")) or name] = name
            elif is_default and kind != "decorator" and not kind.endswith("_declaration"):
                value = self.expr(child)
                if value is not None and value[0] == "n":
                    self.module.exports["default"] = value[1]
                elif value is not None:
                    out.append(("=", (("n", "default"),), value, "", self.line(child)))
            elif kind != "decorator":
                if is_default:
                    self.module.exports["default"] = self.text(child.field("name"))
                self.statement(child, out)
        return out

    def declaration(self, node: Node) -> Any:
        out: list[Any] = []
        for item in self.all_of(node, "variable_declarator"):
            target, value = item.field("name"), item.field("value")
            type_text = annotation(self.text(item.field("type")))
            if value is not None and value.kind() in ("arrow_function", "function_expression", "function"):
                name = self.text(target)
                index = self.callable(value, name)
                self.module.functions[index].line = self.line(node)
                out.append(("def", name, index))
                continue
            init = self.expr(value)
            if target.kind() == "identifier":
                self.named_after(init, self.text(target))
                if init == ("d", ()) and len(self.functions) == 1:
                    self.objects.add(self.text(target))
            if type_text or init is not None:
                out.append(("=", self.pattern(target), init, type_text, self.line(item)))
        return out

    def named_after(self, value: Expr | None, name: str) -> None:
        """`const place = wrapped(async () => { })` at the top of a file: the function is called as what it is put
        into."""
        if value is None or value[0] != "c" or len(self.functions) > 1:
            return
        given = [arg[1] for arg in value[2] if arg[0] == "f"]
        if len(given) == 1 and self.module.functions[given[0]].name == "<lambda>":
            self.module.functions[given[0]].name = name

    def function_declaration(self, node: Node) -> Any:
        name = self.text(node.field("name"))
        previous, self.classes = self.classes, self.classes if self.functions else []
        index = self.callable(node, name)
        self.classes = previous
        return ("def", name, index)

    def expression_statement(self, node: Node) -> Any:
        children = self.named(node)
        if children and children[0].kind() in ("assignment_expression", "augmented_assignment_expression"):
            return self.assignment(children[0])
        value = self.inner(node)
        return ("e", value) if value is not None else None

    def assignment(self, node: Node) -> Any:
        targets = self.pattern(node.field("left"))
        value = self.expr(node.field("right"))
        for target in targets:
            self.assigned(target, value)
        target = targets[0] if targets else None
        if len(self.functions) == 1 and target is not None and target[0] == "a" and value is not None:
            exported = self.commonjs(target, value, self.line(node))
            if exported:
                return exported
        return ("=", targets, value, "", self.line(node))

    def commonjs(self, target: Expr, value: Expr, line: int) -> list[Any]:
        """The statements of `module.exports = x` and `exports.y = x`: what has no name of its own gets one."""
        if target == MODULE_EXPORTS:
            if value[0] == "d":
                return [made for key, item in value[1] for made in self.exported(key, item, line)]
            if value[0] == "n":
                self.module.exports["default"] = value[1]
                if value[1].startswith("require:"):
                    self.module.wildcards.append(value[1][8:])
                return []
            if value[0] == "f":
                self.call_it(value[1], "<default>")
                return [("def", "default", value[1])]
            return [("=", (("n", "default"),), value, "", line)] if value[0] in ("c", "new") else []
        if target[1] in (("n", "exports"), MODULE_EXPORTS):
            self.named_after(value, target[2])
            return self.exported(target[2], value, line)
        if target[1][0] == "n" and target[1][1] in self.objects:
            # `const models = {}; models.User = ...; module.exports = models`
            self.filled.append((target[1][1], target[2]))
            return [("=", (("n", f"{target[1][1]}:{target[2]}"),), value, "", line)]
        return []

    def exported(self, key: str, value: Expr, line: int) -> list[Any]:
        """One export of CommonJS: another name for what the file names, else a name for it."""
        if key == "...":
            if value[0] == "n" and value[1].startswith("require:"):
                self.module.wildcards.append(value[1][8:])
            return [("e", value)]
        if value[0] == "n" and not value[1].startswith("require:"):
            self.module.exports[key] = value[1]
            return []
        name = f"exports:{key}"
        self.module.exports[key] = name
        if value[0] == "f":
            self.call_it(value[1], key)
            return [("def", name, value[1])]
        return [("=", (("n", name),), value, "", line)]

    def call_it(self, function: int, name: str) -> None:
        if self.module.functions[function].name == "<lambda>":
            self.module.functions[function].name = name

    def read(self, root: Node) -> Module:
        self.objects: set[str] = set()
        self.filled: list[tuple[str, str]] = []
        made = super().read(root)
        whole = made.exports.get("default")
        for name, key in self.filled:
            if name == whole:
                made.exports.setdefault(key, f"{name}:{key}")
        return made

    def assign_expression(self, node: Node) -> Expr | None:
        return self.expr(node.field("right"))

    def is_empty(self, body: Node) -> bool:
        """Whether a method does nothing but say that a subclass implements it."""
        parts = [child for child in self.named(body) if child.kind() != "comment"]
        return len(parts) == 1 and parts[0].kind() == "throw_statement" and "mplement" in self.text(parts[0])[:120]

    def class_expression(self, node: Node) -> Expr | None:
        self.class_(node)
        return ("n", self.text(node.field("name")) or f"<class:{self.line(node)}>")

    def class_(self, node: Node, decorators: tuple[Expr, ...] = ()) -> None:
        bases: list[str] = []
        heritage = self.of_kind(node, "class_heritage")
        if heritage is not None:
            clauses = self.all_of(heritage, "extends_clause", "implements_clause")
            for clause in clauses or [heritage]:
                text = self.text(clause)
                for word in ("extends", "implements"):
                    text = text.removeprefix(word).strip()
                bases += split_top(text)
        name = self.text(node.field("name")) or f"<class:{self.line(node)}>"
        made = self.open_class(node, name, "class", tuple(bases))
        own = tuple(d for d in (self.inner(x) for x in self.all_of(node, "decorator")) if d is not None)
        made.decorators = decorators + own
        body = node.field("body")
        pending: list[Expr] = []
        for child in self.named(body) if body is not None else []:
            kind = child.kind()
            if kind == "decorator":
                value = self.inner(child)
                pending += [value] if value is not None else []
                continue
            if kind in ("method_definition", "abstract_method_signature", "method_signature"):
                self.member_function(child, tuple(pending))
            elif kind in ("public_field_definition", "field_definition"):
                self.class_field(child, tuple(pending))
            pending = []
        self.classes.pop()

    def member_function(self, node: Node, decorators: tuple[Expr, ...]) -> None:
        name = self.text(node.field("name"))
        params = self.params(node.field("parameters"))
        if name == "constructor":
            for child, param in zip(self.named(node.field("parameters")), params, strict=False):
                if self.of_kind(child, "accessibility_modifier", "readonly", "override_modifier") is not None:
                    self.add_field(param.name, param.type)
                    self.module.classes[self.classes[-1]].fields[param.name].decorators = param.decorators
        body = node.field("body")
        made = self.method(node, name, params, lambda: self.block(body))
        own = tuple(d for d in (self.inner(x) for x in self.all_of(node, "decorator")) if d is not None)
        made.decorators, made.is_abstract = decorators + own, body is None or self.is_empty(body)
        made.returns = annotation(self.text(node.field("return_type")))
        made.is_static = self.of_kind(node, "static") is not None

    def class_field(self, node: Node, decorators: tuple[Expr, ...]) -> None:
        name = self.text(node.field("name") or node.field("property"))
        value = node.field("value")
        own = tuple(d for d in (self.inner(x) for x in self.all_of(node, "decorator")) if d is not None)
        if value is not None and value.kind() in ("arrow_function", "function_expression", "function"):
            index = self.callable(value, name)
            self.module.functions[index].outer = None
            self.module.functions[index].line = self.line(node)
            self.module.functions[index].decorators = decorators + own
            self.module.classes[self.classes[-1]].methods.setdefault(name, []).append(index)
            return
        self.add_field(name, annotation(self.text(node.field("type"))), self.expr(value), self.functions[-1])
        self.module.classes[self.classes[-1]].fields[name].decorators = decorators + own

    def interface(self, node: Node) -> None:
        extends = self.of_kind(node, "extends_type_clause", "extends_clause")
        bases = split_top(self.text(extends).removeprefix("extends")) if extends is not None else []
        self.open_class(node, self.text(node.field("name")), "interface", tuple(bases))
        self.signatures(node.field("body"))
        self.classes.pop()

    def signatures(self, body: Node | None) -> None:
        """What an interface or the type of an object declares."""
        for child in self.named(body) if body is not None else []:
            if child.kind() == "property_signature":
                self.add_field(self.text(child.field("name")), annotation(self.text(child.field("type"))))
            elif child.kind() == "method_signature":
                self.member_function(child, ())

    def type_alias(self, node: Node) -> None:
        """`type Deps = { db: Db }` is an interface, `type Db = Kysely<Tables>` another name for a type."""
        name, value = self.text(node.field("name")), node.field("value")
        if value is not None and value.kind() == "object_type":
            self.open_class(node, name, "interface", ())
            self.signatures(value)
            self.classes.pop()
        elif value is not None:
            text = self.text(value)
            if len(text) <= ALIAS_LIMIT:
                self.module.aliases[name] = text

    def enum(self, node: Node) -> Any:
        """An enumeration is an object of its texts."""
        items = []
        for child in self.named(node.field("body")) if node.field("body") is not None else []:
            value = self.expr(child.field("value")) if child.kind() == "enum_assignment" else None
            if value is not None:
                items.append((self.text(child.field("name")).strip("\"'"), value))
        return ("=", (("n", self.text(node.field("name"))),), ("d", tuple(items)), "", self.line(node))

    def if_(self, node: Node) -> Any:
        other = node.field("alternative")
        arms = [self.one(node.field("consequence"))]
        if other is not None:
            arms.append(self.block(other))
        return ("b", self.expr(node.field("condition")), tuple(arms), other is not None)

    def for_(self, node: Node) -> Any:
        out: list[Any] = []
        start = node.field("initializer")
        if start is not None:
            self.statement(start, out)
        out.append(("l", (), self.expr(node.field("condition")), self.one(node.field("body"))))
        return out

    def for_in(self, node: Node) -> Any:
        body = self.one(node.field("body"))
        return ("l", self.pattern(node.field("left")), self.expr(node.field("right")), body)

    def while_(self, node: Node) -> Any:
        return ("l", (), self.expr(node.field("condition")), self.one(node.field("body")))

    def try_(self, node: Node) -> Any:
        handler, final = node.field("handler"), node.field("finalizer")
        handlers = (self.block(handler.field("body")),) if handler is not None else ()
        ending = self.block(final.field("body") or self.of_kind(final, "statement_block")) if final is not None else ()
        return ("y", self.block(node.field("body")), handlers, ending)

    def switch(self, node: Node) -> Any:
        body = node.field("body")
        cases = self.all_of(body, "switch_case", "switch_default") if body is not None else []
        arms = tuple(self.block(case) for case in cases)
        exhaustive = any(case.kind() == "switch_default" for case in cases)
        arms = tuple(tuple(s for s in arm if s != ("x", None)) for arm in arms)
        return ("b", self.expr(node.field("value")), arms, exhaustive)


class JavaScriptReader(ScriptReader):
    """The same tree shapes without types."""

    language = "javascript"


def annotation(text: str) -> str:
    """A type annotation without its colon."""
    return text.lstrip(": ").strip()


def split_top(text: str) -> list[str]:
    """Parts of a comma list, commas inside brackets kept."""
    parts, depth, start = [], 0, 0
    for at, char in enumerate(text):
        if char in "<([{":
            depth += 1
        elif char in ">)]}":
            depth -= 1
        elif char == "," and depth == 0:
            parts.append(text[start:at].strip())
            start = at + 1
    parts.append(text[start:].strip())
    return [part for part in parts if part]

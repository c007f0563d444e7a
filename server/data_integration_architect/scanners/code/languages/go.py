"""Go source to the common form."""

from __future__ import annotations

import re
from typing import Any, ClassVar

from ..ir import HOLDS, PASSED, Block, Expr, Field, Param
from .reader import Node, Reader

WORD = re.compile(r"\w+")
# How named types of functions are called by convention.
FUNCTION_NAMES = ("Func", "Handler", "Fn", "Callback", "Hook", "Listener", "Subscriber", "Publish", "Notify")
VERSION = re.compile(r"(?:/v\d+|\.v\d+)$")


class GoReader(Reader):
    """Reads functions, methods by receiver type, structs and interfaces; code behind build tags is all read."""

    language = "go"
    strings = frozenset({"interpreted_string_literal", "raw_string_literal"})
    silent: ClassVar[frozenset[str]] = Reader.silent | {
        "int_literal",
        "float_literal",
        "nil",
        "true",
        "false",
        "rune_literal",
        "iota",
        "package_clause",
        "imaginary_literal",
        "blank_identifier",
    }
    expressions: ClassVar[dict[str, str]] = {
        "identifier": "name",
        "type_identifier": "name",
        "selector_expression": "selector",
        "call_expression": "call",
        "func_literal": "literal_function",
        "composite_literal": "composite",
        "index_expression": "index",
        "slice_expression": "index",
        "type_assertion_expression": "assertion",
        "type_conversion_expression": "conversion",
        "pointer_type": "first",
        "literal_element": "first",
    }
    statements: ClassVar[dict[str, str]] = {
        "package_clause": "package",
        "import_declaration": "imports",
        "type_declaration": "types",
        "function_declaration": "function_declaration",
        "method_declaration": "method_declaration",
        "short_var_declaration": "assignment",
        "assignment_statement": "assignment",
        "var_declaration": "variables",
        "const_declaration": "variables",
        "block": "inline_block",
        "statement_list": "inline_block",
        "if_statement": "if_",
        "for_statement": "for_",
        "expression_switch_statement": "switch",
        "type_switch_statement": "switch",
        "select_statement": "switch",
        "return_statement": "returns",
        "break_statement": "leaves",
        "continue_statement": "leaves",
        "goto_statement": "leaves",
        "go_statement": "go",
        "send_statement": "send",
        "defer_statement": "defer",
        "labeled_statement": "inline_block",
    }

    def selector(self, node: Node) -> Expr:
        return ("a", self.expr(node.field("operand")) or ("o", ()), self.text(node.field("field")))

    def call(self, node: Node) -> Expr:
        arguments, generic = node.field("arguments"), node.field("type_arguments")
        args = self.exprs(self.named(arguments)) if arguments is not None else ()
        callee = self.expr(node.field("function")) or ("o", ())
        if callee == ("n", "new") and args:
            return ("new", self.text(self.named(arguments)[0]), (), self.line(node))
        if generic is not None:
            args = (*args, ("k", "<>", ("s", self.text(generic).strip("[]"))))
        return self.called(callee, args, node)

    def literal_function(self, node: Node) -> Expr:
        body = node.field("body")
        return ("f", self.function(node, "<lambda>", self.params(node.field("parameters")), lambda: self.block(body)))

    def composite(self, node: Node) -> Expr:
        body, args = node.field("body"), []
        for child in self.named(body) if body is not None else []:
            if child.kind() == "keyed_element":
                parts = self.named(child)
                if len(parts) == 2:
                    value = self.expr(parts[1]) or ("o", ())
                    args.append(("k", self.text(parts[0]), value))
                    if value[0] == "f" and self.functions:
                        self.module.functions[self.functions[-1]].calls |= {HOLDS}
            else:
                args.append(self.expr(child) or ("o", ()))
        return ("new", self.text(node.field("type")), tuple(args), self.line(node))

    def index(self, node: Node) -> Expr:
        return ("i", self.expr(node.field("operand")) or ("o", ()), self.expr(node.field("index")))

    def assertion(self, node: Node) -> Expr | None:
        value = self.expr(node.field("operand"))
        return None if value is None else ("as", value, self.text(node.field("type")))

    def conversion(self, node: Node) -> Expr | None:
        value = self.expr(node.field("operand"))
        return None if value is None else ("as", value, self.text(node.field("type")))

    def params(self, node: Node | None) -> tuple[Param, ...]:
        out: list[Param] = []
        kinds = ("parameter_declaration", "variadic_parameter_declaration")
        for child in self.all_of(node, *kinds) if node is not None else []:
            type_text = self.text(child.field("type"))
            names = self.all_of(child, "identifier")
            out += [Param(self.text(name), type_text) for name in names] or [Param("_", type_text)]
        return tuple(out)

    def package(self, node: Node) -> None:
        self.module.package = self.text(self.named(node)[0]) if self.named(node) else ""

    def imports(self, node: Node) -> None:
        specs = self.all_of(node, "import_spec")
        for group in self.all_of(node, "import_spec_list"):
            specs += self.all_of(group, "import_spec")
        for spec in specs:
            path = self.text(spec.field("path")).strip('"`')
            name = spec.field("name")
            if name is not None and self.text(name) == ".":
                self.module.wildcards.append(path)
            elif name is not None and self.text(name) != "_":
                self.module.imports[self.text(name)] = path
            else:
                for alias in package_names(path):
                    self.module.imports.setdefault(alias, path)

    def types(self, node: Node) -> None:
        for spec in self.all_of(node, "type_spec", "type_alias"):
            name, body = self.text(spec.field("name")), spec.field("type")
            if body is None:
                continue
            kind = {"struct_type": "struct", "interface_type": "interface"}.get(body.kind(), "named")
            bases = (self.text(body),) if kind == "named" and body.kind() != "function_type" else ()
            made = self.open_class(spec, name, kind, bases)
            if kind == "struct":
                fields = self.of_kind(body, "field_declaration_list")
                for item in self.all_of(fields, "field_declaration") if fields is not None else []:
                    type_text = self.text(item.field("type"))
                    names = self.all_of(item, "field_identifier")
                    for field_name in names:
                        made.fields[self.text(field_name)] = Field(self.text(field_name), type_text)
                    if not names:
                        made.bases += (type_text,)
                        short = type_text.rsplit(".", 1)[-1].lstrip("*")
                        made.fields[short] = Field(short, type_text)
            elif kind == "interface":
                for item in self.named(body):
                    if item.kind() in ("method_elem", "method_spec"):
                        method = self.method(
                            item, self.text(item.field("name")), self.params(item.field("parameters")), tuple
                        )
                        method.is_abstract, method.returns = True, first_result(self.text(item.field("result")))
                    elif item.kind() in ("type_elem", "constraint_elem", "type_identifier", "qualified_type"):
                        made.bases += (self.text(item),)
            self.classes.pop()

    def function_declaration(self, node: Node) -> Any:
        body, name = node.field("body"), self.text(node.field("name"))
        index = self.function(node, name, self.params(node.field("parameters")), lambda: self.block(body))
        self.module.functions[index].returns = first_result(self.text(node.field("result")))
        return ("def", name, index)

    def method_declaration(self, node: Node) -> Any:
        receiver = self.params(node.field("receiver"))
        body, name = node.field("body"), self.text(node.field("name"))
        params = self.params(node.field("parameters"))
        index = self.function(node, name, params, lambda: self.block(body))
        made = self.module.functions[index]
        made.outer = None
        made.returns = first_result(self.text(node.field("result")))
        if receiver:
            made.receiver = f"{receiver[0].name} {receiver[0].type.lstrip('*').split('[')[0]}"
        return None

    def assignment(self, node: Node) -> Any:
        left, right = node.field("left"), node.field("right")
        targets = tuple(self.expr(child) for child in self.named(left)) if left is not None else ()
        values = self.named(right) if right is not None else []
        if any(target is not None and target[0] in ("a", "i") for target in targets) and self.functions:
            self.holding(targets, values)
        if len(values) == len(targets) and len(values) > 1:
            line = self.line(node)
            return [("=", (t,), self.expr(v), "", line) for t, v in zip(targets, values, strict=True)]
        return ("=", targets, self.other(values), "", self.line(node))

    def holding(self, targets: tuple[Any, ...], values: list[Node]) -> None:
        """Mark a function that puts a function into a field: `s.publish = p`, `d.handlers[name] = append(..., h)`."""
        around = [self.module.functions[at] for at in self.functions[1:]]
        given = {param.name for function in around for param in function.params if self.functional(param.type)}
        for target, value in zip(targets, values, strict=False) if given else ():
            if target is not None and target[0] in ("a", "i") and given & set(WORD.findall(self.text(value)[:200])):
                for function in around:
                    function.calls |= {HOLDS, PASSED}

    def functional(self, text: str) -> bool:
        """Whether a parameter's type is a function, literally or by the convention for its name."""
        plain = text.lstrip(".[]*")
        return plain.startswith("func(") or plain.rpartition(".")[2].endswith(FUNCTION_NAMES)

    def variables(self, node: Node) -> Any:
        out: list[Any] = []
        specs = self.all_of(node, "var_spec", "const_spec")
        for group in self.all_of(node, "var_spec_list"):
            specs += self.all_of(group, "var_spec")
        for spec in specs:
            type_text, value = self.text(spec.field("type")), spec.field("value")
            init = self.inner(value) if value is not None else None
            for name in self.all_of(spec, "identifier"):
                out.append(("=", (("n", self.text(name)),), init, type_text, self.line(spec)))
                init = None if not type_text else init
        return out

    def if_(self, node: Node) -> Any:
        out: list[Any] = []
        start, other = node.field("initializer"), node.field("alternative")
        if start is not None:
            self.statement(start, out)
        arms = [self.block(node.field("consequence"))]
        if other is not None:
            arms.append(self.one(other))
        out.append(("b", self.expr(node.field("condition")), tuple(arms), other is not None))
        return out

    def for_(self, node: Node) -> Any:
        out: list[Any] = []
        clause = self.of_kind(node, "range_clause")
        if clause is not None:
            left = clause.field("left")
            targets = tuple(self.expr(child) for child in self.named(left)) if left is not None else ()
            return ("l", targets[-1:], self.expr(clause.field("right")), self.block(node.field("body")))
        head = self.of_kind(node, "for_clause")
        if head is not None and head.field("initializer") is not None:
            self.statement(head.field("initializer"), out)
        out.append(("l", (), None, self.block(node.field("body"))))
        return out

    def switch(self, node: Node) -> Any:
        kinds = ("expression_case", "type_case", "communication_case", "default_case")
        cases = self.all_of(node, *kinds)
        arms = tuple(tuple(s for s in self.block(case) if s != ("x", None)) for case in cases)
        exhaustive = any(case.kind() == "default_case" for case in cases)
        return ("b", self.expr(node.field("value")), arms, exhaustive)

    def go(self, node: Node) -> Any:
        value = self.inner(node)
        return ("g", value) if value is not None else None

    def send(self, node: Node) -> Any:
        """`channel <- value` as a call: producers of some libraries take their messages from a channel."""
        channel, value = self.expr(node.field("channel")), self.expr(node.field("value"))
        return ("e", self.called(("a", channel or ("o", ()), "<-"), (value or ("o", ()),), node))

    def defer(self, node: Node) -> Any:
        value = self.inner(node)
        return ("q", value) if value is not None else None

    def block(self, node: Node | None) -> Block:
        return () if node is None else super().block(node)


def package_names(path: str) -> list[str]:
    """Names a package may have by convention; the real one stands in its source, which is not read."""
    plain = VERSION.sub("", path)
    last = plain.rsplit("/", 1)[-1]
    names = [last]
    for cut in (
        last.removesuffix(".go"),
        last.removeprefix("go-"),
        last.removesuffix("-go"),
        last.removeprefix("go-").removesuffix("-go"),
    ):
        names.append(cut)
    names.append(last.replace("-", ""))
    names.append(last.replace("-", "_"))
    return list(dict.fromkeys(VERSION.sub("", name) for name in names if name))


def first_result(text: str) -> str:
    """The first of several results: the others are errors and flags by convention."""
    text = text.strip()
    if text.startswith("("):
        text = text[1:-1].split(",", maxsplit=1)[0].strip()
        parts = text.split(" ")
        text = parts[-1] if len(parts) == 2 and not parts[0].startswith(("map", "func", "chan", "*", "[")) else text
    return text

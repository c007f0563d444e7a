"""Terraform and OpenTofu text (HCL) to located blocks, by the tree-sitter grammar that ast-grep bundles."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from ast_grep_py import SgNode, SgRoot

from data_integration_architect.scanners.config.located import Listing, Malformed, Node, Table, Text

MOST_CHARACTERS = 1024 * 1024
MOST_DEPTH = 60


@dataclass
class Block:
    """One block: type, labels, attributes and the blocks inside. Text that is computed keeps its source form."""

    type: str
    labels: tuple[str, ...]
    line: int
    attributes: Table
    blocks: list[Block] = field(default_factory=list)

    def all_of(self, kind: str) -> Iterator[Block]:
        return (block for block in self.blocks if block.type == kind)


def load(source: str) -> list[Block]:
    """The top-level blocks of `source`; parts with syntax errors are left out.

    Raises: Malformed for text beyond the limits or that the parser gives up on.
    """
    if len(source) > MOST_CHARACTERS:
        raise Malformed(1, "larger than the limit for HCL")
    try:
        root = SgRoot(source, "hcl").root()
        return [
            _block(child, 0)
            for body in root.children()
            if body.kind() == "body"
            for child in body.children()
            if child.kind() == "block"
        ]
    except (KeyboardInterrupt, SystemExit, Malformed):
        raise
    except BaseException:  # The binding's panics are no subclass of Exception.
        raise Malformed(1, "not valid HCL") from None


def _line(node: SgNode) -> int:
    return node.range().start.line + 1


def _block(node: SgNode, depth: int) -> Block:
    if depth > MOST_DEPTH:
        raise Malformed(_line(node), "nested too deeply")
    words: list[str] = []
    made = Block("", (), _line(node), Table(_line(node)))
    for child in node.children():
        kind = child.kind()
        if kind == "identifier":
            words.append(child.text())
        elif kind == "string_lit":
            words.append(_string(child))
        elif kind == "body":
            _fill(made, child, depth)
    made.type = words[0] if words else ""
    made.labels = tuple(words[1:])
    return made


def _fill(block: Block, body: SgNode, depth: int) -> None:
    for child in body.children():
        if child.kind() == "block":
            block.blocks.append(_block(child, depth + 1))
        elif child.kind() == "attribute":
            parts = child.children()
            if len(parts) >= 3 and parts[0].kind() == "identifier":
                block.attributes.put(parts[0].text(), _value(parts[-1], depth + 1), _line(child))


def _string(node: SgNode) -> str:
    return "".join(child.text() for child in node.children() if child.kind() == "template_literal")


def _value(node: SgNode, depth: int) -> Node:
    """The value of an expression: text, list or mapping; references and calls as their source text."""
    line = _line(node)
    if depth > MOST_DEPTH:
        raise Malformed(line, "nested too deeply")
    kind = node.kind()
    children = node.children()
    if kind in {"expression", "literal_value", "collection_value", "template_expr"} and len(children) == 1:
        return _value(children[0], depth + 1)
    if kind == "string_lit":
        return Text(_string(node), line)
    if kind == "heredoc_template":
        return Text(
            "".join(c.text() for c in children if c.kind() not in {"heredoc_start", "heredoc_identifier"}), line
        )
    if kind == "quoted_template":
        return Text("".join(c.text() for c in children if not c.kind().startswith("quoted_template")), line)
    if kind == "tuple":
        made = Listing(line)
        made.extend(_value(child, depth + 1) for child in children if child.kind() == "expression")
        return made
    if kind == "object":
        found = Table(line)
        for element in children:
            if element.kind() == "object_elem":
                sides = [part for part in element.children() if part.kind() == "expression"]
                if len(sides) == 2:
                    key = _value(sides[0], depth + 1)
                    found.put(str(key) if isinstance(key, Text) else "", _value(sides[1], depth + 1), _line(element))
        return found
    if kind == "function_call":
        # jsonencode({...}) and merge({...}) are read as their argument: connector configurations stand in them.
        arguments = [
            e for c in children if c.kind() == "function_arguments" for e in c.children() if e.kind() == "expression"
        ]
        if len(arguments) == 1:
            inner = _value(arguments[0], depth + 1)
            if isinstance(inner, Table):
                return inner
    return Text(node.text(), line, plain=True)

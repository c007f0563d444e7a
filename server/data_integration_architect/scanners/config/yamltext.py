"""YAML text to located data, from the parser's events: bounded, no tags resolved, no recursion."""

from __future__ import annotations

import yaml

from data_integration_architect.scanners.config.located import Listing, Malformed, Node, Table, Text

MOST_CHARACTERS = 4 * 1024 * 1024
MOST_DEPTH = 100
MOST_NODES = 400_000


def load_all(source: str) -> list[Node]:
    """The documents of `source`; empty documents are left out. Tags are dropped, merge keys are applied.

    Raises: Malformed for text that is no YAML or is beyond the limits.
    """
    if len(source) > MOST_CHARACTERS:
        raise Malformed(1, "larger than the limit for YAML")
    builder = _Builder()
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        for event in yaml.parse(source, Loader=loader):
            builder.take(event)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise Malformed(mark.line + 1 if mark else 1, "not valid YAML") from None
    except (yaml.YAMLError, ValueError, UnicodeError):
        raise Malformed(1, "not valid YAML") from None
    return builder.documents


def _line(event: yaml.Event) -> int:
    return event.start_mark.line + 1 if event.start_mark is not None else 1


class _Builder:
    def __init__(self) -> None:
        self.documents: list[Node] = []
        self.open: list[tuple[Table | Listing, str | None]] = []
        self.keys: list[Text | None] = []
        self.anchors: dict[str, Node] = {}
        self.sizes: dict[str, int] = {}
        self.starts: list[int] = []
        self.nodes = 0

    def take(self, event: yaml.Event) -> None:
        if isinstance(event, yaml.ScalarEvent):
            line = _line(event)
            self.count(1, line)
            value = Text(event.value, line, plain=event.style is None)
            self.remember(event.anchor, value, 1)
            self.place(value)
        elif isinstance(event, yaml.MappingStartEvent | yaml.SequenceStartEvent):
            line = _line(event)
            self.count(1, line)
            if len(self.open) >= MOST_DEPTH:
                raise Malformed(line, "nested too deeply")
            made: Table | Listing = Table(line) if isinstance(event, yaml.MappingStartEvent) else Listing(line)
            self.open.append((made, event.anchor))
            self.keys.append(None)
            self.starts.append(self.nodes)
        elif isinstance(event, yaml.MappingEndEvent | yaml.SequenceEndEvent):
            done, anchor = self.open.pop()
            self.keys.pop()
            size = self.nodes - self.starts.pop() + 1
            self.remember(anchor, done, size)
            self.place(done)
        elif isinstance(event, yaml.AliasEvent):
            line = _line(event)
            # An alias shares its target, so memory stays bounded; readers walk it again, so its size counts.
            self.count(self.sizes.get(event.anchor or "", 1), line)
            self.place(self.anchors.get(event.anchor or "", Text("", line)))
        elif isinstance(event, yaml.DocumentStartEvent):
            self.anchors.clear()
            self.sizes.clear()

    def count(self, size: int, line: int) -> None:
        self.nodes += size
        if self.nodes > MOST_NODES:
            raise Malformed(line, "more values than the limit, aliases expanded")

    def remember(self, anchor: str | None, value: Node, size: int) -> None:
        if anchor:
            self.anchors[anchor] = value
            self.sizes[anchor] = size

    def place(self, value: Node) -> None:
        if not self.open:
            if not (isinstance(value, Text) and not value):
                self.documents.append(value)
            return
        parent = self.open[-1][0]
        if isinstance(parent, Listing):
            parent.append(value)
            return
        key = self.keys[-1]
        if key is None:
            # A key that is itself a collection names nothing we read; its value is dropped under an empty key.
            self.keys[-1] = value if isinstance(value, Text) else Text("", value.line)
            return
        self.keys[-1] = None
        if key == "<<":
            _merge(parent, value)
        else:
            parent.put(str(key), value, key.line)


def _merge(into: Table, value: Node) -> None:
    """Applies a merge key: keys that the mapping already has win; later keys overwrite."""
    for source in value if isinstance(value, Listing) else [value]:
        if isinstance(source, Table):
            for key, item in source.items():
                if key not in into:
                    into.put(key, item, source.key_line(key))

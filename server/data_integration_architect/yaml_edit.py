"""Changes to the data of a YAML file that leave its comments, quotes and order as their author wrote them."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import YAMLError

from data_integration_architect.errors import ArchitectError
from data_integration_architect.files import parse_text

WIDTH = 4096


def edited(text: str, data: Mapping[str, Any]) -> str | None:
    """`text`, which is a mapping, changed to hold `data`; None if it cannot be edited in place.

    What is equal keeps its form. Comments beside what goes away go with it.
    """
    yaml = YAML(typ="rt")
    yaml.preserve_quotes = True
    yaml.width = WIDTH
    offset = _list_offset(text)
    yaml.indent(mapping=2, sequence=offset + 2, offset=offset)
    try:
        document = yaml.load(text)
        if not isinstance(document, CommentedMap):
            return None
        _change_map(document, data)
        stream = io.StringIO()
        yaml.dump(document, stream)
    except (YAMLError, RecursionError, TypeError, ValueError):
        return None
    return _as_asked(stream.getvalue(), data)


def _as_asked(text: str, data: Mapping[str, Any]) -> str | None:
    """The text if our own reader finds the data in it: the two libraries differ on plain scalars such as `:a`."""
    try:
        return text if parse_text(text).data == data else None
    except ArchitectError:
        return None


def _list_offset(text: str) -> int:
    """How far lists stand in from their key, as the file has it."""
    found = re.search(r"^( *)[^\s#-][^\n#]*:[ ]*(?:#[^\n]*)?\n\1( *)- ", text, re.MULTILINE)
    return len(found[2]) if found else 0


def _change_map(old: Any, new: Mapping[str, Any]) -> None:
    for key in [key for key in old if key not in new]:
        del old[key]
    for key, value in new.items():
        if key in old:
            old[key] = _changed(old[key], value)
        else:
            old[key] = value


def _changed(old: Any, new: Any) -> Any:
    """The old node if it says the same, the old one changed if it is of the same kind, else the new value."""
    if isinstance(old, CommentedMap) and isinstance(new, Mapping):
        _change_map(old, new)
        return old
    if isinstance(old, CommentedSeq) and isinstance(new, list):
        return _change_list(old, new)
    return old if _plain(old) == new and type(_plain(old)) is type(new) else new


def _change_list(old: Any, new: list[Any]) -> Any:
    nodes = list(old)
    plain = [_plain(node) for node in nodes]
    if plain == new:
        return old
    free = set(range(len(nodes)))
    made: list[Any] = []
    taken: list[int | None] = []
    for item in new:
        same = next((at for at in sorted(free) if plain[at] == item), None)
        taken.append(same)
        free.discard(same if same is not None else -1)
    for at, item in enumerate(new):
        same = taken[at]
        if same is None and at in free and isinstance(nodes[at], CommentedMap) and isinstance(item, Mapping):
            free.discard(at)
            made.append(_changed(nodes[at], item))
        else:
            made.append(nodes[same] if same is not None else item)
    unmoved = all(same is None or same == at for at, same in enumerate(taken))
    comments = dict(old.ca.items) if unmoved else {}
    old[:] = made
    old.ca.items.update({at: comment for at, comment in comments.items() if at < len(made)})
    return old


def _plain(node: Any) -> Any:
    if isinstance(node, Mapping):
        return {key: _plain(value) for key, value in node.items()}
    if isinstance(node, list):
        return [_plain(item) for item in node]
    if isinstance(node, bool) or node is None:
        return node
    for kind in (str, int, float):
        if isinstance(node, kind):
            return kind(node)
    return node

"""A new draft into a topology that people may have edited: their facts win, new facts are added, evidence is renewed.

What a person wrote cannot be told from what an earlier draft said by looking at one value, so nothing is taken away
except steps and handlers of which a draft alone speaks: all their evidence is places in code, all their attributes
are ones that drafts write.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from typing import Any

NAMED = ("stores", "channels", "entities", "processes")
STEP_KINDS = ("transaction", "read", "write", "append", "call", "invalidate")
# Attributes that a draft writes; a step or handler with any other one was edited by a person.
_DRAFTED = frozenset({*STEP_KINDS, "steps", "entity", "wait", "evidence", "on_miss"})
_DRAFTED_NOTE = "inferred: "


@dataclass
class Merged:
    """The merged plain data, and what differs from the earlier file, a sentence each, in the order of the file."""

    data: dict[str, Any]
    changes: list[str] = field(default_factory=list)


def merge_draft(earlier: Mapping[str, Any], draft: Mapping[str, Any]) -> Merged:
    """`earlier` with the facts of `draft`; both are plain data that the loader takes.

    Misses: what a person deleted comes back, for nothing says that it was wrong; write `note` or another name
    instead. An element that a person renamed is recognised by its evidence.
    """
    return _Merge().run(earlier, _with_names_of(earlier, draft))


def _with_names_of(earlier: Mapping[str, Any], draft: Mapping[str, Any]) -> dict[str, Any]:
    """`draft` under the names that a person gave to its elements since."""
    result = dict(draft)
    for group in NAMED:
        old, new = earlier.get(group), draft.get(group)
        if not isinstance(old, Mapping) or not isinstance(new, Mapping):
            continue
        by_place = {place: name for name, one in old.items() if name not in new for place in _places(one)}
        renamed: dict[str, str] = {}
        for name, one in new.items():
            given = {by_place[place] for place in _places(one) if place in by_place}
            if name not in old and len(given) == 1 and not given & set(renamed.values()):
                renamed[name] = given.pop()
        if renamed:
            result = _renamed(result, group, renamed)
    return result


def _places(element: Any) -> set[str]:
    evidence = element.get("evidence", ()) if isinstance(element, Mapping) else ()
    return {one["at"] for one in evidence if isinstance(one, Mapping) and "at" in one}


# Attributes whose value is a name, by the group that it is looked up in.
_REFERENCES = {
    "read": ("stores",), "write": ("stores",), "invalidate": ("stores",), "transaction": ("stores",),
    "call": ("stores",), "in": ("stores",), "replica_of": ("stores",), "changes": ("stores",),
    "read_from": ("stores",), "system_of_record": ("stores", "channels"), "append": ("channels",),
    "consume": ("channels",), "dead_letter": ("channels",), "entity": ("entities",), "carries": ("entities",),
}  # fmt: skip


def _renamed(draft: Mapping[str, Any], group: str, names: Mapping[str, str]) -> dict[str, Any]:
    def refer(key: str, value: Any) -> Any:
        if isinstance(value, str):
            return names.get(value, value) if group in _REFERENCES.get(key, ()) else value
        if isinstance(value, list):
            return [refer(key, item) for item in value]
        if isinstance(value, Mapping):
            return {inner: refer(inner, item) for inner, item in value.items()}
        return value

    result: dict[str, Any] = {}
    for key, value in draft.items():
        if key in NAMED and isinstance(value, Mapping):
            result[key] = {
                (names.get(name, name) if key == group else name): refer("", one) for name, one in value.items()
            }
        else:
            result[key] = value
    return result


class _Merge:
    def __init__(self) -> None:
        self.changes: list[str] = []

    def run(self, earlier: Mapping[str, Any], draft: Mapping[str, Any]) -> Merged:
        data = dict(earlier)
        for key, value in draft.items():
            if key in NAMED and isinstance(value, Mapping) and isinstance(data.get(key), Mapping):
                data[key] = self.group(key, data[key], value)
            elif key in NAMED and data.get(key) is None:
                data[key] = value
                self.changes += [f"new: {key}.{name}" for name in value]
            else:
                data.setdefault(key, value)
        for key in NAMED:
            if key not in draft and isinstance(earlier.get(key), Mapping):
                data[key] = self.group(key, earlier[key], {})
        return Merged(data, self.changes)

    def group(self, key: str, earlier: Mapping[str, Any], draft: Mapping[str, Any]) -> dict[str, Any]:
        made: dict[str, Any] = {}
        for name, one in earlier.items():
            where = f"{key}.{name}"
            if name not in draft:
                made[name] = self.unseen_process(where, one) if key == "processes" else one
                if _places(one):
                    self.changes.append(f"no longer seen, kept: {where}")
            else:
                made[name] = self.element(where, one, draft[name])
        for name in draft:
            if name not in earlier:
                made[name] = draft[name]
                self.changes.append(f"new: {key}.{name}")
        return made

    def unseen_process(self, where: str, earlier: Any) -> Any:
        return self.element(where, earlier, {}) if isinstance(earlier, Mapping) and "handlers" in earlier else earlier

    def element(self, where: str, earlier: Any, draft: Mapping[str, Any]) -> Any:
        if not isinstance(earlier, Mapping):
            return draft if earlier is None else earlier
        made: dict[str, Any] = {}
        for key, value in earlier.items():
            if key == "handlers" and isinstance(value, Mapping):
                made[key] = self.handlers(where, value, draft.get("handlers", {}))
            elif key == "steps" and isinstance(value, list):
                made[key] = self.steps(where, value, draft.get("steps", []))
            elif key == "evidence":
                made[key] = _renewed(value, draft["evidence"]) if "evidence" in draft else value
            elif value is None and key in draft:
                made[key] = draft[key]
            else:
                made[key] = value
                if key in draft and draft[key] != value and key != "note":
                    self.changes.append(
                        f"kept: {where}.{key} says {_short(value)}, the repository {_short(draft[key])}"
                    )
        for key, value in draft.items():
            if key in made:
                continue
            made[key] = value
            if key == "handlers":
                self.changes += [f"new: {where}.{name}" for name in value]
            elif key not in {"evidence", "note"}:
                self.changes.append(f"new: {where}.{key}")
        return made

    def handlers(self, where: str, earlier: Mapping[str, Any], draft: Mapping[str, Any]) -> dict[str, Any]:
        made: dict[str, Any] = {}
        for name, one in earlier.items():
            here = f"{where}.{name}"
            if name in draft:
                made[name] = self.element(here, one, draft[name])
            elif _is_drafted_only(one):
                self.changes.append(f"gone: {here}")
            else:
                made[name] = one
                if _places(one):
                    self.changes.append(f"no longer seen, kept: {here}")
        for name in draft:
            if name not in earlier:
                made[name] = draft[name]
                self.changes.append(f"new: {where}.{name}")
        return made

    def steps(self, where: str, earlier: Sequence[Any], draft: Sequence[Any]) -> list[Any]:
        """Steps of both in program order; a step of the file without a place in code stays where it stood."""
        made: list[Any] = []
        for old, new in _aligned(earlier, draft):
            if old is None:
                made.append(new)
                self.changes.append(f"new: {where} {_said(new)}")
            elif new is None:
                if _is_drafted_only(old):
                    self.changes.append(f"gone: {where} {_said(old)}")
                    continue
                made.append(old)
                if _has_place(old):
                    self.changes.append(f"no longer seen, kept: {where} {_said(old)}")
            else:
                made.append(self.element(f"{where} {_said(old)}", old, new))
        return made


def _aligned(earlier: Sequence[Any], draft: Sequence[Any]) -> Iterable[tuple[Any, Any]]:
    """Pairs of the same step in both, (old, None) and (None, new), in an order that keeps both orders."""
    matcher = SequenceMatcher(None, [_key(s) for s in earlier], [_key(s) for s in draft], autojunk=False)
    for word, a, b, c, d in matcher.get_opcodes():
        if word == "equal":
            yield from zip(earlier[a:b], draft[c:d], strict=True)
            continue
        left = list(draft[c:d])
        for old in earlier[a:b]:
            # Another entity or store at the same place in code is a person's correction.
            same = next((new for new in left if _kind(new) == _kind(old) and _places(new) & _places(old)), None)
            if same is not None:
                left.remove(same)
            yield old, same
        for new in left:
            yield None, new


def _kind(step: Any) -> str:
    return next((kind for kind in STEP_KINDS if isinstance(step, Mapping) and kind in step), "")


def _key(step: Any) -> str:
    kind = _kind(step)
    return repr((kind, step[kind], step.get("entity"))) if kind else repr(step)


def _said(step: Any) -> str:
    kind = _kind(step)
    entity = step.get("entity") if kind else None
    return f"{kind} {_short(step[kind])}{f' ({entity})' if entity else ''}" if kind else "step"


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else repr(value)
    return text if len(text) <= 60 else f"{text[:59]}…"


def _has_place(step: Any) -> bool:
    inner = step.get("steps", ()) if isinstance(step, Mapping) else ()
    return bool(_places(step)) or any(_has_place(one) for one in inner)


def _is_drafted_only(element: Any) -> bool:
    """Whether an earlier draft alone can have said this: places in code as evidence, no attribute of a person's."""
    if not isinstance(element, Mapping) or not _has_place(element):
        return False
    if not set(element) <= _DRAFTED | {"note"} or not str(element.get("note", _DRAFTED_NOTE)).startswith(_DRAFTED_NOTE):
        return False
    evidence = element.get("evidence", ())
    if any("says" in one for one in evidence if isinstance(one, Mapping)):
        return False
    return all(_is_drafted_only(step) for step in element.get("steps", ()))


def _renewed(earlier: Any, draft: Sequence[Any]) -> list[Any]:
    """The places of the draft, then what people said."""
    said = [one for one in earlier if isinstance(one, Mapping) and "at" not in one] if isinstance(earlier, list) else []
    return [*draft, *said]

"""The only module that touches the disk and YAML: packaged data, user files, path confinement, size limits."""

from __future__ import annotations

import errno
import json
import os
import re
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from data_integration_architect.errors import InputError, LimitExceeded, Problem, RefusedPath, UnknownName, clip
from data_integration_architect.syntax import json_mistake, looks_like_json, yaml_mistake

# The limits of this module stand in the table of SECURITY.md as well; a test holds the two together.
MOST_BYTES = 2 * 1024 * 1024
MOST_DEPTH = 64
TOO_DEEP = f"nested deeper than {MOST_DEPTH} levels"
MOST_NODES = 200_000
EMPTY = "the document is empty; begin with `stores: {db: {technology: postgresql}}`, `explain topology` tells the rest"

Key = str | int
DocumentPath = tuple[Key, ...]


@dataclass(frozen=True)
class Document:
    """Plain data read from YAML or JSON text, with the place of every element.

    `marks` maps a document path to its 1-based (line, column); a mapping's value has the place of its key.
    """

    data: Any
    source: str = "input"
    marks: Mapping[DocumentPath, tuple[int, int]] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()
    """What is wrong in the text although data could be read from it, to be told with what is wrong in the data."""

    def place(self, path: DocumentPath) -> tuple[int, int] | tuple[None, None]:
        """Line and column of `path`, or of its nearest ancestor that has one."""
        for end in range(len(path), -1, -1):
            found = self.marks.get(path[:end])
            if found:
                return found
        return None, None


def parse_text(text: str, source: str = "input") -> Document:
    """Data of YAML (1.2 scalar rules) or JSON text, with marks.

    Raises: InputError for what is not one well-formed document, LimitExceeded for what is too large.
    """
    document = read_document(text, source)
    if document.problems:
        raise InputError(source, document.problems)
    return document


def read_document(text: str, source: str = "input") -> Document:
    """As `parse_text`, but what leaves the data readable is not raised: it stands in `problems`.

    Keys that occur twice are joined where both hold a mapping; else the later one counts.
    """
    if len(text.encode("utf-8", errors="surrogatepass")) > MOST_BYTES:
        raise LimitExceeded(f"{source}: over {MOST_BYTES // 1024 // 1024} MiB; a topology is a short file")
    if "\x00" in text:
        line, column = _line_and_column(text, text.index("\x00"))
        raise InputError(source, [Problem(line, column, "", "a NUL byte; the file must be plain text")])
    if not text.lstrip().startswith("{"):
        return _YamlReader(text, source).read()
    document = _parse_json(text, source)
    if document is not None:
        return document
    try:
        return _YamlReader(text, source).read()
    except InputError:
        mistake = _json_problem(text) if looks_like_json(text) else None
        if mistake is None:
            raise
        raise InputError(source, [mistake]) from None


def parse_file(path: Path, source: str) -> Document:
    """Data of the file at `path`, which was confined before; `source` is its name in messages."""
    return parse_text(read_text(path, source), source)


def read_text(path: Path, source: str) -> str:
    """Text of a regular UTF-8 file of at most 2 MiB.

    Raises: RefusedPath for a missing file, directory or device, LimitExceeded, InputError for another encoding.
    """
    try:
        with open(path, "rb", opener=_without_waiting) as handle:
            if not stat.S_ISREG(os.fstat(handle.fileno()).st_mode):
                raise RefusedPath(f"{source}: not a regular file")
            raw = handle.read(MOST_BYTES + 1)
    except FileNotFoundError:
        raise RefusedPath(f"{source}: no such file") from None
    except IsADirectoryError:
        raise RefusedPath(f"{source}: a directory, not a topology file") from None
    except OSError as error:
        if error.errno == errno.ENXIO:  # a socket
            raise RefusedPath(f"{source}: not a regular file") from None
        raise RefusedPath(f"{source}: cannot be read ({error.strerror or 'unknown reason'})") from None
    if len(raw) > MOST_BYTES:
        raise LimitExceeded(f"{source}: over {MOST_BYTES // 1024 // 1024} MiB; a topology is a short file")
    return decode(raw, source)


def _without_waiting(path: str, flags: int) -> int:
    """Opens a named pipe at once, although nobody may ever write to it."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def read_existing(path: Path, source: str) -> str | None:
    """Text of the file, None if nothing is there. Raises: as `read_text`."""
    return read_text(path, source) if os.path.lexists(path) else None


def decode(raw: bytes, source: str) -> str:
    """`raw` as UTF-8 text, without a byte order mark. Raises: InputError naming the line of the first bad byte."""
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        # Its column counts the characters before it, as in every other message.
        line, column = _line_and_column(error.object[: error.start].decode("utf-8"), error.start)
        message = f"not UTF-8 (byte {error.start}); save the file as UTF-8"
        raise InputError(source, [Problem(line, column, "", message)]) from None


def _line_and_column(text: str, position: int) -> tuple[int, int]:
    """Line and column, from 1, of the character at `position`; behind the end that of the end."""
    before = text[:position]
    return before.count("\n") + 1, len(before) - before.rfind("\n")


def _parse_json(text: str, source: str) -> Document | None:
    """The document if `text` is strict JSON, None if it is not (it may still be YAML in flow style)."""

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        if any("\x00" in key for key, _ in pairs):
            raise _NulCharacter
        result = {_visible(key): value for key, value in pairs}
        if len(result) != len(pairs):
            raise _DuplicateKey
        return result

    try:
        data = _all_visible(json.loads(text, object_pairs_hook=unique, parse_constant=lambda word: word))
    except _NulCharacter:
        line = text.count("\n", 0, max(text.find("\\u0000"), 0)) + 1
        raise InputError(source, [Problem(line, 1, "", NUL)]) from None
    except (_DuplicateKey, RecursionError, ValueError):
        # The YAML reader names the place of a duplicate key and bounds the depth.
        return None
    try:
        marks = _YamlReader(text, source).read().marks
    except (InputError, LimitExceeded):
        if _depth(data) > MOST_DEPTH:
            raise
        marks = {}  # JSON escapes that YAML does not know: valid data, only without places.
    return Document(data, source, marks)


def _json_problem(text: str) -> Problem | None:
    try:
        json.loads(text)
    except json.JSONDecodeError as error:
        message = json_mistake(text, error.msg, error.pos)
        return Problem(error.lineno, error.colno, "", f"not valid JSON: {message}")
    except (RecursionError, ValueError):
        pass
    return None


class _DuplicateKey(Exception):
    pass


class _NulCharacter(Exception):
    pass


NUL = "a NUL character, which no text holds; take it out"


def _visible(text: str) -> str:
    """`text` without control and bidirectional characters, which can deceive whoever reads it."""
    return _UNSAFE_TEXT.sub("", text)


def _all_visible(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _all_visible(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_all_visible(item) for item in value]
    if isinstance(value, str) and "\x00" in value:
        raise _NulCharacter
    return _visible(value) if isinstance(value, str) else value


def _depth(data: Any) -> int:
    deepest, pending = 0, [(data, 1)]
    while pending:
        value, depth = pending.pop()
        deepest = max(deepest, depth)
        if depth <= MOST_DEPTH:
            children = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
            pending.extend((child, depth + 1) for child in children)
    return deepest


# The scalars of the YAML 1.2 core schema; `no`, `on`, `12:30` and `2024-01-01` stay text.
_INTEGER = re.compile(r"[-+]?[0-9]{1,18}\Z")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+\.[0-9]*)([eE][-+]?[0-9]{1,3})?\Z|[-+]?[0-9]+[eE][-+]?[0-9]{1,3}\Z")
_WORDS: dict[str, Any] = {
    "": None, "~": None, "null": None, "Null": None, "NULL": None,
    "true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False,
}  # fmt: skip
_UNSAFE_TEXT = re.compile("[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]")


def _scalar(value: str, plain: bool) -> Any:
    if plain:
        if value in _WORDS:
            return _WORDS[value]
        if _INTEGER.match(value):
            return int(value)
        if _FLOAT.match(value):
            return float(value)
    return value


def _place(mark: Any) -> tuple[int, int] | tuple[None, None]:
    return (mark.line + 1, mark.column + 1) if mark is not None else (None, None)


class _YamlReader:
    """Builds plain data from the parser's events: iterative, bounded, with marks.

    The event stream of libyaml is used instead of its composer, because composing is recursive and resolves
    scalars by the rules of YAML 1.1.
    """

    def __init__(self, text: str, source: str) -> None:
        self.text, self.source = text, source
        self.problems: list[Problem] = []
        self.marks: dict[DocumentPath, tuple[int, int]] = {}
        self.anchors: dict[str, Any] = {}
        self.open_anchors: list[str | None] = []
        self.nodes = 0

    def fail(self, mark: Any, message: str, path: DocumentPath = ()) -> InputError:
        line, column = _place(mark)
        return InputError(self.source, [*self.problems, Problem(line, column, format_path(path), message)])

    def read(self) -> Document:
        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        try:
            data, documents = self.build(yaml.parse(self.text, Loader=loader))
        except yaml.MarkedYAMLError as error:
            # The scanner reads ahead of its events, and has a bound of its own.
            if "maximum nesting depth" in (error.problem or ""):
                raise self.fail(error.problem_mark, TOO_DEEP) from None
            mistake = yaml_mistake(error, self.text)
            raise self.fail(error.problem_mark or error.context_mark, f"not valid YAML: {mistake}") from None
        except yaml.reader.ReaderError as error:
            raise self.unreadable(error) from None
        except yaml.YAMLError:
            raise self.fail(None, "not valid YAML") from None
        if documents == 0:
            raise self.fail(None, EMPTY)
        return Document(data, self.source, self.marks, tuple(self.problems))

    def unreadable(self, error: yaml.reader.ReaderError) -> InputError:
        code = error.character if isinstance(error.character, int) else ord(error.character[:1] or b"\x00")
        at = self.text.find(chr(code))
        line, column = _line_and_column(self.text, at) if at >= 0 else (None, None)
        problem = Problem(line, column, "", f"a control character (U+{code:04X}); take it out")
        return InputError(self.source, [*self.problems, problem])

    def build(self, events: Iterator[Any]) -> tuple[Any, int]:
        root: Any = None
        documents = 0
        stack: list[_Open] = []
        for event in events:
            if isinstance(event, yaml.ScalarEvent):
                self.check_tag(event)
                self.count(event)
                path = self.path_of(stack, event)
                if "\x00" in event.value:
                    line, column = _place(event.start_mark)
                    self.problems.append(Problem(line, column, format_path(path), NUL))
                text = _visible(event.value)
                is_key = bool(stack) and stack[-1].expects_key
                scalar = text if is_key else _scalar(text, plain=not event.style and event.tag is None)
                if event.anchor:
                    self.anchors[event.anchor] = scalar
                root = self.place(stack, scalar, root, event)
            elif isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    raise self.fail(event.start_mark, "a second document; put one topology in a file")
            elif isinstance(event, yaml.MappingStartEvent | yaml.SequenceStartEvent):
                if len(stack) >= MOST_DEPTH:
                    raise self.fail(event.start_mark, TOO_DEEP)
                self.check_tag(event)
                value: Any = {} if isinstance(event, yaml.MappingStartEvent) else []
                path = self.path_of(stack, event)
                self.count(event)
                stack.append(_Open(value, path))
                self.open_anchors.append(event.anchor)
            elif isinstance(event, yaml.MappingEndEvent | yaml.SequenceEndEvent):
                done = stack.pop()
                anchor = self.open_anchors.pop()
                if anchor:
                    self.anchors[anchor] = done.value
                root = self.place(stack, done.value, root, event)
            elif isinstance(event, yaml.AliasEvent):
                if event.anchor in self.open_anchors:
                    raise self.fail(event.start_mark, f"alias *{event.anchor} contains itself")
                if event.anchor not in self.anchors:
                    raise self.fail(
                        event.start_mark, f"alias *{event.anchor} has no anchor; quote text that begins with *"
                    )
                path = self.path_of(stack, event)
                root = self.place(stack, self.expand(self.anchors[event.anchor], event, path, len(stack)), root, event)
        return root, documents

    def expand(self, value: Any, event: Any, path: DocumentPath, depth: int) -> Any:
        """A copy of an anchored value; counted, so that nested aliases cannot grow without bound."""
        self.count(event)
        if depth > MOST_DEPTH:
            raise self.fail(event.start_mark, TOO_DEEP)
        if isinstance(value, dict):
            return {key: self.expand(item, event, (*path, key), depth + 1) for key, item in value.items()}
        if isinstance(value, list):
            return [self.expand(item, event, (*path, i), depth + 1) for i, item in enumerate(value)]
        return value

    def count(self, event: Any) -> None:
        self.nodes += 1
        if self.nodes > MOST_NODES:
            raise self.fail(event.start_mark, f"more than {MOST_NODES} values, aliases expanded")

    def check_tag(self, event: Any) -> None:
        if event.tag is not None and event.tag not in {"!", "tag:yaml.org,2002:str"}:
            raise self.fail(event.start_mark, f"tag {clip(event.tag)}; tags are not read")

    def path_of(self, stack: list[_Open], event: Any) -> DocumentPath:
        """Path of the value that starts at `event`; remembers its place (a mapping value has that of its key)."""
        place = (event.start_mark.line + 1, event.start_mark.column + 1)
        if not stack:
            self.marks[()] = place
            return ()
        top = stack[-1]
        if isinstance(top.value, list):
            path: DocumentPath = (*top.path, len(top.value))
            self.marks[path] = place
            return path
        if top.expects_key:
            top.key_place = place
            return top.path
        path = (*top.path, top.key or "")
        self.marks[path] = top.key_place or place
        return path

    def place(self, stack: list[_Open], value: Any, root: Any, event: Any) -> Any:
        if not stack:
            return value
        top = stack[-1]
        if isinstance(top.value, list):
            top.value.append(value)
        elif top.expects_key:
            if not isinstance(value, str):
                raise self.fail(event.start_mark, "a key that is not a plain word", top.path)
            if value in top.value:
                line, column = top.key_place or (None, None)
                here = (*top.path, value)
                first = f" (first in line {self.marks[here][0]})" if here in self.marks else ""
                self.problems.append(
                    Problem(line, column, format_path(here), f"this key occurs twice{first}; keep one")
                )
            top.key, top.expects_key = value, False
        else:
            before = top.value.get(top.key)
            both = isinstance(before, dict) and isinstance(value, dict)
            top.value[top.key] = {**before, **value} if both else value
            top.expects_key = True
        return root


@dataclass
class _Open:
    value: Any
    path: DocumentPath
    key: str | None = None
    key_place: tuple[int, int] | None = None
    expects_key: bool = field(init=False)

    def __post_init__(self) -> None:
        self.expects_key = isinstance(self.value, dict)


_PLAIN_KEY = re.compile(r"[^\s.\[\]\"\\]+\Z")


def format_path(path: DocumentPath) -> str:
    """`("stores", "pg", "steps", 0)` as `stores.pg.steps[0]`; keys with other characters stand in quotes."""
    parts: list[str] = []
    for key in path:
        if isinstance(key, int):
            parts.append(f"[{key}]")
        else:
            word = key if _PLAIN_KEY.match(key) else json.dumps(key, ensure_ascii=False)
            parts.append(f".{word}" if parts else word)
    return "".join(parts)


_PATH_PART = re.compile(r"\.?(?:\[(?P<index>\d{1,6})\]|(?P<quoted>\"(?:[^\"\\]|\\.)*\")|(?P<word>[^\s.\[\]\"\\]+))")


def split_path(text: str) -> DocumentPath:
    """The inverse of `format_path`. Raises: UnknownName for text that is no path."""
    path: list[Key] = []
    position = 0
    while position < len(text):
        match = _PATH_PART.match(text, position)
        if not match:
            raise UnknownName("path", text, ["stores.NAME.attribute", "processes.NAME.handlers.NAME.steps[0].mode"])
        if match["index"] is not None:
            path.append(int(match["index"]))
        else:
            path.append(json.loads(match["quoted"]) if match["quoted"] else match["word"])
        position = match.end()
    return tuple(path)


def dump_yaml(data: Any) -> str:
    """`data` as YAML text that `parse_text` reads back to the same data; keys keep their order."""
    return yaml.dump(data, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=110, default_flow_style=None)


class _Dumper(yaml.SafeDumper):
    def ignore_aliases(self, data: Any) -> bool:
        return True


def _represent_text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    # The dumper itself quotes what YAML 1.1 would take for something else than text; this adds 1.2.
    style = None if _scalar(text, plain=True) == text else '"'
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _represent_text)


@cache
def data_root() -> Path:
    """The folder that holds `knowledge/`, `prompts/` and `examples/`: in the wheel, else at the checkout's root."""
    packaged = Path(__file__).parent / "_data"
    return packaged if packaged.is_dir() else Path(__file__).parents[2]


def packaged_text(relative: str) -> str:
    """Text of one packaged data file."""
    return (data_root() / relative).read_text(encoding="utf-8")


def packaged_names(folder: str, suffix: str) -> list[str]:
    """Stems of the packaged files `folder/*suffix`, sorted."""
    return sorted(p.name.removesuffix(suffix) for p in (data_root() / folder).glob(f"*{suffix}"))


@dataclass(frozen=True)
class Root:
    """The folder below which paths are read; None where no folder is allowed."""

    folder: Path | None
    reason: str = ""

    def resolve(self, path: str) -> Path:
        """The real path of `path` below the root. Raises: RefusedPath for anything outside it."""
        if self.folder is None:
            raise RefusedPath(f"paths are not read here: {self.reason}")
        if "\x00" in path or len(path) > 4096:
            raise RefusedPath("path: not a file name")
        try:
            real = (self.folder / path).resolve()
        except (OSError, RuntimeError):
            raise RefusedPath("path: cannot be resolved") from None
        if not real.is_relative_to(self.folder):
            raise RefusedPath("path: outside the root; start the server with --root FOLDER to allow another folder")
        return real

    def topologies(self, typed: str) -> list[str]:
        """Paths below the root that may go on from what was typed: files that can be topologies, and folders with /."""
        folder = typed[: typed.rfind("/") + 1]
        try:
            entries = sorted(os.scandir(self.resolve(folder)), key=lambda entry: entry.name)
        except (RefusedPath, OSError):
            return []
        shown = [entry for entry in entries if not entry.name.startswith(".") and entry.name.isprintable()]
        return [
            f"{folder}{entry.name}{'/' if entry.is_dir() else ''}"
            for entry in shown
            if entry.is_dir() or entry.name.endswith(TOPOLOGY_ENDINGS)
        ]

    def resolve_draft(self, path: str) -> Path:
        """The real path of a YAML file below the root that a draft may be written to. Raises: RefusedPath."""
        real = self.resolve(path)
        if real.suffix not in {".yaml", ".yml"}:
            raise RefusedPath("write: a draft is a file that ends with .yaml or .yml")
        self._refuse_hidden(real, "write")
        return real

    def resolve_folder(self, path: str) -> Path:
        """The real path of a folder below the root that files may be written to. Raises: RefusedPath."""
        real = self.resolve(path)
        if real == self.folder:
            raise RefusedPath("out: a folder of its own below the root is needed")
        self._refuse_hidden(real, "out")
        return real

    def _refuse_hidden(self, real: Path, argument: str) -> None:
        """What lies in a folder of a tool may be run by it."""
        if any(part.startswith(".") for part in real.relative_to(self.folder or real).parts):
            raise RefusedPath(f"{argument}: not into hidden folders or files")


TOPOLOGY_ENDINGS = (".yaml", ".yml", ".json")
PROJECT_MARKERS = (".git", "pyproject.toml", "package.json", "go.mod", "pom.xml", "Cargo.toml", "compose.yaml",
                   "docker-compose.yml", "docker-compose.yaml", "Makefile", "README.md")  # fmt: skip


def default_root() -> Root:
    """The working directory if it is a project, and neither the file system's root nor the home folder."""
    here = Path.cwd().resolve()
    hint = "start the server with --root FOLDER"
    if here == Path(here.anchor) or here == Path.home().resolve():
        return Root(None, f"the working directory is the home folder or the file system's root; {hint}")
    if not any((here / marker).exists() for marker in PROJECT_MARKERS):
        return Root(None, f"the working directory is no project; {hint}")
    return Root(here)


def check_folder(path: Path, source: str) -> None:
    """Raises: RefusedPath where the folder for `path` is missing: a typo of a person makes no folders."""
    if not path.parent.is_dir():
        raise RefusedPath(f"{source}: there is no folder {path.parent}; make it first")


def write_text(path: Path, text: str, source: str) -> None:
    """Writes `text` to `path`, whose folder is made, as a whole or not at all; `source` is its name in messages.

    Raises: RefusedPath.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _write_whole(path, text)
    except OSError as error:
        raise RefusedPath(f"{source}: cannot be written ({error.strerror or 'unknown reason'})") from None


def _write_whole(path: Path, text: str) -> None:
    name = f"{path.parent / f'.{path.name}.{os.getpid()}'}"
    # Readable by whom any other new file is: a report made in CI is read by somebody else.
    handle = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise

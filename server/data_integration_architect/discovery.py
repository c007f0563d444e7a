"""A repository to a draft topology: reads, scans, drafts, joins with what people wrote, and judges the draft."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from data_integration_architect.errors import RefusedPath
from data_integration_architect.files import (
    dump_yaml,
    packaged_names,
    packaged_text,
    parse_text,
    read_existing,
    write_text,
)
from data_integration_architect.given import Given
from data_integration_architect.redact import clean_name
from data_integration_architect.repository import Tree, read_repository
from data_integration_architect.results import (
    CodeFinding,
    Discovery,
    FilesSeen,
    LinkSeen,
    StoreSeen,
)
from data_integration_architect.scan_cache import ScanCache, key_of, scanner_version, user_cache
from data_integration_architect.scanners.code import load_clients, scan_sources
from data_integration_architect.scanners.code.manifests import is_manifest
from data_integration_architect.scanners.code.parse import language_ending
from data_integration_architect.scanners.code.paths import is_test
from data_integration_architect.scanners.code.scan import CONFIG_ENDINGS
from data_integration_architect.scanners.config import Draft, Fact, draft, is_candidate, read_configuration
from data_integration_architect.scanners.config.elements import dotless
from data_integration_architect.scanners.config.inventory import COMPATIBLE
from data_integration_architect.scanners.config.technologies import technology_named
from data_integration_architect.scanners.facts import CodeEffect, CodeScan, DualWrite, Observation
from data_integration_architect.scanners.observations import marked_lines, may_mark, observe
from data_integration_architect.topology import load_topology
from data_integration_architect.topology.merge import Merged, merge_draft
from data_integration_architect.triage import Ignore, comments_in, may_accept
from data_integration_architect.use_cases import PAGE, review
from data_integration_architect.yaml_edit import edited

WORKERS = 2
FINGERPRINT_LENGTH = 12
HEADER = (
    "# Draft from the repository. Every fact names its place; what is absent is unknown. Correct and complete it:\n"
    "# another run keeps what you write. `review` of this file tells what follows from it.\n"
)
# What one answer of a tool may hold of a draft; a longer one belongs in a file.
LONGEST_SHOWN = 60_000

# What the meaning of a file depends on beside our own code.
PARSERS = ("ast-grep-py", "sqlglot", "javaproperties", "python-dotenv", "pyyaml", "packaging")
_KEPT: TypeAdapter[tuple[list[Fact], CodeScan]] = TypeAdapter(tuple[list[Fact], CodeScan])

MESSAGES = frozenset({"publish", "enqueue", "consume"})

Progress = Callable[[str, int, int], None]
"""Told the phase, how much of it is done, and of how much (0 = not known)."""


@dataclass(frozen=True)
class Survey:
    """A discovery with what decides which of its findings are shown."""

    discovery: Discovery
    spans: Mapping[str, tuple[tuple[int, int], ...]]
    """Path -> first and last lines of its functions."""
    comments: tuple[Ignore, ...]
    files: tuple[tuple[str, bytes], ...]


def discover(
    root: Path,
    progress: Progress | None = None,
    write: Path | None = None,
    written_as: str = "",
    replace: bool = False,
    workers: int = WORKERS,
    cached: bool = False,
) -> Discovery:
    """The discovery of `survey`."""
    return survey(root, progress, write, written_as, replace, workers, cached).discovery


def survey(
    root: Path,
    progress: Progress | None = None,
    write: Path | None = None,
    written_as: str = "",
    replace: bool = False,
    workers: int = WORKERS,
    cached: bool = False,
    keep_files: bool = False,
) -> Survey:
    """The draft topology of the repository at `root`, its inventory, and what could not be read.

    `write`: file that gets the draft; if it holds a topology already, the two are joined, or with `replace` the old
    one is lost. `written_as` is its name in messages. Files are parsed in `workers` processes with limits; with
    `cached` what they hold is kept in the user's cache folder, and an unchanged tree is not parsed again. With
    `keep_files` the survey has the contents of all files.
    Raises: RefusedPath for what is no folder or holds nothing that is read;
    InputError if the file that is there is no topology.
    """
    tell = progress or (lambda _phase, _done, _total: None)
    name = written_as or (write.name if write else "")
    earlier = _earlier(write, name, replace)
    tree = read_repository(root, is_wanted, lambda seen: tell("listing files", seen, 0))
    if not tree.files:
        raise RefusedPath(f"{root.name or root}: {_nothing_read(tree)}")
    marks, comments = _said(tree.files)
    read, kept = len(tree.files), tuple(tree.files) if keep_files else ()
    facts, scan = _read(tree.files, user_cache(root) if cached else None, workers, tell)
    tell("judging", 0, 0)
    made = draft(facts, root.resolve().name, scan.functions)
    text, changes = _joined(earlier, made.topology, name)
    found = review(Given(text, name or "draft"))
    if write is not None and (earlier is None or text != earlier):
        write_text(write, text, name)
    discovery = Discovery(
        topology=text,
        stores=_stores(made, scan),
        links=tuple(
            LinkSeen(
                program=dotless(link.program), target=dotless(link.target), confidence=link.confidence,
                evidence=(clean_name(link.at),),
            )
            for link in made.links
        ),
        dual_writes=_distinct(_dual_write(one) for one in scan.dual_writes),
        observations=_distinct(_observation(one) for one in observe(scan, facts, made.inventory, marks)),
        files=FilesSeen(
            read=read,
            lines=scan.lines,
            skipped=dict(sorted((tree.skipped + Counter(scan.skipped)).items())),
        ),
        problems=tuple(f"{clean_name(one.at)}: {one.text('what')}" for one in made.problems),
        questions=found.questions,
        findings=len(found.definite),
        written=name if write is not None else None,
        changes=changes,
    )  # fmt: skip
    spans: dict[str, list[tuple[int, int]]] = {}
    for function in scan.functions:
        if not function.name.startswith("<module>"):
            spans.setdefault(clean_name(function.path), []).append((function.line, function.end_line))
    return Survey(discovery, {path: tuple(lines) for path, lines in spans.items()}, comments, kept)


def _nothing_read(tree: Tree) -> str:
    if not tree.skipped:
        return "the folder is empty; name one with source code or configuration, or a topology file"
    skipped = ", ".join(f"{count} {reason}" for reason, count in sorted(tree.skipped.items()))
    return (
        f"nothing in this folder is source code or configuration that is read (passed over: {skipped}); "
        "name another folder, or a topology file"
    )


def _read(
    files: list[tuple[str, bytes]], cache: ScanCache | None, workers: int, tell: Progress
) -> tuple[list[Fact], CodeScan]:
    """Facts of configuration and the scan of source code, from the cache where the very same files were read before.

    `files` is emptied, because the contents of a large repository would stay in memory all the while.
    """
    documents = _clients()
    key = ""
    if cache is not None:
        knowledge = json.dumps(documents, sort_keys=True, default=str)
        key = key_of(scanner_version(PARSERS), knowledge, files)
        kept = cache.load(key)
        if kept is not None:
            try:
                return _KEPT.validate_json(kept)
            except ValueError:
                pass  # an entry of another shape: read the files
    texts = [(path, content.decode("utf-8", "replace")) for path, content in files if is_candidate(path)]
    facts = read_configuration(texts, workers, lambda done, total: tell("reading configuration", done, total))
    del texts
    clients = load_clients(documents)
    scan = scan_sources(_drained(files), clients, workers, lambda done, total: tell("reading code", done, total))
    if cache is not None:
        cache.store(key, _KEPT.dump_json((facts, scan)))
    return facts, scan


def _drained(files: list[tuple[str, bytes]]) -> Iterator[tuple[str, bytes]]:
    files.reverse()
    while files:
        yield files.pop()


def _said(files: Iterable[tuple[str, bytes]]) -> tuple[dict[str, tuple[int, ...]], tuple[Ignore, ...]]:
    """Lines by path on which authors mark a window of writing twice, and comments that accept findings."""
    marks: dict[str, tuple[int, ...]] = {}
    comments: list[Ignore] = []
    for path, content in files:
        if not language_ending(path):
            continue
        if may_accept(content):
            comments += comments_in(clean_name(path), content.decode("utf-8", "replace"))
        if may_mark(content) and not is_test(path):
            marks[path] = marked_lines(content.decode("utf-8", "replace"))
    return marks, tuple(comments)


def is_wanted(path: str) -> bool:
    """Whether any reader takes a file of this name, configuration or code."""
    return language_ending(path) is not None or path.endswith(CONFIG_ENDINGS) or is_manifest(path) or is_candidate(path)


def shortened(whole: Discovery) -> Discovery:
    """`whole` with at most 40 entries in each list and without a draft that is too long for one answer."""
    cut: dict[str, Any] = {}
    omitted: dict[str, int] = {}
    for name in ("stores", "links", "dual_writes", "observations", "problems", "changes"):
        entries = getattr(whole, name)
        cut[name] = entries[:PAGE]
        if len(entries) > PAGE:
            omitted[name] = len(entries) - PAGE
    if len(whole.topology) > LONGEST_SHOWN:
        cut["topology"] = ""
        omitted["topology"] = len(whole.topology)
    return whole.model_copy(update={**cut, "omitted": omitted})


def _clients() -> dict[str, Any]:
    """File name → data of every library of `knowledge/clients`."""
    folder = "knowledge/clients"
    names = packaged_names(folder, ".yaml")
    return {f"{name}.yaml": parse_text(packaged_text(f"{folder}/{name}.yaml"), name).data for name in names}


def _earlier(write: Path | None, name: str, replace: bool) -> str | None:
    """Text of the topology file that is written to, if it is there; checked before any work is done."""
    text = read_existing(write, name) if write is not None else None
    if text is None or replace:
        return None
    load_topology(parse_text(text, name))
    return text


def _joined(earlier: str | None, made: Mapping[str, Any], name: str) -> tuple[str, tuple[str, ...]]:
    """Text of the draft joined with the earlier file, and what changed; without a change the same text."""
    if earlier is None:
        return HEADER + dump_yaml(made), ()
    old = parse_text(earlier, name).data
    merged: Merged = merge_draft(old, made)
    if merged.data == old:
        return earlier, tuple(merged.changes)
    changes = tuple(merged.changes) or ("evidence: lines have moved",)
    text = edited(earlier, merged.data)
    if text is not None and parse_text(text, name).data == merged.data:
        return text, changes
    return HEADER + dump_yaml(merged.data), (*changes, "the file could not be edited in place: its comments are gone")


def _stores(made: Draft, scan: CodeScan) -> tuple[StoreSeen, ...]:
    """Stores and brokers by name: those that configuration shows, then those that only code shows."""
    found: dict[str, StoreSeen] = {}
    known: set[str] = set()
    for store in made.inventory.stores:
        known |= COMPATIBLE.get(store.technology, {store.technology})
        found[store.name] = StoreSeen(
            name=store.name,
            technology=store.technology or None,
            role="broker" if store.is_broker else "store",
            confidence="inferred" if store.inferred else "seen",
            evidence=tuple(dict.fromkeys(clean_name(fact.at) for fact in store.evidence))[:3],
        )
    for name, entry in made.topology.get("stores", {}).items():
        if name not in found:
            technology = entry.get("technology", "")
            known |= COMPATIBLE.get(technology, {technology or name})
            found[name] = StoreSeen(
                name=name, technology=technology or None, role="store", confidence="inferred",
                evidence=tuple(one["at"] for one in entry.get("evidence", ()))[:3],
            )  # fmt: skip
    carrying = {e.technology for function in scan.functions for e in function.effects if e.kind in MESSAGES}
    for use in scan.stores:
        technology = technology_named(use.technology)
        name = technology.name if technology else use.technology
        if use.evidence not in {"call", "import"} or name in known or name in found:
            continue
        known |= COMPATIBLE.get(name, {name})
        found[name] = StoreSeen(
            name=name,
            technology=name,
            role="broker" if (technology.category == "broker" if technology else name in carrying) else "store",
            confidence="seen" if use.evidence == "call" else "inferred",
            evidence=(clean_name(f"{use.path}:{use.line}"),),
        )
    return tuple(found[name] for name in sorted(found))


def _dual_write(one: DualWrite) -> CodeFinding:
    effects = tuple(dict.fromkeys(_effect(one, effect) for effect in one.effects))
    return _finding(one.class_, one.function, f"{one.path}:{one.line}", effects, one.systems, one.order, one)


def _observation(one: Observation) -> CodeFinding:
    effects = (clean_name(one.summary), *(f"at {clean_name(place)}" for place in one.places))
    return _finding(one.id, one.subject, one.places[0], effects, (), "", one)


def _finding(
    class_: str, about: str, at: str, effects: tuple[str, ...], systems: tuple[str, ...], order: str,
    said: DualWrite | Observation,
) -> CodeFinding:  # fmt: skip
    path = at.rpartition(":")[0]
    key = "\n".join((class_, path, about, *systems))
    return CodeFinding.model_validate(
        {
            "fingerprint": hashlib.sha256(key.encode()).hexdigest()[:FINGERPRINT_LENGTH],
            "function": clean_name(about),
            "at": clean_name(at),
            "systems": systems,
            "class": class_,
            "order": order,
            "confidence": said.confidence,
            "effects": effects,
            "reason": clean_name(said.reason),
        }
    )


def _distinct(findings: Iterable[CodeFinding]) -> tuple[CodeFinding, ...]:
    """Findings with fingerprints of their own: functions of one name in one file are counted."""
    seen: Counter[str] = Counter()
    made = []
    for one in findings:
        number = seen[one.fingerprint]
        seen[one.fingerprint] += 1
        made.append(one.model_copy(update={"fingerprint": f"{one.fingerprint}-{number + 1}"}) if number else one)
    return tuple(made)


def _effect(one: DualWrite, effect: CodeEffect) -> str:
    """`write postgresql Order at PATH:LINE`, and through which call where that is elsewhere."""
    what = clean_name(" ".join(p for p in (effect.kind, effect.technology, effect.entity or effect.name) if p))
    at, call = clean_name(f"{one.path}:{effect.at}"), clean_name(f"{effect.path}:{effect.line}")
    return f"{what} at {at}" + (f" through {call}" if call != at else "")

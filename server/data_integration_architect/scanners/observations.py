"""What the code of a repository shows as a whole: topics without the other end, outboxes that nothing empties or that
are gone around, one database under two names, and windows of double writing that their authors marked.
"""

from __future__ import annotations

import posixpath
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from difflib import SequenceMatcher

from data_integration_architect.scanners.config.configfacts import Fact
from data_integration_architect.scanners.config.inventory import Inventory
from data_integration_architect.scanners.facts import CodeEffect, CodeFunction, CodeScan, DualWrite, Observation

# Ids that are no anti-patterns: facts that a reader wants to know before judging.
NEAR_NAMES, TWO_NAMES = "topic-names-nearly-match", "one-database-two-names"

OUTBOX = re.compile(r"out_?box|event_?publication|pending_?events|integration_?event_?logs?", re.IGNORECASE)
MARK = re.compile(r"\b(?:\w*_)?(?:dual|double|shadow)[-_ ]?writ(?:e|es|ing|ten)", re.IGNORECASE)
QUICK_MARK = re.compile(rb"(?:dual|double|shadow)[-_ ]?writ", re.IGNORECASE)
COMPUTED = re.compile(r"[${}%<>]")
SHORTEST_NEAR_NAME = 6
NEAR = 0.86
MOST_MARKS_IN_FILE = 20
HERE = frozenset({"localhost", "127.0.0.1", "0.0.0.0", "host.docker.internal", "::1", ""})


def observe(
    scan: CodeScan, facts: Sequence[Fact], things: Inventory, marks: Mapping[str, Sequence[int]]
) -> tuple[Observation, ...]:
    """Observations by id and place. `facts` are those of configuration, `marks` lines by path as `marked_lines` gives.

    Misses: what other repositories produce and consume, names that are computed, relays inside a database.
    """
    own = [f for f in scan.functions if not f.is_test]
    found = [
        *_topics(own, facts),
        *_outboxes(own, scan.dual_writes, facts, things),
        *_databases(facts, things),
        *_windows(scan, marks),
    ]
    return tuple(sorted(found, key=lambda o: (o.id, o.places, o.subject)))


def may_mark(content: bytes) -> bool:
    """Whether a file can have marked lines: quicker than decoding it."""
    return QUICK_MARK.search(content) is not None


def marked_lines(text: str) -> tuple[int, ...]:
    """Lines on which the authors speak of writing twice, 1-based."""
    lines = [number for number, line in enumerate(text.splitlines(), 1) if MARK.search(line)]
    return tuple(lines[:MOST_MARKS_IN_FILE])


def _topics(functions: Sequence[CodeFunction], facts: Iterable[Fact]) -> list[Observation]:
    produced, consumed = _named(functions, "publish"), _named(functions, "consume")
    for fact in facts:
        ends = {"produces": produced, "consumes": consumed}.get(fact.kind)
        if ends is not None:
            ends[fact.text("topic")].append(fact.at)
    computed = {"produced": _computed(produced), "consumed": _computed(consumed)}
    lonely_produced = sorted(set(produced) - set(consumed))
    lonely_consumed = sorted(set(consumed) - set(produced))
    found: list[Observation] = []
    near: set[str] = set()
    for one in lonely_produced:
        for other in lonely_consumed:
            if _nearly_the_same(one, other):
                near |= {one, other}
                text = f"{one} is produced and {other} is consumed, and neither has another end: one may be misspelt"
                places = (produced[one][0], consumed[other][0])
                found.append(Observation(NEAR_NAMES, one, text, places, "inferred", "the names differ by little"))
    reason = "every end in this repository names its topic; other repositories are not seen"
    if consumed and not computed["consumed"]:
        for name in lonely_produced:
            if name not in near:
                text = f"{name} is produced here and nothing here consumes it"
                found.append(Observation("unconsumed-topic", name, text, _few(produced[name]), "seen", reason))
    if produced and not computed["produced"]:
        for name in lonely_consumed:
            if name not in near:
                text = f"{name} is consumed here and nothing here produces it"
                found.append(Observation("topic-without-producer", name, text, _few(consumed[name]), "seen", reason))
    return found


def _named(functions: Sequence[CodeFunction], kind: str) -> dict[str, list[str]]:
    """Topic -> places of one end; a message type stands for its topic, an empty name for one that is computed."""
    found: dict[str, list[str]] = defaultdict(list)
    for function in functions:
        for effect in function.effects:
            if effect.kind == kind:
                name = effect.name or effect.entity
                place = f"{effect.path}:{effect.line}"
                if place not in found["" if COMPUTED.search(name) else name]:
                    found["" if COMPUTED.search(name) else name].append(place)
    return found


def _computed(ends: dict[str, list[str]]) -> int:
    """How many ends have a computed name; they are taken out."""
    return len(ends.pop("", ()))


def _nearly_the_same(one: str, other: str) -> bool:
    plain, second = (re.sub(r"[\W_]", "", name).lower() for name in (one, other))
    if min(len(plain), len(second)) < SHORTEST_NEAR_NAME:
        return False
    if plain == second:
        return True
    # `order-1` and `order-2` are two topics on purpose.
    if re.sub(r"\d", "", plain) == re.sub(r"\d", "", second):
        return False
    return SequenceMatcher(None, plain, second, autojunk=False).ratio() >= NEAR


def _outboxes(
    functions: Sequence[CodeFunction], dual_writes: Sequence[DualWrite], facts: Sequence[Fact], things: Inventory
) -> list[Observation]:
    """Outboxes by program: without a writer or a relay, or with changes that go around them."""
    writers: dict[str, list[str]] = defaultdict(list)
    relays: dict[str, list[str]] = defaultdict(list)
    library = set()
    for function in functions:
        group = _program(function.path, things)
        rows = [e for e in function.effects if _is_outbox(e)]
        sends = any(e.kind in {"publish", "enqueue"} for e in function.effects)
        reads = [e for e in rows if e.kind == "read"]
        for effect in rows:
            place = f"{effect.path}:{effect.line}"
            if effect.kind == "outbox" and not OUTBOX.search(effect.entity or effect.name):
                library.add(group)
            if sends or (reads and effect.kind == "read"):
                relays[group].append(place)
            elif effect.kind in {"write", "outbox"}:
                writers[group].append(place)
    captured = any(f.kind == "connector" and OUTBOX.search(repr(sorted(f.attributes.items()))) for f in facts)
    found: list[Observation] = []
    told = "concluded from names; a relay in another repository or inside the database is not seen"
    for group in sorted({*writers, *relays}):
        written, relayed = _few(writers[group]), _few(relays[group])
        if written and not relayed and not captured and group not in library and not _shared(relays):
            text = f"{group} writes an outbox, and nothing here reads it and sends its rows on"
            found.append(Observation("dead-outbox", group, text, written, "inferred", told))
        if relayed and not written and group not in library and not _shared(writers):
            text = f"{group} relays an outbox, and nothing here writes rows into it"
            found.append(Observation("dead-outbox", group, text, relayed, "inferred", told))
    for write in dual_writes:
        group = _program(write.path, things)
        sent = [e for e in write.effects if e.kind == "publish"]
        kept = [e for e in write.effects if e.kind in {"write", "flush"}]
        if write.class_ == "dual_write" and sent and kept and (writers[group] or group in library):
            text = f"{write.function} publishes by itself although {group} has an outbox"
            places = (f"{write.path}:{sent[0].at}", *_few(writers[group])[:1])
            reason = "the write and the message are seen; that the outbox is meant for them is concluded"
            found.append(Observation("bypassed-outbox", write.function, text, places, "inferred", reason))
    return found


def _is_outbox(effect: CodeEffect) -> bool:
    if effect.kind == "outbox":
        return True
    return effect.kind in {"write", "read"} and bool(OUTBOX.search(effect.entity or effect.name))


def _shared(ends: Mapping[str, list[str]]) -> bool:
    """Whether another program has the other end: a relay may be a service of its own."""
    return any(ends.values())


def _program(path: str, things: Inventory) -> str:
    program = things.program_at(path)
    if program is not None:
        return program.name
    return path.split("/", 1)[0] if "/" in path else "the application"


def _databases(facts: Iterable[Fact], things: Inventory) -> list[Observation]:
    """Databases that the settings of one folder reach under several host names of one deployed store."""
    hosts: dict[tuple[str, str, str], dict[str, str]] = defaultdict(dict)
    for fact in facts:
        host, database = fact.text("host").lower(), fact.text("database")
        if fact.kind != "link" or host in HERE or not database or COMPUTED.search(host + database):
            continue
        store = things.store_named(host)
        if store is not None and not store.is_broker:
            # Another folder may be another environment, where the same database rightly has another name.
            hosts[posixpath.dirname(fact.path), store.name, database].setdefault(host, fact.at)
    found = []
    for (_, name, database), names in sorted(hosts.items()):
        if len(names) > 1:
            text = f"database {database} of {name} is reached as {' and as '.join(sorted(names))}: it is one store"
            places = tuple(names[host] for host in sorted(names))
            reason = "both names lead to the same deployed store"
            found.append(Observation(TWO_NAMES, f"{name}/{database}", text, places[:4], "inferred", reason))
    return found


def _windows(scan: CodeScan, marks: Mapping[str, Sequence[int]]) -> list[Observation]:
    """Dual writes whose function the authors marked as a window of writing twice."""
    found = []
    ends = {(f.path, f.line): f.end_line for f in scan.functions}
    for write in scan.dual_writes:
        last = max(write.end_line, ends.get((write.path, write.line), 0))
        lines = [n for n in marks.get(write.path, ()) if write.line - 3 <= n <= last]
        if lines:
            text = f"{write.function} writes twice, and its authors say so: name who ends it and when"
            places = (f"{write.path}:{lines[0]}", f"{write.path}:{write.line}")
            reason = "the code speaks of writing twice"
            found.append(Observation("migration-window-without-exit", write.function, text, places, "seen", reason))
    return found


def _few(places: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(set(places)))[:4]

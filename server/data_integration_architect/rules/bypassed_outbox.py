"""Changes go around an outbox: published directly, written without an outbox row, or with a row outside their commit.

Cannot see rows that a trigger puts into the outbox; say them as appends of the handler.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from data_integration_architect.analysis.capture import kept_deleted, removes
from data_integration_architect.analysis.enlistment import home_candidates, home_of
from data_integration_architect.analysis.facts import Facts
from data_integration_architect.analysis.lifecycle import is_planned
from data_integration_architect.analysis.match import Match
from data_integration_architect.analysis.severity import Consequence, Target
from data_integration_architect.analysis.system import Effect, HandlerSite, System
from data_integration_architect.analysis.view import View
from data_integration_architect.topology import NONE, Append, Write


@dataclass(frozen=True)
class Bypass:
    how: Literal["published", "without-row", "outside-commit"]
    outbox: str
    change: Effect | None
    """The write of the entity, where the handler has one."""
    around: Effect
    """The effect that goes around the outbox."""


def sites(view: View) -> Iterator[Bypass]:
    system = view.system
    capturing = [site for site in system.handlers.values() if site.captured]
    for name in system.topology.channels:
        rows = [e for e in system.appends(name) if e.site.is_direct and not is_planned(system, e)]
        if system.channel_kind(name) != "table" or not rows:
            continue
        yield from _outside_commit(system, name, rows)
        home = home_of(system, name)
        captures = [s for s in capturing if home is not None and system.database(s.captured or "") == home]
        # A log capture of the table's store carries the rows on as a relay does.
        if relays := [*system.consumers(name), *captures]:
            yield from _around(system, name, home, rows, relays, bool(captures))


def _outside_commit(system: System, outbox: str, rows: list[Effect]) -> Iterator[Bypass]:
    for row in rows:
        for change in row.site.changes:
            about = row.entity in (None, change.entity) or change.entity is None
            if isinstance(change.step, Write) and about and not is_planned(system, change):
                home = home_of(system, outbox)
                possible = [home] if home else home_candidates(system)
                beside = any(system.same_instance(change.target, store) for store in possible)
                if beside and not _commits_with(system, row, change):
                    yield Bypass("outside-commit", outbox, change, row)
                    break


def _commits_with(system: System, row: Effect, change: Effect) -> bool:
    """Whether one transaction on the change's store is open around both."""
    block = system.enlisted(change)
    return block is not None and any(block is around for _, around in row.blocks)


def _around(
    system: System, outbox: str, home: str | None, rows: list[Effect], relays: list[HandlerSite], captured: bool
) -> Iterator[Bypass]:
    entities = {e.entity for e in rows if e.entity}
    downstream = {e.target for relay in relays for e in relay.changes if isinstance(e.step, Append)}
    schemas = [s for s in system.topology.stores if home is not None and system.same_instance(s, home)]
    near = [e.site for target in (*sorted(downstream), *schemas) for e in system.touching(target)]
    ours = {site.id for site in (*relays, *_followers(system, outbox))}
    records = {(w.target, w.entity) for row in rows for w in row.site.changes if isinstance(w.step, Write)}
    for site in {site.id: site for site in near if not site.captured and site.id not in ours}.values():
        changes = [e for e in site.changes if not e.on_miss and not is_planned(system, e)]
        writes = [e for e in changes if isinstance(e.step, Write) and e.target in schemas]
        if site.consumed:
            # A consumer may keep a copy on the same instance; what it changes in the record itself has to be told.
            writes = [e for e in writes if (e.target, e.entity) in records]
        else:
            yield from _published(outbox, entities, downstream, changes, writes)
        if not captured:
            yield from _without_row(system, outbox, entities, changes, writes)


def _published(
    outbox: str, entities: set[str], downstream: set[str], changes: list[Effect], writes: list[Effect]
) -> Iterator[Bypass]:
    for effect in changes:
        if isinstance(effect.step, Append) and effect.target in downstream and effect.entity in entities:
            change = next((w for w in writes if w.entity == effect.entity), None)
            yield Bypass("published", outbox, change, effect)


def _without_row(
    system: System, outbox: str, entities: set[str], changes: list[Effect], writes: list[Effect]
) -> Iterator[Bypass]:
    announced = {e.entity for e in changes if isinstance(e.step, Append)}
    if None in announced:
        return
    for write in writes:
        # A part with its own path is no business of the outbox.
        whole = write.entity in entities and write.subject == write.entity
        if whole and write.entity not in announced and not (_deletes(write) and _needs_no_row(system, outbox, write)):
            yield Bypass("without-row", outbox, write, write)
            return


def _deletes(effect: Effect) -> bool:
    return isinstance(effect.step, Write) and effect.step.mode == "delete"


def _needs_no_row(system: System, outbox: str, deletion: Effect) -> bool:
    """Whether nobody waits for the news of a deletion: its events do not exist, or every copy is cleaned without it."""
    entity, channel = system.entity(deletion.entity), system.channel(outbox)
    if entity is None or entity.deletes in {"soft", "never"} or (channel and channel.event.on_delete == NONE):
        return True
    followers, copies = _followers(system, outbox), _copies(system, outbox, deletion.entity)
    return bool(copies) and all(
        any(removes(system, e.site, store, deletion.entity) for e in system.touching(store) if e.site not in followers)
        for store in copies
    )


def _followers(system: System, outbox: str) -> list[HandlerSite]:
    """Handlers to which rows of the outbox come, over any number of channels."""
    found: dict[str, HandlerSite] = {}
    pending = [outbox]
    while pending:
        for site in system.consumers(pending.pop()):
            if site.id not in found:
                found[site.id] = site
                pending.extend(e.target for e in site.changes if isinstance(e.step, Append))
    return list(found.values())


def _copies(system: System, outbox: str, entity: str | None) -> list[str]:
    """Stores to which the followers of an outbox bring an entity; sorted."""
    home = home_of(system, outbox)
    written = [e for site in _followers(system, outbox) for e in site.changes if isinstance(e.step, Write)]
    mine = {e.target for e in written if e.entity == entity and not (home and system.same_instance(e.target, home))}
    return sorted(mine)


def judge(view: View, site: Bypass, facts: Facts) -> Match | None:
    system, handler = view.system, site.around.site
    if site.how == "outside-commit" and site.change is not None:
        home = home_of(system, site.outbox)
        if home is None:
            others = [s for s in home_candidates(system) if not system.same_instance(s, site.change.target)]
            ask = f"Which store holds {site.outbox}?"
            # In another database it is no outbox of this change; a dual write is found there.
            home = facts.ask(("channels", site.outbox, "in"), None, (site.change.target, *others[:1]), ask)
        if not system.same_instance(str(home), site.change.target):
            return None
    if site.how != "published" and not facts.listed(
        system.is_whole, f"Are all steps and transactions of {handler.id} listed?"
    ):
        return None
    subject = site.around.entity or (site.change.entity if site.change else None) or "the change"
    copies = _copies(system, site.outbox, site.around.entity) if _deletes(site.around) else []
    verb = "deletes" if _deletes(site.around) else "changes"
    says = {
        "published": f"{handler.id} publishes {subject} to {site.around.target} around {site.outbox}: its message can "
        f"be lost, be about a change that rolled back, or overtake one that waits in the outbox",
        "without-row": f"{handler.id} {verb} {subject} in {site.around.target} without a row in {site.outbox}: those "
        f"who follow the outbox never learn of it",
        "outside-commit": f"{handler.id} writes {subject} and its row in {site.outbox} in two commits: a crash between "
        f"them loses the message or announces what never happened",
    }
    stores = (site.change.target,) if site.change else ()
    elements = dict.fromkeys((*stores, site.outbox, site.around.target, handler.id, *copies))
    return Match(
        elements=tuple(elements),
        at=site.around.path,
        summary=says[site.how],
        consequence=kept_deleted(system, copies, subject) if _deletes(site.around) else Consequence("integrity"),
        targets=_seen_at(system, site),
        # Only a message that is published at once can overtake an older one, which waits in the outbox.
        shows=frozenset({"missing", "stale", "phantom", *(("reverted",) if site.how == "published" else ())}),
    )


def _seen_at(system: System, site: Bypass) -> tuple[Target, ...]:
    """The channels after the outbox and the stores that their consumers write."""
    first = {e.target for relay in system.consumers(site.outbox) for e in relay.changes}
    second = {e.target for channel in first | {site.outbox} for c in system.consumers(channel) for e in c.changes}
    return tuple(Target(name, site.around.entity) for name in sorted(first | second))

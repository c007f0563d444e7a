"""Whether the message key of a channel keeps the records of one entity together."""

from __future__ import annotations

import re

from data_integration_architect.analysis.memory import remembered
from data_integration_architect.analysis.system import Effect, HandlerSite, System
from data_integration_architect.topology import NONE, Store, Write

# What people and tools call the key of whatever a record is about (Debezium's outbox router: aggregateid).
OWN_KEY = {"", "aggregate", "document", "entity", "pk", "primary", "record", "row"}
_WORD = re.compile(r"[A-Za-z_][\w.]*")


@remembered
def key_fields(system: System, channel: str, entity: str | None) -> tuple[str, ...]:
    """Fields of the message key that the key of `entity` does not settle, so that they may differ between its records.

    Empty where the channel has no message key, or where all its fields belong to the entity's key or natural key,
    carry the entity's name, or are what the system groups by: the group of a causal pair, the sharding of a store that
    holds the entity. Of an entity whose key nobody said, only what belongs to another entity by name. Fields that are
    said to be immutable or changeable are among them: who asks looks that up.
    """
    element, known = system.channel(channel), system.entity(entity)
    if element is None or known is None or entity is None or element.message_key in (None, NONE, "random"):
        return ()
    text = str(element.message_key)
    fields = dict.fromkeys(_WORD.findall(text))
    own = {_plain(field) for field in _fields(known.key) + known.natural_key} | OWN_KEY | {_plain(entity)}
    own |= {_plain(pair.per) for pair in system.topology.causality if pair.per}
    own |= {_plain(key) for store in _stores_of(system, entity) if (key := store.partition_key)}
    open_fields = tuple(field for field in fields if field in known.immutable or _plain(field) not in own)
    if known.key is None:
        others = {_plain(name) for name in system.topology.entities if name != entity}
        open_fields = tuple(field for field in open_fields if field in known.immutable or _plain(field) in others)
    if not re.search(r"\w\s+\w", text):
        return open_fields
    # A sentence such as "keyed by order_id" names its field last or says the key somewhere; other words are no fields.
    return () if len(open_fields) < len(fields) else open_fields[-1:]


def is_immutable(system: System, entity: str | None, field: str) -> bool | None:
    """Whether a field of a record keeps its value for life; None where nobody said and it does not follow.

    The key of something that refers to the record does not: there may be several for one record.
    """
    known = system.entity(entity)
    if known is None or field in known.immutable:
        return known.immutable[field] if known is not None else None
    return False if _counts_referrers(system, entity, field) else None


def _counts_referrers(system: System, entity: str | None, field: str) -> bool:
    """Whether a field is the key of another entity that refers to `entity` and that `entity` does not refer to."""
    known = system.entity(entity)
    own = {reference.to for reference in known.references} if known is not None else set()
    return any(
        name != entity
        and name not in own
        and any(reference.to == entity for reference in other.references)
        and [_plain(part) for part in _fields(other.key)] == [_plain(field)]
        for name, other in system.topology.entities.items()
    )


def keeps_together(system: System, channel: str, entity: str | None) -> bool | None:
    """Whether all records of one `entity` carry the same message key; None where that depends on an unsaid fact."""
    said = {is_immutable(system, entity, field) for field in key_fields(system, channel, entity)}
    return False if False in said else None if None in said else True


def _plain(field: str) -> str:
    """A name without its path, case, separators, and the ending that says that it is an id or key."""
    last = re.sub(r"[^a-z0-9]", "", field.rsplit(".", 1)[-1].lower())
    return re.sub(r"(?<=[^s])s$", "", re.sub(r"(uuid|id|key)$", "", last))


def _fields(key: str | tuple[str, ...] | None) -> tuple[str, ...]:
    return key if isinstance(key, tuple) else tuple(_WORD.findall(key or ""))


def _stores_of(system: System, entity: str) -> list[Store]:
    written = {e.target for e in system.effects_about(entity) if isinstance(e.step, Write)}
    return [store for name in sorted(written) if (store := system.store(name)) is not None]


def comes_once(system: System, site: HandlerSite, entity: str | None) -> bool:
    """Whether each key of `entity` has one record only on the way to a consumer, so that nothing can overtake it.

    So it is where the consumer drops repetitions by the entity's key, and where all that is appended about the entity
    stands beside the write that creates it: a job or saga table with one row for each record.
    """
    known, dedup = system.entity(entity), site.handler.dedup
    if known is None or entity is None:
        return False
    if dedup is not None and dedup.by not in (None, NONE, ()) and known.key is not None:
        by = (dedup.by,) if isinstance(dedup.by, str) else dedup.by or ()
        if set(by) <= set((known.key,) if isinstance(known.key, str) else known.key):
            return True
    appends = [e for e in system.appends(site.consumed or "") if e.entity in (None, entity)]
    return bool(appends) and all(e.entity == entity and _creates(e) for e in appends)


def _creates(append: Effect) -> bool:
    """Whether the handler of an append does nothing to its entity but insert it."""
    beside = [e.step for e in append.site.changes if isinstance(e.step, Write) and e.entity == append.entity]
    return bool(beside) and all(step.mode == "insert" for step in beside)


def has_many_of(system: System, entity: str | None, other: str | None) -> bool:
    """Whether the key of `other` says that several of them belong to one `entity`: sensor and time, beside sensor."""
    one, many = system.entity(entity), system.entity(other)
    if one is None or many is None:
        return False
    own = set(_fields(one.key))
    return bool(own) and (own < set(_fields(many.key)) or own < set(many.natural_key))

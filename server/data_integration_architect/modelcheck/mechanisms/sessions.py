"""What a client sees of its own writes, and of those of others: an answered request, then a read that may lag behind.

Who decides or stores something on what it reads, and tolerates no staleness, must see each write that was answered.

ATOMIC: a read of one record sees one committed version. Source: Terry et al., "Session Guarantees for Weakly Consistent
Replicated Data" (PDIS 1994), read your writes.
"""

from data_integration_architect.modelcheck.properties import PropertyForms, record_of
from data_integration_architect.modelcheck.world import StoreState, World

ATOMIC = "a read of one record sees one committed version"


def read_your_writes(world: World, target: StoreState, *, waits: bool) -> PropertyForms:
    """Adds the reads of answered clients; the latch is set by a read of a version older than the client's own write.

    A read that `waits` carries the position of the own write and is answered once the store has reached it.
    At rest (integrity) the store itself must not be older than an answered write; an empty cache is read through.
    """
    record = record_of(world)
    bad = world.m.var("own_read_stale", 1)
    at_rest = []
    for intent in range(1, world.writes + 1):
        missing = f" and {target.cell} > 0" if target.name in world.partial else ""
        stale = f"not {target.cell} == {record.cell} and version[{target.cell}] < version[{intent}]{missing}"
        answered = world.finished[intent - 1]
        if not waits:
            world.act(
                "own_read",
                [answered, f"{bad} == 0", stale],
                [f"{bad} = 1"],
                actor=f"client #{intent}",
                kind="optional",
                source=target.label,
                target=f"client #{intent}",
                text=f"reads {{w:{target.cell}}} after its own write {intent}",
                atomic=ATOMIC,
            )
        at_rest.append(f"not ({answered} and {stale})")
    return PropertyForms("read-your-writes", tuple(at_rest), (f"{bad} == 0",), follows_convergence=True)


def fresh_reads(world: World, target: StoreState, *, is_late: bool, is_stored: bool) -> PropertyForms:
    """Adds the reads of somebody who wrote nothing; the latch is set by a read of a version older than one whose writer
    had its answer. What is stored of it stays, whatever the store shows later. `is_late`: such reads are not tolerated.
    """
    record = record_of(world)
    bad = world.m.var("read_stale", 1)
    at_rest = []
    for intent in range(1, world.writes + 1):
        missing = f" and {target.cell} > 0" if target.name in world.partial else ""
        stale = f"not {target.cell} == {record.cell} and version[{target.cell}] < version[{intent}]{missing}"
        answered = world.finished[intent - 1]
        if is_late:
            world.act(
                "read",
                [answered, f"{bad} == 0", stale],
                [f"{bad} = 1"],
                actor="reader",
                kind="optional",
                source=target.label,
                target="reader",
                text=f"reads {{w:{target.cell}}}"
                + (" and stores it" if is_stored else "")
                + f" after write {intent} was answered",
                atomic=ATOMIC,
            )
        at_rest.append(f"not ({answered} and {stale})")
    if is_stored:
        return PropertyForms("fresh-read", (), (f"{bad} == 0",), is_permanent=True)
    return PropertyForms("fresh-read", tuple(at_rest), (f"{bad} == 0",), follows_convergence=True)
